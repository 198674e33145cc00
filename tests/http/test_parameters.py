"""Parameters of field values."""

import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http import parameters
from galidia.http.parameters import FormError, parameter, quote, split_parameters, unquote

TOKENS = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=8)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12).filter(
    lambda text: not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text)
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/html", ("text/html", {})),
        ("text/html;charset=utf-8", ("text/html", {"charset": "utf-8"})),
        ('Text/HTML;Charset="utf-8"', ("text/html", {"charset": "utf-8"})),
        ('text/html; charset="utf-8"', ("text/html", {"charset": "utf-8"})),
        (" \ttext/html \t; \tcharset=UTF-8 \t", ("text/html", {"charset": "UTF-8"})),
        ("text/html;;; a=b ;;", ("text/html", {"a": "b"})),
        ("attachment; filename=a.txt", ("attachment", {"filename": "a.txt"})),
        ('form-data; name="a;b=\\"c\\\\"', ("form-data", {"name": 'a;b="c\\'})),
        ('a; b=""', ("a", {"b": ""})),
        ('a; b="\t \xfc"', ("a", {"b": "\t \xfc"})),
        ("a; b*=UTF-8''c", ("a", {"b*": "UTF-8''c"})),
    ],
)
def test_values_with_parameters(value: str, expected: Any) -> None:
    assert split_parameters(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        ";a=b",
        "/html",
        "text/",
        "text/html/x",
        "text /html",
        '"text/html"',
        "text/html charset=utf-8",
        "text/html, charset=utf-8",
        "text/html; charset",
        "text/html; charset=",
        "text/html; =utf-8",
        "text/html; charset =utf-8",
        "text/html; charset= utf-8",
        "text/html; charset=utf 8",
        "text/html; charset='utf 8'",
        'text/html; charset="utf-8',
        'text/html; charset="utf-8\\"',
        'text/html; charset="utf-8"x',
        'text/html; charset="a\nb"',
        'text/html; charset="a\\\nb"',
        "text/html; charset=a; charset=a",
        "text/html; charset=a; CHARSET=b",
        "text/html; charset=\xfc",
        "text/html\n",
        "text/html; a=b\n",
    ],
)
def test_malformed_values(value: str) -> None:
    with pytest.raises(FormError) as e:
        split_parameters(value)
    assert e.value.name == "parameters"
    assert e.value.status == 400


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        ("a=1; b=2", "b", "2"),
        ("a=1, b=2", "b", "2"),
        ("a=1 b=2", "b", "2"),
        ("a=1;b=2", "a", "1"),
        ("a=1; a=2", "a", "1"),
        ("A=1; a=2", "a", "2"),
        ("A=1; a=2", "A", "1"),
        ("A=1; B=2", "b", "2"),
        ("ab=1; b=2", "b", "2"),
        ("a=b=2", "b", None),
        ("a=1; b", "b", None),
        ("a=1; b=", "b", ""),
        ('a="x; b=1"; b=2', "b", "2"),
        ('"b=1"; b=2', "b", "2"),
        ('a="say \\"hi\\""', "a", 'say "hi"'),
        ('a="open', "a", "open"),
        ('Digest realm="a, b", qop=auth', "qop", "auth"),
        ('Digest realm="a, b", qop=auth', "realm", "a, b"),
        ("", "a", None),
        ("multipart/form-data; boundary=a/b:c", "boundary", "a/b:c"),
    ],
)
def test_one_parameter(value: str, name: str, expected: str | None) -> None:
    assert parameter(value, name) == expected


@given(st.dictionaries(TOKENS.map(str.lower), TEXTS, max_size=4))
def test_what_is_quoted_is_read(found: dict[str, str]) -> None:
    value = "a/b" + "".join(f"; {name}={quote(text)}" for name, text in found.items())
    assert split_parameters(value) == ("a/b", found)
    for name, text in found.items():
        assert parameter(value, name) == text


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "\x7f"])
def test_control_characters_cannot_be_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="control"):
        quote(text)


def test_unquote() -> None:
    assert unquote(r"a\b\\\"") == r"ab\""


@given(st.text("ab;,=\"\\ \t'\n/\xfc"))
def test_any_text_is_a_value_or_a_fault(text: str) -> None:
    parameter(text, "a")
    with suppress(FormError):
        main, found = split_parameters(text)
        assert main
        assert "\n" not in "".join(found.values())


@pytest.mark.parametrize("unit", ['"', '\\"', 'a="', ";", "; ", " ", "a=", "a", 'a="\\', ",a=b"])
def test_every_character_is_looked_at_once(unit: str) -> None:
    """A quadratic search of this much would not end."""
    value = unit * 300_000
    assert parameter(value, "none") is None
    for text in (value, "x" + value, 'x;a="' + value):
        with suppress(FormError):
            split_parameters(text)
    spans = sum(m.end() - m.start() for m in parameters._PIECE.finditer(value))
    assert spans <= len(value)


def test_many_parameters() -> None:
    value = "a" + "".join(f";p{i}={i}" for i in range(100_000))
    assert len(split_parameters(value)[1]) == 100_000
    assert parameter(value, "p99999") == "99999"
