"""Peers without a manager, for tests that misbehave against the engine."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from ..core.address import Address

if TYPE_CHECKING:
    from .tcp import SimListener, SimStream
    from .udp import SimDatagramSocket

_BLOCK = 1 << 16


class RawClient:
    """A stream that does what the test says, and reads whatever arrives unless it is paused.

    ``received`` is all that was read; ``ended`` tells that the peer has ended its side, ``error``
    is the errno that the stream failed with, or 0.
    """

    def __init__(self, stream: SimStream) -> None:
        self.stream = stream
        stream.owner = self
        self.received = bytearray()
        self.ended = False
        self.error = 0
        self.paused = False
        self._outbox = bytearray()
        self._shut = False
        self._closing = False
        self._awake = False
        self.wake()

    @property
    def connected(self) -> bool:
        """Whether it was established, and has neither failed nor been closed."""
        stream = self.stream
        return not (stream.connecting or stream.dead or stream.closed)

    @property
    def unsent(self) -> int:
        """Bytes that the network has not taken yet."""
        return len(self._outbox)

    @property
    def local(self) -> Address:
        return self.stream.local()

    @property
    def peer(self) -> Address:
        return self.stream.peer()

    def send(self, data: bytes) -> None:
        """Send bytes; what the peer has no room for follows when it has."""
        self._outbox += data
        self.wake()

    def shutdown(self) -> None:
        """End the sending side, after what is to be sent."""
        self._shut = True
        self.wake()

    def close(self) -> None:
        """Close, after what is to be sent. Input that was not read makes it a reset."""
        self._closing = True
        self.wake()

    def reset(self) -> None:
        """Cut it off at once."""
        self._outbox.clear()
        self.stream.abort()

    def pause(self) -> None:
        """Stop reading."""
        self.paused = True

    def resume(self) -> None:
        """Read again."""
        self.paused = False
        self.wake()

    def wake(self) -> None:
        """Something has happened to the stream."""
        if not self._awake:
            self._awake = True
            net = self.stream.host.net
            net.at(net.now, self._work)

    def _work(self) -> None:
        self._awake = False
        stream = self.stream
        if stream.closed or stream.connecting:
            return
        self._read()
        while self._outbox and not self.error:
            n = stream.send(self._outbox, len(self._outbox), False)
            if n < 0:
                self._failed(n)
                break
            del self._outbox[:n]
        if self.error:
            stream.close()
        elif not self._outbox:
            if self._closing:
                stream.close()
            elif self._shut:
                stream.shutdown()

    def _read(self) -> None:
        scratch = bytearray(_BLOCK)
        while not (self.paused or self.ended or self.error):
            n = self.stream.recv(scratch, _BLOCK)
            if n < 0:
                self._failed(n)
                return
            self.received += scratch[:n]
            self.ended = n == 0

    def _failed(self, n: int) -> None:
        if n != -errno.EAGAIN:
            self.error = -n
            self._outbox.clear()


class RawServer:
    """A listener whose ``accepted`` streams are `RawClient` objects, oldest first."""

    def __init__(self, listener: SimListener) -> None:
        self.listener = listener
        listener.owner = self
        self.accepted: list[RawClient] = []
        self.paused = False

    @property
    def local(self) -> Address:
        return self.listener.address

    def pause(self) -> None:
        """Accept no more; what connects fills the backlog."""
        self.paused = True

    def resume(self) -> None:
        """Accept again."""
        self.paused = False
        self.wake()

    def wake(self) -> None:
        """Somebody connects."""
        net = self.listener.host.net
        net.at(net.now, self._work)

    def _work(self) -> None:
        while not (self.paused or self.listener.closed):
            stream = self.listener.accept()
            if stream is not None:
                self.accepted.append(RawClient(stream))
            elif self.listener.error == errno.EMFILE:
                net = self.listener.host.net
                net.at(net.now + 1.0, self._work)
                return
            elif self.listener.error != errno.ECONNABORTED:
                return

    def close(self) -> None:
        """Stop listening; the accepted ones stay."""
        self.listener.close()


class RawDatagrams:
    """A datagram socket; ``received`` has the datagrams, each with its sender."""

    def __init__(self, sock: SimDatagramSocket) -> None:
        self.sock = sock
        sock.owner = self
        self.received: list[tuple[bytes, Address]] = []
        self.errors: list[int] = []
        self._outbox: list[tuple[bytes, Address | None]] = []

    @property
    def local(self) -> Address:
        return self.sock.address

    def send(self, data: bytes, to: Address | None = None) -> None:
        """Send one datagram, to an address or to the one that it was made for."""
        self._outbox.append((data, to))
        self.wake()

    def wake(self) -> None:
        """Something has arrived, or there is room again."""
        net = self.sock.host.net
        net.at(net.now, self._work)

    def _work(self) -> None:
        sock = self.sock
        scratch = bytearray(_BLOCK)
        while not sock.closed:
            n, source = sock.receive(scratch)
            if n == -errno.EAGAIN:
                break
            if n < 0:
                self.errors.append(-n)
            else:
                self.received.append((bytes(scratch[:n]), Address(*source)))
        while self._outbox and not sock.closed:
            data, to = self._outbox[0]
            n = sock.transmit(data, to)
            if n == -errno.EAGAIN:
                return
            if n < 0:
                self.errors.append(-n)
            self._outbox.pop(0)

    def close(self) -> None:
        self.sock.close()
