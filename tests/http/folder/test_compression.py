"""Which coding is chosen, and that it can be undone."""

from __future__ import annotations

import pytest

from galidia.http.fetching.coding import Decoder
from galidia.http.folder import compression as module
from galidia.http.folder.compression import SUFFIXES, acceptable, compress

CHOICES = {
    "gzip": ["gzip"],
    "GZip": ["gzip"],
    "x-gzip": ["gzip"],
    "gzip, deflate, br, zstd": ["br", "zstd", "gzip"],
    "gzip,deflate": ["gzip"],
    "gzip;q=1.0, br;q=0.5": ["gzip", "br"],
    "gzip;q=0.5, br;q=0.501": ["br", "gzip"],
    "gzip ; q=0.5 ,\tbr ;q=1": ["br", "gzip"],
    "br;q=0, gzip": ["gzip"],
    "gzip;q=0": [],
    "gzip;q=0.000": [],
    "*": ["br", "zstd", "gzip"],
    "*;q=0": [],
    "*;q=0, gzip": ["gzip"],
    "*, br;q=0": ["zstd", "gzip"],
    "gzip, *;q=0": ["gzip"],
    "identity": [],
    "identity;q=1, *;q=0": [],
    "identity;q=1, gzip;q=0.5": [],
    "identity;q=0.5, gzip;q=0.5": ["gzip"],
    "identity;q=0.5, gzip": ["gzip"],
    "identity;q=0, gzip;q=0.1": ["gzip"],
    "gzip;q=0.5, gzip;q=0": ["gzip"],  # the first counts
    "": [],
    ",": [],
    ",,gzip,": ["gzip"],
    "deflate": [],
    "compress, gzipped": [],
    "gzip;q=2": [],
    "gzip;q=1.001": [],
    "gzip;q=0.1234": [],
    "gzip;q=-1": [],
    "gzip;q=": [],
    "gzip;x=1": [],
    "gzip;q=nan": [],
    "gzip q=1": [],
    "gzip, " * 200: [],  # too long to be meant
}


@pytest.mark.parametrize("value", CHOICES)
def test_what_a_client_takes(value: str) -> None:
    assert list(acceptable(value)) == CHOICES[value]


@pytest.mark.parametrize("coding", SUFFIXES)
def test_it_can_be_undone(coding: str) -> None:
    data = b"some text, and again\n" * 1000
    packed = compress(coding, data)
    assert packed is not None
    assert len(packed) < len(data) // 10
    assert packed == compress(coding, data)  # its ETag says so
    decoder = Decoder(coding)
    assert decoder.feed(packed) + decoder.finish() == data


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", nothing)
    module._module.cache_clear()
    try:
        assert compress("br", b"x") is compress("zstd", b"x") is None
        assert compress("gzip", b"x")
    finally:
        module._module.cache_clear()
