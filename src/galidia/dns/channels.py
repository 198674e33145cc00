"""The ways to a server: UDP sockets that are soon given up, and one TCP connection.

A forger who does not see the traffic has to guess what he does not know (RFC 5452): the id of a
query and the port it came from, 16 and 15 random bits, besides the question. A socket lives while
queries wait on it and takes `QUERIES` of them in its life. So a query that is asked alone has a
port of its own, and a thousand that are asked at once share some twenty ports that nobody knows;
a new socket for each would cost more than all the rest of a look-up. The socket is connected: the
kernel drops what comes from elsewhere, and reports a port that nobody listens on.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.address import Address, family_of, is_ip
from ..core.events import Event
from ..core.handler import handles
from ..core.poller import Watcher

if TYPE_CHECKING:
    from ..core.connection import Connection
    from ..core.manager import Manager

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize

#: Queries that one UDP socket sends in its life.
QUERIES = 64
#: Ports are drawn from here on.
FIRST_PORT = 32_768
#: Draws of a port that is taken, before the kernel is left to choose.
DRAWS = 8
#: Seconds in which a server that did not answer is asked after the others.
DOWN_FOR = 30.0
#: Datagrams taken in one go before it is the others' turn.
BATCH = 64
#: Bytes of a header: id, flags and four counts.
HEADER = 12

_QUERIES, _BATCH, _HEADER = QUERIES, BATCH, HEADER
_READABLE, _WRITABLE = 1, 2
_SOFT = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class Asker:
    """Who waits for a reply."""

    __slots__ = ()

    def replied(self, channel: Channel, data: bytes) -> bool:
        """A message with the id of the query: whether it is a reply to it."""
        raise NotImplementedError

    def failed(self, channel: Channel, why: str) -> None:
        """There will be none on this channel."""
        raise NotImplementedError


class Dice:
    """Random numbers of 16 bits, drawn from the network's entropy in blocks."""

    __slots__ = ("_at", "_block", "_network")

    def __init__(self, network: Any) -> None:
        self._network = network
        self._block = b""
        self._at = 0

    def draw(self) -> int:
        at, block = self._at, self._block
        if at >= len(block):
            block = self._block = self._network.entropy(512)
            at = 0
        self._at = at + 2
        return block[at] << 8 | block[at + 1]


class Server:
    """A server, and the sockets that lead to it.

    ``plain`` is set when it does not know EDNS; ``ignored`` counts datagrams that were no reply to
    anything that had been asked: late, doubled, damaged or forged.
    """

    __slots__ = (
        "_tcp",
        "address",
        "dice",
        "down_until",
        "ignored",
        "lane",
        "mgr",
        "multicast",
        "plain",
    )

    def __init__(
        self, mgr: Manager, dice: Dice, host: str, port: int, multicast: bool = False
    ) -> None:
        if not is_ip(host):
            raise ValueError(f"a server is an IP address and a port, not {host!r}")
        ip = ip_address(host)
        if ip.is_unspecified:  # this machine, resolv.conf(5) says
            host = "127.0.0.1" if ip.version == 4 else "::1"
        self.mgr = mgr
        self.dice = dice
        self.address = Address(host, port)
        self.multicast = multicast
        self.plain = False
        self.down_until = 0.0
        self.ignored = 0
        self.lane: Lane | None = None
        self._tcp: TcpLane | None = None

    def ask(self, asker: Asker, wire: bytes) -> tuple[Channel, int]:
        """Send a query over UDP: the channel that the reply comes by, and the id. Raises OSError"""
        lane = self.lane
        if lane is None or lane.used >= _QUERIES:
            self.lane = None  # stays None if there is no other
            lane = self.lane = Lane(self)
        return lane, lane.ask(asker, wire)

    def ask_tcp(self, asker: Asker, wire: bytes) -> tuple[Channel, int]:
        """The same over TCP (RFC 7766); all that wait at the same time share a connection."""
        if self._tcp is None:
            self._tcp = TcpLane(self)
        return self._tcp, self._tcp.ask(asker, wire)

    def gone(self, channel: Channel) -> None:
        """A channel is closed."""
        if self.lane is channel:
            self.lane = None
        if self._tcp is channel:
            self._tcp = None

    def __str__(self) -> str:
        return str(self.address)


class Channel(Watcher):
    """Queries that wait for a reply, by id."""

    __slots__ = ("server", "waiting")

    def __init__(self, server: Server) -> None:
        self.server = server
        self.waiting: dict[int, Asker] = {}

    def draw(self, asker: Asker) -> int:
        """An id that no other query of this channel has."""
        ident = self.server.dice.draw()
        while ident in self.waiting:
            ident = self.server.dice.draw()
        self.waiting[ident] = asker
        return ident

    def take(self, data: bytes) -> None:
        """A message has come."""
        asker = None
        if len(data) >= _HEADER:
            asker = self.waiting.get(data[0] << 8 | data[1])
        if asker is None or not asker.replied(self, data):
            self.server.ignored += 1

    def drop(self, ident: int) -> None:
        """Nobody waits for this reply any more."""
        self.waiting.pop(ident, None)
        if not self.waiting:
            self.close()

    def lose(self, why: str) -> None:
        """It is broken: tell those who wait."""
        self.close()
        waiting = list(self.waiting.values())
        self.waiting.clear()
        for asker in waiting:
            asker.failed(self, why)

    def close(self) -> None:
        raise NotImplementedError


