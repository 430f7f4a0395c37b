"""All routes of a release seen as one.

The canary's share is what the route that gives it most gives it, and it is confirmed only when
every route gives the same and every parent has seen it.
"""

from dataclasses import dataclass

from controller.release.facts import Problem, RouteFacts


@dataclass(frozen=True, slots=True)
class RouteView:
    """The routes together. Weights in percent; `lowest` is None where a route has no backend."""

    lowest: int | None
    highest: int
    settled: bool
    problem: Problem | None
    name: str  # the route with the lowest weight
    writer: str  # who wrote it last


def view_routes(routes: tuple[RouteFacts, ...]) -> RouteView:
    """Summarise the routes; without any, no traffic can be moved and that is the problem."""
    if not routes:
        return RouteView(None, 0, True, Problem("RouteMissing", "the plan names no route"), "", "")
    lowest = min(routes, key=lambda route: -1 if route.weight is None else route.weight)
    return RouteView(
        lowest=lowest.weight,
        highest=max(route.weight or 0 for route in routes),
        settled=all(route.settled for route in routes),
        problem=next((route.problem for route in routes if route.problem), None),
        name=lowest.name,
        writer=lowest.last_writer or "somebody",
    )


def traffic_is_off(routes: tuple[RouteFacts, ...]) -> bool:
    """Tell whether no route leads to the canary any more, and every parent has seen that."""
    return all(route.weight is None and route.settled for route in routes)
