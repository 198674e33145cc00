"""What a redirect changes."""

from __future__ import annotations

import pytest

from galidia.http.errors import RedirectError
from galidia.http.fetching.redirects import headers_after, method_after, next_url
from galidia.http.urls import parse_url

PAIRS = [("Authorization", "a"), ("COOKIE", "b"), ("Content-Type", "c"), ("X", "d"), ("Host", "e")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])
def test_methods(method: str) -> None:
    assert {method_after(status, method) for status in (307, 308)} == {method}
    after = "GET" if method == "POST" else method
    assert {method_after(status, method) for status in (301, 302)} == {after}
    assert method_after(303, method) == ("HEAD" if method == "HEAD" else "GET")


def test_headers() -> None:
    def kept(same_origin: bool, same_method: bool) -> list[str]:
        pairs = headers_after(PAIRS, same_origin=same_origin, same_method=same_method)
        return [value for _, value in pairs]

    assert kept(True, True) == ["a", "b", "c", "d", "e"]
    assert kept(True, False) == ["a", "b", "d", "e"]
    assert kept(False, True) == ["c", "d"]
    assert kept(False, False) == ["d"]


def test_where_it_leads() -> None:
    one, safe = parse_url("http://a/b"), parse_url("https://a/b")
    assert next_url(one, ["c"], False).text == "http://a/c"
    assert next_url(one, ["https://a/"], False).text == "https://a/"
    assert next_url(safe, ["/c", "/c"], False).text == "https://a/c"
    assert next_url(safe, ["http://a/"], True).text == "http://a/"
    for url, locations in ((safe, ["http://a/"]), (one, ["/c", "/d"]), (one, ["ftp://a/"])):
        with pytest.raises(RedirectError):
            next_url(url, locations, False)
