"""A folder served over HTTP: types, lengths, validators, listings; GET and HEAD.

A target is mapped to a path below the folder and never leaves it: not by ``..``, not by an encoded
slash, not by a symbolic link that points outside. Names that begin with a dot are not served.

What was served is remembered, and asked of the file system again for each request: one `stat`
tells whether it is still the same file. Small files are sent from memory with their head in one
piece, larger ones with sendfile. A file that was changed a moment ago is not remembered: its next
change might leave the same time and size.
"""

from __future__ import annotations

import errno
import logging
import mimetypes
import os
import stat
import time
from urllib.parse import quote

from .dates import format_date, parse_date
from .listing import render
from .request import Request, header_lines

logger = logging.getLogger("galidia")

#: Files up to this many bytes are kept in memory and sent with their head.
SMALL_FILE = 1 << 16
#: Bytes of small files that are kept.
CACHE_BYTES = 16 << 20
#: Files that are remembered; larger ones keep a descriptor each.
CACHE_FILES = 256
INDEX = ("index.html", "index.htm")
#: Seconds after which a change is seen in a file's times: 2 on the coarsest file systems.
SETTLED = 2.0

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW
#: 9999-12-31, the last day that a date of HTTP can name.
_LAST_DATE = 253402300799

_TEXT = ("text/", "application/javascript", "application/json", "application/xml", "image/svg+xml")


