"""Shops that release one version after the other under load, several of them at a time.

Promises: each release has a load of its own, whose summary says whether its figures can be
trusted; a release during which requests were sent too late is made again, within bounds.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from bench.apiserver import ApiServer
from bench.controller import read
from bench.figures import Scrape, Seen, Writes
from bench.histories import Histories
from bench.prometheus import scrapes
from controller.api.release import ReleaseStatus
from dev.environment import Environment
from dev.errors import DevError
from dev.load import Load
from dev.load_figures import Summary
from dev.load_sender import Plan
from dev.shop import deploy
from dev.shop.baskets import Mix
from dev.shop.deploy import NAME, Shop
from dev.waiting import until
from tests.cluster.releases.story import Story

PREFIX: Final = "gander-bench-"
RELEASE_SECONDS: Final = 420.0
LOAD_SECONDS: Final = 900.0
RESTS: Final = {"RolledBack": "Rejected", "Succeeded": "Idle"}  # of the plan, by the outcome


@dataclass(frozen=True)
class Trial:
    """One kind of release: what goes out under which load, and what has to become of it.

    `versions` take turns. `settle` are the seconds of load before a shop's first release.
    """

    name: str
    versions: tuple[str, ...]
    outcome: str
    reason: str
    rate: float
    mix: Mix
    settle: int
    steps: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Run:
    """One release, and what was seen of it."""

    version: str
    history: tuple[Seen, ...]
    load: Summary
    scrapes: Mapping[str, tuple[Scrape, ...]]

    @property
    def lost(self) -> int:
        """Requests that no version answered."""
        return sum(self.load.lost.values())


@dataclass
class Series:
    """All releases of one kind. `late` were made again; `failed` says what went another way."""

    trial: Trial
    wanted: int
    runs: list[Run] = field(default_factory=list)
    late: list[Run] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    writes: Writes = field(default_factory=Writes)

    @property
    def made(self) -> int:
        """How many releases there were, whatever their figures are worth."""
        return len(self.runs) + len(self.late)


class Bench:
    """Makes series of releases in a cluster where Gander is installed."""

    def __init__(
        self,
        environment: Environment,
        images: dict[str, str],
        api: ApiServer,
        say: Callable[[str], None],
        deadline: float,
    ) -> None:
        self._environment = environment
        self._images = images
        self._api = api
        self._say = say
        self._deadline = deadline
        self._histories = Histories.begin(api)

    @contextmanager
    def shops(self, trial: Trial, count: int) -> Iterator[list[Story]]:
        """Give shops that serve v1, with their plans applied and idle; the end removes them."""
        names = [f"{PREFIX}{uuid.uuid4().hex[:8]}" for _ in range(count)]
        stories = [
            Story(Shop(self._environment, name, f"{name}.example"), self._images) for name in names
        ]

        def ready(story: Story) -> None:
            deploy.deploy(story.shop, self._images["v1"])
            story.adopt(steps=list(trial.steps))

        try:
            with ThreadPoolExecutor(max(1, count)) as pool:
                list(pool.map(ready, stories))
            yield stories
        finally:
            for story in stories:
                deploy.remove(story.shop)

    def run(self, trial: Trial, wanted: int, at_once: int) -> Series:
        """Make releases of one kind in new shops, `at_once` of them at a time.

        What fails stands in the series, so that the figures before and after it are not lost.
        """
        series, count = Series(trial, wanted), min(at_once, wanted)
        self._say(f"{trial.name}: {wanted} releases in {count} shops")
        try:
            with self.shops(trial, count) as stories:
                before = read(self._api)
                self._work_at_once(stories, series)
                series.writes = read(self._api).since(before)
        except DevError as error:
            series.failed.append(str(error))
            self._say(f"{trial.name}: {error}")
        return series

    def _work_at_once(self, stories: list[Story], series: Series) -> None:
        turns = Turns(series.wanted, self._deadline)
        with ThreadPoolExecutor(max(1, len(stories))) as pool:
            for work in [pool.submit(self._work, each, series, turns) for each in stories]:
                work.result()

    def _work(self, story: Story, series: Series, turns: "Turns") -> None:
        """Make releases in one shop until there are enough; one that fails ends the shop."""
        number = 0
        while turns.take():
            number += 1
            try:
                run = self._release(story, series.trial, number)
            except DevError as error:
                series.failed.append(str(error))
                self._say(f"{series.trial.name}: {error}")
                return
            if run.load.on_time:
                series.runs.append(run)
            else:
                series.late.append(run)
                turns.give_back()
            self._say(_line(series, run))

    def _release(self, story: Story, trial: Trial, number: int) -> Run:
        version = trial.versions[(number - 1) % len(trial.versions)]
        shop, release = story.shop, f"{NAME}-{number}"
        plan = Plan(trial.rate, LOAD_SECONDS, shop.hostname, trial.mix, seed=number)
        settle = trial.settle if number == 1 else 0
        began = time.time()
        with Load.start(self._environment, plan) as load:
            until(
                f"{settle} s of load",
                lambda: len(load.seconds()) >= settle,
                seconds=settle + 30,
            )
            _change(shop, self._images[version], number)
            history = self._histories.await_end(shop.namespace, release, seconds=RELEASE_SECONDS)
            _check(trial, version, history[-1].status)
            story.await_plan(RESTS[trial.outcome])
            summary = load.stop()
        if version not in summary.versions:
            raise DevError(f"no request met {version} in {shop.namespace}")
        seconds = time.time() - began
        scraped = scrapes(self._environment, shop.namespace, seconds)
        return Run(version, history, summary, scraped)


class Turns:
    """How many releases the shops still have to make; threads may share it."""

    def __init__(self, wanted: int, deadline: float) -> None:
        self._left = wanted
        self._spare = wanted // 2 + 2
        self._deadline = deadline
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Tell whether one more is to be made; none is begun after the deadline."""
        with self._lock:
            if self._left == 0 or time.monotonic() > self._deadline:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """Ask for one more instead of one that does not count, as long as there are spare ones."""
        with self._lock:
            if self._spare > 0:
                self._spare -= 1
                self._left += 1


