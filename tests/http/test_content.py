"""What a request carries."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia.http.chunked import Chunked
from galidia.http.content import Content, Sender, content_of


class Sink:
    """As much of a connection as a sender needs."""

    def __init__(self, room: int = 1 << 40) -> None:
        self.sent = bytearray()
        self.room = room

    def send(self, data: Any) -> None:
        self.sent += data

    def _unsent(self) -> int:
        return 0 if len(self.sent) < self.room else 1 << 30


def whole(content: Content) -> bytes:
    sink: Any = Sink()
    assert Sender(content).pump(sink)
    return bytes(sink.sent)


@pytest.mark.parametrize(
    ("body", "data", "kind"),
    [
        (b"\0", b"\0", ""),
        (bytearray(b"a"), b"a", ""),
        (memoryview(b"abc")[1:], b"bc", ""),
        ("\u00e9", b"\xc3\xa9", "text/plain; charset=utf-8"),
        ({"a": [None, "\u00e9"]}, b'{"a":[null,"\xc3\xa9"]}', "application/json"),
        ([], b"[]", "application/json"),
    ],
)
def test_what_is_there_at_once(body: Any, data: bytes, kind: str) -> None:
    content = content_of(body)
    assert (content.data, content.length, content.kind) == (data, len(data), kind)
    assert content.replayable


@pytest.mark.parametrize("body", [5, None, object(), 1.5])
def test_what_is_no_body(body: Any) -> None:
    with pytest.raises(TypeError):
        content_of(body)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    by_path = content_of(path)
    assert (by_path.path, by_path.fd, by_path.length) == (str(path), -1, 10)
    with open(path, "rb") as file:
        file.seek(4)
        content = content_of(file)
        assert (content.fd, content.offset, content.length) == (file.fileno(), 4, 6)
        assert content_of(file, 2).length == 2
        with pytest.raises(ValueError, match="6 bytes left"):
            content_of(file, 7)
        assert content.replayable
    with open(path) as text, pytest.raises(TypeError, match="binary"):
        content_of(text)
    with pytest.raises(FileNotFoundError):
        content_of(tmp_path / "nosuch")


def test_files_of_memory() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(3)
    content = content_of(file)
    for _ in range(2):
        assert (content.length, content.replayable) == (7, True)
        assert whole(content) == b"3456789"


def test_a_pipe_is_read_once() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"through")
    os.close(writing)
    with open(reading, "rb") as file:
        content = content_of(file)
        assert (content.length, content.fd, content.replayable) == (-1, -1, True)
        assert whole(content) == b"7\r\nthrough\r\n0\r\n\r\n"
        assert not content.replayable


def test_iterables() -> None:
    assert whole(content_of((b"ab", b"", b"c"))) == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    assert whole(content_of((b"ab", bytearray(b"c")), 3)) == b"abc"
    once = content_of(iter([b"x"]))
    assert once.replayable
    whole(once)
    assert not once.replayable
    often = content_of(lambda: iter([b"x"]))
    for _ in range(2):
        assert whole(often) == b"1\r\nx\r\n0\r\n\r\n"
        assert often.replayable


def test_what_knows_its_length_and_type() -> None:
    class Parts:
        length = 4
        content_type = "x/y"

        def __iter__(self) -> Iterator[bytes]:
            yield b"ab"
            yield b"cd"

    content = content_of(Parts())
    assert (content.length, content.kind, content.replayable) == (4, "x/y", True)
    assert whole(content) == b"abcd"


@pytest.mark.parametrize(
    ("pieces", "length", "error"),
    [
        ([b"abc"], 4, ValueError),
        ([b"abc", b"de"], 4, ValueError),
        ([], 1, ValueError),
        (["abc"], None, TypeError),
        ([5], None, TypeError),
    ],
)
def test_sources_that_are_wrong(pieces: list[Any], length: int | None, error: Any) -> None:
    with pytest.raises(error):
        whole(content_of(iter(pieces), length))


@pytest.mark.parametrize("length", [-1, 1.5, "1"])
def test_lengths_that_are_wrong(length: Any) -> None:
    with pytest.raises(ValueError, match="length="):
        content_of(b"", length)
    with pytest.raises(ValueError, match="length=5"):
        content_of(b"abc", 5)


def test_a_piece_is_asked_for_when_there_is_room() -> None:
    asked = []

    def source() -> Iterator[bytes]:
        for i in range(5):
            asked.append(i)
            yield b"x" * 200_000

    sink: Any = Sink(room=300_000)
    sender = Sender(content_of(source()))
    assert not sender.pump(sink)
    assert asked == [0, 1]
    assert not sender.pump(sink)
    sink.room = 1 << 40
    assert sender.pump(sink)
    body = bytearray()
    Chunked().feed(sink.sent, 0, body)
    assert body == b"x" * 1_000_000


def test_closing_lets_go_of_the_source() -> None:
    closed = []

    def source() -> Iterator[bytes]:
        try:
            yield b"x" * 100
        finally:
            closed.append(True)

    sink: Any = Sink(room=1)
    sender = Sender(content_of(source()))
    assert not sender.pump(sink)
    sender.close()
    assert closed == [True]
