"""A handler for the plain port of a server whose service is on HTTPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.events import Event
from ..core.handler import HandlerFunction, handles

if TYPE_CHECKING:
    from ..core.connection import Connection

__all__ = ["redirect_to_https"]

_STATUSES = (301, 302, 307, 308)


def redirect_to_https(port: int = 443, status: int = 308, host: str = "") -> HandlerFunction:
    """A handler that sends every request to the same target on HTTPS.

    ``host`` is where to, by default the host that the request names; ``port`` is the one of the
    HTTPS listener as clients see it. 307 and 308 keep method and body, 301 and 302 may not
    (RFC 9110 15.4). A request that names no host gets a 400.
    """
    if status not in _STATUSES:
        raise ValueError(f"a redirection is one of {_STATUSES}, not {status!r}")
    if not 0 < port < 65536:
        raise ValueError(f"a port is a number from 1 to 65535, not {port!r}")
    suffix = "" if port == 443 else f":{port}"

    # HTTP_CHUNK: a large body is not waited for, it would come here in the clear for nothing
    @handles(Event.HTTP_REQUEST, Event.HTTP_CHUNK)
    def redirect(c: Connection, ev: int, req: Any) -> None:
        if req.replied:
            return
        name = host or _without_port(req.host)
        target = req.target
        if not target.startswith("/"):  # http://host/path, or the server as a whole
            target = "/" + target.partition("://")[2].partition("/")[2]
        if name and req.method != "CONNECT":
            req.redirect(f"https://{name}{suffix}{target}", status)
        else:
            req.error(400, "there is no host to send this request to")

    return redirect


def _without_port(authority: str) -> str:
    """The host of ``host:port``, where the host may be an IPv6 address in brackets."""
    head, colon, tail = authority.rpartition(":")
    return head if colon and "]" not in tail else authority
