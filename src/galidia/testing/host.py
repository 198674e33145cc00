"""One host of a simulated network: what a manager on it asks of its operating system."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from ..core.address import Address, Url, is_ip, parse_address
from ..core.network import BACKLOG, Network
from ..core.resolver import NotFoundError, Resolver
from .peers import RawClient, RawDatagrams, RawServer
from .poller import SimPoller, SimWaker
from .tcp import SimListener, SimStream
from .udp import SimDatagramSocket

if TYPE_CHECKING:
    from ..core.manager import Manager
    from ..core.poller import Poller
    from ..core.resolver import Answer
    from ..core.transport import Transport
    from .network import SimNetwork

FIRST_EPHEMERAL = 49152
LAST_PORT = 65535
#: Where the IPv6 address of a host comes from: this prefix and its IPv4 address.
PREFIX = int(IPv6Address("fd00::"))


class SimHost(Network):
    """A host with an IPv4 address, the IPv6 address ``fd00::`` plus that, and loopback.

    It is the ``network=`` of the managers on it. An address that is bound and belongs to no other
    host becomes its own. Made by `SimNetwork.host`.
    """

    unix_files = False
    hosts_file = resolv_conf = ""

    def __init__(self, net: SimNetwork, address: str) -> None:
        self.net = net
        self.address = address
        self.address6 = str(IPv6Address(PREFIX | int(IPv4Address(address))))
        self._bound: dict[tuple[str, int], list[Any]] = {}
        self._used: dict[tuple[str, int], int] = {}
        self._next_port = FIRST_EPHEMERAL
        net.owners[self.address] = net.owners[self.address6] = self

    # -- the seam -----------------------------------------------------------------------------

    def monotonic(self) -> float:
        return self.net.now

    def time(self) -> float:
        return self.net.epoch + self.net.now

    def poller(self) -> Poller:
        poller = SimPoller(self.net, self.net.number())
        self.net.pollers.append(poller)
        return poller

    def waker(self) -> Any:
        return SimWaker(self.net)

    def entropy(self, n: int) -> bytes:
        return self.net.random.randbytes(n)

    def resolver(self, mgr: Manager) -> Resolver:
        return SimResolver(mgr, self.net)

    def socketpair(self) -> tuple[Any, Any]:
        one, other = (SimStream(self, "unix", Address(""), Address("")) for _ in range(2))
        one.mate, other.mate = other, one
        for stream in (one, other):
            stream.fd = self.net.open(stream)
        return one, other

    def adopt(self, sock: Any) -> Transport:
        if not isinstance(sock, SimStream):
            raise TypeError("a simulated network takes what its own socketpair() gave, no socket")
        return sock

    def listen(self, url: Url, options: dict[str, Any]) -> Any:
        if "fd" in options:
            raise OSError(errno.EBADF, "a simulated network inherits no descriptors")
        backlog = options.get("backlog", BACKLOG)
        if url.is_unix:
            if url.path in self.net.paths:
                raise OSError(errno.EADDRINUSE, f"cannot bind unix:{url.path}: in use")
            listener = SimListener(self, "unix", Address(url.path), backlog)
            self.net.paths[url.path] = listener
            return listener
        address = self._address(url, "tcp", options)
        listener = SimListener(self, "tcp", address, backlog)
        self._bind(listener, options)
        return listener

    def dial(
        self, family: int, host: str, port: int, options: dict[str, Any]
    ) -> tuple[Transport | None, int]:
        net = self.net
        if net.chance(net.faults.no_descriptor):
            return None, errno.EMFILE
        if family == getattr(socket, "AF_UNIX", None):
            return self._dial_unix(host)
        there = Address(_routable(host), port)
        try:
            local = self._local(there.host, "tcp", options)
        except OSError as e:
            return None, e.errno or errno.EIO
        stream = SimStream(self, "tcp", local, there)
        stream.connecting = True
        stream.fd = net.open(stream)
        net.note(stream.name, "dial", f"{there} from {local} as {stream.fd}")
        net.at(net.now + net.latency, stream.request, net.route(self, there.host))
        return stream, errno.EINPROGRESS

    def bind_datagram(self, url: Url, options: dict[str, Any]) -> Any:
        if "fd" in options or url.is_unix:
            raise OSError(errno.EOPNOTSUPP, "a simulated datagram socket has an IP address")
        sock = SimDatagramSocket(self, self._address(url, "udp", options))
        sock.groups.update(group.partition("@")[0] for group in options.get("multicast", ()))
        self._bind(sock, options)
        return sock

    def dial_datagram(
        self, family: int, host: str, port: int, options: dict[str, Any], broadcast: bool
    ) -> Any:
        there = Address(_routable(host), port)
        local = self._local(there.host, "udp", options)
        if broadcast or ip_address(there.host).is_multicast:
            sock = SimDatagramSocket(self, local, None, tuple(there))
            sock.groups.update(group.partition("@")[0] for group in options.get("multicast", ()))
        else:
            sock = SimDatagramSocket(self, local, there)
        self._bound.setdefault(("udp", local.port), []).append(sock)
        return sock

    # -- peers without a manager --------------------------------------------------------------

    def client(self, address: str, *, source: str | None = None) -> Any:
        """A raw peer that connects to an address: a `RawClient`, of ``udp://`` a `RawDatagrams`.

        Nothing is reported before the network runs: look at ``connected`` and ``error``.
        """
        url = parse_address(address)
        options: dict[str, Any] = {}
        if source is not None:
            from_ = parse_address(source if ":" in source else f"{source}:0")
            options["source"] = (from_.host, from_.port)
        if url.scheme == "udp":
            return RawDatagrams(self.dial_datagram(0, url.host, url.port, options, False))
        family = socket.AF_UNIX if url.is_unix else socket.AF_INET
        stream, code = self.dial(family, url.path or self._literal(url.host), url.port, options)
        if not isinstance(stream, SimStream):
            raise OSError(code, os.strerror(code))
        return RawClient(stream)

    def server(self, address: str, *, backlog: int = BACKLOG) -> Any:
        """A raw listener on an address: a `RawServer`, of ``udp://`` a `RawDatagrams`."""
        url = parse_address(address)
        if url.scheme == "udp":
            return RawDatagrams(self.bind_datagram(url, {}))
        return RawServer(self.listen(url, {"backlog": backlog}))

    # -- addresses and ports ------------------------------------------------------------------

    def source_for(self, target: str) -> str:
        """The own address that packets to an address come from."""
        if ip_address(target).is_loopback or self.net.owners.get(target) is self:
            return target
        return self.address6 if ":" in target else self.address

    def find(self, kind: str, address: Address) -> Any:
        """Who has an address of this host, or None."""
        bound = self._bound.get((kind, address.port), ())
        found = [sock for sock in bound if sock.address.host == address.host]
        found = found or [sock for sock in bound if _covers(sock, address.host)]
        if len(found) > 1:
            return self.net.random.choice(found)
        return found[0] if found else None

    def unbind(self, sock: Any) -> None:
        """A socket of this host is closed."""
        if sock.kind == "unix":
            del self.net.paths[sock.address.host]
        else:
            self._bound[sock.kind, sock.address.port].remove(sock)

    def release(self, kind: str, port: int) -> None:
        """A stream of this host is closed."""
        if self._used.get((kind, port), 0) > 1:
            self._used[kind, port] -= 1
        else:
            self._used.pop((kind, port), None)

    def sockets(self, kind: str, port: int) -> list[Any]:
        """All that are bound to a port."""
        return self._bound.get((kind, port), [])

    def _literal(self, host: str) -> str:
        if host == "localhost" or not host:
            return "127.0.0.1"
        if is_ip(host):
            return host
        found = self.net.addresses_of(host)
        if not found:
            raise OSError(errno.EADDRNOTAVAIL, f"{host!r} is not a name of this network")
        return found[0]

    def _address(self, url: Url, kind: str, options: dict[str, Any]) -> Address:
        host = str(ip_address(self._literal(url.host))) if url.host else "::"
        if not (ip_address(host).is_loopback or ip_address(host).is_unspecified):
            if self.net.owners.setdefault(host, self) is not self:
                raise OSError(errno.EADDRNOTAVAIL, f"{host} is the address of another host")
        return Address(host, url.port or self._free_port(kind))

    def _local(self, target: str, kind: str, options: dict[str, Any]) -> Address:
        host, port = options.get("source") or ("0.0.0.0", 0)
        if ip_address(host).is_unspecified:
            host = self.source_for(target)
        if port and ((kind, port) in self._used or self._bound.get((kind, port))):
            raise OSError(errno.EADDRINUSE, f"port {port} is in use")
        port = port or self._free_port(kind)
        if kind == "tcp":
            self._used[kind, port] = self._used.get((kind, port), 0) + 1
        return Address(host, port)

    def _free_port(self, kind: str) -> int:
        for _ in range(FIRST_EPHEMERAL, LAST_PORT + 1):
            port = self._next_port
            self._next_port = port + 1 if port < LAST_PORT else FIRST_EPHEMERAL
            if (kind, port) not in self._used and not self._bound.get((kind, port)):
                return port
        raise OSError(errno.EADDRINUSE, "no port is free")

    def _bind(self, sock: Any, options: dict[str, Any]) -> None:
        sock.reuse = bool(options.get("reuse_port") or options.get("multicast"))
        sock.only_ipv6 = bool(options.get("ipv6_only"))
        bound = self._bound.setdefault((sock.kind, sock.address.port), [])
        host = sock.address.host
        for other in bound:
            same = host == other.address.host or _covers(sock, other.address.host)
            if (same or _covers(other, host)) and not (sock.reuse and other.reuse):
                sock.closed = True
                self.net.free(sock.fd)
                raise OSError(errno.EADDRINUSE, f"cannot bind {sock.address}: in use")
        bound.append(sock)

    def _dial_unix(self, path: str) -> tuple[Transport | None, int]:
        listener = self.net.paths.get(path)
        if listener is None:
            return None, errno.ENOENT
        stream = SimStream(self, "unix", Address(""), Address(path))
        stream.connecting = True
        if not listener.offer(stream):
            return None, errno.EAGAIN
        stream.fd = self.net.open(stream)
        return stream, 0


class SimResolver(Resolver):
    """The names of the network, after the time it takes."""

    def __init__(self, mgr: Manager, net: SimNetwork) -> None:
        super().__init__(mgr)
        self._net = net

    def ask(self, name: str, answer: Answer) -> Callable[[], object]:
        net = self._net
        found = [] if net.chance(net.faults.no_name) else net.addresses_of(name)
        pending = [answer]
        net.at(net.now + net.between(net.faults.resolve_time), self._answer, pending, found, name)
        return pending.clear

    def _answer(self, pending: list[Answer], found: list[str], name: str) -> None:
        if not self._mgr.closed:
            self._mgr.call_soon_threadsafe(self._tell, pending, found, name)

    def _tell(self, pending: list[Answer], found: list[str], name: str) -> None:
        for answer in pending:
            answer(
                found,
                "" if found else NotFoundError(f"{name!r} cannot be resolved: no such name"),
            )


def _covers(sock: Any, host: str) -> bool:
    """Whether a socket is bound to all addresses, this one among them."""
    if sock.address.host == "0.0.0.0":
        return ":" not in host
    return sock.address.host == "::" and (":" in host or not sock.only_ipv6)


def _routable(host: str) -> str:
    address = ip_address(host.partition("%")[0])
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return str(address)
