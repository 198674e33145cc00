"""A reverse proxy: requests that other servers answer (RFC 9110 7.6).

Mounted at an endpoint, or a handler of all requests of a listener. What goes on is a request of our
own, made from one that was checked whole: it is framed anew, and nothing of the client's framing
reaches an upstream, or the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from ... import _cython as cython

from ...core.acl import check_ip_acl
from ...core.events import Event, mask_of
from ...core.options import ConnectOptions, check, count, positive
from ..fields import is_token
from .translation import Translation
from .upstreams import Upstreams

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ..request import Request
    from .relay import Relay

if not cython.compiled:
    from .relay import new_relay

_CLOSE = int(Event.CLOSE)
_HTTP_REQUEST = int(Event.HTTP_REQUEST)


class ReverseProxy:
    """Has requests answered by the servers at these URLs, by the one with the fewest under way.

    At an endpoint such as "/api/{path...}" the path behind the mount is appended to the URL's own;
    ``strip=False`` leaves the mount in the path.

    - ``host``: the Host that upstreams are told: "upstream" (the one of its URL), "client", or a
      name.
    - ``forwarded``: say where requests come from, in Forwarded and X-Forwarded-For, -Host, -Proto.
      What clients say there is dropped, unless they are on the access list ``trust``.
    - ``via``: the name of this proxy in Via; without, there is none.
    - ``upgrades``: protocols that a connection may change to. It is a tunnel then, which ends after
      ``tunnel_timeout`` seconds without a byte.
    - ``connect_timeout`` for a connection, TLS included, ``reply_timeout`` from the end of a
      request to the head of its reply, ``idle_timeout`` without a byte, all in seconds: then 504.
    - ``max_connections`` to one upstream; more requests wait for up to ``connect_timeout``: 503.
    - ``rest``: seconds in which an upstream that failed is asked only when all others did.
    - ``auth``: a guard; what it does not allow does not go on.
    - ``connect``: options of `Manager.connect`, such as ``ca`` or ``verify``.

    A request that failed is tried with the next upstream if none can have acted on it; else the
    client gets 502. All requests have to come from one manager. Raises ValueError or TypeError.
    """

    __slots__ = (
        "auth",
        "relays",
        "timeouts",
        "translation",
        "tunnel_timeout",
        "upgrades",
        "upstreams",
    )

    def __init__(
        self,
        *upstreams: str,
        strip: bool = True,
        host: str = "upstream",
        forwarded: bool = True,
        trust: str | None = None,
        via: str = "",
        upgrades: Sequence[str] = ("websocket",),
        connect_timeout: float = 10.0,
        reply_timeout: float = 60.0,
        idle_timeout: float = 60.0,
        tunnel_timeout: float = 3600.0,
        max_connections: int = 256,
        rest: float = 10.0,
        auth: Any = None,
        **connect: Any,
    ) -> None:
        from ..fetching.fetch import Timeouts

        check("ReverseProxy", connect, ConnectOptions)
        if via and not is_token(via):
            raise ValueError(f"via= is a name without spaces, not {via!r}")
        if host not in ("upstream", "client") and not host.isascii():
            raise ValueError(f'host= is "upstream", "client" or a host name, not {host!r}')
        if isinstance(upgrades, str) or not all(is_token(name) for name in upgrades):
            raise ValueError(f"upgrades= are names of protocols, not {upgrades!r}")
        check_ip_acl(trust, "")
        times = (connect_timeout, min(10.0, connect_timeout), reply_timeout, idle_timeout)
        names = ("connect_timeout", "", "reply_timeout", "idle_timeout")
        for name, seconds in zip(names, times, strict=True):
            positive(name, seconds)
        self.auth = auth
        #: Requests that are under way, by their connections.
        self.relays: dict[Connection, Relay] = {}
        self.timeouts = Timeouts(*times, None)
        self.translation = Translation(host, forwarded, trust, via, strip)
        self.tunnel_timeout = positive("tunnel_timeout", tunnel_timeout)
        self.upgrades = frozenset(name.lower() for name in upgrades)
        self.upstreams = Upstreams(
            list(upstreams),
            tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in connect.items())),
            count("max_connections", max_connections),
            positive("rest", rest, zero=True),
        )

    __galidia_events__ = mask_of(Event.HTTP_REQUEST, Event.HTTP_CHUNK, Event.CLOSE)

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        relay = self.relays.get(c)
        if ev == _CLOSE:
            if relay is not None:
                del self.relays[c]
                relay.gone()
        elif relay is not None:
            relay.more()
        else:
            self.serve(c, data)

    def serve(self, c: Connection, req: Request) -> None:
        """Send a request on whose first event has come."""
        if req.replied or (self.auth is not None and not self.auth.allows(req)):
            return
        if self._refuses(req):
            return
        if self.upstreams.mgr is not c.mgr:
            before = self.upstreams.mgr
            if before is not None and not before.closed:
                raise RuntimeError("a ReverseProxy serves the connections of one manager")
            self.upstreams.mgr = c.mgr
        relays = self.relays
        relay = new_relay(self, relays, self.upstreams, self.translation, self.timeouts, c, req)
        relays[c] = relay
        relay.start()

    def upgrade_of(self, req: Request) -> bytes:
        """The protocol that a client wants to change to and may, or b""."""
        for value in req.header_all("upgrade"):
            for name in value.lower().split(","):
                if name.strip() in self.upgrades:
                    return name.strip().encode("ascii")
        return b""

    def _refuses(self, req: Request) -> bool:
        """What concerns this hop only, and is not sent on."""
        n = req.method_end
        if n == 7:
            if req.raw.startswith(b"CONNECT"):
                req.error(501, "there are no tunnels here")
                return True
            if req.raw.startswith(b"OPTIONS") and (req.header("max-forwards") or "") == "0":
                req.reply(204)
                return True
        elif n == 5 and req.raw.startswith(b"TRACE"):
            req.error(405, "", [("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")])
            return True
        return False
