"""`galidia serve --config`: what a site's file may say, and what its mounts do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import GALIDIA, Site, environment, run, wait_until
from tests.helpers import PATIENCE, Certificates

CURL = ["curl", "-sS", "--max-time", "20", "--noproxy", "*"]


@contextmanager
def serving(*arguments: str, count: int, **more: str) -> Iterator[tuple[list[str], Any]]:
    """`galidia serve` with so many mounts and addresses: their URLs, as they are announced."""
    process = subprocess.Popen(
        [*GALIDIA, "serve", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(**more),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(count)]
        assert all(line.startswith("serving ") for line in lines), process.communicate()
        yield [line.rstrip().rpartition(" at ")[2] for line in lines], process
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out, err) == (0, "", "")
    finally:
        process.kill()
        process.communicate()


def curl(*arguments: str) -> str:
    done = subprocess.run([*CURL, *arguments], capture_output=True, check=True)
    return done.stdout.decode()


def test_a_site(site: Site, tmp_path: Path) -> None:
    certs = Certificates(tmp_path)
    (tmp_path / "www").mkdir()
    (tmp_path / "inbox").mkdir()
    (tmp_path / "www" / "index.html").write_text("<h1>hello")
    site.page("/x?y", b"from upstream")
    (tmp_path / "site.toml").write_text(f"""
log = {{file = "access.log", format = "json"}}
[[listen]]
address = "http://127.0.0.1:0"
[[listen]]
address = "https://127.0.0.1:0"
cert = "{certs.server.name}"
[[mount]]
files = "www"
listing = false
[[mount]]
path = "/api"
proxy = ["{site.url("").rstrip("/")}"]
[[mount]]
path = "/up/"
upload = "inbox"
max_size = 10
""")
    with serving("--config", str(tmp_path / "site.toml"), count=6) as (urls, process):
        plain, _, _, secure, api, _ = urls
        trust = ["--cacert", str(certs.ca)]
        assert curl(plain) == curl(*trust, secure) == "<h1>hello"
        assert curl(f"{plain}api/x?y") == curl(*trust, f"{api}x?y") == "from upstream"
        assert curl("-o", os.devnull, "-w", "%{redirect_url}", f"{plain}api?z") == f"{plain}api/?z"
        assert curl("-X", "PUT", "--data-binary", "12345", f"{plain}up/b").startswith('{"files"')
        assert curl("-o", os.devnull, "-w", "%{http_code}", "-X", "PUT", "--data-binary",
                    "12345678901", f"{plain}up/c") == "413"  # fmt: skip
        log = tmp_path / "access.log"
        wait_until(lambda: log.read_text().count("\n") >= 7)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [line["status"] for line in lines][:5] == [200, 200, 200, 200, 308]
        assert lines[2]["target"] == "/api/x?y"
        log.rename(tmp_path / "old.log")
        process.send_signal(signal.SIGHUP)
        wait_until(log.exists)
    assert (tmp_path / "inbox" / "b").read_text() == "12345"


def test_options_say_the_same(site: Site, tmp_path: Path) -> None:
    site.page("/x", b"from upstream")
    with serving(
        "http://127.0.0.1:0", "--root", str(tmp_path), "--no-listing", "--log", "-",
        "--proxy", f"/api={site.url('').rstrip('/')}", "--upload", f"/up={tmp_path}", count=3,
    ) as (urls, process):  # fmt: skip
        api, up, root = urls
        assert curl(f"{api}x") == "from upstream"
        assert curl("-X", "PUT", "--data-binary", "12345", f"{up}b").startswith('{"files"')
        assert curl("-o", os.devnull, "-w", "%{http_code}", root) == "403"
        assert process.stdout is not None
        for text in (
            '"GET /api/x HTTP/1.1" 200 13',
            '"PUT /up/b HTTP/1.1" 201',
            '"GET / HTTP/1.1" 403',
        ):
            assert text in process.stdout.readline()
    assert (tmp_path / "b").read_text() == "12345"


def test_a_browser_is_opened(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {tmp_path / "opened"}\n')
    program.chmod(0o755)
    arguments = ("http://127.0.0.1:0", "--root", str(tmp_path), "--open")
    with serving(*arguments, count=1, BROWSER=str(program)) as (urls, _):
        wait_until(lambda: (tmp_path / "opened").exists() and (tmp_path / "opened").read_text())
        assert (tmp_path / "opened").read_text() == f"{urls[0]}\n"


def test_passwords_scripts_and_webdav(tmp_path: Path) -> None:
    www = tmp_path / "www"
    www.mkdir()
    (www / "index.shtml").write_text('<!--#include virtual="part" -->')
    (www / "part").write_text("a part")
    script = www / "hello.cgi"
    script.write_text("#!/bin/sh\necho 'Content-Type: text/plain'\necho\necho hello $REMOTE_USER\n")
    script.chmod(0o755)
    subprocess.run(
        [*GALIDIA, "passwd", str(tmp_path / "users"), "here", "ann"],
        input=b"secret\n", check=True, capture_output=True,
    )  # fmt: skip
    with serving(
        "http://127.0.0.1:0", "--root", str(www), "--cgi", "--ssi", "--dav", f"/dav={www}",
        "--auth", f"here={tmp_path / 'users'}", count=2,
    ) as (urls, _):  # fmt: skip
        dav, root = urls
        digest = ["--digest", "-u", "ann:secret"]
        assert curl("-o", os.devnull, "-w", "%{http_code}", root) == "401"
        assert curl(*digest, f"{root}index.shtml") == "a part"
        assert curl(*digest, f"{root}hello.cgi") == "hello ann\n"
        assert curl(*digest, "-X", "PUT", "-d", "new", "-w", "%{http_code}", f"{dav}new") == "201"
        assert curl(*digest, f"{root}new") == "new"


def test_hosts_and_folders(tmp_path: Path) -> None:
    for name in ("one", "two", "elsewhere"):
        (tmp_path / name / "private").mkdir(parents=True)
        (tmp_path / name / "index.html").write_text(name)
        (tmp_path / name / "private" / "a").write_text("secret")
    (tmp_path / "site.toml").write_text("""