class _File:
    """What is known of one file, as long as it is the same one."""

    __slots__ = ("content", "etag", "fd", "identity", "lines", "modified", "size")

    def __init__(self, path: str, fd: int, status: os.stat_result) -> None:
        self.identity = _identity(status)
        self.size = status.st_size
        self.modified = min(max(int(status.st_mtime), 0), _LAST_DATE)
        self.etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        self.lines = header_lines(
            [
                ("Content-Type", content_type(path)),
                ("Last-Modified", format_date(self.modified)),
                ("ETag", self.etag),
            ]
        )
        self.content: bytes | None = None
        self.fd = fd
        if self.size <= SMALL_FILE:
            self.content = os.pread(fd, SMALL_FILE + 1, 0)
            if len(self.content) != self.size:
                raise OSError(errno.EAGAIN, "the file changed while it was read")
            os.close(fd)
            self.fd = -1

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Files:
    """Serves the files below ``root``: call `serve` with each request.

    ``index`` are the names looked for in a folder; ``listing`` says whether a folder without one is
    listed. Raises NotADirectoryError when ``root`` is not a folder.
    """

    __slots__ = ("_bytes", "_known", "index", "listing", "root")

    def __init__(
        self,
        root: str | os.PathLike[str] = ".",
        *,
        index: tuple[str, ...] = INDEX,
        listing: bool = True,
    ) -> None:
        self.root = os.path.realpath(root)
        if not os.path.isdir(self.root):
            raise NotADirectoryError(errno.ENOTDIR, "not a folder to serve", os.fspath(root))
        self.index = index
        self.listing = listing
        self._known: dict[str, _File] = {}  # oldest first
        self._bytes = 0

    def serve(self, req: Request) -> None:
        """Answer a request with the file or folder that its path names."""
        method = req.method
        if method != "GET" and method != "HEAD":
            req.error(405, "this resource answers GET and HEAD", [("Allow", "GET, HEAD")])
            return
        path = self._map(req.path)
        if path is None:
            req.error(404)
            return
        try:
            if path not in self._known:
                self._resolve(path)  # before anything can be learned of what lies outside
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                self._serve_folder(req, path)
            else:
                self._serve_file(req, path, status)
        except OSError as e:
            self._drop(path)
            self._fail(req, e)
        except ValueError:  # a NUL, or a surrogate that the file system cannot have
            req.error(404)

    def close(self) -> None:
        """Give back the descriptors of the files that are remembered."""
        for known in list(self._known.values()):
            known.close()
        self._known.clear()
        self._bytes = 0

    def _map(self, target: str) -> str | None:
        """The path below the root that a decoded target names; None when there cannot be one."""
        if "/." in target or "\\" in target or "//" in target or not target.startswith("/"):
            return None
        return self.root + target

    def _serve_folder(self, req: Request, path: str) -> None:
        if not path.endswith("/"):
            query = f"?{req.query}" if req.query else ""
            req.redirect(
                quote(os.fsencode(req.path) + b"/", safe="/:@!$&'()*+,;=~-._") + query, 301
            )
            return
        for name in self.index:
            try:
                status = os.stat(path + name)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                self._serve_file(req, path + name, status)
                return
        if not self.listing:
            req.error(403, "this folder is not listed")
            return
        req.reply(200, self._render(path, req.path), [("Content-Type", "text/html; charset=utf-8")])

    def _render(self, path: str, target: str) -> str:
        if os.scandir not in os.supports_fd:
            return render(self._resolve(path), target)
        fd = self._open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            return render(fd, target)
        finally:
            os.close(fd)

    def _serve_file(self, req: Request, path: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):  # opening a device may do something already
            raise PermissionError(errno.EACCES, "not a regular file", path)
        file = self._known.get(path)
        if file is None or file.identity != _identity(status):
            file = self._load(path)
        if req.conditional and _not_modified(req, file):
            req.reply(304, b"", [("ETag", file.etag)])
        elif file.content is not None:
            req.reply_bytes(file.content, file.lines)
        else:
            req.reply_file(os.dup(file.fd), file.size, file.lines)

    def _load(self, path: str) -> _File:
        self._drop(path)
        fd = self._open(path, _READ)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise PermissionError(errno.EACCES, "not a regular file", path)
            file = _File(path, fd, status)
        except BaseException:
            os.close(fd)
            raise
        if (
            file.content is not None
            and time.time() - max(status.st_mtime, status.st_ctime) < SETTLED
        ):
            return file
        self._known[path] = file
        self._bytes += len(file.content or b"")
        while len(self._known) > CACHE_FILES or self._bytes > CACHE_BYTES:
            self._drop(next(iter(self._known)))
        return file

    def _drop(self, path: str) -> None:
        file = self._known.pop(path, None)
        if file is not None:
            self._bytes -= len(file.content or b"")
            file.close()

    def _resolve(self, path: str) -> str:
        """What a path is without symbolic links. Raises FileNotFoundError when it lies outside."""
        real = os.path.realpath(path)
        if real != self.root and not real.startswith(self.root.rstrip("/") + "/"):
            raise FileNotFoundError(errno.ENOENT, "a link that leads out of the folder", path)
        return real

    def _open(self, path: str, flags: int) -> int:
        """Open what lies inside, whatever becomes of the links on the way meanwhile: the path that
        they were resolved to is walked down without following any."""
        real = self._resolve(path)
        if os.open not in os.supports_dir_fd:
            return os.open(real, flags)
        *folders, name = [part for part in real[len(self.root) :].split("/") if part] or ["."]
        fd = os.open(self.root, _STEP)
        try:
            for folder in folders:
                below = os.open(folder, _STEP, dir_fd=fd)
                os.close(fd)
                fd = below
            return os.open(name, flags | _NOFOLLOW, dir_fd=fd)
        finally:
            os.close(fd)

    def _fail(self, req: Request, error: OSError) -> None:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
            req.error(404)
        elif error.errno in (errno.EACCES, errno.EPERM):
            req.error(403)
        elif error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN):
            req.error(503)
        else:
            logger.error("cannot serve %r: %s", req.path, error)
            req.error(500)


def content_type(path: str) -> str:
    """The media type of a file by its name; text is taken to be UTF-8."""
    kind, coding = mimetypes.guess_type(path)
    if kind is None or coding is not None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith(_TEXT) else kind


def _identity(status: os.stat_result) -> tuple[int, ...]:
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_ino, status.st_dev, status.st_size, *times)


def _not_modified(req: Request, file: _File) -> bool:
    """Whether the client has this file already (RFC 9110 13.2.2)."""
    tags = req.header_all("if-none-match")
    if tags:
        wanted = [t.strip().removeprefix("W/") for tag in tags for t in tag.split(",")]
        return "*" in wanted or file.etag in wanted
    since = req.header("if-modified-since")
    if since is None:
        return False
    when = parse_date(since, req.connection.mgr.time())
    return when is not None and file.modified <= when
