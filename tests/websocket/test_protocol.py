"""A connection after its handshake: messages, pings, the ways that it ends, what it may cost."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import galidia
from galidia import (
    EV_CLOSE,
    EV_HTTP_REQUEST,
    EV_RECV,
    EV_WEBSOCKET_CONTROL_FRAME,
    EV_WEBSOCKET_FRAME,
    EV_WEBSOCKET_HANDSHAKE_DONE,
    F_WEBSOCKET_NO_DEFRAG,
    Connection,
    Manager,
    handles,
)
from galidia.websocket import (
    DONT_FIN,
    OP_BINARY,
    OP_CLOSE,
    OP_CONTINUATION,
    OP_PING,
    OP_PONG,
    OP_TEXT,
    Deflate,
    WebSocketOptions,
)
from tests.helpers import Recorder
from tests.twin import load_pure
from tests.websocket.conftest import RawPeer, World, echoing
from tests.websocket.test_incoming import BAD, GOOD, STREAMS
from tests.websocket.wire import Frame, close, frame, frames, request

DONE, FRAME, CONTROL = EV_WEBSOCKET_HANDSHAKE_DONE, EV_WEBSOCKET_FRAME, EV_WEBSOCKET_CONTROL_FRAME


def code_of(payload: bytes) -> int:
    return int.from_bytes(payload[:2], "big")


def opened(world: World, seen: Recorder, **options: Any) -> tuple[RawPeer, Connection]:
    """A raw client of a server of the library, and the server's connection."""
    world.serve(seen, options=WebSocketOptions(**options))
    peer = world.peer()
    peer.run(lambda: seen.count(DONE))
    return peer, seen.accepted[-1]


# -- messages -------------------------------------------------------------------------------------


def test_what_can_be_sent(world: World) -> None:
    peer, c = opened(world, Recorder())
    c.ws_send("hällo")
    c.ws_send(b"\0\xff")
    c.ws_send(bytearray(b"ab"))
    c.ws_send(memoryview(b"cd"))
    c.ws_send(b"as text", OP_TEXT)
    c.ws_send("as bytes", OP_BINARY)
    c.ws_send("")
    c.ws_send(b"x" * 70_000)
    c.ws_send("one", OP_TEXT | DONT_FIN)
    c.ws_send(b"p", OP_PING)
    c.ws_send("two", OP_CONTINUATION | DONT_FIN)
    c.ws_send("three", OP_CONTINUATION)
    c.ws_send(b"q" * 125, OP_PONG)
    peer.run(lambda: len(peer.raw.received) > 70_000 and peer.payloads(0x8A))
    assert peer.frames() == [
        Frame(0x81, "hällo".encode(), False),
        Frame(0x82, b"\0\xff", False),
        Frame(0x82, b"ab", False),
        Frame(0x82, b"cd", False),
        Frame(0x81, b"as text", False),
        Frame(0x82, b"as bytes", False),
        Frame(0x81, b"", False),
        Frame(0x82, b"x" * 70_000, False),
        Frame(0x01, b"one", False),
        Frame(0x89, b"p", False),
        Frame(0x00, b"two", False),
        Frame(0x80, b"three", False),
        Frame(0x8A, b"q" * 125, False),
    ]


@pytest.mark.parametrize(
    ("data", "opcode", "kind", "wrong"),
    [
        (5, None, TypeError, "str or bytes"),
        (None, None, TypeError, "str or bytes"),
        ("a", 3, ValueError, "no opcode"),
        ("a", 0x81, ValueError, "no opcode"),
        ("a", -1, ValueError, "no opcode"),
        ("a", OP_PING | DONT_FIN, ValueError, "not fragmented"),
        ("a" * 126, OP_PING, ValueError, "up to 125 bytes"),
        ("a", OP_CONTINUATION, ValueError, "that was begun with DONT_FIN"),
        (b"\x03", OP_CLOSE, ValueError, "a close code is"),
        (b"\x03\xed", OP_CLOSE, ValueError, "a close code is"),
    ],
)
def test_what_cannot_be_sent(
    world: World, data: Any, opcode: Any, kind: type[Exception], wrong: str
) -> None:
    peer, c = opened(world, Recorder())
    with pytest.raises(kind, match=wrong):
        c.ws_send(data, opcode)
    c.ws_send("good")
    peer.run(lambda: peer.frames())
    assert peer.payloads(0x81) == [b"good"]


