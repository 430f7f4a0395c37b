"""Replay: a recorded release gives the verdicts that its looks give, from a file or a pipe."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from controller.judge import (
    Arm,
    Classic,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    GaugeEvidence,
    GaugeHistory,
    GaugeLook,
    GaugeQuestion,
    HistogramEvidence,
    HistogramLook,
    HistogramQuestion,
    History,
    Native,
    NumberEvidence,
    NumberLook,
    NumberQuestion,
    Pod,
    PodHistory,
    Refused,
    Span,
    away_from_edges,
    latency_phi,
    learn,
    noisy_pods,
)
from controller.judge.codec import members_of
from controller.judge.number_blocks import block_looks
from controller.judge.plan import (
    CountsMetric,
    GaugeMetric,
    HistogramMetric,
    Metric,
    Plan,
    PodBuckets,
    PodCounts,
    Pods,
)
from controller.judge.record import METRICS, RecordedLook, read_record, write_header, write_look
from controller.judge.replay import verdicts
from tests.unit.judge.releases import Release, releases

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "judge.md").read_text().split("\n## Replay\n")[1].split("\n## ")[0]
Evidence = CountsEvidence | HistogramEvidence | GaugeEvidence | NumberEvidence


def record_of(release: Release) -> str:
    header = write_header(release.plan, release.metrics)
    return header + "".join(write_look(look) for look in release.looks)


def replayed(text: str) -> list[dict[str, Any]]:
    return list(verdicts(read_record(text.encode().splitlines(keepends=True))))


def run(*arguments: str, given: str | bytes = "") -> subprocess.CompletedProcess[bytes]:
    """Run the command as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "controller.judge", *arguments],
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )


def fed(plan: Plan, metric: Metric, looks: list[Any]) -> Iterator[Evidence]:
    """Yield a metric's evidence after each of its looks, fed by hand."""
    evidence = begun(plan, metric)
    if isinstance(evidence, CountsEvidence) and plan.one_look_late:
        for number in range(len(looks)):
            evidence = begun(plan, metric)
            assert isinstance(evidence, CountsEvidence)
            phi = evidence.question.noise.phi
            for look in away_from_edges([one for (one,) in looks[: number + 1]], phi):
                grown = evidence.after(look)
                assert not isinstance(grown, Refused)
                evidence = grown
            yield evidence
        return
    for look in looks:
        grown_any: Any = evidence.after(*(look if isinstance(look, tuple) else (look,)))
        evidence = evidence if isinstance(grown_any, Refused) else grown_any
        yield evidence


def begun(plan: Plan, metric: Metric) -> Evidence:
    """Return the evidence before a look, from the library's own parts."""
    margins = {
        name: getattr(metric, name)
        for name in ("safe_relative", "safe_absolute", "fail_relative", "fail_absolute")
    }
    if isinstance(metric, CountsMetric):
        names = tuple(metric.history)
        table = [np.array([getattr(metric.history[n], a) for n in names]) for a in ("bad", "total")]
        bad, total = (one.T if names else np.zeros((0, 0)) for one in table)
        history = PodHistory(names, bad, total)
        noise = learn(
            history.without(noisy_pods(history)),
            false_rollback=plan.false_rollback,
            routed=metric.routed,
        )
        return CountsEvidence.start(
            CountsQuestion(
                **margins,
                prior_bad=metric.prior_bad,
                prior_total=metric.prior_total,
                noise=noise,
                alike=plan.pods is Pods.ALIKE,
                slo=metric.slo,
            )
        )
    if isinstance(metric, HistogramMetric):
        before, phi = metric.history, metric.phi
        if isinstance(before, PodBuckets):
            counts = np.array([before.pods[n] for n in before.pods]).swapaxes(0, 1)
            alpha = plan.false_rollback
            learned = latency_phi([*before.pods], before.bounds, counts, false_rollback=alpha)
            before, phi = Classic(tuple(before.bounds), (*counts.sum((0, 1)),)), max(phi, learned)
        return HistogramEvidence.start(
            HistogramQuestion(
                History.of(before),
                **margins,
                phi=phi,
                false_rollback=plan.false_rollback,
                false_promotion=plan.false_promotion,
            )
        )
    if isinstance(metric, GaugeMetric):
        return GaugeEvidence.start(
            GaugeQuestion(
                GaugeHistory.of(metric.history, metric.history_seconds),
                metric.measure,
                metric.unit,
                **margins,
                follows_load=metric.follows_load,
            )
        )
    return NumberEvidence.start(
        NumberQuestion(
            **margins,
            insist=metric.insist,
            robust=metric.robust,
            block=block_looks(metric.history),
        )
    )


