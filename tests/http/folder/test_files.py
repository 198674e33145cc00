"""Files in the codings that clients take: neighbours, packed here, and what is kept of it."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import Connection, Manager
from galidia.http import StaticFiles
from galidia.http.fetching.coding import Decoder
from galidia.http.folder import compression
from galidia.http.folder import files as module
from tests.http.wire import Response, response
from tests.leaks import descriptors

TEXT = b"".join(b"line %d of some text that is worth to be packed\n" % n for n in range(500))
OLD = 1_000_000_000
Get = Callable[..., Response]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.0)
    monkeypatch.setattr(module, "SETTLED", 0.0)
    return tmp_path


@pytest.fixture
def files(root: Path) -> Iterator[StaticFiles]:
    found = StaticFiles(root)
    yield found
    found.close()


@pytest.fixture
def get(mgr: Manager, files: StaticFiles, ask: Callable[..., bytes]) -> Get:
    listener: Connection = mgr.bind("http://127.0.0.1:0", files)

    def request(
        target: str, accept: str | None, *fields: str, method: str = "GET", to: Any = None
    ) -> Response:
        lines = [f"{method} {target} HTTP/1.1", "Host: a", "Connection: close", *fields]
        if accept is not None:
            lines.append(f"Accept-Encoding: {accept}")
        data = "\r\n".join([*lines, "", ""]).encode()
        return response(ask(to or listener, data, method), method)

    return request


def put(path: Path, data: bytes, when: int = OLD) -> None:
    path.write_bytes(data)
    os.utime(path, (when, when))


def undone(found: Response) -> bytes:
    decoder = Decoder(found.header("content-encoding") or "identity")
    return decoder.feed(found.body) + decoder.finish()


# -- packed here ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [module.COMPRESS_LEAST, len(TEXT), module.COMPRESS_MOST])
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_texts_are_packed(coding: str, size: int, root: Path, get: Get) -> None:
    data = (TEXT * 20)[:size]
    put(root / "a.txt", data)
    plain = get("/a.txt", None)
    assert (plain.body, plain.header("content-encoding")) == (data, None)
    for _ in range(2):
        found = get("/a.txt", coding)
        assert found.header("content-encoding") == coding
        assert len(found.body) < size / 2
        assert undone(found) == data
        for name in ("Content-Type", "Last-Modified", "Vary"):
            assert found.header(name) == plain.header(name)
        assert found.header("vary") == "Accept-Encoding"
        assert found.header("etag") != plain.header("etag")
        assert not (found.header("etag") or "").startswith("W/")
    head = get("/a.txt", coding, method="HEAD")
    assert [f for f in head.fields if f[0] != "Date"] == [f for f in found.fields if f[0] != "Date"]


def test_each_coding_is_another_representation(root: Path, get: Get) -> None:
    put(root / "a.txt", TEXT)
    tags = {coding: get("/a.txt", coding).header("etag") for coding in ("", "gzip", "br", "zstd")}
    assert len(set(tags.values())) == 4
    for coding, etag in tags.items():
        for other in tags:
            found = get("/a.txt", other, f"If-None-Match: {etag}")
            assert found.status == (304 if other == coding else 200)
            assert found.header("vary") == "Accept-Encoding"
            assert (found.header("etag") == etag) == (other == coding)


def test_ranges_are_of_what_is_sent(root: Path, get: Get) -> None:
    put(root / "a.txt", TEXT)
    whole = get("/a.txt", "gzip")
    size = len(whole.body)
    found = get("/a.txt", "gzip", "Range: bytes=10-19", f"If-Range: {whole.header('etag')}")
    assert (found.status, found.body) == (206, whole.body[10:20])
    assert found.header("content-range") == f"bytes 10-19/{size}"
    assert found.header("content-encoding") == "gzip"
    plain = get("/a.txt", None, "Range: bytes=10-19", f"If-Range: {whole.header('etag')}")
    assert (plain.status, plain.body) == (200, TEXT)


@pytest.mark.parametrize(
    ("name", "data", "vary"),
    [
        ("a.png", TEXT, False),
        ("a", TEXT, False),
        ("a.txt", TEXT[: module.COMPRESS_LEAST - 1], True),
        ("a.txt", b"x" * (module.COMPRESS_MOST + 1), True),
        ("a.txt", os.urandom(5000), True),
    ],
)
def test_what_is_not_packed(name: str, data: bytes, vary: bool, root: Path, get: Get) -> None:
    put(root / name, data)
    for _ in range(2):
        found = get(f"/{name}", "gzip, br")
        assert (found.header("content-encoding"), found.body) == (None, data)
        assert (found.header("vary") is not None) == vary


def test_what_was_just_changed_is_not_packed(
    root: Path, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", 1000.0)
    put(root / "a.txt", TEXT)
    assert get("/a.txt", "gzip").header("content-encoding") is None
    put(root / "b.txt", TEXT * 4)  # of the size that keeps a descriptor
    assert get("/b.txt", "gzip").header("content-encoding") is None
    monkeypatch.setattr(module, "SETTLED", 0.0)
    assert get("/b.txt", "gzip").header("content-encoding") == "gzip"


def test_it_is_packed_once(root: Path, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def count(coding: str, data: bytes) -> bytes | None:
        calls.append(coding)
        return compression.compress(coding, data)

    monkeypatch.setattr(module, "compress", count)
    put(root / "a.txt", TEXT)
    put(root / "b.txt", os.urandom(5000))
    for _ in range(3):
        assert undone(get("/a.txt", "gzip")) == TEXT
        assert get("/b.txt", "gzip").header("content-encoding") is None
    assert calls == ["gzip", "gzip"]
    put(root / "a.txt", TEXT[::-1])
    assert undone(get("/a.txt", "gzip")) == TEXT[::-1]
    assert len(calls) == 3


def test_a_coding_that_is_not_there(root: Path, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_gzip(coding: str, data: bytes) -> bytes | None:
        return compression.compress(coding, data) if coding == "gzip" else None

    monkeypatch.setattr(module, "compress", only_gzip)
    put(root / "a.txt", TEXT)
    assert get("/a.txt", "br, zstd, gzip").header("content-encoding") == "gzip"
    assert get("/a.txt", "br, zstd").header("content-encoding") is None


def test_the_sum_is_bounded(
    root: Path, get: Get, files: StaticFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHE_BYTES", 100_000)
    monkeypatch.setattr(module, "CACHE_FILES", 10)
    before = len(descriptors())
    for i in range(30):
        put(root / f"{i}.txt", TEXT[i:] * (1 + i % 5))
        for accept in ("gzip", "br", None):
            assert undone(get(f"/{i}.txt", accept)) == TEXT[i:] * (1 + i % 5)
            known = files._files._known
            assert sum(len(f.content or b"") for f in known.values()) == files._files._bytes
            assert files._files._bytes <= 100_000
            assert len(known) <= 10
    assert len(descriptors()) - before <= 15


# -- neighbours -----------------------------------------------------------------------------------


def test_a_packed_neighbour_is_sent(root: Path, get: Get) -> None:
    put(root / "a.css", b"plain")
    put(root / "a.css.gz", gzip.compress(b"neighbour"))
    plain, found = get("/a.css", None), get("/a.css", "gzip")
    assert (plain.body, plain.header("vary")) == (b"plain", "Accept-Encoding")
    assert undone(found) == b"neighbour"
    assert found.header("content-type") == "text/css; charset=utf-8"
    assert found.header("content-encoding") == "gzip"
    assert found.header("etag") != plain.header("etag")
    assert get("/a.css", "gzip", f"If-None-Match: {found.header('etag')}").status == 304
    assert get("/a.css", "br").body == b"plain"
    alone = get("/a.css.gz", "gzip")  # asked for as it is
    assert (alone.header("content-encoding"), alone.header("vary")) == (None, None)
    assert alone.header("content-type") == "application/octet-stream"
    assert alone.body == found.body


def test_the_best_neighbour_goes_before_what_is_packed_here(root: Path, get: Get) -> None:
    put(root / "a.js", TEXT)
    put(root / "a.js.gz", b"gz")
    put(root / "a.js.zst", b"zst")
    assert get("/a.js", "br, gzip").body == b"gz"
    assert get("/a.js", "br, gzip, zstd").body == b"zst"
    assert get("/a.js", "zstd;q=0.5, gzip").body == b"gz"
    assert get("/a.js", "br").header("content-encoding") == "br"
    put(root / "a.js.br", b"br")
    assert get("/a.js", "br, gzip, zstd").body == b"br"
    (root / "a.js.br").unlink()
    assert get("/a.js", "br, gzip").body == b"gz"


def test_a_large_neighbour(root: Path, get: Get) -> None:
    put(root / "a.txt", b"x" * 3_000_000)
    packed = os.urandom(200_000)
    put(root / "a.txt.gz", packed)
    for _ in range(2):
        assert get("/a.txt", "gzip").body == packed
    assert get("/a.txt", "gzip", "Range: bytes=5-100000").body == packed[5:100_001]


def test_a_neighbour_that_is_older_is_stale(root: Path, get: Get) -> None:
    put(root / "a.txt", b"new", OLD + 10)
    put(root / "a.txt.gz", b"old", OLD)
    assert get("/a.txt", "gzip").body == b"new"
    put(root / "a.txt.gz", b"as new", OLD + 10)
    assert get("/a.txt", "gzip").body == b"as new"
    put(root / "a.txt", b"newer", OLD + 20)
    assert get("/a.txt", "gzip").body == b"newer"


def test_what_cannot_be_a_neighbour(root: Path, get: Get, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside")
    put(outside / "secret.gz", b"secret")
    for name, make in {
        "a": lambda path: path.mkdir(),
        "b": lambda path: os.mkfifo(path),
        "c": lambda path: path.symlink_to(outside / "secret.gz"),
        "d": lambda path: path.symlink_to("none"),
    }.items():
        put(root / f"{name}.txt", b"plain")
        make(root / f"{name}.txt.gz")
        assert get(f"/{name}.txt", "gzip").body == b"plain"


def test_neighbours_are_not_looked_for_each_time(
    root: Path, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", 1000.0)
    put(root / "a.txt", b"plain")
    assert get("/a.txt", "gzip").body == b"plain"
    put(root / "a.txt.gz", b"packed")
    assert get("/a.txt", "gzip").body == b"plain"
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.0)
    assert get("/a.txt", "gzip").body == b"packed"
    monkeypatch.setattr(module, "LOOK_AGAIN", 1000.0)
    put(root / "a.txt.gz", b"packed anew")
    assert get("/a.txt", "gzip").body == b"packed anew"
    (root / "a.txt.gz").unlink()
    assert get("/a.txt", "gzip").body == b"plain"


@pytest.mark.parametrize(("neighbours", "compress"), [(False, True), (True, False), (False, False)])
def test_they_can_be_turned_off(
    neighbours: bool, compress: bool, root: Path, mgr: Manager, get: Get
) -> None:
    put(root / "a.txt", TEXT)
    put(root / "b.txt", TEXT)
    put(root / "b.txt.gz", b"packed")
    files = StaticFiles(root, precompressed=neighbours, compress=compress)
    listener = mgr.bind("http://127.0.0.1:0", files)
    a, b = (get(target, "gzip", to=listener) for target in ("/a.txt", "/b.txt"))
    assert a.header("content-encoding") == ("gzip" if compress else None)
    assert (b.body == b"packed") == neighbours
    assert b.header("content-encoding") == ("gzip" if compress or neighbours else None)
    assert (a.header("vary") is None) == (not compress and not neighbours)
    files.close()
