"""The names of downloads: nothing a server says leads out of the folder."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.cli.names import LONGEST, name_of_disposition, name_of_url, safe_name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://a/b/c.tar.gz", "c.tar.gz"),
        ("http://a/c.txt?x=/y.zip#z", "c.txt"),
        ("http://a/", "index.html"),
        ("http://a", "index.html"),
        ("http://a/b/", "index.html"),
        ("http://a/..", "index.html"),
        ("http://a/%2e%2e%2fpasswd", "passwd"),
        ("http://a/..%5Cboot.ini", "boot.ini"),
        ("http://a/%2E%68idden", "hidden"),
        ("http://a/%00x", "x"),
        ("http://a/na%C3%AFve", "naïve"),
        ("http://a/%FF", "\ufffd"),
        ("http://a/C:x", "C_x"),
        ("http://a/nul.txt", "_nul.txt"),
        ("http://a/file.part", "file.part_"),
        ("http://a/file.PART.json", "file.PART.json_"),
    ],
)
def test_name_of_url(url: str, name: str) -> None:
    assert name_of_url(url) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, ""),
        ("", ""),
        ("inline; filename=a.txt", "a.txt"),
        ('attachment; FILENAME="a b.txt"', "a b.txt"),
        ('attachment; filename="a\\"b.txt"', "b.txt".join(["a_", ""])),
        ("attachment; filename*=iso-8859-1'en'%A3", "\xa3"),
        ("attachment; filename*=UTF-8'en'%E2%82%AC.txt; filename=x", "€.txt"),
        ("attachment; filename*=UTF-8''%FF; filename=x", "x"),
        ("attachment; filename*=rot13''x; filename=y", "y"),
        ("attachment; filename*=x; filename=y", "y"),
        # Written as UTF-8 against the rules, read as Latin-1.
        ('attachment; filename="na\xc3\xafve"', "naïve"),
        ('attachment; filename="na\xefve"', "naïve"),
        ("attachment; filename=a b.txt", "a"),
        ("attachment; filename=a; filename=b", "a"),
        ("attachment; filename", ""),
        ("attachment; filename=C:\\a\\b", "b"),
    ],
)
def test_name_of_disposition(value: str | None, name: str) -> None:
    assert name_of_disposition(value) == name


def test_a_long_name_keeps_its_suffix() -> None:
    name = safe_name("ä" * 500 + ".tar.gz")
    assert name.endswith(".gz")
    assert LONGEST - 1 <= len(name.encode()) <= LONGEST
    assert safe_name("a." + "b" * 500) == "a." + "b" * (LONGEST - 2)


@given(st.text() | st.text("./\\ \0:\x1b\u202epart.jsonCONnul"))
def test_any_text(text: str) -> None:
    name = safe_name(text)
    assert not set(name) & set('/\\\0\x1b\u202e<>:"|?*')
    assert name not in (".", "..")
    assert not name.startswith((".", " "))
    assert not name.lower().endswith((".part", ".part.json"))
    assert len(name.encode()) <= LONGEST + 1
    assert os.path.basename(name) == name
    assert name.isprintable() or name.strip()


@given(st.text())
def test_any_disposition(value: str) -> None:
    assert "/" not in name_of_disposition(value)
    assert "/" not in name_of_disposition(f'attachment; filename="{value}"')
