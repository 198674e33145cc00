"""The upgrade: who gets what, who is refused and why, and what the handler decides."""

from __future__ import annotations

from typing import Any

import pytest

from galidia import (
    EV_ACCEPT,
    EV_CLOSE,
    EV_HTTP_REQUEST,
    EV_WEBSOCKET_CONTROL_FRAME,
    EV_WEBSOCKET_FRAME,
    EV_WEBSOCKET_HANDSHAKE_DONE,
    EV_WEBSOCKET_HANDSHAKE_REQUEST,
    F_IS_WEBSOCKET,
    Connection,
    Handler,
    handles,
)
from galidia.http import HttpOptions
from galidia.websocket import WebSocketOptions, accept, defer, subprotocols
from tests.helpers import Recorder
from tests.http.wire import response
from tests.websocket.conftest import World, echo, echoing, field_of
from tests.websocket.wire import ACCEPT, NONCE, close, frame, request

ASKED = EV_WEBSOCKET_HANDSHAKE_REQUEST


@handles(EV_WEBSOCKET_FRAME)
def messages(c: Connection, ev: int, message: Any) -> None:
    echo(c, message)


def test_the_answer(world: World) -> None:
    world.serve(messages)
    answer = world.ask(request())
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert field_of(answer, "Upgrade") == "websocket"
    assert field_of(answer, "Connection") == "Upgrade"
    assert field_of(answer, "Sec-WebSocket-Accept") == ACCEPT
    assert b"Sec-WebSocket-Protocol" not in answer
    assert b"Sec-WebSocket-Extensions" not in answer


def test_the_events(world: World) -> None:
    seen = echoing()
    world.serve(seen)
    peer = world.peer(path="/x?y=1")
    peer.send(frame(1, b"hello"))
    peer.run(lambda: peer.frames())
    assert peer.payloads(0x81) == [b"hello"]
    (c,) = seen.accepted
    assert c.flags & F_IS_WEBSOCKET
    peer.send(close(1000))
    peer.run(lambda: seen.count(EV_CLOSE, c))
    names = [name for name in seen.story(c).split() if name not in ("RECV", "SEND")]
    assert names == [
        "ACCEPT",
        "WEBSOCKET_HANDSHAKE_REQUEST",
        "WEBSOCKET_HANDSHAKE_DONE",
        "WEBSOCKET_FRAME",
        "WEBSOCKET_CONTROL_FRAME",
        "CLOSE",
    ]
    (req,) = seen.data(ASKED)
    assert (req.path, req.query) == ("/x", "y=1")
    assert seen.data(EV_WEBSOCKET_HANDSHAKE_DONE) == [req]


@pytest.mark.parametrize(
    "event",
    [EV_WEBSOCKET_HANDSHAKE_REQUEST, EV_WEBSOCKET_HANDSHAKE_DONE, EV_WEBSOCKET_FRAME,
     EV_WEBSOCKET_CONTROL_FRAME],
)  # fmt: skip
def test_one_event_is_enough_to_want(world: World, event: Any) -> None:
    world.serve(handles(event)(lambda c, ev, data: None))
    assert world.ask(request()).startswith(b"HTTP/1.1 101 ")


def test_frames_behind_the_request(world: World) -> None:
    """A client may not wait for the answer; nothing of what it sends is lost."""
    world.serve(echoing())
    client = world.raw(request() + frame(1, b"early") + frame(9, b"p"))
    world.net.run(lambda: b"\x8a\x01p" in client.received)
    assert client.received.endswith(b"\r\n\r\n\x81\x05early\x8a\x01p")
    client.close()


