"""What the tables of cases are written in: who says what, in which pieces, and what comes of it.

The numbers are the public ones of the Autobahn test suite. In each case the peer is raw bytes and
the other end, server or client, echoes messages.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.websocket.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, Message

#: 0: cut down for the suite. Else everything is as large as published (`make conformance`), with so
#: many messages in each case of groups 12 and 13, whose published number of 1,000 takes hours.
WHOLE = int(os.environ.get("CONFORMANCE") or 0)


@dataclass(frozen=True)
class Send:
    """The peer sends a frame; ``how`` goes to `raw.frame`, and ``wrong_mask`` is no mask for a
    client and one for a server."""

    opcode: int
    payload: bytes
    how: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class SendDeflated:
    """The peer sends a compressed message, in fragments of so many bytes, or in one frame."""

    opcode: int
    payload: bytes
    fragment: int = 0


@dataclass(frozen=True)
class Part:
    """The peer sends these bytes of the payload of a frame, with its head before the first."""

    opcode: int
    payload: bytes
    first: int
    last: int


@dataclass(frozen=True)
class Hear:
    """The next that comes from the other end is this; nothing more is sent before it has come."""

    opcode: int
    payload: bytes


class Quiet:
    """All that was sent has been read, and nothing came of it."""


QUIET = Quiet()
Step = Send | SendDeflated | Part | Hear | Quiet
Steps = Iterable[Step]

#: How the bytes are cut: all that is sent until something has to be heard; frame by frame; byte by
#: byte. Other numbers are bytes.
AT_ONCE, BY_FRAME, BY_BYTE = 0, -1, 1


@dataclass(frozen=True)
class Deflated:
    """The peer asks for no context takeover, or for a window, in what it gets (RFC 7692)."""

    #: One or more offers: no context takeover, and bits of the window or 0.
    offers: tuple[tuple[bool, int], ...] = ((False, 0),)


@dataclass(frozen=True)
class Case:
    """``code`` is that of the other end's Close frame; None is one without.

    After a case that leaves the connection open the peer closes it with 1000.
    """

    id: str
    steps: Steps | Callable[[], Steps]
    heard: tuple[Message, ...] = ()
    code: int | None = 1000
    cut: int = AT_ONCE
    deflated: Deflated | None = None
    #: Options of the other end, if not those with which everything fits.
    limits: dict[str, int] = field(default_factory=dict)

    def script(self) -> Steps:
        return self.steps() if callable(self.steps) else self.steps


def frame(opcode: int, payload: bytes = b"", **how: Any) -> Send:
    return Send(opcode, payload, tuple(how.items()))


def text(payload: bytes = b"", **how: Any) -> Send:
    return frame(TEXT, payload, **how)


def binary(payload: bytes = b"", **how: Any) -> Send:
    return frame(BINARY, payload, **how)


def cont(payload: bytes = b"", **how: Any) -> Send:
    return frame(CONT, payload, **how)


def ping(payload: bytes = b"", **how: Any) -> Send:
    return frame(PING, payload, **how)


def pong(payload: bytes = b"", **how: Any) -> Send:
    return frame(PONG, payload, **how)


def close(code: int | None = 1000, reason: bytes = b"") -> Send:
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


#: For the frames of a message that goes on.
MORE: dict[str, Any] = {"fin": False}


def texts(*payloads: bytes) -> tuple[Message, ...]:
    return tuple((TEXT, payload) for payload in payloads)


def binaries(*payloads: bytes) -> tuple[Message, ...]:
    return tuple((BINARY, payload) for payload in payloads)


def pongs(*payloads: bytes) -> tuple[Message, ...]:
    return tuple((PONG, payload) for payload in payloads)


def fragments(opcode: int, payload: bytes, size: int) -> list[Send]:
    """A message in frames of ``size`` bytes, the last one with what is left."""
    cuts = range(0, max(len(payload), 1), size)
    return [
        frame(CONT if at else opcode, payload[at : at + size], fin=at + size >= len(payload))
        for at in cuts
    ]
