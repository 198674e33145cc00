"""The outline of a head: found, checked whole, its parts located (RFC 9112, 2 to 6).

Sans-IO. `find_end` says where a head ends; `Outline.parse` for a request and `Outline.parse_reply`
for a reply check all of it in one pass and pick out what decides about framing and connection.
Where the RFC lets a recipient choose between repairing and refusing, this refuses.

A violation is a number, an index into `VIOLATIONS`; 0 means good. With several in one head the
order is: syntax from first byte to last, too many fields, first line, fields one by one, and what
concerns them together.
"""

from re import Pattern
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython
if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
    from cython.cimports.galidia.http.grammar import DIGIT, KIND, TARGET, TOKEN, VALUE
    from cython.cimports.galidia.http.target import authority_at, target_at
    from cython.cimports.libc.string import memchr, memcmp, memcpy

from . import violations as v
from .grammar import EMPTY_LINE, HEAD, REPLY_HEAD, TELLING, TELLING_REPLY
from .target import authority, split_target

# Connection and Expect members that matter, as bits
CLOSE = 1
KEEP_ALIVE = 2
UPGRADE = 4
CONTINUE = 8
# Range and the fields of conditions, as bits
RANGE = 1
IF_RANGE = 2
IF_MATCH = 4
IF_NONE_MATCH = 8
IF_MODIFIED_SINCE = 16
IF_UNMODIFIED_SINCE = 32
_ANY = 1 << 62  # any length
_CONDITIONS = {
    b"range": RANGE,
    b"if-range": IF_RANGE,
    b"if-match": IF_MATCH,
    b"if-none-match": IF_NONE_MATCH,
    b"if-modified-since": IF_MODIFIED_SINCE,
    b"if-unmodified-since": IF_UNMODIFIED_SINCE,
}
_OPTIONS = {
    b"close": CLOSE,
    b"keep-alive": KEEP_ALIVE,
    b"upgrade": UPGRADE,
    b"100-continue": CONTINUE,
}

if cython.compiled:
    # What is scanned ends with LF, which has no class: every scan stops there.
    _KIND = KIND  # statics of this module: quicker than those of another
    _TOKEN = TOKEN
    _TARGET = TARGET
    _VALUE = VALUE
    _DIGIT = DIGIT
    _ONES = 0x0101010101010101
    _SPACES = 0x2020202020202020
    _DELS = 0x7F7F7F7F7F7F7F7F
    _HIGHS = 0x8080808080808080

    def value_end(p: Any, last: Any) -> Any:
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

    def same(p: Any, lower: Any, n: Any) -> Any:
        # For tokens: of their characters only letters differ from a lower-case letter by 0x20.
        i = 0
        while i < n and (p[i] | 0x20) == lower[i]:
            i += 1
        return i == n

    def left(p: Any, end: Any) -> Any:
        while p < end and (p[0] == 0x20 or p[0] == 0x09):
            p += 1
        return p

    def right(p: Any, end: Any) -> Any:
        while p < end and (end[-1] == 0x20 or end[-1] == 0x09):
            end -= 1
        return end

    def options_at(p: Any, end: Any) -> Any:
        bits = 0
        while p < end:
            while p < end and (p[0] == 0x20 or p[0] == 0x09 or p[0] == 0x2C):
                p += 1
            token = p
            while p < end and p[0] != 0x2C:
                p += 1
            n = right(token, p) - token
            if n == 5:
                if same(token, b"close", 5):
                    bits |= CLOSE
            elif n == 7:
                if same(token, b"upgrade", 7):
                    bits |= UPGRADE
            elif n == 10:
                if same(token, b"keep-alive", 10):
                    bits |= KEEP_ALIVE
            elif n == 12:
                if same(token, b"100-continue", 12):
                    bits |= CONTINUE
        return bits

    def length_at(p: Any, end: Any) -> Any:
        if p == end or end - p > 18:
            return -1
        length = 0
        while p < end:
            if not _KIND[p[0]] & _DIGIT:
                return -1
            length = length * 10 + (p[0] - 0x30)
            p += 1
        return length


def options_of(value: bytes) -> int:
    bits = 0
    for member in value.split(b","):
        bits |= _OPTIONS.get(member.strip(b"\t "), 0)
    return bits


