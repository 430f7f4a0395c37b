"""ReleasePlan: how releases of one Deployment go out. Its name is the Deployment's name.

Promises: a field that is in the schema works. Cross-field rules ride along as CEL, so
`kubectl apply` refuses a plan that contradicts itself; what only the cluster can tell becomes a
condition.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from controller.api.base import (
    LABEL_NAMES,
    BaseUrl,
    Condition,
    Duration,
    HttpUrl,
    LabelKey,
    LabelValue,
    Metadata,
    Model,
    ObjectName,
    Probability,
    Sentence,
    Time,
    Word,
    between,
)
from controller.api.validation import RULES, Cut, Keep, Rule

DEFAULT_EXPOSURE = 10
LIST_AS_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}


def list_by(key: str) -> dict[str, Any]:
    """Return the schema extension of a list whose items are told apart by `key`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


class Traffic(Model):
    """Where users' requests come in and what moves them."""

    service: Annotated[ObjectName, Field(description="The Service that clients use.")]
    http_routes: Annotated[
        tuple[ObjectName, ...],
        Field(
            max_length=16,
            description="HTTPRoutes in which Gander sets the weights.",
            json_schema_extra=LIST_AS_SET,
        ),
    ] = ()
    grpc_routes: Annotated[
        tuple[ObjectName, ...],
        Field(
            max_length=16,
            description="GRPCRoutes in which Gander sets the weights.",
            json_schema_extra=LIST_AS_SET,
        ),
    ] = ()
    track_label: Annotated[
        LabelKey | None,
        Field(
            description="The one label in which canary pods differ from stable pods. A key of the "
            "Service's selector. Default: such a key that the Deployment's own selector does not "
            "use if there is one, else the first in alphabetical order."
        ),
    ] = None
    drain: Annotated[
        Duration,
        Field(description="How long the canary stays after its last request, before its pods go."),
        between("0s", "10m"),
    ] = timedelta(seconds=5)


class Step(Model):
    """A traffic weight that has to be earned."""

    weight: Annotated[
        int,
        Field(
            ge=1,
            le=90,
            description="Percent of the requests that go to the canary, once the evidence allows "
            "as much; see exposure.",
        ),
    ]
    hold: Annotated[
        Duration,
        Field(description="The shortest stay at the whole weight, whatever the evidence."),
        between("0s", "168h"),
    ] = timedelta(minutes=1)


class SecretReference(Model):
    """A Secret in the plan's namespace."""

    name: Annotated[
        ObjectName,
        Field(description="Its keys: token, or username and password; ca.crt for a private CA."),
    ]


class Prometheus(Model):
    """The Prometheus, Thanos, Mimir or VictoriaMetrics that knows both versions."""

    url: Annotated[BaseUrl, Field(description="Base URL, for example http://prometheus:9090.")]
    secret_ref: Annotated[
        SecretReference | None,
        Field(description="Credentials. The chart's value prometheusSecrets lets Gander read it."),
    ] = None
    matchers: Annotated[
        dict[str, LabelValue],
        Field(
            max_length=8,
            description="Label values that every query of this plan must match, for example "
            "cluster: eu-1 in a Prometheus that several clusters share.",
        ),
        LABEL_NAMES,
    ] = {}


class MetricUse(Model):
    """One metric of the analysis."""

    metric: Annotated[
        ObjectName, Field(description="Name of a ReleaseMetric in the plan's namespace.")
    ]
    required: Annotated[
        bool,
        Field(
            description="Whether a step needs this metric to be Safe. One that is not required "
            "can take a release back but holds none up."
        ),
    ] = True


class Analysis(Model):
    """How the canary is compared with stable."""

    prometheus: Annotated[Prometheus, Field(description="Where the numbers come from.")]
    look: Annotated[
        Duration,
        Field(description="Time between two looks; never below the measured scrape interval."),
        between("1s", "10m"),
    ] = timedelta(seconds=15)
    warm_up: Annotated[
        Duration,
        Field(
            description="Requests of a pod are not read until it has been ready for so long. "
            "Crashes count at once."
        ),
        between("0s", "1h"),
    ] = timedelta(seconds=90)
    false_rollback: Annotated[
        Probability,
        Field(
            description="Bound on the probability that a release that is no worse is taken back, "
            "over the whole release: all looks, steps and metrics."
        ),
    ] = "0.01"
    false_promotion: Annotated[
        Probability,
        Field(
            description="Bound on the probability that a release that is worse than a required "
            "metric's margin is called safe."
        ),
    ] = "0.05"
    pods: Annotated[
        Literal["Differ", "Alike"],
        Field(
            description="Differ: pods of one version may differ for good (nodes, caches), and one "
            "bad pod takes no release back; how far they differ is learned before the release. "
            "Alike: they are exchangeable, so verdicts come sooner."
        ),
    ] = "Differ"
    metrics: Annotated[
        tuple[MetricUse, ...],
        Field(
            min_length=1,
            max_length=16,
            description="What is compared.",
            json_schema_extra=list_by("metric"),
        ),
        Rule(
            "self.exists(m, m.required)",
            "at least one metric must be required, or no step could ever be earned",
        ),
    ]


class Alertmanager(Model):
    """An Alertmanager that gets the rollback alert."""

    urls: Annotated[
        tuple[BaseUrl, ...],
        Field(
            min_length=1,
            max_length=4,
            description="Base URL of every replica of the Alertmanager; each gets the alert.",
            json_schema_extra=LIST_AS_SET,
        ),
    ]
    labels: Annotated[
        dict[str, LabelValue],
        Field(max_length=16, description="Labels added to the alert, for routing: team, severity."),
        LABEL_NAMES,
    ] = {}
    runbook_url: Annotated[
        HttpUrl | None, Field(description="Link that the alert shows to whoever is on call.")
    ] = None


