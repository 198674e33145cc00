"""One connection: buffers, flags, events, timers, limits.

What all kinds have in common stands here: listeners, streams, datagrams, timers. Nothing in this
module touches a socket. A connection that has something to do joins the manager's dirty list
(`_mark`), and the manager calls its `_service` in the same poll.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .address import NOWHERE, Address
from .events import BITS, Event, Flag
from .handler import HandlerFunction, nobody, wanted
from .poller import Watcher

if TYPE_CHECKING:
    from .file import OpenFile
    from .manager import Manager
    from .protocol import Protocol
    from .timers import Timer

if not cython.compiled:
    from .bits import (
        CLOSE,
        CLOSE_IMMEDIATELY,
        CONGESTED,
        DRAINED,
        LISTENING,
        NUMBERS,
        OTHER,
        POLL,
        RECV_AND_CLOSE,
        SCRATCH,
        SEND_AND_CLOSE,
        SETTABLE,
        TIMER,
        UDP,
    )
    from .mbuf import extend, put

    current_thread = threading.get_ident
else:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.pythread import (  # type: ignore[no-redef]
        PyThread_get_thread_ident as current_thread,
    )

logger = logging.getLogger("galidia")

#: Bytes of input that wait for the handler before the connection stops reading.
RECV_MBUF_LIMIT = 3 << 20
#: Bytes of output that wait for the peer before the connection is congested.
SEND_MBUF_LIMIT = 16 << 20
#: Seconds without progress after which a connection that is closing is closed as it is.
CLOSE_TIMEOUT = 30.0
#: What can be done about congestion.
POLICIES = ("close", "drop_oldest", "pause_source")

# Event number -> the member that handlers get, and the number's bit in an interest mask.
_MEMBERS: list[Any] = list(range(1024))
for _ev in Event:
    _MEMBERS[_ev] = _ev
_SHIFT = bytes([BITS.get(i, 63) for i in range(1024)])


class Connection(Watcher):
    """A listener, an inbound or outbound connection, or a timer; made by a `Manager`.

    ``user_data`` is the user's; ``error`` says in words why the connection failed or closed, if it
    did; ``recv_mbuf_limit`` and ``send_mbuf_limit`` are in bytes, ``close_timeout`` in seconds.
    ``listener`` is the listener that accepted it, or None.
    """

    __slots__ = (
        "__weakref__",
        "_aborted",
        "_charged",
        "_close_timer",
        "_closed",
        "_congested",
        "_direct",
        "_dirty",
        "_flags",
        "_handler",
        "_held",
        "_holds",
        "_last_io",
        "_mask",
        "_messages",
        "_opened",
        "_over_limit",
        "_owed",
        "_paused",
        "_policy",
        "_protocol",
        "_recv",
        "_send",
        "_source",
        "_timer",
        "_timer_value",
        "_timers",
        "_wants",
        "close_timeout",
        "error",
        "id",
        "listener",
        "mgr",
        "recv_mbuf_limit",
        "send_mbuf_limit",
        "user_data",
    )

    def __init__(self, mgr: Manager, handler: HandlerFunction | None, flags: int = 0) -> None:
        self._set_up(mgr, handler, flags)

    def _set_up(self, mgr: Manager, handler: HandlerFunction | None, flags: int) -> None:
        """For `__init__` of the kinds: compiled, a call that costs less."""
        self.mgr = mgr
        if handler is None:
            handler = nobody
        elif not callable(handler):
            raise TypeError(f"a handler is a callable (c, ev, data), not {handler!r}")
        self.id: int = self.mgr._register(self)
        self.listener: Connection | None = None
        self.user_data: Any = None
        self.error = ""
        self.close_timeout = CLOSE_TIMEOUT
        self.recv_mbuf_limit = RECV_MBUF_LIMIT
        self.send_mbuf_limit = SEND_MBUF_LIMIT
        self._recv = bytearray()
        self._send = bytearray()
        self._flags = flags
        self._dirty = False
        self._opened = False
        self._closed = False
        self._aborted = False
        self._paused = False
        self._over_limit = False
        self._congested = False
        self._direct = False
        self._holds = 0
        self._charged = 0
        self._held = 0
        self._last_io = self.mgr._now
        self._timer: Timer | None = None
        self._timer_value = 0.0
        self._close_timer: Timer | None = None
        self._timers: set[Timer] | None = None
        self._policy = "close"
        self._source: Connection | None = None
        self._messages: deque[int] | None = None
        self._protocol: Protocol | None = None
        #: Handlers of a part of this connection, which are told of its end.
        self._owed: dict[int, tuple[Any, int]] | None = None
        self._handler: Any = handler
        self._wants = wanted(handler)
        self._mask = 0
        self._remask()

    # -- what the handler sees ----------------------------------------------------------------

    @property
    def recv_mbuf(self) -> bytearray:
        """What was received and not discarded yet: ``del c.recv_mbuf[:n]`` when processed."""
        if self._paused:
            self._mark()  # whoever looks at a full buffer may make room in it
        return self._recv

    @recv_mbuf.setter
    def recv_mbuf(self, value: bytearray) -> None:
        self._recv = _a_bytearray("recv_mbuf", value)
        self._mark()

    @property
    def send_mbuf(self) -> bytearray:
        """What waits to be sent. Appending to it is as good as `send`; fetch it anew each time."""
        if self._direct:
            self._spill()
        self._mark()
        return self._send

    @send_mbuf.setter
    def send_mbuf(self, value: bytearray) -> None:
        value = _a_bytearray("send_mbuf", value)
        if self._direct:
            self._spill()
        self._send = value
        self._mark()

    @property
    def flags(self) -> int:
        """`Flag` bits. Assigning changes those a handler may change and leaves the others."""
        return self._flags

    @flags.setter
    def flags(self, value: int) -> None:
        self.mgr._check_thread()
        self._flags = (self._flags & ~SETTABLE) | (value & SETTABLE)
        self._mark()

    @property
    def handler(self) -> HandlerFunction:
        """The function that is called with this connection's events."""
        handler: HandlerFunction = self._handler
        return handler

    @handler.setter
    def handler(self, handler: HandlerFunction) -> None:
        if not callable(handler):
            raise TypeError(f"a handler is a callable (c, ev, data), not {handler!r}")
        self._handler = handler
        self._wants = wanted(handler)
        self._remask()

    @property
    def protocol(self) -> Protocol | None:
        """The protocol in front of the handler, or None."""
        return self._protocol

    @protocol.setter
    def protocol(self, protocol: Protocol | None) -> None:
        self._protocol = protocol
        self._remask()

    @property
    def closed(self) -> bool:
        """Whether ``CLOSE`` has come."""
        return self._closed

    @property
    def closing(self) -> bool:
        """Whether it is closed or going to be: what is queued now may not be sent."""
        return self._closed or self._flags & (SEND_AND_CLOSE | CLOSE_IMMEDIATELY) != 0

    @property
    def peer(self) -> Address:
        """The other end's address; ``Address("")`` when there is none."""
        return NOWHERE

    @property
    def local(self) -> Address:
        """This end's address; of a listener, the one it is bound to, with the real port."""
        return NOWHERE

    @property
    def last_io_time(self) -> float:
        """UNIX time of the last read or write."""
        mgr = self.mgr
        return mgr.time() - (mgr.monotonic() - self._last_io)

    @property
    def tls(self) -> Any:
        """The `ssl.SSLObject` of the connection: certificate, cipher, protocol; else None."""
        return None

    @property
    def children(self) -> int:
        """Of a listener: how many connections it has accepted that are open."""
        return 0

    @property
    def companion(self) -> Connection | None:
        """Of a listener whose address has two transports: the listener of the second. It has this
        one as its ``listener``, goes by its handler, options and ``user_data``, and closes with it.
        """
        return None

    @property
    def refused(self) -> int:
        """Of a listener: how many its ``acl`` and ``max_per_address`` have turned away."""
        return 0

    @property
    def drops(self) -> int:
        """Datagrams lost on this side: by the kernel for want of room, or refused by the engine."""
        return 0

    def fileno(self) -> int:
        """The descriptor, or -1."""
        return -1

    def socket(self) -> Any:
        """A socket object of the same socket, for its options; the caller closes it.

        Raises OSError when there is none (yet, or any more).
        """
        raise OSError(errno.ENOTCONN, "this connection has no socket")

    # -- output -------------------------------------------------------------------------------

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes to ``send_mbuf``; `Manager.poll` writes them. On a closed one, nothing.

        A send that finds more than ``send_mbuf_limit`` bytes waiting makes the connection
        congested; see `congestion`. Raises TypeError for text.
        """
        mgr = self.mgr
        if mgr._thread != current_thread() and mgr._thread != 0:
            mgr._wrong_thread()
        if self._closed or self._flags & CLOSE_IMMEDIATELY:
            return
        if type(data) is not bytes and type(data) is not bytearray:
            data = _as_bytes(data)
        if self._direct:
            used = mgr._out_used
            if used < self.send_mbuf_limit:
                used = put(mgr._out, used, data)
                if used >= 0:
                    mgr._out_used = used
                    return
            self._spill()
        if (
            self._messages is not None
            or len(self._send) >= self.send_mbuf_limit
            or mgr._buffered * 2 > mgr.memory_limit
        ) and not self._accepts(len(data)):
            return
        self._send = extend(self._send, data)
        if not self._dirty:  # `_mark`, without the call
            self._dirty = True
            if mgr._current is not self:
                mgr._add_dirty(self)

    def _spill(self) -> None:
        """What was to be written from the manager's buffer waits in ``send_mbuf`` instead."""
        self._direct = False
        mgr = self.mgr
        used = mgr._out_used
        if used > 0:
            self._send = extend(self._send, mgr._out[:used])
            mgr._out_used = 0
            if not cython.compiled:
                mgr._out.clear()
            self._mark()

    def ws_send(
        self, data: str | bytes | bytearray | memoryview, opcode: int | None = None
    ) -> None:
        """Send a WebSocket message: text for str, binary for bytes. On a closed one, nothing.

        ``opcode`` sends another kind of frame (`galidia.websocket`): a ping, or with ``DONT_FIN``
        one that others follow. Raises TypeError on a connection that has no messages, RuntimeError
        before the handshake is done, ValueError for what no frame can say.
        """
        self.mgr._check_thread()
        protocol = self._protocol
        if protocol is not None:
            protocol.send_message(self, data, opcode)
        elif not self._closed:
            raise TypeError("messages are of a protocol, and this connection has none")

    def ws_close(self, code: int = 1000, reason: str = "") -> None:
        """Close a WebSocket connection: say why, wait for the peer's answer, then close.

        Raises as `ws_send`, and ValueError for a code that must not be sent (RFC 6455 7.4) or a
        reason over 123 bytes.
        """
        self.mgr._check_thread()
        protocol = self._protocol
        if protocol is not None:
            protocol.close_message(self, code, reason)
        elif not self._closed:
            raise TypeError("messages are of a protocol, and this connection has none")

    def send_file(
        self,
        file: int | str | os.PathLike[str] | OpenFile,
        offset: int = 0,
        count: int | None = None,
    ) -> None:
        """Queue part of a file behind what ``send_mbuf`` holds; it goes out with sendfile.

        ``file`` is a path, or a descriptor, which is closed when done, or an `OpenFile`, which
        others may be sending too. ``count`` defaults to the rest of the file. Raises OSError when
        the file cannot be opened, and TypeError on what is not a stream.
        """
        raise TypeError("a file can be sent on a stream connection only")

    def forward(self, to: Connection) -> None:
        """Move all of ``recv_mbuf`` into another connection's ``send_mbuf``."""
        to.send(self._recv)
        del self.recv_mbuf[:]

    def endpoint(self, pattern: str, handler: HandlerFunction, **options: Any) -> None:
        """Of a listener: have one resource handled by a handler of its own.

        What a pattern is and which options there are, the protocol says (`galidia.http`). Raises
        TypeError where the protocol has no endpoints, and ValueError for a bad pattern.
        """
        if self._protocol is None:
            raise TypeError("endpoints are of a protocol, and this connection has none")
        self._protocol.endpoint(pattern, handler, **options)

    def reload_tls(self) -> None:
        """Of a TLS listener: read the certificate files anew, for connections from now on.

        Raises `ssl.SSLError` or OSError and keeps the old ones when they cannot be used.
        """
        raise ValueError("this is no listener that does TLS")

    # -- closing ------------------------------------------------------------------------------

    def close(self) -> None:
        """Close in this poll; what is not sent yet is dropped (``CLOSE_IMMEDIATELY``)."""
        self.mgr._check_thread()
        self._flags |= CLOSE_IMMEDIATELY
        self._mark()

    def close_after_send(self) -> None:
        """Close as soon as ``send_mbuf`` is empty (``SEND_AND_CLOSE``)."""
        self.mgr._check_thread()
        self._flags |= SEND_AND_CLOSE
        self._mark()

    def close_after_recv(self) -> None:
        """Send what waits, end the sending side, close when the peer ends (``RECV_AND_CLOSE``)."""
        self.mgr._check_thread()
        self._flags |= RECV_AND_CLOSE
        self._mark()

    def abort(self) -> None:
        """Close in this poll and let the peer know that it was cut off (a TCP reset)."""
        self._aborted = True
        self.close()

    # -- time ---------------------------------------------------------------------------------

    def set_timer(self, when: float) -> float:
        """Ask for one ``TIMER`` event at a UNIX time; 0 cancels. The time that was set, or 0.

        A time in the past is due in the next poll. Later steps of the wall clock do not matter.
        """
        mgr = self.mgr
        mgr._check_thread()
        old = self._timer_value
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_value = 0.0
        if when > 0 and not self._closed:
            self._timer_value = when
            self._timer = mgr._add_timer(when - mgr.time(), 0.0, self._on_timer, (), None)
        return old

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call ``callback(*args)`` once after ``delay`` seconds, unless closed before."""
        self.mgr._check_thread()
        return self._own(self.mgr._add_timer(delay, 0.0, callback, args, self))

    def call_every(self, interval: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call ``callback(*args)`` every ``interval`` seconds until closed."""
        self.mgr._check_thread()
        if interval <= 0:
            raise ValueError(f"interval must be over 0 seconds, not {interval!r}")
        return self._own(self.mgr._add_timer(interval, interval, callback, args, self))

    def _own(self, timer: Timer) -> Timer:
        if self._closed:
            timer.cancel()
            return timer
        if self._timers is None:
            self._timers = set()
        self._timers.add(timer)
        return timer

    def _on_timer(self) -> None:
        self._timer = None
        if self._opened and not self._closed:
            value, self._timer_value = self._timer_value, 0.0
            self._dispatch(TIMER, value)

    # -- congestion ---------------------------------------------------------------------------

    @property
    def congestion(self) -> str:
        """What happens when more than ``send_mbuf_limit`` bytes wait: a policy.

        ``"close"`` closes the connection after ``CONGESTED``. ``"drop_oldest"`` drops the oldest
        messages, one message being what one `send` was given. ``"pause_source"`` stops reading
        from `source` until ``DRAINED``. Past twice the limit every policy but ``"drop_oldest"``
        closes.
        """
        return self._policy

    @congestion.setter
    def congestion(self, policy: str) -> None:
        if policy not in POLICIES:
            raise ValueError(f"congestion is one of {', '.join(POLICIES)}; not {policy!r}")
        if self._congested and "pause_source" in (policy, self._policy) and policy != self._policy:
            self.source._hold(1 if policy == "pause_source" else -1)
        self._policy = policy
        if self._direct:
            self._spill()
        if not self._flags & UDP:  # there the boundaries are kept anyway
            self._messages = None
            if policy == "drop_oldest":
                self._messages = deque([len(self._send)] if self._send else [])

    @property
    def source(self) -> Connection:
        """Where the output comes from, for ``"pause_source"``: by default the connection itself."""
        return self if self._source is None else self._source

    @source.setter
    def source(self, source: Connection | None) -> None:
        if self._congested and self._policy == "pause_source":
            self.source._hold(-1)
            self._source = source
            self.source._hold(1)
        else:
            self._source = source

    def _accepts(self, n: int) -> bool:
        """Whether ``send_mbuf`` may take ``n`` more bytes."""
        waiting = len(self._send)
        if waiting >= self.send_mbuf_limit or (waiting and self.mgr._hog(self._charged)):
            self._over_limit = True
            self._mark()
            if self._policy == "drop_oldest":
                self._drop_oldest(n)
            elif waiting >= 2 * self.send_mbuf_limit:
                self._limit_close()
                return False
        if self._messages is not None:
            self._messages.append(n)
        return True

    def _limit_close(self) -> None:
        if not self._flags & CLOSE_IMMEDIATELY:
            self.error = f"the peer is too slow: {len(self._send)} bytes wait to be sent"
            logger.warning("%r: %s; closed", self, self.error)
            self._flags |= CLOSE_IMMEDIATELY
            self._aborted = True

    def _drop_oldest(self, n: int) -> None:
        """Drop down to half the limit, so that a byte is moved once; none that is partly sent."""
        messages = self._messages
        if messages is None:
            return
        room = self.send_mbuf_limit // 2 - n
        kept = 0
        if messages and messages[0] < 0:
            kept = -messages.popleft()
        dropped = 0
        while messages and len(self._send) - dropped > room:
            dropped += messages.popleft()
        if kept:
            messages.appendleft(-kept)
        if dropped:
            self._send = self._send[:kept] + self._send[kept + dropped :]

    def _sent(self, n: int) -> None:
        """``n`` bytes have left ``send_mbuf``: keep the message boundaries right."""
        messages = self._messages
        while messages and n > 0:
            size = abs(messages.popleft())
            if size > n:
                messages.appendleft(n - size)  # negative: the rest of one that is partly sent
            n -= size

    def _congestion(self) -> None:
        """Tell the handler of congestion and of its end, and do what the policy says."""
        waiting = len(self._send)
        if self._over_limit and not self._congested:
            self._congested = True
            if self._policy == "pause_source":
                self.source._hold(1)
            self._dispatch(CONGESTED, waiting)
            full = len(self._send) >= self.send_mbuf_limit or self.mgr._hog(self._charged)
            if self._policy == "close" and full:
                self._limit_close()
        elif self._congested and waiting * 2 <= self.send_mbuf_limit:
            self._over_limit = False
            self._congested = False
            if self._policy == "pause_source":
                self.source._hold(-1)
            self._dispatch(DRAINED, waiting)

    def _hold(self, change: int) -> None:
        """Count those who want this connection not to be read from."""
        self._holds += change
        if not self._closed:
            self._paused = True
            self._mark()

    def _charge(self) -> None:
        """Keep the manager's sum of buffered bytes."""
        total = len(self._recv) + len(self._send) + self._held
        if total != self._charged:
            self.mgr._buffered += total - self._charged
            self._charged = total

    def account(self, held: int) -> None:
        """Say how many bytes a protocol holds for this connection outside of its buffers."""
        if held != self._held and not self._closed:
            self._held = held
            self._charge()

    # -- events -------------------------------------------------------------------------------

    def emit(self, ev: int, data: Any) -> None:
        """Give an event to the handler, if it wants it; for protocols.

        An exception in the handler is logged and closes this connection, and nothing else.
        """
        shift = _SHIFT[ev] if 0 <= ev < NUMBERS else OTHER
        if not (self._wants >> shift) & 1:
            return
        if ev != POLL:
            self.mgr._count += 1
        try:
            self._handler(self, _MEMBERS[ev] if 0 <= ev < NUMBERS else ev, data)
        except Exception:
            self._failed(ev)

    def emit_to(self, handler: Any, wants: int, ev: int, data: Any) -> None:
        """Give an event to a handler of a part of this connection, if it is in the interest mask
        ``wants``; for protocols, and as `emit`."""
        if not (wants >> (_SHIFT[ev] if 0 <= ev < NUMBERS else OTHER)) & 1:
            return
        self.mgr._count += 1
        try:
            handler(self, _MEMBERS[ev] if 0 <= ev < NUMBERS else ev, data)
        except Exception:
            self._failed(ev)

    def owe_close(self, handler: Any, wants: int) -> None:
        """Have a handler of a part of this connection told of its end, once, if it is in its
        interest mask ``wants``; for protocols."""
        if not wants >> CLOSE & 1:
            return
        if self._owed is None:
            self._owed = {}
        if id(handler) not in self._owed:
            self._owed[id(handler)] = (handler, wants)

    def pay_close(self) -> None:
        """Tell those now; for protocols, when ``CLOSE`` has come."""
        owed, self._owed = self._owed, None
        if owed is not None:
            for handler, wants in owed.values():
                self.emit_to(handler, wants, CLOSE, None)

    def hand_over(self, handler: HandlerFunction) -> None:
        """Have another handler from here on; that of before gets ``CLOSE`` and nothing else. For
        protocols."""
        if self._handler is not nobody:
            self.owe_close(self._handler, self._wants)
        if self._owed is not None:
            self._owed.pop(id(handler), None)
        self.handler = handler

    def wants(self, ev: int) -> bool:
        """Whether the handler is called for an event; for protocols."""
        return (self._wants >> (_SHIFT[ev] if 0 <= ev < NUMBERS else OTHER)) & 1 != 0

    def _dispatch(self, ev: int, data: Any) -> None:
        """Give a core event to the protocol, or where there is none to the handler."""
        protocol = self._protocol  # which lives until it returns, whatever takes its place
        if protocol is None:
            self.emit(ev, data)
            return
        try:
            protocol.on_event(self, ev, data)
        except Exception:
            self._failed(ev)

    def _failed(self, ev: int) -> None:
        protocol = None if self._closed else self._protocol
        error = sys.exc_info()[1]
        if protocol is not None and protocol.forgives(self, error):
            return
        event = Event(ev).name if ev in BITS else ev
        logger.exception("%r: the handler failed on %s; connection closed", self, event)
        self.error = f"the handler failed on {event}"
        if protocol is not None and protocol.failed(self):
            return
        self._flags |= CLOSE_IMMEDIATELY
        self._mark()

    def _remask(self) -> None:
        mask = self._wants
        if self._protocol is not None:
            mask |= self._protocol.wants
        self._mask = mask
        if self._opened and not self._closed:
            self.mgr._listen_to_polls(self, bool(mask & 1))

    # -- for the manager and the kinds of connections -----------------------------------------

    def _mark(self) -> None:
        """Have `_service` called in this poll."""
        if not self._dirty and not self._closed:
            self._dirty = True
            if self.mgr._current is not self:
                self.mgr._add_dirty(self)

    def _open(self, ev: int, data: Any) -> None:
        """The first event: from now on the others may come."""
        self._opened = True
        if self._mask & 1:
            self.mgr._listen_to_polls(self, True)
        if ev >= 0:
            self._dispatch(ev, data)
        if self._timer_value and self._timer is None:
            self._on_timer()

    def _finish(self) -> None:
        """The end: give everything back, then ``CLOSE``, once."""
        if self._closed:
            return
        mgr = self.mgr
        self._closed = True
        try:
            self._release()
        except Exception:  # somebody closed the socket behind the engine's back
            logger.exception("%r: its socket could not be given back", self)
        if self._congested and self._policy == "pause_source":
            self.source._hold(-1)
        mgr._forget(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._close_timer is not None:
            self._close_timer.cancel()
        if self._timers is not None:
            for timer in self._timers:
                timer.cancel()
        mgr._buffered -= self._charged
        try:
            if self._opened:
                self._dispatch(CLOSE, None)
                if self._owed is not None:
                    self.pay_close()
        finally:
            # Whatever a handler keeps of a closed connection, it keeps no cycle with it.
            self._timer = self._close_timer = self._timers = None
            self._source = None
            self._handler = nobody
            self._wants = self._mask = 0
            self._protocol = None
            self._owed = None

    def _linger(self) -> None:
        """A deadline for a connection that is closing: cut it off when it makes no progress."""
        if self._close_timer is None:
            self._close_timer = self.mgr._add_timer(
                self.close_timeout,
                0.0,
                self._on_close_timeout,
                (self._unsent(), self._last_io),
                None,
            )

    def _on_close_timeout(self, unsent: int, last_io: float) -> None:
        self._close_timer = None
        if 0 < self._unsent() < unsent or (self._unsent() == 0 and self._last_io > last_io):
            self._linger()  # slow, but it moves
            return
        self.error = self.error or "closing took too long"
        self.abort()

    def _service(self) -> None:
        """Do what flags and buffers ask for."""
        if self._flags & (CLOSE_IMMEDIATELY | SEND_AND_CLOSE | RECV_AND_CLOSE):
            self._finish()

    def _timer_done(self, timer: Timer) -> None:
        """A timer of this connection has fired."""
        if self._timers is not None and not timer.active:
            self._timers.discard(timer)

    def _goodbye(self) -> None:
        """The manager is closing."""
        self.close()

    def _recover(self) -> None:
        """The poll was interrupted anywhere: look at everything again in the next one."""
        self._dirty = False
        if self._direct:
            self._spill()
        self._mark()

    def _finish_broken(self) -> None:
        """End it after a fault in the library."""
        if self._direct:
            self._spill()
        self.error = self.error or "internal error"
        self._flags |= CLOSE_IMMEDIATELY
        self._finish()

    def _child_gone(self, host: str) -> None:
        """A connection that this listener accepted from this host has ended."""

    def _release(self) -> None:
        """Give the socket back."""

    def _watch(self) -> None:
        """Tell the poller what this connection waits for."""

    def _unsent(self) -> int:
        """Bytes that are still to be sent."""
        return len(self._send)

    def __repr__(self) -> str:
        flags = self._flags
        kind = "inbound" if self.listener is not None else "outbound"
        if flags & LISTENING:
            kind = "listener"
        transport = "udp" if flags & UDP else "tls" if flags & int(Flag.SSL) else "stream"
        address = self.local if flags & LISTENING else self.peer
        state = " closed" if self._closed else ""
        return f"<Connection {self.id} {transport} {kind} {address}{state}>"


if cython.compiled:

    def room(c: Any, n: int) -> Any:
        # Where n bytes that are sent at once are to be put; NULL: `send` them instead.
        mgr = c.mgr
        if mgr._thread != current_thread() and mgr._thread != 0:
            mgr._wrong_thread()
        used = mgr._out_used
        if not c._direct or c._closed or c._flags & CLOSE_IMMEDIATELY:
            return cython.NULL
        if used >= c.send_mbuf_limit or n > SCRATCH - used:
            return cython.NULL
        mgr._out_used = used + n
        return PyByteArray_AS_STRING(mgr._out) + used


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, str):
        raise TypeError("send() takes bytes: encode text first, as in c.send(text.encode())")
    return bytes(memoryview(data))


def _a_bytearray(name: str, value: Any) -> bytearray:
    if type(value) is not bytearray:
        raise TypeError(f"{name} is a bytearray, not {type(value).__name__}")
    return value
