"""Listeners: what accepted connections inherit, how many there may be, and running out."""

import contextlib
import os
import resource
import socket
from typing import Any

import pytest

from galidia import (
    EV_CLOSE,
    EV_RECV,
    F_USER_1,
    Manager,
    Protocol,
)
from galidia.core.listener import ACCEPT_BATCH
from tests.helpers import Recorder, echo, settle, until, url


class Marked(Protocol):
    """A protocol whose children know where they come from."""

    __slots__ = ("parent",)

    def __init__(self, parent=None):
        Protocol.__init__(self)
        self.parent = parent

    def child(self):
        return Marked(self)


def test_what_an_accepted_connection_inherits(mgr, stream):
    server, what = Recorder(), object()
    listener = stream.bind(
        mgr,
        server,
        user_data=what,
        flags=F_USER_1,
        recv_mbuf_limit=111,
        send_mbuf_limit=222,
        close_timeout=3.5,
        congestion="drop_oldest",
    )
    listener.protocol = Marked()
    stream.connect(mgr, listener, None)
    until(mgr, lambda: server.accepted)
    c: Any = server.accepted[0]
    assert c.handler is server
    assert c.user_data is what
    assert (c.recv_mbuf_limit, c.send_mbuf_limit, c.close_timeout) == (111, 222, 3.5)
    assert c.congestion == "drop_oldest"
    assert c.protocol.parent is listener.protocol
    assert c.listener is listener
    assert listener.flags & F_USER_1
    assert not c.flags & F_USER_1  # flags are the connection's own


def test_accepted_connections_outlive_their_listener(mgr, stream):
    server, client = Recorder(recv=echo), Recorder()
    listener, c = stream.join(mgr, server, client)
    until(mgr, lambda: server.accepted)
    listener.close()
    settle(mgr)
    assert server.story(listener) == "CLOSE"
    c.send(b"still here")
    until(mgr, lambda: client.received == b"still here")


def test_a_listener_may_be_closed_while_it_accepts(mgr, tcp, plug):
    server = Recorder(accept=lambda c, _: listener.close())
    listener = tcp.bind(mgr, server)
    address = tuple(listener.local)
    plug(listener)
    until(mgr, lambda: server.accepted)
    settle(mgr)
    assert listener.closed
    assert not server.accepted[0].closed
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address):
        pass


def test_many_are_accepted_in_one_poll(mgr, tcp, plug):
    server = Recorder()
    listener = tcp.bind(mgr, server)
    for _ in range(ACCEPT_BATCH + 10):
        plug(listener)
    mgr.poll(100)
    assert len(server.accepted) == ACCEPT_BATCH  # then it is the others' turn
    mgr.poll(100)
    assert len(server.accepted) == listener.children == ACCEPT_BATCH + 10


def test_max_connections_of_a_listener(mgr, tcp, plug):
    server = Recorder()
    listener = tcp.bind(mgr, server, max_connections=2)
    peers = [plug(listener) for _ in range(4)]
    settle(mgr)
    assert len(server.accepted) == listener.children == 2
    peers[0].close()
    until(mgr, lambda: len(server.accepted) == 3)
    settle(mgr)
    assert listener.children == 2
    server.accepted[1].close()
    until(mgr, lambda: len(server.accepted) == 4)


def test_max_per_address_refuses_what_one_host_opens_too_many(mgr, tcp, plug, logged):
    server = Recorder()
    listener = tcp.bind(mgr, server, max_per_address=2)
    peers = [plug(listener) for _ in range(4)]
    until(mgr, lambda: listener.refused == 2)
    assert len(server.accepted) == listener.children == 2
    warnings = [r.getMessage() for r in logged if "max_per_address" in r.getMessage()]
    assert len(warnings) == 1
    assert "127.0.0.1 has 2" in warnings[0]
    server.accepted[0].close()
    until(mgr, lambda: listener.children == 1)
    peers.append(plug(listener))
    until(mgr, lambda: len(server.accepted) == 3)
    assert listener.refused == 2
    until(mgr, lambda: listener.children == 2)


def test_max_connections_of_a_manager(plug):
    with Manager(max_connections=4) as mgr:
        server = Recorder()
        one, other = (mgr.bind("tcp://127.0.0.1:0", server) for _ in range(2))
        peers = [plug(listener) for listener in (one, other, one, other)]
        settle(mgr)
        assert len(mgr) == 4
        for done in range(1, 3):
            server.accepted[done - 1].close()
            until(mgr, lambda done=done: len(server.accepted) == 2 + done)
            assert len(mgr) == 4
        assert len(peers) == 4
        mgr.close(0)


def test_accept_rate(mgr, tcp, plug):
    server = Recorder()
    listener = tcp.bind(mgr, server, accept_rate=10)
    start = mgr.monotonic()
    for _ in range(12):
        plug(listener)
    settle(mgr)
    assert 10 <= len(server.accepted) < 12
    until(mgr, lambda: len(server.accepted) == 12)
    assert mgr.monotonic() - start >= 0.15


