"""What a download is called: a name in one folder, whatever the server would like (RFC 6266)."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from ..http.parameters import FormError, parameter, split_parameters

#: Bytes of a name; file systems have 255, and there is something to be added.
LONGEST = 200
#: Where the URL ends in a folder.
INDEX = "index.html"

# Neither shown by a terminal nor wanted in a name by any system.
_REFUSED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_RESERVED = re.compile(r'[<>:"|?*]')
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
# A server must not make what a later run takes for its own.
_OURS = re.compile(r"(?i)\.part(\.json)?$")


def name_of_url(url: str) -> str:
    """The last segment of the path."""
    return safe_name(unquote(urlsplit(url).path.rpartition("/")[2])) or INDEX


def name_of_disposition(value: str | None) -> str:
    """The name that a Content-Disposition gives; "" when it gives none."""
    if not value:
        return ""
    try:
        _, found = split_parameters(value)
    except FormError:
        found = {"filename": parameter(value, "filename") or ""}
    name = _extended(found.get("filename*", "")) or found.get("filename", "")
    try:
        # Fields are kept as Latin-1; a server that puts more than ASCII there means UTF-8.
        name = name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass
    return safe_name(name)


def _extended(value: str) -> str:
    """A value with its charset before it (RFC 8187)."""
    charset, _, rest = value.partition("'")
    _, quote, text = rest.partition("'")
    if not quote or charset.lower() not in ("utf-8", "iso-8859-1"):
        return ""
    try:
        return unquote_to_bytes(text).decode(charset)
    except UnicodeDecodeError:
        return ""


def safe_name(text: str) -> str:
    """A name that stays in its folder and is hidden from nobody; "" when nothing is left."""
    name = _REFUSED.sub("", text.replace("\\", "/").rstrip("/").rpartition("/")[2])
    name = _RESERVED.sub("_", " ".join(name.split())).strip(". ")
    if _DEVICE.match(name):
        name = f"_{name}"
    if _OURS.search(name):
        name += "_"
    return _shortened(name)


def _shortened(name: str) -> str:
    """The name within `LONGEST` bytes, its suffix kept."""
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    end = (dot + suffix).encode() if 0 < len(suffix.encode()) <= 20 and stem else b""
    start = (stem if end else name).encode()[: LONGEST - len(end)]
    return start.decode("utf-8", "ignore") + end.decode()
