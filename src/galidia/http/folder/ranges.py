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
#: What numbers over 18 digits are taken for: more bytes than there are.
_HUGE = 10**18
_MOST = 10**17

# How far a member of the list is read.
_EMPTY = 0
_FIRST = 1
_DASH = 2
_LAST = 3
_BEHIND = 4


def parse_ranges(value: str, size: int) -> list[tuple[int, int]] | None:
    """The ranges that a Range field asks for of ``size`` bytes, each as start and end, in its
    order; empty when none of them can be satisfied.

    None: the field is to be ignored. It is malformed, of another unit, or asks for too much.
    """
    at = 6
    if not value.startswith("bytes="):
        unit, equals, _ = value.partition("=")
        at = len(unit) + 1
        if not equals or unit.strip("\t ").lower() != "bytes":
            return None
    ranges: list[tuple[int, int]] = []
    first, last = -1, -1
    count, part = 0, _EMPTY
    for c in value[at:] + ",":
        if "0" <= c <= "9":
            if part == _FIRST:
                first = first * 10 + ord(c) - 48 if first < _MOST else _HUGE
            elif part in (_DASH, _LAST):
                last = max(last, 0) * 10 + ord(c) - 48 if last < _MOST else _HUGE
                part = _LAST
            elif part == _EMPTY:
                first = ord(c) - 48
                part = _FIRST
            else:
                return None
        elif c == "-":
            if part > _FIRST:
                return None
            part = _DASH
        elif c == " " or c == "\t":
            if part == _FIRST:
                return None
            if part != _EMPTY:
                part = _BEHIND
        elif c != ",":
            return None
        elif part != _EMPTY:  # an empty member of a list means nothing (RFC 9110 5.6.1.2)
            count += 1
            if part == _FIRST or count > MAX_RANGES or (first < 0 and last < 0):
                return None
            if first < 0:  # so many from the end
                if not size and last:
                    return None  # there is nothing, and that is what was asked for
                first, last = max(size - last, 0), size
            elif last < 0:
                last = size
            elif last < first:
                return None
            else:
                last = min(last + 1, size)
            if first < last:
                ranges.append((first, last))
            first, last = -1, -1
            part = _EMPTY
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
