"""Proxies named by the environment."""

import pytest

from galidia.http.fetching.proxies import proxy_for

P, S, A = "http://p:1", "http://s:2", "http://a:3"


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("http://x/", {}, None),
        ("http://x/", {"http_proxy": P}, P),
        ("https://x/", {"http_proxy": P}, None),
        ("https://x/", {"http_proxy": P, "https_proxy": S}, S),
        ("HTTP://x/", {"http_proxy": P}, P),
        ("ws://x/", {"http_proxy": P}, P),
        ("wss://x/", {"https_proxy": S}, S),
        ("http://x/", {"all_proxy": A}, A),
        ("https://x/", {"http_proxy": P, "ALL_PROXY": A}, A),
        ("http://x/", {"http_proxy": P, "all_proxy": A}, P),
        ("http://x/", {"HTTP_PROXY": P}, P),
        ("http://x/", {"http_proxy": S, "HTTP_PROXY": P}, S),
        ("http://x/", {"http_proxy": "", "HTTP_PROXY": P}, P),
        ("http://x/", {"http_proxy": " "}, None),
        ("http://x/", {"HTTP_PROXY": P, "REQUEST_METHOD": "GET"}, None),
        ("http://x/", {"HTTP_PROXY": P, "REQUEST_METHOD": ""}, None),
        ("http://x/", {"http_proxy": P, "REQUEST_METHOD": "GET"}, P),
        ("https://x/", {"HTTPS_PROXY": S, "REQUEST_METHOD": "GET"}, S),
        ("http://x/", {"HTTP_PROXY": P, "REQUEST_METHOD": "GET", "all_proxy": A}, A),
        ("http://x/", {"http_proxy": "p:1"}, "http://p:1"),
        ("http://x/", {"http_proxy": "socks5://p"}, "socks5://p"),
        ("http://x/", {"http_proxy": " http://u:p@p:1 "}, "http://u:p@p:1"),
        ("/x", {"http_proxy": P}, None),
        ("x", {"_proxy": P}, None),
    ],
)
def test_which_proxy(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(url, environ) == proxy


@pytest.mark.parametrize(
    ("listed", "url", "excluded"),
    [
        ("", "http://x/", False),
        ("*", "http://x/", True),
        ("x", "http://x/", True),
        ("x", "http://x:8080/", True),
        ("x", "http://X./", True),
        ("X.example", "http://x.example/", True),
        ("y, x", "http://x/", True),
        ("y x", "http://x/", True),
        (",, x ,", "http://x/", True),
        ("example", "http://a.b.example/", True),
        (".example", "http://a.example/", True),
        (".example", "http://example/", True),
        ("*.example", "http://a.example/", True),
        ("example.", "http://a.example/", True),
        ("example", "http://anexample/", False),
        ("a.example", "http://example/", False),
        (".", "http://x/", False),
        ("x:80", "http://x/", True),
        ("x:80", "http://x:81/", False),
        ("x:443", "https://x/", True),
        ("x:443", "http://x/", False),
        ("x:no", "http://x/", True),
        ("127.0.0.1", "http://127.0.0.1:8000/", True),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/", True),
        ("127.0.0.1:8001", "http://127.0.0.1:8000/", False),
        ("127.0.0.0/8", "http://127.1.2.3/", True),
        ("10.1.2.3/8", "http://10.9.9.9/", True),
        ("10.0.0.0/8", "http://11.0.0.1/", False),
        ("10.0.0.0/99", "http://10.0.0.1/", False),
        ("0.1", "http://127.0.0.1/", False),
        ("10.0.0.0/8", "http://10.example/", False),
        ("::1", "http://[::1]:8000/", True),
        ("[::1]", "http://[::1]:8000/", True),
        ("[::1]:8000", "http://[::1]:8000/", True),
        ("[::1]:8001", "http://[::1]:8000/", False),
        ("fe80::/10", "http://[fe80::1]/", True),
        ("10.0.0.0/8", "http://[fe80::1]/", False),
    ],
)
def test_what_goes_without_one(listed: str, url: str, excluded: bool) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        environ = {"all_proxy": A, name: listed}
        assert proxy_for(url, environ) == (None if excluded else A)


def test_malformed_urls() -> None:
    with pytest.raises(ValueError):
        proxy_for("http://x:99999/", {"http_proxy": P})
    with pytest.raises(ValueError):
        proxy_for("http://[x/", {})


def test_a_long_list() -> None:
    environ = {"http_proxy": P, "no_proxy": ",".join(f"h{i}" for i in range(100_000))}
    assert proxy_for("http://a.h99999/", environ) is None
    assert proxy_for("http://10.0.0.1/", environ) == P
