"""HTTP listeners, and peers that speak to them byte by byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles
from galidia.http import StaticFiles
from galidia.testing import RawClient, SimNetwork
from tests.helpers import PATIENCE, Certificates, Peer, until
from tests.http.site import Web, web
from tests.http.wire import complete


@pytest.fixture
def mgr() -> Iterator[Manager]:
    manager = Manager()
    yield manager
    manager.close(0)


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def world() -> Iterator[Web]:
    """A simulated network of sites, and a client in it."""
    with web() as made:
        yield made


@pytest.fixture
def dial() -> Iterator[Callable[[Connection], Peer]]:
    """Connects a plain socket to a listener."""
    opened = []

    def connect(listener: Connection) -> Peer:
        sock = socket.create_connection((listener.local.host, listener.local.port), PATIENCE)
        opened.append(sock)
        return Peer(sock)

    yield connect
    for sock in opened:
        sock.close()


@pytest.fixture
def ask(mgr: Manager, dial: Callable[[Connection], Peer]) -> Callable[..., bytes]:
    """What a listener answers to some bytes, on a connection of their own."""

    def exchange(listener: Connection, data: bytes, *methods: str) -> bytes:
        peer = dial(listener)
        peer.send(data)
        until(mgr, lambda: complete(peer.look(), methods) or peer.ended)
        peer.close()
        return bytes(peer.received)

    return exchange


@contextmanager
def running(mgr: Manager) -> Iterator[None]:
    """The manager runs in a thread of its own, for clients that block."""
    thread = threading.Thread(target=mgr.run)
    thread.start()
    try:
        yield
    finally:
        mgr.stop()
        thread.join()


def folder_handler(files: StaticFiles) -> Any:
    """A handler that serves a folder."""

    @handles(EV_HTTP_REQUEST)
    def serve(c: Connection, ev: int, req: Any) -> None:
        files.serve(req)

    return serve


class Net:
    """A server and its clients on a simulated network, where waiting takes no time."""

    def __init__(self, manager: type[Manager], **options: Any) -> None:
        self.net = SimNetwork(**options)
        self.mgr = manager(network=self.net)

    def serve(self, handler: Any, **options: Any) -> Connection:
        return self.mgr.bind("http://10.0.0.1:80", handler, **options)

    def client(self, data: bytes = b"") -> RawClient:
        client: RawClient = self.net.client("tcp://10.0.0.1:80")
        if data:
            client.send(data)
        return client


@pytest.fixture
def sim() -> Iterator[Net]:
    net = Net(Manager)
    yield net
    net.mgr.close(0)


#: What `exchange` gives.
Exchange = Callable[..., bytes]


@pytest.fixture
def exchange(sim: Net) -> Exchange:
    """All that comes until the server has nothing more to say."""

    def run(reply: Callable[[Any], object], *data: bytes) -> bytes:
        @handles(EV_HTTP_REQUEST)
        def handler(c: Connection, ev: int, req: Any) -> None:
            reply(req)

        listener = sim.serve(handler)
        client = sim.client(b"".join(data))
        sim.net.run(limit=1)
        listener.close()
        client.close()
        sim.net.run(limit=1)
        return bytes(client.received)

    return run
