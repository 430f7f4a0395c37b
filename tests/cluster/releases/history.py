"""Every version of a shop's route and releases, in the order in which the API server stored them.

One etcd numbers all writes, so the resourceVersions of a route and of a release can be compared.
What a poll would miss between two looks stands here too.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.errors import ApiError
from controller.kube.kinds import Kind
from dev.shop.deploy import NAME

Json = dict[str, Any]
LONGEST = 900  # seconds


@dataclass
class History:
    """What was written, with the number of each write."""

    writes: list[tuple[int, Json]] = field(default_factory=list)

    def weights(self) -> list[tuple[int, int]]:
        """Return, for each write of the route, the canary's percentage and what its step allows."""
        allowed, found = 0, []
        for _, item in sorted(self.writes, key=lambda write: write[0]):
            if item["kind"] == "Release":
                number = item.get("status", {}).get("step", 0)
                steps = item["spec"]["rules"]["steps"]
                allowed = steps[number - 1]["weight"] if number else 0
            else:
                found.append((canary_percent(item), allowed))
        return found


def canary_percent(route: Json) -> int:
    """Return the highest share of a route's rules that goes to the canary, rounded up."""
    shares = [0]
    for rule in route["spec"]["rules"]:
        weights = {ref["name"]: ref.get("weight", 1) for ref in rule.get("backendRefs", [])}
        canary = weights.get(f"{NAME}-canary", 0)
        shares.append(-(-100 * canary // (sum(weights.values()) or 1)))
    return max(shares)


@contextmanager
def recorded(client: Client, namespace: str) -> Iterator[History]:
    """Record from now on; at the end of the block all is recorded that was written in it."""
    history = History()
    with client.fresh() as watching:
        threads = [
            _follow(watching, kind, namespace, history)
            for kind in (kinds.HTTP_ROUTE, kinds.RELEASE)
        ]
        yield history
        # The last word of each watch: a write of ours that is seen proves that all before it were.
        client.merge_patch(
            kinds.HTTP_ROUTE, namespace, NAME, {"metadata": {"annotations": {"test": "the end"}}}
        )
        threads[0].join(30)
        assert not threads[0].is_alive(), "the watch of the route did not see its last write"
    threads[1].join(30)


def _follow(client: Client, kind: Kind, namespace: str, history: History) -> threading.Thread:
    (page,) = client.pages(kind, namespace)

    def follow() -> None:
        try:
            with client.watch(
                kind, namespace, resource_version=page.resource_version, seconds=LONGEST
            ) as watch:
                for event, raw in watch:
                    if event not in ("ADDED", "MODIFIED"):
                        continue
                    item = msgspec.json.decode(raw, type=dict[str, Any])
                    if item["metadata"].get("annotations", {}).get("test"):
                        return
                    history.writes.append((int(item["metadata"]["resourceVersion"]), item))
        except ApiError as error:
            # The end of the block closes the client under the watch of the releases.
            if error.reason != "NoAnswer":
                raise

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    return thread
