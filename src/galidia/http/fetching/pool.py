"""Connections that wait for their next request, per manager and destination.

A destination is a scheme, host and port, the proxy before it, and the options of the connection:
nobody uses a connection that was made with another certificate or trust. A connection that has
answered is used again by the next user of the same destination, or waits for one, the youngest
first. Past ``max_per_host`` users queue, oldest first.

Who uses the connections derives from `User`: a fetch, or the relay of a reverse proxy.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import cython
else:
    from ... import _cython as cython

if TYPE_CHECKING:
    pass
else:
    pass

from ...core.dial import Upgrade
from ...core.events import ERR_RESOLVE, ERR_TLS, Event, mask_of
from ..client import ClientProtocol
from ..errors import (
    CancelledError,
    ConnectError,
    FetchError,
    ProxyError,
    ResolveError,
    TimedOutError,
    TlsError,
)

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ...core.manager import Manager
    from ...core.timers import Timer
    from ..reply import Reply
    from ..urls import WebUrl

__all__ = ["Pool", "pool_of"]

if not cython.compiled:
    from ...core.bits import CLOSE_IMMEDIATELY, SEND_AND_CLOSE

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

_CLOSE: Any = Event.CLOSE
_CHUNK: Any = Event.HTTP_CHUNK
_REPLY: Any = Event.HTTP_REPLY
_WHOLE = mask_of(Event.CONNECT, Event.HTTP_REPLY, Event.CLOSE)
_STREAMING = _WHOLE | mask_of(Event.HTTP_CHUNK)


class User:
    """Who asks for a connection of the pool, and uses it for one request and its reply.

    ``_timeouts`` has the seconds of ``connect`` and ``tls``; ``_link`` is the connection, as long
    as there is one, and ``_host`` where it waits for one.
    """

    __slots__ = ("_host", "_link", "_timeouts", "mgr")

    def __init__(self, mgr: Manager, timeouts: Any) -> None:
        self.mgr = mgr
        self._timeouts = timeouts
        self._host: Host | None = None
        self._link: Link | None = None

    def _connect_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options of a connection that is made for it."""
        times = self._timeouts
        return {**options, "connect_timeout": times.connect, "handshake_timeout": times.tls}

    def _begin(self, link: Link) -> None:
        """A connection is there: make the request."""
        raise NotImplementedError

    def _on_interim(self, reply: Reply) -> None:
        """A reply below 200 has come."""

    def _on_chunk(self, reply: Reply) -> None:
        """Some of the body of a reply is there."""
        raise NotImplementedError

    def _on_reply(self, link: Link, reply: Reply) -> None:
        """A reply is complete: the link is to be released."""
        raise NotImplementedError

    def _on_lost(self, link: Link, error: FetchError) -> None:
        """The connection has ended without a reply."""
        raise NotImplementedError

    def _fail(self, error: FetchError) -> None:
        """Who waits for a connection gets none."""
        raise NotImplementedError


class Pool:
    """Connections of one manager; `pool_of` gives that of its fetches.

    ``max_per_host`` connections to one destination at once; ``max_idle`` that wait, to all of them
    together; each waits ``idle_timeout`` seconds.
    """

    __slots__ = (
        "__weakref__",
        "_environ",
        "_hosts",
        "_idle",
        "_proxies",
        "idle_timeout",
        "max_idle",
        "max_per_host",
    )

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
        """Users that wait for a connection."""
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
                if link.user is not None:
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
        self.waiting: OrderedDict[User, None] = OrderedDict()

    def acquire(self, user: User, fresh: bool = False) -> None:
        """Give a user a connection, now or as soon as there is one.

        ``fresh``: one that was not used before. Raises what `Manager.connect` raises.
        """
        if not fresh:
            while self.idle:
                link = self.idle.pop()
                del self.pool._idle[link]
                c = link.c
                if not (c._closed or c._flags & (CLOSE_IMMEDIATELY | SEND_AND_CLOSE)):
                    link.use(user, True)
                    return
        if fresh or len(self.links) < self.pool.max_per_host:
            self._connect(user)
        else:
            user._host = self
            self.waiting[user] = None

    def _connect(self, user: User) -> None:
        try:
            link = Link(self, user)
        except BaseException:
            self._drop_if_unused()
            raise
        self.links.add(link)
        self.pool._hosts[self.key] = self  # it may have been dropped as unused
        user._link = link

    def release(self, link: Link, reply: Reply) -> None:
        """A link whose exchange is complete: for the next one, or to wait."""
        pool = self.pool
        c = link.c
        if c._flags & (CLOSE_IMMEDIATELY | SEND_AND_CLOSE) or not link.protocol.is_idle():
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
            user = self.waiting.popitem(last=False)[0]
            user._host = None
            try:
                self._connect(user)
            except (ValueError, TypeError, OSError, RuntimeError) as e:
                user._fail(ConnectError(str(e)))
        self._drop_if_unused()

    def drop_waiting(self) -> None:
        """The manager is closing."""
        while self.waiting:
            user = self.waiting.popitem(last=False)[0]
            user._host = None
            user._fail(CancelledError("the manager was closed"))

    def forget(self, user: User) -> None:
        """A user waits no longer."""
        del self.waiting[user]
        user._host = None

    def _drop_if_unused(self) -> None:
        if not self.links and not self.waiting:
            self.pool._hosts.pop(self.key, None)