def _coding_fault(value: bytes, after_chunked: bool) -> int:
    """Why a lower-case Transfer-Encoding value is refused: only "chunked" alone is understood."""
    codings = [coding.strip(b"\t ") for coding in value.split(b",")]
    if after_chunked or b"chunked" in codings[:-1]:
        return v.CHUNKED_NOT_FINAL
    return v.CODING_UNKNOWN


def find_end(buf: bytearray, start: int, searched: int) -> int:
    """The offset just behind the empty line that ends the head at `start`, or -1 when it is not
    there yet.

    `searched`: the length of `buf` when the previous call for this head returned -1, or `start`.
    Lines that end with LF alone count too: their sender gets its answer from `Head.parse`
    instead of waiting for an end that it believes to have sent.
    """
    at = searched - 2
    if at < start:
        at = start
    if cython.compiled:
        if at < 0:
            at = 0
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
    m = EMPTY_LINE.search(buf, at)
    return m.end() if m else -1


def skip_blank(buf: bytearray, start: int) -> int:
    """`start`, or the offset behind one CRLF there: a server passes over an empty line before a
    request line (RFC 9112 section 2.2)."""
    if 0 <= start <= len(buf) - 2 and buf[start] == 0x0D and buf[start + 1] == 0x0A:
        return start + 2
    return start


