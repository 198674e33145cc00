"""WebSocket on a connection, whichever side it is on (RFC 6455).

The handler gets the core events as they are, `Message`s in ``WEBSOCKET_FRAME`` and
``WEBSOCKET_CONTROL_FRAME``, and ``CLOSE`` at the end. What `recv_mbuf` holds is the protocol's.

The end goes one of these ways (7), and ``_state`` says how far it has come:

    OPEN -> CLOSING   a close frame was sent, by this side first; the peer's is waited for
         -> ENDED     both were: a server closes the connection, a client waits for it to do so
         -> FAILED    the peer violated the protocol, or a handler failed: this side's close frame
                      is the last thing that was sent; what comes is discarded, until the peer's end
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.events import BITS, Event, Flag, mask_of
from ..core.protocol import Protocol
from .frame import (
    CONTROL_LIMIT,
    DONT_FIN,
    OP_BINARY,
    OP_CLOSE,
    OP_PING,
    OP_PONG,
    OP_TEXT,
    VIOLATIONS,
    may_be_sent,
)
from .incoming import Incoming
from .message import NO_CODE

if TYPE_CHECKING:
    from ..core.connection import Connection
    from ..core.timers import Timer
    from .deflate import Deflater, Inflater
    from .options import WebSocketOptions

if not cython.compiled:
    from ..core.bits import CLOSE, CLOSE_IMMEDIATELY, RECV, SEND, SEND_AND_CLOSE
    from ..core.mbuf import discard
    from .frame import head, masked_frame
    from .incoming import _CONTROL, _FAULT, _MESSAGE
    from .keys import KEYS
    from .message import new_message

_FRAME = int(Event.WEBSOCKET_FRAME)
_CONTROL_FRAME = int(Event.WEBSOCKET_CONTROL_FRAME)
_FRAME_BIT = BITS[_FRAME]
_NO_DEFRAG = int(Flag.WEBSOCKET_NO_DEFRAG)
#: The first bytes of whole messages.
_TEXT = 0x80 | OP_TEXT
_BINARY = 0x80 | OP_BINARY
_WANTS = mask_of(Event.RECV, Event.CLOSE)
_WANTS_SEND = _WANTS | mask_of(Event.SEND)
#: A frame that is longer does not wait in the buffer until it is whole.
_ROOM = 1 << 18
#: The longest head of a frame.
_HEAD = 14
#: While more waits to be sent, pings are not answered one by one (5.5.3).
_BACKLOG = 1 << 16
#: The code of a connection that ended without a close frame of the peer (7.1.5).
NO_CLOSE = 1006

_OPEN = 0
_CLOSING = 1
_ENDED = 2
_FAILED = 3


class WebSocketProtocol(Protocol):
    """A WebSocket connection after its handshake; ``client`` says which side this is.

    ``subprotocol`` is what was agreed on, or "". At ``CLOSE``, ``close_code`` and ``close_reason``
    are what the peer's close frame said: 1005 when it had no code, 1006 when there was none.
    ``sent_code`` is that of the close frame of this side, 0 when there was none.
    """

    __slots__ = (
        "_deflater",
        "_heard",
        "_incoming",
        "_inflater",
        "_pinged",
        "_pong",
        "_reading",
        "_sending",
        "_state",
        "_timer",
        "_used",
        "client",
        "close_code",
        "close_reason",
        "options",
        "sent_code",
        "subprotocol",
    )

    def __init__(
        self,
        client: bool,
        options: WebSocketOptions,
        subprotocol: str = "",
        deflater: Deflater | None = None,
        inflater: Inflater | None = None,
    ) -> None:
        Protocol.__init__(self, _WANTS)
        self.client = client
        self.options = options
        self.subprotocol = subprotocol
        self.close_code = NO_CLOSE
        self.close_reason = ""
        self.sent_code = 0
        self._incoming = Incoming(client, options, inflater)
        self._deflater = deflater
        self._inflater = inflater
        self._state = _OPEN
        self._reading = False
        #: Whether a message of this side goes on.
        self._sending = False
        #: What the last ping said that waits to be answered.
        self._pong: bytes | None = None
        self._timer: Timer | None = None
        # When something was last received, when a ping was sent that waits for that, and when a
        # message was last compressed or inflated.
        self._heard = 0.0
        self._pinged = 0.0
        self._used = 0.0

    @property
    def deflate(self) -> bool:
        """Whether messages may be compressed."""
        return self._deflater is not None

    @property
    def held(self) -> int:
        """Bytes of memory for messages that are not complete, and about those of compression."""
        return self._context_size() + self._incoming.collected

    def opened(self, c: Connection) -> None:
        """The handshake is done."""
        self._heard = c.mgr._now
        if self.options.ping_interval > 0.0:
            self._look_in(c, self.options.ping_interval)

    # -- events of the connection -------------------------------------------------------------

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        if ev == CLOSE:
            self._end_timer()
        if (c._wants >> ev) & 1:  # a core event's number is its bit
            c.emit(ev, data)
        if ev == RECV:
            self.read(c)
        elif ev == SEND and self._pong is not None and c._unsent() <= _BACKLOG:
            self._answer_last(c)

    def ended(self, c: Connection) -> bool:
        """The peer has closed the connection; without a close frame before, that is no good end."""
        if self._state <= _CLOSING and not c.error:
            c.error = "the connection ended without a close frame"
        return False

    def failed(self, c: Connection) -> bool:
        """A handler raised: the peer is told so."""
        self._fail(c, 1011, "")
        return True

    def goodbye(self, c: Connection) -> None:
        """The manager is closing: going away."""
        self.close_message(c, 1001, "")

    # -- receiving ----------------------------------------------------------------------------

    def read(self, c: Connection) -> None:
        """Deal with all that ``recv_mbuf`` holds, as far as it goes."""
        if self._reading:
            return
        self._heard = c.mgr._now
        incoming = self._incoming
        room = c.recv_mbuf_limit - _HEAD
        if room > _ROOM:
            room = _ROOM
        self._reading = True
        try:
            while self._state <= _CLOSING and not c._flags & (CLOSE_IMMEDIATELY | SEND_AND_CLOSE):
                what = incoming.next(c._recv, room, not c._flags & _NO_DEFRAG)
                if what == _MESSAGE:
                    payload = incoming.payload
                    incoming.payload = b""
                    if (c._wants >> _FRAME_BIT) & 1:
                        c.emit(_FRAME, new_message(payload, incoming.flags))
                elif what == _CONTROL:
                    payload = incoming.payload
                    incoming.payload = b""
                    self._control(c, payload, incoming.flags)
                elif what == _FAULT:
                    violation = VIOLATIONS[incoming.fault]
                    if not c.error:
                        c.error = f"{violation.text} ({violation.name})"
                    self._fail(c, violation.code, violation.text)
                else:
                    break
                if c._protocol is not self:
                    break
        finally:
            self._reading = False
            used = incoming.at
            incoming.at = 0
            if c._protocol is self and self._state > _CLOSING:
                used = len(c._recv)  # nobody is going to read it
            if used:
                c._recv = discard(c._recv, used)
        if self._inflater is not None:
            self._compressed(c)
        elif incoming.collected != c._held:
            c.account(incoming.collected)

    def _control(self, c: Connection, payload: bytes, flags: int) -> None:
        opcode = flags & 0x0F
        message = new_message(payload, flags)
        if opcode == OP_PING:
            if c._unsent() <= _BACKLOG:
                self._frame(c, 0x80 | OP_PONG, payload)
            else:
                if self._pong is None:
                    self._listen_to_send(c, _WANTS_SEND)
                self._pong = payload
        elif opcode == OP_CLOSE:
            self.close_code = message.code
            self.close_reason = message.reason
            if self._state == _OPEN:
                self._send_close(c, payload)
            self._state = _ENDED
            if self.client:
                self._look_in(c, self.options.close_timeout)
            else:
                self._end_timer()
                c.close_after_send()
        c.emit(_CONTROL_FRAME, message)

    def _answer_last(self, c: Connection) -> None:
        payload, self._pong = self._pong, None
        self._listen_to_send(c, _WANTS)
        if payload is not None and self._state <= _CLOSING:
            self._frame(c, 0x80 | OP_PONG, payload)

    def _listen_to_send(self, c: Connection, wants: int) -> None:
        """Be told when output has left; it costs everything that is sent a little."""
        self.wants = wants
        c._remask()

    # -- sending ------------------------------------------------------------------------------

    def send_message(self, c: Connection, data: Any, opcode: Any) -> None:
        """`Connection.ws_send`."""
        first = _BINARY
        if type(data) is not bytes:
            if isinstance(data, str):
                first = _TEXT
            data = as_payload(data)
        if opcode is not None:
            first = first_byte(opcode, data)
        if first & 0x08:
            if self._state == _OPEN or (self._state == _CLOSING and first & 0x0F == OP_PONG):
                self._send_control(c, first, data)
            return
        if self._state != _OPEN or c._flags & (SEND_AND_CLOSE | CLOSE_IMMEDIATELY):
            return
        if (first & 0x0F == 0) != self._sending:
            raise ValueError(
                "a message that goes on is continued with OP_CONTINUATION"
                if self._sending
                else "OP_CONTINUATION is for a message that was begun with DONT_FIN"
            )
        if self._deflater is not None and first & 0x80 and not self._sending:
            self.send_whole(c, first, data)
            return
        self._sending = not first & 0x80
        self._frame(c, first, data)

    def send_whole(self, c: Connection, first: int, payload: bytes) -> None:
        """A message in one frame, compressed if that is agreed on and worth it."""
        deflater: Any = self._deflater
        if deflater is not None and len(payload) >= deflater.options.threshold:
            payload = deflater.compress(payload, c._messages is not None)
            first |= 0x40
            self._frame(c, first, payload)
            self._compressed(c)
        else:
            self._frame(c, first, payload)

    def _send_control(self, c: Connection, first: int, payload: bytes) -> None:
        if first & 0x0F != OP_CLOSE:
            self._frame(c, first, payload)
        elif payload:
            self.close_message(c, int.from_bytes(payload[:2], "big"), payload[2:].decode())
        else:
            self._begin_close(c, b"")

    def _frame(self, c: Connection, first: int, payload: bytes) -> None:
        if self.client:
            c.send(masked_frame(first, payload, KEYS.next()))
        elif c._messages is not None:  # where the oldest are dropped, it has to be one piece
            c.send(head(first, len(payload)) + payload)
        else:
            c.send(head(first, len(payload)))
            if payload:
                c.send(payload)

    # -- the end ------------------------------------------------------------------------------

    def close_message(self, c: Connection, code: int, reason: str) -> None:
        """`Connection.ws_close`."""
        payload = close_payload(code, reason)
        if self._state == _OPEN and not c.closing:
            self._begin_close(c, payload)

    def _begin_close(self, c: Connection, payload: bytes) -> None:
        self._send_close(c, payload)
        self._state = _CLOSING
        self._look_in(c, self.options.close_timeout)

    def _send_close(self, c: Connection, payload: bytes) -> None:
        self.sent_code = payload[0] << 8 | payload[1] if payload else NO_CODE
        self._frame(c, 0x80 | OP_CLOSE, payload)

    def _fail(self, c: Connection, code: int, reason: str) -> None:
        """End it because of something that went wrong (7.1.7)."""
        if self._state > _CLOSING:
            return
        if self._state == _OPEN:
            self._send_close(c, close_payload(code, reason))
        self._state = _FAILED
        c.close_after_recv()
        self._look_in(c, self.options.close_timeout)

    # -- deadlines ----------------------------------------------------------------------------

    def _look_in(self, c: Connection, seconds: float) -> None:
        """Look at what is due, in so many seconds or before."""
        timer = self._timer
        if timer is not None:
            if self._state == _OPEN and timer.when <= c.mgr._now + seconds:
                return
            timer.cancel()
        self._timer = c.mgr._add_timer(seconds, 0.0, self._on_timer, (c,), None)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self, c: Connection) -> None:
        self._timer = None
        if c.closed or c.protocol is not self:
            return
        if self._state == _OPEN:
            self._keep_alive(c)
            return
        if self._state == _CLOSING and not c.error:
            c.error = "the peer does not answer the close"
        c.close()

    def _keep_alive(self, c: Connection) -> None:
        """Ping, give up, give memory back: whatever is due."""
        now = c.mgr._now
        options = self.options
        wait = 0.0
        if options.ping_interval > 0.0:
            if self._pinged > 0.0 and self._heard < self._pinged:
                since = self._pinged
                if c._unsent() > 0 and c._last_io > since:
                    since = c._last_io  # it takes what was sent before the ping
                wait = since + options.ping_timeout - now
                if wait <= 0.0:
                    c.error = f"nothing came within {options.ping_timeout:g} s after a ping"
                    c.abort()
                    return
            else:
                self._pinged = 0.0
                wait = self._heard + options.ping_interval - now
                if wait <= 0.0:
                    self._frame(c, 0x80 | OP_PING, b"")
                    self._pinged = now
                    wait = options.ping_timeout
        if self._used > 0.0 and options.deflate is not None:
            left = self._used + options.deflate.idle_timeout - now
            if left <= 0.0 and not self._incoming.within:
                self._rest(c)
            else:
                left = max(left, 1.0)
                wait = left if wait == 0.0 else min(wait, left)
        if wait > 0.0:
            self._look_in(c, wait)

    # -- memory of the compression ------------------------------------------------------------

    def _compressed(self, c: Connection) -> None:
        """Something may have been compressed or inflated: count its memory, and give it back when
        the connection is idle."""
        size = self._context_size()
        if size and self._state == _OPEN and self.options.deflate is not None:
            if self._used == 0.0:
                self._look_in(c, self.options.deflate.idle_timeout)
            self._used = c.mgr._now
        c.account(size + self._incoming.collected)

    def _context_size(self) -> int:
        size = 0
        if self._deflater is not None:
            size += self._deflater.size
        if self._inflater is not None:
            size += self._inflater.size
        return size

    def forget_sent(self, c: Connection) -> None:
        """What is sent now is compressed elsewhere: the next message does not refer to any before
        it, for the peer knows of more than this side's compressor."""
        if self._deflater is not None and self._deflater.takeover:
            self._deflater.rest()
            self._compressed(c)

    def _rest(self, c: Connection) -> None:
        self._used = 0.0
        if self._deflater is not None:
            self._deflater.rest()
        if self._inflater is not None:
            self._inflater.rest()
        c.account(self._context_size() + self._incoming.collected)


