"""Replies into files, and downloads that go on where they stopped."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from galidia.http import errors
from galidia.http.dates import format_date
from galidia.http.fetching.fetch import Result, Timeouts, fetch
from tests.http.site import Asked, Web, redirect, reply, web

ONE = "http://one.example/file"
CONTENT = bytes(range(256)) * 400  # 102,400 bytes


class Store:
    """A server of one file, which understands ranges; it may stop in the middle."""

    def __init__(self, world: Web) -> None:
        self.world = world
        self.content = CONTENT
        self.fields = ['ETag: "1"']
        self.stop = 0
        self.ranges = True
        self.site = world.site(self.answer)

    def answer(self, asked: Asked) -> bytes:
        content, status, fields = self.content, 200, list(self.fields)
        wanted = asked.header("range")
        if wanted and self.ranges:
            etag = self.fields[0].partition(": ")[2] if self.fields else ""
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if asked.header("if-range") == etag:
                if start >= len(content):
                    fields = [f"Content-Range: bytes */{len(content)}"]
                    return reply(b"beyond", 416, *fields)
                fields.append(f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}")
                content, status = content[start:], 206
        message = reply(content, status, *fields)
        if self.stop:
            message = message[: len(message) - len(content) + self.stop]
            asked.c.close_after_send()
        return message

    @property
    def ranges_asked(self) -> list[str | None]:
        return [asked.header("range") for asked in self.site.asked]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_into_a_path(world: Web, tmp_path: Path) -> None:
    Store(world)
    (tmp_path / "file").write_bytes(b"old")
    result = world.get(ONE, to=tmp_path / "file")
    assert (result.ok, result.body) == (True, b"")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


def test_into_an_open_file(world: Web) -> None:
    Store(world)
    file = io.BytesIO(b"before ")
    file.seek(0, io.SEEK_END)
    assert world.get(ONE, to=file).ok
    assert file.getvalue() == b"before " + CONTENT


def test_decoded_into_a_file(world: Web, tmp_path: Path) -> None:
    world.site(lambda asked: reply(gzip.compress(CONTENT), 200, "Content-Encoding: gzip"))
    assert world.get(ONE, to=str(tmp_path / "file")).ok
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_an_empty_reply(world: Web, tmp_path: Path) -> None:
    world.site(lambda asked: reply(b""))
    assert world.get(ONE, to=tmp_path / "file").ok
    assert (tmp_path / "file").read_bytes() == b""


@pytest.mark.parametrize("status", [404, 500, 206, 204])
def test_only_a_good_reply_goes_into_the_file(world: Web, tmp_path: Path, status: int) -> None:
    body = b"" if status == 204 else b"what is wrong"
    world.site(lambda a: reply(body, status) if body else b"HTTP/1.1 204 No Content\r\n\r\n")
    result = world.get(ONE, to=tmp_path / "file")
    assert (result.status, result.body, result.error) == (status, body, None)
    assert names(tmp_path) == []


def test_after_a_redirect(world: Web, tmp_path: Path) -> None:
    world.site(lambda a: redirect("/b", body=b"moved") if a.target == "/file" else reply(b"end"))
    assert world.get(ONE, to=tmp_path / "file").url == "http://one.example/b"
    assert (tmp_path / "file").read_bytes() == b"end"


@pytest.mark.parametrize("end", ["cut", "cancel", "timeout", "close", "size", "coding"])
def test_no_half_file_is_left(tmp_path: Path, end: str) -> None:
    with web() as world:
        store = Store(world)
        store.stop = 50_000
        if end != "cut":
            half = reply(CONTENT)[:-1000]
            store.site.answer = lambda asked: half
        if end == "coding":
            broken = reply(gzip.compress(CONTENT)[:-9], 200, "Content-Encoding: gzip")
            store.site.answer = lambda asked: broken
        (tmp_path / "file").write_bytes(b"old")
        options: dict[str, Any] = {"timeout": Timeouts(idle=5.0)}
        if end == "size":
            options["max_size"] = 100
        f = world.start(ONE, to=tmp_path / "file", **options)
        world.net.run(lambda: f.done, limit=1.0)
        if end == "cancel":
            assert "file.part" in names(tmp_path)
            f.cancel()
        elif end == "close":
            world.mgr.close(0)
        world.net.run(lambda: f.done)
        assert names(tmp_path) == ["file"]
        assert (tmp_path / "file").read_bytes() == b"old"
        assert [type(result.error) for result in world.results] == {
            "cut": [errors.TruncatedError],
            "cancel": [],
            "timeout": [errors.TimedOutError],
            "close": [errors.CancelledError],
            "size": [errors.TooLargeError],
            "coding": [errors.DecodingError],
        }[end]


def test_a_place_that_cannot_be_written(world: Web, tmp_path: Path) -> None:
    Store(world)
    error = world.get(ONE, to=tmp_path / "nosuch" / "file").error
    assert isinstance(error, errors.TargetError)
    assert isinstance(error.__cause__, FileNotFoundError)
    (tmp_path / "folder").mkdir()
    error = world.get(ONE, to=tmp_path / "folder").error
    assert isinstance(error, errors.TargetError)

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    error = world.get(ONE, to=Full()).error
    assert isinstance(error, errors.TargetError)
    assert "No space" in str(error)


# -- resume ---------------------------------------------------------------------------------------


def broken_off(world: Web, tmp_path: Path) -> Store:
    """A download that was broken off after 50,000 bytes."""
    store = Store(world)
    store.stop = 50_000
    result = world.get(ONE, to=tmp_path / "file", resume=True)
    assert isinstance(result.error, errors.TruncatedError)
    store.stop = 0
    return store


def test_it_goes_on_where_it_stopped(world: Web, tmp_path: Path) -> None:
    store = broken_off(world, tmp_path)
    assert names(tmp_path) == ["file.part", "file.part.json"]
    size = (tmp_path / "file.part").stat().st_size
    assert size == 50_000
    result = world.get(ONE, to=tmp_path / "file", resume=True)
    assert (result.error, result.status) == (None, 206)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
    assert store.ranges_asked == [None, "bytes=50000-"]
    asked = store.site.asked[1]
    assert asked.header("if-range") == '"1"'
    assert "accept-encoding" not in asked.names


def test_it_stops_several_times(world: Web, tmp_path: Path) -> None:
    store = Store(world)
    store.stop = 30_000
    for _ in range(3):
        assert world.get(ONE, to=tmp_path / "file", resume=True).error is not None
    store.stop = 0
    assert world.get(ONE, to=tmp_path / "file", resume=True).ok
    assert store.ranges_asked == [None, "bytes=30000-", "bytes=60000-", "bytes=90000-"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_it_has_changed_meanwhile(world: Web, tmp_path: Path) -> None:
    store = broken_off(world, tmp_path)
    store.content, store.fields = b"something else", ['ETag: "2"']
    assert world.get(ONE, to=tmp_path / "file", resume=True).status == 200
    assert (tmp_path / "file").read_bytes() == b"something else"
    assert names(tmp_path) == ["file"]


def test_the_server_has_no_ranges(world: Web, tmp_path: Path) -> None:
    store = broken_off(world, tmp_path)
    store.ranges = False
    assert world.get(ONE, to=tmp_path / "file", resume=True).status == 200
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_all_of_it_was_there(world: Web, tmp_path: Path) -> None:
    store = broken_off(world, tmp_path)
    (tmp_path / "file.part").write_bytes(CONTENT)
    result = world.get(ONE, to=tmp_path / "file", resume=True)
    assert (result.error, result.status) == (None, 416)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(store.site.asked) == 2


def test_more_than_all_was_there(world: Web, tmp_path: Path) -> None:
    store = broken_off(world, tmp_path)
    (tmp_path / "file.part").write_bytes(CONTENT + b"more")
    assert world.get(ONE, to=tmp_path / "file", resume=True).ok
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert store.ranges_asked == [None, f"bytes={len(CONTENT) + 4}-", None]


@pytest.mark.parametrize(
    "said",
    [
        None,
        "bytes 0-102399/102400",
        "bytes 50001-102399/102400",
        "bytes 50000-102399/50000",
        "bytes 50000-40000/102400",
        "bytes 50000-/102400",
        "50000-102399/102400",
        "bytes 50000-102398/102400",
        "bytes 50000-102400/102500",
    ],
)
def test_another_range_than_was_asked_for(world: Web, tmp_path: Path, said: str | None) -> None:
    store = broken_off(world, tmp_path)
    fields = [f"Content-Range: {said}"] if said else []
    store.site.answer = lambda asked: reply(CONTENT[50_000:], 206, *fields)
    error = world.get(ONE, to=tmp_path / "file", resume=True).error
    assert isinstance(error, errors.ProtocolError)
    assert error.name == "content-range"
    assert "file" not in names(tmp_path)


@pytest.mark.parametrize(
    ("fields", "resumable"),
    [
        (['ETag: "a"'], True),
        (['ETag: W/"a"'], False),
        ([], False),
        ([f"Last-Modified: {format_date(1e9)}", f"Date: {format_date(1e9 + 3600)}"], True),
        ([f"Last-Modified: {format_date(1e9)}", f"Date: {format_date(1e9 + 30)}"], False),
        ([f"Last-Modified: {format_date(1e9)}"], False),
    ],
)
def test_what_tells_that_it_is_the_same(
    world: Web, tmp_path: Path, fields: list[str], resumable: bool
) -> None:
    store = Store(world)
    store.fields = fields
    store.stop = 1000
    assert world.get(ONE, to=tmp_path / "file", resume=True).error is not None
    assert names(tmp_path) == (["file.part", "file.part.json"] if resumable else [])


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"{",
        b"[]",
        b'{"url": "http://one.example/other", "validator": "\\"1\\""}',
        b'{"url": "http://one.example/file"}',
        b'{"url": "http://one.example/file", "validator": 5}',
        b'{"url": "http://one.example/file", "validator": "a\\r\\nb"}',
        b'{"url": "http://one.example/file", "validator": "\\u20ac"}',
    ],
)
def test_a_note_that_does_not_fit(world: Web, tmp_path: Path, note: bytes) -> None:
    store = broken_off(world, tmp_path)
    (tmp_path / "file.part.json").write_bytes(note)
    assert world.get(ONE, to=tmp_path / "file", resume=True).ok
    assert store.ranges_asked == [None, None]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_the_note_says_what_it_is_of(world: Web, tmp_path: Path) -> None:
    broken_off(world, tmp_path)
    note = json.loads((tmp_path / "file.part.json").read_text())
    assert note == {"url": ONE, "validator": '"1"'}


def test_progress(world: Web, tmp_path: Path) -> None:
    Store(world)
    results: list[Result] = []
    f = fetch(world.mgr, ONE, results.append, proxy=None, to=tmp_path / "file")
    seen = []
    while not f.done:
        world.net.run(lambda: False, limit=0.0005)
        seen.append((f.received, f.expected))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [n for n, _ in seen] == sorted(n for n, _ in seen)
    assert len({n for n, _ in seen}) > 2
