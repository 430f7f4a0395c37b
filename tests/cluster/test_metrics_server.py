"""A real Prometheus that goes away, answers in part, refuses, or asks who is there."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from controller.metrics.reader import NoEvidence, Prometheus, Samples
from tests.cluster.scraped import Pages, RealPrometheus, scrape_config, serving
from tests.cluster.scraped_shop import Shop, targets


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving(Pages()) as served:
        yield served


@pytest.fixture
def own_shop(pages: Pages, tmp_path: Path) -> Iterator[Callable[..., tuple[Shop, RealPrometheus]]]:
    """Return a maker of a shop with a Prometheus of its own, which may be stopped."""
    started: list[RealPrometheus] = []

    def make(
        extra: Mapping[str, object] | None = None, web: Mapping[str, object] | None = None
    ) -> tuple[Shop, RealPrometheus]:
        config = scrape_config(pages.port, targets("own"), extra)
        real = RealPrometheus(tmp_path, config, web)
        real.start()
        started.append(real)
        return Shop("own", pages, Prometheus(real.url), started_at=time.time() - 1000), real

    yield make
    for real in started:
        real.stop()


def test_a_prometheus_that_was_away_loses_no_request(
    own_shop: Callable[..., tuple[Shop, RealPrometheus]],
) -> None:
    shop, real = own_shop()
    shop.begin()
    shop.add(10)
    first = shop.look()
    real.stop()
    shop.add(100)
    away = shop.read()
    assert isinstance(away, NoEvidence)
    assert away.reason == "PrometheusUnreachable"
    assert "connection refused" in away.message
    real.start()
    shop.add(1)
    second = shop.look()
    assert (first.canary.total, second.canary.total) == (10, 101)
    assert (first.stable.total, second.stable.total) == (30, 303)
    assert second.start == first.end


def test_a_partial_answer_is_no_evidence(
    own_shop: Callable[..., tuple[Shop, RealPrometheus]],
) -> None:
    shop, _ = own_shop({"remote_read": [{"url": "http://127.0.0.1:1/", "read_recent": True}]})
    shop.add(10)
    shop.wait_scraped()
    shop.since = time.time() - 1
    outcome = shop.read()
    assert isinstance(outcome, NoEvidence)
    assert outcome.reason == "PartialAnswer"
    assert "remote_read" in outcome.message


def test_tls_and_a_password(
    own_shop: Callable[..., tuple[Shop, RealPrometheus]], tmp_path: Path
) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=prometheus", "-keyout", str(key)),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    # bcrypt of "correct horse", for this test only.
    hashed = "$2b$04$uUzf/C4ObC4MVlHBLAzIeuyDr4/PGO4dOfpwCzd7fHl8PX.9AypJO"
    web = {
        "tls_server_config": {"cert_file": str(certificate), "key_file": str(key)},
        "basic_auth_users": {"gander": hashed},
    }
    _, real = own_shop(None, web)
    pem = certificate.read_text()
    password = "correct horse"

    def ask(**credentials: str) -> Samples | NoEvidence:
        prometheus = Prometheus(real.url, timeout=5, **credentials)
        try:
            return prometheus.range_samples("up", window=5)
        finally:
            prometheus.close()

    assert isinstance(ask(ca_pem=pem, username="gander", password=password), Samples)
    wrong = ask(ca_pem=pem, username="gander", password="wrong horse")
    assert isinstance(wrong, NoEvidence)
    assert wrong.reason == "PrometheusRefused"
    assert "refused the credentials (401)" in wrong.message
    assert "horse" not in wrong.message
    untrusted = ask(username="gander", password=password)
    assert isinstance(untrusted, NoEvidence)
    assert untrusted.reason == "PrometheusUnreachable"
    assert "its certificate cannot be trusted" in untrusted.message


def test_a_refused_query_is_told_in_prometheus_words(
    own_shop: Callable[..., tuple[Shop, RealPrometheus]],
) -> None:
    shop, _ = own_shop()
    found = shop.prometheus.range_samples("rate(up[5m])", window=5)
    assert isinstance(found, NoEvidence)
    assert found.reason == "PrometheusRefused"
    assert "ranges only allowed for vector selectors" in found.message
