"""The development cluster behaves as production does, and leaves nothing behind.

Only about the cluster that `python -m dev up` makes; run with `python -m dev run -- pytest`. The
pods run the cluster's own Prometheus from our registry: a server that can be scraped, and a client
that finds it by name.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev import image_archive, programs
from dev.environment import Environment
from dev.layout import Layout
from dev.teardown import mount_points
from dev.waiting import until

SECOND = "dev-test"


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment.from_variables(os.environ)


def run(*argv: str, stdin: str | None = None, seconds: float = 120) -> str:
    ran = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert ran.returncode == 0, f"{' '.join(argv)}: {ran.stdout}{ran.stderr}"
    return ran.stdout


def dev(*words: str) -> str:
    return run(sys.executable, "-m", "dev", *words, seconds=300)


def kubectl(*words: str, stdin: str | None = None) -> str:
    return run("kubectl", *words, stdin=stdin)


def get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def query(environment: Environment, promql: str, at: float | None = None) -> list[Any]:
    words = {"query": promql} | ({"time": str(at)} if at else {})
    url = f"{environment.prometheus_url}/api/v1/query?{urllib.parse.urlencode(words)}"
    result: list[Any] = get_json(url)["data"]["result"]
    return result


def serves(address: str | urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def image(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Push an image with Prometheus to the registry; return its reference by digest."""
    assert environment.name
    built = programs.build(programs.cache_folder(os.environ), print)
    name = f"{environment.registry}/dev-test/prometheus"
    files = {f"/{program}": built[program].read_bytes() for program in ("prometheus", "promtool")}
    archive = tmp_path_factory.mktemp("image") / "prometheus.tar"
    archive.write_bytes(image_archive.pack(files, entrypoint="/prometheus", tag=f"{name}:test"))
    # A namespace of containerd that the kubelet does not see: the pods have to pull.
    socket = Layout.of(environment.name, os.environ).containerd_socket
    ctr = ("ctr", "--address", str(socket), "--namespace", "dev-test", "images")
    run(*ctr, "import", str(archive))
    run(*ctr, "push", "--plain-http", f"{name}:test")
    run(*ctr, "rm", f"{name}:test")
    request = urllib.request.Request(
        f"http://{environment.registry}/v2/dev-test/prometheus/manifests/test",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        method="HEAD",
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return f"{name}@{answer.headers['Docker-Content-Digest']}"


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """Make a namespace that takes only pods under the restricted profile."""
    name = f"dev-test-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def container(name: str, image: str, *command: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "command": command,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65535,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


@pytest.fixture(scope="module")
def server(namespace: str, image: str) -> str:
    """Run a server behind the Service `server`; return the name of its pod."""
    labels = {"app": "server"}
    serving = container(
        "main", image, "/prometheus", "--config.file=/dev/null", "--storage.tsdb.path=/data"
    ) | {
        "ports": [{"containerPort": 9090}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9090}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod = {
        "metadata": {
            "labels": labels,
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"},
        },
        "spec": {"containers": [serving], "volumes": [{"name": "data", "emptyDir": {}}]},
    }
    metadata = {"name": "server", "namespace": namespace}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 9090}]},
    }
    for item in (deployment, service):
        kubectl("apply", "-f", "-", stdin=json.dumps(item))
    kubectl("-n", namespace, "rollout", "status", "deployment/server", "--timeout=60s")
    return kubectl("-n", namespace, "get", "pods", "-l", "app=server", "-o", "name").strip()


