"""Releases, plans and facts for the tests, healthy unless told otherwise.

Every builder takes what a test is about as keywords and fills in the rest. Releases are read back
from what would be stored, so a test sees the same rounding as the controller.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from controller.api.names import FINALIZER
from controller.api.plan import ReleasePlan
from controller.api.release import MetricStatus, Release, ReleaseStatus
from controller.release.facts import (
    CanaryFacts,
    Decision,
    DeploymentFacts,
    Facts,
    Judged,
    Problem,
    RouteFacts,
    StableFacts,
    Trouble,
)
from controller.release.machine import decide
from controller.release.planfacts import PlanDeployment, PlanFacts, RevisionFacts
from controller.release.record import with_conditions

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOLD = timedelta(seconds=60)
LOOK = timedelta(seconds=15)
DEADLINE = timedelta(seconds=600)
STEPS = ({"weight": 5, "hold": "60s"}, {"weight": 50, "hold": "60s"})
TRAFFIC = {"service": "checkout", "httpRoutes": ["checkout"], "drain": "5s"}
ANALYSIS = {
    "prometheus": {"url": "http://prometheus:9090"},
    "look": "15s",
    "metrics": [{"metric": "http-errors"}],
}
METRIC: dict[str, Any] = {
    "name": "http-errors",
    "required": True,
    "spec": {"counts": {"total": 'http_requests_total{pod=~"{{ pods }}"}', "bad": 'code=~"5.."'}},
}


def release(
    *,
    number: int = 2,
    revision: str = "bbbbbbbbbb",
    steps: Sequence[dict[str, Any]] = STEPS,
    drain: str = "5s",
    abort: dict[str, str] | None = None,
    orders: Sequence[str] = (),
    deleted: bool = False,
    **status: Any,
) -> Release:
    """Return a stored Release of the plan checkout; `status` by the names of its fields."""
    order = {"by": "ann", "at": "2026-03-01T11:00:00Z"}
    stored = ReleaseStatus.model_validate(status).wire()
    return Release.model_validate(
        {
            "metadata": {
                "name": f"checkout-{number}",
                "namespace": "shop",
                "uid": f"uid-{number}",
                "generation": 1,
                **({"deletionTimestamp": "2026-03-01T11:59:00Z"} if deleted else {}),
            },
            "spec": {
                "plan": "checkout",
                "number": number,
                "revision": revision,
                "template": {"spec": {"containers": [{"name": "app", "image": "shop:2"}]}},
                "images": ["shop:2"],
                "stable": {"revision": "aaaaaaaaaa", "replicaSet": "checkout-a"},
                "rules": {
                    "generation": 1,
                    "traffic": {**TRAFFIC, "drain": drain},
                    "trackLabel": "track",
                    "steps": list(steps),
                    "analysis": ANALYSIS,
                    "metrics": [METRIC],
                },
                **({"abort": abort} if abort else {}),
                "orders": [{**order, "action": action} for action in orders],
            },
            "status": stored,
        }
    )


def route(
    weight: int | None = None, *, name: str = "HTTPRoute checkout", **fields: Any
) -> RouteFacts:
    """Return a route that its parents have seen."""
    return RouteFacts(**{"name": name, "weight": weight, "settled": True, **fields})


def deployment(**fields: Any) -> DeploymentFacts:
    """Return the user's Deployment, paused with the release's template waiting in it."""
    healthy = DeploymentFacts(
        resource_version="7",
        paused=True,
        holds_release=True,
        started_rolling=False,
        rolled=False,
        failed=None,
    )
    return replace(healthy, **fields)


def canary(ready: int = 1, replicas: int = 1, **fields: Any) -> CanaryFacts:
    """Return a canary whose pods all run; at 5 % of 4 stable pods one pod is wanted."""
    fields = {"running": replicas, "images": ("shop@sha256:2",), **fields}
    return CanaryFacts(replicas=replicas, ready=ready, **fields)


def facts(of: Release | None = None, **fields: Any) -> Facts:
    """Return facts of a release whose canary of one pod serves and whose route has no backend."""
    healthy = Facts(
        release=of if of is not None else release(),
        deployment=deployment(),
        stable=StableFacts(replicas=4, ready=4),
        canary=canary(),
        has_canary_service=True,
        routes=(route(),),
    )
    return replace(healthy, **fields)


def metric(*, fresh: bool = True, **fields: Any) -> MetricStatus:
    """Return the evidence of the one required metric."""
    looks = {"looks": 3, "looks_at_weight": 1 if fresh else 0}
    words = {"name": "http-errors", "required": True, "state": "Safe", "message": "errors 1.0 %"}
    return MetricStatus.model_validate({**words, **looks, **fields})


def judged(verdict: str = "Safe", problem: Problem | None = None, **fields: Any) -> Judged:
    """Return what a look has shown, the last one in the hold of a step that began at NOW."""
    return Judged(
        **{
            "verdict": verdict,
            "metrics": (metric(),),
            "next": NOW + HOLD + LOOK,
            "exposure": ReleaseStatus().exposure,
            "problem": problem,
            **fields,
        }
    )


def at_step(number: int = 1, **status: Any) -> dict[str, Any]:
    """Return the status of a release that holds the weight of step `number` since NOW."""
    weight = STEPS[number - 1]["weight"]
    return {
        "phase": "Stepping",
        "reason": "Collecting",
        "message": f"{weight} % confirmed; errors 1.0 %",
        "step": number,
        "progress": f"{number}/2",
        "step_since": NOW,
        "weight": {"wanted": weight, "confirmed": weight},
        "verdict": "Inconclusive",
        "metrics": [metric().wire()],
        "looks": {"since": NOW.timestamp(), "next": NOW + LOOK},
        "timeline": [entry("Stepping", "Collecting")],
        **status,
    }


def entry(phase: str, reason: str, at: datetime = NOW) -> dict[str, Any]:
    """Return one line of a timeline."""
    return {"at": at, "phase": phase, "weight": 0, "reason": reason, "message": "as it was"}


def trouble(*, fault: bool, reason: str = "ImagePullBackOff") -> Trouble:
    """Return what is wrong with a canary pod."""
    return Trouble(Problem(reason, "pod checkout-canary-x: the words of Kubernetes"), fault=fault)


def stored(of: Release, decision: Decision, now: datetime) -> Release:
    """Return the release as it is read back once a decision's status is written."""
    status = with_conditions(decision.status, of.metadata.generation, now)
    return Release.model_validate({**of.wire(), "status": status.wire()})


