"""Datagram sockets: one datagram at a time, and by the batch.

`Batch` is for what is answered at once. On Linux, compiled, it takes and sends `MANY` with one
system call each; everywhere else it goes from one datagram to the next.
"""

from __future__ import annotations

import errno
import logging
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .address import Address, from_sockaddr

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.bytes import (
        PyBytes_AS_STRING,
        PyBytes_FromStringAndSize,
        PyBytes_GET_SIZE,
    )
    from cython.cimports.galidia.core.posix import (
        galidia_batch,
        galidia_errno,
        galidia_receive_many,
        galidia_send_many,
    )

if TYPE_CHECKING:
    from .protocol import Protocol

logger = logging.getLogger("galidia")

#: Room for the largest datagram there can be (RFC 768: a 16-bit length).
LARGEST = 65535
#: Datagrams of a batch, and the bytes that each of them may have: together the manager's scratch.
MANY = 32
ROOM = 4096

_MANY = MANY
_ROOM = ROOM
_SOFT = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)
_SO_MEMINFO = 55  # Linux; the tenth of its figures is the count of drops
_DROPS = 8


class DatagramSocket:
    """A datagram socket, and the address it talks to when it is not connected to one."""

    __slots__ = ("_sock", "_target", "fd")

    def __init__(self, sock: socket.socket, target: Any = None) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._target = target
        self.fd = sock.fileno()

    def receive(self, into: bytearray) -> tuple[int, Any]:
        """One datagram: its length, or a negative errno, and the sender's socket address."""
        try:
            return self._sock.recvfrom_into(into, LARGEST)
        except OSError as e:
            return -(e.errno or errno.EIO), None

    def transmit(self, data: bytes, target: Any) -> int:
        """Send one datagram: its length or a negative errno."""
        target = target if target is not None else self._target
        try:
            return self._sock.send(data) if target is None else self._sock.sendto(data, target)
        except OSError as e:
            return -(e.errno or errno.EIO)

    def local(self) -> Address:
        return from_sockaddr(self._sock.getsockname())

    def dropped(self) -> int:
        """Datagrams that the kernel had no room for, where it tells (Linux)."""
        try:
            figures = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
        except OSError:
            return 0
        return int(struct.unpack_from("9I", figures)[_DROPS]) if len(figures) >= 36 else 0

    def socket(self) -> socket.socket:
        return self._sock.dup()

    def close(self) -> None:
        self._sock.close()


class Batch:
    """Datagrams of one socket that a protocol answers at once (`Protocol.respond`).

    ``lost`` counts those that were too long and the answers that could not be sent.
    """

    __slots__ = ("_answers", "_failed", "_io", "_raw", "lost")

    def __init__(self, io: Any) -> None:
        self._io = io
        self._failed = False
        self._answers: list[bytes] = []
        #: What the system calls need, where there are any.
        self._raw: bytearray | None = None
        self.lost = 0
        if cython.compiled:
            if type(io) is DatagramSocket:
                self._raw = bytearray(cython.sizeof(galidia_batch))

    def exchange(self, scratch: bytearray, protocol: Protocol) -> int:
        """Take what is there, at most `MANY`, and send the answers; how many there were."""
        if cython.compiled:
            if self._raw is not None:
                return int(self._exchange_many(scratch, protocol))
        n = 0
        while n < _MANY:
            size, sender = self._io.receive(scratch)
            if size < 0:
                if -size in _SOFT:
                    break
                self.lost += 1
            elif size > _ROOM:
                self.lost += 1
            else:
                answer = self._ask(protocol, bytes(scratch[:size]))
                if answer and self._io.transmit(answer, sender) < 0:
                    self.lost += 1
            n += 1
        return n

    def _ask(self, protocol: Protocol, datagram: bytes) -> bytes:
        try:
            return protocol.respond(datagram)
        except Exception:
            # Whoever finds a datagram that does this can send many of them.
            if not self._failed:
                self._failed = True
                logger.exception("%r failed on %r; from now on in silence", protocol, datagram)
            self.lost += 1
            return b""

    if cython.compiled:

        def _exchange_many(self, scratch: Any, protocol: Any) -> Any:
            batch = cython.cast(cython.pointer(galidia_batch), PyByteArray_AS_STRING(self._raw))
            room = PyByteArray_AS_STRING(scratch)
            answers = self._answers
            n = galidia_receive_many(self._io.fd, batch, room, _ROOM)
            if n < 0:
                if galidia_errno() in _SOFT:
                    return 0
                self.lost += 1
                return 1
            k = 0
            for i in range(n):
                if batch.size[i] < 0:
                    self.lost += 1
                    continue
                datagram = PyBytes_FromStringAndSize(room + i * _ROOM, batch.size[i])
                answer = self._ask(protocol, datagram)
                if answer:
                    answers.append(answer)
                    batch.answer[k] = PyBytes_AS_STRING(answer)
                    batch.answer_size[k] = PyBytes_GET_SIZE(answer)
                    batch.to[k] = i
                    k += 1
            if k:
                self.lost += k - galidia_send_many(self._io.fd, batch, k)
                answers.clear()
            return n
