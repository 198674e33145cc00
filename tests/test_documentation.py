"""Every ```python block of the README and of the pages in docs/ runs as it stands, prints what it
says that it prints, and the tables of limits have the values of the code."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from galidia.dns import DnsOptions
from galidia.http import ClientOptions, HttpOptions, Timeouts
from galidia.websocket import WebSocketOptions
from tests.run_block import blocks

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(page, start, id=f"{page.relative_to(ROOT).as_posix()}:{start}")
    for page in PAGES
    for start, _ in blocks(page)
]
#: In a block: a line of its output.
PRINTS = re.compile(r"# prints (.*)")
UNITS = {"": 1, "s": 1, "bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20}


@pytest.mark.parametrize(("page", "start"), BLOCKS)
def test_block_runs(page: Path, start: int, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "tests/run_block.py", page, str(start)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,  # ends a block that hangs; no block needs a fraction of it
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr, run.stderr
    said = [line.strip() for line in PRINTS.findall(dict(blocks(page))[start])]
    missing = set(said) - set(run.stdout.splitlines())
    assert not missing, run.stdout


def test_blocks_are_found_with_their_lines(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n```python\na = 1\n\nb = 2\n```\n```sh\nls\n```\n```python\nc = 3\n```\n"
    )
    assert list(blocks(page)) == [(4, "a = 1\n\nb = 2\n"), (12, "c = 3\n")]


def test_the_readme_has_blocks() -> None:
    assert any(block.values[0] == ROOT / "README.md" for block in BLOCKS)


def rows(text: str, prefix: str = "") -> dict[str, str]:
    """The names of fields in a table, and the default that stands behind each."""
    row = re.compile(rf"^\|.*?`{re.escape(prefix)}(\w+)` \| ([^|]+) \|", re.MULTILINE)
    return dict(row.findall(text))


def number(text: str) -> int:
    """The number that "16 KiB", "1,000", "10 s" or "2^62 bytes" is."""
    value, _, unit = text.replace(",", "").partition(" ")
    base, _, exponent = value.partition("^")
    found: int = int(base) ** int(exponent or 1)
    return found * UNITS[unit]


def defaults(options: Any) -> dict[str, Any]:
    return {
        field.name: field.default
        for field in fields(options)
        if isinstance(field.default, (int, float))
    }


@pytest.mark.parametrize("options", [HttpOptions, WebSocketOptions, DnsOptions])
def test_the_limits_in_the_readme_are_those_of_the_code(options: Any) -> None:
    told = rows((ROOT / "README.md").read_text("utf-8"), f"{options.__name__}.")
    assert {name: number(text) for name, text in told.items()} == defaults(options)


@pytest.mark.parametrize(
    ("page", "before", "values"),
    [
        ("http", "### Limits and deadlines of the server", defaults(HttpOptions)),
        ("http", "### Times and limits of the client", Timeouts._field_defaults),
        ("http", "A connection that was made with `mgr.connect` has", defaults(ClientOptions)),
        ("websocket", "## Limits\n", defaults(WebSocketOptions)),
        ("dns", "### Limits", defaults(DnsOptions)),
    ],
)
def test_the_limits_in_the_guides_are_those_of_the_code(
    page: str, before: str, values: dict[str, Any]
) -> None:
    rest = (ROOT / f"docs/{page}.md").read_text("utf-8").partition(before)[2]
    table = rest.partition("| --- ")[2].partition("\n\n")[0]
    assert {name: number(text) for name, text in rows(table).items()} == values
