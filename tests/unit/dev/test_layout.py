"""A cluster's places follow from its name, and never meet those of another cluster."""

from pathlib import Path

import pytest

from dev.errors import DevError
from dev.layout import Layout

# containerd's limit for the folder of its shims' sockets.
SOCKET_FOLDER_LIMIT = 42


@pytest.mark.parametrize("name", ["", "Gander", "a b", "-a", "a-", "a/b", "..", "a" * 21])
def test_name_that_cannot_be_a_namespace_is_refused(name: str) -> None:
    with pytest.raises(DevError, match="cluster name"):
        Layout.of(name, {})


@pytest.mark.parametrize("name", ["a", "a-1", "a" * 20])
def test_sockets_stay_within_the_limit(name: str) -> None:
    assert len(str(Layout.of(name, {}).sockets / "s")) <= SOCKET_FOLDER_LIMIT


def test_state_is_below_the_chosen_folder() -> None:
    assert Layout.of("a", {}).state == Path("/var/lib/gander-dev/a")
    assert Layout.of("a", {"GANDER_STATE": "/data"}).state == Path("/data/a")


def test_two_clusters_share_no_place() -> None:
    one, two = Layout.of("one", {}), Layout.of("two", {})
    for place in ("state", "sockets", "lock", "netns", "cgroup", "cni_network", "kubeconfig"):
        assert getattr(one, place) != getattr(two, place)
