"""What a manager that is closing tells, and whom it calls meanwhile."""

from __future__ import annotations

from typing import Any

from galidia import EV_CLOSE, Connection, Manager, Protocol
from tests.helpers import Recorder, until


class Last(Protocol):
    """Closes the manager once more when it is to say goodbye."""

    def __init__(self) -> None:
        Protocol.__init__(self)
        self.closing: list[bool] = []

    def goodbye(self, c: Connection) -> None:
        self.closing.append(c.mgr.closing)
        c.mgr.close()
        c.close()


def test_it_says_that_it_is_closing() -> None:
    mgr = Manager()
    told: list[bool] = []

    def handler(c: Connection, ev: int, data: Any) -> None:
        if ev == EV_CLOSE:
            told.append(mgr.closing)

    mgr.adopt(None, handler)
    assert not mgr.closing
    mgr.close()
    assert told == [True]
    assert mgr.closing
    assert mgr.closed


def test_closing_from_a_handler_is_closing_at_once() -> None:
    mgr = Manager()
    told: list[bool] = []

    def close() -> None:
        mgr.close()
        told.append(mgr.closing)

    mgr.call_later(0.0, close)
    mgr.poll(10)
    assert told == [True]
    assert mgr.closed


def test_who_says_goodbye_may_close_again() -> None:
    mgr = Manager()
    seen = Recorder()
    one, other = mgr.socketpair(seen, seen)
    protocol = Last()
    one.protocol = protocol
    until(mgr, lambda: True)
    mgr.close()
    assert mgr.closed
    assert protocol.closing == [True]
    assert (seen.count(EV_CLOSE, one), seen.count(EV_CLOSE, other)) == (1, 1)
