"""Content codings undone."""

import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.fetching import coding
from galidia.http.fetching.coding import MAX_CODINGS, PIECE, ZSTD_WINDOW, Decoder, accepted
from galidia.http.parameters import FormError


def raw_deflate(data: bytes) -> bytes:
    z = zlib.compressobj(wbits=-15)
    return z.compress(data) + z.flush()


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzipped,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
WAYS = [*CODERS.items(), ("deflate", raw_deflate), ("x-gzip", gzipped), ("GZip", gzipped)]
TEXT = b"The quick brown fox. " * 50


@pytest.mark.parametrize(("name", "code"), WAYS)
@pytest.mark.parametrize("data", [b"", b"a", TEXT, bytes(300_000)])
def test_each_coding(name: str, code: Callable[[bytes], bytes], data: bytes) -> None:
    coded = code(data)
    for size in (1, 7, len(coded)):
        decoder = Decoder(name, len(data))
        found = b"".join(decoder.feed(coded[i : i + size]) for i in range(0, len(coded), size))
        assert found + decoder.finish() == data


@given(st.binary(max_size=200), st.lists(st.sampled_from(sorted(CODERS)), max_size=3), st.data())
def test_any_data_any_codings_any_split(data: bytes, names: list[str], draw: Any) -> None:
    coded = data
    for name in names:
        coded = CODERS[name](coded)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(coded)), max_size=5)))
    decoder = Decoder(", ".join(names), 200)
    found = [decoder.feed(coded[a:b]) for a, b in zip([0, *cuts], [*cuts, len(coded)], strict=True)]
    assert b"".join(found) + decoder.finish() == data


@pytest.mark.parametrize("value", ["", "identity", "Identity, identity", " ,"])
def test_no_coding(value: str) -> None:
    decoder = Decoder(value, 3)
    assert decoder.feed(b"abc") + decoder.feed(b"") + decoder.finish() == b"abc"
    with pytest.raises(FormError, match="over 3 bytes"):
        decoder.feed(b"d")


def test_several_members_are_one_content() -> None:
    assert Decoder("gzip").feed(gzipped(b"ab") + gzipped(b"") + gzipped(b"c")) == b"abc"
    frame = CODERS["zstd"]
    skipped = b"\x50\x2a\x4d\x18\x02\0\0\0xx"
    decoder = Decoder("zstd")
    assert decoder.feed(frame(b"ab") + skipped + frame(b"") + frame(b"c")) == b"abc"
    decoder.finish()


@pytest.mark.parametrize(("name", "code"), WAYS)
def test_truncated_content(name: str, code: Callable[[bytes], bytes]) -> None:
    coded = code(TEXT)
    for end in range(1, len(coded)):
        decoder = Decoder(name)
        assert TEXT.startswith(decoder.feed(coded[:end]))
        with pytest.raises(FormError, match="ends too early") as e:
            decoder.finish()
        assert e.value.name == "coding-truncated"


def test_truncated_in_the_second_member() -> None:
    decoder = Decoder("gzip")
    assert decoder.feed(gzipped(b"ab") + gzipped(b"c")[:-1]) == b"abc"
    with pytest.raises(FormError, match="gzip content ends too early"):
        decoder.finish()


def test_truncated_inside_of_another_coding() -> None:
    decoder = Decoder("br, gzip")
    decoder.feed(gzipped(CODERS["br"](TEXT)[:-1]))
    with pytest.raises(FormError, match="br content ends too early"):
        decoder.finish()


@pytest.mark.parametrize("name", CODERS)
def test_a_body_without_a_byte_is_no_content(name: str) -> None:
    decoder = Decoder(name)
    assert decoder.feed(b"") + decoder.finish() == b""


@pytest.mark.parametrize(("name", "code"), WAYS)
def test_damaged_content(name: str, code: Callable[[bytes], bytes]) -> None:
    for data in (code(TEXT) + b"\xff\xffjunk, and more of it", b"\xff\xff<html>no coding at all"):
        with pytest.raises(FormError, match="content is not") as e:
            Decoder(name).feed(data)
        assert e.value.name == "coding-damaged"
        assert e.value.status == 400


@pytest.mark.parametrize("name", CODERS)
def test_data_after_the_end_in_a_later_piece(name: str) -> None:
    decoder = Decoder(name)
    assert decoder.feed(CODERS[name](TEXT)) == TEXT
    with pytest.raises(FormError, match="content is not"):
        decoder.feed(b"\xff\xff\xff\xff\xff\xff\xff\xff")


@pytest.mark.parametrize("at", [-1, -5])
def test_wrong_checksums(at: int) -> None:
    coded = bytearray(gzipped(TEXT))
    coded[at] ^= 1
    with pytest.raises(FormError, match="content is not gzip"):
        Decoder("gzip").feed(bytes(coded))


