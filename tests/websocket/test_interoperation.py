"""The package `websockets`, as a client and as a server, with and without compression."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from galidia import Connection, Handler, Manager
from galidia.aio import serving
from galidia.websocket import DONT_FIN, OP_CONTINUATION, OP_PING, OP_TEXT, Deflate, WebSocketOptions
from tests.helpers import PATIENCE, Certificates

LARGEST = 1 << 20
SIZES = [0, 1, 125, 126, 127, 65535, 65536, LARGEST]
CHAT = Subprotocol("chat")


def messages() -> list[str | bytes]:
    """Of each size one that compresses well, one that does not, and text."""
    dice = random.Random(1)
    found: list[str | bytes] = []
    for size in SIZES:
        found += [b"*" * size, dice.randbytes(size)]
        found.append(("a\u00e4\u20ac\U0001d11e" * (size // 10 + 1))[: size // 10])
    return found


def options(deflate: Deflate | None, **more: Any) -> WebSocketOptions:
    return WebSocketOptions(
        message_limit=2 * LARGEST, frame_limit=2 * LARGEST, deflate=deflate, **more
    )


class Echo(Handler):
    """Sends messages back, and remembers with what the connection was closed."""

    def __init__(self) -> None:
        self.protocol: Any = None
        self.error: str | None = None

    def on_websocket_handshake_done(self, c: Connection, req: Any) -> None:
        self.protocol = c.protocol

    def on_websocket_frame(self, c: Any, message: Any) -> None:
        c.ws_send(message.data, message.opcode)

    def on_close(self, c: Connection, data: None) -> None:
        if c.listener is not None:
            self.error = c.error


class Client(Handler):
    """What comes goes into a queue."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.protocol: Any = None

    def on_websocket_handshake_done(self, c: Connection, reply: Any) -> None:
        self.protocol = c.protocol
        self.inbox.put_nowait(reply.status)

    def on_websocket_frame(self, c: Connection, message: Any) -> None:
        self.inbox.put_nowait(message.text if message.opcode == OP_TEXT else message.data)

    def on_websocket_control_frame(self, c: Connection, message: Any) -> None:
        self.inbox.put_nowait((message.opcode, message.data))

    def on_close(self, c: Connection, data: None) -> None:
        self.inbox.put_nowait(c.error)

    async def next(self) -> Any:
        return await asyncio.wait_for(self.inbox.get(), PATIENCE)


#: Both ways of compressing, and each parameter of ours.
DEFLATES = {
    "plain": None,
    "deflate": Deflate(),
    "small-windows": Deflate(window_bits=9, peer_window_bits=9, threshold=1),
    "no-takeover": Deflate(context_takeover=False, peer_context_takeover=False),
    "largest": Deflate(level=9, mem_level=9, window_bits=15, peer_window_bits=15, threshold=1),
}


@pytest.fixture(params=list(DEFLATES.values()), ids=list(DEFLATES))
def deflate(request: pytest.FixtureRequest) -> Deflate | None:
    chosen: Deflate | None = request.param
    return chosen


def compression(deflate: Deflate | None) -> Any:
    return "deflate" if deflate else None


@asynccontextmanager
async def their_client(
    handler: Any, deflate: Deflate | None = None, **more: Any
) -> AsyncIterator[ClientConnection]:
    """Their client, connected to a server of ours."""
    async with serving(Manager()) as mgr:
        listener = mgr.bind(
            "ws://127.0.0.1:0", handler, options=options(deflate, subprotocols=("chat", "talk"))
        )
        async with connect(
            f"ws://{listener.local}/some/where?x=1",
            compression=compression(deflate),
            max_size=2 * LARGEST,
            proxy=None,
            **more,
        ) as client:
            yield client


