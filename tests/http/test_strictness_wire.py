"""The tables of strict HTTP over connections: what a server answers, what a client makes of it.

On the simulated network, where time costs nothing; each message whole, in pieces, and followed by
another one, in both builds.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import pytest

import galidia
from tests.http import replies, requests
from tests.http.replies import REPLIES, TO
from tests.http.requests import REQUESTS, Cut, Refused, Taken
from tests.http.wire import responses
from tests.twin import load_pure

ANSWER = 404  # no violation is answered with it
LONG = 1e6  # seconds


def texts(fields: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{name}: {value}" for name, value in fields)


class Wire:
    """A manager of one build on a simulated network."""

    def __init__(self, package: ModuleType) -> None:
        self.package = package
        self.net = self.module("testing").SimNetwork(0)
        self.mgr = package.Manager(network=self.net)

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.package.__name__}.{name}")

    def send(self, peer: Any, pieces: list[bytes]) -> None:
        for piece in pieces:
            peer.send(piece)
            self.net.run(limit=0.1)

    def finish(self, peer: Any) -> None:
        """The peer ends its side, and all there is to do is done."""
        peer.shutdown()
        self.net.run(limit=10)
        peer.close()
        self.net.run(limit=10)

    def close(self) -> None:
        self.mgr.close(0)
        assert self.net.leftovers() == []


class Server(Wire):
    """A server that notes its requests and answers each of them."""

    def __init__(self, package: ModuleType, pieces: bool, limits: dict[str, int]) -> None:
        super().__init__(package)
        options = self.module("http").HttpOptions(
            head_limit=limits["head"],
            target_limit=limits["target"],
            body_limit=limits["body"],
            max_fields=limits["fields"],
            head_timeout=LONG,
            body_timeout=LONG,
            request_timeout=LONG,
            idle_timeout=LONG,
        )
        self.taken: list[Taken] = []
        events = {package.Event.HTTP_REQUEST}
        if pieces:
            events.add(package.Event.HTTP_CHUNK)
        handler = package.handles(*events)(lambda c, ev, data: self.handle(c, ev, data))
        self.listener = self.mgr.bind("http://10.0.0.1:80", handler, options=options)

    def handle(self, c: Any, ev: int, req: Any) -> None:
        if ev == self.package.Event.HTTP_REQUEST:
            self.taken.append(
                Taken(
                    f"{req.method} {req.target}", texts(req.headers), req.body,
                    texts(req.trailers), req.host, req.version, not req.keep_alive,
                    req.expect_continue,
                )
            )  # fmt: skip
            req.reply(ANSWER)

    def answers(self, pieces: list[bytes]) -> tuple[list[Taken], list[int], bool]:
        """The requests that were taken, the statuses of the answers, and whether the server ended
        the connection by itself."""
        self.taken.clear()
        peer = self.net.client("tcp://10.0.0.1:80")
        self.send(peer, pieces)
        self.net.run(limit=5)
        ended = bool(peer.ended)
        self.finish(peer)
        found = responses(peer.received, [taken.line.split()[0] for taken in self.taken])
        assert len(self.mgr) == 1
        return self.taken[:], [response.status for response in found], ended


class Client(Wire):
    """A client that notes the replies that it gets."""

    def __init__(self, package: ModuleType, pieces: bool) -> None:
        super().__init__(package)
        limits = replies.LIMITS
        self.options = self.module("http.client_options").ClientOptions(
            head_limit=limits["head"], body_limit=limits["body"], max_fields=limits["fields"]
        )
        events = {package.Event.HTTP_REPLY, package.Event.CLOSE}
        if pieces:
            events.add(package.Event.HTTP_CHUNK)
        self.handler = package.handles(*events)(lambda c, ev, data: self.handle(c, ev, data))
        self.taken: list[replies.Taken] = []
        self.closed: list[str] = []
        self.server = self.net.server("tcp://10.0.0.9:80")

    def handle(self, c: Any, ev: int, reply: Any) -> None:
        if ev == self.package.Event.CLOSE:
            self.closed.append(c.error or "")
        elif ev == self.package.Event.HTTP_REPLY:
            self.taken.append(
                replies.Taken(
                    reply.status, reply.reason, texts(reply.headers), reply.body,
                    texts(reply.trailers), reply.version,
                    interim=tuple(interim.status for interim in reply.interim),
                )
            )  # fmt: skip

    def makes(self, method: str, pieces: list[bytes]) -> tuple[list[replies.Taken], bool, str]:
        """The replies that were taken, whether the client closed before the server ended its side,
        and what the error of its connection is at last."""
        self.taken.clear()
        self.closed.clear()
        self.mgr.connect("http://10.0.0.9:80/", self.handler, method=method, options=self.options)
        self.net.run(lambda: self.server.accepted, limit=5)
        peer = self.server.accepted.pop()
        assert self.net.run(lambda: peer.received.endswith(b"\r\n\r\n"), limit=5)
        self.send(peer, pieces)
        closed = bool(self.closed)
        self.finish(peer)
        (error,) = self.closed
        return self.taken[:], closed, error

    def close(self) -> None:
        self.server.close()
        super().close()


def package(name: str) -> ModuleType:
    return galidia if name == "this" else load_pure()


@pytest.fixture(params=["this whole", "this pieces", "pure whole", "pure pieces"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    build, _, kind = request.param.partition(" ")
    wire = Server(package(build), kind == "pieces", requests.LIMITS)
    yield wire
    wire.close()


@pytest.fixture(params=["this whole", "this pieces", "pure whole", "pure pieces"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    build, _, kind = request.param.partition(" ")
    wire = Client(package(build), kind == "pieces")
    yield wire
    wire.close()


def ways(data: bytes) -> Iterator[list[bytes]]:
    """Whole, in two pieces at some places, and the end of it byte by byte."""
    yield [data]
    for part in (1, 2, 3):
        cut = len(data) * part // 4
        yield [data[:cut], data[cut:]]
    edge = max(len(data) - 20, 0)
    yield [data[:edge], *[data[i : i + 1] for i in range(edge, len(data))]]


@pytest.mark.parametrize("name", REQUESTS)
def test_request(name: str, server: Server) -> None:
    data, verdict = REQUESTS[name]
    for pieces in ways(data):
        taken, statuses, ended = server.answers(pieces)
        if isinstance(verdict, Taken):
            assert taken == [verdict]
            assert statuses in ([ANSWER], [100, ANSWER])
            assert (100 in statuses) <= verdict.expects
            assert ended == verdict.last
        elif isinstance(verdict, Refused):
            assert (taken, statuses) == ([], [verdict.status])
        elif isinstance(verdict, Cut):
            assert taken == []
            assert not ended
            assert [status for status in statuses if status not in (400, 408)] == []
        if isinstance(verdict, Cut):
            continue
        taken, statuses, ended = server.answers([*pieces[:-1], pieces[-1] + requests.NEXT])
        if isinstance(verdict, Refused):
            assert (taken, statuses) == ([], [verdict.status])
        elif verdict.last:
            assert (taken, statuses) == ([verdict], [ANSWER])
        else:
            after = Taken("GET /next", ("Host: b",), host="b")
            assert taken == [verdict, after]
            assert [status for status in statuses if status != 100] == [ANSWER, ANSWER]
            assert not ended


@pytest.mark.parametrize("name", REPLIES)
def test_reply(name: str, client: Client) -> None:
    data, verdict = REPLIES[name]
    method = TO.get(name, "GET")
    for pieces in ways(data):
        for behind in (b"", replies.NEXT):
            if behind and verdict == "truncated":
                continue
            sent = [*pieces[:-1], pieces[-1] + behind]
            taken, closed, error = client.makes(method, sent)
            if isinstance(verdict, str):
                assert taken == []
                assert closed == (verdict != "truncated")
                assert f"({verdict})" in error
                continue
            body = verdict.body + behind if verdict.until_close else verdict.body
            assert taken == [verdict._replace(body=body, last=False, until_close=False, behind="")]
            if verdict.until_close:
                assert (closed, error) == (False, "")
            elif behind or verdict.behind:
                assert closed  # bytes that belong to no reply
            else:
                assert (closed, error) == (verdict.last, "")


WORK = {
    "head in segments of one byte": lambda n: [
        bytes([byte]) for byte in requests.G + requests.H + b"X: y\r\n" * (n // 6) + requests.E],
    "body in segments of one byte": lambda n: [requests.P + b"Content-Length: %d\r\n\r\n" % n,
                                               *[b"x"] * n],
    "chunks in segments of one byte": lambda n: [requests.C, *[b"1", b"\r", b"\nx\r\n"] * (n // 3),
                                                 requests.END],
    "chunks of one byte": lambda n: [requests.C, b"1\r\nx\r\n" * (20 * n) + requests.END],
    "fields": lambda n: [requests.G + requests.H + b"X: y\r\n" * (20 * n) + requests.E],
    "requests": lambda n: [requests.NEXT * n],
}  # fmt: skip


@pytest.mark.parametrize("build", ["this", "pure"])
@pytest.mark.parametrize("kind", ["whole", "pieces"])
@pytest.mark.parametrize("name", WORK)
def test_work_grows_with_the_bytes(name: str, build: str, kind: str) -> None:
    limits = dict.fromkeys(requests.LIMITS, 1 << 20)
    server = Server(package(build), kind == "pieces", limits)
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    def steps(n: int) -> int:
        nonlocal count
        pieces, before = WORK[name](n), sys.getprofile()
        count = 0
        sys.setprofile(note)
        try:
            taken, statuses, _ = server.answers(pieces)
        finally:
            sys.setprofile(before)
        assert len(taken) == len([status for status in statuses if status == ANSWER]) > 0
        return count

    steps(50)  # what is made once
    assert steps(4000) <= 8 * 1.1 * steps(500)
    server.close()
