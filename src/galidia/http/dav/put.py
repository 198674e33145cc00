"""PUT: a file is written beside its place and renamed when it is whole (RFC 9110 9.3.4, RFC 4918
9.7), so that nobody sees half of one, and the old one stays until then.

The body is written as it comes; a client that is faster than the disk waits.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...core.events import Event, mask_of
from ..folder.files import etag_of
from . import dead
from .names import temporary
from .space import Call, RefusedError

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ...core.manager import Manager
    from ..request import Request

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL


def check(call: Call) -> None:
    """Whether a file may be put there. Raises RefusedError and OSError."""
    req, place = call.req, call.place
    if req.header("content-range") is not None:
        raise RefusedError(400, "a part of a file cannot be put")  # RFC 9110 14.5
    call.look()
    if call.is_folder:
        raise RefusedError(405, "this is a folder")
    if place.slash:
        raise RefusedError(409, "a file has no slash at its end")
    call.check_locks(place, member=call.status is None)


class Upload:
    """The handler of one PUT. ``commit`` is given this upload when all of it is there."""

    __slots__ = ("_busy", "_commit", "_fail", "_fd", "_folder", "_gone", "_name", "_size", "call")

    __galidia_events__ = mask_of(Event.HTTP_CHUNK, Event.HTTP_REQUEST, Event.CLOSE)

    def __init__(
        self,
        call: Call,
        commit: Callable[[Upload], object],
        fail: Callable[[Request, Exception], object],
    ) -> None:
        self.call = call
        self._commit = commit
        self._fail = fail
        self._size = 0
        self._busy = False
        self._gone = False
        self._name = temporary()
        with call.space.tree.parent(call.place.path) as (folder, _):
            self._check_space(folder, call.req.content_length)
            self._folder = os.dup(folder)
        try:
            self._fd = os.open(self._name, _CREATE, 0o666, dir_fd=self._folder)
        except BaseException:
            os.close(self._folder)
            raise

    def _check_space(self, folder: int, length: int) -> None:
        limit = self.call.space.max_size
        if limit is not None and length > limit:
            raise RefusedError(413, f"the file is over {limit} bytes")
        disk = os.statvfs(folder)
        if length > disk.f_bavail * disk.f_frsize:
            raise OSError(errno.ENOSPC, "no space for the file")

    def __call__(self, c: Connection, ev: int, req: Any) -> None:
        if ev == Event.CLOSE:
            self.discard()
            return
        try:
            self._write(req.take())
            if ev == Event.HTTP_REQUEST:
                self._complete(req)
        except Exception as e:
            self.discard()
            self._fail(req, e)

    def _write(self, data: bytes) -> None:
        self._size += len(data)
        limit = self.call.space.max_size
        if limit is not None and self._size > limit:
            raise RefusedError(413, f"the file is over {limit} bytes")
        left = memoryview(data)
        while left:
            left = left[os.write(self._fd, left) :]

    def _complete(self, req: Request) -> None:
        if self.call.space.sync:
            self._busy = True
            mgr = req.connection.mgr
            threading.Thread(target=self._sync, args=(mgr,), name="galidia-dav-sync").start()
        else:
            self._commit(self)

    def _sync(self, mgr: Manager) -> None:
        """In a thread of its own: wait until the disk has it."""
        error: OSError | None = None
        try:
            os.fsync(self._fd)
        except OSError as e:
            error = e
        try:
            mgr.call_soon_threadsafe(self._synced, error)
        except RuntimeError:  # the manager is closed
            self._busy = False
            self.discard()

    def _synced(self, error: OSError | None) -> None:
        self._busy = False
        if self._gone:
            self.discard()
        elif error is not None:
            self.discard()
            self._fail(self.call.req, error)
        else:
            self._commit(self)

    def work(self) -> Iterator[int]:
        """Put it in its place, if that is still allowed; work in slices, of one."""
        call = self.call
        if self._gone:  # while it waited for others
            return
        try:
            check(call)
            with call.space.tree.parent(call.place.path) as (folder, name):
                if call.status is None:
                    dead.update(folder, name, {})
                else:
                    os.fchmod(self._fd, stat.S_IMODE(call.status.st_mode) & 0o777)
                os.replace(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder)
                self._name = ""
                if call.space.sync:
                    _sync_folder(folder)
            etag = etag_of(os.fstat(self._fd))
        finally:
            self.discard()
        call.req.reply(201 if call.status is None else 204, b"", [("ETag", etag)])
        yield 1

    def discard(self) -> None:
        """It is over: what is still temporary is removed."""
        self._gone = True
        if self._busy or self._fd < 0:
            return
        if self._name:
            try:
                os.unlink(self._name, dir_fd=self._folder)
            except FileNotFoundError:
                pass
        os.close(self._fd)
        os.close(self._folder)
        self._fd = self._folder = -1


def _sync_folder(folder: int) -> None:
    fd = os.open(".", os.O_RDONLY, dir_fd=folder)  # that one is only good for walking
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
