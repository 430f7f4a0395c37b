"""kubectl gander: what it shows and orders, and what it says when an order means nothing."""

import json
import os
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.errors import DevError
from dev.reach import kubectl
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import Story

RELEASE = f"{NAME}-1"


def test_the_life_of_an_order(story: Callable[..., Story]) -> None:
    shop = story(replicas=1, steps=[{"weight": 5, "hold": "1h"}])
    assert shop.gander("status", NAME).splitlines()[0] == f"plan {NAME}: Idle, guard Guarded"

    shop.load(rate=20.0)
    shop.set_image("v3")
    shop.await_evidence()
    shown = shop.gander("status", NAME)
    assert f"plan {NAME}: Releasing" in shown
    assert f"release {RELEASE}: Stepping at " in shown
    assert "http-errors" in shown
    assert f"error: release {RELEASE} is Stepping: nothing to try again" in fails(
        shop, "retry", RELEASE
    )
    assert "no alert to acknowledge" in fails(shop, "acknowledge", RELEASE)

    said = shop.gander("abort", RELEASE, "--reason=it smells")
    assert said == f"release.gander.dev/{RELEASE} aborted\n"
    assert shop.await_end()["phase"] == "Aborted"
    abort = shop.get("release", RELEASE)["spec"]["abort"]
    assert abort["reason"] == "it smells"
    assert abort["by"] == whoami(shop)
    assert f"release {RELEASE} is Aborted: nothing to abort" in fails(shop, "abort", RELEASE)

    shop.await_plan("Held")
    said = shop.gander("retry", RELEASE)
    assert said == f"release.gander.dev/{RELEASE} will be tried again\n"
    shop.await_release("Starting", "Stepping", number=2)
    (order,) = shop.get("release", RELEASE)["spec"]["orders"]
    assert (order["action"], order["by"]) == ("Retry", whoami(shop))


def test_an_acknowledged_alert_is_noted(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    shop.set_image("v5")
    assert shop.await_end()["phase"] == "RolledBack"
    said = shop.gander("acknowledge", RELEASE, "-m", "on it")
    assert said == f"release.gander.dev/{RELEASE} acknowledged\n"

    def resolved() -> bool:
        alerted = shop.conditions("release", RELEASE).get("Alerted", {})
        return alerted.get("reason") == "Acknowledged"

    until("the alert to be resolved", resolved, seconds=30)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status", "cart"), 'releaseplans.gander.dev "cart" not found'),
        (("abort", "cart-1"), 'releases.gander.dev "cart-1" not found'),
        (("retry", "cart-1"), 'releases.gander.dev "cart-1" not found'),
        (("acknowledge", "cart-1"), 'releases.gander.dev "cart-1" not found'),
    ],
)
def test_what_does_not_exist_is_named(
    namespace: str, words: tuple[str, ...], said: str, kubeconfig: str
) -> None:
    ended = plugin(*words, f"--namespace={namespace}", KUBECONFIG=kubeconfig)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_namespace_is_the_contexts(namespace: str, kubeconfig: str, tmp_path: Path) -> None:
    """As with kubectl; the answer names what was looked for, and where."""
    config = tmp_path / "config"
    config.write_text(Path(kubeconfig).read_text())
    words = ("config", "set-context", "--current", f"--namespace={namespace}")
    env = {**os.environ, "KUBECONFIG": str(config)}
    subprocess.run(("kubectl", *words), env=env, check=True, capture_output=True)
    ended = plugin("abort", "cart-1", KUBECONFIG=str(config))
    assert f"get Release {namespace}/cart-1: " in ended.stderr


def test_no_cluster_and_wrong_usage_have_codes_of_their_own(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    ended = plugin("abort", "cart-1", KUBECONFIG=missing)
    assert ended.returncode == 1
    assert f"error: no way to a cluster through {missing}" in ended.stderr
    assert plugin("abort", KUBECONFIG=missing).returncode == 2
    assert plugin("defenestrate", "cart-1", KUBECONFIG=missing).returncode == 2


def plugin(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the plugin itself, as kubectl does."""
    return subprocess.run(
        (str(Path(sysconfig.get_path("scripts")) / "kubectl-gander"), *words),
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fails(shop: Story, *words: str) -> str:
    """Run a command that has to fail with 1, and return what it says."""
    with pytest.raises(DevError, match="ended with 1:") as refused:
        shop.gander(*words)
    return str(refused.value)


def whoami(shop: Story) -> str:
    """Return the name by which the API server knows this test."""
    told = kubectl(shop.shop.environment, "auth", "whoami", "--output=json")
    return str(json.loads(told)["status"]["userInfo"]["username"])
