"""Names to addresses, without blocking the loop.

`Manager.resolver` holds a `Resolver`. What every one of them knows by itself are the names of this
machine: the hosts file, and ``localhost`` (RFC 6761 6.3). For the rest `DefaultResolver` loads the
DNS client of `galidia.dns`, and `SystemResolver` asks the system, in a thread.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .address import is_ip
from .hosts import HostsFile
from .registry import load

if TYPE_CHECKING:
    from .manager import Manager

#: The addresses found, best first, and when there are none, why. A third argument, true, says that
#: more are being asked for and that another call will come.
Answer = Callable[..., object]

#: Look-ups that may wait for the system's answer at the same time.
MAX_PENDING = 1000
#: Who finds the names that are not of this machine.
DNS_RESOLVER = "galidia.dns.resolver:Resolver"


class ResolveError(Exception):
    """Why a look-up came to nothing; the text names the name and the reason."""


class NotFoundError(ResolveError):
    """There is no such name (NXDOMAIN), or it cannot be one."""


class NoDataError(ResolveError):
    """The name exists, but has nothing of the type that was asked for."""


class NoAnswerError(ResolveError, TimeoutError):
    """No server answered in time."""


class RefusedError(ResolveError):
    """Every server refused, failed or could not be reached."""


class BusyError(ResolveError):
    """Too many look-ups are waiting already."""


class ClosedError(ResolveError):
    """The manager was closed before there was an answer."""


class Lookup:
    """What came of `Manager.resolve`.

    ``addresses`` are IP addresses as text, best first. ``records`` are the `galidia.dns.Record`s
    of the type that was asked for, where one was. ``error`` is a `ResolveError` when there is
    nothing, else None.
    """

    __slots__ = ("_canonical", "addresses", "error", "name", "records")

    def __init__(
        self,
        name: str,
        addresses: list[str],
        error: ResolveError | None = None,
        records: tuple[Any, ...] = (),
        canonical: object = "",
    ) -> None:
        self.name = name
        self.addresses = addresses
        self.error = error
        self.records = records
        self._canonical = canonical or name

    @property
    def canonical(self) -> str:
        """The name that the records belong to, at the end of the aliases."""
        return str(self._canonical).removesuffix(".")

    def raise_for_error(self) -> None:
        """Raise ``error``, if there is one."""
        if self.error is not None:
            raise self.error

    def __repr__(self) -> str:
        return f"<Lookup {self.name} {self.error or self.addresses or list(self.records)!r}>"


def nothing() -> None:
    """Cancels what has been answered already."""


class Resolver:
    """What a manager asks of its resolver, and the names that need no server.

    A derived class has `ask`. Any object with `resolve` and `close` will do for `connect`.
    """

    __slots__ = ("__weakref__", "_mgr", "hosts")

    def __init__(self, mgr: Manager, hosts_file: str | None = None) -> None:
        self._mgr = mgr
        path = mgr.network.hosts_file if hosts_file is None else hosts_file
        self.hosts = HostsFile(path)

    def resolve(self, name: str, answer: Answer) -> Callable[[], object]:
        """Look a name up, then call ``answer(addresses, error)`` once from a poll, or at once.

        ``answer(addresses, error, True)`` may come before, with what one family of addresses has.
        Returns a function that cancels: ``answer`` is not called afterwards.
        """
        found = self.hosts.addresses(name)
        if not found and is_localhost(name):
            found = ["127.0.0.1", "::1"]
        if found:
            answer(found, "")
            return nothing
        return self.ask(name, answer)

    def ask(self, name: str, answer: Answer) -> Callable[[], object]:
        """`resolve`, for a name that is not of this machine."""
        raise NotImplementedError

    def lookup(
        self, name: str, type: str | int, answer: Callable[[Lookup], object]
    ) -> Callable[[], object]:
        """Look up records of one type in the DNS, then call ``answer`` as `resolve` does."""
        raise TypeError("this manager's resolver finds addresses only: leave out type=")

    def close(self) -> None:
        """The manager is closing."""


class DefaultResolver(Resolver):
    """Gives way to the DNS client at the first name that it cannot answer."""

    def ask(self, name: str, answer: Answer) -> Callable[[], object]:
        cancel: Callable[[], object] = self._successor().ask(name, answer)
        return cancel

    def lookup(
        self, name: str, type: str | int, answer: Callable[[Lookup], object]
    ) -> Callable[[], object]:
        cancel: Callable[[], object] = self._successor().lookup(name, type, answer)
        return cancel

    def _successor(self) -> Any:
        if self._mgr.resolver is self:
            self._mgr.resolver = load(DNS_RESOLVER)(self._mgr)
        return self._mgr.resolver


class SystemResolver(Resolver):
    """The hosts file, then ``getaddrinfo`` in a worker thread."""

    def __init__(self, mgr: Manager, hosts_file: str | None = None) -> None:
        super().__init__(mgr, hosts_file)
        self._jobs: queue.SimpleQueue[tuple[str, Answer, list[bool]] | None] = queue.SimpleQueue()
        self._pending = 0
        self._worker: threading.Thread | None = None

    def ask(self, name: str, answer: Answer) -> Callable[[], object]:
        if self._pending >= MAX_PENDING:
            answer([], BusyError(f"{MAX_PENDING} look-ups are waiting already"))
            return nothing
        cancelled = [False]
        self._pending += 1
        self._jobs.put((name, answer, cancelled))
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="galidia-resolver", daemon=True)
            self._worker.start()

        def cancel() -> None:
            cancelled[0] = True

        return cancel

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            name, answer, cancelled = job
            found: list[str] = []
            error: ResolveError | str = ""
            if not cancelled[0]:
                try:
                    infos = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
                    found = list(dict.fromkeys(_literal(info[4]) for info in infos))
                except OSError as e:
                    kind = NotFoundError if e.errno == socket.EAI_NONAME else ResolveError
                    error = kind(f"{name!r} cannot be resolved: {e.strerror or e}")
                except UnicodeError:
                    error = NotFoundError(f"{name!r} is not a host name")
            try:
                self._mgr.call_soon_threadsafe(self._done, answer, found, error, cancelled)
            except RuntimeError:
                return  # the manager was closed meanwhile

    def _done(
        self, answer: Answer, found: list[str], error: ResolveError | str, cancelled: list[bool]
    ) -> None:
        self._pending -= 1
        if not cancelled[0]:
            answer(found, error)

    def close(self) -> None:
        if self._worker is not None:
            self._jobs.put(None)
            if self._pending == 0:
                self._worker.join()


class Resolving:
    """One call of `Manager.resolve`: the callback comes once, and from a poll."""

    __slots__ = ("_cancel", "_found", "_given", "_inside", "_mgr", "_name", "_timer")

    def __init__(self, mgr: Manager, name: str, given: Callable[[Lookup], object]) -> None:
        self._mgr = mgr
        self._name = name
        self._given: Callable[[Lookup], object] | None = given
        self._found: list[str] = []
        self._inside = True
        self._timer: Any = None
        self._cancel: Callable[[], object] = nothing

    def start(self, type: str | int | None) -> None:
        """Raises TypeError or ValueError for a type that cannot be asked for."""
        resolver = self._mgr.resolver
        if type is not None:
            self._cancel = resolver.lookup(self._name, type, self._tell)
        elif is_ip(self._name):
            self._answered([self._name], "")
        else:
            self._cancel = resolver.resolve(self._name, self._answered)
        self._inside = False

    def cancel(self) -> None:
        """The callback does not come."""
        self._given = None
        self._cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _answered(
        self, addresses: list[str], error: ResolveError | str, more: bool = False
    ) -> None:
        found = self._found + addresses
        if self._found:  # in two parts: IPv6 first, whichever was faster (RFC 6724)
            found.sort(key=lambda address: ":" not in address)
        if more:
            self._found = found
            return
        why: ResolveError | None = None
        if not found:
            why = error if isinstance(error, ResolveError) else ResolveError(str(error))
        self._tell(Lookup(self._name, found, why))

    def _tell(self, lookup: Lookup) -> None:
        if self._inside:
            self._timer = self._mgr.call_later(0, self._tell, lookup)
            self._inside = False
            return
        given, self._given = self._given, None
        if given is not None:
            given(lookup)


def is_localhost(name: str) -> bool:
    """Whether a name means this machine, wherever it is looked up (RFC 6761 6.3)."""
    name = name.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def _literal(sockaddr: Any) -> str:
    host = str(sockaddr[0])
    if len(sockaddr) > 3 and sockaddr[3] and "%" not in host:
        return f"{host}%{sockaddr[3]}"
    return host
