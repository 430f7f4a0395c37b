"""A release whose stored evidence cannot be read any more goes on with what its stake was worth."""

import math
import queue
from typing import Any

import pytest
from structlog.testing import capture_logs

from controller.api.release import MetricStatus
from controller.judge import CountsEvidence, CountsQuestion
from tests.unit.loopback import EMPTY, with_status
from tests.unit.reconcile.counted import answer_at, prometheus
from tests.unit.reconcile.shop import NOW, Shop, a_release
from tests.unit.release.given import LOOK, at_step

AT = NOW + LOOK
GOOD = answer_at(AT, canary_errors=0.01, stable_errors=0.01)
PACKED = CountsEvidence.start(CountsQuestion()).pack()
DAMAGED = PACKED[:600] + "BBBB" + PACKED[604:]
BEFORE = {
    "name": "http-errors",
    "required": True,
    "looks": 9,
    "looks_at_weight": 9,
    "until": NOW.timestamp(),
}


def after_a_look(shop: Shop, answer: Any, **metric: Any) -> MetricStatus:
    """Return the metric's status after one more look, beginning with these fields of it."""
    shop.put_release(a_release(**at_step(metrics=[{**BEFORE, **metric}])))
    woken: queue.Queue[float] = queue.Queue()
    with prometheus(answer) as (url, _), capture_logs():
        observer = shop.observer(AT, url, lambda *call: woken.put(call[2]))
        shop.pass_over_release(AT, observer)
        assert woken.get(timeout=10) == 0.0
        shop.pass_over_release(AT, observer)
        observer.stop()
    (found,) = shop.release().status.metrics
    return found


@pytest.mark.parametrize("text", [DAMAGED, "not base64!", PACKED[:-8]])
@pytest.mark.parametrize(("had", "keeps"), [(0.0, -math.log(2)), (3.0, -math.log(2)), (-4.0, -4.0)])
def test_the_look_after_it_counts_from_what_was_left(
    shop: Shop, text: str, had: float, keeps: float
) -> None:
    fresh = after_a_look(shop, GOOD)
    found = after_a_look(
        shop, GOOD, evidence=text, current=text, log_e_regressed=had, log_e_safe=had
    )

    assert shop.release().status.phase == "Stepping"
    assert shop.release().status.looks.problem == ""
    assert (found.looks, found.looks_at_weight) == (1, 1)
    assert found.canary_requests == pytest.approx(75, abs=2)
    assert CountsEvidence.unpack(found.evidence).looks == 1
    assert found.log_e_regressed == pytest.approx(fresh.log_e_regressed + keeps, abs=1e-5)
    assert found.log_e_safe == pytest.approx(fresh.log_e_safe + keeps, abs=1e-5)


def test_a_look_without_data_forgets_neither_the_loss_nor_what_was_left(shop: Shop) -> None:
    nothing = with_status("200 OK", EMPTY)
    left = {"evidence": DAMAGED, "log_e_regressed": -4.0, "log_e_safe": -5.0}
    found = after_a_look(shop, nothing, **left)
    assert shop.release().status.phase == "Holding"
    assert found.evidence == DAMAGED
    assert (found.log_e_regressed, found.log_e_safe) == (-4.0, -5.0)
