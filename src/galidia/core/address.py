"""Addresses: what a user writes, what a socket takes, what a handler is told.

``[scheme://]host:port``, ``:port`` or ``port``; ``[v6]:port``; ``unix:/path`` and ``unix:@name``
(abstract). The scheme picks the transport and the protocol; without one it is TCP.
"""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address
from typing import Any, NamedTuple

__all__ = ["Address", "AddressError", "Url", "parse_address"]

MAX_HOST_LENGTH = 255  # RFC 1035 2.3.4
MAX_UNIX_PATH = 107  # sockaddr_un on Linux, less the final NUL

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# userinfo, host and port, path and query; a fragment is left out
_RESOURCE = re.compile(r"(?:([^/?#]*)@)?([^/?#]*)([^#]*)")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


class AddressError(ValueError):
    """An address that cannot be used; the text says which part and what is allowed."""


class Address(NamedTuple):
    """The address of one end: an IP address and port, or a Unix socket's path and 0."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        if self.port == 0 and (self.host[:1] in ("/", "@", "")):
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


#: The address of what has none.
NOWHERE = Address("")


class Url(NamedTuple):
    """A parsed address: ``scheme`` in lower case, host without brackets, ``path`` for Unix.

    ``target`` is what follows the authority up to a fragment, path and query, and ``userinfo`` what
    stands before its "@", both as written (RFC 3986 section 3); only where a protocol of the client
    takes them.
    """

    scheme: str
    host: str
    port: int
    path: str = ""
    target: str = ""
    userinfo: str = ""

    @property
    def is_unix(self) -> bool:
        return bool(self.path) and not self.host

    def __str__(self) -> str:
        return f"{self.scheme}://{Address(self.path or self.host, self.port)}"


def parse_address(
    text: str, default_port: dict[str, int] | None = None, *, resource: bool = False
) -> Url:
    """Parse an address; ``default_port`` maps schemes to the port used when none is given, and
    ``resource`` lets a URI have a target and userinfo.

    Raises AddressError, a ValueError, naming the part that is wrong.
    """
    if not isinstance(text, str):
        raise TypeError(f"an address is a str like 'tcp://127.0.0.1:8000', not {text!r}")
    if text.startswith("unix:"):
        return _parse_unix(text)
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else "tcp"
    rest = text[match.end() :] if match else text
    target = userinfo = ""
    parts = _RESOURCE.match(rest) if resource and match else None
    if parts:
        userinfo, rest, target = parts[1] or "", parts[2], parts[3]
    host, port_text = _split_host_port(text, rest)
    port = _parse_port(text, port_text, scheme, default_port or {})
    return Url(scheme, _check_host(text, host), port, "", target, userinfo)


def _parse_unix(text: str) -> Url:
    path = text.removeprefix("unix:")
    path = path.removeprefix("//") if path.startswith("//") else path
    if not path or "\0" in path:
        raise AddressError(f"bad address {text!r}: write unix:/path or unix:@name")
    if len(path.encode()) > MAX_UNIX_PATH:
        raise AddressError(f"bad address {text!r}: the path is over {MAX_UNIX_PATH} bytes")
    return Url("unix", "", 0, path)


def _split_host_port(text: str, rest: str) -> tuple[str, str]:
    if rest.startswith("["):
        host, bracket, tail = rest[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")) or ":" not in host:
            raise AddressError(f"bad address {text!r}: write an IPv6 address as [::1]:8000")
        return host, tail[1:]
    if rest.isdigit():
        return "", rest
    if rest.count(":") > 1:
        raise AddressError(f"bad address {text!r}: write an IPv6 address in brackets, [::1]:8000")
    host, _, port = rest.partition(":")
    return host, port


def _parse_port(text: str, port: str, scheme: str, defaults: dict[str, int]) -> int:
    if not port:
        if scheme in defaults:
            return defaults[scheme]
        raise AddressError(f"bad address {text!r}: a port is missing, as in 127.0.0.1:8000")
    if not (port.isascii() and port.isdigit()) or len(port) > 5 or int(port) > 65535:
        raise AddressError(f"bad address {text!r}: port {port!r} is not a number from 0 to 65535")
    return int(port)


def _check_host(text: str, host: str) -> str:
    if not host or host == "localhost":
        return host
    if is_ip(host):
        return host
    if re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:.]*:.*", host):
        raise AddressError(f"bad address {text!r}: {host!r} is not an IP address")
    try:
        ascii_host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        ascii_host = ""
    if len(ascii_host) > MAX_HOST_LENGTH or not _NAME.fullmatch(ascii_host):
        raise AddressError(f"bad address {text!r}: {host!r} is not a host name or IP address")
    return ascii_host


def is_ip(host: str) -> bool:
    """Whether this is a literal IPv4 or IPv6 address (with or without a zone)."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def from_sockaddr(sockaddr: Any) -> Address:
    """The address in what the `socket` module returns, whatever the family."""
    if isinstance(sockaddr, tuple):
        host = sockaddr[0]
        if host.startswith("::ffff:") and "." in host:
            host = host[7:]  # an IPv4 peer of a dual-stack socket
        return Address(host, sockaddr[1])
    if isinstance(sockaddr, bytes):
        return Address("@" + sockaddr[1:].decode(errors="replace"))
    return Address(sockaddr or "")


def to_sockaddr(family: int, host: str, port: int) -> Any:
    """The tuple or path that the `socket` module wants for an address of this family."""
    if family == socket.AF_UNIX:
        return "\0" + host[1:] if host.startswith("@") else host
    if family == socket.AF_INET6:
        name, _, zone = host.partition("%")
        scope = 0
        if zone:
            scope = int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
        return (name, port, 0, scope)
    return (host, port)


def family_of(host: str) -> int:
    """The address family of a literal IP address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
