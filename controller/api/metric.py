"""ReleaseMetric: a measurement that any plan in its namespace can name.

Promises: every field is read. Leaves out: histograms, gauges and free queries, whose judge is not
built yet; they are not in the schema.
"""

from typing import Annotated, Literal

from pydantic import Field

from controller.api.base import LabelKey, Metadata, Model

SELECTOR_HELP = (
    "The placeholders {{ namespace }}, {{ service }} and {{ pods }} stand for the release's "
    "namespace, the Service of one arm and a regular expression that matches one arm's pods."
)


class Counts(Model):
    """Bad requests out of all requests, from one Prometheus counter."""

    total: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            description="Series selector of the counter over all requests, without a range or a "
            'function, for example http_requests_total{namespace="{{ namespace }}",'
            f'pod=~"{{{{ pods }}}}"}}. {SELECTOR_HELP}',
        ),
    ]
    bad: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            description='Label matchers that pick the bad ones out of total, such as code=~"5..". '
            "One counter for both, so that both numbers come from the same scrape.",
        ),
    ]


class Margin(Model):
    """How much worse than stable the canary may be and still count as safe."""

    relative: Annotated[
        str,
        Field(
            pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$",
            max_length=8,
            description='Share of the stable rate: "0.5" lets 1.5 times the stable rate pass.',
        ),
    ] = "0.5"
    absolute: Annotated[
        str,
        Field(
            pattern=r"^0?\.[0-9]{1,6}$|^0$",
            max_length=8,
            description='Added to that, as a share of all requests: "0.005" is 0.5 percentage '
            "points. Smaller margins need more requests to be proven.",
        ),
    ] = "0.005"


class ReleaseMetricSpec(Model):
    """What is measured, and how much worse it may get."""

    counts: Annotated[Counts, Field(description="Bad requests out of all requests.")]
    per: Annotated[
        Literal["Pod", "Service"],
        Field(
            description="What the labels can tell apart. Pod: one series per pod. Service: one per "
            "Service, as gateways report; no look is taken until the youngest canary pod is past "
            "its warm-up."
        ),
    ] = "Pod"
    pod_label: Annotated[
        LabelKey, Field(description="The label that carries the pod's name when per is Pod.")
    ] = "pod"
    margin: Annotated[
        Margin, Field(description="How much worse the canary may be and still count as safe.")
    ] = Margin()


class ReleaseMetric(Model):
    """A ReleaseMetric as stored."""

    metadata: Metadata
    spec: ReleaseMetricSpec
