"""The limits of an HTTP server connection, each with its default."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Given to `bind` as ``options=``. Sizes are in bytes, times in seconds."""

    #: A request line with all fields; more is answered with 431. Large enough for a browser with
    #: many cookies, and what servers commonly take.
    head_limit: int = 16 << 10
    #: Field lines of one request, and of its trailers; more is answered with 431.
    max_fields: int = 100
    #: A request target; more is answered with 414 (RFC 9110 4.1 asks for 8000).
    target_limit: int = 8 << 10
    #: What may lie there of a body, which so is the longest that arrives whole. More is answered
    #: with 413, unless the handler takes it as it comes: then reading pauses until it does.
    body_limit: int = 1 << 20
    #: A body that a handler takes as it comes, in all; more is answered with 413. As good as none.
    stream_limit: int = 1 << 62
    #: What is read and discarded of a body that was answered before it had come; if there is more,
    #: the connection ends.
    discard_limit: int = 256 << 10
    #: Parts of one multipart body, for a handler of its parts; more is answered with 413.
    max_parts: int = 1000
    #: The fields of one part; more is answered with 413.
    part_head_limit: int = 8 << 10
    #: Requests on one connection; the last one is answered with ``Connection: close``.
    max_requests: int = 1_000_000
    #: From the first byte of a head to its end; then 408.
    head_timeout: float = 10.0
    #: Without a byte of a body that has begun; then 408.
    body_timeout: float = 30.0
    #: From the head to the end of the body; then 408. Not for one that is taken as it comes.
    request_timeout: float = 300.0
    #: Between two requests, and before the first; then the connection is closed.
    idle_timeout: float = 75.0
    #: Without progress while a response is sent; then the connection is closed.
    send_timeout: float = 60.0
    #: How long input is discarded after an error was answered, so that the answer gets through
    #: (RFC 9112 9.6).
    linger_timeout: float = 2.0
    #: `galidia.websocket.WebSocketOptions` for connections that become one; None: the defaults.
    websocket: Any = None

    def __post_init__(self) -> None:
        check_limits(self)


def check_limits(options: Any) -> None:
    """Raise ValueError for a limit that is no number over 0, or not whole where it has to be."""
    for field in fields(options):
        value = getattr(options, field.name)
        if field.default is None:  # no limit, but what another protocol has
            continue
        whole = isinstance(field.default, int)
        kind = int if whole else (int, float)
        if not isinstance(value, kind) or isinstance(value, bool) or not value > 0:
            number = "whole number" if whole else "number"
            raise ValueError(f"{field.name} must be a {number} over 0, not {value!r}")
