"""Connections that wait for their next request, per manager and destination.

A destination is a scheme, host and port, the proxy before it, and the options of the connection:
nobody uses a connection that was made with another certificate or trust. A connection that has
answered is used again by the next fetch to the same destination, or waits for one, the youngest
first. Past ``max_per_host`` fetches queue, oldest first.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..core.dial import Upgrade
from ..core.events import ERR_RESOLVE, ERR_TLS, Event
from ..core.handler import handles
from .client import ClientProtocol
from .errors import (
    CancelledError,
    ConnectError,
    FetchError,
    ProxyError,
    ResolveError,
    TimedOutError,
    TlsError,
)

if TYPE_CHECKING:
    from ..core.connection import Connection
    from ..core.manager import Manager
    from ..core.timers import Timer
    from .fetching import Fetch
    from .reply import Reply
    from .urls import WebUrl

__all__ = ["Pool", "pool_of"]

logger = logging.getLogger("galidia")

#: Options that are about TLS; they are for the origin, never for a proxy on the way.
TLS_OPTIONS = frozenset(
    {
        "tls",
        "cert",
        "key",
        "ca",
        "ciphers",
        "alpn",
        "server_name",
        "verify",
        "handshake_timeout",
    }
)

_KEEP_ALIVE = re.compile(r"\btimeout=(\d{1,9})(?!\d)")

_CONNECT = int(Event.CONNECT)
_CLOSE = int(Event.CLOSE)
_HTTP_CHUNK = int(Event.HTTP_CHUNK)
_HTTP_REPLY = int(Event.HTTP_REPLY)


class Pool:
    """The connections of one manager's fetches; `pool_of` gives it.

    ``max_per_host`` connections to one destination at once; ``max_idle`` that wait, to all of them
    together; each waits ``idle_timeout`` seconds.
    """

    def __init__(self) -> None:
        self.max_per_host = 10
        self.max_idle = 100
        self.idle_timeout = 60.0
        self._hosts: dict[Any, Host] = {}
        #: What the environment says about proxies, read once: origin -> URL.
        self._environ = {
            name: value
            for name, value in os.environ.items()
            if name.lower().endswith("_proxy") or name == "REQUEST_METHOD"
        }
        self._proxies: dict[Any, str | None] = {}
        self._idle: dict[Link, None] = {}  # oldest first

    def __len__(self) -> int:
        """Connections there are, in use or not."""
        return sum(len(host.links) for host in self._hosts.values())

    @property
    def idle(self) -> int:
        """Connections that wait for a request."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Fetches that wait for a connection."""
        return sum(len(host.waiting) for host in self._hosts.values())

    def close_idle(self) -> None:
        """Close the connections that wait for a request."""
        for link in list(self._idle):
            link.c.close()

    def host(self, key: Any) -> Host:
        """The destination of a key: address, origin of a tunnel or None, connection options."""
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = Host(self, key)
        return host

    def proxy_for(self, url: WebUrl) -> str | None:
        """The proxy that the environment names for a URL."""
        if not self._environ:
            return None
        try:
            return self._proxies[url.origin]
        except KeyError:
            from .proxies import proxy_for

            if len(self._proxies) >= 1000:
                self._proxies.clear()
            proxy = self._proxies[url.origin] = proxy_for(url.text, self._environ)
            return proxy

    def shut(self) -> None:
        """The manager is closing: nobody waits for a reply any longer."""
        for host in list(self._hosts.values()):
            host.drop_waiting()
            for link in list(host.links):
                if link.fetch is not None:
                    link.fail(CancelledError("the manager was closed"))


