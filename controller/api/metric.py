"""ReleaseMetric: a measurement that any plan in its namespace can name.

Promises: every field is read. Leaves out: free queries, which the controller does not read yet;
they are not in the schema.
"""

from typing import Annotated, Literal

from pydantic import Field

from controller.api.base import LABEL_NAME, LabelName, Metadata, Model
from controller.api.validation import Rule, matching

SELECTOR_HELP = (
    "The placeholders {{ namespace }}, {{ service }} and {{ pods }} stand for the release's "
    "namespace, the Service of one arm and a regular expression that matches one arm's pods."
)

# What a series selector of Prometheus is made of; a range or a function does not fit in.
_BLANK = r"[ \t\n]*"
_VALUE = r'"([^"\\\n{]|\\.|\{[^"\\\n{]|\{\{ (namespace|service|pods) \}\})*"'
_MATCHER = f"{LABEL_NAME}{_BLANK}(=|!=|=~|!~){_BLANK}{_VALUE}"
_MATCHERS = f"{_BLANK}{_MATCHER}{_BLANK}(,{_BLANK}{_MATCHER}{_BLANK})*(,{_BLANK})?"
_SELECTOR = f"{_BLANK}[a-zA-Z_:][a-zA-Z0-9_:]*{_BLANK}[{{]{_MATCHERS}[}}]{_BLANK}"


class Counts(Model):
    """Bad requests out of all requests, from one Prometheus counter."""

    total: Annotated[
        str,
        Field(
            max_length=1024,
            description="Series selector of the counter over all requests, without a range or a "
            'function, for example http_requests_total{namespace="{{ namespace }}",'
            f'pod=~"{{{{ pods }}}}"}}. {SELECTOR_HELP}',
        ),
        matching(
            _SELECTOR,
            'must be one series selector, such as http_requests_total{pod=~"{{ pods }}"}: no '
            "function, no range, values in double quotes, no other placeholder than "
            "{{ namespace }}, {{ service }} and {{ pods }}",
        ),
    ]
    bad: Annotated[
        str,
        Field(
            max_length=512,
            description='Label matchers that pick the bad ones out of total, such as code=~"5..". '
            "One counter for both, so that both numbers come from the same scrape.",
        ),
        matching(
            _MATCHERS,
            'must be label matchers without braces, such as code=~"5..", values in double quotes',
        ),
    ]


class Histogram(Model):
    """How long requests take, from the buckets of a classic Prometheus histogram."""

    buckets: Annotated[
        str,
        Field(
            max_length=1024,
            description="Series selector of the buckets, all of them, without a range or a "
            'function, for example http_request_duration_seconds_bucket{namespace="{{ namespace '
            f'}}}}",pod=~"{{{{ pods }}}}"}}. {SELECTOR_HELP}',
        ),
        matching(
            _SELECTOR,
            "must be one series selector, such as "
            'http_request_duration_seconds_bucket{pod=~"{{ pods }}"}: no function, no range, '
            "values in double quotes, no other placeholder than {{ namespace }}, {{ service }} "
            "and {{ pods }}",
        ),
    ]
    unit: Annotated[
        Literal["Seconds", "Milliseconds"],
        Field(description="The unit of the buckets' bounds, for what people read."),
    ] = "Seconds"


class Gauge(Model):
    """A value of each pod, such as its memory. Higher is worse."""

    series: Annotated[
        str,
        Field(
            max_length=1024,
            description="Series selector of the gauge, one series a pod, without a range or a "
            'function, for example process_resident_memory_bytes{namespace="{{ namespace }}",'
            f'pod=~"{{{{ pods }}}}"}}. {SELECTOR_HELP}',
        ),
        matching(
            _SELECTOR,
            'must be one series selector, such as process_resident_memory_bytes{pod=~"{{ pods }}"}:'
            " no function, no range, values in double quotes, no other placeholder than "
            "{{ namespace }}, {{ service }} and {{ pods }}",
        ),
    ]
    unit: Annotated[
        Literal["None", "Bytes", "Cores", "Seconds", "Share"],
        Field(
            description="The unit of the values, for what people read. Share: 0.85 is 85 %. None: "
            "a plain number."
        ),
    ] = "None"
    measure: Annotated[
        Literal["Level", "Growth"],
        Field(
            description="What is compared. Level: the mean of a pod. Growth: how fast it rises, "
            "which finds a leak after ten minutes at the earliest; the margin is then what the "
            "canary may gain on stable in six hours."
        ),
    ] = "Level"


