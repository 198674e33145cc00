"""The opening handshake (RFC 6455 4), both sides: what is said, and whether it will do.

Sans-IO. Heads come as HTTP has checked them; what is wrong with the rest is told in words. Strict
where a peer could mean something else: fields that are there twice, keys that are none, names that
were not offered.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..http.message import Message
    from .deflate import Parameters

VERSION = "13"
#: What is appended to a key before it is hashed (1.3).
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# 16 bytes in base64: the last digit before the padding has four bits that are 0.
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_NAME = re.compile(_TOKEN)
_QUOTED = r'"((?:[^"\\]|\\.)*+)"'
_EXTENSION = re.compile(rf"[ \t]*+({_TOKEN})[ \t]*+")
_PARAMETER = re.compile(rf"[ \t]*+({_TOKEN})[ \t]*+(?:=[ \t]*+(?:({_TOKEN})|{_QUOTED})[ \t]*+)?")
_ESCAPED = re.compile(r"\\(.)")
#: Extensions that are looked at in one handshake.
_MAX_EXTENSIONS = 32


class Refusal(NamedTuple):
    """What a server answers to a handshake that will not do: a status, a sentence, more fields."""

    status: int
    text: str
    headers: list[tuple[str, str]]


def accept_of(key: str) -> str:
    """What a server answers to a key (4.2.2)."""
    return b64encode(sha1((key + _GUID).encode("latin-1")).digest()).decode("ascii")


def names_in(values: Iterable[str]) -> list[str] | None:
    """The tokens of fields that are lists of them (RFC 9110 5.6.1); None: malformed, or one is
    there twice (4.1)."""
    found: list[str] = []
    for value in values:
        for part in value.split(","):
            name = part.strip("\t ")
            if not name:
                continue  # a recipient ignores empty members
            if not _NAME.fullmatch(name) or name in found:
                return None
            found.append(name)
    return found


def extensions_in(values: Iterable[str]) -> list[tuple[str, Parameters]] | None:
    """Names and parameters of Sec-WebSocket-Extensions (9.1); None: malformed."""
    found: list[tuple[str, Parameters]] = []
    for value in values:
        at = 0
        while True:
            m = _EXTENSION.match(value, at)
            if m is None or len(found) == _MAX_EXTENSIONS:
                return None
            at = m.end()
            parameters: Parameters = []
            while value.startswith(";", at):
                p = _PARAMETER.match(value, at + 1)
                if p is None:
                    return None
                at = p.end()
                text: str | None = p[2]
                if p[3] is not None:  # quoted, it has to be a token all the same
                    text = _ESCAPED.sub(r"\1", p[3])
                    if not _NAME.fullmatch(text):
                        return None
                parameters.append((p[1], text))
            found.append((m[1], parameters))
            if at == len(value):
                break
            if value[at] != ",":
                return None
            at += 1
    return found


# -- the server's side ----------------------------------------------------------------------------


def refusal_of(request: Message, origins: Sequence[str]) -> Refusal | None:
    """Why this request, whose Upgrade asks for WebSocket, is not accepted (4.2.1); None: it can be.

    Host, Connection and Upgrade were looked at before.
    """
    if request.method != "GET":
        return Refusal(405, "the method of a WebSocket handshake is GET", [("Allow", "GET")])
    if request.content_length > 0 or request.chunked:
        return Refusal(400, "a WebSocket handshake has no body", [])
    if request.header_all("sec-websocket-version") != [VERSION]:
        fields = [("Sec-WebSocket-Version", VERSION)]
        return Refusal(426, f"the version of WebSocket here is {VERSION}", fields)
    keys = request.header_all("sec-websocket-key")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        return Refusal(400, "Sec-WebSocket-Key is not one value of 16 bytes in base64", [])
    if names_in(request.header_all("sec-websocket-protocol")) is None:
        return Refusal(400, "Sec-WebSocket-Protocol is not a list of different names", [])
    if extensions_in(request.header_all("sec-websocket-extensions")) is None:
        return Refusal(400, "Sec-WebSocket-Extensions is malformed", [])
    if origins:
        found = request.header_all("origin")
        if found and (len(found) > 1 or found[0] not in origins):
            return Refusal(403, "pages from there may not connect", [])
    return None


# -- the client's side ----------------------------------------------------------------------------


def request_fields(key: str, subprotocols: Sequence[str], offer: str) -> list[tuple[str, str]]:
    """What the request of a client has (4.1). Raises ValueError for names that are none."""
    fields = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", VERSION),
    ]
    if subprotocols:
        if isinstance(subprotocols, str) or names_in(subprotocols) != list(subprotocols):
            raise ValueError(f"subprotocols are different names, several str: {subprotocols!r}")
        fields.append(("Sec-WebSocket-Protocol", ", ".join(subprotocols)))
    if offer:
        fields.append(("Sec-WebSocket-Extensions", offer))
    return fields


def reply_fault(reply: Message, key: str, subprotocols: Sequence[str]) -> str:
    """What is wrong with a reply of status 101 (4.1), extensions apart; "" when nothing is."""
    if not reply.upgrade or [v.lower() for v in reply.header_all("upgrade")] != ["websocket"]:
        return "the reply does not switch to WebSocket"
    if reply.header_all("sec-websocket-accept") != [accept_of(key)]:
        return "Sec-WebSocket-Accept does not fit the key"
    chosen = reply.header_all("sec-websocket-protocol")
    if chosen and (len(chosen) > 1 or chosen[0] not in subprotocols):
        return "the server has chosen a subprotocol that was not offered"
    return ""
