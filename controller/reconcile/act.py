"""Does what the state machine decided about one release. Every action may be repeated."""

from dataclasses import dataclass

import msgspec

from controller.api.names import canary_name
from controller.api.release import Release
from controller.kube import kinds
from controller.kube.errors import AlreadyExists, Conflict, Invalid
from controller.kube.kinds import Kind
from controller.kube.objects import Service, decode_service
from controller.reconcile.canary import mark_for
from controller.reconcile.rollout import find_pods_to_empty
from controller.reconcile.routes import write_weight, write_without_canary
from controller.reconcile.world import Json, World, name_taken
from controller.release.facts import (
    Action,
    DeleteCanary,
    EmptyRevision,
    EnsureCanary,
    EnsureCanaryService,
    Pause,
    RemoveBackend,
    SetWeight,
    Unpause,
)
from controller.traffic.canary import build_canary, build_canary_service
from controller.traffic.service import canary_service_patch, differences


@dataclass(frozen=True, slots=True)
class Actor:
    """Acts for one release. Raises what the API server answers (controller.kube.errors)."""

    world: World
    release: Release

    def do(self, action: Action) -> None:
        """Do one action."""
        match action:
            case EnsureCanary(replicas):
                self._ensure_canary(replicas)
            case EnsureCanaryService():
                self._ensure_service()
            case SetWeight(percent):
                write_weight(self.world, self.release, percent)
            case RemoveBackend():
                write_without_canary(self.world, self._namespace, self.release.spec.rules.traffic)
            case DeleteCanary():
                self._delete_canary()
            case Unpause(resource_version):
                self._set_paused(resource_version, paused=False)
            case Pause(resource_version):
                self._set_paused(resource_version, paused=True)
            case EmptyRevision():
                self._empty_revision()

    @property
    def _namespace(self) -> str:
        return self.release.metadata.namespace

    def _ensure_canary(self, replicas: int) -> None:
        """Make or scale the canary, from the user's Deployment and the release's own template."""
        deployment = self.world.client.get(
            kinds.DEPLOYMENT, self._namespace, self.release.spec.plan
        )
        manifest = build_canary(
            deployment,
            release=self.release.metadata.name,
            release_uid=self.release.metadata.uid,
            template=self.release.spec.template,
            track_label=self.release.spec.rules.track_label,
            replicas=replicas,
        )
        canary = self._create(kinds.DEPLOYMENT, manifest)
        name, mark = canary["metadata"]["name"], mark_for(canary)
        if mark is not None:
            canary = self.world.client.merge_patch(kinds.DEPLOYMENT, self._namespace, name, mark)
        if canary["spec"].get("replicas") != replicas:
            canary = self.world.client.merge_patch(
                kinds.DEPLOYMENT,
                self._namespace,
                name,
                {"spec": {"replicas": replicas}},
                resource_version=canary["metadata"]["resourceVersion"],
            )
        self.world.deployments.observe(canary)

    def _ensure_service(self) -> None:
        """Make the canary's Service, or change in place what differs: it keeps its address."""
        track_label = self.release.spec.rules.track_label
        service = self.world.client.get(
            kinds.SERVICE, self._namespace, self.release.spec.rules.traffic.service
        )
        manifest = build_canary_service(
            service,
            release=self.release.metadata.name,
            release_uid=self.release.metadata.uid,
            track_label=track_label,
        )
        found = self._create(kinds.SERVICE, manifest)
        if differences(_projected(service), _projected(found), track_label):
            found = self.world.client.merge_patch(
                kinds.SERVICE,
                self._namespace,
                found["metadata"]["name"],
                canary_service_patch(manifest, found),
                resource_version=found["metadata"]["resourceVersion"],
            )
        self.world.services.observe(found)

    def _create(self, kind: Kind, manifest: Json) -> Json:
        """Create what this release owns, or return it if it is there.

        Not by server-side apply: it would take over what is someone else's, and it refuses
        templates that set a variable twice, which is valid.
        """
        name = manifest["metadata"]["name"]
        try:
            return self.world.client.create(kind, self._namespace, manifest)
        except AlreadyExists:
            found = self.world.client.get(kind, self._namespace, name)
        owners = {owner["uid"] for owner in found["metadata"].get("ownerReferences") or []}
        if self.release.metadata.uid in owners:
            return found
        if owners & self.world.release_uids(self._namespace, self.release.spec.plan):
            # The release before this one is still being cleaned up.
            raise Conflict(409, "Conflict", f"{kind.kind} {name} is of another release")
        raise Invalid(422, "NameTaken", name_taken(kind, name))

    def _delete_canary(self) -> None:
        """Delete what belongs to this release, and nothing that merely has its name."""
        deployment = self.world.deployments.get(
            self._namespace, canary_name(self.release.spec.plan)
        )
        service = self.world.services.get(
            self._namespace, canary_name(self.release.spec.rules.traffic.service)
        )
        for kind, item in ((kinds.DEPLOYMENT, deployment), (kinds.SERVICE, service)):
            owners = item.meta.owner_references if item is not None else ()
            if item is not None and any(o.uid == self.release.metadata.uid for o in owners):
                self.world.client.delete(kind, self._namespace, item.meta.name, uid=item.meta.uid)

    def _set_paused(self, resource_version: str, *, paused: bool) -> None:
        answer = self.world.client.merge_patch(
            kinds.DEPLOYMENT,
            self._namespace,
            self.release.spec.plan,
            {"spec": {"paused": paused or None}},
            resource_version=resource_version,
        )
        self.world.deployments.observe(answer)

    def _empty_revision(self) -> None:
        """Scale this release's pods in the paused Deployment to 0; stable fills up again."""
        mine = find_pods_to_empty(self.world, self.release)
        if mine is None:
            return
        self.world.client.merge_patch(
            kinds.REPLICA_SET,
            self._namespace,
            mine.meta.name,
            {"spec": {"replicas": 0}},
            resource_version=mine.meta.resource_version,
        )


def _projected(service: Json) -> Service:
    return decode_service(msgspec.json.encode(service))
