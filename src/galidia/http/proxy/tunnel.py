"""Two connections joined after 101 (Switching Protocols): what comes on one leaves on the other.

Whichever is too slow slows the other down; the end of one side is passed on, and when one
connection is closed, so is the other, once it has what came before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.events import Event, mask_of
from ...core.protocol import Protocol

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ...core.timers import Timer

#: Bytes that may wait for a side that does not read, before the other one is not read from.
LIMIT = 1 << 18
_WANTS = mask_of(Event.RECV, Event.CLOSE)


class Tunnel(Protocol):
    """One end. Its handler gets CLOSE, and nothing of what goes through."""

    __slots__ = ("_idle", "_timer", "other")

    def __init__(self, other: Connection, idle: float) -> None:
        super().__init__(_WANTS)
        self.other: Connection | None = other
        self._idle = idle
        self._timer: Timer | None = None

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        other = self.other
        if ev == Event.RECV:
            if other is not None:
                c.forward(other)
        elif ev == Event.CLOSE:
            self.other = None
            if self._timer is not None:
                self._timer.cancel()
            if other is not None and not other.closed:
                if c.error:
                    other.close()
                else:
                    other.close_after_send()
            c.emit(ev, data)

    def ended(self, c: Connection) -> bool:
        """The peer ended its side: so does the other connection, and may still be answered."""
        other = self.other
        if other is None or other.closing:
            return False
        other.close_after_recv()
        return True

    def watch(self, c: Connection) -> None:
        """Close both when nothing has come on either for too long."""
        self._timer = c.call_later(self._idle, self._look, c)

    def _look(self, c: Connection) -> None:
        other = self.other
        if other is None:
            return
        left = self._idle - (c.mgr.time() - max(c.last_io_time, other.last_io_time))
        if left > 0:
            self._timer = c.call_later(left, self._look, c)
        else:
            c.close_after_send()


def join(one: Connection, other: Connection, idle: float) -> tuple[Tunnel, Tunnel]:
    """The protocols of two connections that are to be joined; ``idle`` seconds without a byte end
    them."""
    for c, source in ((one, other), (other, one)):
        c.send_mbuf_limit = LIMIT
        c.congestion = "pause_source"
        c.source = source
    return Tunnel(other, idle), Tunnel(one, idle)
