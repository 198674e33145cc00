"""The command as a person runs it, and servers for it that do as they are told."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from tests.helpers import PATIENCE

GALIDIA = [sys.executable, "-m", "galidia"]
#: The command where rich is not installed.
PLAIN = [
    sys.executable,
    "-c",
    "import sys; sys.modules['rich'] = None; from galidia.cli import main; sys.exit(main())",
]

Page = Callable[["Visit"], None]


def environment(**more: str) -> dict[str, str]:
    """The variables of a command: those of this process, without its terminal and proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and name not in ("NO_COLOR", "FORCE_COLOR")
    }
    return kept | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"} | more


def run(
    *arguments: str, folder: Path | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """The command with pipes for everything; what it writes has to be UTF-8."""
    done = run_raw(*arguments, folder=folder, stdin=stdin)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def run_raw(
    *arguments: str, folder: Path | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*GALIDIA, *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
        env=environment(),
        check=False,
    )


class Shown(NamedTuple):
    """What a command has written to its terminal, and what to the pipe of its errors."""

    code: int
    text: str
    errors: str


def run_on_terminal(
    *arguments: str,
    folder: Path | None = None,
    command: list[str] = GALIDIA,
    watch: Callable[[str], object] = len,
    started: Callable[[int], object] = abs,
    **more: str,
) -> Shown:
    """The command with a terminal for its standard output. ``started`` is called with the number
    of its process, ``watch`` with what is on the terminal each time there is more."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env=environment(**more),
        )
        os.close(theirs)
        started(process.pid)
        limit = threading.Timer(PATIENCE, process.kill)
        limit.start()
        shown = bytearray()
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
                watch(shown.decode("utf-8", "replace"))
        except OSError:  # how Linux says that nobody writes to it any more
            pass
        _, errors = process.communicate()
        limit.cancel()
        limit.join()
    finally:
        os.close(ours)
    return Shown(process.returncode, shown.decode().replace("\r\n", "\n"), errors.decode())


def wait_until(condition: Callable[[], object]) -> None:
    """Until something that another process does has happened."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


class Visit(BaseHTTPRequestHandler):
    """One request: what came, and ways to answer it."""

    server: Site
    body: bytes

    def answer(self, status: int, body: bytes = b"", **fields: str) -> None:
        """A whole reply; `content_type=` is Content-Type."""
        self.head(status, len(body), **fields)
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, length: int, **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-").title(), value)
        if "content_length" not in fields:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def field(self, name: str) -> str | None:
        """A field of the request."""
        value: str | None = self.headers.get(name)
        return value

    def handle_any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.visits.append(self)
        page = self.server.pages.get(self.path)
        if page is None:
            self.answer(404, b"no such page\n", content_type="text/plain")
        else:
            page(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        pass


class Site(ThreadingHTTPServer):
    """A server on a free port; `pages` says what is where."""

    daemon_threads = False  # closing waits for them

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.pages: dict[str, Page] = {}
        self.visits: list[Visit] = []
        self.released = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def page(self, path: str, body: bytes = b"", status: int = 200, **fields: str) -> str:
        """Put a fixed page there; its URL."""
        self.pages[path] = lambda visit: visit.answer(status, body, **fields)
        return self.url(path)

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [visit.path for visit in self.visits]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that has gone is what some tests are about

    def close(self) -> None:
        self.released.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


def ranged(body: bytes, etag: str = '"one"', cut: list[int] | None = None) -> Page:
    """A page that can be had in parts. Each number in ``cut`` is how many bytes of a reply come
    before its connection ends, one for each request, as long as there are some."""
    cuts = cut if cut is not None else []

    def page(visit: Visit) -> None:
        wanted = visit.field("Range")
        start, fields = 0, {"etag": etag, "accept_ranges": "bytes"}
        if wanted is not None and visit.field("If-Range") in (None, etag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                visit.answer(416, b"", content_range=f"bytes */{len(body)}")
                return
            fields["content_range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        rest = body[start:]
        visit.head(206 if start else 200, len(rest), **fields)
        visit.wfile.write(rest[: cuts.pop(0)] if cuts else rest)

    return page
