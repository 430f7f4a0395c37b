"""The body of an answer of the query API as samples, or the reason why it is none. Pure.

Covers what Prometheus, Thanos, Mimir and VictoriaMetrics answer, and what proxies in front of them
answer in their place.
"""

import msgspec

from controller.metrics.evidence import NoEvidence, Samples, Series

_LONGEST_SENTENCE = 300


class _Answer(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""
    warnings: tuple[str, ...] = ()  # Thanos: a store that did not answer
    infos: tuple[str, ...] = ()
    is_partial: bool = msgspec.field(default=False, name="isPartial")  # VictoriaMetrics


class _Data(msgspec.Struct, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []
    histograms: list[msgspec.Raw] = []


_ANSWER = msgspec.json.Decoder(_Answer)
_DATA = msgspec.json.Decoder(_Data)
_MATRIX = msgspec.json.Decoder(list[_Series])


def read_answer(
    body: bytes, url: str, *, window: float, answered_at: float | None
) -> Samples | NoEvidence:
    """Return the samples of a range selector's answer; `window` and `answered_at` as in Samples."""
    try:
        answer = _ANSWER.decode(body)
        if answer.status != "success":
            return NoEvidence("PrometheusRefused", f"{url} refused the query: {_cut(answer.error)}")
        remark = next(iter((*answer.warnings, *answer.infos)), None)
        if answer.is_partial or remark is not None:
            reason = _cut(remark) if remark is not None else "isPartial is set"
            return NoEvidence("PartialAnswer", f"{url} answered in part: {reason}")
        data = _DATA.decode(answer.data)
        if data.result_type != "matrix":
            return NoEvidence(
                "NotPrometheus",
                f"{url} answered a range selector with a {data.result_type[:40]}; "
                "does something rewrite the query?",
            )
        matrix = _MATRIX.decode(data.result)
        series = tuple(_series(one) for one in matrix if one.values)
    except ValueError as error:
        return not_prometheus(url, f"{error}")
    histogram = next((one.metric.get("__name__", "") for one in matrix if one.histograms), None)
    if histogram is not None:
        return NoEvidence(
            "NotACounter",
            f"{histogram} is a native histogram; name a counter, or a classic histogram's buckets",
        )
    return Samples(series, window=window, answered_at=answered_at)


def _series(one: _Series) -> Series:
    times, values = zip(*one.values, strict=True)
    return Series(one.metric, times, tuple(map(float, values)))


def not_prometheus(url: str, detail: str) -> NoEvidence:
    """Return that whatever answers at this URL does not speak Prometheus' query API."""
    return NoEvidence(
        "NotPrometheus",
        f"{url} does not answer as Prometheus does ({_cut(detail)}); the plan's prometheus.url is "
        "the base, with a path prefix if there is one, without /api/v1",
    )


def refusal(status: int, body: bytes) -> str:
    """Return the sentence in the body of an error, or the status alone if there is none."""
    try:
        sentence = _ANSWER.decode(body).error
    except ValueError:
        sentence = ""
    return f"{status}, {_cut(sentence)}" if sentence else f"{status}"


def _cut(text: str) -> str:
    """Return the text on one line and short enough for a condition."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SENTENCE else f"{line[:_LONGEST_SENTENCE]}..."
