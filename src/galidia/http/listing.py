"""The page that lists a folder."""

from __future__ import annotations

import os
import time
from html import escape
from urllib.parse import quote

#: Entries that are listed; a page with more says that there are more.
MAX_ENTRIES = 10_000

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .2rem .6rem; border-bottom: 1px solid #8884 }}
td:last-child, th:last-child {{ text-align: right; font-variant-numeric: tabular-nums }}
</style>
<h1>{title}</h1>
<table>
<tr><th>Name<th>Modified<th>Size
{rows}
</table>
{note}
</html>
"""
_ROW = '<tr><td><a href="{href}">{name}</a><td>{modified}<td>{size}'


def render(folder: int | str, target: str) -> str:
    """The page for a folder, given as descriptor or path, reached as ``target``. Raises OSError.

    Of a symbolic link only the name is shown: what it leads to may lie outside.
    """
    entries: list[os.DirEntry[str]] = []
    more = False
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name.startswith("."):
                continue
            if len(entries) >= MAX_ENTRIES:
                more = True
                break
            entries.append(entry)
    entries.sort(key=lambda e: (not _is_folder(e), e.name.lower(), e.name))
    rows = [_row(entry) for entry in entries]
    if target != "/":
        rows.insert(0, _ROW.format(href="../", name="../", modified="", size=""))
    return _PAGE.format(
        title=f"Folder {escape(_shown(target))}",
        rows="\n".join(rows),
        note=f"<p>Only the first {MAX_ENTRIES} entries are shown.</p>" if more else "",
    )


def _row(entry: os.DirEntry[str]) -> str:
    slash = "/" if _is_folder(entry) else ""
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


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def _size(count: float) -> str:
    for unit in ("", "k", "M", "G"):
        if count < 1024:
            return f"{count:.1f}{unit}" if unit else f"{count:.0f}"
        count /= 1024
    return f"{count:.1f}T"
