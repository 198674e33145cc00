"""The head of an HTTP/1.1 request: found, checked whole, split lazily (RFC 9112 sections 2 to 6).

Sans-IO. `find_end` says where a head ends, `Head.parse` checks all of it in one pass and picks out
what decides about framing and connection; names and values become objects only when asked for.
Where the RFC lets a server choose between repairing and refusing, this refuses.

A violation is a number, an index into `VIOLATIONS`; 0 means good. With several in one head the
order is: syntax from first byte to last, too many fields, request line, fields one by one, and what
concerns them together.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython
if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
    from cython.cimports.cpython.unicode import PyUnicode_DecodeLatin1
    from cython.cimports.libc.string import memchr, memcmp, memcpy


class Violation(NamedTuple):
    """What is wrong with a head: a name for logs, the status to answer with, a sentence."""

    name: str
    status: int
    text: str


_SYNTAX = -1  # to be named by _diagnose
_INCOMPLETE = 1
_BARE_LF = 2
_BARE_CR = 3
_REQUEST_LINE = 4
_METHOD = 5
_TARGET_CHAR = 6
_VERSION_SYNTAX = 7
_VERSION = 8
_TARGET_FORM = 9
_ESCAPE = 10
_FOLDED = 11
_NO_COLON = 12
_EMPTY_NAME = 13
_SPACE_BEFORE_COLON = 14
_NAME_CHAR = 15
_VALUE_CHAR = 16
_TOO_MANY_FIELDS = 17
_HOST_MISSING = 18
_HOST_REPEATED = 19
_HOST_SYNTAX = 20
_LENGTH_SYNTAX = 21
_LENGTH_REPEATED = 22
_CODING_UNKNOWN = 23
_CHUNKED_NOT_FINAL = 24
_LENGTH_AND_CODING = 25
_CODING_IN_1_0 = 26

VIOLATIONS: tuple[Violation, ...] = (
    Violation("none", 200, "no violation"),
    Violation("incomplete", 400, "no empty line at the end of the head, or one before it"),
    Violation("bare-lf", 400, "line ends with LF alone"),
    Violation("bare-cr", 400, "CR without LF"),
    Violation("request-line", 400, "request line is not method, target, version"),
    Violation("method", 400, "method is not a token"),
    Violation("target-char", 400, "character not allowed in a request target"),
    Violation("version-syntax", 400, "malformed protocol version"),
    Violation("version", 505, "not HTTP/1"),
    Violation("target-form", 400, "request target does not have the form for this method"),
    Violation("escape", 400, "malformed percent-encoding or %00 in the path"),
    Violation("folded", 400, "field line starts with white space"),
    Violation("no-colon", 400, "field line without colon"),
    Violation("empty-name", 400, "field line without name"),
    Violation("space-before-colon", 400, "white space between field name and colon"),
    Violation("name-char", 400, "character not allowed in a field name"),
    Violation("value-char", 400, "control character in a field value"),
    Violation("too-many-fields", 431, "too many fields"),
    Violation("host-missing", 400, "no Host field"),
    Violation("host-repeated", 400, "more than one Host field"),
    Violation("host-syntax", 400, "Host is not a host with optional port"),
    Violation("length-syntax", 400, "Content-Length is not a number of up to 18 digits"),
    Violation("length-repeated", 400, "more than one Content-Length field"),
    Violation("coding-unknown", 501, "transfer coding other than chunked"),
    Violation("chunked-not-final", 400, "transfer coding chunked is not the last one"),
    Violation("length-and-coding", 400, "both Content-Length and Transfer-Encoding"),
    Violation("coding-in-1.0", 400, "Transfer-Encoding in HTTP/1.0"),
)

_DIGITS = b"0123456789"
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TOKEN_CHARS = b"!#$%&'*+-.^_`|~" + _DIGITS + _LETTERS
_TARGET_CHARS = bytes([c for c in range(0x21, 0x7F) if c != 0x23])
_VALUE_CHARS = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
# host characters without the "%" of an escape and the brackets of an address
_HOST_CHARS = b"-._~!$&'()*+,;=" + _DIGITS + _LETTERS

# Connection and Expect members that matter, as bits
_CLOSE = 1
_KEEP_ALIVE = 2
_UPGRADE = 4
_CONTINUE = 8
# what _authority found
_PLAIN = 1
_NO_HOST = 2
_NO_PORT = 4

_METHODS = {
    b"GET": "GET",
    b"HEAD": "HEAD",
    b"POST": "POST",
    b"PUT": "PUT",
    b"DELETE": "DELETE",
    b"OPTIONS": "OPTIONS",
    b"PATCH": "PATCH",
    b"CONNECT": "CONNECT",
    b"PROPFIND": "PROPFIND",
    b"MKCOL": "MKCOL",
    b"MOVE": "MOVE",
}

if cython.compiled:
    # Class bits of each byte. LF has none, so every scan of a head stops at its last byte.
    _TOKEN = 1
    _TARGET = 2
    _VALUE = 4
    _DIGIT = 8
    _HEX = 16
    _HOST = 32
    _TABLE = bytes(
        [
            _TOKEN * (c in _TOKEN_CHARS)
            | _TARGET * (c in _TARGET_CHARS)
            | _VALUE * (c in _VALUE_CHARS)
            | _DIGIT * (c in _DIGITS)
            | _HEX * (c in b"0123456789ABCDEFabcdef")
            | _HOST * (c in _HOST_CHARS)
            for c in range(256)
        ]
    )
    _KIND = _TABLE
    _FOLD = bytes(range(256)).lower()
    _LOWER = _FOLD
    _ONES = 0x0101010101010101
    _SPACES = 0x2020202020202020
    _DELS = 0x7F7F7F7F7F7F7F7F
    _HIGHS = 0x8080808080808080

    def _value_end(p: Any, last: Any) -> Any:
        # Eight bytes at a time as long as none of them is below 0x20 or DEL.
        word = 0
        while last - p >= 8:
            memcpy(cython.address(word), p, 8)
            odd = (word - _SPACES) & ~word
            word ^= _DELS
            odd |= (word - _ONES) & ~word
            if odd & _HIGHS:
                edge = p + 8
                while p < edge and _KIND[p[0]] & _VALUE:
                    p += 1
                if p < edge:
                    return p
            else:
                p += 8
        while _KIND[p[0]] & _VALUE:
            p += 1
        return p

    def _same(p: Any, lower: Any, n: Any) -> Any:
        # For tokens: of their characters only letters differ from a lower-case letter by 0x20.
        i = 0
        while i < n and (p[i] | 0x20) == lower[i]:
            i += 1
        return i == n

    def _left(p: Any, end: Any) -> Any:
        while p < end and (p[0] == 0x20 or p[0] == 0x09):
            p += 1
        return p

    def _right(p: Any, end: Any) -> Any:
        while p < end and (end[-1] == 0x20 or end[-1] == 0x09):
            end -= 1
        return end

    def _latin(p: Any, end: Any) -> Any:
        # the text of a field value, given with the space around it
        p = _left(p, end)
        end = _right(p, end)
        return PyUnicode_DecodeLatin1(cython.cast(cython.p_char, p), end - p, cython.NULL)

    def _options_c(p: Any, end: Any) -> Any:
        bits = 0
        while p < end:
            while p < end and (p[0] == 0x20 or p[0] == 0x09 or p[0] == 0x2C):
                p += 1
            token = p
            while p < end and p[0] != 0x2C:
                p += 1
            n = _right(token, p) - token
            if n == 5:
                if _same(token, b"close", 5):
                    bits |= _CLOSE
            elif n == 7:
                if _same(token, b"upgrade", 7):
                    bits |= _UPGRADE
            elif n == 10:
                if _same(token, b"keep-alive", 10):
                    bits |= _KEEP_ALIVE
            elif n == 12:
                if _same(token, b"100-continue", 12):
                    bits |= _CONTINUE
        return bits

    def _authority_c(p: Any, end: Any) -> Any:
        form = _PLAIN
        start = p
        if p < end and p[0] == 0x5B:
            p += 1
            while p < end and (_KIND[p[0]] & _HEX or p[0] == 0x3A or p[0] == 0x2E):
                p += 1
            if p - start < 2 or p == end or p[0] != 0x5D:
                return 0
            p += 1
        else:
            while p < end:
                if _KIND[p[0]] & _HOST:
                    p += 1
                elif p[0] == 0x25 and end - p >= 3 and _KIND[p[1]] & _HEX and _KIND[p[2]] & _HEX:
                    p += 3
                else:
                    break
            if p == start:
                form |= _NO_HOST
        if p == end:
            return form | _NO_PORT
        if p[0] != 0x3A or end - p > 6:
            return 0
        p += 1
        if p == end:
            return form | _NO_PORT
        while p < end:
            if not _KIND[p[0]] & _DIGIT:
                return 0
            p += 1
        return form

    def _length_c(p: Any, end: Any) -> Any:
        if p == end or end - p > 18:
            return -1
        length = 0
        while p < end:
            if not _KIND[p[0]] & _DIGIT:
                return -1
            length = length * 10 + (p[0] - 0x30)
            p += 1
        return length


_host = rb"[-._~!$&'()*+,;=0-9a-z]|%[0-9a-f]{2}"
_AUTHORITY = re.compile(rb"(\[[0-9a-f:.]+\]|(?:" + _host + rb")*)(?::([0-9]{0,5}))?", re.IGNORECASE)
_HTTP_URI = re.compile(rb"https?://([^/?]*)", re.IGNORECASE)
_BAD_ESCAPE = re.compile(rb"%(?:00|(?![0-9A-Fa-f]{2}))")
_token = b"[" + re.escape(_TOKEN_CHARS) + b"]++"
_HEAD = re.compile(
    b"(" + _token + rb") ([!\"$-~]++) HTTP/([0-9])\.([0-9])\r\n"
    rb"(?:" + _token + rb":[\t -~\x80-\xff]*+\r\n)*+\r\n"
)
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_VERSIONS = re.compile(rb"HTTP/[0-9]\.[0-9]")
# in the lower-cased head
_TELLING = re.compile(
    rb"\n(host|connection|content-length|transfer-encoding|expect|upgrade|range"
    rb"|if-(?:none-)?match|if-(?:un)?modified-since|if-range):[\t ]*([^\r]*)"
)
_OPTIONS = {
    b"close": _CLOSE,
    b"keep-alive": _KEEP_ALIVE,
    b"upgrade": _UPGRADE,
    b"100-continue": _CONTINUE,
}


@lru_cache(256)  # peers name the same few hosts again and again
def _authority(text: bytes) -> int:
    m = _AUTHORITY.fullmatch(text)
    if m is None:
        return 0
    return _PLAIN | (0 if m[1] else _NO_HOST) | (0 if m[2] else _NO_PORT)


def _options(value: bytes) -> int:
    bits = 0
    for member in value.split(b","):
        bits |= _OPTIONS.get(member.strip(b"\t "), 0)
    return bits


def _split_target(method: bytes, target: bytes) -> tuple[int, int, int]:
    """Start and end of the path, violation (RFC 9112 section 3.2)."""
    path = 0
    if method == b"CONNECT":
        return 0, 0, 0 if _authority(target) == _PLAIN else _TARGET_FORM
    if target[0] == 0x2F:
        pass
    elif target == b"*":
        if method != b"OPTIONS":
            return 0, 0, _TARGET_FORM
    else:
        m = _HTTP_URI.match(target)
        form = _authority(m[1]) if m else 0
        if m is None or form == 0 or form & _NO_HOST:
            return 0, 0, _TARGET_FORM
        path = m.end()
    end = target.find(b"?", path)
    if end < 0:
        end = len(target)
    escaped = _BAD_ESCAPE.search(target, path, end) if b"%" in target else None
    return path, end, _ESCAPE if escaped else 0


def _coding_fault(value: bytes, after_chunked: bool) -> int:
    """Why a lower-case Transfer-Encoding value is refused: only "chunked" alone is understood."""
    codings = [coding.strip(b"\t ") for coding in value.split(b",")]
    if after_chunked or b"chunked" in codings[:-1]:
        return _CHUNKED_NOT_FINAL
    return _CODING_UNKNOWN


def _diagnose(head: bytes) -> int:
    """The first violation of the grammar in a head that is known to have one."""
    lines = head.split(b"\n")
    lines.pop()
    for number, line in enumerate(lines, 1):
        if line[-1:] != b"\r":
            return _BARE_LF
        line = line[:-1]
        if b"\r" in line:
            return _BARE_CR
        if number == 1:
            fault = _request_line_fault(line)
        elif line:
            fault = _field_line_fault(line)
        else:
            break
        if fault:
            return fault
    return _INCOMPLETE


def _request_line_fault(line: bytes) -> int:
    parts = line.split(b" ")
    if len(parts) != 3:
        return _REQUEST_LINE
    method, target, version = parts
    if not method or method.translate(None, _TOKEN_CHARS):
        return _METHOD
    if not target or target.translate(None, _TARGET_CHARS):
        return _TARGET_CHAR
    if not _VERSIONS.fullmatch(version):
        return _VERSION_SYNTAX
    return 0


def _field_line_fault(line: bytes) -> int:
    if line[0] in b"\t ":
        return _FOLDED
    name, colon, value = line.partition(b":")
    if not colon:
        return _NO_COLON
    if not name:
        return _EMPTY_NAME
    if name[-1] in b"\t ":
        return _SPACE_BEFORE_COLON
    if name.translate(None, _TOKEN_CHARS):
        return _NAME_CHAR
    if value.translate(None, _VALUE_CHARS):
        return _VALUE_CHAR
    return 0


def find_end(buf: bytearray, start: int, searched: int) -> int:
    """The offset just behind the empty line that ends the head at `start`, or -1 when it is not
    there yet.

    `searched`: the length of `buf` when the previous call for this head returned -1, or `start`.
    Lines that end with LF alone count too: their sender gets its answer from `Head.parse`
    instead of waiting for an end that it believes to have sent.
    """
    at = max(start, searched - 2, 0)
    if cython.compiled:
        size = len(buf)  # refuses None, which the macro would not
        base = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(buf))
        last = base + size
        p = base + at
        found: int = -1
        while found < 0 and p < last:
            p = cython.cast(cython.p_uchar, memchr(p, 0x0A, last - p))
            if p == cython.NULL:
                break
            p += 1
            if p < last and p[0] == 0x0A:
                found = p - base + 1
            elif last - p > 1 and p[0] == 0x0D and p[1] == 0x0A:
                found = p - base + 2
        return found
    m = _EMPTY_LINE.search(buf, at)
    return m.end() if m else -1


def skip_blank(buf: bytearray, start: int) -> int:
    """`start`, or the offset behind one CRLF there: a server passes over an empty line before a
    request line (RFC 9112 section 2.2)."""
    if 0 <= start <= len(buf) - 2 and buf[start] == 0x0D and buf[start + 1] == 0x0A:
        return start + 2
    return start


class Head:
    """One request head. Empty until `parse` has returned 0.

    raw: the request line and field lines as received, each with its CRLF.
    method_end, target_start, target_end, path_start, path_end, fields_start: offsets into `raw`.
    minor: 0 for HTTP/1.0, 1 for HTTP/1.1 and anything later in 1.
    count: number of field lines.
    content_length: -1 when absent.
    chunked: the body has the transfer coding chunked.
    keep_alive: the connection persists after this exchange (RFC 9112 section 9.3).
    expect_continue: the client waits for 100 (Continue).
    upgrade: there is an Upgrade field to act on (RFC 9110 section 7.8).
    conditional: there is a Range or If-* field: without it a file server looks no further.
    """

    __slots__ = (
        "_headers",
        "chunked",
        "conditional",
        "content_length",
        "count",
        "expect_continue",
        "fields_start",
        "keep_alive",
        "method_end",
        "minor",
        "path_end",
        "path_start",
        "raw",
        "target_end",
        "target_start",
        "upgrade",
    )

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.raw = b""
        self.method_end = self.target_start = self.target_end = self.fields_start = 0
        self.path_start = self.path_end = self.minor = self.count = 0
        self.content_length = -1
        self.chunked = self.keep_alive = self.expect_continue = False
        self.upgrade = self.conditional = False
        self._headers: list[tuple[str, str]] | None = None

    def parse(self, buf: bytearray, start: int, end: int, max_fields: int) -> int:
        """Check and take the head at buf[start:end], `end` being what `find_end` returned.

        Returns 0, or the number of a violation; the head is then empty. No bytes make it raise.
        """
        self._clear()
        if start < 0 or end > len(buf) or end - start < 4:
            return _INCOMPLETE
        if cython.compiled:
            base = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(buf)) + start
            fault: int = self._scan(base, base + (end - start), max_fields)
            if fault == 0:
                self.raw = PyBytes_FromStringAndSize(
                    cython.cast(cython.p_char, base), end - start - 2
                )
                return 0
            if fault == _SYNTAX:
                fault = _diagnose(bytes(buf[start:end]))
        else:
            head = bytes(buf[start:end])
            fault = self._match(head, max_fields)
            if fault == 0:
                self.raw = head[:-2]
                return 0
            if fault == _SYNTAX:
                fault = _diagnose(head)
        self._clear()
        return fault

    if cython.compiled:

        def _scan(self, base: Any, last: Any, max_fields: Any) -> Any:
            kind = _KIND
            if memcmp(last - 4, b"\r\n\r\n", 4) != 0:
                return _SYNTAX
            p = base
            while kind[p[0]] & _TOKEN:
                p += 1
            if p == base or p[0] != 0x20:
                return _SYNTAX
            self.method_end = p - base
            p += 1
            value = p
            while kind[p[0]] & _TARGET:
                p += 1
            if p == value or p[0] != 0x20:
                return _SYNTAX
            self.target_start = value - base
            self.target_end = p - base
            p += 1
            if (
                last - p < 12
                or memcmp(p, b"HTTP/", 5) != 0
                or not kind[p[5]] & _DIGIT
                or p[6] != 0x2E
                or not kind[p[7]] & _DIGIT
                or p[8] != 0x0D
                or p[9] != 0x0A
            ):
                return _SYNTAX
            self.minor = p[7] != 0x30
            fault = self._target_fault(base)
            if p[5] != 0x31:
                fault = _VERSION
            p += 10
            self.fields_start = p - base

            hosts = codings = options = count = error = 0
            last -= 2
            while p < last:
                name = p
                while kind[p[0]] & _TOKEN:
                    p += 1
                n = p - name
                if n == 0 or p[0] != 0x3A:
                    return _SYNTAX
                p += 1
                value = p
                p = _value_end(p, last)
                if p[0] != 0x0D or p[1] != 0x0A:
                    return _SYNTAX
                tail = p
                p += 2
                count += 1
                if n == 4:
                    if _same(name, b"host", 4):
                        hosts += 1
                        if hosts > 1:
                            error = _HOST_REPEATED
                        else:
                            value = _left(value, tail)
                            if not _authority_c(value, _right(value, tail)):
                                error = _HOST_SYNTAX
                elif n == 5:
                    if _same(name, b"range", 5):
                        self.conditional = True
                elif n == 6:
                    if _same(name, b"expect", 6):
                        options |= _options_c(value, tail) & _CONTINUE
                elif n == 7:
                    if _same(name, b"upgrade", 7):
                        self.upgrade = True
                elif n == 8:
                    if _same(name, b"if-match", 8) or _same(name, b"if-range", 8):
                        self.conditional = True
                elif n == 10:
                    if _same(name, b"connection", 10):
                        options |= _options_c(value, tail) & ~_CONTINUE
                elif n == 13:
                    if _same(name, b"if-none-match", 13):
                        self.conditional = True
                elif n == 14:
                    if _same(name, b"content-length", 14):
                        if self.content_length >= 0:
                            error = _LENGTH_REPEATED
                        else:
                            value = _left(value, tail)
                            self.content_length = _length_c(value, _right(value, tail))
                            if self.content_length < 0:
                                error = _LENGTH_SYNTAX
                elif n == 17:
                    if _same(name, b"transfer-encoding", 17):
                        codings += 1
                        value = _left(value, tail)
                        tail = _right(value, tail)
                        if codings == 1 and tail - value == 7 and _same(value, b"chunked", 7):
                            self.chunked = True
                        else:
                            error = _coding_fault(value[: tail - value].lower(), self.chunked)
                    elif _same(name, b"if-modified-since", 17):
                        self.conditional = True
                elif n == 19:
                    if _same(name, b"if-unmodified-since", 19):
                        self.conditional = True
                if error and not fault:
                    fault = error
            self.count = count
            if count > max_fields:
                return _TOO_MANY_FIELDS
            return fault or self._settle(hosts, codings, options)

        def _target_fault(self, base: Any) -> Any:
            target = base + self.target_start
            last = base + self.target_end
            self.path_start = self.path_end = self.target_start
            if self.method_end == 7 and memcmp(base, b"CONNECT", 7) == 0:
                return 0 if _authority_c(target, last) == _PLAIN else _TARGET_FORM
            p = target
            if last - p == 1 and p[0] == 0x2A:
                if self.method_end != 7 or memcmp(base, b"OPTIONS", 7) != 0:
                    return _TARGET_FORM
            elif p[0] != 0x2F:
                if last - p < 8 or not _same(p, b"http", 4):
                    return _TARGET_FORM
                p += 5 if p[4] | 0x20 == 0x73 else 4
                if memcmp(p, b"://", 3) != 0:
                    return _TARGET_FORM
                p += 3
                hit = p
                while p < last and p[0] != 0x2F and p[0] != 0x3F:
                    p += 1
                form = _authority_c(hit, p)
                if form == 0 or form & _NO_HOST:
                    return _TARGET_FORM
            self.path_start = p - base
            hit = cython.cast(cython.p_uchar, memchr(p, 0x3F, last - p))
            if hit != cython.NULL:
                last = hit
            self.path_end = last - base
            while True:
                hit = cython.cast(cython.p_uchar, memchr(p, 0x25, last - p))
                if hit == cython.NULL:
                    return 0
                p = hit + 1
                if (
                    last - p < 2
                    or not _KIND[p[0]] & _HEX
                    or not _KIND[p[1]] & _HEX
                    or (p[0] == 0x30 and p[1] == 0x30)
                ):
                    return _ESCAPE

    def _match(self, head: bytes, max_fields: int) -> int:
        m = _HEAD.fullmatch(head)
        if m is None:
            return _SYNTAX
        method, target, major, minor = m.groups()
        path, path_end, fault = _split_target(method, target)
        if major != b"1":
            fault = _VERSION
        self.method_end = len(method)
        self.target_start = at = len(method) + 1
        self.target_end = at + len(target)
        self.path_start, self.path_end = at + path, at + path_end
        self.fields_start = fields_start = m.end(4) + 2
        self.minor = 0 if minor == b"0" else 1

        hosts = codings = options = error = 0
        for name, value in _TELLING.findall(head.lower(), fields_start - 1):
            value = value.rstrip(b"\t ")
            if name == b"host":
                hosts += 1
                if hosts > 1:
                    error = _HOST_REPEATED
                elif not _authority(value):
                    error = _HOST_SYNTAX
            elif name == b"connection":
                options |= _options(value) & ~_CONTINUE
            elif name == b"content-length":
                if self.content_length >= 0:
                    error = _LENGTH_REPEATED
                elif value.isdigit() and len(value) <= 18:
                    self.content_length = int(value)
                else:
                    error = _LENGTH_SYNTAX
            elif name == b"transfer-encoding":
                codings += 1
                if codings == 1 and value == b"chunked":
                    self.chunked = True
                else:
                    error = _coding_fault(value, self.chunked)
            elif name == b"expect":
                options |= _options(value) & _CONTINUE
            elif name == b"upgrade":
                self.upgrade = True
            else:
                self.conditional = True
            fault = fault or error
        self.count = head.count(b"\n") - 2
        if self.count > max_fields:
            return _TOO_MANY_FIELDS
        return fault or self._settle(hosts, codings, options)

    def _settle(self, hosts: int, codings: int, options: int) -> int:
        if self.minor == 0:
            # 1.0 has no transfer codings, no 100 (Continue) and no Upgrade
            if codings:
                return _CODING_IN_1_0
            self.keep_alive = (options & (_KEEP_ALIVE | _CLOSE)) == _KEEP_ALIVE
            self.upgrade = False
            return 0
        if not hosts:
            return _HOST_MISSING
        if codings and self.content_length >= 0:
            return _LENGTH_AND_CODING
        self.keep_alive = (options & _CLOSE) == 0
        self.expect_continue = (options & _CONTINUE) != 0
        self.upgrade = self.upgrade and (options & _UPGRADE) != 0
        return 0

    @property
    def method(self) -> str:
        """The method, case-sensitive."""
        name = self.raw[: self.method_end]
        return _METHODS.get(name) or name.decode("ascii")

    @property
    def target(self) -> str:
        """The request target as received: visible ASCII."""
        return self._text(self.target_start, self.target_end)

    @property
    def path(self) -> str:
        """The path of the target, percent-decoded as UTF-8.

        Bytes that are not UTF-8 become lone surrogates (PEP 383), so that `os.fsencode` gives them
        back and no two paths become one. It never contains NUL; it may contain ".." and "//".
        "*" for OPTIONS *, "" for CONNECT.
        """
        start, end = self.path_start, self.path_end
        if start == end:  # http://host has the path "/"
            return "/" if start > self.target_start else ""
        text = self._text(start, end)
        if "%" not in text:
            return text
        first, *rest = text.split("%")
        parts = [first.encode()]
        for part in rest:
            parts.append(bytes.fromhex(part[:2]))
            parts.append(part[2:].encode())
        return b"".join(parts).decode("utf-8", "surrogateescape")

    @property
    def query(self) -> str:
        """What follows the first "?" of the target, not decoded; "" when there is none."""
        if self.path_end == self.path_start == self.target_start:  # CONNECT
            return ""
        return self._text(self.path_end + 1, self.target_end)

    @property
    def host(self) -> str:
        """Host and optional port the request is for: from the target when it names one, which then
        overrides the Host field (RFC 9112 section 3.2.2). "" when HTTP/1.0 names none."""
        if self.path_start > self.target_start:
            return self._text(self.target_start, self.path_start).partition("://")[2]
        if self.path_start == self.path_end:
            return self.target
        return self.header("host") or ""

    @property
    def version(self) -> str:
        """The version to answer for: "HTTP/1.1" or "HTTP/1.0"."""
        return "HTTP/1.1" if self.minor else "HTTP/1.0"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All fields in order, names as received, values as Latin-1 without surrounding space.

        Made at the first use and kept: do not change it."""
        if self._headers is None:
            self._headers = self._fields()
        return self._headers

    def header(self, name: str, default: str | None = None) -> str | None:
        """Value of the first field called `name`, in any case, or `default`."""
        values = self._values(name, True)
        return values[0] if values else default

    def header_all(self, name: str) -> list[str]:
        """Values of all fields called `name`, in any case, in order."""
        return self._values(name, False)

    def _text(self, start: int, end: int) -> str:
        if cython.compiled:
            if start >= end or end > len(self.raw):
                return ""
            base = PyBytes_AS_STRING(self.raw)
            text: str = PyUnicode_DecodeLatin1(base + start, end - start, cython.NULL)
            return text
        return self.raw[start:end].decode("ascii")

    def _fields(self) -> list[tuple[str, str]]:
        fields: list[tuple[str, str]] = []
        if cython.compiled:
            base = cython.cast(cython.p_uchar, PyBytes_AS_STRING(self.raw))
            last = base + len(self.raw)
            p = base + self.fields_start
            while p < last:
                name = p
                while p[0] != 0x3A:
                    p += 1
                tail = p
                p = _value_end(p, last)
                fields.append((_latin(name, tail), _latin(tail + 1, p)))
                p += 2
            return fields
        for line in self.raw[self.fields_start : -2].decode("latin-1").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                fields.append((name, value.strip("\t ")))
        return fields

    def _values(self, name: str, first: bool) -> list[str]:
        values: list[str] = []
        if not len(name) or not name.isascii():  # len() refuses None, isascii() in C does not
            return values
        wanted = name.encode().lower()
        if cython.compiled:
            want = cython.cast(cython.p_uchar, PyBytes_AS_STRING(wanted))
            n = len(wanted)
            base = cython.cast(cython.p_uchar, PyBytes_AS_STRING(self.raw))
            last = base + len(self.raw)
            p = base + self.fields_start
            while p < last:
                value = p + n + 1
                tail = _value_end(p, last)
                if value <= tail and p[n] == 0x3A:
                    i = 0
                    while i < n and _LOWER[p[i]] == want[i] and want[i] != 0x3A:
                        i += 1
                    if i == n:
                        values.append(_latin(value, tail))
                        if first:
                            break
                p = tail + 2
            return values
        if b":" in wanted:
            return values
        lower = self.raw.lower()
        wanted = b"\n" + wanted + b":"
        at = lower.find(wanted, self.fields_start - 1)
        while at >= 0:
            at += len(wanted)
            end = lower.find(b"\r", at)
            values.append(self.raw[at:end].decode("latin-1").strip("\t "))
            if first:
                break
            at = lower.find(wanted, end)
        return values
