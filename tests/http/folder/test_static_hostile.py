"""Paths that lead out of a folder or to what is hidden in it, over the wire and byte by byte."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from galidia import Connection, Manager
from galidia.http import StaticFiles
from galidia.http.folder import static
from galidia.http.folder import tree as module
from tests.http.wire import Response, response

SECRET = b"secret"

# All of them get 404, whether what they mean is there or not, and no Location.
OUTSIDE = [
    # up by dots
    "/..", "/../", "/../secret.txt", "/../../secret.txt", "/d/../../secret.txt", "/d/../a.txt",
    "/d/../d/a.txt", "/./a.txt", "/d/.", "/d/./a.txt", "/d/..", "/.", "/./", "/a.txt/..",
    "/a.txt/../a.txt", "/none/../a.txt", "/../rooted/secret.txt", "/../root/a.txt", "/d/.../a.txt",
    "/..../a.txt", "/../../../../../../../../../../etc/passwd", "/..;/secret.txt",
    "/..;x=y/secret.txt", "/..?/secret.txt",
    # encoded
    "/%2e%2e", "/%2e%2e/", "/%2e%2e/secret.txt", "/%2E%2E/secret.txt", "/.%2e/secret.txt",
    "/%2e./secret.txt", "/%2e/a.txt", "/d/%2e%2e/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt",
    "/%2E%2E%2Fsecret.txt", "/..%2fsecret.txt", "/..%2Fsecret.txt", "/d%2f..%2f..%2fsecret.txt",
    "/%2f../secret.txt", "/d%2fa.txt", "/d%2Fa.txt", "/%2fa.txt", "/d/%2fa.txt", "/d%2f",
    "/%252e%252e/secret.txt", "/%252e%252e%252fsecret.txt", "/%25%32%65%25%32%65/secret.txt",
    "/%c0%ae%c0%ae/secret.txt", "/..%c0%afsecret.txt", "/..%c1%9csecret.txt",
    "/%e0%80%ae%e0%80%ae/secret.txt", "/..%e0%80%afsecret.txt",
    "/%f0%80%80%ae%f0%80%80%ae/secret.txt",
    "/%e2%80%a5/secret.txt", "/%ef%bc%8e%ef%bc%8e/secret.txt", "/..%ef%bc%8fsecret.txt",
    "/..%e2%88%95secret.txt", "/%u002e%u002e/secret.txt".replace("%u", "%25u"),
    # absolute
    "//etc/passwd", "///etc/passwd", "/%2fetc/passwd", "/%2Fetc%2Fpasswd", "//secret.txt",
    "/d//a.txt", "//a.txt", "/a.txt//", "//127.0.0.1/a.txt", "/{root}/a.txt",
    "{outside}/secret.txt",
    "/file:///etc/passwd", "/file:%2f%2f%2fetc%2fpasswd", "http://h/../secret.txt",
    "http://h/%2e%2e/secret.txt", "http://h//etc/passwd", "/~root/", "/~", "/$HOME/a.txt",
    # backslashes, drives and streams, as other systems have them
    "/\\..\\secret.txt", "/..\\secret.txt", "/d\\..\\..\\secret.txt", "/%5c..%5csecret.txt",
    "/..%5csecret.txt", "/..%5c..%5csecret.txt", "/d%5ca.txt", "/\\\\127.0.0.1\\share\\a.txt",
    "/C:\\secret.txt", "/C:/secret.txt", "/c:secret.txt", "/a.txt::$DATA", "/a.txt:stream",
    "/A~1.TXT", "/con", "/nul", "/aux.txt", "/back\\slash",  "/back%5cslash",
    # letters, dots and spaces that some systems do not tell apart
    "/A.TXT", "/A.txt", "/D/a.txt", "/a.txt.", "/a.txt..", "/a.txt%20", "/a.txt%20.", "/%20a.txt",
    "/d./a.txt", "/d%20/a.txt", "/a.txt%0a", "/a.txt%0d%0a", "/a.txt%09", "/a.tx%cc%81t",
    "/a.txt%ff", "/a%2etxt.", "/a.txt;", "/a.txt;v=1", "/a.txt/", "/a.txt/b", "/a.txt/.",
    "/a.txt%3f",
    "/a.txt%23", "/*", "/%2a", "/%3f.txt", "/a.tx%3f", "/[a].txt",
    # hidden
    "/.hidden", "/%2ehidden", "/.d/", "/.d", "/.d/a.txt", "/d/.hidden", "/d/%2Ehidden",
    "/.git/config",
    "/.htpasswd", "/.none", "/private.key", "/PRIVATE.KEY", "/d/private.key", "/private%2ekey",
    "/backup~", "/node_modules/a.txt", "/node_modules/", "/node_modules", "/d/node_modules/a.txt",
    # links that lead out
    "/out.txt", "/outdir", "/outdir/", "/outdir/secret.txt", "/outdir/none", "/outdir/root/none",
    "/outdir/rooted", "/outdir/rooted/secret.txt", "/d/out.txt", "/chain", "/chaindir/secret.txt",
    "/absolute", "/rootdir/etc/passwd", "/device", "/loop", "/loop/a.txt", "/dangling",
    "/outindex/",
    "/out.txt/", "/procself/environ", "/fd/0",
]  # fmt: skip

# The request line itself is refused.
REFUSED = ["/a.txt%00", "/%00", "/a%00.txt", "/%00/../secret.txt", "/a.txt%", "/%zz", "/a%2"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is served; beside it lies what is not."""
    root = tmp_path / "root"
    for folder in (".d", ".git", "d", "node_modules", "d/node_modules", "outindex", "fd"):
        (root / folder).mkdir(parents=True)
        (root / folder / "a.txt").write_text("a")
    (tmp_path / "rooted").mkdir()  # its name begins as the folder's
    for name in ("secret.txt", "rooted/secret.txt"):
        (tmp_path / name).write_bytes(SECRET)
    (root / "a.txt").write_text("a")
    for name in (".hidden", ".htpasswd", ".git/config", "d/.hidden", "private.key", "d/private.key",
                 "backup~", "back\\slash"):  # fmt: skip
        (root / name).write_bytes(SECRET)
    links: dict[str, str | Path] = {
        "out.txt": "../secret.txt",
        "d/out.txt": tmp_path / "secret.txt",
        "outdir": "..",
        "chain": "out.txt",
        "chaindir": "outdir",
        "absolute": "/etc/passwd",
        "rootdir": "/",
        "device": "/dev/zero",
        "loop": "loop",
        "dangling": "none",
        "outindex/index.html": "../../secret.txt",
        "procself": "/proc/self",
        "fd/0": "/proc/self/fd/0",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


@pytest.fixture
def listener(mgr: Manager, root: Path) -> Iterator[Connection]:
    files = StaticFiles(root, hidden=["*.key", "*~", "node_modules"])
    yield mgr.bind("http://127.0.0.1:0", files)
    files.close()


Get = Callable[..., Response]


@pytest.fixture
def get(listener: Connection, ask: Callable[..., bytes]) -> Get:
    def request(target: bytes, method: str = "GET", to: Connection | None = None) -> Response:
        head = b"%b %b HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        return response(ask(to or listener, head % (method.encode(), target), method), method)

    return request


def test_there_are_many() -> None:
    assert len(set(OUTSIDE)) == len(OUTSIDE) > 150


@pytest.mark.parametrize("target", OUTSIDE)
def test_no_way_out_of_the_folder(target: str, root: Path, get: Get) -> None:
    text = target.format(root=root, outside=root.parent) if "{" in target else target
    for method in ("GET", "HEAD"):
        found = get(text.encode(), method)
        assert found.status == 404
        assert SECRET not in found.body
        assert b"root:" not in found.body
        assert found.header("location") is None
        assert found.header("etag") is None


@pytest.mark.parametrize("target", REFUSED)
def test_what_is_no_path(target: str, get: Get) -> None:
    assert get(target.encode()).status == 400


def test_they_are_alike_whether_it_is_there_or_not(root: Path, get: Get) -> None:
    """Nothing is learned of what lies outside or is hidden."""
    drop = ("Date",)
    for there, not_there in [
        (b"/outdir/secret.txt", b"/outdir/none"),
        (b"/outdir/rooted", b"/outdir/none"),
        (b"/.hidden", b"/.none"),
        (b"/.d", b"/.e"),
        (b"/private.key", b"/none.key"),
        (b"/node_modules/a.txt", b"/node_modules/none"),
    ]:
        one, other = get(there), get(not_there)
        assert (one.status, one.body) == (other.status, other.body)
        assert [f for f in one.fields if f[0] not in drop] == [
            f for f in other.fields if f[0] not in drop
        ]


def test_the_listing_tells_nothing_either(get: Get) -> None:
    text = get(b"/").body.decode()
    for name in (".hidden", ".d", "private.key", "backup~", "node_modules", ".htpasswd"):
        assert name not in text
    assert "a.txt" in text
    assert "root" not in text.replace("rootdir", "")
    assert "private.key" not in get(b"/d/").body.decode()


def test_what_can_be_reached(root: Path, get: Get) -> None:
    (root / "link").symlink_to("a.txt")
    (root / "linkdir").symlink_to("d")
    (root / "d" / "up").symlink_to("..")
    odd = {
        b"/%ff%fe.txt": b"\xff\xfe.txt",  # no UTF-8
        b"/%E4": b"\xe4",
        b"/%C3%A4": "\u00e4".encode(),
        b"/a%CC%88": "a\u0308".encode(),
        b"/%20lead": b" lead",
        b"/trail%20": b"trail ",
        b"/dot.": b"dot.",
        b"/new%0aline": b"new\nline",
        b"/%25": b"%",
        b"/%2e%2e".replace(b"%2e%2e", b"x..y"): b"x..y",
        b"/a:b": b"a:b",
        b"/-rf": b"-rf",
        b"/" + b"x" * 255: b"x" * 255,
        b"/*": b"*",
    }
    for name in odd.values():
        (root / os.fsdecode(name)).write_bytes(name)
    for target, name in odd.items():
        assert get(target).body == name, target
    for target in (b"/a.txt", b"/%61.txt", b"/link", b"/linkdir/a.txt", b"/d/up/a.txt",
                   b"/a.txt?..", b"http://h/a.txt", b"/outdir/root/a.txt"):  # fmt: skip
        assert get(target).body == b"a", target


def test_what_is_no_file(root: Path, get: Get) -> None:
    """Nothing waits for a pipe, and a device is not opened."""
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(root / "socket"))
        assert get(b"/fifo").status == 403
        assert get(b"/socket").status == 403


