"""A simulated network with DNS servers that know the truth, and forgers who do not tell it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from galidia import EV_RECV, Manager, handles
from galidia.core.address import Address
from galidia.dns import AAAA, CNAME, RA, SOA, A, Message, Name, Rcode, Record, Type
from galidia.dns.resolver import Resolver
from galidia.testing import Faults, SimNetwork

HOME = "10.0.0.1"
SERVERS = ["10.0.0.53", "10.0.0.54"]
#: What no server ever says.
LIE = "192.0.2.66"

Truth = dict[str, dict[Type, list[Any]]]


def a(*addresses: str) -> dict[Type, list[Any]]:
    """The records of a name that has these addresses."""
    four = [A(one) for one in addresses if ":" not in one]
    six = [AAAA(one) for one in addresses if ":" in one]
    return {kind: data for kind, data in ((Type.A, four), (Type.AAAA, six)) if data}


def alias(target: str) -> dict[Type, list[Any]]:
    """The record of a name that is an alias."""
    return {Type.CNAME: [CNAME(target)]}


class DnsServer:
    """A server on a host of the network, over UDP and TCP, that knows everything in ``truth``.

    ``answer`` may be replaced: it is given a query and returns the reply, or None for silence.
    ``before`` is called with each query over UDP and where it came from, ahead of the reply.
    """

    def __init__(self, net: SimNetwork, address: str, truth: Truth) -> None:
        self.net = net
        self.address = address
        self.truth = {Name(name).key: types for name, types in truth.items()}
        self.asked: list[tuple[str, Type]] = []
        self.sources: list[Address] = []
        self.over_tcp = 0
        self.edns = True
        self.follows = True
        self.ttl = 60
        self.negative_ttl: int | None = 30
        self.delay: dict[Type, float] = {}
        self.answer: Callable[[Message], Message | None] = self.reply
        self.before: Callable[[bytes, Address], object] = lambda data, source: None
        self.mgr = Manager(network=net.host(address))
        self.mgr.bind(f"udp://{address}:53", self._on_udp)
        self.mgr.bind(f"tcp://{address}:53", self._on_tcp)

    def reply(self, query: Message) -> Message:
        """The truth."""
        question = query.questions[0]
        reply = query.reply()
        reply.flags |= RA
        name = question.name
        for _ in range(20):
            types = self.truth.get(name.key)
            if types is None:
                if not reply.answers or self.follows:
                    reply.rcode = Rcode.NXDOMAIN
                    self._deny(reply)
                return reply
            found = types.get(question.type)
            if found:
                reply.answers += [Record(name, data, self.ttl) for data in found]
                return reply
            if Type.CNAME not in types:
                self._deny(reply)
                return reply
            (target,) = types[Type.CNAME]
            reply.answers.append(Record(name, target, self.ttl))
            name = target.target
            if not self.follows:
                return reply
        return reply

    def _deny(self, reply: Message) -> None:
        if self.negative_ttl is not None:
            soa = SOA("ns.example", "root.example", 1, 2, 3, 4, self.negative_ttl)
            reply.authorities.append(Record("example", soa, 3600))

    def _asked(self, data: bytes) -> Message | None:
        query = Message.decode(data)
        question = query.questions[0]
        self.asked.append((question.name.host, question.type))
        if query.opt is not None and not self.edns:
            reply = query.reply(Rcode.FORMERR)
            reply.opt = None
            return reply
        return self.answer(query)

    @handles(EV_RECV)
    def _on_udp(self, c: Any, ev: Any, n: int) -> None:
        data = bytes(c.recv_mbuf)
        self.sources.append(c.peer)
        self.before(data, c.peer)
        reply = self._asked(data)
        if reply is None:
            return
        query = Message.decode(data)
        wire = reply.encode(query.opt.payload_size if query.opt and reply.opt else 512)
        delay = self.delay.get(query.questions[0].type, 0.0)
        if delay:
            self.net.call_at(delay, self.net.forge, wire, (self.address, 53), c.peer)
        else:
            c.send(wire)

    @handles(EV_RECV)
    def _on_tcp(self, c: Any, ev: Any, n: int) -> None:
        buffer = c.recv_mbuf
        while len(buffer) >= 2 and len(buffer) >= 2 + int.from_bytes(buffer[:2], "big"):
            end = 2 + int.from_bytes(buffer[:2], "big")
            data = bytes(buffer[2:end])
            del buffer[:end]
            self.over_tcp += 1
            reply = self._asked(data)
            if reply is not None:
                wire = reply.encode()
                c.send(len(wire).to_bytes(2, "big") + wire)


class Forger:
    """Whoever wants to be believed in place of a server, and guesses what he cannot see.

    He is given more than he would have: when a query is on its way, to whom, and its question. Each
    of his datagrams lacks one of the things that make a reply.
    """

    def __init__(self, server: DnsServer, seed: int) -> None:
        self.net = server.net
        self.server = server
        self.random = random.Random(seed)
        self.sent = 0

    def __call__(self, data: bytes, source: Address) -> None:
        query = Message.decode(data)
        lie = query.reply()
        lie.flags |= RA
        question = query.questions[0]
        lie.answers.append(Record(question.name, A(LIE), 600))
        lie.answers.append(Record(question.name, AAAA("2001:db8::666"), 600))
        wire = lie.encode()
        there = Address(self.server.address, 53)
        for _ in range(self.random.randrange(4)):
            forged, sender, to = bytearray(wire), there, source
            kind = self.random.choice(
                ("id", "source", "port", "question", "query", "opcode", "cut", "wild", "short")
            )
            if kind == "id":
                forged[:2] = (query.id ^ self.random.randrange(1, 1 << 16)).to_bytes(2, "big")
            elif kind == "source":
                sender = Address("10.0.0.99", 53)
            elif kind == "port":
                sender = Address(there.host, 5353)
            elif kind == "question":
                other = Message.query("elsewhere.example", question.type, id=query.id).reply()
                other.answers += lie.answers
                forged[:] = other.encode()
            elif kind == "query":
                forged[2] &= 0x7F
            elif kind == "opcode":
                forged[2] |= 0x20
            elif kind == "cut":
                end = len(data) - (11 if query.opt else 0)
                del forged[self.random.randrange(end, len(forged)) :]
            elif kind == "wild":
                to = Address(source.host, self.random.randrange(1024, 1 << 16))
                if to.port == source.port:
                    continue
            else:
                del forged[self.random.randrange(12) :]
            self.sent += 1
            self.net.forge(bytes(forged), sender, to)


class World:
    """A network with servers and a manager that resolves through them."""

    def __init__(
        self,
        truth: Truth,
        *,
        seed: int = 1,
        faults: Faults | None = None,
        servers: int | list[str] = 1,
        **options: Any,
    ) -> None:
        self.net = SimNetwork(seed, faults=faults, address=HOME)
        asked = SERVERS[:servers] if isinstance(servers, int) else servers
        self.servers = [DnsServer(self.net, host, truth) for host in SERVERS[: len(asked)]]
        given = {"servers": asked, **options}
        self.mgr = Manager(network=self.net, resolver=lambda mgr: Resolver(mgr, **given))

    @property
    def server(self) -> DnsServer:
        """The first server."""
        return self.servers[0]

    @property
    def resolver(self) -> Resolver:
        resolver: Resolver = self.mgr.resolver
        return resolver

    def find(self, name: str, type: str | None = None) -> Any:
        """What comes of a look-up."""
        found: list[Any] = []
        self.mgr.resolve(name, found.append, type)
        assert self.net.run(lambda: found), "no outcome"
        return found[0]

    def sockets(self) -> list[str]:
        """What the resolver has open."""
        own = {str(sock) for sock in self.net.descriptors.values() if f"on {HOME}:" in str(sock)}
        return sorted(own) + [repr(c) for c in self.mgr]

    def close(self) -> None:
        for mgr in (self.mgr, *(server.mgr for server in self.servers)):
            mgr.close()
        assert self.net.leftovers() == []
