"""Forms with files: ``multipart/form-data`` (RFC 7578, RFC 2046 section 5.1).

`MultipartParser` reads a body as it comes and holds none of it: it says where in the caller's
buffer the data of a part lies. Its work is linear in the bytes for any content and any split.
Reading is strict: a boundary in the data that is not a delimiter line, a folded field, a part
without a name or with an encoding that would change its data are faults.
"""

from __future__ import annotations

import io
import mimetypes
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any

from .parameters import FormError, split_parameters

#: Parts in one message; more is answered with 413.
MAX_PARTS = 1000
#: Bytes of the fields of one part with the empty line after them; more is answered with 413.
MAX_PART_HEAD = 8 << 10
#: Bytes that belong to no part and are ignored: before the first boundary, after the last one,
#: and blanks after each. Clients send none, or a few.
MAX_IGNORED = 4 << 10

# What `MultipartParser.next` found.
NEED_MORE = 0
PART_BEGIN = 1
PART_DATA = 2
PART_END = 3
MESSAGE_END = 4

# Where it is: at the very start; before the first boundary; in the line of a boundary; in the
# fields of a part; right behind them; in its data; behind the last boundary; in its line; after it.
_START, _PREAMBLE, _LINE, _HEAD, _CONTENT, _DATA, _CLOSED, _LAST_LINE, _EPILOGUE = range(9)

_BOUNDARY = re.compile(r"[-0-9A-Za-z'()+_,./:=? ]{0,69}[-0-9A-Za-z'()+_,./:=?]")
_FIELD = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]++):([^\x00-\x08\x0a-\x1f\x7f]*+)")
_BLANKS = re.compile(rb"[ \t]*+")
_PLAIN = {"7bit", "8bit", "binary"}
_ESCAPED = re.compile(r'\\(["\\])')
_PERCENT = re.compile(r"%(?:22|0[AaDd])")


class Part:
    """One part of a form: its ``name``, the ``filename`` if it is a file, its ``headers``.

    ``data`` is what the event at hand brings, or the whole content where a form was read whole;
    ``user_data`` is the handler's own.
    """

    __slots__ = ("data", "filename", "headers", "name", "user_data")

    def __init__(self, name: str, filename: str | None, headers: list[tuple[str, str]]) -> None:
        self.name = name
        self.filename = filename
        self.headers = headers
        self.data = b""
        self.user_data: Any = None

    def header(self, name: str) -> str | None:
        """The first field of this name, in any case of letters."""
        name = name.lower()
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None

    @property
    def content_type(self) -> str:
        """As the peer says; ``text/plain`` if it does not (RFC 7578 section 4.4)."""
        return self.header("content-type") or "text/plain"

    @property
    def safe_filename(self) -> str:
        """The file name without folders and control characters; empty when nothing is left of it.

        It can name a file in a folder that has only such files (RFC 7578 section 4.2).
        """
        name = (self.filename or "").replace("\\", "/").rpartition("/")[2]
        name = "".join(c for c in name if c.isprintable()).strip(" .")
        return name

    def __repr__(self) -> str:
        return f"Part(name={self.name!r}, filename={self.filename!r}, {len(self.data)} bytes)"


