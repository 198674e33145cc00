"""Which fields go on to the next hop, in both builds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.proxy import hops
from tests.twin import pure_module

LINE = b"GET / HTTP/1.1\r\n"
KEPT = [b"Accept: */*\r\n", b"X-Forwardedfor: a\r\n", b"Hosts: a\r\n", b"Te2: trailers\r\n"]


@pytest.fixture(params=["this", "pure"])
def build(request: pytest.FixtureRequest) -> Any:
    return pure_module("http.proxy.hops") if request.param == "pure" else hops


def passed(build: Any, fields: bytes, request: bool = True) -> bytes:
    kept: bytes = build.passed_on(LINE + fields, len(LINE), request)
    return kept


BOTH = [
    "Connection: close", "CONNECTION:", "connection:keep-alive", "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive", "TE: trailers", "Trailer: X", "Transfer-Encoding: chunked",
    "transfer_encoding: chunked", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk", "Content-Length: 5",
    "Content_Length: 5", "Proxy-Authenticate: Basic", "Proxy-Authorization: Basic x",
    "Proxy-Authentication-Info: x",
]  # fmt: skip
REQUEST = [
    "Host: a", "hOsT: a", "Expect: 100-continue", "Forwarded: for=1.1.1.1",
    "X-Forwarded-For: 1.1.1.1", "x-forwarded-anything: 1", "X_Forwarded_For: 1", "X-Real-IP: 1",
    "X_Real-IP: 1", "X-Forwarded-: 1", "Proxy: http://evil", "Max-Forwards: 3",
]  # fmt: skip


@pytest.mark.parametrize("line", BOTH + REQUEST)
def test_what_stays_here(build: Any, line: str) -> None:
    field = line.encode() + b"\r\n"
    for at in range(len(KEPT) + 1):
        fields = b"".join([*KEPT[:at], field, *KEPT[at:]])
        assert passed(build, fields) == b"".join(KEPT)
        of_reply = b"".join(KEPT) if line in BOTH else fields
        assert passed(build, fields, False) == of_reply


NAMED = {
    "close, X-Secret": b"Cookie: a\r\n",
    "x-secret,COOKIE ,": b"",
    "keep-alive": b"X-Secret: 1\r\nCookie: a\r\n",
    "Upgrade, keep-alive": b"X-Secret: 1\r\nCookie: a\r\n",
    "Host, Content-Length, Cookie": b"X-Secret: 1\r\n",
}


@pytest.mark.parametrize("value", NAMED)
def test_what_connection_names_stays_here(build: Any, value: str) -> None:
    fields = b"X-Secret: 1\r\nConnection: %b\r\nCookie: a\r\n" % value.encode()
    assert passed(build, fields) == NAMED[value]
    again = b"Connection: close\r\n" + fields
    assert passed(build, again, False) == NAMED[value]


def test_date_and_host(build: Any) -> None:
    assert build.has_date(b"X: 1\r\ndAtE: now\r\n")
    assert not build.has_date(b"X: Date: 1\r\nDates: 1\r\n")
    assert not build.has_date(b"")
    assert build.host_of(LINE + b"X: Host: b\r\nhost: \t a:80 \r\n", len(LINE)) == b"a:80"
    assert build.host_of(LINE + b"Host:\r\n", len(LINE)) == b""
    assert build.host_of(LINE + b"X: y\r\n", len(LINE)) == b""


names = st.sampled_from(
    [line.partition(":")[0] for line in BOTH + REQUEST] + ["Accept", "X", "Date", "Tea", "Hos"]
) | st.text("aAtTeE-_x", min_size=1, max_size=30)
values = st.sampled_from(["", " a", " close", " keep-alive, X", " x,te", "\tA ", " \xff"])


@given(st.lists(st.tuples(names, values), max_size=8), st.booleans())
def test_builds_agree(fields: list[tuple[str, str]], request: bool) -> None:
    pure: Any = pure_module("http.proxy.hops")
    raw = LINE + "".join(f"{n}:{v}\r\n" for n, v in fields).encode("latin-1")
    assert hops.passed_on(raw, len(LINE), request) == pure.passed_on(raw, len(LINE), request)
    assert hops.has_date(raw[len(LINE) :]) == pure.has_date(raw[len(LINE) :])
    assert hops.host_of(raw, len(LINE)) == pure.host_of(raw, len(LINE))
