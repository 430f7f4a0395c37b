"""A recorded release judged again: a verdict for each look.

Promises: a pure function of the record. The same looks give the same verdicts as they gave the
controller. Leaves out: reading and printing (record.py, __main__.py).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from controller.judge import codec
from controller.judge.counts import Refused
from controller.judge.record import Record, RecordedLook
from controller.judge.trial import MetricTrial, Trial
from controller.judge.verdict import Judgement, ThresholdEvidence, explain


def verdicts(record: Record) -> Iterator[dict[str, Any]]:
    """Yield the verdict after each look, as a value for JSON; docs/judge.md lists its fields.

    Raises RecordError for a look that cannot be read.
    """
    trial = Trial.start(record.plan, record.metrics)
    for look in record.looks:
        trial, refused = trial.after(look.share, look.metrics)
        yield verdict(look, trial, refused)


def verdict(look: RecordedLook, trial: Trial, refused: Mapping[str, Refused]) -> dict[str, Any]:
    """Return what a trial says after a look, as a value for JSON."""
    judgement = trial.judged()
    found = {
        "at": look.at,
        "share": look.share,
        "verdict": judgement.verdict.value,
        "culprits": judgement.culprits,
        "log_e": judgement.log_e,
        "waiting_for": judgement.waiting_for,
        "holds": judgement.holds,
        "metrics": {one.name: _told(one, judgement, len(trial.metrics)) for one in trial.metrics},
        "refused": {name: codec.plain(why) for name, why in refused.items()},
    }
    return dict(codec.plain(found))


def _told(one: MetricTrial, judgement: Judgement, metrics: int) -> dict[str, Any]:
    evidence = one.evidence
    # A threshold rule has no e-value.
    bets = None if isinstance(evidence, ThresholdEvidence) else evidence
    return {
        "state": one.state(judgement).value,
        "log_e_regressed": bets.log_e_regressed if bets is not None else None,
        "log_e_safe": bets.log_e_safe if bets is not None else None,
        "looks": evidence.looks,
        "explanation": explain(one.metric, metrics=metrics),
    }