[[listen]]
address = "http://127.0.0.1:0"
[[mount]]
files = "one"
rewrites = {"/else" = "elsewhere"}
[mount.folders."/private"]
acl = "-0.0.0.0/0"
[[mount]]
files = "two"
host = ["two.example", "*.two.example"]
""")
    with serving("--config", str(tmp_path / "site.toml"), count=2) as (urls, _):
        url = urls[0]
        assert curl(url) == "one"
        assert curl(f"{url}else/") == "elsewhere"
        code = ["-o", os.devnull, "-w", "%{http_code}"]
        assert curl(*code, f"{url}private/a") == "403"
        for host in ("two.example", "WWW.two.example:80"):
            assert curl("-H", f"Host: {host}", url) == "two"
            assert curl("-H", f"Host: {host}", f"{url}private/a") == "secret"


WRONG = {
    "colour = 1": "colour: no such key; there are listen, log, mount",
    "mount = 1": "mount: is one or more tables, each under [[...]], not 1",
    "log = 1": "log: is a path, or a table with file and format, not 1",
    "log = {format = 'json'}": "log.file: is missing",
    "[[listen]]": "listen[0].address: is missing",
    "[[listen]]\naddress = 80": "listen[0].address: is a string, not 80",
    "[[mount]]\npath = '/'": "mount[0]: has one of the keys files, dav, proxy, upload",
    "[[mount]]\nfiles = '.'\nproxy = 'http://a'": "mount[0]: has one of the keys",
    "[[mount]]\nfiles = '.'\nlistings = true": "mount[0].listings: no such key; there are acl,",
    "[[mount]]\nfiles = '.'\nlisting = 1": "mount[0].listing: is true or false, not 1",
    "[[mount]]\nfiles = '.'\n[[mount]]\nfiles = '.'": "mount[1].path: '/' is mounted already",
    "[[mount]]\nfiles = '.'\npath = 'a'": 'mount[0].path: begins with "/"',
    "[[mount]]\nfiles = '/nonexistent'": "mount[0]: /nonexistent: not a folder to serve",
    "[[mount]]\nproxy = 'ftp://a'": "mount[0]: bad URL 'ftp://a'",
    "[[mount]]\nproxy = 'http://a'\nrest = -1": "mount[0]: rest must be a number, not -1",
    "[[mount]]\nupload = '.'\ncollision = 'x'": "mount[0]: collision= is one of rename, refuse,",
    "[[mount]]\nfiles = '.'\nauth = {realm = 'a'}": "mount[0].auth.file: is missing",
    "[[mount]]\nfiles = '.'\ncgi = {colour = 1}": "mount[0].cgi.colour: no such key; there are",
    "[[mount]]\nfiles = '.'\nerrors = 1": "mount[0].errors: is a table of strings, not 1",
    "[[mount]]\nfiles = '.'\nhost = 'a'\npath = '/b'": 'mount[0].host: is for mounts at "/"',
    "[[mount]]\nfiles = '.'\nhost = 'a/b'": "mount[0]: a host is a name without port",
    "[[mount]]\nfiles = '.'\nhost = 'a'\n[[mount]]\nfiles = '.'\nhost = 'a'": "is mounted already",
    "[[mount]]\nfiles = '.'\nfolders = {'/a' = {dav = 1}}": "mount[0].folders./a.dav: no such key",
    "[[mount]]\nfiles = '.'\nfolders = {'/a' = 1}": "mount[0].folders: is a table of tables",
    "not toml": "Expected",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(text)
    done = run("serve", "--config", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"galidia: {file}: ")
    assert WRONG[text] in done.stderr
    assert done.stderr.count("\n") == 1


def test_options_that_make_no_sense(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text("")
    for arguments in (
        ["--proxy", "api=http://a"], ["--upload", "/a"], ["--config", str(file), "--root", "."],
        ["--config", str(file), "--log", "x"], ["--log-format", "xml"],
    ):  # fmt: skip
        assert run("serve", *arguments).returncode == 2
    assert run("serve", "--config", "/nonexistent").returncode == 1
