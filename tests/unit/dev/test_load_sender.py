"""Requests are sent when they are due, and none goes uncounted. The server is on loopback."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from dev.errors import DevError
from dev.load_figures import Began, Figures, Second, Summary
from dev.load_sender import Plan, due_times, send

Serve = Callable[[int, asyncio.StreamWriter], Awaitable[None]]


def test_requests_are_due_evenly() -> None:
    plan = Plan(rate=4, duration=1.5)
    assert list(due_times(100.0, plan)) == [100.0, 100.25, 100.5, 100.75, 101.0, 101.25]


@pytest.mark.parametrize(
    ("rate", "duration"), [(0, 1), (501, 1), (50, 0), (50, 3601), (float("nan"), 1)]
)
def test_a_load_without_bounds_is_refused(rate: float, duration: float) -> None:
    with pytest.raises(DevError, match="at most"):
        Plan(rate=rate, duration=duration)


async def reply(writer: asyncio.StreamWriter, status: int, version: str | None) -> None:
    header = f"x-shop-version: {version}\r\n" if version else ""
    writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\n{header}\r\n{{}}".encode())
    await writer.drain()


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """Serve HTTP; `serve` gets the number of the request and where its answer goes."""
    numbers = itertools.count()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                await serve(next(numbers), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/price"


def load(serve: Serve, plan: Plan) -> tuple[list[Second], Summary]:
    """Send the plan's load to a server and return its figures."""
    figures: list[Figures] = []

    async def run() -> None:
        async with server(serve) as url:
            await send(url, plan, figures.append)

    asyncio.run(run())
    began, *seconds, summary = figures
    assert isinstance(began, Began)
    assert isinstance(summary, Summary)
    return [second for second in seconds if isinstance(second, Second)], summary


def test_each_request_is_counted_once() -> None:
    async def serve(number: int, writer: asyncio.StreamWriter) -> None:
        match number % 4:
            case 0:
                await reply(writer, 200, "v1")
            case 1:
                await reply(writer, 500, "v2")
            case 2:
                await reply(writer, 502, None)
            case 3:
                writer.close()

    seconds, summary = load(serve, Plan(rate=100, duration=1.2))
    assert {name: (a.requests, a.bad) for name, a in summary.versions.items()} == {
        "v1": (30, 0),
        "v2": (30, 30),
    }
    assert summary.lost == {"gateway answered 502": 30, "ServerDisconnectedError": 30}
    assert (summary.sent, [second.sent for second in seconds]) == (120, [100, 20])


def test_a_server_that_stalls_does_not_slow_the_sender_down() -> None:
    stall = 0.5

    async def serve(_: int, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(stall)
        await reply(writer, 200, "v1")

    _, summary = load(serve, Plan(rate=100, duration=1))
    assert summary.ended - summary.started < 1 + 2 * stall
    assert summary.versions["v1"].requests == 100
    assert summary.versions["v1"].p50_ms >= stall * 1000


def test_connections_are_kept_alive() -> None:
    writers: set[asyncio.StreamWriter] = set()

    async def serve(_: int, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        await reply(writer, 200, "v1")

    _, summary = load(serve, Plan(rate=100, duration=1))
    assert summary.versions["v1"].requests == 100
    assert len(writers) < 20
