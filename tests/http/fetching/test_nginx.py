"""The client against nginx."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import Manager
from galidia.http import errors
from galidia.http.fetching.fetch import Result, fetch
from galidia.http.fetching.pool import pool_of
from tests.helpers import Certificates, until

PATIENCE = 60  # seconds; ends a program that hangs
LARGE = bytes(range(256)) * 8192  # 2 MiB
TEXT = b"some text that is worth to be packed, line after line\n" * 1000

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 100; }}
http {{
    access_log off;
    types {{ text/plain txt; }}
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    root {folder}/root;
    gzip on;
    gzip_types text/plain;
    client_max_body_size 1m;
    ssl_certificate {cert};
    ssl_certificate_key {cert};
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        location = /hello {{ return 200 "hello"; }}
        location = /nothing {{ return 204; }}
        location = /moved {{ return 302 /hello; }}
        location = /once {{ keepalive_timeout 0; return 200 "once"; }}
        location = /loop {{ return 307 /loop; }}
        location = /small {{ limit_rate 1m; try_files /large.bin =404; }}
        location /private {{
            auth_basic "here";
            auth_basic_user_file {folder}/users;
            try_files /text.txt =404;
        }}
    }}
}}
"""


class Nginx:
    """It listens on sockets that it inherits, so nobody else can have taken the ports."""

    def __init__(self, folder: Path, cert: Path) -> None:
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        assert program, "these tests need nginx (Debian: nginx-light)"
        (folder / "root").mkdir()
        (folder / "root/large.bin").write_bytes(LARGE)
        (folder / "root/text.txt").write_bytes(TEXT)
        (folder / "users").write_text("me:{PLAIN}secret\n")
        with (
            socket.create_server(("127.0.0.1", 0)) as plain,
            socket.create_server(("127.0.0.1", 0)) as tls,
        ):
            self.port, self.tls_port = plain.getsockname()[1], tls.getsockname()[1]
            user = "user root;" if os.getuid() == 0 else ""
            (folder / "nginx.conf").write_text(
                CONFIG.format(
                    folder=folder, cert=cert, port=self.port, tls_port=self.tls_port, user=user
                )
            )
            fds = (plain.fileno(), tls.fileno())
            self.process = subprocess.Popen(
                [program, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"],
                pass_fds=fds,
                env={**os.environ, "NGINX": "".join(f"{fd};" for fd in fds)},
                stderr=subprocess.PIPE,
            )

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, err.decode()


@pytest.fixture
def nginx(tmp_path: Path, certs: Certificates) -> Iterator[Nginx]:
    server = Nginx(tmp_path, certs.server)
    yield server
    server.close()


def get(mgr: Manager, url: str, **options: Any) -> Result:
    results: list[Result] = []
    fetch(mgr, url, results.append, proxy=None, **options)
    until(mgr, lambda: results)
    return results[0]


def test_replies(mgr: Manager, nginx: Nginx) -> None:
    assert get(mgr, nginx.url("/hello")).body == b"hello"
    assert get(mgr, nginx.url("/nothing")).status == 204
    assert get(mgr, nginx.url("/nosuch")).status == 404
    assert get(mgr, nginx.url("/large.bin")).body == LARGE
    head = get(mgr, nginx.url("/large.bin"), method="HEAD")
    assert (head.body, head.header("content-length")) == (b"", str(len(LARGE)))
    moved = get(mgr, nginx.url("/moved"))
    assert (moved.body, moved.history) == (b"hello", [(302, nginx.url("/moved"))])
    assert isinstance(get(mgr, nginx.url("/loop")).error, errors.RedirectError)
    assert len(pool_of(mgr)) == 1
    assert get(mgr, nginx.url("/once")).body == b"once"
    until(mgr, lambda: len(pool_of(mgr)) == 0)


def test_many(mgr: Manager, nginx: Nginx) -> None:
    results: list[Result] = []
    for i in range(500):
        path = ("/hello", "/text.txt", "/nothing", "/moved", "/nosuch")[i % 5]
        fetch(mgr, nginx.url(path), results.append, proxy=None)
    until(mgr, lambda: len(results) == 500)
    assert all(result.error is None for result in results)
    assert sorted({(r.status, len(r.body)) for r in results if r.status != 404}) == [
        (200, 5),
        (200, len(TEXT)),
        (204, 0),
    ]
    assert len(pool_of(mgr)) == pool_of(mgr).max_per_host


def test_a_packed_reply(mgr: Manager, nginx: Nginx) -> None:
    result = get(mgr, nginx.url("/text.txt"))
    assert result.header("content-encoding") == "gzip"
    assert result.header("transfer-encoding") == "chunked"
    assert result.body == TEXT
    raw = get(mgr, nginx.url("/text.txt"), decode=False, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(raw.body) == TEXT
    assert get(mgr, nginx.url("/text.txt"), decode=False).body == TEXT


def test_credentials(mgr: Manager, nginx: Nginx) -> None:
    assert get(mgr, nginx.url("/private")).status == 401
    assert get(mgr, nginx.url("/private"), auth=("me", "wrong")).status == 401
    assert get(mgr, nginx.url("/private"), auth=("me", "secret")).body == TEXT


def test_a_body_that_is_too_large_for_it(mgr: Manager, nginx: Nginx) -> None:
    """It answers before the body has come, and closes: the answer gets through."""
    assert get(mgr, nginx.url("/hello"), body=bytes(5 << 20)).status == 413
    assert get(mgr, nginx.url("/hello"), body=bytes(500_000)).body == b"hello"


def test_a_download_goes_on(mgr: Manager, nginx: Nginx, tmp_path: Path) -> None:
    target = tmp_path / "target"
    results: list[Result] = []
    f = fetch(mgr, nginx.url("/small"), results.append, proxy=None, to=target, resume=True)
    until(mgr, lambda: f.received > 0)
    f.cancel()
    size = (tmp_path / "target.part").stat().st_size
    assert 0 < size < len(LARGE)
    result = get(mgr, nginx.url("/small"), to=target, resume=True)
    assert (result.error, result.status) == (None, 206)
    assert target.read_bytes() == LARGE


def test_over_tls(mgr: Manager, nginx: Nginx, certs: Certificates) -> None:
    url = f"https://127.0.0.1:{nginx.tls_port}/large.bin"
    for _ in range(3):
        assert get(mgr, url, ca=str(certs.ca)).body == LARGE
    assert len(pool_of(mgr)) == 1
    assert isinstance(get(mgr, url).error, errors.TlsError)