class Link:
    """One connection of the pool, whose handler it is, and who uses it."""

    __slots__ = (
        "c",
        "code",
        "host",
        "patience",
        "protocol",
        "reused",
        "streams",
        "timer",
        "tunnelling",
        "user",
    )

    def __init__(self, host: Host, user: User) -> None:
        self.host = host
        self.user: User | None = user
        self.reused = False
        self.code = 0
        #: Seconds that the server says it keeps an idle connection; negative: not looked at yet.
        self.patience = -1.0
        self.streams = False
        self.timer: Timer | None = None
        self.tunnelling = host.tunnel is not None
        self.c: Connection = user.mgr.connect(
            host.address, self, method=None, **user._connect_options(host.options)
        )
        protocol: Any = self.c.protocol
        self.protocol = protocol
        protocol.on_goodbye = host.pool.shut
        protocol.on_interim = self._interim

    # -- events -------------------------------------------------------------------------------

    @property
    def __galidia_events__(self) -> int:
        """A link is the handler of its connection."""
        return _STREAMING if self.streams else _WHOLE

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        user = self.user
        if ev is _CHUNK:  # the engine gives the members themselves
            if user is not None:
                user._on_chunk(data)
        elif ev is _REPLY:
            if user is not None:
                if self.tunnelling:
                    self._tunnelled(user, data)
                else:
                    user._on_reply(self, data)
        elif ev is _CLOSE:
            self._closed()
        elif data:
            self.code = data
        elif user is not None:
            if self.tunnelling:
                self._ask_for_tunnel(user)
            else:
                user._begin(self)

    def _interim(self, reply: Reply) -> None:
        if self.user is not None:
            self.user._on_interim(reply)

    def _closed(self) -> None:
        host = self.host
        host.lost(self)
        if self.timer is not None:
            self.timer.cancel()
        if self.user is not None:
            self.fail(self.why())
        host.next(self.c.mgr)

    def why(self) -> FetchError:
        """Why there is no reply."""
        c, code = self.c, self.code
        if c.mgr.closing:
            return CancelledError("the manager was closed")
        if code == errno.ETIMEDOUT and self.user is not None:
            return TimedOutError("connect", self.user._timeouts.connect)
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
        """Tell the user that there is no reply."""
        user, self.user = self.user, None
        self.c.close()
        if user is not None:
            user._on_lost(self, error)

    # -- use ----------------------------------------------------------------------------------

    def use(self, user: User, reused: bool) -> None:
        """Begin with what somebody asked for."""
        self.user = user
        self.reused = reused
        user._host = None
        user._link = self
        user._begin(self)

    def stream(self, streams: bool) -> None:
        """Whether the user takes its body as it comes."""
        if streams is not self.streams:
            self.streams = streams
            self.c.handler = self

    def leave(self) -> None:
        """The user is not interested any more: nobody can use the connection."""
        self.user = None
        self.c.close()

    def wait(self, seconds: float) -> None:
        """Wait for the next user, so long."""
        mgr = self.c.mgr
        timer = self.timer
        if timer is not None and timer._callback is not None:
            when = mgr._now + seconds
            if timer.when <= when:
                timer.postpone(when)
                return
            timer.cancel()
        self.timer = mgr.call_later(seconds, self._waited)

    def _waited(self) -> None:
        if self in self.host.pool._idle:
            self.c.close()

    # -- tunnels ------------------------------------------------------------------------------

    def _ask_for_tunnel(self, user: User) -> None:
        assert self.host.tunnel is not None
        name, port, lines = self.host.tunnel
        target = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        self.protocol.reply_timeout = user._timeouts.connect
        self.protocol.request("CONNECT", target, lines=lines, host=target)

    def _tunnelled(self, user: User, reply: Reply) -> None:
        """The proxy has answered (RFC 9110 9.3.6)."""
        assert self.host.tunnel is not None
        if not 200 <= reply.status < 300:
            self.fail(ProxyError(f"the proxy answers {reply.status} {reply.reason}", reply.status))
            self.c.close()
            return
        name, port, _ = self.host.tunnel
        try:
            options = {**self.host.tls, "handshake_timeout": user._timeouts.tls}
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
        self.protocol.on_interim = self._interim
        if self.user is not None:
            try:
                self.user._begin(self)
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
