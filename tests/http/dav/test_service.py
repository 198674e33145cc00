"""The methods of WebDAV, one by one (RFC 4918 9); who may, and what is there for whom."""

from __future__ import annotations

import errno
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galidia.http import HttpOptions, StaticFiles
from galidia.http.dav import WebDav, dead, jobs, properties, service, trees
from galidia.http.dav.names import STORE
from galidia.http.dav.xml import XML_LIMIT
from tests.helpers import until
from tests.http.conftest import Net
from tests.http.dav.conftest import LOCK, Client, condition, multistatus, request
from tests.http.wire import response, responses
from tests.leaks import descriptors

D = "{DAV:}"
Serve = Callable[..., Client]


def prop(*names: str) -> str:
    inside = "".join(f"<D:{name}/>" for name in names)
    return f'<D:propfind xmlns:D="DAV:"><D:prop>{inside}</D:prop></D:propfind>'


def patch(*steps: str) -> str:
    """A PROPPATCH of steps such as "set <p>1</p>" and "remove <p/>"."""
    parts = [step.partition(" ") for step in steps]
    inside = "".join(f"<D:{how}><D:prop>{what}</D:prop></D:{how}>" for how, _, what in parts)
    return f'<D:propertyupdate xmlns:D="DAV:">{inside}</D:propertyupdate>'


def dest(path: str) -> str:
    return f"Destination: /dav{path}"


