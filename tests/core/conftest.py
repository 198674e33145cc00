"""Managers, carriers and plain peers for the tests of the engine."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import Connection, Manager
from tests.helpers import PATIENCE, Carrier, Certificates, Peer


@pytest.fixture
def mgr() -> Iterator[Manager]:
    manager = Manager()
    yield manager
    manager.close(0)


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def plug() -> Iterator[Callable[[Connection], Peer]]:
    """Connects a plain socket to a TCP listener."""
    opened: list[Any] = []

    def connect(listener: Connection) -> Peer:
        sock = socket.create_connection((listener.local.host, listener.local.port), PATIENCE)
        opened.append(sock)
        return Peer(sock)

    yield connect
    for sock in opened:
        sock.close()


@pytest.fixture
def plain() -> Iterator[Callable[..., socket.socket]]:
    """Makes plain sockets, bound to 127.0.0.1; they are closed after the test."""
    opened: list[Any] = []

    def make(kind: int = socket.SOCK_DGRAM, backlog: int = 8) -> socket.socket:
        sock = socket.socket(socket.AF_INET, kind)
        opened.append(sock)
        sock.settimeout(PATIENCE)
        sock.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen(backlog)
        return sock

    yield make
    for sock in opened:
        sock.close()


def make_carrier(name: str, certs: Certificates, folder: Path) -> Carrier:
    if name == "unix":
        return Carrier(name, f"unix:{folder / 's'}")
    if name == "tls":
        client = {"ca": certs.ca, "server_name": "localhost"}
        return Carrier(name, "tls://127.0.0.1:0", {"cert": certs.server}, client)
    return Carrier(name, f"{name}://127.0.0.1:0")


@pytest.fixture(params=["tcp", "tls", "unix", "udp"])
def carrier(request: pytest.FixtureRequest, certs: Certificates, tmp_path: Path) -> Carrier:
    return make_carrier(request.param, certs, tmp_path)


@pytest.fixture(params=["tcp", "tls", "unix"])
def stream(request: pytest.FixtureRequest, certs: Certificates, tmp_path: Path) -> Carrier:
    return make_carrier(request.param, certs, tmp_path)


@pytest.fixture
def tls(certs: Certificates, tmp_path: Path) -> Carrier:
    return make_carrier("tls", certs, tmp_path)


@pytest.fixture
def tcp(certs: Certificates, tmp_path: Path) -> Carrier:
    return make_carrier("tcp", certs, tmp_path)


@pytest.fixture
def idle(mgr: Manager) -> Callable[[], Connection]:
    """Makes connections that have only timers."""
    return lambda: mgr.adopt(None)
