"""The chart: what it renders is valid, asks for no right that is not used, and refuses nonsense.

Beside the cluster's tests because it needs helm and promtool, which are built with the cluster.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import validate
from prometheus_client import REGISTRY

from controller import telemetry
from controller.api import crd
from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.errors import Forbidden
from controller.reconcile.inventory import Inventory
from controller.settings import Settings
from dev import manifests
from tests.cluster import chart
from tests.cluster.commands import refused, run
from tests.kinds import NAMESPACE, SERVICE_ACCOUNT

ROOT = Path(__file__).resolve().parents[2]
RULES = chart.CHART / "files" / "rules.yaml"
EVERYTHING: dict[str, Any] = {
    "image.digest": f"sha256:{'0' * 64}",
    "imagePullSecrets": [{"name": "registry"}],
    "replicas": 2,
    "watchNamespace": "shop",
    "prometheusSecrets": [{"namespace": "shop", "name": "prom-auth"}],
    "podLabels": {"team": "platform"},
    "podAnnotations": {"note": "1"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "serviceMonitor.enabled": True,
    "prometheusRule.enabled": True,
}


def find(rendered: list[dict[str, Any]], kind: str, name: str = "gander") -> dict[str, Any]:
    (found,) = [r for r in rendered if (r["kind"], r["metadata"]["name"]) == (kind, name)]
    return found


def test_helm_finds_no_fault() -> None:
    said = run("helm", "lint", "--strict", f"--kube-version={chart.KUBE_VERSION}", str(chart.CHART))
    assert "0 chart(s) failed" in said


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_every_object_is_valid_and_has_no_unknown_field(values: dict[str, Any]) -> None:
    checked = []
    for item in chart.render(values=values):
        if item["apiVersion"].startswith("monitoring.coreos.com/"):
            continue
        validate(item, chart.KUBE_VERSION, strict=True)
        checked.append(item["kind"])
    assert {"Deployment", "Job", "MutatingAdmissionPolicy", "CustomResourceDefinition"} <= {
        *checked
    }


@pytest.mark.parametrize("text", ["123", "true", "null", "1e3"])
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    values = {
        **EVERYTHING,
        "image.digest": "",
        "image.repository": "a: b",
        "image.tag": text,
        "imagePullSecrets": [{"name": text}],
        "watchNamespace": text,
        "prometheusSecrets": [{"namespace": text, "name": text}],
        "priorityClassName": text,
        "podLabels": {"team": text},
        "nodeSelector": {"disk": text},
        "serviceMonitor.labels": {"team": text},
    }
    rendered = chart.render(values=values, namespace="456")
    for item in rendered:
        if not item["apiVersion"].startswith("monitoring.coreos.com/"):
            validate(item, chart.KUBE_VERSION, strict=True)
    namespaces = {r["metadata"].get("namespace") for r in rendered}
    assert namespaces == {None, "456", text}
    pod = find(rendered, "Deployment")["spec"]["template"]["spec"]
    assert pod["priorityClassName"] == text
    (container,) = pod["containers"]
    assert container["image"] == f"a: b:{text}"
    assert {"name": "GANDER_WATCH_NAMESPACE", "value": text} in container["env"]
    role = find(rendered, "Role", f"gander-reads-{text}")
    assert role["rules"][0]["resourceNames"] == [text]


def test_the_notes_ask_for_kinds_that_there_are() -> None:
    notes = (chart.CHART / "templates" / "NOTES.txt").read_text()
    asked = re.findall(r"kubectl get (\S+)", notes)
    names = [crd.definition(kind)["spec"]["names"] for kind in crd.KINDS]
    known = {name for each in names for name in (each["plural"], *each["shortNames"])}
    assert asked
    assert {name for each in asked for name in each.split(",")} - known == set()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("replicas=0", "at '/replicas': minimum"),
        ("log.level=LOUD", "at '/log/level': value must be one of"),
        ("image.digest=abc", "at '/image/digest': 'abc' does not match pattern"),
        ("image.repository=", "at '/image/repository': minLength"),
        ("watchNamespace=A", "at '/watchNamespace': 'A' does not match pattern"),
        ("guard.enabled=false", "at '/guard': additional properties 'enabled' not allowed"),
        ("replicaCount=2", "at '': additional properties 'replicaCount' not allowed"),
        ("prometheusSecrets[0].name=a", "'/prometheusSecrets/0': missing property 'namespace'"),
        ("leave.deadline=5", "at '/leave/deadline': minimum"),
    ],
)
def test_values_that_mean_nothing_are_refused(value: str, words: str) -> None:
    said = refused("helm", "template", str(chart.CHART), *chart.template_flags(), f"--set={value}")
    assert words in said


USED = {
    ("gander.dev", "releaseplans"): "list watch patch",
    ("gander.dev", "releases"): "list watch create patch delete",
    ("gander.dev", "releasemetrics"): "list watch",
    ("gander.dev", "releaseplans/status"): "patch",
    ("gander.dev", "releases/status"): "patch",
    ("gander.dev", "releaseplans/finalizers"): "update",
    ("apps", "deployments"): "get list watch create patch delete",
    ("apps", "deployments/status"): "patch",
    ("apps", "replicasets"): "list watch create patch delete",
    ("apps", "controllerrevisions"): "get list watch create delete",
    ("", "pods"): "list watch",
    ("", "persistentvolumeclaims"): "get",
    ("", "services"): "get list watch create patch delete",
    ("gateway.networking.k8s.io", "httproutes"): "get list watch patch",
    ("gateway.networking.k8s.io", "grpcroutes"): "get list watch patch",
    ("events.k8s.io", "events"): "create patch",
}


def rights(role: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (group, resource): " ".join(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_the_account_may_do_what_the_controller_does_and_nothing_else() -> None:
    rendered = chart.render()
    roles = [r["metadata"]["name"] for r in rendered if r["kind"] in ("ClusterRole", "Role")]
    assert sorted(roles) == ["gander", "gander", "gander-guard-reader"]
    assert rights(find(rendered, "ClusterRole")) == USED
    assert rights(find(rendered, "ClusterRole", "gander-guard-reader")) == {
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): "list watch",
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"): "list watch",
    }
    own = find(rendered, "Role")
    assert own["metadata"]["namespace"] == chart.NAMESPACE
    assert own["rules"] == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["gander"],
            "verbs": ["get", "patch"],
        },
        {
            "apiGroups": ["apps"],
            "resources": ["deployments/scale"],
            "resourceNames": ["gander"],
            "verbs": ["patch"],
        },
    ]


def test_with_a_watched_namespace_its_rights_end_there() -> None:
    rendered = chart.render(values={"watchNamespace": "shop"})
    cluster_wide = [r["metadata"]["name"] for r in rendered if r["kind"] == "ClusterRole"]
    assert cluster_wide == ["gander-guard-reader"]
    (role,) = [r for r in rendered if r["kind"] == "Role" and r["metadata"]["namespace"] == "shop"]
    assert rights(role) == USED


def test_a_secret_is_readable_only_by_its_name() -> None:
    rendered = chart.render(values={"prometheusSecrets": [{"namespace": "shop", "name": "auth"}]})
    role = find(rendered, "Role", "gander-reads-auth")
    assert role["metadata"]["namespace"] == "shop"
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["auth"], "verbs": ["get"]}
    ]
    binding = find(rendered, "RoleBinding", "gander-reads-auth")
    assert binding["subjects"][0]["namespace"] == chart.NAMESPACE


def test_the_guard_knows_the_account_of_this_installation() -> None:
    policy = chart.render("guard", namespace="elsewhere")[0]
    held = {each["name"]: each["expression"] for each in policy["spec"]["matchConditions"]}
    assert "'system:serviceaccount:elsewhere:gander'" in held["must-be-held"]


def test_the_pod_is_accepted_where_only_restricted_pods_are(client: Client, namespace: str) -> None:
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    client.merge_patch(NAMESPACE, None, namespace, label)
    client.create(SERVICE_ACCOUNT, namespace, {"metadata": {"name": "gander"}})
    rendered = chart.render("deployment", "leave")

    for kind, name in (("Deployment", "gander"), ("Job", "gander-leave")):
        template = find(rendered, kind, name)["spec"]["template"]
        pod = {"metadata": {"name": "gander"}, "spec": template["spec"]}
        assert client.create(kinds.POD, namespace, pod, dry_run=True)["spec"]
        del pod["spec"]["securityContext"]["runAsNonRoot"]
        with pytest.raises(Forbidden, match="restricted"):
            client.create(kinds.POD, namespace, pod, dry_run=True)


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_every_variable_is_a_setting(values: dict[str, Any]) -> None:
    (container,) = find(chart.render(values=values), "Deployment")["spec"]["template"]["spec"][
        "containers"
    ]
    names = {each["name"].removeprefix("GANDER_").lower() for each in container["env"]}
    assert names <= set(Settings.model_fields)
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports == {"http": Settings.model_fields["http_port"].default}


def test_leaving_has_more_time_than_it_takes_itself() -> None:
    job = find(chart.render("leave"), "Job", "gander-leave")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    command, within = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert (command, within) == ("leave", "--within=280")
    assert job["spec"]["activeDeadlineSeconds"] == 300


def test_crds_outlive_the_chart_unless_told_otherwise() -> None:
    for keep, annotations in ((True, {"helm.sh/resource-policy": "keep"}), (False, {})):
        crds = chart.render("crds", values={"crds.keep": keep})
        assert len(crds) == 3
        assert all(each["metadata"].get("annotations", {}) == annotations for each in crds)
    kinds_without = {r["kind"] for r in chart.render(values={"crds.install": False})}
    assert "CustomResourceDefinition" not in kinds_without


def test_promtool_finds_no_fault_in_the_alerts() -> None:
    assert "6 rules found" in run("promtool", "check", "rules", "--lint=all", str(RULES))
    tests = ROOT / "tests" / "cluster" / "rules_test.yaml"
    assert "SUCCESS" in run("promtool", "test", "rules", str(tests))


def test_the_alerts_are_those_of_the_prometheus_operator_s_object() -> None:
    rule = find(chart.render(values={"prometheusRule.enabled": True}), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(RULES.read_text())


def test_the_alerts_ask_for_metrics_that_exist() -> None:
    assert telemetry.LEADER is not None  # importing it registers its metrics
    shown = [*REGISTRY.collect(), *Inventory(list, list).collect()]
    exported = {sample.name for metric in shown for sample in metric.samples}
    exported |= {metric.name for metric in shown}
    exported |= {f"{metric.name}_total" for metric in shown if metric.type == "counter"}
    groups = yaml.safe_load(RULES.read_text())["groups"]
    asked = {
        name
        for group in groups
        for rule in group["rules"]
        for name in re.findall(r"([a-z_]+)\{", rule["expr"])
    }
    assert asked - exported == {"up"}


def test_the_kustomize_install_is_the_rendered_chart(capsys: pytest.CaptureFixture[str]) -> None:
    code = manifests.main(["--check"], ROOT)
    assert (code, capsys.readouterr().err) == (0, "")


def test_the_kustomize_install_holds_together() -> None:
    built = list(yaml.safe_load_all(run("kubectl", "kustomize", str(ROOT / "manifests"))))
    for item in built:
        validate(item, chart.KUBE_VERSION, strict=True)
    rendered = [r for r in chart.render() if r["kind"] != "Job"]
    names = {(r["kind"], r["metadata"]["name"]) for r in rendered}
    assert {(r["kind"], r["metadata"]["name"]) for r in built} == {
        *names,
        ("Namespace", chart.NAMESPACE),
    }
