"""What a request carries: bytes, a file, or pieces that are made as they are sent.

A `Content` can be sent again, for a redirect or on another connection, unless it came from an
iterator: that can be used once.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .chunked import LAST_CHUNK, chunk
from .jsontext import encode

if TYPE_CHECKING:
    from ..core.connection import Connection

#: Bytes that are read at once from what is no file of the system.
PIECE = 1 << 16
#: Bytes that may wait to be sent before the next piece is asked for.
BACKLOG = 1 << 17
#: Bytes of a large piece that are queued at once.
AT_ONCE = 1 << 16


class Content:
    """The body of a request.

    ``data`` is all of it, or None; then ``path`` or ``fd`` is a file of which ``length`` bytes from
    ``offset`` are sent, or "" and -1; then `pieces` makes it. ``length`` is -1 when it is not
    known. ``kind`` is its media type, or "".
    """

    __slots__ = ("_used", "data", "fd", "kind", "length", "offset", "owner", "path", "source")

    def __init__(self, length: int = -1, kind: str = "") -> None:
        self.data: bytes | None = None
        self.length = length
        self.kind = kind
        self.fd = -1
        self.path = ""
        self.offset = 0
        #: Keeps the descriptor open.
        self.owner: Any = None
        self.source: Any = None
        self._used = False

    @property
    def replayable(self) -> bool:
        """Whether it can be sent once more."""
        source = self.source
        return not self._used or hasattr(source, "read") or not isinstance(source, Iterator)

    def pieces(self) -> Iterator[Any]:
        """Its pieces from the start. Raises what its source raises."""
        self._used = True
        source = self.source() if callable(self.source) else self.source
        if hasattr(source, "read"):
            source.seek(self.offset)
            return _read(source.read)
        return iter(source)


def content_of(body: Any, length: int | None = None) -> Content:
    """What a user gave as a body.

    bytes; str, sent as UTF-8 text; dict or list, sent as JSON; a `pathlib.Path` or an open file; an
    iterable of bytes, or a function that returns one, which can be called again for a redirect. An
    open file goes out from where it stands, and stays open. An iterable is sent in chunks, or
    counted if ``length`` says how many bytes it yields. Raises TypeError, ValueError or OSError.
    """
    if length is not None and (not isinstance(length, int) or length < 0):
        raise ValueError(f"length= is a number of bytes, not {length!r}")
    content = _plain(body)
    if content is not None:
        if length is not None and length != content.length:
            raise ValueError(f"length={length}, but the body has {content.length} bytes")
        return content
    if isinstance(body, os.PathLike):
        with open(body, "rb") as file:  # what cannot be read is found now
            content = _file(file, length)
        if content.fd < 0:
            raise ValueError(f"{os.fspath(body)!r} is no regular file")
        content.fd, content.owner, content.path = -1, None, os.fsdecode(body)
        return content
    if hasattr(body, "read"):
        return _file(body, length)
    known = getattr(body, "length", None) if length is None else length
    content = Content(known if isinstance(known, int) else -1, getattr(body, "content_type", ""))
    if not callable(body) and not hasattr(body, "__iter__"):
        raise TypeError(
            "a body is bytes, str, a dict or list (JSON), a file or an iterable of bytes, not "
            f"{type(body).__name__}"
        )
    content.source = body
    return content


def _plain(body: Any) -> Content | None:
    kind = ""
    if isinstance(body, str):
        data = body.encode()
        kind = "text/plain; charset=utf-8"
    elif isinstance(body, (dict, list)):
        data = encode(body)
        kind = "application/json"
    elif isinstance(body, (bytes, bytearray, memoryview)):
        data = bytes(body)
    else:
        return None
    content = Content(len(data), kind)
    content.data = data
    return content


def _file(file: Any, length: int | None) -> Content:
    """A file's rest: given to the kernel where it is a real one, else read piece by piece."""
    try:
        fd = file.fileno()
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
    except (AttributeError, OSError, ValueError):
        fd, regular = -1, False
    if isinstance(file.read(0), str):
        raise TypeError("a file to upload is opened in binary mode, 'rb'")
    content = Content(-1 if length is None else length)
    seekable = bool(getattr(file, "seekable", bool)())
    if regular or seekable:
        content.offset = file.tell()
        size = os.fstat(fd).st_size if regular else file.seek(0, os.SEEK_END)
        if not regular:
            file.seek(content.offset)
        rest = max(size - content.offset, 0)
        if length is not None and length > rest:
            raise ValueError(f"length={length}, but the file has {rest} bytes left")
        content.length = rest if length is None else length
    if regular:
        content.fd = fd
        content.owner = file
    else:
        content.source = file if seekable else _read(file.read)
    return content


def _read(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(PIECE):
        yield piece


class Sender:
    """Sends pieces as fast as the connection takes them, and asks for the next one only then."""

    __slots__ = ("_chunked", "_left", "_pieces", "_rest")

    def __init__(self, content: Content) -> None:
        self._pieces = content.pieces()
        self._chunked = content.length < 0
        self._left = content.length
        self._rest = memoryview(b"")

    def pump(self, c: Connection) -> bool:
        """Send what there is room for; whether that was all.

        Raises what the source raises, and ValueError or TypeError for what it yields.
        """
        while c._unsent() < BACKLOG:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    if self._left > 0:
                        raise ValueError(f"the body is {self._left} bytes shorter than announced")
                    if self._chunked:
                        c.send(LAST_CHUNK)
                    return True
                if isinstance(piece, str):
                    raise TypeError("a body yields bytes, not str")
                self._rest = memoryview(piece).cast("B")
            part = self._rest[:AT_ONCE]
            self._rest = self._rest[AT_ONCE:]
            if self._chunked:
                c.send(chunk(bytes(part)))
                continue
            self._left -= len(part)
            if self._left < 0:
                raise ValueError(f"the body is over {-self._left} bytes longer than announced")
            c.send(part)
        return False

    def close(self) -> None:
        """Nothing more is sent: let go of the source."""
        close = getattr(self._pieces, "close", None)
        self._rest = memoryview(b"")
        if close is not None:
            close()
