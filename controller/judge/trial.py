"""A release on trial: what its metrics have shown up to now, and what the next look adds.

This is all that happens to a look, for the controller and for a replay alike: evidence grows over
the whole release, `current` is started again at each confirmed change of weight, counts may be
judged one look late, and `judge` puts the metrics together.

Promises: a `Trial` is a value and a pure function of its plan and looks. `after` never raises: bad
numbers are `Refused` and change nothing. Its size does not grow with looks. A metric packs into
three lines of text and goes on from them as if nothing had happened.
Leaves out: where looks come from, whether the canary gets its share of requests (share.py), and
what a verdict leads to.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from controller.judge import codec, kinds
from controller.judge.counts import Arm, CountsLook, Refused, usable
from controller.judge.edges import may_be_judged
from controller.judge.evidence import CountsEvidence
from controller.judge.kinds import Current, Gathered, Look, Question
from controller.judge.plan import Metric, Plan, questions
from controller.judge.verdict import Judgement, MetricEvidence, judge


class State(StrEnum):
    """What one metric has shown."""

    WAITING = "Waiting"  # nothing yet
    INCONCLUSIVE = "Inconclusive"
    SAFE = "Safe"
    REGRESSED = "Regressed"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A look at counts whose successor is not there yet, and stable's requests in the look before.

    `before` is None for the first look.
    """

    look: tuple[CountsLook, ...]
    before: Arm | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """A metric on trial as text.

    `evidence` has at most 3,000 characters and `current` 1,472. `waiting` is JSON and empty unless
    counts are judged one look late; it has some 80 characters for each stratum and pod of one look.
    """

    evidence: str
    current: str
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class MetricTrial:
    """One metric on trial: `current` is at the present weight, `waiting` the look held back."""

    name: str
    required: bool
    weight: float
    late: bool
    evidence: Gathered
    current: Current
    waiting: Waiting | None = None

    @classmethod
    def start(cls, plan: Plan, metric: Metric, question: Question) -> Self:
        """Return the trial before the first look."""
        evidence, current = kinds.start(question), kinds.start_here(question)
        return cls(
            metric.name, metric.required, metric.weight, plan.one_look_late, evidence, current
        )

    @classmethod
    def again(
        cls,
        plan: Plan,
        metric: Metric,
        question: Question,
        *,
        log_e_regressed: float,
        log_e_safe: float,
    ) -> Self:
        """Return the trial to go on with where the text is lost; the numbers are its last."""
        evidence = kinds.again(question, log_e_regressed, log_e_safe)
        return replace(cls.start(plan, metric, question), evidence=evidence)

    @classmethod
    def unpack(cls, plan: Plan, metric: Metric, packed: Packed) -> Self:
        """Return the trial that `pack` wrote; raises ValueError if a text cannot be read."""
        evidence = kinds.unpack(packed.evidence)
        question = evidence.question
        current = kinds.unpack_here(packed.current, question)
        fresh = cls.start(plan, metric, question)
        return replace(fresh, evidence=evidence, current=current, waiting=_waiting(packed.waiting))

    def pack(self) -> Packed:
        """Return the trial as text."""
        held = codec.plain(self.waiting) if self.waiting is not None else None
        return Packed(
            evidence=self.evidence.pack(),
            current=self.current.pack(),
            waiting=json.dumps(held, separators=(",", ":")) if held else "",
        )

    def moved(self) -> Self:
        """Return the trial after a confirmed change of the traffic weight."""
        return replace(self, current=kinds.start_here(self.evidence.question))

    def after(self, look: Look, *, at_edge: bool = False) -> tuple[Self, Refused | None]:
        """Return the trial with one more look, and why the look is no evidence, if it is none.

        `current` takes a look at once: it proves nothing, and what it shows should be of now. A
        look `at_edge`, beside a jump of stable's own rate, is taken by nothing else.
        """
        found, refused = (self, None) if at_edge else self._proven(look)
        here = kinds.after_here(self.current, look)
        if isinstance(here, Refused):
            return found, here if at_edge else refused
        if refused is not None and found is self:  # not taken; else the one held back was refused
            return self, refused
        return replace(found, current=here), refused

    @property
    def metric(self) -> MetricEvidence:
        """What `judge` and `explain` take."""
        return MetricEvidence(self.name, self.required, self.evidence, self.current, self.weight)

    def state(self, judgement: Judgement) -> State:
        """Return what this metric has shown, by a judgement of all."""
        if self.name in judgement.culprits:
            return State.REGRESSED
        if self.evidence.looks == 0:
            return State.WAITING
        if self.required and self.name not in judgement.waiting_for:
            return State.SAFE
        return State.INCONCLUSIVE

    def _proven(self, look: Look) -> tuple[Self, Refused | None]:
        """Return the trial with what the look proves, at once or when the next one comes."""
        if self.late and isinstance(self.evidence, CountsEvidence) and isinstance(look, tuple):
            return self._one_look_late(self.evidence, look)
        grown = kinds.after(self.evidence, look)
        if isinstance(grown, Refused):
            return self, grown
        return replace(self, evidence=grown), None

    def _one_look_late(
        self, evidence: CountsEvidence, look: tuple[CountsLook, ...]
    ) -> tuple[Self, Refused | None]:
        """Hold the look back; judge the one that was, unless it is beside a jump of stable's."""
        stable, held = _stable(look), self.waiting
        if isinstance(stable, Refused):
            return self, stable
        if held is None:
            return replace(self, waiting=Waiting(look)), None
        between = _stable(held.look)
        kept = replace(self, waiting=Waiting(look, between if isinstance(between, Arm) else None))
        phi = evidence.question.noise.phi
        if isinstance(between, Refused) or not may_be_judged(held.before, between, stable, phi):
            return kept, None
        grown = evidence.after(*held.look)
        if isinstance(grown, Refused):
            return kept, grown
        return replace(kept, evidence=grown), None


