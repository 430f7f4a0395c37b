"""Which Service, beside the canary's own, selects the canary's pods now. Asks only the caches."""

from controller.api.names import RELEASE_LABEL, canary_name
from controller.api.release import Release
from controller.reconcile.world import World
from controller.release.facts import Problem
from controller.traffic.canary import canary_labels
from controller.traffic.strays import find_stray


def gather_stray(world: World, release: Release) -> Problem | None:
    """Return the first such Service of the release's namespace as a problem."""
    rules = release.spec.rules
    own, track = canary_name(rules.traffic.service), rules.track_label
    labels = (release.spec.template.get("metadata") or {}).get("labels") or {}
    others = (
        (service.meta.name, service.selector)
        for service in world.services.by("namespace", release.metadata.namespace)
        if not (service.meta.name == own and RELEASE_LABEL in service.meta.labels)
    )
    found = find_stray(
        rules.traffic.service,
        own,
        others,
        canary_labels(labels, track),
        track,
        labels.get(track, ""),
    )
    return Problem(found.reason, found.message) if found else None
