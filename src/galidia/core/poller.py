"""Readiness: which descriptors can be read or written now.

`wait` says how many are ready, `take` gives them one by one as ``fd << 3 | mask``, so that no
object is made for a ready descriptor. The mask has ``READABLE``, ``WRITABLE`` and ``ENDED``; an
error or a hang-up counts as all three: the call that follows learns what it is.

A poller is level triggered, unless ``EDGE`` is asked for: then it may report only what is new. Who
asks for it reads again after a full read (`set` with the mask it has reports anew what is still
there), and after ``ENDED`` until the end.
"""

from __future__ import annotations

import select
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.exc import PyErr_CheckSignals
    from cython.cimports.galidia.core.posix import (
        EPOLL_CTL_ADD,
        EPOLL_CTL_DEL,
        EPOLL_CTL_MOD,
        EPOLLERR,
        EPOLLET,
        EPOLLHUP,
        EPOLLIN,
        EPOLLOUT,
        EPOLLRDHUP,
        epoll_ctl,
        epoll_data_t,
        epoll_event,
        epoll_wait,
        galidia_errno,
    )
    from cython.cimports.libc.stdlib import free, malloc

#: Ready descriptors taken by one wait; the rest is reported by the next one.
BATCH = 512


class Watcher:
    """Whoever is to be told that a descriptor is ready."""

    __slots__ = ()

    def _ready(self, mask: int) -> None:
        """The descriptor is readable, writable or both."""
        raise NotImplementedError


class Poller:
    """The seam: what the manager asks for. The simulated network has one of its own."""

    __slots__ = ()

    def set(self, fd: int, was: int, mask: int) -> None:
        """Watch a descriptor for ``mask`` instead of ``was``; 0 is not watched."""
        raise NotImplementedError

    def wait(self, timeout: float) -> int:
        """Wait up to ``timeout`` seconds (negative: for ever); the number of ready descriptors."""
        raise NotImplementedError

    def take(self, i: int) -> int:
        """The ``i``-th of them, as ``fd << 3 | mask``."""
        raise NotImplementedError

    def fileno(self) -> int:
        """A descriptor that is readable when something is ready, for another loop to watch."""
        raise NotImplementedError("this platform's poller has no descriptor of its own")

    def close(self) -> None:
        """Give everything back."""


class SelectorPoller(Poller):
    """The standard library's best selector; for pure builds and where there is no epoll."""

    __slots__ = ("_ready", "_selector")

    def __init__(self) -> None:
        self._selector: Any = selectors.DefaultSelector()
        self._ready: list[Any] = []

    def set(self, fd: int, was: int, mask: int) -> None:
        if was == 0:
            self._selector.register(fd, mask & 3)
        elif mask == 0:
            self._selector.unregister(fd)
        elif mask != was:
            self._selector.modify(fd, mask & 3)

    def wait(self, timeout: float) -> int:
        self._ready = self._selector.select(timeout if timeout >= 0 else None)
        return len(self._ready)

    def take(self, i: int) -> int:
        key, mask = self._ready[i]
        return key.fd << 3 | mask

    def fileno(self) -> int:
        try:
            return int(self._selector.fileno())
        except AttributeError:
            return Poller.fileno(self)

    def close(self) -> None:
        self._selector.close()


class EpollPoller(Poller):
    """epoll, called from C when compiled."""

    __slots__ = ("_epfd", "_epoll", "_events", "_size")

    def __init__(self) -> None:
        self._epoll: Any = select.epoll()
        self._epfd: int = self._epoll.fileno()
        if cython.compiled:
            self._size = BATCH
            self._events = cython.cast(
                cython.pointer(epoll_event), malloc(BATCH * cython.sizeof(epoll_event))
            )
            if self._events == cython.NULL:
                raise MemoryError
        else:
            self._events = []

    def set(self, fd: int, was: int, mask: int) -> None:
        if cython.compiled:
            what = EPOLLIN | EPOLLRDHUP if mask & 1 else 0
            if mask & 2:
                what |= EPOLLOUT
            if mask & 8:
                what |= EPOLLET
            event: Any = epoll_event(events=what, data=epoll_data_t(u64=fd))
            how = EPOLL_CTL_MOD
            if was == 0:
                how = EPOLL_CTL_ADD
            elif mask == 0:
                how = EPOLL_CTL_DEL
            if epoll_ctl(self._epfd, how, fd, cython.address(event)) < 0:
                raise OSError(galidia_errno(), "epoll_ctl")
        else:
            events = select.EPOLLIN | select.EPOLLRDHUP if mask & 1 else 0
            if mask & 2:
                events |= select.EPOLLOUT
            if mask & 8:
                events |= select.EPOLLET
            if was == 0:
                self._epoll.register(fd, events)
            elif mask == 0:
                self._epoll.unregister(fd)
            else:
                self._epoll.modify(fd, events)

    def wait(self, timeout: float) -> int:
        if cython.compiled:
            epfd = self._epfd
            events = self._events
            size = self._size
            # Rounded up: waking a moment before a timer is due would only mean to wait again.
            milliseconds = -1 if timeout < 0 else int(min(timeout, 1e6) * 1000 + 0.999)
            if milliseconds == 0:
                n = epoll_wait(epfd, events, size, 0)
            else:
                with cython.nogil:
                    n = epoll_wait(epfd, events, size, milliseconds)
                PyErr_CheckSignals()
            return n if n > 0 else 0
        self._events = self._epoll.poll(timeout if timeout >= 0 else None, BATCH)
        return len(self._events)

    def take(self, i: int) -> int:
        if cython.compiled:
            what = self._events[i].events
            fd = self._events[i].data.u64
            if what == EPOLLIN:
                return fd << 3 | 1
            if what & (EPOLLERR | EPOLLHUP):
                return fd << 3 | 7
            return (
                fd << 3
                | (1 if what & EPOLLIN else 0)
                | (2 if what & EPOLLOUT else 0)
                | (4 if what & EPOLLRDHUP else 0)
            )
        fd, what = self._events[i]
        if what == 1:
            return fd << 3 | 1
        if what & 24:  # EPOLLERR | EPOLLHUP
            return fd << 3 | 7
        return fd << 3 | (what & 1) | ((what & 4) >> 1) | (4 if what & 0x2000 else 0)

    def fileno(self) -> int:
        return self._epfd

    def close(self) -> None:
        self._epoll.close()
        if cython.compiled:
            self._size = 0
            free(self._events)
            self._events = cython.NULL


def default_poller() -> Poller:
    """The fastest poller of this platform."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()
