"""A zone to serve: what all answers are is worked out when it is made (RFC 1034 4.3, 2308, 4592).

Every name of the zone has an answer for each of its types and one for all others; names that it has
not, one between them, or that of a wildcard. Aliases are followed within the zone, and the
addresses of what MX, NS and SRV records name come along. A zone does not delegate: it has no NS
records but those of its origin.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..core.events import Event, Flag, mask_of
from .message import LONGEST_MESSAGE, Message, Question, Record
from .name import Name, as_name
from .numbers import AA, QR, TC, Class, Rcode, Type
from .record_types import CNAME, MX, NS, SOA, SRV
from .responder import Answer, Responder
from .wire import Writer

if TYPE_CHECKING:
    from ..core.connection import Connection

__all__ = ["Zone"]

#: What an SOA record has that nobody gave, in seconds: refresh, retry, expire, negative answers.
SOA_TIMES = (7200, 3600, 1_209_600, 300)
#: Aliases that one answer follows.
MAX_ALIASES = 16

_UDP = int(Flag.UDP)
_IN = Class.IN.to_bytes(2, "big")
_Node = dict[Type, list[Record]]


class Zone(Responder):
    """A zone and a handler for it: ``mgr.bind("dns://127.0.0.1:5353", zone)``.

    ``records`` are all of ``origin`` or below it; one of type SOA at the origin is made if there is
    none. Within another handler, `serve` answers a message. Raises ValueError for records that
    cannot be in one zone.
    """

    __galidia_events__ = mask_of(Event.DNS_MESSAGE)
    __slots__ = ("_nodes", "_nowhere", "_wildcards", "origin", "soa")

    def __init__(self, origin: Name | str, records: Iterable[Record]) -> None:
        Responder.__init__(self)
        self.origin = as_name(origin)
        self._nodes: dict[bytes, _Node] = {self.origin.key: {}}
        for record in records:
            self._put(record)
        apex = self._nodes[self.origin.key]
        if Type.SOA not in apex:
            names = self.origin.prepend(b"ns"), self.origin.prepend(b"hostmaster")
            self._put(Record(self.origin, SOA(*names, 1, *SOA_TIMES)))
        self._check()
        (soa,) = apex[Type.SOA]
        assert isinstance(soa.data, SOA)
        #: What stands in negative answers, for as long as they are valid (RFC 2308 5).
        self.soa = Record(self.origin, soa.data, min(soa.ttl, soa.data.minimum))
        #: By the name under which a wildcard is: its answers by type, and for all other types.
        self._wildcards: dict[bytes, tuple[dict[int, Answer], Answer]] = {}
        self._nowhere = self._answer(self.origin, None, plain=True)
        for key, node in self._nodes.items():
            self._prepare(Name.of_wire(key), node)

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        if ev == Event.DNS_MESSAGE:
            self.serve(data)

    def serve(self, message: Message) -> None:
        """Answer a query that a handler got."""
        c = message.connection
        if c is None:
            raise ValueError("serve() answers what came over a connection")
        udp = c.flags & _UDP != 0
        answer = self.respond(message.encode(), message.limit, udp)
        c.send(answer if udp else len(answer).to_bytes(2, "big") + answer)

    def missing(self, name: bytes, type: int) -> Answer:
        while name != b"\0":
            name = name[1 + name[0] :]
            if name in self.names:  # the closest encloser (RFC 4592 3.3.1)
                wildcard = self._wildcards.get(name)
                if wildcard is None:
                    return self._nowhere
                by_type, other = wildcard
                return by_type.get(type, other)
        return Responder.missing(self, name, type)

    # -- making it ----------------------------------------------------------------------------

    def _put(self, record: Record) -> None:
        name = record.name
        if not name.is_under(self.origin):
            raise ValueError(f"{name} is not in the zone {self.origin}")
        if record.rclass != Class.IN or record.type in (Type.OPT, Type.ANY):
            raise ValueError(f"{name}: a zone has no record of {record.rclass} {record.type}")
        if record.type == Type.NS and name != self.origin:
            raise ValueError(f"{name}: NS records below the origin are not supported")
        if record.type == Type.SOA and name != self.origin:
            raise ValueError(f"{name}: the SOA record is at the origin, {self.origin}")
        there = self._nodes.setdefault(name.key, {}).setdefault(record.type, [])
        # The TTL of all is the lowest one (RFC 2181 5.2), and a record is there once.
        ttl = min([record.ttl, *[r.ttl for r in there]])
        records = [Record(r.name, r.data, ttl) for r in [*there, record]]
        there[:] = dict.fromkeys(records)

    def _check(self) -> None:
        for key, node in list(self._nodes.items()):
            name = Name.of_wire(key)
            if Type.CNAME in node and (len(node) > 1 or len(node[Type.CNAME]) > 1):
                raise ValueError(f"{name}: an alias (CNAME) has no other records")
            if len(node.get(Type.SOA, [])) > 1:
                raise ValueError(f"{name}: there is one SOA record")
            while name != self.origin:  # names between that have no records exist as well
                name = name.parent()
                self._nodes.setdefault(name.key, {})

    def _prepare(self, name: Name, node: _Node) -> None:
        types: list[Type] = [*node]
        target = self._target(name)
        if target is not None:
            types += self._node(target)
        answers = {int(type): self._answer(name, type) for type in types}
        if node:  # one of the types is enough for a question for any (RFC 8482 4.1)
            answers[Type.ANY] = answers[types[0]]
        other = self._answer(name, Type(0))
        self.names[name.key] = other
        for type, answer in answers.items():
            self.answers[name.key + type.to_bytes(2, "big") + _IN] = answer
        if name.labels[:1] == (b"*",):
            # The names that it stands for are of any length: no pointer may lead into them.
            plain = {type: self._answer(name, Type(type), plain=True) for type in answers}
            if node:
                plain[Type.ANY] = plain[types[0]]
            by_type = plain, self._answer(name, Type(0), plain=True)
            self._wildcards[name.parent().key] = by_type

    def _target(self, name: Name) -> Name | None:
        """Where a name that is an alias leads to in the end, if that is in the zone."""
        found = None
        for _ in range(MAX_ALIASES):
            alias = self._node(name).get(Type.CNAME)
            if alias is None:
                break
            assert isinstance(alias[0].data, CNAME)
            found = name = alias[0].data.target
        return found

    def _node(self, name: Name) -> _Node:
        """The records of a name, or of the wildcard that it matches."""
        key = name.key
        node = self._nodes.get(key)
        while node is None and key != b"\0":
            key = key[1 + key[0] :]
            if key in self._nodes:
                return self._nodes.get(b"\1*" + key, {})
        return node or {}

    def _exists(self, name: Name) -> bool:
        return name.key in self._nodes or bool(self._node(name))

    def _answer(self, name: Name, type: Type | None, *, plain: bool = False) -> Answer:
        """The answer to a question; without a type, to one for a name that is not there."""
        m = Message(flags=QR | AA, questions=[Question(name, type or Type.A)])
        if type is None:
            m.rcode = Rcode.NXDOMAIN
            m.authorities.append(self.soa)
        else:
            self._fill(m, name, type)
        self._add_addresses(m)
        asked = name if type is not None else None
        data = _encode(m, asked) if plain else m.encode()
        if data[2] << 8 & TC:
            raise ValueError(f"{name}: the records of type {type} do not fit in a message")
        counts = len(m.answers), len(m.authorities), len(m.additionals)
        m.additionals.clear()
        cut = len(_encode(m, asked) if plain else m.encode())
        start = 12 + len(name.wire) + 4
        return Answer(QR | AA | m.rcode, data[start:], counts, cut - start)

    def _fill(self, m: Message, name: Name, type: Type) -> None:
        followed: set[Name] = set()
        while name not in followed and len(followed) < MAX_ALIASES:
            followed.add(name)
            node = self._node(name)
            records = node.get(type) or node.get(Type.CNAME) or []
            m.answers += [Record(name, r.data, r.ttl) for r in records]
            if not records:
                m.authorities.append(self.soa)
                if not self._exists(name):
                    m.rcode = Rcode.NXDOMAIN
                return
            data = records[0].data
            if type == Type.CNAME or not isinstance(data, CNAME):
                return
            name = data.target
            if not name.is_under(self.origin):
                return

    def _add_addresses(self, m: Message) -> None:
        """The addresses of what the answers name."""
        for record in m.answers:
            data = record.data
            target = data.exchange if isinstance(data, MX) else None
            if isinstance(data, (NS, SRV)):
                target = data.target
            if target is not None and target.is_under(self.origin):
                node = self._node(target)
                for r in [*node.get(Type.A, []), *node.get(Type.AAAA, [])]:
                    found = Record(target, r.data, r.ttl)
                    if found not in m.additionals:
                        m.additionals.append(found)


class _Plain(Writer):
    """Writes names in full, but for the one that is asked for."""

    def __init__(self, name: Name | None) -> None:
        Writer.__init__(self)
        self._asked = name

    def name(self, name: Name, compress: bool = True) -> None:
        if compress and name == self._asked:
            self.u16(0xC00C)
        else:
            self.raw(name.wire)


def _encode(m: Message, asked: Name | None) -> bytes:
    """The message, where what follows the question fits behind a question for any name."""
    head = m.encode()[: 12 + len(m.questions[0].name.wire) + 4]
    w = _Plain(asked)
    for record in (*m.answers, *m.authorities, *m.additionals):
        record.write(w)
    if len(head) + len(w.data) > LONGEST_MESSAGE - 255:
        raise ValueError(f"{m.questions[0].name}: the records do not fit in a message")
    return head + bytes(w.data)
