"""The handshake as a client: what is asked, which answers will do, and what follows."""

from __future__ import annotations

from typing import Any

import pytest

from galidia import (
    EV_CLOSE,
    EV_CONNECT,
    EV_HTTP_REPLY,
    EV_WEBSOCKET_FRAME,
    EV_WEBSOCKET_HANDSHAKE_DONE,
    F_IS_WEBSOCKET,
    Manager,
)
from galidia.http import HttpOptions
from galidia.websocket import Deflate, WebSocketOptions
from tests.helpers import Certificates, Recorder, until
from tests.websocket.conftest import World, echoing, field_of
from tests.websocket.wire import accept_of, close, frame

DONE = EV_WEBSOCKET_HANDSHAKE_DONE
URL = "ws://10.0.0.2/chat?x=1"


def answered(world: World, lines: list[str], rest: bytes = b"", **options: Any) -> Recorder:
    """A client whose server answers the handshake with these lines, {accept} being filled in."""
    server = world.net.server("tcp://10.0.0.2:80")
    seen = echoing()
    world.mgr.connect(URL, seen, **options)
    world.net.run(lambda: server.accepted and b"\r\n\r\n" in server.accepted[0].received)
    raw = server.accepted[0]
    accept = accept_of(field_of(raw.received, "Sec-WebSocket-Key"))
    raw.send("\r\n".join([*lines, "", ""]).format(accept=accept).encode() + rest)
    world.net.run(lambda: seen.count(EV_CLOSE) or seen.count(EV_WEBSOCKET_FRAME))
    server.close()
    raw.close()
    return seen


GOOD = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: {accept}",
]


def test_what_is_asked(world: World) -> None:
    options = WebSocketOptions(deflate=Deflate())
    peer = world.connect(
        Recorder(),
        subprotocols=["new", "old"],
        headers={"Origin": "https://example.com"},
        options=options,
        answer="Sec-WebSocket-Protocol: old\r\n",
    )
    assert world.request.startswith(b"GET /chat?x=1 HTTP/1.1\r\nHost: 10.0.0.2\r\n")
    assert field_of(world.request, "Upgrade") == "websocket"
    assert field_of(world.request, "Connection") == "Upgrade"
    assert field_of(world.request, "Sec-WebSocket-Version") == "13"
    assert field_of(world.request, "Sec-WebSocket-Protocol") == "new, old"
    assert field_of(world.request, "Origin") == "https://example.com"
    assert field_of(world.request, "Sec-WebSocket-Extensions") == (
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
    )
    peer.raw.close()


def test_the_events(world: World) -> None:
    seen = echoing()
    peer = world.connect(seen, subprotocols=["chat"], answer="Sec-WebSocket-Protocol: chat\r\n")
    peer.send(frame(1, b"with it", key=None))
    peer.run(lambda: peer.frames()[-1:] and peer.payloads(0x81))
    assert peer.payloads(0x81) == [b"with it"]
    assert all(frame.masked for frame in peer.frames())
    c = seen.c
    assert seen.data(EV_CONNECT) == [0]
    assert seen.data(DONE)[0].status == 101
    assert seen.count(EV_HTTP_REPLY) == 0
    assert c.flags & F_IS_WEBSOCKET
    protocol: Any = c.protocol
    assert (protocol.subprotocol, protocol.client, protocol.deflate) == ("chat", True, False)
    peer.send(close(1000, b"done", key=None))
    peer.run(lambda: peer.payloads(0x88))
    peer.raw.close()  # the server ends the connection
    peer.run(lambda: seen.count(EV_CLOSE))
    assert (protocol.close_code, protocol.close_reason, c.error) == (1000, "done", "")


def test_two_keys_are_not_the_same(world: World) -> None:
    keys, masks = set(), set()
    for _ in range(3):
        seen = Recorder(websocket_handshake_done=lambda c, reply: c.ws_send(b"x" * 100))
        peer = world.connect(seen)
        peer.run(lambda peer=peer: len(peer.raw.received) > peer.start)  # type: ignore[misc]
        keys.add(field_of(world.request, "Sec-WebSocket-Key"))
        masks.add(bytes(peer.raw.received[peer.start + 2 : peer.start + 6]))
        peer.raw.close()
    assert len(keys) == len(masks) == 3


