"""Release: one attempt to bring one revision out, and the record of how it went.

Made by Gander; its spec is written once, but for `abort` (set once) and `orders` (append only),
which people write. The status is all that the state machine knows between two passes.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from controller.api.base import (
    Condition,
    Metadata,
    Model,
    ObjectName,
    Sentence,
    Time,
    Word,
)
from controller.api.metric import ReleaseMetricSpec
from controller.api.plan import (
    DEFAULT_EXPOSURE,
    Analysis,
    StableVersion,
    Step,
    Traffic,
    list_by,
)
from controller.api.validation import Cut, Keep, Rule


class Phase(StrEnum):
    """Where a release is. Everything after RollingBack and Finishing is an end."""

    PENDING = "Pending"
    STARTING = "Starting"
    STEPPING = "Stepping"
    HOLDING = "Holding"
    PROMOTING = "Promoting"
    FINISHING = "Finishing"
    SUCCEEDED = "Succeeded"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"


ENDED = frozenset({Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.ABORTED, Phase.SUPERSEDED})

PHASE_HELP = (
    "Pending, Starting (the canary gets ready, no traffic), Stepping (traffic is on the canary), "
    "Holding (traffic stays where it is, see reason), Promoting (stable rolls to this revision), "
    "Finishing, Succeeded; RollingBack, then RolledBack (the version was at fault, its revision is "
    "rejected), Aborted (a person, the plan's end or the cluster) or Superseded (a newer template)."
)

MAX_ORDERS = 20

By = Annotated[
    str, Field(min_length=1, max_length=256, description="Who ordered it: the user's name.")
]
Reason = Annotated[str, Field(max_length=512, description="Why, in the person's own words.")]


class Abort(Model):
    """A person's order to take the release back now."""

    by: By
    at: Annotated[Time, Field(description="When.")]
    reason: Reason = ""


class Order(Model):
    """What a person tells an ended release to do."""

    action: Annotated[
        Literal["Retry", "Acknowledge"],
        Field(
            description="Retry: take the revision off the rejected list and release it once more. "
            "Acknowledge: someone is on it; the alert is resolved."
        ),
    ]
    by: By
    at: Annotated[Time, Field(description="When.")]
    reason: Reason = ""


class MetricRule(Model):
    """A metric as it was when the release began."""

    name: Annotated[ObjectName, Field(description="Name of the ReleaseMetric.")]
    required: Annotated[bool, Field(description="Whether a step needs it to be Safe.")]
    spec: Annotated[ReleaseMetricSpec, Field(description="What is measured.")]


class Rules(Model):
    """The plan and its metrics as they were when the release began. Later edits do not count."""

    generation: Annotated[int, Field(description="The plan's generation.")]
    traffic: Annotated[Traffic, Field(description="Where users' requests come in.")]
    track_label: Annotated[
        str, Cut(317), Field(description="The label in which canary pods differ.")
    ]
    steps: Annotated[
        tuple[Step, ...], Field(min_length=1, max_length=20, description="Traffic weights.")
    ]
    exposure: Annotated[int, Field(description="Requests that may be hurt in one look.")] = (
        DEFAULT_EXPOSURE
    )
    analysis: Annotated[Analysis, Field(description="How the canary is compared.")]
    metrics: Annotated[
        tuple[MetricRule, ...],
        Field(min_length=1, max_length=16, description="The metrics of the analysis."),
    ]


class ReleaseSpec(Model):
    """What is released, against what, and by which rules."""

    plan: Annotated[ObjectName, Field(description="The plan, and the Deployment, it belongs to.")]
    number: Annotated[int, Field(ge=1, description="Counts the plan's releases.")]
    revision: Annotated[str, Cut(16), Field(description="Identity of the pod template.")]
    template: Annotated[
        dict[str, Any],
        Field(
            description="The whole pod template, as the API server stored it.",
            # Of keys that no schema names CEL compares the values only: these two are named here.
            json_schema_extra={
                "x-kubernetes-preserve-unknown-fields": True,
                "required": ["metadata", "spec"],
                "maxProperties": 2,
            },
        ),
    ]
    images: Annotated[
        tuple[Annotated[str, Cut(512)], ...],
        Keep(32, "first"),
        Field(description="Images of its containers."),
    ]
    stable: Annotated[StableVersion, Field(description="What it is compared with.")]
    rules: Annotated[Rules, Field(description="The plan as it was when the release began.")]
    abort: Annotated[Abort | None, Field(description="Set once, to take the release back.")] = None
    orders: Annotated[
        tuple[Order, ...],
        Field(max_length=MAX_ORDERS, description="What people ordered, append only."),
        Rule(
            f"size(self) >= size(oldSelf) && {list(range(MAX_ORDERS))}"
            ".all(i, i >= size(oldSelf) || self[i] == oldSelf[i])",
            "orders are append only: those that stand there stay as they are, in their order",
        ),
    ] = ()


