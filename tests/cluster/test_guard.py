"""The API server holds a planned Deployment's new template back, with nothing of ours running.

Whoever changes it and by whatever means: it is paused in the same write, and no ReplicaSet appears.
What changes no template goes through.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.api.names import BYPASS_ANNOTATION, PLAN_LABEL
from controller.kube import kinds
from controller.kube.client import Client
from tests.cluster import chart
from tests.cluster.commands import run
from tests.waiting import eventually

NAME = "checkout"
OLD, NEW = "localhost/pause:1", "localhost/pause:2"
GANDER = (f"--as={chart.ACCOUNT}", "--as-group=system:masters")

pytestmark = pytest.mark.disruptive

Change = Callable[["Shop"], object]


def manifest(image: str, **spec: Any) -> dict[str, Any]:
    """Return the Deployment as its team keeps it in Git: no label, no word about a pause."""
    container = {"name": "app", "image": image, "imagePullPolicy": "Never"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "labels": {"team": "shop"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": NAME}},
            "template": {
                "metadata": {"labels": {"app": NAME}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
            **spec,
        },
    }


class Shop:
    """A namespace with one planned Deployment, rolled out."""

    def __init__(self, client: Client, namespace: str, folder: Path) -> None:
        self.client = client
        self.namespace = namespace
        self.folder = folder

    def kubectl(self, *words: str, stdin: dict[str, Any] | None = None) -> str:
        text = None if stdin is None else json.dumps(stdin)
        return run("kubectl", f"--namespace={self.namespace}", *words, stdin=text)

    def get(self) -> dict[str, Any]:
        return self.client.get(kinds.DEPLOYMENT, self.namespace, NAME)

    def image(self) -> str:
        return str(self.get()["spec"]["template"]["spec"]["containers"][0]["image"])

    def paused(self) -> bool:
        return bool(self.get()["spec"].get("paused", False))

    def annotations(self) -> dict[str, str]:
        found: dict[str, str] = self.get()["metadata"].get("annotations", {})
        return found

    def plan(self) -> str | None:
        labels: dict[str, str] = self.get()["metadata"].get("labels", {})
        return labels.get(PLAN_LABEL)

    def adopt(self) -> None:
        self.kubectl("label", "deployment", NAME, f"{PLAN_LABEL}={NAME}")

    def replica_sets(self) -> dict[str, int]:
        """Return the wanted replicas of each ReplicaSet, once its controller is up to date."""
        eventually(self._observed, within=30, what="the Deployment controller")
        found = self.client.list(kinds.REPLICA_SET, self.namespace)
        return {item["metadata"]["name"]: item["spec"]["replicas"] for item in found}

    def _observed(self) -> bool:
        now = self.get()
        seen = now.get("status", {}).get("observedGeneration", 0)
        return bool(seen == now["metadata"]["generation"])


@pytest.fixture(scope="module", autouse=True)
def guard(client: Client) -> Iterator[None]:
    """Have the chart's policy, and nothing of Gander that runs."""
    with chart.controller_stopped(client):
        chart.install(client, "guard")
        yield


@pytest.fixture
def shop(client: Client, namespace: str, tmp_path: Path) -> Shop:
    """Return a Deployment that the API server has proven to hold."""
    made = Shop(client, namespace, tmp_path)
    made.kubectl("apply", "--filename=-", stdin=manifest(OLD))
    eventually(made.replica_sets, within=30, what="the first ReplicaSet")
    made.adopt()
    eventually(lambda: held_in_dry_run(made), within=60, what="the policy to be followed")
    return made


def held_in_dry_run(shop: Shop) -> bool:
    template = {"metadata": {"annotations": {"gander.dev/proof": "1"}}}
    tried = shop.client.merge_patch(
        kinds.DEPLOYMENT, shop.namespace, NAME, {"spec": {"template": template}}, dry_run=True
    )
    return bool(tried["spec"].get("paused", False))


def replace(shop: Shop) -> None:
    shop.kubectl("replace", "--filename=-", stdin=manifest(NEW))


def apply(shop: Shop) -> None:
    shop.kubectl("apply", "--filename=-", stdin=manifest(NEW))


def server_side_apply(shop: Shop) -> None:
    words = ("apply", "--server-side", "--force-conflicts", "--field-manager=argo")
    shop.kubectl(*words, "--filename=-", stdin=manifest(NEW))


def apply_with_an_explicit_unpause(shop: Shop) -> None:
    shop.kubectl("apply", "--filename=-", stdin=manifest(NEW, paused=False))


