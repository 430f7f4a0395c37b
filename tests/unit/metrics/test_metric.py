"""A ReleaseMetric as a query: what is refused, what is asked, and whose a series is."""

import pytest

from controller.api.metric import ReleaseMetricSpec
from controller.metrics.evidence import NoEvidence, Series
from controller.metrics.metric import (
    Readings,
    assign,
    build_query,
    check_metric,
    compile_metric,
)
from tests.unit.metrics.given import (
    BUCKETS,
    MEMORY,
    PER_SERVICE,
    TOTAL,
    a_gateway_series,
    a_gauge,
    a_histogram,
    a_pod,
    a_series,
    a_spec,
    some_arms,
)

ARMS = some_arms(
    canary=[a_pod("checkout-canary-x")], stable=[a_pod("checkout-a"), a_pod("checkout-b.c")]
)


@pytest.mark.parametrize(
    ("total", "bad", "per", "expected"),
    [
        (TOTAL, 'code=~"5.."', "Pod", None),
        ('requests_total{pod=~"{{ pods }}"}', 'error!=""', "Pod", None),
        (PER_SERVICE, 'code=~"5.."', "Service", None),
        (PER_SERVICE, 'code="500", code!="503"', "Service", None),
        ('x{pod=~"("}', 'code="500"', "Pod", "spec.counts.total: 'x{pod=~\"(\"}', character 8"),
        (TOTAL, 'code=~"["', "Pod", "spec.counts.bad: 'code=~\"[\"', character 7"),
        ('x{pod=~"{{ pods }}",__name__="y"}', 'code="500"', "Pod", "leave __name__ out"),
        (
            'latency_bucket{pod=~"{{ pods }}"}',
            'le="1"',
            "Pod",
            "latency_bucket counts each request in several buckets; use latency_count",
        ),
        ('x{pod!~"{{ pods }}"}', 'code="500"', "Pod", "selects nothing after !~; use = or =~"),
        (TOTAL, 'pod="{{ pods }}"', "Pod", "they belong into spec.counts.total"),
        ('x{a="b"}', 'code="5"', "Pod", 'podLabel is pod, so it needs pod=~"{{ pods }}"'),
        ('x{name=~"{{ pods }}"}', 'code="500"', "Pod", "podLabel is pod, so it needs"),
        (TOTAL, 'code="500"', "Service", "per is Service, so a label must be matched"),
        (
            'x{pod=~"{{ pods }}",service="{{ service }}"}',
            'code="500"',
            "Service",
            "{{ pods }} has no use in it; set per to Pod",
        ),
        (
            'x{pod=~"{{ pods }}",code="200"}',
            'code=~"5.."',
            "Pod",
            'no request could be bad, code=~"5.." contradicts code="200"',
        ),
        ('x{pod=~"{{ pods }}",code="500"}', 'code=~"5.."', "Pod", "every request would be bad"),
    ],
)
def test_a_metric_that_cannot_work_is_refused_in_a_sentence(
    total: str, bad: str, per: str, expected: str | None
) -> None:
    found = check_metric(a_spec(total, bad, per))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert expected in found
        assert found.startswith("spec.counts.")


@pytest.mark.parametrize(
    ("buckets", "per", "expected"),
    [
        (BUCKETS, "Pod", None),
        ('x_bucket{service=~"{{ service }}"}', "Service", None),
        ('x_bucket{pod=~"("}', "Pod", "spec.histogram.buckets: 'x_bucket{pod=~\"(\"}', character"),
        ('x_sum{pod=~"{{ pods }}"}', "Pod", "x_sum is not a histogram's buckets"),
        ('x_bucket{pod=~"{{ pods }}",le="1"}', "Pod", "every bucket of x_bucket is read; leave le"),
        ('x_bucket{a="b"}', "Pod", 'podLabel is pod, so it needs pod=~"{{ pods }}"'),
        ('x_bucket{pod!="{{ pods }}"}', "Pod", "selects nothing after !=; use = or =~"),
    ],
)
def test_a_histogram_that_cannot_work_is_refused_in_a_sentence(
    buckets: str, per: str, expected: str | None
) -> None:
    found = check_metric(a_histogram(buckets, per))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert expected in found
        assert found.startswith("spec.histogram.buckets: ")


@pytest.mark.parametrize(
    ("series", "per", "expected"),
    [
        ('x{pod=~"("}', "Pod", "spec.gauge.series: 'x{pod=~\"(\"}', character"),
        (
            'x{job="a"}',
            "Pod",
            "spec.gauge.series: per is Pod and podLabel is pod, so it needs pod=",
        ),
        ('x{service="{{ service }}"}', "Service", "spec.gauge: it is compared pod by pod"),
        ('x_total{pod=~"{{ pods }}"}', "Pod", "spec.gauge.series: x_total is a counter"),
        ('x_bucket{pod=~"{{ pods }}"}', "Pod", "spec.gauge.series: x_bucket is a counter"),
        (MEMORY, "Pod", None),
    ],
)
def test_a_gauge_is_one_series_a_pod(series: str, per: str, expected: str | None) -> None:
    found = check_metric(a_gauge(series, per))
    assert (found is None) == (expected is None)
    assert (found or "").startswith(expected or "")


