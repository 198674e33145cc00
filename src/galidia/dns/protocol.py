"""DNS on a connection: a datagram is a message, a stream has each one's length before it.

The handler gets ``DNS_MESSAGE`` with the `Message`. A server's sees queries of one question only:
what is no query gets no answer, so that two servers cannot keep each other busy, and what is wrong
with a query is answered here (RFC 1035 4.1.1, RFC 6891 6.1.3, RFC 9619). A client's sees whatever
can be decoded; what cannot is dropped, and ends a TCP connection. Over TCP any number of queries
may be under way, and their answers come in any order (RFC 7766 6.2.1, 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.address import AddressError, Url
from ..core.events import Event, mask_of
from ..core.protocol import Protocol
from .message import PLAIN_UDP, Message
from .numbers import Rcode
from .options import DnsOptions
from .responder import Responder, refusal
from .wire import FormatError

if TYPE_CHECKING:
    from ..core.connection import Connection

if not cython.compiled:
    from ..core.bits import ACCEPT, CLOSE_IMMEDIATELY, RECV, SEND_AND_CLOSE, UDP
    from ..core.mbuf import discard

_DNS_MESSAGE = int(Event.DNS_MESSAGE)
_WANTS = mask_of(Event.ACCEPT, Event.RECV)
_LONGEST = 65535
#: Bytes of the shortest message, which is but a header.
_HEADER = 12


class DnsProtocol(Protocol):
    """What both sides have in common: finding the messages in what came."""

    __slots__ = ("malformed", "options")

    def __init__(self, options: object = None) -> None:
        if options is None:
            options = DnsOptions()
        elif not isinstance(options, DnsOptions):
            raise TypeError(f"options= of a DNS connection is a DnsOptions, not {options!r}")
        Protocol.__init__(self, _WANTS)
        self.options = options
        #: Messages that could not be decoded.
        self.malformed = 0

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        c.emit(ev, data)
        if ev == RECV:
            if c._flags & UDP:
                self.received(c, bytes(c._recv))
            else:
                self._read(c)
        elif ev == ACCEPT and not c._flags & UDP:
            self.accepted(c)

    def _read(self, c: Connection) -> None:
        """Take the messages off a stream."""
        buf = c._recv
        have = len(buf)
        at = 0
        found = []
        while have - at >= 2:
            n = buf[at] << 8 | buf[at + 1]
            if have - at - 2 < n:
                break
            at += 2 + n
            found.append(bytes(buf[at - n : at]))
        if at:
            c._recv = discard(c._recv, at)
        for data in found:
            if not c._flags & (CLOSE_IMMEDIATELY | SEND_AND_CLOSE):
                self.received(c, data)

    def received(self, c: Connection, data: bytes) -> None:
        """A message came, undecoded."""
        raise NotImplementedError

    def accepted(self, c: Connection) -> None:
        """A stream was accepted."""

    def _broken(self, c: Connection, why: str) -> None:
        """What came is no message: a stream cannot go on, a datagram is forgotten."""
        self.malformed += 1
        if not c._flags & UDP:
            c.error = why
            c.close()


class ServerProtocol(DnsProtocol):
    """The server's side; of a listener, of an accepted connection or of a UDP peer."""

    __slots__ = ("_handler", "_last", "_responder", "_udp_payload")

    def __init__(self, options: object = None) -> None:
        DnsProtocol.__init__(self, options)
        #: The handler that was looked at, and the zone that it is.
        self._handler: Any = None
        self._responder: Responder | None = None
        self._last = 0.0
        self._udp_payload: int = self.options.udp_payload

    def child(self) -> Protocol:
        return ServerProtocol(self.options)

    def responds(self, c: Connection) -> bool:
        handler = c._handler
        if handler is not self._handler:
            self._handler = handler
            self._responder = handler if isinstance(handler, Responder) else None
        return self._responder is not None

    def respond(self, datagram: bytes) -> bytes:
        assert self._responder is not None
        return self._responder.respond(datagram, self._udp_payload, True)

    def received(self, c: Connection, data: bytes) -> None:
        self._last = c.mgr._now
        udp = c._flags & UDP != 0
        limit = self._udp_payload if udp else _LONGEST
        if len(data) < _HEADER:
            self._broken(c, "a message is shorter than its header")
            return
        if self.responds(c):
            assert self._responder is not None
            _send(c, self._responder.respond(data, limit, udp))
            return
        answer = refusal(data)
        if answer is not None:
            _send(c, answer)
            return
        try:
            message = Message.decode(data)
        except FormatError:
            self.malformed += 1
            _send(c, refusal(data, Rcode.FORMERR))
            return
        message.connection = c
        opt = message.opt
        if udp:
            message.limit = min(limit, max(PLAIN_UDP, opt.payload_size if opt is not None else 0))
        if len(message.questions) != 1:
            _send(c, refusal(data, Rcode.FORMERR))
        elif opt is not None and opt.version:
            message.reply(Rcode.BADVERS).send()
        else:
            c.emit(_DNS_MESSAGE, message)

    def accepted(self, c: Connection) -> None:
        self._last = c.mgr._now
        c.call_later(self.options.idle_timeout, self._look, c)

    def _look(self, c: Connection) -> None:
        """Whether it was idle for too long."""
        left = self._last + self.options.idle_timeout - c.mgr._now
        if left > 0:
            c.call_later(left, self._look, c)
        else:
            c.close_after_send()


class ClientProtocol(DnsProtocol):
    """The client's side."""

    __slots__ = ()

    def __init__(self, options: object, url: Url | None, extra: dict[str, Any]) -> None:
        if extra:
            raise TypeError(f"connect() has no option {next(iter(extra))!r} for DNS")
        if url is not None and (url.target or url.userinfo):
            raise AddressError(f"{url}: a {url.scheme} address is a host and a port")
        DnsProtocol.__init__(self, options)

    def child(self) -> Protocol:
        return ClientProtocol(self.options, None, {})

    def received(self, c: Connection, data: bytes) -> None:
        try:
            message = Message.decode(data)
        except FormatError as e:
            self._broken(c, f"the server sent no DNS message: {e}")
            return
        message.connection = c
        c.emit(_DNS_MESSAGE, message)


def _send(c: Connection, data: bytes | None) -> None:
    if data:
        c.send(data if c._flags & UDP else len(data).to_bytes(2, "big") + data)
