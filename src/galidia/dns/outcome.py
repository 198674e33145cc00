"""What a reply says about a question: records, that there are none, or where to ask on.

No socket, no clock. Only records that belong to the question are looked at: those of its name, and
of the names that its aliases lead to (RFC 1034 3.6.2, RFC 5452 6); whatever else a server sends
along is none of its business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..core.resolver import NoDataError, NotFoundError, ResolveError
from .numbers import Class, Rcode, Type
from .record_types import AAAA, CNAME, SOA, A

if TYPE_CHECKING:
    from .message import Message, Record
    from .name import Name

#: Aliases that are followed from one name, within replies and from one to the next.
MAX_ALIASES = 16
#: Seconds that an answer is kept at most, and that the absence of one is (RFC 2308 5).
MAX_TTL = 86_400
MAX_NEGATIVE_TTL = 3_600
#: What says that a class is that of the Internet, also with the bit that mDNS has there.
_CLASS_BITS = 0x7FFF
_IN = int(Class.IN)
_NXDOMAIN = int(Rcode.NXDOMAIN)
_ANY, _CNAME = int(Type.ANY), int(Type.CNAME)
#: What an entry and a record cost in memory, roughly.
_ENTRY, _RECORD = 400, 600


class Outcome:
    """What a question came to. ``ttl`` is in seconds, 0 for what must not be kept.

    ``kind`` is None where there are records, else the class of the error, and ``text`` its words.
    """

    __slots__ = ("kind", "name", "records", "text", "ttl")

    def __init__(
        self,
        name: Name,
        records: tuple[Record, ...] = (),
        ttl: int = 0,
        kind: type[ResolveError] | None = None,
        text: str = "",
    ) -> None:
        self.name = name
        self.records = records
        self.ttl = ttl
        self.kind = kind
        self.text = text

    @property
    def addresses(self) -> list[str]:
        """The IP addresses among the records, each once."""
        data = [record.data for record in self.records]
        return list(dict.fromkeys([d.address for d in data if isinstance(d, (A, AAAA))]))

    @property
    def error(self) -> ResolveError | None:
        """The error, made anew for each who raises it."""
        return self.kind(self.text) if self.kind is not None else None

    @property
    def size(self) -> int:
        """Bytes of memory that it takes, roughly."""
        size = _ENTRY + len(self.name.wire) + len(self.text)
        for record in self.records:
            size += _RECORD + len(record.name.wire)
        return size


class Chase(NamedTuple):
    """The aliases lead to a name that the reply says nothing about: that one is to be asked for."""

    name: Name
    aliases: int
    ttl: int


def read_reply(
    message: Message, asked: Name, name: Name, type: Type, aliases: int = 0, ttl: int = MAX_TTL
) -> Outcome | Chase | None:
    """What a reply about ``name`` means for the question about ``asked``.

    ``aliases`` were followed already, with ``ttl`` as the least of theirs. None is a reply that
    neither answers nor denies, such as a referral: another server may know more.
    """
    first = name
    answers = message.answers
    number = int(type)
    while True:
        found = _records(answers, name, number)
        if found:
            return Outcome(name, tuple(found), min(ttl, *[r.ttl for r in found]))
        if number == _CNAME:
            break
        known = _records(answers, name, _CNAME)
        if not known or not isinstance(known[0].data, CNAME):
            break
        aliases += 1
        if aliases > MAX_ALIASES:
            return Outcome(name, kind=ResolveError, text=f"'{asked.host}' has too many aliases")
        ttl = min(ttl, known[0].ttl)
        name = known[0].data.target
    negative = _negative_ttl(message, name)
    if message.rcode == _NXDOMAIN:
        missing = f"'{asked.host}' cannot be resolved: no such name"
        if name is not first or aliases:
            missing = f"'{asked.host}' is an alias of '{name.host}', which does not exist"
        return Outcome(name, (), min(ttl, negative), NotFoundError, missing)
    if name is not first and not negative:
        return Chase(name, aliases, ttl)
    if not negative and not message.flags & 0x0480 and message.authorities:
        return None  # a referral of a server that does not ask others (neither AA nor RA)
    text = f"'{asked.host}' has no records of type {type.name}"
    return Outcome(name, (), min(ttl, negative), NoDataError, text)


def _records(records: list[Record], name: Name, number: int) -> list[Record]:
    """Those of a name that are of a type, which may be ANY."""
    found = []
    for record in records:
        if record.data.type == number and _belongs(record, name):
            found.append(record)
    if number == _ANY and not found:
        found = [record for record in records if _belongs(record, name)]
    return found


def _belongs(record: Record, name: Name) -> bool:
    return record.name == name and record.rclass & _CLASS_BITS == _IN


def _negative_ttl(message: Message, name: Name) -> int:
    """How long the absence may be remembered; 0 where no SOA says so (RFC 2308 5)."""
    for record in message.authorities:
        if isinstance(record.data, SOA) and name.is_under(record.name):
            return min(record.ttl, record.data.minimum, MAX_NEGATIVE_TTL)
    return 0
