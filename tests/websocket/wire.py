"""Frames as bytes, made and read without the library's help."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
KEY = b"\x01\x23\x45\x67"
#: A handshake's key, and what is answered to it (RFC 6455 1.3).
NONCE = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def masked(data: bytes, key: bytes) -> bytes:
    """``data`` with its mask put on, or taken off (RFC 6455 5.3)."""
    pad = (key * (len(data) // 4 + 1))[: len(data)]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")
    return mixed.to_bytes(len(data), "big")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    first: int = FIN,
    key: bytes | None = KEY,
    length: bytes | None = None,
) -> bytes:
    """A frame: of a client with ``key``, of a server without. ``first`` are the bits beside the
    opcode; ``length`` are the bytes of the length, by default as few as there can be."""
    n = len(payload)
    if length is None:
        if n < 126:
            length = bytes([n])
        elif n < 1 << 16:
            length = b"\x7e" + n.to_bytes(2, "big")
        else:
            length = b"\x7f" + n.to_bytes(8, "big")
    head = bytes([first | opcode, length[0] | (0x80 if key is not None else 0)]) + length[1:]
    return head + payload if key is None else head + key + masked(payload, key)


def close(code: int | None = None, reason: bytes = b"", key: bytes | None = KEY) -> bytes:
    payload = b"" if code is None else code.to_bytes(2, "big") + reason
    return frame(8, payload, key=key)


@dataclass
class Frame:
    """``first`` is the first byte, bits and opcode."""

    first: int
    payload: bytes
    masked: bool


def frames(data: bytes | bytearray) -> list[Frame]:
    """All frames in ``data``, read strictly: what is malformed or cut off is an error."""
    found = []
    at = 0
    while at < len(data):
        first, second = data[at], data[at + 1]
        n = second & 0x7F
        at += 2
        if n == 126:
            n = int.from_bytes(data[at : at + 2], "big")
            at += 2
            assert n > 125
        elif n == 127:
            n = int.from_bytes(data[at : at + 8], "big")
            at += 8
            assert 1 << 16 <= n < 1 << 63
        key = b""
        if second & 0x80:
            key = bytes(data[at : at + 4])
            at += 4
        payload = bytes(data[at : at + n])
        assert len(payload) == n, "cut off"
        at += n
        if key:
            payload = masked(payload, key)
        found.append(Frame(first, payload, bool(key)))
    return found


def accept_of(key: str) -> str:
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1((key + guid).encode()).digest()).decode()


def request(
    *fields: str, path: str = "/", without: Sequence[str] = (), method: str = "GET"
) -> bytes:
    """A client's handshake, ``without`` fields of these names and with others in addition."""
    lines = [
        "Host: a",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {NONCE}",
        "Sec-WebSocket-Version: 13",
    ]
    names = {name.lower() for name in without}
    kept = [line for line in lines if line.partition(":")[0].lower() not in names]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *kept, *fields, "", ""]).encode("latin-1")
