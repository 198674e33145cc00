"""The order of the events of a connection, exactly, on a network that repeats itself."""

import errno
from collections.abc import Callable
from typing import Any

import pytest

from galidia import (
    ERR_RESOLVE,
    ERR_TLS,
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONGESTED,
    EV_CONNECT,
    EV_RECV,
    EV_SEND,
    EV_TIMER,
    F_BUFFER_BUT_DONT_SEND,
    F_CLOSE_IMMEDIATELY,
    F_SEND_AND_CLOSE,
    Event,
    Manager,
    handles,
)
from galidia.testing import Faults, SimNetwork
from tests.helpers import Certificates, Recorder, echo, set_flag, take

ADDRESS = "tcp://10.0.0.1:80"


def accepted(server: Recorder) -> Any:
    """The first connection that was accepted."""
    return next(c for c, ev, _ in server.log if ev == EV_ACCEPT)


def say(data: bytes, then: str = "") -> Callable[[Any, Any], None]:
    """What a handler does: send this, and call that method."""

    def act(c: Any, _: Any) -> None:
        c.send(data)
        if then:
            getattr(c, then)()

    return act


@pytest.fixture(params=["tcp", "tls", "unix"])
def carrier(request: pytest.FixtureRequest, certs: Certificates) -> tuple[str, Any, Any]:
    """An address, and the options of both sides."""
    if request.param == "unix":
        return "unix:/run/echo", {}, {}
    if request.param == "tcp":
        return ADDRESS, {}, {}
    client = {"ca": certs.ca, "server_name": "localhost"}
    return "tls://10.0.0.1:443", {"cert": certs.server}, client


def test_both_sides_of_an_exchange(
    net: SimNetwork, mgr: Manager, carrier: tuple[str, Any, Any]
) -> None:
    address, for_server, for_client = carrier
    server = Recorder(recv=echo)
    client = Recorder(
        connect=lambda c, _: c.send(b"hello"),
        recv=lambda c, _: c.close() if len(c.recv_mbuf) == 5 else None,
    )
    listener = mgr.bind(address, server, **for_server)
    mgr.connect(address, client, **for_client)
    assert net.run(lambda: EV_CLOSE in [ev for _, ev, _ in server.log])
    inbound = accepted(server)
    assert client.story() == "CONNECT SEND RECV CLOSE"
    assert server.story(inbound) == "ACCEPT RECV SEND CLOSE"
    assert client.data(EV_CONNECT) + client.data(EV_SEND) + client.data(EV_RECV) == [0, 5, 5]
    assert client.received == b"hello"
    listener.close()
    assert net.run()
    assert net.leftovers() == []


def test_nobody_listens(net: SimNetwork, mgr: Manager) -> None:
    client = Recorder()
    c = mgr.connect(ADDRESS, client)
    assert net.run()
    assert client.story(c) == "CONNECT CLOSE"
    assert client.data(EV_CONNECT) == [errno.ECONNREFUSED]


def test_no_such_unix_socket(net: SimNetwork, mgr: Manager) -> None:
    client = Recorder()
    mgr.connect("unix:/nobody", client)
    assert net.run()
    assert client.data(EV_CONNECT) == [errno.ENOENT]


@pytest.mark.parametrize("timeout", [0.25, 30.0])
def test_an_unreachable_host(net: SimNetwork, mgr: Manager, timeout: float) -> None:
    net.down("10.9.9.9")
    client = Recorder()
    mgr.connect("tcp://10.9.9.9:80", client, connect_timeout=timeout)
    start = net.now
    assert net.run(lambda: client.count(EV_CLOSE))
    assert client.story() == "CONNECT CLOSE"
    assert client.data(EV_CONNECT) == [errno.ETIMEDOUT]
    assert net.now - start == pytest.approx(timeout)


def test_an_unknown_name(net: SimNetwork, mgr: Manager) -> None:
    client = Recorder()
    mgr.connect("tcp://nobody.example:80", client)
    assert net.run()
    assert client.data(EV_CONNECT) == [ERR_RESOLVE]
    assert client.story() == "CONNECT CLOSE"


def test_the_second_address_of_a_name(net: SimNetwork, mgr: Manager) -> None:
    net.hosts["two.example"] = ["10.0.0.7", "10.0.0.1"]
    net.down("10.0.0.7")
    mgr.bind(ADDRESS, Recorder())
    client = Recorder()
    c = mgr.connect("tcp://two.example:80", client)
    assert net.run(lambda: client.log, limit=1.0)
    assert client.data(EV_CONNECT) == [0]
    assert c.peer == ("10.0.0.1", 80)


