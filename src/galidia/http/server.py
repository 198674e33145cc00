"""HTTP/1.1 on a connection, as the server (RFC 9112).

Requests of one connection are answered in order: the next one is read when the response to this one
is complete and most of what was answered before has left. A request that its handler left
unanswered is pending, and the connection waits for it. What violates the protocol is answered with
the status that says so, and the connection ends.

Each event has the `Request`:

    HTTP_CHUNK    a piece of a body has come: it is in ``body``, with those before it that were not
                  taken. Without a piece, before a body that the client holds back until it is asked
                  for (Expect), or that is over ``body_limit``: who takes it gets it.
    HTTP_REQUEST  the request is complete; ``body`` is what was not taken of it

A body that is cut short makes no request, only CLOSE. The events of the parts of a form are in
`parts`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.events import ALL_EVENTS, BITS, Event, mask_of
from ..core.registry import find_upgrade
from . import violations as v
from .options import HttpOptions
from .request import Answering, DateLine, Request
from .violations import Violation

if TYPE_CHECKING:
    from ..core.connection import Connection
    from ..core.handler import HandlerFunction
    from ..core.protocol import Protocol
    from ..core.timers import Timer
    from .endpoints import Endpoints, Match
    from .message import Body
    from .parts import Parts

if not cython.compiled:
    from ..core.bits import ACCEPT, CLOSE, RECV, RECV_AND_CLOSE, SEND
    from ..core.mbuf import discard
    from .reader import _CHUNKED, _COUNTED, _HELD, _IDLE, _NO_BODY
    from .request import _BACKLOG, new_request

_HTTP_REQUEST = int(Event.HTTP_REQUEST)
_HTTP_CHUNK = int(Event.HTTP_CHUNK)
_REQUEST_BIT = BITS[_HTTP_REQUEST]
_CHUNK_BIT = BITS[_HTTP_CHUNK]
_PART_BIT = BITS[Event.HTTP_PART_DATA]
_WEBSOCKET = mask_of(
    Event.WEBSOCKET_HANDSHAKE_REQUEST,
    Event.WEBSOCKET_HANDSHAKE_DONE,
    Event.WEBSOCKET_FRAME,
    Event.WEBSOCKET_CONTROL_FRAME,
)
_ALL = ALL_EVENTS
_WANTS = mask_of(Event.ACCEPT, Event.RECV, Event.CLOSE)
_WANTS_SEND = _WANTS | mask_of(Event.SEND)


class ServerProtocol(Answering):
    """The server's side of one connection; of a listener, what its connections get.

    While a request is read or pending, ``message`` is that request.
    """

    __slots__ = (
        "_began",
        "_closing",
        "_date",
        "_drained",
        "_drop",
        "_ended",
        "_handed",
        "_idle_timeout",
        "_match",
        "_max_requests",
        "_max_target",
        "_parts",
        "_requests",
        "_stream_limit",
        "_stuck",
        "_timer",
        "endpoints",
        "on_goodbye",
        "on_response",
        "options",
    )

    def __init__(
        self,
        options: object = None,
        date: DateLine | None = None,
        endpoints: Endpoints | None = None,
    ) -> None:
        if options is None:
            options = HttpOptions()
        elif not isinstance(options, HttpOptions):
            raise TypeError(f"options= of an HTTP address is an HttpOptions, not {options!r}")
        self._set_up(
            _WANTS,
            options.head_limit,
            options.max_fields,
            options.body_limit,
            True,
            RECV_AND_CLOSE,
        )
        self.options = options
        #: Handlers for single resources, see `endpoint`.
        self.endpoints = endpoints
        self.expects = self.defers = False
        #: Called with each request whose response is complete, or was cut off.
        self.on_response: Callable[[Request], object] | None = None
        self._drained: Callable[[], object] | None = None
        self._date = date if date is not None else DateLine()
        self._timer: Timer | None = None
        self._max_target = options.target_limit
        self._max_requests = options.max_requests
        self._stream_limit = options.stream_limit
        # What an answered request leaves behind is either sent or idle: look when either is over.
        self._idle_timeout = min(options.idle_timeout, options.send_timeout)
        self._requests = 0
        #: When the body began, or when it was last taken.
        self._began = 0.0
        #: Bytes that may still be discarded of a body that was answered; else negative.
        self._drop = -1
        #: The time of the last I/O when a look at a response found some of it waiting.
        self._stuck = -1.0
        self._match: Match | None = None
        #: The match is of one request: see `Request.hand_over`.
        self._handed = False
        self._parts: Parts | None = None
        self._ended = False
        self._closing = False
        #: Called when the manager is closing, by who sends a response that has no end.
        self.on_goodbye: Callable[[], object] | None = None

    def child(self) -> Protocol:
        child = ServerProtocol(self.options, self._date, self.endpoints)
        child.on_response = self.on_response
        return child

    def endpoint(self, pattern: str, handler: HandlerFunction, **options: Any) -> None:
        """Have requests for ``pattern`` handled by a handler of its own; see `Endpoints.add`.

        Of a listener it is for the connections that it accepts from then on.
        """
        if self.endpoints is None:
            from .endpoints import Endpoints

            self.endpoints = Endpoints()
        self.endpoints.add(pattern, handler, **options)

    # -- events of the connection -------------------------------------------------------------

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        if ev == CLOSE:
            self._end(c)
        if (c._wants >> ev) & 1:  # a core event's number is its bit
            c.emit(ev, data)
        if ev == RECV:
            if self._closing:
                c._recv = discard(c.recv_mbuf, len(c.recv_mbuf))
            elif self.state == _IDLE and not c._direct and c._unsent() > _BACKLOG:
                self._crowd(c)
            else:
                self.read(c)
        elif ev == SEND:
            self._sent(c)
        elif ev == ACCEPT:
            self._deadline(c, self._idle_timeout)

    def goodbye(self, c: Connection) -> None:
        """Close as soon as the request that is being handled is answered."""
        self._max_requests = 0
        request: Any = self.message
        if request is not None:
            request._last = True
        if request is None or (self.state != _HELD and not request.replied):
            self._closing = True
            c.close_after_send()
        elif self.on_goodbye is not None:
            self.on_goodbye()

    def ended(self, c: Connection) -> bool:
        """The peer sends nothing more: what is pending is still answered."""
        if self._closing or self.state != _HELD:
            return False
        self._ended = True
        return True

    def forgives(self, c: Connection, error: BaseException | None) -> bool:
        """What a handler could not make sense of is answered with what was wrong with it."""
        if not isinstance(error, ValueError):
            return False
        from .parameters import FormError

        request: Any = self.message
        if request is None or request.replied:
            return False
        if not isinstance(error, FormError) or error.message is not request:
            return False
        if self.state == _HELD:
            request.error(error.status, str(error))
        else:
            self._refuse(c, error.status, str(error))
        return True

    def failed(self, c: Connection) -> bool:
        """A handler raised: its client gets a 500."""
        request: Any = self.message
        if request is None or request.replied:
            return False
        self._refuse(c, 500, "")
        return True

    # -- a request ----------------------------------------------------------------------------

    def head_begun(self, c: Connection) -> None:
        self._deadline(c, self.options.head_timeout)

    def begin(self, c: Connection, buf: bytearray, start: int, end: int) -> int:
        request = new_request(c, self, self._date)
        self.message = request
        fault = request.parse(buf, start, end, self.max_fields, self._max_target)
        if fault:
            return -fault
        self._requests += 1
        if self._requests >= self._max_requests:
            request._last = True
        if self.endpoints is not None:
            self._route(request)
        if request.content_length <= 0 and not request.chunked:
            return _NO_BODY
        self._began = c.mgr._now
        return _CHUNKED if request.chunked else _COUNTED

    def body_begun(self, c: Connection) -> None:
        request: Any = self.message
        body = self.body
        match = self._match
        if request is None or body is None:
            return
        if match is not None and match.at_head:
            c.emit_to(match.handler, match.wants, _HTTP_REQUEST, request)
            return
        length = body.left
        if length > self._stream_limit:
            self._refuse_body(c, self._stream_limit)
            return
        is_there = 0 < length <= len(c._recv)
        is_large = length > self.body_limit
        self.expects = request.expect_continue and not c._recv
        self.defers = False
        mask: int = c._wants if match is None else match.wants
        if mask != _ALL and mask >> _PART_BIT & 1 and self._begin_parts(c, request):
            pass
        elif not mask >> _CHUNK_BIT & 1:
            self.whole = 0 < length <= c.recv_mbuf_limit
        elif self.expects or is_large:
            self.emit(c, _HTTP_CHUNK, request)
            self.settle(c, body)
        if not self._reads(request):
            return
        if is_large and not body.taken:
            self._refuse_body(c, self.body_limit)
            return
        if self.expects and not self.defers:
            request.send_interim(100)
        if not is_there:
            self._deadline(c, min(self.options.body_timeout, self.options.request_timeout))

    def arrived(self, c: Connection) -> None:
        body = self.body
        request: Any = self.message
        if body is None:
            return
        if self._drop >= 0:
            self._drop -= body.size()
            body.take()
            if self._drop < 0:
                self._linger(c)
            return
        if body.received > self._stream_limit:
            self._refuse_body(c, self._stream_limit)
            return
        if self._parts is not None:
            self._parts.arrived(c)
            return
        mask: int = c._wants if self._match is None else self._match.wants
        if mask >> _CHUNK_BIT & 1:
            self.emit(c, _HTTP_CHUNK, request)
            self.settle(c, body)
        if body.received > self.body_limit:
            self.check(c, body)

    def completed(self, c: Connection) -> None:
        request: Any = self.message
        if (self._drop >= 0 or self._parts is not None) and self._is_done(c):
            return
        if request.upgrade and self._upgrades(c, request):
            pass
        elif self._match is not None or (c._wants >> _REQUEST_BIT) & 1:
            self.emit(c, _HTTP_REQUEST, request)
            if self._match is not None and self.message is request:
                if self._parts is not None:
                    self._parts.completed(c)
                elif not self._match_wants(_REQUEST_BIT):
                    self._not_found(c)
        else:
            self._not_found(c)
        # It is up to the handler now; what the deadline finds then, if it is not answered by that
        # time, is none of its business.
        if self.body is not None and not request.replied and self.message is request:
            c.account(self.body.size())

    def answered(self, c: Connection, request: Request) -> None:
        """The response to a request is complete."""
        if self.message is not request:
            return
        body = self.body
        self.message = None
        self._match = None
        if self.on_response is not None:
            self.on_response(request)
        self._handed = False
        if body is not None:
            c.account(0)
            self._parts = None
            if body.paused is not None:
                self._continue(c, body)
            if not body.complete:
                self._answered_early(c, request, body)
                return
            self.body = None
        self.state = _IDLE
        if request._last:
            self.state = _HELD
            self._closing = True
            if c._recv or (request.keep_alive and self._max_requests > 0):
                self._linger(c)  # the client does not expect the end: more may be on its way
            else:
                c.close_after_send()
            return
        self._deadline(c, self._idle_timeout)
        if c._recv and c._unsent() > _BACKLOG:
            self._crowd(c)
        elif not self._reading:
            self._go_on(c)

    def violated(self, c: Connection, violation: Violation) -> None:
        self._refuse(c, violation.status, violation.text)

    # -- what is rarer ------------------------------------------------------------------------

    def _reads(self, request: Any) -> bool:
        """Whether it is still this request's body that is read, and for its handler."""
        return self.message is request and self.state != _HELD

    def _go_on(self, c: Connection) -> None:
        """Read what was held up, and end when that was all there will ever be."""
        self.read(c)
        if self._ended and self.state != _HELD:
            c.close_after_send()

    def _crowd(self, c: Connection) -> None:
        """Too much is waiting to be sent: look at the next request when most of it has left."""
        self.state = _HELD
        self._listen_to_send(c, _WANTS_SEND)

    def _listen_to_send(self, c: Connection, wants: int) -> None:
        """Be told when output has left; it costs every response a little, so only when needed."""
        if self.wants != wants:
            self.wants = wants
            c._remask()

    def _sent(self, c: Connection) -> None:
        if self.wants != _WANTS_SEND or c._unsent() > _BACKLOG:
            return
        if self._drained is not None:
            drained = self._drained
            self.when_drained(c, None)
            drained()
        elif self.state == _HELD and self.message is None and not self._closing:
            self._listen_to_send(c, _WANTS)
            self.state = _IDLE
            self._go_on(c)

    def when_drained(self, c: Connection, callback: Callable[[], object] | None) -> None:
        if callback is not None or self._drained is not None:
            self._drained = callback
            self._listen_to_send(c, _WANTS if callback is None else _WANTS_SEND)

    def _route(self, request: Request) -> None:
        """Find out who handles it."""
        endpoints: Any = self.endpoints
        self._match = match = endpoints.direct.get(request.raw[: request.path_end])
        if match is None:
            path = request.raw[request.path_start : request.path_end].decode("ascii")
            self._match = match = endpoints.find(request.method, path)
        if match is None:
            return
        if match.params:
            request._parsed = {"params": match.params}
        if match.wants >> CLOSE & 1:
            request.connection.owe_close(match.handler, match.wants)

    def emit(self, c: Connection, ev: int, data: Any) -> None:
        """Give an event of HTTP to whom the request is for."""
        if self._match is None:
            c.emit(ev, data)
        else:
            c.emit_to(self._match.handler, self._match.wants, ev, data)

    def _match_wants(self, bit: int) -> bool:
        match = self._match
        return match is None or match.wants >> bit & 1 != 0

    def _upgrades(self, c: Connection, request: Request) -> bool:
        """Whether the request asks for another protocol that its handler has a part in: then it is
        dealt with."""
        match = self._match
        if not (c._wants if match is None else match.wants) & _WEBSOCKET:
            return False
        for name in ",".join(request.header_all("upgrade")).split(","):
            begin = find_upgrade(name.strip("\t ").lower())
            if begin is not None:
                begin(c, self, request, None if match is None else match.handler)
                return True
        return False

    def _not_found(self, c: Connection) -> None:
        """Nobody wants the request."""
        request: Any = self.message
        if request is None or request.replied:
            return
        if (c._wants if self._match is None else self._match.wants) & _WEBSOCKET:
            request.require_upgrade("websocket")
        else:
            request.error(404)

    def _is_done(self, c: Connection) -> bool:
        """At the end of a body: whether there is no HTTP_REQUEST for it."""
        if self._drop >= 0:  # it was answered before
            self._drop = -1
            self.body = None
            self.state = _IDLE
            self._deadline(c, self._idle_timeout)
            return True
        if self._parts is not None:
            self._parts.completed(c)
            return True
        return False

    def _begin_parts(self, c: Connection, request: Request) -> bool:
        """Whether the body is a form, whose parts the handler then gets."""
        if request.content_type != "multipart/form-data":
            return False
        from .parts import Parts

        self._parts = Parts(self, request)
        self._parts.begin(c)
        return True

    def _answered_early(self, c: Connection, request: Request, body: Body) -> None:
        """The rest of the body is of no interest: pass over it, or end if it is too much."""
        body.take()
        if request._last or self.is_cut():
            self._linger(c)
            return
        self._drop = self.options.discard_limit
        self._deadline(c, self.options.body_timeout)
        if not self._reading:
            self._go_on(c)

    def is_cut(self) -> bool:
        body = self.body
        return self.expects or (body is not None and body.left > self.options.discard_limit)

    def resume(self, c: Connection) -> None:
        self._began = c.mgr.monotonic()
        c._hold(-1)

    def _refuse_body(self, c: Connection, limit: int) -> None:
        self.violate(c, v.BODY_TOO_LARGE, f"the body is over {limit} bytes")

    def _refuse(self, c: Connection, status: int, text: str) -> None:
        """Answer an error and end the connection."""
        request: Any = self.message
        self.state = _HELD
        if self._drop >= 0:
            self._linger(c)
            return
        if request is None:
            request = new_request(c, self, self._date)
            request._clear()
        elif request.replied:  # no error fits in there any more
            c.error = text
            c.abort()
            return
        request._protocol = self.message = None
        request._last = True
        request.keep_alive = False
        request.error(status, text)
        if self.on_response is not None:
            self.on_response(request)
        self._linger(c)

    def _linger(self, c: Connection) -> None:
        """Close in such a way that what was answered arrives (RFC 9112 9.6)."""
        self.state = _HELD
        self._closing = True
        self._drop = -1
        body, self.body = self.body, None
        if body is not None:
            c.account(0)
            if body.paused is not None:
                self._continue(c, body)
        if c._recv:
            c._recv = discard(c._recv, len(c._recv))
        if self._ended:
            c.close_after_send()
        else:
            c.close_after_recv()
        self._deadline(c, self.options.linger_timeout)

    def switched(self, c: Connection, protocol: Protocol | None) -> None:
        request: Any = self.message
        if self.on_response is not None:
            self.on_response(request)
        self.message = None
        self.state = _HELD
        self._end_timer()
        c.protocol = protocol
        if c._recv:
            c.call_later(0.0, self._on_switched, c)

    def handed_over(self, c: Connection, request: Request, handler: Any, ev: int) -> None:
        if self.message is not request:
            return
        from .endpoints import match_of

        body = self.body
        self._match = match = match_of(handler)
        self._handed = True
        if (
            match.wants != _ALL
            and match.wants >> _PART_BIT & 1
            and self._parts is None
            and body is not None
            and not body.taken
            and self._begin_parts(c, request)
        ):
            if self._parts is not None and body.size():
                self._parts.arrived(c)
        elif ev:
            c.emit_to(handler, match.wants, ev, request)

    def _on_switched(self, c: Connection) -> None:
        self._hand_over(c)

    def _hand_over(self, c: Connection) -> None:
        """Tell the new protocol what is there for it already."""
        if c._recv and not c._closed:
            c._dispatch(RECV, len(c._recv))

    # -- deadlines ----------------------------------------------------------------------------

    def streams(self, c: Connection) -> None:
        self._stuck = -1.0
        self._deadline(c, self.options.send_timeout)

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

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_deadline(self, c: Connection) -> None:
        self._expired(c)

    def _expired(self, c: Connection) -> None:
        self._timer = None
        if c.closed:
            return
        request: Any = self.message
        options = self.options
        quiet = c.mgr.monotonic() - c._last_io
        if request is not None and request.replied and (self.state == _HELD or c._unsent() > 0):
            self._look_at_response(c)
        elif c._unsent() > 0:
            left = options.send_timeout - quiet
            if left <= 0:
                self._give_up(c)
            else:
                self._deadline(c, min(left, options.linger_timeout) if self._closing else left)
        elif self._closing:
            c.close()
        elif self.state == _IDLE:
            left = options.idle_timeout - quiet
            if left <= 0:
                c.close_after_send()
            else:
                self._deadline(c, left)
        elif self.state >= _COUNTED:
            self._look_at_body(c, quiet)
        elif self.state != _HELD:
            self._refuse(c, 408, "the request takes too long")

    def _look_at_response(self, c: Connection) -> None:
        """A response that is sent bit by bit has no time of its own, but what waits has to go."""
        if c._unsent() > 0:
            if self._stuck == c._last_io:
                self._give_up(c)
                return
            self._stuck = c._last_io
        self._deadline(c, self.options.send_timeout)

    def _look_at_body(self, c: Connection, quiet: float) -> None:
        body = self.body
        if body is None:
            return
        options = self.options
        age = c.mgr.monotonic() - self._began
        left = options.body_timeout - min(quiet, age)
        if body.paused is not None:
            left = options.body_timeout  # it is not the client who is slow
        elif not body.taken or self._drop >= 0:
            left = min(left, options.request_timeout - age)
        if left > 0:
            self._deadline(c, left)
        else:
            self._refuse(c, 408, "the request takes too long")

    def _give_up(self, c: Connection) -> None:
        c.error = "the peer does not take the response"
        c.abort()

    def _end(self, c: Connection) -> None:
        self._end_timer()
        self.on_goodbye = None
        request: Any = self.message
        self._drained = None
        if request is not None:
            request.cut_off()
            self.message = None
            if self.on_response is not None:
                self.on_response(request)
        parts, self._parts = self._parts, None
        if parts is not None:
            parts.cut(c)
        match = self._match
        if self._handed and match is not None:
            self._match = None
            c.emit_to(match.handler, match.wants, CLOSE, None)
        if self.body is not None:
            self.body.paused = None
            self.body = None
        c.pay_close()
