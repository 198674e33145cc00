"""Forms: ``application/x-www-form-urlencoded`` (WHATWG URL, also a query) and multipart.

Reading a url-encoded form never fails but for its limit: a malformed escape stands for itself and
what is not UTF-8 becomes U+FFFD, as the standard says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlencode

from . import multipart
from .multipart import MAX_PART_HEAD, MultipartParser, Part
from .parameters import FormError, split_parameters

#: Fields of one form; more is answered with 413.
MAX_FIELDS = 1000

URLENCODED = "application/x-www-form-urlencoded"

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_HEX = "0123456789ABCDEFabcdef"
_BYTES = {(a + b).encode(): bytes([int(a + b, 16)]) for a in _HEX for b in _HEX}

# What the text of a part may be in. Python knows more, some of them slow or no text at all.
_CHARSETS = {
    "utf-8": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "cp1252",  # as browsers take it
    "windows-1252": "cp1252",
}


class Form:
    """The fields of a form in their order; a name may occur several times.

    Texts and files are asked for apart, so what a peer sends never has another type than expected.
    """

    __slots__ = ("_files", "_items", "_texts")

    def __init__(self, fields: Iterable[tuple[str, str | Part]] = ()) -> None:
        self._items: list[tuple[str, str | Part]] = []
        self._texts: dict[str, list[str]] = {}
        self._files: dict[str, list[Part]] = {}
        for name, value in fields:
            self._items.append((name, value))
            if isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            else:
                self._files.setdefault(name, []).append(value)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first text of this name."""
        values = self._texts.get(name)
        return values[0] if values else default

    def all(self, name: str) -> list[str]:
        """All texts of this name."""
        return list(self._texts.get(name, ()))

    def file(self, name: str) -> Part | None:
        """The first file of this name."""
        values = self._files.get(name)
        return values[0] if values else None

    def files(self, name: str | None = None) -> list[Part]:
        """The files of this name, or all of them."""
        if name is not None:
            return list(self._files.get(name, ()))
        return [value for _, value in self._items if not isinstance(value, str)]

    def items(self) -> list[tuple[str, str | Part]]:
        """All names and values as they came."""
        return list(self._items)

    def __getitem__(self, name: str) -> str:
        return self._texts[name][0]

    def __contains__(self, name: object) -> bool:
        return name in self._texts or name in self._files

    def __iter__(self) -> Iterator[str]:
        """Each name once."""
        return iter(dict.fromkeys(name for name, _ in self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Form({self._items!r})"


def parse_urlencoded(data: str | bytes | bytearray, max_fields: int = MAX_FIELDS) -> Form:
    """The fields of a query or a body. Raises FormError ``too-many-fields`` (413)."""
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data)
    if raw.count(b"&") >= max_fields:
        raise FormError("too-many-fields", f"over {max_fields} fields in a form", 413)
    raw = raw.replace(b"+", b" ")
    fields = []
    for piece in raw.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            fields.append((_unescape(name), _unescape(value)))
    return Form(fields)


def _unescape(raw: bytes) -> str:
    if b"%" in raw:
        raw = _ESCAPE.sub(lambda m: _BYTES[m[1]], raw)
    return raw.decode("utf-8", "replace")


def encode_urlencoded(fields: Mapping[str, str] | Iterable[tuple[str, str]]) -> bytes:
    """Names and values as a body of type `URLENCODED`; as a query it is the same."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return urlencode(list(pairs)).encode("ascii")


def parse_form(
    content_type: str | None,
    body: bytes | bytearray,
    max_fields: int = MAX_FIELDS,
    max_part_head: int = MAX_PART_HEAD,
) -> Form:
    """The fields of a body, url-encoded or multipart; in the latter those with a file name are
    files. Content of another type has no fields.

    Raises FormError: ``charset`` (415), ``too-many-fields`` (413), and those of `MultipartParser`.
    """
    main = (content_type or "").partition(";")[0].strip(" \t").lower()
    if main == URLENCODED:
        return parse_urlencoded(body, max_fields)
    if main != "multipart/form-data":
        return Form()
    parser = MultipartParser(multipart.boundary_of(content_type), max_fields, max_part_head)
    fields: list[tuple[str, str | Part]] = []
    at, data = 0, b""
    while event := parser.next(body, at):
        at = parser.position
        part: Part = parser.part
        if event == multipart.PART_BEGIN:
            data = b""
        elif event == multipart.PART_DATA:
            # One piece: the buffer has the delimiter after it, or the message is a fault.
            data = bytes(memoryview(body)[parser.data_start : parser.data_end])
        elif event == multipart.PART_END:
            if part.filename is None:
                fields.append((part.name, _text(part, data)))
            else:
                part.data = data
                fields.append((part.name, part))
    parser.finish()
    return Form(fields)


def _text(part: Part, data: bytes) -> str:
    charset = "utf-8"
    content_type = part.header("content-type")
    if content_type is not None:
        charset = split_parameters(content_type)[1].get("charset", charset).lower()
    if charset not in _CHARSETS:
        raise FormError("charset", f"text of a form is in {charset[:80]!r}", 415)
    return data.decode(_CHARSETS[charset], "replace")
