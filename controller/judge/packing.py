"""Numbers as one short line of text for a resource's status, and back without loss.

base64 of: four bytes that name the kind and version, the numbers as little-endian float64, CRC-32
of both. Text that is damaged or from another version is told apart from good text, not guessed at.
"""

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable, Sequence
from itertools import islice


def pack(header: bytes, numbers: Sequence[float]) -> str:
    """Return the text for `numbers` under a header of four bytes."""
    body = header + struct.pack(f"<{len(numbers)}d", *numbers)
    return base64.b64encode(body + struct.pack("<I", zlib.crc32(body))).decode("ascii")


def unpack(header: bytes, text: str, count: int | None = None) -> tuple[float, ...]:
    """Return the `count` numbers in a text made by `pack` with the same header, or all of them.

    Raises ValueError that says what is wrong with the text.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"packed evidence is not base64: {error}") from error
    if raw[:4] != header:
        raise ValueError(
            f"packed evidence starts with {raw[:4]!r}, this version reads {header!r}; "
            "start the metric's evidence again"
        )
    if count is None:
        count = max(0, len(raw) - len(header) - 4) // 8
    body, expected = raw[:-4], len(header) + 8 * count + 4
    if len(raw) != expected:
        raise ValueError(f"packed evidence has {len(raw)} bytes instead of {expected}")
    if struct.pack("<I", zlib.crc32(body)) != raw[-4:]:
        raise ValueError("packed evidence is damaged: its checksum does not match")
    return struct.unpack(f"<{count}d", body[4:])


def split(numbers: Sequence[float], sizes: Iterable[int]) -> list[tuple[float, ...]]:
    """Return consecutive pieces of `numbers` of the given sizes; the last may come out short."""
    rest = iter(numbers)
    return [tuple(islice(rest, size)) for size in sizes]


def header(text: str) -> bytes:
    """Return the four bytes that a packed text begins with; raises ValueError if it is no base64.

    Fewer bytes for a text that is too short.
    """
    try:
        return base64.b64decode(text[:8], validate=True)[:4]
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"packed evidence is not base64: {error}") from error
