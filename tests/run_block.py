"""Runs one code block of a page: `python run_block.py PAGE LINE`, the line of its first statement.

The block runs as it is written, against the real library, in a process of its own. Two things
differ from a reader's run: addresses are moved to free ports of the loopback interface (what the
block does not serve itself refuses), and a block that would serve for ever ends after a number of
polls.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import galidia
import galidia.mg

RUN_POLLS = 20
ALL_POLLS = 500
ADDRESS = re.compile(
    r"(?P<scheme>[\w+.-]+://)?(?P<host>\[[^]]*\]|[^:/\[\]]*?)(?P<port>:?\d+)?(?P<path>/.*)?"
)
REFUSES = ":9"


def blocks(page: Path) -> Iterator[tuple[int, str]]:
    """The ```python blocks of a page with the line number of their first line."""
    start, lines = 0, list[str]()
    for number, line in enumerate(page.read_text("utf-8").splitlines(keepends=True), 1):
        if start and line.strip() == "```":
            yield start, "".join(lines)
            start, lines = 0, []
        elif start:
            lines.append(line)
        elif line.strip() == "```python":
            start = number + 1


class BoundedManager(galidia.Manager):
    """A manager that binds free ports of loopback and stops serving after a while."""

    ports: ClassVar[dict[str, str]] = {}  # as written -> as bound, for the whole block
    polls = 0

    def poll(self, timeout_ms: Any = 0) -> Any:
        type(self).polls += 1
        if self.polls > ALL_POLLS:
            raise SystemExit
        return super().poll(min(timeout_ms, 10))

    def run(self, *args: Any, **options: Any) -> None:
        for _ in range(RUN_POLLS):
            self.poll(10)

    def bind(self, address: str, *args: Any, **options: Any) -> Any:
        written = ADDRESS.fullmatch(address)
        if written is None:
            return super().bind(address, *args, **options)
        listener = super().bind(moved(written, ":0"), *args, **options)
        self.ports[port_of(written)] = f":{listener.local[1]}"
        return listener

    def connect(self, address: str, *args: Any, **options: Any) -> Any:
        written = ADDRESS.fullmatch(address)
        if written is not None:
            address = moved(written, self.ports.get(port_of(written), REFUSES))
        return super().connect(address, *args, **options)


def port_of(written: re.Match[str]) -> str:
    """The port as written, or the scheme where it says the port."""
    return (written["port"] or written["scheme"] or "").lstrip(":")


def moved(written: re.Match[str], port: str) -> str:
    return f"{written['scheme'] or ''}127.0.0.1{port}{written['path'] or ''}"


def main(page: Path, start: int) -> None:
    """Runs the block of `page` that starts at line `start`, with that page's line numbers."""
    source = dict(blocks(page))[start]
    galidia.Manager = BoundedManager  # type: ignore[misc]
    galidia.mg.mg_mgr = BoundedManager
    code = compile("\n" * (start - 1) + source, str(page), "exec")
    exec(code, {"__name__": "__main__", "__file__": str(page)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
