"""A release whose stored evidence cannot be read any more goes on with what its stake was worth."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from controller.judge import CountsEvidence, CountsQuestion
from controller.metrics.reader import Look, NoEvidence
from controller.reconcile.judging import judge_look
from controller.release.facts import Judged
from tests.unit.reconcile.counts import CANARY, NOTHING, answers, past
from tests.unit.release import given
from tests.unit.release.given import LOOK, NOW, at_step

AT = NOW + LOOK
GOOD = answers(AT, canary_errors=0.01)
PACKED = CountsEvidence.start(CountsQuestion()).pack()
DAMAGED = PACKED[:600] + "BBBB" + PACKED[604:]
BEFORE = {
    "name": "http-errors",
    "required": True,
    "looks": 9,
    "looks_at_weight": 9,
    "until": NOW.timestamp(),
}


def after_a_look(read: Mapping[str, Look | NoEvidence], **metric: Any) -> Judged:
    """Judge one more look, where the metric's status begins with these fields."""
    release = given.release(**at_step(metrics=[{**BEFORE, **metric}]))
    with capture_logs():
        judged = judge_look(release, read, past, AT)
    assert judged is not None
    return judged


@pytest.mark.parametrize("text", [DAMAGED, "not base64!", PACKED[:-8]])
@pytest.mark.parametrize(("had", "keeps"), [(0.0, -math.log(2)), (3.0, -math.log(2)), (-4.0, -4.0)])
def test_the_look_after_it_counts_from_what_was_left(text: str, had: float, keeps: float) -> None:
    (fresh,) = after_a_look(GOOD).metrics
    judged = after_a_look(GOOD, evidence=text, current=text, log_e_regressed=had, log_e_safe=had)

    assert (judged.verdict, judged.problem) == ("Inconclusive", None)
    (found,) = judged.metrics
    assert (found.looks, found.looks_at_weight) == (1, 1)
    assert found.canary_requests == CANARY
    assert CountsEvidence.unpack(found.evidence).looks == 1
    assert found.log_e_regressed == pytest.approx(fresh.log_e_regressed + keeps, abs=1e-5)
    assert found.log_e_safe == pytest.approx(fresh.log_e_safe + keeps, abs=1e-5)


def test_a_look_without_data_forgets_neither_the_loss_nor_what_was_left() -> None:
    judged = after_a_look(NOTHING, evidence=DAMAGED, log_e_regressed=-4.0, log_e_safe=-5.0)
    assert judged.problem is not None
    assert judged.problem.reason == "NoData"
    (found,) = judged.metrics
    assert found.evidence == DAMAGED
    assert (found.log_e_regressed, found.log_e_safe) == (-4.0, -5.0)
