"""What benchmarks ask Prometheus: its version, and when it scraped which pod."""

import json
import urllib.parse
import urllib.request
from typing import Any, Final

from bench.figures import Scrape
from dev.environment import Environment
from dev.reach import inside

ANSWER_SECONDS: Final = 10.0


def version(environment: Environment) -> str:
    """Return Prometheus' version."""
    return str(_ask(environment, "status/buildinfo")["version"])


def scrapes(
    environment: Environment, namespace: str, seconds: float
) -> dict[str, tuple[Scrape, ...]]:
    """Return the scrapes of each pod of a namespace in the last seconds, the oldest first."""
    query = f'scrape_duration_seconds{{namespace="{namespace}"}}[{seconds:.0f}s]'
    return {
        series["metric"]["pod"]: tuple(Scrape(float(at), float(v)) for at, v in series["values"])
        for series in _ask(environment, "query", query=query)["result"]
    }


def _ask(environment: Environment, page: str, **parameters: str) -> dict[str, Any]:
    url = f"{environment.prometheus_url}/api/v1/{page}?{urllib.parse.urlencode(parameters)}"
    with (
        inside(environment),
        urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer,  # noqa: S310 - the environment says where Prometheus is
    ):
        found: dict[str, Any] = json.load(answer)["data"]
    return found
