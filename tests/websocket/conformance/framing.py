"""Groups 1 to 5: lengths, pings and pongs, reserved bits, opcodes, fragments."""

from __future__ import annotations

from tests.websocket.conformance.table import (
    BY_BYTE,
    BY_FRAME,
    MORE,
    Case,
    Hear,
    Step,
    binaries,
    binary,
    cont,
    frame,
    ping,
    pong,
    pongs,
    text,
    texts,
)
from tests.websocket.raw import CLOSE, PONG

HELLO = b"Hello, world!"
NOT_TEXT = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
LONGEST = b"\xfe" * 125
SIZES = (0, 125, 126, 127, 128, 65535, 65536)
PINGS = [b"payload-%d" % i for i in range(10)]
A, B, C, D, E = (b"fragment%d" % i for i in range(1, 6))

LENGTHS = [
    *(Case(f"1.1.{i}", [text(b"*" * n)], texts(b"*" * n)) for i, n in enumerate(SIZES, 1)),
    Case("1.1.8", [text(b"*" * 65536)], texts(b"*" * 65536), cut=997),
    *(
        Case(f"1.2.{i}", [binary(b"\xfe" * n)], binaries(b"\xfe" * n))
        for i, n in enumerate(SIZES, 1)
    ),
    Case("1.2.8", [binary(b"\xfe" * 65536)], binaries(b"\xfe" * 65536), cut=997),
]

PINGING = [
    Case("2.1", [ping()], pongs(b"")),
    Case("2.2", [ping(HELLO)], pongs(HELLO)),
    Case("2.3", [ping(NOT_TEXT)], pongs(NOT_TEXT)),
    Case("2.4", [ping(LONGEST)], pongs(LONGEST)),
    Case("2.5", [ping(LONGEST + b"\xfe")], code=1002),
    Case("2.6", [ping(LONGEST)], pongs(LONGEST), cut=BY_BYTE),
    Case("2.7", [pong()]),
    Case("2.8", [pong(b"unsolicited pong payload")]),
    Case("2.9", [pong(b"unsolicited pong payload"), ping(b"ping payload")], pongs(b"ping payload")),
    Case("2.10", [ping(data) for data in PINGS], pongs(*PINGS)),
    Case("2.11", [ping(data) for data in PINGS], pongs(*PINGS), cut=BY_BYTE),
]

RESERVED_BITS = [
    Case("3.1", [text(HELLO, rsv=1)], code=1002),
    Case("3.2", [text(HELLO), text(HELLO, rsv=2), ping()], texts(HELLO), 1002),
    Case("3.3", [text(HELLO), text(HELLO, rsv=3), ping()], texts(HELLO), 1002, BY_FRAME),
    Case("3.4", [text(HELLO), text(HELLO, rsv=4), ping()], texts(HELLO), 1002, BY_BYTE),
    Case("3.5", [binary(NOT_TEXT, rsv=5)], code=1002),
    Case("3.6", [ping(HELLO, rsv=6)], code=1002),
    Case("3.7", [frame(CLOSE, b"\x03\xe8", rsv=7)], code=1002),
]

OPCODES = [
    Case("4.1.1", [frame(3)], code=1002),
    Case("4.1.2", [frame(4, b"reserved opcode payload")], code=1002),
    Case("4.1.3", [text(HELLO), frame(5), ping()], texts(HELLO), 1002),
    Case("4.1.4", [text(HELLO), frame(6, HELLO), ping()], texts(HELLO), 1002),
    Case("4.1.5", [text(HELLO), frame(7, HELLO), ping()], texts(HELLO), 1002, BY_BYTE),
    Case("4.2.1", [frame(11)], code=1002),
    Case("4.2.2", [frame(12, b"reserved opcode payload")], code=1002),
    Case("4.2.3", [text(HELLO), frame(13), ping()], texts(HELLO), 1002),
    Case("4.2.4", [text(HELLO), frame(14, HELLO), ping()], texts(HELLO), 1002),
    Case("4.2.5", [text(HELLO), frame(15, HELLO), ping()], texts(HELLO), 1002, BY_BYTE),
]

_WITH_PING = [text(A, **MORE), ping(HELLO), cont(B)]
_PONG_FIRST = (*pongs(HELLO), *texts(A + B))
_NOTHING_TO_CONTINUE = [cont(A), text(HELLO)]
_NOTHING_TO_CONTINUE_YET = [cont(A, **MORE), text(HELLO)]
_TWO_PINGS: list[Step] = [
    *(text(A, **MORE), cont(B, **MORE), ping(b"ping1"), Hear(PONG, b"ping1")),
    *(cont(C, **MORE), cont(D, **MORE), ping(b"ping2"), cont(E)),
]
_TWO_PONGS = (*pongs(b"ping2"), *texts(A + B + C + D + E))

FRAGMENTS = [
    Case("5.1", [ping(A, **MORE), cont(B)], code=1002),
    Case("5.2", [pong(A, **MORE), cont(B)], code=1002),
    Case("5.3", [text(A, **MORE), cont(B)], texts(A + B)),
    Case("5.4", [text(A, **MORE), cont(B)], texts(A + B), cut=BY_FRAME),
    Case("5.5", [text(A, **MORE), cont(B)], texts(A + B), cut=BY_BYTE),
    Case("5.6", _WITH_PING, _PONG_FIRST),
    Case("5.7", _WITH_PING, _PONG_FIRST, cut=BY_FRAME),
    Case("5.8", _WITH_PING, _PONG_FIRST, cut=BY_BYTE),
    Case("5.9", _NOTHING_TO_CONTINUE, code=1002),
    Case("5.10", _NOTHING_TO_CONTINUE, code=1002, cut=BY_FRAME),
    Case("5.11", _NOTHING_TO_CONTINUE, code=1002, cut=BY_BYTE),
    Case("5.12", _NOTHING_TO_CONTINUE_YET, code=1002),
    Case("5.13", _NOTHING_TO_CONTINUE_YET, code=1002, cut=BY_FRAME),
    Case("5.14", _NOTHING_TO_CONTINUE_YET, code=1002, cut=BY_BYTE),
    Case("5.15", [text(A, **MORE), cont(B), cont(C, **MORE), text(D)], texts(A + B), 1002),
    Case("5.16", [cont(A, **MORE), text(B, **MORE), cont(C)] * 2, code=1002),
    Case("5.17", [cont(A), text(B, **MORE), cont(C)] * 2, code=1002),
    Case("5.18", [text(A, **MORE), text(B)], code=1002),
    Case("5.19", _TWO_PINGS, _TWO_PONGS),
    Case("5.20", _TWO_PINGS, _TWO_PONGS, cut=BY_BYTE),
]

CASES = [*LENGTHS, *PINGING, *RESERVED_BITS, *OPCODES, *FRAGMENTS]
