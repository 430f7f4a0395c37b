"""Sends requests to the shop at a fixed rate, whatever becomes of those before.

An open loop, because many independent customers do not wait for each other. Requests are POSTs,
which no gateway sends a second time by itself, so a connection that breaks is seen. Connections
are kept alive, as browsers keep theirs.
"""

import asyncio
import math
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from dev.errors import DevError
from dev.load_figures import (
    VERSION_HEADER,
    Began,
    Figures,
    Outcome,
    Seconds,
    Tally,
    answered,
)
from dev.shop.baskets import FLAKY, Basket, Mix, draw

MAX_RATE: Final = 500.0
MAX_SECONDS: Final = 3600.0
REQUEST_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Plan:
    """What to send: `rate` requests a second for `duration` seconds to `hostname`.

    The same `seed` draws the same baskets. DevError: over 500 a second, or longer than an hour.
    """

    rate: float = 50.0
    duration: float = MAX_SECONDS
    hostname: str = "checkout.example"
    mix: Mix = field(default_factory=Mix)
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.rate <= MAX_RATE:
            raise DevError(f"rate {self.rate}: over 0, and at most {MAX_RATE:.0f} a second")
        if not 0 < self.duration <= MAX_SECONDS:
            raise DevError(f"duration {self.duration}: over 0, and at most {MAX_SECONDS:.0f} s")


def due_times(start: float, plan: Plan) -> Iterator[float]:
    """Give the times at which requests are due, evenly from `start` on."""
    return (start + number / plan.rate for number in range(math.ceil(plan.rate * plan.duration)))


async def send(url: str, plan: Plan, emit: Callable[[Figures], None]) -> None:
    """Send the plan's requests to `url`, until all are sent or SIGTERM or SIGINT arrives.

    `emit` gets the beginning, then each second when all requests due in it have ended, and then
    the summary.
    """
    loop = asyncio.get_running_loop()
    # Times are compared with those of other processes, but must not jump while this one runs.
    offset = time.time() - loop.time()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    chance = random.Random(plan.seed)  # noqa: S311 - baskets are no secret, and shall repeat
    seconds, total = Seconds(), Tally()

    async def one(basket: Basket, due: float) -> None:
        sent = loop.time() + offset
        version, status, lost = await _ask(session, url, basket)
        ended = loop.time() + offset
        expected = basket.kind != FLAKY
        outcome = Outcome(due, sent, ended, version, status, lost, expected=expected)
        seconds.add(outcome)
        total.add(outcome)

    start = emitted = math.ceil(loop.time() + offset)
    emit(Began(start, plan.rate))
    async with _session(plan) as session, asyncio.TaskGroup() as requests:
        for due in due_times(start, plan):
            await asyncio.sleep(max(0.0, due - offset - loop.time()))
            if stopped.is_set():
                break
            if int(due) > emitted:
                emitted = int(due)
                for second in seconds.complete(before=emitted):
                    emit(second)
            seconds.expect(due)
            requests.create_task(one(draw(plan.mix, chance), due))
    for second in seconds.complete(before=emitted + 1):
        emit(second)
    emit(total.summary(started=start, ended=loop.time() + offset, rate=plan.rate))


def _session(plan: Plan) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        headers={"host": plan.hostname, "content-type": "application/json"},
    )


async def _ask(
    session: aiohttp.ClientSession, url: str, basket: Basket
) -> tuple[str | None, int | None, str | None]:
    """Return version, status and the reason of a loss; nothing is raised for a lost request."""
    try:
        async with session.post(url, data=basket.body) as response:
            await response.read()
    except (aiohttp.ClientError, OSError) as error:
        return None, None, type(error).__name__
    version, lost = answered(response.headers.get(VERSION_HEADER), response.status)
    return version, response.status, lost
