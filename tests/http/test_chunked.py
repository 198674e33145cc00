"""The transfer coding chunked as bytes, through both builds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http import chunked
from galidia.http.violations import VIOLATIONS
from tests.twin import pure_module

NEXT = b"GET /next HTTP/1.1\r\n\r\n"
MAX_TRAILERS = 60
MAX_FIELDS = 3
MAX_EXTENSIONS = 40

# body and trailers that come of it
GOOD: dict[str, tuple[bytes, bytes, list[tuple[str, str]]]] = {
    "nothing": (b"0\r\n\r\n", b"", []),
    "one": (b"5\r\nhello\r\n0\r\n\r\n", b"hello", []),
    "several": (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc", []),
    "crlf-inside": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n", []),
    "hex": (b"A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a", []),
    "two-digits": (b"1f\r\n" + b"x" * 31 + b"\r\n0\r\n\r\n", b"x" * 31, []),
    "zeros": (b"000000000000001\r\na\r\n000000000000000\r\n\r\n", b"a", []),
    "extension": (b"1;a\r\nx\r\n0;b=c\r\n\r\n", b"x", []),
    "extension-quoted": (b'1;a="b \\"\\\\\t;\xff"\r\nx\r\n0\r\n\r\n', b"x", []),
    "extension-blank": (b"1 ;\ta = b ; c\t=\t\"\"\r\nx\r\n0\r\n\r\n", b"x", []),
    "extensions-at-limit": (b"1;" + b"e" * 19 + b"\r\nx\r\n0;" + b"e" * 19 + b"\r\n\r\n", b"x", []),
    "trailers": (
        b"1\r\nx\r\n0\r\nX-Sum: \t a b \r\netag:\r\n\r\n",
        b"x",
        [("X-Sum", "a b"), ("etag", "")],
    ),
    "trailer-latin": (b"0\r\nX: \xe4\r\n\r\n", b"", [("X", "\xe4")]),
    "trailers-at-limit": (b"0\r\nA: " + b"a" * (MAX_TRAILERS - 3) + b"\r\n\r\n", b"",
                          [("A", "a" * (MAX_TRAILERS - 3))]),
    "trailers-at-number": (b"0\r\nA:\r\nA:\r\nA:\r\n\r\n", b"", [("A", "")] * 3),
}  # fmt: skip

BAD: dict[str, tuple[str, bytes]] = {
    "empty-line": ("chunk-size", b"\r\n0\r\n\r\n"),
    "space-before": ("chunk-size", b" 1\r\nx\r\n0\r\n\r\n"),
    "space-behind": ("chunk-size", b"1 \r\nx\r\n0\r\n\r\n"),
    "tab-behind": ("chunk-size", b"1\t\r\nx\r\n0\r\n\r\n"),
    "space-inside": ("chunk-size", b"1 0\r\nx\r\n0\r\n\r\n"),
    "0x": ("chunk-size", b"0x1\r\nx\r\n0\r\n\r\n"),
    "plus": ("chunk-size", b"+1\r\nx\r\n0\r\n\r\n"),
    "minus": ("chunk-size", b"-1\r\nx\r\n0\r\n\r\n"),
    "minus-0": ("chunk-size", b"-0\r\n\r\n"),
    "underscore": ("chunk-size", b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n"),
    "letter": ("chunk-size", b"g\r\nx\r\n0\r\n\r\n"),
    "letter-behind": ("chunk-size", b"1g\r\nx\r\n0\r\n\r\n"),
    "comma": ("chunk-size", b"1,1\r\nx\r\n0\r\n\r\n"),
    "point": ("chunk-size", b"1.0\r\nx\r\n0\r\n\r\n"),
    "nul": ("chunk-size", b"1\0\r\nx\r\n0\r\n\r\n"),
    "other-digits": ("chunk-size", b"\xb2\r\nxx\r\n0\r\n\r\n"),
    "16-digits": ("chunk-size", b"0000000000000001\r\nx\r\n0\r\n\r\n"),
    "17-digits": ("chunk-size", b"10000000000000001\r\nx\r\n0\r\n\r\n"),
    "no-size": ("chunk-size", b";a\r\nx\r\n0\r\n\r\n"),
    "lf": ("bare-lf", b"1\nx\r\n0\r\n\r\n"),
    "lf-alone": ("bare-lf", b"\n1\r\nx\r\n0\r\n\r\n"),
    "lf-last": ("bare-lf", b"1\r\nx\r\n0\n\r\n"),
    "lf-extension": ("bare-lf", b"1;a\nx\r\n0\r\n\r\n"),
    "lf-quoted": ("bare-lf", b'1;a="\nx"\r\nx\r\n0\r\n\r\n'),
    "lf-end": ("bare-lf", b"0\r\n\n"),
    "lf-trailer": ("bare-lf", b"0\r\nX: y\n\r\n"),
    "cr": ("bare-cr", b"1\rx\r\n0\r\n\r\n"),
    "cr-cr": ("bare-cr", b"1\r\r\nx\r\n0\r\n\r\n"),
    "cr-extension": ("bare-cr", b"1;a\rb\r\nx\r\n0\r\n\r\n"),
    "cr-trailer": ("bare-cr", b"0\r\nX: a\rb\r\n\r\n"),
    "data-longer": ("chunk-end", b"1\r\nxy\r\n0\r\n\r\n"),
    "data-shorter": ("chunk-end", b"3\r\nx\r\n0\r\n\r\n"),
    "data-lf": ("chunk-end", b"1\r\nx\n0\r\n\r\n"),
    "data-cr": ("chunk-end", b"1\r\nx\r0\r\n\r\n"),
    "data-two-cr": ("chunk-end", b"1\r\nx\r\r\n0\r\n\r\n"),
    "data-no-end": ("chunk-end", b"1\r\nx0\r\n\r\n"),
    "extension-empty": ("chunk-extension", b"1;\r\nx\r\n0\r\n\r\n"),
    "extension-value-empty": ("chunk-extension", b"1;a=\r\nx\r\n0\r\n\r\n"),
    "extension-no-name": ("chunk-extension", b"1;=a\r\nx\r\n0\r\n\r\n"),
    "extension-two-values": ("chunk-extension", b"1;a=b=c\r\nx\r\n0\r\n\r\n"),
    "extension-space-behind": ("chunk-extension", b"1;a \r\nx\r\n0\r\n\r\n"),
    "extension-open": ("chunk-extension", b'1;a="b\r\nx\r\n0\r\n\r\n'),
    "extension-half-quoted": ("chunk-extension", b'1;a=b"c"\r\nx\r\n0\r\n\r\n'),
    "extension-behind-quotes": ("chunk-extension", b'1;a="b"c\r\nx\r\n0\r\n\r\n'),
    "extension-nul": ("chunk-extension", b"1;a=\0\r\nx\r\n0\r\n\r\n"),
    "extension-too-long": ("extensions-too-long", b"1;" + b"e" * 40 + b"\r\nx\r\n0\r\n\r\n"),
    "extension-without-end": ("extensions-too-long", b"1;" + b"e" * 60),
    "extensions-together": (
        "extensions-too-long",
        b"1;" + b"e" * 19 + b"\r\nx\r\n0;" + b"e" * 20 + b"\r\n\r\n",
    ),
    "extensions-of-small-chunks": ("extensions-too-long", b"1;e\r\nx\r\n" * 21 + b"0\r\n\r\n"),
    "size-without-end": ("extensions-too-long", b"0" * 60),
    "trailer-folded": ("folded", b"0\r\nX: a\r\n b\r\n\r\n"),
    "trailer-space-first": ("folded", b"0\r\n X: a\r\n\r\n"),
    "trailer-no-colon": ("no-colon", b"0\r\nX\r\n\r\n"),
    "trailer-no-name": ("empty-name", b"0\r\n: x\r\n\r\n"),
    "trailer-space-before-colon": ("space-before-colon", b"0\r\nX : a\r\n\r\n"),
    "trailer-name": ("name-char", b"0\r\nX Y: a\r\n\r\n"),
    "trailer-nul": ("value-char", b"0\r\nX: \0\r\n\r\n"),
    "trailers-too-large": (
        "trailers-too-large",
        b"0\r\nA: a\r\nB: " + b"b" * (MAX_TRAILERS - 6) + b"\r\n\r\n",
    ),
    "trailer-without-end": ("trailers-too-large", b"0\r\nX: " + b"x" * 80),
    "trailers-too-many": ("too-many-fields", b"0\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n"),
}
for name in ("Content-Length", "transfer-encoding", "HOST", "Trailer", "Connection", "Upgrade",
             "Authorization", "Set-Cookie", "Cookie", "Content-Type", "Content-Encoding", "TE",
             "Content-Range", "Expect", "Proxy-Authorization", "If-Match", "Location"):  # fmt: skip
    BAD["trailer-" + name.lower()] = (
        "trailer-forbidden",
        b"0\r\n" + name.encode() + b": 1\r\n\r\n",
    )


@pytest.fixture(params=["this", "pure"])
def build(request: pytest.FixtureRequest) -> Any:
    """The decoder under test, and its pure copy."""
    return chunked if request.param == "this" else pure_module("http.chunked")


def decode(build: Any, pieces: Iterable[bytes], shift: int = 0) -> dict[str, Any]:
    """What comes of the pieces; `shift`: used bytes that stay in the buffer before the rest."""
    decoder = build.Chunked(MAX_TRAILERS, MAX_FIELDS, MAX_EXTENSIONS)
    buf, out = bytearray(), bytearray()
    at = 0
    for piece in pieces:
        buf += piece
        end = decoder.feed(buf, at, out)
        assert at <= end <= len(buf)
        at = end
        if at > shift:
            del buf[: at - shift]
            at = shift
    return {
        "done": decoder.done,
        "fault": VIOLATIONS[decoder.fault].name,
        "body": bytes(out),
        "trailers": decoder.trailers,
        "rest": bytes(buf[at:]),
    }


def whole_and_bytewise(build: Any, data: bytes) -> dict[str, Any]:
    whole = decode(build, [data])
    for shift in (0, 3):
        bytewise = decode(build, [data[i : i + 1] for i in range(len(data))], shift)
        if whole["fault"] == "none":
            assert bytewise == whole
        else:  # what lies behind a fault is of no interest, nor where it was seen
            assert (bytewise["fault"], bytewise["done"]) == (whole["fault"], False)
            assert bytewise["body"] == whole["body"]
    return whole


@pytest.mark.parametrize("name", GOOD)
def test_good_body(name: str, build: Any) -> None:
    data, body, trailers = GOOD[name]
    found = whole_and_bytewise(build, data)
    assert found == {
        "done": True, "fault": "none", "body": body, "trailers": trailers, "rest": b""
    }  # fmt: skip
    assert decode(build, [data + NEXT]) == found | {"rest": NEXT}
    for cut in range(len(data)):
        assert decode(build, [data[:cut], data[cut:] + NEXT]) == found | {"rest": NEXT}
        assert not decode(build, [data[:cut]])["done"]


@pytest.mark.parametrize("name", BAD)
def test_violation(name: str, build: Any) -> None:
    expected, data = BAD[name]
    found = whole_and_bytewise(build, data)
    assert (found["fault"], found["done"]) == (expected, False)
    for cut in range(len(data)):
        assert decode(build, [data[:cut], data[cut:] + NEXT])["fault"] == expected


def test_nothing_is_decoded_behind_the_end_or_a_fault(build: Any) -> None:
    for data in (b"0\r\n\r\n", b"x"):
        decoder = build.Chunked()
        out = bytearray()
        end = decoder.feed(bytearray(data), 0, out)
        more = bytearray(b"1\r\nx\r\n0\r\n\r\n")
        assert (decoder.done, bool(decoder.fault)) == (data != b"x", data == b"x")
        assert decoder.feed(more, 0, out) == 0
        assert (end, len(out)) == (len(data) * decoder.done, 0)


def test_places_that_are_none(build: Any) -> None:
    buf = bytearray(b"1\r\nx\r\n")
    with pytest.raises(ValueError, match="place"):
        build.Chunked().feed(buf, -1, bytearray())
    with pytest.raises(ValueError, match="place"):
        build.Chunked().feed(buf, 0, buf)
    assert build.Chunked().feed(buf, 50, bytearray()) == 50
    for arguments in ((None, 0, bytearray()), (buf, 0, None)):
        with pytest.raises((TypeError, AttributeError)):
            build.Chunked().feed(*arguments)


@pytest.mark.parametrize("size", [1, 9, 15, 16, 255, 4096, 70_000])
def test_chunk(size: int, build: Any) -> None:
    data = bytes(i % 256 for i in range(size))
    encoded = build.chunk(data)
    assert encoded == f"{size:x}\r\n".encode() + data + b"\r\n"
    found = decode(build, [encoded, build.LAST_CHUNK])
    assert (found["done"], found["body"], found["rest"]) == (True, data, b"")


def test_no_data_is_no_chunk(build: Any) -> None:
    assert build.chunk(b"") == b""


# -- the work grows with the bytes ----------------------------------------------------------------


def steps(action: Callable[[], object]) -> int:
    """Calls made during an action."""
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def test_chunks_of_one_byte(build: Any) -> None:
    def decoded(n: int) -> int:
        buf = bytearray(b"1\r\nx\r\n" * n + b"0\r\n\r\n")
        out = bytearray()
        decoder = build.Chunked()
        count = steps(lambda: decoder.feed(buf, 0, out))
        assert decoder.done
        assert out == b"x" * n
        return count

    assert decoded(100_000) <= 100 * decoded(1000) + 1000


class Watched(bytearray):
    """Counts the bytes that are looked through, and those copied out of it."""

    seen = 0

    def find(self, sub: Any, *place: Any) -> int:
        start = place[0] if place else 0
        at = super().find(sub, start)
        self.seen += (at + 1 if at >= 0 else len(self)) - start
        return at

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        if isinstance(key, slice):
            self.seen += len(found)
        return found


def test_segments_of_one_byte_are_looked_at_once() -> None:
    body = b"".join([chunked.chunk(b"x" * n) for n in (1, 5000, 17, 300)])
    extended = b"1;" + b"e" * 5000 + b"\r\nx\r\n"
    data = body + extended + b"0\r\nX: " + b"y" * 5000 + b"\r\n" + b"Z: z\r\n" * 500 + b"\r\n"
    decoder = pure_module("http.chunked").Chunked(20_000, 600, 6000)
    buf, out, at = Watched(), bytearray(), 0
    for i in range(len(data)):
        buf.append(data[i])
        at = decoder.feed(buf, at, out)
    assert decoder.done
    assert len(decoder.trailers) == 501
    assert buf.seen <= 3 * len(data)


def test_a_large_chunk_in_segments_of_one_byte(build: Any) -> None:
    n = 100_000
    decoder, out, at = build.Chunked(), bytearray(), 0
    buf = bytearray(b"%x\r\n" % n)
    for piece in [b"", *[b"x"] * n, b"\r", b"\n0\r", b"\n\r", b"\n"]:
        buf += piece
        at = decoder.feed(buf, at, out)
        assert len(buf) - at <= 2  # nothing is held back
        del buf[:at]
        at = 0
    assert decoder.done
    assert out == b"x" * n


def test_100_000_trailers(build: Any) -> None:
    n = 100_000
    decoder = build.Chunked(n * 20, n)
    data = bytearray(b"0\r\n" + b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(n)) + b"\r\n")
    assert decoder.feed(data, 0, bytearray()) == len(data)
    assert decoder.done
    assert decoder.trailers[-1] == (f"X-{n - 1}", str(n - 1))


def test_chunks_that_are_mostly_extensions_are_given_up_soon(build: Any) -> None:
    data = bytearray((b"1;" + b"e" * 100 + b"\r\nx\r\n") * 10_000)
    decoder, out = build.Chunked(), bytearray()
    assert decoder.feed(data, 0, out) <= 20_000
    assert VIOLATIONS[decoder.fault].name == "extensions-too-long"


# -- both builds decode alike ---------------------------------------------------------------------

PIECES = [b"\r\n", b"\n", b"\r", b"0", b"1", b"a", b"F", b";", b"=", b'"', b"\\", b" ", b"\t",
          b"\0", b"\xff", b"_", b"-", b"0\r\n\r\n", b"1\r\nx\r\n", b"X: y\r\n", b"Host: x\r\n",
          b";a=b", b"e" * 45]  # fmt: skip
EVERY = [data for data, _, _ in GOOD.values()] + [data for _, data in BAD.values()]


def both(pieces: Sequence[bytes]) -> None:
    """Both builds decode the same of it, in these pieces and otherwise."""
    here = decode(chunked, pieces)
    assert decode(pure_module("http.chunked"), pieces) == here
    whole = whole_and_bytewise(chunked, b"".join(pieces))
    assert (whole["fault"], whole["done"]) == (here["fault"], here["done"])
    assert whole["body"] == here["body"]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=12))
def test_any_pieces(pieces: list[bytes]) -> None:
    both(pieces)


@given(st.sampled_from(EVERY), st.data())
def test_mutated_bodies(data: bytes, draw: st.DataObject) -> None:
    mutated = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(mutated)))
        cut = draw.draw(st.integers(0, 3))
        mutated[at : at + cut] = draw.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    cut = draw.draw(st.integers(0, len(mutated)))
    both([bytes(mutated[:cut]), bytes(mutated[cut:])])


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_chunks_come_back(parts: list[bytes], draw: st.DataObject) -> None:
    data = b"".join([chunked.chunk(part) for part in parts]) + chunked.LAST_CHUNK + NEXT
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    for build in (chunked, pure_module("http.chunked")):
        found = decode(build, pieces)
        assert (found["done"], found["body"], found["rest"]) == (True, b"".join(parts), NEXT)