REFUSED: dict[str, tuple[bytes, int, dict[str, str]]] = {
    "key-missing": (request(without=["Sec-WebSocket-Key"]), 400, {}),
    "key-twice": (request(f"Sec-WebSocket-Key: {NONCE}"), 400, {}),
    "version-missing": (
        request(without=["Sec-WebSocket-Version"]), 426, {"Sec-WebSocket-Version": "13"},
    ),
    "version-old": (
        request("Sec-WebSocket-Version: 8", without=["Sec-WebSocket-Version"]),
        426,
        {"Sec-WebSocket-Version": "13"},
    ),
    "version-twice": (request("Sec-WebSocket-Version: 13"), 426, {"Sec-WebSocket-Version": "13"}),
    "method": (request(method="PUT"), 405, {"Allow": "GET"}),
    "body": (request("Content-Length: 1") + b"x", 400, {}),
    "chunks": (request("Transfer-Encoding: chunked") + b"0\r\n\r\n", 400, {}),
    "subprotocol-twice": (request("Sec-WebSocket-Protocol: a, a"), 400, {}),
    "subprotocol-malformed": (request("Sec-WebSocket-Protocol: a b"), 400, {}),
    "extension-malformed": (request("Sec-WebSocket-Extensions: ;"), 400, {}),
    "host-missing": (request(without=["Host"]), 400, {}),
    "host-twice": (request("Host: b"), 400, {}),
    # What asks for no upgrade is no handshake.
    "upgrade-missing": (request(without=["Upgrade"]), 426, {"Upgrade": "websocket"}),
    "upgrade-other": (
        request("Upgrade: h2c", without=["Upgrade"]), 426, {"Upgrade": "websocket"},
    ),
    "connection-missing": (request(without=["Connection"]), 426, {"Upgrade": "websocket"}),
    "connection-other": (
        request("Connection: keep-alive", without=["Connection"]), 426, {"Upgrade": "websocket"},
    ),
    "1.0": (request().replace(b"HTTP/1.1", b"HTTP/1.0"), 426, {"Upgrade": "websocket"}),
}  # fmt: skip
for n, key in enumerate(["", "AAAA", NONCE[:-1], NONCE + "=", "*" * 22 + "==", "A" * 21 + "B==",
                         "A" * 24, "A" * 22 + "= ="]):  # fmt: skip
    REFUSED[f"key-{n}"] = (
        request(f"Sec-WebSocket-Key: {key}", without=["Sec-WebSocket-Key"]), 400, {},
    )  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(world: World, name: str) -> None:
    data, status, fields = REFUSED[name]
    seen: list[Any] = []
    world.serve(handles(ASKED, EV_WEBSOCKET_FRAME)(lambda c, ev, req: seen.append(req)))
    answer = response(world.ask(data))
    assert answer.status == status
    for field, value in fields.items():
        assert answer.header(field) == value
    if "Upgrade" in fields and name != "1.0":
        assert answer.header("Connection") == "Upgrade"
    assert seen == []


