"""A WebSocket peer made of bytes (RFC 6455, RFC 7692): the library is not tested by itself.

It writes whatever it is told, right or wrong. It reads strictly: a frame that the other side may
not send, as a client or as a server, is an error of the test.
"""

from __future__ import annotations

import re
import socket
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from tests.websocket import wire

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x9a\x00\xff\x3c"
#: RFC 6455, section 7.4, and what was registered since: what may be on the wire.
CODES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")

Message = tuple[int, bytes]  # opcode and payload


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = None,
    length: int | None = None,
    form: int | None = None,
) -> bytes:
    """One frame (section 5.2): unmasked without a ``key``.

    ``length`` is what the header says, if not the truth, and ``form`` the number of bytes that it
    says it in (0, 2 or 8), if not the fewest.
    """
    size = len(payload) if length is None else length
    if form is None:
        form = 0 if size < 126 else 2 if size < 1 << 16 else 8
    said = {0: "!B", 2: "!BH", 8: "!BQ"}[form]
    coded = struct.pack(said, size) if form == 0 else struct.pack(said, 126 + form // 8, size)
    return wire.frame(opcode, payload, first=fin << 7 | rsv << 4, key=key, length=coded)


@dataclass
class Frame:
    opcode: int
    payload: bytes
    fin: bool
    rsv: int


class Deflate:
    """permessage-deflate (RFC 7692, section 7.2), for the peer: what it sends, what it gets."""

    def __init__(
        self,
        out_bits: int = 15,
        out_takeover: bool = True,
        in_bits: int = 15,
        in_takeover: bool = True,
    ) -> None:
        self.out_bits, self.out_takeover = out_bits, out_takeover
        self.in_bits, self.in_takeover = in_bits, in_takeover
        self._out: Any = None
        self._in: Any = None

    def compress(self, message: bytes) -> bytes:
        if self._out is None or not self.out_takeover:
            self._out = zlib.compressobj(1, zlib.DEFLATED, -self.out_bits)
        data: bytes = self._out.compress(message) + self._out.flush(zlib.Z_SYNC_FLUSH)
        assert not data or data.endswith(b"\0\0\xff\xff")
        return data[:-4] or b"\0"  # an empty message, section 7.2.3.6

    def inflate(self, data: bytes) -> bytes:
        if self._in is None or not self.in_takeover:
            self._in = zlib.decompressobj(-self.in_bits)
        message: bytes = self._in.decompress(data + b"\0\0\xff\xff")
        assert not self._in.unused_data
        return message


@dataclass
class Head:
    """The head of a request or a reply, read strictly."""

    line: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The value of the only field of this name, or None."""
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def status(self) -> int:
        return int(self.line.split()[1])


class SocketLink:
    """A plain socket that never blocks: what it does not take at once goes out with `look`."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.received = bytearray()
        self.ended = False
        self._outbox = bytearray()

    @property
    def unsent(self) -> int:
        return len(self._outbox)

    def send(self, data: bytes) -> None:
        self._outbox += data
        self._flush()

    def look(self) -> None:
        self._flush()
        while not self.ended:
            try:
                data = self.sock.recv(1 << 18)
            except BlockingIOError:
                break
            except ConnectionResetError:
                self.ended = True
                break
            self.received += data
            self.ended = not data

    def close(self) -> None:
        self.sock.close()
        self.ended = True
        self._outbox.clear()

    def _flush(self) -> None:
        try:
            while self._outbox:
                del self._outbox[: self.sock.send(memoryview(self._outbox)[: 1 << 18])]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):  # reading tells what has come before that
            self._outbox.clear()


