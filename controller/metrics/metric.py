"""A ReleaseMetric as a query: what is wrong with it, the text for both arms, whose a series is.

The placeholders are filled once for the union of both arms, so that one query covers them; a series
that comes back belongs to the arm whose own filling matches its labels. Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from controller.api.metric import ReleaseMetricSpec
from controller.metrics.arms import Arms
from controller.metrics.evidence import NoEvidence, Series
from controller.metrics.selector import (
    NAME_LABEL,
    Matcher,
    Selector,
    SelectorError,
    parse_matchers,
    parse_selector,
    quote_regex,
)

_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_PER_ARM = frozenset({"pods", "service"})
_BUCKET = "_bucket"
_BOUND_LABEL = "le"

Kind = Literal["Counts", "Histogram", "Gauge"]
FIELDS: dict[Kind, str] = {
    "Counts": "spec.counts.total",
    "Histogram": "spec.histogram.buckets",
    "Gauge": "spec.gauge.series",
}
# How the names of series end that only ever rise.
_COUNTING = ("_total", "_bucket")
# What a series of counts counts. The part of a histogram's series is its `le`; a gauge has none.
GOOD, BAD = "good", "bad"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Metric:
    """A ReleaseMetric that can work. `pod_label` is empty where series are per Service."""

    kind: Kind
    selector: Selector
    bad: tuple[Matcher, ...]
    pod_label: str

    @property
    def field(self) -> str:
        """Where the selector is written, for messages."""
        return FIELDS[self.kind]

    def part(self, labels: Mapping[str, str]) -> str:
        """Return which of the requests a series counts: good or bad ones, or those up to `le`.

        Empty for a gauge, which counts none.
        """
        if self.kind == "Histogram":
            return labels.get(_BOUND_LABEL, "")
        if self.kind == "Gauge":
            return ""
        return BAD if all(matcher.matches(labels) for matcher in self.bad) else GOOD


@dataclass(frozen=True, slots=True)
class Query:
    """The selector for both arms, and of each arm the matchers that tell it from the other."""

    text: str
    canary: tuple[Matcher, ...]
    stable: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A series of one arm. `pod` is empty where series are per Service."""

    pod: str
    part: str
    series: Series


@dataclass(frozen=True, slots=True)
class Readings:
    """The series of both arms, and what they are series of."""

    metric: Metric
    canary: tuple[Reading, ...]
    stable: tuple[Reading, ...]


def check_metric(spec: ReleaseMetricSpec) -> str | None:
    """Return in a sentence why the metric cannot work, None if it can."""
    try:
        compile_metric(spec)
    except SelectorError as error:
        return str(error)
    return None


def compile_metric(spec: ReleaseMetricSpec) -> Metric:
    """Return the metric. Raises SelectorError with a sentence that names the field."""
    pod_label = spec.pod_label if spec.per == "Pod" else ""
    if spec.counts is not None:
        field = FIELDS["Counts"]
        total = _read(field, parse_selector, spec.counts.total)
        bad = _read("spec.counts.bad", parse_matchers, spec.counts.bad)
        _check_selector(field, spec, total)
        _check_counter(total)
        _check_bad(total, bad)
        return Metric("Counts", total, bad, pod_label)
    if spec.gauge is not None:
        field = FIELDS["Gauge"]
        series = _read(field, parse_selector, spec.gauge.series)
        _check_selector(field, spec, series)
        _check_gauge(spec, series)
        return Metric("Gauge", series, (), pod_label)
    if spec.histogram is None:
        raise SelectorError("spec: set counts, histogram or gauge: there is nothing to measure")
    field = FIELDS["Histogram"]
    buckets = _read(field, parse_selector, spec.histogram.buckets)
    _check_selector(field, spec, buckets)
    _check_buckets(buckets)
    return Metric("Histogram", buckets, (), pod_label)


def build_query(metric: Metric, arms: Arms, extra: Mapping[str, str]) -> Query:
    """Return the query for the pods and Services of both arms; `extra` are labels it must match.

    An arm without pods is left out.
    """

    def fill(matcher: Matcher, *, canary: bool, stable: bool) -> Matcher:
        pods = (*(arms.canary if canary else ()), *(arms.stable if stable else ()))
        services = (
            *((arms.canary_service,) if canary and arms.canary else ()),
            *((arms.stable_service,) if stable and arms.stable else ()),
        )
        values = {
            "namespace": (arms.namespace,),
            "pods": tuple(pod.name for pod in pods),
            "service": services,
        }
        return _fill(matcher, values)

    varying = [m for m in metric.selector.matchers if _PER_ARM & _placeholders(m.value)]
    union = tuple(fill(m, canary=True, stable=True) for m in metric.selector.matchers)
    required = tuple(Matcher(label, "=", value) for label, value in sorted(extra.items()))
    return Query(
        text=str(Selector(metric.selector.name, union + required)),
        canary=tuple(fill(m, canary=True, stable=False) for m in varying) if arms.canary else (),
        stable=tuple(fill(m, canary=False, stable=True) for m in varying) if arms.stable else (),
    )


def assign(
    series: Iterable[Series], metric: Metric, query: Query, arms: Arms
) -> Readings | NoEvidence:
    """Give each series to its arm; a series of both arms or of none is no evidence."""
    readings: dict[str, list[Reading]] = {"canary": [], "stable": []}
    names = {
        "canary": {pod.name for pod in arms.canary},
        "stable": {pod.name for pod in arms.stable},
    }
    for one in series:
        pod = one.labels.get(metric.pod_label, "") if metric.pod_label else ""
        owners = [
            arm
            for arm, matchers in (("canary", query.canary), ("stable", query.stable))
            if matchers
            and all(matcher.matches(one.labels) for matcher in matchers)
            and (not metric.pod_label or pod in names[arm])
        ]
        if len(owners) != 1:
            return _unclear(one, metric.field, both=bool(owners))
        readings[owners[0]].append(Reading(pod, metric.part(one.labels), one))
    return Readings(metric, tuple(readings["canary"]), tuple(readings["stable"]))


