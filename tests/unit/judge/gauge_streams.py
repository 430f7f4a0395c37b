"""Pods for tests: simulated values, and looks at them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from controller.judge.counts import Refused
from controller.judge.gauge_history import GaugeHistory
from controller.judge.gauge_look import GaugeLook, Pod
from controller.judge.gauges import GaugeEvidence

Floats = NDArray[np.float64]
SECONDS = 15.0


def wandering(
    rng: np.random.Generator, shape: tuple[int, int, int], *, phi: float, sd: float
) -> Floats:
    """Return first-order autoregressions around 0, by release, look and pod."""
    values = rng.normal(size=shape)
    for look in range(1, shape[1]):
        values[:, look] = phi * values[:, look - 1] + np.sqrt(1 - phi**2) * values[:, look]
    return sd * values


def history_of(table: Floats) -> GaugeHistory:
    """Return what samples by look and pod teach."""
    return GaugeHistory.of({f"s{pod}": list(row) for pod, row in enumerate(table.T)}, SECONDS)


def looks_of(canary: Floats, stable: Floats, *, origin: float = 1e9) -> list[GaugeLook]:
    """Return looks at old pods with the given values by look and pod."""
    arms = (("c", canary), ("s", stable))
    return [
        GaugeLook(
            origin + SECONDS * look,
            *(
                tuple(Pod(f"{arm}{pod}", float(v), 3600.0) for pod, v in enumerate(values[look]))
                for arm, values in arms
            ),
        )
        for look in range(len(canary))
    ]


def after(evidence: GaugeEvidence, looks: Sequence[GaugeLook]) -> GaugeEvidence:
    """Return the evidence after looks that must all be accepted."""
    for look in looks:
        grown = evidence.after(look)
        assert not isinstance(grown, Refused), grown
        evidence = grown
    return evidence