def as_payload(data: Any) -> bytes:
    """What is sent of something that is not exactly a bytes. Raises TypeError."""
    if isinstance(data, str):
        return data.encode()
    try:
        return bytes(memoryview(data))
    except TypeError:
        raise TypeError(f"a message is str or bytes, not {type(data).__name__}") from None


def first_byte(opcode: Any, payload: bytes) -> int:
    """The first byte of a frame for this opcode, which may have DONT_FIN. Raises ValueError."""
    if opcode == 1:  # what most are
        return _TEXT
    if opcode == 2:
        return _BINARY
    number = int(opcode)
    fin = 0 if number & DONT_FIN else 0x80
    number &= ~DONT_FIN
    if number not in (0, 1, 2, 8, 9, 10):
        raise ValueError(f"there is no opcode {opcode!r}")
    if number & 0x08:
        if not fin:
            raise ValueError("a control frame is not fragmented: leave DONT_FIN out")
        if len(payload) > CONTROL_LIMIT:
            raise ValueError(f"a control frame has up to 125 bytes, not {len(payload)}")
    return fin | number


def close_payload(code: int, reason: str) -> bytes:
    """The payload of a close frame. Raises ValueError for a code that must not be sent, and for a
    reason that is over 123 bytes."""
    if not may_be_sent(code):
        raise ValueError(f"a close code is 1000 to 1014 or 3000 to 4999, not {code!r}")
    words = reason.encode()
    if len(words) > CONTROL_LIMIT - 2:
        raise ValueError(f"a close reason has up to 123 bytes, not {len(words)}")
    return code.to_bytes(2, "big") + words
