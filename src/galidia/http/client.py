"""HTTP/1.1 on a connection, as the client (RFC 9112).

One request is under way at a time; when its reply is complete the next may follow on the same
connection. A reply that violates the protocol, comes unasked or ends too early is no reply: there
is no ``HTTP_REPLY``, the connection closes, and `Connection.error` says why.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.events import Event, mask_of
from . import violations as v
from .client_options import ClientOptions
from .reader import Reader
from .reply import Reply
from .violations import VIOLATIONS, Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.address import Url
    from ..core.connection import Connection
    from ..core.timers import Timer
    from .content import Content, Sender
    from .errors import FetchError
    from .fields import Headers

if not cython.compiled:
    from ..core.bits import CLOSE, CLOSE_IMMEDIATELY, CONNECT, RECV, SEND
    from .reader import _CHUNKED, _COUNTED, _IDLE, _NO_BODY, _UNTIL_CLOSE
    from .reply import new_reply

_HTTP_CHUNK = int(Event.HTTP_CHUNK)
_HTTP_REPLY = int(Event.HTTP_REPLY)
_WANTS = mask_of(Event.CONNECT, Event.RECV, Event.CLOSE)
_WANTS_SEND = _WANTS | mask_of(Event.SEND)
#: A longer body is not copied once more to be queued in one piece with its head.
_TOGETHER = 1 << 12

_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"[\x21-\x7e]+")
#: Methods that say how long their body is also when there is none (RFC 9110 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

_UNASKED = Violation("unasked", 502, "bytes that belong to no reply")
_SWITCHED = Violation("switched-unasked", 502, "101 to a request that asked for no upgrade")
_INTERIM = Violation("interim", 502, "too many interim replies")


class ClientProtocol(Reader):
    """The client's side of one connection.

    Options of `Manager.connect` for an ``http`` or ``https`` URL, whose path and query are the
    target of the request and whose user and password become basic credentials:

    - ``method`` (default GET; None: nothing is asked yet, see `request`), ``headers``, ``body``,
      ``length``, ``expect_continue``: as for `request`;
    - ``target``: what is asked for instead of the URL's path and query;
    - ``options``: a `ClientOptions`.

    The handler gets ``HTTP_CHUNK`` with the `Reply` for each piece of a body that came, then
    ``HTTP_REPLY`` with the same one when it is complete. After 101 (Switching Protocols) and after
    the reply that opens a tunnel (CONNECT) the connection carries bytes: ``RECV`` as without
    protocol.
    """

    __slots__ = (
        "_answered",
        "_c",
        "_cause",
        "_content",
        "_dead",
        "_first",
        "_interim",
        "_last",
        "_method",
        "_open",
        "_raw",
        "_sender",
        "_sent_at",
        "_timer",
        "_upgrade",
        "_waiting_to_send",
        "awaiting",
        "host",
        "idle_timeout",
        "on_goodbye",
        "on_head",
        "on_interim",
        "options",
        "reply_timeout",
        "timed_out",
        "violation",
    )

    def __init__(self, options: object, url: Url | None, extra: dict[str, Any]) -> None:
        if options is None:
            options = ClientOptions()
        elif not isinstance(options, ClientOptions):
            raise TypeError(f"options= of an HTTP client is a ClientOptions, not {options!r}")
        self._set_up(_WANTS, options.head_limit, options.max_fields, options.body_limit)
        self.options = options
        self.reply_timeout = options.reply_timeout
        self.idle_timeout = options.idle_timeout
        #: The Host field of requests that bring none.
        self.host = ""
        #: A request was made and its reply is not complete.
        self.awaiting = False
        #: What was wrong with the reply, and which deadline has passed: "reply" or "idle".
        self.violation: Violation | None = None
        self.timed_out = ""
        #: Called with the head of each request, as it is sent.
        self.on_head: Callable[[bytes], object] | None = None
        #: Called with each reply below 200, as it comes.
        self.on_interim: Callable[[Reply], object] | None = None
        #: Called when the manager is closing, instead of waiting for the reply.
        self.on_goodbye: Callable[[], object] | None = None
        self._c: Connection | None = None
        self._method = ""
        self._interim: list[Reply] | None = None
        self._sender: Sender | None = None
        #: A body that waits for 100 (Continue).
        self._content: Content | None = None
        self._cause: Exception | None = None
        self._timer: Timer | None = None
        self._waiting_to_send: Timer | None = None
        self._sent_at = 0.0
        self._answered = False
        self._upgrade = False
        self._open = False
        self._last = False
        self._dead = False
        self._raw = False
        self._first: dict[str, Any] | None = None
        if url is not None:
            self._first = first_request(self, url, extra)

    @staticmethod
    def ready(c: Connection) -> ClientProtocol:
        """The protocol for a connection that is established already."""
        protocol = ClientProtocol(None, None, {})
        protocol._attach(c)
        return protocol

    def _attach(self, c: Connection) -> None:
        self._c = c
        self._open = True

    # -- requests -----------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether a request can be made now."""
        return self.is_idle()

    def is_idle(self) -> bool:
        """As `idle`, for who asks often."""
        return self._open and not (self.awaiting or self._dead or self._raw or self._last)

    @property
    def answered(self) -> bool:
        """Whether anything has come since the last request."""
        return self._answered

    def request(
        self,
        method: str,
        target: str,
        headers: Headers | None = None,
        body: Any = None,
        *,
        length: int | None = None,
        expect_continue: bool = False,
        host: str | None = None,
        lines: bytes = b"",
    ) -> None:
        """Ask for something.

        ``body`` is bytes, str, a dict or list (sent as JSON), an open file, or an iterable of bytes
        that is asked for the next piece when there is room for it; see `content_of`.
        ``expect_continue`` sends it when the server agrees to take it. ``lines`` are more field
        lines, ready-made, each with its CRLF. ``host`` replaces the URL's as Host; "" is for when
        ``lines`` have one.

        Raises RuntimeError when a request is under way or the connection is closing, and ValueError
        or TypeError for what cannot be sent.
        """
        c = self._c
        if c is None or not self.idle or c._flags & CLOSE_IMMEDIATELY:
            raise RuntimeError("no request can be made: not connected, or one is under way")
        if not _METHOD.fullmatch(method):
            raise ValueError(f"bad method {method!r}")
        if not _TARGET.fullmatch(target):
            raise ValueError(f"bad target {target!r}")
        upgrade = False
        if headers is not None:
            from .fields import lines_of, names_of, pairs_of

            pairs = pairs_of(headers)
            names = names_of(pairs)
            lines = lines_of(pairs) + lines
            if host is None and "host" in names:
                host = ""
            upgrade = "upgrade" in names
        else:
            names = None
        if host is None:
            host = self.host
        head = f"{method} {target} HTTP/1.1\r\n"
        if host:
            head += f"Host: {host}\r\n"
        content: Content | None = None
        data = b""
        if type(body) is bytes:
            data = body
        elif body is not None:
            from .content import Content, content_of

            content = body if isinstance(body, Content) else content_of(body, length)
            if content.data is not None:
                data = content.data
            if content.kind and (names is None or "content-type" not in names):
                lines += f"Content-Type: {content.kind}\r\n".encode("latin-1")
        if content is not None and content.data is None:
            if content.length < 0:
                lines += b"Transfer-Encoding: chunked\r\n"
            else:
                lines += b"Content-Length: %d\r\n" % content.length
        else:
            content = None
            if data or method in _WITH_BODY:
                lines += b"Content-Length: %d\r\n" % len(data)
        waits = expect_continue and (bool(data) or content is not None)
        if waits:
            if content is None:
                from .content import content_of

                content = content_of(data)
                data = b""
            lines += b"Expect: 100-continue\r\n"
        if self.on_head is not None:
            self.on_head(b"%b%b\r\n" % (head.encode("latin-1"), lines))
        self.ask(c, method, b"%b%b\r\n" % (head.encode("latin-1"), lines), data, upgrade)
        if waits:
            self._content = content
            self._waiting_to_send = c.call_later(self.options.continue_timeout, self._proceed)
        elif content is not None:
            self._begin_upload(c, content)

    def ask(self, c: Connection, method: str, head: bytes, data: bytes, upgrade: bool) -> None:
        """Make a request whose head is ready-made and framed, with a body that is at hand.

        What follows of a longer body is sent with `upload`.
        """
        self._method = method
        self._upgrade = upgrade
        self._interim = None
        self._answered = False
        self.timed_out = ""
        self.awaiting = True
        if len(data) <= _TOGETHER:
            c.send(head + data if data else head)
        else:
            c.send(head)
            c.send(data)
        self._sent_at = c.mgr._now
        self._deadline(c, min(self.reply_timeout, self.idle_timeout))

    def upload(self, c: Connection, sender: Any) -> None:
        """Send a body with ``sender``: its ``pump(c)`` is called now and whenever something has
        left, until it says that this was all; then its ``close()``."""
        self._sender = sender
        self.wants = _WANTS_SEND
        c._remask()
        self._upload(c)

    def _proceed(self) -> None:
        """Send the body that waited for 100 (Continue)."""
        content, self._content = self._content, None
        timer, self._waiting_to_send = self._waiting_to_send, None
        if timer is not None:
            timer.cancel()
        if content is not None and self._c is not None:
            self._begin_upload(self._c, content)

    def _begin_upload(self, c: Connection, content: Content) -> None:
        if content.data is not None:
            c.send(content.data)
            return
        try:
            if content.fd >= 0 or content.path:
                file = content.path or os.dup(content.fd)
                c.send_file(file, content.offset, content.length)
                return
            from .content import Sender

            sender = Sender(content)
        except Exception as e:
            self._fail_upload(c, e)
            return
        self.upload(c, sender)

    def _upload(self, c: Connection) -> None:
        """Send more of the body, if there is room."""
        sender = self._sender
        if sender is None:
            return
        try:
            done = sender.pump(c)
        except Exception as e:
            self._fail_upload(c, e)
            return
        if done:
            self._end_upload(c)

    def _end_upload(self, c: Connection) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            self._sent_at = c.mgr._now
            self.wants = _WANTS
            c._remask()
            sender.close()

    def _fail_upload(self, c: Connection, cause: Exception) -> None:
        self._cause = cause
        self._give_up(c, f"the body of the request: {cause}")

    def _give_up(self, c: Connection, why: str) -> None:
        if not c.error:
            c.error = why
        self._dead = True
        c.close()

    # -- events -------------------------------------------------------------------------------

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        if ev == CLOSE:
            self._end(c)
        elif ev == RECV:
            self._answered = True
        elif ev == CONNECT and data == 0:
            self._attach(c)
        if (c._wants >> ev) & 1:  # a core event's number is its bit
            c.emit(ev, data)
        if ev == RECV:
            if self._raw:
                return
            if self.awaiting:
                self.read(c)
            elif c._recv and not self._dead:
                self.violated(c, _UNASKED)
        elif ev == SEND:
            self._upload(c)
        elif ev == CONNECT and self._first is not None:
            first, self._first = self._first, None
            if data == 0 and self.idle:
                self.request(**first)

    def begin(self, c: Connection, buf: bytearray, start: int, end: int) -> int:
        reply = new_reply(c, self._method)
        self.message = reply
        fault = reply.parse_reply(buf, start, end, self.max_fields)
        if fault:
            return -fault
        status = reply.status
        if self._interim is not None and (status >= 200 or status == 101):
            reply.interim = self._interim
            self._interim = None
        if status < 200 or status == 204 or status == 304 or self._method == "HEAD":
            return _NO_BODY
        if status < 300 and self._method == "CONNECT":
            return _NO_BODY
        if reply.chunked:
            return _CHUNKED
        if reply.content_length > 0:
            return _COUNTED
        return _NO_BODY if reply.content_length == 0 else _UNTIL_CLOSE

    def body_begun(self, c: Connection) -> None:
        reply: Any = self.message
        if self.state == _COUNTED and not c.wants(_HTTP_CHUNK):
            if reply.content_length > self.body_limit:
                self.violate(c, v.BODY_TOO_LARGE, f"the body is over {self.body_limit} bytes")
            else:
                self.whole = reply.content_length < c.recv_mbuf_limit
        elif self.state == _UNTIL_CLOSE:
            self._last = True

    def completed(self, c: Connection) -> None:
        reply: Any = self.message
        if reply.status < 200 and not self._switched(c, reply):
            return
        self.awaiting = False
        if self.body is not None:
            c.account(0)
        self.message = self.body = None
        if self._method == "CONNECT" and reply.status < 300:
            self._raw = True
        if self._raw:
            self._stop_timer()
            rest = len(c._recv)
            self.replied(c, reply)
            if rest and c._protocol is self:
                c.emit(RECV, rest)
            return
        if not reply.keep_alive or self._sender is not None or self._content is not None:
            self._last = True
        elif c._recv or c._unsent() > 0:
            # Bytes that nobody has asked for yet: whose reply would they become? Or a request that
            # was answered before it was read: the next one would have to wait for the rest of it.
            self._last = True
        if self._last:
            self._dead = True
            self._stop_timer()
            self.replied(c, reply)
            c.close()
            return
        self.state = _IDLE
        self.replied(c, reply)

    def replied(self, c: Connection, reply: Any) -> None:
        """A reply is complete: the handler gets it."""
        c.emit(_HTTP_REPLY, reply)

    def _switched(self, c: Connection, reply: Reply) -> bool:
        """A reply below 200: whether it is the last one."""
        if reply.status == 101:
            if not self._upgrade:
                self.violated(c, _SWITCHED)
                return False
            self._raw = True
            return True
        if self._interim is None:
            self._interim = []
        self._interim.append(reply)
        if len(self._interim) > self.options.max_interim:
            self.violated(c, _INTERIM)
            return False
        self.state = _IDLE
        if reply.status == 100:
            self._proceed()
        if self.on_interim is not None:
            self.on_interim(reply)
        return False

    def violated(self, c: Connection, violation: Violation) -> None:
        self.violation = violation
        self._give_up(c, f"bad reply: {violation.text} ({violation.name})")

    def ended(self, c: Connection) -> bool:
        if self._raw or self._dead or not self.awaiting:
            return False
        if self.state == _UNTIL_CLOSE:
            Reader.ended(self, c)
        elif self._answered:
            self.violated(c, VIOLATIONS[v.TRUNCATED])
        else:
            self._give_up(c, "the server closed the connection without a reply")
        return False

    def goodbye(self, c: Connection) -> None:
        """The manager is closing: the reply that is awaited may still come."""
        self._last = True
        if self.on_goodbye is not None:
            self.on_goodbye()
        if not self.awaiting:
            c.close_after_send()

    # -- deadlines ----------------------------------------------------------------------------

    def _deadline(self, c: Connection, seconds: float) -> None:
        """Look at the deadlines in so many seconds, or before."""
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
        if not self.awaiting or c.closed:
            return
        now = c.mgr.monotonic()
        phase = "idle"
        left = c._last_io + self.idle_timeout - now
        if self._sender is not None or self._content is not None or c._unsent() > 0:
            self._sent_at = now
        elif self.body is None:
            phase = "reply"
            left = self._sent_at + self.reply_timeout - now
        elif self.body.paused is not None:
            left = self.idle_timeout  # it is our side that does not go on
        if left > 0:
            self._deadline(c, left)
            return
        self.timed_out = phase
        if phase == "reply":
            self._give_up(c, f"no reply within {self.reply_timeout:g} s")
        else:
            self._give_up(c, f"nothing came or went for {self.idle_timeout:g} s")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- the end ------------------------------------------------------------------------------

    def _end(self, c: Connection) -> None:
        self._stop_timer()
        self._open = False
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()
        self._content = None
        self._c = None
        self._first = None
        self.on_interim = None
        if self.awaiting and not c.error:
            c.error = "closed before the reply was complete"

    def failure(self, error: str) -> FetchError:
        """Why there was no reply, ``error`` being what the connection says."""
        from . import errors

        if self.timed_out:
            limit = self.reply_timeout if self.timed_out == "reply" else self.idle_timeout
            return errors.TimedOutError(self.timed_out, limit)
        if self._cause is not None:
            failure: FetchError = errors.BodyError(error)
            failure.__cause__ = self._cause
            return failure
        if self.violation is None:
            return errors.TruncatedError(error or "the connection was closed", "no-reply")
        name = self.violation.name
        if name == "body-too-large":
            return errors.TooLargeError(error)
        if name == "truncated":
            return errors.TruncatedError(error, name)
        return errors.ProtocolError(error, name)


