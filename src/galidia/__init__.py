"""Galidia: event-driven networking.

One `Manager`, many `Connection`s, one handler ``(c, ev, data)``.
"""

import os

if os.environ.get("GALIDIA_PURE"):
    from ._pure import load_sources

    load_sources(__name__)

from ._build import COMPILED
from .core.acl import check_ip_acl
from .core.address import Address, AddressError
from .core.bind import inherited_listeners
from .core.connection import Connection
from .core.events import ERR_RESOLVE, ERR_TLS, Event, Flag
from .core.file import OpenFile
from .core.handler import Handler, handles
from .core.manager import Manager
from .core.protocol import Protocol
from .core.registry import Scheme

__all__ = [
    "COMPILED",
    "ERR_RESOLVE",
    "ERR_TLS",
    "EV_ACCEPT",
    "EV_CLOSE",
    "EV_CONGESTED",
    "EV_CONNECT",
    "EV_DNS_MESSAGE",
    "EV_DRAINED",
    "EV_HTTP_CHUNK",
    "EV_HTTP_MULTIPART_REQUEST",
    "EV_HTTP_MULTIPART_REQUEST_END",
    "EV_HTTP_PART_BEGIN",
    "EV_HTTP_PART_DATA",
    "EV_HTTP_PART_END",
    "EV_HTTP_REPLY",
    "EV_HTTP_REQUEST",
    "EV_POLL",
    "EV_RECV",
    "EV_SEND",
    "EV_SSI_CALL",
    "EV_SSI_CALL_CTX",
    "EV_TIMER",
    "EV_WEBSOCKET_CONTROL_FRAME",
    "EV_WEBSOCKET_FRAME",
    "EV_WEBSOCKET_HANDSHAKE_DONE",
    "EV_WEBSOCKET_HANDSHAKE_REQUEST",
    "F_BUFFER_BUT_DONT_SEND",
    "F_CLOSE_IMMEDIATELY",
    "F_CONNECTING",
    "F_DELETE_CHUNK",
    "F_ENABLE_BROADCAST",
    "F_IS_WEBSOCKET",
    "F_LISTENING",
    "F_RECV_AND_CLOSE",
    "F_RESOLVING",
    "F_SEND_AND_CLOSE",
    "F_SSL",
    "F_SSL_HANDSHAKE_DONE",
    "F_UDP",
    "F_USER_1",
    "F_USER_2",
    "F_USER_3",
    "F_USER_4",
    "F_USER_5",
    "F_USER_6",
    "F_WEBSOCKET_NO_DEFRAG",
    "Address",
    "AddressError",
    "Connection",
    "Event",
    "Flag",
    "Handler",
    "Manager",
    "OpenFile",
    "Protocol",
    "Scheme",
    "check_ip_acl",
    "handles",
    "inherited_listeners",
]

__version__ = "0.1.0"

EV_POLL = Event.POLL
EV_ACCEPT = Event.ACCEPT
EV_CONNECT = Event.CONNECT
EV_RECV = Event.RECV
EV_SEND = Event.SEND
EV_CLOSE = Event.CLOSE
EV_TIMER = Event.TIMER
EV_CONGESTED = Event.CONGESTED
EV_DRAINED = Event.DRAINED
EV_HTTP_REQUEST = Event.HTTP_REQUEST
EV_HTTP_REPLY = Event.HTTP_REPLY
EV_HTTP_CHUNK = Event.HTTP_CHUNK
EV_SSI_CALL = Event.SSI_CALL
EV_SSI_CALL_CTX = Event.SSI_CALL_CTX
EV_HTTP_MULTIPART_REQUEST = Event.HTTP_MULTIPART_REQUEST
EV_HTTP_PART_BEGIN = Event.HTTP_PART_BEGIN
EV_HTTP_PART_DATA = Event.HTTP_PART_DATA
EV_HTTP_PART_END = Event.HTTP_PART_END
EV_HTTP_MULTIPART_REQUEST_END = Event.HTTP_MULTIPART_REQUEST_END
EV_DNS_MESSAGE = Event.DNS_MESSAGE
EV_WEBSOCKET_HANDSHAKE_REQUEST = Event.WEBSOCKET_HANDSHAKE_REQUEST
EV_WEBSOCKET_HANDSHAKE_DONE = Event.WEBSOCKET_HANDSHAKE_DONE
EV_WEBSOCKET_FRAME = Event.WEBSOCKET_FRAME
EV_WEBSOCKET_CONTROL_FRAME = Event.WEBSOCKET_CONTROL_FRAME

F_LISTENING = Flag.LISTENING
F_UDP = Flag.UDP
F_RESOLVING = Flag.RESOLVING
F_CONNECTING = Flag.CONNECTING
F_SSL = Flag.SSL
F_SSL_HANDSHAKE_DONE = Flag.SSL_HANDSHAKE_DONE
F_IS_WEBSOCKET = Flag.IS_WEBSOCKET
#: `WEBSOCKET_FRAME` comes for each frame of a message instead of once for all of them.
F_WEBSOCKET_NO_DEFRAG = Flag.WEBSOCKET_NO_DEFRAG
F_RECV_AND_CLOSE = Flag.RECV_AND_CLOSE
F_SEND_AND_CLOSE = Flag.SEND_AND_CLOSE
F_CLOSE_IMMEDIATELY = Flag.CLOSE_IMMEDIATELY
F_ENABLE_BROADCAST = Flag.ENABLE_BROADCAST
F_BUFFER_BUT_DONT_SEND = Flag.BUFFER_BUT_DONT_SEND
#: In HTTP_CHUNK: what came of the body is dealt with (`Message.take` is the same).
F_DELETE_CHUNK = Flag.DELETE_CHUNK
F_USER_1 = Flag.USER_1
F_USER_2 = Flag.USER_2
F_USER_3 = Flag.USER_3
F_USER_4 = Flag.USER_4
F_USER_5 = Flag.USER_5
F_USER_6 = Flag.USER_6