class Host:
    """One destination."""

    __slots__ = ("address", "idle", "key", "links", "options", "pool", "tls", "tunnel", "waiting")

    def __init__(self, pool: Pool, key: Any) -> None:
        self.pool = pool
        self.key = key
        #: What is connected to, "SCHEME://HOST:PORT", and where a tunnel leads from there.
        self.address: str = key[0]
        self.tunnel: tuple[str, int, bytes] | None = key[1]
        options = dict(key[2])
        tls = self.tunnel is not None or self.address.startswith("https:")
        self.tls = {k: options.pop(k) for k in list(options) if k in TLS_OPTIONS}
        self.options = options
        if tls and self.tunnel is None:
            self.options |= self.tls
        self.links: set[Link] = set()
        self.idle: list[Link] = []
        # Ordered, and anybody may leave it at any time.
        self.waiting: OrderedDict[Fetch, None] = OrderedDict()

    def acquire(self, fetch: Fetch, fresh: bool = False) -> None:
        """Give a fetch its connection, now or as soon as there is one.

        ``fresh``: one that was not used before. Raises what `Manager.connect` raises.
        """
        if not fresh:
            while self.idle:
                link = self.idle.pop()
                del self.pool._idle[link]
                if not link.c.closing:
                    link.use(fetch, True)
                    return
        if fresh or len(self.links) < self.pool.max_per_host:
            self._connect(fetch)
        else:
            fetch._host = self
            self.waiting[fetch] = None

    def _connect(self, fetch: Fetch) -> None:
        try:
            link = Link(self, fetch)
        except BaseException:
            self._drop_if_unused()
            raise
        self.links.add(link)
        fetch._link = link

    def release(self, link: Link, reply: Reply) -> None:
        """A link whose exchange is complete: for the next one, or to wait."""
        pool = self.pool
        c = link.c
        if c.closing or not link.protocol.idle:
            if not c.closing:
                c.close()
            return
        if self.waiting:
            link.use(self.waiting.popitem(last=False)[0], True)
            return
        self.idle.append(link)
        pool._idle[link] = None
        if link.patience < 0.0:
            link.patience = _patience(reply)
        link.wait(min(pool.idle_timeout, link.patience))
        if len(pool._idle) > pool.max_idle:
            next(iter(pool._idle)).c.close()

    def lost(self, link: Link) -> None:
        """A link's connection has ended."""
        self.links.discard(link)
        if link in self.pool._idle:
            del self.pool._idle[link]
            self.idle.remove(link)

    def next(self, mgr: Manager) -> None:
        """There may be room for one who waits."""
        if mgr.closing:
            self.drop_waiting()
        while self.waiting and len(self.links) < self.pool.max_per_host:
            fetch = self.waiting.popitem(last=False)[0]
            fetch._host = None
            try:
                self._connect(fetch)
            except (ValueError, TypeError, OSError, RuntimeError) as e:
                fetch._fail(ConnectError(str(e)))
        self._drop_if_unused()

    def drop_waiting(self) -> None:
        """The manager is closing."""
        while self.waiting:
            fetch = self.waiting.popitem(last=False)[0]
            fetch._host = None
            fetch._fail(CancelledError("the manager was closed"))

    def forget(self, fetch: Fetch) -> None:
        """A fetch waits no longer."""
        del self.waiting[fetch]
        fetch._host = None

    def _drop_if_unused(self) -> None:
        if not self.links and not self.waiting:
            self.pool._hosts.pop(self.key, None)


