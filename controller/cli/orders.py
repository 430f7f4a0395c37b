"""When an order has an effect, and what there is to say where it has none. Pure."""

from typing import Any

from controller.api.names import revision_of
from controller.api.release import ENDED, Phase

Json = dict[str, Any]

# The phases in which an order has an effect, and what there is not otherwise.
_TAKES = {
    "Abort": (
        frozenset(Phase) - ENDED - {Phase.ROLLING_BACK, Phase.FINISHING},
        "nothing to abort",
    ),
    "Retry": (frozenset({Phase.ROLLED_BACK, Phase.ABORTED}), "nothing to try again"),
    "Acknowledge": (frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK}), "no alert to acknowledge"),
}


def why_no_effect(action: str, release: Json) -> str:
    """Return why an order to a stored release would change nothing, or an empty string."""
    phases, otherwise = _TAKES[action]
    phase = release.get("status", {}).get("phase", Phase.PENDING)
    return (
        "" if phase in phases else f"release {release['metadata']['name']} is {phase}: {otherwise}"
    )


def why_not_tried(release: Json, deployment: Json | None) -> str:
    """Return why a retry would release nothing now, or an empty string.

    What is released is what the Deployment holds; None stands for one that does not exist.
    """
    name, plan = release["metadata"]["name"], release["spec"]["plan"]
    revision = release["spec"]["revision"]
    wanted = f"release {name} is of revision {revision}, and Deployment {plan}"
    if deployment is None:
        return f"{wanted} does not exist: nothing to try again"
    held = revision_of(deployment["spec"]["template"])
    if held == revision:
        return ""
    return (
        f"{wanted} holds revision {held}: nothing to try again; apply the template of {name} first"
    )
