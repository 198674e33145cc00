"""Schemes: which transport and which protocol an address stands for.

Protocols are named, not imported: `import galidia` loads none of them. Another distribution adds
schemes through the entry-point group ``galidia.protocols``: each entry point's name is a scheme and
its object a `Scheme`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from .options import ConnectOptions, check

if TYPE_CHECKING:
    from .address import Url

__all__ = ["Scheme", "find_scheme"]


class Scheme(NamedTuple):
    """``transport`` is "tcp", "udp" or "unix"; the rest is about protocols.

    ``second`` is "tcp" where a listener has that transport too, on the same address and port.
    ``protocol`` names the class of what listens as "module:Class", or a function; it is made with
    the value of ``options=``. ``client`` names the class of what connects; it is made with that
    value, the `Url` and a dict of the keyword arguments that the engine does not know, and raises
    TypeError for what it does not know either. Without a ``client`` both are of the class
    ``protocol``.
    """

    transport: str
    tls: bool = False
    port: int | None = None
    protocol: str = ""
    client: str = ""
    second: str = ""


_SCHEMES = {
    "tcp": Scheme("tcp"),
    "udp": Scheme("udp"),
    "unix": Scheme("unix"),
    "tls": Scheme("tcp", tls=True),
    "http": Scheme(
        "tcp",
        port=80,
        protocol="galidia.http.server:ServerProtocol",
        client="galidia.http.client:ClientProtocol",
    ),
    "https": Scheme(
        "tcp",
        tls=True,
        port=443,
        protocol="galidia.http.server:ServerProtocol",
        client="galidia.http.client:ClientProtocol",
    ),
    "ws": Scheme(
        "tcp",
        port=80,
        protocol="galidia.websocket.server:listening",
        client="galidia.websocket.client:Opening",
    ),
    "wss": Scheme(
        "tcp",
        tls=True,
        port=443,
        protocol="galidia.websocket.server:listening",
        client="galidia.websocket.client:Opening",
    ),
    "dns": Scheme(
        "udp",
        port=53,
        protocol="galidia.dns.protocol:ServerProtocol",
        client="galidia.dns.protocol:ClientProtocol",
        second="tcp",
    ),
    "dns+tcp": Scheme(
        "tcp",
        port=53,
        protocol="galidia.dns.protocol:ServerProtocol",
        client="galidia.dns.protocol:ClientProtocol",
    ),
}
# Protocols that an HTTP request may ask for in Upgrade (RFC 9110 7.8): who deals with it.
_UPGRADES = {"websocket": "galidia.websocket.server:begin"}
_PORTS = {name: scheme.port for name, scheme in _SCHEMES.items() if scheme.port is not None}


@cache
def _third_party() -> dict[str, Any]:
    from importlib.metadata import entry_points  # takes long, and is rarely needed

    return {point.name: point for point in entry_points(group="galidia.protocols")}


def default_ports() -> dict[str, int]:
    """The schemes that have a port of their own."""
    return _PORTS


def find_scheme(name: str) -> Scheme:
    """The scheme of this name. Raises ValueError and names those there are."""
    scheme = _SCHEMES.get(name)
    if scheme is None:
        point = _third_party().get(name)
        if point is None:
            known = ", ".join(sorted({*_SCHEMES, *_third_party()}))
            raise ValueError(f"there is no scheme {name!r}; there are {known}")
        scheme = point.load()
        _SCHEMES[name] = scheme
        if scheme.port is not None:
            _PORTS[name] = scheme.port
    return scheme


def make_protocol(scheme: Scheme, options: object) -> Any:
    """A protocol object for what listens on this scheme; None where it has no protocol."""
    if not scheme.protocol:
        if options is not None:
            raise TypeError("options= is for addresses whose scheme has a protocol")
        return None
    return load(scheme.protocol)(options)


def make_client(scheme: Scheme, options: object, url: Url, extra: dict[str, Any]) -> Any:
    """A protocol object for what connects to this URL; None where it has no protocol."""
    if scheme.client:
        return load(scheme.client)(options, url, extra)
    if extra:
        check("connect", extra, ConnectOptions)  # which raises
    return make_protocol(scheme, options)


def find_upgrade(name: str) -> Any:
    """Who deals with a request to go on with the protocol of this name; None: nobody.

    It is called with the connection, its HTTP protocol, the request, and the handler of the
    endpoint, or None when it is the connection's own.
    """
    return load(_UPGRADES[name]) if name in _UPGRADES else None


def load(name: str) -> Any:
    """What "module:Class" names, in this copy of the package."""
    module, _, cls = name.partition(":")
    # Relative, so that a second copy of the package uses its own protocols.
    package, _, rest = module.partition(".")
    if package == "galidia":
        module = f"{__name__.partition('.')[0]}.{rest}"
    return getattr(import_module(module), cls)
