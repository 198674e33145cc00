"""What may be said on a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.cli.output import clean, clean_line, complain, reason, size


def test_clean() -> None:
    assert clean("tab\tline\nä€\U0001f600") == "tab\tline\nä€\U0001f600"
    assert clean("\x1b[31m\x07\x9b\r\u202e\udc80\0") == (
        "\\x1b[31m\\x07\\x9b\\r\\u202e\\udc80\\x00"
    )
    assert clean_line("a\tb\nc") == "a b\\nc"


@given(st.text(st.characters()))
def test_nothing_gives_orders(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", clean(text))
    clean(text).encode()
    assert "\n" not in clean_line(text)


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 << 20, "5.0 MiB"),
        (7 << 30, "7.0 GiB"),
        (3 << 50, "3072.0 TiB"),
    ],
)
def test_size(n: int, text: str) -> None:
    assert size(n) == text


def test_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert reason(FileNotFoundError(2, "No such file", "name")) == "name: No such file"
    assert reason(OSError(2, "No such file")) == "No such file"
    assert reason(OSError("words")) == "words"
    assert reason(ValueError("words")) == "words"
    complain("a\nb\x1b")
    assert capsys.readouterr().err == "galidia: a\\nb\\x1b\n"
