"""Managers and plain sockets for the tests of DNS."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from galidia import Manager
from tests.dns.world import World
from tests.helpers import PATIENCE


@pytest.fixture
def mgr() -> Iterator[Manager]:
    manager = Manager()
    yield manager
    manager.close(0)


@pytest.fixture
def plain() -> Iterator[Callable[[], socket.socket]]:
    """Makes plain datagram sockets, bound to 127.0.0.1; they are closed after the test."""
    opened: list[Any] = []

    def make() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.append(sock)
        sock.settimeout(PATIENCE)
        sock.bind(("127.0.0.1", 0))
        return sock

    yield make
    for sock in opened:
        sock.close()


@pytest.fixture
def world() -> Iterator[Callable[..., World]]:
    """Makes a `World`; it must leave nothing behind."""
    made: list[World] = []

    def make(*given: Any, **options: Any) -> World:
        made.append(World(*given, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