@given(st.sampled_from(sorted(CODERS)), st.binary(max_size=60))
def test_any_bytes_are_content_or_a_fault(name: str, data: bytes) -> None:
    decoder = Decoder(name, 1000)
    with suppress(FormError):
        assert len(decoder.feed(data)) <= 1000
        decoder.finish()


@pytest.mark.parametrize(("name", "code"), WAYS)
def test_the_size_is_limited_exactly(name: str, code: Callable[[bytes], bytes]) -> None:
    for size in (0, 1, PIECE, PIECE + 1, 3 * PIECE):
        data = bytes(size)
        assert Decoder(name, size).feed(code(data)) == data
        with pytest.raises(FormError, match=f"over {size} bytes") as e:
            Decoder(name, size).feed(code(data + b"\0"))
        assert (e.value.name, e.value.status) == ("too-large", 413)


@cache
def bomb(name: str) -> bytes:
    """A small body that is 64 MiB of zeros, or of members of gzip in which there is nothing."""
    block, count = bytes(1 << 20), 64
    z: Any
    if name == "gzip, gzip":
        block = gzipped(b"") * 1000
        count = 3300
    if name == "br":
        b = brotli.Compressor(quality=5)
        return b"".join([b.process(block) for _ in range(count)]) + bytes(b.finish())
    if name == "zstd":
        z = zstandard.ZstdCompressor().compressobj()
    else:
        z = zlib.compressobj(9, wbits=15 if name == "deflate" else 31)
    return b"".join([z.compress(block) for _ in range(count)]) + bytes(z.flush())


BOMBS = [*CODERS, "gzip, gzip"]


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_no_memory(name: str) -> None:
    coded = bomb(name)
    assert len(coded) < 1 << 18
    tracemalloc.start()
    try:
        with pytest.raises(FormError, match="over 100000 bytes"):
            Decoder(name, 100_000).feed(coded)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize("name", BOMBS)
def test_pieces_are_bounded(name: str) -> None:
    decoder = Decoder(name)
    most = total = 0
    for piece in decoder.pieces(bomb(name)):
        most, total = max(most, len(piece)), total + len(piece)
    decoder.finish()
    assert most <= (4 << 20 if name == "zstd" else 2 * PIECE)
    assert total == (0 if "," in name else 64 << 20)


def test_a_hundred_thousand_members() -> None:
    """Copying what is left after each of them would not end."""
    data = gzipped(b"") * 100_000
    assert Decoder("gzip").feed(data) == b""
    data = CODERS["zstd"](b"a") * 100_000
    assert Decoder("zstd").feed(data) == b"a" * 100_000


def test_the_window_of_zstd_is_limited() -> None:
    assert ZSTD_WINDOW == 8 << 20
    for log, fits in ((23, True), (24, False)):
        parameters = zstandard.ZstdCompressionParameters(window_log=log)
        z = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        data = z.compress(TEXT) + z.flush()
        if fits:
            assert Decoder("zstd").feed(data) == TEXT
        else:
            with pytest.raises(FormError, match="too much memory"):
                Decoder("zstd").feed(data)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("compress", "coding-unknown"),
        ("gzip, compress", "coding-unknown"),
        ("gzip;q=1", "coding-unknown"),
        ("gzip br", "coding-unknown"),
        ("\u00fc", "coding-unknown"),
        ("gzip, gzip, gzip, gzip", "too-many-codings"),
        ("gzip," * 100_000, "too-many-codings"),
    ],
)
def test_codings_that_are_refused(value: str, name: str) -> None:
    with pytest.raises(FormError) as e:
        Decoder(value)
    assert (e.value.name, e.value.status) == (name, 415)


def test_as_many_codings_as_allowed() -> None:
    assert MAX_CODINGS == 3
    coded = gzipped(zlib.compress(CODERS["br"](TEXT)))
    assert Decoder("br, deflate, identity, gzip").feed(coded) == TEXT


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Any], None]]:
    """Replaces an importable module, None for one that is not installed."""

    def forget() -> None:
        coding._brotli.cache_clear()
        coding._zstandard.cache_clear()

    forget()
    yield lambda name, module: monkeypatch.setitem(sys.modules, name, module)
    forget()


def test_what_is_accepted(modules: Callable[[str, Any], None]) -> None:
    assert accepted() == "gzip, deflate, br, zstd"


def test_what_is_accepted_without_the_packages(modules: Callable[[str, Any], None]) -> None:
    modules("brotli", None)
    modules("zstandard", None)
    assert accepted() == "gzip, deflate"
    for name in ("br", "zstd"):
        with pytest.raises(FormError, match="unknown content coding"):
            Decoder(name)


def test_a_brotli_that_cannot_be_stopped_is_not_used(modules: Callable[[str, Any], None]) -> None:
    modules("brotli", SimpleNamespace(Decompressor=object))
    assert accepted() == "gzip, deflate, zstd"
