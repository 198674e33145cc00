"""Bytes to values and back: a cursor that cannot leave its bounds, and a writer (RFC 1035 4.1).

Whatever is decoded goes through `Cursor`, and `FormatError` is the one thing that can go wrong.
A compression pointer leads strictly backwards, to before the labels it stands behind, so that no
name can loop; a name has at most 127 labels and as many pointers, so that its cost has a bound
whatever the message is (RFC 9267 2); and one that was read is not read again by who points to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython
from .name import LONGEST_NAME, Name

if not cython.compiled:
    from .name import made

__all__ = ["Cursor", "FormatError", "Writer"]

#: Bytes of the header, into which no pointer may lead.
HEADER = 12
#: Pointers that one name may go through: as many as it can have labels.
MAX_POINTERS = 127
#: How far a pointer reaches.
REACH = 0x4000

_HEADER = HEADER
_LONGEST = LONGEST_NAME
_MAX_POINTERS = MAX_POINTERS
_REACH = REACH


class FormatError(ValueError):
    """The bytes are not a message; the text says what is wrong."""


class Cursor:
    """A position ``at`` in ``data``, and the ``end`` that nothing is read beyond."""

    __slots__ = ("_names", "at", "data", "end")

    def __init__(self, data: bytes) -> None:
        if type(data) is not bytes:
            data = bytes(data)
        self.data = data
        self.at = 0
        self.end = len(data)
        self._names: dict[int, Name] = {}

    def u8(self) -> int:
        """A number of 8 bits."""
        at = self._step(1)
        return self.data[at]

    def u16(self) -> int:
        """A number of 16 bits."""
        at = self._step(2)
        data = self.data
        return data[at] << 8 | data[at + 1]

    def u32(self) -> int:
        """A number of 32 bits."""
        high = self.u16()
        return high * 0x10000 + self.u16()

    def take(self, n: int) -> bytes:
        """That many bytes."""
        at = self._step(n)
        return self.data[at : at + n]

    def rest(self) -> bytes:
        """What is left up to the end."""
        return self.take(self.end - self.at)

    def string(self) -> bytes:
        """A character string: a length of 8 bits, and that many bytes."""
        return self.take(self.u8())

    def name(self) -> Name:
        """A name, which may be compressed."""
        data = self.data
        at = first = begin = self.at
        end = self.end
        after = -1  # where reading goes on, once a pointer was met
        pointers = 0
        size = 0
        prefix = b""
        while True:
            if at >= end:
                raise FormatError(f"the name at {first} has no end")
            n = data[at]
            if n == 0:
                at += 1
                wire = prefix + data[begin:at] if prefix else data[begin:at]
                if after < 0:
                    after = at
                break
            if n < 0x40:
                at += n + 1
                if size + at - begin >= _LONGEST:
                    raise FormatError(f"the name at {first} is over {_LONGEST} bytes")
                continue
            if n < 0xC0:
                raise FormatError(f"the name at {first} has a label of unknown kind")
            if at + 1 >= end:
                raise FormatError(f"the name at {first} has no end")
            target = (n & 0x3F) << 8 | data[at + 1]
            if target >= begin or target < _HEADER:
                raise FormatError(f"the name at {first} has a pointer that does not lead back")
            pointers += 1
            if pointers > _MAX_POINTERS:
                raise FormatError(f"the name at {first} has over {_MAX_POINTERS} pointers")
            if after < 0:
                after = at + 2
            if at > begin:
                prefix += data[begin:at]
                size += at - begin
            known = self._names.get(target)
            if known is not None:
                if not prefix:
                    self.at = after
                    self._names[first] = known
                    return known
                wire = prefix + known.wire
                if len(wire) > _LONGEST:
                    raise FormatError(f"the name at {first} is over {_LONGEST} bytes")
                break
            at = begin = target
            end = len(data)
        self.at = after
        name = made(wire)
        self._names[first] = name
        return name

    def narrow(self, n: int) -> int:
        """Let the end be ``n`` bytes from here. Returns the old one, for `widen`."""
        old = self.end
        at = self._step(n)
        self.at = at
        self.end = at + n
        return old

    def widen(self, end: int) -> None:
        """What was narrowed to has to be used up; go on with the old end."""
        if self.at != self.end:
            raise FormatError(f"{self.end - self.at} bytes are left over at {self.at}")
        self.end = end

    def _step(self, n: int) -> int:
        """Go on by ``n`` bytes; where they begin."""
        at = self.at
        if n < 0 or n > self.end - at:
            raise FormatError(f"{n} bytes at {at} go over the end, which is {self.end}")
        self.at = at + n
        return at


class Writer:
    """The bytes of a message as it grows; where it has which name."""

    __slots__ = ("_names", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self._names: dict[bytes, int] = {}

    def u8(self, value: int) -> None:
        """A number of 8 bits."""
        self.data.append(value)

    def u16(self, value: int) -> None:
        """A number of 16 bits."""
        self.data.append(value >> 8)
        self.data.append(value & 0xFF)

    def u32(self, value: int) -> None:
        """A number of 32 bits."""
        self.u16(value >> 16)
        self.u16(value & 0xFFFF)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self.data += data

    def string(self, data: bytes) -> None:
        """A character string: a length of 8 bits, and that many bytes."""
        self.data.append(len(data))
        self.data += data

    def name(self, name: Name, compress: bool = True) -> None:
        """A name; with ``compress`` a pointer stands for as much of it as was written before.

        Only the types of RFC 1035 may have compressed names in them (RFC 3597 4).
        """
        data, names, wire = self.data, self._names, name.wire
        key = name.key
        start = len(data)
        at = 0
        while key[at]:
            suffix = key[at:] if at else key
            offset = names.get(suffix)
            if offset is not None and compress:
                data += wire[:at]
                self.u16(0xC000 | offset)
                return
            if offset is None and start + at < _REACH:
                names[suffix] = start + at
            at += 1 + key[at]
        data += wire

    def shrink(self, size: int) -> None:
        """Take back what was written from there on."""
        del self.data[size:]
        names = self._names
        while names:
            suffix, offset = names.popitem()
            if offset < size:
                names[suffix] = offset
                return
