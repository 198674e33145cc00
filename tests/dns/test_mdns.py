"""Names below ``.local``: asked of everybody on the link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from galidia import EV_RECV, Manager, handles
from galidia.core.resolver import NotFoundError
from galidia.dns import A, Message, Name, Record
from galidia.dns.mdns import GROUP, is_local
from galidia.testing import Faults
from tests.dns.world import World, a

LOCAL = {"lamp.local": a("192.0.2.9")}


class Responder:
    """A device on the link that answers for its own name (RFC 6762 6.7)."""

    def __init__(self, w: World, address: str, name: str, *, silent: int = 0) -> None:
        self.queries: list[Message] = []
        self.name = Name(name)
        self.silent = silent
        self.w = w
        self.mgr = Manager(network=w.net.host(address))
        self.mgr.bind(f"udp://0.0.0.0:{GROUP[1]}", self.on_query, multicast=[GROUP[0]])

    @handles(EV_RECV)
    def on_query(self, c: Any, ev: Any, n: int) -> None:
        query = Message.decode(bytes(c.recv_mbuf))
        self.queries.append(query)
        if query.questions[0].name == self.name and len(self.queries) > self.silent:
            reply = Message(query.id, 0x8400, questions=query.questions)
            reply.answers.append(Record(self.name, A("192.0.2.9"), 10))
            c.send(reply.encode())


@pytest.fixture
def link(world: Any) -> Iterator[Any]:
    """Makes responders on a network with a DNS server that knows nothing of the names."""
    made: list[Responder] = []

    def make(*names: str, faults: Faults | None = None, **options: Any) -> tuple[World, Any]:
        w = world({}, faults=faults)
        for i, name in enumerate(names):
            made.append(Responder(w, f"10.0.0.{100 + i}", name, **options))
        return w, made

    yield make
    for responder in made:
        responder.mgr.close()


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("lamp.local", True),
        ("a.lamp.LOCAL.", True),
        ("local", False),
        ("local.example", False),
        ("x.notlocal", False),
    ],
)
def test_what_is_a_name_of_the_link(name: str, is_one: bool) -> None:
    assert is_local(Name(name)) is is_one


def test_whoever_has_the_name_answers(link: Any) -> None:
    w, responders = link("lamp.local", "door.local")
    lookup = w.find("Lamp.local", "A")
    assert lookup.addresses == ["192.0.2.9"]
    assert w.server.asked == []
    for responder in responders:
        (query,) = responder.queries
        assert query.opt is None
        assert query.flags == 0  # recursion is not desired (RFC 6762 18.6)
    assert w.sockets() == []


def test_addresses_are_told_although_nobody_says_that_there_are_no_others(link: Any) -> None:
    w, _ = link("lamp.local")
    start = w.net.now
    assert w.find("lamp.local").addresses == ["192.0.2.9"]
    assert round(w.net.now - start, 2) == 2.0
    parts: list[Any] = []
    w.resolver.cache.clear()
    start = w.net.now
    w.resolver.resolve("lamp.local", lambda *part: parts.append((w.net.now - start, *part)))
    assert w.net.run(lambda: parts)
    assert parts[0][1:] == (["192.0.2.9"], "", True)  # a connection starts with it
    assert parts[0][0] < 0.1
    assert w.net.run()


def test_it_is_asked_twice(link: Any) -> None:
    w, (responder,) = link("lamp.local", silent=1)
    start = w.net.now
    assert w.find("lamp.local", "A").addresses == ["192.0.2.9"]
    assert round(w.net.now - start, 2) == 1.0
    assert len(responder.queries) == 2


def test_silence_means_that_there_is_no_such_name(link: Any) -> None:
    w, _ = link("door.local")
    lookup = w.find("lamp.local")
    assert type(lookup.error) is NotFoundError
    lookup = w.find("lamp.local", "A")
    assert str(lookup.error) == (
        "'lamp.local' cannot be resolved: nobody on this network answers to it"
    )
    assert w.server.asked == []


def test_no_search_and_no_cache_of_silence(link: Any) -> None:
    w, responders = link("lamp.local", silent=2)
    assert w.find("lamp.local", "A").error
    assert w.find("lamp.local", "A").addresses == ["192.0.2.9"]
    assert len(responders[0].queries) == 3


@pytest.mark.parametrize("port", [GROUP[1], 5354])
def test_who_answers_does_so_from_the_port_of_mdns(link: Any, port: int) -> None:
    w, (responder,) = link("lamp.local", silent=9)

    def forge(c: Any, ev: Any, n: int) -> None:
        reply = Message.decode(bytes(c.recv_mbuf)).reply()
        reply.answers.append(Record("lamp.local", A("192.0.2.66"), 10))
        w.net.forge(reply.encode(), ("10.0.0.99", port), c.peer)

    for c in responder.mgr:
        c.handler = handles(EV_RECV)(forge)
    lookup = w.find("lamp.local", "A")
    assert lookup.addresses == (["192.0.2.66"] if port == GROUP[1] else [])


@pytest.mark.parametrize("rcode", [0, 3])
def test_what_has_nothing_does_not_count(link: Any, rcode: int) -> None:
    """Nobody may say for all the others that there is no such name."""
    w, (responder,) = link("lamp.local", silent=9)

    def deny(c: Any, ev: Any, n: int) -> None:
        query = Message.decode(bytes(c.recv_mbuf))
        reply = query.reply(rcode)
        for data in (reply.encode(), reply.encode()[:-3], query.encode()):
            c.send(data)

    for c in responder.mgr:
        c.handler = handles(EV_RECV)(deny)
    start = w.net.now
    assert type(w.find("lamp.local", "A").error) is NotFoundError
    assert round(w.net.now - start, 1) == 2.0
    assert w.resolver.ignored >= 3


def test_a_network_without_multicast(world: Any) -> None:
    w = world(LOCAL)

    def dial_datagram(*given: Any) -> Any:
        raise OSError(101, "Network is unreachable")

    w.mgr.network.dial_datagram = dial_datagram
    assert type(w.find("lamp.local", "A").error) is NotFoundError


def test_another_address_may_be_asked(world: Any) -> None:
    w = world(LOCAL, mdns=("10.0.0.53", 53))
    assert w.find("lamp.local", "A").addresses == ["192.0.2.9"]
