"""The strictness of RFC 9112 as tables: what each message is, however it comes.

Given whole, split at every byte, byte by byte, and followed by another message, the same comes of
it, in both builds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http import chunked, head, outline
from galidia.http.violations import VIOLATIONS
from tests.http import replies, requests
from tests.http.replies import REPLIES, TO
from tests.http.requests import REQUESTS, Cut, Refused
from tests.twin import pure_module


class Build:
    """The modules of one build."""

    def __init__(self, pure: bool) -> None:
        self.head: Any = pure_module("http.head") if pure else head
        self.outline: Any = pure_module("http.outline") if pure else outline
        self.chunked: Any = pure_module("http.chunked") if pure else chunked


@pytest.fixture(scope="module", params=["this", "pure"])
def build(request: pytest.FixtureRequest) -> Build:
    return Build(request.param == "pure")


def texts(fields: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{name}: {value}" for name, value in fields)


class Receiver:
    """Reads messages from pieces with nothing but the codec, as an endpoint would."""

    limits: dict[str, int]

    def __init__(self, build: Build) -> None:
        self.build = build
        self.buf = bytearray()
        self.at = self.searched = 0
        self.found: list[Any] = []
        self.fault = ""
        self.over = False  # nothing more is read
        self.head: Any = None  # while its body is read
        self.body = bytearray()
        self.left = -1
        self.decoder: Any = None

    # what differs between the two sides
    def parse(self, head: Any, start: int, end: int) -> int:
        raise NotImplementedError

    def begin(self) -> str:
        """How the body is read: "none", "length", "chunked" or "until close"."""
        raise NotImplementedError

    def take(self, head: Any, body: bytes, trailers: tuple[str, ...]) -> None:
        raise NotImplementedError

    def blank(self) -> int:
        return self.at

    def feed(self, piece: bytes) -> None:
        self.buf += piece
        while not self.over and (self.read_head() if self.head is None else self.read_body()):
            pass

    def fail(self, name: str) -> bool:
        self.fault = name
        self.over = True
        return False

    def read_head(self) -> bool:
        start = self.blank()
        if start >= len(self.buf):
            return False
        end = self.build.outline.find_end(self.buf, start, max(self.searched, start))
        if (end if end >= 0 else len(self.buf)) - start > self.limits["head"]:
            return self.fail("head-too-large")
        self.searched = len(self.buf)
        if end < 0:
            return False
        message = self.build.head.Head()
        fault = self.parse(message, start, end)
        if fault:
            return self.fail(VIOLATIONS[fault].name)
        self.head, self.at, self.searched = message, end, end
        self.body = bytearray()
        self.decoder = None
        framing = self.begin()
        self.left = -1
        if framing == "none":
            self.complete()
        elif framing == "length":
            self.left = message.content_length
            if self.left > self.limits["body"]:
                return self.fail("body-too-large")
        elif framing == "chunked":
            self.decoder = self.build.chunked.Chunked(2000, self.limits["fields"])
        return not self.over

    def read_body(self) -> bool:
        if self.decoder is not None:
            self.at = self.decoder.feed(self.buf, self.at, self.body)
            if len(self.body) > self.limits["body"]:
                return self.fail("body-too-large")
            if self.decoder.fault:
                return self.fail(VIOLATIONS[self.decoder.fault].name)
            if self.decoder.done:
                self.complete(texts(self.decoder.trailers))
            return bool(self.decoder.done)
        n = len(self.buf) - self.at
        if self.left >= 0:
            n = min(n, self.left - len(self.body))
        self.body += self.buf[self.at : self.at + n]
        self.at += n
        if len(self.body) != self.left:
            return False
        self.complete()
        return True

    def complete(self, trailers: tuple[str, ...] = ()) -> None:
        message = self.head
        self.head = None
        self.take(message, bytes(self.body), trailers)

    def end(self) -> None:
        """The connection ends."""
        if not self.over and (self.head is not None or self.blank() < len(self.buf)):
            self.fail("truncated")

    @property
    def rest(self) -> bytes:
        return bytes(self.buf[self.at :])


class Server(Receiver):
    limits = requests.LIMITS

    def blank(self) -> int:
        return int(self.build.outline.skip_blank(self.buf, self.at))

    def parse(self, head: Any, start: int, end: int) -> int:
        return int(head.parse(self.buf, start, end, self.limits["fields"], self.limits["target"]))

    def begin(self) -> str:
        if self.head.chunked:
            return "chunked"
        return "length" if self.head.content_length > 0 else "none"

    def take(self, head: Any, body: bytes, trailers: tuple[str, ...]) -> None:
        self.found.append(
            requests.Taken(
                f"{head.method} {head.target}", texts(head.headers), body, trailers, head.host,
                head.version, not head.keep_alive, head.expect_continue,
            )
        )  # fmt: skip
        assert (head.status, head.reason) == (0, "")
        self.over = not head.keep_alive


class Client(Receiver):
    limits = replies.LIMITS

    def __init__(self, build: Build, method: str) -> None:
        super().__init__(build)
        self.method = method
        self.interim: list[int] = []
        self.until_close = False

    def parse(self, head: Any, start: int, end: int) -> int:
        return int(head.parse_reply(self.buf, start, end, self.limits["fields"]))

    def begin(self) -> str:
        self.until_close = False
        if self.method == "HEAD" or self.head.status in (204, 304) or self.head.status < 200:
            return "none"
        if self.head.chunked:
            return "chunked"
        if self.head.content_length >= 0:
            return "length" if self.head.content_length else "none"
        self.until_close = True
        return "until close"

    def take(self, head: Any, body: bytes, trailers: tuple[str, ...]) -> None:
        if head.status < 200:
            self.interim.append(head.status)
            return
        last = self.until_close or not head.keep_alive
        self.found.append(
            replies.Taken(
                head.status, head.reason, texts(head.headers), body, trailers, head.version, last,
                self.until_close, tuple(self.interim),
            )
        )  # fmt: skip
        assert (head.method, head.target, head.path, head.query, head.host) == ("",) * 5
        self.interim.clear()
        self.method = "GET"  # of the next
        self.over = last

    def end(self) -> None:
        if self.head is not None and self.until_close:
            self.complete()
        elif self.interim and not self.over:
            self.fail("truncated")
        super().end()


def told(receiver: Receiver, pieces: Iterable[bytes]) -> tuple[list[Any], str, bytes]:
    """What is found in the pieces, the violation, and the bytes that are left."""
    for piece in pieces:
        receiver.feed(piece)
    receiver.end()
    return receiver.found, receiver.fault, b"" if receiver.fault else receiver.rest


def splits(data: bytes) -> Iterable[list[bytes]]:
    """Byte by byte, and in two pieces everywhere, in large ones only where it may matter."""
    yield [data[i : i + 1] for i in range(len(data))]
    places = [*range(len(data))]
    if len(data) > 700:
        places = places[:300] + places[300:-60:97] + places[-60:]
    for cut in places:
        yield [data[:cut], data[cut:]]


@pytest.mark.parametrize("name", REQUESTS)
def test_request(name: str, build: Build) -> None:
    data, verdict = REQUESTS[name]
    fault = ""
    if isinstance(verdict, Refused):
        fault = verdict.name
        assert [v.status for v in VIOLATIONS if v.name == fault] == [verdict.status]
    elif isinstance(verdict, Cut):
        fault = "truncated"
    taken = [verdict] if isinstance(verdict, requests.Taken) else []
    for pieces in ([data], *splits(data)):
        assert told(Server(build), pieces) == (taken, fault, b"")
    if isinstance(verdict, Cut):
        return
    if isinstance(verdict, requests.Taken) and not verdict.last:
        followed = taken + [requests.Taken("GET /next", ("Host: b",), host="b")], "", b""
    else:
        followed = taken, fault, b"" if fault else requests.NEXT
    for pieces in ([data], *splits(data)):
        *before, last = pieces
        assert told(Server(build), [*before, last + requests.NEXT]) == followed
        assert told(Server(build), [*pieces, requests.NEXT]) == followed


@pytest.mark.parametrize("name", REPLIES)
def test_reply(name: str, build: Build) -> None:
    data, verdict = REPLIES[name]
    method = TO.get(name, "GET")
    taken = [] if isinstance(verdict, str) else [verdict._replace(behind="")]
    fault = verdict if isinstance(verdict, str) else verdict.behind
    for pieces in ([data], *splits(data)):
        assert told(Client(build, method), pieces) == (taken, fault, b"")
    if fault == "truncated":
        return
    followed = taken + [replies.Taken(404, "Not Found", ("Content-Length: 4",), b"next")], "", b""
    if fault:
        followed = taken, fault, b""
    elif taken[0].until_close:
        followed = [taken[0]._replace(body=taken[0].body + replies.NEXT)], "", b""
    elif taken[0].last:
        followed = taken, "", replies.NEXT
    for pieces in ([data], *splits(data)):
        *before, last = pieces
        assert told(Client(build, method), [*before, last + replies.NEXT]) == followed


def test_tables_are_large_enough_and_name_every_violation() -> None:
    assert len(REQUESTS) >= 150
    assert len({data for data, _ in REQUESTS.values()}) == len(REQUESTS)
    assert len(REPLIES) >= 60
    assert len({(TO.get(name), data) for name, (data, _) in REPLIES.items()}) == len(REPLIES)
    named = {verdict.name for _, verdict in REQUESTS.values() if isinstance(verdict, Refused)}
    named |= {v if isinstance(v, str) else v.behind for _, v in REPLIES.values()} - {""}
    assert named == {v.name for v in VIOLATIONS} - {"none", "incomplete"}


def test_good_messages_one_behind_the_other(build: Build) -> None:
    good = [(data, v) for data, v in REQUESTS.values() if isinstance(v, requests.Taken)]
    good = [(data, v) for data, v in good if not v.last]
    stream = b"".join(data for data, _ in good)
    for size in (1, 7, 1000, len(stream)):
        pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert told(Server(build), pieces) == ([v for _, v in good], "", b"")


PIECES = [b"\r\n", b"\n", b"\r", b" ", b":", b"\t", b"\0", b"0", b"1", b"200", b"HTTP/1.1 ",
          b"chunked", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"204", b"100",
          b"Connection: close\r\n", b"0\r\n\r\n", b"\xff", b"X: y\r\n", b";a=b",
          b"\r\n\r\n"]  # fmt: skip


def mutated(draw: st.DataObject, data: bytes) -> list[bytes]:
    """The message with a few changes, in two pieces."""
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(changed)))
        cut = draw.draw(st.integers(0, 3))
        changed[at : at + cut] = draw.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    cut = draw.draw(st.integers(0, len(changed)))
    return [bytes(changed[:cut]), bytes(changed[cut:])]


@given(st.sampled_from([data for data, _ in REQUESTS.values()]), st.data())
def test_mutated_requests_are_read_alike(data: bytes, draw: st.DataObject) -> None:
    pieces = mutated(draw, data)
    here = told(Server(Build(False)), pieces)
    assert told(Server(Build(True)), pieces) == here
    assert told(Server(Build(False)), [b"".join(pieces)]) == here


@given(st.sampled_from([*REPLIES]), st.data())
def test_mutated_replies_are_read_alike(name: str, draw: st.DataObject) -> None:
    method = TO.get(name, "GET")
    pieces = mutated(draw, REPLIES[name][0])
    here = told(Client(Build(False), method), pieces)
    assert told(Client(Build(True), method), pieces) == here
    assert told(Client(Build(False), method), [b"".join(pieces)]) == here