def test_a_metric_of_no_kind_is_refused_in_a_sentence() -> None:
    # The API server refuses it; what was stored before a rule may still come.
    found = check_metric(ReleaseMetricSpec.model_validate({}))
    assert found == "spec: set counts, histogram or gauge: there is nothing to measure"


@pytest.mark.parametrize(
    ("total", "per", "expected"),
    [
        (
            TOTAL,
            "Pod",
            (
                'http_requests_total{namespace="shop",'
                r'pod=~"(?:checkout\\-canary\\-x|checkout\\-a|checkout\\-b\\.c)"}'
            ),
        ),
        (
            'x{pod="prefix.{{ pods }}"}',
            "Pod",
            r'x{pod=~"prefix\\.(?:checkout\\-canary\\-x|checkout\\-a|checkout\\-b\\.c)"}',
        ),
        (
            'x{service="{{ service }}",namespace=~"{{ namespace }}|other"}',
            "Service",
            r'x{service=~"(?:checkout\\-canary|checkout)",namespace=~"(?:shop)|other"}',
        ),
    ],
)
def test_one_query_covers_both_arms(total: str, per: str, expected: str) -> None:
    metric = compile_metric(a_spec(total, per=per))
    assert build_query(metric, ARMS, {}).text == expected


def test_the_plans_matchers_are_part_of_the_query() -> None:
    metric = compile_metric(a_spec(PER_SERVICE, per="Service"))
    query = build_query(metric, ARMS, {"zone": "a", "cluster": 'eu"1'})
    assert query.text.endswith(r',cluster="eu\"1",zone="a"}')


def test_stable_alone_is_asked_for_where_there_is_no_canary() -> None:
    arms = some_arms(stable=[a_pod("checkout-a")])
    alone = type(arms)("shop", arms.stable, (), "checkout", "checkout-canary")
    metric = compile_metric(a_spec(PER_SERVICE, per="Service"))
    assert "canary" not in build_query(metric, alone, {}).text


def assigned(*series: Series, total: str = TOTAL, per: str = "Pod") -> Readings | NoEvidence:
    metric = compile_metric(a_spec(total, per=per))
    return assign(series, metric, build_query(metric, ARMS, {}), ARMS)


def test_each_series_goes_to_the_arm_of_its_pod() -> None:
    found = assigned(
        a_series("checkout-a", [(0, 1)]),
        a_series("checkout-canary-x", [(0, 1)], code="503"),
        a_series("checkout-b.c", [(0, 1)]),
    )
    assert isinstance(found, Readings)
    assert [(r.pod, r.part) for r in found.canary] == [("checkout-canary-x", "bad")]
    assert [(r.pod, r.part) for r in found.stable] == [
        ("checkout-a", "good"),
        ("checkout-b.c", "good"),
    ]


def test_each_series_goes_to_the_arm_of_its_service() -> None:
    found = assigned(
        a_gateway_series("checkout", [(0, 1)], code="500"),
        a_gateway_series("checkout-canary", [(0, 1)]),
        total=PER_SERVICE,
        per="Service",
    )
    assert isinstance(found, Readings)
    assert [(r.pod, r.part) for r in found.canary] == [("", "good")]
    assert [(r.pod, r.part) for r in found.stable] == [("", "bad")]


def test_a_series_of_both_arms_is_named() -> None:
    found = assigned(
        a_gateway_series("checkout-canary", [(0, 1)]),
        total='gateway_requests_total{service=~".*{{ service }}.*"}',
        per="Service",
    )
    assert isinstance(found, NoEvidence)
    assert found.reason == "SeriesOfBothArms"
    assert 'service="httproute-shop-checkout-svc-shop-checkout-canary-0@gateway"' in found.message
    assert "write in spec.counts.total what follows the placeholder" in found.message


def test_a_series_of_no_arm_is_named() -> None:
    found = assigned(a_series("checkout-z", [(0, 1)]))
    assert isinstance(found, NoEvidence)
    assert found.reason == "SeriesOfNoArm"
    assert 'pod="checkout-z"' in found.message


def test_a_pod_whose_name_begins_another_ones_is_not_that_one() -> None:
    found = assigned(a_series("checkout-a1", [(0, 1)]), total='x{pod=~"{{ pods }}.*"}')
    assert isinstance(found, NoEvidence)
    assert found.reason == "SeriesOfNoArm"
