"""The request target and the authority: host and port (RFC 9112 section 3.2, RFC 3986 3.2)."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython
if cython.compiled:
    from cython.cimports.galidia.http.grammar import DIGIT, HEX, HOST, KIND
    from cython.cimports.libc.string import memchr, memcmp

if not cython.compiled:
    from .violations import ESCAPE, TARGET_FORM

# what authority found
PLAIN = 1
NO_HOST = 2
NO_PORT = 4

if cython.compiled:

    def authority_at(p: Any, end: Any) -> Any:
        kind = KIND
        form = PLAIN
        start = p
        if p < end and p[0] == 0x5B:
            p += 1
            while p < end and (kind[p[0]] & HEX or p[0] == 0x3A or p[0] == 0x2E):
                p += 1
            if p - start < 2 or p == end or p[0] != 0x5D:
                return 0
            p += 1
        else:
            while p < end:
                if kind[p[0]] & HOST:
                    p += 1
                elif p[0] == 0x25 and end - p >= 3 and kind[p[1]] & HEX and kind[p[2]] & HEX:
                    p += 3
                else:
                    break
            if p == start:
                form |= NO_HOST
        if p == end:
            return form | NO_PORT
        if p[0] != 0x3A or end - p > 6:
            return 0
        p += 1
        if p == end:
            return form | NO_PORT
        while p < end:
            if not kind[p[0]] & DIGIT:
                return 0
            p += 1
        return form

    def target_at(
        base: Any, method_end: Any, start: Any, end: Any, path_start: Any, path_end: Any
    ) -> Any:
        """As `split_target`, for a head at ``base``; all are offsets into it."""
        p = base + start
        last = base + end
        path_start[0] = path_end[0] = start
        if method_end == 7 and memcmp(base, b"CONNECT", 7) == 0:
            return 0 if authority_at(p, last) == PLAIN else TARGET_FORM
        if last - p == 1 and p[0] == 0x2A:
            if method_end != 7 or memcmp(base, b"OPTIONS", 7) != 0:
                return TARGET_FORM
        elif p[0] != 0x2F:
            if last - p < 8:
                return TARGET_FORM
            for letter in b"http":
                if p[0] | 0x20 != letter:
                    return TARGET_FORM
                p += 1
            p += p[0] | 0x20 == 0x73
            if memcmp(p, b"://", 3) != 0:
                return TARGET_FORM
            p += 3
            hit = p
            while p < last and p[0] != 0x2F and p[0] != 0x3F:
                p += 1
            form = authority_at(hit, p)
            if form == 0 or form & NO_HOST:
                return TARGET_FORM
        path_start[0] = p - base
        hit = cython.cast(cython.p_uchar, memchr(p, 0x3F, last - p))
        if hit != cython.NULL:
            last = hit
        path_end[0] = last - base
        while True:
            hit = cython.cast(cython.p_uchar, memchr(p, 0x25, last - p))
            if hit == cython.NULL:
                return 0
            p = hit + 1
            if (
                last - p < 2
                or not KIND[p[0]] & HEX
                or not KIND[p[1]] & HEX
                or (p[0] == 0x30 and p[1] == 0x30)
            ):
                return ESCAPE


_host = rb"[-._~!$&'()*+,;=0-9a-z]|%[0-9a-f]{2}"
_AUTHORITY = re.compile(rb"(\[[0-9a-f:.]+\]|(?:" + _host + rb")*)(?::([0-9]{0,5}))?", re.IGNORECASE)
_HTTP_URI = re.compile(rb"https?://([^/?]*)", re.IGNORECASE)
_BAD_ESCAPE = re.compile(rb"%(?:00|(?![0-9A-Fa-f]{2}))")


@lru_cache(256)  # peers name the same few hosts again and again
def authority(text: bytes) -> int:
    m = _AUTHORITY.fullmatch(text)
    if m is None:
        return 0
    return PLAIN | (0 if m[1] else NO_HOST) | (0 if m[2] else NO_PORT)


def split_target(method: bytes, target: bytes) -> tuple[int, int, int]:
    """Start and end of the path, violation (RFC 9112 section 3.2)."""
    path = 0
    if method == b"CONNECT":
        return 0, 0, 0 if authority(target) == PLAIN else TARGET_FORM
    if target[0] == 0x2F:
        pass
    elif target == b"*":
        if method != b"OPTIONS":
            return 0, 0, TARGET_FORM
    else:
        m = _HTTP_URI.match(target)
        form = authority(m[1]) if m else 0
        if m is None or form == 0 or form & NO_HOST:
            return 0, 0, TARGET_FORM
        path = m.end()
    end = target.find(b"?", path)
    if end < 0:
        end = len(target)
    escaped = _BAD_ESCAPE.search(target, path, end) if b"%" in target else None
    return path, end, ESCAPE if escaped else 0
