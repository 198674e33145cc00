"""Servers and clients of WebSocket on a simulated network, and peers that speak byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from galidia import Connection, Manager
from galidia.testing import RawClient, SimNetwork
from tests.helpers import Recorder
from tests.websocket.wire import Frame, accept_of, frames, request


class RawPeer:
    """The other end of a WebSocket connection, after its handshake."""

    def __init__(self, net: SimNetwork, raw: RawClient) -> None:
        self.net = net
        self.raw = raw
        #: What came with the handshake.
        self.start = len(raw.received)

    def send(self, *pieces: bytes) -> None:
        self.raw.send(b"".join(pieces))

    def frames(self) -> list[Frame]:
        """All that has come."""
        return frames(self.raw.received[self.start :])

    def payloads(self, first: int) -> list[bytes]:
        return [frame.payload for frame in self.frames() if frame.first == first]

    @property
    def ended(self) -> bool:
        return self.raw.ended or self.raw.error != 0

    def run(self, until: Callable[[], object] | None = None) -> None:
        self.net.run(until)


class World:
    """A manager on a network where waiting takes no time."""

    def __init__(self, manager: type[Manager] = Manager, **options: Any) -> None:
        self.net = SimNetwork(**options)
        self.mgr = manager(network=self.net)

    def serve(self, handler: Any, **options: Any) -> Connection:
        return self.mgr.bind("ws://10.0.0.1:80", handler, **options)

    def raw(self, data: bytes) -> RawClient:
        """A client that sends this; what was answered is in ``received``."""
        client: RawClient = self.net.client("tcp://10.0.0.1:80")
        client.send(data)
        return client

    def ask(self, data: bytes) -> bytes:
        """What a server answers, if it is the head and body of one response."""
        client = self.raw(data)
        self.net.run(lambda: b"\r\n\r\n" in client.received or client.ended)
        for _ in range(3):
            self.mgr.poll(0)
        answer = bytes(client.received)
        client.close()
        return answer

    def peer(self, *fields: str, path: str = "/") -> RawPeer:
        """A client of the server, after its handshake."""
        client = self.raw(request(*fields, path=path))
        self.net.run(lambda: b"\r\n\r\n" in client.received)
        head = bytes(client.received).partition(b"\r\n\r\n")[0]
        assert head.startswith(b"HTTP/1.1 101 "), head
        peer = RawPeer(self.net, client)
        peer.start = len(head) + 4
        return peer

    def connect(self, handler: Any, *, answer: str = "", **options: Any) -> RawPeer:
        """A client of the library, and the server that it is connected to, after the handshake."""
        server = self.net.server("tcp://10.0.0.2:80")
        self.mgr.connect("ws://10.0.0.2/chat?x=1", handler, **options)
        self.net.run(lambda: server.accepted and b"\r\n\r\n" in server.accepted[0].received)
        raw = server.accepted[0]
        server.close()
        self.request = bytes(raw.received)
        peer = RawPeer(self.net, raw)
        key = field_of(self.request, "Sec-WebSocket-Key")
        peer.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept_of(key)}\r\n{answer}\r\n".encode()
        )
        return peer


def field_of(head: bytes | bytearray, name: str) -> str:
    """The value of the only field of this name."""
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n")]
    (value,) = [value for key, _, value in lines if key.lower() == name.lower()]
    return value


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.mgr.close(0)


def echo(c: Connection, message: Any) -> None:
    """For ``Recorder(websocket_frame=echo)``."""
    c.ws_send(message.data, message.opcode)


def echoing(**then: Any) -> Recorder:
    return Recorder(websocket_frame=echo, **then)


@pytest.fixture
def mgr() -> Iterator[Manager]:
    manager = Manager()
    yield manager
    manager.close(0)
