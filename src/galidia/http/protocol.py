"""HTTP/1.1 on a connection, as the server (RFC 9112).

Requests of one connection are answered in order: the next one is parsed when the response to this
one is complete and most of what was answered before has left. A request that its handler left
unanswered is pending, and the connection waits for it. What violates the protocol is answered with
the status that says so, and the connection ends.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.events import Event, mask_of
from ..core.protocol import Protocol
from .options import HttpOptions
from .request import Answering, DateLine, Request
from .violations import VIOLATIONS

if TYPE_CHECKING:
    from ..core.connection import Connection
    from ..core.timers import Timer

if not cython.compiled:
    from ..core.bits import (
        ACCEPT,
        CLOSE,
        CLOSE_IMMEDIATELY,
        RECV,
        RECV_AND_CLOSE,
        SEND,
        SEND_AND_CLOSE,
    )
    from ..core.mbuf import discard
    from .outline import find_end, skip_blank
    from .request import new_request

logger = logging.getLogger("galidia")

_HTTP_REQUEST = int(Event.HTTP_REQUEST)
#: Bytes that may wait to be sent before the next pipelined request is looked at.
_BACKLOG = 1 << 16
_WANTS = mask_of(Event.ACCEPT, Event.RECV, Event.CLOSE)
_WANTS_SEND = _WANTS | mask_of(Event.SEND)

# What a connection waits for.
_IDLE = 0
_IN_HEAD = 1
_IN_BODY = 2
_PENDING = 3


class HttpProtocol(Answering):
    """The server's side of one connection; of a listener, what its connections get."""

    __slots__ = (
        "_closing",
        "_date",
        "_head_limit",
        "_idle_timeout",
        "_max_fields",
        "_max_requests",
        "_need",
        "_parsing",
        "_request",
        "_requests",
        "_searched",
        "_state",
        "_timer",
        "options",
    )

    def __init__(self, options: object = None, date: DateLine | None = None) -> None:
        if options is None:
            options = HttpOptions()
        elif not isinstance(options, HttpOptions):
            raise TypeError(f"options= of an HTTP address is an HttpOptions, not {options!r}")
        Protocol.__init__(self, _WANTS)
        self.options = options
        self._date = date if date is not None else DateLine()
        self._request: Request | None = None
        self._timer: Timer | None = None
        self._searched = 0
        self._head_limit = options.head_limit
        self._max_fields = options.max_fields
        self._max_requests = options.max_requests
        # What an answered request leaves behind is either sent or idle: look when either is over.
        self._idle_timeout = min(options.idle_timeout, options.send_timeout)
        self._requests = 0
        self._need = 0
        self._state = _IDLE
        self._parsing = False
        self._closing = False

    def child(self) -> Protocol:
        return HttpProtocol(self.options, self._date)

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        if ev == CLOSE:
            self._end(c)
        if (c._wants >> ev) & 1:  # a core event's number is its bit
            c.emit(ev, data)
        if ev == RECV:
            if self._closing:
                c._recv = discard(c.recv_mbuf, len(c.recv_mbuf))
            elif not self._parsing:
                self._parse(c)
        elif ev == SEND:
            if self._state == _IDLE and c._recv and not self._parsing and not self._closing:
                self._listen_to_send(c, _WANTS)
                self._parse(c)
        elif ev == ACCEPT:
            self._deadline(c, self._idle_timeout)

    def goodbye(self, c: Connection) -> None:
        """Close as soon as the request that is being handled is answered."""
        self._max_requests = 0
        if self._request is not None:
            self._request._last = True
        if self._state != _PENDING:
            self._closing = True
            c.close_after_send()

    def failed(self, c: Connection) -> bool:
        """A handler raised: its client gets a 500."""
        request = self._request
        if request is None or request.replied:
            return False
        self._refuse(c, 500, "")
        return True

    def answered(self, c: Connection, request: Request) -> None:
        """The response to a request is complete."""
        if self._request is not request:
            return
        self._request = None
        self._state = _IDLE
        if request._last:
            self._closing = True
            if c._recv or (request.keep_alive and self._max_requests > 0):
                self._linger(c)  # the client does not expect the end: more may be on its way
            else:
                c.close_after_send()
            return
        self._deadline(c, self._idle_timeout)
        if not self._parsing and c._recv:
            self._parse(c)

    # -- requests -----------------------------------------------------------------------------

    def _parse(self, c: Connection) -> None:
        """Handle what `recv_mbuf` holds, as far as it goes."""
        self._parsing = True
        try:
            while c._recv and not c._flags & (CLOSE_IMMEDIATELY | SEND_AND_CLOSE | RECV_AND_CLOSE):
                if self._state == _PENDING:
                    return
                if c._unsent() > _BACKLOG:
                    self._listen_to_send(c, _WANTS_SEND)
                    return
                buf = c._recv
                if self._state == _IN_BODY:
                    if len(buf) < self._need or self._request is None:
                        return
                    self._deliver(c, self._request, self._need)
                    continue
                start = skip_blank(buf, 0) if buf[0] == 0x0D else 0
                end = find_end(buf, start, self._searched)
                if end < 0 or end - start > self._head_limit:
                    if end >= 0 or len(buf) - start > self._head_limit:
                        self._refuse(c, 431, f"the head is over {self._head_limit} bytes")
                        return
                    if start == len(buf):  # an empty line behind the previous request
                        c._recv = discard(buf, start)
                        return
                    self._searched = len(buf)
                    if self._state == _IDLE:
                        self._state = _IN_HEAD
                        self._deadline(c, self.options.head_timeout)
                    return
                self._searched = 0
                request = new_request(c, self, self._date)
                fault = request.parse(buf, start, end, self._max_fields)
                self._request = request
                if fault:
                    violation = VIOLATIONS[fault]
                    self._refuse(c, violation.status, violation.text)
                    return
                if request.content_length <= 0 and not request.chunked:
                    self._deliver(c, request, end)
                else:
                    self._begin_body(c, request, end)
        finally:
            self._parsing = False

    def _listen_to_send(self, c: Connection, wants: int) -> None:
        """Be told when output has left; it costs every response a little, so only when needed."""
        self.wants = wants
        c._remask()

    def _begin_body(self, c: Connection, request: Request, end: int) -> None:
        if request.chunked:
            self._refuse(c, 411, "send the body with a Content-Length")
            return
        self._need = end + request.content_length
        limit = self.options.body_limit
        if request.content_length > limit or self._need > c.recv_mbuf_limit:
            self._refuse(c, 413, f"the body is over {limit} bytes")
            return
        request._body_start = end
        self._state = _IN_BODY
        if len(c._recv) < self._need:
            self._deadline(c, self.options.body_timeout)
            if request.expect_continue:
                c.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _deliver(self, c: Connection, request: Request, end: int) -> None:
        """A whole request is there: the first ``end`` bytes of the buffer."""
        if self._state == _IN_BODY:
            request.body = bytes(c._recv[request._body_start : end])
        c._recv = discard(c._recv, end)
        self._need = 0
        self._requests += 1
        if self._requests >= self._max_requests:
            request._last = True
        self._state = _PENDING
        if not c.wants(_HTTP_REQUEST):
            request.error(404)
            return
        c.emit(_HTTP_REQUEST, request)
        if self._state == _PENDING and self._timer is not None:
            self._timer.cancel()  # it is up to the handler now
            self._timer = None

    def _refuse(self, c: Connection, status: int, text: str) -> None:
        """Answer an error and end the connection."""
        request = self._request
        if request is None:
            request = new_request(c, self, self._date)
            request._clear()
        request._protocol = self._request = None
        self._state = _IDLE
        request._last = True
        request.keep_alive = False
        self._closing = True
        if c._recv:
            c._recv = discard(c._recv, len(c._recv))
        request.error(status, text)
        self._linger(c)

    def _linger(self, c: Connection) -> None:
        """Close in such a way that what was answered arrives (RFC 9112 9.6)."""
        if c._recv:
            c._recv = discard(c._recv, len(c._recv))
        c.close_after_recv()
        self._deadline(c, self.options.linger_timeout)

    # -- deadlines ----------------------------------------------------------------------------

    def _deadline(self, c: Connection, seconds: float) -> None:
        """The time that what the connection waits for now may take."""
        when = c.mgr._now + seconds
        timer = self._timer
        if timer is not None:
            if timer.when <= when:
                timer.postpone(when)
                return
            timer.cancel()
        self._timer = c.mgr._add_timer(seconds, 0.0, self._on_deadline, (c,), None)

    def _on_deadline(self, c: Connection) -> None:
        self._expired(c)

    def _expired(self, c: Connection) -> None:
        self._timer = None
        if c.closed:
            return
        quiet = c.mgr.monotonic() - c._last_io
        if c._unsent() > 0:
            left = self.options.send_timeout - quiet
            if left <= 0:
                c.error = "the peer does not take the response"
                c.abort()
            else:
                self._deadline(c, min(left, self.options.linger_timeout) if self._closing else left)
        elif self._closing:
            c.close()
        elif self._state == _IDLE:
            left = self.options.idle_timeout - quiet
            if left <= 0:
                c.close_after_send()
            else:
                self._deadline(c, left)
        elif self._state != _PENDING:
            self._refuse(c, 408, "the request takes too long")

    def _end(self, c: Connection) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._request is not None:
            self._request._protocol = None
            self._request = None
