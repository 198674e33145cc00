"""Simulated datagram sockets: sizes, sources, loss, duplicates, disorder."""

from __future__ import annotations

import errno
from collections import deque
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ..core.address import Address
from ..core.datagram_socket import DatagramSocket
from .poller import READABLE, WRITABLE

if TYPE_CHECKING:
    from .host import SimHost

#: The largest payload of a UDP datagram over IPv4.
LARGEST = 65507
#: Bytes that wait to be received; what comes beyond is dropped.
ROOM = 212_992
#: Seconds that a full socket stays full.
FULL_FOR = 0.001


class SimDatagramSocket(DatagramSocket):
    """A datagram socket, bound, and connected to one address if ``remote`` is given."""

    def __init__(
        self, host: SimHost, address: Address, remote: Address | None = None, target: Any = None
    ) -> None:
        self.host = host
        self.kind = "udp"
        self.address = address
        self.remote = remote
        self.to = target
        self.groups: set[str] = set()
        self.reuse = False
        self.only_ipv6 = False
        self.closed = False
        self.owner: Any = None
        self.name = f"udp {host.net.number()}"
        self.fd = host.net.open(self)
        self._queue: deque[tuple[bytes, Address]] = deque()
        self._waiting = 0
        self._dropped = 0
        self._full = False
        self._error = 0

    def receive(self, into: bytearray) -> tuple[int, Any]:
        if self._error:
            return -self._take_error(), None
        if not self._queue:
            return -errno.EAGAIN, None
        data, source = self._queue.popleft()
        self._waiting -= len(data)
        into[: len(data)] = data
        self.host.net.note(self.name, "recv", len(data))
        return len(data), tuple(source)

    def transmit(self, data: bytes, target: Any) -> int:
        net = self.host.net
        if self._error:
            return -self._take_error()
        to = target or self.to or self.remote
        if to is None:
            return -errno.EDESTADDRREQ
        if len(data) > LARGEST:
            return -errno.EMSGSIZE
        if self._full:
            return -errno.EAGAIN
        if net.chance(net.faults.short_write):
            self._full = True
            net.at(net.now + FULL_FOR, self._drained)
            return -errno.EAGAIN
        net.note(self.name, "send", len(data))
        to = Address(to[0], to[1])
        source = Address(self._source(to.host), self.address.port)
        copies = 2 if net.chance(net.faults.duplicate) else 1
        for _ in range(copies):
            if net.chance(net.faults.loss):
                net.note(self.name, "lost", len(data))
                continue
            delay = net.latency + net.between(net.faults.delay)
            if net.chance(net.faults.reorder):
                delay += net.between(net.faults.reorder_time)
            net.at(net.now + delay, self._arrive, data, source, to)
        return len(data)

    def local(self) -> Address:
        return self.address

    def dropped(self) -> int:
        return self._dropped

    def socket(self) -> Any:
        raise OSError(errno.ENOTSOCK, "a simulated socket has no options")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.host.net.note(self.name, "close", "")
            self.host.net.free(self.fd)
            self.host.unbind(self)

    def readiness(self) -> int:
        state = READABLE if self._queue or self._error else 0
        return state if self._full else state | WRITABLE

    def _source(self, to: str) -> str:
        if ip_address(self.address.host).is_unspecified:
            return self.host.source_for(to)
        return self.address.host

    def _take_error(self) -> int:
        code, self._error = self._error, 0
        return code

    def _drained(self) -> None:
        self._full = False
        self._notify(WRITABLE)

    def _notify(self, kind: int) -> None:
        if self.closed:
            return
        if self.owner is not None:
            self.owner.wake()
        else:
            self.host.net.notify(self.fd, kind)

    def _arrive(self, data: bytes, source: Address, to: Address) -> None:
        net = self.host.net
        if not net.reaches(source.host, to.host):
            return
        sockets = net.datagram_sockets(self.host, to)
        if not sockets and self.remote is not None:
            # The answer of the host: nobody has this port (RFC 1122 4.1.3.3).
            self._error = errno.ECONNREFUSED
            self._notify(READABLE)
        for sock in sockets:
            sock._take(data, source)

    def _take(self, data: bytes, source: Address) -> None:
        net = self.host.net
        if self.closed or (self.remote is not None and source != self.remote):
            return
        if self._waiting + len(data) > ROOM:
            self._dropped += 1
            net.note(self.name, "dropped", len(data))
            return
        net.note(self.name, "arrived", len(data))
        self._queue.append((data, source))
        self._waiting += len(data)
        self._notify(READABLE)

    def __str__(self) -> str:
        return f"{self.name} on {self.address}"