def test_a_message_within_another_one_is_refused(world: World) -> None:
    peer, c = opened(world, Recorder())
    c.ws_send("a", OP_TEXT | DONT_FIN)
    with pytest.raises(ValueError, match="continued with OP_CONTINUATION"):
        c.ws_send("b")
    c.ws_send("", 0)
    c.ws_send("b")
    peer.run(lambda: len(peer.frames()) == 3)
    assert [frame.first for frame in peer.frames()] == [0x01, 0x80, 0x81]


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (999, ""), (5000, ""), (1000, "ä" * 62)])
def test_closes_that_cannot_be_sent(world: World, code: int, reason: str) -> None:
    _, c = opened(world, Recorder())
    with pytest.raises(ValueError, match="a close"):
        c.ws_close(code, reason)


def test_only_websocket_has_messages(world: World) -> None:
    plain = world.mgr.bind("tcp://10.0.0.1:1", Recorder())
    with pytest.raises(TypeError, match="this connection has none"):
        plain.ws_send("a")
    with pytest.raises(TypeError, match="this connection has none"):
        plain.ws_close()

    def serve(c: Connection, ev: int, req: Any) -> None:
        for call in (lambda: c.ws_send("a"), c.ws_close):
            with pytest.raises(TypeError, match="ServerProtocol has no messages"):
                call()
        req.reply()

    world.mgr.bind("http://10.0.0.1:80", handles(EV_HTTP_REQUEST)(serve))
    assert world.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("name", GOOD)
def test_good_frames_over_the_wire(world: World, name: str) -> None:
    sent, story = GOOD[name]
    limits = {"message_limit": 300, "frame_limit": 200, "max_fragments": 4}
    peer, _ = opened(world, echoing(), **limits)
    peer.send(*sent)
    peer.run(lambda: len(peer.frames()) >= len([s for s in story if s[1] not in (0x8A,)]))
    answers = {0x81: 0x81, 0x82: 0x82, 0x89: 0x8A, 0x88: 0x88}
    wanted = [(answers[int(s[1])], s[2]) for s in story if len(s) == 3 and s[1] != 0x8A]
    assert [(frame.first, frame.payload) for frame in peer.frames()] == wanted


@pytest.mark.parametrize("name", BAD)
def test_bad_frames_over_the_wire(world: World, name: str) -> None:
    """The peer is told with the right code, and then hears nothing more."""
    fault, data = BAD[name]
    limits = {"message_limit": 300, "frame_limit": 200, "max_fragments": 4}
    seen = Recorder()
    peer, c = opened(world, seen, **limits)
    peer.send(data, frame(1, b"behind"))
    peer.run(lambda: peer.ended)
    last = peer.frames()[-1]
    codes = {"not-utf8": 1007, "close-reason": 1007}
    expected = 1009 if fault.startswith(("frame-too", "message-too", "too-many")) else 1002
    assert (last.first, code_of(last.payload)) == (0x88, codes.get(fault, expected))
    assert fault in c.error
    protocol: Any = c.protocol
    assert (protocol.close_code, protocol.sent_code) == (1006, code_of(last.payload))
    assert all(message.data != b"behind" for message in seen.data(FRAME))
    peer.raw.close()
    peer.run(lambda: seen.count(EV_CLOSE))


