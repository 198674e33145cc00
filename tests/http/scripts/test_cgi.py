"""Scripts in sh, Python and Perl behind a real server."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import Connection, Manager
from galidia.core import program
from galidia.http import BasicAuth, Cgi, Digest, DigestAuth, HttpOptions, Ssi, StaticFiles
from galidia.http.access.passwords import set_password
from tests.helpers import Peer, until
from tests.http.conftest import running
from tests.http.wire import Response, complete, response, responses

LAST_CHUNK = b"\r\n0\r\n\r\n"
SCRIPTS = {
    "hello.cgi": """#!/bin/sh
echo Content-Type: text/plain
echo
echo "$REQUEST_METHOD $SCRIPT_NAME $PATH_INFO $QUERY_STRING $CONTENT_LENGTH $REMOTE_USER"
""",
    "echo.cgi": f"""#!{sys.executable} -IS
import os, sys
data = sys.stdin.buffer.read()  # to its end, which has to come
out = sys.stdout.buffer
out.write(b"Content-Type: %b\\n\\n" % os.environb.get(b"CONTENT_TYPE", b"text/plain"))
out.write(data)
""",
    "perl.cgi": """#!/usr/bin/perl
use strict; use warnings;
read(STDIN, my $body, $ENV{CONTENT_LENGTH} || 0);
my %form = map { split /=/, $_, 2 } split /&/, $body;
print "Status: 201 Created\\r\\nContent-Type: text/html\\r\\nSet-Cookie: a=1\\r\\n\\r\\n";
print "<p>$_: $form{$_}</p>" for sort keys %form;
""",
    "cat.cgi": "#!/bin/sh\necho Content-Type: text/plain\necho\nexec cat < /dev/stdin\n",
    "slow.cgi": "#!/bin/sh\necho $$ > pid\nsleep 300 & wait\n",
    "stops.cgi": "#!/bin/sh\necho $$ > pid\nprintf 'Status: 200\\n\\nhalf'\nsleep 300\n",
    "late.cgi": "#!/bin/sh\necho $$ > pid\nprintf 'Status: 200\\n\\n'\nread go < gate\necho $go\n",
    "deaf.cgi": "#!/bin/sh\nexec <&-\nprintf 'Status: 200\\n\\nnot interested\\n'\n",
    "big.cgi": "#!/bin/sh\nprintf 'Status: 200\\n\\n'\nhead -c 20000000 /dev/zero\n"
    "echo end > end\n",
    "short.cgi": "#!/bin/sh\nprintf 'Content-Type: a/b\\nContent-Length: 100\\n\\nshort'\n",
    "long.cgi": "#!/bin/sh\nprintf 'Content-Type: a/b\\nContent-Length: 5\\n\\nlonger'\n",
    "there.cgi": "#!/bin/sh\nprintf 'Location: https://a.example/b\\n\\n'\n",
    "local.cgi": "#!/bin/sh\nprintf 'Location: /here?x\\n\\n'\n",
    "wrong.cgi": "#!/bin/sh\necho it does not work >&2\necho Hello\necho\n",
    "nothing.cgi": "#!/bin/sh\nexit 1\n",
    "bytes.cgi": "#!/bin/sh\nprintf 'Status: 200\\nX: \\302\\200\\t\\377\\n\\n'\n",
    "shebang.cgi": "#!/no/such/program\n",
    "plain.txt": "no script",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    for name, text in SCRIPTS.items():
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    shutil.copy(root / "hello.cgi", root / "sub" / "in.cgi")
    (root / "locked.cgi").write_text(SCRIPTS["hello.cgi"])
    shutil.copy(root / "hello.cgi", tmp_path / "outside.cgi")
    (root / "link.cgi").symlink_to(tmp_path / "outside.cgi")
    os.mkfifo(root / "gate")
    return root


@pytest.fixture
def cgi(folder: Path) -> Cgi:
    return Cgi(folder)


@pytest.fixture
def listener(mgr: Manager, cgi: Cgi) -> Iterator[Connection]:
    found = mgr.bind("http://127.0.0.1:0")
    found.endpoint("/bin/{path...}", cgi)
    yield found
    if not mgr.closed:
        until(mgr, lambda: cgi.running == 0)


Get = Callable[..., Response]


@pytest.fixture
def get(mgr: Manager, listener: Connection, ask: Callable[..., bytes]) -> Get:
    def request(target: str, *fields: str, method: str = "GET", body: bytes = b"") -> Response:
        lines = [f"{method} /bin{target} HTTP/1.1", "Host: a", "Connection: close", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode()
        return response(ask(listener, head + body, method), method)

    return request


def ended(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def warnings(logged: list[Any]) -> list[str]:
    return [r.getMessage() for r in logged if r.levelname == "WARNING"]


# -- what a script is told, and what it answers -------------------------------------------------


def test_a_script(get: Get) -> None:
    found = get("/hello.cgi/more/way?a=b%20c")
    assert (found.status, found.reason) == (200, "OK")
    assert found.header("Content-Type") == "text/plain"
    assert found.body == b"GET /bin/hello.cgi /more/way a=b%20c  \n"
    assert get("/sub/in.cgi").body == b"GET /bin/sub/in.cgi    \n"
    assert get("/hello.cgi", method="DELETE").body.startswith(b"DELETE ")


def test_a_form_in_perl(get: Get) -> None:
    found = get(
        "/perl.cgi",
        "Content-Type: application/x-www-form-urlencoded",
        method="POST",
        body=b"name=lamp&state=on",
    )
    assert (found.status, found.reason) == (201, "Created")
    assert found.header("Set-Cookie") == "a=1"
    assert found.body == b"<p>name: lamp</p><p>state: on</p>"


def test_a_body_in_python(get: Get) -> None:
    body = bytes(range(256)) * 100
    found = get("/echo.cgi", "Content-Type: a/b", method="POST", body=body)
    assert (found.body, found.header("Content-Type")) == (body, "a/b")
    assert get("/echo.cgi").body == b""
    assert get("/cat.cgi", method="PUT", body=b"by name").body == b"by name"


def test_head_and_statuses_without_a_body(get: Get, cgi: Cgi, mgr: Manager) -> None:
    found = get("/big.cgi", method="HEAD")
    assert (found.status, found.body) == (200, b"")
    until(mgr, lambda: cgi.running == 0)
    assert cgi.tree is not None
    assert Path(cgi.tree.root, "end").exists()  # it was not cut off


def test_redirects(get: Get) -> None:
    for name, where in (("there", "https://a.example/b"), ("local", "/here?x")):
        found = get(f"/{name}.cgi")
        assert (found.status, found.header("Location"), found.body) == (302, where, b"")


def test_bytes_of_fields(get: Get) -> None:
    assert get("/bytes.cgi").header("X") == "\u00c2\u0080\t\u00ff"


def test_lengths(get: Get) -> None:
    found = get("/long.cgi")
    assert (found.header("Content-Length"), found.body) == ("5", b"longe")
    assert get("/long.cgi", method="HEAD").header("Content-Length") == "5"


def test_chunked_bodies_are_collected(get: Get, ask: Any, listener: Connection) -> None:
    head = b"POST /bin/echo.cgi HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = response(ask(listener, head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
    assert found.body == b"abcde"
    found = response(ask(listener, head.replace(b"echo", b"hello") + b"3\r\nabc\r\n0\r\n\r\n"))
    assert found.body == b"POST /bin/hello.cgi   3 \n"
    found = response(ask(listener, head + b"200000\r\n" + bytes(0x200000) + b"\r\n0\r\n\r\n"))
    assert found.status == 413


def test_requests_of_one_connection(
    mgr: Manager, listener: Connection, dial: Callable[[Connection], Peer]
) -> None:
    peer = dial(listener)
    names = ["hello", "echo", "short", "hello"]
    one = "".join(f"GET /bin/{name}.cgi HTTP/1.1\r\nHost: a\r\n\r\n" for name in names[:2])
    peer.send(one.encode() * 3)
    until(mgr, lambda: complete(peer.look()) and len(responses(peer.received)) == 6)
    assert [len(r.body) > 0 for r in responses(peer.received)] == [True, False] * 3
    peer.close()


# -- which files are scripts ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/none.cgi", 404),
        ("/plain.txt", 404),
        ("/", 404),
        ("/sub", 404),
        ("/sub/", 404),
        ("/link.cgi", 404),
        ("/../outside.cgi", 404),
        ("/sub/../hello.cgi", 404),
        ("/hello.cgi/../../outside.cgi", 404),
        ("/hello.cgi/a%2fb", 404),
        ("/hello.cgi%00", 400),
        ("/plain.txt/hello.cgi", 404),
        ("/gate", 404),
        ("/locked.cgi", 403),
        ("/" + "sub/" * 500 + "in.cgi", 404),
    ],
)
def test_what_is_no_script(target: str, status: int, get: Get) -> None:
    assert get(target).status == status


def test_all_files_of_a_folder(mgr: Manager, folder: Path, ask: Any) -> None:
    shutil.copy(folder / "hello.cgi", folder / "sub" / "bare")
    cgi = Cgi(folder / "sub", suffixes=("",), auth=BasicAuth("r", lambda user, password: True))
    listener = mgr.bind("http://127.0.0.1:0", cgi)
    found = response(ask(listener, b"GET /bare/x HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert found.status == 401
    head = b"GET /bare/x HTTP/1.1\r\nHost: a\r\nAuthorization: Basic Ym9iOng=\r\n\r\n"
    assert response(ask(listener, head)).body == b"GET /bare /x   bob\n"
    until(mgr, lambda: cgi.running == 0)


def test_an_interpreter_and_variables(mgr: Manager, folder: Path, ask: Any) -> None:
    (folder / "x.py").write_text("import os; print('Status: 200\\n\\n' + os.environ['MORE'])")
    for interpreter in ([sys.executable, "-IS"], sys.executable):
        cgi = Cgi(folder, suffixes=(".py",), interpreter=interpreter, env={"MORE": "of it"})
        listener = mgr.bind("http://127.0.0.1:0", cgi)
        found = response(ask(listener, b"GET /x.py HTTP/1.1\r\nHost: a\r\n\r\n"))
        assert found.body == b"of it\n"
        until(mgr, lambda cgi=cgi: cgi.running == 0)


def test_what_makes_no_sense(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        Cgi(tmp_path / "none")
    with pytest.raises(ValueError, match="timeout"):
        Cgi(folder, timeout=0)


def test_in_a_folder_of_files(mgr: Manager, folder: Path, cgi: Cgi, ask: Any) -> None:
    """With pages, and behind a guard: each request is asked for its password once."""
    (folder / "page.shtml").write_text('<!--#include "plain.txt" -->')
    passwords = folder.parent / "passwords"
    set_password(passwords, "r", "bob", "secret")
    guard = DigestAuth("r", passwords)
    files = StaticFiles(
        folder, cgi=cgi, ssi=Ssi(folder), auth=guard, index=("none.html", "hello.cgi")
    )
    listener = mgr.bind("http://127.0.0.1:0")
    listener.endpoint("/site/{path...}", files)
    digest = Digest("bob", "secret")

    def get(target: str, method: str = "GET", body: bytes = b"") -> Response:
        head = f"{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
        if answer := digest.answer(method, target):
            head += f"Authorization: {answer}\r\n"
        return response(ask(listener, head.encode() + b"\r\n" + body, method), method)

    refused = get("/site/hello.cgi", "POST", bytes(3_000_000))
    assert refused.status == 401
    digest.challenged([value for name, value in refused.fields if name == "WWW-Authenticate"])
    assert get("/site/").body == b"GET /site/hello.cgi    bob\n"
    assert get("/site/hello.cgi/a?b").body == b"GET /site/hello.cgi /a b  bob\n"
    body = os.urandom(3_000_000)
    assert get("/site/echo.cgi", "POST", body).body == body
    assert get("/site/page.shtml").body == b"no script"
    assert get("/site/plain.txt").body == b"no script"
    assert get("/site/locked.cgi").status == 403
    assert get("/site/link.cgi").status == 404
    until(mgr, lambda: cgi.running == 0)
    files.close()


# -- scripts that go wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("wrong", 502, "no header field: b'Hello' 'it does not work\\n'"),
        ("nothing", 502, "its output ended within its head"),
        ("shebang", 500, "it cannot be run: No such file or directory"),
    ],
)
def test_scripts_that_fail(
    name: str, status: int, says: str, get: Get, folder: Path, logged: list[Any]
) -> None:
    assert get(f"/{name}.cgi").status == status
    assert get(f"/{name}.cgi").status == status
    (line,) = warnings(logged)  # one a second at most
    assert line.startswith(f"script {folder}/{name}.cgi: {says}")


def test_a_body_that_is_shorter_than_was_said(
    mgr: Manager, listener: Connection, dial: Callable[[Connection], Peer]
) -> None:
    peer = dial(listener)
    peer.send(b"GET /bin/short.cgi HTTP/1.1\r\nHost: a\r\n\r\n")
    until(mgr, peer.has_ended)
    assert peer.was_reset or not complete(peer.received)


@pytest.mark.parametrize(("name", "status"), [("slow", 504), ("stops", 200)])
def test_a_script_that_says_nothing(
    name: str,
    status: int,
    mgr: Manager,
    cgi: Cgi,
    listener: Connection,
    folder: Path,
    dial: Callable[[Connection], Peer],
) -> None:
    cgi.timeout = 1
    peer = dial(listener)
    peer.send(b"GET /bin/%b.cgi HTTP/1.1\r\nHost: a\r\n\r\n" % name.encode())
    until(mgr, lambda: complete(peer.look()) or peer.ended)
    assert peer.received.startswith(b"HTTP/1.1 %d " % status)
    assert complete(peer.received) == (status == 504)
    until(mgr, lambda: cgi.running == 0)
    assert ended(int((folder / "pid").read_text()))


def test_a_script_that_waits_for_its_slow_client_is_not_hung(
    mgr: Manager, cgi: Cgi, listener: Connection, dial: Callable[[Connection], Peer]
) -> None:
    cgi.timeout = 1
    peer = dial(listener)
    peer.send(b"PUT /bin/echo.cgi HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
    over: list[int] = []
    mgr.call_later(2.2, over.append, 1)
    until(mgr, lambda: over)
    peer.send(b"bc")
    until(mgr, lambda: complete(peer.look()))
    assert response(peer.received).body == b"abc"
    # And one whose output is not taken.
    peer.send(b"GET /bin/big.cgi HTTP/1.1\r\nHost: a\r\n\r\n")
    mgr.call_later(2.2, over.append, 2)
    until(mgr, lambda: len(over) == 2)
    assert cgi.running == 1
    del peer.received[:]
    until(mgr, lambda: peer.look().endswith(LAST_CHUNK))
    assert response(peer.received).body == bytes(20_000_000)


def test_output_is_as_fast_as_it_is_taken(
    mgr: Manager, cgi: Cgi, listener: Connection, folder: Path, dial: Any
) -> None:
    peer = dial(listener)
    peer.send(b"GET /bin/big.cgi HTTP/1.1\r\nHost: a\r\n\r\n")
    until(mgr, lambda: mgr.buffered > 1 << 16)
    for _ in range(50):
        mgr.poll(2)
    assert mgr.buffered < 1 << 20
    assert not (folder / "end").exists()
    until(mgr, lambda: peer.look().endswith(LAST_CHUNK))
    until(mgr, lambda: (folder / "end").exists())


def test_a_body_is_as_fast_as_it_is_taken(
    mgr: Manager, cgi: Cgi, listener: Connection, folder: Path, dial: Any
) -> None:
    (folder / "late.cgi").write_text(SCRIPTS["late.cgi"] + "wc -c\n")
    peer = dial(listener)
    size = 50_000_000
    left = [b"PUT /bin/late.cgi HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size]
    left += [bytes(1 << 20)] * (size >> 20) + [bytes(size % (1 << 20))]

    def push() -> int:
        while left:
            try:
                sent = peer.send(left[0])
            except BlockingIOError:
                break
            left[0] = left[0][sent:]
            if not left[0]:
                del left[0]
        return len(left)

    before = -1
    while push() != before:  # until no more is taken
        before = len(left)
        for _ in range(20):
            mgr.poll(2)
    assert len(left) > 10
    assert mgr.buffered < 8 << 20
    gate = os.open(folder / "gate", os.O_RDWR)
    os.write(gate, b"go\n")
    until(mgr, lambda: push() == 0)
    until(mgr, lambda: complete(peer.look()))
    os.close(gate)
    assert response(peer.received).body.split() == [b"go", b"%d" % size]


def test_a_body_that_nobody_wants(get: Get) -> None:
    found = get("/deaf.cgi", method="POST", body=bytes(3_000_000))
    assert found.body == b"not interested\n"


@pytest.mark.parametrize("name", ["slow", "stops", "late"])
@pytest.mark.parametrize("how", ["reset", "cut"])
def test_a_client_that_goes(
    name: str, how: str, mgr: Manager, cgi: Cgi, listener: Connection, folder: Path, dial: Any
) -> None:
    peer = dial(listener)
    length = b"Content-Length: 9\r\n" if how == "cut" else b""
    peer.send(b"POST /bin/%b.cgi HTTP/1.1\r\nHost: a\r\n%b\r\n" % (name.encode(), length))
    if how == "cut":
        peer.send(b"x")
    until(mgr, lambda: (folder / "pid").exists() and (folder / "pid").read_text())
    if how == "reset":
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    until(mgr, lambda: cgi.running == 0)
    assert ended(int((folder / "pid").read_text()))


def test_so_many_at_once(mgr: Manager, cgi: Cgi, listener: Connection, dial: Any) -> None:
    cgi.max_running = 2
    peers = [dial(listener) for _ in range(3)]
    for peer in peers:
        peer.send(b"GET /bin/slow.cgi HTTP/1.1\r\nHost: a\r\n\r\n")
    until(mgr, lambda: any(complete(peer.look()) for peer in peers))
    (refused,) = (response(peer.received) for peer in peers if peer.received)
    assert (refused.status, refused.header("Retry-After")) == (503, "1")
    assert cgi.running == 2
    mgr.close(0)
    assert cgi.running == 0


def test_a_script_is_waited_for_when_the_manager_closes(
    mgr: Manager, cgi: Cgi, listener: Connection, folder: Path, dial: Any
) -> None:
    peer = dial(listener)
    peer.send(b"GET /bin/late.cgi HTTP/1.1\r\nHost: a\r\n\r\n")
    until(mgr, lambda: (folder / "pid").exists() and (folder / "pid").read_text())
    gate = os.open(folder / "gate", os.O_RDWR)
    mgr.call_later(0.05, os.write, gate, b"done\n")
    mgr.close(20)
    os.close(gate)
    peer.look()
    assert response(peer.received).body == b"done\n"


def test_curl_sends_and_gets_much(mgr: Manager, listener: Connection, tmp_path: Path) -> None:
    body = os.urandom(1 << 20) * 16
    (tmp_path / "large").write_bytes(body)
    url = f"http://127.0.0.1:{listener.local.port}/bin/echo.cgi"
    with running(mgr):
        done = subprocess.run(
            ["curl", "-q", "-sS", "--noproxy", "*", "-T", tmp_path / "large", url],
            capture_output=True,
            timeout=100,
        )
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(body).digest()


def test_what_waits_for_a_body_is_asked_first(get: Get) -> None:
    assert get("/none.cgi", "Expect: 100-continue", method="PUT", body=b"xyz").status == 404


def test_limits(folder: Path) -> None:
    assert (Cgi(folder).timeout, Cgi(folder).max_running) == (30, 32)
    assert (program.KILL_GRACE, program.EXIT_GRACE) == (2, 10)
    assert HttpOptions().body_limit == 1 << 20
