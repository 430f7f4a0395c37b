"""Plan and release over a cluster in which everything that can go wrong does, in any order.

What must hold is asserted where it could be broken: in `ledger` at each write, here after each
pass.
In words:

- the weight asked of a route is never above the recorded step's, and what a person gave beyond it
  is brought back in the next pass that works;
- a weight rises no further than the evidence justifies, and falls when that justifies less;
- a share that nobody serves, or pods of another template, goes to stable in the next pass that
  works, and so does that of a route which is said to be refused;
- a release that was found bad, aborted or taken back gets no traffic any more;
- while stable wants pods and has no ready one, a release with traffic holds;
- the Deployment is unpaused only for the template that was judged, after every step was earned with
  fresh evidence and its whole hold, or because stable was down for half a minute, which a
  Deployment of 0 replicas is not;
- a version is not rejected for crashes that hit stable too;
- a revision that was rejected or aborted starts no release without a retry;
- pods are deleted only after their traffic was off and drained;
- once an abort is ordered and faults stop, traffic is off within three passes, the release ends,
  and nothing of it is left;
- a pass over a world that does not move writes nothing in the end;
- the record stays within its bounds.
"""

import os
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from controller.api.release import ENDED, Abort, Entry, Order, Phase, Release
from controller.release.stable import MOVING
from tests.unit.release.cluster import ROUTES, SECOND, Cluster, Nature, Route, Workload
from tests.unit.release.controllers import Controllers
from tests.unit.release.faults import Fault
from tests.unit.release.given import NOW, guarded, plan
from tests.unit.release.ledger import Ledger

NO_FAULT, LOSES, SLOW_JUDGE = Fault(), Fault(loses_rollbacks=True), Fault(judge_is_slow=True)
natures = st.sampled_from(
    ["good", "good", "good", "good", "regresses", "crashes", "never ready", "unsteady"]
)
ships = st.one_of(st.none(), natures)
seconds = st.sampled_from([0.0, 0.01, 0.3, 1.0, 4.0, 15.0, 31.0, 61.0, 601.0])
faults = st.one_of(
    st.just(NO_FAULT),
    st.builds(
        Fault,
        lag=st.integers(0, 2),
        at=st.sampled_from([0, 1, 1, 2, 99]),
        how=st.sampled_from(["before", "half", "after", "refused", "unclear"]),
        judge_is_slow=st.booleans(),
    ),
)
people = st.sampled_from(
    [
        "pushes",
        "pushes",
        "pushes",
        "pushes an older one",
        "aborts",
        "deletes a release",
        "retries",
        "retries",
        "scales",
        "bypasses the guard or stops that",
        "deletes the plan or makes it anew",
    ]
)
happenings = st.sampled_from(
    [
        "can_start",
        "gateway_up",
        "stable_up",
        "stray",
        "prometheus",
        "alarm",
        "traffic",
        "drain",
        "canary deleted",
        "readiness lost",
        "readiness lost",
        "service deleted",
        "service edited",
        "all is well again",
        "all is well again",
        "all is well again",
    ]
)


