"""A request, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .dates import format_date
from .fields import Headers, items_of
from .jsontext import encode
from .message import Message
from .reader import Reader
from .status import reason

if TYPE_CHECKING:
    from ..core.address import Address
    from ..core.connection import Connection
    from ..core.file import OpenFile
    from ..core.handler import HandlerFunction
    from ..core.protocol import Protocol
    from .source import Source
    from .sse import EventStream

if not cython.compiled:
    from .fields import header_lines
else:
    from cython.cimports.cpython.bytes import (
        PyBytes_AS_STRING,
        PyBytes_FromStringAndSize,
        PyBytes_GET_SIZE,
    )
    from cython.cimports.galidia.core.connection import room
    from cython.cimports.libc.string import memcpy

_STATUS_LINES: list[bytes] = [b""] * 1000
#: A longer body is not copied once more to be queued in one piece with its head.
_TOGETHER = 1 << 12
_CLOSE_LINE = b"Connection: close\r\n"
_KEEP_LINE = b"Connection: keep-alive\r\n"
_NO_PARAMS: Mapping[str, str] = MappingProxyType({})
#: Bytes that may wait to be sent before more of an answer, or the next request, is looked at.
_BACKLOG = 1 << 16
# In place of the number of bytes that are left of a body that is sent bit by bit.
_CHUNKS = -1
_UNTIL_CLOSE = -2
_NOTHING = -3


class DateLine:
    """The Date field (RFC 9110 6.6.1), made anew once a second."""

    __slots__ = ("_line", "_until")

    def __init__(self, until: float = -1.0) -> None:
        self._line = b""
        self._until = until

    def at(self, c: Connection) -> bytes:
        now = c.mgr._now
        if now >= self._until:
            wall = c.mgr.time()
            self._line = b"Date: %b\r\n" % format_date(wall).encode("ascii")
            self._until = now + 1.0 - wall % 1.0
        return self._line


#: For answers that bring a date of their own.
_UNDATED = DateLine(float("inf"))


class Answering(Reader):
    """A reader whose messages are answered."""

    __slots__ = ("defers", "expects")

    #: Whether the client waits for a 100 before it sends the body (RFC 9110 10.1.1).
    expects: bool
    #: Set in the first event of such a body: the handler sees to the 100 itself.
    defers: bool

    def answered(self, c: Connection, request: Request) -> None:
        """The response to a request is complete."""
        raise NotImplementedError

    def streams(self, c: Connection) -> None:
        """A response has begun that is sent bit by bit."""
        raise NotImplementedError

    def when_drained(self, c: Connection, callback: Callable[[], object] | None) -> None:
        """Call this once, when most of what waits to be sent has left; None: no longer."""
        raise NotImplementedError

    def is_cut(self) -> bool:
        """Whether the rest of the body that is being read is not going to be."""
        raise NotImplementedError

    def switched(self, c: Connection, protocol: Protocol | None) -> None:
        """Another protocol takes over."""
        raise NotImplementedError

    def handed_over(self, c: Connection, request: Request, handler: Any, ev: int) -> None:
        """Another handler takes over."""
        raise NotImplementedError


class Request(Message):
    """What ``HTTP_REQUEST`` carries; see `Head` for its fields and `Message` for its content.

    It may be answered at once or later, from anywhere in the manager's thread; the next request of
    the connection is handled when this one is answered. ``replied`` says whether that has begun.
    """

    __slots__ = (
        "_date",
        "_last",
        "_left",
        "_protocol",
        "_source",
        "answer_size",
        "answer_status",
        "began",
        "replied",
    )

    replied: bool
    #: For logs: when its head was there (seconds on the manager's clock), the status that it was
    #: answered with, and how many bytes of body.
    began: float
    answer_status: int
    answer_size: int
    _last: bool
    _left: int
    _protocol: Answering | None
    _date: DateLine
    _source: Source | None

    # -- what it says -------------------------------------------------------------------------

    @property
    def params(self) -> Mapping[str, str]:
        """What an endpoint's pattern has names for, decoded."""
        if self._parsed is None:
            return _NO_PARAMS
        found: Mapping[str, str] = self._parsed.get("params", _NO_PARAMS)
        return found

    @property
    def subpath(self) -> str:
        """The decoded path as a service sees it that is mounted at an endpoint such as
        "/files/{path...}": what ``path`` stands for, with a slash before it; elsewhere `path`."""
        if self._parsed is None:
            return self.path
        below = self.params.get("path")
        return self.path if below is None else f"/{below}"

    @property
    def user(self) -> str | None:
        """Who asks, when somebody has found that out."""
        return None if self._parsed is None else self._parsed.get("user")

    @user.setter
    def user(self, name: str | None) -> None:
        if self._parsed is None:
            self._parsed = {}
        self._parsed["user"] = name

    @property
    def peer(self) -> Address:
        """The client's address."""
        return self.connection.peer

    @property
    def tls(self) -> Any:
        """The `ssl.SSLObject` of the connection, or None."""
        return self.connection.tls

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of the basic scheme (RFC 7617), or None."""
        from .auth import parse_basic

        values = self.header_all("authorization")
        return parse_basic(values[0]) if len(values) == 1 else None

    # -- answers ------------------------------------------------------------------------------

    def reply(self, status: int = 200, body: Any = b"", headers: Headers | None = None) -> None:
        """Answer with a status, a body and header fields.

        ``body`` is bytes, or str (sent as UTF-8 text), or a dict or list (sent as JSON). Length,
        date and connection are set here; HEAD, 204 and 304 get no body. Raises RuntimeError when
        it was answered already and ValueError for a status that does not end a request or a header
        that cannot be sent.
        """
        kind = b""
        if type(body) is bytes:
            content = body
        elif isinstance(body, str):
            content = body.encode()
            kind = b"Content-Type: text/plain; charset=utf-8\r\n"
        elif isinstance(body, (dict, list)):
            content = encode(body)
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

    def reply_bytes(self, content: bytes, extra: bytes, status: int = 200) -> None:
        """Answer with bytes and ready-made field lines, each with its CRLF."""
        self._send(status, len(content), extra, content)
        self._finished()

    def reply_file(
        self, file: OpenFile, length: int, extra: bytes, status: int = 200, offset: int = 0
    ) -> None:
        """Answer with ``length`` bytes of an open file.

        ``extra`` are ready-made field lines, each with its CRLF.
        """
        self._send(status, length, extra, b"")
        if self.method != "HEAD" and not self.connection.closed:
            self.answer_size = length
            self.connection.send_file(file, offset, length)
        self._finished()

    def reply_parts(
        self,
        file: OpenFile,
        heads: list[bytes],
        ranges: list[tuple[int, int]],
        tail: bytes,
        extra: bytes,
    ) -> None:
        """Answer 206 with ranges of an open file, each behind its head.

        ``extra`` are ready-made field lines, each with its CRLF.
        """
        length = len(tail)
        for head, (start, end) in zip(heads, ranges, strict=True):
            length += len(head) + end - start
        self._send(206, length, extra, b"")
        c = self.connection
        if not c.closed and self.method != "HEAD":
            for head, (start, end) in zip(heads, ranges, strict=True):
                c.send(head)
                c.send_file(file, start, end - start)
            c.send(tail)
            self.answer_size = length
        self._finished()

    def relay(
        self, status: int, lines: bytes, dated: bool, length: int, content: bytes, whole: bool
    ) -> None:
        """Answer what another server has answered: ready-made field lines, each with its CRLF, with
        a Date among them if ``dated``, and a body of ``length`` bytes (negative: not known). It is
        ``content``, or if not ``whole`` it follows with `send_chunk`."""
        if dated:
            self._date = _UNDATED
        if whole:
            self._send(status, length, lines, content)
            self._finished()
        else:
            self._start(status, length, lines)

    # -- answers bit by bit -------------------------------------------------------------------

    def send_head(
        self, status: int = 200, headers: Headers | None = None, length: int | None = None
    ) -> None:
        """Begin an answer whose body follows with `send_chunk`, until `end`.

        ``length`` is that of the body in bytes; where it is not known, the body is sent in chunks,
        or to a client of HTTP/1.0 until the connection ends.
        """
        extra = header_lines(headers) if headers is not None else b""
        if length is not None and length < 0:
            raise ValueError(f"a length is not negative: {length!r}")
        self._start(status, -1 if length is None else length, extra)

    def _start(self, status: int, length: int, extra: bytes) -> None:
        if self._has_no_body(status):
            left = _NOTHING
        elif length >= 0:
            left = length
        elif self.minor:
            left = _CHUNKS
            extra += b"Transfer-Encoding: chunked\r\n"
        else:
            left = _UNTIL_CLOSE
            self._last = True
        self._send(status, length, extra, b"")
        self._left = left
        if self._protocol is not None:
            self._protocol.streams(self.connection)

    def send_chunk(self, data: bytes | bytearray | memoryview) -> None:
        """Send a part of the body. When the client has gone, nothing happens.

        Raises RuntimeError before `send_head` and after the end, ValueError for more than the
        length that was said.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        if not self._is_open() or not data:
            return
        left = self._left
        if left == _NOTHING:
            return
        c = self.connection
        self.answer_size += len(data)
        if left >= 0:
            if len(data) > left:
                raise ValueError(f"{len(data)} bytes, but {left} are left of the length")
            self._left = left - len(data)
            c.send(data)
        elif left == _UNTIL_CLOSE:
            c.send(data)
        elif len(data) <= _TOGETHER:
            c.send(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            c.send(b"%x\r\n" % len(data))
            c.send(data)
            c.send(b"\r\n")

    def end(self, trailers: Headers | None = None) -> None:
        """The body is complete. ``trailers`` are sent if it goes in chunks.

        When less was sent than the length that was said, the connection is cut off, so that nobody
        takes it for the whole, and RuntimeError is raised.
        """
        lines = header_lines(trailers) if trailers is not None else b""
        if not self._is_open():
            return
        if self._left == _CHUNKS:
            self.connection.send(b"0\r\n%b\r\n" % lines)
        elif self._left > 0:
            self.connection.error = f"{self._left} bytes of a response were not sent"
            self.connection.abort()
            raise RuntimeError(self.connection.error)
        self._finished()

    def stream(
        self,
        source: Iterable[bytes | None],
        status: int = 200,
        headers: Headers | None = None,
        length: int | None = None,
    ) -> None:
        """Answer with the bytes that an iterable gives, asking for more as they leave.

        None stands for nothing at hand: it is asked again after `resume`. An iterator with a
        ``close()`` method, such as a generator, is closed at the end, also when the client goes
        before. If it raises, the error is logged and the connection is cut off.
        """
        from .source import Source

        pieces = Source(self, source)
        try:
            self.send_head(status, headers, length)
        except BaseException:
            pieces.close()
            raise
        if self._protocol is not None:
            self._source = pieces
            pieces.pull()
        else:
            pieces.close()

    def resume(self) -> None:
        """The source of `stream` gave None, and has something now."""
        if self._source is not None:
            self._source.pull()

    def events(self, **options: Any) -> EventStream:
        """Answer with server-sent events; see `EventStream`."""
        from .sse import EventStream

        return EventStream(self, **options)

    def send_interim(self, status: int, headers: Headers | None = None) -> None:
        """Say something before the answer: 100 (Continue) or 103 (Early Hints).

        A 100 is sent by itself when the body is awaited. Nothing is sent to a client of HTTP/1.0,
        which does not know of it.
        """
        if not 100 <= status < 200 or status == 101:
            raise ValueError(f"not the status of an interim response: {status!r}")
        self.relay_interim(status, header_lines(headers) if headers is not None else b"")

    def relay_interim(self, status: int, lines: bytes) -> None:
        """As `send_interim`, with ready-made field lines, each with its CRLF."""
        if self.replied:
            raise RuntimeError("this request was answered already")
        protocol = self._protocol
        if protocol is None or self.minor == 0:
            return
        if status == 100:
            if not protocol.expects:
                return
            protocol.expects = False
        self.connection.send(_status_line(status) + lines + b"\r\n")

    def switch_protocol(
        self, name: str, protocol: Protocol | None, headers: Headers | None = None
    ) -> None:
        """Answer 101 and go on with another protocol (RFC 9110 7.8); None: with the bare events.

        ``name`` is what the client finds in Upgrade. What it has sent behind the request stays in
        ``recv_mbuf``, and the new protocol gets a ``RECV`` for it. Raises RuntimeError if the
        client did not ask for it, or when its request is not complete.
        """
        lines = header_lines([("Upgrade", name), *items_of(headers or ())])
        if self._parsed is not None:
            lines += self._parsed.get("lines", b"")
        self.relay_switch(lines, protocol)

    def relay_switch(self, lines: bytes, protocol: Protocol | None) -> None:
        """As `switch_protocol`, with ready-made field lines, Upgrade among them."""
        if self.replied or not self.upgrade or not self.complete:
            raise RuntimeError("this request does not end with another protocol")
        self.replied = True
        self.answer_status = 101
        server, self._protocol = self._protocol, None
        if server is not None:
            self.connection.send(_status_line(101) + b"Connection: Upgrade\r\n%b\r\n" % lines)
            server.switched(self.connection, protocol)

    def require_upgrade(self, name: str) -> None:
        """Answer 426: what is asked for is there with another protocol only (RFC 9110 15.5.22)."""
        self.add_header("Upgrade", name)
        if self._parsed is not None:
            self._parsed["lines"] += b"Connection: Upgrade\r\n"
        self.error(426)

    def hand_over(self, handler: HandlerFunction, ev: int = 0) -> None:
        """Have this request handled by another handler from now on.

        It gets ``ev``, the event at hand, if that is given and it wants it; those that follow; and
        CLOSE if the connection ends before the request is answered. A handler of parts gets a form
        as parts if nothing of it was taken yet. Does nothing once the request is answered.
        """
        if self._protocol is not None:
            self._protocol.handed_over(self.connection, self, handler, ev)

    def add_header(self, name: str, value: str) -> None:
        """Add a field to the answer, whoever gives it."""
        lines = header_lines([(name, value)])
        if self._parsed is None:
            self._parsed = {}
        self._parsed["lines"] = self._parsed.get("lines", b"") + lines

    def _has_no_body(self, status: int) -> bool:
        return status == 204 or status == 304 or self.method == "HEAD"

    def _is_open(self) -> bool:
        """Whether the body of the answer may go on; False when the client has gone."""
        if not self.replied:
            raise RuntimeError("send_head() comes first")
        if self._protocol is None and not self.connection.closing:
            raise RuntimeError("this request was answered already")
        return self._protocol is not None

    def _send(self, status: int, length: int, extra: bytes, content: bytes) -> None:
        """Queue a head for ``length`` bytes of body, and what of the body is at hand."""
        if self.replied:
            raise RuntimeError("this request was answered already")
        c = self.connection
        if status < 200 or status > 999:
            raise ValueError(f"the status of an answer is a number from 200 to 999, not {status!r}")
        line = _STATUS_LINES[status]
        if not line:
            line = _status_line(status)
        if self._parsed is not None:
            extra += self._parsed.get("lines", b"")
        if self._content is not None and not self._content.complete and self._protocol is not None:
            self._last = self._last or self._protocol.is_cut()
        if self._last or not self.keep_alive:
            self._last = True
            extra += _CLOSE_LINE
        elif self.minor == 0:
            extra += _KEEP_LINE
        if status == 204 or status == 304:
            length = -1  # RFC 9110 8.6, RFC 9112 6.3
            content = b""
        elif self.method_end == 4 and self.raw.startswith(b"HEAD"):
            content = b""
        self.replied = True
        self.answer_status = status
        self.answer_size = len(content)
        if len(content) <= _TOGETHER:
            _deliver(c, line, self._date.at(c), extra, length, content)
        else:
            _deliver(c, line, self._date.at(c), extra, length, b"")
            c.send(content)

    def _finished(self) -> None:
        """The response is complete: the next request of the connection may come."""
        protocol = self._protocol
        self._protocol = None
        if self._source is not None:
            self._end_source()
            if protocol is not None:
                protocol.when_drained(self.connection, None)
        if protocol is not None:
            protocol.answered(self.connection, self)

    def cut_off(self) -> None:
        """The connection has ended, and what is missing of the answer is never sent."""
        self._protocol = None
        self._end_source()

    def _end_source(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()


def new_request(c: Connection, protocol: Answering, date: DateLine) -> Request:
    """A request that is still empty."""
    request: Request = Request.__new__(Request)
    request.connection = c
    request.replied = False
    request._content = None
    request._parsed = None
    request._last = False
    request._source = None
    request.answer_status = 0
    request.answer_size = 0
    request.began = c.mgr._now
    request._protocol = protocol
    request._date = date
    return request


def _deliver(
    c: Connection, status: bytes, date: bytes, extra: bytes, length: int, body: bytes
) -> None:
    """Send a response in one piece; a negative length is not said."""
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
        message: bytes | None = None
        p = room(c, total)
        if p == cython.NULL:
            message = PyBytes_FromStringAndSize(cython.NULL, total)
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
        if message is not None:
            c.send(message)
    elif length < 0:
        c.send(b"%b%b%b\r\n%b" % (status, date, extra, body))
    else:
        parts = (status, date, length, extra, body)
        c.send(b"%b%bContent-Length: %d\r\n%b\r\n%b" % parts)


def _status_line(status: int) -> bytes:
    line = b"HTTP/1.1 %d %b\r\n" % (status, reason(status).encode("ascii"))
    _STATUS_LINES[status] = line
    return line