def seen(before: Facts, decision: Decision, now: datetime, **fields: Any) -> Facts:
    """Return the facts of the next pass: the decision's status is stored, `fields` have changed."""
    release_now = stored(before.release, decision, now)
    return replace(before, **{"release": release_now, "judged": None, **fields})


def assert_settled(of: Facts, now: datetime) -> None:
    """Assert that a pass over these facts writes nothing and does nothing."""
    decision = decide(of, now)
    status = with_conditions(decision.status, of.release.metadata.generation, now)
    assert of.release.status.wire() == status.wire()
    assert decision.actions == ()


def plan(
    *,
    finalizers: Sequence[str] = (FINALIZER,),
    deleted: bool = False,
    history: int = 10,
    **status: Any,
) -> ReleasePlan:
    """Return the stored plan of the Deployment checkout."""
    return ReleasePlan.model_validate(
        {
            "metadata": {
                "name": "checkout",
                "namespace": "shop",
                "generation": 3,
                "finalizers": list(finalizers),
                **({"deletionTimestamp": NOW} if deleted else {}),
            },
            "spec": {
                "traffic": TRAFFIC,
                "steps": list(STEPS),
                "analysis": ANALYSIS,
                "history": history,
            },
            "status": status,
        }
    )


STABLE = {"revision": "aaaaaaaaaa", "replicaSet": "checkout-a", "images": ["shop:1"]}


def guarded(**status: Any) -> dict[str, Any]:
    """Return the status of a plan whose guard was proven a minute ago and whose stable serves."""
    return {
        "phase": "Idle",
        "guard": "Guarded",
        "guard_proven_at": NOW - timedelta(minutes=1),
        "guard_policy": "41/42",
        "stable": STABLE,
        "track_label": "track",
        "releases": 1,
        **status,
    }


def plan_deployment(**fields: Any) -> PlanDeployment:
    """Return the user's Deployment at rest: adopted, rolled out, stable's template in it."""
    at_rest = PlanDeployment(
        resource_version="7",
        revision="aaaaaaaaaa",
        labelled=True,
        bypassed=False,
        paused=False,
        paused_by="",
        replicas=4,
        rolled_into="checkout-a",
        mark="",
    )
    return replace(at_rest, **fields)


def waiting(revision: str = "bbbbbbbbbb", **fields: Any) -> PlanDeployment:
    """Return the user's Deployment while the API server holds a change back."""
    return plan_deployment(**{"revision": revision, "paused": True, "rolled_into": "", **fields})


def replica_set(name: str = "a", replicas: int = 4, age: int = 100, **fields: Any) -> RevisionFacts:
    """Return a ReplicaSet with ready pods and its letter as revision; `age` in minutes."""
    full = RevisionFacts(
        replica_set=f"checkout-{name}",
        revision=name * 10,
        created=NOW - timedelta(minutes=age),
        replicas=replicas,
        ready=replicas,
        images=("shop:1",),
        uid=f"uid-{name}",
        resource_version="5",
    )
    return replace(full, **fields)


def plan_facts(**fields: Any) -> PlanFacts:
    """Return facts of a guarded plan at rest."""
    at_rest = PlanFacts(
        plan=plan(**guarded()),
        deployment=plan_deployment(),
        revisions=(replica_set(),),
        releases=(),
        track_label="track",
        guard_policy="41/42",
        copies=("checkout-a",),
    )
    return replace(at_rest, **fields)


def ended(number: int, phase: str, revision: str = "bbbbbbbbbb", **fields: Any) -> Release:
    """Return a release that ended `number` minutes after NOW's day began."""
    at = NOW.replace(hour=0) + timedelta(minutes=number)
    return release(
        number=number,
        revision=revision,
        **{
            "phase": phase,
            "reason": "Regressed",
            "message": "errors 1.0 % became 5.0 %",
            "finished_at": at,
            "timeline": [entry(phase, "Regressed", at)],
            **fields,
        },
    )
