"""Cross-origin requests: what a page of another origin may do here (the Fetch standard, 3.2).

A browser asks before it sends what a plain form could not (the preflight, an OPTIONS request), and
shows a page no reply that does not name its origin. None of this keeps a request from being
handled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..core.events import Event
from ..core.handler import HandlerFunction, wanted

if TYPE_CHECKING:
    from ..core.connection import Connection

__all__ = ["Cors", "cors"]

Origins = str | Iterable[str] | Callable[[str], object]

_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: The events that carry the request, before which it cannot be answered.
_CARRIERS = frozenset({Event.HTTP_REQUEST, Event.HTTP_CHUNK, Event.HTTP_MULTIPART_REQUEST})


class Cors:
    """A handler with `cors` around it."""

    def __init__(
        self,
        handler: HandlerFunction,
        allows: Callable[[str], object] | None,
        reply: list[tuple[str, str]],
        preflight: list[tuple[str, str]],
    ) -> None:
        self.handler = handler
        self._allows = allows
        self._reply = reply
        self._preflight = preflight
        self._seen: WeakSet[Any] = WeakSet()
        self.__galidia_events__ = wanted(handler)

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        if ev in _CARRIERS and data not in self._seen:
            if _is_preflight(data):
                if ev == Event.HTTP_REQUEST:
                    self.preflight(data)
                return
            self._seen.add(data)
            for name, value in self._fields(data, self._reply):
                data.add_header(name, value)
        self.handler(c, ev, data)

    def preflight(self, req: Any) -> None:
        """Answer the question of a browser whether it may send a request."""
        fields = self._fields(req, self._preflight)
        if self._origin(req):
            req.reply(204, b"", fields)
        else:
            req.error(403, "this origin may not", fields)

    def _origin(self, req: Any) -> str:
        """The value of Access-Control-Allow-Origin; "" when the origin may not."""
        if self._allows is None:
            return "*"
        named = req.header_all("origin")
        return named[0] if len(named) == 1 and self._allows(named[0]) else ""

    def _fields(self, req: Any, more: list[tuple[str, str]]) -> list[tuple[str, str]]:
        origin = self._origin(req)
        # who asks without an Origin gets it too: a cache may give the reply to one who has one
        fields = [] if self._allows is None else [("Vary", "Origin")]
        if origin:
            fields += [("Access-Control-Allow-Origin", origin), *more]
        return fields


def cors(
    handler: HandlerFunction,
    origins: Origins = "*",
    *,
    methods: Iterable[str] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
    headers: Iterable[str] = ("Content-Type",),
    expose: Iterable[str] = (),
    credentials: bool = False,
    max_age: int = 600,
) -> Cors:
    """Let pages of other origins use a handler.

    ``origins``: "*" for all of them, or origins such as "https://app.example", or a function that
    is given one. ``methods`` and request ``headers`` are what they may send, ``expose`` the reply
    headers that they may read, ``credentials`` whether cookies and passwords may come along,
    ``max_age`` for how many seconds a browser may remember the answer to its preflight. Raises
    ValueError for what a browser would not accept, such as credentials for all origins.

    Registered as an endpoint for some methods, it answers the preflights for them as well.
    """
    allows: Callable[[str], object] | None
    if callable(origins):
        allows = origins
    elif origins == "*":
        allows = None
        if credentials:
            raise ValueError("credentials need the origins that may send them, not all")
    else:
        known = frozenset([origins] if isinstance(origins, str) else origins)
        for origin in known:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f'an origin is scheme://host[:port] in lower case, or "null"; not {origin!r}'
                )
        allows = known.__contains__
    if max_age < 0:
        raise ValueError(f"max_age is in seconds, not {max_age!r}")
    reply = [("Access-Control-Allow-Credentials", "true")] if credentials else []
    preflight = [
        *reply,
        ("Access-Control-Allow-Methods", _names(methods)),
        ("Access-Control-Allow-Headers", _names(headers)),
        ("Access-Control-Max-Age", str(int(max_age))),
    ]
    exposed = _names(expose)
    if exposed:
        reply.append(("Access-Control-Expose-Headers", exposed))
    return Cors(handler, allows, reply, [field for field in preflight if field[1]])


def _is_preflight(req: Any) -> bool:
    return (
        req.method == "OPTIONS"
        and req.header("access-control-request-method") is not None
        and req.header("origin") is not None
    )


def _names(names: Iterable[str]) -> str:
    """Methods or field names as a list in a field."""
    found = [names] if isinstance(names, str) else list(names)
    for name in found:
        # "*" would be a name among others as soon as there are credentials
        if not _TOKEN.fullmatch(name) or name == "*":
            raise ValueError(f"not the name of a method or a header: {name!r}")
    return ", ".join(found)
