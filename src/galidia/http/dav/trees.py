"""Trees of files removed and copied, in small steps.

Each function is an iterator whose steps give what they cost, see `jobs`. Folders are opened one
from the other, so that no link is followed on the way, whatever is changed meanwhile: a link is
removed and copied as itself. What fails for one entry is noted, and the others go on.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator

from .names import is_temporary

#: Levels of a tree, each of which takes up to three descriptors; more are not copied or removed.
MAX_LEVELS = 64
#: Entries that one copy may make.
MAX_ENTRIES = 100_000
#: Failures that are told; there may be more.
MAX_FAILURES = 100

_PIECE = 1 << 20
_PIECE_COST = 16
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CANNOT = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)


class Outcome:
    """What could not be done: error numbers by path, "" being the tree itself; and a count."""

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}
        self.entries = 0

    def failed(self, path: str, error: OSError) -> None:
        if len(self.failures) < MAX_FAILURES:
            self.failures[path] = error.errno or errno.EIO

    def check_root(self) -> None:
        """Raise OSError if it was the tree itself that failed."""
        if "" in self.failures:
            raise OSError(self.failures[""], os.strerror(self.failures[""]))


def remove(
    parent: int, name: str, outcome: Outcome, path: str = "", level: int = 0
) -> Iterator[int]:
    """Remove an entry of a folder, and what is below it. What cannot be removed stays, and so do
    the folders that it lies in."""
    try:
        if not _is_folder(parent, name):
            os.unlink(name, dir_fd=parent)
            yield 1
            return
        if level >= MAX_LEVELS:
            raise OSError(errno.ENAMETOOLONG, "too many levels", name)
        fd = os.open(name, _FOLDER, dir_fd=parent)
    except OSError as e:
        outcome.failed(path, e)
        return
    try:
        before = len(outcome.failures)
        with os.scandir(fd) as entries:
            for entry in entries:
                below = f"{path}/{entry.name}"
                yield from remove(fd, entry.name, outcome, below, level + 1)
        if len(outcome.failures) > before:
            return
    finally:
        os.close(fd)
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError as e:
        outcome.failed(path, e)
    yield 1


def copy(
    source: int,
    name: str,
    target: int,
    new: str,
    outcome: Outcome,
    path: str = "",
    level: int = 0,
) -> Iterator[int]:
    """Copy an entry of a folder to a new one of another, and what is below it.

    Raises OSError when there is no space, and for more than `MAX_ENTRIES`.
    """
    try:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        outcome.entries += 1
        if outcome.entries > MAX_ENTRIES:
            raise OSError(errno.EDQUOT, f"more than {MAX_ENTRIES} files")
        if stat.S_ISDIR(status.st_mode):
            yield from _copy_folder(source, name, target, new, outcome, path, level)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), new, dir_fd=target)
        elif stat.S_ISREG(status.st_mode):
            fd = os.open(name, _READ, dir_fd=source)
            try:
                yield from copy_file(fd, target, new)
            finally:
                os.close(fd)
        else:
            raise OSError(errno.EACCES, "neither a file nor a folder", name)
    except OSError as e:
        if e.errno in _FULL:
            raise
        outcome.failed(path, e)
    yield 1


def _copy_folder(
    source: int, name: str, target: int, new: str, outcome: Outcome, path: str, level: int
) -> Iterator[int]:
    if level >= MAX_LEVELS:
        raise OSError(errno.ENAMETOOLONG, "too many levels", name)
    inside = os.open(name, _FOLDER, dir_fd=source)
    try:
        os.mkdir(new, dir_fd=target)
        made = os.open(new, _FOLDER, dir_fd=target)
        try:
            with os.scandir(inside) as entries:
                for entry in entries:
                    if not is_temporary(entry.name):
                        below = f"{path}/{entry.name}"
                        yield from copy(
                            inside, entry.name, made, entry.name, outcome, below, level + 1
                        )
        finally:
            os.close(made)
    finally:
        os.close(inside)


def copy_file(source: int, target: int, new: str) -> Iterator[int]:
    """Copy an open file to a new one of a folder. Raises OSError; then there is no new one."""
    status = os.fstat(source)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EACCES, "not a regular file", new)
    fd = os.open(new, _CREATE, stat.S_IMODE(status.st_mode) & 0o777, dir_fd=target)
    try:
        yield from _copy_content(source, fd)
    except BaseException:
        os.unlink(new, dir_fd=target)
        raise
    finally:
        os.close(fd)


def _copy_content(source: int, target: int) -> Iterator[int]:
    in_kernel = hasattr(os, "copy_file_range")
    offset = 0
    while True:
        if in_kernel:
            try:
                n = os.copy_file_range(source, target, _PIECE, offset)
            except OSError as e:
                if e.errno not in _CANNOT:
                    raise
                in_kernel = False
                continue
        else:
            n = _write_all(target, os.pread(source, _PIECE, offset))
        if n == 0:
            return
        offset += n
        yield _PIECE_COST


def _write_all(fd: int, data: bytes) -> int:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
    return len(data)


def _is_folder(parent: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
