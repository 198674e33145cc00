"""The numbers of the hot path: plain ints here, C ints when compiled."""

from __future__ import annotations

import errno

from . import events
from .events import Event, Flag

LISTENING = int(Flag.LISTENING)
UDP = int(Flag.UDP)
RESOLVING = int(Flag.RESOLVING)
CONNECTING = int(Flag.CONNECTING)
SSL = int(Flag.SSL)
SSL_HANDSHAKE_DONE = int(Flag.SSL_HANDSHAKE_DONE)
RECV_AND_CLOSE = int(Flag.RECV_AND_CLOSE)
SEND_AND_CLOSE = int(Flag.SEND_AND_CLOSE)
CLOSE_IMMEDIATELY = int(Flag.CLOSE_IMMEDIATELY)
ENABLE_BROADCAST = int(Flag.ENABLE_BROADCAST)
BUFFER_BUT_DONT_SEND = int(Flag.BUFFER_BUT_DONT_SEND)
SETTABLE = int(events.SETTABLE_FLAGS)
CREATION = int(events.CREATION_FLAGS)

POLL = int(Event.POLL)
ACCEPT = int(Event.ACCEPT)
CONNECT = int(Event.CONNECT)
RECV = int(Event.RECV)
SEND = int(Event.SEND)
CLOSE = int(Event.CLOSE)
TIMER = int(Event.TIMER)
CONGESTED = int(Event.CONGESTED)
DRAINED = int(Event.DRAINED)

READABLE = 1
WRITABLE = 2
# In what a poller reports: the peer has ended its side, so that reading goes on until it says so.
ENDED = 4
# In what it is asked for: report what is new only. A poller may still report what is not.
EDGE = 8

EAGAIN = errno.EAGAIN
EWOULDBLOCK = errno.EWOULDBLOCK
EINTR = errno.EINTR

# Events that have a number below this one have an entry in the tables of `connection`.
NUMBERS = 1024
OTHER = events.OTHER
#: Bytes read at once, by one connection.
SCRATCH = 1 << 17
