"""Looks as Prometheus' answers come to: requests of canary and stable between two moments."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from controller.api.release import MetricRule
from controller.metrics.reader import ArmLook, Look, NoEvidence, Past
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
    return {"http-errors": a_look(end, arm(CANARY, canary_errors), arm(STABLE, 0.01))}


def a_look(end: datetime, canary: ArmLook, stable: ArmLook, before: ArmLook | None = None) -> Look:
    """Return one look; by default stable was before it as it is in it."""
    return Look((end - LOOK).timestamp(), end.timestamp(), canary, stable, before or stable)


def past(_rule: MetricRule) -> Past:
    """Return what three stable pods counted before: 1 % of 48,000 requests is bad."""
    counts = np.zeros((60, 3, 2))
    # Bad requests as independent ones would come: one in a look of a pod, and some more.
    chance = np.random.default_rng(7).binomial(267, 0.01, (60, 3))
    counts[:, :, 0], counts[:, :, 1] = chance, 267 - chance
    return Past(("checkout-1", "checkout-2", "checkout-3"), ("bad", "good"), counts)
