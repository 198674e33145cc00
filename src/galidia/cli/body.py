"""How the body of a reply is shown: as it is in a pipe, readable on a terminal."""

from __future__ import annotations

import codecs
import json
import re
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

from .output import clean, size

if TYPE_CHECKING:
    from ..http.reply import Reply

#: Bytes of JSON that are put in order and coloured; more is shown as it is.
MAX_JSON = 1 << 20
#: Levels of JSON that are indented.
MAX_LEVELS = 50
INDENT = "  "

_TEXT = re.compile(
    r"text/.*|(application|image)/(.*\+)?(json|xml|javascript|ecmascript|yaml|x-yaml|toml|graphql"
    r"|sql|x-www-form-urlencoded|x-sh|x-ndjson|ndjson|problem)(\+.*)?|message/.*|multipart/.*"
)
_JSON = re.compile(r"application/(.*\+)?json|text/json")
# Others are no charsets of the web; some are no charsets at all, and make much of little.
_CHARSET = re.compile(
    r"(utf|ucs)[-_]?(8|16|32)([-_]?[bl]e)?|(us-?)?ascii|(iso[-_]?)?8859[-_]\d+|latin[-_]?\d"
    r"|(windows|cp)[-_]?\d+|koi8[-_][rut]|gbk|gb2312|gb18030|big5(-hkscs)?|shift[-_]jis|sjis"
    r"|euc[-_](jp|kr)|iso-2022-(jp|kr)",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*+"(?=\s*+:))|(?P<text>"(?:[^"\\]|\\.)*+")|(?P<open>[\[{])'
    r"|(?P<close>[\]}])|(?P<comma>,)|(?P<colon>:)|(?P<word>[a-zA-Z]++)|(?P<number>[-+.0-9eE]++)"
)
_STYLES = {
    "key": "bold blue",
    "text": "green",
    "number": "cyan",
    "word": "magenta",
}


class Exact:
    """Every byte as it is."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, data: bytes) -> None:
        """More of the body."""
        self._out.write(data)
        self._out.flush()

    def close(self, complete: bool) -> None:
        """The end of it, be it the right one or not."""


class Text:
    """Text on a terminal, as it comes."""

    def __init__(self, charset: str) -> None:
        self._decoder = codecs.getincrementaldecoder(charset)("replace")
        self._last = "\n"

    def write(self, data: bytes) -> None:
        self._show(self._decoder.decode(data))

    def _show(self, text: str) -> None:
        if self._last == "\r":
            text = "\r" + text
        if text.endswith("\r"):  # half of a line end, perhaps
            self._last, text = "\r", text[:-1]
        elif text:
            self._last = text[-1]
        sys.stdout.write(clean(text.replace("\r\n", "\n")))
        sys.stdout.flush()

    def close(self, complete: bool) -> None:
        self._show(self._decoder.decode(b"", True) + ("" if self._last == "\n" else "\n"))


class Json:
    """JSON, indented and coloured."""

    def __init__(self, console: Any) -> None:
        self._console = console
        self._data: bytearray | None = bytearray()
        self._text = Text("utf-8")

    def write(self, data: bytes) -> None:
        if self._data is None:
            self._text.write(data)
            return
        self._data += data
        if len(self._data) > MAX_JSON:
            self._as_it_is()

    def _as_it_is(self) -> None:
        if self._data is not None:
            data, self._data = bytes(self._data), None
            self._text.write(data)

    def close(self, complete: bool) -> None:
        pieces = pretty(self._data) if complete and self._data is not None else None
        if pieces is None:
            self._as_it_is()
            self._text.close(complete)
        elif self._console is None:
            print(clean("".join(text for text, _ in pieces)), flush=True)
        else:
            from rich.text import Text as Styled

            shown = Styled.assemble(*((clean(text), style) for text, style in pieces))
            self._console.print(shown, soft_wrap=True)


class Binary:
    """What is not for people: its size and kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._size = 0

    def write(self, data: bytes) -> None:
        self._size += len(data)

    def close(self, complete: bool) -> None:
        kind = f"of {self._kind}" if self._kind else "of unknown kind"
        print(clean(f"[{size(self._size)} {kind}, not shown; -o FILE stores it]"), flush=True)


View = Exact | Text | Json | Binary


def view_of(reply: Reply, first: bytes, console: Any) -> View:
    """The way to show a body on a terminal, by what the reply says and by its first bytes."""
    kind = reply.content_type
    if _JSON.fullmatch(kind):
        return Json(console)
    charset = reply.parameter("content-type", "charset") or ""
    if not _TEXT.fullmatch(kind) and not (kind == "" or kind.startswith("application/")):
        return Binary(kind)
    if not _TEXT.fullmatch(kind) and not _is_text(first):
        return Binary(kind)
    if not _CHARSET.fullmatch(charset):
        charset = "utf-8"
    try:
        return Text(charset)
    except LookupError:
        return Text("utf-8")


def _is_text(data: bytes) -> bool:
    """Whether it looks like UTF-8 text."""
    try:
        text = codecs.getincrementaldecoder("utf-8")("strict").decode(data)
    except UnicodeDecodeError:
        return False
    return "\0" not in text and "\x1b" not in text


def pretty(data: bytes | bytearray) -> list[tuple[str, str]] | None:
    """JSON, a member in a line, as pieces with the style of each; None when it is not JSON.

    Names, numbers and texts are as they came, and so is their order; nothing gets lost.
    """
    try:
        text = data.decode("utf-8-sig")
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    pieces: list[tuple[str, str]] = []
    level = 0
    empty = False  # behind an opening bracket
    for found in _TOKEN.finditer(text):
        kind, token = found.lastgroup or "", found[0]
        if kind == "close":
            level -= 1
            if not empty:
                pieces.append((_line(level), ""))
        elif empty:
            pieces.append((_line(level), ""))
        empty = kind == "open"
        if kind == "open":
            level += 1
        pieces.append((token, _STYLES.get(kind, "")))
        if kind == "comma":
            pieces.append((_line(level), ""))
        elif kind == "colon":
            pieces.append((" ", ""))
    return pieces


def _line(level: int) -> str:
    return "\n" + INDENT * level if level <= MAX_LEVELS else ""
