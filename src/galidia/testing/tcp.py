"""Simulated streams: TCP, Unix sockets and pairs, as far as an application can tell.

A stream holds what has arrived for it and has a bounded window, so a peer that does not read blocks
the one that writes. Data, FIN and RST travel one behind the other. Closing with unread input, and
data for a closed stream, answer with RST, as TCP does (RFC 9293 3.6.1, RFC 1122 4.2.2.13).
"""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Any

from ..core.address import Address
from ..core.transport import Transport
from .poller import ENDED, EVERYTHING, FAILED, READABLE, WRITABLE

if TYPE_CHECKING:
    from .host import SimHost

#: Segments that are no data.
FIN = "fin"
RST = "reset"
#: Times that a request to connect is sent again, after 1, 2, 4, ... seconds.
CONNECT_RETRIES = 6
#: Seconds after which a stream whose peer cannot be reached fails (RFC 9293 3.8.3).
USER_TIMEOUT = 900.0
#: Receives in a row that find nothing: whoever goes on then does not wait for readiness.
MAX_VAIN = 10_000


class SimStream(Transport):
    """One end of a simulated stream."""

    __slots__ = (
        "_error",
        "_fin",
        "_flight",
        "_full",
        "_held",
        "_inbox",
        "_last_arrival",
        "_local",
        "_peer",
        "_shut",
        "_vain",
        "_window",
        "closed",
        "connecting",
        "dead",
        "host",
        "kind",
        "mate",
        "name",
        "owner",
    )

    def __init__(self, host: SimHost, kind: str, local: Address, peer: Address) -> None:
        net = host.net
        self.fd = -1
        self.host = host
        self.kind = kind
        #: The raw peer that uses it, if it is not a manager's.
        self.owner: Any = None
        self.mate: SimStream | None = None
        self.name = f"{kind} {net.number()}"
        self.connecting = False
        self.closed = False
        #: Reset, refused or timed out: nothing comes or goes any more.
        self.dead = False
        self._local = local
        self._peer = peer
        self._inbox = bytearray()
        self._flight = 0
        self._last_arrival = 0.0
        self._window = net.draw_window()
        self._error = 0
        self._fin = False
        self._shut = False
        self._full = False
        self._vain = 0
        self._held: deque[Any] = deque()

    # -- for the connection -------------------------------------------------------------------

    def recv(self, into: bytearray, limit: int) -> int:
        if self.closed:
            return -errno.EBADF
        if self._inbox and limit > 0:
            n = min(limit, len(self._inbox))
            into[:n] = self._inbox[:n]
            del self._inbox[:n]
            self._vain = 0
            if self.mate is not None:
                self.mate._make_room()
            self.host.net.note(self.name, "recv", n)
            return n
        if self._fin:
            return 0
        if self._error:
            return -self._take_error()
        if self.dead:
            return 0
        self._vain += 1
        if self._vain > MAX_VAIN:
            raise RuntimeError(f"{self.name}: {MAX_VAIN} receives found nothing: a busy loop")
        return -errno.EAGAIN

    def send(self, data: bytes | bytearray, limit: int, more: bool) -> int:
        if self.closed:
            return -errno.EBADF
        if self._error:
            return -self._take_error()
        if self.dead or self._shut:
            return -errno.EPIPE
        mate = self.mate
        if self.connecting or mate is None:
            return -errno.EAGAIN
        if limit == 0:
            return 0
        net = self.host.net
        room = mate._window - len(mate._inbox) - mate._flight
        n = min(limit, room)
        self._full = n < limit
        if n <= 0:
            return -errno.EAGAIN
        if n > 1 and net.chance(net.faults.short_write):
            n = net.random.randint(1, n)
            self._full = False
        net.note(self.name, "send", n)
        mate._flight += n
        mate._transmit_data(bytes(data[:n]))
        return n

    def shutdown(self) -> None:
        if not (self._shut or self.dead or self.closed or self.mate is None):
            self._shut = True
            self.host.net.note(self.name, "shutdown", "")
            self.mate._transmit(FIN)
            self._notify(WRITABLE | (FAILED if self._fin else 0))

    def close(self) -> None:
        self._close(RST if self._inbox or self.connecting else "" if self._shut else FIN)

    def abort(self) -> None:
        self._close(RST)

    def peer(self) -> Address:
        return self._peer

    def local(self) -> Address:
        return self._local

    def connected(self) -> int:
        if self.connecting:
            return errno.EINPROGRESS
        return self._take_error() if self._error else 0

    def _take_error(self) -> int:
        code, self._error = self._error, 0
        return code

    def _close(self, last: str) -> None:
        if self.closed:
            return
        net = self.host.net
        self.closed = True
        net.note(self.name, "close", last)
        if self.fd >= 0:
            net.free(self.fd)
            self.fd = -1
        self.host.release(self.kind, self._local.port)
        if not self.dead and self.mate is not None and last:
            self.mate._transmit(last)
        self._inbox.clear()

    # -- for the poller -----------------------------------------------------------------------

    def readiness(self) -> int:
        state = 0
        if self._inbox or self._fin or self._error or self.dead:
            state = READABLE
        if self._error or self.dead or self._shut or self._roomy():
            state |= WRITABLE
        if self._fin:
            state |= ENDED
        if self._error or self.dead or (self._fin and self._shut):
            state |= FAILED
        return state

    def _roomy(self) -> bool:
        """Whether it counts as writable: a third of the window is free."""
        mate = self.mate
        if self.connecting or mate is None:
            return False
        return (mate._window - len(mate._inbox) - mate._flight) * 3 >= mate._window

    def _make_room(self) -> None:
        """The peer has read."""
        if self._full and self._roomy():
            self._full = False
            self._notify(WRITABLE)

    def _notify(self, kind: int) -> None:
        if self.owner is not None:
            self.owner.wake()
        elif self.fd >= 0:
            self.host.net.notify(self.fd, kind)

    # -- what arrives -------------------------------------------------------------------------

    def _transmit_data(self, data: bytes) -> None:
        net = self.host.net
        while net.chance(net.faults.split) and len(data) > 1:
            n = net.random.randint(1, len(data) - 1)
            self._transmit(data[:n])
            data = data[n:]
        self._transmit(data)

    def _transmit(self, segment: Any) -> None:
        """Have a segment arrive here, behind those that are on their way."""
        net = self.host.net
        delay = net.latency if self.kind == "tcp" else 0.0
        delay += net.between(net.faults.delay)
        if net.chance(net.faults.stall):
            delay += net.between(net.faults.stall_time)
        self._last_arrival = max(self._last_arrival, net.now + delay)
        net.at(self._last_arrival, self._arrive, segment)

    def _arrive(self, segment: Any) -> None:
        net = self.host.net
        if self._held or not net.reaches(self._peer.host, self._local.host):
            net.hold(self)
            self._held.append(segment)
            net.at(net.now + USER_TIMEOUT, self._give_up, segment)
            return
        n = 0 if segment is FIN or segment is RST else len(segment)
        self._flight -= n
        if self.dead:
            return
        if self.closed:
            if n and self.mate is not None:
                self.dead = True
                self.mate._transmit(RST)
        elif segment is FIN:
            net.note(self.name, "end", "")
            self._fin = True
            self._notify(READABLE | ENDED)
        elif segment is RST:
            self.fail(errno.EPIPE if self._fin else errno.ECONNRESET)
        else:
            net.note(self.name, "arrived", n)
            self._inbox += segment
            self._notify(READABLE)

    def release_held(self) -> None:
        """The peer can be reached again."""
        held, self._held = self._held, deque()
        for segment in held:
            self._arrive(segment)

    def _give_up(self, segment: Any) -> None:
        """Retransmitting has taken too long: the sender is told."""
        if any(held is segment for held in self._held) and self.mate is not None:
            self._held.clear()
            self.mate.fail(errno.ETIMEDOUT)

    def fail(self, code: int) -> None:
        """Nothing comes or goes any more, and what was not read is lost."""
        if self.dead:
            return
        self.host.net.note(self.name, "failed", errno.errorcode[code])
        self.dead = True
        self.connecting = False
        self._error = code
        self._inbox.clear()
        self._notify(EVERYTHING)

    # -- connecting ---------------------------------------------------------------------------

    def request(self, to: SimHost | None, retries: int = 0) -> None:
        """The request to connect arrives at a host."""
        net = self.host.net
        if self.closed:
            return
        there, lost = self._peer, net.chance(net.faults.lose_connect)
        if not lost and net.reaches(self._local.host, there.host):
            listener = to.find("tcp", there) if to is not None else None
            if listener is None:
                net.at(net.now + net.latency, self.fail, errno.ECONNREFUSED)
                return
            if listener.offer(self):
                return
        if retries < CONNECT_RETRIES:
            net.at(net.now + (1 << retries), self.request, to, retries + 1)
        else:
            self.fail(errno.ETIMEDOUT)

    def establish(self) -> None:
        """The answer to the request arrives."""
        if self.closed or self.dead:
            return
        net = self.host.net
        net.note(self.name, "connected", "")
        self.connecting = False
        self._notify(WRITABLE)
        if net.chance(net.faults.reset):
            net.at(net.now + net.between(net.faults.reset_after), self._cut)

    def _cut(self) -> None:
        """Somebody in between resets the stream."""
        for end in (self, self.mate):
            if end is not None and not end.closed:
                end.fail(errno.ECONNRESET)

    def __str__(self) -> str:
        return f"{self.name} {self._local} to {self._peer}"


