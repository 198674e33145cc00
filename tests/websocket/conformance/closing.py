"""Group 7: the closing handshake, its codes and its reasons."""

from __future__ import annotations

from tests.websocket.conformance.table import (
    MORE,
    Case,
    close,
    cont,
    frame,
    ping,
    text,
    texts,
)
from tests.websocket.raw import CLOSE

HELLO = b"Hello, world!"
LARGE = b"*" * (256 << 10)
REASON = "Ok, \u00e4nd good bye".encode()
NOT_UTF8 = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"
VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
INVALID = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
#: Not published: those registered since are valid, 1015 is for use within a program only.
VALID_SINCE = (1012, 1013, 1014)

CASES = [
    Case("7.1.1", [text(HELLO), close()], texts(HELLO)),
    Case("7.1.2", [close(), close()]),
    Case("7.1.3", [close(), ping()]),
    Case("7.1.4", [close(), text(HELLO)]),
    Case("7.1.5", [text(HELLO, **MORE), close(), cont(HELLO)]),
    Case("7.1.6", [text(LARGE), close(), ping()], texts(LARGE)),
    Case("7.3.1", [close(None)], code=None),
    Case("7.3.2", [frame(CLOSE, b"a")], code=1002),
    Case("7.3.3", [close()]),
    Case("7.3.4", [close(1000, HELLO)]),
    Case("7.3.5", [close(1000, b"*" * 123)]),
    Case("7.3.6", [close(1000, b"*" * 124)], code=1002),
    Case("7.5.1", [close(1000, NOT_UTF8)], code=1007),
    *(Case(f"7.7.{i}", [close(code)], code=code) for i, code in enumerate(VALID, 1)),
    *(Case(f"7.9.{i}", [close(code)], code=1002) for i, code in enumerate(INVALID, 1)),
    Case("7.13.1", [close(5000)], code=1002),
    Case("7.13.2", [close(65535)], code=1002),
    *(Case(f"close-{code}", [close(code)], code=code) for code in VALID_SINCE),
    Case("close-1015", [close(1015)], code=1002),
    Case("close-reason", [close(4321, REASON)], code=4321),
]
