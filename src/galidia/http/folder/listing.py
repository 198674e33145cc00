"""The page that lists a folder: sorted by name, time or size, made in slices.

It needs no script and nothing from elsewhere. The names of a folder are read at once and the rest
is looked at slice by slice, as the page leaves, so that a huge folder does not hold up the others;
only to sort by time or size it is needed for all before. What is kept meanwhile are the names.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from ...core.connection import Connection

__all__ = ["MAX_ENTRIES", "SLICE", "Listing"]

#: Entries that are listed; a page with more says that there are more.
MAX_ENTRIES = 10_000
#: Entries in a slice.
SLICE = 250

_BEGIN = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem }}
h1 {{ font-size: 1.4rem; overflow-wrap: anywhere }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .4rem .5rem; border-bottom: 1px solid #8884 }}
td {{ overflow-wrap: anywhere }}
td + td, th + th {{ white-space: nowrap; font-variant-numeric: tabular-nums }}
td:last-child, th:last-child {{ text-align: right }}
a {{ text-decoration: none }}
a:hover, a:focus {{ text-decoration: underline }}
@media (max-width: 30rem) {{
body {{ padding: .5rem }}
td + td {{ font-size: .75rem }}
}}
</style>
<h1>{title}</h1>
<table>
<tr>{columns}
"""
_END = "</table>\n{note}</html>\n"
_ROW = '<tr><td><a href="{href}">{name}</a><td>{modified}<td>{size}\n'
_COLUMNS = ("name", "time", "size")
_TITLES = {"name": "Name", "time": "Modified", "size": "Size"}


class Listing:
    """The page for a folder, as an iterator over its slices.

    ``folder`` is a path, or a descriptor, which is closed at the end or by `close`. ``target`` is
    the path that it was reached as, ``order`` a column (name, time, size), with "-" before it the
    other way round; anything else is by name. Names that begin with a dot, and those for which
    ``hides`` says so, are left out. Of a symbolic link only the name is shown: what it leads to may
    lie outside. Raises OSError when the folder cannot be read, but not in the middle.
    """

    __slots__ = ("_at", "_fd", "_folder", "_more", "_names", "_order", "_payer", "_target")

    def __init__(
        self,
        folder: int | str,
        target: str,
        order: str = "name",
        hides: Callable[[str], bool] | None = None,
    ) -> None:
        self._fd = folder if isinstance(folder, int) else -1
        self._folder = "" if isinstance(folder, int) else folder
        self._target = target
        self._order = order if order.removeprefix("-") in _COLUMNS else "name"
        #: Those of folders end with a slash.
        self._names: list[str] = []
        self._more = False
        self._at = -1
        self._payer: Connection | None = None
        try:
            entries = self._scan(folder, hides)
            self._sort(entries)
            self._names = [e.name if _is_file(e) else f"{e.name}/" for e in entries]
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._names)

    def charge(self, c: Connection) -> None:
        """Have what is held until it is over count as a connection's."""
        self._payer = c
        c.account(sum(map(len, self._names)) + 64 * len(self._names))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._at < 0:
            self._at = 0
            return self._begin().encode()
        names = self._names[self._at : self._at + SLICE]
        if names:
            self._at += SLICE
            return "".join([self._row(name) for name in names]).encode()
        if self._at > len(self._names) + SLICE:
            raise StopIteration
        self._at = len(self._names) + SLICE + 1
        self.close()
        note = f"<p>Only {MAX_ENTRIES} of the entries are shown.\n" if self._more else ""
        return _END.format(note=note).encode()

    def close(self) -> None:
        """Give back the descriptor."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
        payer, self._payer = self._payer, None
        if payer is not None:
            payer.account(0)

    def _scan(
        self, folder: int | str, hides: Callable[[str], bool] | None
    ) -> list[os.DirEntry[str]]:
        entries: list[os.DirEntry[str]] = []
        with os.scandir(folder) as found:
            for entry in found:
                name = entry.name
                if name[0] == "." or (hides is not None and hides(name)):
                    continue
                if len(entries) >= MAX_ENTRIES:
                    self._more = True
                    break
                entries.append(entry)
        return entries

    def _sort(self, entries: list[os.DirEntry[str]]) -> None:
        """Folders come first, whatever the order, and equal things in that of their names."""
        entries.sort(key=lambda e: (e.name.lower(), e.name))
        reverse = self._order[0] == "-"
        if self._order == "-name":
            entries.reverse()
        elif self._order.endswith("time"):
            entries.sort(key=_time, reverse=reverse)
        elif self._order.endswith("size"):
            entries.sort(key=_length, reverse=reverse)
        entries.sort(key=_is_file)

    def _begin(self) -> str:
        columns = ""
        for column in _COLUMNS:
            link, mark = column, ""
            if self._order == column:
                link, mark = f"-{column}", " \u2191"
            elif self._order == f"-{column}":
                mark = " \u2193"
            columns += f'<th><a href="?sort={link}">{_TITLES[column]}</a>{mark}'
        page = _BEGIN.format(title=f"Folder {escape(_shown(self._target))}", columns=columns)
        if self._target != "/":
            page += _ROW.format(href="../", name="../", modified="", size="")
        return page

    def _row(self, name: str) -> str:
        modified = size = ""
        try:
            status = self._status(name)
            if not stat.S_ISLNK(status.st_mode):
                size = "" if name[-1] == "/" else _size(status.st_size)
                modified = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.st_mtime))
        except (OSError, OverflowError, ValueError):
            pass  # gone meanwhile, or a time that no calendar has
        # "./" so that a name with a colon is not taken for a scheme (RFC 3986 4.2)
        href = "./" + quote(os.fsencode(name))
        return _ROW.format(href=href, name=escape(_shown(name)), modified=modified, size=size)

    def _status(self, name: str) -> os.stat_result:
        name = name.rstrip("/")  # with it, a link would be followed
        if self._fd < 0:
            return os.lstat(os.path.join(self._folder, name))
        return os.lstat(name, dir_fd=self._fd)


def _is_file(entry: os.DirEntry[str]) -> bool:
    return not entry.is_dir(follow_symlinks=False)


def _time(entry: os.DirEntry[str]) -> float:
    status = _status(entry)
    return status.st_mtime if status is not None else 0.0


def _length(entry: os.DirEntry[str]) -> int:
    status = None if entry.is_dir(follow_symlinks=False) else _status(entry)
    return status.st_size if status is not None else -1


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return None if entry.is_symlink() else entry.stat(follow_symlinks=False)
    except OSError:
        return None


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def _size(count: float) -> str:
    for unit in ("", "k", "M", "G"):
        if count < 1024:
            return f"{count:.1f}{unit}" if unit else f"{count:.0f}"
        count /= 1024
    return f"{count:.1f}T"
