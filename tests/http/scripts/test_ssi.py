"""Pages put together from files, commands and what handlers say."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import (
    EV_HTTP_REQUEST,
    EV_SSI_CALL,
    EV_SSI_CALL_CTX,
    Connection,
    Manager,
    handles,
)
from galidia.http import BasicAuth, Ssi, SsiCall
from galidia.http.scripts import ssi as module
from tests.helpers import Peer, until
from tests.http.wire import Response, complete, response

FAILED = b"[an error occurred while processing this directive]"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret.shtml").write_text("secret")
    (root / "a.txt").write_text("A")
    (root / ".hidden").write_text("hidden")
    (root / "sub" / "b.txt").write_text("B")
    (root / "sub" / "it's here").write_text("C")
    (root / "link.txt").symlink_to(tmp_path / "secret")
    (root / "way").symlink_to("sub")
    return root


class Site:
    """Pages behind a listener; ``log`` are the events of directives."""

    def __init__(self, mgr: Manager, root: Path, ask: Callable[..., bytes], **options: Any) -> None:
        self.root = root
        self.ssi = Ssi(root, **options)
        self.log: list[tuple[int, str, str]] = []
        self.ask = ask
        self.listener = mgr.bind("http://127.0.0.1:0", self.on_event)
        self.then: dict[int, Callable[[SsiCall], object]] = {}

    @property
    def on_event(self) -> Any:
        @handles(EV_HTTP_REQUEST, EV_SSI_CALL, EV_SSI_CALL_CTX)
        def handler(c: Connection, ev: int, data: Any) -> None:
            if ev == EV_HTTP_REQUEST:
                self.ssi(c, ev, data)
            else:
                self.log.append((ev, data.text, data.path))
                if ev in self.then:
                    self.then[ev](data)

        return handler

    def get(self, target: str, method: str = "GET") -> Response:
        head = f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        return response(self.ask(self.listener, head, method), method)

    def page(self, text: str | bytes, name: str = "page.shtml") -> bytes:
        """The page that a text becomes."""
        data = text.encode() if isinstance(text, str) else text
        (self.root / name).write_bytes(data)
        found = self.get("/" + name)
        assert found.status == 200
        return found.body


Start = Callable[..., Site]


@pytest.fixture
def start(mgr: Manager, root: Path, ask: Callable[..., bytes]) -> Iterator[Start]:
    sites = []

    def make(**options: Any) -> Site:
        sites.append(Site(mgr, root, ask, **options))
        return sites[-1]

    yield make
    if not mgr.closed:
        until(mgr, lambda: not any(site.ssi.running for site in sites))


@pytest.fixture
def site(start: Start) -> Site:
    return start()


def test_a_page(site: Site) -> None:
    (site.root / "page.shtml").write_text('<p><!--#include file="a.txt" --></p><!-- kept -->')
    found = site.get("/page.shtml")
    assert found.body == b"<p>A</p><!-- kept -->"
    assert found.header("Content-Type") == "text/html; charset=utf-8"
    assert found.header("Cache-Control") == "no-cache"
    assert found.header("ETag") is None
    assert found.header("Last-Modified") is None
    head = site.get("/page.shtml", "HEAD")
    assert (head.status, head.header("Content-Length")) == (200, "21")
    assert site.get("/page.shtml", "POST").status == 405
    assert [site.get(t).status for t in ("/none.shtml", "/a.txt", "/sub", "/", "//")] == [404] * 5
    (site.root / "folder.shtml").mkdir()
    assert site.get("/folder.shtml").status == 403
    (site.root / "out.shtml").symlink_to(site.root.parent / "secret.shtml")
    assert site.get("/out.shtml").status == 404


@pytest.mark.parametrize(
    ("directive", "found"),
    [
        ('include file="a.txt"', b"A"),
        ('include "a.txt"', b"A"),
        ("include 'a.txt'", b"A"),
        ('include file="sub/b.txt"', b"B"),
        ('include file="sub/../a.txt"', b"A"),
        ('include file="/a.txt"', FAILED),
        ('include virtual="/sub/b.txt"', b"B"),
        ('include virtual="sub/b.txt"', b"B"),
        ('include virtual="/sub/it%27s%20here"', b"C"),
        ('include file="way/b.txt"', b"B"),
        ('include abspath="{root}/sub/b.txt"', b"B"),
        ('include file="sub/it%27s here"', FAILED),
        ('include file="none"', FAILED),
        ('include file=""', FAILED),
        ("include", FAILED),
        ("include a.txt", FAILED),
        ('include other="a.txt"', FAILED),
        ('include file="sub"', FAILED),
        ('include file="../secret"', FAILED),
        ('include virtual="/../secret"', FAILED),
        ('include virtual="/%2e%2e/secret"', FAILED),
        ('include virtual="/%00"', FAILED),
        ('include file="link.txt"', FAILED),
        ('include file=".hidden"', FAILED),
        ('include file="..\\\\secret"', FAILED),
        ('include abspath="{root}/../secret"', FAILED),
        ('include abspath="{root}"', FAILED),
        ('include abspath="{root}x/secret"', FAILED),
        ('include abspath="/etc/passwd"', FAILED),
        ('exec "echo no"', FAILED),
        ('exec cmd="echo no"', FAILED),
        ('echo var="DATE_LOCAL"', b""),
        ('unknown "x"', b""),
    ],
)
def test_directives(directive: str, found: bytes, site: Site) -> None:
    directive = directive.replace("{root}", str(site.root))
    assert site.page(f"[<!--#{directive} -->]") == b"[" + found + b"]"


def test_includes_are_pages_themselves(site: Site) -> None:
    (site.root / "sub" / "in.shtml").write_text('<!--#include "b.txt" --><!--#include "/a.txt"-->')
    assert site.page('1<!--#include file="sub/in.shtml" -->2') == b"1B" + FAILED + b"2"
    (site.root / "sub" / "raw.html").write_text('<!--#include "b.txt" -->')
    assert site.page('<!--#include file="sub/raw.html" -->') == b'<!--#include "b.txt" -->'


def test_a_circle(site: Site) -> None:
    assert site.page('a<!--#include file="page.shtml" -->b') == b"a" + FAILED + b"b"
    (site.root / "one.shtml").write_text('1<!--#include file="page.shtml" -->')
    (site.root / "same.shtml").symlink_to("page.shtml")
    assert site.page('a<!--#include file="one.shtml" -->b') == b"a1" + FAILED + b"b"
    assert site.page('a<!--#include file="same.shtml" -->b') == b"a" + FAILED + b"b"


def test_how_deep(site: Site) -> None:
    for n in range(20):
        (site.root / f"{n}.shtml").write_text(f'{n % 10}<!--#include file="{n + 1}.shtml" -->')
    assert module.MAX_DEPTH == 10
    assert site.get("/0.shtml").body == b"01234567890" + FAILED


def test_how_many(site: Site) -> None:
    assert site.page('<!--#include "a.txt" -->' * 300) == b"A" * 256 + FAILED * 44
    # Each includes the next one ten times: ten billions, if nobody counted.
    for n in range(10):
        (site.root / f"{n}.shtml").write_text(f'<!--#include file="{n + 1}.shtml" -->' * 10)
    (site.root / "10.shtml").write_text("")
    assert set(site.get("/0.shtml").body) <= set(FAILED)


@pytest.mark.parametrize("what", ["page", "include", "call", "exec"])
def test_how_large(what: str, start: Start, logged: list[Any]) -> None:
    site = start(max_size=1000, execute=True)
    site.then = {EV_SSI_CALL: lambda call: call.write(bytes(100))}
    (site.root / "fits").write_bytes(bytes(400))
    fits, not_any_more = {
        "page": (b"x" * 1000, b"x" * 1001),
        "include": (b'<!--#include "fits" -->' * 2, b'<!--#include "fits" -->' * 3),
        "call": (b"<!--#call x-->" * 10, b"<!--#call x-->" * 11),
        "exec": (b'<!--#exec "head -c 900 /dev/zero" -->', b'<!--#exec "cat /dev/zero" -->'),
    }[what]
    assert len(site.page(fits)) <= 1000
    (site.root / "page.shtml").write_bytes(not_any_more)
    assert site.get("/page.shtml").status == 500
    assert [r.getMessage() for r in logged if "over 1000 bytes" in r.getMessage()]


# -- what a handler says ---------------------------------------------------------------------------


def test_calls(site: Site) -> None:
    calls: list[SsiCall] = []

    def first(call: SsiCall) -> None:
        calls.append(call)
        call.write(f"({call.text} of {call.request.path} ".encode())

    site.then = {EV_SSI_CALL: first, EV_SSI_CALL_CTX: lambda call: call.write("f\u00fcr)")}
    (site.root / "sub" / "in.shtml").write_text("<!--#call in -->")
    page = site.page('1<!--#call two  words -->2<!--#include "sub/in.shtml" -->3')
    assert page == "1(two  words of /page.shtml f\u00fcr)2(in of /page.shtml f\u00fcr)3".encode()
    assert site.log == [
        (ev, text, str(site.root / path))
        for text, path in (("two  words", "page.shtml"), ("in", "sub/in.shtml"))
        for ev in (EV_SSI_CALL, EV_SSI_CALL_CTX)
    ]
    with pytest.raises(RuntimeError, match="during the event"):
        calls[0].write(b"late")


def test_a_call_that_nobody_answers(mgr: Manager, root: Path, ask: Any) -> None:
    (root / "page.shtml").write_text("1<!--#call x -->2")
    listener = mgr.bind("http://127.0.0.1:0", Ssi(root))
    assert response(ask(listener, b"GET /page.shtml HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"12"


def test_a_call_that_fails(site: Site, logged: list[Any]) -> None:
    def fail(call: SsiCall) -> None:
        raise LookupError("of the user's")

    site.then = {EV_SSI_CALL: fail}
    (site.root / "page.shtml").write_text("1<!--#call x -->2<!--#call y -->")
    assert site.get("/page.shtml").status == 500
    assert len(site.log) == 1
    assert [r.levelname for r in logged] == ["ERROR"]


# -- commands --------------------------------------------------------------------------------------


@pytest.fixture
def shell(start: Start) -> Site:
    return start(execute=True)


def test_commands(shell: Site) -> None:
    page = shell.page(
        '1<!--#exec "echo $SCRIPT_NAME $REQUEST_METHOD; pwd" -->2<!--#include "a.txt" -->'
        "<!--#exec cmd='cat; echo \"quoted\" | tr a-z A-Z; echo error >&2; exit 3' -->3"
        '<!--#exec "" --><!--#exec what="echo no" -->'
    )
    root = str(shell.root).encode()
    assert page == b"1/page.shtml GET\n%b\n2AQUOTED\n3" % root + FAILED * 2


def test_a_command_that_says_nothing(
    shell: Site, mgr: Manager, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    monkeypatch.setattr(module, "EXEC_TIMEOUT", 1)
    page = shell.page('1<!--#exec "echo $$ > pid; echo begun; exec sleep 300" -->2')
    assert page == b"1begun\n" + FAILED + b"2"
    until(mgr, lambda: shell.ssi.running == 0)
    assert not Path("/proc", (shell.root / "pid").read_text().strip(), "exe").exists()


def test_so_many_at_once(shell: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNNING", 0)
    assert shell.page('<!--#exec "echo x" -->') == FAILED


def test_a_client_that_goes(shell: Site, mgr: Manager, dial: Callable[[Connection], Peer]) -> None:
    text = "x" * 100_000 + '<!--#exec "echo $$ > pid; exec sleep 300" -->'
    (shell.root / "page.shtml").write_text(text)
    peer = dial(shell.listener)
    peer.send(b"GET /page.shtml HTTP/1.1\r\nHost: a\r\n\r\n")
    pid = shell.root / "pid"
    until(mgr, lambda: pid.exists() and pid.read_text())
    assert mgr.buffered >= 100_000  # what there is of the page counts
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    until(mgr, lambda: shell.ssi.running == 0)
    assert mgr.buffered == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_guard(mgr: Manager, root: Path, ask: Any) -> None:
    (root / "page.shtml").write_text("in")
    ssi = Ssi(root, auth=BasicAuth("r", lambda user, password: password == "p"))
    listener = mgr.bind("http://127.0.0.1:0")
    listener.endpoint("/pages/{path...}", ssi)
    head = b"GET /pages/page.shtml HTTP/1.1\r\nHost: a\r\n"
    assert response(ask(listener, head + b"\r\n")).status == 401
    head += b"Authorization: Basic dTpw\r\n\r\n"
    assert response(ask(listener, head)).body == b"in"
    assert complete(ask(listener, head * 2))
