"""What ``WEBSOCKET_FRAME`` and ``WEBSOCKET_CONTROL_FRAME`` carry."""

from __future__ import annotations

from .frame import FIN, OP_CLOSE

#: The code of a close frame that has none (RFC 6455 7.1.5).
NO_CODE = 1005

_NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


class Message:
    """A message, a frame of one (`F_WEBSOCKET_NO_DEFRAG`), or a control frame.

    ``data`` are its bytes; ``flags`` the opcode and, for a whole message or the last frame of one,
    0x80 (FIN). ``len(message)`` is the number of bytes.
    """

    __slots__ = ("data", "flags")

    def __init__(self, data: bytes, flags: int) -> None:
        self.data = data
        self.flags = flags

    @property
    def opcode(self) -> int:
        """``OP_TEXT``, ``OP_BINARY``, ...; of a whole message, that of its first frame."""
        return self.flags & 0x0F

    @property
    def fin(self) -> bool:
        """Whether the message ends here."""
        return self.flags & FIN != 0

    @property
    def text(self) -> str:
        """The bytes as text. A whole text message is UTF-8, which was checked; of anything else,
        UnicodeDecodeError is raised for what is not."""
        return self.data.decode()

    @property
    def code(self) -> int:
        """Of a close frame: its code; 1005 when it has none (RFC 6455 7.1.5)."""
        if self.opcode != OP_CLOSE or len(self.data) < 2:
            return NO_CODE
        return int.from_bytes(self.data[:2], "big")

    @property
    def reason(self) -> str:
        """Of a close frame: why, in words that need not mean anything to a person."""
        return self.data[2:].decode() if self.opcode == OP_CLOSE else ""

    @property
    def size(self) -> int:
        """``len(message)``, as the C library calls it."""
        return len(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        name = _NAMES.get(self.opcode, self.opcode)
        start = f"{self.data[:32]!r}{'...' if len(self.data) > 32 else ''}"
        return f"<Message {name}{'' if self.fin else ' fragment'} {len(self.data)} {start}>"


def new_message(data: bytes, flags: int) -> Message:
    """A message, without the call of a constructor."""
    message: Message = Message.__new__(Message)
    message.data = data
    message.flags = flags
    return message
