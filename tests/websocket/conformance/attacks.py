"""What nobody sends who means well: lengths, masks, floods, bombs. The names are our own."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from tests.websocket.conformance.table import (
    BY_BYTE,
    MORE,
    QUIET,
    Case,
    Deflated,
    Hear,
    Send,
    SendDeflated,
    binaries,
    binary,
    close,
    cont,
    frame,
    ping,
    pong,
    pongs,
    text,
    texts,
)
from tests.websocket.raw import BINARY, CLOSE, PING, PONG, TEXT

FLOOD = 20_000
DEFLATE = Deflated()


def head(opcode: int, length: int, form: int | None = None, **how: Any) -> Send:
    """The head of a frame, and nothing of its payload: what is refused is refused by then."""
    return frame(opcode, length=length, form=form, **how)


LENGTHS = [
    Case("length-2^63", [head(BINARY, 1 << 63)], code=1002),
    Case("length-2^63+1", [head(BINARY, (1 << 63) + 1)], code=1002),
    Case("length-2^64-1", [head(BINARY, (1 << 64) - 1)], code=1002),
    Case("length-2^63-1", [head(BINARY, (1 << 63) - 1)], code=1009),
    Case("length-2^62", [head(TEXT, 1 << 62)], code=1009),
    Case("length-2^32", [head(BINARY, 1 << 32)], code=1009),
    Case("length-2^32+1", [head(BINARY, (1 << 32) + 1)], code=1009),
    Case("length-2^31", [head(BINARY, 1 << 31)], code=1009),
    Case("length-0-in-2", [binary(form=2)], code=1002),
    Case("length-125-in-2", [binary(b"x" * 125, form=2)], code=1002),
    Case("length-0-in-8", [binary(form=8)], code=1002),
    Case("length-125-in-8", [binary(b"x" * 125, form=8)], code=1002),
    Case("length-126-in-8", [binary(b"x" * 126, form=8)], code=1002),
    Case("length-65535-in-8", [head(BINARY, 65535, 8)], code=1002),
    Case("length-sum-near-2^63", [binary(b"x", **MORE), head(0, (1 << 63) - 1)], code=1009),
]

MASKS = [
    Case("mask", [text(b"hello", wrong_mask=True)], code=1002),
    Case("mask-empty", [binary(wrong_mask=True)], code=1002),
    Case("mask-large", [head(BINARY, 1 << 16, wrong_mask=True)], code=1002),
    Case("mask-ping", [ping(b"hello", wrong_mask=True)], code=1002),
    Case("mask-close", [frame(CLOSE, b"\x03\xe8", wrong_mask=True)], code=1002),
    Case("mask-second", [text(b"a"), text(b"b", wrong_mask=True)], texts(b"a"), 1002),
]

CONTROL = [
    *(
        case
        for name, opcode in (("close", CLOSE), ("ping", PING), ("pong", PONG))
        for case in (
            Case(f"{name}-126", [head(opcode, 126)], code=1002),
            Case(f"{name}-65536", [head(opcode, 65536)], code=1002),
            Case(f"{name}-2^63-1", [head(opcode, (1 << 63) - 1)], code=1002),
            Case(f"{name}-5-in-2", [head(opcode, 5, 2)], code=1002),
            Case(f"{name}-5-in-8", [head(opcode, 5, 8)], code=1002),
            Case(f"{name}-fragment", [head(opcode, 2, **MORE)], code=1002),
            *(
                Case(f"{name}-rsv-{rsv}", [head(opcode, 2, rsv=rsv)], code=1002)
                for rsv in range(1, 8)
            ),
        )
    ),
    Case("close-within-a-message", [text(b"half", **MORE), close(1001)], code=1001),
    Case("close-by-byte", [close(1000, b"reason")], cut=BY_BYTE),
]

_LIMITS = {"message_limit": 1000, "frame_limit": 800, "max_fragments": 4}
_PIECE = b"x" * 500
_FOUR = [binary(b"a", **MORE), cont(b"b", **MORE), cont(b"c", **MORE)]

SUMS = [
    Case("sum-1000", [binary(_PIECE, **MORE), cont(_PIECE)], binaries(_PIECE * 2), limits=_LIMITS),
    Case("sum-1001", [binary(_PIECE, **MORE), head(0, 501)], code=1009, limits=_LIMITS),
    Case("sum-text", [text(_PIECE, **MORE), head(0, 501)], code=1009, limits=_LIMITS),
    Case(
        "sum-around-ping",
        [binary(_PIECE, **MORE), ping(_PIECE[:125]), Hear(PONG, _PIECE[:125]), head(0, 501)],
        code=1009,
        limits=_LIMITS,
    ),
    Case("sum-anew", [binary(_PIECE)] * 5, binaries(_PIECE) * 5, limits=_LIMITS),
    Case("frame-800", [binary(b"x" * 800)], binaries(b"x" * 800), limits=_LIMITS),
    Case("frame-801", [head(BINARY, 801)], code=1009, limits=_LIMITS),
    Case("fragments-4", [*_FOUR, cont(b"d")], binaries(b"abcd"), limits=_LIMITS),
    Case("fragments-5", [*_FOUR, cont(**MORE), QUIET, head(0, 0)], code=1009, limits=_LIMITS),
    Case("fragments-anew", [*_FOUR, cont(), *_FOUR, cont()], binaries(b"abc") * 2, limits=_LIMITS),
    Case("fragments-empty", lambda: _empty_fragments(1 << 16), code=1009),
    Case(
        "fragments-empty-by-the-limit",
        lambda: [*_empty_fragments((1 << 16) - 2), cont(b"end")],
        binaries(b"end"),
    ),
]


def _empty_fragments(count: int) -> Iterator[Send]:
    """The beginning of a message, and so many frames that go on with nothing."""
    yield binary(**MORE)
    for _ in range(count):
        yield cont(**MORE)


FLOODS = [
    Case(
        "flood-pings",
        lambda: [ping(b"%d" % i) for i in range(500)],
        pongs(*(b"%d" % i for i in range(500))),
    ),
    Case(
        "flood-pongs", lambda: [*(pong(b"%d" % i) for i in range(FLOOD)), text(b"x")], texts(b"x")
    ),
    Case("flood-empty-messages", lambda: [text()] * FLOOD, texts(b"") * FLOOD),
    Case("flood-one-byte-messages", lambda: [text(b"x")] * FLOOD, texts(b"x") * FLOOD),
    Case(
        "by-byte-text",
        [text("a\u00e4\u20ac".encode() * 2000)],
        texts("a\u00e4\u20ac".encode() * 2000),
        cut=BY_BYTE,
    ),
    Case("by-byte-binary", [binary(b"\xfe" * 10_000)], binaries(b"\xfe" * 10_000), cut=BY_BYTE),
]


def deflated(data: bytes, opcode: int = BINARY, **how: Any) -> Send:
    """Bytes that are said to be compressed."""
    return frame(opcode, data, rsv=4, **how)


def _raw(data: bytes) -> bytes:
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (z.compress(data) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _bomb(size: int) -> bytes:
    """Zeros, a thousandth of them in size."""
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(z.compress(bytes(min(size - at, 1 << 20))) for at in range(0, size, 1 << 20))
    return (data + z.flush(zlib.Z_SYNC_FLUSH))[:-4]


_BOMB = {"message_limit": 1 << 20, "frame_limit": 1 << 20}
_HELLO = bytes.fromhex("f248cdc9c90700")

DEFLATED = [
    # the examples of RFC 7692, section 7.2.3
    Case("7692-7.2.3.1", [deflated(_HELLO, TEXT)], texts(b"Hello"), deflated=DEFLATE),
    Case(
        "7692-7.2.3.1-fragments",
        [deflated(_HELLO[:3], TEXT, **MORE), cont(_HELLO[3:])],
        texts(b"Hello"),
        deflated=DEFLATE,
    ),
    Case(
        "7692-7.2.3.2",
        [deflated(_HELLO, TEXT), deflated(bytes.fromhex("f200110000"), TEXT)],
        texts(b"Hello", b"Hello"),
        deflated=DEFLATE,
    ),
    Case(
        "7692-7.2.3.3",
        [deflated(bytes.fromhex("000500faff48656c6c6f00"), TEXT)],
        texts(b"Hello"),
        deflated=DEFLATE,
    ),
    Case(
        "7692-7.2.3.4",
        [deflated(bytes.fromhex("f348cdc9c9070000"), TEXT), deflated(_HELLO, TEXT)],
        texts(b"Hello", b"Hello"),
        deflated=DEFLATE,
    ),
    Case(  # the window goes on where the stream has ended
        "7692-7.2.3.4-takeover",
        [
            deflated(bytes.fromhex("f348cdc9c9070000"), TEXT),
            deflated(bytes.fromhex("f200110000"), TEXT),
        ],
        texts(b"Hello", b"Hello"),
        deflated=DEFLATE,
    ),
    Case(
        "7692-7.2.3.5",
        [deflated(bytes.fromhex("f24805000000ffffcac9c90700"), TEXT)],
        texts(b"Hello"),
        deflated=DEFLATE,
    ),
    Case("7692-7.2.3.6", [deflated(b"\0", TEXT)], texts(b""), deflated=DEFLATE),
    Case("deflate-plain", [text(b"as it is")], texts(b"as it is"), deflated=DEFLATE),
    Case(
        "deflate-ping-between",
        [deflated(_HELLO[:3], TEXT, **MORE), ping(b"p"), cont(_HELLO[3:])],
        (*pongs(b"p"), *texts(b"Hello")),
        deflated=DEFLATE,
    ),
    Case(
        "deflate-by-byte",
        [deflated(_raw(b"hello " * 999))],
        binaries(b"hello " * 999),
        cut=BY_BYTE,
        deflated=DEFLATE,
    ),
    # reserved bits
    Case("deflate-not-agreed", [deflated(_HELLO)], code=1002),
    Case("deflate-rsv-2", [frame(TEXT, _HELLO, rsv=6)], code=1002, deflated=DEFLATE),
    Case("deflate-rsv-3", [frame(TEXT, _HELLO, rsv=5)], code=1002, deflated=DEFLATE),
    Case("deflate-ping", [frame(PING, b"\0", rsv=4)], code=1002, deflated=DEFLATE),
    Case("deflate-close", [frame(CLOSE, b"\0", rsv=4)], code=1002, deflated=DEFLATE),
    Case(
        "deflate-continuation",
        [deflated(_HELLO[:3], **MORE), cont(_HELLO[3:], rsv=4)],
        code=1002,
        deflated=DEFLATE,
    ),
    # what cannot be inflated
    Case("deflate-garbage", [deflated(b"\xff\xff\xff\xff")], code=1007, deflated=DEFLATE),
    Case(
        "deflate-bad-distance", [deflated(bytes.fromhex("f200110000"))], code=1007, deflated=DEFLATE
    ),
    Case("deflate-not-utf8", [deflated(_raw(b"\xff"), TEXT)], code=1007, deflated=DEFLATE),
    Case(
        "deflate-half-a-character", [deflated(_raw(b"\xe2\x82"), TEXT)], code=1007, deflated=DEFLATE
    ),
    Case(
        "deflate-not-utf8-early",
        [deflated(_raw(b"\xff" + b"x" * 99)[:-2], TEXT, **MORE)],
        code=1007,
        deflated=DEFLATE,
    ),
    Case("deflate-many-ends", lambda: [deflated(_ends(1000))], code=1007, deflated=DEFLATE),
    # bombs
    Case(
        "bomb-fits",
        [deflated(_bomb(1 << 20))],
        binaries(bytes(1 << 20)),
        deflated=DEFLATE,
        limits=_BOMB,
    ),
    Case(
        "bomb-over",
        [deflated(_bomb((1 << 20) + 1))],
        code=1009,
        deflated=DEFLATE,
        limits=_BOMB,
    ),
    Case("bomb", lambda: [deflated(_bomb(256 << 20))], code=1009, deflated=DEFLATE, limits=_BOMB),
    Case(
        "bomb-text",
        lambda: [deflated(_bomb(64 << 20), TEXT)],
        code=1009,
        deflated=DEFLATE,
        limits=_BOMB,
    ),
    Case(
        "bomb-in-fragments",
        lambda: _bomb_in_fragments(100),
        code=1009,
        deflated=DEFLATE,
        limits=_BOMB,
    ),
    Case(
        "bomb-after-bomb",
        lambda: [
            step
            for _ in range(5)
            for step in (SendDeflated(BINARY, bytes(1 << 20)), Hear(BINARY, bytes(1 << 20)))
        ],
        deflated=DEFLATE,
        limits=_BOMB,
    ),
]


def _ends(count: int) -> bytes:
    """A stream that ends again and again."""
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (z.compress(b"x") + z.flush(zlib.Z_FINISH)) * count


def _bomb_in_fragments(size: int) -> Iterator[Send]:
    data = _bomb(64 << 20)
    yield deflated(data[:size], **MORE)
    for at in range(size, len(data), size):
        yield cont(data[at : at + size], **MORE)


CASES = [*LENGTHS, *MASKS, *CONTROL, *SUMS, *FLOODS, *DEFLATED]
