"""The transfer coding chunked (RFC 9112 section 7.1): the decoder, and how a chunk is written.

Sans-IO. The decoder keeps no input, only what it knows of it: bytes may come in any pieces, and
each of them is looked at once. Chunk extensions are checked and ignored.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython
if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING, PyByteArray_Resize
    from cython.cimports.galidia.http.grammar import HEX, KIND
    from cython.cimports.libc.string import memcpy

from . import violations as v
from .grammar import EXTENDED_SIZE_LINE, SIZE_LINE

#: Ends a message in chunks that has no trailers.
LAST_CHUNK = b"0\r\n\r\n"

# 15 hexadecimal digits, CR and LF
_PLAIN_LINE = 17
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}(?=[\t ]*;)")

# Fields that say how to read the message, where it goes, who asks, or what it is, and so have to
# be known before the body (RFC 9110 section 6.5.1).
_NOT_IN_TRAILERS = frozenset(
    b"age authorization cache-control connection content-encoding content-length content-range"
    b" content-type cookie cookie2 date expect expires host if-match if-modified-since"
    b" if-none-match if-range if-unmodified-since keep-alive location max-forwards pragma"
    b" proxy-authenticate proxy-authorization proxy-connection range retry-after set-cookie"
    b" set-cookie2 te trailer transfer-encoding upgrade vary www-authenticate".split()
)

# What comes next.
_AT_SIZE = 0
_IN_DATA = 1
_BEHIND_DATA = 2
_IN_TRAILERS = 3


def chunk(data: bytes) -> bytes:
    """`data` as one chunk; nothing for no data, which as a chunk would end the message."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class Chunked:
    """Decodes the body of one message.

    max_trailer_bytes: of all trailer lines together, their CRLF not counted.
    max_trailer_fields: their number.
    max_extension_bytes: of all chunk extensions of the message together.

    done: the whole body and its trailers were read.
    fault: number of the violation that was found, 0 as long as there is none.
    trailers: names as received and values (Latin-1) of the trailer fields so far.
    """

    __slots__ = (
        "_extensions_left",
        "_fields_left",
        "_left",
        "_searched",
        "_state",
        "_trailers_left",
        "done",
        "fault",
        "trailers",
    )

    def __init__(
        self,
        max_trailer_bytes: int = 8192,
        max_trailer_fields: int = 100,
        max_extension_bytes: int = 16384,
    ) -> None:
        self.done = False
        self.fault = 0
        self.trailers: list[tuple[str, str]] = []
        self._state = _AT_SIZE
        self._left = 0  # of the data of this chunk
        self._searched = 0  # bytes of an unfinished line that have no LF
        self._extensions_left = max_extension_bytes
        self._trailers_left = max_trailer_bytes
        self._fields_left = max_trailer_fields

    def feed(self, buf: bytearray, start: int, out: bytearray) -> int:
        """Decode buf[start:], append what it contains of the body to `out`.

        Returns the offset up to which the input is used up. The next call gets what lies behind it
        again, at whatever offset, with what has come since. Nothing happens once `done` is set or
        there is a `fault`.
        """
        size = len(buf)
        at = start
        if at < 0 or buf is out:
            raise ValueError("not a place in an input of its own")
        while at < size and not self.done and not self.fault:
            if self._state == _IN_DATA:
                n = min(self._left, size - at)
                _append(out, buf, at, n)
                at += n
                self._left -= n
                if self._left == 0:
                    self._state = _BEHIND_DATA
            elif self._state == _BEHIND_DATA:
                if buf[at] != 0x0D or (at + 1 < size and buf[at + 1] != 0x0A):
                    self.fault = v.CHUNK_END
                if at + 1 >= size:
                    break
                at += 2
                self._state = _AT_SIZE
            else:
                if self._state == _AT_SIZE:
                    end = self._size_line(buf, at)
                else:
                    end = self._trailer_line(buf, at)
                if end < 0:
                    break
                at = end
        return at

    def _size_line(self, buf: bytearray, at: int) -> int:
        """The offset behind the line at `at`; -1 when it has no end yet, or is wrong."""
        if cython.compiled:
            base = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(buf))
            p = base + at
            last = base + len(buf)
            digits = 0
            number = 0
            while p < last and digits < 16 and KIND[p[0]] & HEX:
                # letters, in either case, have bit 6 set and are 9 short of their value
                number = number << 4 | (p[0] & 15) + 9 * (p[0] >> 6)
                digits += 1
                p += 1
            if digits == 0 or digits > 15 or last - p < 2 or p[0] != 0x0D or p[1] != 0x0A:
                return self._odd_size_line(buf, at)
            self._left = number
            end: int = p - base + 2
        else:
            m = SIZE_LINE.match(buf, at)
            if m is None:
                return self._odd_size_line(buf, at)
            self._left = int(m[1], 16)
            end = m.end()
        self._searched = 0
        self._state = _IN_DATA if self._left else _IN_TRAILERS
        return end

    def _odd_size_line(self, buf: bytearray, at: int) -> int:
        """As `_size_line`, for one that is not whole, has extensions, or is wrong."""
        if buf[at] not in _HEX and buf[at] not in b"\r\n":
            self.fault = v.CHUNK_SIZE
            return -1
        end = self._line_end(buf, at)
        # the length first: it is seen before the rest of the line has come
        if (end if end > 0 else len(buf)) - at > _PLAIN_LINE + self._extensions_left:
            self.fault = v.EXTENSIONS_TOO_LONG
            return -1
        if end < 0:
            return -1
        line = bytes(buf[at:end])
        m = EXTENDED_SIZE_LINE.fullmatch(line)
        if m is None:
            self.fault = _line_fault(line)
            if self.fault == 0:
                self.fault = v.CHUNK_EXTENSION if _SIZE.match(line) else v.CHUNK_SIZE
            return -1
        self._extensions_left -= len(m[2])
        if self._extensions_left < 0:
            self.fault = v.EXTENSIONS_TOO_LONG
            return -1
        self._left = int(m[1], 16)
        self._state = _IN_DATA if self._left else _IN_TRAILERS
        return end

    def _trailer_line(self, buf: bytearray, at: int) -> int:
        end = self._line_end(buf, at)
        length = (end if end > 0 else len(buf)) - at
        if length - 2 > self._trailers_left:
            self.fault = v.TRAILERS_TOO_LARGE
            return -1
        if end < 0:
            return -1
        self._trailers_left -= length - 2
        line = bytes(buf[at:end])
        if line == b"\r\n":
            self.done = True
            return end
        self.fault = _line_fault(line) or v.field_line_fault(line[:-2])
        if self.fault:
            return -1
        name, _, value = line.partition(b":")
        self._fields_left -= 1
        if name.lower() in _NOT_IN_TRAILERS:
            self.fault = v.TRAILER_FORBIDDEN
        elif self._fields_left < 0:
            self.fault = v.TOO_MANY_FIELDS
        else:
            self.trailers.append((name.decode("ascii"), value.decode("latin-1").strip("\t\r\n ")))
        return end

    def _line_end(self, buf: bytearray, at: int) -> int:
        """The offset behind the LF of the line at `at`, or -1 when there is none yet."""
        end = buf.find(b"\n", at + self._searched)
        self._searched = 0 if end >= 0 else len(buf) - at
        return end + 1 if end >= 0 else -1


def _line_fault(line: bytes) -> int:
    """What is wrong with how a line ends."""
    if line[-2:-1] != b"\r":
        return v.BARE_LF
    return v.BARE_CR if b"\r" in line[:-2] else 0


def _append(out: bytearray, buf: bytearray, at: int, n: int) -> None:
    if cython.compiled:
        size = len(out)
        PyByteArray_Resize(out, size + n)
        memcpy(PyByteArray_AS_STRING(out) + size, PyByteArray_AS_STRING(buf) + at, n)
    else:
        out += buf[at : at + n] if at or n < len(buf) else buf
