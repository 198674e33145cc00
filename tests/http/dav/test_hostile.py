"""What would lead out of the folder, or in odd ways to what is in it."""

from __future__ import annotations

import os
import string
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia import Manager
from galidia.http.dav import WebDav
from tests.http.conftest import Net
from tests.http.dav.conftest import HOST, LOCK, Client, multistatus, request
from tests.http.wire import responses

ALL_METHODS = ["PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK"]
PATCH = '<propertyupdate xmlns="DAV:"><set><prop><p xmlns=""/></prop></set></propertyupdate>'
BODIES = {"PUT": "x", "PROPPATCH": PATCH, "LOCK": LOCK.format(scope="exclusive")}


def everything(top: Path) -> dict[str, object]:
    """All that lies in a folder, whatever it is."""
    found: dict[str, object] = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = path.readlink()
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


@pytest.fixture
def tree(root: Path) -> Path:
    (root / "d").mkdir()
    (root / "d" / "a").write_text("in d")
    (root / "a").write_text("a")
    (root / "file").write_text("file")
    (root / "out").symlink_to("../secret")
    (root / "outfile").symlink_to("../secret/file")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "absolute").symlink_to(root.parent / "secret")
    return root


DESTINATIONS = {
    # where it is not answered with 400, what is
    "": 400,
    "b": 400,
    "dav/b": 400,
    "//dav.example/dav/b": 400,
    "/dav/b?x": 400,
    "/dav/b#x": 400,
    "/dav/b%": 400,
    "/dav/b%4": 400,
    "/dav/b%zz": 400,
    "/dav/b%00": 400,
    "/dav/..%2fsecret/b": 400,
    "/dav/d%2fb": 400,
    "/dav/b\u00e4": 400,
    f"http://{HOST}": 400,
    f"http://{HOST}?/dav/b": 400,
    "http:/dav/b": 400,
    "http:///dav/b": 502,
    "http://other.example/dav/b": 502,
    f"http://{HOST}:81/dav/b": 502,
    f"http://{HOST}@other.example/dav/b": 502,
    f"http://user@{HOST}/dav/b": 502,
    f"ftp://{HOST}/dav/b": 502,
    f"file://{HOST}/dav/b": 502,
    "/": 502,
    "/b": 502,
    "/dav": 502,
    "/davb": 502,
    "/../dav/b": 502,
    "/dav/": 403,
    "/dav/..": 403,
    "/dav/../b": 403,
    "/dav/%2e%2e/b": 403,
    "/dav/d/../b": 403,
    "/dav/./b": 403,
    "/dav//b": 403,
    "/dav/.b": 403,
    "/dav/d\\b": 403,
    "/dav/%5c..%5cb": 403,
    "/dav/" + "b/" * 64: 403,
    "/dav/" + "b" * 256: 403,
    "/dav/out/b": 409,
    "/dav/up/b": 409,
    "/dav/absolute/b": 409,
    "/dav/loop/b": 409,
    "/dav/file/b": 409,
    "/dav/none/b": 409,
}


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("source", ["/a", "/d"])
def test_destinations(method: str, source: str, ask: Client, tree: Path) -> None:
    before = everything(tree.parent)
    got = {d: ask(method, source, f"Destination: {d}").status for d in DESTINATIONS}
    assert got == DESTINATIONS
    for name in ("file", "none"):  # whether something is there is not told
        fields = [f"Destination: /dav/out/{name}", "Overwrite: F"]
        assert ask(method, source, *fields).status == 409
    assert ask(method, source).status == 400
    assert ask(method, source, "Destination: /dav/b", "Destination: /dav/c").status == 400
    assert everything(tree.parent) == before


@pytest.mark.parametrize(
    "destination",
    [
        "/dav/b%20%C3%A4",
        f"http://{HOST}/dav/b%20%C3%A4",
        f"http://{HOST.upper()}:80/dav/%62%20%c3%a4",
        f"https://{HOST}/dav/b%20%C3%A4",
        f"HTTPS://{HOST}:443/dav/b%20%C3%A4",
    ],
)
def test_destinations_that_are_taken(destination: str, ask: Client, tree: Path) -> None:
    assert ask("COPY", "/a", f"Destination: {destination}").status == 201
    assert (tree / "b \u00e4").read_text() == "a"


