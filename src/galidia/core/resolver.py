"""Names to addresses, without blocking the loop.

A resolver is what `Manager.resolver` holds: `resolve` answers through a callback, in the manager's
thread. `SystemResolver` looks into the hosts file and then asks the system's resolver, in a thread.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .address import is_ip

if TYPE_CHECKING:
    from .manager import Manager

#: The addresses found, best first, and a text that says why there are none.
Answer = Callable[[list[str], str], object]

#: Look-ups that may wait for an answer at the same time.
MAX_PENDING = 1000
HOSTS_FILE = (
    os.path.expandvars(r"%SystemRoot%\System32\drivers\etc\hosts")
    if os.name == "nt"
    else "/etc/hosts"
)


class Resolver(Protocol):
    """What a manager asks of its resolver."""

    def resolve(self, name: str, answer: Answer) -> Callable[[], object]:
        """Look a name up, then call ``answer(addresses, error)`` once from a poll, or at once.

        Returns a function that cancels: ``answer`` is not called afterwards.
        """

    def close(self) -> None:
        """The manager is closing."""


def from_hosts_file(name: str, path: str = HOSTS_FILE) -> list[str]:
    """The addresses that the hosts file has for a name."""
    wanted = name.rstrip(".").lower()
    found = []
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                fields = line.partition("#")[0].split()
                if len(fields) > 1 and wanted in (f.lower() for f in fields[1:]):
                    if is_ip(fields[0]) and fields[0] not in found:
                        found.append(fields[0])
    except OSError:
        pass  # no file, no entries
    return found


class SystemResolver:
    """The hosts file, then ``getaddrinfo`` in a worker thread."""

    def __init__(self, mgr: Manager, hosts_file: str = HOSTS_FILE) -> None:
        self._mgr = mgr
        self._hosts_file = hosts_file
        self._jobs: queue.SimpleQueue[tuple[str, Answer, list[bool]] | None] = queue.SimpleQueue()
        self._pending = 0
        self._worker: threading.Thread | None = None

    def resolve(self, name: str, answer: Answer) -> Callable[[], object]:
        found = from_hosts_file(name, self._hosts_file)
        if not found and name.rstrip(".").lower() == "localhost":
            found = ["127.0.0.1", "::1"]  # RFC 6761 6.3: never asked of a server
        if found:
            answer(found, "")
            return lambda: None
        if self._pending >= MAX_PENDING:
            answer([], f"{MAX_PENDING} look-ups are waiting already")
            return lambda: None
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
            error = ""
            if not cancelled[0]:
                try:
                    infos = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
                    found = list(dict.fromkeys(_literal(info[4]) for info in infos))
                except OSError as e:
                    error = f"{name!r} cannot be resolved: {e.strerror or e}"
                except UnicodeError:
                    error = f"{name!r} is not a host name"
            try:
                self._mgr.call_soon_threadsafe(self._done, answer, found, error, cancelled)
            except RuntimeError:
                return  # the manager was closed meanwhile

    def _done(self, answer: Answer, found: list[str], error: str, cancelled: list[bool]) -> None:
        self._pending -= 1
        if not cancelled[0]:
            answer(found, error)

    def close(self) -> None:
        if self._worker is not None:
            self._jobs.put(None)
            if self._pending == 0:
                self._worker.join()


def _literal(sockaddr: Any) -> str:
    host = str(sockaddr[0])
    if len(sockaddr) > 3 and sockaddr[3] and "%" not in host:
        return f"{host}%{sockaddr[3]}"
    return host
