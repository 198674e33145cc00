"""The network as the operating system gives it: sockets, clocks, and a way to wake up a wait.

Together with `Transport` and `Poller` this is the seam that the simulated network fills as well.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
import time
from typing import TYPE_CHECKING, Any

from .address import Address, Url, is_ip, to_sockaddr
from .hosts import HOSTS_FILE
from .poller import Poller, Watcher, default_poller
from .transport import ListenTransport, SocketTransport, Transport, borrow

if TYPE_CHECKING:
    from .datagram_socket import DatagramSocket
    from .manager import Manager
    from .resolver import Resolver

#: Connections that the kernel keeps waiting for `accept`.
BACKLOG = 4096
_LOCAL = (getattr(socket, "AF_UNIX", None),)


class Waker(Watcher):
    """Ends a wait from another thread, or from a signal."""

    __slots__ = ("_in", "_out", "fd", "signal_fd")

    def __init__(self) -> None:
        self._in, self._out = socket.socketpair()
        self._in.setblocking(False)
        self._out.setblocking(False)
        self.fd = self._in.fileno()
        self.signal_fd = self._out.fileno()

    def wake(self) -> None:
        try:
            self._out.send(b"\0")
        except OSError:
            pass  # full: it is going to wake up anyway; closed: nobody waits

    def _ready(self, mask: int) -> None:
        try:
            while len(self._in.recv(4096)) == 4096:
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        self._in.close()
        self._out.close()


class Network:
    """Opens sockets and tells the time."""

    #: Whether a Unix socket leaves a file behind, for its listener to remove.
    unix_files = True
    #: Where names are found: the hosts file, and the one that says which servers to ask.
    hosts_file = HOSTS_FILE
    resolv_conf = "/etc/resolv.conf"

    def monotonic(self) -> float:
        """Seconds on a clock that only goes forward."""
        return time.monotonic()

    def time(self) -> float:
        """UNIX time."""
        return time.time()

    def poller(self) -> Poller:
        return default_poller()

    def waker(self) -> Any:
        return Waker()

    def entropy(self, n: int) -> bytes:
        """Bytes that nobody can guess."""
        return os.urandom(n)

    def resolver(self, mgr: Manager) -> Resolver:
        from .resolver import DefaultResolver

        return DefaultResolver(mgr)

    def socketpair(self) -> tuple[Any, Any]:
        return socket.socketpair()

    def adopt(self, sock: Any) -> Transport:
        if isinstance(sock, int):
            from .pipe import PipeTransport

            return PipeTransport(sock)
        return SocketTransport(sock)

    def listen(self, url: Url, options: dict[str, Any]) -> Any:
        """A listening stream transport. Raises OSError."""
        if "fd" in options:
            return ListenTransport(_inherited(options["fd"], socket.SOCK_STREAM))
        sock = _bound(url, socket.SOCK_STREAM, options)
        try:
            sock.listen(options.get("backlog", BACKLOG))
            return ListenTransport(sock)
        except BaseException:
            sock.close()
            raise

    def dial(
        self, family: int, host: str, port: int, options: dict[str, Any]
    ) -> tuple[Transport | None, int]:
        """Start to connect a stream: the transport, and an errno (EINPROGRESS: it goes on)."""
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as e:
            return None, e.errno or errno.EIO
        try:
            sock.setblocking(False)
            _set_stream_options(sock, options)
            _bind_source(sock, family, options)
            code = sock.connect_ex(to_sockaddr(family, host, port))
        except socket.gaierror:  # a source of the other family
            sock.close()
            return None, errno.EAFNOSUPPORT
        except OSError as e:
            sock.close()
            return None, e.errno or errno.EIO
        # On a Unix socket EAGAIN is the answer of a listener whose queue is full.
        if code not in (0, errno.EINPROGRESS) and (family in _LOCAL or code != errno.EWOULDBLOCK):
            sock.close()
            return None, code
        return SocketTransport(sock, Address(host, port)), code

    def bind_datagram(self, url: Url, options: dict[str, Any]) -> DatagramSocket:
        """A bound datagram socket. Raises OSError."""
        from .datagram_socket import DatagramSocket

        if "fd" in options:
            return DatagramSocket(_inherited(options["fd"], socket.SOCK_DGRAM))
        sock = _bound(url, socket.SOCK_DGRAM, options)
        try:
            for group in options.get("multicast", ()):
                _join(sock, group)
            return DatagramSocket(sock)
        except BaseException:
            sock.close()
            raise

    def dial_datagram(
        self, family: int, host: str, port: int, options: dict[str, Any], broadcast: bool
    ) -> DatagramSocket:
        """A datagram socket that talks to one address. Raises OSError."""
        from .datagram_socket import DatagramSocket

        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if broadcast:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            _bind_source(sock, family, options)
            target = to_sockaddr(family, host, port)
            if broadcast or _is_multicast(host):
                # The answers come from other addresses: the kernel must not filter for this one.
                for group in options.get("multicast", ()):
                    _join(sock, group)
                return DatagramSocket(sock, target)
            sock.connect(target)
            return DatagramSocket(sock)
        except BaseException:
            sock.close()
            raise


def _inherited(fd: int, kind: int) -> socket.socket:
    try:
        with borrow(fd) as original:
            sock = original.dup()
    except (OSError, TypeError) as e:
        raise OSError(errno.EBADF, f"fd={fd!r} is not a socket: {e}") from None
    if sock.type != kind:
        sock.close()
        raise OSError(errno.EPROTOTYPE, f"fd={fd} is a socket of another type than the address")
    return sock


def _bound(url: Url, kind: int, options: dict[str, Any]) -> socket.socket:
    if url.is_unix:
        return _bound_unix(url, kind)
    stream = kind == socket.SOCK_STREAM
    host = url.host
    if host == "":
        host = "::" if _has_ipv6() else "0.0.0.0"
    if not is_ip(host):
        found = socket.getaddrinfo(host, url.port, type=kind, flags=socket.AI_PASSIVE)
        family, _, _, _, sockaddr = found[0]
        host = str(sockaddr[0])
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return _bound_ip(family, host, url.port, kind, options)
    except OSError as e:
        what = "tcp" if stream else "udp"
        raise OSError(e.errno, f"cannot bind {what} {host!r} port {url.port}: {e.strerror}") from e


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::", 0))
            return True
    except OSError:
        return False


def _bound_ip(
    family: int, host: str, port: int, kind: int, options: dict[str, Any]
) -> socket.socket:
    sock = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            if os.name == "posix":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _set_stream_options(sock, options)
        elif options.get("multicast"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if options.get("reuse_port"):
            if not hasattr(socket, "SO_REUSEPORT"):
                raise OSError(errno.ENOTSUP, "reuse_port: this platform has no SO_REUSEPORT")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if options.get("flags", 0) & (1 << 14) and kind == socket.SOCK_DGRAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if family == socket.AF_INET6:
            only = 1 if options.get("ipv6_only") else 0
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        sock.bind(to_sockaddr(family, host, port))
        return sock
    except BaseException:
        sock.close()
        raise


def _bound_unix(url: Url, kind: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, kind)
    address = to_sockaddr(socket.AF_UNIX, url.path, 0)
    try:
        try:
            sock.bind(address)
        except OSError as e:
            if e.errno != errno.EADDRINUSE or not _is_stale(url.path, kind):
                raise OSError(e.errno, f"cannot bind unix:{url.path}: {e.strerror}") from e
            os.unlink(url.path)
            sock.bind(address)
        return sock
    except BaseException:
        sock.close()
        raise


def _is_stale(path: str, kind: int) -> bool:
    """Whether a socket's file was left behind by a process that is gone."""
    if path.startswith("@") or not stat.S_ISSOCK(os.stat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _set_stream_options(sock: socket.socket, options: dict[str, Any]) -> None:
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    # Set on a listener too: what it accepts inherits them.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.get("keepalive", True):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _bind_source(sock: socket.socket, family: int, options: dict[str, Any]) -> None:
    source = options.get("source")
    if source is not None:
        sock.bind(to_sockaddr(family, source[0], source[1]))


def _is_multicast(host: str) -> bool:
    from ipaddress import ip_address

    return is_ip(host) and ip_address(host.partition("%")[0]).is_multicast


def check_group(group: str) -> tuple[str, str]:
    """Address and interface of a multicast group. Raises ValueError or TypeError."""
    if not isinstance(group, str):
        raise TypeError(f"multicast: a group is a str like '239.1.2.3', not {group!r}")
    address, _, interface = group.partition("@")
    if not _is_multicast(address):
        raise ValueError(f"multicast: {address!r} is not a multicast address")
    return address, interface


def _join(sock: socket.socket, group: str) -> None:
    """Join a multicast group, "GROUP" or "GROUP@INTERFACE". Raises OSError or ValueError."""
    address, interface = check_group(group)
    if ":" in address:
        index = socket.if_nametoindex(interface) if interface else 0
        packed = socket.inet_pton(socket.AF_INET6, address) + index.to_bytes(4, sys.byteorder)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed)
        return
    if interface and not is_ip(interface):
        raise ValueError(f"multicast: {interface!r} is not the IPv4 address of an interface")
    packed = socket.inet_aton(address) + socket.inet_aton(interface or "0.0.0.0")
    if sock.family == socket.AF_INET6:
        raise ValueError(f"multicast: {address} is IPv4; bind to 0.0.0.0, not to [::]")
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed)
