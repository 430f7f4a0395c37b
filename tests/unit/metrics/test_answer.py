"""Answers as Prometheus 3.15 gave them (recorded in answers/), and what others say in its place."""

import json
from pathlib import Path

import pytest

from controller.metrics.answer import read_answer, refusal
from controller.metrics.evidence import NoEvidence, Reason, Samples

ANSWERS = Path(__file__).parent / "answers"
URL = "http://prometheus:9090"


def recorded(name: str) -> bytes:
    return (ANSWERS / f"{name}.json").read_bytes()


def read(body: bytes) -> Samples | NoEvidence:
    return read_answer(body, URL, window=2, answered_at=7.0)


def test_raw_samples_are_read() -> None:
    found = read(recorded("matrix"))
    assert isinstance(found, Samples)
    assert (found.window, found.answered_at) == (2, 7.0)
    good, bad = found.series
    assert (good.labels["pod"], good.labels["code"]) == ("checkout-1", "200")
    assert good.values == (10.0,) * len(good.times)
    assert bad.labels["path"] == '/"a\\b"'
    assert bad.times == good.times, "bad and total are of the same scrape"
    assert len(set(good.times)) > 2


def test_nan_and_infinity_are_kept_for_whoever_judges_them() -> None:
    found = read(recorded("not-numbers"))
    assert isinstance(found, Samples)
    assert {str(value) for series in found.series for value in series.values} == {"nan", "inf"}
    assert all(series.numbers().times == () for series in found.series)


def test_nothing_found_is_an_answer() -> None:
    assert read(recorded("empty")) == Samples((), window=2, answered_at=7.0)


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (recorded("partial"), "PartialAnswer", "answered in part: remote_read: error sending"),
        (recorded("refused"), "PrometheusRefused", "ranges only allowed for vector selectors"),
        (recorded("vector"), "NotPrometheus", "answered a range selector with a vector"),
        (recorded("scalar"), "NotPrometheus", "answered a range selector with a scalar"),
        (
            recorded("histogram"),
            "NotACounter",
            "prometheus_http_request_duration_seconds is a native histogram",
        ),
        (
            b'{"status":"success","isPartial":true,"data":{"resultType":"matrix","result":[]}}',
            "PartialAnswer",
            "isPartial is set",
        ),
        (
            b'{"status":"success","infos":["x"],"data":{"resultType":"matrix","result":[]}}',
            "PartialAnswer",
            "answered in part: x",
        ),
        (b"<html>Sign in</html>", "NotPrometheus", "without /api/v1"),
        (b"", "NotPrometheus", "does not answer as Prometheus does"),
        (b"[]", "NotPrometheus", "does not answer as Prometheus does"),
        (b'{"status":"success"}', "NotPrometheus", "does not answer as Prometheus does"),
        (recorded("matrix")[:-20], "NotPrometheus", "does not answer as Prometheus does"),
        (recorded("matrix").replace(b'"10"', b'"ten"'), "NotPrometheus", "'ten'"),
        (recorded("matrix").replace(b'"10"', b"10"), "NotPrometheus", "Expected `str`"),
    ],
)
def test_everything_else_is_no_evidence(body: bytes, reason: Reason, words: str) -> None:
    found = read(body)
    assert isinstance(found, NoEvidence)
    assert found.reason == reason
    assert words in found.message
    assert URL in found.message or reason == "NotACounter"


def test_a_long_sentence_is_cut_to_one_line() -> None:
    body = json.dumps({"status": "error", "error": "a\nb " * 500}).encode()
    found = read(body)
    assert isinstance(found, NoEvidence)
    assert len(found.message) < 400
    assert "\n" not in found.message


def test_the_sentence_of_a_refusal_is_repeated_if_there_is_one() -> None:
    assert refusal(400, recorded("refused")).startswith('400, invalid parameter "query"')
    assert refusal(502, b"<html>Bad gateway</html>") == "502"
