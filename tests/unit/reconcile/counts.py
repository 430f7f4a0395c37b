"""Looks as Prometheus' answers come to: requests of canary and stable between two moments."""

from collections.abc import Mapping
from datetime import datetime

from controller.api.release import MetricRule
from controller.metrics.reader import ArmLook, Look, NoEvidence
from tests.unit.release.given import LOOK

CANARY, STABLE = 75.0, 1200.0  # requests in a look's 15 s
NOTHING: dict[str, Look | NoEvidence] = {
    "http-errors": NoEvidence("NoData", "the answer has no series")
}
EARLY: dict[str, Look | NoEvidence] = {"http-errors": NoEvidence("TooEarly", "no sample yet")}


def arm(total: float, errors: float) -> ArmLook:
    bad = total * errors
    return ArmLook(bad=bad, total=total, met=total, met_bad=bad)


def answers(end: datetime, *, canary_errors: float) -> Mapping[str, Look | NoEvidence]:
    """Return what was read of the one metric; of stable's requests 1 % are bad."""
    start = (end - LOOK).timestamp()
    canary, stable = arm(CANARY, canary_errors), arm(STABLE, 0.01)
    return {"http-errors": Look(start, end.timestamp(), canary, stable)}


def history(_rule: MetricRule) -> tuple[float, float]:
    """Return stable's ten minutes before: bad and all requests."""
    return 480.0, 48_000.0