class MultipartParser:
    """Finds the parts of a message in a buffer that the caller fills and empties.

    `next` gives one event at a time; ``part`` is what it is about. Raises FormError when the
    boundary is not one of RFC 2046.
    """

    __slots__ = (
        "_delimiter", "_fault", "_held", "_ignored", "_make", "_parts", "_seen", "_state",
        "data_end", "data_start", "max_ignored", "max_part_head", "max_parts", "part", "position",
    )  # fmt: skip

    def __init__(
        self,
        boundary: str,
        max_parts: int = MAX_PARTS,
        max_part_head: int = MAX_PART_HEAD,
        max_ignored: int = MAX_IGNORED,
        make: Callable[[str, str | None, list[tuple[str, str]]], Any] = Part,
    ) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise FormError("boundary", f"not a boundary: {boundary[:80]!r}")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._make = make
        self._state = _START
        self._fault: tuple[str, str, int] | None = None
        self._held = False  # the last call left bytes for the next one
        self._ignored = 0
        self._parts = 0
        self._seen = 0  # bytes of a part's head that have no end of it
        self.max_parts = max_parts
        self.max_part_head = max_part_head
        self.max_ignored = max_ignored
        self.part: Any = None
        self.position = 0
        self.data_start = self.data_end = 0

    @property
    def complete(self) -> bool:
        """The last boundary was there."""
        return self._state > _CLOSED

    def next(self, buf: bytes | bytearray, start: int = 0, end: int | None = None) -> int:
        """The next event in ``buf[start:end]``; ``position`` says up to where input is used.

        NEED_MORE: call again with the bytes from ``position`` on and more behind them.
        PART_BEGIN: ``part`` is new. PART_DATA: ``buf[data_start:data_end]`` is data of it, never
        empty; the next call may start anywhere from ``data_start`` on, what is given again is
        found again. PART_END: it was whole. MESSAGE_END: so was the message, but for `finish`.
        Raises FormError for a fault, and the same for each call after it.
        """
        if self._fault is not None:
            raise FormError(*self._fault)
        if end is None:
            end = len(buf)
        self.position = start
        event = NEED_MORE
        while event == NEED_MORE:
            before, state = self.position, self._state
            if state == _DATA:
                event = self._data(buf, before, end)
            elif state == _CONTENT:
                event = self._content(buf, before, end)
            elif state == _HEAD:
                event = self._head(buf, before, end)
            elif state in (_LINE, _LAST_LINE):
                self._line(buf, before, end)
            elif state == _CLOSED:
                self._state = _LAST_LINE
                return MESSAGE_END
            elif state == _EPILOGUE:
                self._ignore(end - before)
                self.position = end
            else:
                self._preamble(buf, before, end)
            if self._state == state and event == NEED_MORE:
                self._held = self.position < end
                break
        return event

    def finish(self) -> None:
        """All input was given: raises FormError ``truncated`` unless the message is complete."""
        if self._fault is not None:
            raise FormError(*self._fault)
        if not self.complete or (self._state == _LAST_LINE and self._held):
            raise self._error("truncated", "multipart message ends before its last boundary")

    def _error(self, name: str, text: str, status: int = 400) -> FormError:
        self._fault = name, text, status
        return FormError(name, text, status)

    def _ignore(self, count: int) -> None:
        self._ignored += count
        if self._ignored > self.max_ignored:
            raise self._error(
                "ignored", f"over {self.max_ignored} bytes of a multipart message are in no part"
            )

    def _preamble(self, buf: bytes | bytearray, start: int, end: int) -> None:
        delimiter = self._delimiter
        if self._state == _START:
            # The line end before the first boundary may be the one before the body.
            first = delimiter[2:]
            if not buf.startswith(first, start, end):
                if end - start >= len(first) or not first.startswith(buf[start:end]):
                    self._state = _PREAMBLE
                return
            self._delimit(buf, start + len(first), end)
            return
        at = buf.find(delimiter, start, end)
        if at < 0:
            at = self._tail(buf, start, end)
            self._ignore(at - start)
            self.position = at
            return
        self._ignore(at - start)
        self.position = at
        self._delimit(buf, at + len(delimiter), end)

    def _tail(self, buf: bytes | bytearray, start: int, end: int) -> int:
        """Where a delimiter may begin that is not all there; ``end`` if nowhere.

        It has a single CR, so none but the last one of the buffer can be its first byte.
        """
        at = buf.rfind(b"\r", max(start, end - len(self._delimiter) + 1), end)
        if at < 0 or not self._delimiter.startswith(buf[at:end]):
            return end
        return at

    def _delimit(self, buf: bytes | bytearray, at: int, end: int) -> bool:
        """A boundary ends at ``at``: it counts once the two bytes after it are known."""
        if end - at < 2:
            return False
        after = buf[at : at + 2]
        if after == b"--":
            self._state = _CLOSED
            self.position = at + 2
        elif after == b"\r\n" or after[0] in b" \t":
            self._state = _LINE
            self.position = at
        else:
            raise self._error("delimiter", "a boundary is followed by other text in its line")
        return True

    def _line(self, buf: bytes | bytearray, start: int, end: int) -> None:
        """The rest of a delimiter's line: blanks, then its end (RFC 2046 section 5.1.1)."""
        blanks = _BLANKS.match(buf, start, end)
        at = blanks.end() if blanks else start
        self._ignore(at - start)
        self.position = at
        after = buf[at : min(at + 2, end)]
        if after == b"\r\n":
            self.position = at + 2
            self._seen = 0
            self._state = _EPILOGUE if self._state == _LAST_LINE else _HEAD
        elif not b"\r\n".startswith(after):
            raise self._error("delimiter", "a boundary is followed by other text in its line")

    def _head(self, buf: bytes | bytearray, start: int, end: int) -> int:
        limit = self.max_part_head
        if buf.startswith(b"\r\n", start, end):
            raise self._error("no-disposition", "a part has no Content-Disposition")
        at = buf.find(b"\r\n\r\n", start + max(self._seen - 3, 0), min(end, start + limit))
        if at < 0:
            self._seen = end - start
            if self._seen >= limit:
                raise self._error("part-head", f"the fields of a part are over {limit} bytes", 413)
            return NEED_MORE
        if self._parts >= self.max_parts:
            raise self._error("too-many-parts", f"over {self.max_parts} parts", 413)
        self._parts += 1
        try:
            self.part = self._make(*_part_of(bytes(buf[start:at])))
        except FormError as e:
            raise self._error(e.name, str(e), e.status) from None
        self.position = at + 2
        self._state = _CONTENT
        return PART_BEGIN

    def _content(self, buf: bytes | bytearray, start: int, end: int) -> int:
        """The empty line after the fields, which a delimiter may share (RFC 2046 body-part)."""
        delimiter = self._delimiter
        if buf.startswith(delimiter, start, end):
            return PART_END if self._delimit(buf, start + len(delimiter), end) else NEED_MORE
        if end - start >= len(delimiter) or not delimiter.startswith(buf[start:end]):
            self.position = start + 2
            self._state = _DATA
        return NEED_MORE

    def _data(self, buf: bytes | bytearray, start: int, end: int) -> int:
        at = buf.find(self._delimiter, start, end)
        if at == start:
            return PART_END if self._delimit(buf, at + len(self._delimiter), end) else NEED_MORE
        if at < 0:
            at = self._tail(buf, start, end)
            if at == start:
                return NEED_MORE
        self.data_start = start
        self.data_end = self.position = at
        return PART_DATA


