"""Does what was decided about one plan. Every action may be repeated."""

from contextlib import closing, suppress
from dataclasses import dataclass

import msgspec

from controller.api.base import API_VERSION
from controller.api.names import (
    FINALIZER,
    PLAN_LABEL,
    canary_name,
    release_name,
)
from controller.api.plan import StableVersion
from controller.api.release import ReleaseSpec, Rules
from controller.kube import kinds
from controller.kube.errors import AlreadyExists, NotFound
from controller.reconcile.deployment import write_deployment
from controller.reconcile.problems import metric_rules
from controller.reconcile.routes import is_split, write_without_canary
from controller.reconcile.stablecopy import keep_copy, restore
from controller.reconcile.world import World, images_of
from controller.release.facts import Pause, Unpause
from controller.release.planfacts import (
    AddFinalizer,
    Adopt,
    CreateRelease,
    DeleteRelease,
    DeleteReplicaSet,
    DropCopy,
    EmptyReplicaSet,
    KeepCopy,
    Leave,
    Mark,
    PlanAction,
    PlanFacts,
    RemoveFinalizer,
    RemoveLeftovers,
    RestoreStable,
)

PROBE_ANNOTATION = "gander.dev/probe"


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
            case Adopt() | Leave() | Pause() | Unpause() | Mark():
                write_deployment(self.world, self._namespace, self._name, action)
            case CreateRelease(number, stable):
                self._create(number, stable)
            case DeleteRelease(name):
                self.world.client.delete(kinds.RELEASE, self._namespace, name)
            case DeleteReplicaSet(name, uid, version):
                self.world.client.delete(
                    kinds.REPLICA_SET, self._namespace, name, uid=uid, resource_version=version
                )
            case EmptyReplicaSet(name, version):
                self.world.client.merge_patch(
                    kinds.REPLICA_SET,
                    self._namespace,
                    name,
                    {"spec": {"replicas": 0}},
                    resource_version=version,
                )
            case KeepCopy(replica_set):
                keep_copy(self.world, self.facts.plan, replica_set)
            case DropCopy(replica_set):
                self.world.client.delete(kinds.CONTROLLER_REVISION, self._namespace, replica_set)
            case RestoreStable(replica_set):
                restore(self.world, self.facts.plan, replica_set)
            case RemoveLeftovers(routes):
                self._remove_leftovers(routes)

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

    def _finalizers(self, finalizers: list[str]) -> None:
        answer = self.world.client.merge_patch(
            kinds.RELEASE_PLAN,
            self._namespace,
            self._name,
            {"metadata": {"finalizers": finalizers or None}},
            resource_version=self.facts.plan.metadata.resource_version,
        )
        self.world.plans.observe(answer)

    def _remove_leftovers(self, routes: tuple[str, ...]) -> None:
        """Take our backendRef out, unless the API server knows a release that this replica missed.

        A cache may have the routes of a release and not yet the release.
        """
        plan, traffic = self.facts.plan, self.facts.plan.spec.traffic
        if is_split(self.world.client.list(kinds.RELEASE, self._namespace), plan):
            return
        write_without_canary(self.world, self._namespace, traffic)
        about = {"apiVersion": API_VERSION, "kind": "ReleasePlan", **plan.metadata.wire()}
        message = (
            f"took Service {canary_name(traffic.service)} out of {', '.join(routes)}: somebody "
            "wrote it back after its release had ended, and its requests were lost; keep it out "
            "of what is applied"
        )
        self.world.recorder.event(about, "Warning", "LeftoverBackend", message)

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
