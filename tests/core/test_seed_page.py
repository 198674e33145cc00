"""The page that the event model is taken from, one test for each of its sentences."""

import errno

import pytest

from galidia import (
    ERR_TLS,
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONNECT,
    EV_POLL,
    EV_RECV,
    EV_SEND,
    EV_TIMER,
    F_SEND_AND_CLOSE,
    Protocol,
)
from tests.helpers import Recorder, echo, set_flag, settle, take, until, url


def test_accepts_reads_writes_and_calls_the_handlers_of_each_connection(mgr, carrier):
    """Incoming connections are accepted, bytes read and written, and each connection's own
    handler is called when there is something for it."""
    server, first, second = Recorder(recv=echo), Recorder(), Recorder()
    listener = carrier.bind(mgr, server)
    for handler, text in (first, b"one"), (second, b"two"):
        carrier.connect(mgr, listener, handler).send(text)
    until(mgr, lambda: first.received and second.received)
    assert (bytes(first.received), bytes(second.received)) == (b"one", b"two")
    assert len(server.connections) == 2 + (listener in server.connections)


def test_outbound_sequence_is_connect_then_traffic_then_close(mgr, carrier):
    """An outbound connection: CONNECT; then RECV, SEND and POLL; then CLOSE."""
    client = Recorder(recv=lambda c, n: c.close())
    carrier.connect(mgr, carrier.bind(mgr, Recorder(recv=echo)), client).send(b"hello")
    until(mgr, lambda: client.count(EV_CLOSE))
    settle(mgr)
    assert client.story() == "CONNECT SEND RECV CLOSE"
    assert [client.log[0][1], client.log[-1][1]] == [EV_CONNECT, EV_CLOSE]
    assert client.count(EV_POLL)


def test_inbound_sequence_is_accept_then_traffic_then_close(mgr, carrier):
    """An inbound connection: ACCEPT; then RECV, SEND and POLL; then CLOSE."""
    server = Recorder(recv=echo, send=lambda c, n: c.close())
    listener = carrier.bind(mgr, server)
    carrier.connect(mgr, listener, Recorder()).send(b"hello")
    until(mgr, lambda: server.count(EV_CLOSE))
    settle(mgr)
    (c,) = [c for c in server.connections if c is not listener]
    assert server.story(c) == "ACCEPT RECV SEND CLOSE"
    own = [ev for who, ev, _ in server.log if who is c]
    assert [own[0], own[-1]] == [EV_ACCEPT, EV_CLOSE]


class Shouting(Protocol):
    """Emits an event of its own for each line, number 900."""

    __slots__ = ()

    def on_event(self, c, ev, data):
        c.emit(ev, data)
        if ev == EV_RECV:
            c.emit(900, take(c).upper())


def test_a_protocol_has_events_of_its_own_in_addition(mgr, tcp):
    """Each protocol triggers its own events in addition to the core ones."""
    events = []
    listener = tcp.bind(mgr, lambda c, ev, data: events.append((int(ev), data)))
    listener.protocol = Shouting(1 << EV_RECV)
    tcp.connect(mgr, listener, None).send(b"hello")
    until(mgr, lambda: (900, b"HELLO") in events)
    numbers = [ev for ev, _ in events if ev != EV_POLL]
    assert numbers == [EV_ACCEPT, EV_RECV, 900]


def test_accept_comes_with_the_address_of_the_peer(mgr, carrier):
    """ACCEPT is sent when a listener accepts a connection; its data is the peer's address."""
    server = Recorder()
    listener = carrier.bind(mgr, server)
    client = carrier.connect(mgr, listener, None)
    client.send(b"x")
    until(mgr, lambda: server.count(EV_ACCEPT))
    (address,) = server.data(EV_ACCEPT)
    assert address == client.local


def test_connect_tells_success_with_0(mgr, carrier):
    """CONNECT is sent when an outbound connection succeeded: its data is 0."""
    client = Recorder()
    carrier.join(mgr, None, client)
    assert client.data(EV_CONNECT) == [0]


def test_connect_tells_failure_with_an_error_code(mgr, tcp, tls):
    """CONNECT is sent when an outbound connection failed: its data is an error code."""
    listener = tcp.bind(mgr, None)
    refused, no_tls = Recorder(), Recorder()
    address = url(listener)
    mgr.connect(url(tls.bind(mgr, None), "tls"), no_tls)
    listener.close()
    mgr.poll(0)
    mgr.connect(address, refused)
    until(mgr, lambda: refused.count(EV_CLOSE) and no_tls.count(EV_CLOSE))
    assert refused.story() == no_tls.story() == "CONNECT CLOSE"
    assert (refused.data(EV_CONNECT), no_tls.data(EV_CONNECT)) == ([errno.ECONNREFUSED], [ERR_TLS])


