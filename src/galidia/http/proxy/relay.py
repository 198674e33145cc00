"""One request on its way through a reverse proxy, and its reply on the way back.

A request is sent on as soon as its head and, if there is one, some of its body are there. Bodies
are passed on as they come, in both directions, and no faster than they leave: what lies here of one
is bounded. A small reply goes out in one piece with its head. A request is tried once more, there
or elsewhere, when nothing of it can have been acted on: the connection could not be made, or its
method is idempotent, its body was not passed on and no byte of a reply has come (RFC 9110 9.2.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from ... import _cython as cython

from ..chunked import LAST_CHUNK, chunk
from ..errors import CancelledError, FetchError, ProtocolError, TimedOutError, TruncatedError
from ..fetching.plan import IDEMPOTENT
from ..fetching.pool import User

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ...core.manager import Manager
    from ...core.timers import Timer
    from ..fetching.pool import Link
    from ..message import Body
    from ..reply import Reply
    from ..request import Request
    from .reverse_proxy import ReverseProxy
    from .translation import Translation
    from .upstreams import Upstream, Upstreams

if not cython.compiled:
    from .hops import has_date
    from .translation import _CHUNKS, _NOTHING

#: Bytes that may wait for a side before more is taken from the other.
_BACKLOG = 1 << 16
#: Bytes of a reply that are read ahead.
PIECE = 1 << 16
#: A body up to this, if it is there at once, is kept for a second try.
KEPT = 1 << 16
_KEPT = KEPT


class Relay(User):
    """A request of ``c`` that is under way."""

    __slots__ = (
        "_body",
        "_c",
        "_chunks",
        "_deferring",
        "_patience",
        "_proxy",
        "_relays",
        "_reply",
        "_request",
        "_sends",
        "_streams",
        "_target",
        "_translation",
        "_tried",
        "_uploaded",
        "_upstream",
        "_upstreams",
    )

    _proxy: ReverseProxy
    _relays: dict[Connection, Relay]
    _upstreams: Upstreams
    _translation: Translation
    _c: Connection
    _request: Request | None
    _target: bytes
    _upstream: Upstream | None
    #: Bits of the upstreams that were asked.
    _tried: int
    #: The body; or its first piece, if it ``_streams``: then the rest follows once it ``_sends``.
    _body: bytes
    _streams: bool
    _sends: bool
    _chunks: bool
    _uploaded: bool
    #: The client waits for the upstream's 100 (Continue) before it sends its body.
    _deferring: bool
    #: The reply whose head was passed on.
    _reply: Reply | None
    _patience: Timer | None

    # -- the request --------------------------------------------------------------------------

    def start(self) -> None:
        """The first event of the request has come."""
        req: Any = self._request
        self._target = self._translation.target(req)
        if not self._target:
            self._answer(400, "a path with steps in it")
            return
        body = req._content
        if body is None or (body.complete and body.size() <= _KEPT):
            self._body = req.body if body is not None else b""
        else:
            self._streams = True
            self._body = req.take()  # who takes may be sent any amount
            protocol = req._protocol
            if protocol is not None and protocol.expects:
                self._deferring = protocol.defers = True
        self._go(False)

    def more(self) -> None:
        """More of the body has come, or its end."""
        link = self._link
        if link is not None and self._sends and not self._uploaded:
            link.protocol._upload(link.c)

    def _go(self, fresh: bool) -> None:
        """Get a connection to the next upstream; ``fresh``: a new one to the same."""
        upstreams = self._upstreams
        upstream = self._upstream
        if not fresh:
            upstream = upstreams.choose(self.mgr._now, self._tried)
            if upstream is None:
                return
            self._upstream = upstream
            self._tried |= 1 << upstream.number
        if upstream is None:
            return
        upstream.active += 1
        try:
            upstream.host.acquire(self, fresh)
        except (OSError, ValueError, TypeError, RuntimeError) as e:
            upstream.active -= 1
            upstreams.failed(upstream, self.mgr._now, str(e))
            self._answer(503, "no connection to the server can be made")
            return
        if self._host is not None:
            seconds = self._timeouts.connect
            self._patience = self.mgr.call_later(seconds, self._waited)

    def _waited(self) -> None:
        """All connections that there may be are in use, for too long."""
        if self._host is not None and self._upstream is not None:
            self._host.forget(self)
            self._upstream.active -= 1
            self._answer(503, "all connections to the server are in use")

    def _begin(self, link: Link) -> None:
        req = self._request
        upstream = self._upstream
        if req is None or upstream is None:
            return
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if not link.reused:
            protocol = link.protocol
            protocol.reply_timeout = self._timeouts.reply
            protocol.idle_timeout = self._timeouts.idle
            protocol.body_limit = PIECE
            link.stream(True)
        length = req.content_length
        if not self._streams:
            if length >= 0 or req.chunked:
                length = len(self._body)
            else:
                length = _NOTHING
        elif req.complete:
            length = req.received
        elif req.chunked:
            length = _CHUNKS
        self._chunks = length == _CHUNKS
        upgrade = b""
        if req.upgrade and length == _NOTHING:
            upgrade = self._proxy.upgrade_of(req)
        expect = b"Expect: 100-continue\r\n" if self._deferring else b""
        head = self._translation.head(req, upstream, self._target, length, upgrade, expect)
        data = chunk(self._body) if self._chunks else self._body
        link.protocol.ask(link.c, req.method, head, data, upgrade != b"")
        if self._streams:
            if self._deferring:
                link.c.call_later(link.protocol.options.continue_timeout, self._proceed)
            else:
                self._send_body(link)

    def _proceed(self) -> None:
        """The upstream wants the body, or does not say so."""
        link = self._link
        req = self._request
        if link is not None and req is not None and self._deferring and self._reply is None:
            self._deferring = False
            req.send_interim(100)
            self._send_body(link)

    def _send_body(self, link: Link) -> None:
        self._sends = True
        link.protocol.upload(link.c, self)

    def pump(self, c: Connection) -> bool:
        """Pass on what has come of the body, if there is room; whether that was all of it."""
        req = self._request
        if req is None:
            return False
        data: bytes
        while c._unsent() <= _BACKLOG:
            data = req.take()
            if data:
                c.send(chunk(data) if self._chunks else data)
            elif req.complete:
                if self._chunks:
                    c.send(LAST_CHUNK)
                self._uploaded = True
                return True
            else:
                return False
        return False

    def close(self) -> None:
        """Nothing more of the body is sent."""

    # -- the reply ----------------------------------------------------------------------------

    def _on_interim(self, reply: Reply) -> None:
        req = self._request
        if req is None:
            return
        if reply.status == 100:
            self._proceed()
        elif not req.replied:
            lines = self._translation.reply_lines(reply, req, self._upstream)
            req.relay_interim(reply.status, lines)

    def _on_chunk(self, reply: Reply) -> None:
        body: Body | None = reply._content
        if body is None or self._request is None:
            return
        if self._reply is None:
            if body.complete and body.size() <= PIECE:
                return  # it goes out in one piece
            self._pass_head(reply)
        if self._c._unsent() > _BACKLOG and body.taken:
            self._wait_for_client()
        else:
            self._pass_on(reply)

    def _pass_head(self, reply: Reply) -> None:
        req = self._request
        if req is None:
            return
        self._reply = reply
        lines = self._translation.reply_lines(reply, req, self._upstream)
        req.relay(reply.status, lines, has_date(lines), reply.content_length, b"", False)

    def _pass_on(self, reply: Reply) -> None:
        req = self._request
        if req is not None:
            req.send_chunk(reply.take())

    def _wait_for_client(self) -> None:
        req = self._request
        if req is not None and req._protocol is not None:
            req._protocol.when_drained(self._c, self._drained)

    def _drained(self) -> None:
        """Most of what waited for the client has left."""
        reply = self._reply
        if reply is not None and self._request is not None:
            self._pass_on(reply)
            if self._c._unsent() > _BACKLOG:
                self._wait_for_client()

    def _on_reply(self, link: Link, reply: Reply) -> None:
        req = self._request
        upstream = self._upstream
        if req is None or upstream is None:
            return
        if reply.status == 101:
            self._switch(link, reply)
            return
        upstream.active -= 1
        upstream.rests = 0.0
        self._link = None
        link.user = None
        if self._streams and not self._uploaded:
            link.c.close()  # it has not seen the whole request, and never will
        else:
            link.host.release(link, reply)
        self._forget()
        if self._reply is None:
            lines = self._translation.reply_lines(reply, req, upstream)
            body = reply._content
            content: bytes = b"" if body is None else body.take()
            length = len(content)
            if req.method_end == 4 and req.raw.startswith(b"HEAD"):
                length = reply.content_length
            if body is not None and body.trailers and self._forwards_trailers(req):
                req.relay(reply.status, lines, has_date(lines), -1, b"", False)
                req.send_chunk(content)
                req.end(self._trailers(reply))
            else:
                req.relay(reply.status, lines, has_date(lines), length, content, True)
            return
        if req._protocol is not None:
            req._protocol.when_drained(self._c, None)
        req.send_chunk(reply.take())
        trailers = reply.trailers and self._forwards_trailers(req)
        req.end(self._trailers(reply) if trailers else None)

    def _forwards_trailers(self, req: Request) -> bool:
        from .translation import wants_trailers

        return req.minor > 0 and wants_trailers(req)

    def _trailers(self, reply: Reply) -> list[tuple[str, str]]:
        return [(name, value) for name, value in reply.trailers if name.lower() != "date"]

    def _switch(self, link: Link, reply: Reply) -> None:
        """The upstream goes on with another protocol, and so does the client."""
        from .tunnel import join

        req: Any = self._request
        upstream: Any = self._upstream
        name = (reply.header("upgrade") or "").lower()
        if name not in self._proxy.upgrades:
            link.c.error = f"101 with Upgrade: {name!r}, which was not asked for"
            link.fail(ProtocolError(link.c.error, "switched-unasked"))
            return
        self._forget()
        link.user = Tunnelled(self.mgr, self._timeouts, upstream)
        near, far = join(self._c, link.c, self._proxy.tunnel_timeout)
        lines = self._translation.reply_lines(reply, req, upstream)
        req.relay_switch(b"Upgrade: %b\r\n%b" % (name.encode("latin-1"), lines), near)
        link.c.protocol = far
        near.watch(self._c)
        if link.c.recv_mbuf:
            link.c.forward(self._c)

    # -- what can go wrong --------------------------------------------------------------------

    def _on_lost(self, link: Link, error: FetchError) -> None:
        req = self._request
        upstream = self._upstream
        self._link = None
        if req is None or upstream is None:
            return
        upstream.active -= 1
        answered = link.protocol.answered
        if self._reply is not None:
            self._forget()
            self._c.error = f"upstream {upstream.name}: {error}"
            self._upstreams.failed(upstream, self.mgr._now, str(error))
            self._c.abort()  # so that nobody takes it for the whole
            return
        if type(error) is CancelledError:
            self._answer(503, "the server is closing")
            return
        idempotent = req.method in IDEMPOTENT
        if link.reused and not answered and type(error) is TruncatedError:
            if idempotent and not self._sends:
                self._go(True)
                return
        else:
            self._upstreams.failed(upstream, self.mgr._now, str(error))
        asked = link.protocol.awaiting
        if not self._sends and not answered and (idempotent or not asked):
            self._upstream = None
            self._go(False)
            if self._upstream is not None:
                return
        if isinstance(error, TimedOutError):
            self._answer(504, "the server behind this one takes too long")
        else:
            self._answer(502, "the server behind this one cannot be reached, or does not answer")

    def _fail(self, error: FetchError) -> None:
        """There is no connection to be had."""
        if self._upstream is not None:
            self._upstream.active -= 1
        self._answer(503, "no connection to the server can be made")

    def _answer(self, status: int, text: str) -> None:
        req = self._request
        self._forget()
        if req is not None and not req.replied:
            req.error(status, text)

    def gone(self) -> None:
        """The client has gone."""
        self._request = None
        link, self._link = self._link, None
        if self._host is not None:
            self._host.forget(self)
        elif link is None:
            return
        if self._upstream is not None:
            self._upstream.active -= 1
        if self._patience is not None:
            self._patience.cancel()
        if link is not None:
            link.user = None
            link.c.abort()  # after an end alone the upstream could go on answering

    def _forget(self) -> None:
        """It is over."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._request = None
        if self._relays.get(self._c) is self:
            del self._relays[self._c]


def new_relay(
    proxy: ReverseProxy,
    relays: dict[Connection, Relay],
    upstreams: Upstreams,
    translation: Translation,
    timeouts: Any,
    c: Connection,
    req: Request,
) -> Relay:
    """For a request whose first event has come."""
    relay: Relay = Relay.__new__(Relay)
    relay.mgr = c.mgr
    relay._timeouts = timeouts
    relay._host = None
    relay._link = None
    relay._proxy = proxy
    relay._relays = relays
    relay._upstreams = upstreams
    relay._translation = translation
    relay._c = c
    relay._request = req
    relay._upstream = None
    relay._tried = 0
    relay._target = relay._body = b""
    relay._streams = relay._sends = relay._chunks = relay._uploaded = relay._deferring = False
    relay._reply = None
    relay._patience = None
    return relay


class Tunnelled(User):
    """Holds the place of a request in the count of its upstream while its tunnel lasts."""

    __slots__ = ("_upstream",)

    def __init__(self, mgr: Manager, timeouts: Any, upstream: Upstream) -> None:
        User.__init__(self, mgr, timeouts)
        self._upstream = upstream

    def _on_lost(self, link: Link, error: FetchError) -> None:
        self._upstream.active -= 1
