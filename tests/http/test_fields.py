"""The field lines of a request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.fields import header_lines, is_token, lines_of, names_of, pairs_of
from tests.twin import pure_module


def test_lines() -> None:
    assert lines_of(pairs_of({"A": "b", "C-d": "\xe4\t "})) == b"A: b\r\nC-d: \xe4\t \r\n"
    assert lines_of(pairs_of([("a", ""), ("A", "2")])) == b"a: \r\nA: 2\r\n"
    assert (pairs_of(None), pairs_of({}), lines_of([])) == ([], [], b"")
    assert names_of([("Host", "a"), ("hOST", "b"), ("X", "c")]) == {"host", "x"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"),
        ("a b", "x"),
        ("a:", "x"),
        ("\xe4", "x"),
        ("a\n", "x"),
        ("a", "x\r\ny"),
        ("a", "x\n"),
        ("a", "x\0"),
        ("a", "\u20ac"),
        ("a", "\x7f"),
        ("Content-Length", "1"),
        ("TRANSFER-ENCODING", "chunked"),
    ],
)
def test_what_cannot_be_sent(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        pairs_of({name: value})


@pytest.mark.parametrize("pair", [(b"a", "b"), ("a", b"b"), ("a", 1), ("a", None)])
def test_what_is_no_text(pair: Any) -> None:
    with pytest.raises(TypeError):
        pairs_of([pair])


@given(st.lists(st.tuples(st.text(), st.text())))
def test_a_line_is_a_line(pairs: list[tuple[str, str]]) -> None:
    try:
        data = lines_of(pairs_of(pairs))
    except ValueError:
        return
    lines = data.split(b"\r\n")
    assert lines.pop() == b""
    assert [line.partition(b": ")[0].decode() for line in lines] == [name for name, _ in pairs]
    assert not any(set(line) & set(b"\r\n\0") for line in lines)


def test_tokens() -> None:
    assert is_token("GET")
    assert is_token("x!#$%&'*+-.^_`|~9")
    assert not any(is_token(text) for text in ("", " ", "a b", "\xe4", "a\n", "a:", "(", "a/b"))


# -- of an answer ---------------------------------------------------------------------------------


@given(st.text(max_size=6), st.text(max_size=12))
def test_both_builds_write_the_same_line(name: str, value: str) -> None:
    answers = []
    for lines in (header_lines, pure_module("http.fields").header_lines):
        try:
            answers.append(lines([(name, value)]))
        except ValueError as e:
            answers.append(str(e))
    assert answers[0] == answers[1]


def test_lines_of_an_answer() -> None:
    assert header_lines([]) == b""
    assert header_lines({"A": "b\t \xff"}) == b"A: b\t \xff\r\n"
    assert header_lines([("A", ""), ("a", "2")]) == b"A: \r\na: 2\r\n"


@pytest.mark.parametrize("pair", [(b"a", "b"), ("a", b"b"), ("a", 1), ("a", None)])
def test_what_is_no_text_in_an_answer(pair: Any) -> None:
    with pytest.raises(TypeError):
        header_lines([pair])


@pytest.mark.parametrize("name", ["Date", "connection", "CONTENT-LENGTH", "Transfer-Encoding"])
def test_what_the_library_says_itself(name: str) -> None:
    with pytest.raises(ValueError, match="set by the library"):
        header_lines([(name, "x")])