TARGETS = [
    "/..", "/../secret/file", "/%2e%2e/secret/file", "/d/../../secret/file",
    "/d%2f..%2f..%2fsecret",
    "/d/..", "/./a", "//a", "/d//a", "/d\\a", "/%5c..%5csecret", "/.hidden", "/d/.hidden/x",
    "/d%2fa", "/d%2Fa", "/out/file", "/out/new", "/up/secret/file", "/absolute/file",
    "/loop/x", "/outfile/x", "/a/x", "/" + "x/" * 64, "/" + "x" * 300, "/" + "%C3%A4" * 200,
]  # fmt: skip


@pytest.mark.parametrize("method", ALL_METHODS)
def test_targets(method: str, ask: Client, tree: Path) -> None:
    before = everything(tree.parent)
    for target in TARGETS:
        fields = ["Depth: 0", "Destination: /dav/new", "Lock-Token: <urn:a>"]
        found = ask(method, target, *fields, body=BODIES.get(method, ""))
        assert found.status in (403, 404, 405, 409), (target, found)
        assert b"secret" not in found.body
    assert everything(tree.parent) == before


@pytest.mark.parametrize("name", ["out", "outfile", "up", "absolute", "loop"])
def test_links_that_lead_out_are_not_there(name: str, ask: Client, tree: Path) -> None:
    outside = everything(tree.parent / "secret")
    for method in ("GET", "PROPFIND", "DELETE", "PROPPATCH", "COPY", "MOVE", "UNLOCK"):
        fields = ["Depth: 0", "Destination: /dav/new", "Lock-Token: <urn:a>"]
        assert ask(method, f"/{name}", *fields, body=BODIES.get(method, "")).status == 404
    assert ask("MKCOL", f"/{name}").status == 405
    assert ask("LOCK", f"/{name}", body=BODIES["LOCK"]).status == 409
    assert f"/dav/{name}" not in ask.find("/", depth="1")
    assert (tree / name).is_symlink()
    assert ask("PUT", f"/{name}", body="mine").status == 201  # the name is free, and now taken
    assert not (tree / name).is_symlink()
    assert everything(tree.parent / "secret") == outside


def test_links_go_with_what_they_lie_in(ask: Client, tree: Path) -> None:
    outside = everything(tree.parent / "secret")
    (tree / "d" / "out").symlink_to("../../secret")
    (tree / "d" / "in").symlink_to("../a")
    (tree / "link").symlink_to("d")
    assert ask("COPY", "/d", "Destination: /dav/copy").status == 201
    assert (tree / "copy" / "out").is_symlink()
    assert ask("GET", "/copy/out/file").status == 404
    assert ask("GET", "/copy/in").body == b"a"
    assert ask("MOVE", "/copy", "Destination: /dav/moved").status == 201
    assert ask("DELETE", "/moved").status == 204
    assert ask("COPY", "/link", "Destination: /dav/copy").status == 201  # of what it leads to
    assert not (tree / "copy").is_symlink()
    assert ask("MOVE", "/link", "Destination: /dav/other").status == 201
    assert (tree / "other").is_symlink()
    assert ask("DELETE", "/other").status == 204
    assert (tree / "d" / "a").read_text() == "in d"
    assert (tree / "a").read_text() == "a"
    assert everything(tree.parent / "secret") == outside


