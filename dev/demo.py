"""The main job, on real traffic, told as it happens: `python -m dev demo`.

Two bad versions are taken back and a good one goes out, while 50 requests a second come through the
gateway. At the end a table says what it cost; the exit code is 0 only if every outcome was the
expected one and no request was lost.
"""

import json
import os
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dev import gander, programs
from dev.environment import Environment
from dev.errors import DevError
from dev.load import Load
from dev.load_figures import Second
from dev.load_sender import Plan
from dev.reach import inside
from dev.shop import deploy
from dev.shop.baskets import Mix
from dev.shop.deploy import Shop
from dev.waiting import until

RATE: Final = 50.0
MIX: Final = Mix(samples=0.05, suppliers=0.10, flaky=0.004)
MOST_SECONDS: Final = 1800.0
RELEASE_SECONDS: Final = 600.0
EXAMPLE: Final = gander.ROOT / "examples" / "checkout"


@dataclass(frozen=True)
class Chapter:
    """One version that is let loose, and what has to become of it."""

    version: str
    words: str
    outcome: str


CHAPTERS: Final = (
    Chapter("v2", "fails baskets of free samples, one in twenty", "RolledBack"),
    Chapter("v3", "the same without the bug", "Succeeded"),
    Chapter("v5", "wants a setting that nobody deployed, so it crashes at start", "RolledBack"),
)


@dataclass(frozen=True)
class Result:
    """What became of one version."""

    chapter: Chapter
    release: str
    outcome: str
    seconds: float
    met: int
    hurt: int


