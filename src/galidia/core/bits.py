"""The numbers of `events` as the engine uses them: plain ints here, C ints when compiled."""

from __future__ import annotations

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
