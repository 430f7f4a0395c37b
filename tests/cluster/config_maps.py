"""ConfigMaps and a cache of them: the objects that tests of caches create, change and delete."""

from typing import Any

from controller.kube import objects
from controller.kube.cache import Cache
from controller.kube.client import Client
from tests.kinds import CONFIG_MAP
from tests.waiting import eventually

Json = dict[str, Any]


def config_map(name: str, **data: str) -> Json:
    """Return a ConfigMap that `config_maps` selects."""
    return {"metadata": {"name": name, "labels": {"cached": "yes"}}, "data": data}


def config_maps(client: Client, namespace: str, **settings: Any) -> Cache[Json]:
    """Return a cache of the namespace's ConfigMaps, without those that Kubernetes puts there."""
    return Cache(
        client,
        CONFIG_MAP,
        objects.decode_json,
        namespace=namespace,
        labels="cached=yes",
        **settings,
    )


def await_list(cache: Cache[Any]) -> None:
    """Wait until a started cache has read its first list."""
    eventually(lambda: cache.synced, within=10, what=f"the first list of {cache.kind.kind}")


def told(cache: Cache[Json]) -> list[tuple[str, Any, Any]]:
    """Return a list that grows with each change: name, data before and data now."""
    changes: list[tuple[str, Any, Any]] = []

    def changed(old: Json | None, new: Json | None) -> None:
        item = new if new is not None else old
        assert item is not None
        before = None if old is None else old.get("data", {})
        now = None if new is None else new.get("data", {})
        changes.append((item["metadata"]["name"], before, now))

    cache.subscribe(changed)
    return changes
