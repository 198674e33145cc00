"""Listeners and adopted sockets: from an address or a socket to a connection."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from .address import NOWHERE, Address, Url
from .connection import Connection
from .datagram import DatagramConnection, DatagramListener
from .datagram_socket import DatagramSocket
from .events import Flag
from .listener import Listener
from .options import BindOptions, check
from .registry import Scheme, find_scheme, make_protocol
from .settings import configure, wants_tls
from .stream import Stream

if TYPE_CHECKING:
    from .manager import Manager
    from .protocol import Protocol

#: Ports that are tried for a listener of two transports, when any will do.
PORT_ATTEMPTS = 32
#: The first descriptor that a service manager hands over (systemd's protocol).
LISTEN_FDS_START = 3


def bind(mgr: Manager, url: Url, handler: Any, options: dict[str, Any]) -> Connection:
    """`Manager.bind`, with its address parsed."""
    check("bind", options, BindOptions)
    scheme = find_scheme(url.scheme)
    protocol = make_protocol(scheme, options.get("options"))
    secure = wants_tls(scheme, options)
    settings = None
    if secure:
        from .tls import Settings

        settings = Settings(options)
        if scheme.transport == "udp":
            raise ValueError("TLS over UDP (DTLS) is not supported")
        settings.server_context()  # a bad certificate is told before the port is taken
    if not scheme.second:
        io = _open(mgr, scheme.transport, url, options)
        c = _listen(mgr, io, scheme.transport, url, handler, options, settings, protocol)
        return c  # type: ignore[no-any-return]
    if "fd" in options:
        raise ValueError(f"{url.scheme}:// listens on two sockets: bind each by itself to use fd=")
    first, second = _open_both(mgr, scheme, url, options)
    try:
        c = _listen(mgr, first, scheme.transport, url, handler, options, settings, protocol)
    except BaseException:
        second.close()
        raise
    try:
        c.join(_listen(mgr, second, scheme.second, url, handler, options, settings, protocol))
    except BaseException:
        c._finish()
        raise
    return c  # type: ignore[no-any-return]


def _open(mgr: Manager, transport: str, url: Url, options: dict[str, Any]) -> Any:
    opening = mgr.network.bind_datagram if transport == "udp" else mgr.network.listen
    return opening(url, options)


def _open_both(mgr: Manager, scheme: Scheme, url: Url, options: dict[str, Any]) -> tuple[Any, Any]:
    """Sockets of two transports on one port: a port that the system chose for one may be taken for
    the other, so another is tried then."""
    attempts = 1 if url.port else PORT_ATTEMPTS
    while True:
        attempts -= 1
        first = _open(mgr, scheme.transport, url, options)
        try:
            same = url._replace(port=first.local().port)
            return first, _open(mgr, scheme.second, same, options)
        except BaseException as e:
            first.close()
            if not isinstance(e, OSError) or not attempts:
                raise


def _listen(
    mgr: Manager,
    io: Any,
    transport: str,
    url: Url,
    handler: Any,
    options: dict[str, Any],
    settings: Any,
    protocol: Protocol | None,
) -> Any:
    """A listener on a socket, which it owns from now on."""
    kind: Any = DatagramListener if transport == "udp" else Listener
    try:
        c = kind(mgr, handler, io)
    except BaseException:
        io.close()
        raise
    try:
        configure(c, options)
        if settings is not None:
            c.secure(settings)
        c.begin(options)
    except BaseException:
        c._finish()
        raise
    leaves_file = url.is_unix and not url.path.startswith("@") and "fd" not in options
    if leaves_file and mgr.network.unix_files:
        c._unlink = os.path.abspath(url.path)
    if protocol is not None:
        c.protocol = protocol
    return c


def adopt(mgr: Manager, sock: Any, handler: Any, options: dict[str, Any]) -> Connection:
    """`Manager.adopt`."""
    check("adopt", options, BindOptions)
    is_datagram = isinstance(sock, socket.socket) and sock.type == socket.SOCK_DGRAM
    c: Any
    if sock is None:
        c = Connection(mgr, handler)
    elif is_datagram:
        c = DatagramConnection(mgr, handler, int(Flag.UDP))
    else:
        c = Stream(mgr, handler)
    try:
        configure(c, options)
        if sock is None:
            c._open(-1, None)
        elif is_datagram:
            c._adopt(DatagramSocket(sock), _peer_of(sock))
        else:
            c._adopt(mgr.network.adopt(sock))
    except BaseException:
        mgr._forget(c)
        raise
    return c  # type: ignore[no-any-return]


def _peer_of(sock: socket.socket) -> Address:
    from .address import from_sockaddr

    try:
        return from_sockaddr(sock.getpeername())
    except OSError:
        return NOWHERE


def inherited_listeners() -> list[int]:
    """Descriptors that the process was started with to listen on (``LISTEN_FDS``).

    Pass one to `Manager.bind` as ``fd=``. The variables are removed, so that a child process does
    not take them for its own.
    """
    pid = os.environ.pop("LISTEN_PID", None)
    count = os.environ.pop("LISTEN_FDS", None)
    os.environ.pop("LISTEN_FDNAMES", None)
    if count is None or not count.isdigit() or (pid is not None and pid != str(os.getpid())):
        return []
    return list(range(LISTEN_FDS_START, LISTEN_FDS_START + int(count)))
