"""Anything that a client may send, in any pieces: the answers are HTTP, and the server goes on."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import galidia
import galidia.http
import galidia.testing
from tests.http.test_head import EVERY, PIECES
from tests.http.wire import Response, responses
from tests.twin import load_pure, pure_module

REQUESTS = [
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /raise HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /empty HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /later HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\nX: y\r\n\r\n",
    b"PUT /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1500\r\n\r\n" + b"x" * 1500,
    b"PUT /early HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n" + b"x" * 900,
    b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\n",
]
GOOD = REQUESTS[0]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(REQUESTS + EVERY)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 3))
        data[at : at + cut] = draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    return bytes(data)


STREAMS = st.lists(
    st.sampled_from(REQUESTS) | st.sampled_from(REQUESTS) | mutated() | st.binary(max_size=40),
    min_size=1,
    max_size=8,
)
#: Where the stream is cut, as fractions of its length, and seconds that pass there.
CUTS = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 0.001, 0.5, 20.0])), max_size=6)


class Run:
    """A client sends a stream in pieces to a server of one copy of the package."""

    def __init__(
        self, package: ModuleType, http: ModuleType, testing: ModuleType, seed: int
    ) -> None:
        self.net = testing.SimNetwork(seed)
        self.mgr = package.Manager(network=self.net)
        self.request = package.EV_HTTP_REQUEST
        self.chunk = package.Event.HTTP_CHUNK
        self.taken: list[tuple[str, str, bytes]] = []
        self.raised = False
        options = http.HttpOptions(head_limit=2000, body_limit=1000, max_fields=20, max_requests=9)
        self.mgr.bind("http://10.0.0.1:80", self.handle, options=options)

    def handle(self, c: Any, ev: Any, req: Any) -> None:
        if ev == self.chunk and req.path == "/take":
            req.take()
        early = ev == self.chunk and req.path == "/early" and not req.replied
        if ev != self.request and not early:
            return
        assert not self.raised
        self.taken.append((req.method, req.path, b"" if early else req.body))
        body = f"{req.method} {req.target} {req.headers}".encode() + req.body
        if req.path == "/later":
            self.mgr.call_later(0.3, req.reply, 200, body)
        elif req.path == "/raise":
            self.raised = True
            raise RuntimeError("deliberate")
        elif req.path == "/large":
            req.reply(200, b"x" * 100_000)
        elif req.path == "/empty":
            req.reply(204)
        elif req.path == "/stream":
            req.stream(b"x" * i for i in range(600))
        elif early:
            req.reply(200, "early")
        else:
            req.reply(200, body, {"X-Path": "1"})

    def send(self, data: bytes, cuts: list[tuple[float, float]]) -> bytes:
        client = self.net.client("tcp://10.0.0.1:80")
        at = 0
        for fraction, seconds in sorted(cuts):
            end = int(fraction * len(data))
            client.send(data[at:end])
            at = end
            if seconds:
                self.net.run(limit=seconds)
        client.send(data[at:])
        assert self.net.run(lambda: client.ended or client.error, limit=1000)
        client.close()
        self.net.run(limit=100)
        assert len(self.mgr) == 1
        return bytes(client.received)

    def is_alive(self) -> bool:
        self.raised = False
        client = self.net.client("tcp://10.0.0.1:80")
        client.send(GOOD)
        self.net.run(lambda: client.received)
        client.close()
        self.net.run()
        return bool(client.received.startswith(b"HTTP/1.1 200 OK\r\n"))

    def close(self) -> None:
        self.mgr.close(0)
        assert self.net.leftovers() == []


def parse(received: bytes, run: Run) -> list[Response]:
    """The final responses; the method of a request that was refused is not known here."""
    methods = [method for method, _, _ in run.taken]
    found: list[Response] = []
    for last in ("GET", "HEAD"):
        try:
            found = responses(received, [*methods, last])
            break
        except EOFError:
            if last == "HEAD":
                raise
    return [r for r in found if r.status >= 200]


def both(data: bytes, cuts: list[tuple[float, float]], seed: int) -> None:
    here = Run(galidia, galidia.http, galidia.testing, seed)
    received = here.send(data, cuts)
    taken = list(here.taken)
    found = parse(received, here)
    assert len(taken) <= len(found) <= len(taken) + 1
    assert [r.status for r in found[: len(taken)] if r.status not in (200, 204)] in ([], [500])
    for r in found[:-1]:
        assert r.header("connection") in (None, "keep-alive")
        assert r.status in (200, 204)
    if found and found[-1].status >= 400:
        assert found[-1].header("connection") == "close"
    assert here.is_alive()
    here.close()

    pure = Run(load_pure(), pure_module("http"), pure_module("testing"), seed)
    assert pure.send(data, cuts) == received
    assert pure.taken == taken
    pure.close()


@given(STREAMS, CUTS, st.integers(0, 3))
@pytest.mark.usefixtures("logged")
def test_any_stream_in_any_pieces(
    parts: list[bytes], cuts: list[tuple[float, float]], seed: int
) -> None:
    both(b"".join(parts), cuts, seed)


@given(st.binary(max_size=3000), CUTS)
@pytest.mark.usefixtures("logged")
def test_noise(data: bytes, cuts: list[tuple[float, float]]) -> None:
    both(data, cuts, 0)


def test_good_requests_are_all_answered(logged: list[Any]) -> None:
    run = Run(galidia, galidia.http, galidia.testing, 0)
    parts = REQUESTS[:2] + REQUESTS[3:7] + REQUESTS[9:10]
    found = parse(run.send(b"".join(parts), []), run)
    assert len(found) == len(run.taken) == len(parts)
    run.close()