def test_a_folder_that_becomes_a_link_meanwhile(
    ask: Client, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check of a path and its use."""
    outside = everything(tree.parent / "secret")
    really = os.path.realpath
    for method in ("PUT", "MKCOL", "DELETE", "MOVE", "COPY", "LOCK", "PROPPATCH"):
        (tree / "x").mkdir()
        (tree / "x" / "file").write_text("mine")

        def realpath(path: Any, **options: Any) -> str:
            found: str = really(path, **options)
            if found.endswith("/x") and not (tree / "x").is_symlink():
                (tree / "x").rename(tree / "was-x")
                (tree / "x").symlink_to("../secret")
            return found

        monkeypatch.setattr(os.path, "realpath", realpath)
        name = "new" if method in ("MKCOL", "LOCK") else "file"
        fields = ["Destination: /dav/new"] if method in ("MOVE", "COPY") else []
        found = ask(method, f"/x/{name}", *fields, body=BODIES.get(method, ""))
        monkeypatch.setattr(os.path, "realpath", really)
        assert found.status in (403, 404, 409, 500), (method, found)
        assert everything(tree.parent / "secret") == outside
        assert not (tree / "new").exists()
        if (tree / "was-x").exists():
            (tree / "x").unlink()
            (tree / "was-x").rename(tree / "x")
        (tree / "x" / "file").unlink()
        (tree / "x").rmdir()


ODD = [
    b"a b", b"a%b", b"a?b#c", b"a&b<c>d\"e'f", b"\xff\xfe", b"\xc3\xa4\xcc\x88", b"a:b", b"a\nb\r",
    b"\x01\x7f", b"~", b"-rf", b"a;b=c", b"CON", b"a.", b" ", "\U0001f600".encode(), b"[x]*", b"$x",
]  # fmt: skip


def quoted(name: bytes) -> str:
    return "".join(f"%{byte:02x}" for byte in name)


def test_odd_names(ask: Client, root: Path) -> None:
    for name in ODD:
        path = f"/{quoted(name)}"
        assert ask("MKCOL", path).status == 201
        assert ask("PUT", f"{path}/{quoted(name)}", body=name).status == 201
        assert ask("PROPPATCH", f"{path}/{quoted(name)}", body=PATCH).status == 207
        token = ask.lock(f"{path}/{quoted(name)}")
        assert ask("UNLOCK", f"{path}/{quoted(name)}", f"Lock-Token: {token}").status == 204
        assert (root / os.fsdecode(name) / os.fsdecode(name)).read_bytes() == name
    hrefs = set(multistatus(ask("PROPFIND", "/", "Depth: 1")))
    assert len(hrefs) == len(ODD) + 1
    for href in hrefs - {"/dav/"}:  # what is told leads there again
        path = href.removeprefix("/dav").rstrip("/")
        (_, inside) = sorted(multistatus(ask("PROPFIND", path, "Depth: 1")))
        name = ask("GET", inside.removeprefix("/dav")).body
        assert name in ODD
        assert ask("COPY", path, f"Destination: {href.rstrip('/')}-copy").status == 201
        assert ask("MOVE", f"{path}-copy", f"Destination: {href}", "Overwrite: T").status == 204
        assert ask("GET", inside.removeprefix("/dav")).body == name
        assert ask("DELETE", path).status == 204
    assert list(root.iterdir()) == []


PIECES = [
    "(", ")", "<", ">", "[", "]", '"', "Not", " ", "<urn:uuid:x>", "<DAV:no-lock>", '["x"]',
    "</dav/a>", "<http://dav.example/dav/a>", "</dav/../x>", "<http://[/dav>", '[W/"x"]', "TOKEN",
]  # fmt: skip


@given(
    st.lists(
        st.sampled_from(PIECES) | st.text(string.printable[:95] + "\xe4\xff", max_size=4),
        max_size=12,
    ).map("".join),
    st.sampled_from([*ALL_METHODS]),
)
def test_any_if_field(field: str, method: str) -> None:
    with TemporaryDirectory() as folder:
        check_if_field(Path(folder), field, method)


def check_if_field(root: Path, field: str, method: str) -> None:
    (root / "a").write_text("old")
    sim = Net(Manager)
    ask = Client(sim, root)
    token = ask.lock("/a")
    value = field.replace("TOKEN", token)
    fields = [f"If: {value}", "Depth: 0", "Destination: /dav/new", f"Lock-Token: {token}"]
    found = ask(method, "/a", *fields, body=BODIES.get(method, ""))
    assert found.status in (201, 204, 207, 400, 405, 412, 423)
    if token not in value and method not in ("PROPFIND", "COPY", "UNLOCK"):
        assert (root / "a").read_text() == "old"
    ask.dav.close()
    sim.mgr.close(0)


def test_requests_one_behind_the_other(sim: Net, root: Path) -> None:
    """What comes behind a request that takes long is answered after it."""
    dav = WebDav(root)
    sim.serve(None).endpoint("/{path...}", dav)
    (root / "d").mkdir()
    for n in range(300):
        (root / "d" / str(n)).write_text("x")
    data = b"".join(
        [
            request("COPY", "/d", "Destination: /e"),
            request("PUT", "/a", body=b"x" * 100),
            request("DELETE", "/d"),
            request("PROPFIND", "/", "Depth: 1"),
        ]
    )
    client = sim.client(data)
    client.shutdown()
    assert sim.net.run(lambda: client.ended)
    client.close()
    found = responses(bytes(client.received), ["COPY", "PUT", "DELETE", "PROPFIND"])
    assert [each.status for each in found] == [201, 201, 204, 207]
    assert sorted(multistatus(found[-1])) == ["/", "/a", "/e/"]
    dav.close()
