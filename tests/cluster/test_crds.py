"""Our kinds in a real API server: what it refuses, and with which words.

Every rule of the schemas is broken here once. The other direction, that the models read whatever
the server accepts, is in test_crds_read.py.
"""

import json
from typing import Any

import pytest

from controller.api import crd
from controller.api.validation import RULES
from controller.kube.client import Client
from controller.kube.errors import Invalid
from tests.cluster import chart
from tests.cluster.commands import refused
from tests.cluster.samples import (
    ALERTMANAGER,
    KINDS,
    METRIC,
    ORDER,
    PLAN,
    PROMETHEUS,
    Object,
    Path,
    changed,
)


@pytest.fixture(scope="module", autouse=True)
def crds(client: Client) -> None:
    chart.install_crds(client)


def refusal(client: Client, namespace: str, item: Object) -> str:
    kind, _ = KINDS[item["kind"]]
    with pytest.raises(Invalid) as refused_with:
        client.create(kind, namespace, item, dry_run=True)
    return str(refused_with.value)


OBJECT_NAME = "must be the name of an object: a-z, 0-9, '-' and '.'"
LABEL_NAME = "label names of Prometheus are letters, digits and _"
TOTAL = ("spec", "counts", "total")
BUCKETS = ("spec", "histogram", "buckets")
SERIES = ("spec", "gauge", "series")

