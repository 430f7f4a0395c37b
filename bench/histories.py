"""What every release's status was, and when each of them could be seen. One watch for all shops."""

import threading
import time
from typing import Final, Self

from bench.apiserver import ApiServer
from bench.figures import Seen
from controller.api.release import ENDED, ReleaseStatus
from dev.errors import DevError
from dev.waiting import until

RELEASES: Final = "/apis/gander.dev/v1alpha1/releases"


class Histories:
    """The statuses of all releases from now on. The watch ends with the way to the API server."""

    def __init__(self, api: ApiServer) -> None:
        self._seen: dict[tuple[str, str], list[Seen]] = {}
        self._error: DevError | None = None
        self._reader = threading.Thread(target=self._read, args=(api,), daemon=True)

    @classmethod
    def begin(cls, api: ApiServer) -> Self:
        """Begin to watch."""
        histories = cls(api)
        histories._reader.start()
        return histories

    def await_end(self, namespace: str, name: str, *, seconds: float) -> tuple[Seen, ...]:
        """Return a release's whole history once it has ended. DevError: not within `seconds`."""
        seen = self._seen.setdefault((namespace, name), [])

        def ended() -> bool:
            if not self._reader.is_alive():
                why = self._error or "the API server closed it"
                raise DevError(f"the watch of releases has ended: {why}")
            return bool(seen) and seen[-1].status.phase in ENDED

        def explain() -> str:
            return f"{seen[-1].status.phase}: {seen[-1].status.message}" if seen else "not there"

        until(f"release {namespace}/{name} to end", ended, seconds=seconds, explain=explain)
        return tuple(seen)

    def _read(self, api: ApiServer) -> None:
        try:
            for event in api.follow(RELEASES):
                self._note(event, time.time())
        except DevError as error:
            self._error = error

    def _note(self, event: dict[str, object], at: float) -> None:
        found = event["object"]
        if event["type"] not in ("ADDED", "MODIFIED") or not isinstance(found, dict):
            return
        metadata = found["metadata"]
        status = ReleaseStatus.model_validate(found.get("status") or {})
        seen = self._seen.setdefault((metadata["namespace"], metadata["name"]), [])
        if not seen or seen[-1].status != status:
            seen.append(Seen(at, status))
