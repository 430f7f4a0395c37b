"""The client against a real API server: what it sends and returns, what refusals become."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
)
from controller.kube.kinds import Kind
from tests.kinds import CONFIG_MAP, SERVICE_ACCOUNT

PRIORITY_LEVEL = Kind(
    "flowcontrol.apiserver.k8s.io",
    "v1",
    "PriorityLevelConfiguration",
    "prioritylevelconfigurations",
    namespaced=False,
)
FLOW_SCHEMA = Kind(
    "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas", namespaced=False
)


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


def managers(item: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["manager"], each["operation"]) for each in item["metadata"]["managedFields"]]


def of_account(client: Client, kubeconfig: str, namespace: str, folder: Path) -> str:
    """Return a kubeconfig of a new ServiceAccount without rights, with a real token."""
    client.create(SERVICE_ACCOUNT, namespace, {"metadata": {"name": "nobody"}})
    path = SERVICE_ACCOUNT.path(namespace, "nobody", "token")
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = json.loads(client.raw("POST", path, body=request))["status"]["token"]
    config = yaml.safe_load(Path(kubeconfig).read_text())
    config["users"][0]["user"] = {"token": token}
    written = folder / "account"
    written.touch(mode=0o600)
    written.write_text(json.dumps(config))
    return str(written)


@contextlib.contextmanager
def throttled(client: Client, namespace: str) -> Iterator[None]:
    """Give all requests of the namespace's accounts together no more than the smallest share."""
    level = {
        "metadata": {"name": namespace},
        "spec": {
            "type": "Limited",
            "limited": {
                "nominalConcurrencyShares": 0,
                "lendablePercent": 0,
                "borrowingLimitPercent": 0,
                "limitResponse": {"type": "Reject"},
            },
        },
    }
    group = {"kind": "Group", "group": {"name": f"system:serviceaccounts:{namespace}"}}
    rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    schema = {
        "metadata": {"name": namespace},
        "spec": {
            "priorityLevelConfiguration": {"name": namespace},
            "matchingPrecedence": 2,
            "rules": [{"subjects": [group], "resourceRules": [rule]}],
        },
    }
    try:
        client.create(PRIORITY_LEVEL, None, level)
        client.create(FLOW_SCHEMA, None, schema)
        yield
    finally:
        client.delete(FLOW_SCHEMA, None, namespace)
        client.delete(PRIORITY_LEVEL, None, namespace)


def test_every_write_is_by_the_field_manager_gander(client: Client, namespace: str) -> None:
    created = client.create(CONFIG_MAP, namespace, config_map("a", one="1"))
    assert managers(created) == [("gander", "Update")]

    applied = client.apply(CONFIG_MAP, namespace, config_map("b", one="1"))
    assert managers(applied) == [("gander", "Apply")]
    assert (applied["apiVersion"], applied["kind"]) == ("v1", "ConfigMap")

    for patched in (
        client.merge_patch(CONFIG_MAP, namespace, "b", {"data": {"two": "2"}}),
        client.json_patch(
            CONFIG_MAP,
            namespace,
            "b",
            [{"op": "add", "path": "/data/three", "value": "3"}],
        ),
    ):
        assert set(managers(patched)) == {("gander", "Apply"), ("gander", "Update")}
    assert client.get(CONFIG_MAP, namespace, "b")["data"] == {
        "one": "1",
        "two": "2",
        "three": "3",
    }


def test_a_dry_run_changes_nothing(client: Client, namespace: str) -> None:
    made = client.create(CONFIG_MAP, namespace, config_map("a", one="1"), dry_run=True)
    assert made["data"] == {"one": "1"}
    assert client.list(CONFIG_MAP, namespace, fields="metadata.name=a") == []

    client.create(CONFIG_MAP, namespace, config_map("a", one="1"))
    change = {"data": {"one": "2"}}
    client.merge_patch(CONFIG_MAP, namespace, "a", change, dry_run=True)
    client.apply(CONFIG_MAP, namespace, config_map("a", one="2"), dry_run=True)
    operation = {"op": "replace", "path": "/data/one", "value": "2"}
    client.json_patch(CONFIG_MAP, namespace, "a", [operation], dry_run=True)
    assert client.get(CONFIG_MAP, namespace, "a")["data"] == {"one": "1"}