class RawPeer:
    """One end of a WebSocket connection; ``heard`` has what the other end has said."""

    def __init__(self, sock: socket.socket, client: bool) -> None:
        self.link = SocketLink(sock)
        self.client = client
        self.deflate: Deflate | None = None
        #: Messages and control frames, in order.
        self.heard: list[Message] = []
        #: How many of the messages were compressed.
        self.inflated = 0
        self.closed = False  # it has sent a Close frame
        self._parts: list[bytes] = []
        self._first: Frame | None = None

    # -- writing ----------------------------------------------------------------------------------

    def encode(self, opcode: int, payload: bytes = b"", **how: Any) -> bytes:
        """A frame, masked as this role has to."""
        return frame(opcode, payload, **{"key": MASK if self.client else None, **how})

    def send(self, opcode: int, payload: bytes = b"", **how: Any) -> None:
        self.link.send(self.encode(opcode, payload, **how))

    def close(self, code: int | None = 1000, reason: bytes = b"") -> None:
        self.send(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)

    # -- the opening handshake --------------------------------------------------------------------

    def head(self) -> Head | None:
        """The head that lies there, which is then taken away."""
        self.link.look()
        end = self.link.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        line, *rest = self.link.received[:end].decode("latin-1").split("\r\n")
        del self.link.received[: end + 4]
        found = Head(line)
        for text in rest:
            parts = FIELD.fullmatch(text)
            assert parts, f"bad field line {text!r}"
            found.fields.append((parts[1], parts[2]))
        return found

    # -- reading ----------------------------------------------------------------------------------

    def look(self) -> list[Message]:
        """Read what has come."""
        self.link.look()
        while (one := self._frame()) is not None:
            self._take(one)
        return self.heard

    @property
    def ended(self) -> bool:
        """Whether the connection has ended, and nothing is left of it."""
        self.look()
        if self.link.ended:
            assert not self.link.received, "it ended within a frame"
        return self.link.ended

    def _frame(self) -> Frame | None:
        data = self.link.received
        if len(data) < 2:
            return None
        size, at = data[1] & 127, 2
        if size > 125:
            at = 4 if size == 126 else 10
            if len(data) < at:
                return None
            size = int.from_bytes(data[2:at], "big")
            assert size >= (126 if at == 4 else 1 << 16), "a length in more bytes than it takes"
        assert data[1] >> 7 == (not self.client), "masked by a server, or not by a client"
        key = bytes(data[at : at + 4]) if data[1] >> 7 else b""
        at += len(key)
        if len(data) < at + size:
            return None
        payload = bytes(data[at : at + size])
        one = Frame(data[0] & 15, wire.masked(payload, key) if key else payload, data[0] > 127, 0)
        one.rsv = data[0] >> 4 & 7
        del data[: at + size]
        return one

    def _take(self, one: Frame) -> None:
        assert not self.closed, f"a frame behind the Close frame: {one}"
        if one.opcode & 8:
            assert one.opcode in (CLOSE, PING, PONG)
            assert one.fin
            assert one.rsv == 0
            assert len(one.payload) <= 125
            if one.opcode == CLOSE:
                self.closed = True
                check_close(one.payload)
            self.heard.append((one.opcode, one.payload))
            return
        if self._first is None:
            assert one.opcode in (TEXT, BINARY)
            assert one.rsv == 0 or (one.rsv == 4 and self.deflate is not None)
            self._first = one
        else:
            assert one.opcode == CONT
            assert one.rsv == 0
        self._parts.append(one.payload)
        if not one.fin:
            return
        payload = b"".join(self._parts)
        if self._first.rsv:
            assert self.deflate is not None
            payload = self.deflate.inflate(payload)
            self.inflated += 1
        if self._first.opcode == TEXT:
            payload.decode("utf-8", "strict")
        self.heard.append((self._first.opcode, payload))
        self._first, self._parts = None, []


def check_close(payload: bytes) -> None:
    """A Close frame's payload as it may be on the wire (section 5.5.1)."""
    if payload:
        assert len(payload) >= 2
        assert int.from_bytes(payload[:2], "big") in CODES
        payload[2:].decode("utf-8", "strict")


def close_code(payload: bytes) -> int | None:
    return int.from_bytes(payload[:2], "big") if payload else None


def request(target: str = "/", **changes: str | None) -> bytes:
    """A client's opening handshake; fields by names with underscores, None leaves one out."""
    fields: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": wire.NONCE,
        "Sec-WebSocket-Version": "13",
    }
    return _head(f"GET {target} HTTP/1.1", fields, changes)


def reply(key: str, **changes: str | None) -> bytes:
    """A server's opening handshake."""
    fields: dict[str, str | None] = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": wire.accept_of(key),
    }
    return _head("HTTP/1.1 101 Switching Protocols", fields, changes)


def _head(line: str, fields: dict[str, str | None], changes: dict[str, str | None]) -> bytes:
    names = {name.lower(): name for name in fields}
    for name, value in changes.items():
        name = name.replace("_", "-")
        fields[names.get(name.lower(), name)] = value
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([line, *lines, "", ""]).encode()
