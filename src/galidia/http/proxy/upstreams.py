"""The servers behind a reverse proxy: which one is asked next, and which of them rest."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ..fetching.pool import Pool
from ..urls import parse_url

if TYPE_CHECKING:
    from ...core.manager import Manager

logger = logging.getLogger("galidia")


class Upstream:
    """One server: ``active`` requests are with it, and until ``rests`` (seconds on the manager's
    clock) it is asked only when all others rest as well."""

    __slots__ = ("_told", "active", "authority", "host", "name", "number", "path", "rests")

    def __init__(
        self, number: int, url: str, pool: Pool, options: tuple[tuple[str, Any], ...]
    ) -> None:
        parsed = parse_url(url)
        if parsed.userinfo or "?" in parsed.target:
            raise ValueError(f"the URL of an upstream has neither user nor query: {url!r}")
        self.number = number
        self.name = parsed.text
        self.authority = parsed.authority.encode("ascii")
        #: What stands before the path of each request; without a slash at its end.
        self.path = parsed.target.rstrip("/").encode("ascii")
        self.host = pool.host((parsed.address, None, options))
        self.active = 0
        self.rests = 0.0
        self._told = -1.0


class UpstreamPool(Pool):
    """The connections to upstreams. When the manager is closing, replies may still come."""

    __slots__ = ()

    def shut(self) -> None:
        for host in list(self._hosts.values()):
            host.drop_waiting()


class Upstreams:
    """Chooses the server with the fewest requests under way, in turn among equals."""

    __slots__ = ("_next", "all", "mgr", "pool", "rest")

    def __init__(
        self, urls: list[str], options: tuple[tuple[str, Any], ...], limit: int, rest: float
    ) -> None:
        if not urls:
            raise ValueError("a reverse proxy needs an upstream, as in 'http://127.0.0.1:9000'")
        if len(urls) > 64:
            raise ValueError(f"a reverse proxy has at most 64 upstreams, not {len(urls)}")
        self.rest = rest
        self.pool = UpstreamPool()
        self.all = [Upstream(i, url, self.pool, options) for i, url in enumerate(urls)]
        self.pool.max_per_host = limit
        self.pool.max_idle = limit * len(urls)
        self.mgr: Manager | None = None
        self._next = 0

    def choose(self, now: float, tried: int) -> Upstream | None:
        """Who is asked next, if there is one that was not ``tried`` (bits of their numbers)."""
        everybody = self.all
        count = len(everybody)
        if count == 1:
            return None if tried else everybody[0]
        best: Upstream | None = None
        first = self._next
        for i in range(count):
            one = everybody[(first + i) % count]
            if tried >> one.number & 1:
                continue
            if best is None:
                best = one
            elif one.rests > now:
                if best.rests > one.rests:
                    best = one
            elif best.rests > now or one.active < best.active:
                best = one
        if best is not None:
            self._next = (best.number + 1) % count
        return best

    def failed(self, upstream: Upstream, now: float, why: str) -> None:
        """It could not be reached, or gave no good answer: it rests. Logged once a second."""
        upstream.rests = now + self.rest
        if now - upstream._told >= 1.0:
            upstream._told = now
            logger.warning("upstream %s: %s", upstream.name, why)
