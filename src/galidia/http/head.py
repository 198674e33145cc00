"""A head: its texts, made when they are asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython
if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING
    from cython.cimports.cpython.unicode import PyUnicode_DATA, PyUnicode_DecodeLatin1
    from cython.cimports.galidia.http.outline import left, right, value_end

from .outline import Outline

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
    _FOLD = bytes(range(256)).lower()
    _LOWER = _FOLD

    def _latin(p: Any, end: Any) -> Any:
        # the text of a field value, given with the space around it
        p = left(p, end)
        end = right(p, end)
        return PyUnicode_DecodeLatin1(cython.cast(cython.p_char, p), end - p, cython.NULL)


class Head(Outline):
    """The head of a request or of a reply. Empty until `parse` or `parse_reply` has returned 0.

    A request has no `status` and no `reason`; a reply has no `method`, `target`, `path`, `query`
    and `host`: these are then 0 and "".
    """

    __slots__ = ("_headers",)

    def _clear(self) -> None:
        Outline._clear(self)
        self._headers: list[tuple[str, str]] | None = None

    @property
    def method(self) -> str:
        """The method, case-sensitive."""
        if self.method_end == 3 and self.raw.startswith(b"GET"):  # nearly all are
            return "GET"
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
    def reason(self) -> str:
        """What the status line of a reply says behind the code, as Latin-1; it means nothing."""
        return self._text(self.reason_start, self.reason_end)

    @property
    def version(self) -> str:
        """The version to go by: "HTTP/1.1", also for what is later in 1, or "HTTP/1.0"."""
        return "HTTP/1.1" if self.minor else "HTTP/1.0"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All fields in order, names as received, values as Latin-1 without surrounding space.

        Made at the first use and kept: do not change it."""
        if self._headers is None:
            self._headers = _fields_of(self.raw, self.fields_start)
        return self._headers

    def header(self, name: str, default: str | None = None) -> str | None:
        """Value of the first field called `name`, in any case, or `default`."""
        values = _values_of(self.raw, self.fields_start, name, True)
        return values[0] if values else default

    def header_all(self, name: str) -> list[str]:
        """Values of all fields called `name`, in any case, in order."""
        return _values_of(self.raw, self.fields_start, name, False)

    def _text(self, start: int, end: int) -> str:
        if cython.compiled:
            if start >= end or end > len(self.raw):
                return ""
            base = PyBytes_AS_STRING(self.raw)
            text: str = PyUnicode_DecodeLatin1(base + start, end - start, cython.NULL)
            return text
        return self.raw[start:end].decode("latin-1")


def _fields_of(raw: bytes, start: int) -> list[tuple[str, str]]:
    """Names and values of the field lines at raw[start:], which are known to be good."""
    fields: list[tuple[str, str]] = []
    if cython.compiled:
        base = cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw))
        last = base + len(raw)
        p = base + start
        while p < last:
            name = p
            while p[0] != 0x3A:
                p += 1
            tail = p
            p = value_end(p, last)
            fields.append((_latin(name, tail), _latin(tail + 1, p)))
            p += 2
        return fields
    for line in raw[start:-2].decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            fields.append((name, value.strip("\t ")))
    return fields


def _values_of(raw: bytes, start: int, name: str, first: bool) -> list[str]:
    """Values of the fields called ``name``, in any case, or of the first one only."""
    values: list[str] = []
    if not len(name) or not name.isascii():  # len() refuses None, isascii() in C does not
        return values
    if cython.compiled:
        want = cython.cast(cython.p_uchar, PyUnicode_DATA(name))
        n = len(name)
        base = cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw))
        last = base + len(raw)
        p = base + start
        while p < last:
            value = p + n + 1
            tail = value_end(p, last)
            if value <= tail and p[n] == 0x3A:
                i = 0
                while i < n and _LOWER[p[i]] == _LOWER[want[i]] and want[i] != 0x3A:
                    i += 1
                if i == n:
                    values.append(_latin(value, tail))
                    if first:
                        break
            p = tail + 2
        return values
    if ":" in name:
        return values
    lower = raw.lower()
    wanted = f"\n{name.lower()}:".encode()
    at = lower.find(wanted, start - 1)
    while at >= 0:
        at += len(wanted)
        end = lower.find(b"\r", at)
        values.append(raw[at:end].decode("latin-1").strip("\t "))
        if first:
            break
        at = lower.find(wanted, end)
    return values
