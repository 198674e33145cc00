"""`galidia serve`, as a person runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.command import GALIDIA, run
from tests.helpers import PATIENCE, Certificates

SERVING = re.compile(r"serving (.*) at (https?)://(.*):([0-9]+)/\n")
CURL = ["curl", "-sS", "--max-time", "20", "--noproxy", "*"]

Serve = Callable[..., tuple[subprocess.Popen[str], list[str]]]


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<h1>hello")
    (folder / "large").write_bytes(b"x" * (10 << 20))
    return folder


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Runs `galidia serve` until the addresses are announced: the process and its base URLs."""
    started = []

    def start(
        *arguments: str, folder: Path | None = None
    ) -> tuple[subprocess.Popen[str], list[str]]:
        process = subprocess.Popen(
            [*GALIDIA, "serve", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        urls = []
        for _ in range(max(1, sum("://" in argument for argument in arguments))):
            line = process.stdout.readline()
            found = SERVING.fullmatch(line)
            assert found, line + process.communicate(timeout=PATIENCE)[1]
            urls.append(f"{found[2]}://{found[3]}:{found[4]}")
        return process, urls

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str], number: int) -> None:
    """It ends in good order when it gets a signal."""
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve(number: int, folder: Path, serve: Serve) -> None:
    process, (url,) = serve("http://127.0.0.1:0", folder=folder)
    for target, body in (("/", b"<h1>hello"), ("/large", (folder / "large").read_bytes())):
        assert subprocess.run([*CURL, url + target], capture_output=True, check=True).stdout == body
    done = subprocess.run([*CURL, "-o", os.devnull, "-w", "%{http_code}", url + "/none"],
                          capture_output=True, check=True)  # fmt: skip
    assert done.stdout == b"404"
    finish(process, number)


def test_serve_ends_cleanly_though_clients_are_connected(folder: Path, serve: Serve) -> None:
    process, (url,) = serve("http://127.0.0.1:0", "--root", str(folder))
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        finish(process, signal.SIGTERM)
        assert idle.recv(1000) == b""


def test_serve_at_several_addresses(folder: Path, serve: Serve, certs: Certificates) -> None:
    process, urls = serve(
        "http://127.0.0.1:0", "http://127.0.0.1:0", "https://127.0.0.1:0",
        "--root", str(folder), "--cert", str(certs.server),
    )  # fmt: skip
    assert [url.partition(":")[0] for url in urls] == ["http", "http", "https"]
    for url in urls:
        done = subprocess.run([*CURL, "--cacert", str(certs.ca), url], capture_output=True)
        assert done.stdout == b"<h1>hello"
    finish(process, signal.SIGINT)


def test_https_with_a_key_of_its_own(folder: Path, serve: Serve, certs: Certificates) -> None:
    key = certs.folder / "server.key"
    process, (url,) = serve(
        "https://127.0.0.1:0", "--root", str(folder), "--cert", str(certs.server), "--key", str(key)
    )
    done = subprocess.run([*CURL, "--cacert", str(certs.ca), url], capture_output=True)
    assert done.stdout == b"<h1>hello"
    finish(process, signal.SIGINT)


WRONG = {
    "root": (["--root", "/nonexistent"], "/nonexistent: not a folder to serve"),
    "root-is-a-file": (["--root", __file__], "not a folder to serve"),
    "port": (["http://127.0.0.1:99999"], "99999"),
    "port-is-a-word": (["http://127.0.0.1:http"], "http"),
    "no-port": (["127.0.0.1"], "127.0.0.1"),
    "scheme": (["gopher://127.0.0.1:70"], "gopher"),
    "scheme-not-served": (["tcp://127.0.0.1:0"], "tcp://127.0.0.1:0"),
    "host-of-others": (["http://192.0.2.1:0"], "192.0.2.1"),
    "no-certificate": (["https://127.0.0.1:0"], "--cert"),
    "certificate-is-gone": (["https://127.0.0.1:0", "--cert", "/nonexistent"], "/nonexistent"),
    "certificate-is-none": (["https://127.0.0.1:0", "--cert", __file__], __file__),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_served_is_told_in_one_line(name: str) -> None:
    arguments, text = WRONG[name]
    done = run("serve", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("galidia: ")
    assert text in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Errno" not in done.stderr


def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", f"http://127.0.0.1:{port}", "--root", str(folder))
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "in use" in done.stderr
    assert done.stderr.count("\n") == 1
