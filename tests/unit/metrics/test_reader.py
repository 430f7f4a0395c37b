"""What is plain without asking Prometheus is not asked: nobody listens at this address."""

from controller.metrics.arms import Arms
from controller.metrics.reader import NoEvidence, Prometheus, read_history, read_look
from tests.unit.metrics.given import T0, a_pod, a_spec, reason, some_arms

NOBODY = Prometheus("http://127.0.0.1:1", timeout=1)
READY = some_arms(canary=[a_pod("c", ready=-100)])
YOUNG = some_arms(canary=[a_pod("c", ready=-10)])
NO_CANARY = Arms("shop", READY.stable, (), "checkout", "checkout-canary")
NO_STABLE = Arms("shop", (), READY.canary, "checkout", "checkout-canary")


def look(arms: Arms, bad: str = 'code=~"5.."') -> str:
    return reason(read_look(NOBODY, a_spec(bad=bad), arms, {}, T0 - 30, 90, T0))


def test_a_look_that_cannot_be_is_not_asked_for() -> None:
    assert look(READY) == "PrometheusUnreachable"
    assert look(READY, bad='code=~"("') == "MetricInvalid"
    assert look(YOUNG) == "WarmingUp"
    assert look(NO_CANARY) == "NoPods"


def test_history_needs_stable_pods_only() -> None:
    assert reason(read_history(NOBODY, a_spec(), NO_CANARY, {}, now=T0)) == "PrometheusUnreachable"
    assert reason(read_history(NOBODY, a_spec(), NO_STABLE, {}, now=T0)) == "NoPods"
    wrong = read_history(NOBODY, a_spec(bad='code=~"("'), NO_CANARY, {}, now=T0)
    assert isinstance(wrong, NoEvidence)
    assert wrong.reason == "MetricInvalid"
    assert "spec.counts.bad" in wrong.message
