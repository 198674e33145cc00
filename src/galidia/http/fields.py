"""Header fields, written (RFC 9110 5, RFC 9112 5): nothing in them can end a line early."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytes import (
        PyBytes_AS_STRING,
        PyBytes_FromStringAndSize,
    )
    from cython.cimports.cpython.unicode import (
        PyUnicode_DATA,
        PyUnicode_GET_LENGTH,
        PyUnicode_KIND,
    )
    from cython.cimports.galidia.http.grammar import KIND, TOKEN, VALUE

Headers = Mapping[str, str] | Iterable[tuple[str, str]]

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
#: Fields that say where a request ends: they are set by the library, and by nobody else.
_FRAMING = frozenset({"content-length", "transfer-encoding"})
#: Of an answer, these as well.
_FRAMING_ANSWER = _FRAMING | {"connection", "date"}
_LENGTHS = frozenset(len(name) for name in _FRAMING_ANSWER)


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


def items_of(headers: Headers) -> Iterable[tuple[str, str]]:
    """Names and values as they were given."""
    if type(headers) is list:  # asking for an abstract class takes longer than writing a line
        return headers
    return headers.items() if isinstance(headers, Mapping) else headers


def header_lines(headers: Headers) -> bytes:
    """The field lines of an answer. Raises ValueError for a field that cannot be sent."""
    lines = []
    for name, value in items_of(headers):
        line = field_line(name, value)
        if len(name) in _LENGTHS and name.lower() in _FRAMING_ANSWER:
            raise ValueError(f"the header {name!r} is set by the library")
        lines.append(line)
    return lines[0] if len(lines) == 1 else b"".join(lines)


def field_line(name: str, value: str) -> bytes:
    """One line. Raises ValueError for what would not be one, TypeError for what is no text."""
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(f"a header field is two str, not {name!r}: {value!r}")
    if cython.compiled:
        if PyUnicode_KIND(name) == 1 and PyUnicode_KIND(value) == 1:
            n = PyUnicode_GET_LENGTH(name)
            m = PyUnicode_GET_LENGTH(value)
            line: bytes = PyBytes_FromStringAndSize(cython.NULL, n + m + 4)
            p = cython.cast(cython.p_uchar, PyBytes_AS_STRING(line))
            if (
                n > 0
                and copy(p, cython.cast(cython.p_uchar, PyUnicode_DATA(name)), n, TOKEN)
                and copy(p + n + 2, cython.cast(cython.p_uchar, PyUnicode_DATA(value)), m, VALUE)
            ):
                p[n] = 58  # ":"
                p[n + 1] = 32
                p[n + m + 2] = 13
                p[n + m + 3] = 10
                return line
    elif _NAME.fullmatch(name) and _VALUE.fullmatch(value):
        return f"{name}: {value}\r\n".encode("latin-1")
    if not _NAME.fullmatch(name):
        raise ValueError(f"bad header name {name!r}")
    why = "" if value.isascii() else "; what is not Latin-1 has to be encoded first"
    raise ValueError(f"bad value of header {name!r}: {value!r}{why}")


if cython.compiled:

    def copy(to: Any, source: Any, n: int, kind: int) -> bool:
        # whether all n characters are of this kind
        for i in range(n):
            if not KIND[source[i]] & kind:
                return False
            to[i] = source[i]
        return True
