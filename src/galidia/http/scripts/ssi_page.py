"""Directives in a page: ``<!--#name arguments -->``, found in one pass over it.

What is not a directive stays as it is, ordinary comments too. A directive that is not ended is
text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Directive", "parse"]

_START, _END = b"<!--#", b"-->"
_DIRECTIVE = re.compile(rb"([A-Za-z]+)(?:[ \t\r\n]++(.*))?", re.DOTALL)
_ARGUMENT = re.compile(r'(?:([A-Za-z]+)[ \t\r\n]*+=[ \t\r\n]*+)?+(?:"([^"]*+)"|\'([^\']*+)\')')


class Directive(NamedTuple):
    """``name`` is in lower case; ``text`` is all that stands behind it."""

    name: str
    text: str

    def argument(self) -> tuple[str, str] | None:
        """The one argument, ``name="value"`` or ``"value"``: name in lower case, and value."""
        m = _ARGUMENT.fullmatch(self.text)
        if m is None:
            return None
        return (m[1] or "").lower(), m[2] if m[2] is not None else m[3]


def parse(page: bytes) -> list[bytes | Directive]:
    """A page as pieces of text and directives, in their order. What begins like a directive and has
    no name is left out, as a directive that nobody knows is."""
    pieces: list[bytes | Directive] = []
    at = 0
    while True:
        start = page.find(_START, at)
        end = page.find(_END, start + len(_START)) if start >= 0 else -1
        if end < 0:
            break
        if start > at:
            pieces.append(page[at:start])
        m = _DIRECTIVE.fullmatch(page[start + len(_START) : end].rstrip(b" \t\r\n"))
        if m is not None:
            text = (m[2] or b"").decode("utf-8", "surrogateescape")
            pieces.append(Directive(m[1].decode().lower(), text))
        at = end + len(_END)
    if at < len(page):
        pieces.append(page[at:])
    return pieces
