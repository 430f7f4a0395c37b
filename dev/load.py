"""Load on the shop, as a process of its own that does not share a Python with whoever watches it.

`python -m dev load` prints a JSON line for each second and a summary at the end (load_figures.py
describes them); `Load` is the same from within Python.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
from typing import IO, Annotated, Final, Self

import msgspec
import typer

from dev.environment import Environment
from dev.errors import DevError
from dev.layout import DEFAULT_NAME
from dev.load_figures import Figures, Second, Summary
from dev.load_sender import REQUEST_SECONDS, Plan, send
from dev.reach import inside
from dev.shop.baskets import Mix

START_SECONDS: Final = 30.0


def load_command(
    rate: Annotated[float, typer.Option(help="Requests a second.")] = 50.0,
    duration: Annotated[float, typer.Option(help="Seconds, at most an hour.")] = 60.0,
    hostname: Annotated[str, typer.Option(help="Of the HTTPRoute.")] = "checkout.example",
    samples: Annotated[float, typer.Option(help="Share of baskets that v2 fails.")] = 0.05,
    suppliers: Annotated[float, typer.Option(help="Share of baskets that v4 delays.")] = 0.10,
    flaky: Annotated[float, typer.Option(help="Share of baskets that every version fails.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed draws the same baskets.")] = 1,
    name: Annotated[str, typer.Option(help="Which cluster.")] = DEFAULT_NAME,
) -> None:
    """Send load to the shop through the gateway; print a JSON line a second, then a summary."""
    plan = Plan(rate, duration, hostname, Mix(samples, suppliers, flaky), seed)
    told = "GANDER_GATEWAY_URL" in os.environ
    environment = Environment.from_variables(os.environ) if told else Environment.ours(name)
    encoder = msgspec.json.Encoder()

    def emit(figures: Figures) -> None:
        sys.stdout.buffer.write(encoder.encode(figures) + b"\n")
        sys.stdout.buffer.flush()

    with inside(environment):
        asyncio.run(send(f"{environment.gateway_url}/price", plan, emit))


class Load:
    """A load that is under way: `with Load.start(environment, plan) as load: ...`.

    The end of the block stops it. The figures stay.
    """

    def __init__(self, plan: Plan, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self._plan = plan
        self._process = process
        self._errors = errors
        self._words = ""
        self._began = threading.Event()
        self._seconds: list[Second] = []
        self._summary: Summary | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def start(cls, environment: Environment, plan: Plan) -> Self:
        """Return once the sender runs. DevError: it did not come up, with its last words."""
        with inside(environment):
            errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the load
            process = subprocess.Popen(
                (sys.executable, "-m", "dev", "load", *_options(plan)),
                env={**os.environ, **environment.variables()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        load = cls(plan, process, errors)
        if not load._began.wait(START_SECONDS):
            process.kill()
            load._reader.join()
            raise DevError(f"the load did not begin within {START_SECONDS:.0f} s{load._words}")
        load._check()
        return load

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def seconds(self) -> tuple[Second, ...]:
        """Return the seconds that are complete so far, the oldest first."""
        self._check()
        return tuple(self._seconds)

    def stop(self) -> Summary:
        """Let no more be sent, await what is under way, and return what became of all.

        Asked again, it returns the same. DevError: the sender failed, with its last words.
        """
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._end(0)

    def wait(self) -> Summary:
        """Await the end of the plan, and return as `stop` does."""
        return self._end(self._plan.duration)

    def _end(self, seconds: float) -> Summary:
        self._reader.join(seconds + REQUEST_SECONDS + 10)
        if self._reader.is_alive():
            self._process.kill()
            self._reader.join()
        self._check()
        assert self._summary is not None
        return self._summary

    def _read(self) -> None:
        assert self._process.stdout is not None
        decoder = msgspec.json.Decoder(Figures)
        with self._process.stdout as lines:
            for line in lines:
                match decoder.decode(line):
                    case Second() as second:
                        self._seconds.append(second)
                    case Summary() as summary:
                        self._summary = summary
                self._began.set()
        self._process.wait()
        with self._errors:
            self._errors.seek(0)
            words = self._errors.read().decode(errors="replace").splitlines()[-20:]
        self._words = "".join(f"\n  {line}" for line in words)
        # The end counts as well: whoever waits for the beginning shall not wait in vain.
        self._began.set()

    def _check(self) -> None:
        if not self._reader.is_alive() and self._summary is None:
            raise DevError(f"the load ended with {self._process.returncode}{self._words}")


def _options(plan: Plan) -> tuple[str, ...]:
    return (
        f"--rate={plan.rate}",
        f"--duration={plan.duration}",
        f"--hostname={plan.hostname}",
        f"--samples={plan.mix.samples}",
        f"--suppliers={plan.mix.suppliers}",
        f"--flaky={plan.mix.flaky}",
        f"--seed={plan.seed}",
    )
