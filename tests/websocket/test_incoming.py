"""Frames made into messages: tables of what is good and what is not, cut at every byte, through
both builds and in both roles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.websocket import WebSocketOptions, incoming
from galidia.websocket.deflate import Agreed, Deflater, Inflater
from galidia.websocket.frame import VIOLATIONS
from galidia.websocket.options import Deflate
from tests.twin import pure_module
from tests.websocket.wire import FIN, KEY, RSV1, RSV2, RSV3, close, frame

BUILDS = [incoming, pure_module("websocket.incoming")]
OPTIONS = WebSocketOptions(message_limit=300, frame_limit=200, max_fragments=4)
ROOM = 1000

Story = list[tuple[str, int, bytes] | tuple[str, str]]
TEXT = "hällo, wörld €".encode()


def read(
    build: ModuleType,
    pieces: Iterable[bytes],
    *,
    client: bool = False,
    room: int = ROOM,
    defrag: bool = True,
    options: WebSocketOptions = OPTIONS,
    inflater: Any = None,
) -> Story:
    """What comes of the bytes: messages, control frames, and a violation at the end if any."""
    reader = build.Incoming(client, options, inflater)
    buf = bytearray()
    story: Story = []
    for piece in pieces:
        buf += piece
        while True:
            what = reader.next(buf, room, defrag)
            if what == build.NOTHING:
                break
            if what == build.FAULT:
                story.append(("fault", VIOLATIONS[reader.fault].name))
                return story
            name = "message" if what == build.MESSAGE else "control"
            story.append((name, reader.flags, reader.payload))
        del buf[: reader.at]
        reader.at = 0
        assert len(buf) <= max(room, 125) + 14 or len(piece) > 1
    return story


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def ways(data: bytes) -> list[list[bytes]]:
    """Whole, byte by byte, and in two pieces cut anywhere."""
    halves = [[data[:i], data[i:]] for i in range(1, len(data))]
    return [[data], bytewise(data), *(halves if len(data) < 150 else halves[::17])]


GOOD: dict[str, tuple[list[bytes], Story]] = {
    "text": ([frame(1, TEXT)], [("message", 0x81, TEXT)]),
    "binary": ([frame(2, b"\xff\0")], [("message", 0x82, b"\xff\0")]),
    "empty-text": ([frame(1)], [("message", 0x81, b"")]),
    "empty-binary": ([frame(2)], [("message", 0x82, b"")]),
    "zero-mask": ([frame(2, b"abc", key=bytes(4))], [("message", 0x82, b"abc")]),
    "125": ([frame(2, b"x" * 125)], [("message", 0x82, b"x" * 125)]),
    "126": ([frame(2, b"x" * 126)], [("message", 0x82, b"x" * 126)]),
    "at-the-frame-limit": ([frame(2, b"x" * 200)], [("message", 0x82, b"x" * 200)]),
    "two": ([frame(1, b"a"), frame(2, b"b")], [("message", 0x81, b"a"), ("message", 0x82, b"b")]),
    "ping": ([frame(9, b"p")], [("control", 0x89, b"p")]),
    "pong-unasked": ([frame(10, b"p" * 125)], [("control", 0x8A, b"p" * 125)]),
    "fragments": (
        [frame(1, TEXT[:3], first=0), frame(0, TEXT[3:9], first=0), frame(0, TEXT[9:])],
        [("message", 0x81, TEXT)],
    ),
    "cut-within-a-character": (
        [frame(1, TEXT[:2], first=0), frame(0, TEXT[2:])],
        [("message", 0x81, TEXT)],
    ),
    "empty-fragments": (
        [frame(2, first=0), frame(0, b"x", first=0), frame(0, first=0), frame(0)],
        [("message", 0x82, b"x")],
    ),
    "control-between": (
        [frame(1, b"a", first=0), frame(9, b"p"), frame(0, b"b"), frame(10)],
        [("control", 0x89, b"p"), ("message", 0x81, b"ab"), ("control", 0x8A, b"")],
    ),
    "sum-at-the-limit": (
        [frame(2, b"x" * 200, first=0), frame(0, b"y" * 100)],
        [("message", 0x82, b"x" * 200 + b"y" * 100)],
    ),
    "as-many-as-there-may-be": (
        [frame(2, b"1", first=0)] + [frame(0, b"2", first=0)] * 2 + [frame(0, b"3")],
        [("message", 0x82, b"1223")],
    ),
    "limits-begin-anew": (
        [frame(2, b"x" * 150, first=0), frame(0, b"x" * 150)] * 2,
        [("message", 0x82, b"x" * 300)] * 2,
    ),
    "close": ([close(1000, b"bye")], [("control", 0x88, b"\x03\xe8bye")]),
    "close-empty": ([close()], [("control", 0x88, b"")]),
    "close-reason-longest": (
        [close(4999, b"r" * 123)],
        [("control", 0x88, b"\x13\x87" + b"r" * 123)],
    ),
}  # fmt: skip
for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1014, 3000, 3999, 4000):
    GOOD[f"close-{code}"] = ([close(code)], [("control", 0x88, code.to_bytes(2, "big"))])

# What is refused, and with which violation. What stands before the last frame is good.
BAD: dict[str, tuple[str, bytes]] = {
    "rsv1": ("reserved-bits", frame(1, b"a", first=FIN | RSV1)),
    "rsv2": ("reserved-bits", frame(1, b"a", first=FIN | RSV2)),
    "rsv3": ("reserved-bits", frame(2, b"a", first=FIN | RSV3)),
    "rsv-of-a-ping": ("reserved-bits", frame(9, b"a", first=FIN | RSV1)),
    "control-fragmented": ("control-fragmented", frame(9, b"a", first=0)),
    "close-fragmented": ("control-fragmented", frame(8, b"", first=0)),
    "ping-126": ("control-too-long", frame(9, b"x" * 126)),
    "close-64-bit": ("control-too-long", frame(8, b"", length=b"\x7f" + bytes(8))),
    "continuation-first": ("continues-nothing", frame(0, b"a")),
    "continuation-after": ("continues-nothing", frame(1, b"a") + frame(0, b"a")),
    "text-within": ("message-within", frame(1, b"a", first=0) + frame(1, b"a")),
    "binary-within": ("message-within", frame(1, b"a", first=0) + frame(2, b"a", first=0)),
    "two-bytes-for-125": ("length-not-minimal", frame(2, b"x" * 125, length=b"\x7e\x00\x7d")),
    "two-bytes-for-0": ("length-not-minimal", frame(2, b"", length=b"\x7e\0\0")),
    "eight-bytes-for-126": (
        "length-not-minimal",
        frame(2, b"x" * 126, length=b"\x7f" + (126).to_bytes(8, "big")),
    ),
    "eight-bytes-for-65535": (
        "length-not-minimal",
        frame(2, b"", length=b"\x7f" + bytes(6) + b"\xff\xff"),
    ),
    "2^63": ("length-sign", frame(2, b"", length=b"\x7f\x80" + bytes(7))),
    "2^64-1": ("length-sign", frame(2, b"", length=b"\x7f" + b"\xff" * 8)),
    "2^63-1": ("frame-too-large", frame(2, b"", length=b"\x7f\x7f" + b"\xff" * 7)),
    "2^63-1-text": ("frame-too-large", frame(1, b"", length=b"\x7f\x7f" + b"\xff" * 7)),
    "2^32": ("frame-too-large", frame(2, b"", length=b"\x7f" + (1 << 32).to_bytes(8, "big"))),
    "over-the-frame-limit": ("frame-too-large", frame(2, b"", length=b"\x7e\x00\xc9")),
    "sum-over-the-limit": (
        "message-too-large",
        frame(2, b"x" * 200, first=0) + frame(0, b"", length=b"\x65"),
    ),
    "sum-of-three": (
        "message-too-large",
        frame(1, b"x" * 150, first=0) + frame(0, b"x" * 150, first=0) + frame(0, b"x"),
    ),
    "too-many-fragments": (
        "too-many-fragments",
        frame(2, first=0) + frame(0, first=0) * 3 + frame(0),
    ),
    "not-utf8": ("not-utf8", frame(1, b"\xff")),
    "not-utf8-cut-off": ("not-utf8", frame(1, b"\xe2\x82")),
    "not-utf8-over-frames": ("not-utf8", frame(1, b"\xe2", first=0) + frame(0, b"\x28")),
    "not-utf8-first-frame": ("not-utf8", frame(1, b"\xed\xa0", first=0)),
    "not-utf8-cut-off-at-the-end": ("not-utf8", frame(1, b"\xe2\x82", first=0) + frame(0)),
    "close-1-byte": ("close-payload", frame(8, b"\x03")),
    "close-reason": ("close-reason", close(1000, b"\xff")),
    "close-reason-cut-off": ("close-reason", close(1000, b"\xe2\x82")),
}  # fmt: skip
for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    BAD[f"opcode-{opcode}"] = ("opcode", frame(opcode, b"a"))
for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
    BAD[f"close-{code}"] = ("close-code", close(code))


def unmasked(frames: Sequence[bytes]) -> list[bytes]:
    """The same frames, as a server sends them."""
    found = []
    for data in frames:
        size = {126: 4, 127: 10}.get(data[1] & 0x7F, 2)
        key = data[size : size + 4]
        payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(data[size + 4 :]))
        found.append(bytes([data[0], data[1] & 0x7F]) + data[2:size] + payload)
    return found


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("name", GOOD)
def test_good(build: ModuleType, name: str) -> None:
    frames, story = GOOD[name]
    for pieces in ways(b"".join(frames)):
        assert read(build, pieces) == story
    for pieces in ways(b"".join(unmasked(frames))):
        assert read(build, pieces, client=True) == story


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("name", GOOD)
def test_good_in_a_small_buffer(build: ModuleType, name: str) -> None:
    """A frame that the buffer has no room for is taken as it comes."""
    frames, story = GOOD[name]
    data = b"".join(frames)
    for pieces in (bytewise(data), [data[i : i + 7] for i in range(0, len(data), 7)]):
        assert read(build, pieces, room=130) == story


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("name", BAD)
def test_bad(build: ModuleType, name: str) -> None:
    fault, data = BAD[name]
    for pieces in [*ways(data), [data + frame(1, b"behind")]]:
        for room in (ROOM, 130):
            if room == ROOM or len(pieces) == len(data):
                story = read(build, pieces, room=room)
                assert story[-1] == ("fault", fault)
                assert all(event[0] == "message" for event in story[:-1])


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
def test_a_mask_by_role(build: ModuleType) -> None:
    assert read(build, [frame(1, b"a", key=None)]) == [("fault", "not-masked")]
    assert read(build, [frame(9, key=None)]) == [("fault", "not-masked")]
    assert read(build, [frame(1, b"a")], client=True) == [("fault", "masked")]
    assert read(build, [frame(8)], client=True) == [("fault", "masked")]


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("room", [ROOM, 50])
def test_text_ends_with_its_first_wrong_byte(build: ModuleType, room: int) -> None:
    """Not with the end of its frame, nor of its message."""
    data = frame(1, "ä".encode() * 20 + b"\xe2\x28" + b"x" * 50, first=0)
    wrong = 2 + 4 + 41  # head, key, and what is good; byte by byte, the wrong one is the next
    pieces = bytewise(data)
    assert read(build, pieces[: wrong + 0], room=room) == []
    assert read(build, pieces[: wrong + 1], room=room) == [("fault", "not-utf8")]


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
def test_lengths_are_checked_with_the_head(build: ModuleType) -> None:
    head = frame(2, b"", length=b"\x7e\x00\xc9")[:-4]
    assert read(build, [head]) == []  # the mask is a part of the head
    assert read(build, [head + KEY]) == [("fault", "frame-too-large")]


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
def test_each_frame_by_itself(build: ModuleType) -> None:
    data = (
        frame(1, b"x" * 150, first=0) + frame(9) + frame(0, b"y" * 150, first=0)
        + frame(0, b"z" * 150, first=0) * 9 + frame(0, b"end") + frame(2, b"b")
    )  # fmt: skip
    story: Story = [("message", 0x01, b"x" * 150), ("control", 0x89, b"")]
    story += [("message", 0x00, b"y" * 150)] + [("message", 0x00, b"z" * 150)] * 9
    story += [("message", 0x80, b"end"), ("message", 0x82, b"b")]
    for room in (ROOM, 100):
        for pieces in ([data], bytewise(data)):
            assert read(build, pieces, defrag=False, room=room) == story
    wrong = frame(1, b"\xe2", first=0) + frame(0, b"\x28")
    assert read(build, [wrong], defrag=False)[-1] == ("fault", "not-utf8")


# -- compressed -----------------------------------------------------------------------------------

AGREED = Agreed(12, True, 12, True)
HELLO = b"Hello" * 20


def deflated(*messages: bytes) -> list[bytes]:
    deflater = Deflater(Deflate(), AGREED)
    return [deflater.compress(message) for message in messages]


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("room", [ROOM, 5])
def test_compressed(build: ModuleType, room: int) -> None:
    one, two = deflated(HELLO, TEXT + HELLO)
    data = (
        frame(1, one, first=FIN | RSV1)
        + frame(1, b"plain")
        + frame(1, two[:4], first=RSV1) + frame(9) + frame(0, two[4:8], first=0) + frame(0, two[8:])
    )  # fmt: skip
    story: Story = [("message", 0x81, HELLO), ("message", 0x81, b"plain"), ("control", 0x89, b"")]
    story += [("message", 0x81, TEXT + HELLO)]
    for pieces in ways(data):
        assert read(build, pieces, room=room, inflater=Inflater(AGREED)) == story


BOMB = deflated(bytes(301))[0]
BAD_COMPRESSED: dict[str, tuple[str, bytes]] = {
    "bomb": ("message-too-large", frame(2, BOMB, first=FIN | RSV1)),
    "bomb-in-pieces": (
        "message-too-large",
        frame(2, BOMB[:3], first=RSV1) + frame(0, BOMB[3:]),
    ),
    "not-deflated": ("not-deflated", frame(2, b"\xff\xff\xff", first=FIN | RSV1)),
    "not-utf8": ("not-utf8", frame(1, deflated(b"\xff")[0], first=FIN | RSV1)),
    "not-utf8-cut-off": ("not-utf8", frame(1, deflated(b"\xe2\x82")[0], first=FIN | RSV1)),
    "over-the-frame-limit": (
        "frame-too-large",
        frame(2, b"", first=FIN | RSV1, length=b"\x7e\x00\xc9"),
    ),
    "rsv1-of-a-continuation": (
        "reserved-bits",
        frame(2, b"a", first=0) + frame(0, b"a", first=FIN | RSV1),
    ),
    "rsv1-of-a-close": ("reserved-bits", frame(8, b"", first=FIN | RSV1)),
    "rsv2-too": ("reserved-bits", frame(2, b"a", first=FIN | RSV1 | RSV2)),
}


@pytest.mark.parametrize("build", BUILDS, ids=["build", "pure"])
@pytest.mark.parametrize("name", BAD_COMPRESSED)
def test_bad_compressed(build: ModuleType, name: str) -> None:
    fault, data = BAD_COMPRESSED[name]
    for pieces in ways(data):
        story = read(build, pieces, inflater=Inflater(AGREED))
        assert story == [("fault", fault)]


# -- anything -------------------------------------------------------------------------------------

FRAMES = st.builds(
    lambda opcode, payload, first, key: frame(opcode, payload, first=first, key=key),
    st.sampled_from([0, 0, 1, 1, 2, 2, 8, 9, 10, 3]),
    st.binary(max_size=20) | st.text(max_size=8).map(str.encode) | st.just(b"x" * 140),
    st.sampled_from([0, FIN, FIN, FIN, FIN | RSV1, RSV1]),
    st.sampled_from([KEY, KEY, KEY, bytes(4), None]),
)
STREAMS = st.lists(FRAMES | FRAMES | st.binary(max_size=12), max_size=8).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 400), max_size=8), st.booleans(), st.booleans())
def test_any_bytes_cut_anywhere(data: bytes, cuts: list[int], defrag: bool, packed: bool) -> None:
    """However they are cut, in whichever build and however small the buffer, the same comes out."""
    at = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [data[a:b] for a, b in pairwise(at)]
    stories = []
    for room, ways in ((ROOM, (pieces, bytewise(data))), (1, (bytewise(data),))):
        for build in BUILDS:
            for way in ways:
                inflater = Inflater(AGREED) if packed else None
                stories.append(read(build, way, room=room, defrag=defrag, inflater=inflater))
    large, small = stories[:4], stories[4:]
    assert all(story == large[0] for story in large)
    assert small[0] == small[1]
    if not packed:  # what is inflated as it comes may be refused before its frame is complete
        assert small[0] == large[0]
