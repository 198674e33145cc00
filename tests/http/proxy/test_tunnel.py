"""Connections that change their protocol: both ways, at the pace of the slower side."""

from __future__ import annotations

from tests.http.proxy.conftest import World, fields_of, get, held, noting


def test_a_connection_may_change_its_protocol(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000")
    client = world.client(
        get("/api/chat", "Connection: keep-alive, Upgrade", "Upgrade: websocket, h2c",
            "Sec-WebSocket-Key: a")
        + b"early"
    )  # fmt: skip
    peer = world.accept(server)
    head = bytes(peer.received)
    assert b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" in head
    assert b"\r\nSec-WebSocket-Key: a\r\n" in head
    peer.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: b\r\n\r\nhi"
    )
    world.run(lambda: client.received.endswith(b"\r\n\r\nhi"))
    assert client.received.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: b\r\n\r\n" in client.received
    world.run(lambda: peer.received.endswith(b"early"))
    assert world.proxy.upstreams.all[0].active == 1
    # both ways, as slow as the slowest, without an end in between
    peer.pause()
    client.send(bytes(5_000_000))
    world.net.run(limit=10)
    assert held(world) < 4_000_000
    peer.resume()
    world.run(lambda: len(peer.received) == len(head) + 5 + 5_000_000)
    client.shutdown()
    world.run(lambda: peer.ended)
    peer.send(b"the last")
    peer.shutdown()
    world.run(lambda: client.ended)
    assert client.received.endswith(b"hithe last")
    world.run(lambda: len(world.mgr) == 1)


def test_only_known_protocols_are_changed_to(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    world.ask(get("/api/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"))
    assert not {"Upgrade", "Connection"} & set(fields_of(seen[0]))


def test_a_tunnel_without_a_byte_ends(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000", upgrades=["x"], tunnel_timeout=50)
    client = world.client(get("/api/chat", "Connection: Upgrade", "Upgrade: x"))
    peer = world.accept(server)
    peer.send(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
    world.run(lambda: client.received)
    before = world.mgr.monotonic()
    world.run(lambda: client.ended and peer.ended)
    assert 49 <= world.mgr.monotonic() - before < 52
