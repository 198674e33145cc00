"""The reverse proxy between real programs: curl and wrk before it, nginx behind it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from galidia import Manager
from galidia.http import HttpOptions, ReverseProxy
from tests.helpers import Certificates
from tests.http.conftest import running
from tests.http.fetching.test_nginx import LARGE, Nginx

CURL = ["curl", "-sS", "--max-time", "60", "--noproxy", "*"]


@pytest.fixture
def nginx(tmp_path: Path, certs: Certificates) -> Iterator[Nginx]:
    server = Nginx(tmp_path, certs.server)
    yield server
    server.close()


def curl(*arguments: str | Path) -> bytes:
    done = subprocess.run([*CURL, *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_and_wrk_before_nginx(
    mgr: Manager, nginx: Nginx, tmp_path: Path, certs: Certificates
) -> None:
    plain = ReverseProxy(nginx.url(""))
    secure = ReverseProxy(f"https://127.0.0.1:{nginx.tls_port}", ca=certs.ca)
    listener = mgr.bind("http://127.0.0.1:0", None, options=HttpOptions(max_requests=1_000_000))
    listener.endpoint("/plain/{path...}", plain)
    listener.endpoint("/secure/{path...}", secure)
    base = f"http://{listener.local}"
    small = tmp_path / "small"
    small.write_bytes(bytes(900_000))
    with running(mgr):
        for mount in ("plain", "secure"):
            url = f"{base}/{mount}"
            assert curl(f"{url}/hello") == b"hello"
            assert curl(f"{url}/large.bin") == LARGE
            assert curl("-r", "1000-1999", f"{url}/large.bin") == LARGE[1000:2000]
            assert b"Accept-Ranges: bytes" in curl("-I", f"{url}/large.bin")
            assert curl("--compressed", f"{url}/text.txt").startswith(b"some text")
            assert curl("-o", "/dev/null", "-w", "%{http_code}", f"{url}/nothing") == b"204"
            assert curl("-L", f"{url}/moved") == b"hello"  # and not past the mount
            assert curl("-T", small, "-X", "POST", f"{url}/hello") == b"hello"
            assert curl("--data-binary", f"@{small}", "-H", "Transfer-Encoding: chunked",
                        f"{url}/hello") == b"hello"  # fmt: skip
            over = curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Length: 5000000",
                        "--data-binary", "@/dev/null", "-H", "Expect: 100-continue",
                        "--max-time", "20", f"{url}/hello")  # fmt: skip
            assert over == b"413"
        done = subprocess.run(
            ["wrk", "-t1", "-c20", "-d1s", f"{base}/plain/hello"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "Non-2xx" not in done.stdout
        assert "Socket errors" not in done.stdout
        found = re.search(r"(\d+) requests in", done.stdout)
        assert found
        assert int(found[1]) > 20
    assert plain.upstreams.all[0].active == secure.upstreams.all[0].active == 0