def _unclear(series: Series, field: str, *, both: bool) -> NoEvidence:
    if both:
        return NoEvidence(
            "SeriesOfBothArms",
            f"series {series.name} matches canary and stable alike; write in {field} what follows "
            "the placeholder too, so that one name is not the beginning of the other",
        )
    return NoEvidence(
        "SeriesOfNoArm",
        f"series {series.name} matches neither a pod or Service of the canary nor one of stable; "
        f"{field} must select by the whole name",
    )


def _placeholders(text: str) -> frozenset[str]:
    return frozenset(_PLACEHOLDER.findall(text))


def _fill(matcher: Matcher, values: Mapping[str, tuple[str, ...]]) -> Matcher:
    """Fill the placeholders of one matcher; `=` becomes `=~` where one may stand for several."""
    found = _placeholders(matcher.value)
    if not found:
        return matcher
    if matcher.op == "=" and not _PER_ARM & found:
        return Matcher(matcher.label, "=", _replaced(matcher.value, str, lambda k: values[k][0]))
    literal: Callable[[str], str] = quote_regex if matcher.op == "=" else str
    pattern = _replaced(matcher.value, literal, lambda name: _alternatives(values[name]))
    return Matcher(matcher.label, "=~", pattern)


def _replaced(text: str, literal: Callable[[str], str], value: Callable[[str], str]) -> str:
    parts = _PLACEHOLDER.split(text)  # literal, name, literal, name, ..., literal
    return "".join(value(p) if i % 2 else literal(p) for i, p in enumerate(parts))


def _alternatives(names: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(quote_regex(name) for name in names)})"


def _read(field: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except SelectorError as error:
        raise SelectorError(f"{field}: {error}") from error


def _check_selector(field: str, spec: ReleaseMetricSpec, selector: Selector) -> None:
    """Check what has to hold for the series of every kind of metric."""
    for matcher in selector.matchers:
        if matcher.label == NAME_LABEL:
            raise SelectorError(
                f"{field}: {selector.name} is the counter's name; leave {NAME_LABEL} out"
            )
        if _placeholders(matcher.value) and matcher.op not in {"=", "=~"}:
            raise SelectorError(
                f"{field}: the placeholder in {matcher} selects nothing after {matcher.op}; "
                "use = or =~"
            )
    _check_arms(field, spec, selector)


def _check_counter(total: Selector) -> None:
    if total.name.endswith(_BUCKET):
        raise SelectorError(
            f"spec.counts.total: {total.name} counts each request in several buckets; "
            f"use {total.name.removesuffix(_BUCKET)}_count"
        )


def _check_buckets(buckets: Selector) -> None:
    if not buckets.name.endswith(_BUCKET):
        raise SelectorError(
            f"spec.histogram.buckets: {buckets.name} is not a histogram's buckets, whose name ends "
            f"in {_BUCKET}"
        )
    if any(matcher.label == _BOUND_LABEL for matcher in buckets.matchers):
        raise SelectorError(
            f"spec.histogram.buckets: every bucket of {buckets.name} is read; "
            f"leave {_BOUND_LABEL} out"
        )


def _check_gauge(spec: ReleaseMetricSpec, series: Selector) -> None:
    if spec.per != "Pod":
        raise SelectorError(
            "spec.gauge: it is compared pod by pod; set per to Pod, and podLabel to the label that "
            "has the pod's name"
        )
    if series.name.endswith(_COUNTING):
        raise SelectorError(
            f"spec.gauge.series: {series.name} is a counter, which only ever rises; compare it "
            "with counts or histogram"
        )


def _check_arms(field: str, spec: ReleaseMetricSpec, selector: Selector) -> None:
    by_label = {
        m.label: _placeholders(m.value) for m in selector.matchers if _placeholders(m.value)
    }
    if spec.per == "Pod" and "pods" not in by_label.get(spec.pod_label, ()):
        wanted = Matcher(spec.pod_label, "=~", "{{ pods }}")
        raise SelectorError(
            f"{field}: per is Pod and podLabel is {spec.pod_label}, so it needs {wanted}"
        )
    every = frozenset[str]().union(*by_label.values())
    if spec.per == "Service" and "service" not in every:
        raise SelectorError(
            f"{field}: per is Service, so a label must be matched with {{{{ service }}}}"
        )
    if spec.per == "Service" and "pods" in every:
        raise SelectorError(
            f"{field}: per is Service, so {{{{ pods }}}} has no use in it; "
            "set per to Pod if the series have the pod's name in a label"
        )


def _check_bad(total: Selector, bad: tuple[Matcher, ...]) -> None:
    for matcher in bad:
        if _placeholders(matcher.value):
            raise SelectorError(
                f"spec.counts.bad: {matcher} has a placeholder; they belong into spec.counts.total"
            )
    fixed = {m.label: m.value for m in total.matchers if m.op == "=" and not _placeholders(m.value)}
    for matcher in bad:
        if matcher.label in fixed and not matcher.matches(fixed):
            raise SelectorError(
                f"spec.counts.bad: no request could be bad, {matcher} contradicts "
                f'{matcher.label}="{fixed[matcher.label]}" in spec.counts.total'
            )
    if all(m.label in fixed for m in bad):
        raise SelectorError(
            "spec.counts.bad: every request would be bad, spec.counts.total selects only those; "
            "total must select all requests, good and bad"
        )