def first_request(protocol: ClientProtocol, url: Url, extra: dict[str, Any]) -> Any:
    """What is asked when the connection is established, or None. Raises what is wrong with it."""
    from .urls import authority_of, target_of

    first: dict[str, Any] = {
        "headers": None,
        "body": None,
        "length": None,
        "expect_continue": False,
    }
    method = extra.pop("method", "GET")
    target = extra.pop("target", None) or target_of(url.target)
    for name in first:
        first[name] = extra.pop(name, first[name])
    if extra:
        known = ", ".join(sorted({"method", "target", *first}))
        raise TypeError(f"connect() has no option {min(extra)!r}; HTTP adds {known}")
    protocol.host = authority_of(url.scheme, url.host, url.port)
    if method is None:
        return None
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        raise ValueError(f"bad method {method!r} or target {target!r}")
    from .fields import names_of, pairs_of

    pairs = pairs_of(first["headers"])
    if url.userinfo and "authorization" not in names_of(pairs):
        from .auth import basic
        from .urls import credentials_of

        pairs.append(("Authorization", basic(*credentials_of(url.userinfo))))
    if first["body"] is not None:
        from .content import content_of

        first["body"] = content_of(first["body"], first["length"])
    return {**first, "headers": pairs, "method": method, "target": target}
