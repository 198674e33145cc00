"""What a handler gets."""

from __future__ import annotations

import pytest

from galidia.websocket import OP_CLOSE, OP_CONTINUATION, OP_TEXT, Message


def test_a_text() -> None:
    message = Message("hällo".encode(), 0x81)
    assert (message.opcode, message.fin, message.text) == (OP_TEXT, True, "hällo")
    assert (message.data, message.flags) == ("hällo".encode(), 0x81)
    assert (len(message), message.size) == (6, 6)
    assert (message.code, message.reason) == (1005, "")


def test_a_fragment() -> None:
    message = Message(b"\xa4", OP_CONTINUATION)
    assert (message.opcode, message.fin) == (0, False)
    with pytest.raises(UnicodeDecodeError):
        message.text


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [(b"", 1005, ""), (b"\x03\xe8", 1000, ""), (b"\x0f\xa0sp\xc3\xa4ter", 4000, "später")],
)
def test_a_close(data: bytes, code: int, reason: str) -> None:
    message = Message(data, 0x80 | OP_CLOSE)
    assert (message.code, message.reason) == (code, reason)


def test_it_can_be_logged() -> None:
    assert repr(Message(b"a\n", 0x81)) == "<Message text 2 b'a\\n'>"
    assert repr(Message(bytes(1000), 0x02)).startswith("<Message binary fragment 1000 b'\\x00")
    assert len(repr(Message(bytes(1000), 0x02))) < 180
