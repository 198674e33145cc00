"""Forms, url-encoded and multipart."""

from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.forms import (
    MAX_FIELDS,
    Form,
    encode_urlencoded,
    parse_form,
    parse_urlencoded,
)
from galidia.http.multipart import Part
from galidia.http.parameters import FormError

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)


def multipart(*parts: tuple[str, str]) -> bytes:
    """A body with the fields' text after ``form-data`` and contents of the parts."""
    body = "".join(
        f"--B\r\nContent-Disposition: form-data{fields}\r\n\r\n{data}\r\n" for fields, data in parts
    )
    return f"{body}--B--\r\n".encode("latin-1")


MULTIPART = "multipart/form-data; boundary=B"


def test_a_form() -> None:
    file, other = Part("f", "a.txt", []), Part("f", "b.txt", [])
    form = Form([("a", "1"), ("f", file), ("b", ""), ("a", "2"), ("f", other)])
    assert form.get("a") == form["a"] == "1"
    assert form.all("a") == ["1", "2"]
    assert form.get("b") == ""
    assert form.get("none") is None
    assert form.get("none", "x") == "x"
    assert form.all("none") == []
    assert form.file("f") is file
    assert form.files("f") == form.files() == [file, other]
    assert form.file("a") is None
    assert form.files("a") == []
    assert form.get("f") is None
    assert "a" in form
    assert "f" in form
    assert "none" not in form
    assert list(form) == ["a", "f", "b"]
    assert len(form) == 5
    assert form.items()[:2] == [("a", "1"), ("f", file)]
    assert repr(Form([("a", "1")])) == "Form([('a', '1')])"
    with pytest.raises(KeyError):
        form["f"]


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ("", []),
        ("&", []),
        ("a=1", [("a", "1")]),
        ("a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=a", [("", "a")]),
        ("=", [("", "")]),
        ("&a=1&&b=2&", [("a", "1"), ("b", "2")]),
        ("a=b=c", [("a", "b=c")]),
        ("a;b=1;2", [("a;b", "1;2")]),
        ("a+b=c+d", [("a b", "c d")]),
        ("a%2Bb=%3D%26%20", [("a+b", "=& ")]),
        ("n=%C3%BC%e2%82%ac", [("n", "\u00fc\u20ac")]),
        ("n=\u00fc", [("n", "\u00fc")]),
        ("n=%", [("n", "%")]),
        ("n=%4", [("n", "%4")]),
        ("n=%zz%41", [("n", "%zzA")]),
        ("n=%FF", [("n", "\ufffd")]),
        ("n=%00%0D%0A", [("n", "\0\r\n")]),
        (b"n=\xc3%BC", [("n", "\u00fc")]),
        (b"n=\xff", [("n", "\ufffd")]),
        (bytearray(b"n=1"), [("n", "1")]),
    ],
)
def test_urlencoded(data: Any, fields: list[tuple[str, str]]) -> None:
    assert parse_urlencoded(data).items() == fields
    if not isinstance(data, str):
        assert parse_form("application/x-www-form-urlencoded", data).items() == fields


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_what_is_encoded_is_read(fields: list[tuple[str, str]]) -> None:
    assert parse_urlencoded(encode_urlencoded(fields)).items() == fields