def test_an_untrusted_certificate(net: SimNetwork, mgr: Manager, certs: Certificates) -> None:
    server, client = Recorder(), Recorder()
    mgr.bind("tls://10.0.0.1:443", server, cert=certs.server)
    mgr.connect("tls://10.0.0.1:443", client, ca=certs.stranger)
    assert net.run()
    assert client.story() == "CONNECT CLOSE"
    assert client.data(EV_CONNECT) == [ERR_TLS]
    assert server.story() == ""


def test_a_tls_handshake_that_never_comes(
    net: SimNetwork, mgr: Manager, certs: Certificates
) -> None:
    server = Recorder()
    listener: Any = mgr.bind("tls://10.0.0.1:443", server, cert=certs.server, handshake_timeout=2.0)
    peer = net.client("tls://10.0.0.1:443")
    assert net.run(lambda: peer.ended, limit=3.0)
    assert server.story() == ""
    assert listener.children == 0


def test_a_descriptor_that_was_another_connections_a_moment_ago(
    net: SimNetwork, mgr: Manager
) -> None:
    # Both are ready. The first one closes the other and dials, which gets its descriptor.
    net.down("10.9.9.9")
    client = Recorder()
    ours: list[Any] = []
    dialled: list[Any] = []

    def swap(c: Any, ev: Any, data: Any) -> None:
        if ev == EV_RECV and not client.connections:
            next(other for other in ours if other is not c).close()
        elif ev == EV_CLOSE and not dialled:
            dialled.append(mgr.connect("tcp://10.9.9.9:80", client, connect_timeout=3))

    for _ in range(2):
        one, other = mgr.socketpair(swap)
        ours.append(one)
        other.send(b"x")
    assert net.run(lambda: client.story())
    assert client.data(EV_CONNECT) == [errno.ETIMEDOUT]


@pytest.mark.parametrize("way", ["close", "abort", "flag"])
def test_closed_before_it_is_established(net: SimNetwork, mgr: Manager, way: str) -> None:
    mgr.bind(ADDRESS, Recorder())
    client = Recorder()
    c = mgr.connect(ADDRESS, client)
    if way == "flag":
        set_flag(c, F_CLOSE_IMMEDIATELY)
    else:
        getattr(c, way)()
    assert net.run()
    assert client.story() == "CONNECT CLOSE"
    assert client.data(EV_CONNECT) == [errno.ECANCELED]


def test_the_end_of_input_flushes_and_closes(net: SimNetwork, mgr: Manager) -> None:
    server = Recorder(recv=echo)
    mgr.bind(ADDRESS, server)
    peer = net.client(ADDRESS)
    peer.send(b"x" * 300_000)
    peer.shutdown()
    assert net.run(lambda: peer.ended)
    assert peer.received == b"x" * 300_000
    inbound = accepted(server)
    assert server.log[-1][1:] == (EV_CLOSE, None)
    assert sum(server.data(EV_SEND, inbound)) == 300_000


def test_the_end_of_input_alone(net: SimNetwork, mgr: Manager) -> None:
    server = Recorder()
    mgr.bind(ADDRESS, server)
    net.client(ADDRESS).close()
    assert net.run()
    assert server.story() == "ACCEPT CLOSE"


def test_a_reset(net: SimNetwork, mgr: Manager) -> None:
    server = Recorder()
    mgr.bind(ADDRESS, server)
    peer = net.client(ADDRESS)
    peer.send(b"x")
    assert net.run(lambda: server.count(EV_RECV))
    peer.reset()
    assert net.run()
    assert server.story() == "ACCEPT RECV CLOSE"
    assert "reset" in accepted(server).error


def test_abort_resets_the_peer(net: SimNetwork, mgr: Manager) -> None:
    mgr.bind(ADDRESS, Recorder(accept=lambda c, _: c.abort()))
    peer = net.client(ADDRESS)
    assert net.run()
    assert peer.error == errno.ECONNRESET


def test_send_and_close_with_a_slow_peer(net: SimNetwork, mgr: Manager) -> None:
    def answer(c: Any, _: int) -> None:
        c.send(b"y" * 200_000)
        set_flag(c, F_SEND_AND_CLOSE)

    server = Recorder(accept=answer)
    mgr.bind(ADDRESS, server)
    peer = net.client(ADDRESS)
    peer.pause()
    net.call_at(20.0, peer.resume)
    net.call_at(21.0, peer.pause)
    assert net.run(lambda: peer.ended, limit=60.0)
    assert len(peer.received) == 200_000
    assert server.log[-1][1] == EV_CLOSE