def test_frames_each_by_itself(world: World) -> None:
    def on_done(c: Connection, req: Any) -> None:
        c.flags |= F_WEBSOCKET_NO_DEFRAG

    seen = Recorder(websocket_handshake_done=on_done)
    peer, _ = opened(world, seen)
    peer.send(frame(1, b"a", first=0), frame(9), frame(0, b"b", first=0), frame(0, b"c"))
    peer.run(lambda: seen.count(FRAME) == 3)
    assert [(m.flags, m.data) for m in seen.data(FRAME)] == [(1, b"a"), (0, b"b"), (0x80, b"c")]


@pytest.mark.parametrize("limit", [300, 1000, 1 << 20])
def test_a_message_may_be_longer_than_the_receive_buffer(world: World, limit: int) -> None:
    seen = echoing()
    world.serve(seen, recv_mbuf_limit=limit)
    peer = world.peer()
    text = "ä€".encode() * 150_000
    peer.send(frame(1, text[:400_001], first=0), frame(0, text[400_001:]))
    peer.run(lambda: len(peer.raw.received) > len(text) and peer.payloads(0x81))
    assert peer.payloads(0x81) == [text]


# -- compression ----------------------------------------------------------------------------------

SIDES = [
    Deflate(),
    Deflate(context_takeover=False),
    Deflate(peer_context_takeover=False, window_bits=9),
    Deflate(window_bits=15, peer_window_bits=15, threshold=1, idle_timeout=1.0),
]


@pytest.mark.parametrize("one", range(len(SIDES)))
@pytest.mark.parametrize("other", [None, *range(len(SIDES))])
def test_both_sides_of_the_library(world: World, one: int, other: int | None) -> None:
    texts = ["short", "long enough to be compressed " * 20, "ä" * 5000, "x", "y" * 300_000] * 2
    left = list(texts)

    def next_one(c: Connection, data: Any) -> None:
        if data.fin if hasattr(data, "fin") else False:
            got.append(data.text)
        if not left:
            c.ws_close()
        elif len(left) == 5:
            c.call_later(30.0, lambda: c.ws_send(left.pop(0)))  # contexts were given back
        else:
            c.ws_send(left.pop(0))

    got: list[str] = []
    client = Recorder(websocket_handshake_done=next_one, websocket_frame=next_one)
    there = None if other is None else SIDES[other]
    world.serve(echoing(), options=WebSocketOptions(deflate=there))
    options = WebSocketOptions(deflate=SIDES[one])
    c = world.mgr.connect("ws://10.0.0.1:80", client, options=options)
    world.net.run(lambda: client.count(EV_CLOSE))
    assert (got, c.error) == (texts, "")


def test_memory_of_compression_is_counted_and_given_back(world: World) -> None:
    options = WebSocketOptions(deflate=Deflate(idle_timeout=5.0))
    server = echoing()
    world.serve(server, options=options)
    client = Recorder(websocket_handshake_done=lambda c, reply: c.ws_send("again " * 100))
    c: Any = world.mgr.connect("ws://10.0.0.1:80", client, options=options)
    world.net.run(lambda: client.count(FRAME))
    protocols: list[Any] = [server.accepted[0].protocol, c.protocol]
    assert all(protocol.held > 20_000 for protocol in protocols)
    end = world.net.now + 12.0
    world.net.run(lambda: world.net.now >= end or not any(p.held > 1000 for p in protocols))
    assert all(protocol.held <= 600 for protocol in protocols)
    c.ws_send("again " * 100)
    world.net.run(lambda: client.count(FRAME) == 2)
    assert client.data(FRAME)[1].text == "again " * 100
    c.close()


def test_a_bomb(world: World) -> None:
    from galidia.websocket.deflate import compress_alone

    seen = Recorder()
    world.serve(seen, options=WebSocketOptions(deflate=Deflate()))
    peer = world.peer("Sec-WebSocket-Extensions: permessage-deflate")
    peer.send(frame(2, compress_alone(Deflate(), 15, bytes(1 << 27)), first=0xC0))
    peer.run(lambda: peer.ended)
    assert code_of(peer.payloads(0x88)[0]) == 1009
    assert seen.count(FRAME) == 0
    peer.raw.close()


# -- pings ----------------------------------------------------------------------------------------