class Interval(Model):
    """A range that holds the true value with 95 % at whatever moment one looks."""

    low: Annotated[float | None, Field(description="Lower end; absent when unbounded.")] = None
    high: Annotated[float | None, Field(description="Upper end; absent when unbounded.")] = None


class MetricStatus(Model):
    """What one metric has shown so far."""

    name: Annotated[ObjectName, Field(description="Name of the ReleaseMetric.")]
    required: Annotated[bool, Field(description="Whether a step needs it to be Safe.")]
    state: Annotated[
        Literal["Waiting", "Inconclusive", "Safe", "Regressed"],
        Field(description="Waiting: no evidence yet."),
    ] = "Waiting"
    message: Annotated[Sentence, Field(description="The evidence in words.")] = ""
    measure: Annotated[
        Literal["", "BadShare", "P99Seconds", "PodMean"],
        Field(
            description="What canary and stable are. BadShare: the share of bad requests. "
            "P99Seconds: how long 99 of 100 requests take at most; the verdict is about all "
            "requests, not about this one number. PodMean: a gauge's mean pod, in `unit`."
        ),
    ] = ""
    unit: Annotated[
        Literal["None", "Bytes", "Cores", "Seconds", "Share"],
        Field(description="Unit of a gauge's values."),
    ] = "None"
    canary: Annotated[float | None, Field(description="The canary's value.")] = None
    stable: Annotated[float | None, Field(description="Stable's value.")] = None
    ratio: Annotated[float | None, Field(description="Canary divided by stable.")] = None
    ratio_interval: Annotated[Interval, Field(description="Where the true ratio lies.")] = (
        Interval()
    )
    canary_requests: Annotated[float, Field(description="Requests of the canary seen.")] = 0
    canary_bad: Annotated[float, Field(description="Bad ones among them.")] = 0
    stable_requests: Annotated[float, Field(description="Requests of stable seen.")] = 0
    stable_bad: Annotated[float, Field(description="Bad ones among them.")] = 0
    canary_pods: Annotated[
        int, Field(description="Pods of the canary that a gauge compared in its last look.")
    ] = 0
    stable_pods: Annotated[int, Field(description="Pods of stable, likewise.")] = 0
    log_e_regressed: Annotated[
        float, Field(description="Natural logarithm of the e-value for worse than stable.")
    ] = 0
    log_e_safe: Annotated[
        float, Field(description="Natural logarithm of the e-value for within the margin.")
    ] = 0
    looks: Annotated[int, Field(description="Looks that had data.")] = 0
    looks_at_weight: Annotated[int, Field(description="Of these, at the present weight.")] = 0
    left_out: Annotated[
        tuple[Annotated[str, Cut(253)], ...],
        Keep(16, "first"),
        Field(
            description="Stable pods that failed far more than the others before the release; they "
            "are no baseline."
        ),
    ] = ()
    until: Annotated[
        float, Field(description="End of its last look: Prometheus time, seconds since 1970.")
    ] = 0
    evidence: Annotated[
        str, Field(max_length=3072, description="The judge's state, packed; docs/judge.md.")
    ] = ""
    current: Annotated[
        str,
        Field(max_length=3072, description="The same, of the looks at the present weight only."),
    ] = ""


class Weights(Model):
    """Percent of the requests that the canary is meant to get, and that the routes confirm."""

    wanted: Annotated[
        float, Field(description="What Gander asks of the routes; the step's weight at most.")
    ] = 0
    confirmed: Annotated[
        float, Field(description="What every parent of every route has accepted.")
    ] = 0
    justified: Annotated[
        float | None,
        Field(
            description="The most that the evidence so far can justify, by the plan's exposure; "
            "absent until Prometheus has said how many requests there are."
        ),
    ] = None


class CanaryStatus(Model):
    """The canary's pods."""

    replicas: Annotated[int, Field(description="Pods wanted.")] = 0
    ready: Annotated[int, Field(description="Pods ready.")] = 0
    lost: Annotated[
        int,
        Field(description="Times at this step that no pod was ready any more and stable's were."),
    ] = 0
    images: Annotated[
        tuple[Annotated[str, Cut(512)], ...],
        Keep(32, "first"),
        Field(description="Its images by digest, as the node pulled them."),
    ] = ()