def test_a_folder_of_its_own_is_not_got_around(
    root: Path, mgr: Manager, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever way a path is written in, it is its decoded form that the options go by."""

    class Nobody:
        def allows(self, req: object) -> bool:
            req.error(401)  # type: ignore[attr-defined]
            return False

    files = StaticFiles(root, folders={"/d": {"auth": Nobody()}})
    server = mgr.bind("http://127.0.0.1:0", files)
    for target in ("/d", "/d/", "/d/a.txt", "/%64/a.txt", "/d/%61.txt", "/d?x", "/d/none",
                   "/d%2fa.txt", "/d/../a.txt", "http://h/d/a.txt", "/d//a.txt"):  # fmt: skip
        assert get(target.encode(), to=server).status == 401, target
    for target in (
        "//d/a.txt",
        "/./d/a.txt",
        "/x/../d/a.txt",
        "/%2fd/a.txt",
        "/D/a.txt",
        "/d./a.txt",
    ):
        assert get(target.encode(), to=server).status == 404, target
    assert get(b"/a.txt", to=server).body == b"a"
    assert get(b"/da", to=server).status == 404
    monkeypatch.setattr(static, "_FOLDS", True)  # as where "D" is "d"
    for target in ("/D/a.txt", "/D", "/D/"):
        assert get(target.encode(), to=server).status == 401, target
    assert get(b"/Da", to=server).status == 404
    files.close()


def test_names_as_windows_takes_them(root: Path, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """There a dot or a space at the end of a name does not count, and a colon splits it."""
    import re

    monkeypatch.setattr(module, "_ODD", re.compile(r"[. ](?:/|$)|:|~[0-9]"))
    tree = module.Tree(root)
    for target in ("/a.txt.", "/a.txt ", "/d./a.txt", "/d /a.txt", "/a.txt::$DATA", "/C:/x",
                   "/LONGNA~1/a.txt"):  # fmt: skip
        assert tree.locate(target) is None
    assert tree.locate("/d/a.txt") is not None
