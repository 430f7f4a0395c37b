"""Without evidence a release holds and says why. It never passes for it, and never fails."""

from collections.abc import Callable
from typing import Final

from tests.cluster.releases.story import AT_ONCE, Json, Story, judged_by

LOOKS: Final = 20.0  # seconds, four looks


def test_no_traffic(story: Callable[..., Story]) -> None:
    shop = story()
    load = shop.load()
    shop.set_image("v3")
    shop.await_evidence()
    load.stop()
    status = shop.holds("NoTraffic", seconds=LOOKS)
    assert "no requests on the " in status["message"]
    shop.load()
    goes_on(shop)


def test_half_of_the_pods_are_not_scraped(story: Callable[..., Story]) -> None:
    shop = story(replicas=4)
    shop.load()
    shop.set_image("v3")
    shop.await_evidence()
    stable = [
        pod["metadata"]["name"] for pod in shop.get("pods", "--selector=app=checkout")["items"]
    ]
    half = [f"pod/{name}" for name in sorted(stable)[:2]]
    shop.shop.kubectl("annotate", *half, "prometheus.io/scrape-")
    status = shop.holds("PodsNotScraped", seconds=LOOKS)
    assert "2 of 4 stable pods have no fresh sample" in status["message"]
    assert all(name.removeprefix("pod/") in status["message"] for name in half)
    shop.shop.kubectl("annotate", *half, "prometheus.io/scrape=true")
    goes_on(shop)


def test_an_empty_answer(story: Callable[..., Story]) -> None:
    shop = story(adopt=False)
    total = 'requests_that_nobody_counts{namespace="{{ namespace }}", pod=~"{{ pods }}"}'
    shop.apply(metric(shop, "nobody", total=total))
    shop.adopt(analysis=judged_by("nobody"), exposure=AT_ONCE)
    shop.load()
    shop.set_image("v3")
    status = shop.holds("NoData", seconds=LOOKS)
    assert "nobody: no series of spec.counts.total for the stable" in status["message"]
    # Nobody knows how many requests there are, so not one of them goes to the canary.
    ends_without_a_verdict(shop, percent=0)


def test_not_a_number(story: Callable[..., Story]) -> None:
    shop = story(adopt=False)
    total = 'answers_total{namespace="{{ namespace }}", backend="{{ service }}"}'
    shop.apply(metric(shop, "answers", total=total, per="Service"), exporter(shop))
    shop.adopt(analysis=judged_by("answers"), exposure=AT_ONCE)
    shop.load()
    shop.set_image("v3")
    status = shop.holds("NotANumber", seconds=LOOKS)
    assert 'backend="checkout-canary"' in status["message"]
    assert "is nan" in status["message"]
    ends_without_a_verdict(shop, percent=5)


def goes_on(shop: Story) -> None:
    """See that the release earns its first step once there is evidence again."""
    shop.await_release("Stepping")
    shop.await_step(2)


def ends_without_a_verdict(shop: Story, *, percent: int) -> None:
    """Have a person end the release: nothing was proven, so nothing is rejected."""
    assert {"checkout": 100 - percent, "checkout-canary": percent} == shop.shares()
    shop.gander("abort", "checkout-1", "--reason=the metric is of no use")
    assert "Aborted" == shop.await_end()["phase"]
    assert [] == shop.await_plan("Held").get("rejected", [])


def metric(shop: Story, name: str, *, total: str, per: str = "Pod") -> Json:
    """Return a ReleaseMetric."""
    return {
        "apiVersion": "gander.dev/v1alpha1",
        "kind": "ReleaseMetric",
        "metadata": {"name": name, "namespace": shop.shop.namespace},
        "spec": {"counts": {"total": total, "bad": 'code=~"5.."'}, "per": per},
    }


# Counters as an exporter shows them that divides by what it has not measured.
PAGE: Final = """\
import http.server

class Page(http.server.BaseHTTPRequestHandler):
    scrapes = 0

    def do_GET(self):
        Page.scrapes += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        for backend, value in (("checkout", 100 * Page.scrapes), ("checkout-canary", "NaN")):
            line = f'answers_total{{backend="{backend}",code="200"}} {value}\\n'
            self.wfile.write(line.encode())

http.server.HTTPServer(("", 9102), Page).serve_forever()
"""


def exporter(shop: Story) -> Json:
    """Return a pod that shows a counter of the canary which is NaN."""
    shop_pod = shop.deployment()["spec"]["template"]
    (container,) = shop_pod["spec"]["containers"]
    kept = {key: container[key] for key in ("image", "securityContext", "resources")}
    serving = {
        **kept,
        "name": "exporter",
        "command": ["venv/bin/python", "-c", PAGE],
        "ports": [{"name": "metrics", "containerPort": 9102}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "exporter",
            "namespace": shop.shop.namespace,
            "annotations": shop_pod["metadata"]["annotations"],
        },
        "spec": {**shop_pod["spec"], "terminationGracePeriodSeconds": 1, "containers": [serving]},
    }
