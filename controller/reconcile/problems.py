"""What only the cluster can refuse about a plan, each as a sentence with the way out.

`cheap_problems` reads caches and runs on every pass; `full_problems` reads whole objects from the
API server and runs before an adoption, before a release, and once for each change of what
`full_inputs` reads from the caches.
"""

from collections.abc import Hashable
from contextlib import suppress

import msgspec
from pydantic import ValidationError

from controller.api.metric import ReleaseMetric
from controller.api.names import RELEASE_LABEL, canary_name
from controller.api.plan import ReleasePlan
from controller.api.release import MetricRule
from controller.kube import kinds
from controller.kube.errors import NotFound
from controller.kube.objects import Deployment
from controller.metrics.reader import check_metric
from controller.reconcile.world import Json, World, name_taken, revision_of_raw
from controller.release.facts import Problem
from controller.traffic.canary import default_track_label
from controller.traffic.refusals import claim_names, refusals


def choose_track_label(world: World, plan: ReleasePlan, deployment: Deployment | None) -> str:
    """Return the label in which canary pods will differ; empty while that cannot be known."""
    if plan.spec.traffic.track_label is not None:
        return plan.spec.traffic.track_label
    service = world.services.get(plan.metadata.namespace, plan.spec.traffic.service)
    if service is None or deployment is None or not service.selector:
        return ""
    selector = deployment.selector
    keys = [{"key": requirement.key} for requirement in selector.match_expressions]
    return default_track_label(
        service.selector, {"matchLabels": selector.match_labels, "matchExpressions": keys}
    )


def cheap_problems(world: World, plan: ReleasePlan) -> tuple[Problem, ...]:
    """Return what is wrong as far as the caches can tell."""
    namespace, traffic = plan.metadata.namespace, plan.spec.traffic
    found = []
    if world.services.get(namespace, traffic.service) is None:
        message = f"Service {traffic.service} does not exist in namespace {namespace}; "
        found.append(Problem("ServiceMissing", message + "make it, or change traffic.service"))
    for kind, names in (
        (kinds.HTTP_ROUTE, traffic.http_routes),
        (kinds.GRPC_ROUTE, traffic.grpc_routes),
    ):
        for name in names:
            if world.routes[kind].get(namespace, name) is None:
                message = f"{kind.kind} {name} does not exist in namespace {namespace}; "
                found.append(Problem("RouteMissing", message + "make it, or change spec.traffic"))
    found.extend(_shared(world, plan))
    found.extend(_taken(world, plan))
    found.extend(problem for _, problem in _metrics(world, plan) if problem is not None)
    return tuple(found)


def full_problems(world: World, plan: ReleasePlan, track_label: str) -> tuple[Problem, ...]:
    """Return what the whole objects say against releasing this Deployment."""
    namespace, name = plan.metadata.namespace, plan.metadata.name
    if world.deployments.get(namespace, name) is None:
        return ()
    if world.services.get(namespace, plan.spec.traffic.service) is None:
        return ()
    deployment = world.client.get(kinds.DEPLOYMENT, namespace, name)
    service = world.client.get(kinds.SERVICE, namespace, plan.spec.traffic.service)
    services = world.client.list(kinds.SERVICE, namespace)
    found = refusals(deployment, service, track_label, services, _claims(world, deployment))
    return tuple(Problem(refusal.reason, refusal.message) for refusal in found)


def full_inputs(world: World, plan: ReleasePlan, track_label: str) -> Hashable:
    """Return what `full_problems` depends on, as far as the caches know it.

    Equal where it would say the same; the access modes of claims never change.
    """
    namespace = plan.metadata.namespace
    deployment = world.deployments.get(namespace, plan.metadata.name)
    services = sorted(
        (service.meta.name, service.type, tuple(sorted(service.selector.items())))
        for service in world.services.all()
        if service.meta.namespace == namespace and RELEASE_LABEL not in service.meta.labels
    )
    held = deployment and (
        deployment.strategy,
        deployment.revision_history_limit,
        msgspec.json.encode(deployment.selector),
        revision_of_raw(bytes(deployment.template)),
    )
    return plan.metadata.generation, track_label, held, tuple(services)