ACCEPTED = {
    "upgrade-list": request("Upgrade: h2c, WebSocket", without=["Upgrade"]),
    "connection-list": request("Connection: keep-alive, upgrade", without=["Connection"]),
    "http-1.2": request().replace(b"HTTP/1.1", b"HTTP/1.2"),
    "body-of-nothing": request("Content-Length: 0"),
    "unknown-extension": request("Sec-WebSocket-Extensions: x-webkit-deflate-frame; a=1, mux"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(world: World, name: str) -> None:
    world.serve(messages)
    assert world.ask(ACCEPTED[name]).startswith(b"HTTP/1.1 101 ")


def test_who_wants_http_only_gets_an_ordinary_request(world: World) -> None:
    """A proxy can tunnel it."""
    seen: list[Any] = []

    @handles(EV_HTTP_REQUEST)
    def serve(c: Connection, ev: int, req: Any) -> None:
        seen.append(req.header("upgrade"))
        req.reply(200, b"as ever")

    world.serve(serve)
    assert response(world.ask(request())).body == b"as ever"
    assert seen == ["websocket"]


def test_who_wants_both_gets_what_is_asked_for(world: World) -> None:
    world.serve(echoing(http_request=lambda c, req: req.reply(200, b"a page")))
    assert response(world.ask(request(without=["Upgrade", "Connection"]))).body == b"a page"
    assert world.ask(request()).startswith(b"HTTP/1.1 101 ")


# -- the handler decides --------------------------------------------------------------------------


def test_the_handler_refuses(world: World) -> None:
    seen = echoing(websocket_handshake_request=lambda c, req: req.error(403, "not you"))
    world.serve(seen)
    client = world.raw(request() * 2)  # the connection goes on with HTTP
    world.net.run(lambda: client.received.count(b"not you") == 2)
    assert client.received.count(b"HTTP/1.1 403 Forbidden\r\n") == 2
    assert seen.count(EV_WEBSOCKET_HANDSHAKE_DONE) == 0
    assert not seen.accepted[0].flags & F_IS_WEBSOCKET
    client.close()


def test_the_handler_fails(world: World, logged: list[Any]) -> None:
    def fail(c: Connection, req: Any) -> None:
        raise ZeroDivisionError

    world.serve(echoing(websocket_handshake_request=fail))
    assert response(world.ask(request())).status == 500
    assert len(logged) == 1


def test_the_handler_chooses(world: World) -> None:
    def choose(c: Connection, req: Any) -> None:
        assert subprotocols(req) == ["old", "new"]
        accept(req, "new", {"Set-Cookie": "a=b"})
        c.ws_send("at once")

    seen = echoing(websocket_handshake_request=choose)
    world.serve(seen)
    client = world.raw(request("Sec-WebSocket-Protocol: old", "Sec-WebSocket-Protocol: new"))
    world.net.run(lambda: client.received.endswith(b"\r\n\r\n\x81\x07at once"))
    assert field_of(client.received, "Sec-WebSocket-Protocol") == "new"
    assert field_of(client.received, "Set-Cookie") == "a=b"
    assert seen.count(EV_WEBSOCKET_HANDSHAKE_DONE) == 1
    assert seen.accepted[0].protocol.subprotocol == "new"  # type: ignore[union-attr]
    client.close()


@pytest.mark.parametrize(
    ("spoken", "offered", "chosen"),
    [
        (("a", "b"), "b, a", "a"),
        (("c", "b"), "a, b", "b"),
        (("c",), "a, b", None),
        ((), "a", None),
    ],
)
def test_the_options_choose(
    world: World, spoken: tuple[str, ...], offered: str, chosen: str | None
) -> None:
    world.serve(messages, options=WebSocketOptions(subprotocols=spoken))
    answer = world.ask(request(f"Sec-WebSocket-Protocol: {offered}"))
    if chosen is None:
        assert b"Sec-WebSocket-Protocol" not in answer
    else:
        assert field_of(answer, "Sec-WebSocket-Protocol") == chosen


@pytest.mark.parametrize(
    ("choice", "wrong"),
    [
        ({"subprotocol": "c"}, "does not offer"),
        ({"headers": {"Sec-WebSocket-Accept": "x"}}, "set by the library"),
        ({"headers": {"Upgrade": "x"}}, "set by the library"),
        ({"headers": {"X": "a\r\nb"}}, "bad value"),
    ],
)
def test_what_cannot_be_chosen(world: World, choice: dict[str, Any], wrong: str) -> None:
    def choose(c: Connection, req: Any) -> None:
        with pytest.raises(ValueError, match=wrong):
            accept(req, **choice)
        accept(req, "")
        with pytest.raises(RuntimeError, match="answered already"):
            accept(req)

    world.serve(echoing(websocket_handshake_request=choose))
    answer = world.ask(request("Sec-WebSocket-Protocol: a"))
    assert answer.startswith(b"HTTP/1.1 101 ")


def test_only_a_handshake_can_be_accepted(world: World) -> None:
    def serve(c: Connection, req: Any) -> None:
        for function in (accept, defer):
            with pytest.raises(TypeError, match="no WebSocket handshake"):
                function(req)
        req.reply()

    world.serve(echoing(http_request=serve))
    assert response(world.ask(request(without=["Upgrade"]))).status == 200


@pytest.mark.parametrize("yes", [True, False])
def test_the_handler_decides_later(world: World, yes: bool) -> None:
    def later(c: Connection, req: Any) -> None:
        defer(req)
        c.call_later(500.0, accept if yes else lambda req: req.error(403), req)

    seen = echoing(websocket_handshake_request=later)
    world.serve(seen)
    client = world.raw(request() + (frame(1, b"early") if yes else b""))
    world.net.run(lambda: b"\r\n\r\n" in client.received)
    assert world.net.now > 499
    if yes:
        world.net.run(lambda: client.received.endswith(b"\x81\x05early"))
    assert client.received.startswith(b"HTTP/1.1 101 " if yes else b"HTTP/1.1 403 ")
    assert seen.count(EV_WEBSOCKET_HANDSHAKE_DONE) == yes
    client.close()


def test_the_client_has_gone_before_the_decision(world: World) -> None:
    kept: list[Any] = []

    def keep(c: Connection, req: Any) -> None:
        defer(req)
        kept.append(req)

    seen = echoing(websocket_handshake_request=keep)
    world.serve(seen)
    client = world.raw(request())
    world.net.run(lambda: kept)
    client.reset()
    world.net.run(lambda: seen.count(EV_CLOSE))
    accept(kept[0])
    assert seen.count(EV_WEBSOCKET_HANDSHAKE_DONE) == 0


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (["Origin: https://example.com"], 101),
        ([], 101),
        (["Origin: https://evil.example"], 403),
        (["Origin: null"], 403),
        (["Origin: https://example.com.evil.example"], 403),
        (["Origin: https://example.com", "Origin: https://example.com"], 403),
    ],
)
def test_origins(world: World, origin: list[str], status: int) -> None:
    world.serve(messages, options=WebSocketOptions(origins=("https://example.com",)))
    assert world.ask(request(*origin)).startswith(b"HTTP/1.1 %d " % status)


