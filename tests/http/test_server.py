"""Connections of an HTTP server: order, framing, ends and deadlines."""

from __future__ import annotations

import gc
import http.client
import logging
import socket
import ssl
import struct
import subprocess
import types
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from galidia import (
    EV_ACCEPT,
    EV_CLOSE,
    EV_HTTP_REQUEST,
    EV_RECV,
    EV_SEND,
    Connection,
    Event,
    Manager,
    handles,
)
from galidia.http import HttpOptions
from galidia.http.server import ServerProtocol
from galidia.http.violations import VIOLATIONS
from galidia.testing import Faults
from tests.helpers import PATIENCE, Certificates, Peer, Recorder, settle, until
from tests.http.conftest import Net, running
from tests.http.test_head import BAD
from tests.http.wire import complete, response, responses

HTTP = "http://127.0.0.1:0"
GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
Dial = Callable[[Connection], Peer]
Ask = Callable[..., bytes]


@handles(EV_HTTP_REQUEST)
def echo(c: Connection, ev: int, req: Any) -> None:
    """Answers with what was asked."""
    req.reply(200, f"{req.method} {req.path} ".encode() + req.body)


class Keeper:
    """A handler that keeps its requests and answers none."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        if ev == EV_HTTP_REQUEST:
            self.requests.append(data)


def post(body: bytes, *fields: bytes, path: bytes = b"/") -> bytes:
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: a", b"Content-Length: %d" % len(body), *fields]
    return b"\r\n".join([*lines, b"", body])


def answered(client: Any, count: int = 1) -> bool:
    """Whether so many responses are there, the last one whole."""
    return client.received.count(b"HTTP/1.1 ") >= count and complete(client.received)


def bodies(data: bytes | bytearray) -> list[bytes]:
    return [r.body for r in responses(data)]


# -- persistence ----------------------------------------------------------------------------------


def test_keep_alive_and_close(mgr: Manager, dial: Dial) -> None:
    peer = dial(mgr.bind(HTTP, echo))
    for i in range(3):
        peer.send(GET % i)
        until(mgr, lambda i=i: len(responses(peer.look())) == i + 1)
    settle(mgr)
    assert not peer.has_ended()
    assert [r.header("connection") for r in responses(peer.look())] == [None] * 3
    peer.send(b"GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    until(mgr, peer.has_ended)
    last = responses(peer.look())[-1]
    assert (last.body, last.header("connection")) == (b"GET /3 ", "close")
    assert not peer.was_reset


def test_http_1_0_closes_unless_asked(mgr: Manager, dial: Dial) -> None:
    listener = mgr.bind(HTTP, echo)
    peer = dial(listener)
    peer.send(b"GET / HTTP/1.0\r\n\r\n")
    until(mgr, peer.has_ended)
    assert response(peer.look()).header("connection") == "close"
    peer = dial(listener)
    peer.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    until(mgr, lambda: complete(peer.look()))
    assert response(peer.look()).header("connection") == "keep-alive"
    settle(mgr)
    assert not peer.has_ended()


def test_an_empty_line_before_a_request_is_passed_over(sim: Net) -> None:
    sim.serve(echo, options=HttpOptions(head_timeout=1, idle_timeout=50))
    client = sim.client(post(b"x") + b"\r\n")
    assert sim.net.run(lambda: complete(client.received))
    sim.net.run(limit=20)  # it is no head that does not end
    assert not client.ended
    client.send(b"\r\n" + GET % 1)
    assert sim.net.run(lambda: len(responses(client.received)) == 2)


def test_max_requests(mgr: Manager, dial: Dial) -> None:
    peer = dial(mgr.bind(HTTP, echo, options=HttpOptions(max_requests=3)))
    peer.send(b"".join(GET % i for i in range(5)))
    until(mgr, peer.has_ended)
    assert not peer.was_reset
    found = responses(peer.look())
    assert [r.body for r in found] == [b"GET /0 ", b"GET /1 ", b"GET /2 "]
    assert [r.header("connection") for r in found] == [None, None, "close"]


def test_the_last_response_arrives_though_requests_follow_it(mgr: Manager, dial: Dial) -> None:
    @handles(EV_HTTP_REQUEST)
    def large(c: Connection, ev: int, req: Any) -> None:
        req.reply(200, b"x" * 3_000_000)

    peer = dial(mgr.bind(HTTP, large, options=HttpOptions(max_requests=1)))
    peer.send(GET % 0)
    until(mgr, peer.look)
    for i in range(100):
        peer.send(GET % i)
        mgr.poll(0)
    until(mgr, peer.has_ended)
    assert not peer.was_reset
    assert len(response(peer.look()).body) == 3_000_000


# -- order ----------------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order(mgr: Manager, dial: Dial) -> None:
    peer = dial(mgr.bind(HTTP, echo))
    peer.send(b"".join([GET % 0, post(b"body"), GET % 1, post(b""), GET % 2]))
    until(mgr, lambda: peer.look().count(b"GET /2 "))
    assert bodies(peer.look()) == [b"GET /0 ", b"POST / body", b"GET /1 ", b"POST / ", b"GET /2 "]


def test_an_unanswered_request_holds_those_behind_it(mgr: Manager, dial: Dial) -> None:
    keeper = Keeper()
    peer = dial(mgr.bind(HTTP, keeper))
    peer.send(b"".join(GET % i for i in range(3)))
    for i in range(3):
        until(mgr, lambda i=i: len(keeper.requests) == i + 1)
        settle(mgr)
        assert len(keeper.requests) == i + 1
        assert len(responses(peer.look())) == i
        keeper.requests[i].reply(200, str(i))
    until(mgr, lambda: len(responses(peer.look())) == 3)
    assert bodies(peer.look()) == [b"0", b"1", b"2"]


def test_answers_from_elsewhere_keep_the_order(mgr: Manager, dial: Dial) -> None:
    def slow(c: Connection, ev: int, req: Any) -> None:
        if ev == EV_HTTP_REQUEST:
            if req.path == "/0":
                mgr.call_later(0.01, req.reply, 200, "timer")
            elif req.path == "/1":
                mgr.call_soon_threadsafe(req.reply, 200, "thread")
            elif req.path == "/2":
                waiting.append(req)
                knock.send(b"x")
            else:
                req.reply(200, "at once")

    @handles(EV_RECV)
    def other(c: Connection, ev: int, n: int) -> None:
        waiting.pop().reply(200, "another connection")

    waiting: list[Any] = []
    peer = dial(mgr.bind(HTTP, slow))
    knock = dial(mgr.bind("tcp://127.0.0.1:0", other))
    peer.send(b"".join(GET % i for i in range(4)) * 2)
    until(mgr, lambda: len(responses(peer.look())) == 8)
    assert bodies(peer.look()) == [b"timer", b"thread", b"another connection", b"at once"] * 2


def test_ten_thousand_requests_in_one_write(mgr: Manager, dial: Dial) -> None:
    waiting = []

    @handles(EV_HTTP_REQUEST)
    def answer(c: Connection, ev: int, req: Any) -> None:
        waiting.append(len(c.send_mbuf))
        req.reply(200, req.path.encode() + b" " * 1000)

    count = 10_000
    peer = dial(mgr.bind(HTTP, answer))
    data = b"".join(GET % i for i in range(count))
    # Nothing is read until nothing more happens: what was not asked for yet is not answered.
    seen = -1
    while len(waiting) > seen or data:
        seen = len(waiting)
        try:
            data = data[peer.send(data) :]
        except BlockingIOError:
            pass
        settle(mgr)
    assert len(waiting) < count
    until(mgr, lambda: len(peer.look()) and peer.received.endswith(b" ") and len(waiting) == count)
    until(mgr, lambda: complete(peer.look()))
    assert [r.body.strip() for r in responses(peer.look())] == [b"/%d" % i for i in range(count)]
    assert max(waiting) < (1 << 16) + 4000


def test_large_answers_to_pipelined_requests_do_not_pile_up(sim: Net) -> None:
    @handles(EV_HTTP_REQUEST)
    def large(c: Connection, ev: int, req: Any) -> None:
        waiting.append(len(c.send_mbuf))
        req.reply(200, b"x" * 500_000)

    waiting: list[int] = []
    sim.serve(large, send_mbuf_limit=1_000_000)
    client = sim.client()
    client.pause()
    for i in range(10):
        client.send(GET % i)
        sim.net.run(limit=0.01)
    assert len(waiting) == 1
    client.resume()
    assert sim.net.run(partial(answered, client, 10))
    assert max(waiting) <= 1 << 16


# -- framing --------------------------------------------------------------------------------------


def test_a_body_byte_by_byte(sim: Net) -> None:
    sim.serve(echo)
    client = sim.client()
    for byte in post(b"\0\xff\r\n\r\n" * 5) + post(b"", path=b"/2"):
        client.send(bytes([byte]))
        sim.net.run(limit=0.01)
    assert sim.net.run(lambda: len(responses(client.received)) == 2)
    assert bodies(client.received) == [b"POST / " + b"\0\xff\r\n\r\n" * 5, b"POST /2 "]


def test_a_head_split_at_every_byte(sim: Net) -> None:
    sim.serve(echo)
    data = b"\r\n" + post(b"body", b"X: y")
    for i in range(1, len(data)):
        client = sim.client(data[:i])
        sim.net.run(limit=0.01)
        client.send(data[i:])
        assert sim.net.run(partial(answered, client), limit=1)
        assert response(client.received).body == b"POST / body"
        client.close()


def test_expect_continue(sim: Net) -> None:
    sim.serve(echo, options=HttpOptions(body_limit=10))
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    client = sim.client(head % 4)
    assert sim.net.run(lambda: client.received)
    assert client.received == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"body")
    assert sim.net.run(lambda: len(responses(client.received)) == 2)
    assert [r.status for r in responses(client.received)] == [100, 200]
    # not when the body is there already, or not wanted, or of no length
    for data, status in ((head % 4 + b"body", 200), (head % 0, 200), (head % 11, 413)):
        client = sim.client(data)
        assert sim.net.run(partial(answered, client))
        assert response(client.received).status == status


def test_requests_without_a_handler_for_them(mgr: Manager, ask: Ask) -> None:
    heard = []

    @handles(EV_RECV)
    def deaf(c: Connection, ev: int, n: int) -> None:
        heard.append(n)

    assert response(ask(mgr.bind(HTTP, deaf), GET % 0)).status == 404
    assert response(ask(mgr.bind(HTTP), GET % 0)).status == 404
    assert heard == [len(GET % 0)]


def test_core_events_reach_the_handler_first(mgr: Manager, dial: Dial) -> None:
    recorder = Recorder(http_request=lambda c, req: req.reply(200, "x"))
    peer = dial(mgr.bind(HTTP, recorder))
    peer.send(GET % 0)
    until(mgr, lambda: complete(peer.look()))
    peer.close()
    until(mgr, lambda: recorder.count(EV_CLOSE))
    assert recorder.story() == "ACCEPT RECV HTTP_REQUEST SEND CLOSE"
    assert recorder.data(EV_RECV) == [len(GET % 0)]
    assert recorder.data(EV_SEND) == [len(peer.received)]
    assert recorder.count(Event.POLL) > 0


def test_a_handler_may_close_at_any_event(mgr: Manager, dial: Dial) -> None:
    for event in ("accept", "recv", "http_request", "send"):
        recorder = Recorder(**{event: lambda c, data: c.close()})
        if event == "send":
            recorder.then["http_request"] = lambda c, req: req.reply(200, "x")
        peer = dial(mgr.bind(HTTP, recorder))
        peer.send(GET % 0 + GET % 1)
        until(mgr, lambda r=recorder: r.count(EV_CLOSE))
        assert recorder.story().endswith(f"{event.upper()} CLOSE")
        peer.close()


# -- violations and limits ------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD)
def test_a_violation_is_answered_and_ends_the_connection(name: str, sim: Net) -> None:
    violation, data = BAD[name]
    status = {v.name: v.status for v in VIOLATIONS}[violation]
    keeper = Keeper()
    sim.serve(keeper, options=HttpOptions(max_fields=20))
    client = sim.client(data + GET % 1)
    assert sim.net.run(lambda: client.ended)
    if data.startswith(b"\r\n"):  # an empty line before the request, and then a good one
        data = data[2:]
    answer = response(client.received)
    assert answer.status == status
    assert answer.header("connection") == "close"
    assert not client.error
    client.close()
    assert sim.net.run()
    assert keeper.requests == []
    assert len(sim.mgr) == 1


LIMITED = HttpOptions(head_limit=300, max_fields=20, body_limit=1000, target_limit=100)
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMITS: dict[str, tuple[int, bytes]] = {
    "head": (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 500 + b"\r\n\r\n"),
    "head-unfinished": (431, b"GET /" + b"x" * 500),
    "fields": (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20 + b"\r\n"),
    "body": (413, post(b"x" * 1001)),
    "body-announced": (413, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"),
    "chunked": (413, CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n"),
    "chunk": (400, CHUNKED + b"-1\r\n"),
    "trailers": (431, CHUNKED + b"0\r\n" + b"X: y\r\n" * 21 + b"\r\n"),
    "target": (414, b"GET /" + b"x" * 100 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "coding": (501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    "version": (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str, sim: Net) -> None:
    status, data = LIMITS[name]
    keeper = Keeper()
    sim.serve(keeper, options=LIMITED)
    client = sim.client(data)
    assert sim.net.run(lambda: client.ended)
    answer = response(client.received)
    assert (answer.status, answer.header("connection")) == (status, "close")
    assert keeper.requests == []


def test_what_is_within_the_limits(sim: Net) -> None:
    sim.serve(echo, options=HttpOptions(head_limit=300, max_fields=3, body_limit=1000))
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    client = sim.client(
        head + b"x" * (300 - len(head) - 4) + b"\r\n\r\n" + post(b"x" * 1000, b"Y: z")
    )
    assert sim.net.run(lambda: len(responses(client.received)) == 2)
    assert [r.status for r in responses(client.received)] == [200, 200]


def test_a_body_over_the_receive_limit(sim: Net) -> None:
    sim.serve(echo, recv_mbuf_limit=2000)
    for size in (1999, 2000, 2001, 50_000):
        client = sim.client(post(b"x" * size))
        assert sim.net.run(partial(answered, client))
        assert response(client.received).body == b"POST / " + b"x" * size


def test_the_answer_arrives_while_the_client_is_still_sending(mgr: Manager, dial: Dial) -> None:
    peer = dial(mgr.bind(HTTP, echo, options=HttpOptions(body_limit=1000)))
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
    sent = 0
    while sent < 5_000_000:
        try:
            sent += peer.send(b"x" * 100_000)
        except BlockingIOError:
            pass
        mgr.poll(1)
    until(mgr, peer.has_ended)
    assert not peer.was_reset
    assert response(peer.look()).status == 413


def test_who_goes_on_sending_is_cut_off(sim: Net) -> None:
    listener = sim.serve(echo, options=HttpOptions(body_limit=1000, linger_timeout=3))
    client = sim.client(post(b"x" * 1001))
    start = sim.net.now
    while len(sim.mgr) > 1 or sim.net.now == start:
        client.send(b"x" * 100)
        sim.net.run(limit=0.1)
        assert sim.net.now < start + 10
    assert response(client.received).status == 413
    assert not listener.closed


# -- bodies as they come --------------------------------------------------------------------------


class Log:
    """A handler that remembers its HTTP events, and does what it was given for some of them."""

    def __init__(self, **then: Callable[[Any], object]) -> None:
        self.then = then
        self.log: list[str] = []
        self.error = ""

    def __call__(self, c: Connection, ev: Event, data: Any) -> None:
        if ev == EV_CLOSE:
            self.log.append("close")
            self.error = c.error
        elif ev in (EV_HTTP_REQUEST, Event.HTTP_CHUNK):
            kind = "request" if ev == EV_HTTP_REQUEST else "chunk"
            size = len(data.body)
            self.log.append(f"{kind} {size}")
            self.then.get(kind, len_of)(data)


def len_of(req: Any) -> None:
    """Answers a complete request with the length of what is left of its body."""
    if req.complete and not req.replied:
        req.reply(200, str(len(req.body)))


def take(req: Any) -> None:
    req.take()


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%b\r\n"
EXPECT = b"Expect: 100-continue\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_chunk_event_for_each_piece(sim: Net) -> None:
    def request(req: Any) -> None:
        req.reply(200, req.body)

    log = Log(request=request, chunk=lambda req: None)
    sim.serve(log)
    client = sim.client(HEAD % (6, b""))
    for piece in (b"a", b"bc", b"def"):
        sim.net.run(limit=0.1)
        client.send(piece)
    assert sim.net.run(partial(answered, client))
    assert log.log == ["chunk 1", "chunk 3", "chunk 6", "request 6"]
    assert response(client.received).body == b"abcdef"
    client.send(post(b"xyz") + GET % 0 + CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
    assert sim.net.run(partial(answered, client, 4))
    assert log.log[4:] == ["chunk 3", "request 3", "request 0", "chunk 2", "request 2"]


def test_no_chunk_event_for_who_does_not_want_it(sim: Net) -> None:
    sim.serve(echo)
    client = sim.client()
    for data in (HEAD % (6, b""), CHUNKED):
        client.send(data)
        for piece in (
            (b"abc", b"def") if data != CHUNKED else (b"3\r\nabc\r\n", b"3\r\ndef\r\n0\r\n\r\n")
        ):
            sim.net.run(limit=0.1)
            client.send(piece)
    assert sim.net.run(partial(answered, client, 2))
    assert bodies(client.received) == [b"POST / abcdef"] * 2


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_taken_may_have_any_size(chunked: bool, sim: Net) -> None:
    got = bytearray()

    def chunk(req: Any) -> None:
        got.extend(req.take())

    log = Log(chunk=chunk)
    sim.serve(log, options=HttpOptions(body_limit=1000))
    data = b"0123456789" * 50_000
    body = (b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)) if chunked else data
    client = sim.client((CHUNKED if chunked else HEAD % (len(data), b"")) + body + GET % 1)
    assert sim.net.run(partial(answered, client, 2))
    assert got == data
    assert bodies(client.received) == [b"0", b"0"]
    assert log.log[-2:] == ["request 0", "request 0"]
    assert (log.log[0] == "chunk 0") is not chunked  # asked, before it came


def test_a_large_body_has_to_be_taken_at_its_head(sim: Net) -> None:
    log = Log(chunk=lambda req: None)
    sim.serve(log, options=HttpOptions(body_limit=1000))
    client = sim.client(HEAD % (1001, b""))
    assert sim.net.run(lambda: client.ended)
    assert response(client.received).status == 413
    client.close()
    sim.net.run()
    assert log.log == ["chunk 0", "close"]


def test_who_stops_taking_makes_the_client_wait(sim: Net) -> None:
    requests: list[Any] = []

    def chunk(req: Any) -> None:
        if not requests:
            requests.append(req)
            req.take()

    sim.serve(Log(chunk=chunk), options=HttpOptions(body_limit=1000, body_timeout=5))
    client = sim.client(HEAD % (1_000_000, b"") + b"x" * 1_000_000)
    sim.net.run(limit=100)  # it is not the client who takes too long
    assert not client.ended
    req = requests[0]
    size = req.received
    assert size < 500_000
    while not req.complete:
        req.take()
        sim.net.run(limit=1)
        assert req.received - size <= (1 << 17)
        size = req.received
    assert sim.net.run(partial(answered, client))
    assert req.received == 1_000_000


def test_who_was_made_to_wait_has_its_time_again(sim: Net) -> None:
    requests: list[Any] = []

    def chunk(req: Any) -> None:
        if not requests or req.received > 2000:
            requests.append(req)
            req.take()

    sim.serve(Log(chunk=chunk), options=HttpOptions(body_limit=1000, body_timeout=5))
    client = sim.client(HEAD % (5000, b"") + b"x" * 2000)
    sim.net.run(limit=103)
    assert len(requests[0].take()) == 2000
    sim.net.run(limit=4)
    client.send(b"x" * 3000)
    assert sim.net.run(partial(answered, client))
    assert response(client.received).status == 200


def test_an_answer_to_who_was_made_to_wait(sim: Net) -> None:
    requests: list[Any] = []

    def chunk(req: Any) -> None:
        if not requests:
            requests.append(req)
            req.take()

    sim.serve(Log(chunk=chunk), options=HttpOptions(body_limit=1000, discard_limit=1 << 30))
    client = sim.client(HEAD % (1_000_000, b"") + b"x" * 1_000_000 + GET % 1)
    sim.net.run(limit=5)
    assert not requests[0].complete
    requests[0].reply(200, "first")
    assert sim.net.run(partial(answered, client, 2))
    assert bodies(client.received) == [b"first", b"0"]


def test_the_limit_of_a_stream(sim: Net) -> None:
    log = Log(chunk=take)
    sim.serve(log, options=HttpOptions(body_limit=100, stream_limit=1000))
    for data, status in (
        (HEAD % (1000, b"") + b"x" * 1000, 200),
        (HEAD % (1001, b""), 413),
        (CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n", 200),
        (CHUNKED + b"3e9\r\n" + b"x" * 1001, 413),
    ):
        client = sim.client(data)
        assert sim.net.run(partial(answered, client))
        assert response(client.received).status == status


def test_expect_is_asked_for_when_it_is_wanted(sim: Net) -> None:
    def chunk(req: Any) -> None:
        if req.header("x") == "no":
            req.error(401)
        elif req.header("x") == "take":
            req.take()
        elif req.header("x") == "self" and not req.received:
            req.send_interim(100)

    log = Log(chunk=chunk)
    sim.serve(log, options=HttpOptions(body_limit=1000))
    for x, size, first in (
        (b"", 5, CONTINUE),
        (b"take", 5000, CONTINUE),
        (b"self", 5, CONTINUE),
        (b"no", 5, b"HTTP/1.1 401 "),
        (b"", 5000, b"HTTP/1.1 413 "),
    ):
        client = sim.client(HEAD % (size, EXPECT + b"X: " + x + b"\r\n"))
        assert sim.net.run(partial(getattr, client, "received"))
        assert client.received.startswith(first)
        if first != CONTINUE:
            assert sim.net.run(partial(getattr, client, "ended"))
            assert response(client.received).header("connection") == "close"
            continue
        client.send(b"x" * size)
        assert sim.net.run(partial(answered, client, 2))
        assert [r.status for r in responses(client.received)] == [100, 200]


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_before_the_body_is_complete(chunked: bool, sim: Net) -> None:
    log = Log(chunk=lambda req: req.reply(200, "early"))
    sim.serve(log)
    client = sim.client((CHUNKED + b"5\r\n") if chunked else HEAD % (5, b""))
    client.send(b"ab")
    assert sim.net.run(partial(answered, client))
    client.send(b"cde" + (b"\r\n0\r\n\r\n" if chunked else b"") + GET % 1)
    assert sim.net.run(partial(answered, client, 2))
    assert bodies(client.received) == [b"early", b"0"]
    assert log.log == ["chunk 2", "request 0"]
    sim.net.run(limit=200)
    assert client.ended  # it is idle


def test_the_rest_of_a_body_that_was_answered_trickles(sim: Net) -> None:
    log = Log(chunk=lambda req: req.reply(200, "early"))
    sim.serve(log, options=HttpOptions(body_timeout=5, request_timeout=20))
    client = sim.client(HEAD % (1000, b"") + b"x")
    start = sim.net.now
    while not client.ended and sim.net.now < start + 60:
        client.send(b"x")
        sim.net.run(lambda: client.ended, limit=4)
    assert 19 < sim.net.now - start < 21
    assert len(responses(client.received)) == 1


@pytest.mark.parametrize("kind", ["counted", "chunked", "broken", "expects"])
def test_too_much_of_a_body_that_was_answered(kind: str, sim: Net) -> None:
    log = Log(chunk=lambda req: req.reply(200, "early"))
    sim.serve(log, options=HttpOptions(discard_limit=1000, linger_timeout=1))
    client = sim.client(
        {
            "counted": HEAD % (2000, b"") + b"x",
            "chunked": CHUNKED + b"1\r\nx\r\n",
            "broken": CHUNKED + b"1\r\nx\r\n",
            "expects": HEAD % (2, EXPECT),
        }[kind]
    )
    assert sim.net.run(partial(answered, client))
    assert response(client.received).header("connection") == (
        "close" if kind in ("counted", "expects") else None
    )
    if kind == "chunked":
        client.send(b"7d0\r\n" + b"x" * 2000)
    elif kind == "broken":
        client.send(b"z\r\n")
    assert sim.net.run(lambda: client.ended)
    assert len(responses(client.received)) == 1
    assert not client.error
    client.close()
    sim.net.run()
    assert log.log == ["chunk 0" if kind == "expects" else "chunk 1", "close"]


def test_a_body_that_is_cut_short_is_no_request(sim: Net) -> None:
    log = Log()
    sim.serve(log)
    for data in (HEAD % (5, b"") + b"hell", CHUNKED + b"4\r\nhell\r\n", CHUNKED + b"5\r\nhell"):
        log.log.clear()
        client = sim.client(data)
        sim.net.run(limit=1)
        client.shutdown()
        assert sim.net.run(partial(getattr, client, "ended"))
        assert client.received == b""
        assert log.log == ["chunk 4", "close"]


def test_an_answer_that_begins_before_the_body_ends(sim: Net) -> None:
    def chunk(req: Any) -> None:
        if not req.replied:
            req.send_head()
        req.send_chunk(req.take().upper())

    def request(req: Any) -> None:
        if req.replied:
            req.end()
        else:
            req.reply(200)

    sim.serve(Log(chunk=chunk, request=request))
    client = sim.client(HEAD % (6, b""))
    for i, piece in enumerate((b"abc", b"def")):
        client.send(piece)
        sim.net.run(limit=1)
        assert client.received.count(b"3\r\n") == i + 1
    client.send(GET % 1)
    sim.net.run(limit=1)
    assert bodies(client.received) == [b"ABCDEF", b""]


def test_a_violation_after_an_answer_has_begun_cuts_it_off(sim: Net) -> None:
    def chunk(req: Any) -> None:
        if not req.replied:
            req.send_head()
            req.take()

    log = Log(chunk=chunk)
    sim.serve(log)
    client = sim.client(CHUNKED + b"1\r\nx\r\n")
    sim.net.run(limit=1)
    client.send(b"z\r\n")
    assert sim.net.run(lambda: client.error)
    assert not complete(client.received)
    assert log.log == ["chunk 1", "close"]
    assert "chunk" in log.error


def test_goodbye_in_the_middle_of_an_answer(sim: Net) -> None:
    requests: list[Any] = []

    @handles(EV_HTTP_REQUEST)
    def begin(c: Connection, ev: int, req: Any) -> None:
        requests.append(req)
        req.send_head()
        req.send_chunk(b"a")

    sim.serve(begin)
    client = sim.client(GET % 0 + GET % 1)
    assert sim.net.run(lambda: client.received)

    def finish() -> None:
        requests[0].send_chunk(b"b")
        requests[0].end()

    sim.mgr.call_later(1, finish)
    sim.mgr.close(30)
    sim.net.run(lambda: client.ended)
    assert not client.error
    assert response(client.received).body == b"ab"
    assert len(requests) == 1


def test_goodbye_in_the_middle_of_a_body_and_its_answer(sim: Net) -> None:
    def chunk(req: Any) -> None:
        if not req.replied:
            req.send_head()
        req.send_chunk(req.take())

    sim.serve(Log(chunk=chunk, request=lambda req: req.end()))
    client = sim.client(HEAD % (2, b"") + b"a")
    assert sim.net.run(lambda: client.received)
    sim.net.call_at(1, client.send, b"b")
    sim.mgr.close(30)
    sim.net.run(lambda: client.ended)
    assert response(client.received).body == b"ab"


def test_endpoints_of_a_listener(sim: Net) -> None:
    log: list[str] = []

    @handles(EV_HTTP_REQUEST, EV_CLOSE)
    def special(c: Connection, ev: int, req: Any) -> None:
        log.append("special close" if ev == EV_CLOSE else f"special {req.path}")
        if ev != EV_CLOSE:
            req.reply(200, dict(req.params))

    @handles(Event.HTTP_CHUNK, EV_HTTP_REQUEST, EV_CLOSE)
    def other(c: Connection, ev: int, req: Any) -> None:
        log.append("close" if ev == EV_CLOSE else "other")
        if ev == EV_HTTP_REQUEST:
            req.reply(200, "other")

    @handles(Event.HTTP_CHUNK)
    def deaf(c: Connection, ev: int, req: Any) -> None:
        log.append("deaf")

    listener = sim.serve(other)
    listener.endpoint("/x/{id}", special, methods="GET")
    listener.endpoint("/deaf", deaf)
    client = sim.client(b"".join(GET.replace(b"%d", path) for path in (b"x/1", b"y", b"x/%2f")))
    client.send(post(b"x", path=b"/deaf") + post(b"", path=b"/x/1"))
    assert sim.net.run(partial(answered, client, 5))
    found = responses(client.received)
    assert [r.body for r in found[:3]] == [b'{"id":"1"}', b"other", b'{"id":"/"}']
    assert [r.status for r in found[3:]] == [404, 405]
    client.close()
    sim.net.run()
    assert log == ["special /x/1", "other", "special /x//", "deaf", "special close", "close"]


def test_a_body_is_not_waited_for_when_the_library_answers(sim: Net) -> None:
    listener = sim.serve(echo)
    listener.endpoint("/x", echo, methods=["GET"])
    client = sim.client(HEAD.replace(b"/ ", b"/x ") % (100_000_000, EXPECT))
    assert sim.net.run(lambda: client.ended)
    assert response(client.received).status == 405


def test_who_does_not_ask_for_close_is_not_remembered(sim: Net) -> None:
    listener = sim.serve(echo)
    listener.endpoint("/x", echo, methods=["GET"])
    client = sim.client(GET.replace(b"GET /%d", b"PUT /x") * 10_000)
    assert sim.net.run(lambda: client.received.count(b"HTTP/1.1 405 ") == 10_000)
    c = next(c for c in sim.mgr if c is not listener)
    assert sum(type(found) is types.FunctionType for found in reachable(c.protocol)) < 100


def reachable(start: Any) -> list[Any]:
    """What an object of the server holds, a few steps deep."""
    found: dict[int, Any] = {}
    layer = [start]
    for _ in range(3):
        layer = [x for x in gc.get_referents(*layer) if id(x) not in found]
        layer = [x for x in layer if not isinstance(x, (type, types.ModuleType))]
        found.update((id(x), x) for x in layer)
    return list(found.values())


def test_an_endpoint_that_raises(sim: Net, logged: list[logging.LogRecord]) -> None:
    @handles(EV_HTTP_REQUEST)
    def broken(c: Connection, ev: int, req: Any) -> None:
        raise RuntimeError("deliberate")

    sim.serve(echo).endpoint("/x", broken)
    client = sim.client(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sim.net.run(lambda: client.ended)
    assert response(client.received).status == 500
    assert len(logged) == 1


# -- deadlines ------------------------------------------------------------------------------------


def test_a_head_that_takes_too_long(sim: Net) -> None:
    sim.serve(echo, options=HttpOptions(head_timeout=5))
    client = sim.client(GET % 0)
    assert sim.net.run(lambda: complete(client.received))
    start = sim.net.now
    for byte in b"GET / HTTP/1.1\r\nX: " + b"y" * 100:
        client.send(bytes([byte]))
        sim.net.run(lambda: client.ended, limit=1)
        if client.ended:
            break
    assert client.ended
    assert 4.9 < sim.net.now - start < 6.1
    assert responses(client.received)[1].status == 408


def test_a_body_that_takes_too_long(sim: Net) -> None:
    sim.serve(echo, options=HttpOptions(head_timeout=100, body_timeout=5))
    client = sim.client(post(b"x" * 10)[:-1])
    start = sim.net.now
    assert sim.net.run(lambda: client.ended)
    assert 4.9 < sim.net.now - start < 5.1
    assert response(client.received).status == 408


@pytest.mark.parametrize("taken", [False, True])
def test_a_body_that_trickles(taken: bool, sim: Net) -> None:
    log = Log(chunk=take if taken else lambda req: None)
    sim.serve(log, options=HttpOptions(body_timeout=5, request_timeout=20, head_timeout=100))
    client = sim.client(HEAD % (1000, b""))
    start = sim.net.now
    while not client.ended and sim.net.now < start + 60:
        client.send(b"x")
        sim.net.run(lambda: client.ended, limit=4)
    if taken:
        assert not client.ended  # all its bytes came in time
        client.send(b"x" * 985)
        assert sim.net.run(partial(answered, client))
    else:
        assert 19.9 < sim.net.now - start < 20.1
        assert response(client.received).status == 408


def test_an_answer_bit_by_bit_may_take_its_time(sim: Net) -> None:
    requests: list[Any] = []

    @handles(EV_HTTP_REQUEST)
    def begin(c: Connection, ev: int, req: Any) -> None:
        requests.append(req)
        req.send_head()

    sim.serve(begin, options=HttpOptions(send_timeout=5, idle_timeout=7))
    client = sim.client(GET % 0)
    for _ in range(20):
        sim.net.run(limit=11)
        requests[0].send_chunk(b"x")
    requests[0].end()
    assert sim.net.run(partial(answered, client))
    assert response(client.received).body == b"x" * 20
    client.send(GET % 1)
    sim.net.run(limit=1)
    client.pause()
    requests[1].send_chunk(b"x" * 10_000_000)
    c = requests[1].connection
    start = sim.net.now
    assert sim.net.run(lambda: c.closed, limit=100)
    assert 5 <= sim.net.now - start < 16
    assert c.error == "the peer does not take the response"


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("send_timeout", [60, 2])
def test_an_idle_connection_is_closed(used: bool, send_timeout: float, sim: Net) -> None:
    sim.serve(echo, options=HttpOptions(idle_timeout=7, send_timeout=send_timeout))
    client = sim.client(GET % 0 if used else b"")
    sim.net.run(limit=1)
    assert bool(client.received) == used
    start = sim.net.now
    assert sim.net.run(lambda: client.ended)
    assert 5.9 < sim.net.now - start < 7.1
    assert len(responses(client.received)) == used
    assert sim.net.run()
    assert len(sim.mgr) == 1


def test_a_peer_that_does_not_read(sim: Net, logged: list[logging.LogRecord]) -> None:
    @handles(EV_HTTP_REQUEST, EV_CLOSE)
    def large(c: Connection, ev: int, req: Any) -> None:
        if ev == EV_CLOSE:
            errors.append(c.error)
        else:
            req.reply(200, b"x" * 3_000_000)

    errors: list[str] = []
    sim.serve(large, options=HttpOptions(send_timeout=5))
    client = sim.client()
    client.pause()
    client.send(GET % 0)
    start = sim.net.now
    assert sim.net.run(lambda: errors, limit=100)
    assert errors == ["the peer does not take the response"]
    assert 4.9 < sim.net.now - start < 5.2


@pytest.mark.parametrize("field", [b"X: y", b"Connection: close"])
def test_a_slow_reader_gets_all(field: bytes, sim: Net) -> None:
    @handles(EV_HTTP_REQUEST)
    def large(c: Connection, ev: int, req: Any) -> None:
        req.reply(200, b"x" * 1_000_000)

    sim.serve(large, options=HttpOptions(send_timeout=5, idle_timeout=6, linger_timeout=1))
    client = sim.client()
    client.pause()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\nrest")
    start = sim.net.now
    while not complete(client.received):
        client.resume()
        sim.net.run(limit=0.001)
        client.pause()
        sim.net.run(limit=3)
        assert not client.error
    assert sim.net.now - start > 20  # longer than any of the limits


def test_a_handler_may_take_its_time(sim: Net) -> None:
    keeper = Keeper()
    limits = HttpOptions(head_timeout=1, body_timeout=1, idle_timeout=1, send_timeout=1)
    sim.serve(keeper, options=limits)
    client = sim.client(GET % 0)
    sim.net.run(limit=1000)
    keeper.requests[0].reply(200, "late")
    assert sim.net.run(lambda: client.ended)
    assert response(client.received).body == b"late"


# -- handlers that fail, peers that leave, the end ------------------------------------------------


def test_a_handler_that_raises(mgr: Manager, dial: Dial, logged: list[logging.LogRecord]) -> None:
    @handles(EV_HTTP_REQUEST)
    def broken(c: Connection, ev: int, req: Any) -> None:
        raise RuntimeError("deliberate")

    peer = dial(mgr.bind(HTTP, broken))
    peer.send(GET % 0 + GET % 1)
    until(mgr, peer.has_ended)
    answer = response(peer.look())
    assert (answer.status, answer.header("connection")) == (500, "close")
    assert b"deliberate" not in answer.body
    assert len([r for r in logged if r.levelno >= logging.ERROR]) == 1


def test_a_handler_that_raises_after_its_reply(
    mgr: Manager, dial: Dial, logged: list[logging.LogRecord]
) -> None:
    @handles(EV_HTTP_REQUEST)
    def broken(c: Connection, ev: int, req: Any) -> None:
        req.reply(200, "x")
        raise RuntimeError("deliberate")

    peer = dial(mgr.bind(HTTP, broken))
    peer.send(GET % 0 + GET % 1)
    until(mgr, peer.has_ended)
    assert len(responses(peer.look())) <= 1
    assert len(logged) == 1


def test_the_peer_goes_while_its_request_is_pending(mgr: Manager, dial: Dial) -> None:
    keeper = Keeper()
    listener = mgr.bind(HTTP, keeper)
    peer = dial(listener)
    peer.send(GET % 0 + GET % 1)
    until(mgr, lambda: keeper.requests)
    c = keeper.requests[0].connection
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    until(mgr, lambda: keeper.requests[0].connection.closed)
    keeper.requests[0].reply(200, "too late")  # nothing happens
    with pytest.raises(RuntimeError):
        keeper.requests[0].reply(200, "twice")
    settle(mgr)
    assert len(keeper.requests) == 1
    refs = [weakref.ref(c), weakref.ref(keeper.requests[0])]
    gc.collect()
    gc.disable()
    try:
        keeper.requests.clear()
        del c
        assert [ref() for ref in refs] == [None, None]  # without the collector
    finally:
        gc.enable()
    assert mgr.next_deadline() is None
    assert list(mgr) == [listener]


@pytest.mark.parametrize("count", [1, 3])
def test_a_peer_that_ends_its_side_gets_what_it_asked_for(
    count: int, mgr: Manager, dial: Dial
) -> None:
    keeper = Keeper()
    peer = dial(mgr.bind(HTTP, keeper))
    peer.send(b"".join(GET % i for i in range(count)) + b"GET /cut")
    peer.sock.shutdown(socket.SHUT_WR)
    for i in range(count):
        until(mgr, lambda i=i: len(keeper.requests) == i + 1)
        settle(mgr)
        assert not peer.has_ended()
        keeper.requests[i].reply(200, str(i))
    until(mgr, peer.has_ended)
    assert not peer.was_reset
    assert bodies(peer.look()) == [str(i).encode() for i in range(count)]


def test_nothing_is_awaited_of_a_peer_that_has_ended(sim: Net) -> None:
    keeper = Keeper()
    sim.serve(keeper)
    client = sim.client(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nmore")
    client.shutdown()
    assert sim.net.run(lambda: keeper.requests)
    sim.net.run(limit=1)
    start = sim.net.now
    keeper.requests[0].reply(200)
    assert sim.net.run(lambda: keeper.requests[0].connection.closed)
    assert sim.net.now < start + 1
    assert sim.net.run(lambda: client.ended)
    assert response(client.received).status == 200


@pytest.mark.parametrize("data", [b"", b"GET /", post(b"xy")[:-1], b"\r\n"])
def test_a_peer_that_ends_its_side_within_a_request(data: bytes, sim: Net) -> None:
    keeper = Keeper()
    sim.serve(keeper)
    client = sim.client(data)
    client.shutdown()
    start = sim.net.now
    assert sim.net.run(lambda: client.ended)
    assert sim.net.now < start + 1
    assert client.received == b""
    assert keeper.requests == []


def test_goodbye_answers_what_is_pending(mgr: Manager, dial: Dial) -> None:
    keeper = Keeper()
    listener = mgr.bind(HTTP, keeper, options=HttpOptions(linger_timeout=0.01))
    busy, idle = dial(listener), dial(listener)
    busy.send(GET % 0 + GET % 1)
    until(mgr, lambda: keeper.requests)
    mgr.call_later(0.02, keeper.requests[0].reply, 200, "done")
    mgr.close(PATIENCE)
    assert mgr.closed
    for peer in (busy, idle):
        assert peer.has_ended()
        assert not peer.was_reset
    answer = response(busy.look())
    assert (answer.body, answer.header("connection")) == (b"done", "close")
    assert idle.look() == b""
    assert len(keeper.requests) == 1


def test_goodbye_without_an_answer_ends_with_the_grace(sim: Net) -> None:
    keeper = Keeper()
    sim.serve(keeper)
    client = sim.client(GET % 0)
    assert sim.net.run(lambda: keeper.requests)
    sim.mgr.close(3)
    sim.net.run(lambda: client.error or client.ended)
    assert client.received == b""


# -- carriers and real clients --------------------------------------------------------------------


def test_over_tls(mgr: Manager, certs: Certificates) -> None:
    listener = mgr.bind("https://127.0.0.1:0", echo, cert=certs.server)
    context = ssl.create_default_context(cafile=certs.ca)
    with running(mgr):
        client = http.client.HTTPSConnection(
            "127.0.0.1", listener.local.port, context=context, timeout=PATIENCE
        )
        for size in (0, 1, 100_000, 1_000_000):
            client.request("POST", "/x", b"y" * size)
            answer = client.getresponse()
            assert answer.read() == b"POST /x " + b"y" * size
        client.close()


def test_over_a_unix_socket(mgr: Manager, tmp_path: Path) -> None:
    listener = mgr.bind(f"unix:{tmp_path}/s", echo)
    listener.protocol = ServerProtocol()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"{tmp_path}/s")
        peer = Peer(sock)
        peer.send(GET % 0 + GET % 1)
        until(mgr, lambda: len(responses(peer.look())) == 2)
    assert bodies(peer.received) == [b"GET /0 ", b"GET /1 "]


def test_on_an_adopted_socket(mgr: Manager) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        c = mgr.adopt(ours, echo)
        c.protocol = ServerProtocol(HttpOptions(max_requests=1))
        peer = Peer(theirs)
        peer.send(GET % 0 + GET % 1)
        until(mgr, peer.has_ended)
        assert bodies(peer.look()) == [b"GET /0 "]


def test_http_client_of_the_standard_library(mgr: Manager) -> None:
    accepted: list[Any] = []

    @handles(EV_ACCEPT, EV_HTTP_REQUEST)
    def answer(c: Connection, ev: int, data: Any) -> None:
        if ev == EV_ACCEPT:
            accepted.append(data)
        else:
            echo(c, ev, data)

    listener = mgr.bind(HTTP, answer)
    with running(mgr):
        client = http.client.HTTPConnection("127.0.0.1", listener.local.port, timeout=PATIENCE)
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
            client.request(method, f"/{method}", b"data" if method == "PUT" else None)
            found = client.getresponse()
            body = b"" if method == "HEAD" else f"{method} /{method} ".encode()
            assert found.read() == body + (b"data" if method == "PUT" else b"")
        client.close()
    assert len(accepted) == 1


def test_curl(mgr: Manager, certs: Certificates) -> None:
    plain = mgr.bind(HTTP, echo)
    secure = mgr.bind("https://localhost:0", echo, cert=certs.server)
    command = ["curl", "-sS", "--max-time", "20", "--noproxy", "*", "--cacert", str(certs.ca)]
    urls = [f"http://{plain.local}/[0-9]", f"https://localhost:{secure.local.port}/[0-9]"]
    large = ["-H", "Expect: 100-continue", "-d", "x" * 5000]
    with running(mgr):
        for url in urls:
            done = subprocess.run([*command, url], capture_output=True, check=True)
            assert done.stdout == b"".join(b"GET /%d " % i for i in range(10))
            done = subprocess.run([*command, *large, url], capture_output=True, check=True)
            assert done.stdout == b"".join(b"POST /%d " % i + b"x" * 5000 for i in range(10))


@pytest.mark.parametrize("seed", range(20))
def test_on_a_hostile_network(seed: int) -> None:
    faults = Faults(split=0.6, delay=(0, 0.05), short_write=0.4, narrow=0.5, spurious=0.2)
    net = Net(Manager, seed=seed, faults=faults)
    net.serve(echo)
    data = b"".join(GET % i + post(b"x" * (i * 37)) for i in range(40))
    clients = [net.client(data) for _ in range(5)]
    expected = [x for i in range(40) for x in (b"GET /%d " % i, b"POST / " + b"x" * (i * 37))]
    for client in clients:
        assert net.net.run(partial(answered, client, 80))
        assert bodies(client.received) == expected
        client.close()
    net.net.run()
    net.mgr.close(0)
    assert net.net.leftovers() == []


# -- what a handler cannot make sense of ----------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body", "ask"),
    [
        (b"application/json", b"{", lambda req: req.json()),
        (b"application/json", b"[" * 100_000, lambda req: req.json()),
        (b"application/json", b"\xff", lambda req: req.json()),
        (b"multipart/form-data; boundary=b", b"--b\r\nx", lambda req: req.form()),
        (b"multipart/form-data", b"", lambda req: req.var("a")),
    ],
)
def test_a_malformed_body_is_the_fault_of_the_client(
    mgr: Manager, dial: Dial, kind: bytes, body: bytes, ask: Callable[[Any], Any]
) -> None:
    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.reply(200, ask(req) if req.method == "POST" else "fine")

    peer = dial(mgr.bind(HTTP, handler))
    peer.send(post(body, b"Content-Type: " + kind) + GET % 1)
    until(mgr, lambda: len(responses(peer.look())) == 2)  # the connection goes on
    assert [r.status for r in responses(peer.look())] == [400, 200]


def test_a_malformed_message_of_somebody_else_is_not(
    mgr: Manager, dial: Dial, logged: list[logging.LogRecord]
) -> None:
    kept: list[Any] = []

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        kept.append(req)
        if len(kept) == 1:
            req.reply(200)
        else:
            kept[0].json()

    peer = dial(mgr.bind(HTTP, handler))
    peer.send(post(b"{") + GET % 1)
    until(mgr, peer.has_ended)
    assert [r.status for r in responses(peer.look())] == [200, 500]
    assert len(logged) == 1


# -- memory ---------------------------------------------------------------------------------------


def test_bodies_count_as_long_as_they_wait(mgr: Manager, dial: Dial) -> None:
    keeper = Keeper()
    peer = dial(mgr.bind(HTTP, keeper))
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer.send(head + b"2710\r\n" + bytes(10_000) + b"\r\n")
    until(mgr, lambda: mgr.buffered == 10_000)
    peer.send(b"1\r\nx\r\n0\r\n\r\n")
    until(mgr, lambda: len(keeper.requests) == 1)
    assert mgr.buffered == 10_001
    keeper.requests[0].reply(200)
    until(mgr, lambda: mgr.buffered == 0)
    peer.send(post(bytes(70_000)))
    until(mgr, lambda: len(keeper.requests) == 2)
    assert mgr.buffered == 70_000
    peer.close()
    keeper.requests[1].connection.close()
    until(mgr, lambda: len(mgr) == 1)
    assert mgr.buffered == 0


def test_what_is_taken_does_not_count(mgr: Manager, dial: Dial) -> None:
    taken = bytearray()

    @handles(Event.HTTP_CHUNK, EV_HTTP_REQUEST)
    def take(c: Connection, ev: int, req: Any) -> None:
        taken.extend(req.take())
        assert mgr.buffered <= 3 << 20
        if ev == EV_HTTP_REQUEST:
            req.reply(200)

    peer = dial(mgr.bind(HTTP, take))
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer.send(head + b"2710\r\n" + bytes(10_000) + b"\r\n")
    until(mgr, lambda: len(taken) == 10_000)
    settle(mgr)
    assert mgr.buffered == 0
    peer.send(b"0\r\n\r\n")
    until(mgr, lambda: complete(peer.look()))
