"""What all connections have in common: flags, closing, congestion, failing handlers, memory."""

import contextlib
import gc
import itertools
import logging
import weakref
from typing import Any

import pytest

from galidia import (
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONGESTED,
    EV_CONNECT,
    EV_DRAINED,
    EV_POLL,
    EV_RECV,
    EV_SEND,
    EV_TIMER,
    F_BUFFER_BUT_DONT_SEND,
    F_CLOSE_IMMEDIATELY,
    F_CONNECTING,
    F_LISTENING,
    F_RECV_AND_CLOSE,
    F_SEND_AND_CLOSE,
    F_SSL,
    F_UDP,
    F_USER_1,
    F_USER_6,
    Address,
    Event,
    Manager,
    Protocol,
    handles,
)
from galidia.core.events import mask_of
from tests.helpers import Recorder, echo, send_and_close, set_flag, settle, take, until

# -- flags ----------------------------------------------------------------------------------------


def test_user_flags_are_the_users(mgr, stream):
    _, c = stream.join(mgr, None, None)
    c.flags |= F_USER_1 | F_USER_6
    settle(mgr)
    assert c.flags & (F_USER_1 | F_USER_6) == F_USER_1 | F_USER_6
    c.flags &= ~F_USER_1
    assert c.flags & (F_USER_1 | F_USER_6) == F_USER_6


def test_flags_that_only_tell_are_put_back(mgr, carrier):
    listener, c = carrier.join(mgr, None, None)
    for one in (listener, c):
        before = one.flags
        one.flags = before | F_LISTENING | F_UDP | F_SSL | F_CONNECTING
        assert one.flags == before
        one.flags = 0
        assert one.flags == before
    c.send(b"x")
    settle(mgr)
    assert not c.closed


def test_flags_tell_the_kind(mgr, carrier):
    listener, c = carrier.join(mgr, None, None)
    assert listener.flags & F_LISTENING
    assert not c.flags & F_LISTENING
    for one in (listener, c):
        assert bool(one.flags & F_UDP) == (carrier.name == "udp")
        assert bool(one.flags & F_SSL) == (carrier.name == "tls")


def test_connecting_is_told_until_connect(mgr, carrier):
    flags: list[Any] = []
    client = Recorder(connect=lambda c, code: flags.append(c.flags & F_CONNECTING))
    c = carrier.connect(mgr, carrier.bind(mgr, None), client)
    assert c.flags & F_CONNECTING
    until(mgr, lambda: flags)
    assert flags == [0]


# -- closing --------------------------------------------------------------------------------------


def test_send_and_close_sends_first(mgr, stream):
    client = Recorder()
    server = Recorder(accept=send_and_close(b"x" * 3_000_000))
    listener = stream.bind(mgr, server)
    stream.connect(mgr, listener, client)
    until(mgr, lambda: client.count(EV_CLOSE))
    assert len(client.received) == 3_000_000


def test_send_and_close_goes_on_receiving(mgr, tcp):
    server = Recorder()
    _, c = tcp.join(mgr, server, Recorder())
    until(mgr, lambda: server.accepted)
    (inbound,) = server.accepted
    set_flag(inbound, F_BUFFER_BUT_DONT_SEND)
    inbound.send(b"later")
    inbound.close_after_send()
    c.send(b"question")
    until(mgr, lambda: server.received == b"question")
    assert not inbound.closed
    set_flag(inbound, F_BUFFER_BUT_DONT_SEND, on=False)
    until(mgr, lambda: inbound.closed)


def test_send_and_close_can_be_taken_back(mgr, tcp):
    _, c = tcp.join(mgr, None, None)
    set_flag(c, F_BUFFER_BUT_DONT_SEND)
    c.send(b"x")
    c.close_after_send()
    mgr.poll(0)
    c.flags = 0
    settle(mgr)
    assert not c.closed


