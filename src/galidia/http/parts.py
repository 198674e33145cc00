"""The parts of a form as events, while they come (RFC 7578).

A handler that asks for HTTP_PART_DATA, with `handles` or as a `Handler`, gets these for a request
with multipart/form-data, in place of HTTP_CHUNK and HTTP_REQUEST:

    HTTP_MULTIPART_REQUEST       Request  its head is there
    HTTP_PART_BEGIN              Part     the fields of a part are there
    HTTP_PART_DATA               Part     a piece of it, in ``data``
    HTTP_PART_END                Part     its end; ``status`` is -1 if the connection ended in it
    HTTP_MULTIPART_REQUEST_END   Request  the end of a form that is whole

Nothing is held that was consumed, so a form may have any size. Once the request is answered there
are no more events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.events import Event
from . import multipart
from .multipart import MultipartParser
from .parameters import FormError
from .violations import Violation

if TYPE_CHECKING:
    from ..core.connection import Connection
    from .request import Request
    from .server import ServerProtocol


class Part(multipart.Part):
    """One part of a form that comes bit by bit.

    In HTTP_PART_DATA ``data`` is the piece at hand. A handler may set ``consumed``, which is its
    length, to less: the rest is kept and comes again, with what has come behind it meanwhile or
    when `resume` is called. As more than ``body_limit`` is not kept, the client has to wait then.
    """

    __slots__ = ("_parts", "consumed", "status")

    def __init__(
        self, parts: Parts, name: str, filename: str | None, headers: list[tuple[str, str]]
    ) -> None:
        super().__init__(name, filename, headers)
        self.consumed = 0
        self.status = 0
        self._parts = parts

    def resume(self) -> None:
        """Have what was not consumed again. Within an event this does nothing."""
        self._parts.resume()


class Parts:
    """Turns the body of one request into the events of its parts."""

    __slots__ = ("_busy", "_open", "_parser", "_protocol", "_request", "_stopped")

    def __init__(self, protocol: ServerProtocol, request: Request) -> None:
        self._protocol = protocol
        self._request = request
        self._parser: MultipartParser | None = None
        self._open: Part | None = None
        self._busy = False
        #: The handler did not consume all of a piece.
        self._stopped = False

    def begin(self, c: Connection) -> None:
        """The head of the request is there."""
        options = self._protocol.options
        try:
            boundary = multipart.boundary_of(self._request.header("content-type"))
        except FormError as e:
            self._refuse(c, e)
            return
        self._parser = MultipartParser(
            boundary, options.max_parts, options.part_head_limit, make=self._make
        )
        body = self._protocol.body
        if body is not None:
            body.taken = True  # of any size
        self._protocol.emit(c, Event.HTTP_MULTIPART_REQUEST, self._request)

    def arrived(self, c: Connection) -> None:
        """More of the body is there."""
        body = self._protocol.body
        if self._busy or body is None:
            return
        self._busy = True
        try:
            self._read(c, body.buffer())
        except FormError as e:
            self._refuse(c, e)
        finally:
            self._busy = False
        self._protocol.check(c, body)

    def completed(self, c: Connection) -> None:
        """The body is there. Its end may wait for a part that was not consumed."""
        parser = self._parser
        if parser is None or self._stopped:
            return
        try:
            parser.finish()
        except FormError as e:
            self._refuse(c, e)
        else:
            self._protocol.emit(c, Event.HTTP_MULTIPART_REQUEST_END, self._request)

    def resume(self) -> None:
        c = self._request.connection
        body = self._protocol.body
        if self._busy or body is None or not self._is_alive():
            return
        self.arrived(c)
        if not self._is_alive():
            return
        if body.paused is not None and len(body.buffer()) <= self._protocol.body_limit:
            body.paused = None
            self._protocol.resume(c)
        if body.complete:
            self.completed(c)

    def cut(self, c: Connection) -> None:
        """The connection has ended."""
        part, self._open = self._open, None
        if part is not None:
            part.status = -1
            part.data = b""
            self._protocol.emit(c, Event.HTTP_PART_END, part)

    def _read(self, c: Connection, buf: bytearray) -> None:
        parser: Any = self._parser
        at = 0
        self._stopped = False
        while not self._stopped:
            event = parser.next(buf, at)
            at = parser.position
            part = parser.part
            if event == multipart.NEED_MORE:
                break
            if event == multipart.PART_BEGIN:
                self._open = part
                self._protocol.emit(c, Event.HTTP_PART_BEGIN, part)
            elif event == multipart.PART_DATA:
                part.data = bytes(buf[parser.data_start : parser.data_end])
                part.consumed = len(part.data)
                self._protocol.emit(c, Event.HTTP_PART_DATA, part)
                used = min(max(part.consumed, 0), len(part.data))
                rest = len(part.data) - used
                part.data = b""
                at -= rest
                self._stopped = rest > 0
            elif event == multipart.PART_END:
                self._open = None
                self._protocol.emit(c, Event.HTTP_PART_END, part)
            if not self._is_alive():
                return
        if self._is_alive():
            del buf[:at]

    def _is_alive(self) -> bool:
        """Whether the request is still waited for."""
        protocol = self._protocol
        return protocol.message is self._request and not self._request.connection.closed

    def _make(self, name: str, filename: str | None, headers: list[tuple[str, str]]) -> Part:
        return Part(self, name, filename, headers)

    def _refuse(self, c: Connection, error: FormError) -> None:
        if self._is_alive():
            self._protocol.violated(c, Violation(error.name, error.status, str(error)))
