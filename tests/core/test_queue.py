"""What is queued while a connection is served is done all the same; no wait is in vain."""

import socket
from typing import Any

import pytest

from galidia import (
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONNECT,
    EV_RECV,
    EV_SEND,
    Connection,
    Manager,
    handles,
)
from galidia.core.stream import WRITE_BURST
from galidia.testing import SimNetwork
from tests.helpers import PATIENCE, Carrier, Recorder, until


def pair(mgr: Manager, handler: Any) -> tuple[Connection, socket.socket]:
    one, other = socket.socketpair()
    other.settimeout(PATIENCE)
    return mgr.adopt(one, handler), other


def test_an_answer_that_takes_several_bursts_is_sent(mgr: Manager) -> None:
    size = 8 * WRITE_BURST

    @handles(EV_RECV)
    def handler(c: Connection, ev: int, data: Any) -> None:
        c.send(bytes(size))

    _, raw = pair(mgr, handler)
    raw.setblocking(False)
    with raw:
        raw.send(b"go")
        got = 0
        while got < size:
            mgr.poll(0 if got else 1000)
            try:
                while part := raw.recv(size):  # so that its next write never waits for room
                    got += len(part)
            except BlockingIOError:
                pass
        assert got == size


def test_a_send_from_a_send_event_does_not_block_later_ones(mgr: Manager) -> None:
    answers = [b"second", b"third"]

    @handles(EV_RECV, EV_SEND)
    def handler(c: Connection, ev: int, data: Any) -> None:
        if ev == EV_RECV:
            c.send(b"first")
        elif answers:
            c.send(answers.pop(0))

    c, raw = pair(mgr, handler)
    with raw:
        raw.send(b"go")
        mgr.poll(1000)
        assert raw.recv(100) == b"firstsecondthird"
        c.send(b"later")
        mgr.poll(0)
        assert raw.recv(100) == b"later"


def test_what_is_sent_on_accept_needs_no_input(mgr: Manager, stream: Carrier) -> None:
    client = Recorder()

    @handles(EV_ACCEPT)
    def server(c: Connection, ev: int, data: Any) -> None:
        c.send(b"welcome")

    stream.connect(mgr, stream.bind(mgr, server), client)
    until(mgr, lambda: client.received == b"welcome")


@pytest.mark.parametrize("grace", [0.0, 5.0])
def test_closing_idle_connections_takes_no_time(grace: float) -> None:
    net = SimNetwork()
    mgr = Manager(network=net)
    listener = mgr.bind("tcp://10.0.0.1:7")
    c = mgr.connect(f"tcp://{listener.local}")
    assert net.run(lambda: len(mgr) == 3)
    before = net.now
    mgr.close(grace)
    assert net.now == before
    assert c.closed


def test_an_interrupted_connect_is_not_told_twice(mgr: Manager) -> None:
    events: list[int] = []

    @handles(EV_CONNECT, EV_CLOSE)
    def handler(c: Connection, ev: int, data: Any) -> None:
        events.append(ev)
        if ev == EV_CONNECT:
            raise SystemExit

    with socket.socket() as refuses:
        refuses.bind(("127.0.0.1", 0))  # and does not listen
        mgr.connect(f"tcp://127.0.0.1:{refuses.getsockname()[1]}", handler)
        with pytest.raises(SystemExit):
            until(mgr, lambda: EV_CLOSE in events)
        until(mgr, lambda: EV_CLOSE in events)
    assert events == [EV_CONNECT, EV_CLOSE]
