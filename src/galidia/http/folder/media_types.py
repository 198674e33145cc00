"""Media types of files by their names, and which of them are worth packing."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping

__all__ = ["compressible", "content_type"]

_TEXT = ("text/", "application/javascript", "application/json", "application/xml", "image/svg+xml")
_PACKED = ("+json", "+xml", "/wasm", "/manifest+json", "/ttf", "/otf", "/x-font-ttf", "/bmp")
#: What systems are of several minds about, or too old to know.
_TYPES = {
    ".avif": "image/avif",
    ".js": "text/javascript",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".otf": "font/otf",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


def content_type(path: str, types: Mapping[str, str] | None = None) -> str:
    """The media type of a file by its name; text is taken to be UTF-8.

    ``types`` has those of one's own by the ending of the name in lower case; the longest counts.
    """
    name = path.rpartition("/")[2].lower()
    if types:
        for ending in sorted(types, key=len, reverse=True):
            if name.endswith(ending):
                return types[ending]
    dot = name.rfind(".")
    kind: str | None = _TYPES.get(name[dot:]) if dot >= 0 else None
    if kind is None:
        kind, coding = mimetypes.guess_type(name)
        if kind is None or coding is not None:
            return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith(_TEXT) else kind


def compressible(kind: str) -> bool:
    """Whether content of a media type becomes notably smaller."""
    kind = kind.partition(";")[0].rstrip().lower()
    return kind.startswith(_TEXT) or kind.endswith(_PACKED)
