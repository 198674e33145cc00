"""Bodies for people."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.cli.body import INDENT, MAX_JSON, MAX_LEVELS, Json, Text, pretty


def text_of(data: bytes) -> str:
    pieces = pretty(data)
    assert pieces is not None
    return "".join(text for text, _ in pieces)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.booleans())
def test_json_is_laid_out_as_python_does_it(value: Any, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    if pretty(data) is None:
        assert b"\xed" in data  # half of a character: no UTF-8
        return
    assert text_of(data) == json.dumps(value, ensure_ascii=ascii_only, indent=len(INDENT))


def test_json_is_shown_as_it_was_written() -> None:
    data = b'{"a":1.50,"a":1e400,"b":12345678901234567890123,"c":"\\u0041"}'
    assert "".join(text_of(data).split()) == data.decode()


@pytest.mark.parametrize("data", [b"", b"{", b"nul", b"[1,]", b"\xff", b"[" * 100_000, b'"\x1b"'])
def test_what_is_no_json(data: bytes) -> None:
    assert pretty(data) is None


def test_depth_does_not_make_much_of_little() -> None:
    data = b"[" * 900 + b"]" * 900
    assert len(text_of(data)) < len(data) * (len(INDENT) * MAX_LEVELS + 2)


def test_json_that_is_too_long_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    view = Json(None)
    data = b'[1,"' + b"x" * MAX_JSON + b'"]'
    for at in range(0, len(data), 100_000):
        view.write(data[at : at + 100_000])
    view.close(True)
    assert capsys.readouterr().out == data.decode() + "\n"


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_text_in_pieces(step: int, capsys: pytest.CaptureFixture[str]) -> None:
    data = "one\r\ntwo\rthree\r\r\nfür\r".encode()
    view = Text("utf-8")
    for at in range(0, len(data), step):
        view.write(data[at : at + step])
    view.close(True)
    assert capsys.readouterr().out == "one\ntwo\\rthree\\r\nfür\n"