@given(st.text("a=&+%4;\u00fc\ud800 \x00"))
def test_reading_agrees_with_the_standard_library(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    assert parse_urlencoded(text).items() == parse_qsl(text, keep_blank_values=True)


def test_encoding_takes_a_mapping() -> None:
    assert encode_urlencoded({"a b": "1&2", "c": "\u00fc"}) == b"a+b=1%262&c=%C3%BC"
    with pytest.raises(ValueError, match="surrogates"):
        encode_urlencoded({"a": "\ud800"})


def test_limit_of_fields() -> None:
    assert MAX_FIELDS == 1000
    assert len(parse_urlencoded("&".join(["a=1"] * 1000))) == 1000
    for data in ("&".join(["a=1"] * 1001), "&" * 1000):
        with pytest.raises(FormError, match="over 1000 fields") as e:
            parse_urlencoded(data)
        assert (e.value.name, e.value.status) == ("too-many-fields", 413)
    assert len(parse_urlencoded("a&b", 2)) == 2
    with pytest.raises(FormError):
        parse_form("application/x-www-form-urlencoded", b"a&b", 1)


def test_multipart_form() -> None:
    body = multipart(
        ('; name="a"', "1"),
        ('; name="f"; filename="x.bin"\r\nContent-Type: a/b', "\x00\xff\r\n"),
        ('; name="a"', ""),
        ('; name="g"; filename=""', ""),
    )
    for data in (body, bytearray(body)):
        form = parse_form(MULTIPART, data)
        assert form.all("a") == ["1", ""]
        [f, g] = form.files()
        assert (f.name, f.filename, f.content_type, f.data) == ("f", "x.bin", "a/b", b"\0\xff\r\n")
        assert (g.filename, g.data) == ("", b"")
        assert isinstance(f.data, bytes)


@pytest.mark.parametrize(
    ("fields", "data", "text"),
    [
        ("", "\xc3\xbc", "\u00fc"),
        ("\r\nContent-Type: text/plain", "\xc3\xbc", "\u00fc"),
        ("\r\nContent-Type: text/plain; charset=UTF-8", "\xff", "\ufffd"),
        ("\r\nContent-Type: text/plain; charset=iso-8859-1", "\xfc\x80", "\u00fc\u20ac"),
        ('\r\nContent-Type: text/plain; charset="Windows-1252"', "\xfc\x81", "\u00fc\ufffd"),
        ("\r\nContent-Type: text/plain; charset=us-ascii", "a", "a"),
    ],
)
def test_text_of_parts(fields: str, data: str, text: str) -> None:
    assert parse_form(MULTIPART, multipart(("; name=a" + fields, data)))["a"] == text


@pytest.mark.parametrize(
    ("content_type", "body", "fault", "status"),
    [
        ("multipart/form-data", multipart(), "boundary", 400),
        ("multipart/form-data; boundary", multipart(), "parameters", 400),
        (MULTIPART, multipart()[:-4], "truncated", 400),
        (MULTIPART, b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx", "truncated", 400),
        (
            MULTIPART,
            multipart(("; name=a\r\nContent-Type: a/b; charset=rot13", "")),
            "charset",
            415,
        ),
        (MULTIPART, multipart(("; name=a\r\nContent-Type: a; b", "")), "parameters", 400),
        (MULTIPART, multipart(*[("; name=a", "")] * 1001), "too-many-parts", 413),
        (MULTIPART, multipart(("; name=" + "a" * 9000, "")), "part-head", 413),
    ],
)
def test_faults(content_type: str | None, body: bytes, fault: str, status: int) -> None:
    with pytest.raises(FormError) as e:
        parse_form(content_type, body)
    assert (e.value.name, e.value.status) == (fault, status)
    assert str(e.value)


@pytest.mark.parametrize(
    "content_type",
    [None, "", ";", "text/plain", "multipart/mixed; boundary=B", "form-data", "a, b"],
)
def test_other_content_has_no_fields(content_type: str | None) -> None:
    assert parse_form(content_type, multipart(("; name=a", "1"))).items() == []


@given(st.binary(max_size=60))
def test_any_body_is_a_form_or_a_fault(body: bytes) -> None:
    parse_urlencoded(body)
    with suppress(FormError):
        parse_form(MULTIPART, b"--B\r\n" + body + b"\r\n--B--")


@pytest.mark.parametrize("unit", ["a=1&", "%", "%41", "+", "=", "%4", "a", "&"])
def test_large_bodies(unit: str) -> None:
    """A quadratic reading of this much would not end."""
    body = unit * (2_000_000 // len(unit))
    form = parse_urlencoded(body, max_fields=3_000_000)
    assert len(form) <= len(body)


def test_a_hundred_thousand_fields() -> None:
    fields = [(f"n{i}", str(i)) for i in range(100_000)]
    form = parse_urlencoded(encode_urlencoded(fields), max_fields=100_000)
    assert form.items() == fields
    body = multipart(*[(f"; name={name}", value) for name, value in fields])
    assert parse_form(MULTIPART, body, max_fields=100_000).items() == fields
