"""What the judge says in the model cluster: by the nature of a version, not by numbers."""

from datetime import datetime
from typing import Literal

from controller.api.release import Exposure, Phase, Release
from controller.release import facts as f
from tests.unit.release import given


def rehearse(release: Release, now: datetime, problem: f.Problem | None) -> f.Judged | None:
    """Ask about stable before the first weight, until there is an answer without a problem."""
    status, looks = release.status, release.status.looks
    waits = looks.next is not None and (not looks.problem or now < looks.next)
    if waits or status.phase is Phase.PROMOTING:
        return None
    return f.Judged("", (), now + given.LOOK, Exposure(), problem)


def find_verdict(
    nature: str, looks: int, here: int, *, alarmed: bool
) -> Literal["Inconclusive", "Safe", "Regressed"]:
    """Return the verdict after so many looks, `here` of them at the present weight."""
    if alarmed or (nature == "regresses" and looks >= 2):
        return "Regressed"
    in_doubt = here < 2 or (nature == "unsteady" and looks % 3 > 0)
    return "Inconclusive" if in_doubt else "Safe"
