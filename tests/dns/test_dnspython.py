"""dnspython as an independent codec: what it encodes we decode, and the other way round."""

from __future__ import annotations

from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from galidia.dns import (
    AA,
    CAA,
    QR,
    RD,
    Message,
    Name,
    Opaque,
    Opt,
    Question,
    Record,
    Type,
    parse_rdata,
)
from tests.dns.test_message import DATA, NAMES

# What they have no class for they keep as bytes, as we do.
PLAIN = DATA.filter(lambda data: not isinstance(data, Opaque) or data.type == 65280)
RECORDS = st.lists(st.builds(Record, NAMES, PLAIN, st.integers(0, 2**31 - 1)), max_size=4)
TYPES = st.sampled_from([Type.A, Type.SOA, Type.ANY, Type(65280)])
# Codes for local use, which have no format to keep to (RFC 6891 9).
OPTIONS = st.lists(st.tuples(st.integers(65001, 65534), st.binary(max_size=9)), max_size=3)
OPTS = st.builds(Opt, st.integers(0, 65535), st.booleans(), st.integers(0, 255), OPTIONS)
MESSAGES = st.builds(
    Message,
    st.integers(0, 65535),
    st.sampled_from([0, QR, QR | AA | RD, 0x07F0 ^ 0x0200]),
    st.sampled_from([0, 2, 4]),
    st.integers(0, 15),
    st.lists(st.builds(Question, NAMES, TYPES), max_size=2),
    RECORDS,
    RECORDS,
    RECORDS,
    st.none() | OPTS,
)


def theirs(data: bytes) -> Any:
    """Their reading of a message: every record by itself, and no question is too many."""
    return dns.message.from_wire(data, one_rr_per_rrset=True, raise_on_truncation=False)


def shown(message: Any) -> list[list[tuple[bytes, int, int, int, bytes]]]:
    """What their message says, for comparison."""
    return [
        [
            (s.name.canonicalize().to_wire(), s.rdclass, s.rdtype, s.ttl, folded(rdata))
            for s in section
            for rdata in s
        ]
        for section in (message.answer, message.authority, message.additional)
    ]


def folded(rdata: Any) -> bytes:
    wire: bytes = rdata.to_wire()
    return wire.lower()


def alone(record: Record) -> Any:
    """Their reading of a record that is the only one."""
    m = Message()
    m.add(record)
    return theirs(m.encode())


@given(MESSAGES)
def test_they_read_what_we_write(ours: Message) -> None:
    message = theirs(ours.encode())
    assert (message.id, message.opcode()) == (ours.id, ours.opcode)
    assert message.flags & 0x87F0 == ours.flags
    assert message.rcode() == ours.rcode
    assert [(q.name.canonicalize().to_wire(), q.rdtype, q.rdclass) for q in message.question] == [
        (q.name.key, q.type, q.rclass) for q in ours.questions
    ]
    sections = (ours.answers, ours.authorities, ours.additionals)
    for section, records in zip(shown(message), sections, strict=True):
        assert section == [
            (r.name.key, r.rclass, r.type, r.ttl, alone(r).answer[0][0].to_wire().lower())
            for r in records
        ]
    if ours.opt is not None:
        assert message.edns == ours.opt.version
        assert message.payload == ours.opt.payload_size
        assert bool(message.ednsflags & dns.flags.DO) == ours.opt.dnssec_ok
        assert [(int(o.otype), o.to_wire()) for o in message.options] == list(ours.opt.options)


@given(MESSAGES)
def test_we_read_what_they_write(ours: Message) -> None:
    ours.opt = None
    again = Message.decode(theirs(ours.encode()).to_wire(max_size=65535))
    assert again == ours


# They take \\DDD in a CAA for a character, not a byte (RFC 1035 5.1), and encode it.
@given(PLAIN.filter(lambda data: not isinstance(data, CAA) or data.value.isascii()))
def test_the_text_of_data_is_theirs(data: Any) -> None:
    rdata = dns.rdata.from_text("IN", dns.rdatatype.RdataType.make(int(data.type)), str(data))
    assert rdata.to_wire() == alone(Record(".", data)).answer[0][0].to_wire()
    assert parse_rdata(Type(data.type), rdata.to_text()) == data


@given(NAMES)
def test_the_text_of_names_is_theirs(name: Name) -> None:
    assert dns.name.from_text(str(name)).to_wire() == name.wire
    assert Name(dns.name.from_wire(name.wire, 0)[0].to_text()) == name