def test_close_immediately_drops_what_was_not_sent(mgr, stream):
    server, client = Recorder(), Recorder()
    _, c = stream.join(mgr, server, client)
    c.send(b"never")
    set_flag(c, F_CLOSE_IMMEDIATELY)
    mgr.poll(0)
    assert c.closed
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.received == b""
    assert client.story() == "CONNECT CLOSE"


def test_recv_and_close_ends_its_side_and_goes_on_receiving(mgr, stream):
    def serve(c, n):
        if take(c) == b"question":
            c.send(b"answer")

    server, client = Recorder(recv=serve), Recorder()
    _, c = stream.join(mgr, server, client)
    c.send(b"question")
    c.close_after_recv()
    assert c.flags & F_RECV_AND_CLOSE
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.received == b"answer"
    assert server.story().endswith("CLOSE")


def test_abort_resets(mgr, tcp, plug):
    server = Recorder(accept=lambda c, _: c.abort())
    peer = plug(tcp.bind(mgr, server))
    until(mgr, peer.has_ended)
    assert peer.was_reset
    assert server.story() == "ACCEPT CLOSE"


def test_close_does_not_reset(mgr, tcp, plug):
    peer = plug(tcp.bind(mgr, Recorder(accept=lambda c, _: c.close())))
    until(mgr, peer.has_ended)
    assert not peer.was_reset


@pytest.mark.parametrize("how", ["close", "close_after_send", "close_after_recv", "abort"])
@pytest.mark.parametrize("kind", ["listener", "timer"])
def test_listeners_and_timers_close_in_every_way(mgr, carrier, how, kind):
    handler = Recorder()
    c = carrier.bind(mgr, handler) if kind == "listener" else mgr.adopt(None, handler)
    getattr(c, how)()
    mgr.poll(0)
    assert handler.story() == "CLOSE"
    assert len(mgr) == 0


def test_in_close_the_socket_is_gone_and_the_buffers_are_not(mgr, carrier):
    seen = []

    def on_close(c, data):
        seen.append((c.fileno(), bytes(c.recv_mbuf), bytes(c.send_mbuf), c.closed, data))
        c.send(b"no effect")
        assert c.send_mbuf == b"unsent"

    _listener, c = carrier.join(mgr, Recorder(recv=echo), Recorder(close=on_close))
    if carrier.name != "udp":  # there each datagram is gone after RECV
        c.send(b"received")
        until(mgr, lambda: c.recv_mbuf)
    set_flag(c, F_BUFFER_BUT_DONT_SEND)
    c.send(b"unsent")
    c.close()
    mgr.poll(0)
    received = b"received" if carrier.name != "udp" else b""
    assert seen == [(-1, received, b"unsent", True, None)]
    c.send(b"no effect")
    c.close()
    settle(mgr)
    assert len(seen) == 1
    assert c not in list(mgr)


def test_the_peer_is_known_in_close(mgr, carrier):
    peers = []
    server = Recorder(recv=lambda c, n: c.close(), close=lambda c, _: peers.append(c.peer))
    listener, c = carrier.join(mgr, server, Recorder(close=lambda c, _: peers.append(c.peer)))
    local = c.local
    c.send(b"x")
    until(mgr, lambda: peers)
    c.close()
    until(mgr, lambda: len(peers) == 2)
    expected = Address("") if carrier.name == "unix" else local
    assert peers == [expected, listener.local]


def test_close_timeout_ends_what_makes_no_progress(mgr, tcp, plug):
    server = Recorder()
    listener = tcp.bind(mgr, server, close_timeout=0.02)
    peer = plug(listener)
    until(mgr, lambda: server.accepted)
    (inbound,) = server.accepted
    assert inbound.close_timeout == 0.02
    set_flag(inbound, F_BUFFER_BUT_DONT_SEND)
    inbound.send(b"x")
    inbound.close_after_send()
    until(mgr, peer.has_ended)
    assert peer.was_reset
    assert inbound.error == "closing took too long"


