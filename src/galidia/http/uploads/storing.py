"""A folder that files are put into: each appears under its name when it is whole, or never does.

Bytes go into a file with a hidden name of its own beside the others; at the end it gets its name in
one step. Names are single names, never paths, and nothing outside of the folder is touched.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from pathlib import PurePosixPath

from ..folder.tree import Tree

#: What becomes of a file whose name is taken.
POLICIES = ("rename", "refuse", "replace")
#: Names that are tried for one file: "a.txt", "a (1).txt", ...
TRIES = 1000
#: Bytes of a name (ext4 and others take 255), less what is put around it meanwhile.
LONGEST = 200

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_MORE = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


class RefusedError(Exception):
    """A file that is not taken: the status that says why, and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Store:
    """The files of ``folder``. ``collision`` is one of POLICIES, ``reserve`` the bytes of the file
    system that are left free, ``keep`` the seconds for which a part is kept that may be gone on
    with, and ``max_parts`` the number of those."""

    __slots__ = ("collision", "keep", "max_parts", "reserve", "tree")

    def __init__(
        self,
        folder: str | os.PathLike[str],
        collision: str,
        reserve: int,
        keep: float,
        max_parts: int,
    ) -> None:
        if collision not in POLICIES:
            raise ValueError(f"collision= is one of {', '.join(POLICIES)}; not {collision!r}")
        self.tree = Tree(folder)
        self.collision = collision
        self.reserve = reserve
        self.keep = keep
        self.max_parts = max_parts

    def check(self, name: str) -> None:
        """Raise `RefusedError` for what can be no name here, or is taken and must not be."""
        if not name or "/" in name or "\\" in name or name.startswith(".") or name.endswith(" "):
            raise RefusedError(400, "this can be no name of a file here")
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            raise RefusedError(400, "the name of the file is not UTF-8") from None
        if size > LONGEST or not name.isprintable():
            raise RefusedError(400, "this can be no name of a file here")
        if self.collision == "refuse" and os.path.lexists(self._path(name)):
            raise RefusedError(409, "there is a file of this name already")

    def room(self, size: int) -> None:
        """Raise `RefusedError` when so many bytes would not leave the reserve free."""
        if hasattr(os, "statvfs"):
            system = os.statvfs(self.tree.root)
            if system.f_bavail * system.f_frsize - size < self.reserve:
                raise RefusedError(507, "there is no room for this file")

    def new(self, name: str) -> Incoming:
        """A file that will have this name, or with "rename" one like it."""
        self.check(name)
        hidden = f".{name}.{secrets.token_hex(6)}.part"
        with self.tree.parent(self._path(hidden)) as (folder, last):
            fd = os.open(last, _NEW, 0o666, dir_fd=folder)
        return Incoming(self, name, hidden, fd, 0)

    def part(self, name: str, total: int) -> Incoming:
        """The part of a file of ``total`` bytes that has come before, to go on with."""
        self.check(name)
        hidden = f".{name}.{total}.upload"
        if not os.path.lexists(self._path(hidden)):
            self._forget_old()
        with self.tree.parent(self._path(hidden)) as (folder, last):
            fd = os.open(last, _MORE, 0o666, dir_fd=folder)
        size = os.lseek(fd, 0, os.SEEK_END)
        return Incoming(self, name, hidden, fd, size)

    def received(self, name: str, total: int) -> int:
        """Bytes of that part that are there."""
        try:
            return os.stat(self._path(f".{name}.{total}.upload"), follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0

    def _forget_old(self) -> None:
        """Remove the parts that nobody has gone on with; `RefusedError` for too many others."""
        kept = 0
        oldest = time.time() - self.keep
        with os.scandir(self.tree.root) as entries:
            for entry in entries:
                if not entry.name.startswith(".") or not entry.name.endswith(".upload"):
                    continue
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)
                else:
                    kept += 1
        if kept >= self.max_parts:
            raise RefusedError(503, "too many uploads wait to be gone on with")

    def _path(self, name: str) -> str:
        return os.path.join(self.tree.root, name)


class Incoming:
    """One file that is being written; ``size`` bytes of it are there."""

    __slots__ = ("_fd", "_hidden", "_store", "name", "size")

    def __init__(self, store: Store, name: str, hidden: str, fd: int, size: int) -> None:
        self._store = store
        self.name = name
        self.size = size
        self._hidden = hidden
        self._fd = fd

    def write(self, data: bytes) -> None:
        """Append bytes. Raises `RefusedError` when the disk is full, OSError for the rest."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise RefusedError(507, "there is no room for this file") from None
            raise
        self.size += len(data)

    def commit(self) -> None:
        """It is whole: give it its name, in one step."""
        store = self._store
        os.close(self._fd)
        self._fd = -1
        with store.tree.parent(store._path(self._hidden)) as (folder, hidden):
            if store.collision == "replace":
                try:
                    os.replace(hidden, self.name, src_dir_fd=folder, dst_dir_fd=folder)
                except IsADirectoryError:
                    raise RefusedError(409, "there is a folder of this name") from None
                return
            for name in _names(self.name, store.collision == "rename"):
                try:
                    os.link(hidden, name, src_dir_fd=folder, dst_dir_fd=folder)
                except FileExistsError:
                    continue
                self.name = name
                os.unlink(hidden, dir_fd=folder)
                return
        raise RefusedError(409, "there is a file of this name already")

    def leave(self) -> None:
        """Keep what there is, to be gone on with."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def discard(self) -> None:
        """It will never be whole: nothing is left of it."""
        self.leave()
        try:
            os.unlink(self._store._path(self._hidden))
        except FileNotFoundError:
            pass


def _names(name: str, more: bool) -> list[str]:
    path = PurePosixPath(name)
    return [name, *(f"{path.stem} ({i}){path.suffix}" for i in range(1, TRIES if more else 1))]