def run_client(namespace: str, image: str, name: str, *command: str) -> str:
    """Run a pod to its end and return what `kubectl logs` says of it."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"restartPolicy": "Never", "containers": [container("main", image, *command)]},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    here = ("-n", namespace, "get", "pod", name, "-o", "jsonpath={.status.phase}")
    until(
        f"the pod {name} to end",
        lambda: kubectl(*here) in ("Succeeded", "Failed"),
        seconds=60,
        explain=lambda: kubectl("-n", namespace, "describe", "pod", name),
    )
    logs = kubectl("-n", namespace, "logs", name)
    assert kubectl(*here) == "Succeeded", logs
    return logs


def test_pod_runs_the_image_that_was_pushed(namespace: str, image: str, server: str) -> None:
    status = json.loads(kubectl("-n", namespace, "get", server, "-o", "json"))["status"]
    assert status["containerStatuses"][0]["imageID"] == image


def test_pod_without_rights_reaches_a_service_by_name(
    namespace: str, image: str, server: str
) -> None:
    assert server
    command = ("/promtool", "query", "instant", "http://server", "vector(4711)")
    assert "=> 4711" in run_client(namespace, image, "client", *command)


@pytest.mark.parametrize("service", ["prometheus.monitoring:9090", "alertmanager.monitoring:9093"])
def test_pod_reaches_what_stands_beside_the_cluster_by_name(
    namespace: str, image: str, service: str
) -> None:
    name = service.partition(".")[0]
    command = ("/promtool", "check", "healthy", f"--url=http://{service}")
    assert "SUCCESS" in run_client(namespace, image, f"to-{name}", *command)


def test_name_outside_of_the_cluster_does_not_exist(namespace: str, image: str) -> None:
    command = ("/promtool", "query", "instant", "http://prometheus.example", "1")
    with pytest.raises(AssertionError, match="no such host"):
        run_client(namespace, image, "outside", *command)


def test_exec_runs_inside_of_the_pod(namespace: str, server: str) -> None:
    said = kubectl("-n", namespace, "exec", server, "--", "/promtool", "--version")
    assert said.startswith("promtool, version")


def test_prometheus_scrapes_the_pod_under_its_name(
    environment: Environment, namespace: str, server: str
) -> None:
    until(
        f"samples of {server} in Prometheus",
        lambda: scraped(environment, namespace) != [],
        seconds=30,
    )
    (target,) = scraped(environment, namespace)
    assert target["value"][1] == "1"
    assert target["metric"]["pod"] == server.removeprefix("pod/")
    assert target["metric"]["container"] == "main"


def scraped(environment: Environment, namespace: str) -> list[Any]:
    return query(environment, f'up{{job="pods",namespace="{namespace}"}}')


def test_gateway_serves_a_route_and_counts_per_backend(
    environment: Environment, namespace: str, server: str
) -> None:
    assert server
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "server", "namespace": namespace},
        "spec": {
            "parentRefs": [
                {"name": environment.gateway_name, "namespace": environment.gateway_namespace}
            ],
            "hostnames": [f"{namespace}.example"],
            "rules": [{"backendRefs": [{"name": "server", "port": 80}]}],
        },
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(route))
    host = {"Host": f"{namespace}.example"}
    request = urllib.request.Request(f"{environment.gateway_url}/-/ready", headers=host)
    until("the route to serve", lambda: serves(request), seconds=10)
    counted = f'traefik_service_requests_total{{service=~".*-svc-{namespace}-server-0@.*"}}'
    until("the route's series", lambda: query(environment, counted) != [], seconds=20)
    (series,) = query(environment, counted)
    assert series["metric"]["code"] == "200"


def test_prometheus_can_be_stopped_alone_and_keeps_its_data(environment: Environment) -> None:
    gateway = 'up{job="gateway"}'
    until("a sample of the gateway", lambda: query(environment, gateway) != [], seconds=30)
    sampled = time.time()
    assert environment.name
    try:
        dev("stop", "prometheus", "--name", environment.name)
        assert not serves(f"{environment.prometheus_url}/-/ready")
        assert serves(f"{environment.alertmanager_url}/-/ready")
    finally:
        dev("start", "prometheus", "--name", environment.name)
    assert query(environment, gateway, at=sampled) != []


def test_second_cluster_disturbs_nobody_and_leaves_nothing(namespace: str, server: str) -> None:
    dev("down", "--name", SECOND)
    pod = ("-n", namespace, "get", server, "-o", "jsonpath={.metadata.uid} {.status}")
    assert traces() == set()
    neighbour = kubectl(*pod)
    try:
        dev("up", "--name", SECOND)
        inside = ("run", "--name", SECOND, "--", "kubectl")
        assert server.removeprefix("pod/") not in dev(*inside, "get", "pods", "-A")
        dev(*inside, "create", "deployment", "idle", "--image=localhost/pause:1", "--replicas=2")
        dev(*inside, "rollout", "status", "deployment/idle", "--timeout=60s")
        assert {place.partition("/")[2].partition("/")[0] for place in traces()} == {
            *("proc", "run", "sys", "var")
        }
    finally:
        dev("down", "--name", SECOND)
    assert traces() == set()
    assert kubectl(*pod) == neighbour


def traces() -> set[str]:
    """Return everything on the machine that belongs to the second cluster."""
    second = Layout.of(SECOND, os.environ)
    mounts = mount_points(Path("/proc/self/mountinfo").read_text(), second.state)
    places = [second.state, second.sockets, second.netns, second.lock, *mounts]
    places += Path("/sys/fs/cgroup").glob(f"**/{second.cgroup}")
    places += Path("/var/lib/cni/results").glob(f"{second.cni_network}-*")
    found = {str(place) for place in places if place.exists()}
    for link in Path("/var/log/containers").glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(second.state):
            found.add(str(link))
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(second.state) in process.read_text(errors="replace"):
                found.add(str(process))
        except OSError:
            continue
    return found
