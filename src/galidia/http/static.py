"""A folder served over HTTP: types, lengths, validators, listings; GET and HEAD.

Nothing outside of the folder is served (see `tree`), and no name that begins with a dot.

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
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..core.events import Event, mask_of
from .dates import format_date, parse_date
from .fields import header_lines
from .listing import render
from .request import Request
from .tree import Tree

if TYPE_CHECKING:
    from ..core.connection import Connection

logger = logging.getLogger("galidia")

#: StaticFiles up to this many bytes are kept in memory and sent with their head.
SMALL_FILE = 1 << 16
#: Bytes of small files that are kept.
CACHE_BYTES = 16 << 20
#: StaticFiles that are remembered; larger ones keep a descriptor each.
CACHE_FILES = 256
INDEX = ("index.html", "index.htm")
#: Seconds after which a change is seen in a file's times: 2 on the coarsest file systems.
SETTLED = 2.0

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
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


class StaticFiles:
    """Serves the files below ``root``: a handler of requests, or call `serve` with each.

    ``index`` are the names looked for in a folder; ``listing`` says whether a folder without one is
    listed. Raises NotADirectoryError when ``root`` is not a folder.
    """

    __slots__ = ("_bytes", "_known", "index", "listing", "tree")

    def __init__(
        self,
        root: str | os.PathLike[str] = ".",
        *,
        index: tuple[str, ...] = INDEX,
        listing: bool = True,
    ) -> None:
        self.tree = Tree(root)
        self.index = index
        self.listing = listing
        self._known: dict[str, _File] = {}  # oldest first
        self._bytes = 0

    __galidia_events__ = mask_of(Event.HTTP_REQUEST)

    def __call__(self, c: Connection, ev: int, req: Request) -> None:
        self.serve(req)

    def serve(self, req: Request) -> None:
        """Answer a request with the file or folder that its path names.

        At an endpoint such as "/files/{path...}" it is the path behind the slash that counts.
        """
        method = req.method
        if method != "GET" and method != "HEAD":
            req.error(405, "this resource answers GET and HEAD", [("Allow", "GET, HEAD")])
            return
        path = self.tree.locate(req.subpath)
        if path is None:
            req.error(404)
            return
        try:
            if path not in self._known:
                self.tree.resolve(path)  # before anything can be learned of what lies outside
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
            return render(self.tree.resolve(path), target)
        fd = self.tree.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
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
        fd = self.tree.open(path, _READ)
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