def of_one_stratum(release: Release) -> Release:
    """Return the release with the first stratum of each look at counts only."""
    looks = [
        RecordedLook(
            look.at,
            look.share,
            {
                name: one[:1] if isinstance(one, tuple) else one
                for name, one in look.metrics.items()
            },
        )
        for look in release.looks
    ]
    return Release(release.plan, release.metrics, tuple(looks))


@settings(max_examples=40, deadline=None)
@given(releases().map(of_one_stratum))
def test_a_replay_gives_the_e_values_of_the_evidence_fed_by_hand(release: Release) -> None:
    said = replayed(record_of(release))

    assert len(said) == len(release.looks)
    for metric in release.metrics:
        looks = [look.metrics[metric.name] for look in release.looks if metric.name in look.metrics]
        direct, now = fed(release.plan, metric, looks), begun(release.plan, metric)
        for look, verdict in zip(release.looks, said, strict=True):
            now = next(direct) if metric.name in look.metrics else now
            told = verdict["metrics"][metric.name]
            assert told["looks"] == now.looks
            if isinstance(now, GaugeEvidence):
                assert told["log_e_regressed"] is told["log_e_safe"] is None
            else:
                assert told["log_e_regressed"] == pytest.approx(now.log_e_regressed, rel=1e-9)
                assert told["log_e_safe"] == pytest.approx(now.log_e_safe, rel=1e-9)


def errors(canary_bad: float, *, at: float = 15.0) -> RecordedLook:
    look = CountsLook(Arm(canary_bad, 100), Arm(10, 1000))
    return RecordedLook(at, 0.05, {"errors": (look,)})


def test_pods_that_were_far_worse_before_the_release_teach_nothing() -> None:
    quiet = {f"s{i}": PodCounts((1.0, 0.0) * 12, (100.0,) * 24) for i in range(6)}
    noisy = quiet | {"s9": PodCounts((40.0,) * 24, (100.0,) * 24)}

    one, other = (
        replayed(write_header(Plan(), [CountsMetric("errors", history=pods)]) + text)
        for pods in (quiet, noisy)
        for text in ["".join(write_look(errors(9, at=15.0 * i)) for i in range(9))]
    )

    assert one == other
    assert one[-1]["verdict"] == "Regressed"


@pytest.mark.parametrize(
    ("plan", "culprit"),
    [
        pytest.param(Plan(pods=Pods.ALIKE), "Regressed", id="alike"),
        pytest.param(Plan(pods=Pods.DIFFER), "Inconclusive", id="differ"),
    ],
)
def test_one_bad_pod_holds_unless_pods_are_alike(plan: Plan, culprit: str) -> None:
    pods = {"a": Arm(36, 100), "b": Arm(3, 100), "c": Arm(3, 100)}
    look = CountsLook(Arm(42, 300), Arm(60, 6000), pods, 10)
    history = {f"s{i}": PodCounts((1.0, 0.0) * 12, (100.0,) * 24) for i in range(10)}
    looks = [RecordedLook(15.0 * i, 0.05, {"errors": (look,)}) for i in range(12)]

    said = replayed(record_of(Release(plan, (CountsMetric("errors", history=history),), (*looks,))))

    assert said[-1]["verdict"] == culprit
    assert bool(said[-1]["holds"]) == (culprit == "Inconclusive")


