"""Services that select the canary's pods although they are not the canary's own.

Their users meet the canary whatever the routes say: Kubernetes knows no weights there. Before a
release `refusals` looks at whole objects for the same; this runs on every pass and takes selectors.
"""

from collections.abc import Iterable, Mapping

from controller.traffic.refusals import Refusal, selects

Selectors = Iterable[tuple[str, Mapping[str, str]]]


def find_stray(
    service: str,
    canary: str,
    others: Selectors,
    labels: Mapping[str, str],
    track_label: str,
    stable: str,
) -> Refusal | None:
    """Return the first Service of these that selects pods with the canary's labels; else None.

    `service` is the plan's, `canary` the name of the canary's own. `others` are the Services to
    look at with their selectors, the plan's among them and the canary's own not. `stable` is what
    the track label is on stable's pods.
    """
    for name, selector in others:
        if not selects(selector, labels):
            continue
        reason = "TrackLabelNotSelected" if name == service else "CanaryBehindOtherService"
        if name == canary:
            said = f"Service {name} exists and is not Gander's, and its users meet the canary"
            return Refusal(reason, f"{said}; rename or delete it")
        return Refusal(
            reason,
            f"Service {name}: spec.selector ({_in_words(selector)}) selects canary pods too, so "
            f"its users meet the canary whatever its weight is; add {track_label}={stable} to it",
        )
    return None


def _in_words(selector: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
