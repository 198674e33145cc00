"""Conditional requests: what the If-* fields say about the representation at hand (RFC 9110 13).

Their order of precedence is that of section 13.2.2. A field that cannot be read is ignored if it is
a date and matches nothing if it is a list of tags.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .dates import parse_date

if TYPE_CHECKING:
    from .request import Request

__all__ = ["check", "range_holds"]

_TAG = re.compile(r'((?:W/)?)("[!#-~\x80-\xff]*")')


def check(req: Request, etag: str | None, modified: float | None) -> int:
    """What becomes of a request: 0 it goes on, 304 the client has it already, 412 it must not.

    ``etag`` is that of the current representation, as in its field, and ``modified`` the time of
    its last change in epoch seconds; None for what there is not. Both None: there is no
    representation. The fields If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since.
    """
    tags = req.header_all("if-match")
    if tags:
        if not _match(tags, etag, modified, strong=True):
            return 412
    elif modified is not None:
        since = _date(req, "if-unmodified-since")
        if since is not None and int(modified) > since:
            return 412
    reads = req.method in ("GET", "HEAD")
    tags = req.header_all("if-none-match")
    if tags:
        if _match(tags, etag, modified, strong=False):
            return 304 if reads else 412
    elif reads and modified is not None:
        since = _date(req, "if-modified-since")
        if since is not None and int(modified) <= since:
            return 304
    return 0


def range_holds(req: Request, etag: str | None, modified: float | None) -> bool:
    """Whether a range is of the representation that its client knows, or it did not say which
    (If-Range, section 13.1.5)."""
    values = req.header_all("if-range")
    if not values:
        return True
    if len(values) > 1:
        return False
    value = values[0]
    if value.startswith(('"', "W/")):
        return value == etag and value[0] == '"'
    if modified is None:
        return False
    now = req.connection.mgr.time()
    # A date is strong when it cannot have been sent in the second of the last change (8.8.2.2).
    return parse_date(value, now) == int(modified) and now - modified >= 1.0


def _match(values: list[str], etag: str | None, modified: float | None, strong: bool) -> bool:
    """Whether one of the tags is that of the representation (section 8.8.3.2)."""
    if values == ["*"]:
        return etag is not None or modified is not None
    if etag is None or (strong and etag.startswith("W/")):
        return False
    opaque = etag.removeprefix("W/")
    for value in values:
        for weak, tag in _TAG.findall(value):
            if tag == opaque and not (strong and weak):
                return True
    return False


def _date(req: Request, name: str) -> int | None:
    values = req.header_all(name)
    return parse_date(values[0], req.connection.mgr.time()) if len(values) == 1 else None