def test_a_peer_that_never_reads_is_cut_off(net: SimNetwork, mgr: Manager) -> None:
    server = Recorder(accept=say(b"y" * 200_000, "close_after_send"))
    mgr.bind(ADDRESS, server, close_timeout=5.0)
    peer = net.client(ADDRESS)
    peer.pause()
    start = net.now
    assert net.run(lambda: server.count(EV_CLOSE))
    assert net.now - start == pytest.approx(5.0, abs=0.1)
    assert accepted(server).error == "closing took too long"
    peer.resume()
    assert net.run(lambda: peer.error)
    assert peer.error == errno.ECONNRESET


def test_recv_and_close_waits_for_the_answer(
    net: SimNetwork, mgr: Manager, carrier: tuple[str, Any, Any]
) -> None:
    address, for_server, for_client = carrier

    client = Recorder(connect=say(b"q" * 100_000, "close_after_recv"))
    mgr.bind(address, Recorder(recv=echo), **for_server)
    mgr.connect(address, client, **for_client)
    assert net.run(lambda: client.count(EV_CLOSE))
    assert client.received == b"q" * 100_000


def test_recv_and_close_keeps_what_waits_to_be_received(
    net: SimNetwork, mgr: Manager, carrier: tuple[str, Any, Any]
) -> None:
    address, for_server, for_client = carrier
    client = Recorder(recv=lambda c, n: None)
    mgr.bind(address, Recorder(accept=say(b"a" * 50_000)), **for_server)
    c = mgr.connect(address, client, recv_mbuf_limit=1000, **for_client)
    assert net.run()
    assert len(c.recv_mbuf) == 1000
    c.close_after_recv()
    while not c.closed:
        del c.recv_mbuf[:]
        net.run(limit=1.0)
    assert len(client.received) == 50_000


def test_what_is_sent_after_the_end_does_not_delay_the_close(net: SimNetwork, mgr: Manager) -> None:
    client = Recorder(connect=say(b"q", "close_after_recv"), recv=say(b"late"))
    mgr.bind(ADDRESS, Recorder(recv=echo))
    mgr.connect(ADDRESS, client)
    assert net.run(limit=1.0)
    assert client.story() == "CONNECT SEND RECV CLOSE"


@pytest.mark.parametrize("edge", [True, False])
def test_output_that_is_held_back_does_not_spin(edge: bool) -> None:
    net = SimNetwork(1, edge=edge)
    with Manager(network=net) as mgr:
        server = Recorder(accept=lambda c, _: c.send(b"y" * 100_000))
        mgr.bind(ADDRESS, server)
        peer = net.client(ADDRESS)
        peer.pause()
        assert net.run(lambda: server.count(EV_SEND))
        set_flag(accepted(server), F_BUFFER_BUT_DONT_SEND)
        peer.resume()
        assert net.run(max_passes=100)
        assert len(peer.received) == 65536
        set_flag(accepted(server), F_BUFFER_BUT_DONT_SEND, False)
        assert net.run(max_passes=100)
        assert len(peer.received) == 100_000


def test_records_on_their_way_leave_though_output_is_held_back(
    net: SimNetwork, mgr: Manager, certs: Certificates
) -> None:
    net.window = 1000
    server = Recorder(accept=lambda c, _: c.send(b"y" * 5000))
    client = Recorder(recv=lambda c, _: take(c))
    mgr.bind("tls://10.0.0.1:443", server, cert=certs.server)
    mgr.connect("tls://10.0.0.1:443", client, ca=certs.ca, server_name="localhost")
    assert net.run(lambda: server.count(EV_SEND))
    set_flag(accepted(server), F_BUFFER_BUT_DONT_SEND)
    assert net.run(max_passes=1000)
    assert client.received == b"y" * 5000


def test_timers_fire_when_they_are_due(net: SimNetwork, mgr: Manager) -> None:
    moments: list[float] = []
    server = Recorder(
        accept=lambda c, _: c.set_timer(c.mgr.time() + 2.5),
        timer=lambda c, _: moments.append(net.now),
    )
    mgr.bind(ADDRESS, server)
    peer = net.client(ADDRESS)
    start = net.now
    assert net.run()
    assert server.story() == "ACCEPT TIMER"
    assert moments == [pytest.approx(start + 2.5, abs=0.01)]
    assert server.data(EV_TIMER) == [pytest.approx(net.epoch + moments[0])]
    peer.close()
    assert net.run()