class Life(RuleBasedStateMachine):
    """Hypothesis chooses what people, the cluster and the faults do next."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(now=NOW, natures={"r1": "good"}, let_through={"r1"})
        self.gander = Controllers(self.cluster, Ledger(self.cluster))

    @initialize(told=st.sampled_from([0, 0, 0, 48]))
    def begin(self, told: int) -> None:
        """Begin with a stable version; some releases have been through much already."""
        entry = Entry(at=NOW, phase=Phase.HOLDING, weight=0, reason="NoTraffic", message="." * 600)
        self.gander.story = (entry,) * told
        stable = {"revision": "r1", "replica_set": "checkout-r1"}
        self.gander.plan = plan(**guarded(stable=stable))
        served = (("r1", 4),)
        self.cluster.put("workload", Workload("r1", sets=served, ready=served))
        self.cluster.put("canary", None)
        self.cluster.put("service", "")
        for key in ROUTES:
            self.cluster.put(key, Route())

    @rule(passes=st.lists(st.tuples(seconds, faults), min_size=1, max_size=8), ships=ships)
    def work(self, passes: list[tuple[float, Fault]], ships: Nature | None) -> None:
        self.ship_when_idle(ships)
        for pause, fault in passes:
            self.cluster.advance(pause)
            self.one_pass(fault)

    @rule(
        pause=st.sampled_from([1.0, 8.0, 16.0]),
        passes=st.integers(1, 16),
        fault=st.sampled_from([NO_FAULT, NO_FAULT, LOSES, SLOW_JUDGE]),
        ships=ships,
    )
    def work_on(self, pause: float, passes: int, fault: Fault, ships: Nature | None) -> None:
        self.ship_when_idle(ships)
        for _ in range(passes):
            self.cluster.advance(pause)
            self.one_pass(fault)

    def ship_when_idle(self, nature: Nature | None) -> None:
        """Push something new where a life would pass without a release."""
        if nature is not None and self.gander.active() is None:
            self.push(nature)

    @rule()
    def a_world_that_stands_still_is_left_alone(self) -> None:
        passes = 0
        while self.one_pass(NO_FAULT):
            passes += 1
            assert passes < 12, "writes for ever"
        self.cluster.now += SECOND
        if all(due > self.cluster.now for due in self.gander.due):
            assert not self.one_pass(NO_FAULT), "writes although nothing has changed"

    def one_pass(self, fault: Fault) -> bool:
        before = self.gander.active()
        wrote = self.gander.do_pass(fault)
        if fault == NO_FAULT and before is not None:
            self.check_traffic(before)
        return wrote

    def check_traffic(self, before: Release) -> None:
        """Assert that no route is above the step that the pass found, and no share unserved.

        But for the one that only records that stable is fully rolled.
        """
        status, steps = before.status, before.spec.rules.steps
        after = self.cluster.objects[f"release {before.metadata.name}"]
        if status.phase is Phase.PROMOTING and after.status.phase is Phase.FINISHING:
            return
        ceiling = steps[status.step - 1].weight if status.step else 0
        if status.phase in (Phase.ROLLING_BACK, Phase.FINISHING):
            assert all(route.weight is None for _, route in self.cluster.routes())
        down = self.gander.ledger.stable_down_since is not None
        for _, route in self.cluster.routes():
            weight = 0 if route.missing else route.weight or 0
            assert weight <= ceiling, "above the recorded step"
            assert weight == 0 or self.cluster.serves_canary(), "traffic that nobody serves"
            known = route.refused and route.changed is None and not down
            said = after.status.reason in ("RouteRefused", "RouteMissing")
            assert weight == 0 or not (known and said), "traffic through a route that is refused"
        if self.cluster.stray and after.status.phase is Phase.HOLDING:
            given = [route.weight for _, route in self.cluster.routes() if not route.missing]
            assert not any(given), "traffic by weight beside traffic that no weight binds"
        assert not (self.cluster.stray and after.status.phase is Phase.STEPPING)
        assert not (down and after.status.phase is Phase.STEPPING), "stable is down without a word"

    @rule(what=people, nature=natures, data=st.data())
    def a_person_acts(self, what: str, nature: Nature, data: st.DataObject) -> None:
        cluster, release = self.cluster, self.gander.active()
        match what:
            case "pushes":
                self.push(nature)
            case "pushes an older one":
                self.set_template(data.draw(st.sampled_from(sorted(cluster.natures))))
            case "aborts" if release is not None:
                self.abort(release)
            case "deletes a release" if self.gander.releases():
                self.delete(data.draw(st.sampled_from(self.gander.releases())))
            case "retries":
                self.retry_the_last()
            case "scales":
                replicas = data.draw(st.sampled_from([0, 1, 2, 4, 4, 10]))
                cluster.change("workload", replicas=replicas)
            case "bypasses the guard or stops that" if cluster.workload.bypassed:
                cluster.change("workload", bypassed=False)
            case "bypasses the guard or stops that":
                cluster.let_through.add(cluster.workload.template)
                cluster.change("workload", bypassed=True, paused=False)
            case "deletes the plan or makes it anew" if self.gander.plan is None:
                self.gander.plan = plan()
            case "deletes the plan or makes it anew":
                assert self.gander.plan is not None
                metadata = self.gander.plan.metadata
                deleted = metadata.model_copy(update={"deletion_timestamp": cluster.now})
                self.gander.plan = self.gander.plan.model_copy(update={"metadata": deleted})

    @rule(
        away=st.lists(seconds, min_size=2, max_size=4),
        replicas=st.sampled_from([1, 4]),
        ships=ships,
    )
    def a_person_scales_to_0_and_back(
        self, away: list[float], replicas: int, ships: Nature | None
    ) -> None:
        self.ship_when_idle(ships)
        self.one_pass(NO_FAULT)
        self.cluster.change("workload", replicas=0)
        for pause in away:
            self.one_pass(NO_FAULT)
            self.cluster.advance(pause)
        self.cluster.change("workload", replicas=replicas)
        self.one_pass(NO_FAULT)

    def push(self, nature: Nature) -> None:
        revision = f"r{len(self.cluster.natures) + 1}"
        self.cluster.natures[revision] = nature
        self.set_template(revision)

    def set_template(self, revision: str) -> None:
        if revision != self.cluster.workload.template:
            self.gander.ledger.held = ""
        self.cluster.set_template(revision)

    def abort(self, release: Release) -> None:
        if release.spec.abort is None:
            self.order(release, abort=Abort(by="ann", at=self.cluster.now, reason="looks odd"))

    def delete(self, release: Release) -> None:
        going = release.metadata.model_copy(update={"deletion_timestamp": self.cluster.now})
        key = f"release {release.metadata.name}"
        self.cluster.put(key, release.model_copy(update={"metadata": going}))

    def retry_the_last(self) -> None:
        ended = [r for r in self.gander.releases() if r.status.phase in ENDED]
        if ended and not ended[-1].spec.orders:
            retry = Order(action="Retry", by="ann", at=self.cluster.now)
            self.order(ended[-1], orders=(retry,))
            self.gander.ledger.rejected.pop(ended[-1].metadata.name, None)
            self.gander.ledger.held = ""

    def order(self, release: Release, **fields: object) -> None:
        spec = release.spec.model_copy(update=fields)
        key = f"release {release.metadata.name}"
        self.cluster.put(key, release.model_copy(update={"spec": spec}))

    @rule(
        key=st.sampled_from(ROUTES),
        what=st.sampled_from(["edit"] * 6 + ["delete or restore", "refuse or accept"]),
        weight=st.sampled_from([None, None, 0, 2, 5, 50, 90]),
        uneven=st.booleans(),
    )
    def somebody_changes_a_route(
        self, key: str, what: str, weight: int | None, *, uneven: bool
    ) -> None:
        self.gander.ledger.found_bad.clear()
        route: Route = self.cluster.objects[key]
        if what == "delete or restore":
            self.cluster.put(key, Route(missing=not route.missing))
        elif what == "refuse or accept":
            self.cluster.change(key, refused=not route.refused)
        elif not route.missing:
            odd = uneven and weight is not None
            edit = Route(weight, odd, "argocd", self.cluster.now, refused=route.refused)
            self.cluster.put(key, edit)

    @rule(what=happenings)
    def something_happens(self, what: str) -> None:
        cluster, release = self.cluster, self.gander.active()
        match what:
            case "stray":
                cluster.stray = not cluster.stray
            case "can_start" | "gateway_up" | "stable_up":
                setattr(cluster, what, not getattr(cluster, what))
                cluster.advance(1)
            case "prometheus":
                self.gander.prometheus_up = not self.gander.prometheus_up
            case "all is well again":
                self.mend()
            case "alarm" if release is not None:
                self.gander.alarmed.add(release.metadata.name)
            case "traffic":
                after = {1.33: 0.004, 0.004: 0.3, 0.3: 30.0, 30.0: 100.0}
                self.gander.first_weight = after.get(self.gander.first_weight, 1.33)
            case "drain" if cluster.canary is not None:
                cluster.change("canary", running=0, ready=0, crashes=0)
            case "readiness lost" if cluster.canary is not None:
                cluster.change("canary", ready=0)
            case "canary deleted":
                cluster.put("canary", None)
            case "service deleted":
                cluster.put("service", "")
            case "service edited" if cluster.objects["service"]:
                cluster.put("service", "edited")

    @rule(
        pauses=st.lists(st.sampled_from([1.0, 4.0, 15.0, 31.0, 61.0]), min_size=1, max_size=5),
        ships=ships,
    )
    def something_that_all_pods_need_is_gone(
        self, pauses: list[float], ships: Nature | None
    ) -> None:
        self.ship_when_idle(ships)
        self.cluster.outage = True
        for pause in pauses:
            self.cluster.advance(pause)
            self.one_pass(NO_FAULT)
        self.cluster.outage = False

    @rule(passes=st.integers(4, 12), ships=ships)
    def somebody_changes_the_canary(self, passes: int, ships: Nature | None) -> None:
        """Give the canary another template when it may have had the time to get traffic."""
        self.ship_when_idle(ships)
        for _ in range(passes):
            self.cluster.advance(2)
            self.one_pass(NO_FAULT)
        if self.cluster.canary is not None:
            self.cluster.change("canary", changed=True)
        self.one_pass(NO_FAULT)

    @rule(pause=st.sampled_from([0.0, 1.0, 4.0]), ships=ships)
    def somebody_deletes_stables_replica_set(self, pause: float, ships: Nature | None) -> None:
        """Assert that it is back within three passes, the one with pods, while a change is held."""
        self.ship_when_idle(ships)
        self.one_pass(NO_FAULT)
        cluster, known = self.cluster, self.gander.plan and self.gander.plan.status.stable
        if not known or known.replica_set not in cluster.copies:
            return
        cluster.delete_set(known.revision)
        cluster.advance(pause)
        for _ in range(3):
            self.one_pass(NO_FAULT)
        work, release = cluster.workload, self.gander.active()
        held = work.paused and work.labelled and not work.bypassed and work.replicas > 0
        moving = release is not None and release.status.phase in MOVING
        if held and not moving and self.gander.plan is not None:
            serving = self.gander.plan.status.stable
            assert serving is not None
            assert work.size(serving.revision) > 0, "nothing of stable is left, and nothing comes"
            assert serving == known or work.size(known.revision) == 0

    def mend(self) -> None:
        self.cluster.can_start = self.cluster.gateway_up = self.cluster.stable_up = True
        self.cluster.stray = False
        self.gander.prometheus_up = True
        for key, route in self.cluster.routes():
            self.cluster.put(key, replace(route, missing=False, refused=False))

    def teardown(self) -> None:
        """Faults stop; what runs is aborted; it ends soon and leaves nothing."""
        cluster = self.cluster
        if "workload" not in cluster.objects:
            return
        self.mend()
        release = self.gander.active()
        if release is None:
            return
        self.abort(release)
        for _ in range(3):
            self.one_pass(NO_FAULT)
        assert all(route.weight is None for _, route in cluster.routes())
        for _ in range(12):
            if self.gander.active() is not None:
                cluster.advance(5)
                self.one_pass(NO_FAULT)
            ended = cluster.objects[f"release {release.metadata.name}"]
            if ended is None or ended.status.phase in ENDED:
                return
        raise AssertionError("an aborted release does not end")


Life.TestCase.settings = settings(
    max_examples=int(os.environ.get("GANDER_LIVES", "80")),
    stateful_step_count=50,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
)
test_every_life_keeps_the_promises = Life.TestCase
