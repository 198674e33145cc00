"""Answers that are pulled from an iterator: no faster than they leave, and to its end or theirs."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Connection, handles
from tests.http.conftest import Exchange, Net
from tests.http.wire import complete, response, responses

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
GET_1_0 = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"


class Pieces:
    """Pieces that count how often they were asked for."""

    def __init__(self, count: int, size: int = 10_000, fail: int = -1) -> None:
        self.left = count
        self.size = size
        self.asked = 0
        self.fail = fail
        self.closed = 0

    def __iter__(self) -> Pieces:
        return self

    def __next__(self) -> bytes:
        if self.asked == self.fail:
            raise OSError("deliberate")
        if not self.left:
            raise StopIteration
        self.left -= 1
        self.asked += 1
        return b"x" * self.size

    def close(self) -> None:
        self.closed += 1


def test_a_stream(exchange: Exchange) -> None:
    for data, count in ((GET, 2), (GET_1_0, 1)):
        found = responses(exchange(lambda req: req.stream([b"a", b"", b"bc"]), data, data))
        assert [r.body for r in found] == [b"abc"] * count
    found = responses(exchange(lambda req: req.stream(iter([b"a", b"bc"]), length=3), GET, GET))
    assert [r.header("content-length") for r in found] == ["3", "3"]
    found = responses(exchange(lambda req: req.stream([], 201, {"X": "y"}), GET, GET))
    assert [(r.status, r.body, r.header("x")) for r in found] == [(201, b"", "y")] * 2


def test_a_stream_to_head_is_not_asked(exchange: Exchange) -> None:
    sources: list[Pieces] = []

    def reply(req: Any) -> None:
        sources.append(Pieces(5))
        req.stream(sources[-1])

    head = GET.replace(b"GET", b"HEAD")
    assert len(responses(exchange(reply, head, head), ["HEAD", "HEAD"])) == 2
    assert [(s.asked, s.closed) for s in sources] == [(0, 1), (0, 1)]


def test_a_slow_client_slows_a_stream_down(sim: Net) -> None:
    source = Pieces(1000)

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.stream(source)

    sim.serve(handler)
    client = sim.client()
    client.pause()
    client.send(GET)
    sim.net.run(limit=1)
    asked = source.asked
    assert 0 < asked < 200  # what the network and the server hold
    sim.net.run(limit=1)
    assert source.asked == asked
    client.resume()
    assert sim.net.run(lambda: client.received.endswith(b"\r\n0\r\n\r\n"))
    assert response(client.received).body == b"x" * 10_000_000
    assert source.closed == 1


def test_a_stream_ends_when_the_client_goes(sim: Net) -> None:
    source = Pieces(1 << 30)

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.stream(source)

    sim.serve(handler)
    client = sim.client(GET)
    sim.net.run(lambda: len(client.received) > 100_000)
    client.close()
    assert sim.net.run(lambda: source.closed, limit=10)
    assert source.closed == 1


def test_a_stream_whose_source_has_nothing_for_now(sim: Net) -> None:
    there: list[bytes | None] = [b"a"]
    asked: list[Any] = []

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        asked.append(req)
        req.stream(iter(lambda: there.pop(0) if there else None, b"end"))

    sim.serve(handler)
    client = sim.client(GET)
    for more in (b"b", b"c", b"d"):
        sim.net.run(limit=1)
        assert client.received.endswith(b"\r\n%b\r\n" % bytes([more[0] - 1]))
        there.append(more)
        asked[0].resume()
    there.append(b"end")
    asked[0].resume()
    assert sim.net.run(lambda: complete(client.received))
    assert response(client.received).body == b"abcd"
    asked[0].resume()  # too late, and no harm


@pytest.mark.parametrize("fail", [0, 3, 100])
def test_a_stream_that_fails(fail: int, sim: Net, logged: list[Any]) -> None:
    source = Pieces(1000, fail=fail)

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.stream(source)

    sim.serve(handler)
    client = sim.client(GET)
    assert sim.net.run(lambda: client.error, limit=10)
    assert not complete(client.received)
    assert source.closed == 1
    assert len([record for record in logged if record.levelno >= logging.ERROR]) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_a_stream_of_another_length(count: int, sim: Net, logged: list[Any]) -> None:
    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.stream(Pieces(count, 10), length=20)

    sim.serve(handler)
    client = sim.client(GET)
    assert sim.net.run(lambda: client.error, limit=10)
    assert not complete(client.received)
    assert len([record for record in logged if record.levelno >= logging.ERROR]) == 1


def test_a_stream_starts_the_next(sim: Net) -> None:
    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.stream(Pieces(30))

    sim.serve(handler)
    client = sim.client(GET * 5)
    assert sim.net.run(lambda: complete(client.received) and len(responses(client.received)) == 5)
    assert {r.body for r in responses(client.received)} == {b"x" * 300_000}


def test_a_source_that_says_itself_that_it_has_something(sim: Net) -> None:
    """`resume` within the source is one call too many, and no second one at a time."""

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        def pieces() -> Any:
            for piece in (b"a", b"b"):
                req.resume()
                yield piece

        req.stream(pieces())

    sim.serve(handler)
    client = sim.client(GET)
    assert sim.net.run(lambda: complete(client.received), limit=10)
    assert response(client.received).body == b"ab"


def test_a_source_that_ends_the_connection(sim: Net) -> None:
    closed: list[bool] = []

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        def pieces() -> Any:
            try:
                yield b"a"
                c.abort()
                yield b"b"
            finally:
                closed.append(c.closed)

        req.stream(pieces())

    sim.serve(handler)
    client = sim.client(GET)
    assert sim.net.run(lambda: client.error, limit=10)
    assert closed == [True]


def test_a_source_that_ends_the_answer_itself(sim: Net) -> None:
    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        def pieces() -> Any:
            yield b"a"
            req.end()

        req.stream(pieces())

    sim.serve(handler)
    client = sim.client(GET * 2)
    assert sim.net.run(lambda: complete(client.received) and len(responses(client.received)) == 2)
    assert [r.body for r in responses(client.received)] == [b"a", b"a"]


class Waiting(Pieces):
    """Has nothing for now when it has given so many."""

    def __next__(self) -> Any:
        return super().__next__() if self.left else None


@pytest.mark.parametrize("count", [1, 1000])
def test_an_answer_that_is_ended_while_its_source_waits(count: int, sim: Net) -> None:
    """The source is closed, and a request that waits behind it is answered."""
    asked: list[Any] = []
    source = Waiting(count)

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        asked.append(req)
        if len(asked) == 1:
            req.stream(source)
        else:
            req.reply(200, b"next")

    sim.serve(handler)
    client = sim.client()
    client.pause()
    client.send(GET * 2)
    sim.net.run(limit=1)
    assert len(asked) == 1
    asked[0].end()
    assert source.closed == 1
    client.resume()
    assert sim.net.run(lambda: client.received.endswith(b"next"), limit=20)
    assert len(responses(client.received)[0].body) == source.asked * 10_000


def test_a_source_that_goes_on_behind_the_end(sim: Net, logged: list[Any]) -> None:
    closed: list[bool] = []

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        def pieces() -> Any:
            try:
                yield b"a"
                req.end()
                yield b"b"
            finally:
                closed.append(True)

        req.stream(pieces())

    sim.serve(handler)
    client = sim.client(GET)
    assert sim.net.run(lambda: client.error, limit=10)
    assert closed == [True]
    assert len([record for record in logged if record.levelno >= logging.ERROR]) == 1