def boundary_of(content_type: str | None) -> str:
    """The boundary that a Content-Type names.

    Raises FormError: ``not-multipart`` (415) for another type than multipart/form-data, and
    ``boundary`` or ``parameters`` (400).
    """
    main, found = split_parameters(content_type) if content_type else ("", {})
    if main != "multipart/form-data":
        raise FormError("not-multipart", "content is not multipart/form-data", 415)
    boundary = found.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise FormError("boundary", f"not a boundary: {boundary[:80]!r}")
    return boundary


def _part_of(head: bytes) -> tuple[str, str | None, list[tuple[str, str]]]:
    """Name, file name and fields of a part."""
    try:
        lines = head.decode().split("\r\n")
    except UnicodeDecodeError:
        raise FormError("encoding", "the fields of a part are not UTF-8") from None
    headers, disposition = [], None
    for line in lines:
        m = _FIELD.fullmatch(line)
        if m is None:
            if line[0] in " \t":
                raise FormError("folded", "a field of a part starts with white space")
            raise FormError("part-field", f"malformed field in a part: {line[:80]!r}")
        name, value = m[1], m[2].strip(" \t")
        headers.append((name, value))
        kind = name.lower()
        if kind == "content-disposition":
            if disposition is not None:
                raise FormError("disposition-repeated", "a part has two Content-Disposition")
            disposition = value
        elif kind == "content-transfer-encoding" and value.lower() not in _PLAIN:
            raise FormError("transfer-encoding", f"a part is encoded as {value[:80]!r}", 415)
    if disposition is None:
        raise FormError("no-disposition", "a part has no Content-Disposition")
    main, found = split_parameters(disposition, _unquote)
    if main != "form-data":
        raise FormError("disposition", f"the disposition of a part is {main[:80]!r}")
    if "name" not in found:
        raise FormError("no-name", "a part has no name")
    if "name*" in found or "filename*" in found:  # RFC 7578 section 4.2
        raise FormError("extended-parameter", "a part's name or file name is in extended notation")
    return found["name"], found.get("filename"), headers


