"""Group 6: text that is UTF-8, and text that is not, by whichever octet it shows."""

from __future__ import annotations

from tests.websocket.conformance.table import (
    MORE,
    QUIET,
    Case,
    Part,
    cont,
    fragments,
    text,
    texts,
)
from tests.websocket.raw import TEXT

GREEK = "\u03ba\u1f79\u03c3\u03bc\u03b5".encode()
ALL_SORTS = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!".encode()
SURROGATE = GREEK + b"\xed\xa0\x80edited"
BEYOND = GREEK + b"\xf4\x90\x80\x80edited"  # above U+10FFFF; the second of the four bytes shows it


_SPLIT = [text(ALL_SORTS[:12], **MORE), cont(ALL_SORTS[12:])]

MESSAGES = [
    Case("6.1.1", [text()], texts(b"")),
    Case("6.1.2", [text(**MORE), cont(**MORE), cont()], texts(b"")),
    Case("6.1.3", [text(**MORE), cont(b"middle", **MORE), cont()], texts(b"middle")),
    Case("6.2.1", [text(ALL_SORTS)], texts(ALL_SORTS)),
    Case("6.2.2", _SPLIT, texts(ALL_SORTS)),
    Case("6.2.3", fragments(TEXT, ALL_SORTS, 1), texts(ALL_SORTS)),
    Case("6.2.4", fragments(TEXT, GREEK, 1), texts(GREEK)),
    Case("6.3.1", [text(SURROGATE)], code=1007),
    Case("6.3.2", fragments(TEXT, SURROGATE, 1), code=1007),
    # It fails as soon as it shows: the rest of the message is never sent.
    Case("6.4.1", [text(GREEK, **MORE), QUIET, cont(BEYOND[11:15], **MORE)], code=1007),
    Case("6.4.2", [text(BEYOND[:12], **MORE), QUIET, cont(BEYOND[12:13], **MORE)], code=1007),
    Case("6.4.3", [Part(TEXT, BEYOND, 0, 11), QUIET, Part(TEXT, BEYOND, 11, 15)], code=1007),
    Case("6.4.4", [Part(TEXT, BEYOND, 0, 12), QUIET, Part(TEXT, BEYOND, 12, 13)], code=1007),
]

#: Each list is a group, from 6.5 on.
SEQUENCES: list[list[tuple[bool, bytes]]] = []


def group(valid: bool | None, *payloads: bytes) -> None:
    """``valid`` is None for a group of both kinds, which Python's own decoder tells apart."""
    SEQUENCES.append([(_decodes(p) if valid is None else valid, p) for p in payloads])


def _decodes(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def octets(*texts_: str) -> list[bytes]:
    return [bytes.fromhex(text_) for text_ in texts_]


def lonely(first: int, last: int) -> bytes:
    """Start octets, each with a space behind it."""
    return b"".join(bytes([octet, 0x20]) for octet in range(first, last))


_WITHOUT_THE_LAST = octets(
    *("c0", "e080", "f08080", "f8808080", "fc80808080"),
    *("df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"),
)
_NONCHARACTERS = [
    chr(plane << 16 | low).encode() for plane in range(1, 17) for low in (0xFFFE, 0xFFFF)
]

# 6.5: valid, of one to four octets
group(True, b"hello$world", b"hello\xc2\xa2world", b"hello\xe2\x82\xacworld")
SEQUENCES[-1] += [(True, b"hello\xf0\xa4\xad\xa2world"), (True, GREEK)]
# 6.6: all beginnings of a valid text
group(None, *(GREEK[:n] for n in range(1, len(GREEK) + 1)))
# 6.7, 6.8: the first sequence of each length
group(True, *octets("00", "c280", "e0a080", "f0908080"))
group(False, *octets("f888808080", "fc8480808080"))
# 6.9, 6.10: the last sequence of each length
group(True, *octets("7f", "dfbf", "efbfbf", "f48fbfbf"))
group(False, *octets("f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"))
# 6.11: other boundaries
group(None, *octets("ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"))
# 6.12: continuation octets that nothing began
group(
    False, b"\x80", b"\xbf", *((b"\x80\xbf" * 3)[:n] for n in range(2, 7)), bytes(range(0x80, 0xBF))
)
# 6.13: starts that nothing continues
group(
    False,
    *(lonely(0xC0, 0xDF), lonely(0xE0, 0xEF), lonely(0xF0, 0xF7), lonely(0xF8, 0xFB)),
    lonely(0xFC, 0xFD),
)
# 6.14, 6.15: without the last octet, and all of them together
group(False, *_WITHOUT_THE_LAST)
group(False, b"".join(_WITHOUT_THE_LAST))
# 6.16: octets that are in no sequence
group(False, *octets("fe", "ff", "fefeffff"))
# 6.17, 6.18, 6.19: longer than need be: a slash, the last of each length, NUL
group(False, *octets("c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"))
group(False, *octets("c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"))
group(False, *octets("c080", "e08080", "f0808080", "f880808080", "fc8080808080"))
# 6.20, 6.21: surrogates, alone and in pairs
group(False, *octets("eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"))
group(
    False,
    *octets("eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf"),
    *octets("edae80edb080", "edae80edbfbf", "edafbfedb080", "edafbfedbfbf"),
)
# 6.22: code points that are no characters are valid all the same
group(True, *octets("efbfbe", "efbfbf"), *_NONCHARACTERS)
# 6.23: specials
group(True, *(b"\xef\xbf" + bytes([last]) for last in range(0xB9, 0xC0)))


CASES = [
    *MESSAGES,
    *(
        Case(
            f"6.{number}.{i}",
            [text(payload)],
            texts(payload) if valid else (),
            1000 if valid else 1007,
        )
        for number, sequences in enumerate(SEQUENCES, 5)
        for i, (valid, payload) in enumerate(sequences, 1)
    ),
]
