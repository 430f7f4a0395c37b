"""Caches against a real API server: what they see, keep and say."""

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
from structlog.testing import capture_logs

from controller.kube import kinds, objects
from controller.kube.cache import STUCK, Cache
from controller.kube.client import Client
from controller.kube.objects import Deployment, Service
from tests.cluster.config_maps import Json, await_list, config_map, config_maps, told
from tests.kinds import CONFIG_MAP
from tests.proxy import Proxy

Eventually = Callable[..., Any]


def test_what_is_there_and_each_change_is_seen(
    client: Client,
    relayed: Client,
    namespace: str,
    stop: threading.Event,
    eventually: Eventually,
) -> None:
    client.create(CONFIG_MAP, namespace, config_map("a", v="1"))
    cache = config_maps(relayed, namespace)
    changes = told(cache)
    assert not cache.synced
    cache.start(stop)
    await_list(cache)
    assert changes == [("a", None, {"v": "1"})]

    client.create(CONFIG_MAP, namespace, config_map("b", v="1"))
    client.merge_patch(CONFIG_MAP, namespace, "a", {"data": {"v": "2"}})
    client.delete(CONFIG_MAP, namespace, "b")

    expected = [
        ("a", None, {"v": "1"}),
        ("b", None, {"v": "1"}),
        ("a", {"v": "1"}, {"v": "2"}),
        ("b", {"v": "1"}, None),
    ]
    eventually(lambda: len(changes) >= 4, within=5, what="four changes")
    assert changes == expected
    assert [item["metadata"]["name"] for item in cache.all()] == ["a"]
    read = cache.get(namespace, "a")
    assert read is not None
    assert "managedFields" not in read["metadata"]
    assert cache.healthy(time.monotonic()) is None


def test_our_own_write_is_read_before_the_watch_brings_it(
    client: Client,
    relayed: Client,
    proxy: Proxy,
    namespace: str,
    stop: threading.Event,
    eventually: Eventually,
) -> None:
    stale = client.create(CONFIG_MAP, namespace, config_map("a", v="1"))
    cache: Cache[Json] = Cache(relayed, CONFIG_MAP, objects.decode_json, namespace=namespace)
    cache.start(stop)
    await_list(cache)
    changes = told(cache)
    proxy.silence()

    cache.observe(client.merge_patch(CONFIG_MAP, namespace, "a", {"data": {"v": "2"}}))
    cache.observe(client.create(CONFIG_MAP, namespace, config_map("b", v="1")))
    cache.observe(stale)

    read = cache.get(namespace, "a")
    assert read is not None
    assert read["data"] == {"v": "2"}
    assert cache.get(namespace, "b") is not None
    client.delete(CONFIG_MAP, namespace, "b")
    proxy.resume()
    eventually(lambda: cache.get(namespace, "b") is None, within=15, what="the deletion")
    cache.observe(stale)
    assert [change for change in changes if change[0] != "kube-root-ca.crt"] == [
        ("a", None, {"v": "1"}),
        ("a", {"v": "1"}, {"v": "2"}),
        ("b", None, {"v": "1"}),
        ("b", {"v": "1"}, None),
    ]


def test_a_deployment_is_kept_as_a_projection_with_who_paused_it(
    client: Client, relayed: Client, namespace: str, stop: threading.Event, eventually: Eventually
) -> None:
    cache: Cache[Deployment] = Cache(
        relayed,
        kinds.DEPLOYMENT,
        objects.decode_deployment,
        namespace=namespace,
        indexes={"app": lambda each: [each.meta.labels.get("app", "")]},
    )
    cache.start(stop)
    body = {
        "metadata": {"name": "web", "labels": {"app": "shop"}},
        "spec": {
            "replicas": 0,
            "paused": True,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "localhost/pause:1"}]},
            },
        },
    }
    client.apply(kinds.DEPLOYMENT, namespace, body, field_manager="argocd-controller")
    found = eventually(lambda: cache.by("app", "shop"), within=10, what="the Deployment")

    assert [(each.meta.name, each.paused, each.paused_by) for each in found] == [
        ("web", True, ("argocd-controller",))
    ]
    stored = client.get(kinds.DEPLOYMENT, namespace, "web")["spec"]["template"]
    assert msgspec.json.decode(found[0].template) == stored
    assert found[0].selector.matches({"app": "web", "track": "canary"})


def test_objects_that_cannot_be_read_do_not_stop_the_others(
    client: Client, relayed: Client, namespace: str, stop: threading.Event, eventually: Eventually
) -> None:
    def read_service(data: bytes) -> Service:
        service = objects.decode_service(data)
        if service.meta.name == "odd":
            raise ValueError("spec.ports: this one is odd")
        return service

    cache = Cache(relayed, kinds.SERVICE, read_service, namespace=namespace)
    for name in ("odd", "even"):
        body = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
        client.create(kinds.SERVICE, namespace, body)
    with capture_logs() as logged:
        cache.start(stop)
        await_list(cache)
        annotate = {"metadata": {"annotations": {"seen": "twice"}}}
        client.merge_patch(kinds.SERVICE, namespace, "odd", annotate)
        client.merge_patch(kinds.SERVICE, namespace, "even", annotate)
        eventually(
            lambda: [each.meta.annotations for each in cache.all()] == [{"seen": "twice"}],
            within=10,
            what="the change of the object that can be read",
        )
    assert [(each["object"], each["error"]) for each in logged] == [
        (f"{namespace}/odd", "spec.ports: this one is odd")
    ] * 2


def test_a_cache_that_is_stuck_says_so(
    client: Client, relayed: Client, namespace: str, stop: threading.Event, eventually: Eventually
) -> None:
    cache = config_maps(relayed, namespace)
    assert cache.healthy(time.monotonic()) == "the cache of ConfigMap has not been started"
    entered, released = threading.Event(), threading.Event()

    def block(_old: Json | None, _new: Json | None) -> None:
        entered.set()
        released.wait(30)

    cache.start(stop)
    await_list(cache)
    cache.subscribe(block)
    client.create(CONFIG_MAP, namespace, config_map("a"))
    assert entered.wait(10)
    later = time.monotonic() + STUCK + 1
    assert str(cache.healthy(later)).startswith("the cache of ConfigMap has done nothing for 18")
    released.set()

    stop.set()
    relayed.close()
    ended = "the thread of the cache of ConfigMap has ended"
    eventually(lambda: cache.healthy(time.monotonic()) == ended, within=5, what="the end")
