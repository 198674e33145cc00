"""Reading messages: what is called when, whatever pieces they come in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import galidia
from galidia import EV_CLOSE, Event
from tests.twin import load_pure, pure_module

GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"PUT /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSE = b"GET /close HTTP/1.1\r\nHost: a\r\n\r\n"


def module(package: ModuleType, name: str) -> ModuleType:
    if package is galidia:
        return __import__(f"galidia.{name}", fromlist=["x"])
    return pure_module(name)


def make_reader(package: ModuleType) -> Any:
    """A class that reads requests, whose body it takes to end with the connection for /close."""
    reader = module(package, "http.reader")
    message = module(package, "http.message")

    class Plain(reader.Reader):  # type: ignore[misc, name-defined]
        def __init__(self, **limits: int) -> None:
            limits = {"head_limit": 500, "max_fields": 10, "body_limit": 1000, **limits}
            self._set_up(1 << Event.RECV, **limits)
            self.log: list[Any] = []
            self.messages: list[Any] = []
            self.hold = False
            self.pieces = False
            self.state: int

        def head_begun(self, c: Any) -> None:
            self.log.append("head_begun")

        def begin(self, c: Any, buf: bytearray, start: int, end: int) -> int:
            self.log.append("begin")
            found = self.message = message.Message(c)
            fault = found.parse(buf, start, end, self.max_fields)
            if fault:
                return -int(fault)
            if found.path == "/close":
                return int(reader.UNTIL_CLOSE)
            if found.chunked:
                return int(reader.CHUNKED)
            return int(reader.COUNTED if found.content_length > 0 else reader.NO_BODY)

        def body_begun(self, c: Any) -> None:
            self.log.append("body_begun")
            self.whole = not self.pieces and self.state == reader.COUNTED

        def arrived(self, c: Any) -> None:
            self.log.append("arrived")
            super().arrived(c)

        def completed(self, c: Any) -> None:
            self.log.append("completed")
            assert self.state == reader.HELD
            assert self.message.complete
            self.messages.append(self.message)
            if not self.hold:
                self.state = reader.IDLE

        def violated(self, c: Any, violation: Any) -> None:
            assert self.state == reader.HELD
            self.log.append(violation.name)

    return Plain


class Line:
    """A reader at the end of a line."""

    def __init__(self, package: ModuleType, handler: Any = None, **limits: int) -> None:
        self.net = module(package, "testing").SimNetwork()
        self.mgr = package.Manager(network=self.net)
        self.cls = make_reader(package)
        self.listener = self.mgr.bind("tcp://10.0.0.1:80", handler)
        self.reader = self.cls(**limits)
        reader = self.reader
        self.listener.protocol = reader
        reader.child = lambda: reader
        self.client = self.net.client("tcp://10.0.0.1:80")
        self.net.run(limit=0.1)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.client.send(piece)
            self.net.run(limit=0.01)

    @property
    def log(self) -> str:
        return " ".join(self.reader.log)

    @property
    def bodies(self) -> list[bytes]:
        return [m.body for m in self.reader.messages]

    @property
    def c(self) -> Any:
        return next(c for c in self.mgr if c is not self.listener)


@pytest.fixture(params=["this", "pure"])
def line(request: pytest.FixtureRequest) -> Iterator[Callable[..., Line]]:
    package = galidia if request.param == "this" else load_pure()
    lines: list[Line] = []

    def make(handler: Any = None, **limits: int) -> Line:
        lines.append(Line(package, handler, **limits))
        return lines[-1]

    yield make
    for one in lines:
        one.mgr.close(0)


Make = Callable[..., Line]


def test_the_hooks_in_order(line: Make) -> None:
    for data, expected in (
        (GET % 0, "begin completed"),
        (POST % (0, 0), "begin completed"),
        (POST % (0, 2) + b"ab", "begin body_begun arrived completed"),
        (CHUNKED % 0 + b"2\r\nab\r\n0\r\n\r\n", "begin body_begun arrived completed"),
        (CHUNKED % 0 + b"0\r\n\r\n", "begin body_begun arrived completed"),
        (GET % 0 + GET % 1, "begin completed begin completed"),
        (b"GET", "head_begun"),
        (GET % 0 + b"G", "begin completed head_begun"),
        (b"GET /\r\n\r\n", "begin request-line"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 500, "head-too-large"),
        (POST % (0, 2) + b"a", "begin body_begun"),
        (CHUNKED % 0 + b"2;x\r\n", "begin body_begun"),
        (CLOSE + b"abc", "begin body_begun arrived"),
    ):
        one = line()
        one.send(data)
        assert one.log == expected


def test_split_at_every_byte(line: Make) -> None:
    data = [
        GET % 0,
        POST % (1, 5) + b"hello",
        CHUNKED % 2 + b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n",
        GET % 3,
    ]
    expected = [b"", b"hello", b"abcde", b""]
    whole = b"".join(data)
    for pieces in ([bytes([b]) for b in whole], [whole], [whole[:50], whole[50:]], data):
        one = line()
        one.send(*pieces)
        assert one.bodies == expected
        assert [m.path for m in one.reader.messages] == ["/0", "/1", "/2", "/3"]
        assert one.reader.messages[2].trailers == [("X", "y")]
        assert [m.received for m in one.reader.messages] == [0, 5, 5, 0]


def test_a_body_until_the_connection_ends(line: Make) -> None:
    one = line()
    one.send(CLOSE, b"abc", b"def")
    assert one.bodies == []
    one.client.shutdown()
    one.net.run(limit=1)
    assert one.bodies == [b"abcdef"]
    assert one.log == "begin body_begun arrived arrived completed"


def test_what_is_cut_off_is_not_complete(line: Make) -> None:
    for data in (b"GET", POST % (0, 5) + b"hell", CHUNKED % 0 + b"4\r\nhell\r\n"):
        one = line()
        one.send(data)
        one.client.close()
        one.net.run(limit=1)
        assert one.reader.messages == []
    one = line()
    one.send(CLOSE + b"abc")
    one.client.reset()
    one.net.run(limit=1)
    assert one.reader.messages == []


def test_nothing_is_read_while_it_is_held(line: Make) -> None:
    one = line()
    one.reader.hold = True
    one.send(GET % 0 + POST % (1, 1) + b"x" + GET % 2)
    for i in range(3):
        assert len(one.reader.messages) == i + 1
        one.send(b"")
        assert len(one.reader.messages) == i + 1
        one.reader.state = 0
        one.reader.read(one.c)
    assert one.bodies == [b"", b"x", b""]
    assert bytes(one.c.recv_mbuf) == b""


def test_after_a_violation_nothing_is_read(line: Make) -> None:
    one = line()
    one.send(b"GET\r\n\r\n" + GET % 0, GET % 1)
    assert one.log == "begin request-line"
    one = line()
    one.send(CHUNKED % 0 + b"x\r\n" + GET % 0, GET % 1)
    assert one.log == "begin body_begun chunk-size"


def test_a_whole_body_waits_in_the_buffer(line: Make) -> None:
    for pieces, expected in ((False, "arrived"), (True, "arrived arrived arrived")):
        one = line()
        one.reader.pieces = pieces
        one.send(POST % (0, 3), b"a", b"b", b"c")
        assert one.log.startswith("begin body_begun " + expected + " completed")
        assert one.bodies == [b"abc"]


def test_a_body_over_the_limit_that_nobody_takes(line: Make) -> None:
    for head in (POST % (0, 1001), CHUNKED % 0 + b"3e9\r\n"):
        one = line()
        one.reader.pieces = True
        one.send(head + b"x" * 1000)
        assert one.log == "begin body_begun arrived"
        one.send(b"x")
        assert one.log == "begin body_begun arrived arrived body-too-large"
        assert one.reader.messages == []


@pytest.mark.parametrize("by_flag", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_who_takes_gets_any_amount(by_flag: bool, chunked: bool, line: Make) -> None:
    seen: list[bytes] = []

    def take(c: Any, ev: Any, data: Any) -> None:
        if ev == Event.HTTP_CHUNK:
            if by_flag:
                seen.append(data.body)
                c.flags |= galidia.Flag.PROTO_2
            else:
                seen.append(data.take())

    one = line(take)
    one.reader.pieces = True
    one.send(CHUNKED % 0 if chunked else POST % (0, 100_000))
    for _ in range(100):
        one.send((b"3e8\r\n" if chunked else b"") + b"x" * 1000 + (b"\r\n" if chunked else b""))
    one.send(b"0\r\n\r\n" if chunked else b"")
    assert b"".join(seen) == b"x" * 100_000
    (message,) = one.reader.messages
    assert (message.body, message.received, message.complete) == (b"", 100_000, True)
    assert not one.c.flags & galidia.Flag.PROTO_2


@pytest.mark.parametrize("chunked", [False, True])
def test_who_stops_to_take_slows_the_sender_down(chunked: bool, line: Make) -> None:
    messages: list[Any] = []

    def take_once(c: Any, ev: Any, data: Any) -> None:
        if ev == Event.HTTP_CHUNK and not messages:
            messages.append(data)
            data.take()

    one = line(take_once, body_limit=1000)
    one.reader.pieces = True
    size = 1_000_000
    one.client.send((CHUNKED % 0 + b"f4240\r\n") if chunked else POST % (0, size))
    one.client.send(b"x" * size + (b"\r\n0\r\n\r\n" if chunked else b""))
    one.net.run(limit=0.1)
    got = messages[0].received - len(messages[0].body)
    seen = []
    while not one.reader.messages:
        one.net.run(limit=0.1)
        seen.append(len(messages[0].body))
        assert messages[0].received - got == seen[-1]
        got += len(messages[0].take())
    assert got + len(messages[0].body) == size
    assert max(seen) <= 1000 + (1 << 16)  # one receive may come on top
    assert len(seen) > 5


def test_a_paused_connection_that_ends(line: Make) -> None:
    events = []

    def watch(c: Any, ev: Any, data: Any) -> None:
        events.append(ev)

    one = line(watch, body_limit=10)
    one.reader.pieces = True
    one.send(POST % (0, 1000))
    one.reader.body.taken = True
    one.send(b"x" * 500)
    message = one.reader.message
    c = one.c
    c.close()
    one.net.run(lambda: c.closed, limit=1)
    assert EV_CLOSE in events
    assert message.take() == b"x" * 500
    assert not message.complete


@pytest.mark.parametrize("kind", ["head", "body", "chunks", "lines"])
def test_single_bytes_are_linear_work(kind: str, line: Make) -> None:
    """Sizes at which a second look at what was there would take minutes."""
    one = line(head_limit=1 << 30, max_fields=1 << 30, body_limit=1 << 30)
    n = 20_000
    if kind == "head":
        data = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * n + b"\r\n\r\n"
    elif kind == "lines":
        data = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X:\r\n" * (n // 4) + b"\r\n"
    elif kind == "body":
        data = POST % (0, n) + b"x" * n
    else:
        data = CHUNKED % 0 + b"1\r\nx\r\n" * (n // 6) + b"0\r\n\r\n"
    c = one.c
    steps = 0
    for i in range(len(data)):
        c.recv_mbuf.append(data[i])
        one.reader.read(c)
        steps += 1
    assert steps == len(data)
    assert len(one.reader.messages) == 1


@pytest.mark.parametrize("lines", [False, True])
def test_a_head_is_looked_at_once(lines: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = pure_module("http.reader")
    looked = 0
    find_end = reader.find_end

    def counting(buf: bytearray, start: int, searched: int) -> int:
        nonlocal looked
        looked += len(buf) - searched
        return int(find_end(buf, start, searched))

    monkeypatch.setattr(reader, "find_end", counting)
    one = Line(load_pure(), head_limit=10_000)
    for i in range(3):
        data = b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X:\r\n" * 7 if lines else b"") + b"Y: "
        data += b"y" * 1000 * i + b"\r\n\r\n"
        looked = 0
        one.send(*[data[i : i + 1] for i in range(len(data))])
        assert len(one.reader.messages) == i + 1
        assert looked == len(data)
    one.mgr.close(0)


def test_many_small_chunks_at_once(line: Make) -> None:
    one = line(body_limit=1 << 30)
    n = 200_000
    one.c.recv_mbuf.extend(CHUNKED % 0 + b"1\r\nx\r\n" * n + b"0\r\n\r\n")
    one.reader.read(one.c)
    assert one.bodies == [b"x" * n]


def test_many_small_messages_at_once(line: Make) -> None:
    one = line()
    n = 20_000
    one.c.recv_mbuf.extend((GET % 0) * n)
    one.reader.read(one.c)
    assert len(one.reader.messages) == n
