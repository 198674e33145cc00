"""The numbers of the protocol and their names (RFC 1035, and IANA's registry of DNS parameters).

The wire has more numbers than any table: an unknown one is a member too, and prints as RFC 3597
section 5 says (``TYPE65280``, ``CLASS32``).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Generic, Self, TypeVar

__all__ = ["AA", "AD", "CD", "QR", "RA", "RD", "TC", "Class", "Opcode", "Rcode", "Type"]

_N = TypeVar("_N", bound="Number")

#: Bits of the second word of the header: it is a reply; an authoritative one; it was truncated;
#: recursion is desired, and available; authentic data; checking disabled (RFC 4035 3.1.6, 3.2.2).
QR = 0x8000
AA = 0x0400
TC = 0x0200
RD = 0x0100
RA = 0x0080
AD = 0x0020
CD = 0x0010


class Number(IntEnum):
    """A number of 16 bits that may have no name."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFF:
            return None
        made = int.__new__(cls, value)
        made._name_ = f"{cls.__name__.upper()}{value}"
        made._value_ = int(value)
        return made

    @classmethod
    def parse(cls, text: str) -> Self:
        """The member of this name, ``TYPE65280`` for one that has none. Raises ValueError."""
        name = text.upper()
        member = cls._member_map_.get(name)
        if isinstance(member, cls):
            return member
        number = name.removeprefix(cls.__name__.upper())
        if number == name or not (number.isascii() and number.isdigit()) or len(number) > 5:
            raise ValueError(f"there is no DNS {cls.__name__.lower()} {text!r}")
        return cls(int(number))

    # As it is equal to its number; an enumeration takes the hash of the name otherwise.
    __hash__ = int.__hash__

    def __str__(self) -> str:
        return self.name

    def __format__(self, spec: str) -> str:
        return format(self.name, spec)


class Type(Number):
    """Type of a resource record, or of a question."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    HINFO = 13
    MX = 15
    TXT = 16
    RP = 17
    AAAA = 28
    LOC = 29
    SRV = 33
    NAPTR = 35
    DNAME = 39
    OPT = 41
    DS = 43
    SSHFP = 44
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    NSEC3 = 50
    NSEC3PARAM = 51
    TLSA = 52
    CDS = 59
    CDNSKEY = 60
    SVCB = 64
    HTTPS = 65
    TSIG = 250
    IXFR = 251
    AXFR = 252
    ANY = 255
    URI = 256
    CAA = 257


class Class(Number):
    """Class of a resource record."""

    IN = 1
    CH = 3
    HS = 4
    NONE = 254
    ANY = 255


class Opcode(Number):
    """What a message asks for."""

    QUERY = 0
    IQUERY = 1
    STATUS = 2
    NOTIFY = 4
    UPDATE = 5
    DSO = 6


class Rcode(Number):
    """How it went. Those over 15 take an OPT record (RFC 6891 6.1.3)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    YXRRSET = 7
    NXRRSET = 8
    NOTAUTH = 9
    NOTZONE = 10
    BADVERS = 16
    BADKEY = 17
    BADTIME = 18
    BADMODE = 19
    BADNAME = 20
    BADALG = 21
    BADTRUNC = 22
    BADCOOKIE = 23


class Members(dict[int, _N], Generic[_N]):
    """The members by their number, which is found sooner here than by calling the class."""

    def __init__(self, kind: type[_N]) -> None:
        super().__init__({int(member): member for member in kind})
        self._kind = kind

    def __missing__(self, value: int) -> _N:
        return self._kind(value)


TYPES = Members(Type)
CLASSES = Members(Class)
OPCODES = Members(Opcode)
RCODES = Members(Rcode)
