"""The one node: containerd, kubelet and kube-proxy, as components. Pure.

Every path, socket and name that these programs would share with a second cluster on the machine is
set: state, sockets, cgroup, logs of pods, CNI's files.
"""

import json

from dev.layout import (
    CLUSTER_DOMAIN,
    NODE,
    NODE_ADDRESS,
    NODE_POD_RANGE,
    POD_RANGE,
    REGISTRY,
    Layout,
)
from dev.processes import SYSTEM_PATH, Component
from dev.programs import Programs

PAUSE_IMAGE = "localhost/pause:1"


def containerd(layout: Layout, programs: Programs) -> Component:
    """Return the container runtime, with the network of the pods and our registry set up."""
    state = layout.state
    return Component(
        name="containerd",
        argv=(str(programs["containerd"]), "--config", f"{state}/containerd.toml"),
        ready=f"unix://{layout.containerd_socket}",
        # It looks for its shim in PATH.
        env={"PATH": f"{programs['containerd'].parent}:{SYSTEM_PATH}"},
        files={
            f"{state}/containerd.toml": _containerd_config(layout),
            f"{state}/cni/10-pods.conflist": json.dumps(pod_network(layout)),
            f"{state}/certs.d/{REGISTRY}/hosts.toml": _REGISTRY_HOSTS,
        },
    )


def kubelet(layout: Layout, programs: Programs) -> Component:
    """Return the kubelet; the node has the address at which everything else listens."""
    state = layout.state
    config = f"{state}/kubelet.json"
    return Component(
        name="kubelet",
        argv=(
            str(programs["kubelet"]),
            f"--config={config}",
            f"--kubeconfig={layout.pki}/kubelet.kubeconfig",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_ADDRESS}",
            f"--root-dir={state}/kubelet",
            f"--cert-dir={state}/kubelet/pki",
        ),
        ready="http://127.0.0.1:10248/healthz",
        files={config: json.dumps(_kubelet_config(layout))},
    )


def kube_proxy(layout: Layout, programs: Programs) -> Component:
    """Return what makes Services work; all its rules are in the network namespace."""
    return Component(
        name="kube-proxy",
        argv=(
            str(programs["kube-proxy"]),
            f"--kubeconfig={layout.pki}/kube-proxy.kubeconfig",
            f"--hostname-override={NODE}",
            f"--cluster-cidr={POD_RANGE}",
            "--proxy-mode=iptables",
            # The table of connections belongs to the machine and cannot be resized from here.
            "--conntrack-max-per-core=0",
            "--oom-score-adj=0",
        ),
        ready="http://127.0.0.1:10256/livez",
    )


def pod_network(layout: Layout) -> dict[str, object]:
    """Return the CNI configuration: every pod hangs on a wire of its own to the node.

    Packets between pods are routed, not bridged, so that the answer of a Service's pod passes the
    node's rules again, whether or not the kernel shows bridged packets to them.
    """
    addresses = {
        "type": "host-local",
        "dataDir": f"{layout.state}/cni-addresses",
        "ranges": [[{"subnet": NODE_POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    return {
        "cniVersion": "1.0.0",
        "name": layout.cni_network,
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


_REGISTRY_HOSTS = f"""\
server = "http://{REGISTRY}"

[host."http://{REGISTRY}"]
  capabilities = ["pull", "resolve"]
"""


def _containerd_config(layout: Layout) -> str:
    state = layout.state
    return f"""\
version = 3
root = "{state}/containerd/root"
state = "{state}/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]

[debug]
  level = "warn"

[grpc]
  address = "{layout.containerd_socket}"

[plugins.'io.containerd.nri.v1.nri']
  disable = true

[plugins.'io.containerd.shim.v1.manager']
  socket_dir = "{layout.sockets}/s"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{PAUSE_IMAGE}"

[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "{state}/certs.d"

[plugins.'io.containerd.cri.v1.runtime']
  # Works without the capability to lower a score.
  restrict_oom_score_adj = true
  # The default is a folder that all clusters of a machine would share.
  netns_mounts_under_state_dir = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  # Without the plugin for it, which leaves files in a folder that is not ours.
  use_internal_loopback = true
  conf_dir = "{state}/cni"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  Root = "{state}/runc"
"""


def _kubelet_config(layout: Layout) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{layout.pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        # The machine's own resolver leads out of the namespace, where nothing answers.
        "resolvConf": "",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.cgroup}",
        "podLogsDir": f"{layout.state}/pod-logs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        # The disk and memory are shared with other work: pods are not put out for it.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
    }
