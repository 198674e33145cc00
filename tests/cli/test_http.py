"""`galidia http`: one request and its reply."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from galidia.cli import main
from tests.cli.command import (
    GALIDIA,
    PLAIN,
    Site,
    Visit,
    environment,
    run,
    run_on_terminal,
    run_raw,
)
from tests.helpers import PATIENCE, Certificates

SGR = re.compile(r"\x1b\[[0-9;]*m")
BINARY = bytes(range(256)) * 10


def split(out: bytes) -> tuple[list[bytes], bytes]:
    """The lines of a head and the body behind it."""
    head, _, body = out.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


# -- in a pipe --------------------------------------------------------------------------------


def test_a_reply_in_a_pipe_is_what_came(site: Site) -> None:
    url = site.page("/x", BINARY, content_type="text/plain", x_escape="a\x9b31mb")
    done = run_raw("http", "get", url)
    assert (done.returncode, done.stderr) == (0, b"")
    head, body = split(done.stdout)
    # The version is the one to go by.
    assert head[0] == b"HTTP/1.0 200 OK"
    assert b"Content-Type: text/plain" in head
    assert b"X-Escape: a\x9b31mb" in head
    assert body == BINARY
    (visit,) = site.visits
    assert visit.command == "GET"


def test_parts_of_a_reply(site: Site) -> None:
    url = site.page("/", BINARY)
    assert run_raw("http", "GET", url, "--body").stdout == BINARY
    head, rest = split(run_raw("http", "GET", url, "--head").stdout)
    assert head[0] == b"HTTP/1.0 200 OK"
    assert rest == b""


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_any_reply_is_a_reply(site: Site, status: int) -> None:
    url = site.page("/", b"" if status == 204 else b"why", status=status, location="/none")
    done = run_raw("http", "GET", url)
    assert (done.returncode, done.stderr) == (0, b"")
    head, body = split(done.stdout)
    assert head[0].startswith(b"HTTP/1.0 %d " % status)
    assert body == (b"" if status == 204 else b"why")
    assert len(site.visits) == 1


def test_head(site: Site) -> None:
    done = run_raw("http", "HEAD", site.page("/", b"12345"))
    head, body = split(done.stdout)
    assert b"Content-Length: 5" in head
    assert body == b""


def test_a_body_is_handed_on_as_it_comes(site: Site) -> None:
    def page(visit: Visit) -> None:
        visit.send_response(200)
        visit.end_headers()
        visit.wfile.write(b"first\n")
        site.released.wait(PATIENCE)
        visit.wfile.write(b"last\n")

    site.pages["/"] = page
    with subprocess.Popen(
        [*GALIDIA, "http", "GET", site.url(), "--body"],
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"first\n"
        site.released.set()
        assert process.stdout.read() == b"last\n"
        assert process.wait() == 0


def test_verbose_shows_the_request(site: Site) -> None:
    done = run_raw("http", "PUT", site.page("/a?b=c"), "X-One: 1", "--data", "text", "-v")
    sent, rest = split(done.stdout)
    assert sent[0] == b"PUT /a?b=c HTTP/1.1"
    assert f"Host: 127.0.0.1:{site.server_port}".encode() in sent
    assert b"X-One: 1" in sent
    assert b"Content-Length: 4" in sent
    (visit,) = site.visits
    assert [line.partition(b":")[0].decode() for line in sent[1:]] == list(visit.headers)
    assert rest.startswith(b"HTTP/1.0 200 OK\r\n")


def test_verbose_shows_what_comes_before_the_reply(site: Site) -> None:
    def page(visit: Visit) -> None:
        visit.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        visit.answer(200, b"body")

    site.pages["/"] = page
    said = run("http", "GET", site.url(), "-v").stdout
    sent, hints, reply, body = said.replace("\r\n", "\n").split("\n\n")
    assert sent.startswith("GET / HTTP/1.1\n")
    assert hints == "HTTP/1.1 103 Early Hints\nLink: </a.css>"
    assert reply.startswith("HTTP/1.0 200 OK\n")
    assert body == "body"
    assert "103" not in run("http", "GET", site.url()).stdout


# -- what is sent -----------------------------------------------------------------------------


def test_fields(site: Site) -> None:
    assert run("http", "GET", site.page("/"), "A:b", "C: d:e ", "Empty:").returncode == 0
    (visit,) = site.visits
    assert (visit.field("A"), visit.field("C"), visit.field("Empty")) == ("b", "d:e", "")


@pytest.mark.parametrize(
    ("arguments", "stdin", "body", "kind"),
    [
        (["--data", "plain ä"], b"", "plain ä".encode(), "text/plain; charset=utf-8"),
        (["--data", "@file.html"], b"", BINARY, "text/html"),
        (["--data", "@file"], b"", b"", "application/octet-stream"),
        (["--data", "@-"], BINARY, BINARY, None),
        (["--data", "a=b", "content-type: x/y"], b"", b"a=b", "x/y"),
        (["--json", '{"a": 1.0}'], b"", b'{"a": 1.0}', "application/json"),
        (["--json", "@file.json"], b"", b"[1]\n", "application/json"),
        (["--json", "@-"], b"null", b"null", "application/json"),
        (
            ["--form", "a=b c", "--form", "a=ä&", "--form", "e="],
            b"",
            b"a=b+c&a=%C3%A4%26&e=",
            "application/x-www-form-urlencoded",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bodies(
    site: Site, tmp_path: Path, arguments: list[str], stdin: bytes, body: bytes, kind: str | None
) -> None:
    (tmp_path / "file.html").write_bytes(BINARY)
    (tmp_path / "file.json").write_bytes(b"[1]\n")
    (tmp_path / "file").write_bytes(b"")
    done = run("http", "POST", site.page("/"), *arguments, folder=tmp_path, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    (visit,) = site.visits
    assert (visit.body, visit.field("Content-Type")) == (body, kind)


def test_a_form_with_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(BINARY)
    arguments = ["--form", "who=me", "--form", "what=@photo.png"]
    assert run("http", "POST", site.page("/"), *arguments, folder=tmp_path).returncode == 0
    (visit,) = site.visits
    kind = visit.field("Content-Type") or ""
    boundary = kind.removeprefix("multipart/form-data; boundary=").strip('"')
    first, second, last = visit.body.split(b"--" + boundary.encode())[1:]
    assert b'name="who"' in first
    assert b"\r\n\r\nme\r\n" in first
    assert b'name="what"; filename="photo.png"' in second
    assert b"image/png" in second
    assert second.endswith(b"\r\n\r\n" + BINARY + b"\r\n")
    assert last == b"--\r\n"


@pytest.mark.parametrize(
    "arguments", [["--data", "@nothing"], ["--json", "@nothing"], ["--form", "a=@nothing"]]
)
def test_a_file_that_is_not_there(site: Site, tmp_path: Path, arguments: list[str]) -> None:
    done = run("http", "POST", site.page("/"), *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "galidia: nothing: No such file or directory\n"
    assert site.visits == []


def test_credentials(site: Site) -> None:
    def page(visit: Visit) -> None:
        if "Digest" in (visit.field("Authorization") or ""):
            visit.answer(200, b"in")
        else:
            challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
            visit.answer(401, b"out", www_authenticate=challenge)

    site.pages["/"] = page
    assert run("http", "GET", site.url(), "-u", "me:x:y", "--body").stdout == "out"
    assert run("http", "GET", site.url(), "-u", "me:x:y", "--digest", "--body").stdout == "in"
    assert site.visits[0].field("Authorization") == "Basic bWU6eDp5"
    answer = dict(re.findall(r'(\w+)="?([^",]*)', site.visits[-1].field("Authorization") or ""))
    one = hashlib.sha256(b"me:r:x:y").hexdigest()
    two = hashlib.sha256(b"GET:/").hexdigest()
    what = f"{one}:n:{answer['nc']}:{answer['cnonce']}:auth:{two}"
    assert answer["response"] == hashlib.sha256(what.encode()).hexdigest()


def test_redirects(site: Site) -> None:
    site.page("/there", b"found")
    url = site.page("/", status=301, location="/there")
    assert run("http", "GET", url, "--follow", "--body").stdout == "found"
    assert site.paths() == ["/", "/there"]


def test_through_a_proxy(site: Site) -> None:
    site.page("http://example.test/a", b"by proxy")
    done = run("http", "GET", "example.test/a", "--body", "--proxy", site.url())
    assert done.stdout == "by proxy"


def test_https(tmp_path: Path) -> None:
    certs = Certificates(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("secure")
    arguments = ["--root", str(tmp_path / "site"), "--cert", str(certs.server)]
    with subprocess.Popen(
        [*GALIDIA, "serve", "https://127.0.0.1:0", *arguments], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().decode().split()[-1]
        trusting = run("http", "GET", url, "--body", "--ca", str(certs.ca))
        careless = run("http", "GET", url, "--body", "--insecure")
        careful = run("http", "GET", url, "--body")
        server.terminate()
        server.wait(PATIENCE)
    assert (trusting.stdout, careless.stdout) == ("secure", "secure")
    assert (careful.returncode, careful.stdout) == (1, "")
    assert "certificate" in careful.stderr
    assert careful.stderr.count("\n") == 1


# -- failures ---------------------------------------------------------------------------------


def test_a_reply_that_is_cut_short(site: Site, tmp_path: Path) -> None:
    def page(visit: Visit) -> None:
        visit.head(200, 100)
        visit.wfile.write(b"half")

    site.pages["/"] = page
    done = run("http", "GET", site.url(), "--body")
    assert (done.returncode, done.stdout) == (1, "half")
    assert "truncated" in done.stderr
    assert run("http", "GET", site.url(), "-o", "file", folder=tmp_path).returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_too_late(site: Site) -> None:
    def page(visit: Visit) -> None:
        site.released.wait(PATIENCE)

    site.pages["/"] = page
    done = run("http", "GET", site.url(), "--timeout", "0.1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "galidia: not complete within 0.1 s\n"


def test_what_a_bad_server_says_gives_no_orders_to_the_terminal(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    def page(visit: Visit) -> None:
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: \x1b]0;x\x07\r\n\r\n")

    site.pages["/"] = page
    assert main(["http", "GET", site.url()]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("galidia: ")
    assert "\x1b" not in said.out + said.err


def test_interrupted(site: Site) -> None:
    def page(visit: Visit) -> None:
        visit.head(200, 100)
        visit.wfile.write(b"half\n")
        site.released.wait(PATIENCE)

    site.pages["/"] = page
    with subprocess.Popen(
        [*GALIDIA, "http", "GET", site.url(), "--body"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, b"")


# -- into a file ------------------------------------------------------------------------------


def test_into_a_file(site: Site, tmp_path: Path) -> None:
    done = run("http", "GET", site.page("/", BINARY), "-o", "file", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.endswith("\r\n\r\n")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": BINARY}


# -- on a terminal ----------------------------------------------------------------------------


def test_json_on_a_terminal(site: Site) -> None:
    value: dict[str, Any] = {"name": "\x1b[31m", "list": [1.50, True, None, {}], "empty": []}
    url = site.page("/", json.dumps(value).encode(), content_type="application/json")
    shown = run_on_terminal("http", "GET", url)
    assert (shown.code, shown.errors) == (0, "")
    assert "\x1b[1;32mHTTP/1.0 200 OK\x1b[0m\n" in shown.text
    assert "\x1b[36mContent-Type\x1b[0m: application/json\n" in shown.text
    assert '\x1b[1;34m"list"\x1b[0m' in shown.text
    plain = SGR.sub("", shown.text)
    assert plain.endswith(
        '\n\n{\n  "name": "\\u001b[31m",\n  "list": [\n    1.5,\n    true,\n    null,\n    {}\n'
        '  ],\n  "empty": []\n}\n'
    )


def test_the_colour_of_a_status(site: Site) -> None:
    for status, colour in ((200, 32), (302, 33), (404, 31), (500, 31)):
        shown = run_on_terminal("http", "GET", site.page("/", status=status))
        assert f"\x1b[1;{colour}mHTTP/1.0 {status} " in shown.text


def test_a_terminal_without_rich_and_one_without_colours(site: Site) -> None:
    url = site.page("/", b'{"a":1}', content_type="application/json")
    plain = run_on_terminal("http", "GET", url, command=PLAIN)
    assert "\x1b" not in plain.text
    assert plain.text.endswith('\n\n{\n  "a": 1\n}\n')
    assert plain.text.startswith("HTTP/1.0 200 OK\nServer: ")
    uncoloured = run_on_terminal("http", "GET", url, NO_COLOR="1")
    assert "\x1b[3" not in uncoloured.text


HOSTILE = "title \x1b]0;x\x07 colour \x1b[31m c1 \x9b31m back \b\r over \u202e"


@pytest.mark.parametrize("command", [GALIDIA, PLAIN], ids=["rich", "plain"])
def test_the_network_gives_no_orders_to_a_terminal(site: Site, command: list[str]) -> None:
    url = site.page(
        "/", HOSTILE.encode(), content_type="text/plain", x_field="a\x9b31mb\xe2\x80\xae"
    )
    shown = run_on_terminal("http", "GET", url, command=command)
    assert shown.code == 0
    rest = SGR.sub("", shown.text)  # what rich itself says
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", rest)
    assert "title \\x1b]0;x\\x07 colour \\x1b[31m c1 \\x9b31m back \\x08\\r over \\u202e" in rest
    assert "a\\x9b31mb" in rest
    assert "\x1b[31m" not in shown.text


def test_text_comes_as_it_is_sent(site: Site) -> None:
    def page(visit: Visit) -> None:
        visit.send_response(200)
        visit.send_header("Content-Type", "text/event-stream")
        visit.end_headers()
        visit.wfile.write("data: gr\u00fc".encode()[:-1])
        visit.wfile.flush()
        site.released.wait(PATIENCE)
        visit.wfile.write("gr\u00fc".encode()[-1:] + b"n\r\n")

    def look(text: str) -> None:
        if "data: gr" in text:
            site.released.set()

    site.pages["/"] = page
    shown = run_on_terminal("http", "GET", site.url(), watch=look)
    assert shown.text.endswith("\n\ndata: gr\u00fcn\n")


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("image/png", b"\x89PNG", "[4 bytes of image/png, not shown; -o FILE stores it]\n"),
        ("application/octet-stream", bytes(3000), "[2.9 KiB of application/octet-stream, "),
        ("application/octet-stream", b"plain text", "\n\nplain text\n"),
        ("text/plain; charset=iso-8859-1", b"gr\xfcn", "\n\ngr\u00fcn\n"),
        ("text/plain; charset=zlib", b"text", "\n\ntext\n"),
        ("text/plain; charset=utf-8", b"\xff", "\n\n\ufffd\n"),
        ("application/json", b'{"a":', '\n\n{"a":\n'),
        ("application/json", b"[" * 5000 + b"]" * 5000, "[[[["),
        ("text/plain", b"", "\n\n"),
    ],
)
def test_bodies_on_a_terminal(site: Site, kind: str, body: bytes, said: str) -> None:
    shown = run_on_terminal("http", "GET", site.page("/", body, content_type=kind), command=PLAIN)
    assert shown.code == 0
    assert said in shown.text


def test_verbose_on_a_terminal(site: Site) -> None:
    shown = run_on_terminal("http", "GET", site.page("/x"), "-v")
    assert "\x1b[1mGET /x HTTP/1.1\x1b[0m\n" in shown.text


def test_a_coding_is_undone_unless_it_was_asked_for(site: Site) -> None:
    import gzip

    packed = gzip.compress(b"text")
    url = site.page("/", packed, content_encoding="gzip", content_type="text/plain")
    assert run_raw("http", "GET", url, "--body").stdout == b"text"
    assert run_raw("http", "GET", url, "--body", "Accept-Encoding: gzip").stdout == packed


def test_this_file_runs_with_rich() -> None:
    # Without it half of these tests would be about something else.
    subprocess.run([sys.executable, "-c", "import rich"], check=True)
