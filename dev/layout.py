"""Where the parts of one development cluster are: its name, files and addresses.

A cluster is found again by its name alone, so everything here follows from the name and from
GANDER_STATE. Addresses are the same in every cluster: each has a network namespace of its own.
The ranges are those set aside for documentation and benchmarks (RFC 5737, RFC 2544), so that no
packet of ours can mean anything outside. Pure: no file is touched.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.errors import DevError

DEFAULT_NAME: Final = "gander"
NODE: Final = "node1"
NODE_ADDRESS: Final = "192.0.2.1"
POD_RANGE: Final = "198.18.0.0/16"
NODE_POD_RANGE: Final = "198.18.0.0/24"
SERVICE_RANGE: Final = "198.19.0.0/16"
API_SERVICE_ADDRESS: Final = "198.19.0.1"
CLUSTER_DOMAIN: Final = "cluster.local"

API_URL: Final = f"https://{NODE_ADDRESS}:6443"
ETCD_URL: Final = "http://127.0.0.1:2379"
GATEWAY_PORT: Final = 8080
GATEWAY_METRICS_PORT: Final = 8082
PROMETHEUS_PORT: Final = 9090
ALERTMANAGER_PORT: Final = 9093
REGISTRY: Final = f"{NODE_ADDRESS}:5000"

GATEWAY_CLASS: Final = "traefik"
GATEWAY_NAME: Final = "gw"
GATEWAY_NAMESPACE: Final = "gateway"
MONITORING_NAMESPACE: Final = "monitoring"

# containerd takes 42 characters at most for its folder of sockets: /run/gander-dev/NAME/s.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?")


@dataclass(frozen=True)
class Layout:
    """The files, mounts and kernel objects of the cluster `name`. Make one with `Layout.of`."""

    name: str
    home: Path  # holds the state of all clusters, one folder each

    @classmethod
    def of(cls, name: str, env: Mapping[str, str]) -> "Layout":
        """Return the layout of `name`. DevError: the name cannot be a network namespace's."""
        if not _NAME.fullmatch(name):
            raise DevError(
                f"cluster name {name!r}: 1 to 20 of a-z, 0-9 and '-', not '-' at either end"
            )
        return cls(name, Path(env.get("GANDER_STATE") or "/var/lib/gander-dev").absolute())

    @property
    def state(self) -> Path:
        """Everything the cluster writes, gone after `down`."""
        return self.home / self.name

    @property
    def sockets(self) -> Path:
        """Short on purpose: a socket's path has at most 107 characters, wherever the state is."""
        return Path("/run/gander-dev") / self.name

    @property
    def state_link(self) -> Path:
        """Leads to the state, for whoever does not know GANDER_STATE as it was at `up`."""
        return self.sockets / "state"

    @property
    def lock(self) -> Path:
        """One `up` or `down` of a cluster at a time."""
        return Path("/run/lock") / f"gander-dev-{self.name}"

    @property
    def netns(self) -> Path:
        """The network namespace, as `ip netns` names it."""
        return Path("/run/netns") / self.name

    @property
    def cgroup(self) -> str:
        """The cgroup of all pods, below the root of every hierarchy."""
        return f"gander-dev-{self.name}"

    @property
    def cni_network(self) -> str:
        """Prefix of the files that the CNI library keeps outside of our state."""
        return f"gander-dev-{self.name}"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd listens; also how its shims are recognized."""
        return self.sockets / "containerd.sock"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; valid inside of the network namespace."""
        return self.state / "kubeconfig"

    @property
    def kubectl_variables(self) -> dict[str, str]:
        """For kubectl and helm. The cache is by server address, which all clusters share."""
        cache = self.state / "kubectl-cache"
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(cache)}

    @property
    def pki(self) -> Path:
        """Keys, certificates and the kubeconfigs of the cluster's own parts."""
        return self.state / "pki"

    @property
    def records(self) -> Path:
        """One file per started process: what was started, and its identity."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.state / "log"

    @property
    def complete(self) -> Path:
        """Written last by `up`: what then ran, see `cluster.Completed`."""
        return self.state / "complete.json"
