"""Services that select the canary's pods although they are not the canary's own.

Their users meet the canary whatever the routes say: Kubernetes knows no weights there. Before a
release `refusals` looks at whole objects for the same; this runs on every pass and takes selectors.
"""

from collections.abc import Iterable, Mapping

from controller.traffic.refusals import Refusal, selects

Selectors = Iterable[tuple[str, Mapping[str, str]]]


def find_stray(
    service: str,
    others: Selectors,
    labels: Mapping[str, str],
    track_label: str,
    stable: str,
) -> Refusal | None:
    """Return the first Service of these that selects pods with the canary's labels; else None.

    `service` is the plan's, `others` are the Services to look at with their selectors, its own
    among them and the canary's not. `stable` is what the track label is on stable's pods.
    """
    for name, selector in others:
        if not selects(selector, labels):
            continue
        reason = "TrackLabelNotSelected" if name == service else "CanaryBehindOtherService"
        return Refusal(
            reason,
            f"Service {name}: spec.selector ({_in_words(selector)}) selects canary pods too, so "
            f"its users meet the canary whatever its weight is; add {track_label}={stable} to it",
        )
    return None


def _in_words(selector: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