@asynccontextmanager
async def our_client(
    handler: Any, deflate: Deflate | None = None, **more: Any
) -> AsyncIterator[tuple[Any, Client]]:
    """Our client, connected to a server of theirs."""
    async with (
        serve(
            handler,
            "127.0.0.1",
            0,
            compression=compression(deflate),
            max_size=2 * LARGEST,
            subprotocols=[Subprotocol("talk"), CHAT],
        ) as server,
        serving(Manager()) as mgr,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        client = Client()
        c = mgr.connect(f"ws://127.0.0.1:{port}/", client, options=options(deflate), **more)
        assert await client.next() == 101
        yield c, client


def test_their_client(deflate: Deflate | None) -> None:
    async def main() -> None:
        echo = Echo()
        async with their_client(echo, deflate, subprotocols=[Subprotocol("none"), CHAT]) as client:
            assert client.subprotocol == "chat"
            assert echo.protocol.deflate == bool(deflate)
            for message in messages():
                await client.send(message)
                assert await client.recv() == message
            await client.send(["in ", "three ", "fragments"])
            assert await client.recv() == "in three fragments"
            await asyncio.wait_for(await client.ping(b"there?"), PATIENCE)
            await client.close(4321, "enough, \u00e4")
            assert client.close_code == 4321
        assert (echo.protocol.close_code, echo.protocol.close_reason) == (4321, "enough, \u00e4")
        assert echo.error == ""

    asyncio.run(main())


def test_their_server(deflate: Deflate | None) -> None:
    closed = []

    async def echo(connection: ServerConnection) -> None:
        try:
            async for message in connection:
                await connection.send(message)
        except ConnectionClosedError as error:  # what it calls every code but 1000 and 1001
            if error.rcvd is not None:
                closed.append((error.rcvd.code, error.rcvd.reason))

    async def main() -> None:
        async with our_client(echo, deflate, subprotocols=["chat"]) as (c, client):
            assert c.protocol.subprotocol == "chat"
            assert c.protocol.deflate == bool(deflate)
            for message in messages():
                c.ws_send(message)
                assert await client.next() == message
            c.ws_send("in ", OP_TEXT | DONT_FIN)
            c.ws_send("three ", OP_CONTINUATION | DONT_FIN)
            c.ws_send("fragments", OP_CONTINUATION)
            assert await client.next() == "in three fragments"
            c.ws_send(b"there?", OP_PING)
            assert await client.next() == (10, b"there?")
            c.ws_close(4321, "enough, \u00e4")
            assert (await client.next())[0] == 8
            assert await client.next() == ""
            assert client.protocol.close_code == 4321

    asyncio.run(main())
    assert closed == [(4321, "enough, \u00e4")]


def test_a_server_of_ours_closes() -> None:
    class Once(Handler):
        def on_websocket_frame(self, c: Any, message: Any) -> None:
            c.ws_close(3999, "that was it")

    async def main() -> None:
        async with their_client(Once()) as client:
            await client.send("hello")
            with pytest.raises(ConnectionClosedError) as caught:
                await client.recv()
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (3999, "that was it")

    asyncio.run(main())


def test_a_server_of_theirs_closes() -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(3999, "that was it")

    async def main() -> None:
        async with our_client(close, subprotocols=["talk"]) as (_, client):
            assert await client.next() == (8, (3999).to_bytes(2, "big") + b"that was it")
            assert await client.next() == ""
            protocol = client.protocol
            assert (protocol.close_code, protocol.close_reason) == (3999, "that was it")

    asyncio.run(main())


def test_a_server_of_ours_refuses() -> None:
    class Closed(Handler):
        def on_websocket_handshake_request(self, c: Connection, req: Any) -> None:
            req.error(403, "not you")

    async def main() -> None:
        with pytest.raises(InvalidStatus) as caught:
            async with their_client(Closed()):
                pass
        assert caught.value.response.status_code == 403

    asyncio.run(main())


def test_over_tls(tmp_path: Path) -> None:
    certs = Certificates(tmp_path)

    async def main() -> None:
        async with serving(Manager()) as mgr:
            echo = Echo()
            listener = mgr.bind(
                "wss://127.0.0.1:0", echo, cert=str(certs.server), key=str(certs.server)
            )
            async with connect(
                f"wss://{listener.local}/",
                ssl=ssl.create_default_context(cafile=certs.folder / "ca.pem"),
                proxy=None,
            ) as client:
                await client.send("in confidence")
                assert await client.recv() == "in confidence"
            assert echo.error == ""

    asyncio.run(main())
