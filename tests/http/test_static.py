"""A folder over HTTP: what is served, how it is described, and that nothing else is."""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import Connection, Manager
from galidia.http import StaticFiles
from galidia.http import files as module
from galidia.http.dates import format_date
from tests.helpers import PATIENCE, Peer, until
from tests.http.conftest import folder_handler, running
from tests.http.wire import Response, complete, response, responses
from tests.leaks import descriptors

HTTP = "http://127.0.0.1:0"
Get = Callable[..., Response]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is served; beside it lies what is not."""
    folder = tmp_path / "root"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "rooted").mkdir()  # its name begins as the folder's
    (tmp_path / "rooted" / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def files(root: Path) -> Iterator[StaticFiles]:
    found = StaticFiles(root)
    yield found
    found.close()


@pytest.fixture
def listener(mgr: Manager, files: StaticFiles) -> Connection:
    return mgr.bind(HTTP, folder_handler(files))


@pytest.fixture
def get(mgr: Manager, listener: Connection, ask: Callable[..., bytes]) -> Get:
    """The answer to one request for a target."""

    def request(target: str | bytes, *fields: str, method: str = "GET") -> Response:
        if isinstance(target, str):
            target = target.encode("ascii")
        lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: a", b"Connection: close"]
        lines += [field.encode() for field in fields]
        return response(ask(listener, b"\r\n".join([*lines, b"", b""]), method), method)

    return request


# -- what a file is described by ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.CSS", "text/css; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("Makefile", "application/octet-stream"),
    ],
)
def test_types(name: str, kind: str, root: Path, get: Get) -> None:
    (root / name).write_bytes(b"x")
    assert get(f"/{name}").header("content-type") == kind


def test_fields_of_a_file(root: Path, get: Get) -> None:
    file = root / "a.txt"
    file.write_bytes(b"hello")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    found = get("/a.txt?query")
    assert (found.status, found.body) == (200, b"hello")
    assert found.header("last-modified") == format_date(1_000_000_000)
    etag = found.header("etag")
    assert etag is not None
    assert etag[0] == etag[-1] == '"'
    head = get("/a.txt", method="HEAD")
    drop = ("Date", "Connection")
    assert [f for f in head.fields if f[0] not in drop] == [
        f for f in found.fields if f[0] not in drop
    ]
    assert head.body == b""
    file.write_bytes(b"hella")
    assert get("/a.txt").header("etag") != etag


def test_conditions(root: Path, get: Get) -> None:
    file = root / "a.txt"
    file.write_bytes(b"hello")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    etag = get("/a.txt").header("etag")
    then, later, before = (format_date(1_000_000_000 + n) for n in (0, 60, -60))
    for status, *fields in [
        (304, f"If-None-Match: {etag}"),
        (304, f"If-None-Match: W/{etag}"),
        (304, f'If-None-Match: "x", {etag}'),
        (304, 'If-None-Match: "x"', f"If-None-Match: {etag}"),
        (304, "If-None-Match: *"),
        (200, 'If-None-Match: "x"'),
        (304, f"If-Modified-Since: {then}"),
        (304, f"If-Modified-Since: {later}"),
        (200, f"If-Modified-Since: {before}"),
        (200, "If-Modified-Since: yesterday"),
        (200, 'If-None-Match: "x"', f"If-Modified-Since: {later}"),
    ]:
        for method in ("GET", "HEAD"):
            found = get("/a.txt", *fields, method=method)
            assert (fields, found.status) == (fields, status)
            assert found.header("etag") == etag
            assert found.body == (b"hello" if status == 200 and method == "GET" else b"")


def test_times_that_no_date_can_name(root: Path, get: Get) -> None:
    for seconds in (-1, 2**33, 2**40):
        (root / "a").write_bytes(b"x")
        try:
            os.utime(root / "a", (seconds, seconds))
        except OSError:  # the file system has no such times
            continue
        assert get("/a").status == 200
        assert get("/").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "FOO"])
def test_other_methods(method: str, root: Path, get: Get) -> None:
    (root / "a").write_bytes(b"x")
    found = get("/a", method=method)
    assert (found.status, found.header("allow")) == (405, "GET, HEAD")


# -- folders --------------------------------------------------------------------------------------


def test_a_folder_without_slash_is_redirected(root: Path, get: Get) -> None:
    name = "s p\u00e4\udcff%?#;a=b&c"
    (root / name).mkdir()
    found = get("/s%20p%c3%a4%FF%25%3F%23;a=b&c?x=y%20")
    assert found.status == 301
    assert found.header("location") == "/s%20p%C3%A4%FF%25%3F%23;a=b&c/?x=y%20"
    assert get("/s%20p%C3%A4%FF%25%3F%23;a=b&c/").status == 200


def test_index(root: Path, get: Get) -> None:
    (root / "d").mkdir()
    assert b"Folder" in get("/d/").body
    (root / "d" / "index.htm").write_text("second")
    assert get("/d/").body == b"second"
    (root / "d" / "index.html").write_text("first")
    found = get("/d/")
    assert (found.body, found.header("content-type")) == (b"first", "text/html; charset=utf-8")
    (root / "d" / "index.html").unlink()
    (root / "d" / "index.html").mkdir()
    assert get("/d/").body == b"second"


def test_other_index_and_no_listing(mgr: Manager, root: Path, ask: Callable[..., bytes]) -> None:
    files = StaticFiles(root, index=("start",), listing=False)
    listener = mgr.bind(HTTP, folder_handler(files))
    data = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert response(ask(listener, data)).status == 403
    (root / "start").write_text("here")
    assert response(ask(listener, data)).body == b"here"
    files.close()


def test_a_file_is_no_folder(root: Path, get: Get) -> None:
    (root / "a").write_bytes(b"x")
    assert get("/a/").status == 404
    assert get("/a/b").status == 404


def test_the_root_is_checked(root: Path) -> None:
    for wrong in (root / "none", root.parent / "secret.txt"):
        with pytest.raises(NotADirectoryError):
            StaticFiles(wrong)


def test_a_relative_root_stays_what_it_was(
    root: Path, mgr: Manager, ask: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a").write_text("here")
    monkeypatch.chdir(root)
    files = StaticFiles(".")
    monkeypatch.chdir("/")
    listener = mgr.bind(HTTP, folder_handler(files))
    assert response(ask(listener, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"here"
    files.close()


# -- contents -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1 << 10, 1 << 16, (1 << 16) + 1, 10 << 20])
def test_contents_byte_by_byte(size: int, mgr: Manager, root: Path, listener: Connection) -> None:
    data = os.urandom(size)
    (root / "a").write_bytes(data)
    command = ["curl", "-sS", "--max-time", "20", "--noproxy", "*"]
    with running(mgr):
        for _ in range(3):
            url = f"http://{listener.local}/a"
            done = subprocess.run([*command, url, url], capture_output=True, check=True)
            assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data * 2).digest()


def test_pipelined_files_and_others_keep_their_order(
    mgr: Manager, root: Path, listener: Connection, dial: Callable[[Connection], Peer]
) -> None:
    sizes = [0, 100_000, 10, 3_000_000, 65_536, 70_000]
    for size in sizes:
        (root / str(size)).write_bytes(str(size).encode() * (size // len(str(size)) + 1))
    peer = dial(listener)
    names = [str(size) for size in sizes] + ["none"]
    peer.send(b"".join(b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % n.encode() for n in names * 3))
    expected = [(root / name).read_bytes() for name in names[:-1]] + [b"404 Not Found\n"]
    until(mgr, lambda: peer.look().count(b"404 Not Found\n") == 3 and complete(peer.received))
    assert [r.body for r in responses(bytes(peer.received))] == expected * 3


def test_a_reader_that_leaves_costs_no_descriptor(
    mgr: Manager, root: Path, listener: Connection, files: StaticFiles
) -> None:
    (root / "a").write_bytes(b"x" * (10 << 20))
    before = descriptors()
    for _ in range(5):
        with socket.create_connection((listener.local.host, listener.local.port), PATIENCE) as sock:
            sock.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
            peer = Peer(sock)
            until(mgr, peer.look)
    until(mgr, lambda: len(mgr) == 1)
    files.close()
    assert descriptors() == before


# -- changes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 100_000])
@pytest.mark.parametrize("settled", [module.SETTLED, 0.0])
def test_a_changed_file_is_never_served_stale(
    size: int, settled: float, root: Path, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", settled)
    file = root / "a"
    file.write_bytes(b"1" * size)
    assert get("/a").body == b"1" * size
    other = root / "b"  # replaced
    other.write_bytes(b"2" * size)
    other.replace(file)
    assert get("/a").body == b"2" * size
    file.write_bytes(b"3" * (size + 1))  # written over
    assert get("/a").body == b"3" * (size + 1)
    os.truncate(file, 5)
    assert get("/a").body == b"3" * 5
    file.unlink()
    assert get("/a").status == 404
    file.mkdir()
    assert get("/a").status == 301
    file.rmdir()
    file.write_bytes(b"4" * size)
    assert get("/a").body == b"4" * size


def test_a_change_that_keeps_time_and_size_is_seen(root: Path, get: Get) -> None:
    file = root / "a"
    for _ in range(50):
        for data in (b"one", b"two"):
            file.write_bytes(data)
            os.utime(file, (1_000_000_000, 1_000_000_000))
            assert get("/a").body == data


def test_a_file_that_becomes_shorter_while_it_is_sent(
    mgr: Manager, root: Path, listener: Connection, dial: Callable[[Connection], Peer]
) -> None:
    file = root / "a"
    file.write_bytes(b"x" * (30 << 20))
    peer = dial(listener)
    peer.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    until(mgr, lambda: peer.sock.recv(1 << 16, socket.MSG_PEEK) if readable(peer) else b"")
    os.truncate(file, 1000)
    until(mgr, peer.has_ended)
    assert not complete(peer.received)


def readable(peer: Peer) -> bool:
    try:
        return bool(peer.sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def test_a_file_that_is_replaced_while_it_is_sent(
    mgr: Manager, root: Path, listener: Connection, dial: Callable[[Connection], Peer]
) -> None:
    (root / "a").write_bytes(b"x" * (30 << 20))
    (root / "b").write_bytes(b"y" * 5)
    peer = dial(listener)
    peer.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    until(mgr, lambda: readable(peer))
    (root / "b").replace(root / "a")
    until(mgr, lambda: peer.look().endswith(b"y"))
    first, second = responses(bytes(peer.received))
    assert (len(first.body), set(first.body)) == (30 << 20, {ord("x")})
    assert second.body == b"yyyyy"


# -- memory and descriptors -----------------------------------------------------------------------


def test_a_thousand_files(
    root: Path, files: StaticFiles, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", 0.0)
    monkeypatch.setattr(module, "SMALL_FILE", 3)
    before = len(descriptors())
    for i in range(1000):
        (root / str(i)).write_text(str(i) * 4)
    for i in range(1000):
        assert get(f"/{i}").body == str(i).encode() * 4
        assert len(files._files._known) <= module.CACHE_FILES
    assert len(descriptors()) - before <= module.CACHE_FILES + 10
    files.close()
    assert len(descriptors()) - before <= 10
    assert get("/5").body == b"5555"  # it can still be used


def test_small_files_are_kept_within_bounds(
    root: Path, files: StaticFiles, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", 0.0)
    monkeypatch.setattr(module, "CACHE_BYTES", 100_000)
    for i in range(50):
        (root / str(i)).write_bytes(bytes([i]) * 10_000)
        assert get(f"/{i}").body == bytes([i]) * 10_000
        kept = sum(len(file.content or b"") for file in files._files._known.values())
        assert kept == files._files._bytes <= 100_000
    assert files._files._known


def test_a_kept_file_is_not_read_again(
    root: Path, files: StaticFiles, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", 0.0)
    (root / "a").write_bytes(b"x")
    assert get("/a").body == b"x"
    (known,) = files._files._known.values()
    assert get("/a").body == b"x"
    assert list(files._files._known.values()) == [known]
    (root / "a").unlink()
    assert get("/a").status == 404
    assert not files._files._known


# -- what is not served ---------------------------------------------------------------------------


def test_what_cannot_be_read_is_forbidden(
    root: Path, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a").write_bytes(b"x")
    (root / "a").chmod(0)
    if os.geteuid() == 0:  # to whom nothing is forbidden

        def refuse(path: Any, flags: int, *args: Any, **kw: Any) -> int:
            if path == "a":
                raise PermissionError(13, "Permission denied", path)
            return really(path, flags, *args, **kw)

        really = os.open
        monkeypatch.setattr(os, "open", refuse)
        monkeypatch.setattr(os, "supports_dir_fd", {refuse})
    assert get("/a").status == 403


def test_an_unknown_error_is_logged(
    root: Path, get: Get, monkeypatch: pytest.MonkeyPatch, logged: list[logging.LogRecord]
) -> None:
    (root / "a").write_bytes(b"x")

    def fail(*args: Any, **kw: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", fail)
    assert get("/a").status == 500
    assert len(logged) == 1


def test_no_descriptor_left(root: Path, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a").write_bytes(b"x" * 100_000)
    assert get("/a").status == 200

    def fail(*args: Any, **kw: Any) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "dup", fail)
    assert get("/a").status == 503


def test_what_is_no_regular_file(root: Path, get: Get) -> None:
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(root / "socket"))
        os.symlink("/dev/zero", root / "device")
        os.symlink("loop", root / "loop")
        assert get("/fifo").status == 403
        assert get("/socket").status == 403
        assert get("/device").status == 404
        assert get("/loop").status == 404
        assert get("/").status == 200


OUTSIDE = [
    "/../secret.txt", "/..", "/../", "/d/../../secret.txt", "/d/../a.txt", "/./a.txt", "/d/.",
    "/%2e%2e/secret.txt", "/%2E%2E%2Fsecret.txt", "/..%2fsecret.txt", "/d%2f..%2f..%2fsecret.txt",
    "/%2f../secret.txt", "//secret.txt", "/d//a.txt", "/%2fetc/passwd", "//etc/passwd",
    "/%2Fetc%2Fpasswd", "/\\..\\secret.txt", "/%5c..%5csecret.txt", "/..%5c..%5csecret.txt",
    "/.hidden", "/.d/a.txt", "/d/.hidden", "/%2ehidden", "/..%c0%af..%c0%afsecret.txt",
    "/%e2%80%a5/secret.txt", "/ed/secret.txt", "/../rooted/secret.txt", "/out.txt", "/outdir/",
    "/outdir", "/outdir/secret.txt", "/outdir/none", "/d/out.txt", "/outdir/rooted",
    "/outdir/root/a.txt2", "/chain", "http://h/../secret.txt", "http://h/%2e%2e/secret.txt",
]  # fmt: skip


@pytest.mark.parametrize("target", OUTSIDE)
def test_no_way_out_of_the_folder(target: str, root: Path, get: Get) -> None:
    (root / "a.txt").write_text("a")
    (root / ".hidden").write_text("hidden")
    (root / ".d").mkdir()
    (root / ".d" / "a.txt").write_text("hidden")
    (root / "d").mkdir()
    (root / "d" / ".hidden").write_text("hidden")
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "d" / "out.txt").symlink_to(root.parent / "secret.txt")
    (root / "outdir").symlink_to("..")
    (root / "chain").symlink_to("out.txt")
    for method in ("GET", "HEAD"):
        found = get(target, method=method)
        assert found.status == 404
        assert b"secret" not in found.body
        assert found.header("location") is None


def test_a_target_with_nul_or_over_long_names(root: Path, get: Get) -> None:
    assert get("/a%00b").status == 400
    assert get("/" + "x" * 255).status == 404
    assert get("/" + "x" * 256).status == 404
    assert get("/" + "x/" * 3000).status == 404
    assert get("/" + "x" * 8000).status == 404
    assert get("/%ff%fe").status == 404


def test_links_that_stay_inside(root: Path, get: Get) -> None:
    (root / "d").mkdir()
    (root / "d" / "a.txt").write_text("a")
    (root / "file").symlink_to("d/a.txt")
    (root / "absolute").symlink_to(root / "d" / "a.txt")
    (root / "folder").symlink_to("d")
    (root / "d" / "up").symlink_to("..")
    for target in ("/file", "/absolute", "/folder/a.txt", "/d/up/d/a.txt", "/folder/up/file"):
        assert get(target).body == b"a"
    assert get("/folder").header("location") == "/folder/"
    assert b"a.txt" in get("/folder/").body


def test_a_root_that_is_a_link(
    root: Path, mgr: Manager, ask: Callable[..., bytes], tmp_path: Path
) -> None:
    (root / "a").write_text("a")
    (tmp_path / "link").symlink_to("root")
    files = StaticFiles(tmp_path / "link")
    listener = mgr.bind(HTTP, folder_handler(files))
    assert response(ask(listener, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"a"
    files.close()


def test_a_link_that_is_turned_outwards(
    root: Path, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED", 0.0)
    (root / "a").write_text("inside")
    (root / "link").symlink_to("a")
    assert get("/link").body == b"inside"
    (root / "link").unlink()
    (root / "link").symlink_to("../secret.txt")
    assert get("/link").status == 404


@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_link_that_is_turned_outwards_at_the_last_moment(
    where: str, root: Path, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    # after the path was checked, before it is opened
    (root / "d").mkdir()
    (root / "d" / "secret.txt").write_text("inside")
    resolve = os.path.realpath
    turned = []

    def turn(path: Any, **kw: Any) -> Any:
        found = resolve(path, **kw)
        turned.append(path)
        if len(turned) == 2:  # the second check is the one before opening
            (root / "d" / "secret.txt").unlink()
            if where == "folder":
                (root / "d").rmdir()
                (root / "d").symlink_to("..")
            else:
                (root / "d" / "secret.txt").symlink_to("../../secret.txt")
        return found

    monkeypatch.setattr(os.path, "realpath", turn)
    assert get("/d/secret.txt").status == 404
    assert len(turned) == 2


def test_the_whole_file_system_can_be_the_root(
    mgr: Manager, root: Path, ask: Callable[..., bytes]
) -> None:
    (root / "a").write_text("here")
    files = StaticFiles("/")
    listener = mgr.bind(HTTP, folder_handler(files))
    line = f"GET {root}/a HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    assert response(ask(listener, line)).body == b"here"
    files.close()


def test_a_folder_that_may_be_entered_but_not_read(root: Path, get: Get) -> None:
    (root / "d").mkdir()
    (root / "d" / "a").write_text("a")
    (root / "d").chmod(stat.S_IXUSR)
    try:
        assert get("/d/a").body == b"a"
    finally:
        (root / "d").chmod(0o700)


def test_files_keep_no_request(root: Path, mgr: Manager, get: Get) -> None:
    (root / "a").write_bytes(b"x")
    get("/a")
    until(mgr, lambda: len(mgr) == 1)
    gc.collect()
    kinds = [type(thing).__name__ for thing in gc.get_objects()]
    assert "Request" not in kinds
