"""The opening handshake as a client (RFC 6455 4.1): an HTTP request, and its reply."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from ..core.events import Event, Flag
from ..http.client import ClientProtocol
from ..http.fields import items_of
from .handshake import extensions_in, reply_fault, request_fields
from .options import WebSocketOptions
from .protocol import WebSocketProtocol

if TYPE_CHECKING:
    from ..core.address import Url
    from ..core.connection import Connection
    from ..http.message import Message
    from .deflate import Agreed

_DONE = int(Event.WEBSOCKET_HANDSHAKE_DONE)
_OURS = frozenset({"connection", "upgrade"})


class Opening(ClientProtocol):
    """The client's side until the handshake is done, when `WebSocketProtocol` takes over.

    Options of `Manager.connect` for a ``ws`` or ``wss`` URL: ``subprotocols``, names, the best one
    first; ``headers`` of the request; ``options``, a `WebSocketOptions`. A user and password of the
    URL become basic credentials.
    """

    __slots__ = ("_key", "_options", "_subprotocols")

    def __init__(self, options: object, url: Url, extra: dict[str, Any]) -> None:
        if options is None:
            options = WebSocketOptions()
        elif not isinstance(options, WebSocketOptions):
            raise TypeError(
                f"options= of a WebSocket client is a WebSocketOptions, not {options!r}"
            )
        given = extra.pop("headers", None) or ()
        self._options = options
        self._subprotocols = extra.pop("subprotocols", ())
        if extra:
            raise TypeError(
                f"connect() has no option {min(extra)!r}; WebSocket adds headers, subprotocols"
            )
        self._key = b64encode(os.urandom(16)).decode("ascii")
        offer = ""
        if options.deflate is not None:
            from . import deflate

            offer = deflate.offer(options.deflate)
        fields = request_fields(self._key, self._subprotocols, offer)
        for name, value in items_of(given):
            if name.lower() in _OURS or name.lower().startswith("sec-websocket-"):
                raise ValueError(f"the header {name!r} is set by the library")
            fields.append((name, value))
        web = url._replace(scheme="https" if url.scheme == "wss" else "http")
        ClientProtocol.__init__(self, None, web, {"headers": fields})

    def arrived(self, c: Connection) -> None:
        """Why a handshake was refused: within limits."""
        body = self.body
        if body is not None:
            self.check(c, body)

    def replied(self, c: Connection, reply: Message) -> None:
        if reply.status != 101:
            c.error = f"the server refuses: {reply.status} {reply.reason}".rstrip()
            c.emit(_DONE, reply)
            c.close()
            return
        fault = reply_fault(reply, self._key, self._subprotocols)
        agreed = None
        if not fault:
            fault, agreed = self._extension(reply)
        if fault:
            c.error = f"bad handshake: {fault}"
            c.close()
            return
        deflater = inflater = None
        if agreed is not None and self._options.deflate is not None:
            from .deflate import Deflater, Inflater

            deflater = Deflater(self._options.deflate, agreed)
            inflater = Inflater(agreed)
        chosen = reply.header("sec-websocket-protocol") or ""
        protocol = WebSocketProtocol(True, self._options, chosen, deflater, inflater)
        c._flags |= int(Flag.IS_WEBSOCKET)
        c.protocol = protocol
        protocol.opened(c)
        c.emit(_DONE, reply)
        protocol.read(c)

    def send_message(self, c: Connection, data: Any, opcode: Any) -> None:
        if not c.closing:
            raise RuntimeError("the handshake is not done: wait for WEBSOCKET_HANDSHAKE_DONE")

    def close_message(self, c: Connection, code: int, reason: str) -> None:
        c.close()

    def goodbye(self, c: Connection) -> None:
        c.close()

    def _extension(self, reply: Message) -> tuple[str, Agreed | None]:
        """What is wrong with the extensions of a reply, or what they are."""
        values = reply.header_all("sec-websocket-extensions")
        if not values:
            return "", None
        found = extensions_in(values)
        if found is None:
            return "Sec-WebSocket-Extensions is malformed", None
        if self._options.deflate is not None and len(found) == 1:
            from .deflate import NAME, settle

            name, parameters = found[0]
            agreed = settle(self._options.deflate, parameters) if name == NAME else None
            if agreed is not None:
                return "", agreed
        return "the server has chosen an extension, or a parameter, that was not offered", None
