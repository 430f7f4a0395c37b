"""Caches when the connection breaks, the server is away, or it has forgotten what they know.

Connections are broken by a relay in front of the API server, because others use the server. A
history that the server has forgotten is made by changing the definition of a custom resource: the
server then starts the history of that resource anew.
"""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from controller.kube import objects
from controller.kube.cache import LONGEST_PAUSE, Cache
from controller.kube.client import Client
from controller.kube.errors import Expired, NotFound, TooManyRequests
from controller.kube.kinds import Kind
from tests.cluster.config_maps import Json, await_list, config_map, config_maps, told
from tests.counting import Requests
from tests.kinds import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION
from tests.proxy import Proxy

Eventually = Callable[..., Any]


def test_a_broken_watch_goes_on_from_where_it_was_without_a_new_list(
    client: Client,
    relayed: Client,
    requests: Requests,
    proxy: Proxy,
    namespace: str,
    stop: threading.Event,
    eventually: Eventually,
) -> None:
    client.create(CONFIG_MAP, namespace, config_map("a", v="1"))
    cache = config_maps(relayed, namespace)
    cache.start(stop)
    await_list(cache)
    changes = told(cache)
    eventually(lambda: requests.count()["watch", 200] == 1, within=5, what="the watch")

    proxy.refuse()
    client.merge_patch(CONFIG_MAP, namespace, "a", {"data": {"v": "2"}})
    client.create(CONFIG_MAP, namespace, config_map("b", v="1"))
    client.delete(CONFIG_MAP, namespace, "a")
    eventually(lambda: requests.count()["watch", 0] >= 1, within=5, what="a refused connection")
    assert cache.get(namespace, "a") is not None
    proxy.resume()

    eventually(lambda: cache.get(namespace, "a") is None, within=15, what="the deletion")
    assert changes == [
        ("a", None, {"v": "1"}),
        ("a", {"v": "1"}, {"v": "2"}),
        ("b", None, {"v": "1"}),
        ("a", {"v": "2"}, None),
    ]
    assert requests.count()["list", 200] == 1


def test_a_server_that_is_away_is_asked_a_few_times_and_not_in_a_rush(
    relayed: Client,
    requests: Requests,
    proxy: Proxy,
    namespace: str,
    stop: threading.Event,
    eventually: Eventually,
) -> None:
    proxy.refuse()
    cache = config_maps(relayed, namespace)
    cache.start(stop)
    eventually(lambda: len(requests.seen) >= 5, within=20, what="five attempts")

    times = [at for _, _, at in requests.seen]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)][:4]
    # Half of 0.5, 1, 2 and 4 seconds at least, and the whole plus what a busy machine adds.
    lows = (0.25, 0.5, 1.0, 2.0)
    assert all(low <= gap < 2 * low + 0.5 for gap, low in zip(gaps, lows, strict=True))
    assert not cache.synced
    assert cache.healthy(time.monotonic()) is None

    proxy.resume()
    eventually(lambda: cache.synced, within=LONGEST_PAUSE + 5, what="the list")


@pytest.fixture
def widget(client: Client) -> Iterator[Kind]:
    """Define a custom resource of this test's own."""
    group = f"test-{secrets.token_hex(4)}.gander.dev"
    kind = Kind(group, "v1", "Widget", "widgets")
    client.create(CUSTOM_RESOURCE_DEFINITION, None, definition(kind))
    yield kind
    client.delete(CUSTOM_RESOURCE_DEFINITION, None, f"widgets.{group}")


def definition(kind: Kind) -> Json:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {"kind": kind.kind, "plural": kind.plural},
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def make_widget(
    client: Client, kind: Kind, namespace: str, name: str, eventually: Eventually
) -> None:
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}
    eventually(
        lambda: client.create(kind, namespace, body),
        within=15,
        what=f"the server to accept {kind.plural}",
        tolerate=(NotFound,),
    )


def has_forgotten(client: Client, kind: Kind, namespace: str, version: str) -> bool:
    """Tell whether the server can no longer go on from a version."""
    try:
        with client.watch(kind, namespace, resource_version=version, seconds=1) as watch:
            list(watch)
    except Expired:
        return True
    return False


def test_a_history_that_the_server_has_forgotten_is_listed_again(
    client: Client,
    relayed: Client,
    requests: Requests,
    proxy: Proxy,
    namespace: str,
    widget: Kind,
    stop: threading.Event,
    eventually: Eventually,
) -> None:
    for name in ("stays", "goes", "changes"):
        make_widget(client, widget, namespace, name, eventually)
    cache: Cache[Json] = Cache(relayed, widget, objects.decode_json, namespace=namespace)
    cache.start(stop)
    await_list(cache)
    heard: list[tuple[str, bool, bool]] = []
    cache.subscribe(
        lambda old, new: heard.append(
            ((new or old or {})["metadata"]["name"], old is not None, new is not None)
        )
    )
    heard.clear()
    eventually(lambda: requests.count()["watch", 200] >= 1, within=5, what="the watch")

    proxy.refuse()
    version = next(client.pages(widget, namespace)).resource_version
    client.delete(widget, namespace, "goes")
    client.merge_patch(widget, namespace, "changes", {"spec": {"size": 2}})
    make_widget(client, widget, namespace, "comes", eventually)
    column = {"name": "Size", "type": "string", "jsonPath": ".spec.size"}
    changed = definition(widget)["spec"]["versions"]
    changed[0]["additionalPrinterColumns"] = [column]
    client.merge_patch(
        CUSTOM_RESOURCE_DEFINITION,
        None,
        f"widgets.{widget.group}",
        {"spec": {"versions": changed}},
    )
    eventually(
        lambda: has_forgotten(client, widget, namespace, version),
        within=20,
        what="the server to start the history anew",
        tolerate=(TooManyRequests,),
    )
    proxy.resume()

    eventually(lambda: len(heard) >= 3, within=20, what="the differences")
    assert sorted(heard) == [
        ("changes", True, True),
        ("comes", False, True),
        ("goes", True, False),
    ]
    assert requests.count()["list", 200] == 2
    names = sorted(item["metadata"]["name"] for item in cache.all())
    assert names == ["changes", "comes", "stays"]


def test_a_kind_that_the_cluster_lacks_has_no_objects_until_it_is_there(
    client: Client,
    relayed: Client,
    namespace: str,
    stop: threading.Event,
    eventually: Eventually,
) -> None:
    kind = Kind(f"test-{secrets.token_hex(4)}.gander.dev", "v1", "Widget", "widgets")
    cache: Cache[Json] = Cache(relayed, kind, objects.decode_json, namespace=namespace)
    with capture_logs() as logged:
        cache.start(stop)
        await_list(cache)
        assert (cache.all(), cache.served) == ([], False)

        client.create(CUSTOM_RESOURCE_DEFINITION, None, definition(kind))
        try:
            make_widget(client, kind, namespace, "first", eventually)
            eventually(cache.all, within=LONGEST_PAUSE + 10, what="the object")
            assert cache.served
        finally:
            client.delete(CUSTOM_RESOURCE_DEFINITION, None, f"widgets.{kind.group}")
    assert [each["log_level"] for each in logged] == ["warning"]