def clear(environment: Environment, api: ApiServer) -> None:
    """Remove the shops of a run that was interrupted, in a cluster of ours only."""
    names = [item["metadata"]["name"] for item in api.object("/api/v1/namespaces")["items"]]
    for name in names:
        if environment.name and name.startswith(PREFIX):
            deploy.remove(Shop(environment, name))


def _check(trial: Trial, version: str, status: ReleaseStatus) -> None:
    ended, wanted = (status.phase.value, status.reason), (trial.outcome, trial.reason)
    if ended != wanted:
        found, hoped = "/".join(ended), "/".join(wanted)
        raise DevError(f"{version} ended as {found}, not {hoped}: {status.message}")


def _change(shop: Shop, image: str, number: int) -> None:
    """Bring a template that was never there: the same image under another annotation."""
    template = {
        "metadata": {"annotations": {"bench/release": str(number)}},
        "spec": {"containers": [{"name": NAME, "image": image}]},
    }
    shop.kubectl("patch", "deployment", NAME, "-p", json.dumps({"spec": {"template": template}}))


def _line(series: Series, run: Run) -> str:
    answers = run.load.versions[run.version]
    seconds = run.history[-1].at - run.history[0].at
    late = "" if run.load.on_time else f"; {run.load.late} of {run.load.sent} sent late, not used"
    return (
        f"{series.trial.name} {len(series.runs)}/{series.wanted}: {run.version} "
        f"{run.history[-1].status.phase.value} after {seconds:.0f} s, "
        f"{answers.requests} met it, {answers.hurt} hurt, "
        f"{run.lost} lost{late}"
    )