def test_a_list_is_read_in_pages_and_each_object_names_its_kind(
    client: Client, kubeconfig: str, namespace: str
) -> None:
    def make(number: int) -> None:
        body = config_map(f"c-{number:03}")
        body["metadata"]["labels"] = {"odd": str(number % 2)}
        client.create(CONFIG_MAP, namespace, body)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(510)))

    calls: list[tuple[str, str, int]] = []
    with Client.connect(
        kubeconfig=kubeconfig,
        on_request=lambda verb, kind, code, _: calls.append((verb, kind, code)),
    ) as counted:
        items = counted.list(CONFIG_MAP, namespace)
        odd = counted.list(CONFIG_MAP, namespace, labels="odd=1")

    names = [item["metadata"]["name"] for item in items]
    assert names == [*(f"c-{number:03}" for number in range(510)), "kube-root-ca.crt"]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
    assert len(odd) == 255
    assert calls == [("list", "ConfigMap", 200)] * 3


def test_refusals_name_verb_object_and_the_servers_sentence(client: Client, namespace: str) -> None:
    read = client.create(CONFIG_MAP, namespace, config_map("a", one="1"))
    version = read["metadata"]["resourceVersion"]
    client.merge_patch(CONFIG_MAP, namespace, "a", {"data": {"one": "2"}})
    client.create(kinds.DEPLOYMENT, namespace, deployment("web"))
    test_op = {"op": "test", "path": "/spec/paused", "value": True}

    def attempt(what: Callable[[], object]) -> ApiError:
        with pytest.raises(ApiError) as caught:
            what()
        return caught.value

    missing = attempt(lambda: client.get(CONFIG_MAP, namespace, "nope"))
    assert (type(missing), missing.status, missing.reason) == (NotFound, 404, "NotFound")
    assert str(missing) == f'get ConfigMap {namespace}/nope: configmaps "nope" not found'

    changed = attempt(
        lambda: client.merge_patch(
            CONFIG_MAP, namespace, "a", {"data": {}}, resource_version=version
        )
    )
    assert (type(changed), changed.reason) == (Conflict, "Conflict")
    assert str(changed).startswith(f"patch ConfigMap {namespace}/a: Operation cannot be fulfilled")

    taken = attempt(lambda: client.create(CONFIG_MAP, namespace, config_map("a")))
    assert (type(taken), taken.status) == (AlreadyExists, 409)

    no_such_part = attempt(lambda: client.json_patch(kinds.DEPLOYMENT, namespace, "web", [test_op]))
    assert (type(no_such_part), no_such_part.status) == (Invalid, 422)

    wrong = attempt(
        lambda: client.merge_patch(kinds.DEPLOYMENT, namespace, "web", {"spec": {"replicas": -1}})
    )
    assert type(wrong) is Invalid
    assert "spec.replicas: Invalid value: -1" in str(wrong)

    not_ours = attempt(
        lambda: client.apply(
            CONFIG_MAP, namespace, config_map("a", one="3"), field_manager="x", force=False
        )
    )
    assert type(not_ours) is Conflict
    assert 'conflict with "gander"' in str(not_ours)


def deployment(name: str) -> dict[str, Any]:
    container = {"name": "app", "image": "localhost/pause:1"}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
        },
    }