def test_a_ping_is_answered_before_its_event(world: World) -> None:
    seen = Recorder(websocket_control_frame=lambda c, message: c.ws_send("after"))
    peer, _ = opened(world, seen)
    peer.send(frame(9, b"payload"))
    peer.run(lambda: len(peer.frames()) == 2)
    assert peer.frames() == [Frame(0x8A, b"payload", False), Frame(0x81, b"after", False)]
    assert [(m.opcode, m.data) for m in seen.data(CONTROL)] == [(OP_PING, b"payload")]


def test_a_flood_of_pings_takes_no_memory(world: World) -> None:
    """Of a peer that does not read, only the last one is answered when it does again."""
    seen = Recorder()
    peer, c = opened(world, seen)
    peer.raw.pause()
    most = 0
    for n in range(400):
        peer.send(*[frame(9, b"%d/%d" % (n, i) + b"." * 110) for i in range(100)])
        world.net.run(lambda n=n: seen.count(CONTROL) == (n + 1) * 100)  # type: ignore[misc]
        most = max(most, len(c.send_mbuf))
    assert most < 200_000
    peer.raw.resume()
    peer.run(lambda: b"399/99." in peer.raw.received)
    assert len(peer.frames()) < 40_000
    peer.send(frame(9, b"again"))
    peer.run(lambda: peer.frames()[-1].payload == b"again")


def test_keep_alive(world: World) -> None:
    peer, c = opened(world, Recorder(), ping_interval=30.0, ping_timeout=10.0)
    begin = world.net.now
    for n in range(3):
        peer.run(lambda n=n: len(peer.frames()) == n + 1)  # type: ignore[misc]
        peer.send(frame(10, peer.frames()[-1].payload))
    assert peer.payloads(0x89) == [b""] * 3
    assert 89 < world.net.now - begin < 95
    peer.run(lambda: peer.ended)  # the next one is not answered
    assert "nothing came within 10 s" in c.error
    assert 129 < world.net.now - begin < 135
    assert len(peer.frames()) == 4


def test_no_ping_while_something_comes(world: World) -> None:
    peer, _ = opened(world, Recorder(), ping_interval=30.0)
    end = world.net.now + 200
    while world.net.now < end:
        peer.send(frame(1, b"x"))
        step = world.net.now + 20
        world.net.call_at(20.0, lambda: None)
        peer.run(lambda step=step: world.net.now >= step)  # type: ignore[misc]
    assert peer.frames() == []


def test_no_timers_without_pings(world: World) -> None:
    peer, _ = opened(world, Recorder())
    assert not [what for what in world.net.leftovers() if "timer" in what]
    peer.raw.close()


# -- the end --------------------------------------------------------------------------------------


def test_the_peer_closes(world: World) -> None:
    seen = Recorder()
    peer, c = opened(world, seen)
    protocol: Any = c.protocol
    peer.send(close(4000, b"enough"), frame(1, b"behind"))
    peer.run(lambda: peer.ended)
    assert peer.payloads(0x88) == [(4000).to_bytes(2, "big") + b"enough"]
    assert (protocol.close_code, protocol.close_reason, c.error) == (4000, "enough", "")
    assert [message.code for message in seen.data(CONTROL)] == [4000]
    assert seen.count(FRAME) == 0
    assert peer.raw.error == 0


def test_this_side_closes(world: World) -> None:
    seen = Recorder()
    peer, c = opened(world, seen)
    protocol: Any = c.protocol
    c.ws_close(4001, "tschüß")
    c.ws_send("too late")
    c.ws_close(4002)
    peer.send(frame(1, b"still comes"), frame(9, b"p"))
    peer.run(lambda: peer.payloads(0x8A) and seen.count(FRAME))
    assert not peer.ended
    peer.send(close(4001))
    peer.run(lambda: peer.ended)
    assert [f.first for f in peer.frames()] == [0x88, 0x8A]
    assert peer.payloads(0x88) == [(4001).to_bytes(2, "big") + "tschüß".encode()]
    assert (protocol.close_code, protocol.close_reason, protocol.sent_code) == (4001, "", 4001)
    assert c.error == ""