BAD: dict[str, tuple[list[str], str]] = {
    "no-upgrade": (
        [GOOD[0], GOOD[2], GOOD[3]], "does not switch to WebSocket",
    ),
    "other-upgrade": (
        [GOOD[0], "Upgrade: h2c", *GOOD[2:]], "does not switch to WebSocket",
    ),
    "two-upgrades": (
        [GOOD[0], "Upgrade: websocket, h2c", *GOOD[2:]], "does not switch to WebSocket",
    ),
    "no-connection": (
        [*GOOD[:2], GOOD[3]], "does not switch to WebSocket",
    ),
    "no-accept": (GOOD[:3], "does not fit the key"),
    "wrong-accept": (
        [*GOOD[:3], "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], "does not fit the key",
    ),
    "two-accepts": (
        [*GOOD, "Sec-WebSocket-Accept: {accept}"], "does not fit the key",
    ),
    "subprotocol-not-offered": (
        [*GOOD, "Sec-WebSocket-Protocol: other"], "a subprotocol that was not offered",
    ),
    "two-subprotocols": (
        [*GOOD, "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"],
        "a subprotocol that was not offered",
    ),
    "extension-not-offered": (
        [*GOOD, "Sec-WebSocket-Extensions: permessage-deflate"], "that was not offered",
    ),
    "extension-malformed": ([*GOOD, "Sec-WebSocket-Extensions: ;"], "malformed"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_answers_that_will_not_do(world: World, name: str) -> None:
    lines, why = BAD[name]
    seen = answered(world, lines, subprotocols=["chat"])
    assert seen.count(DONE) == 0
    assert why in seen.c.error
    assert seen.story().endswith("CLOSE")


COMPRESSED = [
    ("permessage-deflate; server_max_window_bits=12", True),
    ("permessage-deflate; server_max_window_bits=12; client_max_window_bits=9", True),
    ("permessage-deflate", False),
    ("permessage-deflate; server_max_window_bits=13", False),
    ("permessage-deflate; server_max_window_bits=12; x", False),
    ("permessage-deflate; server_max_window_bits=12, permessage-deflate", False),
    ("other", False),
]


@pytest.mark.parametrize(("extension", "good"), COMPRESSED)
def test_extensions_of_the_answer(world: World, extension: str, good: bool) -> None:
    lines = [*GOOD, f"Sec-WebSocket-Extensions: {extension}"]
    options = WebSocketOptions(deflate=Deflate())
    seen = answered(world, lines, frame(1, b"plain", key=None), options=options)
    assert seen.count(EV_WEBSOCKET_FRAME) == good
    if good:
        assert seen.c.error == ""
    else:
        assert "that was not offered" in seen.c.error


def test_frames_behind_the_answer(world: World) -> None:
    seen = answered(world, GOOD, frame(1, b"early", key=None))
    assert [message.text for message in seen.data(EV_WEBSOCKET_FRAME)] == ["early"]


@pytest.mark.parametrize(
    "lines",
    [
        ["HTTP/1.1 403 Forbidden", "Content-Length: 0"],
        ["HTTP/1.1 302 Found", "Location: ws://10.0.0.3/", "Content-Length: 0"],
        ["HTTP/1.1 200 OK", "Connection: close"],
        ["HTTP/1.1 404 Not Found", "Transfer-Encoding: chunked", "", "3\r\nwhy\r\n0"],
    ],
)
def test_refused(world: World, lines: list[str]) -> None:
    server = world.net.server("tcp://10.0.0.2:80")
    seen = Recorder()
    world.mgr.connect(URL, seen)
    world.net.run(lambda: server.accepted and server.accepted[0].received)
    server.accepted[0].send("\r\n".join([*lines, "", ""]).encode())
    server.accepted[0].shutdown()
    world.net.run(lambda: seen.count(EV_CLOSE))
    (reply,) = seen.data(DONE)
    assert reply.status == int(lines[0].split()[1])
    assert seen.c.error.startswith(f"the server refuses: {reply.status} ")
    assert not seen.c.flags & F_IS_WEBSOCKET
    assert not {"HTTP_REPLY", "HTTP_CHUNK"} & set(seen.story().split())
    server.close()


def test_no_answer(world: World) -> None:
    server = world.net.server("tcp://10.0.0.2:80")
    seen = Recorder()
    world.mgr.connect(URL, seen)
    world.net.run(lambda: seen.count(EV_CLOSE))
    assert seen.c.error == "no reply within 60 s"
    assert seen.count(DONE) == 0
    server.close()


def test_nothing_is_sent_before_the_handshake_is_done(world: World) -> None:
    server = world.net.server("tcp://10.0.0.2:80")
    seen = Recorder()
    c = world.mgr.connect(URL, seen)
    with pytest.raises(RuntimeError, match="wait for WEBSOCKET_HANDSHAKE_DONE"):
        c.ws_send("early")
    c.ws_close()
    c.ws_send("nobody hears it")
    world.net.run(lambda: seen.count(EV_CLOSE))
    server.close()


@pytest.mark.parametrize(
    ("options", "kind", "wrong"),
    [
        ({"options": HttpOptions()}, TypeError, "is a WebSocketOptions"),
        ({"method": "POST"}, TypeError, "no option 'method'"),
        ({"headers": {"Upgrade": "x"}}, ValueError, "set by the library"),
        ({"headers": [("sec-websocket-key", "x")]}, ValueError, "set by the library"),
        ({"headers": {"X": "a\r\nb"}}, ValueError, "bad value"),
        ({"subprotocols": "chat"}, ValueError, "several str"),
    ],
)
def test_what_cannot_be_asked(
    world: World, options: dict[str, Any], kind: type[Exception], wrong: str
) -> None:
    with pytest.raises(kind, match=wrong):
        world.mgr.connect(URL, Recorder(), **options)
    assert len(list(world.mgr)) == 0


def test_credentials_of_the_url(world: World) -> None:
    server = world.net.server("tcp://10.0.0.2:80")
    c = world.mgr.connect("ws://user:word@10.0.0.2/", Recorder())
    world.net.run(lambda: server.accepted and server.accepted[0].received)
    assert field_of(server.accepted[0].received, "Authorization") == "Basic dXNlcjp3b3Jk"
    c.close()
    server.close()


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("size", [10, 300_000])
def test_over_tls_and_real_sockets(mgr: Manager, certs: Certificates, size: int) -> None:
    server = echoing()
    listener = mgr.bind("wss://127.0.0.1:0", server, cert=str(certs.server))
    options = WebSocketOptions(deflate=Deflate())
    client = Recorder(
        websocket_handshake_done=lambda c, reply: c.ws_send("ä" * size),
        websocket_frame=lambda c, message: c.ws_close(4001, message.text[:3]),
    )
    c = mgr.connect(f"wss://{listener.local}/", client, ca=str(certs.ca), options=options)
    until(mgr, lambda: client.count(EV_CLOSE) and server.count(EV_CLOSE, server.accepted[0]))
    assert [message.text for message in client.data(EV_WEBSOCKET_FRAME)] == ["ä" * size]
    assert c.error == ""
