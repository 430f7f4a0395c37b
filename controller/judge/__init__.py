"""The judge: numbers of both versions in, a verdict with a bounded false-alarm rate out.

There are four kinds of metrics: counts (bad requests of all), latency histograms, gauges per pod,
and one number per version. Per metric, evidence is an immutable value, such as
`CountsEvidence.start(question)`, then `.after(look)` for each look. `judge` puts the metrics of a
release together, `explain` says in a line what one of them has shown. It may be asked at every
look: the bounds hold over the whole release.

Promises: pure functions of their arguments; the same looks give the same verdict. Bad numbers give
`Refused`, never an exception and never a verdict. Needs numpy and nothing of the other packages.
`learn` tells from stable's pods before the release how far counts scatter beyond chance.

A whole release is a `Trial`: `Trial.start(plan, metrics)`, then `.after(share, looks)` for each
look at all metrics, and `.judged()`. `read_record`, `write_header` and `write_look` keep a release
as lines of JSON, which `python -m controller.judge replay` judges again.

Before a release `simulate` tells what a plan finds how soon at a traffic, which `forecast_table`
prints, `lint` what it can never see, and `requests_until_safe` how many requests Safe takes at
least.

A new kind of metric brings its own look, its own question and an evidence that satisfies the
protocol `Evidence` or `ThresholdEvidence`. Formulas and proofs: docs/judge.md and docs/judge.
"""

from controller.judge.blind_spots import Remark, lint
from controller.judge.buckets import Classic, Native, Span
from controller.judge.counts import Arm, CountsLook, CountsQuestion, Refused
from controller.judge.course import Course, Step, Traffic
from controller.judge.current import CountsAtWeight
from controller.judge.draws import Regression
from controller.judge.edges import away_from_edges, jumped, may_be_judged
from controller.judge.evidence import CountsEvidence
from controller.judge.forecast import Forecast, forecast_table
from controller.judge.foresight import Need, need_until_safe, requests_until_safe
from controller.judge.gauge_history import GaugeHistory
from controller.judge.gauge_look import GaugeLook, GaugeQuestion, Pod
from controller.judge.gauges import GaugeEvidence
from controller.judge.histogram import HistogramEvidence
from controller.judge.histogram_current import HistogramAtWeight
from controller.judge.history import Noise, PodHistory, learn
from controller.judge.interval import Interval
from controller.judge.kinds import Look, Question
from controller.judge.latency import HistogramQuestion
from controller.judge.latency_noise import latency_phi
from controller.judge.layouts import HistogramLook, History
from controller.judge.numbers import NumberEvidence, NumberLook, NumberQuestion
from controller.judge.plan import (
    CountsMetric,
    GaugeMetric,
    HistogramMetric,
    Metric,
    NumberMetric,
    Plan,
    PodBuckets,
    PodCounts,
    Pods,
    questions,
)
from controller.judge.pods import noisy_pods
from controller.judge.record import (
    Record,
    RecordedLook,
    RecordError,
    read_record,
    write_header,
    write_look,
)
from controller.judge.replay import verdicts
from controller.judge.share import ShareCheck
from controller.judge.simulation import simulate, usual_regressions
from controller.judge.trial import MetricTrial, Packed, State, Trial
from controller.judge.verdict import (
    AtWeight,
    Evidence,
    Judgement,
    MetricEvidence,
    ThresholdEvidence,
    Verdict,
    explain,
    judge,
)

__all__ = [
    "Arm",
    "AtWeight",
    "Classic",
    "CountsAtWeight",
    "CountsEvidence",
    "CountsLook",
    "CountsMetric",
    "CountsQuestion",
    "Course",
    "Evidence",
    "Forecast",
    "GaugeEvidence",
    "GaugeHistory",
    "GaugeLook",
    "GaugeMetric",
    "GaugeQuestion",
    "HistogramAtWeight",
    "HistogramEvidence",
    "HistogramLook",
    "HistogramMetric",
    "HistogramQuestion",
    "History",
    "Interval",
    "Judgement",
    "Look",
    "Metric",
    "MetricEvidence",
    "MetricTrial",
    "Native",
    "Need",
    "Noise",
    "NumberEvidence",
    "NumberLook",
    "NumberMetric",
    "NumberQuestion",
    "Packed",
    "Plan",
    "Pod",
    "PodBuckets",
    "PodCounts",
    "PodHistory",
    "Pods",
    "Question",
    "Record",
    "RecordError",
    "RecordedLook",
    "Refused",
    "Regression",
    "Remark",
    "ShareCheck",
    "Span",
    "State",
    "Step",
    "ThresholdEvidence",
    "Traffic",
    "Trial",
    "Verdict",
    "away_from_edges",
    "explain",
    "forecast_table",
    "judge",
    "jumped",
    "latency_phi",
    "learn",
    "lint",
    "may_be_judged",
    "need_until_safe",
    "noisy_pods",
    "questions",
    "read_record",
    "requests_until_safe",
    "simulate",
    "usual_regressions",
    "verdicts",
    "write_header",
    "write_look",
]
