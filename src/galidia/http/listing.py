"""The page that lists a folder: sorted by name, time or size, made in slices.

It needs no script and nothing from elsewhere. The names of a folder are read at once and the rest
is looked at slice by slice, as the page leaves, so that a huge folder does not hold up the others;
only to sort by time or size it is needed for all before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from html import escape
from urllib.parse import quote

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

    __slots__ = ("_at", "_entries", "_fd", "_more", "_order", "_target")

    def __init__(
        self,
        folder: int | str,
        target: str,
        order: str = "name",
        hides: Callable[[str], bool] | None = None,
    ) -> None:
        self._fd = folder if isinstance(folder, int) else -1
        self._target = target
        self._order = order if order.removeprefix("-") in _COLUMNS else "name"
        self._entries: list[os.DirEntry[str]] = []
        self._more = False
        self._at = -1
        try:
            self._scan(folder, hides)
            self._sort()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._at < 0:
            self._at = 0
            return self._begin().encode()
        entries = self._entries[self._at : self._at + SLICE]
        if entries:
            self._at += SLICE
            return "".join([_row(entry) for entry in entries]).encode()
        if self._at > len(self._entries) + SLICE:
            raise StopIteration
        self._at = len(self._entries) + SLICE + 1
        self.close()
        note = f"<p>Only {MAX_ENTRIES} of the entries are shown.\n" if self._more else ""
        return _END.format(note=note).encode()

    def close(self) -> None:
        """Give back the descriptor."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def _scan(self, folder: int | str, hides: Callable[[str], bool] | None) -> None:
        with os.scandir(folder) as found:
            for entry in found:
                name = entry.name
                if name[0] == "." or (hides is not None and hides(name)):
                    continue
                if len(self._entries) >= MAX_ENTRIES:
                    self._more = True
                    break
                self._entries.append(entry)

    def _sort(self) -> None:
        """Folders come first, whatever the order, and equal things in that of their names."""
        self._entries.sort(key=lambda e: (e.name.lower(), e.name))
        reverse = self._order[0] == "-"
        if self._order == "-name":
            self._entries.reverse()
        elif self._order.endswith("time"):
            self._entries.sort(key=_time, reverse=reverse)
        elif self._order.endswith("size"):
            self._entries.sort(key=_length, reverse=reverse)
        self._entries.sort(key=_is_file)

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


def _row(entry: os.DirEntry[str]) -> str:
    slash = "/" if entry.is_dir(follow_symlinks=False) else ""
    modified = size = ""
    try:
        if not entry.is_symlink():
            status = entry.stat(follow_symlinks=False)
            size = "" if slash else _size(status.st_size)
            modified = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.st_mtime))
    except (OSError, OverflowError, ValueError):
        pass  # gone meanwhile, or a time that no calendar has
    # "./" so that a name with a colon is not taken for a scheme (RFC 3986 4.2)
    href = "./" + quote(os.fsencode(entry.name)) + slash
    return _ROW.format(
        href=href, name=escape(_shown(entry.name)) + slash, modified=modified, size=size
    )


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
