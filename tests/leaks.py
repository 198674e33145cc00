"""What a test can leave behind in the process."""

import gc
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar


def descriptors() -> set[tuple[str, str]]:
    """Open file descriptors with what they point to; a reused number is another leak."""
    found = set()
    folder = Path("/proc/self/fd")
    for number in os.listdir(folder) if folder.exists() else []:
        try:
            found.add((number, os.readlink(folder / number)))
        except FileNotFoundError:  # the one that listed the folder
            continue
    return found


def children() -> set[tuple[str, str]]:
    """Child processes not yet waited for."""
    if not hasattr(os, "waitid"):
        return set()
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return set()
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = stat.read_text().rpartition(")")
        except OSError:  # ended meanwhile
            continue
        if int(after.split()[1]) == os.getpid():
            found.add((stat.parent.name, before.partition("(")[2]))
    return found


def managers() -> set[Any]:
    """Managers that are alive and not closed, of both copies of the package."""
    found: set[Any] = set()
    for package in ("galidia", "galidia_pure"):
        module = sys.modules.get(f"{package}.core.manager")
        found.update(mgr for mgr in getattr(module, "_live", ()) if not mgr.closed)
    return found


class Snapshot:
    """What exists now, to be compared with what exists after a test."""

    KINDS: ClassVar[dict[str, Callable[[], set[Any]]]] = {
        "file descriptor": descriptors,
        "thread": lambda: set(threading.enumerate()),
        "child process": children,
        "open manager": managers,
    }

    def __init__(self) -> None:
        self.before = {kind: look() for kind, look in self.KINDS.items()}

    def left(self) -> list[str]:
        """What has come since; garbage that only waits for the collector does not count."""
        if self._new():
            gc.collect()
        return self._new()

    def _new(self) -> list[str]:
        return [
            f"{kind}: {thing}"
            for kind, look in self.KINDS.items()
            for thing in sorted(look() - self.before[kind], key=str)
        ]
