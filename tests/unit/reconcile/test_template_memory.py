"""What is remembered of pod templates: what they are, not what they say."""

import json
import tracemalloc

from controller.api.names import revision_of
from controller.reconcile import world
from controller.reconcile.world import images_of, revision_of_raw
from tests.unit.reconcile.shop import template


def large(number: int) -> bytes:
    """Return a template of 700 KB, as one with a script in its arguments is."""
    made = template(number)
    made["spec"]["containers"][0]["args"] = ["x" * 700_000]
    return json.dumps(made).encode()


def test_a_template_is_known_by_what_it_holds() -> None:
    for version in (1, 2, 1):
        raw = json.dumps(template(version)).encode()
        assert revision_of_raw(raw) == revision_of(template(version))
        assert images_of(raw) == (f"shop:{version}",)


def test_large_templates_are_not_kept() -> None:
    revision_of_raw(large(0))
    tracemalloc.start()
    try:
        revisions = {revision_of_raw(large(number)) for number in range(1, 21)}
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(revisions) == 20
    assert kept < 1_000_000  # bytes; the templates have 14 million


def test_no_more_are_remembered_than_that() -> None:
    for number in range(world.MOST_TEMPLATES + 10):
        revision_of_raw(b'{"spec":{"nodeName":"%d"}}' % number)
    assert len(world._templates) == world.MOST_TEMPLATES
