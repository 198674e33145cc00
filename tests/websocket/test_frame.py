"""Frames as they are made, through both builds."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.websocket import frame
from tests.twin import pure_module
from tests.websocket import wire

BUILDS = [frame, pure_module("websocket.frame")]
SIZES = [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 70000]


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("first", [0x81, 0x82, 0x01, 0x80, 0x00, 0xC1, 0x42, 0x88])
def test_lengths_take_as_few_bytes_as_they_can(build: ModuleType, size: int, first: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    payload = payload[:size]
    plain = build.head(first, size) + payload
    assert wire.frames(plain) == [wire.Frame(first, payload, False)]
    masked = build.masked_frame(first, payload, 0x67452301)
    assert wire.frames(masked) == [wire.Frame(first, payload, True)]
    assert masked == wire.frame(first & 0x0F, payload, first=first & 0xF0)


@given(st.binary(max_size=300), st.integers(0, (1 << 32) - 1), st.integers(0, 255))
def test_both_builds_make_the_same(payload: bytes, key: int, first: int) -> None:
    one, other = BUILDS
    assert one.masked_frame(first, payload, key) == other.masked_frame(first, payload, key)
    assert one.head(first, len(payload)) == other.head(first, len(payload))


def test_build() -> None:
    assert frame.build(frame.OP_TEXT, b"ab") == b"\x81\x02ab"
    assert frame.build(frame.OP_PING, bytearray(b""), key=b"abcd") == b"\x89\x80abcd"
    assert frame.build(frame.OP_BINARY, b"ab", fin=False, rsv1=True) == b"\x42\x02ab"


def test_violations_have_names_and_codes_that_may_be_sent() -> None:
    names = [violation.name for violation in frame.VIOLATIONS]
    assert len(set(names)) == len(names)
    assert all(frame.may_be_sent(violation.code) for violation in frame.VIOLATIONS)
    assert frame.VIOLATIONS[frame.NOT_DEFLATED].name == "not-deflated"
