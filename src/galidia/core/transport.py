"""Transports: the seam between a connection and what carries its bytes.

A transport answers with a count, 0 for the end of input, or a negative errno; it never raises for
the network. `SocketTransport` is a stream socket, called from C when compiled; TLS is a filter over
any stream transport, and the simulated network has transports of its own. A connection never knows
which one it has.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .address import NOWHERE, Address, from_sockaddr

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.galidia.core.mbuf import start_of
    from cython.cimports.galidia.core.posix import (
        MSG_MORE,
        MSG_NOSIGNAL,
        c_close,
        c_recv,
        c_send,
        c_sendfile,
        galidia_accept,
        galidia_address,
        galidia_errno,
    )

#: What a send of a file's bytes takes at once where there is no sendfile.
FILE_BLOCK = 1 << 16
_MSG_MORE = getattr(socket, "MSG_MORE", 0)
_RESET = struct.pack("ii", 1, 0)  # linger on, for no time: close sends RST


class Transport:
    """What a connection asks of its carrier. ``fd`` is the number the poller knows it by."""

    __slots__ = ("fd",)

    fd: int

    def recv(self, into: bytearray, limit: int) -> int:
        """Read up to ``limit`` bytes into the start of ``into``."""
        raise NotImplementedError

    def send(self, data: bytes | bytearray, limit: int, more: bool) -> int:
        """Write the first ``limit`` bytes of ``data``; ``more`` follows at once."""
        raise NotImplementedError

    def sendfile(self, file: int, offset: int, count: int) -> int:
        """Write up to ``count`` bytes of a file; 0 when the file ends before."""
        data = os.pread(file, min(count, FILE_BLOCK), offset)
        return self.send(data, len(data), False) if data else 0

    def handshake(self, room: bytearray) -> int:
        """Go on establishing: 1 when done, -EAGAIN when it waits, else a negative error. What is
        received on the way may pass through ``room``."""
        return 1

    def watch(self, mask: int) -> int:
        """The readiness to wait for when the connection wants ``mask``."""
        return mask

    def pending(self) -> bool:
        """Whether there is input that readiness of ``fd`` will not announce."""
        return False

    def unsent(self) -> int:
        """Bytes that `send` has taken but that have not left yet."""
        return 0

    def shutdown(self) -> None:
        """Tell the peer that no more is coming; receiving goes on."""

    def close(self) -> None:
        """Give the descriptor back. Closing twice does nothing."""

    def abort(self) -> None:
        """Close at once, telling the peer so (RST)."""
        self.close()

    def peer(self) -> Address:
        """The other end's address."""
        return NOWHERE

    def local(self) -> Address:
        """This end's address."""
        return NOWHERE

    def error_text(self) -> str:
        """What went wrong, when an errno does not tell."""
        return ""

    def connected(self) -> int:
        """After an outbound socket became writable: 0, the errno it failed with, or EINPROGRESS."""
        return 0

    def socket(self) -> socket.socket:
        """A socket object of the same socket, for options; the caller closes it."""
        raise OSError(errno.ENOTSOCK, "this connection has no socket")


@contextmanager
def borrow(fd: int) -> Iterator[socket.socket]:
    """A socket object for a descriptor that stays its owner's; costs no other descriptor."""
    if fd < 0:
        raise OSError(errno.EBADF, "this connection is closed")
    sock = socket.socket(fileno=fd)
    try:
        yield sock
    finally:
        sock.detach()


