"""Sockets and ids: what a forger has to guess, how many there are, and what goes wrong."""

from __future__ import annotations

import errno
from itertools import pairwise
from typing import Any

import pytest

from galidia.core.resolver import RefusedError
from galidia.dns import Message
from galidia.dns.channels import FIRST_PORT, QUERIES
from galidia.testing import Faults
from tests.dns.world import HOME, SERVERS, World, a

TRUTH = {f"n{i}.example": a("192.0.2.1") for i in range(1000)}


def ports(w: World) -> list[int]:
    """The ports that queries came from, in order."""
    return [source.port for source in w.server.sources]


def many(w: World, count: int) -> list[Any]:
    """So many look-ups at once."""
    found: list[Any] = []
    for i in range(count):
        w.mgr.resolve(f"n{i}.example", found.append, type="A")
    assert w.net.run(lambda: len(found) == count)
    return found


def ids_of(w: World) -> list[int]:
    """Collects the ids of the queries."""
    ids: list[int] = []
    w.server.before = lambda data, source: ids.append(Message.decode(data).id)
    return ids


def test_a_query_that_is_asked_alone_has_a_port_of_its_own(world: Any) -> None:
    w = world(TRUTH)
    ids = ids_of(w)
    for i in range(300):
        w.find(f"n{i}.example", "A")
        assert w.sockets() == []
    assert len(set(ports(w))) > 290
    assert min(ports(w)) >= FIRST_PORT
    assert len(set(ids)) > 290
    # Every bit is drawn: none is the same in all, and no number follows from the one before.
    for numbers, bits in ((ids, 16), (ports(w), 15)):
        for bit in range(bits):
            assert 90 < sum(number >> bit & 1 for number in numbers) < 210
        steps = {after - before for before, after in pairwise(numbers)}
        assert len(steps) > 280


def test_queries_that_are_asked_at_once_share_ports_and_never_ids(world: Any) -> None:
    w = world(TRUTH)
    ids = ids_of(w)
    found = many(w, 150)
    assert all(lookup.addresses == ["192.0.2.1"] for lookup in found)
    used = ports(w)
    assert len(used) == 150
    assert len(set(used)) == 3  # 64, 64 and 22
    assert max(used.count(port) for port in used) == QUERIES
    assert len(set(zip(used, ids, strict=True))) == 150
    assert w.sockets() == []


def test_the_same_seed_gives_the_same_ports_and_another_one_does_not(world: Any) -> None:
    runs = []
    for seed in (1, 1, 2):
        w = world(TRUTH, seed=seed)
        many(w, 3)
        runs.append(ports(w))
    assert runs[0] == runs[1] != runs[2]


def test_entropy_comes_from_the_network(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr("os.urandom", drawn.append)
    w = world(TRUTH)
    w.find("n1.example")
    assert drawn == []


def test_a_port_that_is_taken_is_not_used(world: Any) -> None:
    w = world(TRUTH)
    network, refused = w.mgr.network, list[int]()
    dial = network.dial_datagram

    def dial_datagram(family: int, host: str, port: int, options: Any, broadcast: bool) -> Any:
        if len(refused) < 3:
            refused.append(options["source"][1])
            raise OSError(errno.EADDRINUSE, "in use")
        return dial(family, host, port, options, broadcast)

    network.dial_datagram = dial_datagram
    assert w.find("n1.example", "A").addresses == ["192.0.2.1"]
    assert len(set(refused)) == 3
    assert ports(w)[0] not in refused


def test_when_all_that_are_drawn_are_taken_the_kernel_chooses(world: Any) -> None:
    w = world(TRUTH)
    network, draws = w.mgr.network, []
    dial = network.dial_datagram

    def dial_datagram(family: int, host: str, port: int, options: Any, broadcast: bool) -> Any:
        draws.append(options.get("source"))
        if "source" in options:
            raise OSError(errno.EADDRINUSE, "in use")
        return dial(family, host, port, options, broadcast)

    network.dial_datagram = dial_datagram
    assert w.find("n1.example", "A").addresses == ["192.0.2.1"]
    assert len(draws) == 9


def test_no_descriptor_is_left(world: Any) -> None:
    w = world(TRUTH)

    def dial_datagram(*given: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    w.mgr.network.dial_datagram = dial_datagram
    lookup = w.find("n1.example", "A")
    assert type(lookup.error) is RefusedError
    assert str(lookup.error) == (
        "'n1.example' cannot be resolved: 10.0.0.53:53 cannot be reached: Too many open files"
    )


def test_a_full_socket_sends_later(world: Any) -> None:
    w = world(TRUTH, faults=Faults(short_write=0.7))
    found = many(w, 100)
    assert all(lookup.addresses == ["192.0.2.1"] for lookup in found)
    assert len(w.server.asked) == 100  # none had to be repeated


@pytest.mark.parametrize("host", ["fd00::a00:35", "FD00:0:0::0A00:35", "fd00::a00:35%1"])
def test_a_server_s_address_may_be_written_in_any_way(world: Any, host: str) -> None:
    w = world(TRUTH, servers=[host])
    w.server.mgr.bind("udp://[fd00::a00:35]:53", w.server._on_udp)
    assert w.find("n1.example", "A").addresses == ["192.0.2.1"]


def test_an_unreachable_server_costs_those_who_asked_it_and_no_others(world: Any) -> None:
    """What the kernel reports about one server is not held against another."""
    w = world(TRUTH, servers=2)
    w.server.mgr.close()
    found: list[Any] = []
    for i in range(10):
        w.mgr.resolve(f"n{i}.example", found.append, type="A")
    assert w.net.run(lambda: len(found) == 10)
    assert all(lookup.addresses == ["192.0.2.1"] for lookup in found)


def test_a_stranger_cannot_use_the_moment_before_a_socket_is_connected(world: Any) -> None:
    """A datagram that the socket has taken from elsewhere, as it may while it is only bound."""
    w = world(TRUTH)
    w.server.delay[1] = 1.0
    found: list[Any] = []
    w.mgr.resolve("n1.example", found.append, type="A")
    assert w.net.run(lambda: w.server.sources)
    port = w.server.sources[0].port
    (sock,) = w.net.sockets("udp", port)
    reply = Message.query("n1.example").reply().encode()
    sock.remote = None
    w.net.forge(reply, ("10.0.0.99", 53), (HOME, port))
    w.net.forge(reply, (SERVERS[0], 54), (HOME, port))
    assert w.net.run(lambda: found)
    assert found[0].addresses == ["192.0.2.1"]
    assert w.resolver.ignored == 2
