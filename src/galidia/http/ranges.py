"""Parts of a representation: byte ranges asked for and sent (RFC 9110 section 14).

Sans-IO. Ranges that overlap, or lie so close together that a part of their own would cost more than
what is between them, are sent as one; of more than `MAX_RANGES` nothing is gained by anybody who
means well, and the whole is sent.
"""

from __future__ import annotations

import re

__all__ = ["MAX_RANGES", "content_range", "parse_ranges", "parts_of"]

#: Ranges of one request that are looked at; with more of them the field is ignored.
MAX_RANGES = 16
#: Bytes between two ranges that are sent rather than left out.
_GAP = 80
_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_HUGE = 1 << 62


def parse_ranges(value: str, size: int) -> list[tuple[int, int]] | None:
    """The ranges that a Range field asks for of ``size`` bytes, each as start and end, in its
    order; empty when none of them can be satisfied.

    None: the field is to be ignored. It is malformed, of another unit, or asks for too much.
    """
    unit, equals, text = value.partition("=")
    if not equals or unit.strip("\t ").lower() != "bytes":
        return None
    specs = [spec for spec in (part.strip("\t ") for part in text.split(",")) if spec]
    if not specs or len(specs) > MAX_RANGES:
        return None
    ranges = []
    for spec in specs:
        m = _SPEC.fullmatch(spec)
        if m is None or spec == "-":
            return None
        first, last = m.groups()
        if not first:  # so many from the end
            start, end = max(size - _number(last), 0), size
            if not size and _number(last):
                return None  # there is nothing, and that is what was asked for
        else:
            start, end = _number(first), min(_number(last) + 1, size) if last else size
            if last and _number(last) < start:
                return None
        if start < size and start < end:
            ranges.append((start, end))
    return _joined(ranges) if len(ranges) > 1 else ranges


def content_range(start: int, end: int, size: int) -> str:
    """The value of Content-Range (section 14.4)."""
    return f"bytes {start}-{end - 1}/{size}"


def parts_of(
    ranges: list[tuple[int, int]], size: int, content_type: str, boundary: str
) -> tuple[list[bytes], bytes, int]:
    """What is sent before each range in multipart/byteranges (section 14.6), what behind the last,
    and the length of it all."""
    heads: list[bytes] = []
    for start, end in ranges:
        head = f"--{boundary}\r\nContent-Type: {content_type}\r\n"
        head += f"Content-Range: {content_range(start, end, size)}\r\n\r\n"
        heads.append((("\r\n" if heads else "") + head).encode("latin-1"))
    tail = f"\r\n--{boundary}--\r\n".encode("ascii")
    length = sum(len(head) for head in heads) + sum(end - start for start, end in ranges)
    return heads, tail, length + len(tail)


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= 18 else _HUGE


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges without overlaps, each at the place of the first that went into it."""
    joined: list[tuple[int, int, int]] = []  # place, start, end
    for start, end, place in sorted(
        (start, end, place) for place, (start, end) in enumerate(ranges)
    ):
        if joined and start <= joined[-1][2] + _GAP:
            before = joined[-1]
            joined[-1] = (min(before[0], place), before[1], max(before[2], end))
        else:
            joined.append((place, start, end))
    return [(start, end) for _, start, end in sorted(joined)]