def _unquote(text: str) -> str:
    """A name as browsers quote it: only the quote and line ends are escaped, by percent signs.

    Others escape the quote and the backslash by a backslash; any other backslash is plain, as in
    the paths of old browsers.
    """
    if "\\" in text:
        text = _ESCAPED.sub(r"\1", text)
    return _PERCENT.sub(lambda m: chr(int(m[0][1:], 16)), text) if "%" in text else text


#: Bytes of a file that are read at once.
PIECE = 1 << 16

_UNQUOTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ESCAPES = {'"': "%22", "\r": "%0D", "\n": "%0A", "\\": "\\\\"}
_SPECIAL = re.compile(r'["\r\n\\]')


class MultipartBody:
    """A form as it is sent: iterate it for its pieces, again for another time.

    ``content_type`` has the boundary; ``length`` is in bytes, None if a file does not know its own.
    """

    __slots__ = ("_parts", "boundary", "content_type", "length")

    def __init__(self, boundary: str) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise ValueError(f"not a boundary: {boundary!r}")
        self.boundary = boundary
        plain = re.fullmatch(r"[-0-9A-Za-z'+_.]+", boundary)
        self.content_type = "multipart/form-data; boundary=" + (
            boundary if plain else f'"{boundary}"'
        )
        self._parts: list[tuple[bytes, Any]] = []
        self.length: int | None = len(boundary) + 6

    def add(self, head: str, content: Any, length: int | None) -> None:
        """One part: its fields, and bytes or what `_Source` is."""
        raw = f"--{self.boundary}\r\n{head}\r\n\r\n".encode()
        self._parts.append((raw, content))
        if self.length is not None:
            self.length = None if length is None else self.length + len(raw) + length + 2

    def __iter__(self) -> Iterator[bytes]:
        for head, content in self._parts:
            if isinstance(content, bytes):
                yield head + content + b"\r\n"
            else:
                yield head
                yield from content.pieces()
                yield b"\r\n"
        yield f"--{self.boundary}--\r\n".encode()