def test_a_gauge_is_asked_with_its_share_of_the_false_rollback_rate() -> None:
    rng = np.random.default_rng(4)
    history = {f"s{i}": tuple((100 + rng.normal(0, 2, 60)).tolist()) for i in range(10)}
    pods = [
        {"name": f"{a}{i}", "value": v, "age": 900.0}
        for a, v, n in (("c", 200.0, 3), ("s", 100.0, 10))
        for i in range(n)
    ]
    header = write_header(Plan(), [CountsMetric("errors"), GaugeMetric("memory", history=history)])
    look = {"at": 15, "canary": pods[:3], "stable": pods[3:]}
    line = json.dumps({"record": "look", "at": 15, "share": 0.05, "metrics": {"memory": look}})

    (said,) = replayed(f"{header}{line}\n")

    # 3 of 13 pods rank in 286 ways, and a gauge beside counts has a fifth of 1 %: 500 are needed.
    assert "rank in 286 ways, 500 are needed" in said["metrics"]["memory"]["explanation"]


def test_each_verdict_has_these_fields() -> None:
    (said,) = replayed(record_of(Release(Plan(), (CountsMetric("errors"),), (errors(3),))))

    assert list(said) == [
        "at",
        "share",
        "verdict",
        "culprits",
        "log_e",
        "waiting_for",
        "holds",
        "metrics",
        "refused",
    ]
    assert list(said["metrics"]["errors"]) == [
        "state",
        "log_e_regressed",
        "log_e_safe",
        "looks",
        "explanation",
    ]


def fenced(language: str) -> list[str]:
    return [part.split("```")[0] for part in GUIDE.split(f"```{language}\n")[1:]]


def rounded(text: str) -> object:
    return json.loads(text, parse_float=lambda number: round(float(number), 6))


def test_the_example_of_the_docs_gives_what_the_docs_say() -> None:
    (record,), (last,) = fenced("jsonl"), fenced("json")

    done = run("replay", "-", given=record)

    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert len(lines) == record.count('"record": "look"')
    assert rounded(lines[-1]) == rounded(last)


@pytest.mark.parametrize(
    "kind",
    [Plan, *METRICS.values(), RecordedLook, CountsLook, HistogramLook, GaugeLook, NumberLook],
)
def test_the_docs_list_every_field(kind: Any) -> None:
    for name in members_of(kind):
        assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("kind", [Arm, PodCounts, PodBuckets, Classic, Native, Span, Pod])
def test_the_docs_list_every_field_of_what_looks_are_made_of(kind: Any) -> None:
    for name in members_of(kind).keys() - {"negative_counts"}:  # "the same for negative"
        assert f"`{name}`" in GUIDE


def test_a_file_is_replayed_like_a_pipe(tmp_path: Path) -> None:
    text = record_of(Release(Plan(), (CountsMetric("errors"),), (errors(3), errors(4))))
    (tmp_path / "release.jsonl").write_text(text)

    from_file = run("replay", str(tmp_path / "release.jsonl"))

    assert from_file.returncode == 0
    assert from_file.stdout == run("replay", "-", given=text).stdout
    assert [json.loads(line) for line in from_file.stdout.splitlines()] == replayed(text)


def test_a_line_that_cannot_be_read_ends_with_1_after_the_verdicts_before_it() -> None:
    text = record_of(Release(Plan(), (CountsMetric("errors"),), (errors(3), errors(4))))

    done = run("replay", "-", given=text[:-20])

    assert done.returncode == 1
    assert done.stdout.count(b"\n") == 1
    assert done.stderr.startswith(b"error: line 4: field (whole line): value ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "error: no command is no command; usage: python -m controller.judge replay FILE|-\n"),
        (("play", "-"), "error: play - is no command; usage: "),
        (("replay",), "error: replay is no command; usage: "),
        (("replay", "/no/such"), "error: /no/such: No such file or directory; name a file"),
    ],
)
def test_a_wrong_command_ends_with_1(arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)

    assert done.returncode == 1
    assert done.stderr.decode().startswith(says)


def test_help_ends_with_0() -> None:
    done = run("--help")

    assert done.returncode == 0
    assert b"usage: python -m controller.judge replay FILE|-" in done.stdout


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    text = write_header(Plan(), [CountsMetric("errors")]) + write_look(errors(3)) * 400
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "controller.judge", "replay", "-"],
            input=text.encode(),
            stdout=out,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            timeout=120,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_replay_needs_numpy_and_nothing_else() -> None:
    listed = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import controller.judge.__main__\n"
        "found = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(found - set(sys.stdlib_module_names)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", listed], capture_output=True, cwd=ROOT, timeout=120, check=True
    )

    assert done.stdout.decode().split() == ["controller", "numpy"]
