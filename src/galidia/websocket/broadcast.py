"""One message to many connections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .deflate import compress_alone
from .frame import OP_BINARY, OP_TEXT
from .protocol import WebSocketProtocol

if TYPE_CHECKING:
    from ..core.connection import Connection

if not cython.compiled:
    from ..core.bits import CLOSE_IMMEDIATELY, SEND_AND_CLOSE
    from .frame import head
    from .protocol import _OPEN, as_payload, first_byte


def send_many(connections: Iterable[Connection], data: Any, opcode: int | None = None) -> int:
    """Send a message on many connections; see `Connection.ws_send`. For how many it was queued.

    The frame is made once, and compressed once for all connections that have agreed on the same:
    without what came before in mind, and where a connection keeps that in mind otherwise, it begins
    anew with its next message. Closed ones are left out, and those that are within a message of
    their own (``DONT_FIN``). A connection that does not read is dealt with as its ``congestion``
    says; the others do not notice. Raises TypeError for a connection that is no WebSocket.
    """
    payload = data if type(data) is bytes else as_payload(data)
    first = 0x80 | (OP_TEXT if isinstance(data, str) else OP_BINARY)
    if opcode is not None:
        first = first_byte(opcode, payload)
        if first not in (0x80 | OP_TEXT, 0x80 | OP_BINARY):
            raise ValueError("what many are sent is a whole message: OP_TEXT or OP_BINARY")
    frame = head(first, len(payload)) + payload
    packed: dict[Any, bytes] = {}
    count = 0
    c: Any
    for c in connections:
        if c._closed or c._flags & (CLOSE_IMMEDIATELY | SEND_AND_CLOSE):
            continue
        found = c._protocol
        if not isinstance(found, WebSocketProtocol):
            raise TypeError(f"{c!r} is no WebSocket connection")
        protocol: Any = found
        if protocol._state != _OPEN or protocol._sending:
            continue
        count += 1
        deflater: Any = protocol._deflater
        if protocol.client:  # each frame has a mask of its own
            protocol.send_whole(c, first, payload)
        elif deflater is None or len(payload) < deflater.options.threshold:
            c.send(frame)
        else:
            options = deflater.options
            key = (options.level, options.mem_level, deflater.bits)
            made = packed.get(key)
            if made is None:
                body = compress_alone(options, deflater.bits, payload)
                made = packed[key] = head(first | 0x40, len(body)) + body
            c.send(made)
            protocol.forget_sent(c)
    return count
