"""Groups 9 and 10: large messages, many messages, and messages in many fragments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.websocket.conformance.table import WHOLE, Case, Hear, Step, fragments, frame
from tests.websocket.raw import BINARY, TEXT

KIB, MIB = 1 << 10, 1 << 20
COUNT = 1000 if WHOLE else 20
CUT_DOWN = 1 if WHOLE else 64

SIZES = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB]
FRAGMENTS = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB]
CHOPS = [64, 128, 256, 512, KIB, 2 * KIB]
SMALL = [0, 16, 64, 256, KIB, 4 * KIB]
KINDS = [(TEXT, b"*"), (BINARY, b"\xfe")]


def one(opcode: int, octet: bytes, size: int) -> list[Step]:
    payload = octet * size
    return [frame(opcode, payload), Hear(opcode, payload)]


def in_fragments(opcode: int, octet: bytes, size: int, fragment: int) -> list[Step]:
    payload = octet * size
    return [*fragments(opcode, payload, fragment), Hear(opcode, payload)]


def many(opcode: int, octet: bytes, size: int) -> Iterator[Step]:
    """Each is sent when the one before has come back."""
    payload = octet * size
    for _ in range(COUNT):
        yield frame(opcode, payload)
        yield Hear(opcode, payload)


def _cases() -> Iterator[Case]:
    for number, kind in enumerate(KINDS):
        for i, size in enumerate(SIZES, 1):
            yield Case(f"9.{1 + number}.{i}", partial(one, *kind, size // CUT_DOWN))
        for i, size in enumerate(FRAGMENTS, 1):
            play = partial(in_fragments, *kind, 4 * MIB // CUT_DOWN, size)
            yield Case(f"9.{3 + number}.{i}", play)
        for i, chop in enumerate(CHOPS, 1):
            play = partial(one, *kind, MIB // CUT_DOWN)
            yield Case(f"9.{5 + number}.{i}", play, cut=chop)
        for i, size in enumerate(SMALL, 1):
            yield Case(f"9.{7 + number}.{i}", partial(many, *kind, size))


CASES = [*_cases(), Case("10.1.1", partial(in_fragments, TEXT, b"*", 65536, 1300))]
