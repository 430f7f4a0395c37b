"""Text that is not packed evidence is told apart from text that is."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.judge import Arm, CountsEvidence, CountsLook, CountsQuestion
from controller.judge.packing import pack
from tests.unit.judge.streams import after

PACKED = after(CountsEvidence.start(CountsQuestion()), CountsLook(Arm(1, 50), Arm(9, 950))).pack()


def changed(position: int, byte: int) -> str:
    raw = bytearray(base64.b64decode(PACKED))
    raw[position] ^= byte
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "starts with b''", id="empty"),
        pytest.param("not base64!", "not base64", id="not base64"),
        pytest.param("päckchen", "not base64", id="not ASCII"),
        pytest.param(
            changed(3, 1), "starts with b'GC02', this version reads b'GC03'", id="version"
        ),
        pytest.param(PACKED[:-8], "bytes instead of", id="cut"),
        pytest.param(changed(100, 64), "checksum", id="flipped bit"),
    ],
)
def test_other_text_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CountsEvidence.unpack(text)


@given(st.integers(4, len(base64.b64decode(PACKED)) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(position: int, byte: int) -> None:
    with pytest.raises(ValueError, match="checksum"):
        CountsEvidence.unpack(changed(position, byte))


def test_whole_numbers_that_are_missing_are_noticed() -> None:
    with pytest.raises(ValueError, match="at least"):
        CountsEvidence.unpack(pack(b"GC03", (1.0, 2.0)))


@given(st.text())
def test_any_text_either_unpacks_or_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="packed evidence"):
        CountsEvidence.unpack(text)
