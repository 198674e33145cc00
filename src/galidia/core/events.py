"""Events and flags: what a handler is told, and what it may say back.

The numbers are those of the C library's header, so that a log or a port of a C program reads the
same; ``DNS_MESSAGE`` alone is moved, because C gives it the number of ``HTTP_REQUEST``.

The type of each event's ``data`` stands in the third column:

=============  =======  ========================================================================
``POLL``       float    every poll, to every open connection that listens to it: UNIX time
``ACCEPT``     Address  a listener accepted this connection (TLS: its handshake succeeded too)
``CONNECT``    int      0: it is established; else an errno, `ERR_RESOLVE` or `ERR_TLS`
``RECV``       int      that many bytes were appended to ``recv_mbuf``
``SEND``       int      that many bytes were written and have left ``send_mbuf``
``CLOSE``      None     the last event of a connection; its socket is closed already
``TIMER``      float    the time that ``set_timer`` was called with has come: that value
``CONGESTED``  int      more than ``send_mbuf_limit`` bytes wait to be sent: how many
``DRAINED``    int      a congested connection is at its low mark again: how many still wait
=============  =======  ========================================================================

The events of a protocol are described where the protocol is.
"""

from enum import IntEnum, IntFlag

__all__ = ["ERR_RESOLVE", "ERR_TLS", "Event", "Flag", "mask_of"]


class Event(IntEnum):
    """What happened; the second argument of a handler."""

    POLL = 0
    ACCEPT = 1
    CONNECT = 2
    RECV = 3
    SEND = 4
    CLOSE = 5
    TIMER = 6
    CONGESTED = 7
    DRAINED = 8

    HTTP_REQUEST = 100
    HTTP_REPLY = 101
    HTTP_CHUNK = 102
    SSI_CALL = 105
    SSI_CALL_CTX = 106
    WEBSOCKET_HANDSHAKE_REQUEST = 111
    WEBSOCKET_HANDSHAKE_DONE = 112
    WEBSOCKET_FRAME = 113
    WEBSOCKET_CONTROL_FRAME = 114
    HTTP_MULTIPART_REQUEST = 121
    HTTP_PART_BEGIN = 122
    HTTP_PART_DATA = 123
    HTTP_PART_END = 124
    HTTP_MULTIPART_REQUEST_END = 125

    MQTT_CONNECT = 201
    MQTT_CONNACK = 202
    MQTT_PUBLISH = 203
    MQTT_PUBACK = 204
    MQTT_PUBREC = 205
    MQTT_PUBREL = 206
    MQTT_PUBCOMP = 207
    MQTT_SUBSCRIBE = 208
    MQTT_SUBACK = 209
    MQTT_UNSUBSCRIBE = 210
    MQTT_UNSUBACK = 211
    MQTT_PINGREQ = 212
    MQTT_PINGRESP = 213
    MQTT_DISCONNECT = 214

    COAP_CON = 300
    COAP_NOC = 301
    COAP_ACK = 302
    COAP_RST = 303

    DNS_MESSAGE = 400

    SNTP_REPLY = 501
    SNTP_MALFORMED_REPLY = 502
    SNTP_FAILED = 503


class Flag(IntFlag):
    """State of a connection, and what its handler asks for.

    A handler may change ``SEND_AND_CLOSE``, ``CLOSE_IMMEDIATELY``, ``RECV_AND_CLOSE``,
    ``BUFFER_BUT_DONT_SEND``, the two of the protocols and the ``USER`` flags; the others only tell.
    """

    LISTENING = 1 << 0
    UDP = 1 << 1
    RESOLVING = 1 << 2
    CONNECTING = 1 << 3
    SSL = 1 << 4
    SSL_HANDSHAKE_DONE = 1 << 5
    WANT_READ = 1 << 6
    WANT_WRITE = 1 << 7
    IS_WEBSOCKET = 1 << 8
    RECV_AND_CLOSE = 1 << 9
    SEND_AND_CLOSE = 1 << 10
    CLOSE_IMMEDIATELY = 1 << 11
    PROTO_1 = 1 << 12
    WEBSOCKET_NO_DEFRAG = 1 << 12  # what WebSocket calls it
    PROTO_2 = 1 << 13
    DELETE_CHUNK = 1 << 13  # what HTTP calls it
    ENABLE_BROADCAST = 1 << 14
    BUFFER_BUT_DONT_SEND = 1 << 15
    USER_1 = 1 << 20
    USER_2 = 1 << 21
    USER_3 = 1 << 22
    USER_4 = 1 << 23
    USER_5 = 1 << 24
    USER_6 = 1 << 25


USER_FLAGS = Flag.USER_1 | Flag.USER_2 | Flag.USER_3 | Flag.USER_4 | Flag.USER_5 | Flag.USER_6
#: What a handler may change at any time; every other bit is put back.
SETTABLE_FLAGS = (
    Flag.RECV_AND_CLOSE
    | Flag.SEND_AND_CLOSE
    | Flag.CLOSE_IMMEDIATELY
    | Flag.BUFFER_BUT_DONT_SEND
    | Flag.PROTO_1
    | Flag.PROTO_2
    | USER_FLAGS
)
#: What may be given when a connection is made.
CREATION_FLAGS = Flag.ENABLE_BROADCAST | Flag.PROTO_1 | Flag.BUFFER_BUT_DONT_SEND | USER_FLAGS

#: ``CONNECT``: the name could not be resolved; ``c.error`` says why.
ERR_RESOLVE = -1
#: ``CONNECT``: the TLS handshake failed; ``c.error`` says why.
ERR_TLS = -3

# An interest mask has one bit for each event, so that the engine tests it with one instruction. The
# core events have the bit of their number; numbers that are not ours (a third party's protocol)
# share the last one.
OTHER = 63
BITS = {int(ev): i for i, ev in enumerate(Event)}
ALL_EVENTS = (1 << 64) - 1


def bit_of(ev: int) -> int:
    """The interest bit (0 to 63) of an event number."""
    return BITS.get(ev, OTHER)


def mask_of(*events: int) -> int:
    """The interest mask of these events."""
    mask = 0
    for ev in events:
        mask |= 1 << bit_of(ev)
    return mask
