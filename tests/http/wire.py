"""Responses as bytes: read strictly, so that a malformed one is an error of the test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) ([ -~]*)")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([ -~\x80-\xff\t]*)")


@dataclass
class Response:
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The value of the only field of this name, or None."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None


def responses(data: bytes | bytearray, methods: Sequence[str] = ()) -> list[Response]:
    """All responses in ``data``; ``methods`` are those of the requests, as far as not GET."""
    found: list[Response] = []
    final = 0
    at = 0
    while at < len(data):
        method = methods[final] if final < len(methods) else "GET"
        response, at = _next(data, at, method)
        found.append(response)
        final += response.status >= 200
    return found


def response(data: bytes | bytearray, method: str = "GET") -> Response:
    """The only response in ``data``."""
    (only,) = responses(data, [method])
    return only


def complete(data: bytes | bytearray, methods: Sequence[str] = ()) -> bool:
    """Whether ``data`` ends with a response and not within one."""
    try:
        return bool(responses(data, methods))
    except EOFError:
        return False


def _next(data: bytes | bytearray, start: int, method: str) -> tuple[Response, int]:
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        raise EOFError("within a head")
    first, *lines = bytes(data[start:end]).split(b"\r\n")
    end += 4
    line = STATUS_LINE.fullmatch(first)
    assert line, f"bad status line {first!r}"
    fields = []
    for text in lines:
        parts = FIELD.fullmatch(text)
        assert parts, f"bad field line {text!r}"
        fields.append((parts[1].decode(), parts[2].decode("latin-1")))
    found = Response(int(line[1]), line[2].decode(), fields, b"")
    length = found.header("Content-Length")
    coding = found.header("Transfer-Encoding")
    if found.status < 200:
        assert (length, coding) == (None, None)
        return found, end
    assert found.header("Date") is not None
    if found.status in (204, 304):
        assert (length, coding) == (None, None)
        return found, end
    if method == "HEAD":
        return found, end
    if coding is not None:
        assert (length, coding) == (None, "chunked")
        return found, _chunks(data, end, found)
    if length is None:  # the connection's end is the body's
        assert found.header("Connection") == "close"
        found.body = bytes(data[end:])
        return found, len(data)
    assert length.isdigit()
    found.body = bytes(data[end : end + int(length)])
    if len(found.body) < int(length):
        raise EOFError("within a body")
    return found, end + int(length)


def _chunks(data: bytes | bytearray, at: int, found: Response) -> int:
    """Read a chunked body."""
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            raise EOFError("within a chunk's head")
        size = data[at:end]
        assert re.fullmatch(rb"0|[1-9a-f][0-9a-f]*", size), f"bad chunk size {bytes(size)!r}"
        at = end + 2
        if size == b"0":
            break
        n = int(size, 16)
        if len(data) < at + n + 2:
            raise EOFError("within a chunk")
        assert data[at + n : at + n + 2] == b"\r\n"
        found.body += data[at : at + n]
        at += n + 2
    while not data.startswith(b"\r\n", at):
        end = data.find(b"\r\n", at)
        if end < 0:
            raise EOFError("within the trailers")
        parts = FIELD.fullmatch(data[at:end])
        assert parts, f"bad trailer {bytes(data[at:end])!r}"
        found.trailers.append((parts[1].decode(), parts[2].decode("latin-1")))
        at = end + 2
    return at + 2
