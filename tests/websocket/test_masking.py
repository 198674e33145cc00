"""Masks, through both builds."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.websocket import masking
from tests.twin import pure_module

BUILDS = [masking, pure_module("websocket.masking")]
KEYS = st.integers(0, (1 << 32) - 1)


def plainly(data: bytes, key: int, phase: int = 0) -> bytes:
    four = key.to_bytes(4, "little")
    return bytes(byte ^ four[(i + phase) % 4] for i, byte in enumerate(data))


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
def test_the_example_of_the_rfc(build: ModuleType) -> None:
    key = int.from_bytes(bytes.fromhex("37fa213d"), "little")
    assert build.masked(b"Hello", key) == bytes.fromhex("7f9f4d5158")


@given(st.binary(max_size=100), KEYS, st.integers(0, 9), st.integers(0, 7))
def test_both_builds_do_what_the_rfc_says(data: bytes, key: int, phase: int, start: int) -> None:
    for build in BUILDS:
        assert build.masked(data, key) == plainly(data, key)
        buf = bytearray(b"before_"[:start] + data + b"behind")
        end = start + len(data)
        assert build.cut(buf, start, end, key, phase) == plainly(data, key, phase)
        assert buf[start:end] == data
        build.unmask(buf, start, end, key, phase)
        assert buf == b"before_"[:start] + plainly(data, key, phase) + b"behind"


@given(st.binary(max_size=60), KEYS, st.data())
def test_a_payload_in_pieces(data: bytes, key: int, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data)))
    for build in BUILDS:
        buf = bytearray(data)
        pieces = build.cut(buf, 0, at, key, 0) + build.cut(buf, at, len(buf), key, at)
        assert pieces == build.masked(data, key)


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 1), (0, 6), (6, 6)])
def test_never_outside_of_the_buffer(build: ModuleType, start: int, end: int) -> None:
    buf = bytearray(5)
    with pytest.raises(IndexError):
        build.cut(buf, start, end, 1, 0)
    with pytest.raises(IndexError):
        build.unmask(buf, start, end, 1, 0)
