"""A request, and how it is answered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.protocol import Protocol
from .dates import format_date
from .head import Head
from .status import reason

if TYPE_CHECKING:
    from ..core.connection import Connection

if cython.compiled:
    from cython.cimports.cpython.bytes import (
        PyBytes_AS_STRING,
        PyBytes_FromStringAndSize,
        PyBytes_GET_SIZE,
    )
    from cython.cimports.libc.string import memcpy

Headers = Mapping[str, str] | Iterable[tuple[str, str]]

_STATUS_LINES: list[bytes] = [b""] * 1000
#: A longer body is not copied once more to be queued in one piece with its head.
_TOGETHER = 1 << 12
_CLOSE_LINE = b"Connection: close\r\n"
_KEEP_LINE = b"Connection: keep-alive\r\n"
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
#: Fields that say how the message is framed: the library sets them, and nobody else.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "date"})


class DateLine:
    """The Date field (RFC 9110 6.6.1), made anew once a second."""

    __slots__ = ("_line", "_until")

    def __init__(self) -> None:
        self._line = b""
        self._until = -1.0

    def at(self, c: Connection) -> bytes:
        now = c.mgr._now
        if now >= self._until:
            wall = c.mgr.time()
            self._line = b"Date: %b\r\n" % format_date(wall).encode("ascii")
            self._until = now + 1.0 - wall % 1.0
        return self._line


class Answering(Protocol):
    """A protocol that waits for its requests to be answered."""

    __slots__ = ()

    def answered(self, c: Connection, request: Request) -> None:
        """The response to a request is complete."""
        raise NotImplementedError


class Request(Head):
    """What ``HTTP_REQUEST`` carries; see `Head` for its fields.

    ``connection`` is where it came from and ``body`` its content. It may be answered at once or
    later, from anywhere in the manager's thread; the next request of the connection is handled
    when this one is answered. ``replied`` says whether it was.
    """

    __slots__ = (
        "__weakref__",
        "_body_start",
        "_date",
        "_last",
        "_protocol",
        "body",
        "connection",
        "replied",
    )

    connection: Connection
    body: bytes
    replied: bool
    _last: bool
    _body_start: int
    _protocol: Answering | None
    _date: DateLine

    def reply(self, status: int = 200, body: Any = b"", headers: Headers | None = None) -> None:
        """Answer with a status, a body and header fields.

        ``body`` is bytes, or str (sent as UTF-8 text), or a dict or list (sent as JSON). Length,
        date and connection are set here; HEAD, 204 and 304 get no body. Raises RuntimeError when
        it was answered already and ValueError for a header that cannot be sent.
        """
        kind = b""
        if type(body) is bytes:
            content = body
        elif isinstance(body, str):
            content = body.encode()
            kind = b"Content-Type: text/plain; charset=utf-8\r\n"
        elif isinstance(body, (dict, list)):
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            kind = b"Content-Type: application/json\r\n"
        else:
            content = bytes(memoryview(body))
        extra = kind
        if headers is not None:
            extra = header_lines(headers)
            if kind and b"\r\ncontent-type:" not in b"\r\n" + extra.lower():
                extra += kind
        self._send(status, len(content), extra, content)
        self._finished()

    def error(self, status: int, text: str = "", headers: Headers | None = None) -> None:
        """Answer with an error: the status, its reason and a line of text."""
        phrase = reason(status)
        self.reply(
            status, f"{status} {phrase}\n{text}\n" if text else f"{status} {phrase}\n", headers
        )

    def redirect(self, location: str, status: int = 302) -> None:
        """Answer with a redirection to another URI."""
        self.reply(status, b"", [("Location", location)])

    def reply_bytes(self, content: bytes, extra: bytes) -> None:
        """Answer 200 with bytes and ready-made field lines, each with its CRLF."""
        self._send(200, len(content), extra, content)
        self._finished()

    def reply_file(self, fd: int, length: int, extra: bytes) -> None:
        """Answer 200 with the first ``length`` bytes of an open file, which is closed when sent.

        ``extra`` are ready-made field lines, each with its CRLF.
        """
        c: Any = self.connection
        try:
            self._send(200, length, extra, b"")
        except BaseException:
            os.close(fd)
            raise
        if self.method == "HEAD" or c.closed:
            os.close(fd)
        else:
            c.send_file(fd, 0, length)
        self._finished()

    def _send(self, status: int, length: int, extra: bytes, content: bytes) -> None:
        """Queue a head for ``length`` bytes of body, and what of the body is at hand."""
        if self.replied:
            raise RuntimeError("this request was answered already")
        c = self.connection
        if status < 100 or status > 999:
            raise ValueError(f"a status is a number from 100 to 999, not {status!r}")
        line = _STATUS_LINES[status]
        if not line:
            line = _status_line(status)
        if self._last or not self.keep_alive:
            self._last = True
            extra += _CLOSE_LINE
        elif self.minor == 0:
            extra += _KEEP_LINE
        if status < 200 or status == 204 or status == 304:
            length = -1  # RFC 9110 8.6, RFC 9112 6.3
            content = b""
        elif self.method_end == 4 and self.raw.startswith(b"HEAD"):
            content = b""
        self.replied = True
        if len(content) <= _TOGETHER:
            c.send(assemble(line, self._date.at(c), extra, length, content))
        else:
            c.send(assemble(line, self._date.at(c), extra, length, b""))
            c.send(content)

    def _finished(self) -> None:
        """The response is complete: the next request of the connection may come."""
        protocol = self._protocol
        self._protocol = None
        if protocol is not None:
            protocol.answered(self.connection, self)


def new_request(c: Connection, protocol: Answering, date: DateLine) -> Request:
    """A request that is still empty."""
    request: Request = Request.__new__(Request)
    request.connection = c
    request.body = b""
    request.replied = False
    request._last = False
    request._body_start = 0
    request._protocol = protocol
    request._date = date
    return request


def assemble(status: bytes, date: bytes, extra: bytes, length: int, body: bytes) -> bytes:
    """A response in one piece; a negative length is not said."""
    if cython.compiled:
        number: Any
        digits = 0
        if length >= 0:
            left = length
            while True:
                digits += 1
                number[24 - digits] = 48 + left % 10  # noqa: F821
                left = left // 10
                if left == 0:
                    break
        total = (
            PyBytes_GET_SIZE(status)
            + PyBytes_GET_SIZE(date)
            + (18 + digits if digits else 0)
            + PyBytes_GET_SIZE(extra)
            + 2
            + PyBytes_GET_SIZE(body)
        )
        message: bytes = PyBytes_FromStringAndSize(cython.NULL, total)
        p = PyBytes_AS_STRING(message)
        memcpy(p, PyBytes_AS_STRING(status), PyBytes_GET_SIZE(status))
        p += PyBytes_GET_SIZE(status)
        memcpy(p, PyBytes_AS_STRING(date), PyBytes_GET_SIZE(date))
        p += PyBytes_GET_SIZE(date)
        if digits:
            memcpy(p, b"Content-Length: ", 16)
            memcpy(p + 16, number + 24 - digits, digits)  # noqa: F821
            memcpy(p + 16 + digits, b"\r\n", 2)
            p += 18 + digits
        memcpy(p, PyBytes_AS_STRING(extra), PyBytes_GET_SIZE(extra))
        p += PyBytes_GET_SIZE(extra)
        memcpy(p, b"\r\n", 2)
        memcpy(p + 2, PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body))
        return message
    if length < 0:
        return b"%b%b%b\r\n%b" % (status, date, extra, body)
    return b"%b%bContent-Length: %d\r\n%b\r\n%b" % (status, date, length, extra, body)


def _status_line(status: int) -> bytes:
    line = b"HTTP/1.1 %d %b\r\n" % (status, reason(status).encode("ascii"))
    _STATUS_LINES[status] = line
    return line


def header_lines(headers: Headers) -> bytes:
    """Field lines for names and values; nothing in them can end a line early (RFC 9110 5.5)."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = []
    for name, value in pairs:
        if not name or not _TOKEN.issuperset(name):
            raise ValueError(f"bad header name {name!r}")
        if name.lower() in _FRAMING:
            raise ValueError(f"the header {name!r} is set by the library")
        if not value.isprintable() and value.replace("\t", "").isprintable() is False:
            raise ValueError(f"bad value of header {name!r}: {value!r}")
        try:
            lines.append(b"%b: %b\r\n" % (name.encode("ascii"), value.encode("latin-1")))
        except UnicodeEncodeError:
            raise ValueError(
                f"bad value of header {name!r}: {value!r} is not Latin-1; encode it first"
            ) from None
    return b"".join(lines)
