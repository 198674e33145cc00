"""Groups 12 and 13: permessage-deflate on five kinds of data, and with each parameter."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import cache, partial

from tests.websocket.conformance.table import WHOLE, Case, Deflated, Hear, SendDeflated, Step
from tests.websocket.raw import BINARY, TEXT

COUNT = WHOLE or 3
CUT_DOWN = 1 if WHOLE else 16
#: Bytes of a message, and of its fragments as compressed, or 0.
SIZES = [
    *((16 << shift, 0) for shift in (0, 2, 4, 6)),
    *((4096 << shift, 0) for shift in range(6)),
    *((8192 << shift, 256) for shift in range(5)),
    *((131072, fragment) for fragment in (1024, 4096, 32768)),
]
VERSE = """
    ach alle auf augen bin da das dem den der die doch du ein er es geist gut habe herz ich ihr
    im ist kein leben licht mein mensch mir nacht nicht noch nun so tag teufel und was welt wie
    zum \u00fcber sch\u00f6n gef\u00fchl
"""
WORDS = VERSE.split()


def _dice(kind: str) -> random.Random:
    return random.Random(kind)


@cache
def json_text() -> bytes:
    dice = _dice("json")
    rows = [
        {
            "id": i,
            "name": " ".join(dice.choices(WORDS, k=3)),
            "position": [round(dice.uniform(-180, 180), 6), round(dice.uniform(-90, 90), 6)],
            "active": dice.random() < 0.5,
            "note": None if dice.random() < 0.3 else " ".join(dice.choices(WORDS, k=8)),
        }
        for i in range(1472)
    ]
    return json.dumps(rows, ensure_ascii=True).encode()


@cache
def bitmap() -> bytes:
    """Grey pixels, each like its neighbours but for some noise."""
    dice = _dice("bitmap")
    rows = (bytes((x * y >> 9) + dice.randrange(12) & 255 for x in range(512)) for y in range(512))
    return b"BM" + b"".join(rows)


@cache
def prose() -> bytes:
    dice = _dice("prose")
    lines = (" ".join(dice.choices(WORDS, k=7)).capitalize() for _ in range(6935))
    return "\n".join(lines).encode("latin-1")


@cache
def page() -> bytes:
    dice = _dice("page")
    rows = (
        f'<tr class="{dice.choice(("odd", "even"))}"><td id="cell{i}">{" ".join(words)}</td></tr>\n'
        for i in range(3945)
        for words in [dice.choices(WORDS, k=5)]
    )
    return ("<!DOCTYPE html>\n<table>\n" + "".join(rows) + "</table>\n").encode("ascii", "ignore")


@cache
def document() -> bytes:
    """Text, and streams that do not get smaller."""
    dice = _dice("document")
    parts = (
        b"%d 0 obj\n<< /Length 4096 /Filter /FlateDecode >>\nstream\n" % i + dice.randbytes(4096)
        for i in range(250)
    )
    return b"%PDF-1.4\n" + b"\nendstream\nendobj\n".join(parts)


DATA: list[tuple[int, Callable[[], bytes]]] = [
    (TEXT, json_text),
    (BINARY, bitmap),
    (BINARY, prose),
    (TEXT, page),
    (BINARY, document),
]
PARAMETERS = [
    Deflated(),
    Deflated(((True, 0),)),
    Deflated(((False, 9),)),
    Deflated(((False, 15),)),
    Deflated(((True, 9),)),
    Deflated(((True, 15),)),
    Deflated(((True, 9), (True, 0), (False, 0))),
]


def slices(data: bytes, size: int) -> Iterator[bytes]:
    """Consecutive messages; what is at the end goes on at the beginning."""
    twice = data * (2 + size // len(data))
    for i in range(COUNT):
        at = i * size % len(data)
        yield twice[at : at + size]


def exchange(opcode: int, data: Callable[[], bytes], size: int, fragment: int) -> Iterator[Step]:
    for payload in slices(data(), max(size // CUT_DOWN, 16)):
        yield SendDeflated(opcode, payload, fragment)
        yield Hear(opcode, payload)


def family(
    number: str, opcode: int, data: Callable[[], bytes], deflated: Deflated
) -> Iterator[Case]:
    for i, (size, fragment) in enumerate(SIZES, 1):
        play = partial(exchange, opcode, data, size, fragment)
        yield Case(f"{number}.{i}", play, deflated=deflated)


CASES = [
    *(
        case
        for number, (opcode, data) in enumerate(DATA, 1)
        for case in family(f"12.{number}", opcode, data, Deflated())
    ),
    *(
        case
        for number, deflated in enumerate(PARAMETERS, 1)
        for case in family(f"13.{number}", TEXT, json_text, deflated)
    ),
]
