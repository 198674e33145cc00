"""Uploads: what is stored under which name, what is refused, and what is left: nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles
from galidia.http.uploads.receiving import Uploads
from galidia.testing import RawClient
from tests import browser
from tests.http.conftest import Net, running
from tests.http.wire import Response, complete, responses

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (tmp_path / "outside").write_text("outside")
    return folder


def serve(sim: Net, folder: Path, **options: Any) -> Uploads:
    uploads = Uploads(folder, **options)
    sim.serve(None).endpoint("/up/{path...}", uploads)
    return uploads


def request(method: str, path: str, body: bytes, *fields: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: a", *fields]
    if not any(field.startswith("Transfer-Encoding") for field in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def put(path: str, body: bytes, *fields: str) -> bytes:
    return request("PUT", path, body, *fields)


def form(*files: tuple[str, bytes]) -> bytes:
    body = b""
    for name, data in files:
        body += b'--b\r\nContent-Disposition: form-data; name="f"; filename="%b"\r\n\r\n%b\r\n' % (
            name.encode(), data,
        )  # fmt: skip
    body += b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nx\r\n--b--\r\n'
    return request("POST", "/up/", body, "Content-Type: multipart/form-data; boundary=b")


def ask(sim: Net, *pieces: bytes) -> Response:
    client = sim.client()
    for piece in pieces:
        client.send(piece)
        sim.net.run(limit=1)
    assert sim.net.run(lambda: complete(client.received), limit=100)
    close(sim, client)
    return responses(client.received)[-1]


def close(sim: Net, client: RawClient) -> None:
    client.close()
    sim.net.run(limit=5)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_as_the_body(sim: Net, folder: Path) -> None:
    serve(sim, folder)
    body = bytes(range(256)) * 20_000
    request_ = put("/up/a%20b.bin", body)
    answer = ask(sim, request_[:1000], request_[1000:70_000], request_[70_000:])
    assert (answer.status, answer.header("Location")) == (201, "/up/a%20b.bin")
    assert json.loads(answer.body) == {"files": [{"name": "a b.bin", "size": len(body)}]}
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    answer = ask(sim, request("POST", "/up/c", chunked, "Transfer-Encoding: chunked"))
    assert answer.status == 201
    assert files(folder) == {"a b.bin": body, "c": body}


def test_a_form(sim: Net, folder: Path) -> None:
    serve(sim, folder)
    data = form(
        ("a.txt", b"one"), ("C:\\x\\..\\b.txt", b"two" * 50_000), ("../../c", b""), ("", b"")
    )
    answer = ask(sim, data[:200], data[200:9000], data[9000:])
    assert answer.status == 201
    stored = json.loads(answer.body)["files"]
    assert [file["name"] for file in stored] == ["a.txt", "b.txt", "c"]
    assert files(folder) == {"a.txt": b"one", "b.txt": b"two" * 50_000, "c": b""}
    assert (folder.parent / "outside").read_text() == "outside"


COLLISIONS = {
    "rename": (201, {"a.txt": b"old", "a (1).txt": b"new"}),
    "refuse": (409, {"a.txt": b"old"}),
    "replace": (201, {"a.txt": b"new"}),
}


@pytest.mark.parametrize("policy", COLLISIONS)
def test_a_name_that_is_taken(sim: Net, folder: Path, policy: str) -> None:
    status, left = COLLISIONS[policy]
    serve(sim, folder, collision=policy)
    for data in (put("/up/a.txt", b"new"), form(("a.txt", b"new"))):
        for path in folder.iterdir():
            path.unlink()
        (folder / "a.txt").write_bytes(b"old")
        assert ask(sim, data).status == status
        assert files(folder) == left


def test_a_folder_or_a_link_of_this_name(sim: Net, folder: Path) -> None:
    serve(sim, folder, collision="replace")
    (folder / "d").mkdir()
    (folder / "l").symlink_to(folder.parent / "outside")
    assert ask(sim, put("/up/d", b"new")).status == 409
    assert ask(sim, put("/up/l", b"new")).status == 201
    assert (folder.parent / "outside").read_text() == "outside"
    assert not (folder / "l").is_symlink()
    assert sorted(os.listdir(folder)) == ["d", "l"]


NAMES = ["", ".hidden", "..", "a/b", "a%2fb", "a%5cb", "%0a", "a%20", "%ff", "x" * 201]


@pytest.mark.parametrize("name", NAMES)
def test_what_can_be_no_name(sim: Net, folder: Path, name: str) -> None:
    serve(sim, folder)
    assert ask(sim, put(f"/up/{name}", b"x")).status in (400, 404)
    assert files(folder) == {}


def test_limits(sim: Net, folder: Path) -> None:
    uploads = serve(sim, folder, max_size=10, max_files=2)
    assert ask(sim, put("/up/a", bytes(11))).status == 413
    assert (
        ask(
            sim, put("/up/a", b"b\r\n12345678901\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
        ).status
        == 413
    )
    assert ask(sim, form(("a", bytes(11)))).status == 413
    assert ask(sim, form(("a", b""), ("b", b""), ("c", b""))).status == 413
    assert ask(sim, put("/up/a", b"", "Content-Range: bytes */11")).status == 413
    assert ask(sim, request("GET", "/up/a", b"")).status == 405
    assert files(folder) == {}
    uploads.store.reserve = 1 << 62
    assert ask(sim, put("/up/a", b"x")).status == 507
    assert ask(sim, form(("a", b"x"))).status == 507
    assert files(folder) == {}


@pytest.mark.parametrize("data", [put("/up/a", bytes(50_000)), form(("a", bytes(50_000)))])
def test_what_is_cut_off_leaves_nothing(sim: Net, folder: Path, data: bytes) -> None:
    uploads = serve(sim, folder)
    for reset in (False, True):
        client = sim.client(data[:30_000])
        sim.net.run(limit=1)
        assert len(files(folder)) == 1
        if reset:
            client.reset()
        close(sim, client)
        assert files(folder) == {}
    assert not uploads._jobs


def part(first: int, last: int, total: int, body: bytes) -> bytes:
    return put("/up/a", body, f"Content-Range: bytes {first}-{last}/{total}")


def test_a_file_in_parts(sim: Net, folder: Path) -> None:
    uploads = serve(sim, folder)
    body = bytes(range(256)) * 40
    total = len(body)
    state = put("/up/a", b"", f"Content-Range: bytes */{total}")

    def told(answer: Response) -> tuple[int, int]:
        return answer.status, json.loads(answer.body)["received"]

    assert told(ask(sim, state)) == (202, 0)
    assert told(ask(sim, part(0, 2999, total, body[:3000]))) == (202, 3000)
    # cut off: what has come counts
    client = sim.client(part(3000, total - 1, total, body[3000:])[:2000])
    sim.net.run(limit=1)
    assert ask(sim, part(3000, total - 1, total, body[3000:])).status == 409  # at the same time
    close(sim, client)
    status, received = told(ask(sim, state))
    assert status == 202
    assert 3000 < received < 5000
    assert told(ask(sim, part(0, 2999, total, body[:3000]))) == (409, received)
    assert told(ask(sim, part(received + 1, total - 1, total, body[received + 1 :]))) == (
        409,
        received,
    )
    answer = ask(sim, part(received, total - 1, total, body[received:]))
    assert (answer.status, answer.header("Location")) == (201, "/up/a")
    assert files(folder) == {"a": body}
    assert not uploads._taken


PARTS = {
    "backwards": part(5, 4, 10, b""), "beyond the end": part(0, 10, 10, bytes(11)),
    "another length": part(0, 4, 10, b"1234"), "not bytes": put("/up/a", b"", "Content-Range: x"),
    "a body for a question": put("/up/a", b"x", "Content-Range: bytes */10"),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_make_no_sense(sim: Net, folder: Path, name: str) -> None:
    serve(sim, folder)
    assert ask(sim, PARTS[name]).status == 400
    assert files(folder) == {}


def test_old_parts_are_forgotten_and_new_ones_are_not_too_many(sim: Net, folder: Path) -> None:
    uploads = serve(sim, folder, max_parts=2)
    for name in ("a", "b"):
        assert ask(sim, put(f"/up/{name}", b"x", "Content-Range: bytes 0-0/2")).status == 202
    assert ask(sim, put("/up/c", b"x", "Content-Range: bytes 0-0/2")).status == 503
    os.utime(folder / ".a.2.upload", (0, 0))
    assert ask(sim, put("/up/c", b"x", "Content-Range: bytes 0-0/2")).status == 202
    assert sorted(files(folder)) == [".b.2.upload", ".c.2.upload"]
    assert uploads.store.keep == 86400


def test_a_guard_is_asked_first(sim: Net, folder: Path) -> None:
    class Nobody:
        def allows(self, req: Any) -> bool:
            req.error(401)
            return False

    serve(sim, folder, auth=Nobody())
    assert ask(sim, put("/up/a", b"x")).status == 401
    assert ask(sim, form(("a", b"x"))).status == 401
    assert files(folder) == {}


def test_a_disk_that_fails(
    sim: Net, folder: Path, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    import errno

    from galidia.http.uploads import storing

    class Broken:
        error = errno.ENOSPC

        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def write(self, fd: int, data: bytes) -> int:
            raise OSError(self.error, "broken")

    broken = Broken()
    monkeypatch.setattr(storing, "os", broken)
    serve(sim, folder)
    assert ask(sim, put("/up/a", b"x")).status == 507
    broken.error = errno.EIO
    assert ask(sim, put("/up/a", b"x")).status == 500
    assert [record.levelname for record in logged] == ["ERROR"]
    assert files(folder) == {}


def test_what_makes_no_sense(folder: Path) -> None:
    for wrong in ({"collision": "x"}, {"max_size": 0}, {"keep": 0}, {"reserve": -1}):
        with pytest.raises(ValueError):
            Uploads(folder, **wrong)
    with pytest.raises(NotADirectoryError):
        Uploads(folder / "none")


def test_connections_are_not_kept(sim: Net, folder: Path) -> None:
    uploads = serve(sim, folder)
    ask(sim, put("/up/a", b"x"))
    assert uploads._jobs == {}
    assert isinstance(next(iter(sim.mgr)), Connection)


def test_in_a_browser(mgr: Manager, folder: Path, tmp_path: Path) -> None:
    """The page of the example, which is given a file as if somebody had chosen it."""
    page = (
        (ROOT / "examples/upload_page.html").read_bytes()
        + b"""
    <script>
    const data = new Uint8Array(20_000_000).map((_, i) => i % 251)
    const item = document.getElementById("list").appendChild(document.createElement("li"))
    upload(new File([data], "a b.bin"), item)
    </script><img src="/wait">"""
    )
    listener = mgr.bind("http://127.0.0.1:0")
    target = folder / "a b.bin"

    @handles(EV_HTTP_REQUEST)
    def serve(c: Connection, ev: int, req: Any) -> None:
        if req.path != "/wait":
            req.reply(200, page, {"Content-Type": "text/html"})
        elif target.exists():
            req.reply(404)
        else:
            c.call_later(0.05, serve, c, ev, req)

    listener.endpoint("/{path...}", serve, methods="GET")
    listener.endpoint("/files/{path...}", Uploads(folder), methods="PUT")
    with running(mgr):
        done = subprocess.run(
            ["chromium", *browser.ARGUMENTS, f"--user-data-dir={tmp_path}/profile", "--dump-dom",
             f"http://{listener.local}/"],
            capture_output=True, timeout=100, check=True,
            env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
    assert b'<progress max="20000000"' in done.stdout
    assert files(folder) == {"a b.bin": bytes(i % 251 for i in range(20_000_000))}
