"""Cookies: what a server reads and writes, what a client keeps."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.cookies import (
    MAX_ATTRIBUTE,
    MAX_COOKIE,
    MAX_COOKIES,
    MAX_LIFETIME,
    MAX_PER_DOMAIN,
    CookieJar,
    parse_cookie_date,
    parse_cookies,
    set_cookie,
)

NOW = 1_784_540_000.0
NAMES = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=8)
VALUES = st.text([chr(c) for c in range(0x21, 0x7F) if chr(c) not in '",;\\'], max_size=8)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("SID=31d4d96e407aad42; lang=en-US", {"SID": "31d4d96e407aad42", "lang": "en-US"}),
        ("a=1;b=2", {"a": "1", "b": "2"}),
        (" a = 1 ;\tb=2;", {"a": "1", "b": "2"}),
        ("a=1; a=2; A=3", {"a": "1", "A": "3"}),
        ("a=", {"a": ""}),
        ("=1; a; b=2", {"b": "2"}),
        ("a=b=c==", {"a": "b=c=="}),
        ('a="x y"; b="; c="', {"a": "x y", "b": '"', "c": '"'}),
        ('a=""; b="', {"a": "", "b": '"'}),
        ("a=1, b=2", {"a": "1, b=2"}),
        ("a=\xfc", {"a": "\xfc"}),
        (";;;", {}),
    ],
)
def test_cookies_of_a_request(header: str, found: dict[str, str]) -> None:
    assert parse_cookies(header) == found


def test_a_hundred_thousand_cookies_of_a_request() -> None:
    found = parse_cookies("; ".join(f"n{i}={i}" for i in range(100_000)))
    assert len(found) == 100_000
    assert found["n99999"] == "99999"
    assert len(parse_cookies("a=1;" * 100_000)) == 1


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ({}, "n=v; Path=/; HttpOnly; SameSite=Lax"),
        ({"max_age": 60}, "n=v; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"),
        ({"max_age": 0}, "n=v; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"),
        ({"max_age": -5}, "n=v; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"),
        ({"path": None, "http_only": False, "same_site": None}, "n=v"),
        (
            {"domain": "example.com", "path": "/a b"},
            "n=v; Domain=example.com; Path=/a b; HttpOnly; SameSite=Lax",
        ),
        ({"secure": True, "same_site": "None"}, "n=v; Path=/; Secure; HttpOnly; SameSite=None"),
        ({"same_site": "Strict"}, "n=v; Path=/; HttpOnly; SameSite=Strict"),
    ],
)
def test_setting_a_cookie(given_: Any, text: str) -> None:
    assert set_cookie("n", "v", **given_) == text


@pytest.mark.parametrize(
    "what",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "a=b"},
        {"name": "a;b"},
        {"name": "\u00fc"},
        {"value": "a b"},
        {"value": "a;b"},
        {"value": "a,b"},
        {"value": '"a"'},
        {"value": "a\\b"},
        {"value": "a\r\nSet-Cookie: b"},
        {"value": "a\0"},
        {"value": "\u00fc"},
        {"value": "x" * MAX_COOKIE},
        {"path": "a"},
        {"path": ""},
        {"path": "/;"},
        {"path": "/\n"},
        {"path": "/\u00fc"},
        {"domain": ""},
        {"domain": "a;b"},
        {"domain": "a.b."},
        {"domain": ".a.b"},
        {"domain": "a b"},
        {"domain": "a\nb"},
        {"same_site": "lax"},
        {"same_site": "None"},
        {"name": "__Secure-a"},
        {"name": "__Host-a"},
        {"name": "__Host-a", "secure": True, "domain": "a.b"},
        {"name": "__Host-a", "secure": True, "path": "/a"},
        {"name": "__HOST-a", "secure": True, "path": None},
    ],
)
def test_cookies_that_cannot_be_set(what: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        set_cookie(**{"name": "n", "value": "v", **what})


def test_prefixes_that_keep_their_promise() -> None:
    assert set_cookie("__Host-a", "1", secure=True).startswith("__Host-a=1; Path=/; Secure")
    assert "Domain" in set_cookie("__Secure-a", "1", secure=True, domain="a.b")


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_set_is_sent_and_read(cookies: dict[str, str]) -> None:
    jar = CookieJar()
    lines = [set_cookie(name, value) for name, value in cookies.items() if name[:2] != "__"]
    jar.update("https://a.example/x", lines, NOW)
    assert list(parse_cookies(jar.header("https://a.example/", NOW)).items()) == [
        (name, value) for name, value in cookies.items() if name[:2] != "__"
    ]


def sent(lines: list[str] | str, origin: str, to: str, now: float = NOW, later: float = 0.0) -> str:
    """What a jar sends to one URL after a reply from another."""
    jar = CookieJar()
    jar.update(origin, [lines] if isinstance(lines, str) else lines, now)
    return jar.header(to, now + later)


def test_the_examples_of_rfc_6265() -> None:
    """Section 3.1."""
    jar = CookieJar()
    june = datetime(2021, 6, 1, tzinfo=UTC).timestamp()
    url = "https://www.example.com/"
    jar.update(url, ["SID=31d4d96e407aad42"], june)
    assert jar.header(url, june) == "SID=31d4d96e407aad42"
    jar.clear()
    assert len(jar) == 0
    jar.update(url, ["SID=31d4d96e407aad42; Path=/; Domain=example.com"], june)
    assert jar.header("http://example.com/x", june) == "SID=31d4d96e407aad42"
    jar.clear()
    jar.update(
        url,
        [
            "SID=31d4d96e407aad42; Path=/; Secure; HttpOnly",
            "lang=en-US; Path=/; Domain=example.com",
        ],
        june,
    )
    assert jar.header(url, june) == "SID=31d4d96e407aad42; lang=en-US"
    assert jar.header("http://www.example.com/", june) == "lang=en-US"
    jar.update(url, ["lang=; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Domain=example.com"], june)
    assert jar.header(url, june) == "SID=31d4d96e407aad42"
    jar.update(url, ["lang=en-US; Expires=Wed, 09 Jun 2021 10:18:14 GMT"], june)
    assert jar.header(url, june) == "SID=31d4d96e407aad42; lang=en-US"
    assert jar.header(url, june + 9 * 86400) == "SID=31d4d96e407aad42"


@pytest.mark.parametrize(
    ("attributes", "origin", "to", "comes"),
    [
        ("", "http://a.example", "http://a.example/", True),
        ("", "http://a.example:80", "https://A.EXAMPLE:8443/x", True),
        ("", "http://a.example", "http://b.a.example/", False),
        ("", "http://b.a.example", "http://a.example/", False),
        ("Domain=a.example", "http://a.example", "http://b.a.example/", True),
        ("Domain=.A.Example", "http://b.a.example", "http://a.example/", True),
        ("domain = a.example ", "http://c.b.a.example", "http://b.a.example/", True),
        ("Domain=a.example", "http://a.example", "http://ba.example/", False),
        ("Domain=a.example", "http://ba.example", "http://a.example/", False),
        ("Domain=b.a.example", "http://a.example", "http://b.a.example/", False),
        ("Domain=b.a.example", "http://a.example", "http://a.example/", False),
        ("Domain=other.example", "http://a.example", "http://other.example/", False),
        ("Domain=example", "http://a.example", "http://a.example/", False),
        ("Domain=localhost", "http://localhost", "http://localhost/", True),
        ("Domain=", "http://a.example", "http://b.a.example/", False),
        ("Domain=", "http://a.example", "http://a.example/", True),
        ("Domain=..example", "http://a.example", "http://a.example/", False),
        ("Domain=a.example.", "http://a.example", "http://a.example/", False),
        ("Domain=x.example; Domain=a.example", "http://a.example", "http://a.example/", True),
        ("Domain=127.0.0.1", "http://127.0.0.1", "http://127.0.0.1/", True),
        ("Domain=0.0.1", "http://127.0.0.1", "http://127.0.0.1/", False),
        ("", "http://[::1]:8000", "http://[::1]/", True),
        ("", "http://\u00fc.example", "http://xn--tda.example/", True),
        ("Path=/a", "http://a.example", "http://a.example/a", True),
        ("Path=/a", "http://a.example", "http://a.example/a/", True),
        ("Path=/a", "http://a.example", "http://a.example/a/b", True),
        ("Path=/a", "http://a.example", "http://a.example/ab", False),
        ("Path=/a", "http://a.example", "http://a.example/", False),
        ("Path=/a/", "http://a.example", "http://a.example/a", False),
        ("Path=/a/", "http://a.example", "http://a.example/a/b", True),
        ("Path=a", "http://a.example/x/y", "http://a.example/x/z", True),
        ("Path=", "http://a.example/x/y", "http://a.example/", False),
        ("", "http://a.example/x/y", "http://a.example/x", True),
        ("", "http://a.example/x/y", "http://a.example/", False),
        ("", "http://a.example/x", "http://a.example", True),
        ("", "http://a.example/x/", "http://a.example/x", True),
        ("Secure", "https://a.example", "https://a.example/", True),
        ("Secure", "https://a.example", "wss://a.example/", True),
        ("Secure", "https://a.example", "http://a.example/", False),
        ("secure=x", "https://a.example", "http://a.example/", False),
        ("Secure", "http://a.example", "https://a.example/", False),
        ("Max-Age=0", "http://a.example", "http://a.example/", False),
        ("Max-Age=-1", "http://a.example", "http://a.example/", False),
        ("Max-Age=x", "http://a.example", "http://a.example/", True),
        ("Max-Age=" + "9" * 100, "http://a.example", "http://a.example/", True),
        ("Expires=Thu, 01 Jan 1970 00:00:01 GMT", "http://a.example", "http://a.example/", False),
        ("Expires=never", "http://a.example", "http://a.example/", True),
        (
            "Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=9",
            "http://a.example",
            "http://a.example/",
            True,
        ),
        (
            "Max-Age=0; Expires=Sun, 01 Jan 2096 00:00:01 GMT",
            "http://a.example",
            "http://a.example/",
            False,
        ),
        ("Path=/" + "x" * MAX_ATTRIBUTE, "http://a.example", "http://a.example/", True),
        ("Unknown=1; ; =; SameSite=Strict", "http://a.example", "http://a.example/", True),
    ],
)
def test_where_a_cookie_goes(attributes: str, origin: str, to: str, comes: bool) -> None:
    assert sent(f"n=v; {attributes}", origin, to) == ("n=v" if comes else "")


def test_the_epoch_itself_is_a_date() -> None:
    text = "n=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    assert sent(text, "http://a.example", "http://a.example/") == ""


@pytest.mark.parametrize(
    ("text", "comes"),
    [
        ("n=v", "n=v"),
        (" n = v w ;", "n=v w"),
        ("n=", "n="),
        ('n="v"', 'n="v"'),
        ("n=a=b", "n=a=b"),
        ("n", ""),
        ("=v", ""),
        ("", ""),
        (";", ""),
        ("n=v\r\nx: y", ""),
        ("n=v\0", ""),
        ("n=v; Path=/\x7f", ""),
        ("n=" + "x" * (MAX_COOKIE - 1), "n=" + "x" * (MAX_COOKIE - 1)),
        ("n=" + "x" * MAX_COOKIE, ""),
    ],
)
def test_what_a_server_may_set(text: str, comes: str) -> None:
    assert sent(text, "http://a.example", "http://a.example/") == comes


@pytest.mark.parametrize(
    ("text", "comes"),
    [
        ("__Secure-a=1; Secure", True),
        ("__Secure-a=1", False),
        ("__secure-a=1", False),
        ("__Host-a=1; Secure; Path=/", True),
        ("__Host-a=1; Secure", False),
        ("__Host-a=1; Secure; Path=/x", False),
        ("__Host-a=1; Path=/", False),
        ("__Host-a=1; Secure; Path=/; Domain=a.example", False),
    ],
)
def test_promises_in_names(text: str, comes: bool) -> None:
    assert bool(sent(text, "https://a.example", "https://a.example/x")) == comes
    assert sent(text, "http://a.example", "https://a.example/x") == ""


def test_plain_http_leaves_secure_cookies_alone() -> None:
    jar = CookieJar()
    jar.update("https://b.a.example/", ["n=good; Secure; Domain=a.example"], NOW)
    for line in ("n=evil", "n=evil; Path=/x", "n=evil; Domain=a.example", "n=; Max-Age=0"):
        jar.update("http://b.a.example/", [line], NOW)
        assert jar.header("https://b.a.example/x", NOW) == "n=good"
    jar.update("http://b.a.example/", ["m=1"], NOW)
    jar.update("https://b.a.example/", ["n=new; Domain=a.example"], NOW)
    assert jar.header("http://a.example/", NOW) == "n=new"


def test_longer_paths_come_first_then_older_cookies() -> None:
    jar = CookieJar()
    url = "http://a.example/x/y/z"
    jar.update(url, ["a=1; Path=/", "b=1; Path=/x/y", "c=1; Path=/x", "d=1; Path=/"], NOW)
    jar.update(url, ["a=2; Path=/"], NOW + 1)
    assert jar.header(url, NOW) == "b=1; c=1; a=2; d=1"
    assert [cookie.name for cookie in sorted(jar, key=lambda c: c.created)] == ["a", "b", "c", "d"]


def test_none_lives_too_long() -> None:
    line = "n=v; Max-Age=99999999999"
    assert sent(line, "http://a.example", "http://a.example/", later=MAX_LIFETIME - 1) == "n=v"
    assert sent(line, "http://a.example", "http://a.example/", later=MAX_LIFETIME) == ""
    assert sent("n=v", "http://a.example", "http://a.example/", later=MAX_LIFETIME * 9) == "n=v"


def test_cookies_of_one_domain_are_limited_and_the_used_ones_stay() -> None:
    assert MAX_PER_DOMAIN == 50
    jar = CookieJar()
    url = "http://a.example/"
    jar.update(url, ["used=1"] + [f"n{i}=1; Path=/n" for i in range(49)], NOW)
    assert len(jar) == 50
    assert jar.header(url, NOW) == "used=1"
    jar.update(url, ["m=1; Path=/n"], NOW)
    assert len(jar) == 50
    found = parse_cookies(jar.header(url + "n", NOW))
    assert list(found) == [f"n{i}" for i in range(1, 49)] + ["m", "used"]


def test_expired_ones_go_first() -> None:
    jar = CookieJar(max_per_domain=2)
    url = "http://a.example/"
    jar.update(url, ["a=1", "b=1; Max-Age=5"], NOW)
    jar.update(url, ["c=1"], NOW + 5)
    assert jar.header(url, NOW + 5) == "a=1; c=1"
    jar = CookieJar(max_cookies=2)
    jar.update(url, ["a=1", "b=1; Max-Age=5"], NOW)
    jar.update("http://b.example/", ["c=1"], NOW + 5)
    assert jar.header(url, NOW + 5) == "a=1"


def test_a_jar_is_limited() -> None:
    assert MAX_COOKIES == 3000
    jar = CookieJar()
    for i in range(100_000):
        jar.update(f"http://h{i}.example/", ["a=1; Max-Age=1" if i % 2 else "a=1"], NOW + i)
    assert len(jar) == 3000
    assert jar.header("http://h99999.example/", NOW) == "a=1"
    assert jar.header("http://h0.example/", NOW) == ""


def test_replacing_a_cookie_again_and_again_takes_no_memory() -> None:
    jar = CookieJar()
    for i in range(1000):
        jar.update("http://a.example/", ["a=1; Max-Age=9", "b=1"], NOW + i)
    assert len(jar) == 2
    assert len(jar._expiring) <= 54
    assert jar.header("http://a.example/", NOW + 1010) == "b=1"


def test_a_hundred_thousand_cookies_from_one_server() -> None:
    jar = CookieJar()
    jar.update("http://a.example/", [f"n{i}=1" for i in range(100_000)], NOW)
    assert len(jar) == 50
    jar.update("http://a.example/", ["a=1" + ";" * 1_000_000, "b=1; a" + "=" * 1_000_000], NOW)
    assert "a=1; b=1" in jar.header("http://a.example/", NOW)


def test_urls_without_a_host() -> None:
    jar = CookieJar()
    jar.update("/x", ["a=1"], NOW)
    jar.update("http:///x", ["a=1"], NOW)
    jar.update("http://" + "\u00fc" * 300 + ".example/", ["a=1"], NOW)
    jar.update("http://" + "a" * 300 + "/", ["a=1"], NOW)
    jar.update("http://" + "\u00fc" * 100 + ".example/", ["a=1"], NOW)
    assert len(jar) == 0
    assert jar.header("/x", NOW) == ""


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Wed, 09 Jun 2021 10:18:14 GMT", (2021, 6, 9, 10, 18, 14)),
        ("Wednesday, 09-Jun-21 10:18:14 GMT", (2021, 6, 9, 10, 18, 14)),
        ("Wed Jun  9 10:18:14 2021", (2021, 6, 9, 10, 18, 14)),
        ("Wed, 09-Jun-2021 10:18:14 GMT", (2021, 6, 9, 10, 18, 14)),
        ("9 jUNe 2021 1:2:3", (2021, 6, 9, 1, 2, 3)),
        ("2021 9 Jun 10:18:14", (2021, 6, 9, 10, 18, 14)),
        ("10:18:14 Jun 2021 9", (2021, 6, 9, 10, 18, 14)),
        ("10:18:14 9 Jun 70", (1970, 6, 9, 10, 18, 14)),
        ("10:18:14 9 Jun 69", (2069, 6, 9, 10, 18, 14)),
        ("10:18:14 9 Jun 99", (1999, 6, 9, 10, 18, 14)),
        ("10:18:14 9th Jun 2021AD", (2021, 6, 9, 10, 18, 14)),
        ("10:18:14 31 Jun 2021", None),
        ("10:18:14 0 Jun 2021", None),
        ("24:18:14 9 Jun 2021", None),
        ("10:60:14 9 Jun 2021", None),
        ("10:18:60 9 Jun 2021", None),
        ("10:18 9 Jun 2021", None),
        ("10:18:144 9 Jun 2021", None),
        ("10:18:14 9 Jun 1600", None),
        ("10:18:14 9 Jun 20211", None),
        ("10:18:14 9 Foo 2021", None),
        ("9 Jun 2021", None),
        ("", None),
    ],
)
def test_dates(text: str, when: Any) -> None:
    expected = when and datetime(*when).replace(tzinfo=UTC).timestamp()
    assert parse_cookie_date(text) == expected


@given(st.text("a=;, \t./Domain\x00\u00fcMax-Age0Expires:"))
def test_any_text_is_a_cookie_or_none(text: str) -> None:
    parse_cookies(text)
    parse_cookie_date(text)
    jar = CookieJar()
    jar.update("https://a.b.example/", [text], NOW)
    assert len(jar) <= 1
    assert "\0" not in jar.header("https://a.b.example/", NOW)
