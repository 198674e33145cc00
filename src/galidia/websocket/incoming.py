"""Frames read and made into messages (RFC 6455 5 and 6), for either role.

Sans-IO. `Incoming.next` goes on in a buffer where it stopped, which is ``at``: what lies before is
dealt with, and the buffer's owner discards it and sets ``at`` back by as much. The work is linear
in the bytes, however few come at a time.

Every length is checked before there is memory for it: of a frame and of the message that it belongs
to when the head of the frame is there, of what is inflated while that is done. Text is checked as
it comes, so that what is no UTF-8 ends with its first wrong byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .frame import may_be_sent

if TYPE_CHECKING:
    from .deflate import Inflater
    from .options import WebSocketOptions

if cython.compiled:
    from cython.cimports.galidia.websocket import frame as f
    from cython.cimports.galidia.websocket.masking import cut, unmask
    from cython.cimports.galidia.websocket.utf8 import _BAD, _DONE, advance, advance_in
else:
    from . import frame as f
    from .masking import cut, unmask
    from .utf8 import _BAD, _DONE, advance, advance_in

#: More has to come.
NOTHING = _NOTHING = 0
#: A message, or a frame of one: ``flags`` and ``payload`` are set.
MESSAGE = _MESSAGE = 1
#: A control frame: the same.
CONTROL = _CONTROL = 2
#: A violation: ``fault`` is set, and nothing can be read any more.
FAULT = _FAULT = 3

_TEXT = 1
_CLOSE = 8
_FIN = 0x80
_RSV1 = 0x40


class Incoming:
    """What a connection receives. ``client`` says who reads: a client takes frames without mask
    only, a server those with one. ``collected`` counts the bytes of a message that lie here."""

    __slots__ = (
        "_compressed",
        "_done",
        "_first",
        "_fragments",
        "_frame_limit",
        "_in_frame",
        "_key",
        "_left",
        "_max_fragments",
        "_message_limit",
        "_opcode",
        "_parts",
        "_taken",
        "_utf8",
        "at",
        "client",
        "collected",
        "fault",
        "flags",
        "inflater",
        "payload",
    )

    def __init__(
        self, client: bool, options: WebSocketOptions, inflater: Inflater | None = None
    ) -> None:
        self.client = client
        self.inflater = inflater
        self.at = 0
        self.flags = 0
        self.payload = b""
        self.fault = 0
        self.collected = 0
        self._frame_limit = options.frame_limit
        self._message_limit = options.message_limit
        self._max_fragments = options.max_fragments
        # Of the frame whose head was read: its first byte and its key; how many bytes are not taken
        # out of the buffer, how many were, and how many are unmasked and checked where they lie.
        self._in_frame = False
        self._first = 0
        self._key = 0
        self._left = 0
        self._taken = 0
        self._done = 0
        # Of the message: its opcode (0: there is none), its frames, its bytes as far as they came.
        self._opcode = 0
        self._compressed = False
        self._fragments = 0
        self._utf8 = _DONE
        self._parts: bytearray | None = None

    @property
    def within(self) -> bool:
        """Whether a message has begun and is not complete."""
        return self._opcode != 0 or self._in_frame

    def next(self, buf: bytearray, room: int, defrag: bool) -> int:
        """NOTHING, MESSAGE, CONTROL or FAULT: what is the next thing in the buffer.

        ``room`` is how much of a frame the buffer can hold: a longer one is taken out of it as it
        comes. Without ``defrag`` every frame of a message is a MESSAGE of its own.
        """
        while True:
            if not self._in_frame and not self._read_head(buf, defrag):
                return _FAULT if self.fault else _NOTHING
            left = self._left
            have = len(buf) - self.at
            if have < left:
                return self._look_at_part(buf, have, room)
            self._in_frame = False
            first = self._first
            if first & 0x08:
                return self._end_control(buf, left)
            if (
                first & _FIN
                and self._fragments == 1
                and self._taken == 0
                and self._done == 0
                and not self._compressed
            ):
                # What most messages are: one frame, which is here.
                self._opcode = 0
                payload = cut(buf, self.at, self.at + left, self._key, 0)
                self.at += left
                if first & 0x0F == _TEXT and advance(_DONE, payload) != _DONE:
                    return self._violate(f._NOT_UTF8)
                self.payload = payload
                self.flags = first & 0x8F
                return _MESSAGE
            if self._end_frame(buf, left, defrag):
                return _FAULT if self.fault else _MESSAGE

    def _read_head(self, buf: bytearray, defrag: bool) -> bool:
        """Whether the head of a frame is there and good."""
        at = self.at
        have = len(buf) - at
        if have < 2:
            return False
        first = buf[at]
        second = buf[at + 1]
        opcode = first & 0x0F
        left = second & 0x7F
        fault = 0
        if first & 0x70 and (first & 0x70 != _RSV1 or self.inflater is None or not 0 < opcode < 3):
            fault = f._RESERVED_BITS
        elif opcode > 10 or 2 < opcode < 8:
            fault = f._OPCODE
        elif opcode >= 8:
            if not first & _FIN:
                fault = f._CONTROL_FRAGMENTED
            elif left > 125:
                fault = f._CONTROL_TOO_LONG
        elif opcode == 0:
            if self._opcode == 0:
                fault = f._CONTINUES_NOTHING
        elif self._opcode != 0:
            fault = f._MESSAGE_WITHIN
        if fault == 0 and (second & 0x80 != 0) == self.client:
            fault = f._MASKED if self.client else f._NOT_MASKED
        if fault:
            self.fault = fault
            return False
        size = 2 if left < 126 else 4 if left == 126 else 10
        mask = at + size
        if second & 0x80:
            size += 4
        if have < size:
            return False
        if left > 125:
            width = 2 if left == 126 else 8
            if width == 8 and buf[at + 2] & 0x80:
                self.fault = f._LENGTH_SIGN
                return False
            left = 0
            i = 0
            while i < width:
                left = left << 8 | buf[at + 2 + i]
                i += 1
            if left < 126 or (width == 8 and left < 1 << 16):
                self.fault = f._LENGTH_NOT_MINIMAL
                return False
        limit = self._frame_limit
        if left > limit:
            self.fault = f._FRAME_TOO_LARGE
            return False
        if opcode < 8 and not self._begin_data(first, opcode, left, defrag):
            return False
        key = 0
        if second & 0x80:
            if cython.compiled:
                i = 3
                while i >= 0:
                    key = key << 8 | buf[mask + i]
                    i -= 1
            else:
                key = int.from_bytes(buf[mask : mask + 4], "little")
        self.at = at + size
        self._in_frame = True
        self._first = first
        self._key = key
        self._left = left
        self._taken = 0
        self._done = 0
        return True

    def _begin_data(self, first: int, opcode: int, left: int, defrag: bool) -> bool:
        """A frame of a message begins: whether there may be so much of it."""
        if opcode:
            self._fragments = 1
            self._utf8 = _DONE
            self._compressed = first & _RSV1 != 0
        elif defrag:
            self._fragments += 1
            if self._fragments > self._max_fragments:
                self.fault = f._TOO_MANY_FRAGMENTS
                return False
        else:
            self._fragments = 2
        if not self._compressed and left > self._message_limit - self.collected:
            self.fault = f._MESSAGE_TOO_LARGE
            return False
        if opcode:
            self._opcode = opcode
        return True

    def _look_at_part(self, buf: bytearray, have: int, room: int) -> int:
        """Not all of a frame is there: check what is, and take it if the buffer has no room."""
        if self._first & 0x08 or have <= 0:
            return _NOTHING
        if self._left > room:
            if self._take(buf, have, False):
                return _FAULT
        elif self._opcode == _TEXT and not self._compressed:
            self._check(buf, have)
            if self._utf8 == _BAD:
                return self._violate(f._NOT_UTF8)
        return _NOTHING

    def _check(self, buf: bytearray, have: int) -> None:
        """Unmask and check what has come of a text."""
        start = self.at + self._done
        end = self.at + have
        if start < end:
            unmask(buf, start, end, self._key, self._taken + self._done)
            self._utf8 = advance_in(self._utf8, buf, start, end)
            self._done = have

    def _take(self, buf: bytearray, n: int, last: bool) -> bool:
        """Add the next ``n`` bytes of the frame to the message, ``last`` being its end too.
        Whether there is a violation."""
        if self._done:
            self._check(buf, n)
            piece = cut(buf, self.at, self.at + n, 0, 0)
        else:
            piece = cut(buf, self.at, self.at + n, self._key, self._taken)
        self.at += n
        self._taken += n
        self._left -= n
        checked = self._done > 0
        self._done = 0
        if self._compressed:
            inflater: Any = self.inflater
            piece = inflater.inflate(piece, self._message_limit - self.collected, last)
            if inflater.fault:
                self._violate(inflater.fault)
                return True
        if self._opcode == _TEXT:
            if not checked:
                self._utf8 = advance(self._utf8, piece)
            if self._utf8 == _BAD or (last and self._utf8 != _DONE):
                self._violate(f._NOT_UTF8)
                return True
        if last and self._parts is None:
            self.payload = piece
            return False
        if self._parts is None:
            self._parts = bytearray()
        self._parts += piece
        self.collected = len(self._parts)
        return False

    def _end_frame(self, buf: bytearray, left: int, defrag: bool) -> bool:
        """The rest of a frame is there: whether that makes a message, or a violation."""
        first = self._first
        last = first & _FIN != 0
        if self._take(buf, left, last):
            return True
        if not last and defrag:
            return False
        if self._parts is not None:
            self.payload = bytes(self._parts)
            self._parts = None
            self.collected = 0
        if defrag:
            self.flags = _FIN | self._opcode
        else:
            self.flags = first & 0x8F
        if last:
            self._opcode = 0
        return True

    def _end_control(self, buf: bytearray, left: int) -> int:
        at = self.at
        self.payload = cut(buf, at, at + left, self._key, 0)
        self.at = at + left
        self.flags = self._first & 0x8F
        if self._first & 0x0F == _CLOSE and left:
            fault = close_fault(self.payload)
            if fault:
                return self._violate(fault)
        return _CONTROL

    def _violate(self, fault: int) -> int:
        self.fault = fault
        self._parts = None
        self.collected = 0
        return _FAULT


def close_fault(payload: bytes) -> int:
    """What is wrong with a close frame that is not empty (7.4); 0 is good."""
    fault: int = 0
    if len(payload) == 1:
        fault = f._CLOSE_PAYLOAD
    elif not may_be_sent(payload[0] << 8 | payload[1]):
        fault = f._CLOSE_CODE
    elif advance(_DONE, payload[2:]) != _DONE:
        fault = f._CLOSE_REASON
    return fault
