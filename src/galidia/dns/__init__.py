"""DNS: the codec, the protocol of servers and clients, a zone to serve.

``numbers``, ``name``, ``wire``, ``rdata``, ``record_types`` and ``message`` are the codec;
``protocol`` binds it to connections; ``zone`` answers with what a file says.
"""

from .message import Message, Opt, Question, Record
from .name import ROOT, Name
from .numbers import AA, AD, CD, QR, RA, RD, TC, Class, Opcode, Rcode, Type
from .rdata import Opaque, Rdata, parse_rdata
from .record_types import AAAA, CAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, A
from .wire import FormatError

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
    "Class",
    "FormatError",
    "Message",
    "Name",
    "Opaque",
    "Opcode",
    "Opt",
    "Question",
    "Rcode",
    "Rdata",
    "Record",
    "Type",
    "parse_rdata",
]
