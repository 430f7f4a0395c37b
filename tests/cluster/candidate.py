"""A replica that takes part in an election, as a process of its own that can be stopped.

    python -m tests.cluster.candidate NAMESPACE IDENTITY DURATION RENEW_WITHIN RETRY

Prints `started` and `stopped` as the election goes, and `resumed True` or `resumed False` with what
`leads` says in the first moment after the process was stopped by a signal and went on. SIGTERM ends
it. The lease is called `test`.
"""

import os
import signal
import sys
import threading
import time

import structlog

from controller.kube.client import Client
from controller.kube.lease import Lease

PAUSE = 1.0  # a gap this long in a loop of 10 ms means that the process was stopped


def main() -> None:
    """Run until SIGTERM."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    namespace, identity = sys.argv[1:3]
    duration, renew_within, retry = map(float, sys.argv[3:6])
    client = Client.connect(kubeconfig=os.environ["KUBECONFIG"], pool=2)
    lease = Lease(
        client,
        namespace,
        "test",
        identity,
        duration=duration,
        renew_within=renew_within,
        retry=retry,
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    election = threading.Thread(
        target=lease.run, args=(lambda: say("started"), lambda: say("stopped"), stop)
    )
    election.start()
    last = time.monotonic()
    while not stop.wait(0.01):
        gap, last = time.monotonic() - last, time.monotonic()
        if gap > PAUSE:
            say(f"resumed {lease.leads()}")
    election.join()


def say(what: str) -> None:
    """Print at once: the test reads along."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
