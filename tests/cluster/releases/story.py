"""One shop with its plan, as a test sees it: what people do to it, and what they see of it.

Promises: everything is done and read the way a user would, with kubectl and through the gateway;
every wait has a deadline and shows the release, the plan and the controller's last words when it
passes in vain.
"""

import json
import os
import re
import sysconfig
import time
from typing import Any, Final

import yaml

from dev import gander
from dev.commands import run
from dev.errors import DevError
from dev.load import Load
from dev.load_figures import Summary
from dev.load_sender import Plan
from dev.reach import inside, kubectl
from dev.shop import deploy
from dev.shop.baskets import Mix
from dev.shop.deploy import NAME, Shop
from dev.waiting import until

EXAMPLE: Final = gander.ROOT / "examples" / "checkout"
QUIET: Final = Mix(samples=0.0, suppliers=0.0, flaky=0.0)
# One request in a hundred fails in every version, and v2 fails four more.
ONE_BECOMES_FIVE: Final = Mix(samples=0.04, suppliers=0.0, flaky=0.01)
AT_ONCE: Final = 1_000_000_000  # as a plan's exposure: every step begins at its whole weight
LONGEST_LOAD: Final = 1500.0
RELEASE_SECONDS: Final = 300.0
ENDS: Final = frozenset({"Succeeded", "RolledBack", "Aborted", "Superseded"})
Json = dict[str, Any]


