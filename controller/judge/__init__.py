"""The judge: counts of both versions in, a verdict with a bounded false-alarm rate out.

Per metric, evidence is an immutable value: `CountsEvidence.start(question)`, then `.after(look)`
for each look. `judge` puts the metrics of a release together, `explain` says in a line what one of
them has shown. It may be asked at every look: the bounds hold over the whole release.

Promises: pure functions of their arguments; the same looks give the same verdict. Bad numbers give
`Refused`, never an exception and never a verdict. Needs numpy and nothing of the other packages.
Leaves out: histograms, gauges and single numbers. A new kind of metric brings its own look, its own
question and an evidence that satisfies the protocol `Evidence`. Formulas and proofs: docs/judge.md.
"""

from controller.judge.counts import Arm, CountsLook, CountsQuestion, Refused
from controller.judge.evidence import CountsEvidence
from controller.judge.foresight import requests_until_safe
from controller.judge.interval import Interval
from controller.judge.verdict import Evidence, Judgement, MetricEvidence, Verdict, explain, judge

__all__ = [
    "Arm",
    "CountsEvidence",
    "CountsLook",
    "CountsQuestion",
    "Evidence",
    "Interval",
    "Judgement",
    "MetricEvidence",
    "Refused",
    "Verdict",
    "explain",
    "judge",
    "requests_until_safe",
]