def test_close_timeout_does_not_end_what_moves(mgr, tcp, plug):
    server = Recorder(accept=send_and_close(b"x" * 8_000_000))
    peer = plug(tcp.bind(mgr, server, close_timeout=0.05))
    # Slower than the time-out for the whole, but never still for that long.
    while not peer.ended:
        mgr.poll(1)
        try:
            data = peer.sock.recv(100_000)
        except BlockingIOError:
            continue
        peer.received += data
        peer.ended = not data
    assert len(peer.received) == 8_000_000


@pytest.mark.parametrize("event", ["accept", "connect", "poll", "recv", "send", "close", "timer"])
@pytest.mark.parametrize("how", ["close", "abort", "close_after_send", "close_after_recv"])
def test_a_handler_may_close_its_connection_in_any_event(mgr, stream, event, how):
    handler = Recorder(**{event: lambda c, _: c.listener is None or getattr(c, how)()})
    if event == "connect":
        handler.then = {event: lambda c, _: getattr(c, how)()}
    server = Recorder() if event == "connect" else handler
    client = handler if event == "connect" else Recorder()
    server.then.setdefault("recv", echo)
    listener, c = stream.join(mgr, server, client)
    if event != "connect":
        until(mgr, lambda: server.accepted)
        server.accepted[0].set_timer(1.0)
    c.send(b"hello")
    settle(mgr)
    c.close()
    until(mgr, lambda: client.count(EV_CLOSE) and not listener.children)
    for one in [c, *server.accepted]:
        names = (client if one is c else server).story(one).split()
        assert names.count("CLOSE") == 1
        assert names[-1] == "CLOSE"


# -- handlers that fail ---------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["accept", "connect", "poll", "recv", "send", "close", "timer"])
def test_a_handler_that_raises_costs_its_connection_only(mgr, tcp, logged, event):
    def fail(c, data):
        if not c.flags & F_LISTENING:
            raise ZeroDivisionError("on purpose")

    failing, other = Recorder(**{event: fail}), Recorder()
    listener = tcp.bind(mgr, failing if event == "accept" else Recorder(recv=echo))
    bystander = tcp.connect(mgr, tcp.bind(mgr, Recorder(recv=echo)), other)
    client = None if event == "accept" else failing
    c = tcp.connect(mgr, listener, client)
    c.set_timer(mgr.time() + 0.05 if event == "timer" else 0)
    c.send(b"x")
    until(mgr, lambda: c.closed or event in ("accept", "close"))
    c.close()
    until(mgr, lambda: failing.count(EV_CLOSE))
    assert failing.count(EV_CLOSE) == 1
    (record,) = [r for r in logged if r.levelno >= logging.ERROR]
    assert event.upper() in record.getMessage()
    assert "Connection" in record.getMessage()
    assert record.exc_info[0] is ZeroDivisionError
    assert event == "close" or event.upper() in failing.log[-1][0].error
    bystander.send(b"still there")
    until(mgr, lambda: other.received == b"still there")


def test_an_interrupt_goes_through_and_nothing_is_lost(mgr, tcp, plug):
    """KeyboardInterrupt leaves poll; everything that was ready is still served afterwards."""
    raised: list[Any] = []

    def interrupt(c, n):
        if not raised:
            raised.append(c)
            raise KeyboardInterrupt

    server = Recorder(recv=interrupt)
    listener = tcp.bind(mgr, server)
    peers = [plug(listener) for _ in range(5)]
    until(mgr, lambda: server.count(EV_ACCEPT) == 5)
    for i, peer in enumerate(peers):
        peer.send(b"%d" % i)
    with pytest.raises(KeyboardInterrupt):
        until(mgr, lambda: False)
    until(mgr, lambda: sorted(server.received) == sorted(b"01234"))
    raised[0].send(b"alive")
    until(mgr, lambda: any(peer.look() == b"alive" for peer in peers))


