"""Lists, watch events and answers to our own writes, in any order, against one true history."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import structlog
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from structlog.testing import capture_logs

from controller.kube.mirror import Mirror

NAMES = strategies.sampled_from(["a", "b", "c"])


def state(name: str, version: int, **labels: str) -> bytes:
    metadata = {"namespace": "shop", "name": name, "resourceVersion": str(version)}
    return json.dumps({"metadata": {**metadata, "labels": labels}}).encode()


def raw(data: bytes) -> msgspec.Raw:
    return msgspec.Raw(data)


def labels_of(item: dict[str, Any]) -> Iterator[str]:
    for key, value in item["metadata"]["labels"].items():
        yield f"{key}={value}"


def version_of(item: dict[str, Any] | None) -> int:
    return -1 if item is None else int(item["metadata"]["resourceVersion"])


def make(*, selective: bool = False) -> Mirror[dict[str, Any]]:
    log = structlog.get_logger()
    return Mirror(json.loads, {"label": labels_of}, selective=selective, log=log)


def names(mirror: Mirror[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] for item in mirror.store.all()]


def test_a_list_then_events_then_what_the_subscribers_heard() -> None:
    mirror = make()
    heard: list[tuple[int, int]] = []
    mirror.subscribe(lambda old, new: heard.append((version_of(old), version_of(new))))
    found = {mirror.listed(raw(state("a", 3))), mirror.listed(raw(state("b", 5)))}
    mirror.end_list(found, "7")

    mirror.event("ADDED", raw(state("c", 8)))
    mirror.event("MODIFIED", raw(state("a", 9)))
    mirror.event("DELETED", raw(state("b", 10)))
    mirror.event("BOOKMARK", raw(b'{"kind":"Pod","metadata":{"resourceVersion":"20"}}'))

    assert heard == [(-1, 3), (-1, 5), (-1, 8), (3, 9), (5, -1)]
    assert names(mirror) == ["a", "c"]
    assert mirror.place == "20"


def test_a_relist_reports_what_disappeared() -> None:
    mirror = make()
    mirror.end_list({mirror.listed(raw(state("a", 3))), mirror.listed(raw(state("b", 5)))}, "7")
    heard: list[tuple[int, int]] = []
    mirror.subscribe(lambda old, new: heard.append((version_of(old), version_of(new))))
    heard.clear()

    mirror.begin_list(30)
    mirror.end_list({mirror.listed(raw(state("b", 22)))}, "30")

    assert heard == [(5, 22), (3, -1)]


def test_an_index_follows_its_objects() -> None:
    mirror = make()
    mirror.event("ADDED", raw(state("a", 1, app="web")))
    mirror.event("ADDED", raw(state("b", 2, app="web")))
    mirror.event("MODIFIED", raw(state("a", 3, app="db")))

    assert [item["metadata"]["name"] for item in mirror.store.by("label", "app=web")] == ["b"]
    assert [item["metadata"]["name"] for item in mirror.store.by("label", "app=db")] == ["a"]
    mirror.event("DELETED", raw(state("a", 4)))
    assert mirror.store.by("label", "app=db") == []


def test_an_unreadable_object_is_logged_and_its_former_state_stays() -> None:
    mirror = make()
    mirror.event("ADDED", raw(state("a", 1)))
    no_labels = b'{"metadata":{"namespace":"shop","name":"a","resourceVersion":"2"}}'
    with capture_logs() as logged:
        mirror.event("MODIFIED", raw(no_labels))
        mirror.event("ADDED", raw(state("b", 3)))

    assert [version_of(item) for item in mirror.store.all()] == [1, 3]
    assert [(each["log_level"], each["object"], each["error"]) for each in logged] == [
        ("error", "shop/a", "'labels'")
    ]


def test_a_subscriber_that_fails_is_logged_and_others_still_hear() -> None:
    mirror = make()
    heard: list[int] = []

    def fail(_old: object, _new: object) -> None:
        raise RuntimeError("queue on fire")

    mirror.subscribe(fail)
    mirror.subscribe(lambda _, new: heard.append(version_of(new)))
    with capture_logs() as logged:
        mirror.event("ADDED", raw(state("a", 1)))

    assert heard == [1]
    assert [each["event"] for each in logged] == ["a subscriber of the cache failed"]


def test_with_a_selector_an_answer_updates_but_never_adds() -> None:
    mirror = make(selective=True)
    mirror.event("ADDED", raw(state("a", 1)))
    mirror.observe(json.loads(state("a", 5)))
    mirror.observe(json.loads(state("b", 6)))
    assert [version_of(item) for item in mirror.store.all()] == [5]


def test_after_a_restored_backup_the_lower_versions_win() -> None:
    mirror = make()
    mirror.end_list(
        {mirror.listed(raw(state("a", 900))), mirror.listed(raw(state("b", 901)))}, "950"
    )
    mirror.begin_list(400)
    mirror.end_list({mirror.listed(raw(state("a", 300)))}, "400")
    assert [version_of(item) for item in mirror.store.all()] == [300]
    mirror.event("ADDED", raw(state("b", 401)))
    assert names(mirror) == ["a", "b"]


class MirrorModel(RuleBasedStateMachine):
    """A server writes; the watch, relists and late answers to writes reach the mirror anyhow."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 10
        self.server: dict[str, int] = {}
        self.answers: list[bytes] = []
        self.history: list[tuple[str, str, int]] = []  # not delivered yet
        self.mirror = make()
        self.mirror.end_list(set(), "10")
        self.heard: dict[str, int] = {}
        self.gone: dict[str, int] = {}  # the version that each deleted object had last
        self.wrong: list[str] = []
        self.mirror.subscribe(self.hear)

    def hear(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        item = new if new is not None else old
        assert item is not None
        name = item["metadata"]["name"]
        if version_of(old) != self.heard.get(name, -1):
            self.wrong.append(f"{name}: the old state is not the one that was told last")
        if new is None:
            self.gone[name] = self.heard.pop(name, -1)
            return
        if version_of(new) <= max(version_of(old), self.gone.get(name, -1)):
            self.wrong.append(f"{name}: went back to {version_of(new)}")
        self.heard[name] = version_of(new)

    @rule(name=NAMES)
    def write(self, name: str) -> None:
        self.version += 1
        self.history.append(("MODIFIED" if name in self.server else "ADDED", name, self.version))
        self.server[name] = self.version
        self.answers.append(state(name, self.version))

    @precondition(lambda self: self.server)
    @rule(pick=strategies.integers(0, 2))
    def delete(self, pick: int) -> None:
        name = sorted(self.server)[pick % len(self.server)]
        del self.server[name]
        self.version += 1
        self.history.append(("DELETED", name, self.version))

    @precondition(lambda self: self.history)
    @rule()
    def deliver(self) -> None:
        kind, name, version = self.history.pop(0)
        self.mirror.event(kind, raw(state(name, version)))

    @precondition(lambda self: self.answers)
    @rule(pick=strategies.integers(0, 50))
    def observe(self, pick: int) -> None:
        self.mirror.observe(json.loads(self.answers[pick % len(self.answers)]))

    @rule()
    def relist(self) -> None:
        self.mirror.begin_list(self.version)
        items = [raw(state(name, version)) for name, version in self.server.items()]
        self.mirror.end_list({self.mirror.listed(item) for item in items}, str(self.version))
        self.history.clear()

    @invariant()
    def nothing_goes_back_and_subscribers_know_what_is_stored(self) -> None:
        assert self.wrong == []
        stored = {item["metadata"]["name"]: version_of(item) for item in self.mirror.store.all()}
        assert stored == self.heard

    @invariant()
    def when_all_is_delivered_the_mirror_is_the_server(self) -> None:
        if not self.history:
            assert self.heard == self.server


TestMirrorModel = MirrorModel.TestCase
TestMirrorModel.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
