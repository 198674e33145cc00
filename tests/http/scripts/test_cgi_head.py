"""The head of a script's output: whole, split at every byte, and any bytes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.scripts.cgi_head import HEAD_LIMIT, MAX_FIELDS, HeadReader, ScriptError

Found = tuple[int, list[tuple[str, str]], int | None, bytes]

GOOD: dict[str, tuple[bytes, Found]] = {
    "a document": (
        b"Content-Type: text/html\n\nbody",
        (200, [("Content-Type", "text/html")], None, b"body"),
    ),
    "with CRLF": (
        b"Content-Type:text/plain\r\nX-A:  b c \t\r\n\r\n\r\n",
        (200, [("Content-Type", "text/plain"), ("X-A", "b c")], None, b"\r\n"),
    ),
    "both ends of lines": (
        b"Content-Type: a/b\r\nX: 1\n\r\nbody\n\n",
        (200, [("Content-Type", "a/b"), ("X", "1")], None, b"body\n\n"),
    ),
    "a status": (b"STATUS: 404 Not here\n\n", (404, [], None, b"")),
    "a bare status": (b"Status: 201\nX:\n\n", (201, [("X", "")], None, b"")),
    "a length": (
        b"Content-Length: 5\nContent-Type: a/b\n\n12345",
        (200, [("Content-Type", "a/b")], 5, b"12345"),
    ),
    "a redirect": (
        b"Location: https://a.example/?b\n\n",
        (302, [("Location", "https://a.example/?b")], None, b""),
    ),
    "a redirect with a status": (
        b"Location: /there\nStatus: 303 See\n\n",
        (303, [("Location", "/there")], None, b""),
    ),
    "several cookies": (
        b"Status: 200\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n",
        (200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], None, b""),
    ),
    "the server's affair": (
        b"Content-Type: a/b\nConnection: close\nTransfer-Encoding: chunked\nDate: today\n"
        b"Keep-Alive: 5\nUpgrade: x\nTrailer: y\nTE: z\n\n",
        (200, [("Content-Type", "a/b")], None, b""),
    ),
    "bytes": (
        "Status: 200\nX: \u00fc\n\n".encode(),
        (200, [("X", "\u00c3\u00bc")], None, b""),
    ),
    "as many as there may be": (
        b"Status: 200\n" + b"X: 1\n" * (MAX_FIELDS - 1) + b"\n",
        (200, [("X", "1")] * (MAX_FIELDS - 1), None, b""),
    ),
}

BAD = {
    "nothing": b"\n",
    "an empty line first": b"\r\nContent-Type: a/b\n\n",
    "no field of CGI": b"X: 1\n\n",
    "text": b"hello\n\n",
    "a traceback": b'Traceback (most recent call last):\n  File "x"\n\n',
    "a status line": b"HTTP/1.1 200 OK\nContent-Type: a/b\n\n",
    "space before the colon": b"Content-Type : a/b\n\n",
    "no name": b": a\n\n",
    "folded": b"Content-Type: a/b;\n c=d\n\n",
    "a control character": b"Content-Type: a\x00b\n\n",
    "a bare CR": b"Content-Type: a/b\rX: y\n\n",
    "two types": b"Content-Type: a/b\nContent-Type: a/b\n\n",
    "two lengths": b"Content-Type: a/b\nContent-Length: 1\ncontent-length: 1\n\n",
    "a status in words": b"Status: OK\n\n",
    "an interim status": b"Status: 101 Switching\n\n",
    "a status of four digits": b"Status: 2000\n\n",
    "a status of none": b"Status: 999\n\n",
    "a relative location": b"Location: there\n\n",
    "a location with a space": b"Location: /a b\n\n",
    "an empty location": b"Location:\n\n",
    "a negative length": b"Content-Type: a/b\nContent-Length: -1\n\n",
    "a length with a sign": b"Content-Type: a/b\nContent-Length: +1\n\n",
    "a long length": b"Content-Type: a/b\nContent-Length: " + b"1" * 30 + b"\n\n",
    "too many": b"Status: 200\n" + b"X: 1\n" * MAX_FIELDS + b"\n",
    "too long": b"Status: 200\nX: " + b"x" * HEAD_LIMIT + b"\n\n",
    "too long without an end": b"x" * (HEAD_LIMIT + 1),
}


def read(*pieces: bytes) -> Found | str | None:
    reader = HeadReader()
    there = False
    rest = b""
    for piece in pieces:
        if there:
            rest += piece
            continue
        try:
            there = reader.feed(piece)
        except ScriptError as e:
            return str(e)
    if not there:
        return None
    return reader.status, reader.fields, reader.length, reader.rest + rest


@pytest.mark.parametrize("name", GOOD)
def test_good_heads(name: str) -> None:
    data, found = GOOD[name]
    assert read(data) == found
    assert read(*[data[i : i + 1] for i in range(len(data))]) == found
    for i in range(1, len(data)):
        assert read(data[:i], data[i:]) == found
    end = len(data) - len(found[3])
    for i in range(0, end, 7):
        assert read(data[:i]) is None


@pytest.mark.parametrize("name", BAD)
def test_bad_heads(name: str) -> None:
    data = BAD[name]
    assert isinstance(read(data), str)
    assert isinstance(read(*[data[i : i + 1] for i in range(len(data))]), str)


@given(
    st.binary(max_size=100)
    | st.lists(
        st.sampled_from([b"Status: 200", b"X: a", b"\n", b"\r\n", b"Content-Length: 1", b":", b" "])
    ).map(b"".join),
    st.integers(0, 200),
)
def test_any_output_is_a_head_or_not_wherever_it_is_split(data: bytes, at: int) -> None:
    whole, split = read(data), read(data[:at], data[at:])
    if isinstance(whole, str):
        assert isinstance(split, str)
    else:
        assert split == whole


def test_reading_is_linear() -> None:
    for data in (b"\n" * 5 + b"a", b"a\r" * 100_000, b"X:" + b" " * 16_000, b"X: " + b"a " * 8000):
        began = time.process_time()
        read(*[data[i : i + 1] for i in range(min(len(data), 20_000))])
        read(data + b"\n\n")
        assert time.process_time() - began < 10
