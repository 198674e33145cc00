"""Parts of a representation: byte ranges asked for and sent (RFC 9110 section 14).

Sans-IO. Ranges that overlap, or lie so close together that a part of their own would cost more than
what is between them, are sent as one; of more than `MAX_RANGES` nothing is gained by anybody who
means well, and the whole is sent.
"""

from __future__ import annotations

__all__ = ["MAX_RANGES", "content_range", "parse_ranges", "parts_of"]

#: Ranges of one request that are looked at; with more of them the field is ignored.
MAX_RANGES = 16
#: Bytes between two ranges that are sent rather than left out.
_GAP = 80
_HUGE = 1 << 62


def parse_ranges(value: str, size: int) -> list[tuple[int, int]] | None:
    """The ranges that a Range field asks for of ``size`` bytes, each as start and end, in its
    order; empty when none of them can be satisfied.

    None: the field is to be ignored. It is malformed, of another unit, or asks for too much.
    """
    unit, equals, text = value.partition("=")
    if not equals or (unit != "bytes" and unit.strip("\t ").lower() != "bytes"):
        return None
    if not text.isascii():
        return None
    count = 0
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        first, dash, last = part.strip("\t ").partition("-")
        if not first and not dash:  # an empty member of a list means nothing (RFC 9110 5.6.1.2)
            continue
        count += 1
        if not dash or not (first or last) or count > MAX_RANGES:
            return None
        if (first and not first.isdecimal()) or (last and not last.isdecimal()):
            return None
        if first:
            start = _number(first)
            end = size
            if last:
                number = _number(last)
                if number < start:
                    return None
                if number < size:
                    end = number + 1
        else:  # so many from the end
            number = _number(last)
            if not size and number:
                return None  # there is nothing, and that is what was asked for
            start = size - number if number < size else 0
            end = size
        if start < end:
            ranges.append((start, end))
    if not count:
        return None
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
    if len(digits) > 18:
        digits = digits.lstrip("0") or "0"
        if len(digits) > 18:
            return _HUGE
    return int(digits)


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