def as_gander_with_an_unpause(shop: Shop) -> None:
    container = {"name": "app", "image": NEW}
    patch = {"spec": {"paused": False, "template": {"spec": {"containers": [container]}}}}
    shop.kubectl(*GANDER, "patch", "deployment", NAME, f"--patch={json.dumps(patch)}")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda shop: shop.kubectl("set", "image", f"deployment/{NAME}", f"app={NEW}"),
            id="set image",
        ),
        pytest.param(
            lambda shop: shop.kubectl("set", "env", f"deployment/{NAME}", "COLOUR=blue"),
            id="set env",
        ),
        pytest.param(
            lambda shop: shop.kubectl("rollout", "restart", f"deployment/{NAME}"),
            id="rollout restart",
        ),
        pytest.param(apply, id="apply"),
        pytest.param(server_side_apply, id="server-side apply"),
        pytest.param(replace, id="replace, which drops our label"),
        pytest.param(apply_with_an_explicit_unpause, id="apply with paused: false"),
        pytest.param(as_gander_with_an_unpause, id="by Gander's own account"),
    ],
)
def test_a_template_change_is_held(shop: Shop, change: Change) -> None:
    before, template = shop.replica_sets(), shop.get()["spec"]["template"]

    change(shop)

    assert shop.get()["spec"]["template"] != template
    assert shop.paused()
    assert shop.plan() == NAME
    assert shop.replica_sets() == before


def test_an_undo_is_held_and_brings_no_break_glass_of_the_past_back(shop: Shop) -> None:
    shop.kubectl("annotate", "deployment", NAME, f"{BYPASS_ANNOTATION}=incident-1")
    shop.kubectl("set", "image", f"deployment/{NAME}", f"app={NEW}")
    two = eventually(lambda: _sets(shop, 2), within=30, what="a second ReplicaSet")
    shop.kubectl("annotate", "deployment", NAME, f"{BYPASS_ANNOTATION}-")

    shop.kubectl("rollout", "undo", f"deployment/{NAME}")

    assert shop.image() == OLD
    assert shop.paused()
    assert BYPASS_ANNOTATION not in shop.annotations()
    assert shop.replica_sets() == two
    shop.kubectl("rollout", "resume", f"deployment/{NAME}")
    assert shop.paused()


def test_an_undo_in_the_middle_of_a_break_glass_is_free_and_keeps_it(shop: Shop) -> None:
    shop.kubectl("annotate", "deployment", NAME, f"{BYPASS_ANNOTATION}=incident-1")
    shop.kubectl("set", "image", f"deployment/{NAME}", f"app={NEW}")
    eventually(lambda: _sets(shop, 2), within=30, what="a second ReplicaSet")
    shop.kubectl("set", "env", f"deployment/{NAME}", "COLOUR=blue")
    eventually(lambda: _sets(shop, 3), within=30, what="a third ReplicaSet")

    shop.kubectl("rollout", "undo", f"deployment/{NAME}")

    assert shop.image() == NEW
    assert not shop.paused()
    assert BYPASS_ANNOTATION in shop.annotations()


def test_a_helm_upgrade_is_held(client: Client, namespace: str, tmp_path: Path) -> None:
    shop = Shop(client, namespace, tmp_path)
    templates = tmp_path / "chart" / "templates"
    templates.mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("{apiVersion: v2, name: shop, version: 0.1.0}")
    (templates / "app.yaml").write_text(yaml.safe_dump(manifest("{{ .Values.image }}")))

    def helm(image: str) -> None:
        words = ("upgrade", "--install", "shop", str(tmp_path / "chart"))
        run("helm", *words, f"--namespace={namespace}", f"--set=image={image}")

    helm(OLD)
    before = eventually(shop.replica_sets, within=30, what="the first ReplicaSet")
    shop.adopt()
    eventually(lambda: held_in_dry_run(shop), within=60, what="the policy to be followed")

    helm(NEW)

    assert shop.image() == NEW
    assert shop.paused()
    assert shop.plan() == NAME
    assert shop.replica_sets() == before


def test_what_is_held_stays_held_when_it_is_applied_again(shop: Shop) -> None:
    before = shop.replica_sets()
    server_side_apply(shop)
    server_side_apply(shop)
    apply(shop)
    assert shop.paused()
    assert shop.replica_sets() == before