@pytest.mark.parametrize("event", ["accept", "connect", "poll", "recv", "send", "close", "timer"])
def test_an_interrupt_in_any_event_leaves_the_manager_usable(mgr, tcp, event):
    raised: list[Any] = []

    def interrupt(c, data):
        if not raised and not c.flags & F_LISTENING:
            raised.append(c)
            raise KeyboardInterrupt

    server, client = Recorder(recv=echo), Recorder()
    (server if event == "accept" else client).then[event] = interrupt
    listener = tcp.bind(mgr, server)
    c = tcp.connect(mgr, listener, client)
    c.set_timer(1.0)
    c.send(b"x")

    def run():
        until(mgr, lambda: client.received == b"x")
        c.close()
        until(mgr, lambda: server.count(EV_CLOSE) and client.count(EV_CLOSE))

    with pytest.raises(KeyboardInterrupt):
        run()
    if event != "close":
        run()
    settle(mgr)
    assert client.story().split().count("CLOSE") == 1
    other = Recorder()
    tcp.connect(mgr, listener, other).send(b"y")
    until(mgr, lambda: other.received == b"y")


def test_internal_handlers_do_not_count(mgr):
    assert mgr.adopt(None).handler is not None
    assert mgr.poll(0) == 0


# -- output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
def test_what_can_be_sent(mgr, data):
    one, _ = mgr.socketpair()
    one.send(data)
    assert one.send_mbuf == b"abc"


@pytest.mark.parametrize("data", ["text", 5, None, object()])
def test_what_cannot_be_sent(mgr, data):
    one, _ = mgr.socketpair()
    with pytest.raises(TypeError):
        one.send(data)
    assert one.send_mbuf == b""


def test_appending_to_send_mbuf_is_as_good_as_send(mgr, carrier):
    server = Recorder()
    _, c = carrier.join(mgr, server, None)
    c.send_mbuf.extend(b"by hand")
    until(mgr, lambda: server.received == b"by hand")


def test_forward_moves_everything(mgr):
    end = Recorder()
    one, inner = mgr.socketpair()
    outer, _ = mgr.socketpair(None, end)
    inner.handler = Recorder(recv=lambda c, n: c.forward(outer))
    one.send(b"through")
    until(mgr, lambda: end.received == b"through")
    assert inner.recv_mbuf == b""


def test_buffer_but_dont_send(mgr, stream):
    server, client = Recorder(), Recorder()
    _, c = stream.join(mgr, server, client)
    set_flag(c, F_BUFFER_BUT_DONT_SEND)
    c.send(b"held ")
    settle(mgr)
    c.send(b"back")
    settle(mgr)
    assert server.received == b""
    assert c.send_mbuf == b"held back"
    set_flag(c, F_BUFFER_BUT_DONT_SEND, on=False)
    until(mgr, lambda: server.received == b"held back")
    assert client.data(EV_SEND) == [9]


# -- congestion -----------------------------------------------------------------------------------


def held(mgr, **options):
    """A connection that sends nothing until it is let go, and the recorder of the other end."""
    end, handler = Recorder(), Recorder()
    c, _ = mgr.socketpair(handler, end)
    for name, value in options.items():
        setattr(c, name, value)
    set_flag(c, F_BUFFER_BUT_DONT_SEND)
    return c, handler, end


def let_go(c):
    set_flag(c, F_BUFFER_BUT_DONT_SEND, on=False)


def test_a_peer_that_is_too_slow_is_closed(mgr):
    c, handler, _ = held(mgr, send_mbuf_limit=100)
    c.send(b"x" * 100)
    mgr.poll(0)
    assert handler.story() == ""
    c.send(b"y")
    mgr.poll(0)
    assert handler.story() == "CONGESTED CLOSE"
    assert handler.data(EV_CONGESTED) == [101]
    assert "too slow" in c.error


