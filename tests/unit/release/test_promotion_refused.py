"""The write that lets stable roll is refused, or its answer is an error though it took effect.

Over the model cluster, with passes as the queue plans them: at once after a status that was
written, else when one is due.
"""

from controller.api.release import Phase, Release, ReleaseStatus
from tests.unit.release.cluster import FROZEN, ROUTES, SECOND, Cluster, Route, Workload
from tests.unit.release.controllers import Controllers
from tests.unit.release.faults import Fault
from tests.unit.release.given import NOW, guarded, plan
from tests.unit.release.ledger import Ledger

WELL = Fault()
REFUSED = Fault(at=0, how="refused")
UNCLEAR = Fault(at=0, how="unclear")


def about_to_roll() -> Controllers:
    """Return a cluster in which all steps of a good version are earned and stable is paused."""
    cluster = Cluster(now=NOW, natures={"r1": "good", "r2": "good"}, let_through={"r1"})
    served = (("r1", 4),)
    cluster.put("workload", Workload("r1", sets=served, ready=served))
    cluster.put("canary", None)
    cluster.put("service", value=False)
    for key in ROUTES:
        cluster.put(key, Route())
    gander = Controllers(cluster, Ledger(cluster))
    gander.plan = plan(**guarded(stable={"revision": "r1", "replica_set": "checkout-r1"}))
    cluster.set_template("r2")
    for _ in range(600):
        gander.do_pass(WELL)
        if gander.releases() and the_release(gander).status.phase is Phase.PROMOTING:
            assert cluster.workload.paused
            return gander
        cluster.advance(1)
    raise AssertionError(the_release(gander).status)


def the_release(gander: Controllers) -> Release:
    (release,) = gander.releases()
    return release


def live(gander: Controllers, seconds: int, fault: Fault) -> tuple[int, list[ReleaseStatus]]:
    """Let time pass; return how many passes there were, and each status that was written."""
    cluster, key = gander.cluster, f"release {the_release(gander).metadata.name}"
    passes, before, until = 0, len(cluster.past[key]), cluster.now + seconds * SECOND
    while cluster.now < until:
        passes += 1
        assert passes < 100, "passes without a pause"
        if not gander.do_pass(fault):
            due = min([until, *gander.due])
            cluster.advance((due - cluster.now).total_seconds())
    return passes, [release.status for _, release in cluster.past[key][before:]]


def test_a_refusal_is_said_while_promoting_and_tried_again_every_ten_seconds() -> None:
    gander = about_to_roll()
    looks = the_release(gander).status.metrics[0].looks
    gander.cluster.frozen = True
    passes, written = live(gander, 60, WELL)

    assert {(s.phase, s.reason, s.message) for s in written} == {
        (Phase.PROMOTING, "ClusterRefused", FROZEN)
    }
    # A try every 10 s, and two for each look of 15 s, whose evidence is stored meanwhile.
    assert passes <= 6 + 2 * 5
    assert len(written) <= 5
    assert the_release(gander).status.metrics[0].looks >= looks + 3

    gander.cluster.frozen = False
    live(gander, 60, WELL)
    assert the_release(gander).status.phase is Phase.SUCCEEDED


def test_a_version_that_turns_out_bad_while_it_may_not_roll_is_taken_back() -> None:
    gander = about_to_roll()
    gander.cluster.frozen = True
    live(gander, 20, WELL)
    gander.alarmed.add(the_release(gander).metadata.name)
    live(gander, 20, WELL)
    status = the_release(gander).status
    assert (status.phase, status.reason) == (Phase.ROLLING_BACK, "Regressed")


def test_what_gander_let_go_is_not_taken_for_let_through_by_hand() -> None:
    gander = about_to_roll()
    gander.do_pass(UNCLEAR)
    assert not gander.cluster.workload.paused
    status = the_release(gander).status
    assert (status.phase, status.reason) == (Phase.PROMOTING, "ClusterRefused")
    live(gander, 60, WELL)
    assert the_release(gander).status.phase is Phase.SUCCEEDED


def test_a_write_to_a_route_that_is_refused_while_stable_rolls_ends_no_release() -> None:
    gander = about_to_roll()
    gander.do_pass(WELL)
    gander.cluster.change("route a", weight=90, writer="argocd")
    _, written = live(gander, 2, REFUSED)
    assert [(s.phase, s.reason) for s in written] == [(Phase.PROMOTING, "ClusterRefused")]
    live(gander, 60, WELL)
    assert the_release(gander).status.phase is Phase.SUCCEEDED
