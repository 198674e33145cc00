"""The client's side of a connection: events, requests one after the other, upgrades, ends."""

from __future__ import annotations

import os
from typing import Any

import pytest

from galidia import (
    EV_CLOSE,
    EV_CONNECT,
    EV_RECV,
    EV_SEND,
    Connection,
    Event,
    Flag,
    Manager,
    Protocol,
    handles,
)
from galidia.http.auth import basic
from galidia.http.client import ClientProtocol
from galidia.http.client_options import ClientOptions
from tests.helpers import Certificates, Recorder, echo, until
from tests.http.site import Asked, Site, Web, reply, web

ONE = "http://one.example"
CHUNK = Event.HTTP_CHUNK
REPLY = Event.HTTP_REPLY


def hello(asked: Asked) -> bytes:
    return reply(b"hello")


def closing(**then: Any) -> Recorder:
    """A handler that closes when it has its reply."""
    return Recorder(**{"http_reply": lambda c, r: c.close(), **then})


def met(world: Web, url: str, handler: Recorder, **options: Any) -> Recorder:
    """The events of a connection, until it is closed."""
    world.mgr.connect(url, handler, **options)
    world.run(lambda: handler.count(EV_CLOSE))
    return handler


# -- events ---------------------------------------------------------------------------------------


def test_the_events_of_an_exchange(world: Web) -> None:
    site = world.site(hello)
    seen = met(world, f"{ONE}/a?b", closing())
    assert seen.story() == "CONNECT SEND RECV HTTP_CHUNK HTTP_REPLY CLOSE"
    (chunk,), (answer,) = seen.data(CHUNK), seen.data(REPLY)
    assert chunk is answer
    assert (answer.status, answer.reason, answer.body) == (200, "Whatever", b"hello")
    assert (answer.request_method, answer.complete, answer.received) == ("GET", True, 5)
    assert (answer.connection, seen.c.error) == (seen.c, "")
    assert site.asked[0].pairs == [("Host", "one.example")]
    assert site.asked[0].target == "/a?b"


def test_a_body_comes_in_pieces_and_can_be_taken(world: Web) -> None:
    world.site(lambda asked: reply(b"x" * 500_000))
    pieces: list[bytes] = []
    seen = met(world, ONE, closing(http_chunk=lambda c, r: pieces.append(r.take())))
    assert len(pieces) > 3
    assert b"".join(pieces) == b"x" * 500_000
    assert seen.data(REPLY)[0].body == b""


def test_interim_replies_are_there_with_the_head(world: Web) -> None:
    world.site(lambda a: b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply(b"x" * 100_000))
    seen_at_chunk: list[list[int]] = []
    met(
        world,
        ONE,
        closing(http_chunk=lambda c, r: seen_at_chunk.append([i.status for i in r.interim])),
    )
    assert set(map(tuple, seen_at_chunk)) == {(103,)}


def test_a_piece_is_deleted_by_a_flag(world: Web) -> None:
    def on_chunk(c: Connection, answer: Any) -> None:
        pieces.append(answer.body)
        c.flags = c.flags | Flag.PROTO_2

    world.site(lambda asked: reply(b"x" * 300_000))
    pieces: list[bytes] = []
    seen = met(world, ONE, closing(http_chunk=on_chunk))
    assert b"".join(pieces) == b"x" * 300_000
    assert seen.data(REPLY)[0].body == b""


def test_only_what_is_wanted_comes(world: Web) -> None:
    seen = closing()
    world.site(lambda asked: reply(b"x" * 500_000))
    handler = handles(REPLY, EV_CLOSE)(lambda c, ev, data: seen(c, ev, data))
    world.mgr.connect(ONE, handler)
    world.run(lambda: seen.count(EV_CLOSE))
    assert seen.story() == "HTTP_REPLY CLOSE"
    assert seen.data(REPLY)[0].body == b"x" * 500_000


def test_nobody_listens(world: Web) -> None:
    seen = met(world, ONE, closing())
    assert seen.story() == "CONNECT CLOSE"
    assert seen.data(EV_CONNECT) != [0]


# -- what connect takes ---------------------------------------------------------------------------


