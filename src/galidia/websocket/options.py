"""The limits of a WebSocket connection, each with its default, and how it compresses."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Deflate:
    """The compression of messages (permessage-deflate, RFC 7692): what a side offers or agrees to.

    "Own" is what this side sends, "peer" what the other one does. Less memory is settled on than
    is common: with the defaults, a connection that sends and receives takes about 50 KiB, until it
    is idle. Where what is sent comes together with what others say, as in a page, compression can
    tell them what it was (RFC 7692 8).
    """

    #: Of zlib, 1 to 9.
    level: int = 6
    #: Of zlib, 1 to 9: memory of the compressor beside its window.
    mem_level: int = 5
    #: Bytes; a shorter message is sent as it is.
    threshold: int = 64
    #: The window of this side, 8 to 15: two to the power of so many bytes.
    window_bits: int = 12
    #: The window of the peer, as far as it can be had.
    peer_window_bits: int = 12
    #: Whether a message is compressed with those before it in mind.
    context_takeover: bool = True
    #: Whether the peer may do that.
    peer_context_takeover: bool = True
    #: Seconds without a message after which the memory is given back.
    idle_timeout: float = 10.0

    def __post_init__(self) -> None:
        _between(self, "level", 1, 9)
        _between(self, "mem_level", 1, 9)
        _between(self, "window_bits", 8, 15)
        _between(self, "peer_window_bits", 8, 15)
        _check(self, "threshold", int, 1)
        _check(self, "idle_timeout", (int, float), 0)
        for name in ("context_takeover", "peer_context_takeover"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is True or False, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class WebSocketOptions:
    """Given to `bind` or `connect` of a ``ws`` address as ``options=``, or as
    ``HttpOptions(websocket=...)``. Sizes are in bytes, times in seconds."""

    #: A message, all of its frames together and inflated; a longer one ends with 1009.
    message_limit: int = 1 << 20
    #: The payload of one frame as it is received; a longer one ends with 1009.
    frame_limit: int = 1 << 20
    #: Frames of one message; more end with 1009.
    max_fragments: int = 1 << 16
    #: Seconds between pings of this side while nothing is received; 0: none.
    ping_interval: float = 0.0
    #: How long after a ping something has to be received, else the connection is cut off.
    ping_timeout: float = 20.0
    #: How long the peer may take to answer a close, and a server to close the connection then.
    close_timeout: float = 10.0
    #: Of a server: the subprotocols that it speaks, the best one first.
    subprotocols: tuple[str, ...] = ()
    #: Of a server: where the pages that may connect come from, as in Origin; others get 403. None
    #: named: all. Programs that are no browsers need not say where they come from and may connect.
    origins: tuple[str, ...] = ()
    #: Compression; None: none.
    deflate: Deflate | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(field.default, float):
                _check(self, field.name, (int, float), field.default > 0)
            elif isinstance(field.default, int):
                _check(self, field.name, int, 1)
        for name in ("subprotocols", "origins"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(text, str) for text in value):
                raise ValueError(f"{name} are several str, not {value!r}")
            object.__setattr__(self, name, tuple(value))
        if self.deflate is not None and not isinstance(self.deflate, Deflate):
            raise ValueError(f"deflate is a Deflate or None, not {self.deflate!r}")


def _check(options: Any, name: str, kind: Any, over_zero: bool | int) -> None:
    value = getattr(options, name)
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if not is_number or not value >= 0 or (over_zero and value == 0):
        number = "whole number" if kind is int else "number"
        raise ValueError(f"{name} must be a {number}{' over 0' * over_zero}, not {value!r}")


def _between(options: Any, name: str, least: int, most: int) -> None:
    value = getattr(options, name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} is a whole number from {least} to {most}, not {value!r}")