def test_congestion_closes(net: SimNetwork, mgr: Manager) -> None:
    def flood(c: Any, _: int) -> None:
        for _ in range(20):
            c.send(b"z" * 10_000)

    server = Recorder(accept=flood)
    mgr.bind(ADDRESS, server, send_mbuf_limit=50_000)
    net.client(ADDRESS).pause()
    assert net.run()
    assert server.story() == "ACCEPT CLOSE"  # past twice the limit there is no time to say so
    assert "slow" in accepted(server).error


def test_congestion_pauses_the_source(net: SimNetwork, mgr: Manager) -> None:
    server = Recorder(recv=echo)
    mgr.bind(ADDRESS, server, send_mbuf_limit=50_000, congestion="pause_source")
    peer = net.client(ADDRESS)
    peer.pause()
    data = bytes(range(256)) * 4000
    peer.send(data)
    peer.shutdown()
    net.call_at(20.0, peer.resume)
    assert net.run(lambda: peer.ended)
    assert peer.received == data
    story = server.story().split()
    assert story.count("CONGESTED") == story.count("DRAINED") >= 1
    assert max(server.data(EV_CONGESTED)) < 200_000


@pytest.mark.parametrize("secure", [False, True])
def test_a_peer_that_sends_and_ends_at_once_is_not_too_slow(
    net: SimNetwork, mgr: Manager, certs: Certificates, secure: bool
) -> None:
    # All of the input is there at once, and its end: reading it must leave time for writing.
    address = "tls://10.0.0.1:443" if secure else ADDRESS
    options: dict[str, Any] = {"recv_mbuf_limit": 4000, "send_mbuf_limit": 10_000}
    options |= {"cert": certs.server} if secure else {}
    mgr.bind(address, Recorder(recv=echo), congestion="pause_source", **options)
    client = Recorder(connect=say(b"e" * 60_000, "close_after_recv"))
    secrets: Any = {"ca": certs.ca, "server_name": "localhost"} if secure else {}
    mgr.connect(address, client, **secrets)
    assert net.run()
    assert len(client.received) == 60_000


@pytest.mark.parametrize("held_back", [False, True])
def test_a_source_is_paused_before_it_is_too_late(
    net: SimNetwork, mgr: Manager, held_back: bool
) -> None:
    # One receive can bring several times what may wait to be sent.
    def hold_back(c: Any, _: Any) -> None:
        set_flag(c, F_BUFFER_BUT_DONT_SEND, held_back)
        c.call_later(10.0, set_flag, c, F_BUFFER_BUT_DONT_SEND, False)

    server = Recorder(accept=hold_back, recv=echo)
    mgr.bind(ADDRESS, server, send_mbuf_limit=10_000, congestion="pause_source")
    peer = net.client(ADDRESS)
    peer.pause()
    net.call_at(20.0, peer.resume)
    for i in range(30):
        net.call_at(i / 10, peer.send, b"p" * 10_000)
    net.call_at(5.0, peer.shutdown)
    assert net.run(lambda: peer.ended)
    assert len(peer.received) == 300_000


def test_congestion_drops_the_oldest(net: SimNetwork, mgr: Manager) -> None:
    def flood(c: Any, _: int) -> None:
        for i in range(100):
            c.send(b"%03d" % i * 1000)

    server = Recorder(accept=flood)
    mgr.bind(ADDRESS, server, send_mbuf_limit=30_000, congestion="drop_oldest")
    peer = net.client(ADDRESS)
    assert net.run()
    got = [peer.received[i : i + 3] for i in range(0, len(peer.received), 3000)]
    assert got[-1] == b"099"
    assert got == sorted(got)
    assert len(got) < 100
    assert len(peer.received) % 3000 == 0


def test_a_full_receive_buffer_stops_the_sender(net: SimNetwork, mgr: Manager) -> None:
    server = Recorder()
    mgr.bind(ADDRESS, server, recv_mbuf_limit=10_000)
    peer = net.client(ADDRESS)
    peer.send(b"w" * 500_000)
    assert net.run()
    inbound = accepted(server)
    assert len(inbound.recv_mbuf) == 10_000
    assert 500_000 - 10_000 - net.window <= peer.unsent <= 500_000 - net.window
    while len(server.received) < 500_000:
        del inbound.recv_mbuf[:]
        assert net.run()
    assert server.received == b"w" * 500_000


