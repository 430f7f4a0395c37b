"""All releases of all scenarios are played, with seeds of their own, and end up in the document."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench.judge import errors, run, section
from bench.judge.plays import FLAGGER, KAYENTA
from bench.judge.run import Played, batches, scenarios, seed_of, wanted_of
from bench.judge.scenario import US, Scenario, at_most
from bench.report import Row

ROOT = Path(__file__).parents[4]


def test_all_releases_are_played_once() -> None:
    every = scenarios()

    released: Counter[int] = Counter()
    for batch in batches(every, quick=False):
        released[batch.scenario] += batch.releases

    assert [each.releases for each in every] == [released[i] for i in range(len(every))]


def test_scenarios_take_turns() -> None:
    every = scenarios()

    begun = [batch.scenario for batch in batches(every, quick=False)]

    assert len(set(begun[: len(every)])) == len(every)


def test_batches_have_seeds_of_their_own() -> None:
    every = scenarios()

    seeds = [
        seed_of(every[batch.scenario].name, batch.part) for batch in batches(every, quick=False)
    ]

    assert len(seeds) == len(set(seeds))


def test_a_batch_can_be_played_again() -> None:
    batch = batches(scenarios(), quick=True)[0]

    first, second = run.play(batch), run.play(batch)

    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)


def played(group: str = "", **seconds: list[float]) -> Played:
    """Return three releases of an invented scenario."""
    outcome = {name.replace("_", "-"): np.array(values) for name, values in seconds.items()}
    scenario = Scenario("calm", lambda _, __: {}, (at_most(US, 0.5),), releases=3, group=group)
    return Played(scenario, outcome, 3, 3)


def test_the_section_says_what_falls_short() -> None:
    text = section.section(
        [played(Gander=[15.0, 15.0, np.inf])], [Row("a look", "<= 1 s", "2 s", 1, met=False)], "now"
    )

    shortfalls = text.partition("### What falls short")[2]
    assert "- calm: false rollbacks: 67 % (9.4 % to 99 %)" in shortfalls
    assert "- a look: 2 s, the goal is <= 1 s" in shortfalls


def test_what_was_not_played_is_told() -> None:
    scenario = played().scenario

    found = section.problems([Played(scenario, {}, 1, 3), Played(scenario, {}, 0, 3)])

    assert found == [
        "calm: time was up before the first release",
        (
            "time was up after 1 of 6 releases; 2 of 2 scenarios have fewer than wanted, "
            "n says how many"
        ),
    ]
    assert section.problems([Played(scenario, {}, 3, 3)]) == []


def test_others_stand_beside_us() -> None:
    row = played(
        errors.FOUND,
        Gander=[15.0, 45.0, 30.0],
        Kayenta=[600.0, np.nan, 900.0],
        Flagger=[np.inf] * 3,
    )

    lines = section.comparison([row], errors.FOUND).splitlines()

    assert lines[0] == f"| errors | Wald's bound | {US} | {KAYENTA} | {FLAGGER} |"
    assert lines[2].endswith("| 30 / 42 | 750 / 870 | never |")


def test_false_rollbacks_of_others_stand_beside_ours() -> None:
    row = played(errors.FALSE, Gander=[np.inf] * 3, Flagger=[300.0, np.inf, np.nan])

    assert section.alarms([row]).splitlines()[2] == (
        "| calm | 0 % (0 % to 71 %) | 50 % (1.3 % to 99 %) |"
    )


@pytest.mark.timeout(900)
def test_a_quick_run_writes_its_section_and_the_plots(tmp_path: Path) -> None:
    results = tmp_path / "RESULTS.md"
    results.write_text("# Results\n\n<!-- other: begin -->\nkept\n<!-- other: end -->\n")

    done = subprocess.run(
        [sys.executable, "-m", "bench.judge", "--quick", "--results", results, "--plots", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    text = results.read_text()
    assert "kept" in text
    assert "<!-- bench-judge: begin -->" in text
    assert "Only a quick try" in text
    every = scenarios()
    assert all(each.label in text for each in every if each.checks)
    assert f"| {wanted_of(every[0], quick=True)} |" in text
    assert all(
        (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        for name in ("delay", "false-rollbacks")
    )
