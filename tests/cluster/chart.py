"""Our chart as tests render and install it.

CRDs and guard are installed here as helm would install them, with its marks of ownership, so that a
later `helm upgrade --install` in the same cluster takes them over instead of refusing them.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.errors import NotFound
from tests.cluster.commands import run
from tests.kinds import CUSTOM_RESOURCE_DEFINITION
from tests.waiting import eventually

CHART = Path(__file__).resolve().parents[2] / "charts" / "gander"
NAMESPACE = "gander-system"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:gander"
# helm takes the version from the cluster; without one it has to be told.
KUBE_VERSION = "1.36.3"
_KINDS = {
    kind.kind: kind
    for kind in (
        CUSTOM_RESOURCE_DEFINITION,
        kinds.MUTATING_ADMISSION_POLICY,
        kinds.MUTATING_ADMISSION_POLICY_BINDING,
    )
}


def render(
    *templates: str, values: dict[str, Any] | None = None, namespace: str = NAMESPACE
) -> list[dict[str, Any]]:
    """Return what the chart makes of these values (JSON by dotted name), hooks included."""
    shown = [f"--show-only=templates/{name}.yaml" for name in templates]
    given = [f"--set-json={name}={json.dumps(value)}" for name, value in (values or {}).items()]
    text = run("helm", "template", "gander", str(CHART), *template_flags(namespace), *shown, *given)
    return [item for item in yaml.load_all(text, Loader=_Strict) if item]


class _Strict(yaml.SafeLoader):
    """Refuses a key that is there twice, as kubectl does and helm does not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # the base's signature
        """Read a mapping."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice in one mapping: {keys}{node.start_mark}"
        return super().construct_mapping(node, deep)


def template_flags(namespace: str = NAMESPACE) -> tuple[str, ...]:
    """Return what every rendering shares."""
    return (f"--namespace={namespace}", f"--kube-version={KUBE_VERSION}")


def install_crds(client: Client) -> None:
    """Install our kinds and wait until the API server takes objects of each."""
    for item in install(client, "crds"):
        name = item["metadata"]["name"]
        eventually(partial(_established, client, name), within=30, what=name)


def _established(client: Client, name: str) -> bool:
    stored = client.get(CUSTOM_RESOURCE_DEFINITION, None, name)
    conditions = {each["type"]: each["status"] for each in stored["status"].get("conditions", ())}
    return conditions.get("Established") == "True"


@contextmanager
def controller_stopped(client: Client) -> Iterator[None]:
    """Have no controller run, where Gander is installed, and as many as before afterwards."""
    wanted = _scale(client, 0)
    try:
        yield
    finally:
        _scale(client, wanted)


def _scale(client: Client, replicas: int) -> int:
    """Bring the controller to so many ready pods, and no others; return how many were wanted."""

    def there() -> bool:
        status = client.get(kinds.DEPLOYMENT, NAMESPACE, "gander").get("status", {})
        pods = client.list(kinds.POD, NAMESPACE, labels="app.kubernetes.io/component=controller")
        return bool(len(pods) == status.get("readyReplicas", 0) == replicas)

    try:
        before = client.get(kinds.DEPLOYMENT, NAMESPACE, "gander")["spec"]["replicas"]
    except NotFound:
        return 0
    client.merge_patch(kinds.DEPLOYMENT, NAMESPACE, "gander", {"spec": {"replicas": replicas}})
    eventually(there, within=120, what=f"{replicas} controllers")
    return int(before)


def install(client: Client, template: str) -> list[dict[str, Any]]:
    """Put the cluster-scoped objects of one template into the cluster, and return them."""
    rendered = render(template)
    for item in rendered:
        metadata = item["metadata"]
        metadata.setdefault("labels", {})["app.kubernetes.io/managed-by"] = "Helm"
        metadata.setdefault("annotations", {}).update(
            {
                "meta.helm.sh/release-name": "gander",
                "meta.helm.sh/release-namespace": NAMESPACE,
            }
        )
        client.apply(_KINDS[item["kind"]], None, item, field_manager="gander-tests")
    return rendered
