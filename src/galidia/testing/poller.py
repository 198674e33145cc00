"""Readiness on the virtual clock: a wait moves the clock instead of sleeping."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from ..core.poller import Poller, Watcher

if TYPE_CHECKING:
    from .network import SimNetwork

READABLE = 1
WRITABLE = 2
ENDED = 4  # the peer has ended its side
FAILED = 8  # error or hang-up: reported to everybody who watches
EVERYTHING = 15

_EDGE = 8  # in what is asked for


class SimPoller(Poller):
    """Behaves like epoll, edges included: what is asked for with ``EDGE`` is reported when new."""

    __slots__ = ("_armed", "_interest", "_net", "_ready", "number")

    def __init__(self, net: SimNetwork, number: int) -> None:
        self._net = net
        self.number = number
        self._interest: dict[int, int] = {}
        #: Descriptors that may be ready: those that something has happened to.
        self._armed: dict[int, None] = {}
        self._ready: list[int] = []

    def set(self, fd: int, was: int, mask: int) -> None:
        if fd not in self._net.descriptors:
            raise OSError(errno.EBADF, f"descriptor {fd} is not open")
        if (was == 0) != (fd not in self._interest):
            code = errno.EEXIST if was == 0 else errno.ENOENT
            raise OSError(code, f"descriptor {fd} is{' not' if was else ''} watched")
        if mask:
            self._interest[fd] = mask
            self._armed[fd] = None
            self._net.watched[fd] = self
        else:
            self.forget(fd)

    def forget(self, fd: int) -> None:
        """The descriptor is not watched any more, or it is closed."""
        self._interest.pop(fd, None)
        self._armed.pop(fd, None)
        self._net.watched.pop(fd, None)

    def event(self, fd: int, kind: int) -> None:
        """Something has happened to a descriptor that is watched."""
        if kind & (self._interest[fd] | FAILED | ENDED):
            self._armed[fd] = None

    def is_ready(self) -> bool:
        """Whether a wait would return at once."""
        return any(self._mask(fd) for fd in self._armed)

    def wait(self, timeout: float) -> int:
        net = self._net
        net.deliver()
        end = net.now + timeout if timeout >= 0 else float("inf")
        while not self.is_ready():
            when = net.next_event()
            if when is None or when > end:
                if end == float("inf"):
                    break  # for ever
                net.now = end
                break
            net.now = when
            net.deliver()
        self._collect()
        return len(self._ready)

    def take(self, i: int) -> int:
        return self._ready[i]

    def close(self) -> None:
        for fd in list(self._interest):
            self.forget(fd)
        self._net.pollers.remove(self)

    def _collect(self) -> None:
        net = self._net
        ready = self._ready = []
        for fd in list(self._armed):
            mask = self._mask(fd)
            if mask:
                ready.append(fd << 3 | mask)
            if not mask or (net.edge and self._interest[fd] & _EDGE):
                del self._armed[fd]
        if net.chance(net.faults.spurious):
            fd = net.random.choice(list(self._interest))
            if not any(what >> 3 == fd for what in ready) and self._interest[fd] & READABLE:
                ready.append(fd << 3 | READABLE)
        if len(ready) > 1:
            net.random.shuffle(ready)
        if ready:
            net.note(f"poller {self.number}", "ready", " ".join(f"{w >> 3}:{w & 7}" for w in ready))

    def _mask(self, fd: int) -> int:
        interest = self._interest[fd]
        state = self._net.descriptors[fd].readiness()
        if state & FAILED:
            return READABLE | WRITABLE | ENDED
        mask: int = state & (interest & 3 | (ENDED if interest & READABLE else 0))
        return mask


class SimWaker(Watcher):
    """Ends a wait of its manager."""

    __slots__ = ("_awake", "_net", "fd", "signal_fd")

    def __init__(self, net: SimNetwork) -> None:
        self._net = net
        self._awake = False
        self.fd = net.open(self)
        self.signal_fd = -1

    def readiness(self) -> int:
        return READABLE if self._awake else 0

    def wake(self) -> None:
        self._awake = True
        self._net.notify(self.fd, READABLE)

    def _ready(self, mask: int) -> None:
        self._awake = False

    def close(self) -> None:
        self._net.free(self.fd)
        self.fd = -1

    def __str__(self) -> str:
        return "waker"
