"""A manager inside of a running asyncio or uvloop loop, in the loop's thread.

    async with galidia.aio.serving(mgr):
        ...

The loop watches the manager's descriptor and its next deadline, and polls it without waiting when
one of them says so or when something was queued outside of a poll: there is no second thread and no
interval. Handlers are plain functions as ever; coroutines of the same loop may use the manager and
its connections directly. ``POLL`` comes with each poll, so with what happens and not at intervals.

The loop needs ``add_reader``, which that of asyncio on Windows by default does not have.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .core.manager import CLOSE_GRACE, Manager

__all__ = ["serving"]


@asynccontextmanager
async def serving(mgr: Manager, *, grace: float = CLOSE_GRACE) -> AsyncIterator[Manager]:
    """Have the running loop host a manager; closes it at the end.

    Leaving stops listening, lets the protocols say goodbye and sends what waits, for up to
    ``grace`` seconds in which the loop goes on; then what is left is aborted and the manager is
    closed. Cancelling that wait aborts at once. (`Manager.close` from a handler does the same but
    holds the loop up meanwhile: leave this context instead.)

    Raises RuntimeError when the manager is closed or hosted already, or when the loop or the
    platform cannot watch descriptors.
    """
    host = _Host(mgr)
    try:
        yield mgr
    finally:
        await host.close(grace)


class _Host:
    """What the loop calls, and what the manager calls when it has something to do."""

    def __init__(self, mgr: Manager) -> None:
        mgr._check_open()
        iter(mgr)  # raises when it belongs to another thread
        if mgr._host is not None:
            raise RuntimeError("this manager is hosted by a loop already")
        self._mgr = mgr
        self._loop = asyncio.get_running_loop()
        self._soon: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._empty: asyncio.Future[None] | None = None
        try:
            self._fd = mgr.fileno()
            self._loop.add_reader(self._fd, self._poll)
        except NotImplementedError:
            raise RuntimeError(
                "this event loop cannot watch descriptors here (add_reader): "
                "give the manager a thread of its own, mgr.run()"
            ) from None
        mgr._host = self._wake
        self._wake()

    def _wake(self) -> None:
        """Something was queued or a timer was set outside of a poll, or the manager was closed."""
        if self._mgr.closed:
            self._detach()
        elif self._soon is None:
            self._soon = self._loop.call_soon(self._poll)

    def _poll(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._mgr._host is None:
            return
        try:
            self._mgr.poll(0)
        finally:
            if not self._mgr.closed:
                self._schedule()
            if self._empty is not None and not len(self._mgr) and not self._empty.done():
                self._empty.set_result(None)

    def _on_timer(self) -> None:
        self._timer = None
        self._poll()

    def _schedule(self) -> None:
        deadline = self._mgr.next_deadline()
        # A timer that is armed for an earlier time costs one idle poll, arming it anew costs more.
        if deadline is None or (self._timer is not None and self._due <= deadline):
            return
        delay = deadline - self._mgr.monotonic()
        if delay <= 0.0:
            self._wake()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = deadline
        # Some loops count whole milliseconds and would be early; early is once more in vain.
        self._timer = self._loop.call_later(math.ceil(delay * 1000) / 1000, self._on_timer)

    def _detach(self) -> None:
        if self._mgr._host is None:
            return
        self._mgr._host = None
        self._loop.remove_reader(self._fd)
        for handle in (self._soon, self._timer):
            if handle is not None:
                handle.cancel()

    async def close(self, grace: float) -> None:
        try:
            if not self._mgr.closed and len(self._mgr) and grace > 0.0:
                self._empty = self._loop.create_future()
                self._mgr._say_goodbye()
                self._wake()  # what it has queued
                async with asyncio.timeout(grace):
                    await self._empty
        except TimeoutError:
            pass  # what is left is aborted
        finally:
            self._detach()
            self._mgr.close(0.0)
