"""permessage-deflate (RFC 7692): what two sides agree on, and the contexts of a connection.

Sans-IO. A context is memory: a compressor is made at the first message and both are dropped by
`rest`. A compressor may begin anew at any time, for what it made before is not looked back to
then; to go on inflating, only the last bytes of what was inflated are needed, which are kept.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

from .frame import MESSAGE_TOO_LARGE, NOT_DEFLATED
from .options import Deflate

NAME = "permessage-deflate"

#: What the end of each message is cut off and put back (7.2.1).
_TAIL = b"\x00\x00\xff\xff"
#: Ends of a deflate stream within a message: each costs a new decompressor.
_MAX_ENDS = 8

#: The parameters of an extension, as they were written: a value is a str, or None without one.
Parameters = list[tuple[str, str | None]]


class Agreed(NamedTuple):
    """What was settled on: of this side, and of the peer."""

    bits: int
    takeover: bool
    peer_bits: int
    peer_takeover: bool


# -- negotiation (7.1) ----------------------------------------------------------------------------


def offer(options: Deflate) -> str:
    """What a client says."""
    parts = [NAME]
    if not options.peer_context_takeover:
        parts.append("server_no_context_takeover")
    if not options.context_takeover:
        parts.append("client_no_context_takeover")
    if options.peer_window_bits < 15:
        parts.append(f"server_max_window_bits={options.peer_window_bits}")
    if options.window_bits < 15:
        parts.append(f"client_max_window_bits={options.window_bits}")
    else:
        parts.append("client_max_window_bits")
    return "; ".join(parts)


def agree(options: Deflate, parameters: Parameters) -> tuple[str, Agreed] | None:
    """What a server answers to an offer, and what that means; None: it cannot take it."""
    asked = _read(parameters, False)
    if asked is None:
        return None
    parts = [NAME]
    takeover = options.context_takeover and not asked["server_no_context_takeover"]
    if not takeover:
        parts.append("server_no_context_takeover")
    peer_takeover = options.peer_context_takeover and not asked["client_no_context_takeover"]
    if not peer_takeover:
        parts.append("client_no_context_takeover")
    bits = min(options.window_bits, asked["server_max_window_bits"] or 15)
    if bits < 15 or asked["server_max_window_bits"]:
        parts.append(f"server_max_window_bits={bits}")
    peer_bits = 15
    if asked["client_max_window_bits"]:
        peer_bits = min(options.peer_window_bits, asked["client_max_window_bits"])
        if peer_bits < 15:
            parts.append(f"client_max_window_bits={peer_bits}")
    return "; ".join(parts), Agreed(bits, takeover, peer_bits, peer_takeover)


def settle(options: Deflate, parameters: Parameters) -> Agreed | None:
    """What a client makes of the answer to its `offer`; None: that is no answer to it."""
    told = _read(parameters, True)
    if told is None:
        return None
    if not options.peer_context_takeover and not told["server_no_context_takeover"]:
        return None
    peer_bits = told["server_max_window_bits"] or 15
    if peer_bits > options.peer_window_bits:
        return None
    bits = told["client_max_window_bits"] or options.window_bits
    if bits > options.window_bits:
        return None
    takeover = options.context_takeover and not told["client_no_context_takeover"]
    return Agreed(bits, takeover, peer_bits, not told["server_no_context_takeover"])


def _read(parameters: Parameters, is_answer: bool) -> dict[str, int] | None:
    """The parameters by name; None for what must be refused (7.1.3). 0: it is not there."""
    found = {
        "server_no_context_takeover": 0,
        "client_no_context_takeover": 0,
        "server_max_window_bits": 0,
        "client_max_window_bits": 0,
    }
    for name, value in parameters:
        if found.get(name) != 0:  # unknown, or there twice
            return None
        if name.endswith("takeover"):
            if value is not None:
                return None
            found[name] = 1
        elif value is None:
            if is_answer or name == "server_max_window_bits":
                return None
            found[name] = 15
        elif value in ("8", "9", "10", "11", "12", "13", "14", "15"):
            found[name] = int(value)
        else:
            return None
    return found


# -- contexts -------------------------------------------------------------------------------------

# Compressors without a context of their own, in use by nobody at the moment. A thread takes one
# out while it uses it.
_FREE: dict[tuple[int, int, int], list[Any]] = {}


def _compressor(level: int, bits: int, mem_level: int) -> Any:
    # zlib does not know the window of 8 bits, but with 9 it never looks back more than 250 bytes.
    return zlib.compressobj(level, zlib.DEFLATED, -max(bits, 9), mem_level)


def compress_alone(options: Deflate, bits: int, data: bytes) -> bytes:
    """A message compressed without those before it, for anybody who agreed on so many bits."""
    key = (options.level, bits, options.mem_level)
    free = _FREE.setdefault(key, [])
    try:
        z = free.pop()
    except IndexError:
        z = _compressor(*key)
    packed: bytes = z.compress(data) + z.flush(zlib.Z_FULL_FLUSH)
    free.append(z)
    return packed[:-4]


class Deflater:
    """Compresses the messages of one side. ``size`` is about what its memory is."""

    __slots__ = ("_z", "bits", "options", "size", "takeover")

    def __init__(self, options: Deflate, agreed: Agreed) -> None:
        self.options = options
        self.bits = agreed.bits
        self.takeover = agreed.takeover
        self.size = 0
        self._z: Any = None

    def compress(self, data: bytes, alone: bool = False) -> bytes:
        """A message, which is not empty; ``alone``: it may never arrive, so that no other one must
        refer to it."""
        options = self.options
        if not self.takeover or alone:
            self.rest()
            return compress_alone(options, self.bits, data)
        if self._z is None:
            self._z = _compressor(options.level, self.bits, options.mem_level)
            self.size = (1 << (max(self.bits, 9) + 2)) + (1 << (options.mem_level + 9))
        packed: bytes = self._z.compress(data) + self._z.flush(zlib.Z_SYNC_FLUSH)
        return packed[:-4]

    def rest(self) -> None:
        """Give the memory back; the next message does not refer to those before."""
        self._z = None
        self.size = 0


class Inflater:
    """Inflates the messages of the peer. ``size`` is about what its memory is; ``fault`` is the
    violation that ended it."""

    __slots__ = ("_bits", "_ends", "_history", "_takeover", "_z", "fault", "size")

    def __init__(self, agreed: Agreed) -> None:
        self._bits = agreed.peer_bits
        self._takeover = agreed.peer_takeover
        self._history = bytearray()
        self._z: Any = None
        self._ends = 0
        self.fault = 0
        self.size = 0

    def inflate(self, data: bytes, room: int, last: bool) -> bytes:
        """What a part of a message, or its last one, says. b"" with ``fault`` set: it is not
        compressed data, or would be more than ``room`` bytes, for which no memory was taken."""
        if last:
            data += _TAIL
        out = b""
        while True:
            if self._z is None:
                self._z = self._decompressor(out)
            try:
                # It stops before all of `data` is read only when there is too much.
                piece: bytes = self._z.decompress(data, room + 1 - len(out))
            except zlib.error:
                self.fault = NOT_DEFLATED
                return b""
            out = out + piece
            if len(out) > room:
                self.fault = MESSAGE_TOO_LARGE
                return b""
            if not self._z.eof:
                break
            # The end of a stream, which is no end of the message (7.2.3.4 and 7.2.3.5).
            data = self._z.unused_data
            self._z = None
            self._ends += 1
            if not data or (last and data == _TAIL):
                break
            if self._ends > _MAX_ENDS:
                self.fault = NOT_DEFLATED
                return b""
        if self._takeover:
            self._remember(out)
        if last:
            self._ends = 0
            if not self._takeover:
                self._z = None
        self.size = len(self._history) + (0 if self._z is None else (1 << self._bits) + 8192)
        return out

    def rest(self) -> None:
        """Give the memory back, but for what later messages may refer to. Not within a message."""
        self._z = None
        self._history = bytearray(self._history)
        self.size = len(self._history)

    def _remember(self, out: bytes) -> None:
        history = self._history
        window = 1 << self._bits
        history += out[-window:]
        if len(history) > window:
            del history[: len(history) - window]

    def _decompressor(self, out: bytes) -> Any:
        known = (bytes(self._history) + out)[-(1 << self._bits) :]
        return zlib.decompressobj(-self._bits, known) if known else zlib.decompressobj(-self._bits)