def test_delete_minds_its_preconditions_and_not_that_it_is_late(
    client: Client, namespace: str
) -> None:
    made = client.create(CONFIG_MAP, namespace, config_map("a"))
    uid = made["metadata"]["uid"]
    with pytest.raises(
        Conflict, match=f"delete ConfigMap {namespace}/a: .*the UID in the precondition"
    ):
        client.delete(CONFIG_MAP, namespace, "a", uid="11111111-0000-0000-0000-000000000000")
    with pytest.raises(Conflict, match="the ResourceVersion in the precondition"):
        client.delete(CONFIG_MAP, namespace, "a", resource_version="1")

    client.delete(CONFIG_MAP, namespace, "a", uid=uid)
    client.delete(CONFIG_MAP, namespace, "a", uid=uid)
    assert client.list(CONFIG_MAP, namespace, fields="metadata.name=a") == []


def test_a_status_is_patched_as_a_subresource(client: Client, namespace: str) -> None:
    client.create(kinds.DEPLOYMENT, namespace, deployment("web"))
    condition = {"type": "Stalled", "status": "True", "reason": "RevisionRejected"}
    status = {"metadata": {"name": "web"}, "status": {"conditions": [condition]}}
    client.apply(kinds.DEPLOYMENT, namespace, status, subresource="status")

    read = client.get(kinds.DEPLOYMENT, namespace, "web")
    assert condition in [
        {key: each[key] for key in condition} for each in read["status"]["conditions"]
    ]


def test_an_account_without_rights_is_forbidden(
    client: Client, kubeconfig: str, namespace: str, tmp_path: Path
) -> None:
    with (
        Client.connect(kubeconfig=of_account(client, kubeconfig, namespace, tmp_path)) as nobody,
        pytest.raises(Forbidden) as caught,
    ):
        nobody.list(kinds.SECRET, namespace)

    account = f"system:serviceaccount:{namespace}:nobody"
    assert str(caught.value).startswith(
        f'list Secret {namespace}: secrets is forbidden: User "{account}" cannot list'
    )


def test_a_throttled_request_says_at_once_how_long_to_wait(
    client: Client,
    kubeconfig: str,
    namespace: str,
    tmp_path: Path,
    eventually: Callable[..., Any],
) -> None:
    with (
        Client.connect(kubeconfig=of_account(client, kubeconfig, namespace, tmp_path)) as nobody,
        throttled(client, namespace),
    ):

        def attempt(_: int) -> tuple[float, ApiError]:
            began = time.monotonic()
            with pytest.raises((TooManyRequests, Forbidden)) as caught:
                nobody.list(kinds.SECRET, namespace)
            return time.monotonic() - began, caught.value

        def refused() -> list[tuple[float, ApiError]]:
            # One request at a time passes even a limit of nothing, so it takes several.
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(attempt, range(16)))
            return [each for each in answers if isinstance(each[1], TooManyRequests)]

        seconds, error = eventually(refused, within=30, what="a throttled request")[0]

    assert seconds < 1.0
    assert (error.status, error.retry_after) == (429, 1.0)


def test_a_watch_brings_changes_and_bookmarks_and_ends_when_told(
    client: Client, namespace: str
) -> None:
    version = list(client.pages(CONFIG_MAP, namespace))[-1].resource_version
    seen: list[tuple[str, str]] = []
    with client.watch(CONFIG_MAP, namespace, resource_version=version, seconds=4) as watch:
        client.create(CONFIG_MAP, namespace, config_map("a"))
        client.delete(CONFIG_MAP, namespace, "a")
        for kind, item in watch:
            seen.append((kind, json.loads(bytes(item))["metadata"].get("name", "")))

    changes = [each for each in seen if each[1] == "a"]
    assert changes == [("ADDED", "a"), ("DELETED", "a")]
    assert ("BOOKMARK", "") in seen


def test_a_watch_from_too_long_ago_is_expired(client: Client, namespace: str) -> None:
    """Of a kind that is younger than the cluster: the others may be known from the beginning."""
    with (
        client.watch(kinds.RELEASE_PLAN, namespace, resource_version="1") as watch,
        pytest.raises(Expired, match=f"watch ReleasePlan {namespace}: too old resource version: 1"),
    ):
        next(iter(watch))