def test_a_handler_that_fails_costs_one_connection(
    net: SimNetwork, mgr: Manager, logged: list[Any]
) -> None:
    def fail(c: Any, _: int) -> None:
        raise RuntimeError("the handler's own fault")

    server = Recorder(recv=fail)
    mgr.bind(ADDRESS, server)
    one, other = net.client(ADDRESS), net.client(ADDRESS)
    one.send(b"x")
    assert net.run()
    assert one.ended
    assert not other.ended
    assert server.story(server.connections[-1]) in ("ACCEPT RECV CLOSE", "ACCEPT")
    assert len(logged) == 1


def test_poll_comes_only_to_those_that_want_it_and_are_open(net: SimNetwork, mgr: Manager) -> None:
    polls: list[Any] = []

    @handles(Event.POLL)
    def wants(c: Any, ev: Any, data: Any) -> None:
        polls.append(c)

    net.down("10.9.9.9")
    connecting = mgr.connect("tcp://10.9.9.9:80", wants)
    listener = mgr.bind(ADDRESS, wants)
    assert net.run(tick=1.0, limit=10.0) is False
    assert set(polls) == {listener}
    assert len(polls) >= 10
    connecting.close()


def test_udp_both_ways(net: SimNetwork, mgr: Manager) -> None:
    def speak(c: Any, _: int) -> None:
        for data in (b"one", b"three"):
            c.send(data)

    server = Recorder(recv=echo)
    client = Recorder(
        connect=speak,
        recv=lambda c, _: c.close() if c.recv_mbuf == b"three" else None,
    )
    mgr.bind("udp://10.0.0.1:53", server)
    mgr.connect("udp://10.0.0.1:53", client)
    assert net.run(lambda: client.count(EV_CLOSE))
    assert client.story() == "CONNECT SEND SEND RECV RECV CLOSE"
    inbound = accepted(server)
    assert server.story(inbound) == "ACCEPT RECV RECV SEND SEND CLOSE"
    assert client.data(EV_RECV) == [3, 5]


def test_udp_to_nobody(net: SimNetwork, mgr: Manager) -> None:
    client = Recorder(connect=lambda c, _: c.send(b"?"))
    c: Any = mgr.connect("udp://10.0.0.1:9", client)
    assert net.run()
    assert client.story() == "CONNECT SEND"
    assert c.drops == 1


def test_udp_without_an_answer_lives_for_one_exchange(net: SimNetwork, mgr: Manager) -> None:
    server = Recorder()
    mgr.bind("udp://10.0.0.1:53", server)
    peer = net.client("udp://10.0.0.1:53")
    peer.send(b"x")
    assert net.run()
    assert server.story() == "ACCEPT RECV CLOSE"
    assert server.data(Event.ACCEPT) == [peer.local]


def test_a_datagram_that_is_too_long(net: SimNetwork, mgr: Manager) -> None:
    client = Recorder(connect=lambda c, _: c.send(b"x" * 65508))
    mgr.bind("udp://10.0.0.1:53", Recorder())
    c = mgr.connect("udp://10.0.0.1:53", client)
    assert net.run()
    assert client.story() == "CONNECT CLOSE"
    assert "too long" in c.error


def test_the_accept_rate(net: SimNetwork, mgr: Manager) -> None:
    times: list[float] = []
    mgr.bind(ADDRESS, Recorder(accept=lambda c, _: times.append(net.now)), accept_rate=2.3)
    for _ in range(10):
        net.client(ADDRESS)
    assert net.run(lambda: len(times) == 10, limit=10.0, max_passes=1000)
    assert times[-1] - times[0] > 3.0


def test_descriptors_run_out(manager: Callable[..., Manager], logged: list[Any]) -> None:
    net = SimNetwork(1, faults=Faults(no_descriptor=0.7))
    with Manager(network=net) as mgr:
        server = Recorder(recv=echo)
        mgr.bind(ADDRESS, server)
        stream, _ = net.dial(2, "10.0.0.1", 80, {})
        while stream is None:
            stream, _ = net.dial(2, "10.0.0.1", 80, {})
        assert net.run(lambda: server.story())
        assert server.story() == "ACCEPT"
        stream.close()
        assert net.run()


def test_a_session_that_was_reset_in_the_handshake(
    net: SimNetwork, mgr: Manager, certs: Certificates
) -> None:
    server = net.server("tcp://10.0.0.1:443")
    client = Recorder()
    mgr.connect("tls://10.0.0.1:443", client, ca=certs.ca)
    assert net.run(lambda: server.accepted and server.accepted[0].received)
    server.accepted[0].reset()
    assert net.run()
    assert client.story() == "CONNECT CLOSE"
    server.close()
    assert net.leftovers() == []
