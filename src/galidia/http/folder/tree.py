"""A folder that nothing leads out of: where a path of a request lies, and how it is opened.

A path is mapped below the root and never leaves it: not by ``..``, not by a backslash or an encoded
slash, not by a symbolic link that points outside, not by one that is turned outwards between the
check and the use. Every service that touches files goes through here.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import translate

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW

# Windows drops dots and spaces at the end of a name, takes a colon for a drive or a stream, and has
# a second name such as "PRIVAT~1" for a long one.
_ODD = re.compile(r"[. ](?:/|$)|:|~[0-9]") if os.name == "nt" else None


class Tree:
    """The files below ``root``. Raises NotADirectoryError when that is not a folder."""

    __slots__ = ("root",)

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(root)
        if not os.path.isdir(self.root):
            raise NotADirectoryError(errno.ENOTDIR, "not a folder to serve", os.fspath(root))

    def locate(self, target: str, hidden: bool = False) -> str | None:
        """The path below the root that a decoded target such as "/a/b" names; None when there
        cannot be one. Names that begin with a dot are only looked at if ``hidden``."""
        if "\\" in target or "//" in target or "\0" in target or not target.startswith("/"):
            return None
        if "/." in target and (not hidden or _has_steps(target)):
            return None
        if _ODD is not None and _ODD.search(target):
            return None
        return self.root + target

    def resolve(self, path: str) -> str:
        """What a path is without symbolic links. Raises FileNotFoundError when it lies outside."""
        real = os.path.realpath(path)
        if real != self.root and not real.startswith(self.root.rstrip("/") + "/"):
            raise FileNotFoundError(errno.ENOENT, "a link that leads out of the folder", path)
        return real

    def open(self, path: str, flags: int, mode: int = 0o666) -> int:
        """Open what lies inside, whatever becomes of the links on the way meanwhile: the path that
        they were resolved to is walked down without following any. Raises OSError."""
        real = self.resolve(path)
        if os.open not in os.supports_dir_fd:
            return os.open(real, flags, mode)
        folder, name = self._walk(real)
        try:
            return os.open(name, flags | _NOFOLLOW, mode, dir_fd=folder)
        finally:
            os.close(folder)

    @contextmanager
    def parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The folder that a path lies in, as a descriptor, and the path's last name: for calls that
        take ``dir_fd``, which then change the name itself and not what it links to.

        Raises FileNotFoundError when the folder lies outside, and OSError.
        """
        above, _, name = path.rstrip("/").rpartition("/")
        if not name or len(above) < len(self.root.rstrip("/")):
            raise PermissionError(errno.EACCES, "the root itself is not to be changed", path)
        folder, last = self._walk(self.resolve(above or "/"))
        try:
            fd = os.open(last, _STEP, dir_fd=folder)
        finally:
            os.close(folder)
        try:
            yield fd, name
        finally:
            os.close(fd)

    def _walk(self, real: str) -> tuple[int, str]:
        """The folder that a resolved path lies in, as a descriptor, and its name in there."""
        *folders, name = [part for part in real[len(self.root) :].split("/") if part] or ["."]
        fd = os.open(self.root, _STEP)
        try:
            for folder in folders:
                below = os.open(folder, _STEP, dir_fd=fd)
                os.close(fd)
                fd = below
        except BaseException:
            os.close(fd)
            raise
        return fd, name


def _has_steps(target: str) -> bool:
    return any(part in (".", "..") for part in target.split("/"))


def hider(patterns: Iterable[str]) -> Callable[[str], bool] | None:
    """Whether a name matches one of some patterns (``*``, ``?``, ``[...]``); None for no patterns.

    Letters count in any case, as they do on some file systems.
    """
    whole = "|".join(f"(?:{translate(pattern)})" for pattern in patterns)
    if not whole:
        return None
    match = re.compile(whole, re.IGNORECASE | re.DOTALL).match
    return lambda name: match(name) is not None