def test_a_close_by_its_opcode(world: World) -> None:
    peer, c = opened(world, Recorder())
    c.ws_send(b"\x03\xe8bye", OP_CLOSE)
    peer.run(lambda: peer.frames())
    assert peer.payloads(0x88) == [b"\x03\xe8bye"]
    other, d = opened(World(), Recorder())
    d.ws_send(b"", OP_CLOSE)
    other.run(lambda: other.frames())
    assert other.payloads(0x88) == [b""]
    assert d.protocol.sent_code == 1005  # type: ignore[union-attr]
    d.mgr.close(0)


def test_the_peer_does_not_answer_the_close(world: World) -> None:
    seen = Recorder()
    peer, c = opened(world, seen, close_timeout=7.0)
    c.ws_close()
    begin = world.net.now
    peer.run(lambda: seen.count(EV_CLOSE))
    assert 6.9 < world.net.now - begin < 8
    assert c.error == "the peer does not answer the close"


@pytest.mark.parametrize("ends", [True, False])
def test_a_client_waits_for_the_server_to_close(world: World, ends: bool) -> None:
    seen = Recorder()
    peer = world.connect(seen, options=WebSocketOptions(close_timeout=7.0))
    peer.send(close(1000, key=None))
    peer.run(lambda: peer.payloads(0x88))
    begin = world.net.now
    assert seen.count(EV_CLOSE) == 0
    if ends:
        peer.raw.close()
    peer.run(lambda: seen.count(EV_CLOSE))
    assert (world.net.now - begin < 1) == ends
    assert world.net.now - begin < 8
    assert seen.c.error == ""


def test_the_connection_ends_without_a_close(world: World) -> None:
    seen = Recorder()
    peer, c = opened(world, seen)
    protocol: Any = c.protocol
    peer.raw.close()
    peer.run(lambda: seen.count(EV_CLOSE))
    assert (protocol.close_code, protocol.sent_code) == (1006, 0)
    assert c.error == "the connection ended without a close frame"


def test_who_violates_and_goes_on_is_cut_off(world: World) -> None:
    seen = Recorder()
    peer, _ = opened(world, seen, close_timeout=7.0)
    peer.send(frame(3))
    begin = world.net.now

    def more() -> None:
        if not seen.count(EV_CLOSE):
            peer.send(b"x" * 1000)
            world.net.call_at(0.1, more)

    more()
    peer.run(lambda: seen.count(EV_CLOSE))
    assert 6.9 < world.net.now - begin < 8


def test_a_handler_that_raises(world: World, logged: list[Any]) -> None:
    def fail(c: Connection, message: Any) -> None:
        raise ZeroDivisionError

    seen = Recorder(websocket_frame=fail)
    peer, c = opened(world, seen)
    peer.send(frame(1, b"a"), frame(1, b"b"))
    peer.run(lambda: peer.ended)
    assert code_of(peer.payloads(0x88)[0]) == 1011
    assert len(logged) == 1
    assert seen.count(FRAME) == 1
    peer.raw.close()
    peer.run(lambda: seen.count(EV_CLOSE))
    assert "WEBSOCKET_FRAME" in c.error


def test_the_manager_closes(world: World) -> None:
    seen = Recorder()
    peer, _ = opened(world, seen)
    client = Recorder()
    there = world.connect(client)
    there.run(lambda: client.count(DONE))

    def answer() -> None:
        for one, key in ((peer, b"abcd"), (there, None)):
            if one.payloads(0x88):
                one.send(close(1001, key=key))
                one.raw.close()
        if len(list(world.mgr)):
            world.net.call_at(0.1, answer)

    answer()
    begin = world.net.now
    world.mgr.close()
    assert world.net.now - begin < 1
    for one in (peer, there):
        assert [code_of(payload) for payload in one.payloads(0x88)] == [1001]


