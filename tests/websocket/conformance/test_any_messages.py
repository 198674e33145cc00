"""Any messages in any fragments, with control frames between them, cut anywhere: all come back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia import Manager
from tests.websocket.conformance.runner import against_a_client, against_a_server
from tests.websocket.conformance.table import (
    BY_BYTE,
    BY_FRAME,
    Case,
    Deflated,
    Send,
    SendDeflated,
    Step,
    fragments,
    ping,
    pong,
)
from tests.websocket.raw import BINARY, PONG, TEXT, Message

#: Opcode, what it is made of, and how often that is in it.
PAYLOADS = st.one_of(
    st.tuples(st.just(TEXT), st.text(max_size=200).map(str.encode), st.just(1)),
    st.tuples(st.just(BINARY), st.binary(max_size=200), st.just(1)),
    # around the lengths at which a head grows, and beyond one read
    st.tuples(st.just(BINARY), st.just(b"x"), st.sampled_from([125, 126, 65535, 65536, 300_000])),
    st.tuples(st.just(TEXT), st.just("\u20ac".encode()), st.sampled_from([42, 21845, 90_000])),
)
#: Bytes that may wait to be sent while pings are answered in their turn.
BACKLOG = 60_000
CONTROL = st.one_of(st.none(), st.booleans(), st.binary(max_size=125))
MESSAGES = st.lists(
    st.tuples(PAYLOADS, st.sampled_from([1, 2, 3, 100, 1 << 20]), CONTROL, st.booleans()),
    max_size=6,
)


@pytest.mark.parametrize("start", [against_a_server, against_a_client])
@given(
    messages=MESSAGES,
    cut=st.sampled_from([BY_BYTE, BY_FRAME, 0, 2, 17, 1000, 65536]),
    deflated=st.sampled_from([None, Deflated(), Deflated(((True, 0),)), Deflated(((False, 9),))]),
)
def test_any_messages(start: Any, messages: list[Any], cut: int, deflated: Deflated | None) -> None:
    steps: list[Step] = []
    heard: list[Message] = []
    sent = 0
    for (opcode, unit, count), size, control, compress in messages:
        payload = unit * count
        # Many tiny pieces of much take long, and tell nothing more.
        size = max(size, len(payload) // 100)
        cut = max(cut, len(payload) // 1000) if cut > 0 else cut
        frames: list[Send | SendDeflated]
        if deflated and compress:
            frames = [SendDeflated(opcode, payload, size)]
        else:
            frames = [*fragments(opcode, payload, size)]
        if control is not None and len(frames) > 1:
            if isinstance(control, bool) or sent > BACKLOG:
                frames.insert(1, pong())
            else:
                frames.insert(1, ping(control))
                heard.append((PONG, control))
        sent += len(payload)
        steps += frames
        heard.append((opcode, payload))
    case = Case("any", steps, tuple(heard), cut=cut, deflated=deflated)
    with Manager() as mgr, start(mgr, case) as game:
        game.play()