class Exposure(Model):
    """How many users' requests met the canary."""

    requests: Annotated[float, Field(description="Requests that the canary answered.")] = 0
    bad: Annotated[float, Field(description="Of these, the bad ones.")] = 0


class Looks(Model):
    """The judge's clock."""

    since: Annotated[
        float,
        Field(description="The last weight change in seconds since 1970; nothing before is read."),
    ] = 0
    next: Annotated[Time | None, Field(description="When the next look is due.")] = None
    scrape: Annotated[
        float, Field(description="Seconds between two scrapes of stable; 0 while unknown.")
    ] = 0
    problem: Annotated[Word, Field(description="Why the last look gave no evidence, one word.")] = (
        ""
    )
    message: Annotated[Sentence, Field(description="The same in a sentence.")] = ""


class Entry(Model):
    """One line of the release's story."""

    at: Annotated[Time, Field(description="When.")]
    phase: Annotated[Phase, Field(description=PHASE_HELP)]
    weight: Annotated[float, Field(description="Percent of the requests on the canary.")]
    reason: Annotated[Word, Field(description="One CamelCase word.")]
    message: Annotated[Sentence, Field(description="What happened, with its numbers.")]


class ReleaseStatus(Model):
    """All that is known about the release between two passes of the state machine."""

    observed_generation: Annotated[
        int, Field(description="The generation this status speaks about.")
    ] = 0
    phase: Annotated[Phase, Field(description=PHASE_HELP)] = Phase.PENDING
    reason: Annotated[Word, Field(description="Why it is in this phase, one CamelCase word.")] = ""
    message: Annotated[Sentence, Field(description="The same in a sentence.")] = ""
    phase_since: Annotated[Time | None, Field(description="When the phase began.")] = None
    step: Annotated[int, Field(description="The step it is at, from 1; 0 before the first.")] = 0
    progress: Annotated[
        str, Cut(16), Field(description="Step and number of steps, for example 2/3.")
    ] = ""
    step_since: Annotated[
        Time | None, Field(description="When the step's weight was confirmed.")
    ] = None
    weight: Annotated[Weights, Field(description="The canary's share of the requests.")] = Weights()
    canary: Annotated[CanaryStatus, Field(description="The canary's pods.")] = CanaryStatus()
    verdict: Annotated[
        Literal["", "Inconclusive", "Safe", "Regressed"],
        Field(description="What the judge says of all metrics together."),
    ] = ""
    metrics: Annotated[
        tuple[MetricStatus, ...],
        Keep(16, "first"),
        Field(description="The evidence, metric by metric.", json_schema_extra=list_by("name")),
    ] = ()
    looks: Annotated[Looks, Field(description="The judge's clock.")] = Looks()
    exposure: Annotated[Exposure, Field(description="How many users' requests met the canary.")] = (
        Exposure()
    )
    outcome: Annotated[
        Literal["", "RolledBack", "Aborted", "Superseded"],
        Field(description="How a release that is rolling back will end."),
    ] = ""
    traffic_off_at: Annotated[
        Time | None, Field(description="When the routes confirmed that no traffic is left on it.")
    ] = None
    start_failures: Annotated[
        int, Field(description="Progress deadlines that passed without a canary.")
    ] = 0
    start_since: Annotated[
        Time | None, Field(description="When the present attempt to start the canary began.")
    ] = None
    route_retries: Annotated[
        int, Field(description="Times that Gander put its backend back into a route.")
    ] = 0
    timeline: Annotated[
        tuple[Entry, ...], Keep(50, "last"), Field(description="What happened, oldest first.")
    ] = ()
    finished_at: Annotated[Time | None, Field(description="When it ended.")] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Keep(16, "first"),
        Field(
            description="Ready, Reconciling and Stalled as kstatus reads them, and SlowVerdict: "
            "how long a verdict takes at least, at the traffic when the release began.",
            json_schema_extra=list_by("type"),
        ),
    ] = ()


class Release(Model):
    """One attempt to bring one revision out, made by Gander, and the record of how it went."""

    metadata: Metadata
    spec: Annotated[
        ReleaseSpec,
        Rule(
            "self.plan == oldSelf.plan && self.number == oldSelf.number && "
            "self.revision == oldSelf.revision && self.template == oldSelf.template && "
            "self.images == oldSelf.images && self.stable == oldSelf.stable && "
            "self.rules == oldSelf.rules",
            "a release is written once; only abort and orders may be added",
        ),
        Rule(
            "!has(oldSelf.abort) || (has(self.abort) && self.abort == oldSelf.abort)",
            "abort is set once and stays",
        ),
    ]
    status: ReleaseStatus = ReleaseStatus()