def test_a_handshake_while_the_manager_closes(world: World) -> None:
    from galidia.websocket import accept, defer

    kept: list[Any] = []

    def keep(c: Connection, req: Any) -> None:
        defer(req)
        kept.append(req)

    seen = Recorder(websocket_handshake_request=keep)
    world.serve(seen)
    client = world.raw(request())
    world.net.run(lambda: kept)
    kept[0].connection.call_later(0.5, accept, kept[0])
    world.net.call_at(1.0, client.close)
    world.mgr.close()
    assert code_of(frames(client.received.partition(b"\r\n\r\n")[2])[0].payload) == 1001


ACTS: dict[str, Any] = {
    "close": lambda c, m: c.close(),
    "abort": lambda c, m: c.abort(),
    "close-after-send": lambda c, m: c.close_after_send(),
    "close-after-recv": lambda c, m: c.close_after_recv(),
    "close-with-a-code": lambda c, m: c.ws_close(),
    "no-protocol": lambda c, m: setattr(c, "protocol", None),
    "clear": lambda c, m: c.recv_mbuf.clear(),
    "other-buffer": lambda c, m: setattr(c, "recv_mbuf", bytearray(b"\x00")),
}


@pytest.mark.parametrize("name", ACTS)
def test_what_a_handler_may_do_within_a_message(world: World, name: str) -> None:
    """Nothing of it is good for much, and nothing of it is bad for others."""
    seen = Recorder(websocket_frame=ACTS[name])
    peer, c = opened(world, seen)
    peer.send(frame(1, b"a"), frame(1, b"b"), frame(9), frame(2, bytes(300)))
    peer.run(lambda: seen.count(FRAME))
    peer.send(close(1000))
    peer.raw.close()
    peer.run(lambda: c.closed)
    assert seen.data(FRAME)[0].data == b"a"


def test_reading_stops_with_the_connection(world: World) -> None:
    seen = Recorder(websocket_frame=lambda c, message: c.close())
    peer, _ = opened(world, seen)
    peer.send(frame(1, b"a"), frame(1, b"b"))
    peer.run(lambda: seen.count(EV_CLOSE))
    assert [message.data for message in seen.data(FRAME)] == [b"a"]


def test_raw_input_is_shown_and_not_the_handlers(world: World) -> None:
    shown: list[bytes] = []
    seen = Recorder(recv=lambda c, n: shown.append(bytes(c.recv_mbuf)))
    peer, _ = opened(world, seen)
    peer.send(frame(1, b"hello"))
    peer.run(lambda: seen.count(FRAME))
    assert shown[-1] == frame(1, b"hello")
    assert seen.count(EV_RECV) == 2


# -- congestion -----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["close", "drop_oldest", "pause_source"])
def test_a_peer_that_does_not_read(world: World, policy: str) -> None:
    seen = Recorder()
    limit = 50_000
    world.serve(seen, send_mbuf_limit=limit, congestion=policy)
    peer = world.peer()
    peer.run(lambda: seen.count(DONE))
    (c,) = seen.accepted
    peer.raw.pause()
    for n in range(400):
        c.ws_send(b"%04d" % n + b"x" * 996)
        world.mgr.poll(0)
        if not c.closed:
            assert len(c.send_mbuf) <= 2 * limit + 2000
    if policy != "drop_oldest":
        assert c.closed
        assert "too slow" in c.error
        return
    c.ws_send("last")
    peer.raw.resume()
    peer.run(lambda: peer.raw.received.endswith(b"\x81\x04last"))
    numbers = [int(payload[:4]) for payload in peer.payloads(0x82)]
    assert numbers == sorted(numbers)  # whole frames were dropped, and nothing else
    assert 0 in numbers
    assert 399 in numbers
    assert len(numbers) < 350


