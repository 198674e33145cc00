"""The head of a CGI script's output (RFC 3875 section 6).

Lines end with LF or CRLF, and an empty one ends the head. It is read strictly: what is not a field,
a field of CGI that comes twice or makes no sense, and a head without any of them are faults of the
script. Fields about the connection are the server's affair and are left out.
"""

from __future__ import annotations

import re

__all__ = ["HeadReader", "ScriptError"]

#: Bytes of a head.
HEAD_LIMIT = 1 << 14
#: Fields of a head.
MAX_FIELDS = 100

_END = re.compile(rb"\n\r?\n")
_FIELD = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*+"
    rb"((?:[!-~\x80-\xff]|[ \t]++(?=[!-~\x80-\xff]))*+)[ \t]*+"
)
_STATUS = re.compile(r"([2-5][0-9]{2})(?: .*)?")
_LOCATION = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|/)[!-~]*")
#: Those that CGI gives a meaning, of which there may be one each.
_ONCE = frozenset({"status", "location", "content-type", "content-length"})
_OURS = frozenset(
    {"connection", "date", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade", "status", "content-length"}
)  # fmt: skip


class ScriptError(ValueError):
    """What a script has put out is no response."""


class HeadReader:
    """Takes output as it comes, until the head is there.

    Then ``status`` and ``fields`` are what is to be answered, ``length`` is that of the body, if
    the script has said it, and ``rest`` is what came behind the head.
    """

    __slots__ = ("_at", "_buf", "fields", "length", "rest", "status")

    def __init__(self) -> None:
        self._buf = bytearray()
        self._at = 0
        self.status = 200
        self.fields: list[tuple[str, str]] = []
        self.length: int | None = None
        self.rest = b""

    def feed(self, data: bytes) -> bool:
        """Whether the head is there now. Raises ScriptError when it can never be."""
        buf = self._buf
        buf += data
        if buf.startswith((b"\n", b"\r\n")):
            raise ScriptError("its output has no head")
        m = _END.search(buf, self._at, HEAD_LIMIT + 2)
        if m is None:
            if len(buf) > HEAD_LIMIT:
                raise ScriptError(f"the head of its output is over {HEAD_LIMIT} bytes")
            self._at = max(len(buf) - 2, 0)
            return False
        self.rest = bytes(buf[m.end() :])
        self._parse(bytes(buf[: m.start()]))
        return True

    def _parse(self, head: bytes) -> None:
        lines = head.split(b"\n", MAX_FIELDS)
        if len(lines) > MAX_FIELDS:
            raise ScriptError(f"the head of its output has over {MAX_FIELDS} fields")
        said: dict[str, str] = {}
        for line in lines:
            m = _FIELD.fullmatch(line.removesuffix(b"\r"))
            if m is None:
                raise ScriptError(f"no header field: {line[:80]!r}")
            name, value = m[1].decode(), m[2].decode("latin-1")
            lower = name.lower()
            if lower in _ONCE:
                if lower in said:
                    raise ScriptError(f"{name} comes twice")
                said[lower] = value
            if lower not in _OURS:
                self.fields.append((name, value))
        if not said.keys() & {"status", "location", "content-type"}:
            raise ScriptError("its output has none of Content-Type, Location and Status")
        self._understand(said)

    def _understand(self, said: dict[str, str]) -> None:
        location = said.get("location")
        if location is not None:
            if not _LOCATION.fullmatch(location):
                raise ScriptError(f"Location is neither a URL nor a path: {location[:80]!r}")
            self.status = 302
        if "status" in said:
            m = _STATUS.fullmatch(said["status"])
            if m is None:
                raise ScriptError(f"not the status of a response: {said['status'][:80]!r}")
            self.status = int(m[1])
        length = said.get("content-length")
        if length is not None:
            if not (length.isascii() and length.isdigit() and len(length) <= 18):
                raise ScriptError(f"not the length of a body: {length[:80]!r}")
            self.length = int(length)
