"""The clock, the run, hosts, partitions, the trace and what is left over."""

import errno
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pytest

from galidia import EV_CLOSE, EV_CONNECT, Manager
from galidia.core.network import Network
from galidia.testing import Faults, SimNetwork, SimulationError
from galidia.testing.tcp import USER_TIMEOUT
from tests.helpers import Recorder, echo


def came(recorder: Recorder, data: bytes) -> bool:
    return recorder.received == data


def test_the_package_does_not_import_it() -> None:
    program = "import galidia, sys; sys.exit('galidia.testing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_polling_moves_the_clock(net: SimNetwork, mgr: Manager) -> None:
    start, wall = mgr.monotonic(), mgr.time()
    mgr.poll(0)
    assert mgr.monotonic() == start
    mgr.poll(2500)
    assert mgr.monotonic() == start + 2.5
    assert mgr.time() == wall + 2.5


def test_polling_stops_at_what_happens_first(net: SimNetwork, mgr: Manager) -> None:
    fired: list[float] = []
    start = net.now
    mgr.call_later(0.25, lambda: fired.append(net.now))
    mgr.poll(10_000)
    assert fired == [start + 0.25]
    assert net.now == start + 0.25


def test_run_ends_when_nothing_more_can_happen(net: SimNetwork, mgr: Manager) -> None:
    assert net.run()
    assert not net.run(lambda: False)
    mgr.call_later(5, lambda: None)
    start = net.now
    assert net.run()
    assert net.now == start + 5


def test_run_stops_at_its_limit(net: SimNetwork, mgr: Manager) -> None:
    mgr.call_every(1.0, lambda: None)
    start = net.now
    assert not net.run(limit=9.5)
    assert net.now == start + 9.5


def test_run_notices_a_loop_without_end(net: SimNetwork, mgr: Manager) -> None:
    def again() -> None:
        mgr.call_soon_threadsafe(again)

    again()
    with pytest.raises(SimulationError, match="seed 1: still busy after 50 rounds"):
        net.run(max_passes=50)


def test_the_condition_may_come_true_with_the_last_thing_that_happens(net: SimNetwork) -> None:
    seen: list[int] = []
    net.call_at(1.0, seen.append, 1)
    assert net.run(lambda: seen)


def test_managers_share_the_network(manager: Callable[..., Manager], net: SimNetwork) -> None:
    one, other = manager("10.0.0.1"), manager("10.0.0.2")
    assert net.managers() == [one, other]
    one.bind("tcp://10.0.0.1:7", Recorder(recv=echo))
    client = Recorder(connect=lambda c, _: c.send(b"hi"))
    c = other.connect("tcp://10.0.0.1:7", client)
    assert net.run(lambda: client.received == b"hi")
    assert c.local.host == "10.0.0.2"
    assert c.peer == ("10.0.0.1", 7)


def test_loopback_belongs_to_each_host(manager: Callable[..., Manager], net: SimNetwork) -> None:
    manager("10.0.0.1").bind("tcp://127.0.0.1:7", Recorder())
    client = Recorder()
    manager("10.0.0.2").connect("tcp://127.0.0.1:7", client)
    assert net.run()
    assert client.data(EV_CONNECT) == [errno.ECONNREFUSED]


def test_ipv6(net: SimNetwork, mgr: Manager) -> None:
    listener = mgr.bind("tcp://:7", Recorder(recv=echo))
    assert listener.local == ("::", 7)
    for address in ("[fd00::a00:1]", "[::1]", "10.0.0.1", "127.0.0.1"):
        client = Recorder(connect=lambda c, _: c.send(b"6"))
        mgr.connect(f"tcp://{address}:7", client)
        assert net.run(partial(came, client, b"6")), address


def test_an_address_in_use(net: SimNetwork, manager: Callable[..., Manager]) -> None:
    mgr = manager()
    listener = mgr.bind("tcp://10.0.0.1:80")
    mgr.bind("udp://10.0.0.1:80")
    for address in ("tcp://10.0.0.1:80", "tcp://0.0.0.0:80", "tcp://:80"):
        with pytest.raises(OSError, match="in use") as e:
            mgr.bind(address)
        assert e.value.errno == errno.EADDRINUSE
    listener.close()
    assert net.run()
    mgr.bind("tcp://:80")
    with pytest.raises(OSError, match="another host"):
        manager("10.0.0.2").bind("tcp://10.0.0.1:81")


def test_reuse_port_shares(net: SimNetwork, mgr: Manager) -> None:
    servers = [Recorder(), Recorder()]
    for server in servers:
        mgr.bind("tcp://10.0.0.1:80", server, reuse_port=True)
    for _ in range(20):
        net.client("tcp://10.0.0.1:80").close()
    assert net.run()
    assert all("ACCEPT" in server.story() for server in servers)


