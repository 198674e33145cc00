"""Frames: their heads and how they are made (RFC 6455 5.2), and what can be wrong with them.

A violation is a number, an index into `VIOLATIONS`; 0 means good. Its ``code`` is the one that the
connection is closed with (7.4.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytes import (
        PyBytes_AS_STRING,
        PyBytes_FromStringAndSize,
        PyBytes_GET_SIZE,
    )
    from cython.cimports.galidia.websocket.masking import mask_into
else:
    from .masking import masked

OP_CONTINUATION = 0
OP_TEXT = 1
OP_BINARY = 2
OP_CLOSE = 8
OP_PING = 9
OP_PONG = 10
#: With an opcode: more frames of the message follow.
DONT_FIN = 0x100

#: Bits of the first byte of a frame.
FIN = 0x80
RSV1 = 0x40

#: What a control frame may carry (5.5).
CONTROL_LIMIT = 125


class Violation(NamedTuple):
    """What is wrong with what a peer sent: a name for logs, a close code, a sentence."""

    name: str
    code: int
    text: str


RESERVED_BITS = _RESERVED_BITS = 1
OPCODE = _OPCODE = 2
CONTROL_FRAGMENTED = _CONTROL_FRAGMENTED = 3
CONTROL_TOO_LONG = _CONTROL_TOO_LONG = 4
CONTINUES_NOTHING = _CONTINUES_NOTHING = 5
MESSAGE_WITHIN = _MESSAGE_WITHIN = 6
NOT_MASKED = _NOT_MASKED = 7
MASKED = _MASKED = 8
LENGTH_NOT_MINIMAL = _LENGTH_NOT_MINIMAL = 9
LENGTH_SIGN = _LENGTH_SIGN = 10
FRAME_TOO_LARGE = _FRAME_TOO_LARGE = 11
MESSAGE_TOO_LARGE = _MESSAGE_TOO_LARGE = 12
TOO_MANY_FRAGMENTS = _TOO_MANY_FRAGMENTS = 13
NOT_UTF8 = _NOT_UTF8 = 14
CLOSE_PAYLOAD = _CLOSE_PAYLOAD = 15
CLOSE_CODE = _CLOSE_CODE = 16
CLOSE_REASON = _CLOSE_REASON = 17
NOT_DEFLATED = _NOT_DEFLATED = 18

VIOLATIONS: tuple[Violation, ...] = (
    Violation("none", 1000, "no violation"),
    Violation("reserved-bits", 1002, "a reserved bit is set that no extension gives a meaning"),
    Violation("opcode", 1002, "the opcode is reserved"),
    Violation("control-fragmented", 1002, "a control frame is fragmented"),
    Violation("control-too-long", 1002, "a control frame is over 125 bytes"),
    Violation("continues-nothing", 1002, "a continuation without a message that goes on"),
    Violation("message-within", 1002, "a message begins within another one"),
    Violation("not-masked", 1002, "a client's frame is not masked"),
    Violation("masked", 1002, "a server's frame is masked"),
    Violation("length-not-minimal", 1002, "a length takes more bytes than it needs"),
    Violation("length-sign", 1002, "a length is over 2^63 - 1"),
    Violation("frame-too-large", 1009, "a frame is over the limit"),
    Violation("message-too-large", 1009, "a message is over the limit"),
    Violation("too-many-fragments", 1009, "a message has too many frames"),
    Violation("not-utf8", 1007, "a text is not UTF-8"),
    Violation("close-payload", 1002, "a close frame has one byte"),
    Violation("close-code", 1002, "a close code that must not be sent"),
    Violation("close-reason", 1007, "the reason of a close is not UTF-8"),
    Violation("not-deflated", 1007, "a compressed message cannot be inflated"),
)

#: Close codes that stand for something that no frame can say (7.4.1), and codes of no meaning yet.
_NEVER_SENT = frozenset({1004, 1005, 1006, 1015})


def may_be_sent(code: int) -> bool:
    """Whether a close frame may have this code (RFC 6455 7.4, and what IANA has registered)."""
    return (1000 <= code <= 1014 and code not in _NEVER_SENT) or 3000 <= code <= 4999


# The heads of most of what is sent, ready-made.
_TEXT_HEADS = [bytes((FIN | OP_TEXT, n)) for n in range(126)]
_BINARY_HEADS = [bytes((FIN | OP_BINARY, n)) for n in range(126)]


def head(first: int, n: int) -> bytes:
    """The head of a frame without mask: its first byte and the length of its payload."""
    if n < 126:
        if first == 0x81:
            return _TEXT_HEADS[n]
        if first == 0x82:
            return _BINARY_HEADS[n]
        return bytes((first, n))
    if n < 1 << 16:
        return bytes((first, 126, n >> 8, n & 0xFF))
    return bytes((first, 127)) + n.to_bytes(8, "big")


def masked_frame(first: int, data: bytes, key: int) -> bytes:
    """A whole frame with this mask; a key of 0 leaves the payload readable."""
    if cython.compiled:
        n = PyBytes_GET_SIZE(data) if data is not None else 0
        size = 2 if n < 126 else 4 if n < 65536 else 10
        made: bytes = PyBytes_FromStringAndSize(cython.NULL, size + 4 + n)
        p = cython.cast(cython.p_uchar, PyBytes_AS_STRING(made))
        p[0] = first
        if size == 2:
            p[1] = 0x80 | n
        else:
            p[1] = 0x80 | (126 if size == 4 else 127)
            left = n
            i = size - 1
            while i > 1:
                p[i] = left & 0xFF
                left >>= 8
                i -= 1
        p += size
        i = 0
        while i < 4:
            p[i] = (key >> (8 * i)) & 0xFF
            i += 1
        mask_into(p + 4, cython.cast(cython.p_uchar, PyBytes_AS_STRING(data)), n, key)
        return made
    start = bytearray(head(first, len(data)))
    start[1] |= 0x80
    return bytes(start) + key.to_bytes(4, "little") + masked(data, key)


def build(
    opcode: int, payload: Any, fin: bool = True, rsv1: bool = False, key: bytes | None = None
) -> bytes:
    """A frame in one piece; masked, if there is a ``key`` of four bytes. Nothing is checked."""
    first = opcode | (FIN if fin else 0) | (RSV1 if rsv1 else 0)
    data = bytes(payload)
    if key is None:
        return head(first, len(data)) + data
    return masked_frame(first, data, int.from_bytes(key, "little"))
