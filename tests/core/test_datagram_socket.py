"""Datagrams that a protocol answers at once, without a connection for each sender."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from galidia import EV_RECV, Manager
from galidia.core.datagram_socket import MANY, ROOM, Batch, DatagramSocket
from galidia.core.protocol import Protocol
from galidia.testing import Faults, SimNetwork
from tests.helpers import Recorder, settle, until


class Upper(Protocol):
    """Answers in upper case; b"fail" with an exception, b"none" and what is empty not at all."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        Protocol.__init__(self)
        self.seen: list[bytes] = []

    def responds(self, c: Any) -> bool:
        return True

    def respond(self, datagram: bytes) -> bytes:
        self.seen.append(datagram)
        if datagram == b"fail":
            raise ValueError("as was asked for")
        return b"" if datagram == b"none" else datagram.upper()


@pytest.fixture
def served(mgr: Manager) -> Any:
    handler = Recorder()
    listener = mgr.bind("udp://127.0.0.1:0", handler)
    listener.protocol = Upper()
    listener.user_data = handler
    return listener


def take(mgr: Manager, sock: socket.socket, count: int) -> list[bytes]:
    """So many datagrams that come to a plain socket."""
    found: list[bytes] = []
    sock.setblocking(False)

    def enough() -> bool:
        try:
            while True:
                found.append(sock.recv(65535))
        except BlockingIOError:
            return len(found) >= count

    until(mgr, enough)
    return found


@pytest.mark.parametrize("count", [1, MANY - 1, MANY, MANY + 1, 3 * MANY + 5])
def test_many_at_once(mgr, plain, served, count):
    socks = [plain() for _ in range(4)]
    for i in range(count):
        socks[i % 4].sendto(b"a%d" % i, tuple(served.local))
    for k, sock in enumerate(socks):
        wanted = [b"A%d" % i for i in range(k, count, 4)]
        assert take(mgr, sock, len(wanted)) == wanted
    assert served.protocol.seen == [b"a%d" % i for i in range(count)]
    assert served.drops == 0
    assert served.children == 0
    assert served.user_data.story() == ""  # the handler is not called


def test_sizes(mgr, plain, served):
    sock = plain()
    for data in (b"", b"x", b"y" * ROOM, b"z" * (ROOM + 1), b"z" * 60_000, b"last"):
        sock.sendto(data, tuple(served.local))
    assert take(mgr, sock, 3) == [b"X", b"Y" * ROOM, b"LAST"]
    assert served.drops == 2
    assert b"" in served.protocol.seen


def test_no_answer(mgr, plain, served):
    sock = plain()
    for data in (b"none", b"a", b"none", b"b"):
        sock.sendto(data, tuple(served.local))
    assert take(mgr, sock, 2) == [b"A", b"B"]


def test_one_that_fails_costs_its_answer(mgr, plain, served, logged):
    sock = plain()
    for data in (b"a", b"fail", b"b", b"fail", b"c"):
        sock.sendto(data, tuple(served.local))
    assert take(mgr, sock, 3) == [b"A", b"B", b"C"]
    assert served.drops == 2
    assert len(logged) == 1  # whoever can do that can do it often
    assert "as was asked for" in str(logged[0].exc_info)


def test_an_answer_that_cannot_be_sent(mgr, plain):
    class Long(Upper):
        __slots__ = ()

        def respond(self, datagram):
            return b"x" * 70_000 if datagram == b"long" else datagram

    listener = mgr.bind("udp://127.0.0.1:0")
    listener.protocol = Long()
    sock = plain()
    for data in (b"long", b"a", b"long", b"b", b"long"):
        sock.sendto(data, tuple(listener.local))
    assert take(mgr, sock, 2) == [b"a", b"b"]
    assert listener.drops == 3


def test_both_families(mgr):
    listener = mgr.bind("udp://:0")
    listener.protocol = Upper()
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"a", (host, listener.local.port))
            assert take(mgr, sock, 1) == [b"A"]


def test_with_an_acl_there_are_connections(mgr, plain):
    server = Recorder()
    listener = mgr.bind("udp://127.0.0.1:0", server, acl="+127.0.0.0/8")
    listener.protocol = Upper()
    plain().sendto(b"a", tuple(listener.local))
    until(mgr, lambda: server.count(EV_RECV))
    assert listener.protocol.seen == []


def test_a_closed_listener_answers_nobody(mgr, plain, served):
    sock = plain()
    sock.sendto(b"a", tuple(served.local))
    served.close()
    settle(mgr)
    sock.setblocking(False)
    with pytest.raises((BlockingIOError, ConnectionRefusedError)):
        sock.recv(9)


def test_on_a_simulated_network():
    net = SimNetwork(seed=3, faults=Faults(duplicate=0.2, reorder=0.2))
    with Manager(network=net) as mgr:
        listener = mgr.bind("udp://10.0.0.1:7")
        listener.protocol = Upper()
        client = Recorder()
        c = mgr.connect("udp://10.0.0.1:7", client)
        for i in range(100):
            c.send(b"a%d" % i)
        net.run()
        found = client.received.decode().split("A")[1:]
        assert {int(x) for x in found} == set(range(100))


def test_an_error_of_the_socket_is_a_loss(plain):
    nobody = plain()
    address = nobody.getsockname()
    nobody.close()
    sock = plain()
    sock.connect(address)
    sock.send(b"a")  # the kernel of the other side says that nobody is there
    batch, protocol = Batch(DatagramSocket(sock)), Upper()
    scratch = bytearray(1 << 17)
    assert batch.exchange(scratch, protocol) == 1
    assert batch.lost == 1
    assert batch.exchange(scratch, protocol) == 0
    assert protocol.seen == []