def _claims(world: World, deployment: Json) -> dict[str, list[str]]:
    """Return the access modes of the claims that the Deployment's pods share."""
    namespace = deployment["metadata"]["namespace"]
    modes = {}
    for name in claim_names(deployment):
        with suppress(NotFound):
            claim = world.client.get(kinds.PERSISTENT_VOLUME_CLAIM, namespace, name)
            modes[name] = claim["spec"].get("accessModes") or []
    return modes


def metric_rules(world: World, plan: ReleasePlan) -> tuple[MetricRule, ...]:
    """Return the plan's metrics as they are now; call it when there is no problem with them."""
    return tuple(rule for rule, _ in _metrics(world, plan) if rule is not None)


def _metrics(world: World, plan: ReleasePlan) -> list[tuple[MetricRule | None, Problem | None]]:
    namespace = plan.metadata.namespace
    return [
        _metric(world.metrics.get(namespace, use.metric), namespace, use.metric, use.required)
        for use in plan.spec.analysis.metrics
    ]


def _metric(
    stored: Json | None,
    namespace: str,
    name: str,
    required: bool,  # noqa: FBT001  # plain value
) -> tuple[MetricRule | None, Problem | None]:
    if stored is None:
        message = f"ReleaseMetric {name} does not exist in namespace {namespace}; "
        way_out = "apply it, or take it out of analysis.metrics"
        return None, Problem("MetricMissing", message + way_out)
    try:
        metric = ReleaseMetric.model_validate(stored)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return None, Problem("MetricInvalid", f"ReleaseMetric {name}: {field}: {first['msg']}")
    wrong = check_metric(metric.spec)
    if wrong:
        return None, Problem("MetricInvalid", f"ReleaseMetric {name}: {wrong}")
    return MetricRule(name=name, required=required, spec=metric.spec), None


def _shared(world: World, plan: ReleasePlan) -> list[Problem]:
    """Two plans on one Service would fight over its routes; the older one keeps it."""
    service = plan.spec.traffic.service
    stored = world.plans.get(plan.metadata.namespace, plan.metadata.name)
    if stored is None:
        return []
    for other in world.plans.all():
        if _fronts(other, plan.metadata.namespace, service) and _age(other) < _age(stored):
            message = (
                f"Service {service} belongs to the older ReleasePlan {other['metadata']['name']}; "
                "give this plan its own Service, or delete the other plan"
            )
            return [Problem("ServiceShared", message)]
    return []


def _fronts(stored: Json, namespace: str, service: str) -> bool:
    """Tell whether a plan is for this Service, from what is stored: there may be a thousand."""
    if stored["metadata"]["namespace"] != namespace:
        return False
    traffic = stored.get("spec", {}).get("traffic", {})
    return bool(traffic.get("service") == service)


def _age(stored: Json) -> tuple[str, str]:
    return stored["metadata"]["creationTimestamp"], stored["metadata"]["name"]


def _taken(world: World, plan: ReleasePlan) -> list[Problem]:
    """Report objects that have the canary's name and that no release owns."""
    namespace = plan.metadata.namespace
    ours = world.release_uids(namespace, plan.metadata.name)
    candidates = (
        (kinds.DEPLOYMENT, world.deployments, canary_name(plan.metadata.name)),
        (kinds.SERVICE, world.services, canary_name(plan.spec.traffic.service)),
    )
    found = []
    for kind, cache, name in candidates:
        item = cache.get(namespace, name)
        if item is not None and ours.isdisjoint(o.uid for o in item.meta.owner_references):
            found.append(Problem("NameTaken", name_taken(kind, name)))
    return found
