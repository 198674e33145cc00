"""Which fields of a head go on to the next hop (RFC 9110 7.6.1), as bytes.

Sans-IO. Fields of one connection stay with it: Connection and what it names, Keep-Alive, TE,
Trailer, Transfer-Encoding, Upgrade and the likes. So do those that whoever sends the message on
makes anew: Content-Length, of a request Host and Expect, and what says where a request came from
(Forwarded, X-Forwarded-*, X-Real-IP), which nobody believes who cannot know its author. A "_" in a
name is taken for "-", as gateways to programs do. All other lines are passed on byte for byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from ... import _cython as cython
if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
    from cython.cimports.galidia.http.outline import left, right, same
    from cython.cimports.libc.string import memchr, memcpy

# Of both directions, in lower case, "-" for "_".
_HOP = (
    b"connection", b"content-length", b"http2-settings", b"keep-alive", b"proxy-authenticate",
    b"proxy-authentication-info", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
)  # fmt: skip
# Of requests; Proxy would become a variable that programs take for the address of a proxy.
_OWN = (b"expect", b"forwarded", b"host", b"max-forwards", b"proxy", b"x-real-ip")
_ORIGIN = b"x-forwarded-"
#: Members of Connection that name no field, or one that is dropped anyway.
_PLAIN = frozenset({b"", b"close", b"keep-alive", b"te", b"upgrade", b"http2-settings"})

#: The rest of a line of Connection, as nearly everybody sends it.
_USUAL = frozenset({b" keep-alive\r\n", b" close\r\n", b" Upgrade\r\n", b" upgrade\r\n"})

_IN_REQUEST = frozenset(_HOP + _OWN)
_IN_REPLY = frozenset(_HOP)
_LONGEST = 25

if cython.compiled:
    _FIRST: Any
    # Of each length of a name, the first letters that the names of this length have: what is not
    # among them goes on without a closer look.
    for _name in _HOP + _OWN:
        _FIRST[len(_name)] |= 1 << (_name[0] & 31)  # noqa: F821
else:

    def _dropped(names: tuple[bytes, ...], more: bytes = b"") -> re.Pattern[bytes]:
        one = b"|".join(re.escape(name).replace(rb"\-", b"[-_]") for name in names)
        return re.compile(rb"(?im)^(?:" + one + more + rb"):[^\n]*\n")

    _DROPPED = _dropped(_HOP)
    _DROPPED_OF_REQUEST = _dropped(_HOP + _OWN, rb"|x[-_]forwarded[-_][^:]*")

_CONNECTION = re.compile(rb"(?i)^connection:([^\r\n]*)", re.MULTILINE)
_HOST = re.compile(rb"(?im)^host:[\t ]*([^\r\n]*)")
_DATE = re.compile(rb"(?im)^date:")


def passed_on(raw: bytes, start: int, request: bool) -> bytes:
    """The lines of the fields at raw[start:] that go on; `raw` is that of a head that is good."""
    if cython.compiled:
        size = len(raw)
        kept: bytes = PyBytes_FromStringAndSize(cython.NULL, size - start if size > start else 0)
        base = cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw))
        first = cython.cast(cython.p_uchar, PyBytes_AS_STRING(kept))
        out = first
        last = base + size
        p = base + start
        names = False
        while p < last:
            line = p
            p = cython.cast(cython.p_uchar, memchr(p, 0x0A, last - p))
            if p == cython.NULL:
                break
            p += 1
            colon = cython.cast(cython.p_uchar, memchr(line, 0x3A, p - line))
            if colon != cython.NULL and _stays(line, colon - line, request):
                if colon - line == 10 and line[0] | 0x20 == 0x63:
                    value: bytes = PyBytes_FromStringAndSize(
                        cython.cast(cython.p_char, colon + 1), p - colon - 1
                    )
                    names = names or value not in _USUAL
            else:
                memcpy(out, line, p - line)
                out += p - line
        kept = cut(kept, 0, out - first)
        return _unnamed(kept, raw, start) if names else kept
    lines = raw[start:]
    kept = (_DROPPED_OF_REQUEST if request else _DROPPED).sub(b"", lines)
    return _unnamed(kept, raw, start) if len(kept) < len(lines) else kept


if cython.compiled:

    def _stays(line: Any, n: Any, request: Any) -> Any:
        # Whether a line stays here, that begins with a name of n bytes.
        if n > _LONGEST or not _FIRST[n] >> (line[0] & 31) & 1:  # noqa: F821
            if n < 12 or not request or line[0] | 0x20 != 0x78:
                return False
        if memchr(line, 0x5F, n) == cython.NULL:
            if n == 4:
                return request and same(line, b"host", 4)
            if n == 10:
                return same(line, b"connection", 10) or same(line, b"keep-alive", 10)
            if n == 14 and same(line, b"content-length", 14):
                return True
        text: bytes = PyBytes_FromStringAndSize(cython.cast(cython.p_char, line), n)
        name: bytes = text.lower().replace(b"_", b"-")
        if request:
            return name in _IN_REQUEST or name.startswith(_ORIGIN)
        return name in _IN_REPLY

    def cut(data: Any, start: Any, end: Any) -> Any:
        # data[start:end], which are known to be places in it
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + start, end - start)


def host_of(raw: bytes, start: int) -> bytes:
    """The value of the field Host among those at raw[start:], or b""."""
    if cython.compiled:
        base = cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw))
        last = base + len(raw)
        p = base + start
        while last - p > 5:
            line = p
            p = cython.cast(cython.p_uchar, memchr(p, 0x0A, last - p))
            if p == cython.NULL:
                return b""
            if line[4] == 0x3A and same(line, b"host", 4):
                line = left(line + 5, p - 1)
                p = right(line, p - 1)
                value: bytes = PyBytes_FromStringAndSize(cython.cast(cython.p_char, line), p - line)
                return value
            p += 1
        return b""
    m = _HOST.search(raw, start)
    return m[1].rstrip(b"\t ") if m else b""


def _unnamed(kept: bytes, raw: bytes, start: int) -> bytes:
    """The kept lines without the fields that Connection names."""
    named = None
    for value in _CONNECTION.findall(raw, start):
        if value.strip(b"\t ").lower() in _PLAIN:
            continue
        named = (named or set()) | {m.strip(b"\t ").lower() for m in value.split(b",")}
    if not named or _PLAIN.issuperset(named):
        return kept
    lines = kept.splitlines(keepends=True)
    return b"".join([line for line in lines if line.partition(b":")[0].lower() not in named])


def has_date(lines: bytes) -> bool:
    """Whether there is a Date among field lines."""
    if cython.compiled:
        p = cython.cast(cython.p_uchar, PyBytes_AS_STRING(lines))
        last = p + len(lines)
        while last - p > 5:
            if (
                p[4] == 0x3A
                and (p[0] | 0x20) == 0x64
                and (p[1] | 0x20) == 0x61
                and (p[2] | 0x20) == 0x74
                and (p[3] | 0x20) == 0x65
            ):
                return True
            p = cython.cast(cython.p_uchar, memchr(p, 0x0A, last - p))
            if p == cython.NULL:
                return False
            p += 1
        return False
    return _DATE.search(lines) is not None