ROOM = 16


class Limit:
    """As many descriptors as there are now, and `spare` more."""

    def __init__(self, spare):
        highest = max(int(n) for n in os.listdir("/proc/self/fd"))
        self.before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.filled = []
        # Room for what is filled here, whether or not there are gaps below the highest.
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + ROOM, self.before[1]))
        with contextlib.suppress(OSError):
            while True:
                self.filled.append(os.dup(0))
        for _ in range(spare):
            os.close(self.filled.pop())

    def free(self, count):
        for _ in range(count):
            os.close(self.filled.pop())

    def lift(self):
        self.free(len(self.filled))
        resource.setrlimit(resource.RLIMIT_NOFILE, self.before)


@pytest.fixture
def limit():
    limits = []

    def make(spare):
        limits.append(Limit(spare))
        return limits[-1]

    yield make
    for one in limits:
        one.lift()


def test_out_of_descriptors_accepting_pauses_and_nothing_is_lost(mgr, tcp, plug, limit, logged):
    server = Recorder(recv=echo)
    listener = tcp.bind(mgr, server)
    peers = [plug(listener) for _ in range(6)]
    few = limit(2)
    settle(mgr, 3)
    assert len(server.accepted) == 2
    # It does not spin: a poll with nothing to do waits for as long as it may.
    before = mgr.monotonic()
    assert mgr.poll(20) == 0
    assert mgr.monotonic() - before >= 0.015
    # What is open goes on, and closing does not need a descriptor either.
    peers[0].send(b"x")
    until(mgr, lambda: peers[0].look() == b"x")
    server.accepted[1].abort()
    until(mgr, lambda: len(server.accepted) == 3)
    few.free(3)
    until(mgr, lambda: len(server.accepted) == 6)  # after a while, by itself
    peers[5].send(b"y")
    until(mgr, lambda: peers[5].look() == b"y")
    assert [r.getMessage() for r in logged if "accepting pauses" in r.getMessage()]


def test_out_of_descriptors_everything_else_works(mgr, tcp, plug, limit):
    client, server = Recorder(), Recorder()
    listener = tcp.bind(mgr, server)
    address = url(listener)
    peer = plug(listener)
    until(mgr, lambda: server.accepted)
    c = mgr.connect(address, Recorder())  # under way
    limit(0)
    failed = mgr.connect(address, client)
    until(mgr, lambda: client.count(EV_CLOSE))
    assert "open files" in failed.error
    assert client.story() == "CONNECT CLOSE"
    assert server.accepted[0].local == listener.local
    server.accepted[0].close_after_recv()
    until(mgr, peer.has_ended)
    c.abort()
    mgr.poll(0)
    assert c.closed


@pytest.mark.parametrize("event", ["accept", "connect", "poll", "recv", "send", "close", "timer"])
def test_a_handler_may_open_connections_in_any_event(mgr, tcp, event):
    quiet = Recorder(recv=echo)
    target = tcp.bind(mgr, quiet)
    opened: list[Any] = []

    def open_more(c, data):
        if not opened:
            opened.append(mgr.connect(url(target), Recorder()))
            opened.append(mgr.bind("tcp://127.0.0.1:0"))
            opened[0].send(b"hello")

    server = Recorder(recv=echo)
    client = Recorder()
    (server if event == "accept" else client).then[event] = open_more
    _, c = tcp.join(mgr, server, client)
    c.set_timer(1.0)
    c.send(b"x")
    until(mgr, lambda: client.count(EV_RECV))
    c.close()
    until(mgr, lambda: quiet.received == b"hello")
    assert not opened[1].closed


class Patient(Protocol):
    """Sees to the closing itself when the peer has ended its side."""

    def __init__(self):
        Protocol.__init__(self)
        self.ends = 0

    def child(self):
        return self

    def ended(self, c):
        self.ends += 1
        c.call_later(0, self.farewell, c)
        return True

    def farewell(self, c):
        c.send(b"bye")
        c.close_after_send()


def test_a_protocol_may_answer_after_the_end_of_input(mgr, tcp, plug):
    server = Recorder()
    listener = tcp.bind(mgr, server)
    listener.protocol = Patient()
    peer = plug(listener)
    peer.send(b"question")
    peer.sock.shutdown(socket.SHUT_WR)
    until(mgr, lambda: peer.look() == b"bye" and not listener.children)
    assert listener.protocol.ends == 1
    # A connection that only waits for the peer's end needs no protocol to close.
    peer = plug(listener)
    until(mgr, lambda: len(server.accepted) == 2)
    server.accepted[1].close_after_recv()
    settle(mgr)
    peer.sock.shutdown(socket.SHUT_WR)
    until(mgr, lambda: not listener.children)
    assert listener.protocol.ends == 1
