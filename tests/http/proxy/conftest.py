"""The reverse proxy on a simulated network, in either build."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import galidia
from tests.http.wire import Response, complete, responses
from tests.twin import load_pure

LONG = 1e6


class World:
    """A proxy at 10.0.0.1:80, and upstreams at 10.0.0.2 on ports of their own."""

    def __init__(self, package: ModuleType) -> None:
        self.package: Any = package
        self.net = self.module("testing").SimNetwork(3)
        self.mgr = package.Manager(network=self.net)
        self.behind = package.Manager(network=self.net.host("10.0.0.2"))
        self.http = self.module("http")
        self.peers: list[Any] = []
        self.proxy: Any = None

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.package.__name__}.{name}")

    def upstream(self, handler: Any, port: int = 9000, **options: Any) -> str:
        handler = self.package.handles(self.package.Event.HTTP_REQUEST)(handler)
        self.behind.bind(f"http://10.0.0.2:{port}", handler, **options)
        return f"http://10.0.0.2:{port}"

    def raw(self, port: int = 9000) -> Any:
        """An upstream that does what the test says."""
        server = self.net.host("10.0.0.2").server(f"tcp://10.0.0.2:{port}")
        self.peers.append(server)
        return server

    def serve(
        self,
        *urls: str,
        at: str = "/api/{path...}",
        options: Any = None,
        address: str = "10.0.0.1",
        **more: Any,
    ) -> Any:
        self.proxy = self.http.ReverseProxy(*urls, **more)
        listener = self.mgr.bind(f"http://{address}:80", None, options=options)
        if at:
            listener.endpoint(at, self.proxy)
        else:
            listener.handler = self.proxy
        return listener

    def client(self, data: bytes = b"", address: str = "10.0.0.1") -> Any:
        client = self.net.client(f"tcp://{address}:80")
        self.peers.append(client)
        client.send(data)
        return client

    def run(self, until: Callable[[], object], limit: float = 300) -> None:
        assert self.net.run(until, limit=limit)

    def whole(self, client: Any) -> None:
        """Until what the client has got ends with a response."""
        self.run(lambda: complete(client.received))

    def has(self, peer: Any, data: bytes) -> None:
        self.run(lambda: data in peer.received, limit=5)

    def accept(self, server: Any, until: bytes = b"\r\n\r\n") -> Any:
        """The next connection to an upstream, once this has come on it."""
        self.run(lambda: server.accepted)
        peer = server.accepted.pop(0)
        self.peers.append(peer)
        self.run(lambda: until in peer.received)
        return peer

    def ask(self, data: bytes, *methods: str) -> Response:
        client = self.client(data)
        self.run(lambda: complete(client.received, methods))
        client.close()
        return responses(client.received, methods)[-1]

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        self.net.run(limit=1)
        self.mgr.close(0)
        self.behind.close(0)
        assert self.net.leftovers() == []
        assert self.proxy is None or not self.proxy.relays
        assert self.proxy is None or [u.active for u in self.proxy.upstreams.all] == [0] * len(
            self.proxy.upstreams.all
        )


@pytest.fixture(params=["this", "pure"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(galidia if request.param == "this" else load_pure())
    yield made
    made.close()


def get(path: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: site.example", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def noting(world: World) -> tuple[list[Any], Any]:
    seen: list[Any] = []

    def handler(c: Any, ev: Any, req: Any) -> None:
        seen.append(req)
        req.reply(200, b"hello", [("X-Up", "1"), ("Server", "up"), ("Keep-Alive", "timeout=9")])

    return seen, handler


def fields_of(req: Any) -> dict[str, str]:
    names = [name for name, _ in req.headers]
    assert len(set(names)) == len(names)
    return dict(req.headers)


def held(world: World) -> int:
    return int(world.mgr.buffered)
