"""Directives in a page."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.scripts.ssi_page import Directive, parse


@pytest.mark.parametrize(
    ("page", "pieces"),
    [
        (b"", []),
        (b"text", [b"text"]),
        (b"a<!--#call x -->b", [b"a", Directive("call", "x"), b"b"]),
        (b'<!--#include file="a b" -->', [Directive("include", 'file="a b"')]),
        (b"<!--#CALL\n two\twords\r\n-->", [Directive("call", "two\twords")]),
        (b"<!--#call-->", [Directive("call", "")]),
        (b"<!--#call  -->", [Directive("call", "")]),
        (b"<!--#call \xff-->", [Directive("call", "\udcff")]),
        (b"<!-- comment --><!--#x y-->", [b"<!-- comment -->", Directive("x", "y")]),
        (b"<!--#a b--><!--#c d-->", [Directive("a", "b"), Directive("c", "d")]),
        (b"<!--#a <!--#b -->c", [Directive("a", "<!--#b"), b"c"]),
        (b"<!--# a b-->c", [b"c"]),
        (b"<!--#1-->c", [b"c"]),
        (b'<!--#a"b"-->c', [b"c"]),
        (b"a<!--#call x", [b"a<!--#call x"]),
        (b"a<!--#call x -- >", [b"a<!--#call x -- >"]),
        (b"a<!--#", [b"a<!--#"]),
        (b"<!--#-->a", [b"a"]),
        (b"<!--#->", [b"<!--#->"]),
    ],
)
def test_pages(page: bytes, pieces: list[Any]) -> None:
    assert parse(page) == pieces


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('file="a"', ("file", "a")),
        ("FILE='a'", ("file", "a")),
        ('"a"', ("", "a")),
        ('cmd = "a b"', ("cmd", "a b")),
        ('cmd="it\'s"', ("cmd", "it's")),
        ('""', ("", "")),
        ("", None),
        ("a", None),
        ('file="a', None),
        ('file="a" b', None),
        ('file="a" file="b"', None),
        ("file=a", None),
        ("1='a'", None),
    ],
)
def test_arguments(text: str, found: Any) -> None:
    assert Directive("x", text).argument() == found


PARTS = [b"<!--#", b"-->", b"<!--", b"call", b" ", b"x", b'"', b"\n", b"-", b"\xff", b"="]


@given(st.lists(st.sampled_from(PARTS)).map(b"".join) | st.binary(max_size=200))
def test_any_page_is_pieces_and_no_text_is_lost(page: bytes) -> None:
    pieces = parse(page)
    at = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            assert piece
            at = page.index(piece, at) + len(piece)
        else:
            assert piece.name == piece.name.lower()
            piece.argument()
    if b"<!--#" not in page:
        assert pieces == ([page] if page else [])


def test_reading_is_linear() -> None:
    n = 200_000
    for page in (
        b"<!--#" * n,
        b"<!--#x" * n + b"-->",
        b"-->" * n,
        b"<!--#a " + b" " * n + b"-->",
        b"<!--#a " + b"= " * n + b'"-->',
        b"<!--#a b-->" * n,
    ):
        began = time.process_time()
        for piece in parse(page):
            if isinstance(piece, Directive):
                piece.argument()
        assert time.process_time() - began < 20