def test_a_handler_can_make_room_in_congested(mgr):
    c, handler, end = held(mgr, send_mbuf_limit=100)
    handler.then["congested"] = lambda c, n: c.send_mbuf.clear()
    c.send(b"x" * 100)
    c.send(b"y")
    settle(mgr)
    assert handler.story() == "CONGESTED DRAINED"
    c.send(b"fresh")
    let_go(c)
    until(mgr, lambda: end.received == b"fresh")


def test_one_large_send_is_not_congestion(mgr):
    c, handler, end = held(mgr, send_mbuf_limit=100)
    c.send(b"x" * 10_000)
    let_go(c)
    until(mgr, lambda: len(end.received) == 10_000)
    assert not handler.count(EV_CONGESTED)


def test_drop_oldest_drops_whole_messages(mgr):
    c, handler, end = held(mgr, send_mbuf_limit=100, congestion="drop_oldest")
    for i in range(30):
        c.send(b"<%08d>" % i)
    assert len(c.send_mbuf) <= 100
    let_go(c)
    until(mgr, lambda: handler.count(EV_DRAINED))
    until(mgr, lambda: end.received.endswith(b"<00000029>"))
    numbers = [int(n) for n in end.received.decode().strip("<>").split("><")]
    assert numbers == list(range(numbers[0], 30))
    assert numbers[0] > 0
    assert handler.count(EV_CONGESTED) == 1
    assert not c.closed


def test_drop_oldest_never_cuts_a_message_that_is_on_its_way(mgr, tcp, plug):
    """With a peer that reads slowly: whole messages in order, the last one among them."""
    server = Recorder()
    peer = plug(tcp.bind(mgr, server, congestion="drop_oldest", send_mbuf_limit=200_000))
    until(mgr, lambda: server.accepted)
    (c,) = server.accepted
    assert c.congestion == "drop_oldest"
    for i in range(3000):
        c.send(b"%06d" % i + b"." * 9994)
        if i % 7 == 0:
            mgr.poll(0)
            try:
                peer.received += peer.sock.recv(15_000)
            except BlockingIOError:
                pass
    until(mgr, lambda: peer.look() and not c.send_mbuf)
    peer.look()
    data = bytes(peer.received)
    messages = [data[i : i + 10_000] for i in range(0, len(data), 10_000)]
    numbers = [int(m[:6]) for m in messages]
    assert all(m[6:] == b"." * 9994 for m in messages)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 2999
    assert len(numbers) < 3000
    gap = max(b - a for a, b in itertools.pairwise(numbers))
    assert gap > 1  # what was dropped was not the newest


def test_pause_source_stops_reading_from_the_source(mgr, tcp, plug):
    """A relay whose far side does not read holds its near side back, and goes on later."""
    near, far = Recorder(), Recorder()
    source = plug(tcp.bind(mgr, near))
    sink = plug(tcp.bind(mgr, far, congestion="pause_source", send_mbuf_limit=100_000))
    until(mgr, lambda: near.accepted and far.accepted)
    outward = far.accepted[0]
    outward.source = near.accepted[0]
    near.then["recv"] = lambda c, n: c.forward(outward)
    sent = 0

    def feed():
        nonlocal sent
        with contextlib.suppress(BlockingIOError):
            sent += source.send(b"x" * 50_000)

    until(mgr, lambda: feed() or far.count(EV_CONGESTED))
    passed = len(near.received)
    for _ in range(10):
        feed()
        mgr.poll(1)
    assert len(near.received) == passed
    assert len(outward.send_mbuf) <= 200_000
    until(mgr, lambda: len(sink.look()) == sent)
    assert far.count(EV_CONGESTED) == far.count(EV_DRAINED) > 0
    assert not outward.closed


