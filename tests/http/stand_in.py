"""A request that comes from nowhere, and remembers how it was answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any


class StandInTimer:
    def __init__(self, interval: float, callback: Callable[[], object]) -> None:
        self.interval = interval
        self.callback = callback
        self.active = True

    def cancel(self) -> None:
        self.active = False


class StandInConnection:
    """As much of a connection as a reply needs."""

    def __init__(self) -> None:
        self.send_mbuf = bytearray()
        self.error = ""
        self.closing = False
        self.closed = False
        self.aborted = False
        self.timers: list[StandInTimer] = []
        self.protocol: Any = SimpleNamespace()

    def call_every(self, interval: float, callback: Callable[[], object]) -> StandInTimer:
        self.timers.append(StandInTimer(interval, callback))
        return self.timers[-1]

    def abort(self) -> None:
        self.aborted = self.closing = True


class StandIn:
    """``headers`` are given by names with underscores, or in a dict as they are."""

    def __init__(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> None:
        self.method = method
        self.target = target
        self.connection: Any = StandInConnection()
        self._headers = [(k.replace("_", "-"), v) for k, v in (headers or {}).items()]
        self.host = self.header("host", "")
        self.replied = False
        self.ended = False
        self.status = 0
        self.added: list[tuple[str, str]] = []
        self.sent: list[tuple[str, str]] = []
        self.body: Any = b""

    def header(self, name: str, default: Any = None) -> Any:
        return next(iter(self.header_all(name)), default)

    def header_all(self, name: str) -> list[str]:
        return [v for k, v in self._headers if k.lower() == name.lower()]

    def header_of_reply(self, name: str) -> str | None:
        """The value of a field of the reply that may be there once."""
        values = [v for k, v in self.added + self.sent if k.lower() == name.lower()]
        assert len(values) < 2, values
        return values[0] if values else None

    # -- what a request can do --------------------------------------------------------------------

    def add_header(self, name: str, value: str) -> None:
        assert not self.replied
        self.added.append((name, value))

    def send_head(self, status: int = 200, headers: Any = None) -> None:
        assert not self.replied
        self.replied = True
        self.status = status
        self.sent = list(headers or [])

    def reply(self, status: int = 200, body: Any = b"", headers: Any = None) -> None:
        self.send_head(status, headers)
        self.body = body
        self.ended = True

    def error(self, status: int, text: str = "", headers: Any = None) -> None:
        self.reply(status, text, headers)

    def redirect(self, location: str, status: int = 302) -> None:
        self.reply(status, b"", [("Location", location)])

    def send_chunk(self, data: bytes) -> None:
        assert self.replied
        assert not self.ended
        assert data  # an empty chunk would be the end
        self.body += data
        self.connection.send_mbuf += data

    def end(self) -> None:
        assert not self.ended
        self.ended = True
