"""What there is, for /metrics: every plan with its guard, every running release with its phase.

Read from the caches when Prometheus asks, so nothing is kept in step and nothing goes stale. Ended
releases are left out: how they ended is counted where they end. Every replica shows the same;
take `max` over them.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controller.api.release import ENDED
from controller.reconcile.world import Json


class Inventory(Collector):
    """Shows the plans and releases that two caches hold; register it once a process."""

    def __init__(
        self, plans: Callable[[], Iterable[Json]], releases: Callable[[], Iterable[Json]]
    ) -> None:
        self._plans = plans
        self._releases = releases

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield one sample for each plan and each release that runs."""
        plans = GaugeMetricFamily(
            "gander_plan_info",
            "1 for each plan, with its phase and whether changes are held by the API server.",
            labels=("namespace", "plan", "phase", "guard"),
        )
        for plan in self._plans():
            metadata, status = plan["metadata"], plan.get("status", {})
            told = (status.get("phase", ""), status.get("guard", ""))
            plans.add_metric((metadata["namespace"], metadata["name"], *told), 1)
        yield plans
        releases = GaugeMetricFamily(
            "gander_release_info",
            "1 for each release that has not ended, with its phase and the reason for it.",
            labels=("namespace", "release", "phase", "reason"),
        )
        for release in self._releases():
            metadata, status = release["metadata"], release.get("status", {})
            phase = status.get("phase", "Pending")
            if phase not in ENDED:
                told = (phase, status.get("reason", ""))
                releases.add_metric((metadata["namespace"], metadata["name"], *told), 1)
        yield releases
