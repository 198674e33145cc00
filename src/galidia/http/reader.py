"""Reading the messages of a connection, whoever sends them (RFC 9112).

A message is a head and a body; the body ends after a number of bytes, with the last chunk, or where
the connection ends. `Reader.read` takes them out of ``recv_mbuf`` as they come. It goes round this
way, and ``state`` says where it is:

    IDLE -> IN_HEAD -> COUNTED, CHUNKED or UNTIL_CLOSE -> HELD -> IDLE

A head or a body that is there at once skips its state. A position is kept, so the work is linear in
the bytes, however few come at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.events import Event, Flag
from ..core.protocol import Protocol
from . import violations as v
from .message import Body, Message
from .violations import VIOLATIONS, Violation

if TYPE_CHECKING:
    from ..core.connection import Connection

if not cython.compiled:
    from ..core.bits import CLOSE_IMMEDIATELY, RECV, SEND_AND_CLOSE
    from ..core.mbuf import discard
    from .outline import find_end, skip_blank

#: Nothing has come of the next message.
IDLE = _IDLE = 0
#: A part of a head has come.
IN_HEAD = _IN_HEAD = 1
#: The message that was read is dealt with: nothing is read.
HELD = _HELD = 2
#: A body of ``content_length`` bytes is being read.
COUNTED = _COUNTED = 3
#: A chunked body is being read.
CHUNKED = _CHUNKED = 4
#: A body that ends with the connection is being read.
UNTIL_CLOSE = _UNTIL_CLOSE = 5
#: For `Reader.begin`: the message ends with its head.
NO_BODY = _NO_BODY = 0

_HTTP_CHUNK = int(Event.HTTP_CHUNK)
_DELETE_CHUNK = int(Flag.PROTO_2)


class Reader(Protocol):
    """Reads messages; what they are for is said by the class that derives from it.

    ``state`` is one of the above and ``message`` what is being read or, when HELD, was read.
    Who holds the reader lets it go on with ``state = IDLE`` and ``read(c)``.

    A derived class sets the limits (bytes and fields of a head, bytes of a body that may lie there
    and wait to be taken) and overrides, in the order in which they are called:

      `head_begun`   a part of a head is there, and no more: the time for a deadline
      `begin`        a head is there: makes ``message`` of it, says where its body ends
      `body_begun`   a body follows
      `arrived`      more of the body is there; by default, `offer` gives it to the handler
      `completed`    the message is complete and the state is HELD
      `violated`     it can not go on; the state is HELD

    and calls `read` on ``RECV``. When the connection is closed, ``message`` is the one that was cut
    off, unless the state is IDLE or HELD.
    """

    __slots__ = (
        "_reading",
        "_searched",
        "_stop",
        "body",
        "body_limit",
        "head_limit",
        "max_fields",
        "message",
        "skips_blank",
        "state",
        "whole",
    )

    def _set_up(
        self,
        wants: int,
        head_limit: int,
        max_fields: int,
        body_limit: int,
        skips_blank: bool = False,
        stop: int = 0,
    ) -> None:
        """For `__init__`. ``wants``: of the core's events; ``skips_blank``: take an empty line
        before a head; ``stop``: more flags that end the reading."""
        self.wants = wants
        self.head_limit = head_limit
        self.max_fields = max_fields
        self.body_limit = body_limit
        self.skips_blank = skips_blank
        self.state = _IDLE
        self.message: Message | None = None
        #: The body of ``message``, if it has one.
        self.body: Body | None = None
        #: A counted body is left in ``recv_mbuf`` until it is there as a whole. `body_begun` may
        #: set this when nobody wants its pieces and it is within ``recv_mbuf_limit``.
        self.whole = False
        self._searched = 0
        self._reading = False
        self._stop = CLOSE_IMMEDIATELY | SEND_AND_CLOSE | stop

    # -- for derived classes ------------------------------------------------------------------

    def head_begun(self, c: Connection) -> None:
        """The first bytes of a head have come; called once, and not for one that comes whole."""

    def begin(self, c: Connection, buf: bytearray, start: int, end: int) -> int:
        """A head is at buf[start:end]: set ``message``, parse it, and say where its body ends.

        Returns NO_BODY, COUNTED (only if ``content_length`` is over 0), CHUNKED or UNTIL_CLOSE; or
        for a violation its number, negative. No handler may be called here.
        """
        raise NotImplementedError

    def body_begun(self, c: Connection) -> None:
        """The head of ``message`` is there and a body follows, of which ``recv_mbuf`` may hold some
        or all. ``body`` is empty, and ``body.left`` the length of a counted one.

        May end it all with `violate`.
        """

    def arrived(self, c: Connection) -> None:
        """More of the body is there, in ``body``."""
        self.offer(c)

    def completed(self, c: Connection) -> None:
        """The whole message is there and was taken out of ``recv_mbuf``."""
        raise NotImplementedError

    def violated(self, c: Connection, violation: Violation) -> None:
        """What came violates the protocol or a limit. What is left in ``recv_mbuf`` is no use."""
        raise NotImplementedError

    # -- reading ------------------------------------------------------------------------------

    def read(self, c: Connection) -> None:
        """Read what ``recv_mbuf`` holds, as far as it goes. Calls within a call do nothing."""
        if self._reading:
            return
        self._reading = True
        try:
            while c._recv and self.state != _HELD and not c._flags & self._stop:
                buf = c._recv
                if self.state > _HELD:
                    if not self._read_body(c, buf):
                        return
                    continue
                start = skip_blank(buf, 0) if self.skips_blank and buf[0] == 0x0D else 0
                end = find_end(buf, start, self._searched)
                if end < 0 or end - start > self.head_limit:
                    if end >= 0 or len(buf) - start > self.head_limit:
                        self.violate(
                            c, v.HEAD_TOO_LARGE, f"the head is over {self.head_limit} bytes"
                        )
                    elif start < len(buf):  # more than an empty line behind the previous message
                        self._searched = len(buf)
                        if self.state == _IDLE:
                            self.state = _IN_HEAD
                            self.head_begun(c)
                    return
                self._searched = 0
                framing = self.begin(c, buf, start, end)
                if framing < 0:
                    self.violate(c, -framing)
                    return
                c._recv = discard(buf, end)
                if framing == _NO_BODY:
                    self.body = None
                    self.state = _HELD
                    self.completed(c)
                else:
                    self._begin_body(c, framing)
        finally:
            self._reading = False

    def _begin_body(self, c: Connection, framing: int) -> None:
        message = self.message
        if message is None:
            return
        self.state = framing
        self.whole = False
        self.body = body = Body()
        message._content = body
        if framing == _COUNTED:
            body.left = message.content_length
        elif framing == _CHUNKED:
            from .chunked import Chunked

            body.decoder = Chunked(self.head_limit, self.max_fields)
        self.body_begun(c)

    def _read_body(self, c: Connection, buf: bytearray) -> bool:
        """Take what has come of a body; whether it makes sense to look on."""
        body = self.body
        if body is None:
            return False
        n = len(buf)
        if self.state == _CHUNKED:
            return self._read_chunks(c, buf, body)
        if self.state == _COUNTED:
            if n < body.left and self.whole:
                return False
            if n > body.left:
                n = body.left
            body.left -= n
        body.add(buf, n)
        c._recv = discard(buf, n)
        self._more(c, body, self.state == _COUNTED and body.left == 0)
        return True

    def _read_chunks(self, c: Connection, buf: bytearray, body: Body) -> bool:
        decoder: Any = body.decoder
        content = body.buffer()
        before = len(content)
        used = decoder.feed(buf, 0, content)
        body.received += len(content) - before
        if decoder.fault:
            self.violate(c, decoder.fault)
            return False
        done: bool = decoder.done
        if done:
            body.trailers = decoder.trailers
        c._recv = discard(buf, used)
        if done or len(content) > before:
            self._more(c, body, done)
        return done  # else all that could be decoded was

    def _more(self, c: Connection, body: Body, last: bool) -> None:
        """More of the body is there, or all of it."""
        state = self.state
        body.complete = last
        self.arrived(c)
        if self.body is not body:
            return
        if last and self.state == state:
            self._complete(c, body)
        else:
            c.account(body.size())

    def _complete(self, c: Connection, body: Body) -> None:
        body.complete = True
        self.state = _HELD
        self.completed(c)

    def offer(self, c: Connection) -> None:
        """Give the handler what is in the body, as ``HTTP_CHUNK``, and keep to the limit: when too
        much lies there, reading pauses if somebody takes, and it is a violation if nobody does."""
        body = self.body
        if body is None:
            return
        if c.wants(_HTTP_CHUNK):
            c.emit(_HTTP_CHUNK, self.message)
            self.settle(c, body)
        self.check(c, body)

    def settle(self, c: Connection, body: Body) -> None:
        """After ``HTTP_CHUNK``: do what its handler asked for with a flag."""
        if c._flags & _DELETE_CHUNK:
            c._flags &= ~_DELETE_CHUNK
            body.take()

    def check(self, c: Connection, body: Body) -> None:
        """Keep to the limit of the body."""
        if self.body is not body or self.state == _HELD or body.size() <= self.body_limit:
            return
        if not body.taken:
            self.violate(c, v.BODY_TOO_LARGE, f"the body is over {self.body_limit} bytes")
        elif body.paused is None and not body.complete:
            body.paused = self
            c._hold(1)

    def violate(self, c: Connection, fault: int, text: str = "") -> None:
        """End it with a violation; ``text`` in place of the general one."""
        violation = VIOLATIONS[fault]
        self.state = _HELD
        self.violated(c, violation._replace(text=text) if text else violation)

    def resume(self, c: Connection) -> None:
        """A body that reading was paused for has been taken; what had come was all read."""
        c._hold(-1)

    def _continue(self, c: Connection, body: Body) -> None:
        """What reading was paused for is over."""
        body.paused = None
        c._hold(-1)

    # -- the end ------------------------------------------------------------------------------

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        c.emit(ev, data)
        if ev == RECV:
            self.read(c)

    def ended(self, c: Connection) -> bool:
        """The peer ended its side: that is where some bodies end."""
        if self.state == _UNTIL_CLOSE and self.body is not None:
            self._complete(c, self.body)
        return False
