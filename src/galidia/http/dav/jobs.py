"""Work on a tree that goes in slices, so that the loop goes on between them.

A piece of work is an iterator: each step does a little and gives what it cost, in units of one
directory entry. In each poll one slice of one piece is done, in turn. Pieces whose areas overlap,
one lying within the other, never run at the same time: the later one waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..request import Request

#: Units of work in one slice: milliseconds rather than tens of them.
SLICE = 64
#: Pieces of work at once, each with up to three descriptors for each level of its tree.
MAX_RUNNING = 16
#: Requests that wait for one of them; more are answered with 503.
MAX_WAITING = 1000

Work = Iterator[int]


class Job:
    """A piece of work: for which request, on which paths, and who is told when it fails."""

    __slots__ = ("areas", "fail", "request", "work")

    def __init__(
        self,
        request: Request,
        areas: tuple[str, ...],
        work: Work,
        fail: Callable[[Request, Exception], object],
    ) -> None:
        self.request = request
        self.areas = areas
        self.work = work
        self.fail = fail


class Jobs:
    """The work on one tree."""

    __slots__ = ("_running", "_waiting")

    def __init__(self) -> None:
        self._running: deque[Job] = deque()
        self._waiting: list[Job] = []

    def start(self, job: Job) -> None:
        """Begin a piece of work, or let it wait for others. What is small is done at once."""
        if not self._may_run(job):
            if len(self._waiting) >= MAX_WAITING:
                job.request.error(503, "too much is going on", [("Retry-After", "10")])
            else:
                self._waiting.append(job)
        elif not self._slice(job):
            self._running.append(job)
            if len(self._running) == 1:
                self._go_on(job)

    def close(self) -> None:
        """Give up what is under way."""
        self._waiting.clear()
        while self._running:
            close: Any = getattr(self._running.popleft().work, "close", None)
            if close is not None:
                close()

    def _may_run(self, job: Job) -> bool:
        if len(self._running) >= MAX_RUNNING:
            return False
        return not any(
            overlap(one, other) for it in self._running for one in it.areas for other in job.areas
        )

    def _go_on(self, job: Job) -> None:
        job.request.connection.mgr.call_later(0.0, self._step)

    def _step(self) -> None:
        """One slice of whose turn it is."""
        if not self._running:  # closed meanwhile
            return
        job = self._running[0]
        done = self._slice(job)
        self._running.rotate(-1)
        if done:
            self._running.remove(job)
            self._wake()
        if self._running:
            self._go_on(self._running[0])

    def _wake(self) -> None:
        """Start what was waiting and need not any more; in the order in which it came."""
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            if not self._may_run(job):
                self._waiting.append(job)
            elif not self._slice(job):
                self._running.append(job)

    def _slice(self, job: Job) -> bool:
        """Work for a while; whether all is done."""
        left = SLICE
        try:
            while left > 0:
                left -= next(job.work)
        except StopIteration:
            return True
        except Exception as e:
            job.fail(job.request, e)
            return True
        return False


def overlap(one: str, other: str) -> bool:
    """Whether one path is the other, or lies below it."""
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")
