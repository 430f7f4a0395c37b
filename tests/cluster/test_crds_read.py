"""Whatever a real API server accepts, the models read: nothing stored can wedge the controller."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.api import crd
from controller.kube.client import Client
from controller.kube.errors import Invalid
from tests.cluster import chart
from tests.cluster.samples import KINDS, Path, changed, full


@pytest.fixture(scope="module", autouse=True)
def crds(client: Client) -> None:
    chart.install_crds(client)


JUNK: list[Any] = [
    *(None, True, 0, 1, -1, 90, 2**53, 2**63, 1.5, [], {}, [{}], [None], {"a": "b"}),
    *(
        "",
        " ",
        "a",
        "A",
        "a\n",
        "é",
        "0",
        "0s",
        "1s",
        "1m1m",
        "00001s",
        "24h",
        "9999999h",
        "x" * 4096,
    ),
    *("0.1", ".5", "http://a", "http://a\n", "https://é", "track", "a/b", "Pod", "Service"),
    *(
        'code="5"',
        'a{pod=~"{{ pods }}"}',
        'a{b="{{ service }}"}',
        'a{b="\\d"}',
        "2026-11-21T12:00:00Z",
    ),
    *("2026-11-21t12:00:00z", "0001-01-01T00:00:00Z", "2026-11-21T12:00:00+02:00", "Retry"),
]


def places(item: Any, path: Path = ()) -> list[Path]:
    """Return the paths of all values below `item`."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(item, dict):
        children = list(item.items())
    if isinstance(item, list):
        children = list(enumerate(item))
    return [path, *(found for key, child in children for found in places(child, (*path, key)))]


@pytest.mark.parametrize("name", KINDS)
def test_whatever_the_server_accepts_the_models_read(
    client: Client, namespace: str, name: str
) -> None:
    kind, sample = KINDS[name]
    model = next(each.model for each in crd.KINDS if each.name == sample["kind"])
    item = {key: value for key, value in full(name).items() if key != "status"}
    spec_places = [path for path in places(item) if path[:1] == ("spec",) and len(path) > 1]
    outcomes = {True: 0, False: 0}

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(spec_places), st.sampled_from(JUNK))
    def holds(path: Path, value: Any) -> None:
        try:
            stored = client.create(kind, namespace, changed(item, path, value), dry_run=True)
        except Invalid:
            outcomes[False] += 1
            return
        outcomes[True] += 1
        read = model.model_validate(stored)
        assert model.model_validate(read.wire()) == read

    holds()
    assert min(outcomes.values()) > 10, outcomes
