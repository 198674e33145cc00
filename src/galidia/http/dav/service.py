"""A folder over WebDAV, class 1, 2 and 3 (RFC 4918): a handler of requests.

Nothing outside of the folder is read, written or learned of (see `folder.tree`): links that lead
out of it are not there, and neither are names that begin with a dot. GET and HEAD are those of
`StaticFiles`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...core.events import Event, mask_of
from ..folder.static import StaticFiles
from . import changes, locking, properties, put
from .jobs import Job
from .space import Call, RefusedError, Space, status_of
from .xml import XML_LIMIT

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ..request import Request
    from ..services import Guard

logger = logging.getLogger("galidia")

READING = ("OPTIONS", "GET", "HEAD", "PROPFIND")
WRITING = ("PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH", "LOCK", "UNLOCK")

_WITH_XML: dict[str, Callable[[Call, bytes], None]] = {
    "PROPFIND": properties.propfind,
    "PROPPATCH": properties.proppatch,
    "LOCK": locking.lock,
}


class WebDav:
    """Serves and changes the files below ``root``: the handler of an endpoint such as
    "/dav/{path...}", or of a listener.

    ``auth`` is asked for each request, ``write`` besides for one that changes something; False
    makes the folder read-only. ``hidden``: patterns of names that are not there, as those of
    `StaticFiles`. ``max_size`` limits the bytes of a file that is put; with ``sync`` a
    file is on the disk before it is answered for. Locks are in memory: a folder has one `WebDav`.

    Raises NotADirectoryError when ``root`` is not a folder, and NotImplementedError on a system
    that cannot open a file from the folder it lies in, such as Windows.
    """

    __slots__ = ("_allow", "_auth", "_files", "_space", "_write")

    __galidia_events__ = mask_of(Event.HTTP_CHUNK, Event.HTTP_REQUEST)

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        auth: Guard | None = None,
        write: Guard | bool = True,
        hidden: Iterable[str] = (),
        max_size: int | None = None,
        sync: bool = False,
    ) -> None:
        if os.open not in os.supports_dir_fd:
            raise NotImplementedError("this system cannot open files from a folder (dir_fd)")
        if isinstance(hidden, str):
            raise TypeError(f"hidden= takes several patterns, as in hidden=[{hidden!r}]")
        if max_size is not None and max_size < 0:
            raise ValueError(f"max_size= is a number of bytes, not {max_size!r}")
        patterns = tuple(hidden)
        self._space = Space(root, patterns, max_size, sync)
        # Clients write back what they have read, by its tag: it is sent as it is.
        self._files = StaticFiles(root, hidden=patterns, precompressed=False, compress=False)
        self._auth = auth
        self._write = write
        self._allow = ", ".join(READING if write is False else READING + WRITING)

    def __call__(self, c: Connection, ev: int, req: Any) -> None:
        self.serve(req, ev)

    def serve(self, req: Request, ev: int = Event.HTTP_REQUEST) -> None:
        """Answer a request, or see to it that it is; ``ev`` is its first event."""
        if self._auth is not None and not self._auth.allows(req):
            return
        method = req.method
        if method in WRITING and not self._may_write(req):
            return
        if method == "OPTIONS":
            self._answer_options(req)
        elif method == "GET" or method == "HEAD":
            self._files.serve(req)
        elif method in READING or method in WRITING:
            try:
                self._begin(req, ev)
            except Exception as e:
                self._fail(req, e)
        else:
            req.error(405, "WebDAV does not have this method here", [("Allow", self._allow)])

    def close(self) -> None:
        """Give up what is under way, and give back descriptors."""
        self._space.jobs.close()
        self._files.close()

    def _may_write(self, req: Request) -> bool:
        if isinstance(self._write, bool):
            if not self._write:
                req.error(403, "this folder is read-only")
            return self._write
        return self._write.allows(req)

    def _answer_options(self, req: Request) -> None:
        headers = [("Allow", self._allow), ("DAV", "1" if self._write is False else "1, 2, 3")]
        req.reply(200, b"", [*headers, ("MS-Author-Via", "DAV")])

    def _begin(self, req: Request, ev: int) -> None:
        call = Call(self._space, req)
        if req.method in _WITH_XML:
            if req.content_length > XML_LIMIT:
                raise RefusedError(413, f"the XML is over {XML_LIMIT} bytes")
            req.hand_over(_Whole(call, self._answer_xml, self._fail), ev)
        elif req.method == "PUT":
            put.check(call)
            req.hand_over(put.Upload(call, self._commit, self._fail), ev)
        elif req.content_length > 0 or req.received or not req.complete:
            raise RefusedError(415, "this method takes no body")  # RFC 4918 8.4
        elif req.method == "UNLOCK":
            locking.unlock(call)
        elif req.method in ("COPY", "MOVE"):
            target = call.destination()
            work = (changes.copy if req.method == "COPY" else changes.move)(call, target)
            self._start(call, work, target.key)
        else:
            self._start(call, (changes.mkcol if req.method == "MKCOL" else changes.delete)(call))

    def _answer_xml(self, call: Call, body: bytes) -> None:
        method = call.req.method
        if method == "PROPFIND":
            properties.propfind(call, body)
        else:
            self._start(call, _at_once(_WITH_XML[method], call, body))

    def _commit(self, upload: put.Upload) -> None:
        self._start(upload.call, upload.work())

    def _start(self, call: Call, work: Iterator[int], *areas: str) -> None:
        self._space.jobs.start(Job(call.req, (call.place.key, *areas), work, self._fail))

    def _fail(self, req: Request, error: Exception) -> None:
        """Answer for what went wrong, unless it was answered already."""
        if isinstance(error, RefusedError) and not req.replied:
            error.answer(req)
        elif isinstance(error, OSError) and not req.replied:
            status = status_of(error)
            if status == 500:
                logger.error("%s %r: %s", req.method, req.path, error)
            req.error(status, error.strerror or "")
        else:
            logger.error("%s %r failed", req.method, req.path, exc_info=error)
            if not req.replied:
                req.error(500)


class _Whole:
    """The handler of one request whose XML is waited for."""

    __slots__ = ("_answer", "_call", "_fail")

    __galidia_events__ = mask_of(Event.HTTP_CHUNK, Event.HTTP_REQUEST)

    def __init__(
        self,
        call: Call,
        answer: Callable[[Call, bytes], object],
        fail: Callable[[Request, Exception], object],
    ) -> None:
        self._call = call
        self._answer = answer
        self._fail = fail

    def __call__(self, c: Connection, ev: int, req: Any) -> None:
        try:
            if req.received > XML_LIMIT:
                raise RefusedError(413, f"the XML is over {XML_LIMIT} bytes")
            if ev == Event.HTTP_REQUEST:
                self._answer(self._call, req.body)
        except Exception as e:
            self._fail(req, e)


def _at_once(method: Callable[[Call, bytes], None], call: Call, body: bytes) -> Iterator[int]:
    method(call, body)
    yield 1
