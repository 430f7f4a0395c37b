"""How slow requests cluster: what stable's pods showed of it before the release.

Slow requests come together (garbage collection, a slow neighbour). As for counts this shows between
pods that run the same version: the share of requests beyond a bound scatters more than chance
explains. The bounds nearest to stable's p50, p90 and p99 are asked, and the largest answer counts,
since one bet is about all of them.

Promises: any numbers are taken, as in history.py. Leaves out: pods that differ for good in their
latency; of one version they serve the same requests, and the fail margin is not widened for it.
"""

from collections.abc import Sequence

import numpy as np

from controller.judge.betting import Floats
from controller.judge.history import PodHistory, learn

LEVELS = (0.5, 0.9, 0.99)


def latency_phi(
    pods: Sequence[str], bounds: Sequence[float], counts: Floats, *, false_rollback: float = 0.01
) -> float:
    """Return how many slow requests come together, at least 1.

    `counts` has the shape (looks, pods, bounds): in each look, each pod's requests up to each
    bound. The largest bound is infinity. Raises ValueError as `learn` does.
    """
    order = np.argsort(np.asarray(bounds, dtype=float))
    counts = np.asarray(counts, dtype=float)[:, :, order]
    if counts.size == 0:
        return 1.0
    total = counts[:, :, -1]
    requests = float(total.sum())
    if not 0.0 < requests < np.inf:
        return 1.0
    shares = counts.sum(axis=(0, 1)) / requests
    at = {int(np.argmin(np.abs(shares[:-1] - level))) for level in LEVELS if len(shares) > 1}
    return max(
        (
            learn(
                PodHistory(tuple(pods), total - counts[:, :, bound], total),
                false_rollback=false_rollback,
                routed=True,
            ).phi
            for bound in at
        ),
        default=1.0,
    )
