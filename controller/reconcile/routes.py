"""The routes of a plan and its release: what they do now, and how they are written.

A write is a JSON patch with tests, made from the newest object known. When somebody else was
quicker it is made again from a fresh read, a few times, since taking traffic away must not wait for
a cache. Other people's edits are never undone.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from controller.api.names import RELEASE_LABEL, canary_name
from controller.api.plan import ReleasePlan, Traffic
from controller.api.release import ENDED, Release
from controller.kube import kinds
from controller.kube.errors import Conflict, Invalid, NotFound
from controller.kube.kinds import Kind
from controller.reconcile.attempts import do_all
from controller.reconcile.world import Json, World
from controller.release.facts import Problem, RouteFacts
from controller.traffic.routes import last_foreign_manager, read_split, remove_canary, set_weight

ATTEMPTS = 4


def routes_of(traffic: Traffic) -> Iterator[tuple[Kind, str]]:
    """Yield kind and name of every route that a plan or its release uses."""
    for name in traffic.http_routes:
        yield kinds.HTTP_ROUTE, name
    for name in traffic.grpc_routes:
        yield kinds.GRPC_ROUTE, name


def services_of(release: Release) -> tuple[str, str]:
    """Return the names of the stable and of the canary Service."""
    service = release.spec.rules.traffic.service
    return service, canary_name(service)


def gather_routes(world: World, release: Release) -> tuple[RouteFacts, ...]:
    """Look at every route of a release."""
    traffic = release.spec.rules.traffic
    peers = find_peers(world, release.metadata.namespace, traffic.service)
    return tuple(_gather(world, release, kind, name, peers) for kind, name in routes_of(traffic))


def _gather(
    world: World, release: Release, kind: Kind, name: str, peers: frozenset[str]
) -> RouteFacts:
    namespace = release.metadata.namespace
    title = f"{kind.kind} {name}"
    route = world.routes[kind].get(namespace, name)
    if route is None:
        message = f"{title} does not exist in namespace {namespace}; make it, or change the plan"
        return RouteFacts(title, None, settled=True, problem=Problem("RouteMissing", message))
    stable, canary = services_of(release)
    split = read_split(route, stable, canary, peers)
    problem = None
    if split.problem and not (split.silent and split.reason == "RouteRefused"):
        problem = Problem(split.reason, split.problem)
    writer = ""
    if release.status.weight.wanted and split.weight != release.status.weight.wanted:
        writer = _writer(world, kind, namespace, name)
    return RouteFacts(
        title,
        split.weight,
        settled=not split.silent,
        problem=problem,
        last_writer=writer,
        uneven=bool(split.uneven),
        silent=", ".join(split.silent),
        strangers=split.strangers,
    )


def _writer(world: World, kind: Kind, namespace: str, name: str) -> str:
    """Return who wrote the route last; the cache does not keep managers, so it is read."""
    try:
        return last_foreign_manager(world.client.get(kind, namespace, name))
    except NotFound:
        return ""


def write_weight(world: World, release: Release, percent: int) -> None:
    """Give the canary `percent` of the requests in every route that exists."""
    stable, canary = services_of(release)
    peers = find_peers(world, release.metadata.namespace, stable)
    _patch_all(
        world,
        release.metadata.namespace,
        release.spec.rules.traffic,
        lambda route: set_weight(route, stable, canary, percent, peers),
    )


def write_without_canary(world: World, namespace: str, traffic: Traffic) -> None:
    """Take our backendRef out of every route that exists."""
    stable, canary = traffic.service, canary_name(traffic.service)
    peers = find_peers(world, namespace, stable)
    _patch_all(world, namespace, traffic, lambda route: remove_canary(route, stable, canary, peers))


def find_peers(world: World, namespace: str, service: str) -> frozenset[str]:
    """Return the Services that other plans of the namespace split, or their last releases.

    A Service with the canary's name that is not ours may be a backend of anything.
    """
    plans = (plan for plan in world.plans.all() if plan["metadata"]["namespace"] == namespace)
    named = {str(plan.get("spec", {}).get("traffic", {}).get("service", "")) for plan in plans}
    for release in world.releases.all():
        ended = release.get("status", {}).get("phase", "") in ENDED
        if release["metadata"]["namespace"] == namespace and not ended:
            named.add(_service_of(release))
    named -= {"", service}
    return frozenset(name for name in named if not _is_foreign(world, namespace, name))


def _is_foreign(world: World, namespace: str, service: str) -> bool:
    """Tell whether the Service with the name of this one's canary is somebody else's."""
    found = world.services.get(namespace, canary_name(service))
    return found is not None and RELEASE_LABEL not in found.meta.labels


def find_leftovers(world: World, plan: ReleasePlan) -> tuple[str, ...]:
    """Return a plan's routes with a backendRef of ours that no release needs.

    So they are once somebody writes rules back that were read during a release. A Service with the
    canary's name that is not ours may be a backend of anything.
    """
    namespace, traffic = plan.metadata.namespace, plan.spec.traffic
    stable, canary = traffic.service, canary_name(traffic.service)
    if _is_foreign(world, namespace, stable):
        return ()
    found = []
    for kind, name in routes_of(traffic):
        route = world.routes[kind].get(namespace, name)
        if route is not None and remove_canary(route, stable, canary):
            found.append(f"{kind.kind} {name}")
    return () if found and is_split(world.releases.all(), plan) else tuple(found)


def is_split(releases: Iterable[Json], plan: ReleasePlan) -> bool:
    """Tell whether one of these stored releases, of whatever plan, may split the plan's Service."""
    return any(
        release["metadata"]["namespace"] == plan.metadata.namespace
        and release.get("status", {}).get("phase", "") not in ENDED
        and _service_of(release) in ("", plan.spec.traffic.service)
        for release in releases
    )


def _service_of(release: Json) -> str:
    """Return the Service that a stored release splits; empty where it cannot be read."""
    traffic = release.get("spec", {}).get("rules", {}).get("traffic", {})
    return str(traffic.get("service", ""))


def _patch_all(
    world: World,
    namespace: str,
    traffic: Traffic,
    make: Callable[[Json], list[dict[str, Any]]],
) -> None:
    """Patch every route; one that fails does not keep the others from being patched."""
    failures = do_all(
        lambda route: _patch(world, route[0], namespace, route[1], make), routes_of(traffic)
    )
    if failures:
        raise failures[-1]


def _patch(
    world: World,
    kind: Kind,
    namespace: str,
    name: str,
    make: Callable[[Json], list[dict[str, Any]]],
) -> None:
    cache = world.routes[kind]
    route = cache.get(namespace, name)
    for attempt in range(ATTEMPTS):
        if route is None:
            return
        operations = make(route)
        if not operations:
            return
        try:
            answer = world.client.json_patch(kind, namespace, name, operations)
        except NotFound:
            return
        except (Conflict, Invalid):
            if attempt == ATTEMPTS - 1:
                raise
            try:
                route = world.client.get(kind, namespace, name)
            except NotFound:
                return
        else:
            cache.observe(answer)
            return
