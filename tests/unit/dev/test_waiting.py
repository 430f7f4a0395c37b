"""Waiting ends with the condition or with the deadline, which names what was awaited."""

import pytest

from dev import waiting
from dev.errors import DevError
from dev.waiting import until


def test_returns_as_soon_as_the_condition_holds() -> None:
    answers = iter([False, False, True])
    until("the third answer", lambda: next(answers), seconds=5)
    assert list(answers) == []


def test_deadline_names_what_was_awaited_and_why_it_did_not_come() -> None:
    with pytest.raises(DevError) as told:
        until("the node", lambda: False, seconds=0.05, explain=lambda: "last lines:\nno disk")
    assert str(told.value) == "waited 0 s for the node, in vain\n  last lines:\n  no disk"


def test_condition_that_cannot_come_true_ends_the_wait() -> None:
    def broken() -> bool:
        raise DevError("etcd ended at start")

    with pytest.raises(DevError, match="etcd ended at start"):
        until("etcd", broken, seconds=60)


def test_long_wait_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0.0)
    answers, said = iter([False, False, False, True]), list[str]()
    until("the node", lambda: next(answers), seconds=5, say=said.append)
    assert said == ["waiting for the node, at most 5 s"]
