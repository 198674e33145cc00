"""Protocols: a handler in front of the user's handler.

A protocol sees the core events of its connection first. It hands them on to the user's handler with
``c.emit``, then consumes ``recv_mbuf`` and emits its own events to the same handler. One instance
belongs to one connection; a listener's makes one for each connection it accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .connection import Connection
    from .handler import HandlerFunction


class Protocol:
    """The base of all protocols; by itself it only hands events on."""

    __slots__ = ("wants",)

    def __init__(self, wants: int = 0) -> None:
        #: Interest mask of the core events that the protocol itself needs.
        self.wants = wants

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        """A core event of the connection."""
        c.emit(ev, data)

    def child(self) -> Protocol:
        """The protocol of a connection that this one's listener has accepted."""
        return self

    def forgives(self, c: Connection, error: BaseException | None) -> bool:
        """A handler raised: whether it was the peer's fault and the protocol told it so. That is
        not logged, and the connection goes on."""
        return False

    def failed(self, c: Connection) -> bool:
        """A handler raised: whether the protocol answers that, instead of closing at once."""
        return False

    def ended(self, c: Connection) -> bool:
        """The peer ended its side: whether the protocol sees to the closing. If not, the connection
        closes as soon as what waits is sent."""
        return False

    def endpoint(self, pattern: str, handler: HandlerFunction, **options: Any) -> None:
        """Of a listener's protocol: have a handler of its own for one resource."""
        raise TypeError(f"{type(self).__name__} has no endpoints")

    def responds(self, c: Connection) -> bool:
        """Of a datagram listener's protocol: whether `respond` answers for the handler, which then
        is not called, and no datagram gets a connection."""
        return False

    def respond(self, datagram: bytes) -> bytes:
        """The answer to a datagram of at most `datagram_socket.ROOM` bytes; empty for none."""
        raise NotImplementedError

    def send_message(self, c: Connection, data: Any, opcode: Any) -> None:
        """Send a message; see `Connection.ws_send`."""
        raise TypeError(f"{type(self).__name__} has no messages")

    def close_message(self, c: Connection, code: int, reason: str) -> None:
        """Say why the connection ends, and end it; see `Connection.ws_close`."""
        raise TypeError(f"{type(self).__name__} has no messages")

    def goodbye(self, c: Connection) -> None:
        """The manager is closing: queue what the protocol says at the end, and close after it."""
        c.close_after_send()
