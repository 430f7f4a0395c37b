"""The result of a look is kept until a status with it is stored, and is counted once."""

import queue

import pytest

from controller.kube import kinds
from controller.kube.errors import Conflict, Unavailable
from controller.reconcile.looks import Observer
from tests.unit.reconcile.counted import answer_at, prometheus
from tests.unit.reconcile.shop import NOW, Shop, a_release
from tests.unit.release.given import LOOK, at_step

NO_LOOK_YET = at_step(metrics=[])
AT = NOW + LOOK
GOOD = answer_at(AT, canary_errors=0.01, stable_errors=0.01)
BAD = answer_at(AT, canary_errors=1.0, stable_errors=0.01)


def look(shop: Shop, observer: Observer, woken: "queue.Queue[float]") -> None:
    """Have a pass begin the look that is due, and wait for its result."""
    shop.pass_over_release(AT, observer)
    assert woken.get(timeout=10) == 0.0
    assert shop.release().status.metrics == ()


@pytest.mark.parametrize(("status", "error"), [(500, Unavailable), (409, Conflict)])
def test_a_status_that_cannot_be_written_loses_no_look_and_counts_none_twice(
    shop: Shop, status: int, error: type[Exception]
) -> None:
    shop.put_release(a_release(**NO_LOOK_YET))
    woken: queue.Queue[float] = queue.Queue()
    with prometheus(GOOD) as (url, queries):
        observer = shop.observer(AT, url, lambda *call: woken.put(call[2]))
        look(shop, observer, woken)
        asked = len(queries)
        shop.api.refuse("PATCH", kinds.RELEASE, "checkout-2", *[status] * 3, part="status")

        for _ in range(3):
            with pytest.raises(error):
                shop.pass_over_release(AT, observer)
        shop.pass_over_release(AT, observer)

        (metric,) = shop.release().status.metrics
        assert (metric.looks, metric.looks_at_weight) == (1, 1)
        assert metric.canary_requests == pytest.approx(75, abs=2)  # 15 s of 5 a second
        assert shop.release().status.exposure.requests == pytest.approx(75, abs=2)
        assert metric.until == pytest.approx(AT.timestamp())

        stored = shop.release()
        shop.pass_over_release(AT, observer)
        assert shop.release() == stored
        assert len(queries) == asked
        observer.stop()


def test_the_verdict_of_a_look_survives_a_status_that_cannot_be_written(shop: Shop) -> None:
    shop.put_release(a_release(**NO_LOOK_YET))
    woken: queue.Queue[float] = queue.Queue()
    with prometheus(BAD) as (url, queries):
        observer = shop.observer(AT, url, lambda *call: woken.put(call[2]))
        look(shop, observer, woken)
        asked = len(queries)
        shop.api.refuse("PATCH", kinds.RELEASE, "checkout-2", 500, part="status")

        with pytest.raises(Unavailable):
            shop.pass_over_release(AT, observer)
        assert shop.weights() == [None, None]  # taken off before it could be recorded
        shop.pass_over_release(AT, observer)
        observer.stop()

    assert len(queries) == asked
    status = shop.release().status
    assert (status.phase, status.reason, status.outcome) == (
        "RollingBack",
        "Regressed",
        "RolledBack",
    )
    assert status.message.startswith("http-errors 100 % against 1 % ")


def test_a_result_for_a_state_that_has_moved_on_is_dropped(shop: Shop) -> None:
    shop.put_release(a_release(**NO_LOOK_YET))
    woken: queue.Queue[float] = queue.Queue()
    with prometheus(BAD) as (url, queries):
        observer = shop.observer(AT, url, lambda *call: woken.put(call[2]))
        look(shop, observer, woken)
        asked = len(queries)
        later = NO_LOOK_YET | {"step_since": NOW + LOOK / 3}
        shop.put_release(a_release(**later))

        shop.pass_over_release(AT, observer)

        assert shop.release().status.phase == "Stepping"
        assert woken.get(timeout=10) == 0.0
        assert len(queries) > asked
        observer.stop()
