"""What a release promises, asserted at each write that could break it.

The ledger remembers what people, the judge and the cluster have said, apart from the controllers'
own records, so that a wrong record is noticed too.
"""

from dataclasses import dataclass, field
from datetime import datetime

from controller.api.release import ENDED, Phase, Release, ReleaseStatus
from controller.release.easing import SMALLEST, WORTH
from controller.release.facts import Facts
from controller.release.record import MAX_BYTES, MAX_ENTRIES
from tests.unit.release.cluster import PROGRESS_DEADLINE, SECOND, Cluster


@dataclass
class Ledger:
    """One plan's releases as a strict bookkeeper sees them."""

    cluster: Cluster
    earned: dict[str, int] = field(default_factory=dict)  # steps passed, by release
    safe: set[str] = field(default_factory=set)  # releases whose step has fresh Safe evidence
    rehearsed: set[str] = field(default_factory=set)  # releases whose analysis was seen to work
    blind: set[str] = field(default_factory=set)  # releases whose last look saw nothing
    promoted_at: dict[str, datetime] = field(default_factory=dict)
    confirmed_at: dict[str, datetime] = field(default_factory=dict)
    justified: dict[str, float] = field(default_factory=dict)  # percent, by release
    unprotected: set[str] = field(default_factory=set)  # let through because stable was down
    ending: set[str] = field(default_factory=set)  # releases that get no traffic any more
    found_bad: set[str] = field(default_factory=set)  # the same, while nobody edits the routes
    rejected: dict[str, str] = field(default_factory=dict)  # release to revision, until retried
    let_go: set[str] = field(default_factory=set)  # releases for which Gander has unpaused
    held: str = ""  # revision that an abort left waiting
    stable_down_since: datetime | None = None

    def weight_is_asked(self, facts: Facts, percent: float) -> None:
        """Check a weight that is about to be written to the routes."""
        release, status = facts.release, facts.release.status
        steps = release.spec.rules.steps
        recorded = steps[status.step - 1].weight if status.step else 0
        assert percent <= recorded, "more than the recorded step"
        assert status.phase not in (Phase.ROLLING_BACK, Phase.FINISHING)
        canary = facts.canary
        if percent > 0:
            assert release.metadata.name not in self.ending, "traffic for what was taken back"
            assert release.metadata.name not in self.found_bad, "traffic for what was found bad"
            assert release.metadata.name in self.rehearsed, "users before the analysis was tried"
            assert release.spec.abort is None, "traffic for what a person aborted"
            assert canary is not None
            assert canary.ready > 0, "traffic that nobody answers"
            assert not canary.changed, "traffic for another template"
            assert not self.cluster.outage or facts.stable.ready, "traffic while all pods crash"
            assert facts.has_canary_service, "traffic that nobody answers"
            assert not facts.service_differs, "traffic to whatever the Service leads to"
        if percent > max(route.weight or 0 for route in facts.routes):
            most = WORTH * max(SMALLEST, self._justified(facts))
            assert percent <= most, "more than the evidence justifies"
            pods = -(-facts.stable.replicas * recorded // 100)
            assert canary is not None
            assert canary.ready >= pods, "the weight before the capacity"
            assert facts.stable.ready > 0, "nobody could take the traffic back"

    def _justified(self, facts: Facts) -> float:
        """Return the last that the judge has said of a weight; nothing before it said anything."""
        judged = facts.judged
        if judged is not None and judged.justified is not None:
            return judged.justified
        return self.justified.get(facts.release.metadata.name, 0.0)

    def traffic_is_taken_off(self, release: Release, decided: ReleaseStatus) -> None:
        """Note that a release found bad loses its traffic, whether or not that gets recorded."""
        has_traffic = any(route.weight is not None for _, route in self.cluster.routes())
        if has_traffic and decided.reason == "Regressed":
            self.found_bad.add(release.metadata.name)

    def canary_is_deleted(self, facts: Facts) -> None:
        """Check that a canary's pods go only after their traffic is off and drained.

        A gateway that has not answered for a minute is not waited for where the plan has to go.
        """
        release, now = facts.release, self.cluster.now
        for _, route in self.cluster.routes():
            silent = route.changed is not None and now - route.changed >= 59 * SECOND
            seen = route.changed is None or (facts.leaving is not None and silent)
            off = route.missing or (not route.weight and seen)
            edited_just_now = bool(route.writer and route.changed)
            assert off or edited_just_now, "pods deleted while traffic goes to them"
        since = release.status.traffic_off_at
        assert since is not None, "pods deleted before traffic was seen off"
        drain = release.spec.rules.traffic.drain
        assert now - since >= drain, "pods deleted before they were drained"

    def deployment_is_let_go(self, release: Release) -> None:
        """Check that only a promotion that was earned, or had nothing to protect, unpauses."""
        name = release.metadata.name
        template = self.cluster.workload.template
        assert release.status.phase is Phase.PROMOTING
        assert template == release.spec.revision, "another template was let through"
        assert name not in self.found_bad, "a version found bad was let through"
        earned = self.earned.get(name, 0) == len(release.spec.rules.steps)
        assert earned or name in self.unprotected, "unpaused without being earned"
        self.cluster.let_through.add(template)
        self.let_go.add(name)

    def release_is_made(self, name: str, revision: str, *, held: bool) -> None:
        """Check that what is released is held back, and is no revision that stays out.

        A plan made anew gives names again; this one's release has no past.
        """
        for past in (self.ending, self.found_bad, self.safe, self.let_go, self.unprotected):
            past.discard(name)
        for known in (self.earned, self.promoted_at, self.justified):
            known.pop(name, None)
        assert held, "a change that nobody holds back was released"
        rejected = set(self.rejected.values())
        assert revision not in rejected, "a rejected revision was released without a retry"
        assert revision != self.held, "an aborted revision was released without a retry"

    def status_is_written(self, facts: Facts, status: ReleaseStatus) -> None:
        """Check a status against the one before, and note what it says."""
        release, name = facts.release, facts.release.metadata.name
        assert len(status.timeline) <= MAX_ENTRIES
        assert len(status.model_dump_json(by_alias=True, exclude_none=True)) <= MAX_BYTES
        self._follow_weight(facts, status)
        self._follow_steps(facts, status)
        if status.phase is Phase.PROMOTING:
            self.promoted_at.setdefault(name, self.cluster.now)
        if status.phase is Phase.ROLLING_BACK and status.reason == "StableRolloutFailed":
            self._gives_up(name, status.outcome, begins=release.status.phase is Phase.PROMOTING)
        if status.phase is Phase.ROLLING_BACK:
            self.ending.add(name)
            let_go = name in self.let_go and status.reason == "Bypassed"
            assert not let_go, "what Gander let through was taken for let through by hand"
        if status.phase is Phase.ROLLED_BACK:
            nature = self.cluster.natures[release.spec.revision]
            assert status.reason != "CrashLoop" or nature == "crashes", "blamed for an outage"
            self.rejected[name] = release.spec.revision
        waits = self.cluster.workload.template == release.spec.revision
        retried = any(order.action == "Retry" for order in release.spec.orders)
        if status.phase is Phase.ABORTED and waits and not retried:
            self.held = release.spec.revision
        if status.outcome and status.phase in ENDED and status.reason != "Bypassed":
            self._is_taken_back(release.spec.revision, status.phase)

    def _gives_up(self, name: str, outcome: str, *, begins: bool) -> None:
        """Check that a promotion had its whole time, and is not to blame for what it lacked."""
        had = (self.cluster.now - self.promoted_at[name]).total_seconds()
        assert had >= PROGRESS_DEADLINE, "an older rollout's end was taken for this one's"
        if begins and not self.cluster.can_start:
            assert outcome == "Aborted", "rejected for what the cluster lacked"

    def _is_taken_back(self, revision: str, phase: Phase) -> None:
        """Check that no pods of a revision stay beside stable's; it needs a new judgement."""
        work = self.cluster.workload
        others = [size for name, size in work.sets if name != revision]
        if any(others) or not work.size(revision):
            self.cluster.let_through.discard(revision)
        if phase in (Phase.ROLLED_BACK, Phase.ABORTED) and any(others) and not work.bypassed:
            assert not work.size(revision), "pods of what was taken back were left in stable"
            assert work.paused or work.template != revision, "what was taken back rolls on"

    def _follow_weight(self, facts: Facts, status: ReleaseStatus) -> None:
        """Check that a weight rises as far as the evidence justifies, and no further."""
        justified, before = self._justified(facts), facts.release.status.weight.wanted
        if justified:
            self.justified[facts.release.metadata.name] = justified
        if status.weight.wanted > before:
            ceiling = facts.release.spec.rules.steps[status.step - 1].weight
            last_way = before > 0 and status.weight.wanted == ceiling
            most = (WORTH if last_way else 1.0) * max(SMALLEST, justified)
            assert status.weight.wanted <= most, "more than is justified"
        if status.phase is Phase.STEPPING and status.weight.wanted > 0:
            assert status.weight.wanted <= WORTH * max(SMALLEST, justified), "too much for long"

    def _follow_steps(self, facts: Facts, status: ReleaseStatus) -> None:
        """Follow how a step's weight is confirmed, judged and passed."""
        before, name = facts.release.status, facts.release.metadata.name
        if before.step_since is None and status.step_since is not None:
            self.confirmed_at[name] = self.cluster.now
            self.safe.discard(name)
        if facts.judged is not None:
            _keep(self.blind, name, facts.judged.problem is not None)
        if facts.judged is not None and facts.judged.problem is None:
            _keep(self.safe, name, facts.judged.verdict == "Safe")
        promoted = status.phase is Phase.PROMOTING and before.phase is not Phase.PROMOTING
        if promoted and status.reason == "StableDown":
            since = self.stable_down_since
            assert since is not None, "let through although stable serves"
            assert self.cluster.now - since >= 29 * SECOND
            assert facts.stable.replicas > 0, "let through because nobody wants stable pods"
            self.unprotected.add(name)
        elif before.step and (promoted or status.step != before.step):
            hold = facts.release.spec.rules.steps[before.step - 1].hold
            assert status.step == before.step + (not promoted), "a step was left out"
            whole = facts.release.spec.rules.steps[before.step - 1].weight
            assert before.weight.confirmed == whole, "a step was passed below its weight"
            assert name in self.safe, "a step was passed without fresh evidence"
            assert name not in self.blind, "a step was passed although nothing was seen"
            due = before.looks.next is None or before.looks.next <= self.cluster.now
            assert facts.judged is not None or not due, "a step was passed before its last look"
            assert self.cluster.now - self.confirmed_at[name] >= hold, "a hold was cut short"
            assert self.earned.get(name, 0) == before.step - 1
            self.earned[name] = before.step

    def watch_stable(self, release: Release | None) -> None:
        """Remember since when the active release's stable wants pods and has no ready one."""
        work = self.cluster.workload
        ready = dict(work.ready).get(release.spec.stable.revision, 0) if release else 0
        down = release is not None and work.replicas > 0 and not ready
        self.stable_down_since = (self.stable_down_since or self.cluster.now) if down else None


def _keep(names: set[str], name: str, yes: bool) -> None:  # noqa: FBT001 - the set's own question
    names.discard(name)
    if yes:
        names.add(name)