def test_options_that_cannot_be(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a").write_text("x")
    with pytest.raises(NotADirectoryError):
        WebDav(root / "a")
    with pytest.raises(TypeError):
        WebDav(root, hidden="*.bak")
    with pytest.raises(ValueError):
        WebDav(root, max_size=-1)
    monkeypatch.setattr(os, "supports_dir_fd", set())
    with pytest.raises(NotImplementedError):
        WebDav(root)


# -- OPTIONS, and who may --------------------------------------------------------------------------


def test_options(ask: Client) -> None:
    for path in ("/", "/none"):
        found = ask("OPTIONS", path)
        assert (found.status, found.header("dav")) == (200, "1, 2, 3")
        assert found.header("ms-author-via") == "DAV"
        allowed = found.header("allow")
        assert allowed == ", ".join(service.READING + service.WRITING)


@pytest.mark.parametrize("method", ["POST", "PATCH", "TRACE", "REPORT", "ACL"])
def test_other_methods(method: str, ask: Client) -> None:
    found = ask(method, "/", body="x")
    assert found.status == 405
    assert found.header("allow") == ", ".join(service.READING + service.WRITING)


def test_read_only(serve: Serve, root: Path) -> None:
    (root / "a").write_text("here")
    ask = serve(write=False)
    found = ask("OPTIONS", "/")
    assert (found.header("dav"), found.header("allow")) == ("1", "OPTIONS, GET, HEAD, PROPFIND")
    assert ask("GET", "/a").body == b"here"
    assert ask("PROPFIND", "/", "Depth: 1").status == 207
    for method in service.WRITING:
        assert ask(method, "/a", dest("/b"), body="" if method == "DELETE" else "x").status == 403
    assert os.listdir(root) == ["a"]


class Guard:
    """Lets in whom it knows, and counts how often it was asked."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked = 0

    def allows(self, req: Any) -> bool:
        self.asked += 1
        req.user = req.header("x-user")
        if req.user not in self.names:
            req.error(401, "", [("WWW-Authenticate", "Test")])
            return False
        return True


def test_guards(serve: Serve, root: Path) -> None:
    auth, write = Guard("reader", "writer"), Guard("writer")
    ask = serve(auth=auth, write=write)
    large = b"x" * 100_000
    assert ask("OPTIONS", "/").status == 401
    assert ask("PUT", "/a", body=large).status == 401
    assert ask("PUT", "/a", "X-User: reader", body=large).status == 401
    assert (auth.asked, write.asked) == (3, 1)
    assert ask("PUT", "/a", "X-User: writer", body=large).status == 201
    assert ask("PROPPATCH", "/a", "X-User: writer", body=patch("set <p/>")).status == 207
    assert (auth.asked, write.asked) == (5, 3)
    assert ask("PROPFIND", "/a", "X-User: reader", "Depth: 0").status == 207
    assert (root / "a").read_bytes() == large
    assert sorted(os.listdir(root)) == [STORE, "a"]


def test_a_lock_is_of_who_has_taken_it(serve: Serve) -> None:
    ask = serve(auth=Guard("one", "other"))
    one, other = "X-User: one", "X-User: other"
    token = ask.lock("/a", one)
    assert ask("PUT", "/a", other, f"If: ({token})", body="x").status == 423
    assert ask("LOCK", "/a", other, f"If: ({token})").status == 412
    assert ask("UNLOCK", "/a", other, f"Lock-Token: {token}").status == 403
    assert ask("PUT", "/a", one, f"If: ({token})", body="x").status == 204
    assert ask("UNLOCK", "/a", one, f"Lock-Token: {token}").status == 204


def test_hidden_names(serve: Serve, root: Path) -> None:
    for name in ("seen", "a.BAK", ".dot", STORE):
        (root / name).write_text("x")
    ask = serve(hidden=["*.bak"])
    assert sorted(ask.find("/", prop("getetag"), "1")) == ["/dav/", "/dav/seen"]
    for name in ("a.BAK", ".dot", STORE, ".galidia-dav-x"):
        for method in ("GET", "PROPFIND", "DELETE", "PROPPATCH", "UNLOCK"):
            assert ask(method, f"/{name}", "Depth: 0").status == 404
        for method in ("PUT", "MKCOL", "LOCK"):
            assert ask(method, f"/{name}", body="").status == 403
        for method in ("COPY", "MOVE"):
            assert ask(method, "/seen", dest(f"/{name}")).status == 403
            assert ask(method, f"/{name}", dest("/new")).status == 404


def test_below_static_files(sim: Net, root: Path) -> None:
    dav = WebDav(root)
    files = StaticFiles(root, dav=dav)
    sim.serve(files)
    put = request("PUT", "/a.txt", body=b"hello")
    get = request("GET", "/a.txt")
    find = request("PROPFIND", "/", "Depth: 1", body=prop("getetag"))
    client = sim.client(put + get + find)
    client.shutdown()
    assert sim.net.run(lambda: client.ended)
    client.close()
    made, read, found = responses(bytes(client.received), ["PUT", "GET", "PROPFIND"])
    assert (made.status, read.body) == (201, b"hello")
    etag = multistatus(found)["/a.txt"]["200"][f"{D}getetag"].text
    assert etag == read.header("etag") == made.header("etag")
    dav.close()
    files.close()


# -- PUT -------------------------------------------------------------------------------------------


def test_put(ask: Client, root: Path) -> None:
    found = ask("PUT", "/a%20%C3%A4", body="one")
    assert (found.status, found.header("etag")) == (201, ask("HEAD", "/a%20%C3%A4").header("etag"))
    (root / "a \u00e4").chmod(0o640)
    assert ask("PUT", "/a%20%C3%A4", body="").status == 204
    assert (root / "a \u00e4").read_bytes() == b""
    assert (root / "a \u00e4").stat().st_mode & 0o777 == 0o640
    assert ask.leftovers() == []


def test_what_cannot_be_put(ask: Client, root: Path) -> None:
    (root / "d").mkdir()
    (root / "a").write_text("old")
    assert ask("PUT", "/d", body="x").status == 405
    assert ask("PUT", "/d/", body="x").status == 405
    assert ask("PUT", "/", body="x").status == 405
    assert ask("PUT", "/new/", body="x").status == 409
    assert ask("PUT", "/none/a", body="x").status == 409
    assert ask("PUT", "/a/b", body="x").status == 409
    assert ask("PUT", "/a", "Content-Range: bytes 0-0/3", body="x").status == 400
    assert ask("PUT", "/" + "n" * 300, body="x").status == 403
    assert (root / "a").read_text() == "old"
    assert sorted(os.listdir(root)) == ["a", "d"]


def test_put_with_conditions(ask: Client, root: Path) -> None:
    assert ask("PUT", "/a", "If-Match: *", body="x").status == 412
    assert ask("PUT", "/a", "If-None-Match: *", body="1").status == 201
    assert ask("PUT", "/a", "If-None-Match: *", body="2").status == 412
    etag = ask("HEAD", "/a").header("etag")
    assert ask("PUT", "/a", 'If-Match: "other"', body="2").status == 412
    assert ask("PUT", "/a", f"If: ([{etag}])", body="22").status == 204
    assert ask("PUT", "/a", f"If-Match: {etag}", body="3").status == 412
    assert ask("PUT", "/a", f"If: ([{etag}])", body="3").status == 412
    assert ask("PUT", "/a", "If: nonsense", body="3").status == 400
    assert ask("PUT", "/a", "If: (<u:a>)", "If: (<u:b>)", body="3").status == 400
    assert (root / "a").read_text() == "22"
    assert ask.leftovers() == []


def test_a_body_of_any_size_comes_in_pieces(sim: Net, root: Path) -> None:
    dav = WebDav(root)
    listener = sim.serve(None, options=HttpOptions(body_limit=10_000))
    listener.endpoint("/dav/{path...}", dav)
    data = os.urandom(300_000)
    client = sim.client(request("PUT", "/dav/a", "Expect: 100-continue", body=data)[:-300_000])
    assert sim.net.run(lambda: client.received)
    for at in range(0, len(data), 7_000):
        client.send(data[at : at + 7_000])
    assert sim.net.run(lambda: b" 201 " in client.received)
    client.close()
    sim.net.run(limit=1)
    assert [r.status for r in responses(bytes(client.received), ["PUT"])] == [100, 201]
    assert (root / "a").read_bytes() == data
    dav.close()


def test_half_an_upload_is_none(ask: Client, root: Path) -> None:
    (root / "a").write_text("old")
    before = descriptors()
    client = ask.begin("PUT", "/a", "Content-Length: 1000", body="half")
    ask.sim.net.run(limit=1)
    assert len(ask.leftovers()) == 1
    assert ask("GET", "/a").body == b"old"
    client.reset()
    ask.sim.net.run(limit=1)
    assert ask.leftovers() == []
    assert (root / "a").read_text() == "old"
    assert descriptors() == before


def test_an_upload_that_takes_too_long(ask: Client, root: Path) -> None:
    client = ask.begin("PUT", "/a", "Content-Length: 1000", body="half")
    assert ask.sim.net.run(lambda: client.ended, limit=600)
    assert response(client.received).status == 408
    client.close()
    ask.sim.net.run(limit=1)
    assert os.listdir(root) == []


def test_sizes(serve: Serve, root: Path) -> None:
    ask = serve(max_size=10)
    assert ask("PUT", "/a", body="x" * 10).status == 201
    assert ask("PUT", "/b", body="x" * 11).status == 413
    chunked = b"b\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n"
    client = ask.sim.client(request("PUT", "/dav/b", "Transfer-Encoding: chunked") + chunked)
    assert ask.end(client).status == 413
    assert os.listdir(root) == ["a"]


@pytest.mark.parametrize("when", ["before", "within"])
def test_no_space(when: str, ask: Client, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if when == "before":
        length = os.statvfs(root).f_bavail * os.statvfs(root).f_frsize * 2
        client = ask.begin("PUT", "/a", f"Content-Length: {length}", "Expect: 100-continue")
        assert ask.sim.net.run(lambda: client.ended, limit=600)
        found = response(client.received)
        client.close()
        ask.sim.net.run(limit=1)
    else:

        def full(*args: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        found = ask("PUT", "/a", body="x")
    assert found.status == 507
    assert os.listdir(root) == []


def test_a_file_on_the_disk_before_it_is_answered_for(
    mgr: Any, root: Path, monkeypatch: pytest.MonkeyPatch, dial: Any
) -> None:
    synced: list[int] = []
    really = os.fsync

    def fsync(fd: int) -> None:
        synced.append(threading.get_ident())
        really(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    dav = WebDav(root, sync=True)
    listener = mgr.bind("http://127.0.0.1:0")
    listener.endpoint("/dav/{path...}", dav)
    peer = dial(listener)
    peer.send(request("PUT", "/dav/a", body="hello"))
    until(mgr, peer.look)
    assert response(peer.received, "PUT").status == 201
    assert len(synced) == 2
    assert synced[0] != synced[1] == threading.get_ident()  # the file elsewhere, then the folder
    dav.close()


def test_a_client_that_goes_while_the_disk_is_waited_for(
    mgr: Any, root: Path, monkeypatch: pytest.MonkeyPatch, dial: Any
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def fsync(fd: int) -> None:
        entered.set()
        leave.wait()
        os.fstat(fd)  # it is still open

    monkeypatch.setattr(os, "fsync", fsync)
    dav = WebDav(root, sync=True)
    listener = mgr.bind("http://127.0.0.1:0")
    listener.endpoint("/dav/{path...}", dav)
    before = descriptors()
    peer = dial(listener)
    peer.send(request("PUT", "/dav/a", body="hello"))
    until(mgr, entered.is_set)
    try:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()  # which is a reset now
        until(mgr, lambda: len(mgr) == 1)
    finally:
        leave.set()
    until(mgr, lambda: not os.listdir(root))
    until(mgr, lambda: descriptors() == before)
    dav.close()


def test_a_new_file_has_nothing_of_an_old_one(ask: Client, root: Path) -> None:
    ask("PUT", "/a", body="x")
    ask("PROPPATCH", "/a", body=patch("set <p/>"))
    assert "p" in ask.find("/a")["/dav/a"]
    assert ask("PUT", "/a", body="y").status == 204
    assert "p" in ask.find("/a")["/dav/a"]
    (root / "a").unlink()  # by somebody else
    assert ask("PUT", "/a", body="z").status == 201
    assert "p" not in ask.find("/a")["/dav/a"]
    assert ask.leftovers() == []


# -- MKCOL, DELETE ---------------------------------------------------------------------------------


def test_mkcol(ask: Client, root: Path) -> None:
    (root / "file").write_text("x")
    assert ask("MKCOL", "/a").status == 201
    assert ask("MKCOL", "/a/b/").status == 201
    assert (root / "a" / "b").is_dir()
    assert ask("MKCOL", "/a").status == 405
    assert ask("MKCOL", "/").status == 405
    assert ask("MKCOL", "/file").status == 405
    assert ask("MKCOL", "/file/").status == 405
    assert ask("MKCOL", "/c/d").status == 409
    assert ask("MKCOL", "/file/d").status == 409
    assert ask("MKCOL", "/e", body="<x/>").status == 415
    assert not (root / "e").exists()


def test_delete(ask: Client, root: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    for name in ("a", "d/b", "d/e/c", "d/e/.hidden"):
        (root / name).write_text("x")
    assert ask("DELETE", "/a").status == 204
    assert ask("DELETE", "/a").status == 404
    assert ask("DELETE", "/d/b/").status == 404
    assert ask("DELETE", "/d", "Depth: 0").status == 400
    assert ask("DELETE", "/d", "If-Match: *", "If-None-Match: *").status == 412
    assert ask("DELETE", "/d").status == 204
    assert ask("DELETE", "/").status == 403
    assert os.listdir(root) == []


def test_a_delete_that_fails_in_a_part(
    ask: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "d" / "e f").mkdir(parents=True)
    for name in ("d/a", "d/e f/kept", "d/e f/gone"):
        (root / name).write_text("x")

    def unlink(name: Any, **options: Any) -> None:
        if name in ("kept", "single"):
            raise PermissionError(errno.EACCES, "Permission denied")
        really(name, **options)

    really = os.unlink
    monkeypatch.setattr(os, "unlink", unlink)
    found = ask("DELETE", "/d")
    assert found.status == 207
    assert multistatus(found) == {"/dav/d/e%20f/kept": {"403": {}}}
    assert [p.name for p in root.rglob("*")] == ["d", "e f", "kept"]
    (root / "single").write_text("x")
    assert ask("DELETE", "/single").status == 403


def test_a_full_disk_can_be_made_empty(
    ask: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        ask("PUT", f"/{name}", body="x")
        ask("PROPPATCH", f"/{name}", body=patch("set <p/>"))

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(dead, "save", full)
    assert ask("DELETE", "/a").status == 204
    monkeypatch.undo()
    assert sorted(os.listdir(root)) == [STORE, "b"]
    assert ask("PUT", "/a", body="new").status == 201
    assert "p" not in ask.find("/a")["/dav/a"]


# -- COPY, MOVE ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("there", ["", "file", "empty", "full", "link"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_copy_and_move(method: str, there: str, kind: str, ask: Client, root: Path) -> None:
    source, target = root / "source", root / "target"
    if kind == "file":
        source.write_text("content")
    else:
        source.mkdir()
        (source / "in").write_text("content")
    (root / "other").write_text("other")
    if there == "file":
        target.write_text("old")
    elif there == "link":
        target.symlink_to("other")
    elif there:
        target.mkdir()
        if there == "full":
            (target / "old").write_text("old")
    ask("PROPPATCH", "/source", body=patch("set <p>1</p>"))
    if there:
        ask("PROPPATCH", "/target", body=patch("set <q>1</q>"))
        assert ask(method, "/source", dest("/target"), "Overwrite: F").status == 412
    before = descriptors()
    assert ask(method, "/source", dest("/target")).status == (204 if there else 201)
    assert descriptors() == before
    assert (target if kind == "file" else target / "in").read_text() == "content"
    assert source.exists() is (method == "COPY")
    assert (root / "other").read_text() == "other"
    assert not target.is_symlink()
    href = "/dav/target" + ("/" if kind == "folder" else "")
    dead = {name for name in ask.find("/target")[href] if not name.startswith(D)}
    assert dead == {"p"}
    assert not any(".galidia-dav-" in name for name in ask.leftovers())
    if method == "MOVE":
        assert ask("DELETE", "/target").status == 204
        assert ask.leftovers() == []


def test_depths_of_a_copy(ask: Client, root: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "e" / "f").write_text("x")
    ask("PROPPATCH", "/d", body=patch("set <p/>"))
    ask("PROPPATCH", "/d/e", body=patch("set <p/>"))
    assert ask("COPY", "/d", dest("/0"), "Depth: 0").status == 201
    assert [p.name for p in (root / "0").iterdir()] == [STORE]
    assert "p" in ask.find("/0")["/dav/0/"]
    assert ask("COPY", "/d", dest("/all"), "Depth: Infinity").status == 201
    assert (root / "all" / "e" / "f").read_text() == "x"
    assert "p" in ask.find("/all/e")["/dav/all/e/"]
    assert ask("COPY", "/d", dest("/1"), "Depth: 1").status == 400
    assert ask("MOVE", "/d", dest("/1"), "Depth: 0").status == 400
    assert ask("COPY", "/d", dest("/1"), "Overwrite: maybe").status == 400


def test_the_deepest_tree_that_can_be_made_can_be_removed(ask: Client, root: Path) -> None:
    path = ""
    for _ in range(trees.MAX_LEVELS - 1):
        path += "/d"
        assert ask("MKCOL", path).status == 201
    assert ask("MKCOL", path + "/d").status == 403
    assert ask("COPY", "/d", dest("/e")).status == 201
    for name in ("d", "e"):
        assert ask("DELETE", f"/{name}").status == 204
    assert os.listdir(root) == []


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize(
    ("source", "destination", "status"),
    [
        ("/d", "/d", 403),
        ("/d", "/d/", 403),
        ("/d", "/d/e/new", 403),
        ("/d/e", "/d", 403),
        ("/d/e", "/", 403),
        ("/", "/new", 403),
        ("/d/link", "/d/e", 403),
        ("/d", "/d-", 201),
        ("/none", "/new", 404),
        ("/d/e", "/none/new", 409),
        ("/d/e", "/file/new", 409),
    ],
)
def test_where_to(
    method: str, source: str, destination: str, status: int, ask: Client, root: Path
) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "link").symlink_to("e")
    (root / "file").write_text("x")
    assert ask(method, source, dest(destination)).status == status
    assert (root / "file").read_text() == "x"
    assert ask.leftovers() == []


def test_a_copy_that_fails(ask: Client, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "d").mkdir()
    os.mkfifo(root / "d" / "fifo")
    (root / "d" / "a").write_text("x")
    (root / "target").write_text("old")
    found = ask("COPY", "/d", dest("/new"))
    assert (found.status, multistatus(found)) == (207, {"/dav/d/fifo": {"403": {}}})
    assert os.listdir(root / "new") == ["a"]

    def full(*args: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    before = descriptors()
    assert ask("COPY", "/d", dest("/target")).status == 507
    assert ask("COPY", "/d/a", dest("/target")).status == 507
    assert (root / "target").read_text() == "old"
    assert ask.leftovers() == []
    assert descriptors() == before


@pytest.mark.parametrize("fails", [False, True])
def test_a_move_to_another_file_system(
    fails: bool, ask: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "d").mkdir()
    (root / "d" / "a").write_text("x")
    (root / "d" / "link").symlink_to("a")
    if fails:
        os.mkfifo(root / "d" / "fifo")

    def replace(source: str, target: str, **options: Any) -> None:
        if source == "d":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        really(source, target, **options)

    really = os.replace
    monkeypatch.setattr(os, "replace", replace)
    assert ask("MOVE", "/d", dest("/new")).status == (403 if fails else 201)
    assert os.listdir(root) == ["d" if fails else "new"]
    if not fails:
        assert (root / "new" / "link").readlink() == Path("a")


# -- long work -------------------------------------------------------------------------------------


def many(folder: Path, count: int) -> None:
    folder.mkdir()
    for n in range(count):
        (folder / str(n)).write_text("x")


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """One file in each."""
    monkeypatch.setattr(jobs, "SLICE", 1)


@pytest.mark.usefixtures("slices")
def test_long_work_leaves_the_loop_to_others(mgr: Any, root: Path, dial: Any) -> None:
    many(root / "d", 400)
    dav = WebDav(root)
    listener = mgr.bind("http://127.0.0.1:0")
    listener.endpoint("/dav/{path...}", dav)
    copying, other = dial(listener), dial(listener)
    copying.send(request("COPY", "/dav/d", dest("/new")))
    until(mgr, lambda: list(root.glob(".*")))
    assert not (root / "new").exists()
    other.send(request("PUT", "/dav/a", body="x") + request("GET", "/dav/d/0"))
    until(mgr, lambda: other.look().endswith(b"x"))
    assert [r.status for r in responses(other.received, ["PUT"])] == [201, 200]
    assert not copying.look()
    until(mgr, copying.look)
    assert response(copying.received, "COPY").status == 201
    assert len(os.listdir(root / "new")) == 400
    dav.close()


@pytest.mark.usefixtures("slices")
def test_work_on_the_same_tree_waits(ask: Client, root: Path) -> None:
    many(root / "d", 400)
    moving = ask.begin("DELETE", "/d")
    assert ask.sim.net.run(lambda: len(os.listdir(root / "d")) < 400, limit=10)
    put = ask.begin("PUT", "/d/0", body="new")
    lost = ask.begin("PUT", "/d/1", body="new")
    ask.sim.net.run(lambda: len(ask.leftovers()) == 2, limit=10)
    lost.reset()
    assert ask.end(moving).status == 204
    assert ask.end(put).status == 409  # there is no such folder any more
    assert os.listdir(root) == []


@pytest.mark.usefixtures("slices")
def test_a_client_that_does_not_wait_for_the_end(ask: Client, root: Path) -> None:
    many(root / "d", 400)
    deleting = ask.begin("DELETE", "/d")
    assert ask.sim.net.run(lambda: len(os.listdir(root / "d")) < 400, limit=10)
    deleting.reset()
    assert ask.sim.net.run(lambda: not os.listdir(root), limit=10)


@pytest.mark.usefixtures("slices")
def test_a_service_that_closes_leaves_nothing(ask: Client, root: Path) -> None:
    many(root / "d", 400)
    before = descriptors()
    copying = ask.begin("COPY", "/d", dest("/new"))
    assert ask.sim.net.run(lambda: ask.leftovers(), limit=10)
    ask.dav.close()
    assert ask.leftovers() == []
    copying.reset()
    ask.sim.net.run(limit=1)
    assert descriptors() == before


# -- PROPFIND --------------------------------------------------------------------------------------


def test_propfind(ask: Client, root: Path) -> None:
    (root / "d").mkdir()
    (root / "a b\u00e4").write_text("hello")
    found = ask.find("/", depth="1")
    assert sorted(found) == ["/dav/", "/dav/a%20b%C3%A4", "/dav/d/"]
    file, folder = found["/dav/a%20b%C3%A4"], found["/dav/d/"]
    text = {name.removeprefix(D): it.text for name, it in file.items()}
    head = ask("HEAD", "/a%20b%C3%A4")
    assert text["displayname"] == "a b\u00e4"
    assert text["getcontentlength"] == "5"
    assert text["getcontenttype"] == head.header("content-type") == "application/octet-stream"
    assert text["getetag"] == head.header("etag")
    assert text["getlastmodified"] == head.header("last-modified")
    assert text["creationdate"] is not None
    assert len(text["creationdate"]) == len("2026-01-01T00:00:00Z")
    assert list(file[f"{D}resourcetype"]) == []
    assert [it.tag for it in folder[f"{D}resourcetype"]] == [f"{D}collection"]
    assert not {f"{D}getcontentlength", f"{D}getetag", f"{D}getcontenttype"} & set(folder)
    assert list(ask.find("/")) == ["/dav/"]
    assert list(ask.find("/d", depth="1")) == ["/dav/d/"]
    assert list(ask.find("/a%20b%C3%A4", depth="1")) == ["/dav/a%20b%C3%A4"]


def test_names_only(ask: Client, root: Path) -> None:
    (root / "a").write_text("hello")
    ask("PROPPATCH", "/a", body=patch('set <x xmlns="u">1</x>'))
    names = ask.find("/a", '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>')["/dav/a"]
    assert {"{u}x", f"{D}getetag", f"{D}resourcetype"} < set(names)
    assert all(it.text is None and len(it) == 0 for it in names.values())


def test_some_properties(ask: Client, root: Path) -> None:
    (root / "a").write_text("hello")
    body = '<propfind xmlns="DAV:"><prop><getcontentlength/><none/><x xmlns="u"/><y xmlns=""/>'
    body += "</prop></propfind>"
    found = ask("PROPFIND", "/a", "Depth: 0", body=body)
    stats = multistatus(found)["/dav/a"]
    assert set(stats["200"]) == {f"{D}getcontentlength"}
    assert set(stats["404"]) == {f"{D}none", "{u}x", "y"}
    body = '<propfind xmlns="DAV:"><allprop/><include><quota-used-bytes/></include></propfind>'
    assert f"{D}quota-used-bytes" in ask.find("/", body)["/dav/"]
    assert f"{D}quota-used-bytes" not in ask.find("/")["/dav/"]
    quota = ask.find("/", prop("quota-available-bytes"))["/dav/"][f"{D}quota-available-bytes"].text
    assert quota is not None
    assert int(quota) > 0


def test_infinity_is_refused(ask: Client) -> None:
    for fields in ([], ["Depth: infinity"]):
        found = ask("PROPFIND", "/", *fields)
        assert (found.status, condition(found)) == (403, ("propfind-finite-depth", ""))
    assert ask("PROPFIND", "/", "Depth: 2").status == 400
    assert ask("PROPFIND", "/none", "Depth: 0").status == 404


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "LOCK"])
@pytest.mark.parametrize(
    "body",
    [
        "x",
        "<a/>",
        '<propfind xmlns="DAV:"/>',
        '<propfind xmlns="DAV:"><prop/><allprop/></propfind>',
        '<propfind xmlns="DAV:"><propname/><include/></propfind>',
        '<propfind xmlns="DAV:"><prop>' + "".join(f"<p{n}/>" for n in range(101))
        + "</prop></propfind>",
        '<propertyupdate xmlns="DAV:"/>',
        '<propertyupdate xmlns="DAV:"><set/></propertyupdate>',
        '<lockinfo xmlns="DAV:"/>',
        '<lockinfo xmlns="DAV:"><lockscope/><locktype><write/></locktype></lockinfo>',
        '<lockinfo xmlns="DAV:"><lockscope><shared/><exclusive/></lockscope>'
        "<locktype><write/></locktype></lockinfo>",
        '<lockinfo xmlns="DAV:"><lockscope><shared/></lockscope><locktype><read/></locktype>'
        "</lockinfo>",
        '<lockinfo xmlns="DAV:"><lockscope><shared/></lockscope><locktype><write/></locktype>'
        "<owner>" + "x" * 3000 + "</owner></lockinfo>",
        "<!DOCTYPE a><a/>",
    ],
)  # fmt: skip
def test_xml_that_is_not_taken(method: str, body: str, ask: Client, root: Path) -> None:
    (root / "a").write_text("x")
    assert ask(method, "/a", "Depth: 0", body=body).status == 400
    assert ask(method, "/a", "Depth: 0", body=b" " * (XML_LIMIT + 1)).status == 413
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    data = request(method, "/dav/a", "Depth: 0", "Transfer-Encoding: chunked") + chunk * 3
    assert ask.end(ask.sim.client(data), method).status == 413
    assert os.listdir(root) == ["a"]


def test_a_large_folder_is_streamed(ask: Client, root: Path) -> None:
    many(root / "d", 3000)
    before = descriptors()
    found = ask.find("/d", prop("getetag", "resourcetype"), depth="1")
    assert len(found) == 3001
    client = ask.begin("PROPFIND", "/d", "Depth: 1")
    client.pause()
    ask.sim.net.run(limit=1)
    (c,) = [c for c in ask.sim.mgr if c.listener]
    assert len(c.send_mbuf) < 200_000  # of more than a megabyte
    client.reset()
    ask.sim.net.run(limit=1)
    assert descriptors() == before


def test_links(ask: Client, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "a").write_text("hello")
    (root / "in").symlink_to("d")
    (root / "file").symlink_to("d/a")
    (root / "out").symlink_to("../secret")
    (root / "nowhere").symlink_to("none")
    os.mkfifo(root / "fifo")
    found = ask.find("/", depth="1")
    assert sorted(found) == ["/dav/", "/dav/d/", "/dav/file", "/dav/in/"]
    assert found["/dav/file"][f"{D}getcontentlength"].text == "5"
    assert sorted(ask.find("/in", depth="1")) == ["/dav/in/", "/dav/in/a"]


# -- PROPPATCH -------------------------------------------------------------------------------------


def test_proppatch(ask: Client, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "a").write_text("x")
    value = '<x:p xmlns:x="u" a="1">mixed <x:b>content</x:b> &amp; more</x:p>'
    for path in ("/d", "/d/a", "/"):
        found = ask("PROPPATCH", path, body=patch(f"set {value}", "set <q/>"))
        ((_, stats),) = multistatus(found).items()
        assert set(stats["200"]) == {"{u}p", "q"}
        (properties_there,) = ask.find(path).values()
        kept = properties_there["{u}p"]
        assert "".join(kept.itertext()) == "mixed content & more"
        assert (kept.get("a"), kept[0].tag) == ("1", "{u}b")
        ask("PROPPATCH", path, body=patch("remove <q/>", "set <r/>", "remove <r/>", "remove <s/>"))
        (properties_there,) = ask.find(path).values()
        assert {n for n in properties_there if not n.startswith(D)} == {"{u}p"}
    members = ask.find("/d", depth="1")
    assert all("{u}p" in it for it in members.values())
    assert ask("PROPPATCH", "/none", body=patch("set <p/>")).status == 404


def test_all_of_it_or_nothing(ask: Client, root: Path) -> None:
    (root / "a").write_text("x")
    found = ask("PROPPATCH", "/a", body=patch("set <p/><D:getetag>x</D:getetag>", "remove <q/>"))
    stats = multistatus(found)["/dav/a"]
    assert (set(stats["403"]), set(stats["424"])) == ({f"{D}getetag"}, {"p", "q"})
    assert b"cannot-modify-protected-property" in found.body
    assert os.listdir(root) == ["a"]
    ask("PROPPATCH", "/a", body=patch("set <D:displayname>mine</D:displayname>"))
    assert ask.find("/a", prop("displayname"))["/dav/a"][f"{D}displayname"].text == "mine"
    many_of_them = "".join(f"<p{n}>{'x' * 400}</p{n}>" for n in range(200))
    found = ask("PROPPATCH", "/a", body=patch(f"set {many_of_them}"))
    assert set(multistatus(found)["/dav/a"]) == {"507"}


def test_only_what_is_asked_for_is_read(
    ask: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a").write_text("x")

    def load(folder: int) -> None:
        raise AssertionError("nobody has asked for dead properties")

    monkeypatch.setattr(dead, "load", load)
    assert ask.find("/", prop("getetag", "resourcetype", "lockdiscovery"), depth="1")


# -- LOCK, UNLOCK ----------------------------------------------------------------------------------


def test_lock(ask: Client, root: Path) -> None:
    (root / "a").write_text("x")
    found = ask("LOCK", "/a", "Timeout: Second-100", body=LOCK.format(scope="exclusive"))
    assert found.status == 200
    token = found.header("lock-token")
    active = ask.find("/a", prop("lockdiscovery"))["/dav/a"][f"{D}lockdiscovery"][0]
    assert f"<{active.findtext(f'{D}locktoken/{D}href')}>" == token
    assert active.findtext(f"{D}lockroot/{D}href") == "/dav/a"
    assert active.findtext(f"{D}owner") == "me"
    assert active.findtext(f"{D}depth") == "infinity"
    seconds = active.findtext(f"{D}timeout")
    assert seconds is not None
    assert 0 < int(seconds.removeprefix("Second-")) <= 100
    for method, *fields in [
        ("PUT",),
        ("DELETE",),
        ("MOVE", dest("/b")),
        ("PROPPATCH",),
        ("LOCK",),
    ]:
        body = {"PUT": "y", "PROPPATCH": patch("set <p/>")}.get(method, "")
        body = LOCK.format(scope="shared") if method == "LOCK" else body
        refused = ask(method, "/a", *fields, body=body)
        name = "no-conflicting-lock" if method == "LOCK" else "lock-token-submitted"
        assert (refused.status, condition(refused)) == (423, (name, "/dav/a"))
    assert ask("COPY", "/a", dest("/b")).status == 201
    assert ask("COPY", "/b", dest("/a")).status == 423
    assert ask("COPY", "/b", dest("/a"), f"If: </dav/a> ({token})").status == 204
    assert ask("PUT", "/a", f"If: ({token})", body="new").status == 204
    assert ask("UNLOCK", "/a", f"Lock-Token: {token}").status == 204
    assert ask("PUT", "/a", body="newer").status == 204


def test_a_lock_ends(ask: Client, root: Path) -> None:
    token = ask.lock("/a", "Timeout: Second-50")
    assert (root / "a").read_bytes() == b""
    ask.wait(30)
    found = ask("LOCK", "/a", f"If: ({token})", "Timeout: Second-50")
    assert found.status == 200
    ask.wait(30)
    assert ask("PUT", "/a", body="x").status == 423
    ask.wait(30)
    assert ask("PUT", "/a", body="x").status == 204
    assert ask("LOCK", "/a", f"If: (Not {token})").status == 412


def test_locks_on_folders(ask: Client, root: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "a").write_text("x")
    deep = ask.lock("/d", "Depth: infinity")
    for method, path, *fields in [
        ("PUT", "/d/a"),
        ("PUT", "/d/new"),
        ("MKCOL", "/d/new"),
        ("LOCK", "/d/e/new"),
        ("DELETE", "/d/e"),
        ("MOVE", "/d/a", dest("/a")),
    ]:
        body = {"PUT": "x", "LOCK": LOCK.format(scope="shared")}.get(method, "")
        assert ask(method, path, *fields, body=body).status == 423
    assert ask("PUT", "/d/e/new", f"If: </dav/d> ({deep})", body="x").status == 201
    assert ask("UNLOCK", "/d/e", f"Lock-Token: {deep}").status == 204
    flat = ask.lock("/d", "Depth: 0")
    assert ask("PUT", "/d/a", body="y").status == 204
    assert ask("PUT", "/d/b", body="y").status == 423
    assert ask("DELETE", "/d/a").status == 423
    assert ask("PUT", "/d/e/b", body="y").status == 201
    assert ask("PUT", "/d/b", f"If: </dav/d> ({flat})", body="y").status == 201
    assert ask("LOCK", "/d", "Depth: 1", body=LOCK.format(scope="shared")).status == 400


def test_locks_below_forbid_what_would_take_them_along(ask: Client, root: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    token = ask.lock("/d/e/a")
    for method, *fields in [("DELETE",), ("MOVE", dest("/new"))]:
        found = ask(method, "/d", *fields)
        assert (found.status, condition(found)[1]) == (423, "/dav/d/e/a")
    (root / "x").mkdir()
    assert ask("MOVE", "/x", dest("/d")).status == 423
    assert ask("LOCK", "/d", body=LOCK.format(scope="exclusive")).status == 423
    assert ask("MOVE", "/d", dest("/new"), f"If: </dav/d/e/a> ({token})").status == 201
    assert ask("UNLOCK", "/new/e/a", f"Lock-Token: {token}").status == 409  # RFC 4918 7.6
    assert ask("PUT", "/new/e/a", body="x").status == 204


def test_shared_locks(ask: Client, root: Path) -> None:
    one, other = ask.lock("/a", scope="shared"), ask.lock("/a", scope="shared")
    assert one != other
    assert ask("LOCK", "/a", body=LOCK.format(scope="exclusive")).status == 423
    assert ask("PUT", "/a", body="x").status == 423
    for token in (one, other):
        assert ask("PUT", "/a", f"If: ({token})", body="x").status == 204
    assert ask("UNLOCK", "/a", f"Lock-Token: {one}").status == 204
    assert ask("PUT", "/a", body="x").status == 423


def test_no_way_around_a_lock(ask: Client, root: Path) -> None:
    """A resource has one lock, by whatever name it is reached."""
    (root / "d").mkdir()
    (root / "d" / "a").write_text("x")
    (root / "link").symlink_to("d")
    (root / "file").symlink_to("d/a")
    token = ask.lock("/d", "Depth: infinity")
    for path in ("/d/a", "/link/a", "/%6cink/%61", "/link/new"):
        assert ask("PUT", path, body="y").status == 423
    assert ask("PROPPATCH", "/link", body=patch("set <p/>")).status == 423
    assert ask("PUT", "/link/a", f"If: ({token})", body="y").status == 204
    assert f"{D}activelock" in {
        it.tag for it in ask.find("/", prop("lockdiscovery"), "1")["/dav/link/"].popitem()[1]
    }


def test_tokens_that_are_none(ask: Client, root: Path) -> None:
    token = ask.lock("/a")
    ask.lock("/b")
    guesses = [
        "urn:uuid:00000000-0000-4000-8000-000000000000",
        token[1:-2] + ("0" if token[-2] != "0" else "1"),
        token[1:-1].upper(),
        "DAV:no-lock",
    ]
    for guess in guesses:
        assert ask("PUT", "/a", f"If: (<{guess}>)", body="x").status == 412
        assert ask("PUT", "/a", f"If: (Not <{guess}>)", body="x").status == 423
        assert ask("UNLOCK", "/a", f"Lock-Token: <{guess}>").status == 409
        assert ask("LOCK", "/a", f"If: (Not <{guess}>)").status == 412
    assert ask("PUT", "/b", f"If: (Not {token})", body="x").status == 423  # another's
    assert ask("UNLOCK", "/b", f"Lock-Token: {token}").status == 409
    for malformed in ("", token[1:-1], token[1:], token[:-1]):
        assert ask("UNLOCK", "/a", f"Lock-Token: {malformed}").status == 400
    assert ask("UNLOCK", "/a").status == 400
    assert ask("LOCK", "/a").status == 400


def test_too_many_locks(ask: Client) -> None:
    ask.dav._space.locks.limit = 1
    ask.lock("/a")
    assert ask("LOCK", "/b", body=LOCK.format(scope="exclusive")).status == 507
    assert not (ask.root / "b").exists()


def test_a_lock_that_cannot_be_made(ask: Client) -> None:
    assert ask("LOCK", "/none/a", body=LOCK.format(scope="exclusive")).status == 409
    assert ask("LOCK", "/new/", body=LOCK.format(scope="exclusive")).status == 409
    assert len(ask.dav._space.locks) == 0


def test_a_lock_taken_while_a_body_comes(ask: Client, root: Path) -> None:
    (root / "a").write_text("old")
    client = ask.begin("PUT", "/a", "Content-Length: 8", body="half")
    ask.sim.net.run(limit=1)
    ask.lock("/a")
    client.send(b"half")
    assert ask.end(client).status == 423
    assert (root / "a").read_text() == "old"
    assert ask.leftovers() == []


# -- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.EACCES, 403), (errno.EROFS, 403), (errno.EMFILE, 503), (errno.EIO, 500)],
)
def test_what_the_file_system_says(
    number: int,
    status: int,
    ask: Client,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    logged: list[logging.LogRecord],
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "mkdir", fail)
    assert ask("MKCOL", "/a").status == status
    assert len(logged) == (status == 500)


def test_a_fault_of_ours_is_logged_and_answered(
    ask: Client, monkeypatch: pytest.MonkeyPatch, logged: list[logging.LogRecord]
) -> None:
    def fail(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(properties, "wanted", fail)
    assert ask("PROPFIND", "/", "Depth: 0").status == 500
    assert len(logged) == 1
