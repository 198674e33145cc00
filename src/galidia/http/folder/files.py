"""The files of a folder as they are sent: their fields made, small ones in memory, codings applied.

What was sent is remembered; whether it is still the same file tells the `os.stat_result` that comes
with each look. A file that was changed a moment ago is not remembered: its next change might leave
the same time and size.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from ... import _cython as cython
if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING
    from cython.cimports.galidia.http.folder.files import galidia_is_same

from ...core.file import OpenFile
from ..dates import format_date
from ..fields import header_lines
from .compression import SUFFIXES, acceptable, compress
from .media_types import compressible, content_type
from .tree import Tree

#: Files up to this many bytes are kept in memory and sent with their head.
SMALL_FILE = 1 << 16
#: Bytes of small files, and of those packed here, that are kept.
CACHE_BYTES = 16 << 20
#: Files that are remembered; larger ones keep a descriptor each.
CACHE_FILES = 256
#: A file of so many bytes is packed here, which takes some 5 ms for the largest. Of a larger one
#: only a packed neighbour is sent.
COMPRESS_LEAST = 1 << 10
COMPRESS_MOST = 1 << 18
#: Seconds after which packed neighbours of a file are looked for again.
LOOK_AGAIN = 1.0
#: Seconds after which a change is seen in a file's times: 2 on the coarsest file systems.
SETTLED = 2.0

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
#: 9999-12-31, the last day that a date of HTTP can name.
_LAST_DATE = 253402300799


class File:
    """What is known of one file, as long as it is the same one.

    ``lines`` are the fields of a 200, ``rest`` those without the type, and ``validators`` those of
    a 304.
    """

    __slots__ = (
        "changed", "content", "content_type", "etag", "identity", "lines", "looked", "modified",
        "name", "neighbours", "numbers", "opened", "poor", "rest", "size", "validators", "varies",
    )  # fmt: skip

    numbers: list[int]  # in C: the identity, for a comparison without objects

    def __init__(
        self, name: bytes, identity: tuple[int, ...], kind: str, coding: str, etag: str,
        varies: bool, extra: bytes,
    ) -> None:  # fmt: skip
        _, _, size, modified, changed = identity
        #: The path as the system has it.
        self.name = name
        self.identity = identity
        if cython.compiled:
            for i in range(5):
                self.numbers[i] = identity[i] & 0xFFFF_FFFF_FFFF_FFFF
        self.size = size
        #: Epoch seconds, within what a date of HTTP can name.
        self.modified = min(max(modified // 10**9, 0), _LAST_DATE)
        self.changed = max(modified, changed) / 1e9
        self.content_type = kind
        self.etag = etag
        #: Whether there may be other codings of it.
        self.varies = varies
        self.validators = b"ETag: %b\r\n" % etag.encode("ascii")
        if varies:
            self.validators += b"Vary: Accept-Encoding\r\n"
        self.validators += extra
        last = format_date(self.modified).encode("ascii")
        self.rest = b"Last-Modified: %b\r\nAccept-Ranges: bytes\r\n" % last
        if coding:
            self.rest += b"Content-Encoding: %b\r\n" % coding.encode("ascii")
        self.rest += self.validators
        self.lines = header_lines([("Content-Type", kind)]) + self.rest
        #: All of it, or if it is too large for that, an `OpenFile`.
        self.content: bytes | None = None
        self.opened: Any = None
        #: When its packed neighbours were looked for, the codings that were found, and those that
        #: it does not pay to apply.
        self.looked = 0.0
        self.neighbours: tuple[str, ...] | None = None
        self.poor: tuple[str, ...] = ()

    def part(self, start: int, end: int) -> bytes:
        """Some of its bytes. Raises OSError when they are not there any more."""
        if self.content is not None:
            return self.content[start:end]
        return _read(self.opened.fd, start, end - start)


class FileCache:
    """Files of a tree by their paths, in the codings that clients take.

    ``extra`` are ready-made field lines for all of them, ``types`` media types by the endings of
    names; ``precompressed`` and ``compresses`` say where codings come from.
    """

    __slots__ = ("_bytes", "_compresses", "_extra", "_known", "_precompressed", "_tree", "_types")

    def __init__(
        self,
        tree: Tree,
        extra: bytes,
        types: Mapping[str, str],
        precompressed: bool,
        compresses: bool,
    ) -> None:
        self._tree = tree
        self._extra = extra
        self._types = types
        self._precompressed = precompressed
        self._compresses = compresses
        self._known: dict[str, File] = {}  # oldest first
        self._bytes = 0

    def current(self, path: str) -> File | None:
        """What is remembered of a path, if it is still the same file."""
        file = self._known.get(path)
        if file is None:
            return None
        if cython.compiled:  # os.stat makes an object of two dozen others
            name = PyBytes_AS_STRING(file.name)
            with cython.nogil:
                same = galidia_is_same(name, cython.address(file.numbers[0]))
            return file if same else None
        try:
            return file if _identity(os.stat(path)) == file.identity else None
        except OSError:
            return None

    def knows(self, path: str) -> bool:
        return path in self._known

    def get(self, path: str, status: os.stat_result) -> File:
        """The file that a path leads to and that has this status. Raises OSError."""
        file = self._known.get(path)
        if file is None or file.identity != _identity(status):
            if not stat.S_ISREG(status.st_mode):  # opening a device may do something already
                raise PermissionError(errno.EACCES, "not a regular file", path)
            file = self._load(path, path, "", "")
        return file

    def choose(self, path: str, file: File, accept_encoding: str) -> File:
        """The file, or what it is in a coding that the client prefers (RFC 9110 12.5.3)."""
        codings = acceptable(accept_encoding)
        if not codings:
            return file
        if self._precompressed:
            now = time.monotonic()
            if file.neighbours is None or now - file.looked >= LOOK_AGAIN:
                file.neighbours = tuple(c for c in SUFFIXES if self._beside(path, file, c))
                file.looked = now
            for coding in codings:
                if coding in file.neighbours:
                    found = self._neighbour(path, file, coding)
                    if found is not None:
                        return found
        if (
            self._compresses
            and COMPRESS_LEAST <= file.size <= COMPRESS_MOST
            and time.time() - file.changed >= SETTLED
        ):
            for coding in codings:
                if coding not in file.poor:
                    found = self._packed(path, file, coding)
                    if found is not None:
                        return found
        return file

    def drop(self, path: str) -> None:
        """Forget what was known of a path."""
        file = self._known.pop(path, None)
        if file is not None and file.content is not None:
            self._bytes -= len(file.content)

    def close(self) -> None:
        """Forget all files, which gives their descriptors back."""
        self._known.clear()
        self._bytes = 0

    def _load(self, path: str, key: str, coding: str, kind: str) -> File:
        self.drop(key)
        opened = OpenFile(self._tree.open(path, _READ))
        status = os.fstat(opened.fd)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EACCES, "not a regular file", path)
        if not kind:
            kind = content_type(path, self._types)
        codes = self._precompressed or self._compresses
        varies = bool(coding) or (codes and compressible(kind))
        etag = etag_of(status, f"-{coding}" if coding else "")
        name = os.fsencode(path)
        file = File(name, _identity(status), kind, coding, etag, varies, self._extra)
        if file.size > SMALL_FILE:
            file.opened = opened
        else:
            file.content = os.pread(opened.fd, SMALL_FILE + 1, 0)
            if len(file.content) != file.size:
                raise OSError(errno.EAGAIN, "the file changed while it was read", path)
            if time.time() - file.changed < SETTLED:
                return file
        self._keep(key, file)
        return file

    def _keep(self, key: str, file: File) -> None:
        self._known[key] = file
        if file.content is not None:
            self._bytes += len(file.content)
        while len(self._known) > CACHE_FILES or self._bytes > CACHE_BYTES:
            self.drop(next(iter(self._known)))

    def _beside(self, path: str, file: File, coding: str) -> os.stat_result | None:
        """The status of a packed neighbour, if there is one that is not older."""
        try:
            status = os.stat(path + SUFFIXES[coding])
        except OSError:
            return None
        is_one = stat.S_ISREG(status.st_mode) and status.st_mtime >= file.modified
        return status if is_one else None

    def _neighbour(self, path: str, file: File, coding: str) -> File | None:
        status = self._beside(path, file, coding)
        if status is None:
            return None
        key = f"{path}\0{coding}"
        found = self._known.get(key)
        if found is None or found.identity != _identity(status):
            try:
                found = self._load(path + SUFFIXES[coding], key, coding, file.content_type)
            except OSError:  # not readable, or a link that leads out
                return None
        return found

    def _packed(self, path: str, file: File, coding: str) -> File | None:
        key = f"{path}\0+{coding}"
        found = self._known.get(key)
        if found is not None and found.identity == file.identity:
            return found
        content = compress(coding, file.part(0, file.size))
        if content is None or len(content) > file.size - file.size // 16:
            file.poor += (coding,)
            return None
        self.drop(key)
        etag = f'{file.etag[:-1]}+{coding}"'
        kind, extra = file.content_type, self._extra
        found = File(file.name, file.identity, kind, coding, etag, True, extra)
        found.size = len(content)
        found.content = content
        self._keep(key, found)
        return found


def etag_of(status: os.stat_result, mark: str = "") -> str:
    """The ETag of a file: it is another one after each change that its times show."""
    return f'"{status.st_mtime_ns:x}-{status.st_size:x}{mark}"'


def _identity(status: os.stat_result) -> tuple[int, ...]:
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_ino, status.st_dev, status.st_size, *times)


def _read(fd: int, start: int, count: int) -> bytes:
    data = os.pread(fd, count, start)
    if len(data) != count:
        raise OSError(errno.EAGAIN, "the file changed while it was read")
    return data
