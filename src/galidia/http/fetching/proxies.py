"""Which proxy a URL is fetched through, by the environment's customs.

``http_proxy``, ``https_proxy``, ``all_proxy`` name a proxy for a scheme or for all, ``no_proxy``
what goes without one. Lower case comes first. In a CGI script ``HTTP_PROXY`` is set by the client's
``Proxy:`` field, so it does not count where ``REQUEST_METHOD`` is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The URL of the proxy for `url`, or None. A proxy without a scheme is taken as HTTP.

    Raises ValueError for a malformed `url`.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    proxy = _variable(f"{scheme}_proxy", environ) or _variable("all_proxy", environ)
    if not proxy or not host:
        return None
    port = parts.port or _PORTS.get(parts.scheme, 0)
    if _is_excluded(host, port, _variable("no_proxy", environ)):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "").strip()
    if not value and not (name == "http_proxy" and "REQUEST_METHOD" in environ):
        value = environ.get(name.upper(), "").strip()
    return value


def _is_excluded(host: str, port: int, listed: str) -> bool:
    """Whether a list has `host`: ``*``, names with all below them, addresses, networks; each may
    have a port."""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    for entry in listed.replace(",", " ").split():
        entry = entry.lower()
        if entry == "*":
            return True
        name, only = _split_port(entry)
        if only and only != port:
            continue
        if address is None:
            name = name.removeprefix("*").strip(".")
            if name and (host == name or host.endswith("." + name)):
                return True
            continue
        try:
            if address in ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False


def _split_port(entry: str) -> tuple[str, int]:
    """The host of an entry, and its port or 0."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        port = rest.removeprefix(":")
    elif entry.count(":") == 1:
        host, _, port = entry.partition(":")
    else:
        host, port = entry, ""
    return host, int(port) if len(port) <= 5 and port.isascii() and port.isdigit() else 0
