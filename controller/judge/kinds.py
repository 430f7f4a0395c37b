"""All kinds of metrics in one place: whoever has a question or a look of any kind asks here.

Promises: nothing here knows more of a kind than its name; a look of another kind than the evidence
is `Refused`, never an exception.
"""

from controller.judge.counts import CountsLook, CountsQuestion, Refused
from controller.judge.current import CountsAtWeight
from controller.judge.evidence import HEADER as COUNTS
from controller.judge.evidence import CountsEvidence
from controller.judge.gauge_look import GaugeLook, GaugeQuestion
from controller.judge.gauges import HEADER as GAUGE
from controller.judge.gauges import GaugeEvidence
from controller.judge.histogram import HEADER as HISTOGRAM
from controller.judge.histogram import HistogramEvidence
from controller.judge.histogram_current import HistogramAtWeight
from controller.judge.latency import HistogramQuestion
from controller.judge.layouts import HistogramLook
from controller.judge.numbers import HEADER as NUMBER
from controller.judge.numbers import NumberEvidence, NumberLook, NumberQuestion
from controller.judge.packing import header

Question = CountsQuestion | HistogramQuestion | GaugeQuestion | NumberQuestion
Look = tuple[CountsLook, ...] | HistogramLook | GaugeLook | NumberLook  # counts: one a stratum
Gathered = CountsEvidence | HistogramEvidence | GaugeEvidence | NumberEvidence
# Gauges and numbers have no smaller form: their evidence is started again at each weight.
Current = CountsAtWeight | HistogramAtWeight | GaugeEvidence | NumberEvidence

_BY_HEADER: dict[bytes, type[Gathered]] = {
    COUNTS: CountsEvidence,
    HISTOGRAM: HistogramEvidence,
    GAUGE: GaugeEvidence,
    NUMBER: NumberEvidence,
}


def start(question: Question) -> Gathered:
    """Return the evidence before the first look."""
    match question:
        case CountsQuestion():
            return CountsEvidence.start(question)
        case HistogramQuestion():
            return HistogramEvidence.start(question)
        case GaugeQuestion():
            return GaugeEvidence.start(question)
        case NumberQuestion():
            return NumberEvidence.start(question)


def again(question: Question, log_e_regressed: float, log_e_safe: float) -> Gathered:
    """Return the evidence to go on from where the former one is lost.

    The numbers are the last that were read from it. A gauge has no capital to go on with, so it
    starts from nothing; docs/judge/gauges.md says what that costs.
    """
    match question:
        case CountsQuestion():
            return CountsEvidence.again(question, log_e_regressed, log_e_safe)
        case HistogramQuestion():
            return HistogramEvidence.again(question, log_e_regressed, log_e_safe)
        case GaugeQuestion():
            return GaugeEvidence.start(question)
        case NumberQuestion():
            return NumberEvidence.again(question, log_e_regressed, log_e_safe)


def start_here(question: Question) -> Current:
    """Return what is known at a traffic weight before the first look at it."""
    match question:
        case CountsQuestion():
            return CountsAtWeight.start(question)
        case HistogramQuestion():
            return HistogramAtWeight.start(question)
        case GaugeQuestion():
            return GaugeEvidence.start(question)
        case NumberQuestion():
            return NumberEvidence.start(question)


def after(evidence: Gathered, look: Look) -> Gathered | Refused:
    """Return the evidence with one more look, or why the look is no evidence."""
    if isinstance(evidence, CountsEvidence) and isinstance(look, tuple):
        return evidence.after(*look)
    if isinstance(evidence, HistogramEvidence) and isinstance(look, HistogramLook):
        return evidence.after(look)
    if isinstance(evidence, GaugeEvidence) and isinstance(look, GaugeLook):
        return evidence.after(look)
    if isinstance(evidence, NumberEvidence) and isinstance(look, NumberLook):
        return evidence.after(look)
    return _other_kind(evidence, look)


def after_here(current: Current, look: Look) -> Current | Refused:
    """Return what is known at this weight with one more look, or why the look is no evidence."""
    if isinstance(current, CountsAtWeight) and isinstance(look, tuple):
        return current.after(*look)
    if isinstance(current, HistogramAtWeight) and isinstance(look, HistogramLook):
        return current.after(look)
    if isinstance(current, GaugeEvidence) and isinstance(look, GaugeLook):
        return current.after(look)
    if isinstance(current, NumberEvidence) and isinstance(look, NumberLook):
        return current.after(look)
    return _other_kind(current, look)


def unpack(text: str) -> Gathered:
    """Return the evidence in a text that `pack` of any kind wrote; raises ValueError."""
    begins = header(text)
    if begins not in _BY_HEADER:
        known = ", ".join(repr(one) for one in _BY_HEADER)
        raise ValueError(
            f"packed evidence starts with {begins!r}, this version reads {known}; "
            "start the metric's evidence again"
        )
    return _BY_HEADER[begins].unpack(text)


def unpack_here(text: str, question: Question) -> Current:
    """Return what is known at a weight from a text of `pack`; raises ValueError.

    `question` is that of the evidence beside it.
    """
    match question:
        case CountsQuestion():
            return CountsAtWeight.unpack(text)
        case HistogramQuestion():
            return HistogramAtWeight.unpack(text, question)
        case GaugeQuestion():
            return GaugeEvidence.unpack(text)
        case NumberQuestion():
            return NumberEvidence.unpack(text)


def _other_kind(evidence: Gathered | Current, look: Look) -> Refused:
    names = type(look).__name__, type(evidence).__name__
    return Refused(
        "OtherKind",
        f"evidence refused: {names[0]} is no look for {names[1]}; give each metric its own kind",
    )
