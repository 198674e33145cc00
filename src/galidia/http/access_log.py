"""The access log of a server: a line for each request, combined format or JSON.

What comes from a client is escaped: nothing in it can begin a line or leave its quotes. Lines are
gathered and written once a second and at the end; a line that cannot be written is lost, which is
logged once, and never keeps a request from being answered.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from ..core.connection import Connection
    from ..core.manager import Manager
    from ..core.timers import Timer
    from .request import Request

logger = logging.getLogger("galidia")

FORMATS = ("combined", "json")
#: Seconds between two writes, and bytes that are written at once anyway.
FLUSH = 1.0
FULL = 1 << 16
#: What is logged for a client that went before it was answered.
GONE = 499

_ODD = re.compile(r'[^\x20-\x7e]|["\\]')


class AccessLog:
    """Writes a line for each request of the listeners that it is attached to.

    ``file`` is a path, which is appended to, or "-" for the standard output; ``format`` is
    "combined" or "json". `reopen` after the file was renamed, `close` at the end. Raises OSError
    when the file cannot be opened and ValueError for another format.
    """

    __slots__ = ("_failed", "_file", "_lines", "_mgr", "_second", "_size", "_stamp", "_timer",
                 "format", "path")  # fmt: skip

    def __init__(self, file: str | os.PathLike[str] = "-", format: str = "combined") -> None:
        if format not in FORMATS:
            raise ValueError(f"the format of a log is one of {', '.join(FORMATS)}; not {format!r}")
        self.path = os.fspath(file)
        self.format = format
        self._lines: list[str] = []
        self._size = 0
        self._second = -1
        self._stamp = ""
        self._failed = False
        self._mgr: Manager | None = None
        self._timer: Timer | None = None
        self._file: BinaryIO | None = None
        self._open()

    def attach(self, listener: Connection) -> None:
        """Log the requests of the connections that a listener accepts from now on."""
        protocol: Any = listener.protocol
        if not hasattr(protocol, "on_response"):
            raise TypeError("an access log is of an HTTP listener")
        if self._mgr not in (None, listener.mgr):
            raise RuntimeError("an AccessLog is of one manager")
        self._mgr = listener.mgr
        protocol.on_response = self.note

    def note(self, req: Request) -> None:
        """A request was answered, or its client has gone."""
        mgr = req.connection.mgr
        now = mgr.time()
        duration = max(mgr.monotonic() - req.began, 0.0)
        line = self._json(req, now, duration) if self.format == "json" else self._combined(req, now)
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FULL:
            self.flush()
        elif self._timer is None and not mgr.closing:
            self._timer = mgr.call_later(FLUSH, self._on_timer)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        self._size = 0
        if not lines or self._file is None:
            return
        try:
            self._file.write("".join(lines).encode())
        except OSError as e:
            if not self._failed:
                logger.error("access log %s: %s; lines are lost", self.path, e.strerror or e)
            self._failed = True
        else:
            self._failed = False

    def reopen(self) -> None:
        """Go on in a new file of the same name: the old one was moved away. Raises OSError."""
        self.flush()
        before = self._file
        self._open()
        if before is not None and self.path != "-":
            before.close()

    def close(self) -> None:
        """Write what is left; nothing is logged from now on."""
        self.flush()
        file, self._file = self._file, None
        if file is not None and self.path != "-":
            file.close()

    def _on_timer(self) -> None:
        self._timer = None
        self.flush()

    def _open(self) -> None:
        if self.path == "-":
            self._file = getattr(sys.stdout, "buffer", io.BytesIO())
        else:
            # Unbuffered: what is gathered here is enough, and a line is written whole.
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115

    def _combined(self, req: Request, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))
        peer = req.connection.peer.host or "-"
        asked = f"{req.method} {req.target} {req.version}" if req.raw else "-"
        user = _quoted(getattr(req, "user", None) or "-").replace(" ", "%20")
        referer, agent = req.header("referer", "-"), req.header("user-agent", "-")
        return (
            f'{peer} - {user} [{self._stamp}] "{_quoted(asked)}" {req.answer_status or GONE} '
            f'{req.answer_size} "{_quoted(referer or "")}" "{_quoted(agent or "")}"\n'
        )

    def _json(self, req: Request, now: float, duration: float) -> str:
        line = {
            "time": round(now, 3),
            "peer": req.connection.peer.host,
            "user": getattr(req, "user", None),
            "method": req.method,
            "host": req.host if req.raw else "",
            "target": req.target,
            "version": req.version if req.raw else "",
            "status": req.answer_status or GONE,
            "bytes": req.answer_size,
            "duration": round(duration, 6),
            "referer": req.header("referer"),
            "agent": req.header("user-agent"),
        }
        return json.dumps(line, separators=(",", ":")) + "\n"


def _quoted(text: str) -> str:
    """Text that stays within its quotes and its line."""
    return _ODD.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else "?", text)
