"""Several sites behind one address, by the host that a request is for (RFC 9110 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..core.events import Event, mask_of

if TYPE_CHECKING:
    from ..core.connection import Connection
    from ..core.handler import HandlerFunction
    from .request import Request

__all__ = ["VirtualHosts"]

#: Characters of the longest name that there is (RFC 1035 2.3.4).
_MAX_NAME = 255


class VirtualHosts:
    """A handler that hands each request over to the handler of its host.

    ``hosts``: handlers by name, such as "example.org", or "*.example.org" for all names below that
    one, of which the longest counts; names are compared without port and in any case of letters.
    ``default`` gets what is for nobody; without one it is answered with 421.

    Raises ValueError for what cannot be the name of a host.
    """

    __slots__ = ("_default", "_hosts")

    #: Bodies are handed over as they come.
    __galidia_events__ = mask_of(Event.HTTP_REQUEST, Event.HTTP_CHUNK)

    def __init__(
        self, hosts: Mapping[str, HandlerFunction], default: HandlerFunction | None = None
    ) -> None:
        self._hosts = {_key(name): handler for name, handler in hosts.items()}
        self._default = default

    def __call__(self, c: Connection, ev: int, req: Request) -> Any:
        handler = self.find(req.host)
        if handler is not None:
            req.hand_over(handler, ev)
        else:
            req.error(421, "there is no such host here")

    def find(self, host: str) -> HandlerFunction | None:
        """The handler for a host, given as in the Host field."""
        name = name_of(host)
        found = self._hosts.get(name)
        while found is None and "." in name and len(name) <= _MAX_NAME:
            name = name.partition(".")[2]
            found = self._hosts.get(f"*.{name}")
        return found if found is not None else self._default


def name_of(host: str) -> str:
    """The name of a host or its address, in lower case, without port and the dot at its end."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().removesuffix(".")


def _key(name: str) -> str:
    plain = name.removeprefix("*.")
    key = name_of(plain)
    if not key or set("*/@ ") & set(key) or plain.strip("[]").lower().removesuffix(".") != key:
        raise ValueError(f"a host is a name without port, or *.NAME, not {name!r}")
    return name.removesuffix(plain) + key
