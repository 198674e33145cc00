"""Listeners and adopted sockets: from an address or a socket to a connection."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from .address import Address, Url
from .connection import Connection
from .datagram import DatagramConnection, DatagramListener, DatagramSocket
from .events import Flag
from .listener import Listener
from .options import BindOptions, check
from .registry import find_scheme, make_protocol
from .settings import configure, wants_tls
from .stream import Stream

if TYPE_CHECKING:
    from .manager import Manager

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
    kind: Any = DatagramListener if scheme.transport == "udp" else Listener
    open_socket = mgr.network.bind_datagram if kind is DatagramListener else mgr.network.listen
    io = open_socket(url, options)
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
    return c  # type: ignore[no-any-return]


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
        return Address("")


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
