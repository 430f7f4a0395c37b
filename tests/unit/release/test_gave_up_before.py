"""A promotion that gave up, and the one after it, whose Deployment still says so.

Kubernetes keeps ProgressDeadlineExceeded through the pause and until the next rollout gets on.
"""

from datetime import datetime

import pytest

from controller.api.release import Order, Phase, Release
from tests.unit.release.cluster import ROUTES, Cluster, Route, Workload
from tests.unit.release.controllers import Controllers
from tests.unit.release.faults import Fault
from tests.unit.release.given import NOW, guarded, plan
from tests.unit.release.ledger import Ledger


@pytest.fixture
def gander() -> Controllers:
    """Return the controllers of a plan whose change r2 has been pushed."""
    cluster = Cluster(now=NOW, natures={"r1": "good", "r2": "good"}, let_through={"r1"})
    stable = {"revision": "r1", "replica_set": "checkout-r1"}
    served = (("r1", 4),)
    cluster.put("workload", Workload("r1", sets=served, ready=served))
    cluster.put("canary", None)
    cluster.put("service", "")
    for key in ROUTES:
        cluster.put(key, Route())
    cluster.set_template("r2")
    return Controllers(cluster, Ledger(cluster), plan(**guarded(stable=stable)))


def follow(gander: Controllers, phase: Phase, *, pause: float = 15.0) -> Release:
    """Do passes until the newest release is in a phase."""
    for _ in range(200):
        gander.cluster.advance(pause)
        gander.do_pass(Fault())
        if gander.releases() and gander.releases()[-1].status.phase is phase:
            return gander.releases()[-1]
    raise AssertionError(f"never {phase}: {gander.releases()[-1].status}")


def give_up(gander: Controllers) -> datetime:
    """Have a promotion lack pods until Kubernetes gives it up; return when it did."""
    follow(gander, Phase.PROMOTING)
    gander.cluster.can_start = False
    ended = follow(gander, Phase.ABORTED)
    assert ended.status.reason == "StableRolloutFailed"
    assert gander.cluster.workload.paused
    kept = gander.cluster.workload.gave_up_at
    assert kept is not None
    gander.cluster.can_start = True
    return kept


@pytest.mark.parametrize("what", ["retry", "another version"])
def test_the_next_promotion_is_not_ended_by_what_the_one_before_left(
    gander: Controllers, what: str
) -> None:
    kept = give_up(gander)
    if what == "retry":
        ended = gander.releases()[-1]
        orders = (Order(action="Retry", by="ann", at=gander.cluster.now),)
        spec = ended.spec.model_copy(update={"orders": orders})
        key = f"release {ended.metadata.name}"
        gander.cluster.put(key, ended.model_copy(update={"spec": spec}))
        gander.ledger.held = ""
    else:
        gander.cluster.natures["r3"] = "good"
        gander.cluster.set_template("r3")

    follow(gander, Phase.PROMOTING)
    assert gander.cluster.workload.gave_up_at == kept
    for _ in range(3):  # unpaused, and Kubernetes has not moved yet
        gander.do_pass(Fault())
    assert not gander.cluster.workload.paused
    assert gander.cluster.workload.gave_up_at == kept
    assert gander.releases()[-1].status.phase is Phase.PROMOTING

    follow(gander, Phase.SUCCEEDED)
    assert gander.cluster.workload.gave_up_at is None


def test_a_version_that_hangs_by_itself_is_rejected(gander: Controllers) -> None:
    follow(gander, Phase.PROMOTING)
    gander.cluster.natures["r2"] = "never ready"
    ended = follow(gander, Phase.ROLLED_BACK)
    assert ended.status.reason == "StableRolloutFailed"
