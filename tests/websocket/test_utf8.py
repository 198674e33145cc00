"""UTF-8 checked as it comes, through both builds."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from galidia.websocket import utf8
from tests.twin import pure_module

BUILDS = [utf8, pure_module("websocket.utf8")]
DONE, BAD = utf8.DONE, utf8.BAD

# What is wrong, and how many of its bytes can still be the start of something good.
WRONG: dict[str, tuple[bytes, int]] = {
    "continuation": (b"\x80", 0),
    "last-continuation": (b"\xbf", 0),
    "c0": (b"\xc0\xaf", 0),
    "c1": (b"\xc1\xbf", 0),
    "too-long-2": (b"\xe0\x9f\xbf", 1),
    "too-long-3": (b"\xf0\x8f\xbf\xbf", 1),
    "first-surrogate": (b"\xed\xa0\x80", 1),
    "last-surrogate": (b"\xed\xbf\xbf", 1),
    "beyond": (b"\xf4\x90\x80\x80", 1),
    "f5": (b"\xf5\x80\x80\x80", 0),
    "f8": (b"\xf8\x88\x80\x80\x80", 0),
    "ff": (b"\xff", 0),
    "ascii-for-second": (b"\xc3a", 1),
    "ascii-for-third": (b"\xe2\x82a", 2),
    "ascii-for-fourth": (b"\xf0\x9f\x98a", 3),
    "start-within": (b"\xe2\x82\xe2", 2),
}
# The first and the last character of each form, and what lies next to the holes.
GOOD = (
    "\0\x7f\x80\u07ff\u0800\u0fff\u1000\ud7ff\ue000\uffff\U00010000\U0003ffff\U00100000\U0010ffff"
)


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("before", [b"", b"a", b"\xc3\xa4" * 9, b"ascii, long enough for words"])
def test_the_first_wrong_byte_ends_it(build: ModuleType, name: str, before: bytes) -> None:
    data, good = WRONG[name]
    state = build.advance(DONE, before)
    assert state == DONE
    for i in range(len(data)):
        state = build.advance(state, data[i : i + 1])
        assert (state == BAD) == (i >= good)
    assert build.advance(DONE, before + data + b"more") == BAD
    assert build.advance(BAD, b"more") == BAD


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("character", GOOD, ids=ascii)
def test_every_form_of_a_character(build: ModuleType, character: str) -> None:
    data = character.encode()
    states = [build.advance(DONE, data[:n]) for n in range(len(data) + 1)]
    assert states[0] == states[-1] == DONE
    assert all(DONE < state < BAD for state in states[1:-1])


def is_start_of_text(data: bytes) -> bool:
    """Whether something could follow that makes it UTF-8; Python's decoder says so."""
    try:
        data.decode()
    except UnicodeDecodeError as e:
        return e.reason == "unexpected end of data"
    return True


PIECES = st.one_of(
    st.binary(max_size=6), st.text(max_size=12).map(str.encode), st.sampled_from([b"x" * 20])
)


@given(st.lists(PIECES, max_size=6))
@example([b"\xf0\x9f", b"\x98\x80"])
def test_any_bytes_cut_anywhere(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    for build in BUILDS:
        state = DONE
        for piece in pieces:
            state = build.advance(state, piece)
        assert (state != BAD) == is_start_of_text(data)
        assert build.advance(DONE, data) == state
        buf = bytearray(b"\xff" + data + b"\xff")
        assert build.advance_in(DONE, buf, 1, 1 + len(data)) == state
    assert len({build.advance(DONE, data) for build in BUILDS}) == 1


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 1), (0, 6), (6, 6)])
def test_never_outside_of_the_buffer(build: ModuleType, start: int, end: int) -> None:
    with pytest.raises(IndexError):
        build.advance_in(DONE, bytearray(5), start, end)