def test_a_source_is_released_when_the_congested_one_closes(mgr):
    c, handler, _ = held(mgr, send_mbuf_limit=10, congestion="pause_source")
    feeder = Recorder()
    source, other = mgr.socketpair(feeder)
    c.source = source
    c.send(b"x" * 10)
    c.send(b"y")
    mgr.poll(0)
    other.send(b"waits")
    settle(mgr)
    assert handler.story() == "CONGESTED"
    assert feeder.received == b""
    c.close()
    until(mgr, lambda: feeder.received == b"waits")


@pytest.mark.parametrize("change", ["source", "congestion"])
def test_a_source_is_released_when_it_is_replaced(mgr, change):
    c, _, _ = held(mgr, send_mbuf_limit=10, congestion="pause_source")
    feeder = Recorder()
    source, other = mgr.socketpair(feeder)
    c.source = source
    c.send(b"x" * 10)
    c.send(b"y")
    mgr.poll(0)
    other.send(b"waits")
    settle(mgr)
    assert feeder.received == b""
    setattr(c, change, None if change == "source" else "drop_oldest")
    until(mgr, lambda: feeder.received == b"waits")


def test_past_twice_the_limit_only_drop_oldest_goes_on(mgr):
    c, handler, _ = held(mgr, send_mbuf_limit=100, congestion="pause_source")
    c.send(b"x" * 200)
    c.send(b"y")
    mgr.poll(0)
    assert handler.story().endswith("CLOSE")
    assert len(c.send_mbuf) == 200


@pytest.mark.parametrize("wrong", ["", "drop", None, 1])
def test_policies_have_names(mgr, wrong):
    c = mgr.adopt(None)
    with pytest.raises(ValueError, match="congestion"):
        c.congestion = wrong
    assert c.congestion == "close"


# -- memory ---------------------------------------------------------------------------------------


def test_hogs_are_paused_and_the_others_go_on():
    with Manager(memory_limit=400_000) as mgr:
        kept, served = Recorder(), Recorder(recv=echo)
        hog, _ = mgr.socketpair(None, kept)
        modest, _ = mgr.socketpair(None, served)
        hog.send_mbuf_limit = 1 << 30
        fed = 0
        for _ in range(100):
            if not hog.send_mbuf:
                hog.send(b"x" * 60_000)
                fed += 60_000
            settle(mgr, 2)
        swollen = kept.c
        assert len(swollen.recv_mbuf) < 400_000
        assert fed > len(swollen.recv_mbuf)
        assert mgr.buffered >= len(swollen.recv_mbuf)
        modest.send(b"hello")
        until(mgr, lambda: served.received == b"hello")
        swollen.recv_mbuf.clear()
        before = len(kept.received)
        until(mgr, lambda: len(kept.received) > before)
        mgr.close(0)


def test_the_sum_of_buffers_is_kept_right(mgr, tcp):
    server = Recorder()
    _, c = tcp.join(mgr, server, None)
    c.send(b"x" * 1000)
    until(mgr, lambda: len(server.received) == 1000)
    settle(mgr)
    assert mgr.buffered == 1000
    (inbound,) = server.accepted
    del inbound.recv_mbuf[:400]
    inbound.send(b"y")
    settle(mgr)
    assert mgr.buffered == 600 + len(c.recv_mbuf)
    inbound.close()
    c.close()
    settle(mgr)
    assert mgr.buffered == 0


@handles(EV_ACCEPT, EV_CONNECT, EV_RECV, EV_CLOSE)
def quiet(c, ev, data):
    if ev == EV_RECV:
        c.send(take(c))
        if c.user_data != "listener":
            c.close()


def churn(mgr, address, rounds, how):
    """Connect, send, answer, and end in one of several ways."""
    for i in range(rounds):
        c = mgr.connect(address, quiet)
        c.congestion = ("close", "drop_oldest", "pause_source")[i % 3]
        c.set_timer(mgr.time() + 1000)
        c.call_later(1000, print)
        c.send(b"hello")
        while len(mgr) > 1:
            mgr.poll(0)
            if how(i):
                c.abort()
        del c