class Demo:
    """Tells the story of one shop in one cluster."""

    def __init__(self, environment: Environment, console: Console) -> None:
        self._environment = environment
        self._shop = Shop(environment)
        self._console = console
        self._began = time.monotonic()

    def run(self) -> bool:
        """Play all chapters; True if all went as it has to."""
        say = self._console.print
        self._title("The shop and Gander")
        cache = programs.cache_folder(os.environ)
        versions = ["v1", *(chapter.version for chapter in CHAPTERS)]
        images = deploy.push_images(self._environment, cache, versions, say)
        image = gander.push_image(self._environment, say)
        gander.install(self._environment, image)
        say(f"Gander runs from {image}")
        # A demo before this one has left its plan and its rejected revisions.
        self._kubectl("delete", "namespace", self._shop.namespace, "--ignore-not-found")
        deploy.deploy(self._shop, images["v1"])
        say(f"the shop serves v1 at http://{self._shop.hostname} through the gateway")
        plan = Plan(RATE, MOST_SECONDS, self._shop.hostname, MIX, seed=int(time.time()))
        say(f"{RATE:.0f} requests a second from now on, 0.4 % of them fail in every version")
        with Load.start(self._environment, plan) as load:
            self._adopt()
            results = [self._play(chapter, images, load) for chapter in CHAPTERS]
            summary = load.stop()
        return self._close(results, sum(summary.lost.values()), summary.lost, summary.sent)

    def _adopt(self) -> None:
        self._title("The team applies its plan")
        self._kubectl(
            "apply", "-f", str(EXAMPLE / "metrics.yaml"), "-f", str(EXAMPLE / "plan.yaml")
        )
        until(
            "plan checkout to be guarded and idle",
            lambda: self._status("releaseplan/checkout").get("phase") == "Idle",
            seconds=60,
            explain=lambda: self._kubectl("get", "releaseplan", "checkout", "-o", "yaml"),
        )
        self._show("get", "releaseplans")

    def _play(self, chapter: Chapter, images: dict[str, str], load: Load) -> Result:
        self._title(f"{chapter.version}: {chapter.words}")
        number = int(self._status("releaseplan/checkout").get("releases", 0)) + 1
        release = f"checkout-{number}"
        began = time.time()
        self._console.print(f"$ kubectl set image deployment/checkout checkout={chapter.version}")
        deploy.set_image(self._shop, images[chapter.version])
        with self._watched():
            until(
                f"release {release} to end",
                lambda: bool(self._status(f"release/{release}").get("finishedAt")),
                seconds=RELEASE_SECONDS,
                explain=lambda: self._kubectl("get", "release", release, "-o", "yaml"),
            )
        status = self._status(f"release/{release}")
        seconds = time.time() - began
        for metric in status.get("metrics", []):
            self._console.print(f"evidence: {metric['message']}", highlight=False)
        if status["phase"] == "RolledBack":
            self._show_rollback(status)
        else:
            until(
                "the plan to be idle again",
                lambda: self._status("releaseplan/checkout").get("phase") == "Idle",
                seconds=60,
            )
            self._show("get", "deployment", "checkout", "-o", "wide")
        met, hurt = _met(load.seconds(), chapter.version, began, began + seconds)
        return Result(chapter, release, status["phase"], seconds, met, hurt)

    def _show_rollback(self, status: dict[str, Any]) -> None:
        """Show the route, the alert, the plan and the Deployment, as people would look."""
        self._console.print(f"cause: {status['message']}", highlight=False)
        route = json.loads(self._kubectl("get", "httproute", "checkout", "-o", "json"))
        refs = [(ref["name"], ref["weight"]) for ref in route["spec"]["rules"][0]["backendRefs"]]
        self._console.print(f"route: {refs}", highlight=False)
        alert = self._alert()
        self._console.print("alert, as Alertmanager has it:")
        for key in ("summary", "description"):
            self._console.print(f"  {alert['annotations'].get(key, '')}", highlight=False)
        until(
            "the plan to reject the revision",
            lambda: self._status("releaseplan/checkout").get("phase") == "Rejected",
            seconds=30,
        )
        self._show("get", "releaseplan", "checkout")
        stalled = self._kubectl(
            "get",
            "deployment",
            "checkout",
            "-o",
            'jsonpath={.status.conditions[?(@.type=="Stalled")].message}',
        )
        self._console.print(f"the Deployment says: {stalled}", highlight=False)

    def _alert(self) -> dict[str, Any]:
        """Return the firing alert, read from Alertmanager's API."""
        url = f"{self._environment.alertmanager_url}/api/v2/alerts?active=true"
        found: list[dict[str, Any]] = []

        def fires() -> bool:
            with inside(self._environment), urllib.request.urlopen(url, timeout=5) as answer:
                alerts = json.load(answer)
            found[:] = [a for a in alerts if a["labels"].get("namespace") == self._shop.namespace]
            return bool(found)

        until("the alert in Alertmanager", fires, seconds=30)
        return max(found, key=lambda alert: str(alert["startsAt"]))

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Print what `kubectl get releases -w` prints, while the block runs."""
        with inside(self._environment):
            process = subprocess.Popen(
                ("kubectl", "get", "releases", "--watch-only", f"-n={self._shop.namespace}"),
                env={**os.environ, **self._environment.variables()},
                stdout=subprocess.PIPE,
                text=True,
            )

        def copy() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                self._console.print(f"{self._clock()} {line.rstrip()}", highlight=False)

        reader = threading.Thread(target=copy, daemon=True)
        reader.start()
        try:
            yield
        finally:
            process.terminate()
            process.wait()
            reader.join(2)

    def _close(self, results: list[Result], lost: int, reasons: dict[str, int], sent: int) -> bool:
        table = Table(title="What it cost")
        for column in ("release", "version", "outcome", "seconds", "met it", "bad because of it"):
            table.add_column(column)
        for result in results:
            table.add_row(
                result.release,
                result.chapter.version,
                result.outcome,
                f"{result.seconds:.0f}",
                str(result.met),
                str(result.hurt),
            )
        self._console.print(table)
        self._console.print(f"{sent} requests sent, {lost} lost {reasons or ''}", highlight=False)
        expected = all(result.outcome == result.chapter.outcome for result in results)
        unhurt = results[-1].met == 0
        return expected and unhurt and lost == 0

    def _status(self, name: str) -> dict[str, Any]:
        try:
            status = json.loads(self._kubectl("get", name, "-o", "json")).get("status", {})
        except DevError:
            return {}
        return dict(status)

    def _kubectl(self, *arguments: str) -> str:
        return self._shop.kubectl(*arguments)

    def _show(self, *arguments: str) -> None:
        self._console.print(f"$ kubectl {' '.join(arguments)}", highlight=False)
        self._console.print(self._kubectl(*arguments).rstrip(), highlight=False)

    def _title(self, words: str) -> None:
        self._console.rule(f"{self._clock()} {words}", align="left")

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._began)
        return f"{seconds // 60:02d}:{seconds % 60:02d}"


def _met(seconds: tuple[Second, ...], version: str, since: float, until_: float) -> tuple[int, int]:
    """Return how many requests a version answered in a span of time, and how many it spoilt."""
    answers = [
        second.versions[version]
        for second in seconds
        if version in second.versions and since <= second.second <= until_
    ]
    return sum(a.requests for a in answers), sum(a.hurt for a in answers)


def demo(environment: Environment, console: Console) -> bool:
    """Play the demo in a cluster that is up."""
    return Demo(environment, console).run()
