"""What the commands say, and that nothing from the network gives orders to a terminal."""

from __future__ import annotations

import re
import sys
from typing import Any, TextIO

# Control characters but tab and line feed, those that turn the direction of writing or break
# lines, and halves of characters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_UNITS = ("KiB", "MiB", "GiB", "TiB")


class UsageError(Exception):
    """What was asked for makes no sense: exit code 2."""


def clean(text: str) -> str:
    """A text that may come from anybody, for a terminal: what could do harm is shown escaped."""
    return _UNSAFE.sub(_escaped, text)


def clean_line(text: str) -> str:
    """The same, in one line."""
    return clean(text).replace("\n", "\\n").replace("\t", " ")


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def complain(text: str) -> None:
    """Say what went wrong, in one line, if there is anybody to hear it."""
    try:
        print(f"galidia: {clean_line(text)}", file=sys.stderr, flush=True)
    except OSError:
        pass


def reason(error: BaseException) -> str:
    """An error in words, without its number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = f"{error.filename}: " if error.filename is not None else ""
    return where + error.strerror


def size(n: float) -> str:
    """A number of bytes, for people."""
    if n < 1024:
        return f"{n:.0f} bytes" if n != 1 else "1 byte"
    scale = 0
    n /= 1024
    while n >= 1024 and scale < len(_UNITS) - 1:
        n /= 1024
        scale += 1
    return f"{n:.1f} {_UNITS[scale]}"


def console_for(stream: TextIO) -> Any:
    """A `rich.console.Console` where the stream is a terminal and rich is installed, or None."""
    if not stream.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=stream, highlight=False, markup=False, emoji=False)
