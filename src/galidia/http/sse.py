"""Server-sent events: a reply that goes on, read by `EventSource` (the HTML standard, 9.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .jsontext import encode

if TYPE_CHECKING:
    from .fields import Headers

__all__ = ["EventStream", "encode_event"]

#: Seconds without an event after which a comment shows that the connection is alive; proxies give
#: up after 30 to 60 seconds.
KEEP_ALIVE = 15.0
#: Bytes that may wait for a client that does not read.
LIMIT = 1 << 20

_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADERS = {
    "content-type": ("Content-Type", "text/event-stream"),
    "cache-control": ("Cache-Control", "no-store"),
    "x-accel-buffering": ("X-Accel-Buffering", "no"),  # else nginx in front collects the events
}


class EventStream:
    """The reply to a request, as a stream of events; `Request.events` makes it.

    ``req`` is the request and ``last_event_id`` the last one its client has seen before it came
    back, "" if it says none. A client that does not read is cut off when more than ``limit`` bytes
    wait for it: it comes back and says where it was. That a client has gone shows when something is
    sent to it, so with ``keep_alive`` seconds at the latest; 0 sends no comments.
    """

    def __init__(
        self,
        req: Any,
        *,
        headers: Headers | None = None,
        keep_alive: float = KEEP_ALIVE,
        limit: int = LIMIT,
    ) -> None:
        self.req = req
        self.last_event_id: str = req.header("last-event-id", "")
        self.limit = limit
        given = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        names = {name.lower() for name, _ in given}
        given += [field for name, field in _HEADERS.items() if name not in names]
        req.send_head(200, given)
        self._ended = False
        self._quiet = True
        self._timer = None
        if req.method == "HEAD":
            self.close()
            return
        if req.connection.closed:
            return
        req.connection.protocol.on_goodbye = self.close
        if keep_alive:
            self._timer = req.connection.call_every(keep_alive, self._keep_alive)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more: it was closed, or the client has gone."""
        return self._ended or self.req.connection.closing

    def send(
        self,
        data: Any = None,
        event: str | None = None,
        id: str | None = None,
        retry: float | None = None,
    ) -> None:
        """Send an event; on a closed stream, nothing.

        ``data`` is text of any number of lines, or a dict or list (sent as JSON); without it a
        client only remembers the rest. ``event`` is its type ("message" when there is none),
        ``id`` what the client says when it comes back, ``retry`` after how many seconds it should.
        Raises ValueError for an ``event`` or ``id`` that is more than a line.
        """
        self._write(encode_event(data, event, id, retry))

    def comment(self, text: str = "") -> None:
        """Send what a client ignores."""
        lines = _LINE_END.split(text)
        self._write("".join([f": {line}\n" if line else ":\n" for line in lines]).encode() + b"\n")

    def close(self) -> None:
        """End the reply. A browser comes back, unless the answer then is 204."""
        if self._ended:
            return
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if not self.req.connection.closed:
            self.req.connection.protocol.on_goodbye = None
            self.req.end()

    def _write(self, data: bytes) -> None:
        self._quiet = False
        if self.closed:
            return
        c = self.req.connection
        self.req.send_chunk(data)
        if len(c.send_mbuf) > self.limit:
            c.error = f"the client does not read its events: {len(c.send_mbuf)} bytes wait"
            c.abort()

    def _keep_alive(self) -> None:
        if self._quiet:
            self.comment()
        self._quiet = True


def encode_event(
    data: Any = None, event: str | None = None, id: str | None = None, retry: float | None = None
) -> bytes:
    """An event as it is sent; see `EventStream.send`."""
    if isinstance(data, (dict, list)):
        data = encode(data).decode()
    elif data is not None and not isinstance(data, str):
        raise TypeError(f"the data of an event is str, dict or list, not {data!r}")
    lines = []
    if retry is not None:
        if not 0 <= retry < 1e9:
            raise ValueError(f"retry is in seconds, not {retry!r}")
        lines.append(f"retry: {round(retry * 1000)}")
    if id is not None:
        if _LINE_END.search(id) or "\0" in id:  # a client ignores an id with NUL
            raise ValueError(f"the id of an event is one line: {id!r}")
        lines.append(f"id: {id}")
    if event is not None:
        if _LINE_END.search(event):
            raise ValueError(f"the type of an event is one line: {event!r}")
        lines.append(f"event: {event}")
    if data is not None:
        lines += [f"data: {line}" for line in _LINE_END.split(data)]
    return ("\n".join(lines) + "\n\n").encode()
