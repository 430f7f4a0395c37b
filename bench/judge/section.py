"""The section of bench/RESULTS.md about the judge: goals, others, what falls short. Pure."""

from collections.abc import Sequence

import numpy as np

from bench.judge import errors, latency
from bench.judge.plays import ALIKE, ARGO, FLAGGER, KAYENTA, LINDON_MALEK
from bench.judge.run import Played
from bench.judge.scenario import END, US, clopper_pearson, judged, percent
from bench.report import Row, shortfalls, table
from controller.judge.betting import Floats

JUDGES = (US, ALIKE, LINDON_MALEK, KAYENTA, FLAGGER, ARGO)
NOTES = """\
How it is measured:

- Releases are simulated with fixed seeds, as `bench/judge` says: looks of 15 s, 200 of them, 5
  requests a second on three canary pods, 95 on ten of stable, stable's last 60 looks known. Gander
  is asked as the controller asks it: everything at its default, `pods: Differ`, a gateway that
  routes each request by weight. Gauges and the share check are the library's: the controller does
  not ask for them yet.
- Figures have 95 % intervals: Clopper-Pearson for shares, the normal approximation for means. A
  release without a verdict in 50 minutes counts as 50 minutes. A goal is met if the figure reaches
  it; where the interval crosses the goal the row says so. "One look" as a goal is a 90th percentile
  of 15 s.
- **Chosen on**: scenarios with a * were used, with other seeds, to choose constants of the judge.
  All others are held out: the numbers in them played no part in any choice.
- *Wald's bound* is ln(1/falseRollback) over the relative entropy between the truth and the nearest
  claim "no worse": no test with that false-alarm rate has a lower mean. For latency it is for
  telling "slower" from "no slower" on the buckets there are. A verdict comes at the end of a look.
- The twins that play thousands of releases at once are held to `CountsEvidence`,
  `HistogramEvidence` and `judge` look by look, to 1e-9, by tests/unit/bench/judge. Counters with
  dips are read by controller/metrics. Pods that are scraped twice (5.9) are left to its unit tests.
- *Lindon-Malek*: bad requests of both arms, k = 100, alpha 1 %, two-sided.
- *Kayenta*: values of each minute, asked at each minute from the tenth on; Mann-Whitney with a 98 %
  interval and a quarter of the estimated shift as least effect. For latency it is given the
  quantile that moves most.
- *Flagger*: success at least 99 % (latency: p99 at most 500 ms) each minute, given up at the fifth
  failed check of the first ten. *Argo Rollouts*: the same limit, given up at the fourth failure
  within 50 minutes.
- Others judge a part of the same releases, from the first on."""


def section(played: Sequence[Played], speed: Sequence[Row], setting: str) -> str:
    """Return the section."""
    rows = [*goals(played), *speed]
    return f"""\
## The judge

{setting}

{table(rows)}

### Beside others, on the same requests

Mean seconds to the rollback of those found within 50 minutes, 90th percentile, share found.

{comparison(played, errors.FOUND)}

{comparison(played, latency.FOUND)}

Share of releases rolled back although nothing is wrong, with its interval.

{alarms(played)}

![delay by size of a regression](../docs/judge/delay.png)

![false rollbacks by number of looks](../docs/judge/false-rollbacks.png)

### What falls short

{shortfalls(rows, problems(played))}

{NOTES}"""


def goals(played: Sequence[Played]) -> list[Row]:
    """Return the rows of all checks of what was played."""
    return [
        check(each.scenario.label, each.outcome)
        for each in played
        if each.outcome
        for check in each.scenario.checks
    ]


def problems(played: Sequence[Played]) -> list[str]:
    """Say what could not be played."""
    found = [
        f"{each.scenario.name}: time was up before the first release"
        for each in played
        if each.releases == 0
    ]
    short = [each for each in played if each.releases < each.wanted]
    if short:
        some, whole = (sum(getattr(x, of) for x in played) for of in ("releases", "wanted"))
        found.append(
            f"time was up after {some:,} of {whole:,} releases; {len(short)} of {len(played)} "
            "scenarios have fewer than wanted, n says how many"
        )
    return found


def comparison(played: Sequence[Played], group: str) -> str:
    """Return the table of one group of regressions."""
    found = [each for each in played if each.scenario.group == group and each.outcome]
    judges = [name for name in JUDGES if any(name in each.outcome for each in found)]
    lines = [
        f"| {group.lower()} | Wald's bound | " + " | ".join(judges) + " |",
        "|---" * (2 + len(judges)) + "|",
    ]
    for each in found:
        cells = [_delay(judged(each.outcome, name)) for name in judges]
        bound = f"{each.scenario.bound:.0f}" if each.scenario.bound >= 1 else "< 1"
        lines.append(f"| {each.scenario.label} | {bound} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def alarms(played: Sequence[Played]) -> str:
    """Return the table of false rollbacks."""
    groups = (errors.FALSE, latency.FALSE)
    found = [each for each in played if each.scenario.group in groups and each.outcome]
    judges = [name for name in JUDGES if any(name in each.outcome for each in found)]
    lines = ["| nothing is wrong | " + " | ".join(judges) + " |", "|---" * (1 + len(judges)) + "|"]
    for each in found:
        cells = [_alarms(judged(each.outcome, name)) for name in judges]
        lines.append(f"| {each.scenario.label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _delay(seconds: Floats) -> str:
    if not len(seconds):
        return "-"
    found = seconds[seconds <= END]
    if not len(found):
        return "never"
    share = "" if len(found) == len(seconds) else f", {percent(len(found) / len(seconds))}"
    return f"{found.mean():.0f} / {np.quantile(found, 0.9):.0f}{share}"


def _alarms(seconds: Floats) -> str:
    if not len(seconds):
        return "-"
    hits, runs = int(np.isfinite(seconds).sum()), len(seconds)
    low, high = clopper_pearson(hits, runs)
    return f"{percent(hits / runs)} ({percent(low)} to {percent(high)})"