class SimListener:
    """A listening simulated socket."""

    def __init__(self, host: SimHost, kind: str, address: Address, backlog: int) -> None:
        self.host = host
        self.kind = kind
        self.address = address
        self.backlog = backlog
        self.error = 0
        self.owner: Any = None
        self.reuse = False
        self.only_ipv6 = False
        self.closed = False
        self.name = f"listener {host.net.number()}"
        self.fd = host.net.open(self)
        self._queue: deque[SimStream] = deque()

    def offer(self, client: SimStream) -> bool:
        """A request to connect: False when there is no room for it."""
        if len(self._queue) >= self.backlog:
            return False
        net = self.host.net
        server = SimStream(self.host, self.kind, client.peer(), client.local())
        server.mate, client.mate = client, server
        self._queue.append(server)
        net.note(self.name, "request", server.name)
        if client.kind == "tcp":
            client._last_arrival = net.now + net.latency
            net.at(client._last_arrival, client.establish)
        else:
            client.establish()
        if self.owner is not None:
            self.owner.wake()
        else:
            net.notify(self.fd, READABLE)
        return True

    def accept(self) -> SimStream | None:
        net = self.host.net
        self.error = errno.EAGAIN
        if not self._queue:
            return None
        if net.chance(net.faults.no_descriptor):
            self.error = errno.EMFILE
            return None
        stream = self._queue.popleft()
        if net.chance(net.faults.aborted):
            stream.abort()
            self.error = errno.ECONNABORTED
            return None
        stream.fd = net.open(stream)
        net.note(self.name, "accept", f"{stream.name} as {stream.fd}")
        return stream

    def local(self) -> Address:
        return self.address

    def readiness(self) -> int:
        return READABLE if self._queue else 0

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.host.net.note(self.name, "close", "")
            self.host.net.free(self.fd)
            self.host.unbind(self)
            for stream in self._queue:
                stream.abort()

    def __str__(self) -> str:
        return f"{self.name} on {self.address}"
