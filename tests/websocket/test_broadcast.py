"""One message to many."""

from __future__ import annotations

from typing import Any

import pytest

from galidia import EV_WEBSOCKET_FRAME, EV_WEBSOCKET_HANDSHAKE_DONE, Connection
from galidia.websocket import (
    DONT_FIN,
    OP_BINARY,
    OP_PING,
    OP_TEXT,
    Deflate,
    WebSocketOptions,
    broadcast,
    send_many,
)
from galidia.websocket.deflate import compress_alone
from tests.helpers import Recorder
from tests.websocket.conftest import RawPeer, World
from tests.websocket.wire import Frame

DONE = EV_WEBSOCKET_HANDSHAKE_DONE
LONG = "long enough to be compressed " * 10


def joined(world: World, seen: Recorder, n: int, *fields: str) -> list[RawPeer]:
    peers = [world.peer(*fields) for _ in range(n)]
    peers[0].run(lambda: seen.count(DONE) >= n)
    return peers


@pytest.mark.parametrize(
    ("data", "opcode", "first", "payload"),
    [
        ("tschüß", None, 0x81, "tschüß".encode()),
        (b"bytes", None, 0x82, b"bytes"),
        (bytearray(b"bytes"), OP_TEXT, 0x81, b"bytes"),
        ("text", OP_BINARY, 0x82, b"text"),
        (b"x" * 70_000, None, 0x82, b"x" * 70_000),
        ("", None, 0x81, b""),
    ],
)
def test_everybody_gets_it(
    world: World, data: Any, opcode: int | None, first: int, payload: bytes
) -> None:
    seen = Recorder()
    world.serve(seen)
    peers = joined(world, seen, 5)
    assert send_many(seen.accepted, data, opcode) == 5
    for peer in peers:
        peer.run(lambda peer=peer: len(peer.raw.received) - peer.start > len(payload) + 1)  # type: ignore[misc]
        assert peer.frames() == [Frame(first, payload, False)]


def test_who_is_left_out(world: World) -> None:
    seen = Recorder()
    world.serve(seen)
    peers = joined(world, seen, 6)
    gone, closing, leaving, busy, *there = seen.accepted
    gone.close()
    world.mgr.poll(0)
    closing.ws_close()
    leaving.close_after_send()
    busy.ws_send("of its own", OP_TEXT | DONT_FIN)
    assert gone.closed
    assert send_many(seen.accepted, "news") == len(there) == 2
    busy.ws_send("", 0)
    assert send_many(iter([busy]), "news") == 1
    peers[-1].run(lambda: peers[-1].frames())
    assert [len(peer.payloads(0x81)) for peer in peers[4:]] == [1, 1]
    peers[3].run(lambda: peers[3].payloads(0x81))


@pytest.mark.parametrize("opcode", [OP_PING, OP_TEXT | DONT_FIN, 0, 3])
def test_only_whole_messages(world: World, opcode: int) -> None:
    with pytest.raises(ValueError, match=r"whole message|no opcode"):
        send_many([], "a", opcode)


def test_only_websockets(world: World) -> None:
    listener = world.serve(Recorder())
    with pytest.raises(TypeError, match="is no WebSocket connection"):
        send_many([listener], "a")
    with pytest.raises(TypeError, match="str or bytes"):
        send_many([], 5)


def test_clients_mask_each_frame_anew(world: World) -> None:
    client = Recorder()
    peer = world.connect(client)
    peer.run(lambda: client.count(DONE))
    assert send_many([client.c] * 2, "same") == 2
    peer.run(lambda: len(peer.frames()) == 2)
    assert peer.frames() == [Frame(0x81, b"same", True)] * 2
    one, other = bytes(peer.raw.received[peer.start :][:10]), bytes(peer.raw.received[-10:])
    assert one != other


def test_it_is_compressed_once_for_all_who_agreed_on_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what each of them is sent before and after can be read."""
    got: dict[int, list[str]] = {}

    def keep(c: Connection, message: Any) -> None:
        got.setdefault(c.id, []).append(message.text)

    compressed: list[int] = []

    def counting(options: Deflate, bits: int, data: bytes) -> bytes:
        compressed.append(bits)
        return alone(options, bits, data)

    alone = compress_alone
    server = Recorder()
    deflate = Deflate(idle_timeout=1000.0)
    world.serve(server, options=WebSocketOptions(deflate=deflate))
    options = [
        None,
        None,
        Deflate(),
        Deflate(),
        Deflate(peer_context_takeover=False),
        Deflate(peer_window_bits=9),
        Deflate(threshold=5000),
    ]
    clients = []
    for choice in options:
        seen = Recorder(websocket_frame=keep)
        clients.append(
            world.mgr.connect("ws://10.0.0.1:80", seen, options=WebSocketOptions(deflate=choice))
        )
    world.net.run(lambda: server.count(DONE) == len(options))
    monkeypatch.setattr(broadcast, "compress_alone", counting)
    texts = []
    for n in range(3):
        for c in server.accepted:
            c.ws_send(f"{n} {LONG}")
        assert send_many(server.accepted, f"news {n} {LONG}") == len(options)
        texts += [f"{n} {LONG}", f"news {n} {LONG}"]
    assert compressed == [12, 9] * 3
    world.net.run(lambda: all(len(got.get(c.id, [])) == 6 for c in clients))
    assert all(got[c.id] == texts for c in clients)
    for c in clients:
        c.close()


def test_short_messages_are_sent_as_they_are(world: World) -> None:
    server = Recorder()
    world.serve(server, options=WebSocketOptions(deflate=Deflate()))
    peers = joined(world, server, 2, "Sec-WebSocket-Extensions: permessage-deflate")
    send_many(server.accepted, "short")
    for peer in peers:
        peer.run(lambda peer=peer: peer.frames())  # type: ignore[misc]
        assert peer.frames() == [Frame(0x81, b"short", False)]


@pytest.mark.parametrize("policy", ["close", "drop_oldest", "pause_source"])
def test_a_slow_reader_is_its_own_problem(world: World, policy: str) -> None:
    """It is dealt with as its policy says; the others get everything, and memory is bounded."""
    seen = Recorder()
    limit = 40_000
    world.serve(seen, send_mbuf_limit=limit, congestion=policy)
    peers = joined(world, seen, 3)
    slow, *fast = peers
    slow.raw.pause()
    for n in range(200):
        send_many(seen.accepted, b"%04d" % n + b"x" * 2000)
        fast[-1].run(lambda n=n: all(len(peer.raw.received) >= (n + 1) * 2000 for peer in fast))  # type: ignore[misc]
        assert all(c.closed or len(c.send_mbuf) <= 2 * limit + 2100 for c in seen.accepted)
    for peer in fast:
        peer.run(lambda peer=peer: len(peer.frames()) == 200)  # type: ignore[misc]
        assert [int(payload[:4]) for payload in peer.payloads(0x82)] == list(range(200))
    assert seen.accepted[0].closed == (policy != "drop_oldest")
    assert not any(c.closed for c in seen.accepted[1:])
    assert seen.count(EV_WEBSOCKET_FRAME) == 0
