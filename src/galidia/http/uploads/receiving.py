"""Uploads: files that clients send, put into a folder as they come (RFC 7578, RFC 9110 14.5).

Forms, PUT and POST of a file, and files in parts. Nothing is held but a piece; a client is read
from no faster than the disk takes what it sends. A file that does not arrive whole leaves nothing.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...core.events import Event, mask_of
from ...core.options import count, positive
from .storing import Incoming, RefusedError, Store

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ..request import Request

logger = logging.getLogger("galidia")

#: Bytes of one file.
MAX_SIZE = 1 << 32
#: Files of one form.
MAX_FILES = 100
#: Bytes that are left free on the file system.
RESERVE = 64 << 20
#: Seconds for which a part is kept that may be gone on with, and how many there may be.
KEEP = 86400.0
MAX_PARTS = 100
#: Bytes that are written between two looks at how much room there is.
_LOOK = 16 << 20

_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})", re.ASCII)


class Uploads:
    """Puts what is sent to it into ``folder``: a handler for an endpoint.

    - A form (multipart/form-data): each of its files. The answer is 201 and, as JSON, name and size
      of each. None of them appears before the form is whole.
    - PUT or POST of a body to a name below the mount, as in "/upload/{path...}": that file.
    - The same with ``Content-Range: bytes FIRST-LAST/SIZE``: a part of it, from where the one
      before ended. The answer is 202 and, as JSON, how much was received; 201 at the end. What
      was cut off in between is kept as far as it came, and ``Content-Range: bytes */SIZE`` without
      a body asks how far that is. A part that begins elsewhere gets 409, which says it too.

    ``max_size`` is in bytes for one file (413), ``max_files`` for one form (413), ``reserve`` the
    bytes that are left free (507). ``collision``, of a name that is taken: "rename" (the new file
    becomes "a (1).txt"), "refuse" (409) or "replace". Parts are kept for ``keep`` seconds, and
    ``max_parts`` of them (503). ``auth`` says who may. Raises NotADirectoryError.
    """

    __slots__ = ("_jobs", "_taken", "auth", "max_files", "max_size", "store")

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        max_size: int = MAX_SIZE,
        max_files: int = MAX_FILES,
        collision: str = "rename",
        reserve: int = RESERVE,
        keep: float = KEEP,
        max_parts: int = MAX_PARTS,
        auth: Any = None,
    ) -> None:
        self.max_size = count("max_size", max_size)
        self.max_files = count("max_files", max_files)
        self.auth = auth
        self.store = Store(
            folder,
            collision,
            int(positive("reserve", reserve, zero=True)),
            positive("keep", keep),
            count("max_parts", max_parts),
        )
        self._jobs: dict[Connection, _Job] = {}
        #: Parts that somebody is sending more of.
        self._taken: set[tuple[str, int]] = set()

    __galidia_events__ = mask_of(
        Event.HTTP_CHUNK,
        Event.HTTP_REQUEST,
        Event.HTTP_MULTIPART_REQUEST,
        Event.HTTP_PART_BEGIN,
        Event.HTTP_PART_DATA,
        Event.HTTP_PART_END,
        Event.HTTP_MULTIPART_REQUEST_END,
        Event.CLOSE,
    )

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        job = self._jobs.get(c)
        if ev == Event.CLOSE:
            if job is not None:
                self._end(job, False)
            return
        try:
            if job is None:
                if ev in (Event.HTTP_CHUNK, Event.HTTP_REQUEST, Event.HTTP_MULTIPART_REQUEST):
                    job = self._begin(c, ev, data)
                if job is None:
                    return
            job.on_event(ev, data)
        except RefusedError as e:
            self._refuse(job.req if job is not None else data, job, e.status, str(e))
        except OSError as e:
            logger.error("%r: an upload cannot be stored: %s", c, e)
            req = job.req if job is not None else data
            self._refuse(req, job, 500, "the file cannot be stored")

    def _begin(self, c: Connection, ev: int, req: Request) -> _Job | None:
        if self.auth is not None and not self.auth.allows(req):
            return None
        job: _Job
        if ev == Event.HTTP_MULTIPART_REQUEST:
            job = _FormJob(self, c, req)
        elif req.method not in ("PUT", "POST"):
            req.error(405, "files are sent with PUT or POST", [("Allow", "PUT, POST")])
            return None
        else:
            value = req.header("content-range")
            job = _FileJob(self, c, req) if value is None else _PartJob(self, c, req, value)
        self._jobs[c] = job
        return job

    def _end(self, job: _Job, done: bool) -> None:
        self._jobs.pop(job.c, None)
        job.end(done)

    def _refuse(self, req: Request, job: _Job | None, status: int, text: str) -> None:
        if job is not None:
            self._end(job, False)
        if not req.replied:
            req.error(status, text)


class _Job:
    """One request."""

    def __init__(self, uploads: Uploads, c: Connection, req: Request) -> None:
        self.uploads = uploads
        self.store = uploads.store
        self.c = c
        self.req = req
        self.files: list[Incoming] = []
        self._left = _LOOK

    def on_event(self, ev: int, data: Any) -> None:
        raise NotImplementedError

    def write(self, file: Incoming, data: bytes, limit: int) -> None:
        if file.size + len(data) > limit:
            raise RefusedError(413, f"the file is over {limit} bytes")
        self._left -= len(data)
        if self._left < 0:
            self._left = _LOOK
            self.store.room(0)
        file.write(data)

    def end(self, done: bool) -> None:
        """The request is over; unless ``done``, nothing is left of it."""
        for file in self.files:
            if done:
                file.leave()
            else:
                file.discard()


class _FormJob(_Job):
    def __init__(self, uploads: Uploads, c: Connection, req: Request) -> None:
        super().__init__(uploads, c, req)
        self.store.room(max(req.content_length, 0))

    def on_event(self, ev: int, data: Any) -> None:
        if ev == Event.HTTP_PART_BEGIN:
            name = data.safe_filename
            if not data.filename:
                return  # a field that is no file, or a file that was not chosen
            if len(self.files) >= self.uploads.max_files:
                raise RefusedError(413, f"there are over {self.uploads.max_files} files")
            data.user_data = self.store.new(name)
            self.files.append(data.user_data)
        elif ev == Event.HTTP_PART_DATA:
            if data.user_data is not None:
                self.write(data.user_data, data.data, self.uploads.max_size)
        elif ev == Event.HTTP_MULTIPART_REQUEST_END:
            for file in self.files:
                file.commit()
            stored = [{"name": file.name, "size": file.size} for file in self.files]
            self.uploads._end(self, True)
            self.req.reply(201, {"files": stored})


class _FileJob(_Job):
    """The body is the file."""

    def __init__(self, uploads: Uploads, c: Connection, req: Request) -> None:
        super().__init__(uploads, c, req)
        self.name = req.subpath.removeprefix("/")
        self.open()

    def open(self) -> None:
        length = self.req.content_length
        if length > self.uploads.max_size:
            raise RefusedError(413, f"the file is over {self.uploads.max_size} bytes")
        self.store.check(self.name)
        self.store.room(max(length, 0))
        self.file = self.store.new(self.name)
        self.files.append(self.file)

    def on_event(self, ev: int, data: Any) -> None:
        self.write(self.file, self.req.take(), self.uploads.max_size)
        if ev == Event.HTTP_REQUEST:
            self.finish()

    def finish(self) -> None:
        file = self.file
        file.commit()
        self.uploads._end(self, True)
        location = self.req.path[: -len(self.name)] + file.name
        self.req.reply(
            201,
            {"files": [{"name": file.name, "size": file.size}]},
            [("Location", quote(os.fsencode(location), safe="/:@!$&'()*+,;=~-._"))],
        )


class _PartJob(_FileJob):
    """The body is a part of the file: from ``first`` on, of ``total`` bytes."""

    def __init__(self, uploads: Uploads, c: Connection, req: Request, value: str) -> None:
        found = _RANGE.fullmatch(value)
        if found is None:
            raise RefusedError(400, "Content-Range is bytes FIRST-LAST/SIZE or bytes */SIZE")
        self.total = int(found[3])
        self.first = -1 if found[1] is None else int(found[1])
        self.last = -1 if found[2] is None else int(found[2])
        self.taken = False
        super().__init__(uploads, c, req)

    def open(self) -> None:
        uploads, req = self.uploads, self.req
        if self.total > uploads.max_size:
            raise RefusedError(413, f"the file is over {uploads.max_size} bytes")
        self.store.check(self.name)
        key = (self.name, self.total)
        if key in uploads._taken:
            raise RefusedError(409, "somebody else is sending this file")
        received = self.store.received(*key)
        if self.first < 0:
            if req.content_length > 0 or req.chunked:
                raise RefusedError(400, "who asks how far it is sends no body")
            self.limit = received
            return
        if not self.first <= self.last < self.total:
            raise RefusedError(400, "Content-Range is bytes FIRST-LAST/SIZE or bytes */SIZE")
        if req.content_length not in (-1, self.last - self.first + 1):
            raise RefusedError(400, "the body has another length than Content-Range says")
        if self.first != received:
            self.limit = -1
            return
        self.store.room(self.total - received)
        self.limit = self.last + 1
        self.file = self.store.part(*key)
        uploads._taken.add(key)
        self.taken = True

    def on_event(self, ev: int, data: Any) -> None:
        if self.taken:
            self.write(self.file, self.req.take(), self.limit)
        if self.limit < 0:
            self._tell(409)
        elif ev == Event.HTTP_REQUEST:
            if not self.taken:
                self._tell(202)
            elif self.file.size < self.limit:
                self.uploads._end(self, True)
                self.req.error(400, "the body is shorter than Content-Range says")
            elif self.file.size == self.total:
                self.finish()
            else:
                self._tell(202)

    def _tell(self, status: int) -> None:
        """How far it is."""
        self.uploads._end(self, True)
        received = self.store.received(self.name, self.total)
        self.req.reply(status, {"received": received, "size": self.total})

    def end(self, done: bool) -> None:
        if self.taken:
            self.uploads._taken.discard((self.name, self.total))
            self.file.leave()
