"""The types of resource records that have a class: RFC 1035 3.3, 3596, 2782, 8659."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Self

from .name import Name, as_name
from .numbers import Type
from .rdata import LONGEST_RDATA, Rdata, counted, number, quote, unescape
from .wire import Cursor, Writer

__all__ = ["AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "A"]


class A(Rdata):
    """An IPv4 address (RFC 1035 3.4.1)."""

    __slots__ = ("packed",)
    type = Type.A
    internet = True

    def __init__(self, address: str | IPv4Address) -> None:
        self.packed = IPv4Address(address).packed

    @property
    def address(self) -> str:
        """The address as text."""
        return _dotted(self.packed)

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        made = cls.__new__(cls)
        made.packed = cursor.take(4)
        return made

    def write(self, w: Writer) -> None:
        w.raw(self.packed)

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        return cls(counted(words, 1, "ADDRESS")[0])

    def __str__(self) -> str:
        return self.address


class AAAA(Rdata):
    """An IPv6 address (RFC 3596)."""

    __slots__ = ("packed",)
    type = Type.AAAA
    internet = True

    def __init__(self, address: str | IPv6Address) -> None:
        parsed = IPv6Address(address)
        if parsed.scope_id is not None:
            raise ValueError(f"an AAAA record has no zone, as {address!r} has")
        self.packed = parsed.packed

    @property
    def address(self) -> str:
        """The address as text."""
        return str(IPv6Address(self.packed))

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        made = cls.__new__(cls)
        made.packed = cursor.take(16)
        return made

    def write(self, w: Writer) -> None:
        w.raw(self.packed)

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        return cls(counted(words, 1, "ADDRESS")[0])

    def __str__(self) -> str:
        return self.address


class Target(Rdata):
    """What is but a name."""

    __slots__ = ("target",)

    def __init__(self, target: Name | str) -> None:
        self.target = as_name(target)

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        return cls(cursor.name())

    def write(self, w: Writer) -> None:
        w.name(self.target)

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        return cls(counted(words, 1, "NAME")[0])

    def _values(self) -> tuple[object, ...]:
        return (self.target,)

    def __str__(self) -> str:
        return str(self.target)


class NS(Target):
    """A name server of a zone (RFC 1035 3.3.11)."""

    __slots__ = ()
    type = Type.NS


class CNAME(Target):
    """The canonical name of an alias (RFC 1035 3.3.1)."""

    __slots__ = ()
    type = Type.CNAME


class PTR(Target):
    """A pointer to a name (RFC 1035 3.3.12)."""

    __slots__ = ()
    type = Type.PTR


class SOA(Rdata):
    """The start of authority of a zone (RFC 1035 3.3.13); times are in seconds."""

    __slots__ = ("expire", "minimum", "mname", "refresh", "retry", "rname", "serial")
    type = Type.SOA

    def __init__(
        self,
        mname: Name | str,
        rname: Name | str,
        serial: int,
        refresh: int,
        retry: int,
        expire: int,
        minimum: int,
    ) -> None:
        self.mname = as_name(mname)
        self.rname = as_name(rname)
        self.serial = number("serial", serial, 32)
        self.refresh = number("refresh", refresh, 32)
        self.retry = number("retry", retry, 32)
        self.expire = number("expire", expire, 32)
        self.minimum = number("minimum", minimum, 32)

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        names = cursor.name(), cursor.name()
        u32 = cursor.u32
        return cls(*names, u32(), u32(), u32(), u32(), u32())

    def write(self, w: Writer) -> None:
        w.name(self.mname)
        w.name(self.rname)
        for value in (self.serial, self.refresh, self.retry, self.expire, self.minimum):
            w.u32(value)

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        what = "MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM"
        mname, rname, *rest = counted(words, 7, what)
        serial, refresh, retry, expire, minimum = map(int, rest)
        return cls(mname, rname, serial, refresh, retry, expire, minimum)

    def __str__(self) -> str:
        times = f"{self.serial} {self.refresh} {self.retry} {self.expire} {self.minimum}"
        return f"{self.mname} {self.rname} {times}"


class MX(Rdata):
    """A mail exchange; the lowest preference is tried first (RFC 1035 3.3.9)."""

    __slots__ = ("exchange", "preference")
    type = Type.MX

    def __init__(self, preference: int, exchange: Name | str) -> None:
        self.preference = number("preference", preference, 16)
        self.exchange = as_name(exchange)

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        return cls(cursor.u16(), cursor.name())

    def write(self, w: Writer) -> None:
        w.u16(self.preference)
        w.name(self.exchange)

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        preference, exchange = counted(words, 2, "PREFERENCE EXCHANGE")
        return cls(int(preference), exchange)

    def __str__(self) -> str:
        return f"{self.preference} {self.exchange}"


class TXT(Rdata):
    """Character strings of up to 255 bytes each, one at least (RFC 1035 3.3.14)."""

    __slots__ = ("strings",)
    type = Type.TXT

    def __init__(self, *strings: bytes | str) -> None:
        self.strings = tuple([s.encode() if isinstance(s, str) else bytes(s) for s in strings])
        if not self.strings:
            raise ValueError("it has one string at least, which may be empty")
        if max(map(len, self.strings)) > 255:
            raise ValueError("a string has at most 255 bytes; give the text in several")
        if sum(map(len, self.strings)) + len(self.strings) > LONGEST_RDATA:
            raise ValueError(f"the strings are over {LONGEST_RDATA} bytes")

    @property
    def text(self) -> str:
        """All strings as one text; what is not UTF-8 is replaced."""
        return b"".join(self.strings).decode("utf-8", "replace")

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        strings = [cursor.string()]
        while cursor.at < cursor.end:
            strings.append(cursor.string())
        return cls(*strings)

    def write(self, w: Writer) -> None:
        for string in self.strings:
            w.string(string)

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        return cls(*[unescape(word) for word in words])

    def __str__(self) -> str:
        return " ".join([quote(string) for string in self.strings])


class SRV(Rdata):
    """Where a service is (RFC 2782)."""

    __slots__ = ("port", "priority", "target", "weight")
    type = Type.SRV
    internet = True

    def __init__(self, priority: int, weight: int, port: int, target: Name | str) -> None:
        self.priority = number("priority", priority, 16)
        self.weight = number("weight", weight, 16)
        self.port = number("port", port, 16)
        self.target = as_name(target)

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        return cls(cursor.u16(), cursor.u16(), cursor.u16(), cursor.name())

    def write(self, w: Writer) -> None:
        for value in (self.priority, self.weight, self.port):
            w.u16(value)
        w.name(self.target, False)

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        priority, weight, port, target = counted(words, 4, "PRIORITY WEIGHT PORT TARGET")
        return cls(int(priority), int(weight), int(port), target)

    def __str__(self) -> str:
        return f"{self.priority} {self.weight} {self.port} {self.target}"


class CAA(Rdata):
    """Who may issue certificates (RFC 8659): flags (128: critical), a tag, its value."""

    __slots__ = ("flags", "tag", "value")
    type = Type.CAA

    def __init__(self, flags: int, tag: str, value: bytes | str) -> None:
        self.flags = number("flags", flags, 8)
        self.tag = tag
        self.value = value.encode() if isinstance(value, str) else bytes(value)
        if not (tag.isascii() and tag.isalnum()) or len(tag) > 255:
            raise ValueError(f"a tag is of ASCII letters and digits, not {tag!r}")
        if len(self.value) > LONGEST_RDATA - 2 - len(tag):
            raise ValueError("the value is too long for a record")

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        return cls(cursor.u8(), cursor.string().decode("latin-1"), cursor.rest())

    def write(self, w: Writer) -> None:
        w.u8(self.flags)
        w.string(self.tag.encode("ascii"))
        w.raw(self.value)

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        flags, tag, value = counted(words, 3, "FLAGS TAG VALUE")
        return cls(int(flags), tag, unescape(value))

    def __str__(self) -> str:
        return f"{self.flags} {self.tag} {quote(self.value)}"


def _dotted(packed: bytes) -> str:
    return f"{packed[0]}.{packed[1]}.{packed[2]}.{packed[3]}"
