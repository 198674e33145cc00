"""The reverse proxy as a whole: what was valid goes on once, and what is refused does not."""

from __future__ import annotations

from typing import Any

import pytest

from galidia.http import ReverseProxy
from tests.http import requests
from tests.http.proxy.conftest import LONG, World, noting
from tests.http.requests import REQUESTS, Refused, Taken
from tests.http.test_strictness_wire import ways

LIMITS = {
    "head_limit": 2000, "target_limit": 300, "body_limit": 1000, "stream_limit": 1000,
    "max_fields": 20,
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_what_arrives_upstream_was_valid_and_arrives_once(world: World, name: str) -> None:
    """The table of strictness through the proxy: nothing that is refused goes on in any way, and
    what goes on is read by a strict server as what it was, framed anew."""
    data, verdict = REQUESTS[name]
    seen, handler = noting(world)
    options = world.http.HttpOptions(
        **LIMITS, head_timeout=LONG, body_timeout=LONG, request_timeout=LONG, idle_timeout=LONG
    )
    world.serve(world.upstream(handler), at="", options=options, reply_timeout=LONG)
    for pieces in list(ways(data))[:3]:
        seen.clear()
        client = world.client()
        for piece in [*pieces, requests.NEXT if isinstance(verdict, (Taken, Refused)) else b""]:
            client.send(piece)
            world.net.run(limit=1)
        client.shutdown()
        world.net.run(limit=20)
        client.close()
        world.net.run(limit=1)
        lines = [f"{req.method} {req.target}" for req in seen]
        if not isinstance(verdict, Taken):
            assert lines == []
            continue
        method, target = verdict.line.split(" ")
        if "://" in target:
            target = "/" + target.partition("://")[2].partition("/")[2]
        odd = method == "CONNECT" or ".." in target.split("/")
        wanted = [] if odd else [f"{method} {target}"]
        after = [] if verdict.last else ["GET /next"]
        assert lines == wanted + after
        if wanted:
            req = seen[0]
            assert req.body == verdict.body
            assert (req.chunked, req.content_length) in (
                (True, -1), (False, len(verdict.body)), (False, -1),
            )  # fmt: skip
            kept = [f for f in verdict.fields if f[:1] in "Xx"]
            assert [f"{n}: {v}" for n, v in req.headers if n in "Xx"] == kept


WRONG: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    ((), {}, "needs an upstream"),
    (("ftp://a",), {}, "http://HOST"),
    (("http://a?x",), {}, "neither user nor query"),
    (("http://a",), {"via": "a b"}, "via="),
    (("http://a",), {"upgrades": "websocket"}, "upgrades="),
    (("http://a",), {"trust": "10.0.0.1"}, "acl"),
    (("http://a",), {"reply_timeout": 0}, "reply_timeout"),
    (("http://a",), {"colour": 1}, "no option 'colour'"),
]


@pytest.mark.parametrize(("urls", "options", "text"), WRONG)
def test_what_makes_no_sense(urls: tuple[str, ...], options: dict[str, Any], text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        ReverseProxy(*urls, **options)
