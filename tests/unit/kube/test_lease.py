"""Who may take a lease: the decision alone. The election itself runs in tests/cluster."""

from pathlib import Path

import pytest

from controller.kube.client import Client
from controller.kube.lease import Lease, Record, claim, read_record
from tests.kubeconfigs import kubeconfig


@pytest.mark.parametrize(
    ("holder", "unchanged", "decision"),
    [
        ("me", 0.0, "renew"),
        ("me", 100.0, "renew"),
        ("other", 0.0, "wait"),
        ("other", 15.0, "wait"),
        ("other", 15.1, "take"),
        ("", 0.0, "take"),
    ],
)
def test_a_lease_is_taken_only_when_nobody_holds_it_any_more(
    holder: str, unchanged: float, decision: str
) -> None:
    record = Record(version="7", holder=holder, duration=15.0, transitions=3)
    assert claim(record, "me", unchanged) == decision


def test_a_lease_without_a_spec_is_nobodys() -> None:
    assert read_record({"metadata": {"resourceVersion": "7"}}) == Record("7", "", 0.0, 0)


def test_times_that_do_not_exclude_two_leaders_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig("https://127.0.0.1:1"))
    client = Client.connect(kubeconfig=str(path))
    with pytest.raises(ValueError, match=r"lease gander: .* must grow in this order"):
        Lease(client, "ns", "gander", "me", renew_within=15.0, duration=15.0)
