"""The manager: all connections, and the one place where anything happens.

One `poll` does, in this order: write what was queued since the last one; wait; run the calls of
other threads; fire timers; give ``POLL`` to those who listen to it; handle what is ready; write,
close and open what the handlers asked for. Nothing walks over all connections except ``POLL``, over
those that listen to it.
"""

from __future__ import annotations

import logging
import signal
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .address import Url, parse_address
from .events import Event
from .handler import HandlerFunction, nobody
from .network import Network
from .poller import Poller, Watcher
from .timers import Timer, Timers

if TYPE_CHECKING:
    from typing import Unpack

    from .connection import Connection
    from .options import BindOptions
    from .resolver import Lookup

if not cython.compiled:
    from .bits import POLL, READABLE, SCRATCH

    current_thread = threading.get_ident
else:
    from cython.cimports.cpython.pythread import PyThread_get_thread_ident as current_thread  # type: ignore[no-redef]

logger = logging.getLogger("galidia")

#: Bytes that all buffers of all connections together may hold.
MEMORY_LIMIT = 1 << 30
#: Connections that may be open at once, listeners and timers included.
MAX_CONNECTIONS = 100_000
#: Rounds of writing and closing in one poll; what goes on longer waits for the next one.
FLUSH_ROUNDS = 8
_ROUNDS = FLUSH_ROUNDS
#: Ready descriptors that are handled before what they queued for other connections is written: what
#: several of them send to one connection, as in a chat, leaves in one write.
TURN = 16
_TURN = TURN
#: Seconds until a listener that ran out of descriptors tries again, if none came free before.
ACCEPT_RETRY = 1.0
#: Seconds that closing the manager gives its connections to send what waits.
CLOSE_GRACE = 5.0

_live: weakref.WeakSet[Manager] = weakref.WeakSet()