@pytest.mark.parametrize("how", ["answered", "reset"])
def test_nothing_is_left_of_closed_connections(mgr, stream, how):
    """Without the collector of cycles: connections that are done leave no object behind."""
    address = {"tcp": "tcp", "tls": "tls"}.get(stream.name)
    listener = stream.bind(mgr, quiet, user_data="listener")
    target = f"{address}://{listener.local}" if address else stream.address

    def count():
        return len(gc.get_objects())

    real = mgr.connect

    class Through:
        """The manager with this carrier's options."""

        def connect(self, _, handler):
            return real(target, handler, **stream.client)

        def __getattr__(self, name):
            return getattr(mgr, name)

        def __len__(self):
            return len(mgr)

    def end(i):
        return how == "reset" and i % 2

    churn(Through(), target, 50, end)
    gc.collect()
    gc.disable()
    try:
        before = count()
        churn(Through(), target, 300, end)
        assert count() - before < 100
    finally:
        gc.enable()


def test_a_closed_connection_is_freed_at_once(mgr):
    handler = Recorder()
    one, other = mgr.socketpair(lambda c, ev, data: None)
    one.source = other
    one.set_timer(mgr.time() + 100)
    alive = weakref.ref(one)
    one.close()
    gc.disable()
    try:
        mgr.poll(0)
        del one
        assert alive() is None
    finally:
        gc.enable()
    other.handler = handler


def test_repr_says_who_it_is(mgr, tcp):
    listener, c = tcp.join(mgr, None, None)
    assert str(c.id) in repr(c)
    assert str(listener.local) in repr(listener)
    assert "listener" in repr(listener)
    assert str(listener.local) in repr(c)
    c.close()
    mgr.poll(0)
    assert "closed" in repr(c)


def test_poll_is_not_sent_before_the_first_event(mgr, carrier):
    server, client = Recorder(), Recorder()
    carrier.connect(mgr, carrier.bind(mgr, server), client).send(b"x")
    until(mgr, lambda: client.count(EV_POLL) and server.count(EV_RECV))
    assert client.log[0][1] == EV_CONNECT
    inbound = [ev for c, ev, _ in server.log if c.listener is not None]
    assert inbound[0] == EV_ACCEPT


def test_poll_tells_the_time(mgr):
    handler = Recorder()
    mgr.adopt(None, handler)
    before = mgr.time()
    mgr.poll(0)
    (now,) = handler.data(EV_POLL)
    assert before <= now <= mgr.time()


def test_emit_takes_any_number(mgr):
    seen = []
    c = mgr.adopt(None, lambda c, ev, data: seen.append((ev, data)))
    c.emit(Event.HTTP_REQUEST, 1)
    c.emit(5000, 2)
    c.emit(-1, 3)
    assert seen == [(Event.HTTP_REQUEST, 1), (5000, 2), (-1, 3)]
    assert seen[0][0] is Event.HTTP_REQUEST


def test_flag_names_match_methods(mgr):
    for method, flag in [
        ("close", F_CLOSE_IMMEDIATELY),
        ("close_after_send", F_SEND_AND_CLOSE),
        ("close_after_recv", F_RECV_AND_CLOSE),
    ]:
        c = mgr.adopt(None)
        getattr(c, method)()
        assert c.flags & flag
        assert c.closing == (flag != F_RECV_AND_CLOSE)


def test_a_protocol_lives_until_its_event_is_over(mgr):
    class Fading(Protocol):
        def on_event(self, c, ev, data):
            c.protocol = None
            told.append("over")

        def __del__(self):
            told.append("gone")

    told: list[str] = []
    c = mgr.adopt(None)
    c.protocol = Fading(mask_of(EV_TIMER))
    c.set_timer(1.0)
    mgr.poll(0)
    assert told == ["over", "gone"]
