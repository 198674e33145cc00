"""Byte ranges: which ones, how many, and how they are packed together."""

from __future__ import annotations

from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.folder.ranges import MAX_RANGES, content_range, parse_ranges, parts_of
from tests.twin import pure_module

#: Of 1000 bytes. None: ignored; []: none can be satisfied.
CASES = {
    "bytes=0-0": [(0, 1)],
    "bytes=0-499": [(0, 500)],
    "bytes=500-": [(500, 1000)],
    "bytes=-500": [(500, 1000)],
    "bytes=-1": [(999, 1000)],
    "bytes=0-": [(0, 1000)],
    "bytes=999-999": [(999, 1000)],
    "bytes=0-100000000000000000000000000": [(0, 1000)],
    "bytes=-100000000000000000000000000": [(0, 1000)],
    "bytes=" + "0" * 5000 + "1-1": [(1, 2)],
    "bytes=" + "9" * 5000 + "-": [],
    "bytes=1000-": [],
    "bytes=1000-2000": [],
    "bytes=-0": [],
    "bytes=-0,0-0": [(0, 1)],
    "bytes=2000-,0-0": [(0, 1)],
    "Bytes=0-0": [(0, 1)],
    "bytes= 0-0": [(0, 1)],
    "bytes=0-0\t, 500-500 ": [(0, 1), (500, 501)],
    "bytes=,,0-0,,": [(0, 1)],
    "bytes=0-0,500-500": [(0, 1), (500, 501)],
    "bytes=500-500,0-0": [(500, 501), (0, 1)],
    "bytes=0-99,50-149": [(0, 150)],
    "bytes=0-99,100-199": [(0, 200)],
    "bytes=0-99,180-189": [(0, 190)],
    "bytes=0-99,181-189": [(0, 100), (181, 190)],
    "bytes=900-,0-9,890-910": [(890, 1000), (0, 10)],
    "bytes=500-509,0-9,505-600,300-301": [(500, 601), (0, 10), (300, 302)],
    "bytes=-1000,0-": [(0, 1000)],
    "bytes=5-4": None,
    "bytes=0-0,5-4": None,
    "bytes=": None,
    "bytes=,": None,
    "bytes=-": None,
    "bytes=a-b": None,
    "bytes=0": None,
    "bytes=0-0-0": None,
    "bytes=--1": None,
    "bytes=+1-2": None,
    "bytes=0 - 0": None,
    "bytes=1_0-20": None,
    "bytes=\u0661-\u0662": None,
    "bytes=0x0-0x1": None,
    "bytes:0-0": None,
    "bytes 0-0": None,
    "lines=0-0": None,
    "": None,
    "=0-0": None,
}


@pytest.mark.parametrize("value", CASES)
def test_which_ranges(value: str) -> None:
    assert parse_ranges(value, 1000) == CASES[value]


def test_of_nothing() -> None:
    assert parse_ranges("bytes=0-", 0) == []
    assert parse_ranges("bytes=-5", 0) is None
    assert parse_ranges("bytes=-0", 0) == []


def test_too_many() -> None:
    for count, ok in ((MAX_RANGES, True), (MAX_RANGES + 1, False), (3000, False)):
        value = "bytes=" + ",".join(f"{i * 1000}-{i * 1000}" for i in range(count))
        assert (parse_ranges(value, 10_000_000) is not None) == ok


spec = st.one_of(
    st.tuples(st.integers(0, 2000), st.integers(0, 2000)).map(lambda p: f"{min(p)}-{max(p)}"),
    st.integers(0, 2000).map(lambda n: f"{n}-"),
    st.integers(0, 2000).map(lambda n: f"-{n}"),
)


@given(st.lists(spec, min_size=1, max_size=MAX_RANGES), st.integers(1, 1500))
def test_joined_ranges_hold_all_that_was_asked_for(specs: list[str], size: int) -> None:
    found = parse_ranges("bytes=" + ",".join(specs), size)
    assert found is not None
    wanted: set[int] = set()
    for text in specs:
        wanted |= set().union(*(range(*r) for r in parse_ranges(f"bytes={text}", size) or ()))
    sent = [i for r in found for i in range(*r)]
    assert len(sent) == len(set(sent)) <= size  # nothing twice
    assert wanted <= set(sent)
    assert bool(wanted) == bool(found)


shapes = st.text("0123456789-, \t=bytes", max_size=40) | st.text(max_size=40)


@given(shapes, st.integers(0, 100) | st.integers(0, 1 << 62))
def test_no_text_makes_it_raise(text: str, size: int) -> None:
    for value in (text, f"bytes={text}"):
        found = parse_ranges(value, size)
        for start, end in found or ():
            assert 0 <= start < end <= size
        assert found == pure_module("http.folder.ranges").parse_ranges(value, size)


def test_parts() -> None:
    data = bytes(range(256)) * 4
    ranges = [(0, 10), (500, 501), (1000, 1024)]
    heads, tail, length = parts_of(ranges, len(data), "text/plain; charset=utf-8", "BOUND")
    body = b"".join(h + data[a:b] for h, (a, b) in zip(heads, ranges, strict=True)) + tail
    assert len(body) == length
    message = BytesParser().parsebytes(
        b"Content-Type: multipart/byteranges; boundary=BOUND\r\n\r\n" + body
    )
    parts = message.get_payload()
    assert [p.get_payload(decode=True) for p in parts] == [data[a:b] for a, b in ranges]  # type: ignore[union-attr]
    assert [p["Content-Range"] for p in parts] == [content_range(a, b, 1024) for a, b in ranges]  # type: ignore[index]
    kind = b"Content-Type: text/plain; charset=utf-8\r\n"
    assert heads[0] == b"--BOUND\r\n" + kind + b"Content-Range: bytes 0-9/1024\r\n\r\n"
