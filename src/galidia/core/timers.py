"""Timers: a heap of deadlines on the monotonic clock.

A timer that is cancelled stays in the heap until it comes up or until half of the heap is dead, so
cancelling is cheap and memory stays bounded. A timer that is postponed keeps its place and is moved
only when that place comes up, so pushing an idle deadline back on each request costs one store.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

#: Below this many dead entries the heap is not swept.
SWEEP_MINIMUM = 64


class Timer:
    """A call that is due at ``when`` (monotonic seconds); every ``interval`` seconds if not 0."""

    __slots__ = (
        "_args",
        "_callback",
        "_order",
        "_owner",
        "_slot",
        "connection",
        "interval",
        "when",
    )

    def __init__(
        self,
        owner: Timers | None,
        when: float,
        interval: float,
        callback: Callable[..., object] | None,
        args: tuple[Any, ...],
        connection: Any,
    ) -> None:
        self.when = when
        self.interval = interval
        self.connection = connection
        self._callback = callback
        self._args = args
        self._owner = owner
        self._slot = when
        self._order = 0

    def __lt__(self, other: Timer) -> bool:
        if self._slot != other._slot:
            return self._slot < other._slot
        return self._order < other._order

    def __hash__(self) -> int:
        return id(self) >> 4  # a compiled class that can be ordered has no hash of its own

    @property
    def active(self) -> bool:
        """Whether it is still going to fire."""
        return self._callback is not None

    def cancel(self) -> None:
        """Never fire (again). Cancelling twice, or a timer that has fired, does nothing."""
        if self._callback is None:
            return
        self._callback = None
        self._args = ()
        self.connection = None
        owner = self._owner
        self._owner = None
        if owner is not None:
            owner._dead += 1
            if owner._dead > SWEEP_MINIMUM and owner._dead * 2 > len(owner._heap):
                owner._compact()

    def postpone(self, when: float) -> None:
        """Fire at ``when`` instead, which must not be before the time it has now."""
        if when < self.when:
            raise ValueError("a timer can only be postponed; cancel it and set another")
        self.when = when

    def _fire(self) -> None:
        callback, args = self._callback, self._args
        if self.interval == 0.0:
            self._callback = None
            self._args = ()
            self._owner = None
            self.connection = None
        if callback is not None:
            callback(*args)


class Timers:
    """The pending timers of one manager."""

    __slots__ = ("_count", "_dead", "_heap")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._count = 0
        self._dead = 0

    def __len__(self) -> int:
        return len(self._heap) - self._dead

    def add(
        self,
        when: float,
        interval: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        connection: Any,
    ) -> Timer:
        """Add a timer; those of the same time fire in the order in which they were added."""
        timer = Timer(self, when, interval, callback, args, connection)
        self._push(timer)
        return timer

    def next_deadline(self) -> float:
        """When to look again, at the latest when the next timer is due; negative: never."""
        while self._heap:
            timer = self._heap[0]
            if timer._callback is not None:
                return timer._slot
            heapq.heappop(self._heap)
            self._dead -= 1
        return -1.0

    def last(self) -> int:
        """The order number of the youngest timer, for `pop_due`."""
        return self._count

    def pop_due(self, now: float, last: int) -> Timer | None:
        """Take the next timer that is due, or None. A repeating one is put back first.

        Timers younger than ``last`` stay, so that one that sets another for now cannot hold the
        loop.
        """
        while self._heap:
            timer = self._heap[0]
            if timer._callback is None:
                heapq.heappop(self._heap)
                self._dead -= 1
            elif timer._slot > now or timer._order > last:
                return None
            elif timer.when > timer._slot:  # it was postponed
                timer._slot = timer.when
                heapq.heapreplace(self._heap, timer)
            else:
                heapq.heappop(self._heap)
                if timer.interval > 0.0:
                    timer.when += timer.interval
                    if timer.when <= now:  # missed turns are left out: no burst after a hold-up
                        timer.when = now + timer.interval
                    self._push(timer)
                return timer
        return None

    def clear(self) -> None:
        """Cancel everything."""
        for timer in self._heap:
            timer._owner = None
            timer.cancel()
        self._heap = []
        self._dead = 0

    def _push(self, timer: Timer) -> None:
        self._count += 1
        timer._order = self._count
        timer._slot = timer.when
        heapq.heappush(self._heap, timer)

    def _compact(self) -> None:
        alive = []
        for timer in self._heap:
            if timer._callback is not None:
                alive.append(timer)
        self._heap = alive
        heapq.heapify(self._heap)
        self._dead = 0