def test_ports_are_given_in_turn(net: SimNetwork, mgr: Manager) -> None:
    ports = [mgr.bind("tcp://10.0.0.1:0").local.port for _ in range(3)]
    assert ports == [49152, 49153, 49154]
    client = Recorder()
    mgr.connect("tcp://10.0.0.1:49152", client, source="10.0.0.1:49153")
    assert net.run()
    assert client.data(EV_CONNECT) == [errno.EADDRINUSE]


def test_a_partition_holds_back_what_is_on_its_way(
    net: SimNetwork, manager: Callable[..., Manager]
) -> None:
    server, client = Recorder(recv=echo), Recorder()
    manager("10.0.0.1").bind("tcp://10.0.0.1:7", server)
    c = manager("10.0.0.2").connect("tcp://10.0.0.1:7", client)
    assert net.run(lambda: client.story() == "CONNECT")
    net.partition("10.0.0.1", "10.0.0.2")
    c.send(b"later")
    net.run(limit=60)
    assert server.received == b""
    net.heal()
    assert net.run(lambda: client.received == b"later")


def test_a_partition_that_lasts_ends_the_stream(
    net: SimNetwork, manager: Callable[..., Manager]
) -> None:
    client = Recorder()
    manager("10.0.0.1").bind("tcp://10.0.0.1:7", Recorder())
    c = manager("10.0.0.2").connect("tcp://10.0.0.1:7", client)
    assert net.run(lambda: client.story() == "CONNECT")
    net.down("10.0.0.1")
    c.send(b"never")
    start = net.now
    assert net.run(lambda: client.count(EV_CLOSE))
    assert net.now - start == pytest.approx(USER_TIMEOUT, abs=1)
    assert "timed out" in c.error.lower()


def test_names(net: SimNetwork, mgr: Manager) -> None:
    net.hosts["server.example"] = "10.0.0.1"
    mgr.bind("tcp://10.0.0.1:7")
    for name in ("server.example", "SERVER.example", "server.example."):
        client = Recorder()
        mgr.connect(f"tcp://{name}:7", client)
        assert net.run(partial(client.data, EV_CONNECT))
        assert client.data(EV_CONNECT) == [0], name


def test_what_is_left_over(net: SimNetwork, mgr: Manager) -> None:
    assert net.leftovers() == []
    listener = mgr.bind("tcp://10.0.0.1:7")
    peer = net.client("tcp://10.0.0.1:7")
    timer = mgr.call_later(5, lambda: None)
    net.run(limit=1)
    text = "\n".join(net.leftovers())
    assert "listener" in text
    assert "timer of" in text
    assert "tcp" in text
    timer.cancel()
    peer.reset()
    listener.close()
    assert net.run()
    assert net.leftovers() == []


def test_the_trace_is_bounded_and_the_digest_covers_all() -> None:
    def play(last: str) -> SimNetwork:
        net = SimNetwork(1)
        net.note("somebody", "first", last)
        for i in range(20_000):
            net.note("somebody", "what", i)
        return net

    net = play("a")
    assert len(net.trace) == 10_000
    assert net.trace[-1] == (0.0, "somebody", "what", "19999")
    assert net.digest() == play("a").digest() != play("b").digest()


def test_adopting_a_real_socket_is_refused(net: SimNetwork, mgr: Manager) -> None:
    with socket.socket() as sock, pytest.raises(TypeError, match="socketpair"):
        mgr.adopt(sock)
    assert len(mgr) == 0


def test_a_pair(net: SimNetwork, mgr: Manager) -> None:
    recorder = Recorder(recv=echo)
    one, other = mgr.socketpair(recorder)
    other.send(b"ping")
    assert net.run()
    assert other.recv_mbuf == b"ping"
    other.close()
    assert net.run()
    assert one.closed


def test_a_unix_socket_leaves_no_file(net: SimNetwork, mgr: Manager, tmp_path: object) -> None:
    mine = f"{tmp_path}/file"
    with open(mine, "w") as file:
        file.write("mine")
    listener = mgr.bind(f"unix:{mine}")
    listener.close()
    assert net.run()
    with open(mine) as file:
        assert file.read() == "mine"


def test_a_forged_datagram(net: SimNetwork, manager: Callable[..., Manager]) -> None:
    client, server = Recorder(), net.server("udp://10.0.0.2:53")
    c = manager().connect("udp://10.0.0.2:53", client)
    net.run()
    net.forge(b"lie", ("10.0.0.2", 53), c.local)
    net.forge(b"from elsewhere", ("10.0.0.3", 53), c.local)
    assert net.run()
    assert client.received == b"lie"
    assert server.received == []
    server.close()


def test_entropy_is_of_the_seed() -> None:
    drawn = [SimNetwork(seed).entropy(8) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert Network().entropy(8) != Network().entropy(8)


def test_faults_are_checked() -> None:
    with pytest.raises(ValueError, match="split is a probability"):
        Faults(split=1.5)
    with pytest.raises(ValueError, match="delay is a range"):
        Faults(delay=(2.0, 1.0))
