"""Does what was decided about one plan. Every action may be repeated."""

from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from controller.api.base import API_VERSION
from controller.api.names import (
    FIELD_MANAGER,
    FINALIZER,
    LEFT_PAUSED_ANNOTATION,
    PLAN_LABEL,
    release_name,
)
from controller.api.plan import StableVersion
from controller.api.release import ReleaseSpec, Rules
from controller.kube import kinds
from controller.kube.errors import AlreadyExists, NotFound
from controller.reconcile.problems import metric_rules
from controller.reconcile.world import World, images_of
from controller.release.facts import Pause, Unpause
from controller.release.plans import (
    AddFinalizer,
    Adopt,
    CreateRelease,
    DeleteRelease,
    DeleteReplicaSet,
    Leave,
    Mark,
    PlanAction,
    PlanFacts,
    RemoveFinalizer,
)

PROBE_ANNOTATION = "gander.dev/probe"
LEFT_PAUSED = (
    "Gander left this Deployment paused: its template was not released yet, or was taken back. "
    "kubectl rollout resume lets it out; to drop it, apply the former template before you resume."
)


@dataclass(frozen=True, slots=True)
class PlanActor:
    """Acts for one plan. Raises what the API server answers (controller.kube.errors)."""

    world: World
    facts: PlanFacts

    def do(self, action: PlanAction) -> None:
        """Do one action."""
        match action:
            case AddFinalizer():
                self._finalizers([*self.facts.plan.metadata.finalizers, FINALIZER])
            case RemoveFinalizer():
                present = self.facts.plan.metadata.finalizers
                # With its last finalizer the plan goes; a cache may show it a moment longer.
                with suppress(NotFound):
                    self._finalizers([f for f in present if f != FINALIZER])
            case Adopt(resource_version):
                marks = {
                    "labels": {PLAN_LABEL: self._name},
                    "annotations": {LEFT_PAUSED_ANNOTATION: None},
                }
                self._patch({"metadata": marks}, resource_version)
            case Leave(resource_version, unpause):
                self._leave(resource_version, unpause=unpause)
            case Pause(resource_version):
                self._patch({"spec": {"paused": True}}, resource_version)
            case Unpause(resource_version):
                self._patch({"spec": {"paused": None}}, resource_version)
            case Mark(message, reason):
                self._mark(message, reason)
            case CreateRelease(number, stable):
                self._create(number, stable)
            case DeleteRelease(name):
                self.world.client.delete(kinds.RELEASE, self._namespace, name)
            case DeleteReplicaSet(name):
                self.world.client.delete(kinds.REPLICA_SET, self._namespace, name)

    def prove_guard(self) -> bool:
        """Try a template change as a dry run over a new connection; True when it came out paused.

        A new connection, so that behind a load balancer other API servers are asked in turn.
        """
        probe = {"metadata": {"annotations": {PROBE_ANNOTATION: "template change"}}}
        with closing(self.world.connect()) as client:
            answer = client.merge_patch(
                kinds.DEPLOYMENT,
                self._namespace,
                self._name,
                {"spec": {"paused": False, "template": probe}},
                dry_run=True,
            )
        return answer["spec"].get("paused") is True

    @property
    def _name(self) -> str:
        return self.facts.plan.metadata.name

    @property
    def _namespace(self) -> str:
        return self.facts.plan.metadata.namespace

    def _patch(self, body: dict[str, Any], resource_version: str) -> None:
        answer = self.world.client.merge_patch(
            kinds.DEPLOYMENT,
            self._namespace,
            self._name,
            body,
            resource_version=resource_version,
        )
        self.world.deployments.observe(answer)

    def _finalizers(self, finalizers: list[str]) -> None:
        answer = self.world.client.merge_patch(
            kinds.RELEASE_PLAN,
            self._namespace,
            self._name,
            {"metadata": {"finalizers": finalizers or None}},
            resource_version=self.facts.plan.metadata.resource_version,
        )
        self.world.plans.observe(answer)

    def _leave(self, resource_version: str, *, unpause: bool) -> None:
        body: dict[str, Any] = {"metadata": {"labels": {PLAN_LABEL: None}}}
        if unpause:
            body["spec"] = {"paused": None}
        else:
            body["metadata"]["annotations"] = {LEFT_PAUSED_ANNOTATION: LEFT_PAUSED}
        self._patch(body, resource_version)

    def _mark(self, message: str, reason: str) -> None:
        """Own one condition of the Deployment's status, or own none any more."""
        conditions = []
        if message:
            time = self.world.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
            conditions = [
                {
                    "type": "Stalled",
                    "status": "True",
                    "reason": reason,
                    "message": message,
                    "lastUpdateTime": time,
                    "lastTransitionTime": time,
                }
            ]
        manifest = {
            "apiVersion": kinds.DEPLOYMENT.api_version,
            "kind": "Deployment",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "status": {"conditions": conditions},
        }
        answer = self.world.client.apply(
            kinds.DEPLOYMENT,
            self._namespace,
            manifest,
            field_manager=FIELD_MANAGER,
            subresource="status",
        )
        self.world.deployments.observe(answer)

    def _create(self, number: int, stable: StableVersion) -> None:
        """Write the release once, with the plan and its metrics as they are now."""
        plan, deployment = self.facts.plan, self.facts.deployment
        current = self.world.deployments.get(self._namespace, self._name)
        if current is None or deployment is None:
            return
        if current.meta.resource_version != deployment.resource_version:
            return
        template = bytes(current.template)
        spec = ReleaseSpec(
            plan=self._name,
            number=number,
            revision=deployment.revision,
            template=msgspec.json.decode(template),
            images=images_of(template),
            stable=stable,
            rules=Rules(
                generation=plan.metadata.generation,
                traffic=plan.spec.traffic,
                track_label=self.facts.track_label,
                steps=plan.spec.steps,
                analysis=plan.spec.analysis,
                metrics=metric_rules(self.world, plan),
            ),
        )
        body = {
            "apiVersion": API_VERSION,
            "kind": "Release",
            "metadata": {
                "name": release_name(self._name, number),
                "namespace": self._namespace,
                "labels": {PLAN_LABEL: self._name},
                "finalizers": [FINALIZER],
                "ownerReferences": [
                    {
                        "apiVersion": API_VERSION,
                        "kind": "ReleasePlan",
                        "name": self._name,
                        "uid": plan.metadata.uid,
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": spec.wire(),
        }
        try:
            answer = self.world.client.create(kinds.RELEASE, self._namespace, body)
        except AlreadyExists:
            return
        self.world.releases.observe(answer)
