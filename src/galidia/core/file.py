"""Files that are on their way out: an open one, which may be so on many connections at once."""

from __future__ import annotations

import os
from contextlib import suppress
from operator import index
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

if cython.compiled:
    from cython.cimports.galidia.core.posix import c_close


class OpenFile:
    """The owner of a descriptor: closed with the last reference, so that none sends from another's.

    Each that sends from it keeps a reference, which spares a descriptor of its own.
    """

    __slots__ = ("_owned", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = index(fd)
        self._owned = True

    def __del__(self) -> None:
        if cython.compiled:
            if self._owned:  # else there was no number, and 0 is somebody's
                c_close(self.fd)
        else:
            with suppress(AttributeError, OSError):  # no number, or of nothing that is open
                os.close(self.fd)


class FileSegment:
    """A part of a file that goes out when ``at`` bytes of ``send_mbuf`` have left."""

    __slots__ = ("at", "count", "file", "next", "offset")

    def __init__(self, file: OpenFile, offset: int, count: int, at: int) -> None:
        self.file = file
        self.offset = offset
        self.count = count
        self.at = at
        self.next: FileSegment | None = None
