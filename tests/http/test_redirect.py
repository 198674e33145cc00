"""From the plain port to HTTPS."""

from __future__ import annotations

from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST
from galidia.http.redirect import redirect_to_https
from tests.http.stand_in import StandIn


def location(target: str, named: str = "a.example", method: str = "GET", **options: Any) -> Any:
    """Where a request is sent, or the status of an error."""
    req = StandIn(method, target, {"host": named} if named else {})
    handler: Any = redirect_to_https(**options)
    handler(req.connection, EV_HTTP_REQUEST, req)
    assert req.replied
    return req.header_of_reply("location") if req.status < 400 else req.status


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        ("/", "a.example", "https://a.example/"),
        ("/a%20b/?q=http://x&y", "a.example", "https://a.example/a%20b/?q=http://x&y"),
        ("//evil.example/x", "a.example", "https://a.example//evil.example/x"),
        ("/", "a.example:8000", "https://a.example/"),
        ("/", "a.example:", "https://a.example/"),
        ("/x", "[::1]:80", "https://[::1]/x"),
        ("/x", "[::1]", "https://[::1]/x"),
        ("http://b.example/x?y", "b.example", "https://b.example/x?y"),
        ("http://b.example", "b.example", "https://b.example/"),
        ("*", "a.example", "https://a.example/"),
        ("/", "", 400),
        ("/", ":80", 400),
    ],
)
def test_targets(target: str, host: str, expected: Any) -> None:
    assert location(target, host) == expected


def test_options() -> None:
    assert location("/x", port=8443) == "https://a.example:8443/x"
    assert location("/x", "a.example:80", port=8443) == "https://a.example:8443/x"
    assert location("/x", "other", host="a.example") == "https://a.example/x"
    assert location("/x", "", host="a.example", port=8443) == "https://a.example:8443/x"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_statuses(status: int) -> None:
    req = StandIn("POST", "/", {"host": "a"})
    handler: Any = redirect_to_https(status=status)
    handler(req.connection, EV_HTTP_REQUEST, req)
    assert req.status == status
    handler(req.connection, EV_HTTP_REQUEST, req)  # the end of a body that was not waited for


def test_the_default_keeps_method_and_body() -> None:
    req = StandIn("POST", "/", {"host": "a"})
    handler: Any = redirect_to_https()
    handler(req.connection, EV_HTTP_REQUEST, req)
    assert req.status == 308


def test_a_tunnel_is_not_redirected() -> None:
    assert location("a.example:443", "a.example", "CONNECT") == 400


@pytest.mark.parametrize(
    "options", [{"status": 303}, {"status": 200}, {"port": 0}, {"port": 65536}]
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not"):
        redirect_to_https(**options)