def test_nobody_is_recorded_as_owner_of_the_pause(shop: Shop) -> None:
    server_side_apply(shop)
    fields = json.loads(
        shop.kubectl("get", "deployment", NAME, "--output=json", "--show-managed-fields")
    )["metadata"]["managedFields"]
    owners = [each["manager"] for each in fields if "f:paused" in json.dumps(each)]
    assert owners == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda shop: shop.kubectl("annotate", "deployment", NAME, "note=1"), id="annotation"
        ),
        pytest.param(
            lambda shop: shop.kubectl("label", "deployment", NAME, "tier=web"), id="label"
        ),
        pytest.param(
            lambda shop: shop.kubectl("apply", "--filename=-", stdin=manifest(OLD)),
            id="apply of the same",
        ),
        pytest.param(
            lambda shop: shop.kubectl(
                "apply", "--filename=-", stdin=manifest(OLD, revisionHistoryLimit=5)
            ),
            id="apply of another field",
        ),
    ],
)
def test_what_leaves_the_template_alone_goes_through(shop: Shop, change: Change) -> None:
    before = shop.replica_sets()
    change(shop)
    assert not shop.paused()
    assert shop.replica_sets() == before


def test_scaling_goes_through_also_while_a_change_is_held(shop: Shop) -> None:
    (stable,) = shop.replica_sets()
    shop.kubectl("scale", "deployment", NAME, "--replicas=1")
    assert not shop.paused()
    eventually(lambda: shop.replica_sets() == {stable: 1}, within=30, what="one stable pod")

    apply(shop)
    shop.kubectl("scale", "deployment", NAME, "--replicas=2")

    assert shop.paused()
    eventually(lambda: shop.replica_sets() == {stable: 2}, within=30, what="two stable pods")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("rollout", "resume", f"deployment/{NAME}"), id="resume"),
        pytest.param(("label", "deployment", NAME, f"{PLAN_LABEL}-"), id="label off"),
        pytest.param(
            ("label", "--overwrite", "deployment", NAME, f"{PLAN_LABEL}=other"), id="label changed"
        ),
        pytest.param(
            (
                *("patch", "deployment", NAME, "--type=merge", "--patch"),
                json.dumps({"metadata": {"labels": {PLAN_LABEL: None}}, "spec": {"paused": False}}),
            ),
            id="both at once",
        ),
    ],
)
def test_nobody_else_can_let_it_go(shop: Shop, words: tuple[str, ...]) -> None:
    apply(shop)
    before = shop.replica_sets()

    shop.kubectl(*words)

    assert shop.paused()
    assert shop.plan() == NAME
    assert shop.replica_sets() == before


def test_the_label_stays_on_a_deployment_that_is_not_held(shop: Shop) -> None:
    shop.kubectl("label", "deployment", NAME, f"{PLAN_LABEL}-")
    assert shop.plan() == NAME
    assert not shop.paused()


def test_gander_lets_it_go(shop: Shop) -> None:
    apply(shop)
    (stable,) = shop.replica_sets()

    shop.kubectl(*GANDER, "rollout", "resume", f"deployment/{NAME}")

    assert not shop.paused()
    eventually(lambda: _sets(shop, 2), within=30, what="a ReplicaSet of the new template")
    assert stable in shop.replica_sets()


def test_gander_gives_it_back(shop: Shop) -> None:
    shop.kubectl(*GANDER, "label", "deployment", NAME, f"{PLAN_LABEL}-")
    assert shop.plan() is None
    apply(shop)
    assert not shop.paused()


def test_with_the_break_glass_annotation_anyone_can_let_it_go(shop: Shop) -> None:
    apply(shop)
    shop.kubectl("annotate", "deployment", NAME, f"{BYPASS_ANNOTATION}=incident-1")

    shop.kubectl("rollout", "resume", f"deployment/{NAME}")

    assert not shop.paused()
    eventually(lambda: _sets(shop, 2), within=30, what="a ReplicaSet of the new template")


def test_a_deployment_without_a_plan_is_nobody_s_business(shop: Shop) -> None:
    other = manifest(OLD)
    other["metadata"]["name"] = "other"
    other["spec"]["selector"]["matchLabels"]["app"] = "other"
    other["spec"]["template"]["metadata"]["labels"]["app"] = "other"
    shop.kubectl("apply", "--filename=-", stdin=other)

    shop.kubectl("set", "image", "deployment/other", f"app={NEW}")

    stored = shop.client.get(kinds.DEPLOYMENT, shop.namespace, "other")
    assert "paused" not in stored["spec"]


def _sets(shop: Shop, number: int) -> dict[str, int] | None:
    found = shop.replica_sets()
    return found if len(found) == number else None