class Receiver(Model):
    """Who is told."""

    alertmanager: Annotated[Alertmanager, Field(description="An Alertmanager, API v2.")]


class ReleasePlanSpec(Model):
    """How releases of the Deployment with the plan's name go out."""

    traffic: Annotated[
        Traffic,
        Field(description="Where users' requests come in and what moves them."),
        Rule(
            "size(self.httpRoutes) + size(self.grpcRoutes) > 0",
            "name at least one route in httpRoutes or grpcRoutes",
        ),
    ]
    steps: Annotated[
        tuple[Step, ...],
        Field(
            min_length=1,
            max_length=20,
            description="Traffic weights, each of which must be earned.",
        ),
        Rule(
            "self.map(s, s.weight).isSorted() && "
            "self.all(s, self.exists_one(t, t.weight == s.weight))",
            "weights must rise from step to step",
        ),
    ]
    exposure: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000_000,
            description="Requests that may be hurt in one look, if the canary were as bad as the "
            "evidence still allows. A step's weight is a ceiling: the weight begins where a canary "
            "that fails every request hurts so many, and rises with the evidence. 1000000000, more "
            "than any look has, lets every step begin at its ceiling.",
        ),
    ] = DEFAULT_EXPOSURE
    analysis: Annotated[
        Analysis, Field(description="How the canary is compared with the stable version.")
    ]
    notify: Annotated[
        tuple[Receiver, ...], Field(max_length=8, description="Who is told of a rollback.")
    ] = ()
    history: Annotated[int, Field(ge=1, le=100, description="Finished releases that are kept.")] = (
        10
    )


class StableVersion(Model):
    """The pods that serve now."""

    revision: Annotated[str, Cut(16), Field(description="Identity of the pod template.")]
    replica_set: Annotated[
        str, Cut(253), Field(description="The ReplicaSet that owns the stable pods.")
    ]
    images: Annotated[
        tuple[Annotated[str, Cut(512)], ...],
        Keep(32, "first"),
        Field(description="Images of its containers."),
    ] = ()
    version: Annotated[
        str, Cut(63), Field(description="Its first image in short: name, and tag or digest.")
    ] = ""


class Rejection(Model):
    """A revision that was taken back and stays out until a person says retry."""

    revision: Annotated[str, Cut(16), Field(description="Identity of the pod template.")]
    release: Annotated[str, Cut(253), Field(description="The release that was taken back.")]
    at: Annotated[Time, Field(description="When.")]
    reason: Annotated[Word, Field(description="One CamelCase word for the cause.")]
    message: Annotated[Sentence, Field(description="The cause in a sentence, with its numbers.")]


class ReleasePlanStatus(Model):
    """What Gander knows about the plan."""

    observed_generation: Annotated[
        int, Field(description="The plan's generation this status speaks about.")
    ] = 0
    phase: Annotated[
        Literal["", "Adopting", "Idle", "Releasing", "Rejected", "Held", "Blocked", "Leaving"],
        Field(
            description="Adopting: waits for a native rollout to complete. Idle: stable serves "
            "alone. Releasing: a release runs. Rejected: the Deployment holds a revision that was "
            "taken back. Held: it holds one whose release was aborted. Blocked: the plan cannot "
            "work, see the condition Ready. Leaving: the plan is being deleted."
        ),
    ] = ""
    guard: Annotated[
        Literal["", "Guarded", "AlwaysPaused"],
        Field(
            description="Guarded: the API server holds every template change, proven by a dry run. "
            "AlwaysPaused: it does not, so the Deployment rests paused."
        ),
    ] = ""
    guard_proven_at: Annotated[
        Time | None, Field(description="When the guard was last proven.")
    ] = None
    guard_policy: Annotated[
        str, Cut(128), Field(description="Versions of policy and binding it was proven with.")
    ] = ""
    stable: Annotated[StableVersion | None, Field(description="The pods that serve now.")] = None
    track_label: Annotated[
        str, Cut(317), Field(description="The label in which canary pods differ.")
    ] = ""
    rejected: Annotated[
        tuple[Rejection, ...], Keep(20, "last"), Field(description="Revisions that stay out.")
    ] = ()
    held: Annotated[
        str, Cut(16), Field(description="A revision that an aborted release left waiting.")
    ] = ""
    active_release: Annotated[str, Cut(253), Field(description="The release that runs now.")] = ""
    last_release: Annotated[str, Cut(253), Field(description="The newest release that ended.")] = ""
    last_outcome: Annotated[str, Cut(32), Field(description="How the newest release ended.")] = ""
    releases: Annotated[int, Field(description="Number of the newest release.")] = 0
    superseded_in_a_row: Annotated[
        int, Field(description="Releases in a row that a newer template ended.")
    ] = 0
    conditions: Annotated[
        tuple[Condition, ...],
        Keep(16, "first"),
        Field(
            description="Ready, Reconciling and Stalled as kstatus reads them, and SlowVerdict: "
            "how long a verdict takes at least, at the traffic when the newest release began.",
            json_schema_extra=list_by("type"),
        ),
    ] = ()


class ReleasePlan(Model):
    """How releases of one Deployment go out. The plan's name is the Deployment's name."""

    model_config = ConfigDict(
        json_schema_extra={
            RULES: [
                Rule(
                    "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')",
                    "a plan has the name of its Deployment, and that must do for a Service and a "
                    "label too: at most 63 of a-z, 0-9 and '-', a letter first, no '-' at the end",
                ).as_schema()
            ]
        }
    )

    metadata: Metadata
    spec: ReleasePlanSpec
    status: ReleasePlanStatus = ReleasePlanStatus()
