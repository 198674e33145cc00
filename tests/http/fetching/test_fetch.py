"""Fetching: whole bodies and streams, redirects, credentials, codings, timeouts, ends."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Manager
from galidia.http import errors
from galidia.http.auth import Digest, basic
from galidia.http.cookies import CookieJar
from galidia.http.fetching.fetch import Result, Timeouts, fetch
from galidia.testing import Faults
from tests.helpers import Certificates, until
from tests.http.conftest import running
from tests.http.site import Asked, Site, Web, redirect, reply, web

ONE = "http://one.example"


def hello(asked: Asked) -> bytes:
    return reply(b"hello")


# -- replies --------------------------------------------------------------------------------------


def test_get(world: Web) -> None:
    site = world.site(lambda asked: reply(b'{"a": 1}', 200, "X-One: 1", "x-one: 2"))
    result = world.get(f"{ONE}/a b/\u00e9?q=\u00fc#fragment")
    assert (result.status, result.reason, result.ok, result.error) == (200, "Whatever", True, None)
    assert (result.body, result.text(), result.json()) == (b'{"a": 1}', '{"a": 1}', {"a": 1})
    assert result.header("X-ONE") == "1"
    assert [v for n, v in result.headers if n.lower() == "x-one"] == ["1", "2"]
    assert result.url == f"{ONE}/a%20b/%C3%A9?q=%C3%BC"
    assert result.history == []
    (asked,) = site.asked
    assert asked.target == "/a%20b/%C3%A9?q=%C3%BC"
    assert asked.header("host") == "one.example"
    assert asked.header("accept") == "*/*"
    assert "gzip" in (asked.header("accept-encoding") or "")
    assert (asked.header("user-agent") or "").startswith("galidia")
    assert "content-length" not in asked.names
    result.raise_for_error()


def test_headers_replace_the_defaults(world: Web) -> None:
    site = world.site(hello, 8080)
    headers = [("User-Agent", "me"), ("accept", "text/plain"), ("X", "\xe4"), ("Host", "h")]
    assert world.get(f"{ONE}:8080/", headers=headers).ok
    (asked,) = site.asked
    found = [(n, v) for n, v in asked.pairs if n != "Accept-Encoding"]
    assert found == headers
    assert world.get(f"{ONE}:8080/").ok
    assert site.asked[1].header("host") == "one.example:8080"


@pytest.mark.parametrize("status", [201, 404, 500, 999])
def test_an_error_status_is_no_error(world: Web, status: int) -> None:
    world.site(lambda asked: reply(b"body", status))
    result = world.get(ONE)
    assert (result.status, result.body, result.error) == (status, b"body", None)
    assert result.ok == (status == 201)


def test_head_and_no_content(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.method == "HEAD":
            return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        return b"HTTP/1.1 204 No Content\r\n\r\n"

    site = world.site(answer)
    assert world.get(ONE, method="HEAD").body == b""
    result = world.get(ONE, method="DELETE")
    assert (result.status, result.body) == (204, b"")
    assert len(site.connections) == 1


def test_until_close_and_chunked(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.target == "/chunked":
            body = b"5\r\nhello\r\n0\r\nX-Trailer: t\r\n\r\n"
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
        asked.c.close_after_send()
        return b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 300_000

    world.site(answer)
    result = world.get(f"{ONE}/chunked")
    assert result.body == b"hello"
    assert result.reply is not None
    assert result.reply.trailers == [("X-Trailer", "t")]
    assert world.get(f"{ONE}/close").body == b"x" * 300_000


def test_interim_replies(world: Web) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    world.site(lambda asked: early + reply(b"x"))
    result = world.get(ONE)
    assert result.body == b"x"
    assert result.reply is not None
    assert [(r.status, r.header("link")) for r in result.reply.interim] == [(103, "</a.css>")]


def test_too_many_interim_replies(world: Web) -> None:
    world.site(lambda asked: b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
    error = world.get(ONE).error
    assert isinstance(error, errors.ProtocolError)
    assert error.name == "interim"


def test_text_in_other_charsets(world: Web) -> None:
    kinds = {"/latin": "text/plain; charset=latin-1", "/odd": 'text/plain; charset="nosuch"'}
    world.site(lambda a: reply(b"\xe4", 200, f"Content-Type: {kinds.get(a.target, 'text/x')}"))
    assert world.get(f"{ONE}/latin").text() == "\xe4"
    assert world.get(f"{ONE}/odd").text() == "\ufffd"
    assert world.get(f"{ONE}/").text() == "\ufffd"


def test_requests_are_told_as_they_are_sent(world: Web) -> None:
    world.site(lambda asked: redirect("/b") if asked.target == "/a" else reply())
    heads: list[bytes] = []
    f = world.start(f"{ONE}/a", body="body", on_request=lambda f, head: heads.append(head))
    world.run(lambda: f.done)
    assert [head.split(b"\r\n")[0] for head in heads] == [b"POST /a HTTP/1.1", b"GET /b HTTP/1.1"]
    assert all(head.endswith(b"\r\n\r\n") for head in heads)
    assert b"\r\nContent-Length: 4\r\n" in heads[0]


# -- bad replies ----------------------------------------------------------------------------------

BAD = {
    "bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "length-repeated": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "length-and-coding": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk-size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n",
    "head-too-large": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "switched-unasked": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "status-line": b"SSH-2.0-OpenSSH_9\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_reply_is_an_error_that_says_which(world: Web, name: str) -> None:
    site = world.site(lambda asked: BAD[name])
    result = world.get(ONE)
    assert isinstance(result.error, errors.ProtocolError)
    assert (result.error.name, result.status, result.body) == (name, 0, b"")
    assert f"({name})" in str(result.error)
    with pytest.raises(errors.ProtocolError):
        result.raise_for_error()
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_a_reply_that_is_cut_off(world: Web, data: bytes, streams: bool) -> None:
    def answer(asked: Asked) -> bytes:
        asked.c.close_after_send()
        return data

    site = world.site(answer)
    options: dict[str, Any] = {"on_data": lambda f, d: None} if streams else {}
    result = world.get(ONE, **options)
    assert isinstance(result.error, errors.TruncatedError)
    assert (result.error.name, result.body) == ("truncated", b"")
    assert len(site.asked) == 1


def test_no_reply_at_all(world: Web) -> None:
    world.site(lambda asked: asked.c.close())
    error = world.get(ONE).error
    assert isinstance(error, errors.TruncatedError)
    assert "without a reply" in str(error)


def test_a_reset(world: Web) -> None:
    world.site(lambda asked: asked.c.abort())
    error = world.get(ONE).error
    assert isinstance(error, errors.TruncatedError)
    assert "reset" in str(error).lower()


def test_a_reply_that_came_before_its_request_is_not_taken(world: Web) -> None:
    """What lies behind a reply is nobody's, least of all the next request's."""

    def answer(asked: Asked) -> bytes:
        return reply(b"good") + (reply(b"evil") if asked.target == "/first" else b"")

    site = world.site(answer)
    assert world.get(f"{ONE}/first").body == b"good"
    assert world.get(f"{ONE}/second").body == b"good"
    assert len(site.connections) == 2


def test_bytes_on_an_idle_connection_close_it(world: Web) -> None:
    site = world.site(hello)
    assert world.get(ONE).ok
    site.connections[0].send(reply(b"evil"))
    world.run(lambda: len(world.pool) == 0)
    assert world.get(ONE).body == b"hello"
    assert len(site.connections) == 2


# -- no connection --------------------------------------------------------------------------------


def test_refused(world: Web) -> None:
    error = world.get(ONE).error
    assert isinstance(error, errors.ConnectError)
    assert "refused" in str(error).lower()


def test_no_such_name(world: Web) -> None:
    assert isinstance(world.get("http://nowhere.example/").error, errors.ResolveError)


def test_never_established(world: Web) -> None:
    world.net.down("10.0.0.2")
    error = world.get(ONE, timeout=Timeouts(connect=3.0)).error
    assert isinstance(error, errors.TimedOutError)
    assert isinstance(error, TimeoutError)
    assert (error.phase, error.seconds) == ("connect", 3.0)


@pytest.mark.parametrize(
    "url", ["ftp://x/", "//x/", "x", "http://", "http:///path", "http://a b/", "http://x\n/", ""]
)
def test_a_bad_url_is_raised(world: Web, url: str) -> None:
    with pytest.raises(ValueError):
        world.start(url)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "GET POST"},
        {"headers": {"A\r\nB": "x"}},
        {"headers": {"A": "x\r\nB: y"}},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"A": 5}},
        {"body": 5},
        {"body": b"x", "json": {}},
        {"json": {}, "form": {}},
        {"nosuch": 1},
        {"connect_timeout": 5.0},
        {"timeout": -1.0},
        {"timeout": Timeouts(idle=0.0)},
        {"max_size": -1},
        {"auth": 5},
        {"resume": True},
        {"proxy": "socks5://p/"},
        {"to": "x", "on_data": print},
        {"ca": "/nonexistent/ca.pem", "url": "https://one.example/"},
    ],
)
def test_what_makes_no_sense_is_raised(world: Web, options: dict[str, Any]) -> None:
    url = options.pop("url", ONE)
    with pytest.raises((ValueError, TypeError, OSError)):
        world.start(url, **options)
    assert len(world.mgr) == 0


# -- timeouts -------------------------------------------------------------------------------------


def phase_of(result: Result) -> tuple[str, float]:
    assert isinstance(result.error, errors.TimedOutError), result.error
    return result.error.phase, result.error.seconds


def test_no_reply_in_time(world: Web) -> None:
    world.site(lambda asked: None)
    start = world.net.now
    assert phase_of(world.get(ONE, timeout=Timeouts(reply=7.0))) == ("reply", 7.0)
    assert 7.0 <= world.net.now - start < 8.0


def test_a_head_that_trickles(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        asked.c.call_every(1.0, asked.c.send, b"x")
        return b"HTTP/1.1 200 OK\r\nX: "

    world.site(answer)
    assert phase_of(world.get(ONE, timeout=Timeouts(reply=20.0, idle=5.0))) == ("reply", 20.0)


def test_a_body_that_stops(world: Web) -> None:
    world.site(lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    assert phase_of(world.get(ONE, timeout=Timeouts(idle=4.0))) == ("idle", 4.0)
    seen: list[bytes] = []
    streamed = world.get(ONE, timeout=Timeouts(idle=4.0), on_data=lambda f, d: seen.append(d))
    assert phase_of(streamed) == ("idle", 4.0)
    assert seen == [b"hello"]
    assert streamed.status == 200


def test_a_body_that_trickles(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        asked.c.call_every(1.0, asked.c.send, b"x")
        return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

    world.site(answer)
    assert phase_of(world.get(ONE, timeout=30.0)) == ("total", 30.0)
    assert world.get(ONE, timeout=Timeouts(idle=2.0, total=None)).body == b"x" * 1000


def test_the_time_in_the_queue_counts(world: Web) -> None:
    world.site(lambda asked: None)
    world.pool.max_per_host = 1
    world.start(f"{ONE}/1", timeout=10.0)
    assert phase_of(world.get(f"{ONE}/2", timeout=5.0)) == ("total", 5.0)
    world.run(lambda: len(world.results) == 2)


def test_a_peer_that_does_not_take_the_body(world: Web) -> None:
    def refuse(asked: Asked) -> None:
        asked.c.recv_mbuf_limit = 1

    site = world.site(hello)
    site.on_head = refuse
    result = world.get(ONE, body=iter([b"x" * 100_000] * 100), timeout=Timeouts(idle=5.0))
    assert phase_of(result) == ("idle", 5.0)


# -- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "GET", "GET"),
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
    ],
)
def test_the_method_after_a_redirect(world: Web, status: int, method: str, then: str) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.target == "/a/b?c":
            return redirect("../d?e#f", status, b"" if asked.method == "HEAD" else b"moved")
        return reply() if asked.method == "HEAD" else reply(asked.body)

    site = world.site(answer)
    body = None if method in ("GET", "HEAD") else "content"
    result = world.get(f"{ONE}/a/b?c", method=method, body=body, headers={"X": "1"})
    assert (result.status, result.url) == (200, f"{ONE}/d?e")
    assert result.history == [(status, f"{ONE}/a/b?c")]
    first, second = site.asked
    assert (second.method, second.target, second.header("x")) == (then, "/d?e", "1")
    kept = then == method and body is not None
    assert second.body == (b"content" if kept else b"")
    assert ("content-type" in second.names) == kept
    assert first.c is second.c


def test_too_many_redirects(world: Web) -> None:
    site = world.site(lambda asked: redirect(asked.target + "x"))
    result = world.get(f"{ONE}/", max_redirects=3)
    assert isinstance(result.error, errors.RedirectError)
    assert site.targets == ["/", "/x", "/xx", "/xxx"]
    assert (result.status, len(result.history)) == (302, 3)


def test_redirects_are_not_followed_when_told(world: Web) -> None:
    world.site(lambda asked: redirect("/next", 301, b"body"))
    result = world.get(ONE, max_redirects=0)
    assert (result.status, result.body, result.header("location")) == (301, b"body", "/next")


@pytest.mark.parametrize(("status", "fields"), [(302, ""), (304, "Location: /"), (300, "X: y")])
def test_what_is_no_redirect(world: Web, status: int, fields: str) -> None:
    head = f"HTTP/1.1 {status} X\r\n{fields}\r\nContent-Length: 0\r\n\r\n".replace(
        "\r\n\r\nC", "\r\nC"
    )
    world.site(lambda asked: head.encode())
    assert world.get(ONE).status == status


@pytest.mark.parametrize(
    "location", ["ftp://x/", "http://", "javascript:alert(1)", "http://a b/", "http://x:99999/"]
)
def test_a_redirect_to_nowhere(world: Web, location: str) -> None:
    world.site(lambda asked: redirect(location))
    assert isinstance(world.get(ONE).error, errors.RedirectError)


def test_redirects_to_several_places(world: Web) -> None:
    world.site(lambda asked: reply(b"", 302, "Location: /a", "Location: /b"))
    assert isinstance(world.get(ONE).error, errors.RedirectError)


def test_a_location_in_utf8(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        return redirect("/\u00e9 x".encode().decode("latin-1")) if asked.target == "/" else reply()

    site = world.site(answer)
    assert world.get(ONE).ok
    assert site.targets == ["/", "/%C3%A9%20x"]


def test_secrets_stay_with_their_origin(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.target == "/same":
            return redirect("/other")
        return redirect("http://two.example/end") if asked.target == "/other" else reply()

    site = world.site(answer)
    headers = {"Cookie": "a=b", "Authorization": "Bearer x", "X-Mine": "1", "Host": "virtual"}
    assert world.get(f"{ONE}/same", headers=headers).ok
    one, same, other = site.asked
    for asked in (one, same):
        assert asked.header("cookie") == "a=b"
        assert asked.header("authorization") == "Bearer x"
        assert asked.header("host") == "virtual"
    assert not other.names & {"cookie", "authorization"}
    assert (other.header("host"), other.header("x-mine")) == ("two.example", "1")


@pytest.mark.parametrize("to", ["http://two.example/end", "http://one.example:81/end"])
def test_auth_and_fixed_cookies_stay_with_their_origin(world: Web, to: str) -> None:
    def answer(asked: Asked) -> bytes:
        return redirect(to) if asked.target == "/" else redirect(f"{ONE}/back")

    site, other = world.site(answer), world.site(lambda asked: reply(), 81)
    world.get(ONE, auth=("me", "secret"), cookies={"a": "b"}, max_redirects=2)
    asked = [*site.asked, *other.asked]
    assert asked[0].header("authorization") == basic("me", "secret")
    assert asked[0].header("cookie") == "a=b"
    assert not asked[1].names & {"cookie", "authorization"}


def test_a_redirect_whose_body_is_large(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        return redirect("/end", body=b"x" * 500_000) if asked.target == "/" else reply(b"end")

    site = world.site(answer)
    data: list[bytes] = []
    assert world.get(ONE, on_data=lambda f, d: data.append(d)).ok
    assert (data, len(site.connections)) == ([b"end"], 2)
    assert world.get(ONE).body == b"end"


def test_a_body_that_can_be_sent_once_is_not_redirected(world: Web) -> None:
    site = world.site(lambda a: redirect("/end", 307) if a.target == "/" else reply(a.body))
    error = world.get(ONE, body=iter([b"once"])).error
    assert isinstance(error, errors.RedirectError)
    assert world.get(ONE, body=[1, 2]).json() == [1, 2]
    assert world.get(ONE, body=lambda: iter([b"of", b"ten"])).body == b"often"
    assert world.get(ONE, body=io.BytesIO(b"file")).body == b"file"
    assert site.asked[-2].header("content-length") == "4"


# -- credentials and cookies ----------------------------------------------------------------------


def test_basic_credentials(world: Web) -> None:
    site = world.site(hello)
    world.get(ONE, auth=("Aladdin", "open sesame"))
    world.get("http://user%40x:p%3Aw@one.example/")
    world.get("http://user:pw@one.example/", auth="Bearer token")
    assert [asked.header("authorization") for asked in site.asked] == [
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        basic("user@x", "p:w"),
        "Bearer token",
    ]


def challenge(asked: Asked) -> bytes:
    value = asked.header("authorization") or ""
    if 'username="me"' in value and f'uri="{asked.target}"' in value and "nc=" in value:
        return reply(asked.body or b"in")
    return reply(b"no", 401, 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"')


def test_digest_credentials(world: Web) -> None:
    site = world.site(challenge)
    digest = Digest("me", "secret")
    assert world.get(f"{ONE}/a", auth=digest).body == b"in"
    assert world.get(f"{ONE}/b", auth=digest, body="posted").body == b"posted"
    assert [asked.target for asked in site.asked] == ["/a", "/a", "/b"]
    assert len(site.connections) == 1


def test_digest_credentials_with_a_stream(world: Web) -> None:
    world.site(challenge)
    data: list[bytes] = []
    assert world.get(ONE, auth=Digest("me", "x"), on_data=lambda f, d: data.append(d)).ok
    assert data == [b"in"]


def test_wrong_digest_credentials(world: Web) -> None:
    site = world.site(challenge)
    result = world.get(ONE, auth=Digest("other", "secret"))
    assert (result.status, result.error) == (401, None)
    assert len(site.asked) < 4


def test_a_jar_learns_and_tells(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.target == "/set":
            return reply(b"", 302, "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2", "Location: /get")
        return reply((asked.header("cookie") or "").encode())

    world.site(answer)
    jar = CookieJar()
    assert world.get(f"{ONE}/set", cookies=jar).body == b"a=1; b=2"
    assert world.get(f"{ONE}/other", cookies=jar).body == b"a=1; b=2"
    assert world.get("http://two.example/", cookies=jar).body == b""


# -- codings --------------------------------------------------------------------------------------

TEXT = b"some text that is long enough to be packed " * 100


def packed(coding: str) -> bytes:
    data = gzip.compress(TEXT) if coding == "gzip" else zlib.compress(TEXT)
    return reply(data, 200, f"Content-Encoding: {coding}")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_content_codings(world: Web, coding: str) -> None:
    world.site(lambda asked: packed(coding))
    assert world.get(ONE).body == TEXT
    data = bytearray()
    assert world.get(ONE, on_data=lambda f, d: data.extend(d)).ok
    assert data == TEXT
    raw = world.get(ONE, decode=False)
    assert raw.header("content-encoding") == coding
    assert len(raw.body) < len(TEXT) // 10


def test_codings_are_not_asked_for_when_not_undone(world: Web) -> None:
    site = world.site(hello)
    world.get(ONE, decode=False)
    assert "accept-encoding" not in site.asked[0].names


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(TEXT)[:-9]),
        ("gzip", gzip.compress(TEXT)[:50] + b"garbage" * 10),
        ("gzip", b"hello"),
        ("nosuch", b"hello"),
        (", ".join(["gzip"] * 50), gzip.compress(b"x")),
    ],
)
def test_broken_codings(world: Web, coding: str, data: bytes, streams: bool) -> None:
    world.site(lambda asked: reply(data, 200, f"Content-Encoding: {coding}"))
    options: dict[str, Any] = {"on_data": lambda f, d: None} if streams else {}
    result = world.get(ONE, **options)
    assert isinstance(result.error, errors.DecodingError)
    assert result.body == b""


@pytest.mark.parametrize("streams", [False, True])
def test_a_bomb(world: Web, streams: bool) -> None:
    bomb = gzip.compress(bytes(20 << 20))
    world.site(lambda asked: reply(bomb, 200, "Content-Encoding: gzip"))
    seen = [0]

    def count(f: Any, data: bytes) -> None:
        seen[0] += len(data)

    options: dict[str, Any] = {"on_data": count} if streams else {}
    result = world.get(ONE, max_size=1 << 20, **options)
    assert isinstance(result.error, errors.TooLargeError)
    assert result.body == b""
    assert seen[0] <= 1 << 20


# -- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_body_over_the_limit(world: Web, framing: str, streams: bool) -> None:
    def answer(asked: Asked) -> bytes:
        if framing == "length":
            return reply(b"x" * 1001)
        if framing == "chunked":
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            return head + b"1\r\nx\r\n" * 1001 + b"0\r\n\r\n"
        asked.c.close_after_send()
        return b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001

    world.site(answer)
    options: dict[str, Any] = {"on_data": lambda f, d: None} if streams else {}
    assert isinstance(world.get(ONE, max_size=1000, **options).error, errors.TooLargeError)
    assert world.get(ONE, max_size=1001, **options).ok


# -- streams --------------------------------------------------------------------------------------


def test_a_stream_brings_the_body_as_it_comes(world: Web) -> None:
    size = 3_000_000
    world.site(lambda asked: reply(b"x" * size))
    pieces: list[tuple[int, int, int]] = []

    def on_data(f: Any, data: bytes) -> None:
        assert f.reply.status == 200
        pieces.append((len(data), f.received, f.expected))

    result = world.get(ONE, on_data=on_data)
    assert (result.ok, result.body) == (True, b"")
    assert sum(n for n, _, _ in pieces) == size
    assert len(pieces) > 10
    assert pieces[-1][1:] == (size, size)


def test_back_pressure_on_the_server(world: Web) -> None:
    size = 5_000_000
    site = world.site(lambda asked: reply(b"x" * size))
    got = bytearray()

    def on_data(f: Any, data: bytes) -> None:
        got.extend(data)
        f.pause()

    f = world.start(ONE, on_data=on_data, timeout=Timeouts(idle=5.0, total=None))
    world.net.run(limit=1000.0)  # far more than the idle time: it is not the server's fault
    assert not f.done
    assert 0 < len(got) < 200_000
    assert len(site.connections[0].send_mbuf) > size // 2
    while not f.done:
        before = len(got)
        f.resume()
        world.net.run(lambda: len(got) > before or f.done)  # noqa: B023
    assert world.results[0].ok
    assert len(got) == size


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_pause_at_the_end(world: Web, framing: str) -> None:
    def answer(asked: Asked) -> bytes:
        if framing == "close":
            asked.c.close_after_send()
            return b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000
        if framing == "chunked":
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            return head + b"186a0\r\n" + b"x" * 100_000 + b"\r\n0\r\n\r\n"
        return reply(b"x" * 100_000)

    world.site(answer)
    got = bytearray()

    def on_data(f: Any, data: bytes) -> None:
        got.extend(data)
        f.pause()

    f = world.start(ONE, on_data=on_data)
    while not f.done:
        world.net.run(limit=10.0)
        f.resume()
        f.resume()
        world.net.run(limit=10.0)
    assert world.results[0].ok
    assert got == b"x" * 100_000


def test_on_data_that_fails(world: Web, logged: list[Any]) -> None:
    world.site(lambda asked: reply(b"x" * 100_000))

    def on_data(f: Any, data: bytes) -> None:
        raise ZeroDivisionError

    error = world.get(ONE, on_data=on_data).error
    assert isinstance(error, errors.TargetError)
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert len([r for r in logged if "on_data" in r.getMessage()]) == 1


def test_a_callback_that_fails(world: Web, logged: list[Any]) -> None:
    site = world.site(hello)
    done: list[Result] = []

    def callback(result: Result) -> None:
        done.append(result)
        raise ZeroDivisionError

    fetch(world.mgr, ONE, callback, proxy=None)
    world.run(lambda: done)
    assert world.get(ONE).ok
    assert len(site.connections) == 1  # it costs nobody the connection
    assert len([r for r in logged if "callback" in r.getMessage()]) == 1


# -- uploads --------------------------------------------------------------------------------------


def test_bodies(world: Web, tmp_path: Any) -> None:
    world.site(lambda a: reply(a.body, 200, f"X-Type: {a.header('content-type') or ''}"))

    def sent(**options: Any) -> tuple[bytes, str | None]:
        result = world.get(ONE, **options)
        assert result.error is None
        return result.body, result.header("x-type")

    assert sent(body=b"\0\1") == (b"\0\1", "")
    assert sent(body="\u00e9") == ("\u00e9".encode(), "text/plain; charset=utf-8")
    assert sent(body={"a": "\u00e9"}) == ('{"a":"\u00e9"}'.encode(), "application/json")
    assert sent(json=None, body=b"") == (b"", "")
    assert sent(json="text") == (b'"text"', "application/json")
    assert sent(form={"a": ["1", "2"], "b c": "&"}) == (
        b"a=1&a=2&b+c=%26",
        "application/x-www-form-urlencoded",
    )
    assert sent(body="x", headers={"content-type": "text/x"}) == (b"x", "text/x")
    assert sent(body=(b"%d," % i for i in range(5))) == (b"0,1,2,3,4,", "")
    assert sent(body=io.BytesIO(b"from a file")) == (b"from a file", "")
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with open(path, "rb") as file:
        file.seek(3)
        assert sent(body=file) == (b"3456789", "")
        assert (file.tell(), file.closed) == (3, False)
    assert sent(body=path) == (b"0123456789", "")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PROPFIND"])
def test_the_length_of_no_body(world: Web, method: str) -> None:
    site = world.site(hello)
    assert world.get(ONE, method=method).ok
    said = site.asked[0].header("content-length")
    assert said == ("0" if method in ("POST", "PUT") else None)


def test_a_source_is_asked_only_when_there_is_room(world: Web) -> None:
    made = [0]

    def source() -> Iterator[bytes]:
        for _ in range(200):
            made[0] += 1
            yield b"x" * 10_000

    site = world.site(lambda asked: reply(str(len(asked.body)).encode()))
    site.on_head = lambda asked: setattr(asked.c, "recv_mbuf_limit", 1)
    f = world.start(ONE, body=source, timeout=Timeouts(idle=3600.0, reply=3600.0, total=None))
    world.net.run(limit=10.0)
    assert not f.done
    assert 0 < made[0] < 60
    site.connections[0].recv_mbuf_limit = 1 << 30
    site.connections[0].recv_mbuf
    world.run(lambda: f.done)
    assert (world.results[0].body, made[0]) == (b"2000000", 200)


def test_a_source_that_fails(world: Web) -> None:
    def source() -> Iterator[bytes]:
        yield b"x"
        raise ZeroDivisionError("source")

    world.site(hello)
    error = world.get(ONE, body=source()).error
    assert isinstance(error, errors.BodyError)
    assert isinstance(error.__cause__, ZeroDivisionError)
    error = world.get(ONE, body=iter(["text"])).error
    assert isinstance(error, errors.BodyError)


def test_a_reply_before_the_body_was_sent(world: Web) -> None:
    """The server has said what it has to say: the rest is not sent."""
    closed = []

    def source() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 10_000
        finally:
            closed.append(True)

    site = world.site(hello)
    site.on_head = lambda asked: reply(b"enough", 413)
    result = world.get(ONE, body=source(), headers={"X": "y"})
    assert (result.status, result.body) == (413, b"enough")
    world.run(lambda: site.open == 0 and closed)


def test_expect_continue(world: Web) -> None:
    site = world.site(lambda asked: reply(asked.body))
    waited: list[float] = []

    def on_head(asked: Asked) -> bytes | None:
        waited.append(world.net.now)
        assert asked.header("expect") == "100-continue"
        if asked.target == "/no":
            return reply(b"no", 417)
        return b"HTTP/1.1 100 Continue\r\n\r\n" if asked.target == "/yes" else None

    site.on_head = on_head
    start = world.net.now
    assert world.get(f"{ONE}/yes", body=b"body", expect_continue=True).body == b"body"
    assert world.net.now - start < 0.5
    assert world.get(f"{ONE}/no", body=b"body", expect_continue=True).status == 417
    assert len(site.asked) == 1
    start = world.net.now
    assert world.get(f"{ONE}/silent", body=b"body", expect_continue=True).body == b"body"
    assert 1.0 <= world.net.now - start < 2.0


def test_files_of_a_form(world: Web, tmp_path: Any) -> None:
    from galidia.http.forms import parse_form

    path = tmp_path / "photo.txt"
    path.write_bytes(b"content of the file")
    site = world.site(lambda asked: reply(b"ok"))
    with open(path, "rb") as file:
        assert world.get(ONE, form={"title": "me"}, files={"photo": file}).ok
    (asked,) = site.asked
    assert int(asked.header("content-length") or 0) == len(asked.body)
    form = parse_form(asked.header("content-type") or "", asked.body)
    assert form.get("title") == "me"
    part = form.file("photo")
    assert part is not None
    assert (part.filename, part.data) == ("photo.txt", b"content of the file")


# -- the end --------------------------------------------------------------------------------------


def never(result: Result) -> None:
    raise AssertionError("called although cancelled")


@pytest.mark.parametrize(
    "seconds", [0.0, 0.0005, 0.0015, 0.0025, 0.003, 0.0035, 0.004, 0.01, 0.1, 1.0]
)
@pytest.mark.parametrize("streams", [False, True])
def test_cancelled_in_any_phase(world: Web, seconds: float, streams: bool) -> None:
    def answer(asked: Asked) -> bytes:
        asked.c.call_every(0.002, asked.c.send, b"x" * 1000)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"

    site = world.site(answer)
    options: dict[str, Any] = {"on_data": lambda f, d: None} if streams else {}
    f = fetch(world.mgr, ONE, never, proxy=None, body=iter([b"x"] * 5), **options)
    world.net.run(lambda: False, limit=seconds)
    f.cancel()
    f.cancel()
    assert f.done
    world.run(lambda: site.open == 0 and len(world.mgr) == 0)


def test_cancelled_in_the_queue(world: Web) -> None:
    site = world.site(hello)
    world.pool.max_per_host = 1
    world.start(f"{ONE}/1")
    fetch(world.mgr, f"{ONE}/2", never, proxy=None).cancel()
    world.start(f"{ONE}/3")
    world.run(lambda: len(world.results) == 2)
    assert site.targets == ["/1", "/3"]


def test_cancelled_within_on_data(world: Web) -> None:
    world.site(lambda asked: reply(gzip.compress(bytes(1 << 22)), 200, "Content-Encoding: gzip"))
    seen = []

    def on_data(f: Any, data: bytes) -> None:
        seen.append(len(data))
        f.cancel()

    fetch(world.mgr, ONE, never, proxy=None, on_data=on_data)
    world.run(lambda: len(world.mgr) == 0)
    assert len(seen) == 1


@pytest.mark.parametrize("seconds", [0.0, 0.0015, 0.0025, 0.0035, 0.1])
def test_the_manager_is_closed_in_any_phase(seconds: float) -> None:
    with web() as world:
        world.site(lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        world.pool.max_per_host = 2
        for i in range(5):
            world.start(f"{ONE}/{i}")
            world.start(f"{ONE}:81/{i}")
        world.net.run(lambda: False, limit=seconds)
        world.mgr.close(5.0)
        assert len(world.results) == 10
        kinds = {type(result.error) for result in world.results}
        assert errors.CancelledError in kinds
        assert kinds <= {errors.CancelledError, errors.ConnectError}


def test_the_manager_is_closed_by_a_callback() -> None:
    with web() as world:
        world.site(hello)
        done: list[Result] = []

        def callback(result: Result) -> None:
            done.append(result)
            world.mgr.close()

        for i in range(20):
            fetch(world.mgr, f"{ONE}/{i}", callback, proxy=None)
        world.net.run(lambda: world.mgr.closed)
        assert len(done) == 20


def test_the_manager_is_closed_while_a_complete_reply_is_paused() -> None:
    with web() as world:
        world.site(hello)
        f = world.start(ONE, on_data=lambda f, data: f.pause())
        world.net.run(lambda: False, limit=1.0)
        assert (f.done, world.pool.idle) == (False, 1)
        world.mgr.close()
        assert [type(result.error) for result in world.results] == [errors.CancelledError]


def test_no_fetch_on_a_manager_that_closes() -> None:
    with web() as world:
        world.mgr.close()
        with pytest.raises(RuntimeError):
            world.start(ONE)


# -- elsewhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_on_a_bad_network(seed: int) -> None:
    faults = Faults(short_write=0.5, narrow=0.5)
    with web(seed=seed, faults=faults) as world:
        world.site(lambda a: reply(a.body[::-1]))
        body = bytes(range(256)) * 500
        assert world.get(ONE, body=body, timeout=Timeouts(total=None)).body == body[::-1]
        assert world.get(ONE, body=iter([body] * 3)).body == (body * 3)[::-1]


def test_over_tls(mgr: Manager, certs: Certificates) -> None:
    site = Site(mgr, hello, "tls://127.0.0.1:0", cert=str(certs.server))
    results: list[Result] = []
    url = site.url("/", "https")
    fetch(mgr, url, results.append, ca=str(certs.ca))
    until(mgr, lambda: len(results) == 1)
    fetch(mgr, url, results.append, ca=str(certs.ca))
    fetch(mgr, url, results.append)
    fetch(mgr, url, results.append, ca=str(certs.ca), server_name="other.example")
    until(mgr, lambda: len(results) == 4)
    assert [result.ok for result in results].count(True) == 2
    failures = [result.error for result in results if not result.ok]
    assert [type(error) for error in failures] == [errors.TlsError] * 2
    assert site.asked[0].c is site.asked[1].c
    assert len(site.asked) == 2


def test_a_redirect_that_gives_up_tls(mgr: Manager, certs: Certificates) -> None:
    plain = Site(mgr, hello)
    site = Site(
        mgr, lambda asked: redirect(plain.url()), "tls://127.0.0.1:0", cert=str(certs.server)
    )
    results: list[Result] = []
    url = site.url("/", "https")
    fetch(mgr, url, results.append, ca=str(certs.ca))
    until(mgr, lambda: len(results) == 1)
    assert isinstance(results[0].error, errors.RedirectError)
    assert plain.asked == []
    fetch(mgr, url, results.append, ca=str(certs.ca), allow_downgrade=True)
    until(mgr, lambda: len(results) == 2)
    assert results[1].body == b"hello"


def test_a_certificate_is_for_one_origin(mgr: Manager, certs: Certificates) -> None:
    """A redirect elsewhere does not take it there, nor the name that the server must have."""
    tls = {"cert": str(certs.server), "ca": str(certs.ca)}
    other = Site(mgr, hello, "tls://127.0.0.1:0", **tls)
    site = Site(mgr, lambda asked: redirect(other.url("/", "https")), "tls://127.0.0.1:0", **tls)
    results: list[Result] = []
    mine: dict[str, Any] = {
        "ca": str(certs.ca),
        "cert": str(certs.client),
        "server_name": "localhost",
    }
    fetch(mgr, site.url("/", "https"), results.append, **mine)
    until(mgr, lambda: results)
    assert len(site.asked) == 1
    assert other.asked == []  # which takes nobody without a certificate
    assert results[0].error is not None


def test_against_our_own_server(mgr: Manager) -> None:
    def serve(c: Any, ev: int, req: Any) -> None:
        if ev == EV_HTTP_REQUEST:
            req.reply(200, {"method": req.method, "path": req.path, "size": len(req.body)})

    listener = mgr.bind("http://127.0.0.1:0", serve)
    results: list[Result] = []
    for i in range(30):
        fetch(mgr, f"http://{listener.local}/{i}", results.append, body=b"x" * i * 1000)
    until(mgr, lambda: len(results) == 30)
    told = sorted((r.json()["path"], r.json()["size"]) for r in results)
    assert told == sorted((f"/{i}", i * 1000) for i in range(30))


def test_against_the_standard_library() -> None:
    import http.server
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with Manager() as mgr:
                results: list[Result] = []
                url = f"http://127.0.0.1:{server.server_port}/"
                for _ in range(3):
                    fetch(mgr, url, results.append, body=b"x" * 100_000)
                until(mgr, lambda: len(results) == 3)
                assert [result.body for result in results] == [b"x" * 100_000] * 3
        finally:
            server.shutdown()
            thread.join()


def test_from_another_thread(mgr: Manager) -> None:
    site = Site(mgr, hello)
    url = site.url()
    import queue

    results: queue.Queue[Result] = queue.Queue()
    with running(mgr):
        mgr.call_soon_threadsafe(fetch, mgr, url, results.put)
        assert results.get(timeout=20).body == b"hello"
