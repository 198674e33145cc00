"""URLs of a client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.urls import authority_of, credentials_of, join, parse_url, target_of


@pytest.mark.parametrize(
    ("text", "address", "authority", "target"),
    [
        ("http://a", "http://a:80", "a", "/"),
        ("HTTPS://A.Example/", "https://a.example:443", "a.example", "/"),
        ("http://a:8080?q", "http://a:8080", "a:8080", "/?q"),
        ("https://a:80/x#y", "https://a:80", "a:80", "/x"),
        ("http://[::1]:81/", "http://[::1]:81", "[::1]:81", "/"),
        ("http://127.0.0.1/a%20b", "http://127.0.0.1:80", "127.0.0.1", "/a%20b"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example:80",
         "xn--bcher-kva.example", "/"),
        ("http://a/\u00e4 <>\"?\u20ac", "http://a:80", "a", "/%C3%A4%20%3C%3E%22?%E2%82%AC"),
        ("  http://a/x?a=b&c=[1]  ", "http://a:80", "a", "/x?a=b&c=[1]"),
        ("http://u:p@a/", "http://a:80", "a", "/"),
        ("http://a/@x:y", "http://a:80", "a", "/@x:y"),
    ],
)  # fmt: skip
def test_parse(text: str, address: str, authority: str, target: str) -> None:
    url = parse_url(text)
    assert (url.address, url.authority, url.target) == (address, authority, target)
    assert str(url) == f"{url.scheme}://{authority}{target}"
    assert parse_url(str(url)).text == url.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "/a",
        "ftp://a/",
        "http:a",
        "http:/a",
        "http://",
        "http:///a",
        "http://?a",
        "http://:80/",
        "http://a:99999/",
        "http://a:b/",
        "http://a b/",
        "http://a\tb/",
        "http://a/\r\nX: y",
        "http://a/\0",
        "http://[::1/",
        "http://a..b/",
        "http://a%2fb/",
        "http://" + "a" * 300 + "/",
        "http://a/" + "x" * 70_000,
    ],
)
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(ValueError):
        parse_url(text)


def test_what_is_no_text() -> None:
    with pytest.raises(TypeError):
        parse_url(b"http://a/")


@given(st.text())
def test_a_target_can_always_be_sent(text: str) -> None:
    try:
        target = target_of(text)
    except UnicodeEncodeError:  # lone surrogates are no text
        return
    assert target.startswith("/")
    assert target.isascii()
    assert not set(target) & set(" \r\n\t\0#")


@given(st.text())
def test_any_text_is_a_url_or_none(text: str) -> None:
    try:
        url = parse_url("http://" + text)
    except ValueError:
        return
    assert url.host
    assert url.target.isascii()
    assert not set(url.text) & set(" \r\n\t\0")


def test_parts() -> None:
    assert authority_of("http", "::1", 80) == "[::1]"
    assert authority_of("tcp", "a", 80) == "a:80"
    assert credentials_of("a%40b:c%3Ad:e") == ("a@b", "c:d:e")
    assert credentials_of("a") == ("a", "")
    assert parse_url("http://a%40b:c@d/").userinfo == "a%40b:c"


@pytest.mark.parametrize(
    ("reference", "joined"),
    [
        ("/x", "http://a/x"),
        ("x", "http://a/b/x"),
        ("../x", "http://a/x"),
        ("../../../x", "http://a/x"),
        ("?x", "http://a/b/c?x"),
        ("", "http://a/b/c?d"),
        ("//other/x", "http://other/x"),
        ("https://other", "https://other/"),
        ("/\u00e9".encode().decode("latin-1"), "http://a/%C3%A9"),
        ("/\xe9", "http://a/%C3%A9"),
    ],
)
def test_join(reference: str, joined: str) -> None:
    assert join(parse_url("http://a/b/c?d#e"), reference).text == joined


def test_a_url_is_parsed_once() -> None:
    assert parse_url("http://same/") is parse_url("http://same/")