class Story:
    """One shop in a namespace of its own. `images` are the shop's by version."""

    def __init__(self, shop: Shop, images: dict[str, str]) -> None:
        self.shop = shop
        self.images = images
        self._loads: list[Load] = []

    def adopt(self, **spec: Any) -> None:
        """Apply metric and plan, and wait until changes are held back."""
        self.apply_plan(**spec)
        self.await_plan("Idle")

    def apply_plan(self, **spec: Any) -> None:
        """Apply metric and plan of examples/checkout; `spec` replaces fields of the plan's."""
        self.apply(*self.plan_manifests(**spec))

    def plan_manifests(self, **spec: Any) -> list[Json]:
        """Return metrics and plan of examples/checkout; `spec` replaces fields of the plan's.

        The plan is judged by errors alone: two metrics take longer to prove.
        """
        metrics = list(yaml.safe_load_all((EXAMPLE / "metrics.yaml").read_text()))
        plan = yaml.safe_load((EXAMPLE / "plan.yaml").read_text())
        plan["spec"]["analysis"]["metrics"] = [{"metric": "http-errors"}]
        plan["spec"].update(spec)
        for item in (*metrics, plan):
            item["metadata"]["namespace"] = self.shop.namespace
        return [*metrics, plan]

    def apply(self, *items: Json) -> None:
        """Apply objects, as `kubectl apply` does. DevError: with the API server's sentence."""
        self.shop.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(items))

    def patch(
        self, kind: str, patch: Any, *, name: str = NAME, strategy: str = "merge", part: str = ""
    ) -> None:
        """Change an object, or a subresource of it, by a patch: merge, strategic or json."""
        words = [f"--type={strategy}", f"--patch={json.dumps(patch)}"]
        words += [f"--subresource={part}"] if part else []
        self.shop.kubectl("patch", kind, name, *words)

    def load(self, rate: float = 50.0, mix: Mix = QUIET) -> Load:
        """Send requests through the gateway until the test ends or `Load.stop`."""
        load = Load.start(
            self.shop.environment, Plan(rate, LONGEST_LOAD, self.shop.hostname, mix, 1)
        )
        self._loads.append(load)
        return load

    def set_image(self, version: str) -> None:
        """Change the image, as people do by hand."""
        deploy.set_image(self.shop, self.images[version])

    def gander(self, *words: str) -> str:
        """Run our kubectl plugin as `kubectl gander ...`; return what it prints."""
        environment = self.shop.environment
        path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
        variables = {**os.environ, **environment.variables(), "PATH": path}
        command = ("kubectl", "gander", *words, f"--namespace={self.shop.namespace}")
        with inside(environment):
            return run(*command, env=variables)

    def get(self, *name: str) -> Json:
        """Return one object; empty if it is not there."""
        found: Json = json.loads(
            self.shop.kubectl("get", *name, "--ignore-not-found", "-o", "json") or "{}"
        )
        return found

    def plan(self) -> Json:
        """Return the plan's status."""
        return dict(self.get("releaseplan", NAME).get("status", {}))

    def release(self, number: int = 1) -> Json:
        """Return a release's status."""
        return dict(self.get("release", f"{NAME}-{number}").get("status", {}))

    def deployment(self) -> Json:
        """Return the user's Deployment."""
        return self.get("deployment", NAME)

    def canary(self) -> Json:
        """Return the canary Deployment; empty if there is none."""
        return self.get("deployment", f"{NAME}-canary")

    def backends(self, route: str = NAME) -> dict[str, int]:
        """Return the weights of a route's first rule by Service."""
        rule = self.get("httproute", route)["spec"]["rules"][0]
        return {ref["name"]: ref["weight"] for ref in rule["backendRefs"]}

    def conditions(self, kind: str, name: str = NAME) -> dict[str, Json]:
        """Return the conditions of an object by type."""
        conditions = self.get(kind, name).get("status", {}).get("conditions", [])
        return {condition["type"]: condition for condition in conditions}

    def events(self, kind: str, name: str) -> dict[str, str]:
        """Return what the Events about an object say, by reason."""
        about = f"involvedObject.kind={kind},involvedObject.name={name}"
        items = self.get("events", f"--field-selector={about}")["items"]
        return {item["reason"]: item["message"] for item in items}

    def shares(self) -> dict[str, int]:
        """Return the percentage of the route's first rule that each Service gets."""
        weights = self.backends()
        return {name: 100 * weight // sum(weights.values()) for name, weight in weights.items()}

    def replica_sets(self) -> dict[str, int]:
        """Return the ReplicaSets of the user's Deployment, with the number of pods each wants."""
        uid = self.deployment()["metadata"]["uid"]
        return {
            item["metadata"]["name"]: item["spec"]["replicas"]
            for item in self.get("replicasets")["items"]
            if any(owner["uid"] == uid for owner in item["metadata"]["ownerReferences"])
        }

    def await_plan(self, phase: str, *, seconds: float = 90.0) -> Json:
        """Wait until the plan is in a phase; return its status."""
        self._until(f"plan to be {phase}", lambda: self.plan().get("phase") == phase, seconds)
        return self.plan()

    def await_release(
        self, *phases: str, number: int = 1, reason: str | None = None, seconds: float = 120.0
    ) -> Json:
        """Wait until a release is in one of the phases, for a reason if one is given."""

        def there() -> bool:
            status = self.release(number)
            if status.get("phase") in phases and reason in (None, status.get("reason")):
                return True
            if status.get("phase") in ENDS:
                raise DevError(f"it ended as {status['phase']}: {status['message']}\n{self.told()}")
            return False

        self._until(f"release {number} to be {' or '.join(phases)} {reason or ''}", there, seconds)
        return self.release(number)

    def await_evidence(self, number: int = 1) -> Json:
        """Wait until a release has taken a look that had data; return its status."""

        def looked() -> bool:
            metrics = self.await_release("Stepping", number=number).get("metrics", [])
            return any(metric["looks"] for metric in metrics)

        self._until(f"release {number} to have evidence", looked, 60)
        return self.release(number)

    def await_step(self, step: int, *, number: int = 1, seconds: float = 180.0) -> Json:
        """Wait until a release has come to a step; return its status."""
        self._until(
            f"release {number} to be at step {step}",
            lambda: self.await_release("Stepping", "Promoting", number=number)["step"] >= step,
            seconds,
        )
        return self.release(number)

    def holds(self, reason: str, *, seconds: float, number: int = 1) -> Json:
        """Wait until a release holds for a reason, and see that nothing of it moves for so long."""
        held = self.await_release("Holding", reason=reason, number=number)
        over = time.monotonic() + seconds

        def unmoved() -> bool:
            now = self.release(number)
            for name in ("phase", "reason", "step", "weight"):
                if now[name] != held[name]:
                    raise DevError(f"{name}: {held[name]} became {now[name]}\n{self.told()}")
            return time.monotonic() > over

        self._until(f"{seconds:.0f} s of {reason} to be over", unmoved, seconds + 30)
        return self.release(number)

    def await_message(self, pattern: str, *, number: int = 1, seconds: float = 60.0) -> None:
        """Wait until what a release says of itself matches a pattern."""

        def said() -> bool:
            return bool(re.search(pattern, self.release(number).get("message", "")))

        self._until(f"release {number} to say {pattern}", said, seconds)

    def await_backends(
        self, weights: dict[str, int], *, route: str = NAME, seconds: float = 90.0
    ) -> None:
        """Wait until a route's first rule has these weights by Service."""
        self._until(f"the weights {weights}", lambda: self.backends(route) == weights, seconds)

    def await_end(self, number: int = 1, *, seconds: float = RELEASE_SECONDS) -> Json:
        """Wait until a release has ended; return its status."""
        self._until(
            f"release {number} to end", lambda: self.release(number).get("phase") in ENDS, seconds
        )
        return self.release(number)

    def told(self) -> str:
        """Return what there is to know: releases, plan, pods and the controller's last words."""
        shown = [
            self.shop.kubectl("get", "releases,releaseplans,pods,httproutes", "-o", "wide"),
            self.shop.kubectl("get", "releases", "-o", "jsonpath={.items[*].status.timeline}"),
            kubectl(
                self.shop.environment,
                "logs",
                f"--namespace={gander.NAMESPACE}",
                "deployment/gander",
                "--tail=30",
            ),
        ]
        return "\n".join(shown)

    def close(self) -> None:
        """Stop the loads that still run."""
        for load in self._loads:
            load.stop()

    def _until(self, what: str, holds: Any, seconds: float) -> None:
        until(f"{self.shop.namespace}: {what}", holds, seconds=seconds, explain=self.told)


def judged_by(*metrics: str) -> Json:
    """Return the analysis of examples/checkout with other metrics."""
    plan = yaml.safe_load((EXAMPLE / "plan.yaml").read_text())
    return {**plan["spec"]["analysis"], "metrics": [{"metric": name} for name in metrics]}


def lost(summary: Summary) -> int:
    """Return how many requests no version answered."""
    return sum(summary.lost.values())