# Where, what, and the words that say why it is refused.
REFUSED: list[tuple[str, Path, Any, str]] = [
    ("ReleasePlan", ("metadata", "name"), "1checkout", "a plan has the name of its Deployment"),
    ("ReleasePlan", ("metadata", "name"), "a.b", "a plan has the name of its Deployment"),
    ("ReleasePlan", ("metadata", "name"), "a" * 64, "a plan has the name of its Deployment"),
    ("ReleasePlan", ("spec", "traffic", "service"), "Checkout", OBJECT_NAME),
    ("ReleasePlan", ("spec", "traffic", "service"), "", OBJECT_NAME),
    ("ReleasePlan", ("spec", "traffic", "httpRoutes"), ["a b"], OBJECT_NAME),
    ("ReleasePlan", ("spec", "traffic", "httpRoutes"), ["a", "a"], "Duplicate value"),
    ("ReleasePlan", ("spec", "traffic", "httpRoutes"), [], "name at least one route in httpRoutes"),
    ("ReleasePlan", ("spec", "traffic", "trackLabel"), "a b", "must be the key of a label"),
    ("ReleasePlan", ("spec", "traffic", "drain"), "11m", "must be a duration from 0s to 10m"),
    ("ReleasePlan", ("spec", "steps"), [], "should have at least 1 items"),
    ("ReleasePlan", ("spec", "steps", 1, "weight"), 5, "weights must rise from step to step"),
    ("ReleasePlan", ("spec", "steps", 1, "weight"), 4, "weights must rise from step to step"),
    ("ReleasePlan", ("spec", "steps", 1, "weight"), 91, "less than or equal to 90"),
    ("ReleasePlan", ("spec", "steps", 0, "weight"), 0, "greater than or equal to 1"),
    ("ReleasePlan", ("spec", "steps", 0, "hold"), "5", "must be a duration from 0s to 168h"),
    ("ReleasePlan", ("spec", "steps", 0, "hold"), "169h", "must be a duration from 0s to 168h"),
    ("ReleasePlan", ("spec", "exposure"), 0, "greater than or equal to 1"),
    ("ReleasePlan", ("spec", "exposure"), 1_000_000_001, "less than or equal to 1"),
    ("ReleasePlan", (*PROMETHEUS, "url"), "http://u:p@a", "without user name and password"),
    ("ReleasePlan", (*PROMETHEUS, "url"), "prometheus:9090", "must be an http or https URL"),
    *(
        ("ReleasePlan", (*PROMETHEUS, "url"), url, "a host, a port up to 65535 and a path, without")
        for url in (
            *("http://[::1:9090", "http://[1.2.3.4]", "http://prom:99999999", "http://p:0"),
            *("http://a\\b", "http://%zz", "http://p/%zz", "http://p/?x=1#f", "http://p/?x"),
        )
    ),
    ("ReleasePlan", (*PROMETHEUS, "secretRef"), {"name": "A"}, OBJECT_NAME),
    ("ReleasePlan", (*PROMETHEUS, "matchers"), {"a-b": "c"}, LABEL_NAME),
    ("ReleasePlan", (*PROMETHEUS, "matchers"), {"a" * 129: "c"}, LABEL_NAME),
    ("ReleasePlan", ("spec", "analysis", "look"), "500ms", "must be a duration from 1s to 10m"),
    ("ReleasePlan", ("spec", "analysis", "look"), "601s", "must be a duration from 1s to 10m"),
    ("ReleasePlan", ("spec", "analysis", "warmUp"), "61m", "must be a duration from 0s to 1h"),
    ("ReleasePlan", ("spec", "analysis", "falseRollback"), "0.0", "a probability above 0"),
    ("ReleasePlan", ("spec", "analysis", "falseRollback"), "0.6", "and at most 0.5"),
    ("ReleasePlan", ("spec", "analysis", "falseRollback"), 0.01, "must be of type string"),
    ("ReleasePlan", ("spec", "analysis", "falsePromotion"), "1%", "must be a probability"),
    ("ReleasePlan", ("spec", "analysis", "metrics"), [], "should have at least 1 items"),
    (
        "ReleasePlan",
        ("spec", "analysis", "metrics", 0, "required"),
        False,
        "at least one metric must be required",
    ),
    ("ReleasePlan", ("spec", "analysis", "metrics", 0, "metric"), "A", OBJECT_NAME),
    (
        "ReleasePlan",
        ("spec", "analysis", "metrics"),
        [{"metric": "a"}, {"metric": "a"}],
        "Duplicate value",
    ),
    ("ReleasePlan", (*ALERTMANAGER, "urls"), ["alertmanager"], "must be an http or https URL"),
    ("ReleasePlan", (*ALERTMANAGER, "urls"), ["http://am:90933"], "a port up to 65535"),
    ("ReleasePlan", (*ALERTMANAGER, "labels"), {"a.b": "c"}, LABEL_NAME),
    ("ReleasePlan", (*ALERTMANAGER, "runbookUrl"), "wiki", "must be an http or https URL"),
    ("ReleasePlan", ("spec", "history"), 0, "greater than or equal to 1"),
    ("ReleaseMetric", TOTAL, f"rate({METRIC['spec']['counts']['total']}[5m])", "one series sel"),
    ("ReleaseMetric", TOTAL, f"{METRIC['spec']['counts']['total']}[5m]", "one series selector"),
    ("ReleaseMetric", TOTAL, 'requests_total{pod=~"{{ pod }}"}', "one series selector"),
    ("ReleaseMetric", TOTAL, 'requests_total{job="a"}', "per is Pod, so counts.total must pick"),
    ("ReleaseMetric", TOTAL, 'requests_total{pod="{{ pods }}"}', "per is Pod, so counts.total"),
    ("ReleaseMetric", ("spec", "podLabel"), "instance", "per is Pod, so counts.total must pick"),
    ("ReleaseMetric", ("spec", "podLabel"), "a-b", "must be the name of a Prometheus label"),
    ("ReleaseMetric", ("spec", "per"), "Service", "per is Service, so counts.total must pick"),
    ("ReleaseMetric", ("spec", "per"), "Node", "Unsupported value"),
    (
        "ReleaseMetric",
        ("spec", "histogram"),
        {"buckets": 'x_bucket{pod=~"{{ pods }}"}'},
        "set one of counts, histogram and gauge",
    ),
    ("ReleaseMetric", ("spec", "slo"), "2 %", "must be a share above 0 and below 1 in quotes"),
    ("ReleaseMetric", ("spec", "slo"), "0.00", "must be a share above 0 and below 1 in quotes"),
    (
        "ReleaseMetric",
        ("spec", "gauge"),
        {"series": 'x{pod=~"{{ pods }}"}'},
        "set one of counts, histogram and gauge",
    ),
    ("ReleaseMetric", ("spec", "margin"), {"absolute": "1"}, "margin.absolute is a share of all"),
    ("ReleaseMetric memory", SERIES, "max(x)", "must be one series selector"),
    ("ReleaseMetric memory", SERIES, 'x{job="a"}', "per is Pod, so gauge.series must pick"),
    ("ReleaseMetric memory", ("spec", "per"), "Service", "a gauge is compared pod by pod"),
    ("ReleaseMetric memory", ("spec", "gauge", "unit"), "MiB", "Unsupported value"),
    ("ReleaseMetric memory", ("spec", "gauge", "measure"), "Slope", "Unsupported value"),
    ("ReleaseMetric memory", ("spec", "slo"), "0.02", "slo is a share of bad requests"),
    ("ReleaseMetric memory", ("spec", "margin"), {"absolute": "16Mi"}, "a number of at least 0"),
    (
        "ReleaseMetric latency",
        ("spec", "slo"),
        "0.02",
        "slo is a share of bad requests, so it needs counts",
    ),
    (
        "ReleaseMetric latency",
        BUCKETS,
        "histogram_quantile(0.99, x_bucket)",
        "must be one series selector",
    ),
    (
        "ReleaseMetric latency",
        BUCKETS,
        'x_bucket{job="a"}',
        "per is Pod, so histogram.buckets must pick",
    ),
    (
        "ReleaseMetric latency",
        ("spec", "per"),
        "Service",
        "per is Service, so histogram.buckets must pick",
    ),
    ("ReleaseMetric", ("spec", "counts", "bad"), '{code="5"}', "label matchers without braces"),
    ("ReleaseMetric", ("spec", "margin"), {"relative": "-1"}, "a number of at least 0 in quotes"),
    (
        "ReleaseMetric",
        ("spec", "margin"),
        {"relative": "0", "absolute": "0"},
        "relative and absolute are both 0",
    ),
    ("Release", ("spec", "number"), 0, "greater than or equal to 1"),
    ("Release", ("spec", "template", "spec"), ..., "Required value"),
    ("Release", ("spec", "orders"), [{**ORDER, "action": "Promote"}], "Unsupported value"),
    ("Release", ("spec", "orders"), [{**ORDER, "by": ""}], "at least 1 chars long"),
    ("Release", ("spec", "orders"), [{**ORDER, "at": "yesterday"}], "must be a time such as"),
    (
        "Release",
        ("spec", "orders"),
        [{**ORDER, "at": "2026-02-30T12:00:00Z"}],
        "must be a time such as",
    ),
    ("Release", ("spec", "orders"), [{**ORDER, "at": []}], "must be of type string"),
    ("Release", ("spec", "orders"), [ORDER] * 21, "must have at most 20 items"),
]