class SocketTransport(Transport):
    """A stream socket. The compiled build keeps the bare descriptor, the pure one the object."""

    __slots__ = ("_peer", "_sock")

    def __init__(self, sock: socket.socket | None = None, peer: Address | None = None) -> None:
        self._peer = peer
        self._sock: Any = None
        self.fd = -1
        if sock is not None:
            sock.setblocking(False)
            if cython.compiled:
                self.fd = sock.detach()
            else:
                self._sock = sock
                self.fd = sock.fileno()

    def recv(self, into: bytearray, limit: int) -> int:
        if cython.compiled:
            n = c_recv(self.fd, PyByteArray_AS_STRING(into), limit, 0)
            return int(n) if n >= 0 else -int(galidia_errno())
        try:
            received: int = self._sock.recv_into(into, limit)
            return received
        except OSError as e:
            return -(e.errno or errno.EIO)

    def send(self, data: bytes | bytearray, limit: int, more: bool) -> int:
        if cython.compiled:
            flags = MSG_NOSIGNAL | (MSG_MORE if more else 0)
            n = c_send(self.fd, start_of(data), limit, flags)
            return int(n) if n >= 0 else -int(galidia_errno())
        try:
            flags = _MSG_MORE if more else 0
            if limit == len(data):
                sent: int = self._sock.send(data, flags)
                return sent
            with memoryview(data) as view, view[:limit] as part:
                return int(self._sock.send(part, flags))
        except OSError as e:
            return -(e.errno or errno.EIO)

    def sendfile(self, file: int, offset: int, count: int) -> int:
        if cython.compiled:
            at = offset
            with cython.nogil:
                n = c_sendfile(self.fd, file, cython.address(at), count)
            if n >= 0:
                return n
            if galidia_errno() != errno.ENOSYS:
                return -galidia_errno()
            return Transport.sendfile(self, file, offset, count)
        if not hasattr(os, "sendfile"):
            return Transport.sendfile(self, file, offset, count)
        try:
            return os.sendfile(self.fd, file, offset, count)
        except OSError as e:
            return -(e.errno or errno.EIO)

    def shutdown(self) -> None:
        with borrow(self.fd) as sock:
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the peer is gone already: reading says so

    def close(self) -> None:
        if self.fd < 0:
            return
        if cython.compiled:
            c_close(self.fd)
        else:
            self._sock.close()
            self._sock = None
        self.fd = -1

    def abort(self) -> None:
        if self.fd >= 0:
            with borrow(self.fd) as sock:
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                except OSError:
                    pass  # not a TCP socket
        self.close()

    def peer(self) -> Address:
        if self._peer is None:
            try:
                with borrow(self.fd) as sock:
                    self._peer = from_sockaddr(sock.getpeername())
            except OSError:
                return NOWHERE
        return self._peer

    def local(self) -> Address:
        try:
            with borrow(self.fd) as sock:
                return from_sockaddr(sock.getsockname())
        except OSError:
            return NOWHERE

    def connected(self) -> int:
        with borrow(self.fd) as sock:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                try:
                    sock.getpeername()
                except OSError as e:
                    # What was ready was another socket, which had this descriptor before.
                    return errno.EINPROGRESS if e.errno == errno.ENOTCONN else 0
            return code

    def socket(self) -> socket.socket:
        if self.fd < 0:
            raise OSError(errno.EBADF, "this connection is closed")
        return socket.socket(fileno=os.dup(self.fd))


class ListenTransport(SocketTransport):
    """A listening stream socket."""

    __slots__ = ("error", "is_unix")

    def __init__(self, sock: socket.socket) -> None:
        self.error = 0
        self.is_unix = sock.family == getattr(socket, "AF_UNIX", None)
        SocketTransport.__init__(self, sock)

    def accept(self) -> Transport | None:
        """The next waiting connection; None with ``error`` set when there is none to be had."""
        if cython.compiled:
            # `raw` and `text` are C variables that the .pxd declares.
            fd = galidia_accept(self.fd, cython.address(raw))  # type: ignore[name-defined]  # noqa: F821
            if fd < 0:
                self.error = galidia_errno()
                return None
            got = SocketTransport()
            got.fd = fd
            if self.is_unix:
                got._peer = NOWHERE
            else:
                port = galidia_address(cython.address(raw), text, 64)  # type: ignore[name-defined]  # noqa: F821
                host = cython.cast(bytes, text).decode("ascii")  # type: ignore[name-defined]  # noqa: F821
                # As `Address(host, port)`, which would run a function in Python.
                got._peer = tuple.__new__(Address, (host, port))
            return got
        try:
            sock, sockaddr = self._sock.accept()
        except OSError as e:
            self.error = e.errno or errno.EIO
            return None
        got = SocketTransport(sock)
        got._peer = from_sockaddr(sockaddr)
        return got
