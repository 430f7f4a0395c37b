"""What these tests begin with: a metric, arms, and series as Prometheus would return them."""

from collections.abc import Sequence

from controller.api.metric import ReleaseMetricSpec
from controller.metrics.arms import Arms, PodRef
from controller.metrics.evidence import Look, NoEvidence, Samples, Series
from controller.metrics.look import Bounds, take_look
from controller.metrics.metric import assign, build_query, compile_metric

# Midnight, 1 November 2026: large enough for the rounding of real times.
T0 = 1_793_491_200.0
INTERVAL = 5.0
TOTAL = 'http_requests_total{namespace="{{ namespace }}",pod=~"{{ pods }}"}'
BUCKETS = 'latency_seconds_bucket{namespace="{{ namespace }}",pod=~"{{ pods }}"}'
MEMORY = 'memory_bytes{namespace="{{ namespace }}",pod=~"{{ pods }}"}'
PER_SERVICE = 'gateway_requests_total{service=~".*-{{ service }}-[0-9]+@gateway"}'
Point = tuple[float, float]


def a_spec(
    total: str = TOTAL, bad: str = 'code=~"5.."', per: str = "Pod", pod_label: str = "pod"
) -> ReleaseMetricSpec:
    return ReleaseMetricSpec.model_validate(
        {"counts": {"total": total, "bad": bad}, "per": per, "podLabel": pod_label}
    )


def a_histogram(buckets: str = BUCKETS, per: str = "Pod") -> ReleaseMetricSpec:
    return ReleaseMetricSpec.model_validate({"histogram": {"buckets": buckets}, "per": per})


def a_gauge(series: str = MEMORY, per: str = "Pod") -> ReleaseMetricSpec:
    return ReleaseMetricSpec.model_validate({"gauge": {"series": series}, "per": per})


def a_pod(name: str, *, ready: float | None = -1000.0, started: float = -1010.0) -> PodRef:
    """Return a pod with times in seconds after T0."""
    return PodRef(name, None if ready is None else T0 + ready, T0 + started)


def some_arms(canary: Sequence[PodRef] = (), stable: Sequence[PodRef] = ()) -> Arms:
    return Arms(
        namespace="shop",
        stable=tuple(stable) or (a_pod("checkout-1"),),
        canary=tuple(canary) or (a_pod("checkout-canary-1"),),
        stable_service="checkout",
        canary_service="checkout-canary",
    )


def a_series(pod: str, points: Sequence[Point], code: str = "200", **labels: str) -> Series:
    """Return a series of a pod; times in seconds after T0."""
    return Series(
        {
            "__name__": "http_requests_total",
            "namespace": "shop",
            "pod": pod,
            "job": "pods",
            "instance": f"{pod}:8080",
            "code": code,
            **labels,
        },
        tuple(T0 + time for time, _ in points),
        tuple(float(value) for _, value in points),
    )


def bucket_series(pod: str, le: str, points: Sequence[Point]) -> Series:
    """Return the series of one bucket of a pod's histogram; times in seconds after T0."""
    labels = {"namespace": "shop", "pod": pod, "job": "pods", "instance": f"{pod}:8080", "le": le}
    return Series(
        {"__name__": "latency_seconds_bucket", **labels},
        tuple(T0 + time for time, _ in points),
        tuple(float(value) for _, value in points),
    )


def gauge_series(pod: str, points: Sequence[Point], **labels: str) -> Series:
    """Return a gauge's series of a pod; times in seconds after T0."""
    usual = {"namespace": "shop", "pod": pod, "job": "pods", "instance": f"{pod}:8080"}
    return Series(
        {"__name__": "memory_bytes", **usual, **labels},
        tuple(T0 + time for time, _ in points),
        tuple(float(value) for _, value in points),
    )


def level(value: float, *, start: float = -150, end: float = 30) -> list[Point]:
    """Return a scrape every INTERVAL seconds of a gauge that stays where it is."""
    return [(time, value) for time, _ in steady(0, start=start, end=end)]


def histograms(rate: float, pod: str, **shares: float) -> list[Series]:
    """Return a pod's buckets; of its requests these shares are within a bound."""
    bounds = {"0.1": shares["fast"], "0.5": shares["slow"], "+Inf": 1.0}
    return [bucket_series(pod, le, steady(rate * part)) for le, part in bounds.items()]


def a_gateway_series(service: str, points: Sequence[Point], code: str = "200") -> Series:
    """Return a gateway's series of a backend; times in seconds after T0."""
    return Series(
        {
            "__name__": "gateway_requests_total",
            "job": "gateway",
            "instance": "192.0.2.1:8082",
            "service": f"httproute-shop-checkout-svc-shop-{service}-0@gateway",
            "code": code,
        },
        tuple(T0 + time for time, _ in points),
        tuple(float(value) for _, value in points),
    )


def steady(rate: float, *, start: float = -150, end: float = 30, offset: float = 0) -> list[Point]:
    """Return a scrape every INTERVAL seconds of a counter that rises by `rate` a second."""
    count = int((end - start) // INTERVAL)
    times = [start + offset + i * INTERVAL for i in range(count + 1)]
    return [(time, 1000 + rate * (time - start)) for time in times if time <= end]


def look_at(
    series: Sequence[Series],
    *,
    arms: Arms | None = None,
    spec: ReleaseMetricSpec | None = None,
    since: float = 0,
    changed: float = -10_000,
    warm_up: float = 0,
    now: float = 30,
    answered_at: float | None = None,
) -> Look | NoEvidence:
    """Take a look at these series; all times in seconds after T0."""
    arms = arms or some_arms()
    metric = compile_metric(spec or a_spec())
    readings = assign(series, metric, build_query(metric, arms, {}), arms)
    if isinstance(readings, NoEvidence):
        return readings
    samples = Samples(
        tuple(series), window=now - since + 150, answered_at=T0 + (answered_at or now)
    )
    return take_look(samples, readings, arms, Bounds(T0 + since, T0 + changed, warm_up, T0 + now))


def reason(outcome: object) -> str:
    """Return why there is no evidence, or what there is instead."""
    return outcome.reason if isinstance(outcome, NoEvidence) else repr(outcome)
