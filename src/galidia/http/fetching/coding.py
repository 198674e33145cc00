"""Content codings undone as they come: gzip, deflate, br, zstd (RFC 9110 section 8.4).

What comes out is bounded before memory is taken for it: a small body can say that it is a large
one. ``br`` and ``zstd`` need the packages `brotli` (1.2 or newer) and `zstandard`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

from ..parameters import FormError

#: Codings on one body. Two are rare.
MAX_CODINGS = 3
#: Bytes that a piece of what comes out has at most; with zstd, which cannot be stopped within its
#: input, about 2 MiB.
PIECE = 1 << 16
#: Bytes of zstd's window that a reply may ask for (RFC 9659).
ZSTD_WINDOW = 8 << 20

# Input that is given to a decoder at once. What it leaves is copied, once for each member of a
# gzip file; 4 bytes are 128 KiB in zstd.
_STEP = 4096
_ZSTD_STEP = 64

_ALIASES = {"x-gzip": "gzip"}


def _damaged(coding: str, text: object) -> FormError:
    return FormError("coding-damaged", f"content is not {coding}: {text}")


class _Stage:
    """One coding. ``ended`` says that the data up to here is complete."""

    coding = ""
    ended = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` adds, in pieces."""
        raise NotImplementedError


class _Zlib(_Stage):
    """What zlib decodes."""

    _z: Any = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), _STEP):
            rest = data[at : at + _STEP]
            more = False  # zlib keeps some that did not fit
            while rest or more:
                if self.ended:
                    self._go_on()
                try:
                    piece = self._z.decompress(rest, PIECE)
                except zlib.error as e:
                    raise _damaged(self.coding, e) from None
                rest, more = self._z.unconsumed_tail, len(piece) == PIECE
                if self._z.eof:
                    rest, more = self._z.unused_data, False
                    self.ended = True
                if piece:
                    yield piece

    def _go_on(self) -> None:
        """There is more behind the end."""
        raise _damaged(self.coding, "there is data after its end")


class _Gzip(_Zlib):
    """Any number of members one after the other (RFC 1952 section 2.2)."""

    coding = "gzip"

    def __init__(self) -> None:
        self._z = zlib.decompressobj(31)

    def _go_on(self) -> None:
        self._z = zlib.decompressobj(31)
        self.ended = False


class _Deflate(_Zlib):
    """zlib's format, or without its frame as some servers send it."""

    coding = "deflate"
    _first = b""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._z is None:
            data = self._first + data
            if len(data) < 2:
                self._first = data
                return
            framed = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._z = zlib.decompressobj(15 if framed else -15)
        yield from _Zlib.pieces(self, data)


class _Brotli(_Stage):
    coding = "br"

    def __init__(self) -> None:
        self._module = _brotli()
        self._z = self._module.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), _STEP):
            rest = data[at : at + _STEP]
            while True:
                try:
                    piece = self._z.process(rest, output_buffer_limit=PIECE)
                except self._module.error as e:
                    raise _damaged(self.coding, e) from None
                rest = b""
                self.ended = self._z.is_finished()
                if piece:
                    yield piece
                else:
                    break


class _Zstd(_Stage):
    """Any number of frames one after the other (RFC 8878 section 3)."""

    coding = "zstd"

    def __init__(self) -> None:
        self._module = _zstandard()
        self._make = self._module.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj
        self._z: Any = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), _ZSTD_STEP):
            rest = data[at : at + _ZSTD_STEP]
            while rest:
                if self._z is None:
                    self._z = self._make()
                    self.ended = False
                try:
                    piece = self._z.decompress(rest)
                except self._module.ZstdError as e:
                    raise _damaged(self.coding, e) from None
                rest = b""
                if self._z.eof:
                    rest = self._z.unused_data
                    self._z = None
                    self.ended = True
                if piece:
                    yield piece


@lru_cache(1)
def _brotli() -> Any:
    try:
        module = import_module("brotli")
    except ImportError:
        return None
    # Older ones cannot be stopped before they have taken all memory.
    return module if hasattr(module.Decompressor, "can_accept_more_data") else None


@lru_cache(1)
def _zstandard() -> Any:
    try:
        return import_module("zstandard")
    except ImportError:
        return None


def _stages() -> dict[str, type[_Stage]]:
    stages: dict[str, type[_Stage]] = {"gzip": _Gzip, "deflate": _Deflate}
    if _brotli() is not None:
        stages["br"] = _Brotli
    if _zstandard() is not None:
        stages["zstd"] = _Zstd
    return stages


def accepted() -> str:
    """The value of an ``Accept-Encoding`` field: what `Decoder` can undo here."""
    return ", ".join(_stages())


class Decoder:
    """Undoes the codings that a ``Content-Encoding`` lists, the last one first.

    ``max_size`` is the number of bytes that may come out, None for any. Raises FormError:
    ``coding-unknown`` for what is not `accepted`, ``too-many-codings``; and when decoding
    ``coding-damaged``, ``coding-truncated``, ``too-large``.
    """

    __slots__ = ("_left", "_stages", "_touched", "max_size")

    def __init__(self, content_encoding: str, max_size: int | None = None) -> None:
        known = _stages()
        names = [name.strip(" \t").lower() for name in content_encoding.split(",")]
        names = [_ALIASES.get(name, name) for name in names if name not in ("", "identity")]
        if len(names) > MAX_CODINGS:
            raise FormError("too-many-codings", f"over {MAX_CODINGS} content codings", 415)
        for name in names:
            if name not in known:
                raise FormError("coding-unknown", f"unknown content coding {name[:80]!r}", 415)
        self.max_size = max_size
        self._stages = [known[name]() for name in reversed(names)]
        # What may still go into each, and come out in the end. Coded data may be a little larger
        # than what it becomes.
        most = max_size or 0
        self._left = [most + most // 64 + 2 * PIECE for _ in names] + [most]
        self._touched = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the body add, in pieces of bounded size; take all of them."""
        if data:
            self._touched = True
        return self._run(0, data)

    def _run(self, stage: int, data: bytes) -> Iterator[bytes]:
        if self.max_size is not None:
            self._left[stage] -= len(data)
            if self._left[stage] < 0:
                raise FormError("too-large", f"content is over {self.max_size} bytes", 413)
        if stage == len(self._stages):
            if data:
                yield data
            return
        for piece in self._stages[stage].pieces(data):
            yield from self._run(stage + 1, piece)

    def feed(self, data: bytes) -> bytes:
        """What the next bytes of the body add, in one piece."""
        return b"".join(self.pieces(data))

    def finish(self) -> bytes:
        """The body is complete: raises FormError if the content is not. Nothing is left to give.

        A body without a byte is no content, whatever its coding.
        """
        if self._touched:
            for stage in self._stages:
                if not stage.ended:
                    raise FormError("coding-truncated", f"{stage.coding} content ends too early")
        return b""