def test_received_data_is_appended_and_counted(mgr, stream):
    """RECV: new data was appended to the end of recv_mbuf; its data is the number of bytes."""
    seen = []
    server = Recorder(recv=lambda c, n: seen.append(bytes(c.recv_mbuf)))
    _, client = stream.join(mgr, server, None)
    client.send(b"abc")
    until(mgr, lambda: seen == [b"abc"])
    client.send(b"de")
    until(mgr, lambda: len(seen) == 2)
    assert seen[1] == b"abcde"
    assert server.data(EV_RECV) == [3, 2]


def test_a_handler_discards_sets_flags_and_answers(mgr, stream):
    """In RECV a handler typically checks what came, discards it, sets flags and writes."""

    def serve(c, n):
        assert c.recv_mbuf == b"ping"
        del c.recv_mbuf[:4]
        c.send(b"pong")
        set_flag(c, F_SEND_AND_CLOSE)

    client = Recorder()
    _, c = stream.join(mgr, Recorder(recv=serve), client)
    c.send(b"ping")
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.received == b"pong"


def test_what_is_not_discarded_stays(mgr, stream):
    """The user discards processed data from the beginning of the buffer; nobody else does."""
    server = Recorder(recv=lambda c, n: c.recv_mbuf.__delitem__(slice(0, 2)))
    _, client = stream.join(mgr, server, None)
    for count in (1, 2, 3):
        client.send(b"xxab")
        until(mgr, lambda count=count: len(server.received) == 4 * count)
    assert len(server.accepted[0].recv_mbuf) == 6


def test_sent_data_has_left_the_buffer_and_is_counted(mgr, carrier):
    """SEND: data was written and discarded from send_mbuf; its data is the number of bytes."""
    left = []
    client = Recorder(send=lambda c, n: left.append(len(c.send_mbuf)))
    _, c = carrier.join(mgr, None, client)
    c.send(b"12345")
    until(mgr, lambda: left)
    assert left == [0]
    assert client.data(EV_SEND) == [5]


def test_output_only_appends_and_poll_writes(mgr, tcp, plug):
    """Output functions append to send_mbuf and write nothing: the I/O is done by poll."""
    server = Recorder()
    peer = plug(tcp.bind(mgr, server))
    until(mgr, lambda: server.count(EV_ACCEPT))
    (inbound,) = server.accepted
    inbound.send(b"one ")
    inbound.send(b"two")
    assert inbound.send_mbuf == b"one two"
    assert peer.look() == b""
    mgr.poll(0)
    assert peer.look() == b"one two"
    assert inbound.send_mbuf == b""


def test_poll_is_sent_to_all_connections_on_each_poll(mgr, carrier):
    """POLL goes to all connections on each invocation of poll."""
    handler = Recorder()
    listener, _ = carrier.join(mgr, handler, handler)
    timer = mgr.adopt(None, handler)
    settle(mgr)
    everybody = [listener, *[c for c in mgr if c is not listener]]
    assert timer in everybody
    handler.log.clear()
    for _ in range(3):
        mgr.poll(0)
    assert {c: handler.count(EV_POLL, c) for c in everybody} == dict.fromkeys(everybody, 3)


def test_poll_can_do_housekeeping(mgr, tcp):
    """POLL can be used to check whether a timeout has expired, and to close or send."""

    def housekeeping(c, now):
        if c.listener is not None and now >= c.last_io_time:
            c.send(b"heartbeat")
            c.close_after_send()

    client = Recorder()
    tcp.join(mgr, Recorder(poll=housekeeping), client)
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.received == b"heartbeat"


@pytest.mark.parametrize("kind", ["listener", "outbound", "timer"])
def test_timer_comes_if_it_was_set(mgr, tcp, kind):
    """TIMER is sent to the connection if set_timer was called."""
    handler, other = Recorder(), Recorder()
    if kind == "timer":
        c = mgr.adopt(None, handler)
    else:
        c = tcp.join(mgr, *((handler, other) if kind == "listener" else (other, handler)))[
            kind == "outbound"
        ]
    settle(mgr)
    assert not handler.count(EV_TIMER)
    when = mgr.time() + 0.01
    c.set_timer(when)
    until(mgr, lambda: handler.count(EV_TIMER, c))
    assert handler.data(EV_TIMER) == [when]
    assert not other.count(EV_TIMER)
