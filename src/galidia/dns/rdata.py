"""Data of resource records: what every type can do, and the types that have no class of their own.

One type is one class: it reads itself off a cursor, writes itself, and has the text that zone files
and dig have (RFC 1035 5.1). Constructors check, so that whatever exists can be encoded.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

from .numbers import Class, Type
from .wire import Cursor, FormatError, Writer

__all__ = ["Opaque", "Rdata", "parse_rdata", "read_rdata"]

LONGEST_RDATA = 65535
_WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)+))', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9]{3})|(.))", re.DOTALL)
_CLASSES: dict[int, type[Rdata]] = {}
_IN = int(Class.IN)


class Rdata:
    """Data of a record. Equal when of one type and of equal values; names ignore case."""

    __slots__ = ()

    type: Type
    #: Whether it has this form in the class IN only.
    internet: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        number = cls.__dict__.get("type")
        if isinstance(number, Type):
            _CLASSES[number] = cls

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """Off the wire, up to the cursor's end. Raises FormatError or ValueError."""
        raise NotImplementedError

    def write(self, w: Writer) -> None:
        """To the wire."""
        raise NotImplementedError

    @classmethod
    def parse(cls, words: list[str]) -> Self:
        """From the words of its text. Raises ValueError."""
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.type} {self}>"

    def _values(self) -> tuple[object, ...]:
        slots: tuple[str, ...] = self.__slots__
        return tuple([getattr(self, name) for name in slots])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rdata):
            return NotImplemented
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self.type, self._values()))


class Opaque(Rdata):
    """Data of a type that has no class here, as bytes (RFC 3597)."""

    __slots__ = ("data", "type")

    def __init__(self, type: Type | int, data: bytes) -> None:
        self.type = Type(type)
        self.data = bytes(data)
        if len(self.data) > LONGEST_RDATA:
            raise ValueError(f"RDATA has at most {LONGEST_RDATA} bytes, not {len(self.data)}")

    def write(self, w: Writer) -> None:
        w.raw(self.data)

    def __str__(self) -> str:
        return f"\\# {len(self.data)} {self.data.hex()}".rstrip()


def read_rdata(cursor: Cursor, type: Type, rclass: int) -> Rdata:
    """The data of a record, up to the cursor's end. Raises FormatError only."""
    cls = _CLASSES.get(type)
    # The highest bit of the class is multicast DNS's (RFC 6762 10.2).
    if cls is None or (cls.internet and rclass & 0x7FFF != _IN):
        return Opaque(type, cursor.rest())
    try:
        return cls.read(cursor)
    except FormatError:
        raise
    except ValueError as e:
        raise FormatError(f"{type}: {e}") from None


def parse_rdata(type: Type, text: str) -> Rdata:
    """The data of a record from its text, as in a zone file. Raises ValueError."""
    cls = _CLASSES.get(type)
    try:
        words = split_words(text)
        if words[:1] == ["\\#"]:
            return _parse_opaque(type, words)
        if cls is None:
            raise ValueError("it is written as \\# LENGTH HEX (RFC 3597)")
        return cls.parse(words)
    except (ValueError, TypeError) as e:
        raise ValueError(f"{text!r} is not the data of a record of type {type}: {e}") from None


def _parse_opaque(type: Type, words: list[str]) -> Rdata:
    data = bytes.fromhex("".join(words[2:]))
    if len(words) < 2 or not words[1].isdigit() or int(words[1]) != len(data):
        raise ValueError("the length is not that of the data")
    cls = _CLASSES.get(type)
    if cls is None:
        return Opaque(type, data)
    cursor = Cursor(data)
    found = read_rdata(cursor, type, Class.IN)
    cursor.widen(cursor.end)
    return found


def split_words(text: str) -> list[str]:
    """Words of a line of a zone file, the quotes around them removed; escapes are left."""
    words = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise ValueError(f"{text!r}: a quote or a backslash at {at} leads to nothing")
        words.append(match[1] if match[1] is not None else match[2])
        at = match.end()
    return words


def unescape(word: str) -> bytes:
    """A character string of its text (RFC 1035 5.1). Raises ValueError."""

    def byte(match: re.Match[str]) -> str:
        if match[2] is not None:
            return match[2]
        return bytes([int(match[1])]).decode("utf-8", "surrogateescape")

    return _ESCAPE.sub(byte, word).encode("utf-8", "surrogateescape")


def quote(data: bytes) -> str:
    """The text of a character string."""
    shown = [
        f"\\{chr(b)}" if b in b'"\\' else chr(b) if 0x20 <= b <= 0x7E else f"\\{b:03d}"
        for b in data
    ]
    return f'"{"".join(shown)}"'


def number(name: str, value: int, bits: int) -> int:
    """A number of so many bits. Raises ValueError."""
    if not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise ValueError(f"{name} is a number from 0 to {(1 << bits) - 1}, not {value!r}")
    return int(value)


def counted(words: list[str], n: int, what: str) -> list[str]:
    """The words, if there are ``n``."""
    if len(words) != n:
        raise ValueError(f"it is written as {what}")
    return words