@pytest.mark.parametrize(
    ("name", "path", "value", "words"),
    [
        pytest.param(*case, id=f"{case[0]} {'.'.join(map(str, case[1]))} {str(case[2])[:24]}")
        for case in REFUSED
    ],
)
def test_nonsense_is_refused_with_a_sentence(
    client: Client, namespace: str, name: str, path: Path, value: Any, words: str
) -> None:
    assert words in refusal(client, namespace, changed(KINDS[name][1], path, value))


@pytest.mark.parametrize("name", KINDS)
def test_without_the_nonsense_each_is_accepted(client: Client, namespace: str, name: str) -> None:
    kind, item = KINDS[name]
    assert client.create(kind, namespace, item, dry_run=True)["spec"]


def test_as_many_and_as_long_urls_as_fit_are_within_the_cost_limit(
    client: Client, namespace: str
) -> None:
    def long(number: int) -> str:
        return f"http://{number}.{'a.' * 400}:9093/{'%20/' * 308}"[:2048]

    receivers = [
        {"alertmanager": {"urls": [long(4 * each + n) for n in range(4)], "runbookUrl": long(0)}}
        for each in range(8)
    ]
    item = changed(changed(PLAN, ("spec", "notify"), receivers), (*PROMETHEUS, "url"), long(0))
    kind, _ = KINDS["ReleasePlan"]
    stored = client.create(kind, namespace, item, dry_run=True)
    assert {len(url) for url in stored["spec"]["notify"][7]["alertmanager"]["urls"]} == {2048}


def test_every_rule_is_broken_above() -> None:
    told = [words for *_, words in REFUSED]
    rules = [rule for kind in crd.KINDS for rule in rules_of(crd.object_schema(kind))]
    of_one_object = {rule["message"] for rule in rules if "oldSelf" not in rule["rule"]}
    assert of_one_object
    assert [s for s in of_one_object if not any(words in s for words in told)] == []


def rules_of(node: Any) -> list[dict[str, str]]:
    if isinstance(node, list):
        return [rule for item in node for rule in rules_of(item)]
    if isinstance(node, dict):
        return [*node.get(RULES, ()), *(r for child in node.values() for r in rules_of(child))]
    return []


def test_kubectl_apply_shows_the_sentence(namespace: str) -> None:
    item = changed(PLAN, ("spec", "steps", 1, "weight"), 5)
    said = refused("kubectl", "apply", "-n", namespace, "-f", "-", stdin=json.dumps(item))
    assert "spec.steps: Invalid value: weights must rise from step to step" in said
