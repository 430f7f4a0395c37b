"""What production has around Kubernetes: DNS, gateway, metrics, alerts, images. Pure.

Each is a process at the node's address, so that tests can stop one alone and start it again with
its data.
"""

import json
import sysconfig
from pathlib import Path

from dev.layout import (
    ALERTMANAGER_PORT,
    CLUSTER_DOMAIN,
    GATEWAY_METRICS_PORT,
    GATEWAY_PORT,
    NODE_ADDRESS,
    PROMETHEUS_PORT,
    REGISTRY,
    Layout,
)
from dev.processes import Component
from dev.programs import Programs

SCRAPE_SECONDS = 5


def coredns(layout: Layout, programs: Programs) -> Component:
    """Return the resolver of the pods. Names outside of the cluster do not exist, at once."""
    corefile = f"""\
{CLUSTER_DOMAIN} in-addr.arpa {{
  bind {NODE_ADDRESS}
  errors
  ready {NODE_ADDRESS}:8181
  kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
    kubeconfig {layout.pki}/coredns.kubeconfig
    ttl 5
  }}
}}
. {{
  bind {NODE_ADDRESS}
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""
    path = f"{layout.state}/Corefile"
    return Component(
        name="coredns",
        argv=(str(programs["coredns"]), "-conf", path),
        ready=f"http://{NODE_ADDRESS}:8181/ready",
        files={path: corefile},
    )


def traefik_program() -> Path:
    """Return where pip puts Traefik: beside this Python."""
    return Path(sysconfig.get_path("scripts")) / "traefik"


def traefik(layout: Layout) -> Component:
    """Return the gateway: an implementation of the Gateway API that lives outside of the cluster.

    It takes over a changed route within 0.1 s; its own default is 2 s. Its metrics have one series
    per backend of a route.
    """
    config = {
        "entryPoints": {
            "web": {"address": f":{GATEWAY_PORT}"},
            "metrics": {"address": f"{NODE_ADDRESS}:{GATEWAY_METRICS_PORT}"},
        },
        "providers": {
            "providersThrottleDuration": "100ms",
            "kubernetesGateway": {"statusAddress": {"ip": NODE_ADDRESS}},
        },
        "metrics": {
            "prometheus": {
                "entryPoint": "metrics",
                "addServicesLabels": True,
                "addRoutersLabels": True,
            }
        },
        "ping": {"entryPoint": "metrics"},
        "log": {"level": "ERROR", "noColor": True},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
    }
    # It reads YAML, of which JSON is a part, and goes by the name.
    path = f"{layout.state}/traefik.yml"
    return Component(
        name="traefik",
        argv=(str(traefik_program()), f"--configfile={path}"),
        env={"KUBECONFIG": f"{layout.pki}/traefik.kubeconfig"},
        ready=f"http://{NODE_ADDRESS}:{GATEWAY_METRICS_PORT}/ping",
        files={path: json.dumps(config)},
    )


def prometheus(layout: Layout, programs: Programs) -> Component:
    """Return Prometheus; `scrape_config` says what it scrapes."""
    path = f"{layout.state}/prometheus.json"
    return Component(
        name="prometheus",
        argv=(
            str(programs["prometheus"]),
            f"--config.file={path}",
            f"--storage.tsdb.path={layout.state}/prometheus",
            "--storage.tsdb.retention.time=1d",
            f"--web.listen-address={NODE_ADDRESS}:{PROMETHEUS_PORT}",
            "--log.level=warn",
        ),
        ready=f"http://{NODE_ADDRESS}:{PROMETHEUS_PORT}/-/ready",
        files={path: json.dumps(scrape_config(layout), indent=1)},
    )


def scrape_config(layout: Layout) -> dict[str, object]:
    """Return Prometheus' configuration: the gateway, and every pod that asks for it.

    A pod asks with the annotations `prometheus.io/scrape: "true"` and `prometheus.io/port`, and
    declares that port as a containerPort: that tells which container's target it is, and keeps a
    second container of the pod from being counted as the first. Its series carry the labels
    `namespace`, `pod` and `container`.
    """
    meta = "__meta_kubernetes_"
    port = f"{meta}pod_annotation_prometheus_io_port"
    relabel = [
        {
            "source_labels": [f"{meta}pod_annotation_prometheus_io_scrape"],
            "regex": "true",
            "action": "keep",
        },
        {
            "source_labels": [f"{meta}pod_container_port_number"],
            "target_label": port,
            "action": "keepequal",
        },
        {"source_labels": [f"{meta}pod_phase"], "regex": "Succeeded|Failed", "action": "drop"},
        {"source_labels": [f"{meta}pod_container_init"], "regex": "true", "action": "drop"},
        *(
            {"source_labels": [f"{meta}{source}"], "target_label": target}
            for source, target in (
                ("namespace", "namespace"),
                ("pod_name", "pod"),
                ("pod_container_name", "container"),
            )
        ),
    ]
    pods = {
        "job_name": "pods",
        "kubernetes_sd_configs": [
            {
                "role": "pod",
                "kubeconfig_file": f"{layout.pki}/prometheus.kubeconfig",
            }
        ],
        "relabel_configs": relabel,
    }
    gateway = {
        "job_name": "gateway",
        "static_configs": [{"targets": [f"{NODE_ADDRESS}:{GATEWAY_METRICS_PORT}"]}],
    }
    alertmanager = {"static_configs": [{"targets": [f"{NODE_ADDRESS}:{ALERTMANAGER_PORT}"]}]}
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": "4s"},
        "alerting": {"alertmanagers": [alertmanager]},
        "scrape_configs": [pods, gateway],
    }


def alertmanager(layout: Layout) -> Component:
    """Return Alertmanager with one receiver that sends nothing; alerts are read from its API."""
    path = f"{layout.state}/alertmanager.json"
    config = {
        "route": {"receiver": "none", "group_wait": "1s", "group_by": ["alertname"]},
        "receivers": [{"name": "none"}],
    }
    return Component(
        name="alertmanager",
        argv=(
            "/usr/bin/prometheus-alertmanager",
            f"--config.file={path}",
            f"--storage.path={layout.state}/alertmanager",
            f"--web.listen-address={NODE_ADDRESS}:{ALERTMANAGER_PORT}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ),
        ready=f"http://{NODE_ADDRESS}:{ALERTMANAGER_PORT}/-/ready",
        files={path: json.dumps(config)},
    )


def registry(layout: Layout) -> Component:
    """Return the image registry, without TLS, as the runtime is told in its `hosts.toml`."""
    path = f"{layout.state}/registry.json"
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": f"{layout.state}/registry"},
            "delete": {"enabled": True},
        },
        "http": {"addr": REGISTRY},
    }
    return Component(
        name="registry",
        argv=("/usr/bin/docker-registry", "serve", path),
        ready=f"http://{REGISTRY}/v2/",
        files={path: json.dumps(config)},
    )
