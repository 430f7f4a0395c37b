"""A version whose pods need more memory is taken back for it, once stable has taught what is usual.

Python with PYTHONTRACEMALLOC set remembers where each object was made: a switch that people forget
in a template, and that costs a third of the memory.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from dev.waiting import until
from tests.cluster.releases.instruments import await_alert, number
from tests.cluster.releases.story import AT_ONCE, Story, judged_by, lost

MEMORY: dict[str, Any] = {
    "apiVersion": "gander.dev/v1alpha1",
    "kind": "ReleaseMetric",
    "metadata": {"name": "memory"},
    "spec": {
        "gauge": {
            "series": 'process_resident_memory_bytes{namespace="{{ namespace }}", '
            'pod=~"{{ pods }}"}',
            "unit": "Bytes",
        },
        "margin": {"relative": "0.25", "absolute": "0"},
    },
}
# Of ten pods four can rank in 210 ways. Gauges have a fifth of 5 %, so 100 are needed.
REPLICAS, WEIGHT, FALSE_ROLLBACK = 6, 60, "0.05"
# Twenty windows of 15 s after the warm-up of 5 s, and two for scrapes that are late.
TAUGHT = 22 * 15 + 5
COMPARED = r"memory [\d.]+ MiB a pod against [\d.]+ MiB \(x[\d.]+.*\), 4 pods against 6, "
HEAVIER = re.compile(COMPARED + "more than pods of one version differ")


@pytest.mark.timeout(900)  # stable's past alone takes six minutes
def test_more_memory_is_advice_at_first_and_then_taken_back(story: Callable[..., Story]) -> None:
    shop = story(replicas=REPLICAS, adopt=False)
    # Four pods that trace their memory start together, on a machine that may be busy.
    shop.patch("deployment", {"spec": {"progressDeadlineSeconds": 240}})
    shop.apply({**MEMORY, "metadata": {"name": "memory", "namespace": shop.shop.namespace}})
    shop.adopt(
        exposure=AT_ONCE,
        steps=[{"weight": WEIGHT, "hold": "10s"}],
        analysis={**judged_by("http-errors", "memory"), "falseRollback": FALSE_ROLLBACK},
    )
    load = shop.load(20)

    shop.set_image("v6")  # every request fails, whatever its memory says
    status = shop.await_end()
    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    found = of_memory(status)
    assert found["state"] == "Inconclusive"
    assert re.match(COMPARED + "advice only: the history has fewer than 20 looks", found["message"])

    await_past(shop)
    become(shop, "v1", {"PYTHONTRACEMALLOC": "1"})
    status = shop.await_end(number=2)
    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    assert HEAVIER.match(status["message"])
    found = of_memory(status)
    assert (found["state"], found["measure"], found["unit"]) == ("Regressed", "PodMean", "Bytes")
    assert (found["canaryPods"], found["stablePods"]) == (4, REPLICAS)
    assert found["canary"] > 1.2 * found["stable"] > 20 * 2**20
    assert found["ratioInterval"]["low"] > 1
    told = await_alert(shop.shop)["annotations"]
    assert HEAVIER.match(told["cause"])
    assert re.fullmatch(r"memory [\d.]+ MiB a pod, 4 pods", told["canary"])
    assert re.fullmatch(r"memory [\d.]+ MiB a pod, 6 pods", told["stable"])

    become(shop, "v3", {})
    status = shop.await_end(number=3)
    assert ("Succeeded", "Released") == (status["phase"], status["reason"])
    assert {metric["state"] for metric in status["metrics"]} == {"Safe"}
    assert lost(load.stop()) == 0


def of_memory(status: dict[str, Any]) -> dict[str, Any]:
    """Return what a release shows of its metric memory."""
    return next(metric for metric in status["metrics"] if metric["name"] == "memory")


def become(shop: Story, version: str, environment: dict[str, str]) -> None:
    """Change image and environment in one write, as people do by `kubectl apply`."""
    variables = [{"name": name, "value": value} for name, value in environment.items()]
    container = "/spec/template/spec/containers/0"
    patch = [
        {"op": "add", "path": f"{container}/image", "value": shop.images[version]},
        {"op": "add", "path": f"{container}/env", "value": variables},
    ]
    shop.patch("deployment", patch, strategy="json")


def await_past(shop: Story) -> None:
    """Return once every pod of stable has run for so long that its past teaches enough."""
    age = f'time() - max(process_start_time_seconds{{namespace="{shop.shop.namespace}"}})'
    until(
        f"{shop.shop.namespace}: stable's past",
        lambda: (number(shop.shop, age) or 0.0) > TAUGHT,
        seconds=TAUGHT + 60,
        explain=shop.told,
    )