class Link:
    """One connection of the pool, and the fetch that uses it."""

    __slots__ = (
        "c",
        "code",
        "fetch",
        "host",
        "patience",
        "protocol",
        "reused",
        "streams",
        "timer",
        "tunnelling",
    )

    def __init__(self, host: Host, fetch: Fetch) -> None:
        self.host = host
        self.fetch: Fetch | None = fetch
        self.reused = False
        self.code = 0
        #: Seconds that the server says it keeps an idle connection; negative: not looked at yet.
        self.patience = -1.0
        self.streams = False
        self.timer: Timer | None = None
        self.tunnelling = host.tunnel is not None
        self.c: Connection = fetch.mgr.connect(
            host.address, self.whole, method=None, **fetch._connect_options(host.options)
        )
        protocol: Any = self.c.protocol
        self.protocol = protocol
        protocol.on_goodbye = host.pool.shut

    # -- events -------------------------------------------------------------------------------

    @handles(Event.CONNECT, Event.HTTP_REPLY, Event.CLOSE)
    def whole(self, c: Connection, ev: int, data: Any) -> None:
        """The handler while a fetch wants its body whole."""
        fetch = self.fetch
        if ev == _HTTP_REPLY:
            if fetch is not None:
                if self.tunnelling:
                    self._tunnelled(fetch, data)
                else:
                    fetch._on_reply(self, data)
        elif ev == _CLOSE:
            self._closed()
        elif data:
            self.code = data
        elif fetch is not None:
            if self.tunnelling:
                self._ask_for_tunnel(fetch)
            else:
                fetch._begin(self)

    @handles(Event.CONNECT, Event.HTTP_CHUNK, Event.HTTP_REPLY, Event.CLOSE)
    def streaming(self, c: Connection, ev: int, data: Any) -> None:
        """The handler while a fetch takes its body as it comes."""
        if ev == _HTTP_CHUNK:
            if self.fetch is not None:
                self.fetch._on_chunk(data)
        else:
            self.whole(c, ev, data)

    def _closed(self) -> None:
        host = self.host
        host.lost(self)
        if self.timer is not None:
            self.timer.cancel()
        if self.fetch is not None:
            self.fail(self.why())
        host.next(self.c.mgr)

    def why(self) -> FetchError:
        """Why there is no reply."""
        c, code = self.c, self.code
        if c.mgr.closing:
            return CancelledError("the manager was closed")
        if code == errno.ETIMEDOUT and self.fetch is not None:
            return TimedOutError("connect", self.fetch._timeouts.connect)
        if code == ERR_RESOLVE:
            return ResolveError(c.error, code)
        if code == ERR_TLS:
            return TlsError(c.error, code)
        if code:
            return ConnectError(f"{self.host.address}: {c.error}", code)
        if self.tunnelling:
            return ProxyError(c.error or "the proxy closed the connection")
        failure: FetchError = self.protocol.failure(c.error)
        return failure

    def fail(self, error: FetchError) -> None:
        """Tell the fetch that it gets no reply here."""
        fetch, self.fetch = self.fetch, None
        self.c.close()
        if fetch is not None:
            fetch._on_lost(self, error)

    # -- use ----------------------------------------------------------------------------------

    def use(self, fetch: Fetch, reused: bool) -> None:
        """Begin with a fetch."""
        self.fetch = fetch
        self.reused = reused
        fetch._host = None
        fetch._link = self
        fetch._begin(self)

    def stream(self, streams: bool) -> None:
        """Whether the fetch takes its body as it comes."""
        if streams is not self.streams:
            self.streams = streams
            self.c.handler = self.streaming if streams else self.whole

    def leave(self) -> None:
        """The fetch is not interested any more: nobody can use the connection."""
        self.fetch = None
        self.c.close()

    def wait(self, seconds: float) -> None:
        """Wait for the next fetch, so long."""
        mgr = self.c.mgr
        timer = self.timer
        if timer is not None and timer.active:
            when = mgr.monotonic() + seconds
            if timer.when <= when:
                timer.postpone(when)
                return
            timer.cancel()
        self.timer = mgr.call_later(seconds, self._waited)

    def _waited(self) -> None:
        if self in self.host.pool._idle:
            self.c.close()

    # -- tunnels ------------------------------------------------------------------------------

    def _ask_for_tunnel(self, fetch: Fetch) -> None:
        assert self.host.tunnel is not None
        name, port, lines = self.host.tunnel
        target = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        self.protocol.reply_timeout = fetch._timeouts.connect
        self.protocol.request("CONNECT", target, lines=lines, host=target)

    def _tunnelled(self, fetch: Fetch, reply: Reply) -> None:
        """The proxy has answered (RFC 9110 9.3.6)."""
        assert self.host.tunnel is not None
        if not 200 <= reply.status < 300:
            self.fail(ProxyError(f"the proxy answers {reply.status} {reply.reason}", reply.status))
            self.c.close()
            return
        name, port, _ = self.host.tunnel
        try:
            options = {**self.host.tls, "handshake_timeout": fetch._timeouts.tls}
            Upgrade(self.c, name, port, options, self._secured)
        except (RuntimeError, ValueError, OSError) as e:
            self.fail(TlsError(f"TLS: {e}", ERR_TLS))
        else:
            self.code = ERR_TLS  # what it is if it closes now

    def _secured(self) -> None:
        self.code = 0
        self.tunnelling = False
        self.protocol = ClientProtocol.ready(self.c)
        self.c.protocol = self.protocol
        self.protocol.on_goodbye = self.host.pool.shut
        if self.fetch is not None:
            try:
                self.fetch._begin(self)
            except Exception:
                logger.exception("%r: a request could not be made; connection closed", self.c)
                self.c.close()


def _patience(reply: Reply) -> float:
    """How long the server keeps an idle connection, as the Keep-Alive field says, or for ever.

    A little less: what it closes while a request is on its way is an error for some requests.
    """
    found = _KEEP_ALIVE.search(reply.header("keep-alive") or "")
    return max(int(found[1]) - 1.0, 0.5) if found else float("inf")


_pools: WeakKeyDictionary[Manager, Pool] = WeakKeyDictionary()


def pool_of(mgr: Manager) -> Pool:
    """The pool of a manager, to look at it or to change its limits."""
    pool = _pools.get(mgr)
    if pool is None:
        pool = _pools[mgr] = Pool()
    return pool