class Margin(Model):
    """How much worse than stable the canary may be and still count as safe."""

    relative: Annotated[
        str,
        Field(
            max_length=8,
            description='Share of stable\'s value: "0.5" lets 1.5 times the stable rate pass.',
        ),
        matching(
            r"[0-9]{1,3}(\.[0-9]{1,4})?", 'must be a number of at least 0 in quotes, such as "0.5"'
        ),
    ] = "0.5"
    absolute: Annotated[
        str,
        Field(
            max_length=20,
            description='Added to that, as a share of all requests: "0.005" is 0.5 percentage '
            "points. Smaller margins need more requests to be proven. Of a gauge it is in the "
            'gauge\'s own unit: "16777216" is 16 MiB.',
        ),
        matching(
            r"[0-9]{1,12}(\.[0-9]{1,6})?|\.[0-9]{1,6}",
            'must be a number of at least 0 in quotes, such as "0.005"',
        ),
    ] = "0.005"


class ReleaseMetricSpec(Model):
    """What is measured, and how much worse it may get."""

    counts: Annotated[Counts | None, Field(description="Bad requests out of all requests.")] = None
    histogram: Annotated[
        Histogram | None,
        Field(
            description="How long requests take. The canary is worse where its requests are slower "
            "anywhere in the distribution; a mean or a single quantile would hide it. It is safe "
            "where, at each bound from stable's median up, its share of slower requests is within "
            "the margin."
        ),
    ] = None
    gauge: Annotated[
        Gauge | None,
        Field(
            description="A value of each pod, such as its memory. The canary is worse where its "
            "pods lie above stable's by more than pods of one version differ, which is learned "
            "from stable's last 15 minutes."
        ),
    ] = None
    per: Annotated[
        Literal["Pod", "Service"],
        Field(
            description="What the labels can tell apart. Pod: one series per pod. Service: one per "
            "Service, as gateways report; no look is taken until the youngest canary pod is past "
            "its warm-up."
        ),
    ] = "Pod"
    pod_label: Annotated[
        LabelName, Field(description="The label that carries the pod's name when per is Pod.")
    ] = "pod"
    slo: Annotated[
        str | None,
        Field(
            max_length=8,
            description="The largest share of bad requests that either version may have, such as "
            '"0.02". Over it no step is passed, whatever the comparison says: what hits both '
            "versions alike shows in no comparison.",
        ),
        matching(
            r"0?\.[0-9]{0,5}[1-9][0-9]{0,5}",
            'must be a share above 0 and below 1 in quotes, such as "0.02"',
        ),
    ] = None
    margin: Annotated[
        Margin,
        Field(description="How much worse the canary may be and still count as safe."),
        Rule(
            "double(self.relative) > 0.0 || double(self.absolute) > 0.0",
            "relative and absolute are both 0: no number of requests can prove a version equal",
        ),
    ] = Margin()


def _picks_one_arm(kind: str, field: str) -> tuple[Rule, Rule]:
    """Return the rules that a selector tells one arm's series from the other's."""
    selector = f"self.{kind}.{field}"
    return (
        Rule(
            f"!has(self.{kind}) || self.per != 'Pod' || {selector}.matches('[{{, \\t\\n]' + "
            "self.podLabel + '[ \\t\\n]*=~[ \\t\\n]*\"[{][{] pods [}][}]\"')",
            f"per is Pod, so {kind}.{field} must pick one arm's pods by the label that podLabel "
            'names: pod=~"{{ pods }}"',
        ),
        Rule(
            f"!has(self.{kind}) || self.per != 'Service' || {selector}.contains("
            "'{{ service }}')",
            f"per is Service, so {kind}.{field} must pick one arm by {{{{ service }}}}",
        ),
    )


_COUNTS_PER_POD, _COUNTS_PER_SERVICE = _picks_one_arm("counts", "total")
_BUCKETS_PER_POD, _BUCKETS_PER_SERVICE = _picks_one_arm("histogram", "buckets")
_GAUGE_PER_POD, _ = _picks_one_arm("gauge", "series")


class ReleaseMetric(Model):
    """A measurement that any plan in its namespace can compare the canary with stable by."""

    metadata: Metadata
    spec: Annotated[
        ReleaseMetricSpec,
        Rule(
            "[has(self.counts), has(self.histogram), has(self.gauge)].filter(x, x).size() == 1",
            "set one of counts, histogram and gauge: a ReleaseMetric is one measurement",
        ),
        Rule(
            "!has(self.slo) || has(self.counts)",
            "slo is a share of bad requests, so it needs counts",
        ),
        _COUNTS_PER_POD,
        _COUNTS_PER_SERVICE,
        _BUCKETS_PER_POD,
        _BUCKETS_PER_SERVICE,
        _GAUGE_PER_POD,
        Rule(
            "!has(self.gauge) || self.per == 'Pod'",
            "a gauge is compared pod by pod: set per to Pod, and podLabel to the label that has "
            "the pod's name",
        ),
        Rule(
            "has(self.gauge) || double(self.margin.absolute) < 1.0",
            'margin.absolute is a share of all requests, so it is below 1, such as "0.005"; '
            "only that of a gauge is in the gauge's unit",
        ),
    ]
