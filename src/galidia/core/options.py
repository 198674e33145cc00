"""What `Manager.bind` and `Manager.connect` can be told."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import ssl

Path = str | PathLike[str]


class CommonOptions(TypedDict, total=False):
    """Options of both."""

    #: The connection's (and for a listener its children's) ``user_data``.
    user_data: Any
    #: Creation flags: ``F_USER_1`` to ``F_USER_6``, ``F_PROTO_1``, ``F_ENABLE_BROADCAST``, ...
    flags: int
    #: Options of the scheme's protocol, an object of that protocol's options class.
    options: object
    #: Bytes of input that may wait for the handler; then reading pauses.
    recv_mbuf_limit: int
    #: Bytes of output that may wait for the peer; then the connection is congested.
    send_mbuf_limit: int
    #: What congestion does: "close", "drop_oldest" or "pause_source".
    congestion: str
    #: Seconds without progress that a closing connection is given.
    close_timeout: float
    #: TCP keep-alive probes (default on).
    keepalive: bool
    #: A ready `ssl.SSLContext`; turns TLS on.
    tls: ssl.SSLContext
    #: Own certificate chain, a PEM file; turns TLS on.
    cert: Path
    #: Its key, a PEM file; default: the file of ``cert``.
    key: Path
    #: Trusted certificates, a PEM file. A listener then requires certificates of its clients.
    ca: Path
    #: OpenSSL's cipher list for TLS 1.2.
    ciphers: str
    #: Application protocols to offer, in order of preference (RFC 7301).
    alpn: Sequence[str]
    #: Seconds for the TLS handshake.
    handshake_timeout: float
    #: UDP: multicast groups to join, each "GROUP" or "GROUP@INTERFACE-ADDRESS-OR-NAME".
    multicast: Sequence[str]


class BindOptions(CommonOptions, total=False):
    """Options of `Manager.bind`."""

    #: Length of the queue of connections that wait to be accepted.
    backlog: int
    #: Let several sockets, of several processes, listen on the same port (SO_REUSEPORT).
    reuse_port: bool
    #: For ``[::]``: IPv6 only (default: IPv4 too).
    ipv6_only: bool
    #: A descriptor that listens already, given by a parent process or service manager.
    fd: int
    #: Who may connect; see `check_ip_acl`.
    acl: str
    #: Connections of this listener that may be open at once; more wait to be accepted.
    max_connections: int
    #: Connections of one IP address that may be open at once; more are refused. Behind a proxy that
    #: hides its clients they are all of one address.
    max_per_address: int
    #: Connections accepted per second; more wait to be accepted.
    accept_rate: float
    #: TLS by server name: name -> (certificate file, key file) or a context.
    sni: Mapping[str, tuple[Path, Path] | ssl.SSLContext]


class ConnectOptions(CommonOptions, total=False):
    """Options of `Manager.connect`."""

    #: The own address to connect from, "HOST" or "HOST:PORT".
    source: str
    #: Seconds until the connection is established, name look-up included.
    connect_timeout: float
    #: The name that the peer's certificate must have, and that is sent as SNI.
    server_name: str
    #: False: take any certificate. For tests; it gives up what TLS is for.
    verify: bool


_PATH = ((str, PathLike), "the path of a PEM file")
_FLAG = (bool, "True or False")
_LIST = ((list, tuple), "a list of str")
_NUMBER = (int, "an int")
_TYPES: dict[str, tuple[Any, str]] = {
    "flags": _NUMBER,
    "backlog": _NUMBER,
    "fd": _NUMBER,
    "congestion": (str, "a str"),
    "acl": ((str, type(None)), "a str"),
    "ciphers": (str, "a str"),
    "server_name": (str, "a str"),
    "cert": _PATH,
    "key": _PATH,
    "ca": _PATH,
    "alpn": _LIST,
    "multicast": _LIST,
    "keepalive": _FLAG,
    "reuse_port": _FLAG,
    "ipv6_only": _FLAG,
    "verify": _FLAG,
    "sni": (Mapping, "a dict of names"),
}


def check(kind: str, options: Mapping[str, Any], allowed: type) -> None:
    """Raise TypeError for an option that does not exist, saying which there are."""
    names = allowed.__annotations__.keys()
    for name in options:
        if name not in names:
            raise TypeError(
                f"{kind}() has no option {name!r}; there are {', '.join(sorted(names))}"
            )
        expected, text = _TYPES.get(name, (object, ""))
        if not isinstance(options[name], expected):
            raise TypeError(f"{name}= is {text}, not {options[name]!r}")


def positive(name: str, value: Any, *, zero: bool = False) -> float:
    """A number over 0 (or 0, if that is allowed); ValueError says which option is wrong."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0:
        raise ValueError(f"{name} must be a number, not {value!r}")
    if value == 0 and not zero:
        raise ValueError(f"{name} must be over 0")
    return value


def count(name: str, value: Any) -> int:
    """A whole number over 0, or infinity, which is as many as there can be."""
    return int(min(positive(name, value), sys.maxsize))
