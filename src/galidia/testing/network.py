"""The simulated network: its hosts, its clock, what is on its way, and a record of it all."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections import deque
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ..core import manager as core_manager
from ..core.address import Address
from .faults import Faults, Range
from .host import SimHost
from .poller import SimPoller, SimWaker

if TYPE_CHECKING:
    from ..core.manager import Manager
    from .tcp import SimStream

#: What the virtual clock starts at: `monotonic`, and `time` less that.
START = 1000.0
EPOCH = 1_700_000_000.0 - START
#: Bytes of a stream that may be on their way or not read yet.
WINDOW = 1 << 16
#: Seconds from one host to the other.
LATENCY = 0.001
#: Entries of the trace that are kept; the digest covers all.
TRACE = 10_000


class SimulationError(RuntimeError):
    """The run does not come to an end."""


class SimNetwork(SimHost):
    """A network inside the process, and its first host.

    ``seed`` decides everything that chance decides; ``faults`` says what goes wrong. ``hosts`` maps
    names to an address or a list of them: other names do not resolve. ``latency`` is in seconds,
    ``window`` in bytes for each direction of a stream. With ``edge=False`` readiness is always
    level triggered.

    ``now`` is the virtual clock. It moves when a manager waits, or in `run`.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        faults: Faults | None = None,
        hosts: dict[str, str | list[str]] | None = None,
        address: str = "10.0.0.1",
        latency: float = LATENCY,
        window: int = WINDOW,
        edge: bool = True,
    ) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.faults = faults if faults is not None else Faults()
        self.hosts = dict(hosts or {})
        self.latency = latency
        self.window = window
        self.edge = edge
        self.now = START
        self.epoch = EPOCH
        self.trace: deque[tuple[float, str, str, str]] = deque(maxlen=TRACE)
        self.descriptors: dict[int, Any] = {}
        self.watched: dict[int, SimPoller] = {}
        self.pollers: list[SimPoller] = []
        self.owners: dict[str, SimHost] = {}
        self.paths: dict[str, Any] = {}
        self._hash = hashlib.sha256()
        self._events: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._numbers = 0
        self._free_fds: list[int] = []
        self._next_fd = 3
        self._down: set[str] = set()
        self._cut: set[frozenset[str]] = set()
        self._held: dict[SimStream, None] = {}
        SimHost.__init__(self, self, address)

    # -- for tests ----------------------------------------------------------------------------

    def host(self, address: str) -> SimHost:
        """Another host of this network: the ``network=`` of the managers on it."""
        owner = self.owners.get(address)
        if owner is not None and address in (owner.address, owner.address6):
            return owner
        return SimHost(self, address)

    def run(
        self,
        until: Callable[[], object] | None = None,
        *,
        limit: float = 3600.0,
        max_passes: int = 1_000_000,
        tick: float | None = None,
    ) -> bool:
        """Poll all managers, in an order that the seed chooses, until ``until()`` holds.

        True when it does, or without ``until`` when nothing more can happen. False when nothing
        more can happen before it does, or when ``limit`` seconds of the virtual clock have passed.
        With ``tick`` every manager is polled that often in any case, for handlers of ``POLL``.
        Raises `SimulationError` after ``max_passes`` rounds.
        """
        end = self.now + limit
        due = self.now
        for _ in range(max_passes):
            self.deliver()
            if until is not None and until():
                return True
            managers = self.managers()
            self.random.shuffle(managers)
            worked = False
            for mgr in managers:
                if not mgr.closed and (self.now >= due or self._is_busy(mgr)):
                    mgr.poll(0)
                    worked = True
            if self.now >= due:
                due = self.now + tick if tick is not None else float("inf")
            if worked:
                continue
            when = min((due, self._next(managers)))
            if when > end:
                if when < float("inf"):
                    self.now = end
                    return False
                return until is None
            self.now = max(self.now, when)
        raise SimulationError(f"seed {self.seed}: still busy after {max_passes} rounds")

    def call_at(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        """Call ``callback(*args)`` in ``delay`` seconds, outside of any manager."""
        self.at(self.now + delay, callback, *args)

    def forge(self, data: bytes, source: Address | tuple[str, int], to: Address) -> None:
        """Have a datagram arrive, after the latency, that claims to come from an address."""
        self.at(self.now + self.latency, self._forged, data, Address(*source), Address(*to))

    def _forged(self, data: bytes, source: Address, to: Address) -> None:
        for sock in self.datagram_sockets(self, to):
            sock._take(data, source)

    def managers(self) -> list[Manager]:
        """The open managers on this network, oldest first."""
        found = [
            mgr
            for mgr in core_manager._live
            if isinstance(mgr.network, SimHost) and mgr.network.net is self and not mgr.closed
        ]
        return sorted(found, key=_number)

    def down(self, address: str) -> None:
        """From now on nothing reaches this host, and nothing comes from it."""
        self._down.add(self._site(address))

    def partition(self, one: str, other: str) -> None:
        """From now on these two hosts do not reach each other."""
        self._cut.add(frozenset((self._site(one), self._site(other))))

    def heal(self) -> None:
        """Every host is up and reaches every other; what streams had on their way arrives."""
        self._down.clear()
        self._cut.clear()
        held, self._held = self._held, {}
        for stream in held:
            stream.release_held()

    def leftovers(self) -> list[str]:
        """What is still open: descriptors, connections, timers. Open managers do not count."""
        left = [
            f"descriptor {fd}: {what}"
            for fd, what in sorted(self.descriptors.items())
            if not isinstance(what, SimWaker)
        ]
        for mgr in self.managers():
            left += [f"connection: {c!r}" for c in mgr]
            if mgr.next_deadline() is not None:
                left.append(f"timer of {mgr!r}")
            if mgr.buffered:
                left.append(f"{mgr.buffered} bytes in buffers of {mgr!r}")
        return left

    def digest(self) -> str:
        """A hash of all that has happened, also of what `trace` has no room for."""
        return self._hash.hexdigest()

    # -- for the parts of the simulation ------------------------------------------------------

    def note(self, who: str, what: str, detail: object) -> None:
        """Put into the trace what happens."""
        entry = (round(self.now - START, 9), who, what, str(detail))
        self.trace.append(entry)
        self._hash.update(repr(entry).encode())

    def number(self) -> int:
        """A number of its own for each part."""
        self._numbers += 1
        return self._numbers

    def chance(self, probability: float) -> bool:
        """Whether something happens that has this probability."""
        return probability > 0 and self.random.random() < probability

    def between(self, limits: Range) -> float:
        """A number in a range."""
        return self.random.uniform(*limits) if limits[0] < limits[1] else limits[0]

    def draw_window(self) -> int:
        """The window of a new stream."""
        if self.chance(self.faults.narrow):
            return max(1, round(self.between(self.faults.small_window)))
        return self.window

    def at(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        """Have something happen; at the same time, in the order of the calls."""
        heapq.heappush(self._events, (when, self.number(), callback, args))

    def next_event(self) -> float | None:
        """When something happens next."""
        return self._events[0][0] if self._events else None

    def deliver(self) -> None:
        """Have everything happen that is due."""
        while self._events and self._events[0][0] <= self.now:
            _, _, callback, args = heapq.heappop(self._events)
            callback(*args)

    def open(self, what: Any) -> int:
        """The lowest free descriptor, as the kernel gives them."""
        if self._free_fds:
            fd = heapq.heappop(self._free_fds)
        else:
            fd, self._next_fd = self._next_fd, self._next_fd + 1
        self.descriptors[fd] = what
        return fd

    def free(self, fd: int) -> None:
        """A descriptor is closed."""
        if fd in self.watched:
            self.watched[fd].forget(fd)
        del self.descriptors[fd]
        heapq.heappush(self._free_fds, fd)

    def notify(self, fd: int, kind: int) -> None:
        """Something has happened to a descriptor."""
        if fd in self.watched:
            self.watched[fd].event(fd, kind)

    def addresses_of(self, name: str) -> list[str]:
        """The addresses of a name."""
        found = self.hosts.get(name.rstrip(".").lower(), [])
        return [found] if isinstance(found, str) else list(found)

    def route(self, host: SimHost, address: str) -> SimHost | None:
        """The host that an address belongs to, as seen from a host."""
        return host if ip_address(address).is_loopback else self.owners.get(address)

    def reaches(self, source: str, target: str) -> bool:
        """Whether a packet arrives."""
        if not (self._down or self._cut):
            return True
        one, other = self._site(source), self._site(target)
        return not (
            one in self._down or other in self._down or frozenset((one, other)) in self._cut
        )

    def hold(self, stream: SimStream) -> None:
        """A stream cannot get what is on its way to it."""
        self._held[stream] = None

    def datagram_sockets(self, source: SimHost, to: Address) -> list[Any]:
        """Who gets a datagram."""
        address = ip_address(to.host)
        if address.is_multicast or to.host == "255.255.255.255":
            hosts = dict.fromkeys(self.owners.values())
            every = [sock for host in hosts for sock in host.sockets("udp", to.port)]
            if address.is_multicast:
                return [sock for sock in every if to.host in sock.groups]
            return [sock for sock in every if ip_address(sock.address.host).is_unspecified]
        host = self.route(source, to.host)
        found = host.find("udp", to) if host is not None else None
        return [found] if found is not None else []

    def _site(self, address: str) -> str:
        """What tells hosts apart, whichever of its addresses is used."""
        found = self.addresses_of(address)
        owner = self.owners.get(found[0] if found else address)
        return owner.address if owner is not None else address

    def _is_busy(self, mgr: Manager) -> bool:
        deadline = mgr.next_deadline()
        poller: Any = mgr._poller
        return bool(poller.is_ready()) or (deadline is not None and deadline <= self.now)

    def _next(self, managers: list[Manager]) -> float:
        """When something can happen next."""
        times = [mgr.next_deadline() for mgr in managers if not mgr.closed]
        times.append(self.next_event())
        return min((t for t in times if t is not None), default=float("inf"))


def _number(mgr: Manager) -> int:
    poller: Any = mgr._poller
    return int(poller.number)
