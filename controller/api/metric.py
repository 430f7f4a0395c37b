"""ReleaseMetric: a measurement that any plan in its namespace can name.

Promises: every field is read. Leaves out: gauges and free queries, which the controller does not
read yet; they are not in the schema.
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


class Margin(Model):
    """How much worse than stable the canary may be and still count as safe."""

    relative: Annotated[
        str,
        Field(
            max_length=8,
            description='Share of the stable rate: "0.5" lets 1.5 times the stable rate pass.',
        ),
        matching(
            r"[0-9]{1,3}(\.[0-9]{1,4})?", 'must be a number of at least 0 in quotes, such as "0.5"'
        ),
    ] = "0.5"
    absolute: Annotated[
        str,
        Field(
            max_length=8,
            description='Added to that, as a share of all requests: "0.005" is 0.5 percentage '
            "points. Smaller margins need more requests to be proven.",
        ),
        matching(r"0?\.[0-9]{1,6}|0", 'must be a share below 1 in quotes, such as "0.005"'),
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


class ReleaseMetric(Model):
    """A measurement that any plan in its namespace can compare the canary with stable by."""

    metadata: Metadata
    spec: Annotated[
        ReleaseMetricSpec,
        Rule(
            "has(self.counts) != has(self.histogram)",
            "set either counts or histogram: a ReleaseMetric is one measurement",
        ),
        Rule(
            "!has(self.slo) || has(self.counts)",
            "slo is a share of bad requests, so it needs counts",
        ),
        _COUNTS_PER_POD,
        _COUNTS_PER_SERVICE,
        _BUCKETS_PER_POD,
        _BUCKETS_PER_SERVICE,
    ]