def test_messages_that_were_dropped_are_not_missed_by_compressed_ones(world: World) -> None:
    options = WebSocketOptions(deflate=Deflate())
    server, client = Recorder(), Recorder()
    world.serve(server, options=options, send_mbuf_limit=20_000, congestion="drop_oldest")
    there = world.mgr.connect("ws://10.0.0.1:80", client, options=options)
    world.net.run(lambda: server.count(DONE))
    (c,) = server.accepted
    texts = [random.Random(n).randbytes(500).hex() for n in range(300)]
    for text in texts:
        c.ws_send(text)
    c.ws_send("last")
    world.net.run(lambda: client.count(FRAME) and client.data(FRAME)[-1].data == b"last")
    got = [message.text for message in client.data(FRAME)]
    assert len(got) < 200
    assert set(got[:-1]) < set(texts)
    assert there.error == ""


def test_a_wrong_thread_is_told_before_anything_is_done(world: World) -> None:
    failed: list[str] = []

    def call() -> None:
        for act in (lambda: c.ws_send("a"), c.ws_close):
            try:
                act()
            except RuntimeError as e:
                failed.append(str(e))

    _, c = opened(world, Recorder())
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert len(failed) == 2
    protocol: Any = c.protocol
    assert protocol.sent_code == 0


@pytest.mark.parametrize("how", ["close", "closed", "violation"])
def test_what_is_closed_is_freed_at_once(world: World, how: str) -> None:
    """Nothing of a connection is left to the garbage collector."""
    world.mgr.bind(
        "ws://10.0.0.1:80",
        handles(FRAME)(lambda c, ev, message: c.ws_send(message.data)),
        options=WebSocketOptions(deflate=Deflate(), ping_interval=50.0),
    ).endpoint("/ws", handles(FRAME, EV_CLOSE)(lambda c, ev, message: None))
    gc.collect()
    gc.disable()
    try:
        peer = world.peer("Sec-WebSocket-Extensions: permessage-deflate", path="/ws")
        (c,) = [c for c in world.mgr if c.listener is not None]
        freed = [weakref.ref(c)]
        del c
        peer.send({"close": b"", "closed": close(1000), "violation": frame(3)}[how])
        peer.raw.close()
        peer.run(lambda: len(list(world.mgr)) == 1)
        assert freed[0]() is None
    finally:
        gc.enable()


def test_what_waits_of_a_message_is_counted(world: World) -> None:
    seen = Recorder()
    peer, c = opened(world, seen)
    protocol: Any = c.protocol
    peer.send(frame(2, bytes(1000), first=0), frame(0, bytes(1000), first=0))
    peer.run(lambda: protocol.held == 2000)
    peer.send(frame(0))
    peer.run(lambda: seen.count(FRAME))
    assert protocol.held == 0


# -- anything -------------------------------------------------------------------------------------


@given(STREAMS, st.booleans(), st.integers(0, 3))
def test_any_bytes(data: bytes, packed: bool, seed: int) -> None:
    """Whatever a client sends: what is answered are frames, the same ones in both builds, and the
    manager goes on."""
    answers = []
    pure: Any = load_pure()
    for manager, kit in ((Manager, galidia), (pure.Manager, pure)):
        module: Any = import_module(f"{kit.__name__}.websocket")
        testing: Any = import_module(f"{kit.__name__}.testing")
        net = testing.SimNetwork(seed=seed, faults=testing.Faults(split=0.3))
        mgr = manager(network=net)
        deflate = module.Deflate() if packed else None

        def echo(c: Any, ev: int, message: Any) -> None:
            c.ws_send(message.data, message.opcode)

        mgr.bind(
            "ws://10.0.0.1:80",
            kit.handles(kit.EV_WEBSOCKET_FRAME)(echo),
            options=module.WebSocketOptions(deflate=deflate, message_limit=300),
        )
        client = net.client("tcp://10.0.0.1:80")
        client.send(request("Sec-WebSocket-Extensions: permessage-deflate") + data)
        client.shutdown()
        net.run(lambda client=client: client.ended or client.error)
        head, _, rest = bytes(client.received).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        answers.append([(f.first, f.payload) for f in frames(rest)])
        client.close()
        mgr.close(0)
    assert answers[0] == answers[1]
