"""permessage-deflate: what is agreed on, what goes over the wire, and what memory is kept."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.websocket import Deflate
from galidia.websocket.deflate import (
    Agreed,
    Deflater,
    Inflater,
    Parameters,
    agree,
    compress_alone,
    offer,
    settle,
)
from galidia.websocket.frame import MESSAGE_TOO_LARGE, NOT_DEFLATED
from galidia.websocket.handshake import extensions_in

PLAIN = Deflate(window_bits=15, peer_window_bits=15)
LIMIT = 1 << 20


def parameters(text: str) -> Parameters:
    found = extensions_in([f"permessage-deflate; {text}" if text else "permessage-deflate"])
    assert found is not None
    return found[0][1]


def answer(options: Deflate, text: str) -> tuple[str, Agreed] | None:
    found = agree(options, parameters(text))
    return (
        None
        if found is None
        else (found[0].removeprefix("permessage-deflate").lstrip("; "), found[1])
    )


OFFERS = [
    (PLAIN, "", "", Agreed(15, True, 15, True)),
    (PLAIN, "client_max_window_bits", "", Agreed(15, True, 15, True)),
    (PLAIN, "client_max_window_bits=10", "client_max_window_bits=10", Agreed(15, True, 10, True)),
    (PLAIN, "server_max_window_bits=15", "server_max_window_bits=15", Agreed(15, True, 15, True)),
    (PLAIN, "server_max_window_bits=8", "server_max_window_bits=8", Agreed(8, True, 15, True)),
    (PLAIN, 'server_max_window_bits="9"', "server_max_window_bits=9", Agreed(9, True, 15, True)),
    (
        PLAIN,
        "server_no_context_takeover",
        "server_no_context_takeover",
        Agreed(15, False, 15, True),
    ),
    (
        PLAIN,
        "client_no_context_takeover",
        "client_no_context_takeover",
        Agreed(15, True, 15, False),
    ),
    (Deflate(), "", "server_max_window_bits=12", Agreed(12, True, 15, True)),
    (
        Deflate(),
        "client_max_window_bits",
        "server_max_window_bits=12; client_max_window_bits=12",
        Agreed(12, True, 12, True),
    ),
    (
        Deflate(context_takeover=False, peer_context_takeover=False),
        "",
        "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
        Agreed(12, False, 15, False),
    ),
]


@pytest.mark.parametrize(("options", "text", "told", "agreed"), OFFERS)
def test_what_a_server_takes(options: Deflate, text: str, told: str, agreed: Agreed) -> None:
    assert answer(options, text) == (told, agreed)


BAD = [
    "unknown",
    "server_no_context_takeover; server_no_context_takeover",
    "server_no_context_takeover=1",
    "client_no_context_takeover=true",
    "server_max_window_bits",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=08",
    "server_max_window_bits=x",
    "client_max_window_bits=7",
    "client_max_window_bits=0",
    "client_max_window_bits; client_max_window_bits=9",
]


@pytest.mark.parametrize("text", BAD)
def test_what_nobody_takes(text: str) -> None:
    assert answer(PLAIN, text) is None
    assert settle(PLAIN, parameters(text)) is None


SETTLED = [
    (PLAIN, "", Agreed(15, True, 15, True)),
    (PLAIN, "server_max_window_bits=9", Agreed(15, True, 9, True)),
    (PLAIN, "client_max_window_bits=9", Agreed(9, True, 15, True)),
    (
        PLAIN,
        "server_no_context_takeover; client_no_context_takeover",
        Agreed(15, False, 15, False),
    ),
    (PLAIN, "client_max_window_bits", None),
    (Deflate(), "", None),  # the window that was asked for is not agreed to
    (Deflate(), "server_max_window_bits=13", None),
    (Deflate(), "server_max_window_bits=12", Agreed(12, True, 12, True)),
    (Deflate(), "server_max_window_bits=12; client_max_window_bits=13", None),
    (Deflate(peer_context_takeover=False), "server_max_window_bits=12", None),
    (
        Deflate(context_takeover=False),
        "server_max_window_bits=12",
        Agreed(12, False, 12, True),
    ),
]


@pytest.mark.parametrize(("options", "text", "agreed"), SETTLED)
def test_what_a_client_makes_of_the_answer(
    options: Deflate, text: str, agreed: Agreed | None
) -> None:
    assert settle(options, parameters(text)) == agreed


SIDES = [
    Deflate(window_bits=a, peer_window_bits=b, context_takeover=c, peer_context_takeover=d)
    for a, b, c, d in product((8, 12, 15), (8, 15), (True, False), (True, False))
]


@pytest.mark.parametrize("client", SIDES, ids=offer)
def test_two_sides_agree(client: Deflate) -> None:
    for server in SIDES:
        found = agree(server, parameters(offer(client).partition("; ")[2]))
        assert found is not None
        text, there = found
        here = settle(client, parameters(text.partition("; ")[2]))
        assert here is not None
        assert (here.bits, here.peer_bits) == (min(client.window_bits, there.peer_bits), there.bits)
        assert here.peer_takeover == there.takeover
        assert here.takeover <= there.peer_takeover
        for one, other, options in ((here, there, client), (there, here, server)):
            exchange(options, one, other)


def exchange(options: Deflate, one: Agreed, other: Agreed) -> None:
    """What one side compresses, the other one inflates: of several messages, that repeat what came
    further back than any window, and after idle times of either."""
    deflater, inflater = Deflater(options, one), Inflater(other)
    noise = bytes(range(256)) * 3
    block = random.Random(1).randbytes(600)
    for n, message in enumerate([noise, block, b"x", block * 2, block[::-1] * 99, noise + block]):
        packed = deflater.compress(message)
        assert (
            inflater.inflate(packed[:5], LIMIT, False) + inflater.inflate(packed[5:], LIMIT, True)
            == message
        )
        if n == 1:
            inflater.rest()
        elif n == 3:
            deflater.rest()


# -- the examples of RFC 7692 7.2.3 ---------------------------------------------------------------

AGREED = Agreed(15, True, 15, True)
EXAMPLES = {
    "one-block": ["f248cdc9c90700"],
    "with-context": ["f248cdc9c90700", "f200110000"],
    "without-compression": ["000500faff48656c6c6f00"],
    "final-block": ["f348cdc9c9070000"],
    "two-blocks": ["f248050000 00ffffcac9c90700".replace(" ", "")],
    "final-block-then-context": ["f348cdc9c9070000", "f200110000"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str) -> None:
    inflater = Inflater(AGREED)
    for text in EXAMPLES[name]:
        data = bytes.fromhex(text)
        assert inflater.inflate(data, LIMIT, True) == b"Hello"
        assert inflater.fault == 0


def test_a_stream_that_ends_without_the_empty_block() -> None:
    """Other programs finish their stream; the next message is a new one."""
    inflater = Inflater(AGREED)
    for text in (b"one", b"two"):
        z = zlib.compressobj(wbits=-15)
        assert inflater.inflate(z.compress(text) + z.flush(), LIMIT, True) == text


def test_many_ends_within_a_message_are_refused() -> None:
    inflater = Inflater(AGREED)
    assert inflater.inflate(b"\x03\x00" * 100_000, LIMIT, True) == b""
    assert inflater.fault == NOT_DEFLATED


@pytest.mark.parametrize("limit", [0, 1, 999, 1000])
def test_the_limit_holds_for_what_is_inflated(limit: int) -> None:
    packed = compress_alone(PLAIN, 15, bytes(1000))
    inflater = Inflater(AGREED)
    out = inflater.inflate(packed, limit, True)
    if limit < 1000:
        assert (out, inflater.fault) == (b"", MESSAGE_TOO_LARGE)
    else:
        assert (out, inflater.fault) == (bytes(1000), 0)


def test_a_bomb_takes_no_memory() -> None:
    import tracemalloc

    packed = compress_alone(PLAIN, 15, bytes(1 << 28))
    tracemalloc.start()
    try:
        inflater = Inflater(AGREED)
        assert inflater.inflate(packed, LIMIT, True) == b""
        assert inflater.fault == MESSAGE_TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 4 * LIMIT
    finally:
        tracemalloc.stop()


def test_contexts_are_memory_that_is_given_back() -> None:
    deflater, inflater = Deflater(Deflate(), AGREED), Inflater(AGREED)
    assert (deflater.size, inflater.size) == (0, 0)
    inflater.inflate(deflater.compress(b"short"), LIMIT, True)
    assert deflater.size > 10_000 < inflater.size
    deflater.rest()
    inflater.rest()
    assert (deflater.size, inflater.size) == (0, len(b"short"))
    without = Agreed(15, False, 15, False)
    deflater, inflater = Deflater(Deflate(), without), Inflater(without)
    inflater.inflate(deflater.compress(b"short"), LIMIT, True)
    assert (deflater.size, inflater.size) == (0, 0)


def test_what_is_compressed_alone_refers_to_nothing() -> None:
    message = random.Random(1).randbytes(500)
    first, second = (compress_alone(PLAIN, 15, message) for _ in range(2))
    assert len(second) > 500
    for packed in (second, first):
        assert Inflater(AGREED).inflate(packed, LIMIT, True) == message


def pieces_of(data: bytes, cuts: list[int]) -> Iterator[tuple[bytes, bool]]:
    at = sorted({min(cut, len(data)) for cut in cuts})
    start = 0
    for end in at:
        yield data[start:end], False
        start = end
    yield data[start:], True


@given(
    st.lists(st.binary(min_size=1, max_size=300) | st.just(b"again and again" * 9), max_size=6),
    st.lists(st.integers(0, 300), max_size=5),
    st.integers(8, 15),
    st.booleans(),
)
def test_any_messages(messages: list[bytes], cuts: list[int], bits: int, takeover: bool) -> None:
    agreed = Agreed(bits, takeover, bits, takeover)
    deflater, inflater = Deflater(Deflate(), agreed), Inflater(agreed)
    for message in messages:
        found = b"".join(
            inflater.inflate(piece, LIMIT, last)
            for piece, last in pieces_of(deflater.compress(message), cuts)
        )
        assert (found, inflater.fault) == (message, 0)


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes(parts: list[bytes]) -> None:
    inflater = Inflater(AGREED)
    for part in parts:
        out = inflater.inflate(part, 100, True)
        assert len(out) <= 100
        if inflater.fault:
            assert inflater.fault in (NOT_DEFLATED, MESSAGE_TOO_LARGE)
            break
