"""Puts the shop into a cluster, as often as wanted, each time in a namespace of its own.

What is applied is examples/checkout/app, with namespace, host name, image and gateway replaced.
"""

import http.client
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from dev import images
from dev.environment import Environment
from dev.errors import DevError
from dev.load_figures import VERSION_HEADER
from dev.reach import inside, kubectl
from dev.shop.versions import check_out
from dev.waiting import until

APPLICATION: Final = Path(__file__).parents[2] / "examples/checkout/app"
NAME: Final = "checkout"
MARK: Final = {"app.kubernetes.io/created-by": "gander-dev"}  # on each namespace that we make
_IMAGE_PATHS: Final = ("Dockerfile", "requirements.txt", "app")


@dataclass(frozen=True)
class Shop:
    """One shop in one cluster; everything of it is in its namespace."""

    environment: Environment
    namespace: str = "shop"
    hostname: str = "checkout.example"

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = 60) -> str:
        """Return what kubectl prints about this namespace. DevError: it failed."""
        words = (f"--namespace={self.namespace}", *arguments)
        return kubectl(self.environment, *words, stdin=stdin, seconds=seconds)


def build_images(
    cache: Path, versions: Iterable[str], say: Callable[[str], None]
) -> dict[str, str]:
    """Return the local name of each version's image; build those that the cache lacks."""
    built = {}
    for version in versions:
        with tempfile.TemporaryDirectory() as folder:
            revision = check_out(version, Path(folder))
            arguments = {"VERSION": version, "REVISION": revision}
            recipe = images.Recipe(f"shop/{NAME}", Path(folder), _IMAGE_PATHS, arguments)
            built[version] = images.build(cache, recipe, say)
    return built


def push_images(
    environment: Environment, cache: Path, versions: Iterable[str], say: Callable[[str], None]
) -> dict[str, str]:
    """Return each version's image with its digest, from the registry of the environment.

    What is missing is built and pushed.
    """
    built = build_images(cache, versions, say)
    return {version: images.push(cache, name, environment, say) for version, name in built.items()}


def manifests(shop: Shop, image: str, replicas: int) -> list[dict[str, Any]]:
    """Return the objects of a shop with this image, the namespace first."""
    documents = {path.stem: yaml.safe_load(path.read_text()) for path in APPLICATION.glob("*.yaml")}
    namespace = documents.pop("namespace")
    namespace["metadata"]["name"] = shop.namespace
    namespace["metadata"]["labels"] |= MARK
    for document in documents.values():
        document["metadata"]["namespace"] = shop.namespace
    documents["deployment"]["spec"]["replicas"] = replicas
    documents["deployment"]["spec"]["template"]["spec"]["containers"][0]["image"] = image
    route = documents["httproute"]["spec"]
    environment = shop.environment
    parent = {"name": environment.gateway_name, "namespace": environment.gateway_namespace}
    route["parentRefs"] = [parent]
    route["hostnames"] = [shop.hostname]
    return [namespace, *documents.values()]


def deploy(shop: Shop, image: str, *, replicas: int = 3, seconds: float = 120) -> None:
    """Apply the shop and return once it serves through the gateway. DevError: it does not."""
    items = manifests(shop, image, replicas)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl(shop.environment, "apply", "-f", "-", stdin=text)
    await_rolled_out(shop, seconds=seconds)
    until(f"the gateway to reach {shop.hostname}", lambda: reached(shop), seconds=seconds)


def set_image(shop: Shop, image: str) -> None:
    """Let the Deployment have another image, as people do by hand; nothing is awaited."""
    shop.kubectl("set", "image", f"deployment/{NAME}", f"{NAME}={image}")


def await_rolled_out(shop: Shop, *, seconds: float = 120) -> None:
    """Return once all pods are of the newest template and ready.

    DevError: not within `seconds`; it shows the pods and the last lines of their logs.
    """
    try:
        words = ("rollout", "status", "deployment", NAME, f"--timeout={seconds:.0f}s")
        shop.kubectl(*words, seconds=seconds + 5)
    except DevError as error:
        raise DevError(f"{error}\n{_state(shop)}") from error


def reached(shop: Shop) -> bool:
    """Tell whether the gateway brings requests to the shop, whatever it makes of them."""
    gateway = urlsplit(shop.environment.gateway_url)
    with inside(shop.environment):
        connection = http.client.HTTPConnection(gateway.hostname or "", gateway.port, timeout=2)
        try:
            connection.request("GET", "/price?items=mug", headers={"host": shop.hostname})
            return VERSION_HEADER in connection.getresponse().headers
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def remove(shop: Shop) -> None:
    """Have the namespace deleted; the pods drain and end after the return."""
    shop.kubectl("delete", "namespace", shop.namespace, "--ignore-not-found", "--wait=false")


def _state(shop: Shop) -> str:
    """Return the pods and what they said last."""
    try:
        pods = shop.kubectl("get", "pods", "-o", "wide")
        logs = shop.kubectl("logs", f"--selector=app={NAME}", "--prefix", "--tail=10")
    except DevError as error:
        return str(error)
    return f"{pods}{logs}"
