"""Parameters of a field value, as in ``text/html; charset=utf-8`` (RFC 9110 section 5.6.6).

`split_parameters` is strict and for values whose grammar this is; `parameter` finds one
``name=value`` in any field that has such pairs. Both are linear in the value for any input.
"""

import re
from collections.abc import Callable
from typing import Any

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+)"'
_PARAMETER = re.compile(rf"[ \t]*+;[ \t]*+(?:({_TOKEN})=(?:({_TOKEN})|{_QUOTED}))?+")
_MAIN = re.compile(rf"{_TOKEN}(?:/{_TOKEN})?+")
_ESCAPED = re.compile(r"\\(.)")
# An unfinished string takes the rest, so no character is looked at twice.
_PIECE = re.compile(rf'({_TOKEN})(?:=(?:"((?:[^"\\]|\\.)*+)"?|([^\s,;"]*+)))?|"(?:[^"\\]|\\.)*+"?')
TOKEN = re.compile(_TOKEN)


class FormError(ValueError):
    """What a peer sent is malformed, or more than a limit: its ``name`` for logs, the HTTP
    ``status`` to answer with, and a sentence that names the part that is wrong."""

    def __init__(self, name: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.name = name
        self.status = status
        #: The request or reply that it was found in.
        self.message: Any = None


def unquote(text: str) -> str:
    """The content of a quoted-string: a backslash makes the next character plain."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def quote(text: str) -> str:
    """``text`` as a quoted-string; ValueError for control characters."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise ValueError(f"a quoted string cannot contain control characters: {text!r}")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def split_parameters(
    value: str, unquote: Callable[[str], str] = unquote
) -> tuple[str, dict[str, str]]:
    """A field value, lower-cased, and its parameters with lower-cased names.

    The value is a token or two with a slash between; parameters are tokens or quoted-strings.
    Raises FormError ``parameters`` for anything else, and for a name that occurs twice.
    """
    value = value.strip(" \t")
    m = _MAIN.match(value)
    if m is None:
        raise FormError("parameters", f"field value does not begin with a token: {value[:80]!r}")
    main, at = m[0].lower(), m.end()
    found: dict[str, str] = {}
    while at < len(value):
        m = _PARAMETER.match(value, at)
        if m is None:
            raise FormError("parameters", f"malformed parameter at {value[at : at + 80]!r}")
        if m[1] is not None:
            name = m[1].lower()
            if name in found:
                raise FormError("parameters", f"parameter {name[:80]!r} occurs twice")
            found[name] = m[2] if m[2] is not None else unquote(m[3])
        at = m.end()
    return main, found


def parameter(value: str, name: str) -> str | None:
    """The value of the first ``name=value`` in a field value such as ``Digest realm="a", qop=b``.

    Pairs end at white space, comma or semicolon; what is inside of quotes is not searched. An
    exact match of the name is preferred to one that differs in case. None when there is none.
    """
    wanted, second = name.lower(), None
    for m in _PIECE.finditer(value):
        key = m[1]
        if key is None or key.lower() != wanted or (m[2] is None and m[3] is None):
            continue
        found = m[3] if m[2] is None else unquote(m[2])
        if key == name:
            return found
        if second is None:
            second = found
    return second