def test_options_of_connect(world: Web) -> None:
    site = world.site(hello, 8080)
    url = "http://me:p%40w@one.example:8080"
    headers = {"X-Mine": "\xe9", "Content-Type": "text/x"}
    met(world, f"{url}/\xe9 x", closing(), method="PUT", headers=headers, body={"a": 1})
    met(world, f"{url}/p", closing(), method="OPTIONS", target="*")
    met(world, url, closing(), method="POST", body=iter([b"ab", b"c"]), length=3)
    put, options, post = site.asked
    assert (put.method, put.target, put.body) == ("PUT", "/%C3%A9%20x", b'{"a":1}')
    assert put.pairs == [
        ("Host", "one.example:8080"),
        ("X-Mine", "\xe9"),
        ("Content-Type", "text/x"),
        ("Authorization", basic("me", "p@w")),
        ("Content-Length", "7"),
    ]
    assert (options.method, options.target) == ("OPTIONS", "*")
    assert (post.target, post.body, post.header("content-length")) == ("/", b"abc", "3")


@pytest.mark.parametrize(
    "options",
    [
        {"nosuch": 1},
        {"method": "A B"},
        {"method": ""},
        {"target": "/a b"},
        {"headers": {"a b": "x"}},
        {"headers": {"a": "x\ny"}},
        {"headers": [("Content-Length", "5")]},
        {"body": 5},
        {"length": -1, "body": iter([])},
        {"length": 3, "body": b"12"},
        {"options": object()},
    ],
)
def test_what_connect_does_not_take(world: Web, options: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        world.mgr.connect(ONE, None, **options)
    assert len(world.mgr) == 0


@pytest.mark.parametrize("name", ClientOptions.__dataclass_fields__)
@pytest.mark.parametrize("value", [0, -1, "1", None, True])
def test_limits_are_positive_numbers(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        ClientOptions(**{name: value})


# -- requests one after the other -----------------------------------------------------------------


def test_several_requests_on_one_connection(world: Web) -> None:
    site = world.site(lambda asked: reply(asked.target.encode()))
    bodies: list[bytes] = []

    def on_reply(c: Connection, answer: Any) -> None:
        bodies.append(answer.body)
        protocol: Any = c.protocol
        if len(bodies) < 5:
            assert protocol.idle
            protocol.request("GET", f"/{len(bodies)}")
            assert protocol.awaiting
        else:
            c.close()

    met(world, f"{ONE}/0", Recorder(http_reply=on_reply))
    assert bodies == [b"/0", b"/1", b"/2", b"/3", b"/4"]
    assert len(site.connections) == 1
    assert {asked.header("host") for asked in site.asked} == {"one.example"}


def test_nothing_is_asked_without_a_method(world: Web) -> None:
    site = world.site(hello)
    c = world.mgr.connect(ONE, closing(), method=None)
    protocol: Any = c.protocol
    with pytest.raises(RuntimeError):
        protocol.request("GET", "/")  # it is not connected yet
    world.net.run(limit=10.0)
    assert (site.open, site.asked, protocol.idle) == (1, [], True)
    protocol.request("GET", "/later", {"Host": "other"})
    world.run(lambda: c.closed)
    assert (site.asked[0].target, site.asked[0].pairs) == ("/later", [("Host", "other")])


def test_one_request_at_a_time(world: Web) -> None:
    world.site(lambda asked: None)
    c = world.mgr.connect(ONE, closing())
    protocol: Any = c.protocol
    world.run(lambda: protocol.awaiting)
    with pytest.raises(RuntimeError):
        protocol.request("GET", "/second")
    c.close()
    world.run(lambda: c.closed)
    with pytest.raises(RuntimeError):
        protocol.request("GET", "/third")


@pytest.mark.parametrize(
    ("method", "target"), [("G T", "/"), ("", "/"), ("GET", ""), ("GET", "/a b"), ("GET", "/\r\n")]
)
def test_a_request_cannot_be_split(world: Web, method: str, target: str) -> None:
    site = world.site(hello)
    c = world.mgr.connect(ONE, closing(), method=None)
    world.net.run(limit=1.0)
    protocol: Any = c.protocol
    with pytest.raises(ValueError):
        protocol.request(method, target)
    assert protocol.idle
    c.close()
    world.run(lambda: site.open == 0)
    assert site.asked == []


# -- ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [False, True])
def test_a_slow_consumer_slows_the_server(world: Web, taken: bool) -> None:
    """Whoever takes gets any amount, in his own time; what nobody takes has a limit."""
    site = world.site(lambda asked: reply(b"x" * 3_000_000))
    kept: list[Any] = []

    def on_chunk(c: Connection, answer: Any) -> None:
        if taken and not kept:
            answer.take()
        kept.append(answer)

    options = ClientOptions(body_limit=100_000, idle_timeout=5.0)
    seen = Recorder(http_chunk=on_chunk, http_reply=lambda c, r: c.close())
    c = world.mgr.connect(ONE, seen, options=options)
    world.net.run(limit=100.0)
    if not taken:
        assert "body-too-large" in seen.c.error
        assert seen.count(REPLY) == 0
        return
    assert len(kept[0].body) < 250_000
    assert len(site.connections[0].send_mbuf) > 2_000_000
    while not c.closed:
        kept[0].take()
        world.net.run(limit=1.0)
    assert seen.data(REPLY)[0].received == 3_000_000


def test_no_reply_in_time(world: Web) -> None:
    world.site(lambda asked: None)
    seen = met(world, ONE, closing(), options=ClientOptions(reply_timeout=3.0))
    assert seen.c.error == "no reply within 3 s"
    assert seen.count(REPLY) == 0


def test_saying_goodbye_lets_the_reply_come(world: Web) -> None:
    site = world.site(lambda asked: None)
    seen = Recorder()
    c = world.mgr.connect(ONE, seen)
    world.run(lambda: site.asked)
    protocol: Any = c.protocol
    protocol.goodbye(c)
    world.net.run(limit=1.0)
    assert not c.closed
    site.connections[0].send(reply(b"late"))
    world.run(lambda: c.closed)
    assert [answer.body for answer in seen.data(REPLY)] == [b"late"]


def test_closing_the_manager_without_grace() -> None:
    with web() as world:
        site = world.site(lambda asked: None)
        seen = Recorder()
        world.mgr.connect(ONE, seen)
        world.run(lambda: site.asked)
        world.mgr.close(0.0)
        assert (seen.count(EV_CLOSE), seen.count(REPLY)) == (1, 0)


def test_a_handler_that_fails(world: Web, logged: list[Any]) -> None:
    world.site(hello)

    def fail(c: Connection, answer: Any) -> None:
        raise ZeroDivisionError

    seen = met(world, ONE, Recorder(http_reply=fail))
    assert seen.count(REPLY) == 1
    assert len(logged) == 1


def test_closed_before_the_reply(world: Web) -> None:
    seen = Recorder(send=lambda c, n: c.close())
    world.site(hello)
    met(world, ONE, seen)
    assert seen.count(REPLY) == 0
    assert seen.c.error == "closed before the reply was complete"


# -- other protocols ------------------------------------------------------------------------------

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
UPGRADE = {"Connection": "upgrade", "Upgrade": "echo"}


def test_an_upgrade(world: Web) -> None:
    """After 101 the connection carries bytes, those that came with it included."""

    def answer(asked: Asked) -> bytes:
        assert asked.header("upgrade") == "echo"
        asked.c.handler = Recorder(recv=echo)
        return SWITCHING + b"first"

    def on_recv(c: Connection, n: int) -> None:
        if seen.count(REPLY):
            got.append(bytes(c.recv_mbuf))
            del c.recv_mbuf[:]
            if got == [b"first"]:
                c.send(b"second")
            else:
                c.close()

    world.site(answer)
    got: list[bytes] = []
    seen = Recorder(recv=on_recv)
    met(world, ONE, seen, headers=UPGRADE)
    assert [answer.status for answer in seen.data(REPLY)] == [101]
    assert got == [b"first", b"second"]


def test_an_upgrade_to_another_protocol(world: Web) -> None:
    class Upper(Protocol):
        def __init__(self) -> None:
            Protocol.__init__(self, 1 << int(EV_RECV))

        def on_event(self, c: Connection, ev: int, data: Any) -> None:
            if ev == EV_RECV:
                got.append(bytes(c.recv_mbuf))
                c.close()

    def answer(asked: Asked) -> bytes:
        asked.c.call_later(0.1, asked.c.send, b"later")
        return SWITCHING

    def on_reply(c: Connection, answer: Any) -> None:
        c.protocol = Upper()

    world.site(answer)
    got: list[Any] = []
    world.mgr.connect(ONE, Recorder(http_reply=on_reply), headers=UPGRADE)
    world.run(lambda: got)
    assert got == [b"later"]
    world.run(lambda: len(world.mgr) == 0)


def test_an_upgrade_that_the_server_ignores(world: Web) -> None:
    world.site(hello)
    seen = met(world, ONE, closing(), headers=UPGRADE)
    assert seen.data(REPLY)[0].body == b"hello"


def test_a_tunnel(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        assert (asked.method, asked.target) == ("CONNECT", "far:99")
        asked.c.handler = Recorder(recv=echo)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"

    def on_recv(c: Connection, n: int) -> None:
        if seen.count(REPLY):
            got.append(bytes(c.recv_mbuf))
            del c.recv_mbuf[:]
            if len(got) < 3:
                c.send(b"again")
            else:
                c.close()

    world.site(answer)
    got: list[bytes] = []
    seen = Recorder(http_reply=lambda c, r: c.send(b"through"), recv=on_recv)
    met(world, ONE, seen, method="CONNECT", target="far:99")
    assert seen.data(REPLY)[0].status == 200
    assert (got, seen.c.error) == ([b"through", b"again", b"again"], "")


def test_a_tunnel_that_is_refused(world: Web) -> None:
    world.site(lambda asked: reply(b"no", 403))
    seen = met(world, ONE, closing(), method="CONNECT", target="far:99")
    assert (seen.data(REPLY)[0].status, seen.data(REPLY)[0].body) == (403, b"no")


def test_a_request_that_is_answered_before_it_was_read(world: Web) -> None:
    """Nobody waits for the rest of it: the connection is not used again."""
    site = world.site(hello)

    def on_head(asked: Asked) -> bytes:
        asked.c.recv_mbuf_limit = 1
        return reply(b"no", 413)

    site.on_head = on_head
    seen = met(world, ONE, Recorder(), method="PUT", body=bytes(5_000_000))
    assert seen.data(REPLY)[0].status == 413
    assert site.asked == []


def test_over_tls(mgr: Manager, certs: Certificates) -> None:
    site = Site(mgr, hello, "tls://127.0.0.1:0", cert=str(certs.server))
    seen = closing()
    mgr.connect(site.url("/x", "https"), seen, ca=str(certs.ca))
    until(mgr, lambda: seen.count(EV_CLOSE))
    assert seen.data(REPLY)[0].body == b"hello"
    assert site.asked[0].header("host") == str(site.listener.local)


def test_a_file_is_sent_by_the_kernel(mgr: Manager, tmp_path: Any) -> None:
    """It is not read into memory: nothing but the head is ever in the buffer."""
    path = tmp_path / "large"
    path.write_bytes(b"")
    os.truncate(path, 8 << 20)
    largest = [0]

    def on_send(c: Connection, n: int) -> None:
        largest[0] = max(largest[0], len(c.send_mbuf))

    site = Site(mgr, lambda asked: reply(str(len(asked.body)).encode()))
    seen = closing(send=on_send)
    with open(path, "rb") as file:
        mgr.connect(site.url(), seen, method="PUT", body=file)
        until(mgr, lambda: seen.count(EV_SEND))
        for c in site.connections:
            c.recv_mbuf_limit = 64 << 20
        until(mgr, lambda: seen.count(EV_CLOSE))
        assert not file.closed
    assert seen.data(REPLY)[0].body == str(8 << 20).encode()
    assert largest[0] < 1000


def test_a_protocol_for_a_connection_that_is_there(world: Web) -> None:
    site = world.site(hello)
    seen = closing()
    c = world.mgr.connect("tcp://one.example:80", seen)
    world.run(lambda: site.open)
    protocol = c.protocol = ClientProtocol.ready(c)
    protocol.host = "h"
    protocol.request("GET", "/")
    world.run(lambda: seen.count(EV_CLOSE))
    assert seen.data(REPLY)[0].body == b"hello"
