"""Raw peers against raw peers: what the simulated streams and datagrams do by themselves."""

import errno
from typing import Any

import pytest

from galidia import EV_CONNECT, F_ENABLE_BROADCAST, Manager
from galidia.testing import Faults, RawClient, RawServer, SimNetwork
from galidia.testing.udp import LARGEST, ROOM
from tests.helpers import Recorder

ADDRESS = "tcp://10.0.0.1:80"


def joined(net: SimNetwork) -> tuple[RawServer, RawClient, RawClient]:
    server = net.server(ADDRESS)
    client = net.client(ADDRESS)
    assert net.run(lambda: client.connected and server.accepted)
    return server, client, server.accepted[0]


def test_nothing_is_known_before_the_network_runs(net: SimNetwork) -> None:
    server = net.server(ADDRESS)
    client = net.client(ADDRESS)
    assert not client.connected
    assert server.accepted == []


def test_both_directions_and_half_close(net: SimNetwork) -> None:
    _, client, peer = joined(net)
    client.send(b"question")
    client.shutdown()
    assert net.run()
    assert (bytes(peer.received), peer.ended) == (b"question", True)
    peer.send(b"answer")
    peer.close()
    assert net.run()
    assert (bytes(client.received), client.ended, client.error) == (b"answer", True, 0)


def test_refused(net: SimNetwork) -> None:
    client = net.client(ADDRESS)
    assert net.run()
    assert client.error == errno.ECONNREFUSED
    assert net.leftovers() == []


def test_a_full_backlog_delays_and_then_times_out(net: SimNetwork) -> None:
    server = net.server(ADDRESS, backlog=2)
    server.pause()
    clients = [net.client(ADDRESS) for _ in range(3)]
    net.run(limit=20)
    assert [client.connected for client in clients] == [True, True, False]
    server.resume()
    net.run(limit=20)
    assert clients[2].connected
    late = [net.client(ADDRESS) for _ in range(3)]
    server.pause()
    assert net.run()
    assert late[2].error == errno.ETIMEDOUT


def test_the_window_bounds_what_is_not_read(net: SimNetwork) -> None:
    _, client, peer = joined(net)
    peer.pause()
    client.send(b"x" * 100_000)
    assert net.run()
    assert client.unsent == 100_000 - net.window
    peer.resume()
    assert net.run()
    assert len(peer.received) == 100_000


@pytest.mark.parametrize("first", [b"", b"x"])
def test_reset(net: SimNetwork, first: bytes) -> None:
    _, client, peer = joined(net)
    peer.pause()
    client.send(first)
    assert net.run()
    client.reset()
    assert net.run()
    peer.resume()
    assert net.run()
    assert (bytes(peer.received), peer.error) == (b"", errno.ECONNRESET)


def test_closing_with_unread_input_resets(net: SimNetwork) -> None:
    _, client, peer = joined(net)
    peer.pause()
    client.send(b"x")
    assert net.run()
    peer.close()
    assert net.run()
    assert client.error == errno.ECONNRESET


def test_data_for_a_closed_stream_resets(net: SimNetwork) -> None:
    _, client, peer = joined(net)
    peer.close()
    assert net.run()
    assert client.ended
    client.send(b"x")
    assert net.run()
    client.send(b"y")
    assert net.run()
    assert client.error == errno.EPIPE


def test_a_listener_that_closes_resets_who_waits(net: SimNetwork) -> None:
    server = net.server(ADDRESS)
    server.pause()
    client = net.client(ADDRESS)
    assert net.run(lambda: client.connected)
    server.close()
    assert net.run()
    assert client.error == errno.ECONNRESET


def test_split_and_short_writes_keep_the_order() -> None:
    net = SimNetwork(5, faults=Faults(split=0.9, short_write=0.9, delay=(0.0, 1.0)))
    _, client, peer = joined(net)
    data = bytes(range(256)) * 100
    client.send(data)
    client.shutdown()
    assert net.run(lambda: peer.ended)
    assert peer.received == data
    pieces = [what for _, _, what, _ in net.trace]
    assert pieces.count("arrived") > 10


def test_stall_and_reset_from_outside() -> None:
    faults = Faults(stall=1.0, stall_time=(3.0, 3.0), reset=1.0, reset_after=(10.0, 10.0))
    net = SimNetwork(1, faults=faults)
    _, client, peer = joined(net)
    start = net.now
    client.send(b"x")
    assert net.run(lambda: peer.received)
    assert net.now - start == pytest.approx(3.0, abs=0.01)
    assert net.run(lambda: client.error and peer.error)
    assert net.now - start == pytest.approx(10.0, abs=0.01)


def test_datagrams(net: SimNetwork) -> None:
    server = net.server("udp://10.0.0.1:53")
    client = net.host("10.0.0.2").client("udp://10.0.0.1:53")
    client.send(b"one")
    client.send(b"")
    assert net.run()
    assert server.received == [(b"one", client.local), (b"", client.local)]
    server.send(b"answer", client.local)
    net.client(f"udp://{client.local}").send(b"not for a connected socket")
    assert net.run()
    assert client.received == [(b"answer", server.local)]


def test_datagrams_have_a_largest_size_and_nobody_may_listen(net: SimNetwork) -> None:
    client = net.client("udp://10.0.0.1:53")
    client.send(bytes(LARGEST + 1))
    assert net.run()
    assert client.errors == [errno.EMSGSIZE]
    client.send(bytes(LARGEST))
    assert net.run()
    assert client.errors == [errno.EMSGSIZE, errno.ECONNREFUSED]


def test_datagrams_are_dropped_when_there_is_no_room(net: SimNetwork) -> None:
    with Manager(network=net) as mgr:
        listener: Any = mgr.bind("udp://10.0.0.1:53")
        client = net.client("udp://10.0.0.1:53")
        for _ in range(10):
            client.send(bytes(60_000))
        net.now += 1  # all of them arrive before the manager looks
        net.deliver()
        net.now += 1
        net.deliver()
        assert listener.drops == 10 - ROOM // 60_000


def test_datagram_faults() -> None:
    faults = Faults(loss=0.2, duplicate=0.2, reorder=0.5)
    net = SimNetwork(3, faults=faults)
    server = net.server("udp://10.0.0.1:53")
    client = net.client("udp://10.0.0.1:53")
    for i in range(200):
        net.call_at(i / 100, client.send, b"%03d" % i)
    assert net.run()
    got = [data for data, _ in server.received]
    assert len(set(got)) < 200
    assert len(set(got)) < len(got)
    assert got != sorted(got)


def test_broadcast_and_multicast(net: SimNetwork) -> None:
    with Manager(network=net) as mgr, Manager(network=net.host("10.0.0.2")) as far:
        everybody, group = Recorder(), Recorder()
        far.bind("udp://0.0.0.0:9", everybody)
        far.bind("udp://0.0.0.0:10", group, multicast=["224.1.1.1"])
        greet = Recorder(connect=lambda c, _: c.send(b"hello"))
        mgr.connect("udp://255.255.255.255:9", greet, flags=F_ENABLE_BROADCAST)
        mgr.connect("udp://224.1.1.1:10", greet)
        mgr.connect("udp://224.1.1.2:10", greet)
        assert net.run()
        assert greet.data(EV_CONNECT) == [0, 0, 0]
        assert everybody.received == group.received == b"hello"
