"""The header fields of a request, written (RFC 9110 5, RFC 9112 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Headers = Mapping[str, str] | Iterable[tuple[str, str]]

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
#: Fields that say where the request ends: they are set here, and by nobody else.
_FRAMING = frozenset({"content-length", "transfer-encoding"})


def is_token(text: str) -> bool:
    """Whether this can be a method or the name of a field (RFC 9110 5.6.2)."""
    return _NAME.fullmatch(text) is not None


def pairs_of(headers: Headers | None) -> list[tuple[str, str]]:
    """The names and values of what a user gave, checked: nothing in them can end a line.

    Raises ValueError for a field that cannot be sent, TypeError for what is no text.
    """
    if headers is None:
        return []
    pairs: Any = headers.items() if isinstance(headers, Mapping) else headers
    checked = []
    for name, value in pairs:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"a header field is two str, not {name!r}: {value!r}")
        if not _NAME.fullmatch(name):
            raise ValueError(f"bad header name {name!r}")
        if name.lower() in _FRAMING:
            raise ValueError(f"the header {name!r} is set by the library")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"bad value of header {name!r}: {value!r}")
        checked.append((name, value))
    return checked


def lines_of(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Field lines of checked pairs."""
    return "".join([f"{name}: {value}\r\n" for name, value in pairs]).encode("latin-1")


def names_of(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Their names in lower case."""
    return {name.lower() for name, _ in pairs}