class _Source:
    """A file that is read when it is sent: a path, or one that is open, from where it stands."""

    __slots__ = ("_file", "_path", "_start", "_used", "length", "name")

    def __init__(self, content: Any) -> None:
        self._path = self._file = None
        self._start = 0
        self._used = False
        self.length: int | None = None
        if isinstance(content, os.PathLike):
            self._path = os.fspath(content)
            self.name = os.path.basename(os.fsdecode(self._path))
            self.length = os.stat(self._path).st_size
            return
        self._file = content
        name = getattr(content, "name", None)
        self.name = os.path.basename(name) if isinstance(name, str) else ""
        if isinstance(content.read(0), str):
            raise TypeError("a file to upload is opened in binary mode, 'rb'")
        if content.seekable():
            self._start = content.tell()
            self.length = max(content.seek(0, io.SEEK_END) - self._start, 0)
            content.seek(self._start)

    def pieces(self) -> Iterator[bytes]:
        if self._path is not None:
            with open(self._path, "rb") as opened:
                yield from self._read(opened)
            return
        file: Any = self._file
        if self.length is not None:
            file.seek(self._start)
        elif self._used:
            raise ValueError(f"file {self.name!r} can be read only once")
        self._used = True
        yield from self._read(file)

    def _read(self, file: IO[bytes]) -> Iterator[bytes]:
        left = self.length
        while left is None or left > 0:
            piece = file.read(PIECE if left is None else min(PIECE, left))
            if piece:
                yield piece
            elif left is None:
                return
            else:
                raise ValueError(f"file {self.name!r} has become shorter by {left} bytes")
            if left is not None:
                left -= len(piece)


Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]


def encode_parts(
    fields: Pairs | None, files: Pairs | None = None, boundary: str | None = None
) -> MultipartBody:
    """A form with fields and files, each a mapping or pairs of names and values.

    A field is a str, a number, or a list of them. A file is bytes, a `pathlib.Path`, a file opened
    in binary mode, or a tuple of the name that is sent, one of these, and optionally a media type;
    they are told by the name otherwise. Raises ValueError or TypeError for anything else, and
    OSError for a path that cannot be read; when it is iterated, these and ValueError for a file
    that has become shorter.
    """
    body = MultipartBody(boundary or "----galidia" + secrets.token_hex(16))
    for name, value in _pairs(fields):
        for text in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(text, bool) or not isinstance(text, (str, int, float)):
                raise TypeError(f"field {name!r} of a form is a str or number, not {text!r}")
            data = str(text).encode()
            body.add(f"Content-Disposition: form-data; name={_quoted(name)}", data, len(data))
    for name, value in _pairs(files):
        filename, content, kind = _file(name, value)
        if not isinstance(content, bytes):
            content = _Source(content)
            if filename is None:
                filename = content.name
        if filename is None or filename == "":
            filename = name
        kind = kind or mimetypes.guess_type(filename)[0] or "application/octet-stream"
        if not kind.isascii() or not kind.isprintable():
            raise ValueError(f"the media type of {name!r} is not one: {kind!r}")
        body.add(
            f"Content-Disposition: form-data; name={_quoted(name)}; filename={_quoted(filename)}"
            f"\r\nContent-Type: {kind}",
            content,
            len(content) if isinstance(content, bytes) else content.length,
        )
    return body


def _pairs(given: Pairs | None) -> Iterable[tuple[str, Any]]:
    if given is None:
        return ()
    return given.items() if isinstance(given, Mapping) else given


def _file(name: str, value: Any) -> tuple[str | None, Any, str | None]:
    """File name, content and media type of what a user gave."""
    filename = kind = None
    content = value
    if isinstance(value, tuple):
        if not 2 <= len(value) <= 3 or not isinstance(value[0], str):
            raise TypeError(f"file {name!r} of a form is (name, content) or (name, content, type)")
        filename, content = value[:2]
        kind = value[2] if len(value) == 3 else None
    if isinstance(content, (bytearray, memoryview)):
        content = bytes(content)
    if not isinstance(content, (bytes, os.PathLike)) and not hasattr(content, "read"):
        raise TypeError(f"file {name!r} of a form is bytes, a Path or a file, not {content!r:.80}")
    return filename, content, kind


def _quoted(text: str) -> str:
    """A name as browsers quote it; a backslash is doubled, for readers that take one as escape."""
    if not isinstance(text, str) or _UNQUOTABLE.search(text):
        raise ValueError(f"not a name that a form can have: {text!r}")
    return '"' + _SPECIAL.sub(lambda m: _ESCAPES[m[0]], text) + '"'
