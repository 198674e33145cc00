"""One end of a pipe, as a transport."""

from __future__ import annotations

import errno
import os

from .transport import Transport

__all__ = ["PipeTransport"]


class PipeTransport(Transport):
    """A descriptor that can be read or written, which it owns from now on."""

    __slots__ = ()

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd

    def recv(self, into: bytearray, limit: int) -> int:
        try:
            with memoryview(into) as view, view[:limit] as part:
                return os.readv(self.fd, [part])
        except OSError as e:
            return -(e.errno or errno.EIO)

    def send(self, data: bytes | bytearray, limit: int, more: bool) -> int:
        try:
            with memoryview(data) as view, view[:limit] as part:
                return os.write(self.fd, part)
        except OSError as e:
            return -(e.errno or errno.EIO)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