@dataclass(frozen=True, slots=True)
class Trial:
    """All metrics of a release on trial. `share` is the canary's of the traffic, 0 before a look.

    With the plan and each metric's `pack`, `share` is all that has to be kept.
    """

    plan: Plan
    metrics: tuple[MetricTrial, ...]
    share: float = 0.0

    @classmethod
    def start(cls, plan: Plan, metrics: Sequence[Metric]) -> Self:
        """Return the trial before the first look; raises ValueError as `questions` does."""
        pairs = zip(metrics, questions(plan, metrics), strict=True)
        return cls(plan, tuple(MetricTrial.start(plan, m, question) for m, question in pairs))

    def after(self, share: float, looks: Mapping[str, Look]) -> tuple[Self, dict[str, Refused]]:
        """Return the trial with one more look at each of some metrics, and what was refused.

        `share` is the canary's of the traffic during the look, above 0 and under 1; it changes
        between looks only. Looks of names that are no metric are left out.
        """
        if not 0.0 < share < 1.0:
            said = f"evidence refused: the canary's share of the traffic is {share}"
            refused = Refused("NotAShare", f"{said}; without both versions nothing is compared")
            return self, {one.name: refused for one in self.metrics if one.name in looks}
        refusals, grown = {}, []
        for one in self.metrics:
            metric = one if share == self.share else one.moved()
            if one.name in looks:
                metric, why = metric.after(looks[one.name])
                if why is not None:
                    refusals[one.name] = why
            grown.append(metric)
        return replace(self, metrics=tuple(grown), share=share), refusals

    def judged(self) -> Judgement:
        """Return the verdict on the evidence as it stands now."""
        return judge(
            [one.metric for one in self.metrics],
            false_rollback=self.plan.false_rollback,
            false_promotion=self.plan.false_promotion,
        )


def _stable(look: tuple[CountsLook, ...]) -> Arm | Refused:
    """Return stable's requests in all strata that are evidence."""
    strata = usable(look)
    if isinstance(strata, Refused):
        return strata
    total = Arm(0.0, 0.0)
    for one in strata:
        total = total.plus(one.stable)
    return total


def _waiting(text: str) -> Waiting | None:
    """Return the look held back from its text; raises ValueError if it cannot be read."""
    return codec.read(Waiting, codec.parse(text), "waiting") if text else None