class Lane(Channel):
    """A UDP socket to one server, or to a multicast group."""

    __slots__ = ("_host", "_interest", "_io", "_outbox", "_port", "used")

    def __init__(self, server: Server) -> None:
        Channel.__init__(self, server)
        self.used = 0
        self._outbox: deque[bytes] = deque()
        host, port = server.address
        self._host, self._port = host, port
        family = family_of(host)
        draws = DRAWS
        while True:
            options: dict[str, Any] = {}
            if draws:
                source = FIRST_PORT | server.dice.draw()
                options["source"] = ("::" if ":" in host else "0.0.0.0", source)
            try:
                self._io: Any = server.mgr.network.dial_datagram(family, host, port, options, False)
                break
            except OSError as e:
                if e.errno != errno.EADDRINUSE or not draws:
                    raise
            draws -= 1
        server.mgr._attach(self._io.fd, self)
        self._interest = 0
        self._watch(_READABLE)

    def ask(self, asker: Asker, wire: bytes) -> int:
        """Send a query under an id of its own, which is returned."""
        self.used += 1
        ident = self.draw(asker)
        self._send(ident.to_bytes(2, "big") + wire[2:])
        return ident

    def _send(self, data: bytes) -> None:
        if self._outbox:
            self._outbox.append(data)
            return
        n = self._io.transmit(data, None)
        if n < 0 and -n not in _SOFT:
            n = self._io.transmit(data, None)  # the error was about an earlier one
        if n < 0 and -n in _SOFT:
            self._outbox.append(data)
            self._watch(_READABLE | _WRITABLE)
        elif n < 0:
            self.server.mgr.call_soon_threadsafe(self.lose, os.strerror(-n))

    def _ready(self, mask: int) -> None:
        if mask & _WRITABLE and self._outbox:
            waiting, self._outbox = self._outbox, deque()
            self._watch(_READABLE)
            for data in waiting:
                self._send(data)
        host, port = self._host, self._port
        anybody = self.server.multicast
        scratch = self.server.mgr._scratch
        for _ in range(_BATCH):
            if self._io is None:
                return
            n, sender = self._io.receive(scratch)
            if n < 0:
                if -n not in _SOFT:
                    self.lose(os.strerror(-n))
                return
            # Between being bound and being connected the socket takes what anybody sends.
            if sender[1] == port and (anybody or sender[0] == host or self._is_server(sender[0])):
                if cython.compiled:
                    self.take(PyBytes_FromStringAndSize(PyByteArray_AS_STRING(scratch), n))
                else:
                    self.take(bytes(scratch[:n]))
            else:
                self.server.ignored += 1

    def _is_server(self, host: str) -> bool:
        """Whether this is the server's address, written in another way."""
        return ip_address(host.partition("%")[0]) == ip_address(self._host.partition("%")[0])

    def _watch(self, mask: int) -> None:
        if self._io is not None and mask != self._interest:
            self.server.mgr._poller.set(self._io.fd, self._interest, mask)
            self._interest = mask

    def _finish_broken(self) -> None:
        self.lose("internal error")

    def close(self) -> None:
        io, self._io = self._io, None
        if io is not None:
            self.server.mgr._detach(io.fd, self._interest)
            io.close()
            self._outbox.clear()
            self.server.gone(self)


class TcpLane(Channel):
    """A TCP connection to one server: each message has its length in front of it (RFC 7766 8)."""

    __slots__ = ("_c",)

    def __init__(self, server: Server) -> None:
        Channel.__init__(self, server)
        self._c: Any = server.mgr.connect(f"tcp://{server.address}", handles_of(self))

    def ask(self, asker: Asker, wire: bytes) -> int:
        """Send a query under an id of its own, which is returned."""
        ident = self.draw(asker)
        self._c.send(len(wire).to_bytes(2, "big") + ident.to_bytes(2, "big") + wire[2:])
        return ident

    def received(self, c: Connection) -> None:
        """Bytes have come."""
        buffer, at = c.recv_mbuf, 0
        while len(buffer) - at >= 2:
            end = at + 2 + (buffer[at] << 8 | buffer[at + 1])
            if end > len(buffer):
                break
            self.take(bytes(buffer[at + 2 : end]))
            at = end
        del buffer[:at]

    def close(self) -> None:
        c, self._c = self._c, None
        if c is not None:
            self.server.gone(self)
            c.close()


def handles_of(lane: TcpLane) -> Any:
    """The handler of a TCP lane's connection."""

    @handles(Event.CONNECT, Event.RECV, Event.CLOSE)
    def handler(c: Connection, ev: int, data: Any) -> None:
        if ev == Event.RECV:
            lane.received(c)
        elif ev == Event.CLOSE:
            lane.lose(c.error or "the connection was closed")

    return handler
