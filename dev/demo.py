"""The main job, on real traffic, told as it happens: `python -m dev demo`.

Three bad versions are taken back and a good one goes out, while 50 requests a second come through
the gateway. At the end a table says what it cost; the exit code is 0 only if every outcome was the
expected one and no request was lost.
"""

import json
import os
import subprocess
import textwrap
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from dev import gander, programs
from dev.demo_cost import Chapter, Result, costs, failures, warning
from dev.environment import Environment
from dev.errors import DevError
from dev.load import Load
from dev.load_figures import Second, Summary
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
CLEAR_SECONDS: Final = 180.0
QUIET_SECONDS: Final = 20.0
EXAMPLE: Final = gander.ROOT / "examples" / "checkout"


CHAPTERS: Final = (
    Chapter("v2", "fails baskets of free samples, one in twenty", "RolledBack"),
    Chapter("v3", "the same without the bug", "Succeeded"),
    Chapter("v4", "asks suppliers one after the other, twice as slow at p99", "RolledBack"),
    Chapter(
        "v5",
        "wants a setting that nobody deployed, so it crashes at start",
        "RolledBack",
        starts=False,
    ),
)


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
        self._refuse_others()
        self._title("The shop and Gander")
        cache = programs.cache_folder(os.environ)
        versions = ["v1", *(chapter.version for chapter in CHAPTERS)]
        images = deploy.push_images(self._environment, cache, versions, say)
        image = gander.push_image(self._environment, say)
        gander.install(self._environment, image)
        say(f"Gander runs from {image}")
        # A demo before this one may have left its plan and its rejected revisions.
        namespace = ("namespace", self._shop.namespace)
        self._shop.kubectl("delete", *namespace, "--ignore-not-found", seconds=CLEAR_SECONDS)
        deploy.deploy(self._shop, images["v1"])
        say(f"the shop serves v1 at http://{self._shop.hostname} through the gateway")
        plan = Plan(RATE, MOST_SECONDS, self._shop.hostname, MIX, seed=int(time.time()))
        say(f"{RATE:.0f} requests a second from now on, 0.4 % of them fail in every version")
        with Load.start(self._environment, plan) as load:
            self._adopt()
            results = [self._play(chapter, images) for chapter in CHAPTERS]
            summary = load.stop()
        return self._close(results, load.seconds(), summary)

    def _refuse_others(self) -> None:
        """DevError: what the demo would remove or replace is not its own."""
        name = self._shop.namespace
        found = self._kubectl("get", "namespace", name, "--ignore-not-found", "-o", "json")
        labels = json.loads(found)["metadata"].get("labels", {}) if found else {}
        if found and not deploy.MARK.items() <= labels.items():
            raise DevError(
                f"there is a namespace {name} that is not the demo's, which would delete it; "
                "use a cluster without one"
            )
        if not found and self._environment.name is None and gander.installed(self._environment):
            raise DevError(
                f"Gander is installed in namespace {gander.NAMESPACE}, and the demo would replace "
                "it; uninstall it, or use a cluster without it"
            )

    def _adopt(self) -> None:
        self._title("The team applies its plan")
        self._print("$ kubectl apply -f examples/checkout/")
        items = json.dumps(example(self._environment))
        self._print(self._kubectl("apply", "-f", "-", stdin=items))
        until(
            "plan checkout to be guarded and idle",
            lambda: self._status("releaseplan/checkout").get("phase") == "Idle",
            seconds=60,
            explain=lambda: self._kubectl("get", "releaseplan", "checkout", "-o", "yaml"),
        )
        self._show("get", "releaseplans")

    def _play(self, chapter: Chapter, images: dict[str, str]) -> Result:
        self._title(f"{chapter.version}: {chapter.words}")
        number = int(self._status("releaseplan/checkout").get("releases", 0)) + 1
        release = f"checkout-{number}"
        began = time.time()
        self._print(f"$ kubectl set image deployment/checkout checkout={chapter.version}")
        deploy.set_image(self._shop, images[chapter.version])
        with self._watched():
            until(
                f"release {release} to end",
                lambda: bool(self._status(f"release/{release}").get("finishedAt")),
                seconds=RELEASE_SECONDS,
                explain=lambda: self._kubectl("get", "release", release, "-o", "yaml"),
            )
        status = self._status(f"release/{release}")
        ended = time.time()
        for metric in status.get("metrics", []):
            self._say(f"evidence: {metric['message']}")
        if status["phase"] == "RolledBack":
            self._show_rollback(status)
        else:
            until(
                "the plan to be idle again",
                lambda: self._status("releaseplan/checkout").get("phase") == "Idle",
                seconds=60,
            )
            self._show("get", "deployment", "checkout")
        return Result(chapter, release, status["phase"], began, ended, _promoted(status))

    def _show_rollback(self, status: dict[str, Any]) -> None:
        """Show the route, the alert, the plan and the Deployment, as people would look."""
        self._say(f"cause: {status['message']}")
        route = json.loads(self._kubectl("get", "httproute", "checkout", "-o", "json"))
        refs = route["spec"]["rules"][0]["backendRefs"]
        weights = (f"{ref['name']} with weight {ref['weight']}" for ref in refs)
        self._say(f"the route's backends: {', '.join(weights)}")
        alert = self._alert()
        self._say("the alert, as Alertmanager has it:")
        for key in ("summary", "description"):
            self._say(alert["annotations"].get(key, ""), indent="  ")
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
        self._say(f"the Deployment says: {stalled}")

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
        """Print what `kubectl get releases -w` prints, while the block runs.

        Lines that differ in AGE only are printed now and then: nothing hangs.
        """
        with inside(self._environment):
            process = subprocess.Popen(
                ("kubectl", "get", "releases", "--watch-only", f"-n={self._shop.namespace}"),
                env={**os.environ, **self._environment.variables()},
                stdout=subprocess.PIPE,
                text=True,
            )

        def copy() -> None:
            assert process.stdout is not None
            last, printed = "", 0.0
            for line in process.stdout:
                news = line.rstrip().rpartition(" ")[0]
                if news != last or time.monotonic() - printed > QUIET_SECONDS:
                    self._print(f"{self._clock()} {line}")
                    last, printed = news, time.monotonic()

        reader = threading.Thread(target=copy, daemon=True)
        reader.start()
        try:
            yield
        finally:
            process.terminate()
            process.wait()
            reader.join(2)

    def _close(self, results: list[Result], seconds: tuple[Second, ...], load: Summary) -> bool:
        paid = costs(results, seconds)
        # Narrow enough for 80 columns.
        table = Table(box=SIMPLE_HEAD, title="Requests of each release", title_justify="left")
        table.add_column("release", no_wrap=True)
        table.add_column("outcome", no_wrap=True)
        for column in ("seconds", "met the\ncanary", "bad because\nof it", "lost"):
            table.add_column(column, justify="right")
        for result, cost in zip(results, paid, strict=True):
            table.add_row(
                f"{result.release} ({result.chapter.version})",
                result.outcome,
                f"{result.ended - result.began:.0f}",
                str(cost.met),
                str(cost.hurt),
                str(cost.lost),
            )
        self._console.print(table)
        self._say(f"{load.sent} requests sent, {sum(load.lost.values())} lost")
        if words := warning(load):
            self._say(f"warning: {words}")
        failed = list(failures(results, paid, load))
        for failure in failed:
            self._say(f"failed: {failure}")
        return not failed

    def _status(self, name: str) -> dict[str, Any]:
        try:
            status = json.loads(self._kubectl("get", name, "-o", "json")).get("status", {})
        except DevError:
            return {}
        return dict(status)

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self._shop.kubectl(*arguments, stdin=stdin)

    def _say(self, words: str, indent: str = "") -> None:
        """Print sentences, broken between words at the width of the terminal."""
        broken = textwrap.TextWrapper(
            self._console.width,
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in words.splitlines():
            self._print(broken.fill(line))

    def _print(self, text: str) -> None:
        """Print what programs say as it is."""
        self._console.print(text.rstrip(), highlight=False)

    def _show(self, *arguments: str) -> None:
        self._print(f"$ kubectl {' '.join(arguments)}")
        self._print(self._kubectl(*arguments))

    def _title(self, words: str) -> None:
        self._console.rule(f"{self._clock()} {words}", align="left")

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._began)
        return f"{seconds // 60:02d}:{seconds % 60:02d}"


def example(environment: Environment) -> dict[str, Any]:
    """Return metrics and plan of examples/checkout as one List.

    In a cluster that is not ours Prometheus and Alertmanager are where its settings say.
    """
    metrics = yaml.safe_load_all((EXAMPLE / "metrics.yaml").read_text())
    plan = yaml.safe_load((EXAMPLE / "plan.yaml").read_text())
    if environment.name is None:
        plan["spec"]["analysis"]["prometheus"]["url"] = environment.prometheus_url
        plan["spec"]["notify"][0]["alertmanager"]["urls"] = [environment.alertmanager_url]
    return {"apiVersion": "v1", "kind": "List", "items": [*metrics, plan]}


def _promoted(status: dict[str, Any]) -> float | None:
    """Return when a release began to be promoted."""
    times = [entry["at"] for entry in status["timeline"] if entry["phase"] == "Promoting"]
    return datetime.fromisoformat(times[0]).timestamp() if times else None


def demo(environment: Environment, console: Console) -> bool:
    """Play the demo in a cluster that is up."""
    return Demo(environment, console).run()
