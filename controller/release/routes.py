"""All routes of a release seen as one.

The canary's share is what the route that gives it most gives it, and it is confirmed only when
every route gives the same and every parent has seen it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.api.base import format_percent
from controller.api.release import Phase, ReleaseStatus
from controller.release.facts import Problem, RouteFacts
from controller.release.record import move, reason_since

REFUSED = "RouteRefused"
SILENT_AFTER = timedelta(seconds=30)  # gateways answer within seconds


@dataclass(frozen=True, slots=True)
class RouteView:
    """The routes together. Weights in percent; `lowest` is None where a route has no backend."""

    lowest: float | None
    highest: float
    settled: bool
    even: bool  # every rule of every route is split as the weight says
    problem: Problem | None
    refused: bool  # a parent that has seen a route serves it not, or not all of it
    name: str  # the route with the lowest weight
    writer: str  # who wrote that one last, empty where that was Gander
    pending: str  # a route that is not settled, and which of its parents are silent

    def carries(self, weight: float) -> bool:
        """Tell whether every rule of every route gives the canary just this weight."""
        return self.lowest == weight and self.highest == weight and self.even


def view_routes(routes: tuple[RouteFacts, ...]) -> RouteView:
    """Summarise the routes; without any, no traffic can be moved and that is the problem."""
    lowest = min(routes, key=lambda r: -1 if r.weight is None else r.weight, default=NO_ROUTE)
    return RouteView(
        lowest=lowest.weight,
        highest=max((route.weight or 0 for route in routes), default=0),
        settled=all(route.settled for route in routes),
        even=not any(route.uneven for route in routes),
        problem=next((r.problem for r in routes or (NO_ROUTE,) if r.problem), None),
        refused=any(r.problem is not None and r.problem.reason == REFUSED for r in routes),
        name=lowest.name,
        writer=lowest.last_writer,
        pending=next((_in_words(route) for route in routes if not route.settled), ""),
    )


def await_parents(
    status: ReleaseStatus, view: RouteView, phase: Phase, reason: str, now: datetime
) -> tuple[ReleaseStatus, datetime | None]:
    """Wait in `phase` for `reason` until every parent has seen the routes; hold if that takes long.

    Returns the status, and when to look again.
    """
    silent = status.reason == "RouteNotAnswered"
    if not silent:
        asked = f"{format_percent(status.weight.wanted)} asked for"
        message = f"{asked}; waiting for the gateway to confirm {view.pending}"
        status = move(status, phase, reason, message, now)
    due = (reason_since(status) or now) + SILENT_AFTER
    if not silent and now < due:
        return status, due
    message = (
        f"no answer for {view.pending}; see that what its parentRefs name exists and that its "
        "controller runs"
    )
    return move(status, Phase.HOLDING, "RouteNotAnswered", message, now), None


def _in_words(route: RouteFacts) -> str:
    return f"{route.name} ({route.silent})" if route.silent else route.name


def with_confirmed(status: ReleaseStatus, view: RouteView) -> ReleaseStatus:
    """Return the status with the weight that all routes give and every parent has accepted."""
    lowest = view.lowest or 0
    if not view.settled or lowest != view.highest or lowest == status.weight.confirmed:
        return status
    weight = status.weight.model_copy(update={"confirmed": lowest})
    return status.model_copy(update={"weight": weight})


def traffic_is_off(routes: tuple[RouteFacts, ...]) -> bool:
    """Tell whether no route leads to the canary any more, and every parent has seen that.

    A parent that never answered serves nobody, and must not keep a rollback from its end.
    """
    return all(route.weight is None and (route.settled or route.strangers) for route in routes)


NO_ROUTE = RouteFacts(
    name="",
    weight=None,
    settled=True,
    problem=Problem(
        "RouteMissing", "the plan names no route; add one to its httpRoutes or grpcRoutes"
    ),
)
