"""Media types by names."""

from __future__ import annotations

import pytest

from galidia.http.folder.media_types import compressible, content_type


@pytest.mark.parametrize(
    ("name", "kind", "packs"),
    [
        ("a.html", "text/html; charset=utf-8", True),
        ("a.CSS", "text/css; charset=utf-8", True),
        ("a.js", "text/javascript; charset=utf-8", True),
        ("a.mjs", "text/javascript; charset=utf-8", True),
        ("a.json", "application/json; charset=utf-8", True),
        ("a.webmanifest", "application/manifest+json", True),
        ("a.svg", "image/svg+xml; charset=utf-8", True),
        ("a.xhtml", "application/xhtml+xml", True),
        ("a.wasm", "application/wasm", True),
        ("a.ttf", "font/ttf", True),
        ("a.woff2", "font/woff2", False),
        ("a.png", "image/png", False),
        ("a.webp", "image/webp", False),
        ("a.tar.gz", "application/octet-stream", False),
        ("a.html.gz", "application/octet-stream", False),
        ("a.unheard-of", "application/octet-stream", False),
        ("Makefile", "application/octet-stream", False),
        ("folder.html/Makefile", "application/octet-stream", False),
        ("", "application/octet-stream", False),
    ],
)
def test_types(name: str, kind: str, packs: bool) -> None:
    assert content_type(f"/x/{name}") == kind
    assert compressible(kind) == packs


def test_types_of_ones_own() -> None:
    types = {".log": "text/plain", ".tar.gz": "application/gtar", ".gz": "application/gzip"}
    assert content_type("/a.LOG", types) == "text/plain"
    assert content_type("/a.tar.gz", types) == "application/gtar"
    assert content_type("/a.b.gz", types) == "application/gzip"
    assert content_type("/a.png", types) == "image/png"
    assert content_type("/Makefile", {"makefile": "text/x-makefile"}) == "text/x-makefile"
