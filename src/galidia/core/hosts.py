"""The hosts file, and files of the system that are read again when they have changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

from .address import is_ip

T = TypeVar("T")

HOSTS_FILE = (
    os.path.expandvars(r"%SystemRoot%\System32\drivers\etc\hosts")
    if os.name == "nt"
    else "/etc/hosts"
)


class Reread(Generic[T]):
    """What ``parse`` makes of a file's text; of no text when it cannot be read or there is no path.

    Each call asks the system whether the file is still the same, which is a microsecond or two.
    """

    __slots__ = ("_parse", "_stamp", "_value", "path")

    def __init__(self, path: str, parse: Callable[[str], T]) -> None:
        self.path = path
        self._parse = parse
        self._stamp: tuple[int, ...] | None = None
        self._value = parse("")

    def __call__(self) -> T:
        if not self.path:
            return self._value
        stamp = None
        try:
            found = os.stat(self.path)
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return self._value
            with open(self.path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            text = ""
        if stamp != self._stamp:
            self._stamp = stamp
            self._value = self._parse(text)
        return self._value


class HostsFile:
    """Addresses by name, in the order of the file; a name is found in any case."""

    __slots__ = ("_names",)

    def __init__(self, path: str = HOSTS_FILE) -> None:
        self._names = Reread(path, parse_hosts)

    def addresses(self, name: str) -> list[str]:
        """The addresses that the file has for a name; a final dot makes no difference."""
        return list(self._names().get(name.rstrip(".").lower(), ()))


def parse_hosts(text: str) -> dict[str, list[str]]:
    """The entries of a hosts file: an address and its names on a line, comments behind ``#``."""
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        fields = line.partition("#")[0].split()
        if len(fields) > 1 and is_ip(fields[0]):
            for name in fields[1:]:
                found = names.setdefault(name.rstrip(".").lower(), [])
                if fields[0] not in found:
                    found.append(fields[0])
    return names
