"""DNS: the codec, the protocol of servers and clients, a zone to serve, the resolver.

``numbers``, ``name``, ``wire``, ``rdata``, ``record_types`` and ``message`` are the codec;
``protocol`` binds it to connections; ``zone`` answers with what a file says; ``resolver`` is what
every manager finds names with.
"""

from typing import TYPE_CHECKING, Any

from ..core.resolver import (
    BusyError,
    ClosedError,
    Lookup,
    NoAnswerError,
    NoDataError,
    NotFoundError,
    RefusedError,
    ResolveError,
)
from .message import Message, Opt, Question, Record
from .name import ROOT, Name
from .numbers import AA, AD, CD, QR, RA, RD, TC, Class, Opcode, Rcode, Type
from .rdata import Opaque, Rdata, parse_rdata
from .record_types import AAAA, CAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, A
from .wire import FormatError

if TYPE_CHECKING:
    from .options import DnsOptions
    from .resolver import Resolver
    from .zone import Zone
    from .zonefile import load_zone, parse_hosts, parse_zone

__all__ = [
    "AA",
    "AAAA",
    "AD",
    "CAA",
    "CD",
    "CNAME",
    "MX",
    "NS",
    "PTR",
    "QR",
    "RA",
    "RD",
    "ROOT",
    "SOA",
    "SRV",
    "TC",
    "TXT",
    "A",
    "BusyError",
    "Class",
    "ClosedError",
    "DnsOptions",
    "FormatError",
    "Lookup",
    "Message",
    "Name",
    "NoAnswerError",
    "NoDataError",
    "NotFoundError",
    "Opaque",
    "Opcode",
    "Opt",
    "Question",
    "Rcode",
    "Rdata",
    "Record",
    "RefusedError",
    "ResolveError",
    "Resolver",
    "Type",
    "Zone",
    "load_zone",
    "parse_hosts",
    "parse_rdata",
    "parse_zone",
]

# What the codec can do without is imported when it is first used.
_LAZY = {
    "DnsOptions": "options",
    "Resolver": "resolver",
    "Zone": "zone",
    "load_zone": "zonefile",
    "parse_hosts": "zonefile",
    "parse_zone": "zonefile",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    return value