class Manager:
    """Holds all active connections; `poll` does all the I/O and calls the handlers.

    A manager belongs to the thread that first polls it. From other threads only `broadcast`,
    `call_soon_threadsafe` and `stop` may be called; anything else raises RuntimeError.

    ``resolver`` finds the addresses of names: an object with `resolve` and `close`, or a function
    that makes one for this manager, such as `galidia.core.resolver.SystemResolver`. The default is
    the DNS client of `galidia.dns`.

    ``memory_limit`` is in bytes, over the buffers of all connections: past half of it, the
    connections that hold more than their share are not read from until they hold less.
    """

    __slots__ = (
        "__weakref__",
        "_buffered",
        "_calls",
        "_clock",
        "_close_grace",
        "_connections",
        "_contexts",
        "_count",
        "_current",
        "_dirty",
        "_done",
        "_host",
        "_next_id",
        "_now",
        "_out",
        "_out_used",
        "_polled",
        "_poller",
        "_polling",
        "_scratch",
        "_starved",
        "_stopped",
        "_table",
        "_thread",
        "_timers",
        "_tls_sessions",
        "_waiting_listeners",
        "_waker",
        "closed",
        "max_connections",
        "memory_limit",
        "network",
        "resolver",
        "user_data",
    )

    def __init__(
        self,
        *,
        user_data: Any = None,
        network: Network | None = None,
        resolver: Any = None,
        memory_limit: int = MEMORY_LIMIT,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.network = network if network is not None else Network()
        self.user_data = user_data
        self.closed = False
        self.memory_limit = memory_limit
        self.max_connections = max_connections
        self._timers = Timers()
        self._connections: dict[int, Connection] = {}
        self._table: list[Watcher | None] = []
        self._dirty: list[Connection] = []
        self._done: list[Connection] = []  # what `_dirty` was before, to be used again
        self._polled: dict[Connection, None] = {}
        self._starved: dict[Connection, None] = {}
        self._waiting_listeners: list[Connection] = []
        self._scratch = bytearray(SCRATCH)
        #: What the connection that is being served writes at once, see `Stream._write_direct`.
        self._out = bytearray(SCRATCH if cython.compiled else 0)
        self._out_used = 0
        self._clock = self.network.monotonic
        self._now: float = self._clock()
        self._count = 0
        #: Who is being told that it is ready; it serves itself afterwards.
        self._current: Watcher | None = None
        self._next_id = 0
        self._buffered = 0
        self._thread = 0
        self._polling = False
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._host: Callable[[], object] | None = None
        self._stopped = False
        self._close_grace: float | None = None
        self._tls_sessions: dict[Any, Any] = {}
        self._contexts: dict[Any, Any] = {}
        self._poller: Poller = self.network.poller()
        self._waker: Any = None
        self._waker = self.network.waker()
        self._attach(self._waker.fd, self._waker)
        self._poller.set(self._waker.fd, 0, READABLE)
        if resolver is None:
            resolver = self.network.resolver(self)
        elif callable(resolver):
            resolver = resolver(self)
        self.resolver = resolver
        _live.add(self)

    # -- making connections -------------------------------------------------------------------

    def bind(
        self,
        address: str,
        handler: HandlerFunction | None = None,
        **options: Unpack[BindOptions],
    ) -> Connection:
        """Listen on an address; what connects gets ``handler``, protocol and ``user_data``.

        The options are those of `BindOptions`. Raises OSError when the address cannot be had,
        AddressError (a ValueError) when it cannot be understood, ValueError or TypeError for an
        option and `ssl.SSLError` for a certificate that cannot be used.
        """
        from .bind import bind

        self._check_open()
        listener: Connection = bind(self, self._parse(address, False), handler, dict(options))
        return listener

    def connect(
        self,
        address: str,
        handler: HandlerFunction | None = None,
        **options: Any,
    ) -> Connection:
        """Connect to an address; returns at once, and ``CONNECT`` tells how it went.

        The options are those of `ConnectOptions` and those of the scheme's protocol. Raises as
        `bind` does for what the caller wrote, never for the network. What is sent before
        ``CONNECT`` waits for it.
        """
        from .dial import connect

        self._check_open()
        c: Connection = connect(self, self._parse(address, True), handler, options)
        return c

    def adopt(
        self, sock: Any, handler: HandlerFunction | None = None, **options: Any
    ) -> Connection:
        """Take over a connected stream or datagram socket, the descriptor of a pipe's end, or None
        for a connection that only has timers. It is open at once: no ``ACCEPT`` and no ``CONNECT``
        will come.

        Options: those of `BindOptions` that are about a connection.
        """
        from .bind import adopt

        self._check_open()
        return adopt(self, sock, handler, options)

    def socketpair(
        self, first: HandlerFunction | None = None, second: HandlerFunction | None = None
    ) -> tuple[Connection, Connection]:
        """Two connections that are joined to each other."""
        one, other = self.network.socketpair()
        return self.adopt(one, first), self.adopt(other, second)

    def resolve(
        self,
        name: str,
        callback: Callable[[Lookup], object],
        type: str | int | None = None,
    ) -> Callable[[], object]:
        """Look a name up, then call ``callback(lookup)`` from a poll: a `Lookup` with the IPv6 and
        IPv4 ``addresses`` that the name has, or with its ``records`` of a type ("MX", 15) as the
        DNS has them, or with the ``error`` that says why there is nothing.

        Returns a function that cancels: the callback is then not called. Raises ValueError for a
        type that there is not, and TypeError for a type if the resolver finds only addresses.
        """
        from .resolver import Resolving

        self._check_open()
        self._check_thread()
        resolving = Resolving(self, name, callback)
        resolving.start(type)
        return resolving.cancel

    def _parse(self, address: str, resource: bool) -> Url:
        from .registry import default_ports

        return parse_address(address, default_ports(), resource=resource)

    def __iter__(self) -> Iterator[Connection]:
        """All connections there are now, listeners and timers included, oldest first."""
        self._check_thread()
        return iter(list(self._connections.values()))

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def buffered(self) -> int:
        """Bytes that the buffers of all connections hold."""
        return self._buffered

    # -- running ------------------------------------------------------------------------------

    def poll(self, timeout_ms: float = 0) -> int:
        """Do all that there is to do, waiting up to ``timeout_ms`` milliseconds for something.

        A negative time is 0. Returns the number of events delivered, other than ``POLL``.
        """
        self._check_open()
        if self._polling:
            raise RuntimeError("poll() was called from inside a handler")
        if self._thread == 0:
            self._thread = current_thread()
        else:
            self._check_thread()
        before = self._count
        self._polling = True
        try:
            self._pass(timeout_ms / 1000.0)
        except BaseException:
            self._interrupted()
            raise
        finally:
            self._polling = False
        if self._close_grace is not None:
            self.close(self._close_grace)
        return self._count - before

    def _pass(self, timeout: float) -> None:
        if self._dirty:
            self._flush()
        deadline = self._timers.next_deadline()
        if timeout < 0.0 or self._dirty or self._calls:
            timeout = 0.0
        elif deadline >= 0.0 and timeout > 0.0:
            now = self._clock()
            if deadline - now < timeout:
                timeout = deadline - now if deadline > now else 0.0
        n = self._poller.wait(timeout)
        now = self._now = self._clock()
        if self._calls:
            self._run_calls()
        if deadline >= 0.0 and deadline <= now:
            self._run_timers()
        if self._polled:
            self._poll_events()
        i = 0
        while i < n:
            try:
                while i < n:
                    what = self._poller.take(i)
                    i += 1
                    fd = what >> 3
                    watcher = self._table[fd] if fd < len(self._table) else None
                    if watcher is None:
                        continue
                    self._current = watcher
                    watcher._ready(what & 7)
                    self._current = None
                    if self._dirty and i % _TURN == 0:
                        self._flush()
            except Exception:
                self._broken(watcher)
        if self._dirty:
            self._flush()
        if self._starved and self._buffered * 2 <= self.memory_limit:
            starved, self._starved = self._starved, {}
            for c in starved:
                c._mark()

    def _interrupted(self) -> None:
        """A handler let a KeyboardInterrupt through: nothing that was under way may be lost."""
        self._current = None
        self._dirty.clear()
        for c in list(self._connections.values()):
            c._recover()

    def _flush(self) -> None:
        rounds = 0
        while self._dirty and rounds < _ROUNDS:
            rounds += 1
            todo = self._dirty
            self._dirty = self._done
            i = 0
            try:
                while i < len(todo):
                    try:
                        while i < len(todo):
                            c = todo[i]
                            i += 1
                            c._dirty = False
                            c._service()
                    except Exception:
                        self._broken(c)
            finally:
                if i < len(todo):  # interrupted: nothing is lost
                    self._dirty = todo[i:] + self._dirty
                todo.clear()
                self._done = todo

    def _broken(self, watcher: Any) -> None:
        """A fault in the library itself costs one connection."""
        logger.exception("%r: internal error; closed", watcher)
        if hasattr(watcher, "_finish_broken"):
            watcher._finish_broken()
        self._current = None

    def _run_calls(self) -> None:
        for _ in range(len(self._calls)):
            call, args = self._calls.popleft()
            try:
                call(*args)
            except Exception:
                logger.exception("a call from another thread failed: %r", call)

    def _run_timers(self) -> None:
        last = self._timers.last()
        while True:
            timer = self._timers.pop_due(self._now, last)
            if timer is None:
                return
            c = timer.connection
            try:
                timer._fire()
            except Exception:
                logger.exception("%r: a timer failed", c if c is not None else self)
                if c is not None:
                    c.error = "a timer failed"
                    c.close()
            if c is not None:
                c._timer_done(timer)

    def _poll_events(self) -> None:
        now = self.network.time()
        for c in list(self._polled):
            if not c._closed:
                c._dispatch(POLL, now)

    def run(self) -> None:
        """Poll until `stop`, or until SIGINT or SIGTERM closes the manager.

        The first signal closes it with the usual grace, a second one aborts at once. Signals are
        handled only where Python lets it: in the main thread. Afterwards the manager belongs to no
        thread.
        """
        self._check_open()
        self._stopped = False
        restore = self._catch_signals()
        try:
            while not self._stopped and not self.closed:
                self.poll(1000)
        finally:
            restore()
            self._thread = 0

    def stop(self) -> None:
        """Have `run` return soon; from any thread."""
        self.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._stopped = True

    def _catch_signals(self) -> Callable[[], None]:
        if threading.current_thread() is not threading.main_thread():
            return lambda: None

        def on_signal(number: int, frame: Any) -> None:
            if self._close_grace is None:
                self._close_grace = CLOSE_GRACE
            else:
                self._close_grace = 0.0

        caught = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, on_signal) for number in caught]
        wakeup = signal.set_wakeup_fd(self._waker.signal_fd, warn_on_full_buffer=False)

        def restore() -> None:
            signal.set_wakeup_fd(wakeup)
            for number, old in zip(caught, before, strict=True):
                signal.signal(number, old)

        return restore

    # -- the end ------------------------------------------------------------------------------

    def close(self, grace: float = CLOSE_GRACE) -> None:
        """Close everything: stop listening, let the protocols say goodbye, send what waits.

        What is left after ``grace`` seconds is aborted. Every connection gets its ``CLOSE``. From
        inside a handler it takes effect when the running poll ends. Closing twice does nothing.
        """
        if self.closed:
            return
        if self._polling:
            self._close_grace = grace
            return
        self._check_thread()
        self._close_grace = grace
        self._say_goodbye()
        deadline = self._clock() + grace
        while self._connections and self._close_grace > 0.0:
            left = deadline - self._clock()
            if left <= 0.0:
                break
            self._polling = True
            try:
                if self._dirty:
                    self._flush()
                if self._connections:  # else there is nothing to wait for
                    self._pass(min(left, 1.0))
            except BaseException:
                self._interrupted()
                raise
            finally:
                self._polling = False
        self._abort_all()
        self.closed = True
        if self._host is not None:
            self._host()  # while there still is a descriptor to give up
        self._calls.clear()
        self._timers.clear()
        self.resolver.close()
        self._poller.close()
        self._waker.close()
        self._table.clear()
        self._tls_sessions.clear()
        self._contexts.clear()
        _live.discard(self)

    def _say_goodbye(self) -> None:
        self._polling = True  # whom this calls may call `close` once more
        try:
            for c in list(self._connections.values()):
                try:
                    c._goodbye()
                except Exception:
                    logger.exception("%r: saying goodbye failed", c)
                    c.close()
        finally:
            self._polling = False

    def _abort_all(self) -> None:
        # A handler may still open connections while it is told of the end of others.
        for _ in range(FLUSH_ROUNDS):
            if not self._connections:
                return
            self._polling = True
            try:
                for c in list(self._connections.values()):
                    c.abort()
                self._flush()
            finally:
                self._polling = False
        for c in list(self._connections.values()):  # they never stop: no more events
            c.handler = nobody
            c._finish()

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def closing(self) -> bool:
        """Whether `close` was called, or a signal has asked for it."""
        return self.closed or self._close_grace is not None

    # -- timers -------------------------------------------------------------------------------

    def time(self) -> float:
        """UNIX time, of this manager's clock."""
        return float(self.network.time())

    def monotonic(self) -> float:
        """Seconds on the clock that timers go by."""
        return float(self._clock())

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call ``callback(*args)`` once after ``delay`` seconds."""
        self._check_thread()
        return self._add_timer(delay, 0.0, callback, args, None)

    def call_every(self, interval: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call ``callback(*args)`` every ``interval`` seconds until the timer is cancelled."""
        self._check_thread()
        if interval <= 0:
            raise ValueError(f"interval must be over 0 seconds, not {interval!r}")
        return self._add_timer(interval, interval, callback, args, None)

    def _add_timer(
        self,
        delay: float,
        interval: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        connection: Connection | None,
    ) -> Timer:
        now = self._now if self._polling else float(self._clock())
        timer = self._timers.add(now + max(delay, 0.0), interval, callback, args, connection)
        if self._host is not None and not self._polling:
            self._host()
        return timer

    def next_deadline(self) -> float | None:
        """When `poll` is due next, on the clock of `monotonic`; None when nothing is pending."""
        if self._dirty or self._calls:
            return float(self._clock())
        deadline = self._timers.next_deadline()
        return deadline if deadline >= 0.0 else None

    def fileno(self) -> int:
        """A descriptor that is readable when `poll` has something to do, for another loop."""
        return self._poller.fileno()

    # -- threads ------------------------------------------------------------------------------

    def broadcast(self, callback: HandlerFunction, data: Any = None) -> None:
        """Call ``callback(c, EV_POLL, data)`` for every connection, in the next poll.

        From any thread; returns at once.
        """
        self.call_soon_threadsafe(self._broadcast, callback, data)

    def _broadcast(self, callback: HandlerFunction, data: Any) -> None:
        for c in list(self._connections.values()):
            if c.closed:
                continue
            try:
                callback(c, Event.POLL, data)
            except Exception:
                logger.exception("%r: a broadcast failed; connection closed", c)
                c.close()

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> None:
        """Call ``callback(*args)`` in the manager's thread, in the next poll; from any thread."""
        self._check_open()
        self._calls.append((callback, args))
        self._waker.wake()

    def _check_thread(self) -> None:
        if self._thread != 0 and self._thread != current_thread():
            self._wrong_thread()

    def _wrong_thread(self) -> None:
        if not any(t.ident == self._thread for t in threading.enumerate()):
            self._thread = 0  # its thread has ended: whoever goes on may have it
            return
        raise RuntimeError(
            "this manager belongs to another thread; from here, use mgr.call_soon_threadsafe() "
            "or mgr.broadcast()"
        )

    def _check_open(self) -> None:
        if self.closed:
            raise RuntimeError("this manager is closed")

    # -- for connections ----------------------------------------------------------------------

    def _register(self, c: Connection) -> int:
        self._check_thread()
        self._next_id += 1
        self._connections[self._next_id] = c
        return self._next_id

    def _forget(self, c: Connection) -> None:
        self._connections.pop(c.id, None)
        self._polled.pop(c, None)
        self._starved.pop(c, None)
        if self._waiting_listeners:
            listeners, self._waiting_listeners = self._waiting_listeners, []
            for listener in listeners:
                listener._mark()

    def _listen_to_polls(self, c: Connection, wants: bool) -> None:
        if wants:
            self._polled[c] = None
        else:
            self._polled.pop(c, None)

    def _add_dirty(self, c: Connection) -> None:
        self._dirty.append(c)
        if self._host is not None and not self._polling:
            self._host()

    def _attach(self, fd: int, watcher: Watcher) -> None:
        """Who is told when ``fd`` is ready."""
        while fd >= len(self._table):
            self._table.append(None)
        self._table[fd] = watcher

    def _detach(self, fd: int, interest: int) -> None:
        if interest:
            self._poller.set(fd, interest, 0)
        self._table[fd] = None

    def _hog(self, charged: int) -> bool:
        """Whether memory is short and a connection holds more than its share of it."""
        if self._buffered * 2 <= self.memory_limit:
            return False
        return charged * 2 * len(self._connections) > self.memory_limit

    def _wait_for_descriptor(self, listener: Connection) -> None:
        """Call a listener again when a connection has ended, or a little later."""
        if not self._waiting_listeners:
            self._add_timer(ACCEPT_RETRY, 0.0, self._retry_accept, (), None)
        self._waiting_listeners.append(listener)

    def _retry_accept(self) -> None:
        listeners, self._waiting_listeners = self._waiting_listeners, []
        for listener in listeners:
            listener._mark()
