"""What demo, tests and benchmarks need to know of a cluster, ours or one that exists already.

An environment travels between processes in variables: `python -m dev run` sets them, and whoever
has a cluster of their own sets them by hand.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.errors import DevError
from dev.layout import (
    ALERTMANAGER_PORT,
    DEFAULT_NAME,
    GATEWAY_NAME,
    GATEWAY_NAMESPACE,
    GATEWAY_PORT,
    NODE_ADDRESS,
    PROMETHEUS_PORT,
    REGISTRY,
    Layout,
)


@dataclass(frozen=True)
class Setting:
    """A variable that describes a cluster.

    `path` is what can be asked below its address to learn whether it serves, which it does if the
    answer has one of the `statuses`, or any if there are none.
    """

    name: str
    purpose: str
    example: str
    path: str = ""
    statuses: tuple[int, ...] = ()


SETTINGS: Final = (
    Setting("KUBECONFIG", "the kubeconfig file of the cluster", "/home/me/.kube/config"),
    Setting("GANDER_GATEWAY", "the Gateway of the shop's route, namespace/name", "gateway/gw"),
    Setting(
        "GANDER_GATEWAY_URL",
        "where that Gateway takes plain HTTP from here",
        "http://gateway.example:80",
        path="/",
    ),
    Setting(
        "GANDER_PROMETHEUS_URL",
        "Prometheus, as it is reached from here and from pods",
        "http://prometheus.example:9090",
        path="/api/v1/query?query=1",
        statuses=(200,),
    ),
    Setting(
        "GANDER_ALERTMANAGER_URL",
        "Alertmanager, as it is reached from here and from pods",
        "http://alertmanager.example:9093",
        path="/api/v2/status",
        statuses=(200,),
    ),
    Setting(
        "GANDER_REGISTRY",
        "where images are pushed to and nodes pull from, with http:// if it has no TLS",
        "registry.example:5000/team",
        path="/v2/",
        statuses=(200, 401),
    ),
)


def wrong(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return each setting that is missing or malformed, with the way out."""
    found = [
        (
            f"{setting.name} is not set",
            f"{setting.purpose}, for example {setting.name}={setting.example}",
        )
        for setting in SETTINGS
        if not env.get(setting.name)
    ]
    gateway = env.get("GANDER_GATEWAY", "")
    if gateway and not all(gateway.partition("/")):
        found.append((f"GANDER_GATEWAY={gateway} is not namespace/name", "such as gateway/gw"))
    return tuple(found)


@dataclass(frozen=True)
class Environment:
    """A cluster with what is around it.

    `name` is that of a cluster of ours, None for any other; `namespace_path` is the network
    namespace in which all addresses are valid, None where they are valid everywhere.
    """

    name: str | None
    kubeconfig: Path
    namespace_path: Path | None
    gateway_url: str
    gateway_name: str
    gateway_namespace: str
    prometheus_url: str
    alertmanager_url: str
    registry_url: str

    @property
    def registry(self) -> str:
        """What names of images begin with."""
        return self.registry_url.partition("://")[2]

    @classmethod
    def ours(cls, name: str = DEFAULT_NAME, env: Mapping[str, str] = os.environ) -> "Environment":
        """Return the environment of a cluster that `python -m dev up` makes."""
        layout = Layout.of(name, env)
        return cls(
            name=name,
            kubeconfig=layout.kubeconfig,
            namespace_path=layout.netns,
            gateway_url=f"http://{NODE_ADDRESS}:{GATEWAY_PORT}",
            gateway_name=GATEWAY_NAME,
            gateway_namespace=GATEWAY_NAMESPACE,
            prometheus_url=f"http://{NODE_ADDRESS}:{PROMETHEUS_PORT}",
            alertmanager_url=f"http://{NODE_ADDRESS}:{ALERTMANAGER_PORT}",
            registry_url=f"http://{REGISTRY}",
        )

    @classmethod
    def from_variables(cls, env: Mapping[str, str]) -> "Environment":
        """Return what the variables say. DevError: all that is missing or malformed, at once."""
        if problems := wrong(env):
            sentences = (f"{problem}: {remedy}" for problem, remedy in problems)
            raise DevError("\n".join(("to use a cluster that exists already:", *sentences)))
        namespace, _, gateway = env["GANDER_GATEWAY"].partition("/")
        registry = env["GANDER_REGISTRY"].rstrip("/")
        name = env.get("GANDER_DEV_NAME") or None
        return cls(
            name=name,
            kubeconfig=Path(env["KUBECONFIG"]),
            namespace_path=Layout.of(name, env).netns if name else None,
            gateway_url=env["GANDER_GATEWAY_URL"].rstrip("/"),
            gateway_name=gateway,
            gateway_namespace=namespace,
            prometheus_url=env["GANDER_PROMETHEUS_URL"].rstrip("/"),
            alertmanager_url=env["GANDER_ALERTMANAGER_URL"].rstrip("/"),
            registry_url=registry if "://" in registry else f"https://{registry}",
        )

    def variables(self) -> dict[str, str]:
        """Return the variables from which `from_variables` makes this environment again."""
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "GANDER_GATEWAY_URL": self.gateway_url,
            "GANDER_GATEWAY": f"{self.gateway_namespace}/{self.gateway_name}",
            "GANDER_PROMETHEUS_URL": self.prometheus_url,
            "GANDER_ALERTMANAGER_URL": self.alertmanager_url,
            "GANDER_REGISTRY": self.registry_url,
            **({"GANDER_DEV_NAME": self.name} if self.name else {}),
        }
