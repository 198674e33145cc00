"""UTF-8 checked as it comes (RFC 3629): a text is refused at its first wrong byte.

`advance` goes from one state to the next. A state says what the character that has begun still
needs, so a text may be cut anywhere: `DONE` is between two characters, `BAD` never ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING, PyByteArray_GET_SIZE
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_GET_SIZE
    from cython.cimports.libc.string import memcpy

#: Between two characters.
DONE = _DONE = 0
# One, two or three more bytes, each from 80 to BF.
_ONE = 1
_TWO = 2
_THREE = 3
# As two or three, but the next byte is A0 to BF, 80 to 9F, 90 to BF, or 80 to 8F: what is outside
# would be a character in too many bytes, a surrogate, or beyond U+10FFFF.
_E0 = 4
_ED = 5
_F0 = 6
_F4 = 7
#: Not UTF-8.
BAD = _BAD = 8

# The first bytes of a character in each state.
_BEGUN = (b"", b"\xc2", b"\xe1", b"\xf1", b"\xe0", b"\xed", b"\xf0", b"\xf4")

if cython.compiled:
    _HIGHS = 0x8080808080808080

    def advance_at(state: Any, p: Any, end: Any) -> Any:
        word = 0
        while p < end:
            if state == _DONE:
                # Eight bytes at a time as long as all of them are ASCII.
                while end - p >= 8:
                    memcpy(cython.address(word), p, 8)
                    if word & _HIGHS:
                        break
                    p += 8
                while p < end and p[0] < 0x80:
                    p += 1
                if p == end:
                    break
                b = p[0]
                if b < 0xC2 or b > 0xF4:
                    return _BAD
                if b < 0xE0:
                    state = _ONE
                elif b < 0xF0:
                    state = _E0 if b == 0xE0 else _ED if b == 0xED else _TWO
                else:
                    state = _F0 if b == 0xF0 else _F4 if b == 0xF4 else _THREE
                p += 1
                continue
            b = p[0]
            if b < 0x80 or b > 0xBF:
                return _BAD
            if state <= _THREE:
                state -= 1
            elif state == _E0:
                if b < 0xA0:
                    return _BAD
                state = _ONE
            elif state == _ED:
                if b > 0x9F:
                    return _BAD
                state = _ONE
            elif state == _F0:
                if b < 0x90:
                    return _BAD
                state = _TWO
            elif state == _F4:
                if b > 0x8F:
                    return _BAD
                state = _TWO
            else:
                return _BAD
            p += 1
        return state


def advance(state: int, data: bytes) -> int:
    """The state behind ``data``."""
    if cython.compiled:
        at = cython.cast(cython.p_uchar, PyBytes_AS_STRING(data))
        if data is not None:
            state = advance_at(state, at, at + PyBytes_GET_SIZE(data))
        return state
    return _BAD if state == _BAD else _decoded(_BEGUN[state] + data)


def advance_in(state: int, buf: bytearray, start: int, end: int) -> int:
    """The state behind ``buf[start:end]``."""
    if cython.compiled:
        if buf is None or start < 0 or end < start or end > PyByteArray_GET_SIZE(buf):
            raise IndexError("outside of the buffer")
        at = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(buf))
        state = advance_at(state, at + start, at + end)
        return state
    if start < 0 or end < start or end > len(buf):
        raise IndexError("outside of the buffer")
    return _BAD if state == _BAD else _decoded(_BEGUN[state] + buf[start:end])


def _decoded(data: bytes | bytearray) -> int:
    """The pure branch: the decoder says what is wrong, if anything is."""
    try:
        data.decode()
    except UnicodeDecodeError as e:
        if e.reason != "unexpected end of data":
            return _BAD
        rest = data[e.start :]
        first = rest[0]
        if first < 0xE0:
            return _ONE
        if len(rest) == 1:
            special = {0xE0: _E0, 0xED: _ED, 0xF0: _F0, 0xF4: _F4}
            return special.get(first, _TWO if first < 0xF0 else _THREE)
        return (3 if first < 0xF0 else 4) - len(rest)
    return _DONE