# -- endpoints ------------------------------------------------------------------------------------


def test_the_handler_of_an_endpoint_gets_everything_from_the_handshake_on(world: World) -> None:
    outer, inner, page = Recorder(), echoing(), Recorder(http_request=lambda c, req: req.reply())
    listener = world.serve(outer)
    listener.endpoint("/chat/{room}", inner)
    listener.endpoint("/page", page)
    client = world.raw(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n" + request(path="/chat/den"))
    world.net.run(lambda: b" 101 " in client.received)
    client.send(frame(1, b"hi"))
    world.net.run(lambda: client.received.endswith(b"\x81\x02hi"))
    (c,) = outer.accepted
    assert c.handler is inner
    assert inner.data(ASKED)[0].params == {"room": "den"}
    client.close()
    world.net.run(lambda: outer.count(EV_CLOSE, c))
    for seen in (outer, inner, page):  # all that had a part in it
        assert seen.story(c).split()[-1] == "CLOSE"
        assert seen.count(EV_CLOSE, c) == 1
    assert inner.count(EV_WEBSOCKET_FRAME) == 1
    assert outer.count(EV_ACCEPT) == 1
    assert outer.count(EV_WEBSOCKET_FRAME) == 0


def test_the_same_handler_for_listener_and_endpoint_is_told_once(world: World) -> None:
    seen = echoing()
    world.serve(seen).endpoint("/ws", seen)
    peer = world.peer(path="/ws")
    peer.raw.close()
    peer.run(lambda: seen.count(EV_CLOSE))
    peer.run()
    assert seen.count(EV_CLOSE) == 1


def test_a_handler_object(world: World) -> None:
    class Chat(Handler):
        def on_websocket_frame(self, c: Connection, message: Any) -> None:
            c.ws_send(message.text.upper())

    world.serve(None).endpoint("/ws", Chat(), methods="GET")
    peer = world.peer(path="/ws")
    peer.send(frame(1, b"hello"))
    peer.run(lambda: peer.frames())
    assert peer.payloads(0x81) == [b"HELLO"]
    assert response(world.ask(request(path="/ws", without=["Upgrade"]))).status == 426
    assert response(world.ask(request(path="/else"))).status == 404


# -- options --------------------------------------------------------------------------------------


def test_options_of_http_may_have_those_of_websocket(world: World) -> None:
    options = HttpOptions(websocket=WebSocketOptions(message_limit=3))
    world.mgr.bind("http://10.0.0.1:80", echoing(), options=options)
    peer = world.peer()
    peer.send(frame(1, b"four"))
    peer.run(lambda: peer.ended)
    assert peer.payloads(0x88)[0][:2] == (1009).to_bytes(2, "big")


def test_options_of_the_wrong_kind(world: World, logged: list[Any]) -> None:
    with pytest.raises(TypeError, match="WebSocketOptions or HttpOptions"):
        world.serve(messages, options=5)
    world.serve(messages, options=HttpOptions(websocket=5))
    assert response(world.ask(request())).status == 500
    assert "HttpOptions.websocket is a WebSocketOptions" in str(logged[0].exc_info)
