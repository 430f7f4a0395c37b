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

# Variable, what it is for, an example.
_NEEDED: Final = (
    ("KUBECONFIG", "the kubeconfig file of the cluster", "/home/me/.kube/config"),
    ("GANDER_GATEWAY_URL", "where load is sent to the gateway", "http://gateway.example:80"),
    ("GANDER_GATEWAY", "the Gateway that routes name, namespace/name", "gateway/gw"),
    (
        "GANDER_PROMETHEUS_URL",
        "Prometheus, reachable from here and from pods",
        "http://prometheus.monitoring.svc:9090",
    ),
    (
        "GANDER_ALERTMANAGER_URL",
        "Alertmanager, reachable from here and from pods",
        "http://alertmanager.monitoring.svc:9093",
    ),
    ("GANDER_REGISTRY", "where images are pushed to and pulled from", "registry.example:5000"),
)


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
    registry: str

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
            registry=REGISTRY,
        )

    @classmethod
    def from_variables(cls, env: Mapping[str, str]) -> "Environment":
        """Return what the variables say. DevError: all that is missing or malformed, at once."""
        wrong = [
            f"{name} is not set: {purpose}, for example {name}={example}"
            for name, purpose, example in _NEEDED
            if not env.get(name)
        ]
        namespace, slash, gateway = env.get("GANDER_GATEWAY", "").partition("/")
        if env.get("GANDER_GATEWAY") and not (namespace and slash and gateway):
            wrong.append(f"GANDER_GATEWAY={env['GANDER_GATEWAY']} is not namespace/name")
        if wrong:
            raise DevError("\n".join(("to use a cluster that exists already:", *wrong)))
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
            registry=env["GANDER_REGISTRY"],
        )

    def variables(self) -> dict[str, str]:
        """Return the variables from which `from_variables` makes this environment again."""
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "GANDER_GATEWAY_URL": self.gateway_url,
            "GANDER_GATEWAY": f"{self.gateway_namespace}/{self.gateway_name}",
            "GANDER_PROMETHEUS_URL": self.prometheus_url,
            "GANDER_ALERTMANAGER_URL": self.alertmanager_url,
            "GANDER_REGISTRY": self.registry,
            **({"GANDER_DEV_NAME": self.name} if self.name else {}),
        }
