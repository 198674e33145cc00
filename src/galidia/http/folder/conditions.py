"""Conditional requests: what the If-* fields say about the representation at hand (RFC 9110 13).

Their order of precedence is that of section 13.2.2. A field that cannot be read is ignored if it is
a date and matches nothing if it is a list of tags.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from ... import _cython as cython

from ..dates import parse_date

if TYPE_CHECKING:
    from ..request import Request

if not cython.compiled:
    from ..outline import (
        IF_MATCH,
        IF_MODIFIED_SINCE,
        IF_NONE_MATCH,
        IF_RANGE,
        IF_UNMODIFIED_SINCE,
    )

__all__ = ["check", "range_holds"]

_TAG = re.compile(r'((?:W/)?)("[!#-~\x80-\xff]*")')


def check(req: Request, etag: str | None, modified: float | None) -> int:
    """What becomes of a request: 0 it goes on, 304 the client has it already, 412 it must not.

    ``etag`` is that of the current representation, as in its field, and ``modified`` the time of
    its last change in epoch seconds; None for what there is not. Both None: there is no
    representation. The fields If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since.
    """
    there = req.conditions
    if there & IF_MATCH:
        if not _match(req.header_all("if-match"), etag, modified, True):
            return 412
    elif there & IF_UNMODIFIED_SINCE and modified is not None:
        since = _date(req, "if-unmodified-since")
        if since is not None and int(modified) > since:
            return 412
    if there & IF_NONE_MATCH:
        if _match(req.header_all("if-none-match"), etag, modified, False):
            return 304 if req.method in ("GET", "HEAD") else 412
    elif there & IF_MODIFIED_SINCE and modified is not None and req.method in ("GET", "HEAD"):
        since = _date(req, "if-modified-since")
        if since is not None and int(modified) <= since:
            return 304
    return 0


def range_holds(req: Request, etag: str | None, modified: float | None) -> bool:
    """Whether a range is of the representation that its client knows, or it did not say which
    (If-Range, section 13.1.5)."""
    if not req.conditions & IF_RANGE:
        return True
    values = req.header_all("if-range")
    if len(values) != 1:
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
    weak_etag = etag is not None and etag.startswith("W/")
    if etag in values and not (strong and weak_etag):  # one tag, as nearly all send
        return True
    if values == ["*"]:
        return etag is not None or modified is not None
    if etag is None or (strong and weak_etag):
        return False
    opaque = etag.removeprefix("W/")
    for value in values:
        for weak, tag in _TAG.findall(value):
            if tag == opaque and not (strong and weak):
                return True
    return False


def _date(req: Request, name: str) -> int | None:
    values = req.header_all(name)
    if len(values) != 1:
        return None
    text = values[0]
    if len(text) == 29 and text[3] == ",":  # the form that is sent nowadays
        return _imf_fixdate(text)
    return parse_date(text, req.connection.mgr.time())


@lru_cache(256)
def _imf_fixdate(text: str) -> int | None:
    return parse_date(text, 0.0)