class Outline:
    """What a head is made of. Empty until `parse` or `parse_reply` has returned 0.

    raw: the first line and the field lines as received, each with its CRLF.
    fields_start: offset of the first field line in `raw`.
    method_end, target_start, target_end, path_start, path_end: of a request, offsets into `raw`.
    status: of a reply, 100 to 999; 0 for a request.
    reason_start, reason_end: of a reply, offsets into `raw`; equal when it gives no reason.
    minor: 0 for HTTP/1.0, 1 for HTTP/1.1 and anything later in 1.
    count: number of field lines.
    content_length: -1 when absent.
    chunked: the body has the transfer coding chunked.
    keep_alive: the connection persists after this exchange (RFC 9112 section 9.3); for a reply, as
        long as its body has an end of its own.
    expect_continue: the client waits for 100 (Continue).
    upgrade: there is an Upgrade field to act on (RFC 9110 section 7.8).
    conditions: the Range and If-* fields that a request has, as bits, and
    accept_encoding: it has that field: without them a file server looks no further.
    """

    __slots__ = (
        "accept_encoding",
        "chunked",
        "conditions",
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
        "reason_end",
        "reason_start",
        "status",
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
        self.status = self.reason_start = self.reason_end = 0
        self.content_length = -1
        self.chunked = self.keep_alive = self.expect_continue = False
        self.upgrade = self.accept_encoding = False
        self.conditions = 0

    def parse(
        self, buf: bytearray, start: int, end: int, max_fields: int, max_target: int = _ANY
    ) -> int:
        """Check and take the head of a request at buf[start:end], `end` being what `find_end`
        returned; its target may have `max_target` bytes.

        Returns 0, or the number of a violation; the head is then empty. No bytes make it raise.
        """
        self._clear()
        if start < 0 or end > len(buf) or end - start < 4:
            return v.INCOMPLETE
        if cython.compiled:
            base = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(buf)) + start
            fault: int = self._scan(base, base + (end - start), max_fields, max_target, False)
            if fault == 0:
                self.raw = PyBytes_FromStringAndSize(
                    cython.cast(cython.p_char, base), end - start - 2
                )
                return 0
        else:
            head = bytes(buf[start:end])
            fault = self._match(head, max_fields, max_target)
            if fault == 0:
                self.raw = head[:-2]
                return 0
        self._clear()
        return v.diagnose(bytes(buf[start:end]), False) if fault == v.SYNTAX else fault

    def parse_reply(self, buf: bytearray, start: int, end: int, max_fields: int) -> int:
        """As `parse`, for the head of a reply (RFC 9112 section 4).

        The space behind the status code may be missing when no reason is given: servers exist
        that send it so, and nothing else could be meant.
        """
        self._clear()
        if start < 0 or end > len(buf) or end - start < 4:
            return v.INCOMPLETE
        if cython.compiled:
            base = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(buf)) + start
            fault: int = self._scan(base, base + (end - start), max_fields, _ANY, True)
        else:
            fault = self._match_reply(bytes(buf[start:end]), max_fields)
        if fault == 0:
            self.raw = bytes(buf[start : end - 2])
            self.expect_continue = self.accept_encoding = False  # they mean nothing in a reply
            self.conditions = 0
            return 0
        self._clear()
        return v.diagnose(bytes(buf[start:end]), True) if fault == v.SYNTAX else fault

    if cython.compiled:

        def _scan(self, base: Any, last: Any, max_fields: Any, max_target: Any, reply: Any) -> Any:
            kind = _KIND
            if memcmp(last - 4, b"\r\n\r\n", 4) != 0:
                return v.SYNTAX
            fault = 0
            if reply:
                fault = self._scan_status_line(base, last)
                if fault == v.SYNTAX:
                    return v.SYNTAX
                p = base + self.fields_start
            else:
                p = base
                while kind[p[0]] & _TOKEN:
                    p += 1
                if p == base or p[0] != 0x20:
                    return v.SYNTAX
                self.method_end = p - base
                p += 1
                value = p
                while kind[p[0]] & _TARGET:
                    p += 1
                if p == value or p[0] != 0x20:
                    return v.SYNTAX
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
                    return v.SYNTAX
                self.minor = p[7] != 0x30
                fault = target_at(
                    base,
                    self.method_end,
                    self.target_start,
                    self.target_end,
                    cython.address(self.path_start),
                    cython.address(self.path_end),
                )
                if self.target_end - self.target_start > max_target:
                    fault = v.TARGET_TOO_LONG
                if p[5] != 0x31:
                    fault = v.VERSION
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
                    return v.SYNTAX
                p += 1
                value = p
                p = value_end(p, last)
                if p[0] != 0x0D or p[1] != 0x0A:
                    return v.SYNTAX
                tail = p
                p += 2
                count += 1
                if n == 4:
                    if same(name, b"host", 4) and self.status == 0:
                        hosts += 1
                        if hosts > 1:
                            error = v.HOST_REPEATED
                        else:
                            value = left(value, tail)
                            if not authority_at(value, right(value, tail)):
                                error = v.HOST_SYNTAX
                elif n == 5:
                    if same(name, b"range", 5):
                        self.conditions |= RANGE
                elif n == 6:
                    if same(name, b"expect", 6):
                        options |= options_at(value, tail) & CONTINUE
                elif n == 7:
                    if same(name, b"upgrade", 7):
                        self.upgrade = True
                elif n == 8:
                    if same(name, b"if-match", 8):
                        self.conditions |= IF_MATCH
                    elif same(name, b"if-range", 8):
                        self.conditions |= IF_RANGE
                elif n == 10:
                    if same(name, b"connection", 10):
                        options |= options_at(value, tail) & ~CONTINUE
                elif n == 13:
                    if same(name, b"if-none-match", 13):
                        self.conditions |= IF_NONE_MATCH
                elif n == 14:
                    if same(name, b"content-length", 14):
                        if self.content_length >= 0:
                            error = v.LENGTH_REPEATED
                        else:
                            value = left(value, tail)
                            self.content_length = length_at(value, right(value, tail))
                            if self.content_length < 0:
                                error = v.LENGTH_SYNTAX
                elif n == 15:
                    if same(name, b"accept-encoding", 15):
                        self.accept_encoding = True
                elif n == 17:
                    if same(name, b"transfer-encoding", 17):
                        codings += 1
                        value = left(value, tail)
                        tail = right(value, tail)
                        if codings == 1 and tail - value == 7 and same(value, b"chunked", 7):
                            self.chunked = True
                        else:
                            error = _coding_fault(value[: tail - value].lower(), self.chunked)
                    elif same(name, b"if-modified-since", 17):
                        self.conditions |= IF_MODIFIED_SINCE
                elif n == 19:
                    if same(name, b"if-unmodified-since", 19):
                        self.conditions |= IF_UNMODIFIED_SINCE
                if error and not fault:
                    fault = error
            self.count = count
            if count > max_fields:
                return v.TOO_MANY_FIELDS
            return fault or self._settle(hosts, codings, options)

        def _scan_status_line(self, p: Any, last: Any) -> Any:
            kind = _KIND
            base = p
            if (
                last - p < 16
                or memcmp(p, b"HTTP/", 5) != 0
                or not kind[p[5]] & _DIGIT
                or p[6] != 0x2E
                or not kind[p[7]] & _DIGIT
                or p[8] != 0x20
                or not kind[p[9]] & _DIGIT
                or p[9] == 0x30
                or not kind[p[10]] & _DIGIT
                or not kind[p[11]] & _DIGIT
            ):
                return v.SYNTAX
            self.minor = p[7] != 0x30
            self.status = (p[9] - 0x30) * 100 + (p[10] - 0x30) * 10 + (p[11] - 0x30)
            fault = v.VERSION if p[5] != 0x31 else 0
            p += 12
            self.reason_start = p - base
            if p[0] == 0x20:
                p += 1
                self.reason_start += 1
                p = value_end(p, last)
            self.reason_end = p - base
            if p[0] != 0x0D or p[1] != 0x0A:
                return v.SYNTAX
            self.fields_start = self.reason_end + 2
            return fault

    def _match(self, head: bytes, max_fields: int, max_target: int) -> int:
        m = HEAD.fullmatch(head)
        if m is None:
            return v.SYNTAX
        method, target, major, minor = m.groups()
        path, path_end, fault = split_target(method, target)
        if len(target) > max_target:
            fault = v.TARGET_TOO_LONG
        if major != b"1":
            fault = v.VERSION
        self.method_end = len(method)
        self.target_start = at = len(method) + 1
        self.target_end = at + len(target)
        self.path_start, self.path_end = at + path, at + path_end
        self.fields_start = m.end(4) + 2
        self.minor = 0 if minor == b"0" else 1
        return self._find(TELLING, head, max_fields, fault)

    def _match_reply(self, head: bytes, max_fields: int) -> int:
        m = REPLY_HEAD.fullmatch(head)
        if m is None:
            return v.SYNTAX
        major, minor, status, reason = m.groups()
        self.status = int(status)
        self.reason_start, self.reason_end = m.start(4) + len(reason[:1]), m.end(4)
        self.fields_start = m.end(4) + 2
        self.minor = 0 if minor == b"0" else 1
        return self._find(TELLING_REPLY, head, max_fields, v.VERSION if major != b"1" else 0)

    def _find(self, telling: Pattern[bytes], head: bytes, max_fields: int, fault: int) -> int:
        hosts = codings = options = error = 0
        for name, value in telling.findall(head.lower(), self.fields_start - 1):
            value = value.rstrip(b"\t ")
            if name == b"host":
                hosts += 1
                if hosts > 1:
                    error = v.HOST_REPEATED
                elif not authority(value):
                    error = v.HOST_SYNTAX
            elif name == b"accept-encoding":  # browsers send it always
                self.accept_encoding = True
            elif name == b"connection":
                options |= options_of(value) & ~CONTINUE
            elif name == b"content-length":
                if self.content_length >= 0:
                    error = v.LENGTH_REPEATED
                elif value.isdigit() and len(value) <= 18:
                    self.content_length = int(value)
                else:
                    error = v.LENGTH_SYNTAX
            elif name == b"transfer-encoding":
                codings += 1
                if codings == 1 and value == b"chunked":
                    self.chunked = True
                else:
                    error = _coding_fault(value, self.chunked)
            elif name == b"expect":
                options |= options_of(value) & CONTINUE
            elif name == b"upgrade":
                self.upgrade = True
            else:
                self.conditions |= _CONDITIONS[name]
            fault = fault or error
        self.count = head.count(b"\n") - 2
        if self.count > max_fields:
            return v.TOO_MANY_FIELDS
        return fault or self._settle(hosts, codings, options)

    def _settle(self, hosts: int, codings: int, options: int) -> int:
        if self.content_length > 0 and (self.status == 204 or 100 <= self.status < 200):
            return v.BODY_FORBIDDEN
        if self.minor == 0:
            # 1.0 has no transfer codings, no 100 (Continue) and no Upgrade
            if codings:
                return v.CODING_IN_1_0
            self.keep_alive = (options & (KEEP_ALIVE | CLOSE)) == KEEP_ALIVE
            self.upgrade = False
            return 0
        if not hosts and not self.status:
            return v.HOST_MISSING
        if codings and self.content_length >= 0:
            return v.LENGTH_AND_CODING
        if codings and (self.status == 204 or 100 <= self.status < 200):
            return v.BODY_FORBIDDEN
        self.keep_alive = (options & CLOSE) == 0
        self.expect_continue = (options & CONTINUE) != 0
        self.upgrade = self.upgrade and (options & UPGRADE) != 0
        return 0
