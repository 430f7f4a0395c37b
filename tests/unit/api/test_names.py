"""Names that Gander derives, and the identity of a pod template."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.names import (
    canary_name,
    canonical,
    release_name,
    revision_of,
    short_image,
    shorten,
)

LABELS = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "checkout"}},
    "spec": {"containers": [{"name": "app", "image": "checkout:1"}]},
}


def test_short_names_are_readable() -> None:
    assert canary_name("checkout") == "checkout-canary"
    assert release_name("checkout", 7) == "checkout-7"


def test_a_long_name_keeps_its_beginning_and_its_suffix() -> None:
    assert canary_name("a" * 63) == "a" * 47 + "-7d3e74a0" + "-canary"


@given(LABELS, st.sampled_from(["-canary", "-1", "-2147483647"]))
def test_what_is_derived_from_a_plan_s_name_is_a_valid_label(name: str, suffix: str) -> None:
    derived = shorten(name, suffix)
    assert derived.endswith(suffix)
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", derived)


@given(LABELS, LABELS)
def test_two_names_never_share_a_derived_one(one: str, other: str) -> None:
    assert (canary_name(one) == canary_name(other)) == (one == other)


def test_the_revision_of_a_template_is_the_same_in_every_version_of_gander() -> None:
    assert revision_of(TEMPLATE) == "e6596768d2"


def test_a_replica_set_s_copy_of_a_template_is_the_same_revision() -> None:
    copy = {
        **TEMPLATE,
        "metadata": {
            "creationTimestamp": None,
            "labels": {"app": "checkout", "pod-template-hash": "5d9f"},
        },
    }
    assert revision_of(copy) == revision_of(TEMPLATE)


def test_another_image_is_another_revision() -> None:
    other = {**TEMPLATE, "spec": {"containers": [{"name": "app", "image": "checkout:2"}]}}
    assert revision_of(other) != revision_of(TEMPLATE)


def test_a_template_is_not_changed_by_looking_at_it() -> None:
    labels = {"app": "checkout", "pod-template-hash": "5d9f"}
    template = {"metadata": {"labels": labels}, "spec": {}}
    assert canonical(template)["metadata"]["labels"] == {"app": "checkout"}
    assert labels == {"app": "checkout", "pod-template-hash": "5d9f"}


@pytest.mark.parametrize(
    ("image", "short"),
    [
        ("registry.example:5000/shop/checkout:v1", "checkout:v1"),
        ("checkout", "checkout"),
        ("r.example/checkout@sha256:184378c9207efca81884a539", "checkout@184378c9207e"),
        ("r.example/checkout:v1@sha256:184378c9207efca81884a539", "checkout:v1@184378c9207e"),
    ],
)
def test_an_image_in_short_has_neither_registry_nor_a_whole_digest(image: str, short: str) -> None:
    assert short == short_image(image)
