"""Connections to a real API server: used again, broken, silent, slow, and closed by us."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from controller.kube.client import Client
from controller.kube.errors import NotFound, Unavailable
from tests.kinds import CONFIG_MAP, NAMESPACE
from tests.proxy import Proxy


def test_a_server_that_is_away_is_unavailable_at_once(
    proxy: Proxy, proxied_kubeconfig: str
) -> None:
    with Client.connect(kubeconfig=proxied_kubeconfig) as away:
        assert away.version() >= (1, 30)
        proxy.refuse()
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            away.get(NAMESPACE, None, "default")
        assert time.monotonic() - began < 1.0
        proxy.resume()
        assert away.get(NAMESPACE, None, "default")["kind"] == "Namespace"

    assert caught.value.status == 0
    assert "get Namespace default: no answer from https://127.0.0.1" in str(caught.value)


def test_no_request_waits_longer_than_its_timeout(proxy: Proxy, proxied_kubeconfig: str) -> None:
    with Client.connect(kubeconfig=proxied_kubeconfig) as silent:
        silent.version()
        proxy.silence()
        for hurried in (silent.within(0.5), silent.fresh().within(0.5)):
            began = time.monotonic()
            with pytest.raises(Unavailable, match="no answer from"):
                hurried.get(NAMESPACE, None, "default")
            assert 0.4 < time.monotonic() - began < 2.0


def test_an_answer_that_trickles_ends_at_the_timeout_too(
    proxy: Proxy, proxied_kubeconfig: str
) -> None:
    with Client.connect(kubeconfig=proxied_kubeconfig) as slow:
        slow.version()
        proxy.trickle()
        began = time.monotonic()
        # Some megabytes, which would take half a minute.
        with pytest.raises(Unavailable, match=r"did not end in time|timed out"):
            slow.raw("GET", "/openapi/v2", timeout=1.0)
        assert time.monotonic() - began < 3.0
        assert slow.version() >= (1, 30)


def test_a_watch_whose_connection_is_dead_fails_after_its_idle_time(
    proxy: Proxy, proxied_kubeconfig: str, namespace: str
) -> None:
    with Client.connect(kubeconfig=proxied_kubeconfig) as silent:
        version = next(silent.pages(CONFIG_MAP, namespace)).resource_version
        with silent.watch(CONFIG_MAP, namespace, resource_version=version, idle=1.0) as watch:
            proxy.silence()
            began = time.monotonic()
            with pytest.raises(Unavailable, match="timed out"):
                list(watch)
            assert 0.5 < time.monotonic() - began < 3.0


def test_close_ends_a_watch_from_another_thread_without_an_error(
    kubeconfig: str, namespace: str
) -> None:
    other = Client.connect(kubeconfig=kubeconfig)
    version = next(other.pages(CONFIG_MAP, namespace)).resource_version
    watch = other.watch(CONFIG_MAP, namespace, resource_version=version)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(list, watch)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        other.close()
        assert all(kind != "ERROR" for kind, _ in waiting.result(timeout=5))
    with pytest.raises(Unavailable, match="the client is closed"):
        other.watch(CONFIG_MAP, namespace, resource_version=version)


def test_connections_are_used_again_and_fresh_makes_a_new_one(
    proxy: Proxy, proxied_kubeconfig: str
) -> None:
    with Client.connect(kubeconfig=proxied_kubeconfig) as one:
        for _ in range(20):
            one.get(NAMESPACE, None, "default")
        for _ in range(3):
            with pytest.raises(NotFound):
                one.get(NAMESPACE, None, "nope")
        assert len(list(one.pages(NAMESPACE))) == 1
        assert proxy.connections == 1
        with one.fresh() as another:
            another.get(NAMESPACE, None, "default")
        assert proxy.connections == 2
        one.get(NAMESPACE, None, "default")
        assert proxy.connections == 2
