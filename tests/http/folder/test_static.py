"""A folder over HTTP: what is served, how it is described, and that nothing else is."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import EV_HTTP_CHUNK, EV_HTTP_REQUEST, Connection, Manager, handles
from galidia.http import StaticFiles
from galidia.http.dates import format_date
from galidia.http.folder import files as module
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


# -- parts of a file ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1000, 100_000, 3_000_000])
def test_one_range(size: int, root: Path, get: Get) -> None:
    data = os.urandom(size)
    (root / "a.bin").write_bytes(data)
    whole = get("/a.bin")
    assert whole.header("accept-ranges") == "bytes"
    for value, start, end in [
        ("0-0", 0, 1),
        ("0-", 0, size),
        (f"-{size}", 0, size),
        ("-1", size - 1, size),
        ("500-899", 500, 900),
        (f"{size - 10}-{size * 2}", size - 10, size),
        (f"1-{size - 2}", 1, size - 1),
        (f"{size}-,7-7", 7, 8),
        ("0-9,5-20", 0, 21),
    ]:
        found = get("/a.bin", f"Range: bytes={value}")
        assert (found.status, found.reason, found.body) == (206, "Partial Content", data[start:end])
        assert found.header("content-range") == f"bytes {start}-{end - 1}/{size}"
        for name in ("ETag", "Last-Modified", "Content-Type", "Accept-Ranges"):
            assert found.header(name) == whole.header(name)
    for value in (f"{size}-", f"{size}-{size}", "-0"):
        found = get("/a.bin", f"Range: bytes={value}")
        assert (found.status, found.header("content-range")) == (416, f"bytes */{size}")
    for value in ("bytes=5-1", "bytes=x", "lines=0-1", "bytes=" + "0-0," * 17):
        found = get("/a.bin", f"Range: {value}")
        assert (found.status, found.header("content-range"), found.body) == (200, None, data)
    assert get("/a.bin", "Range: bytes=0-0", "Range: bytes=0-0").status == 200
    head = get("/a.bin", "Range: bytes=0-0", method="HEAD")  # ranges are of GET only
    assert (head.status, head.header("content-length")) == (200, str(size))


def test_a_range_of_nothing(root: Path, get: Get) -> None:
    (root / "a").write_bytes(b"")
    assert get("/a", "Range: bytes=0-").status == 416
    assert get("/a", "Range: bytes=-1").status == 200


@pytest.mark.parametrize("size", [1000, 100_000, 3_000_000])
def test_several_ranges(size: int, root: Path, get: Get) -> None:
    data = os.urandom(size)
    (root / "a.txt").write_bytes(data)
    half = size // 2
    found = get("/a.txt", f"Range: bytes=-10, 0-9 ,{size}-,{half}-{size - 200}")
    assert found.status == 206
    assert found.header("content-range") is None
    kind = found.header("content-type") or ""
    assert kind.startswith("multipart/byteranges; boundary=")
    boundary = kind.partition("=")[2].encode()
    expected = b""
    for start, end in [(size - 10, size), (0, 10), (half, size - 199)]:
        expected += b"\r\n--%b\r\nContent-Type: text/plain; charset=utf-8\r\n" % boundary
        expected += b"Content-Range: bytes %d-%d/%d\r\n\r\n" % (start, end - 1, size)
        expected += data[start:end]
    expected = expected[2:] + b"\r\n--%b--\r\n" % boundary
    assert found.body == expected
    assert found.header("etag") == get("/a.txt").header("etag")
    again = get("/a.txt", "Range: bytes=0-0,500-500")
    assert (again.header("content-type") or "").partition("=")[2].encode() != boundary


def test_if_range(root: Path, get: Get) -> None:
    (root / "a").write_bytes(b"hello")
    os.utime(root / "a", (1_000_000_000, 1_000_000_000))
    found = get("/a")
    etag, date = found.header("etag"), found.header("last-modified")
    for validator, status in [
        (etag, 206),
        (f"W/{etag}", 200),
        ('"x"', 200),
        (format_date(1_000_000_001), 200),
        (date, 200),  # its inode was changed just now: a date could lie
    ]:
        assert get("/a", "Range: bytes=1-2", f"If-Range: {validator}").status == status, validator
    assert get("/a", "Range: bytes=9-", 'If-Range: "x"').status == 200
    assert get("/a", "Range: bytes=1-2", f"If-None-Match: {etag}").status == 304
    assert get("/a", "Range: bytes=1-2", f"If-Match: {etag}").status == 206
    assert get("/a", "Range: bytes=1-2", 'If-Match: "x"').status == 412


def test_ranges_by_curl(mgr: Manager, root: Path, listener: Connection, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (root / "a").write_bytes(data)
    part = tmp_path / "part"
    part.write_bytes(data[:100_000])
    curl = ["curl", "-sS", "--fail", "--max-time", "20", "--noproxy", "*"]
    url = f"http://{listener.local}/a"
    with running(mgr):
        subprocess.run([*curl, "-C", "-", "-o", part, url], check=True)
        few = subprocess.run([*curl, "-r", "0-1,1000-1001", url], check=True, capture_output=True)
    assert part.read_bytes() == data
    assert few.stdout.count(b"Content-Range: bytes ") == 2


def test_a_file_that_becomes_shorter_than_the_range(
    root: Path, get: Get, files: StaticFiles
) -> None:
    (root / "a").write_bytes(b"x" * 100_000)
    assert get("/a").status == 200
    (known,) = files._files._known.values()
    os.truncate(root / "a", 10)
    with pytest.raises(OSError, match="changed while it was read"):
        known.part(5000, 6000)


# -- options --------------------------------------------------------------------------------------


@pytest.fixture
def site(mgr: Manager, root: Path, ask: Callable[..., bytes]) -> Iterator[Callable[..., Get]]:
    """Requests to a folder that is served with options."""
    made: list[StaticFiles] = []

    def make(**options: Any) -> Get:
        made.append(StaticFiles(options.pop("root", root), **options))
        listener = mgr.bind(HTTP, made[-1])

        def request(target: str, *fields: str, method: str = "GET", body: bytes = b"") -> Response:
            lines = [f"{method} {target} HTTP/1.1", "Host: a", "Connection: close", *fields]
            if body:
                lines.append(f"Content-Length: {len(body)}")
            data = "\r\n".join([*lines, "", ""]).encode() + body
            return response(ask(listener, data, method), method)

        return request

    yield make
    for files in made:
        files.close()


def test_fields_of_ones_own(root: Path, site: Callable[..., Get]) -> None:
    (root / "a.txt").write_text("a")
    get = site(headers={"X-One": "1", "X-Two": "2"}, cache_control="max-age=60")
    etag = get("/a.txt").header("etag")
    for fields, status in [
        ([], 200),
        (["Range: bytes=0-0"], 206),
        ([f"If-None-Match: {etag}"], 304),
        (["Range: bytes=9-"], 416),
    ]:
        found = get("/a.txt", *fields)
        assert (found.status, found.header("x-one"), found.header("x-two")) == (status, "1", "2")
        assert found.header("cache-control") == (None if status == 416 else "max-age=60")
        assert found.header("vary") == (None if status == 416 else "Accept-Encoding")
    listing = get("/")
    assert (listing.header("x-one"), listing.header("cache-control")) == ("1", None)
    assert get("/none").header("x-one") is None
    with pytest.raises(ValueError, match="bad value"):
        StaticFiles(root, headers={"X": "a\r\nY: b"})
    with pytest.raises(ValueError, match="set by the library"):
        StaticFiles(root, headers={"Content-Length": "1"})


def test_types_of_ones_own(root: Path, site: Callable[..., Get]) -> None:
    (root / "a.LOG").write_text("a")
    assert site(types={".log": "text/x-log"})("/a.LOG").header("content-type") == "text/x-log"


def test_hidden_names(root: Path, site: Callable[..., Get]) -> None:
    for name in ("a.txt", "b.bak", "C.BAK"):
        (root / name).write_text("a")
    get = site(hidden=["*.bak", "[d-f]*"])
    (root / "dir").mkdir()
    (root / "dir" / "a.txt").write_text("a")
    for target in ("/b.bak", "/C.BAK", "/c.bak", "/dir", "/dir/", "/dir/a.txt"):
        assert get(target).status == 404
    assert get("/a.txt").body == b"a"
    text = get("/").body.decode()
    assert "a.txt" in text
    assert ".bak" not in text.lower()
    with pytest.raises(TypeError, match="several names"):
        StaticFiles(root, hidden="*.bak")


def test_pages_of_errors(root: Path, site: Callable[..., Get]) -> None:
    (root / "404.html").write_text("<p>not here")
    (root / "large.html").write_text("x" * 100_000)
    (root / "empty").mkdir()
    get = site(errors={404: "/404.html", 403: "404.html", 405: "large.html"}, listing=False)
    for target in ("/none", "/../x", "/.hidden"):
        found = get(target)
        assert (found.status, found.body) == (404, b"<p>not here")
        assert found.header("content-type") == "text/html; charset=utf-8"
    assert get("/none", method="HEAD").body == b""
    assert (get("/empty/").status, get("/empty/").body) == (403, b"<p>not here")
    found = get("/none", method="PUT")
    assert (found.status, len(found.body), found.header("allow")) == (405, 100_000, "GET, HEAD")
    (root / "404.html").write_text("changed")
    assert get("/none").body == b"changed"
    (root.parent / "pics").mkdir()
    get = site(
        errors={404: "404.html"}, folders={"/empty": {}}, rewrites={"/pics": root.parent / "pics"}
    )
    for target in ("/none", "/empty/none", "/pics/none"):
        assert get(target).body == b"changed"
    for wrong in ("none.html", "../secret.txt", "empty", ""):
        with pytest.raises((ValueError, FileNotFoundError)):
            StaticFiles(root, errors={404: wrong})


def test_a_page_of_an_error_that_is_gone(
    root: Path, site: Callable[..., Get], logged: list[logging.LogRecord]
) -> None:
    (root / "404.html").write_text("<p>not here")
    get = site(errors={404: "404.html"})
    (root / "404.html").unlink()
    assert get("/none").body == b"404 Not Found\n"
    assert len(logged) == 1


def test_access_by_address(root: Path, site: Callable[..., Get]) -> None:
    (root / "a").write_text("a")
    assert site(acl="-0.0.0.0/0,+127.0.0.0/8")("/a").status == 200
    get = site(acl="+10.0.0.0/8")
    assert [get(t).status for t in ("/a", "/none", "/")] == [403] * 3
    assert get("/a", method="PUT").status == 403
    with pytest.raises(ValueError, match="bad acl entry"):
        StaticFiles(root, acl="nonsense")


class Guarded:
    """Lets requests in that say the word."""

    def __init__(self) -> None:
        self.asked = 0

    def allows(self, req: Any) -> bool:
        self.asked += 1
        if req.header("x-word") == "please":
            req.user = "polite"
            return True
        req.error(401)
        return False


def test_a_guard(root: Path, site: Callable[..., Get]) -> None:
    (root / "a").write_text("a")
    guard = Guarded()
    get = site(auth=guard)
    for method in ("GET", "HEAD", "PUT"):
        assert get("/a", method=method).status == 401
    assert get("/none").status == 401
    assert get("/a", "X-Word: please").body == b"a"
    assert guard.asked == 5


def test_folders_of_their_own(root: Path, site: Callable[..., Get]) -> None:
    for folder in ("private", "private/open", "plain", "privately"):
        (root / folder).mkdir()
        (root / folder / "a.txt").write_text(folder)
    get = site(
        headers={"X-A": "1"},
        folders={
            "/private": {"auth": Guarded(), "listing": False, "headers": {"X-B": "2"}},
            "/private/open/": {"auth": None},
        },
    )
    assert get("/private/a.txt").status == 401
    assert get("/private").status == 401
    word = "X-Word: please"
    found = get("/private/a.txt", word)
    assert (found.body, found.header("x-a"), found.header("x-b")) == (b"private", None, "2")
    assert get("/private/", word).status == 403
    found = get("/private/open/a.txt")  # as above it, but for what is said
    assert (found.body, found.header("x-b")) == (b"private/open", "2")
    assert get("/private/open/").status == 403
    assert get("/plain/a.txt").header("x-a") == "1"
    assert get("/privately/a.txt").body == b"privately"
    for wrong, error in [
        ({"private": {}}, ValueError),
        ({"/": {}}, ValueError),
        ({"/private": {"lsting": True}}, TypeError),
        ({"/private": {"errors": {}}}, TypeError),
        ({"/private": {"index": "a"}}, TypeError),
        ({"/private": {"dav": None}}, TypeError),
    ]:
        with pytest.raises(error):
            StaticFiles(root, folders=wrong)  # type: ignore[arg-type]
    for option in ("acl", "auth"):
        with pytest.raises(ValueError, match="does not go with dav="):
            StaticFiles(root, dav=print, folders={"/private": {option: None}})


def test_rewrites(root: Path, tmp_path: Path, site: Callable[..., Get]) -> None:
    pics = tmp_path / "pics"
    (pics / "deep").mkdir(parents=True)
    (pics / "a.png").write_text("png")
    (pics / "deep" / "b.png").write_text("deep")
    (pics / "out").symlink_to(root)
    (root / "a.txt").write_text("a")
    get = site(
        rewrites={
            "/pictures": pics,
            "/app/": root / "a.txt",
            "/pictures/x": tmp_path / "secret.txt",
        },
        folders={"/pictures/deep": {"headers": {"X-Deep": "1"}}},
    )
    assert get("/pictures/a.png").body == b"png"
    assert get("/pictures").header("location") == "/pictures/"
    assert b"a.png" in get("/pictures/").body
    assert get("/pictures/deep").header("location") == "/pictures/deep/"
    found = get("/pictures/deep/b.png")
    assert (found.body, found.header("x-deep")) == (b"deep", "1")
    for target in ("/app", "/app/", "/app/some/page?x"):
        assert get(target).body == b"a"
    assert get("/pictures/x").body == b"secret"  # it was asked for
    for target in ("/pictures/../secret.txt", "/pictures/out/a.txt", "/picturesque",
                   "/pictures//a.png", "/pictures/%2e%2e/secret.txt"):  # fmt: skip
        assert get(target).status == 404, target
    with pytest.raises(FileNotFoundError):
        StaticFiles(root, rewrites={"/x": tmp_path / "none"})


class Service:
    """Answers with what it was given."""

    def __init__(self, ending: str) -> None:
        self.ending = ending

    def matches(self, path: str) -> bool:
        return path.endswith(self.ending)

    def run(self, req: Any, path: str, script_name: str, path_info: str) -> None:
        req.reply(200, [req.method, os.path.basename(path), script_name, path_info])


def test_scripts(root: Path, site: Callable[..., Get], tmp_path: Path) -> None:
    (root / "d").mkdir()
    for name in ("x.cgi", "d/index.cgi", "d/index.html", "page.shtml", ".x.cgi"):
        (root / name).write_text("source")
    (root / "folder.cgi").mkdir()
    (root / "folder.cgi" / "a").write_text("a")
    (root / "out.cgi").symlink_to(tmp_path / "secret.txt")
    get = site(cgi=Service(".cgi"), ssi=Service(".shtml"), index=["index.cgi", "index.shtml"])

    def run(target: str, **options: Any) -> Any:
        return json.loads(get(target, **options).body)

    assert run("/x.cgi") == ["GET", "x.cgi", "/x.cgi", ""]
    assert run("/x.cgi?a/b") == ["GET", "x.cgi", "/x.cgi", ""]
    assert run("/x.cgi/") == ["GET", "x.cgi", "/x.cgi", "/"]
    assert run("/x.cgi/a%20b/../c//d") == ["GET", "x.cgi", "/x.cgi", "/a b/../c//d"]
    assert run("/x.cgi", method="POST", body=b"1") == ["POST", "x.cgi", "/x.cgi", ""]
    assert run("/x.cgi", method="PUT") == ["PUT", "x.cgi", "/x.cgi", ""]
    assert run("/d/") == ["GET", "index.cgi", "/d/index.cgi", ""]
    assert run("/d/", method="POST") == ["POST", "index.cgi", "/d/index.cgi", ""]
    assert run("/page.shtml") == ["GET", "page.shtml", "/page.shtml", ""]
    assert get("/page.shtml", method="POST").status == 405
    assert get("/d/index.html").body == b"source"
    assert get("/folder.cgi/a").body == b"a"
    for target in ("/out.cgi", "/.x.cgi", "/none.cgi", "/none.cgi/x", "/x.cgi%2f", "/d/../x.cgi",
                   "/" + "a/" * 100 + "x.cgi"):  # fmt: skip
        assert get(target).status == 404, target


def test_other_methods_are_anothers(root: Path, site: Callable[..., Get]) -> None:
    (root / "x.cgi").write_text("source")

    @handles(EV_HTTP_CHUNK, EV_HTTP_REQUEST)
    def dav(c: Connection, ev: int, req: Any) -> None:
        seen.append(req.take())
        if ev == EV_HTTP_REQUEST:
            req.reply(200, f"{req.method} {req.subpath} {len(b''.join(seen))}")

    seen: list[bytes] = []
    guard = Guarded()
    get = site(dav=dav, auth=guard)
    body = b"x" * 3_000_000  # more than a whole body may have
    assert get("/new", method="PUT", body=body).status == 401
    found = get("/new", "X-Word: please", method="PUT", body=body)
    assert found.body == b"PUT /new 3000000"
    assert guard.asked == 2
    assert get("/x.cgi", "X-Word: please").body == b"source"
    assert get("/", "X-Word: please", method="OPTIONS").body.startswith(b"OPTIONS / ")
    get = site(dav=dav, cgi=Service(".cgi"))
    assert get("/x.cgi", method="POST").body.startswith(b'["POST"')
    assert get("/x.cgi", method="DELETE").body.startswith(b"DELETE")


def test_a_service_that_fails(
    root: Path, site: Callable[..., Get], logged: list[logging.LogRecord]
) -> None:
    class Failing(Service):
        def run(self, req: Any, *args: str) -> None:
            raise OSError(28, "No space left on device")

    for name in ("x.cgi", "index.cgi", "x.shtml"):
        (root / name).write_text("source")
    get = site(cgi=Failing(".cgi"), ssi=Failing(".shtml"), index=["index.cgi"])
    for target in ("/x.cgi", "/", "/x.shtml"):
        assert get(target).status == 500
    assert len(logged) == 3


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

    def fail(*args: Any, **kw: Any) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "open", fail)
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
