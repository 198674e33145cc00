"""WebSocket (RFC 6455), with permessage-deflate (RFC 7692), as server and as client.

``frame``, ``masking``, ``utf8``, ``deflate`` and ``incoming`` are the codec and ``handshake`` the
opening handshake, none of which knows a socket; ``protocol`` binds them to a connection, and
``server`` and ``client`` get it there by way of HTTP.
"""

from .broadcast import send_many
from .frame import DONT_FIN, OP_BINARY, OP_CLOSE, OP_CONTINUATION, OP_PING, OP_PONG, OP_TEXT
from .message import Message
from .options import Deflate, WebSocketOptions
from .protocol import WebSocketProtocol
from .server import accept, defer, subprotocols

__all__ = [
    "DONT_FIN",
    "OP_BINARY",
    "OP_CLOSE",
    "OP_CONTINUATION",
    "OP_PING",
    "OP_PONG",
    "OP_TEXT",
    "Deflate",
    "Message",
    "WebSocketOptions",
    "WebSocketProtocol",
    "accept",
    "defer",
    "send_many",
    "subprotocols",
]
