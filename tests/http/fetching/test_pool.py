"""Connections that are used again, queues, retries, and proxies on the way."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from galidia import EV_CLOSE, EV_CONNECT, EV_RECV, Connection, Manager
from galidia.http import errors
from galidia.http.auth import basic
from galidia.http.fetching.fetch import Result, Timeouts, fetch
from galidia.http.fetching.pool import pool_of
from tests.helpers import Certificates, until
from tests.http.site import Asked, Site, Web, redirect, reply, web

ONE = "http://one.example"


def hello(asked: Asked) -> bytes:
    return reply(b"hello")


# -- connections ----------------------------------------------------------------------------------


def test_a_connection_is_used_again(world: Web) -> None:
    site = world.site(hello)
    for i in range(10):
        assert world.get(f"{ONE}/{i}").ok
        assert (len(world.pool), world.pool.idle) == (1, 1)
    assert len(site.connections) == 1
    assert [asked.number for asked in site.asked] == list(range(10))


def test_the_youngest_is_used_first(world: Web) -> None:
    site = world.site(hello)
    for _ in range(3):
        world.start(ONE)
    world.run(lambda: len(world.results) == 3)
    assert len(site.connections) == 3
    youngest = world.results[-1].reply
    again = world.get(ONE).reply
    assert youngest is not None
    assert again is not None
    assert again.connection is youngest.connection


def test_no_more_than_allowed_at_once(world: Web) -> None:
    site = world.site(hello)
    world.pool.max_per_host = 3
    for i in range(20):
        world.start(f"{ONE}/{i:02}")
    assert (len(world.pool), world.pool.waiting) == (3, 17)
    world.start("http://two.example/")  # another one's limit is another
    assert (len(world.pool), world.pool.waiting) == (4, 17)
    world.run(lambda: len(world.results) == 21)
    assert len(site.connections) == 4
    paths = [int(target[1:]) for target in site.targets if target != "/"]
    assert all(abs(path - place) < 3 for place, path in enumerate(paths))  # the queue is one


def test_who_leaves_the_queue_is_not_asked_for(world: Web) -> None:
    site = world.site(hello)
    world.pool.max_per_host = 1
    fetches = [world.start(f"{ONE}/{i}") for i in range(9)]
    for waiting in fetches[1::2]:
        waiting.cancel()
    assert world.pool.waiting == 4
    world.run(lambda: len(world.results) == 5)
    assert site.targets == ["/0", "/2", "/4", "/6", "/8"]


def test_a_queue_goes_on_when_connections_end(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        asked.c.close_after_send()
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    site = world.site(answer)
    world.pool.max_per_host = 2
    for _ in range(10):
        world.start(ONE)
    world.run(lambda: len(world.results) == 10)
    assert all(result.ok for result in world.results)
    assert len(site.connections) == 10


def test_a_queue_goes_on_when_nobody_listens(world: Web) -> None:
    world.pool.max_per_host = 2
    for _ in range(10):
        world.start(ONE)
    world.run(lambda: len(world.results) == 10)
    assert {type(result.error) for result in world.results} == {errors.ConnectError}


def test_idle_connections_end(world: Web) -> None:
    site = world.site(hello)
    world.pool.idle_timeout = 20.0
    assert world.get(ONE).ok
    world.net.run(limit=15.0)
    assert len(world.pool) == 1
    assert world.get(ONE).ok  # it waits anew
    world.net.run(limit=15.0)
    assert len(world.pool) == 1
    world.net.run(limit=10.0)
    assert (len(world.pool), site.open) == (0, 0)


def test_no_more_idle_connections_than_allowed(world: Web) -> None:
    sites = [world.site(hello, port) for port in range(80, 90)]
    world.pool.max_idle = 4
    for site in sites:
        assert world.get(f"{ONE}:{site.listener.local.port}/").ok
    world.net.run(limit=1.0)
    assert (len(world.pool), world.pool.idle) == (4, 4)
    assert [site.open for site in sites] == [0] * 6 + [1] * 4


def test_an_idle_connection_that_the_server_closes(world: Web) -> None:
    site = world.site(hello)
    assert world.get(ONE).ok
    site.connections[0].close()
    world.run(lambda: len(world.pool) == 0)
    assert world.get(ONE).ok
    assert len(site.connections) == 2


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_who_says_that_the_connection_ends(world: Web, version: str) -> None:
    keep = "keep-alive" if version == "1.0" else "close"
    head = f"HTTP/{version} 200 OK\r\nContent-Length: 0\r\n"
    fields = {"/default": "", "/other": f"Connection: {keep}\r\n"}
    site = world.site(lambda asked: (head + fields[asked.target] + "\r\n").encode())
    for path in sorted(fields, reverse=version == "1.1"):
        for _ in range(2):
            assert world.get(ONE + path).ok
            world.net.run(limit=1.0)
    reused = {asked.target: asked.number > 0 for asked in site.asked}
    assert reused == {"/default": version == "1.1", "/other": version == "1.0"}


@pytest.mark.parametrize(("said", "seconds"), [("timeout=5", 4.0), ("max=9, timeout=1", 0.5)])
def test_the_server_says_how_long_it_waits(world: Web, said: str, seconds: float) -> None:
    world.site(lambda asked: reply(b"", 200, f"Keep-Alive: {said}"))
    for _ in range(2):
        assert world.get(ONE).ok
        world.net.run(lambda: False, limit=seconds - 0.3)
        assert len(world.pool) == 1
    world.net.run(lambda: False, limit=0.4)
    assert len(world.pool) == 0


def test_options_keep_connections_apart(world: Web) -> None:
    site = world.site(hello)
    assert world.get(ONE).ok
    assert world.get(ONE, source="10.0.0.1").ok
    assert len(site.connections) == 2
    assert world.get(ONE, source="10.0.0.1").ok
    assert len(site.connections) == 2


def test_a_manager_is_not_kept(world: Web) -> None:
    site = world.site(hello)
    mgr = Manager(network=world.net.host("10.0.0.3"))
    results: list[Result] = []
    fetch(mgr, ONE, results.append, proxy=None)
    world.run(lambda: results)
    pool = weakref.ref(pool_of(mgr))
    mgr.close(0)
    world.run(lambda: site.open == 0)
    results.clear()
    here = weakref.ref(mgr)
    del mgr
    gc.collect()
    assert (here(), pool()) == (None, None)


# -- retries --------------------------------------------------------------------------------------


def once_more(world: Web, **options: Any) -> tuple[Site, Result]:
    """A fetch on a connection that the server closes when it is used for the second time."""

    def answer(asked: Asked) -> bytes | None:
        if asked.number == 1:
            asked.c.close()
            return None
        return reply(asked.body)

    site = world.site(answer)
    assert world.get(f"{ONE}/first").ok
    return site, world.get(f"{ONE}/second", **options)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_a_lost_connection_is_tried_once_more(world: Web, method: str) -> None:
    body = b"content" if method == "PUT" else None
    site, result = once_more(world, method=method, body=body)
    assert result.ok
    assert site.targets == ["/first", "/second", "/second"]
    assert site.asked[2].body == (body or b"")
    assert len(site.connections) == 2


@pytest.mark.parametrize(
    "options", [{"method": "POST"}, {"method": "PATCH"}, {"method": "PUT", "body": iter([b"once"])}]
)
def test_what_is_not_tried_once_more(world: Web, options: dict[str, Any]) -> None:
    site, result = once_more(world, **options)
    assert isinstance(result.error, errors.TruncatedError)
    assert site.targets == ["/first", "/second"]


def test_a_reply_that_has_begun_is_not_asked_for_again(world: Web) -> None:
    def answer(asked: Asked) -> bytes:
        if asked.number == 1:
            asked.c.close_after_send()
            return b"HTTP/1.1 2"
        return reply()

    site = world.site(answer)
    assert world.get(ONE).ok
    assert isinstance(world.get(ONE).error, errors.TruncatedError)
    assert len(site.asked) == 2


@pytest.mark.parametrize("streams", [False, True])
def test_a_server_that_ends_an_idle_connection_with_408(world: Web, streams: bool) -> None:
    """It crosses the request, and is no answer to it."""

    def answer(asked: Asked) -> bytes:
        if asked.number == 1 or asked.target == "/late":
            asked.c.close_after_send()
            return reply(b"late", 408, "Connection: close")
        return reply(b"good")

    site = world.site(answer)
    data: list[bytes] = []
    options: dict[str, Any] = {"on_data": lambda f, d: data.append(d)} if streams else {}
    assert world.get(f"{ONE}/1").ok
    result = world.get(f"{ONE}/2", **options)
    assert (result.status, b"".join(data) or result.body) == (200, b"good")
    assert site.targets == ["/1", "/2", "/2"]
    assert world.get(f"{ONE}/3", method="POST").status == 408
    assert world.get(f"{ONE}/late").status == 408


def test_it_is_tried_once_more_but_no_third_time(world: Web) -> None:
    def answer(asked: Asked) -> bytes | None:
        if len(site.asked) > 1:
            asked.c.close()
            return None
        return reply()

    site = world.site(answer)
    assert world.get(ONE).ok
    assert isinstance(world.get(ONE).error, errors.TruncatedError)
    assert len(site.asked) == 3


# -- proxies --------------------------------------------------------------------------------------


class Proxy:
    """A proxy: forwards requests in absolute form, and tunnels where CONNECT leads."""

    def __init__(self, mgr: Manager, answer: Any = None) -> None:
        self.mgr = mgr
        self.asked: list[tuple[bytes, list[bytes]]] = []
        self.refuse = b""
        self.tunnels = 0
        self.answer = answer
        self.listener = mgr.bind("tcp://127.0.0.1:0", self.handle)

    @property
    def url(self) -> str:
        return f"http://{self.listener.local}"

    def handle(self, c: Connection, ev: int, data: Any) -> None:
        if ev == EV_CLOSE and c.user_data is not None:
            c.user_data.close_after_send()
        if ev != EV_RECV:
            return
        if c.user_data is not None:
            c.forward(c.user_data)
            return
        head, end, _ = bytes(c.recv_mbuf).partition(b"\r\n\r\n")
        if not end:
            return
        del c.recv_mbuf[: len(head) + 4]
        first, *lines = head.split(b"\r\n")
        self.asked.append((first, lines))
        method, target, _ = first.split(b" ")
        if self.refuse:
            c.send(self.refuse)
            c.close_after_send()
        elif method == b"CONNECT":
            self.tunnels += 1
            c.user_data = self.mgr.connect(f"tcp://{target.decode()}", self.far, user_data=c)
        else:
            c.send(reply(b"through the proxy"))

    def far(self, c: Connection, ev: int, data: Any) -> None:
        if ev == EV_CONNECT and data == 0:
            c.user_data.send(b"HTTP/1.1 200 Connection established\r\nVia: me\r\n\r\n")
        elif ev == EV_RECV:
            c.forward(c.user_data)
        elif ev == EV_CLOSE:
            c.user_data.close_after_send()


def get(mgr: Manager, url: str, **options: Any) -> Result:
    results: list[Result] = []
    fetch(mgr, url, results.append, **options)
    until(mgr, lambda: results)
    return results[0]


def test_http_through_a_proxy(mgr: Manager) -> None:
    proxy = Proxy(mgr)
    named = proxy.url.replace("//", "//me:secret@")
    result = get(mgr, "http://one.example/a?b", proxy=named)
    assert (result.body, result.url) == (b"through the proxy", "http://one.example/a?b")
    assert get(mgr, "http://two.example:8080/", proxy=named).ok
    (first, fields), (second, others) = proxy.asked
    assert first == b"GET http://one.example/a?b HTTP/1.1"
    assert second == b"GET http://two.example:8080/ HTTP/1.1"
    assert (b"Host: one.example" in fields, b"Host: two.example:8080" in others) == (True, True)
    assert b"Proxy-Authorization: " + basic("me", "secret").encode() in fields
    assert len(pool_of(mgr)) == 1  # one connection for both


def test_https_through_a_proxy(mgr: Manager, certs: Certificates) -> None:
    site = Site(mgr, hello, "tls://127.0.0.1:0", cert=str(certs.server))
    proxy = Proxy(mgr)
    named = proxy.url.replace("//", "//me:secret@")
    url = site.url("/secret", "https")
    for _ in range(3):
        result = get(mgr, url, proxy=named, ca=str(certs.ca))
        assert (result.error, result.body) == (None, b"hello")
    ((first, fields),) = proxy.asked  # one tunnel, used three times
    assert first == f"CONNECT {site.listener.local} HTTP/1.1".encode()
    assert f"Host: {site.listener.local}".encode() in fields
    assert b"Proxy-Authorization: " + basic("me", "secret").encode() in fields
    asked = site.asked[0]
    assert (asked.target, asked.header("proxy-authorization")) == ("/secret", None)
    assert [asked.number for asked in site.asked] == [0, 1, 2]


def test_a_large_body_through_a_tunnel(mgr: Manager, certs: Certificates) -> None:
    site = Site(mgr, lambda a: reply(a.body[::-1]), "tls://127.0.0.1:0", cert=str(certs.server))
    proxy = Proxy(mgr)
    body = bytes(range(256)) * 2000
    options = {"proxy": proxy.url, "ca": str(certs.ca), "body": body}
    assert get(mgr, site.url("/", "https"), **options).body == body[::-1]


def test_the_certificate_is_checked_in_a_tunnel(mgr: Manager, certs: Certificates) -> None:
    site = Site(mgr, hello, "tls://127.0.0.1:0", cert=str(certs.server))
    other = Site(mgr, hello, "tls://127.0.0.1:0", cert=str(certs.other))
    proxy = Proxy(mgr)
    untrusted = get(mgr, site.url("/", "https"), proxy=proxy.url)
    assert isinstance(untrusted.error, errors.TlsError)
    wrong = get(mgr, other.url("/", "https"), proxy=proxy.url, ca=str(certs.ca))
    assert isinstance(wrong.error, errors.TlsError)
    assert "match" in str(wrong.error)
    assert site.asked == other.asked == []


def test_the_other_end_of_a_tunnel_does_no_tls(mgr: Manager, certs: Certificates) -> None:
    plain = Site(mgr, hello)
    plain.listener.handler = lambda c, ev, data: c.send(b"SSH-2.0\r\n") if ev == EV_RECV else None
    result = get(mgr, plain.url("/", "https"), proxy=Proxy(mgr).url, ca=str(certs.ca))
    assert isinstance(result.error, errors.TlsError)


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses(mgr: Manager, status: int) -> None:
    proxy = Proxy(mgr)
    proxy.refuse = reply(b"no", status)
    error = get(mgr, "https://one.example/", proxy=proxy.url).error
    assert isinstance(error, errors.ProxyError)
    assert (error.status, str(status) in str(error)) == (status, True)


def test_a_proxy_that_answers_nonsense(mgr: Manager) -> None:
    proxy = Proxy(mgr)
    proxy.refuse = b"220 smtp.example ESMTP\r\n\r\n"
    assert isinstance(get(mgr, "https://one.example/", proxy=proxy.url).error, errors.ProxyError)


def test_a_proxy_that_says_more_than_it_was_asked(mgr: Manager) -> None:
    """Bytes behind the reply would become part of the TLS stream."""
    proxy = Proxy(mgr)
    proxy.refuse = b"HTTP/1.1 200 OK\r\n\r\nextra"
    assert isinstance(get(mgr, "https://one.example/", proxy=proxy.url).error, errors.ConnectError)


def test_a_proxy_that_is_silent(world: Web) -> None:
    site = world.site(lambda asked: None, 3128)
    options = {"proxy": "http://one.example:3128", "timeout": Timeouts(connect=4.0)}
    error = world.get("https://two.example/", **options).error
    assert isinstance(error, errors.ConnectError)
    assert site.asked[0].method == "CONNECT"
    assert site.targets == ["two.example:443"]


def test_a_tunnel_that_stops_within_the_handshake(world: Web) -> None:
    world.site(lambda asked: b"HTTP/1.1 200 OK\r\n\r\n", 3128)
    start = world.net.now
    options = {"proxy": "http://one.example:3128", "timeout": Timeouts(tls=4.0)}
    error = world.get("https://two.example/", **options).error
    assert isinstance(error, errors.TlsError)
    assert 4.0 <= world.net.now - start < 5.0


@pytest.mark.parametrize("seconds", [0.0, 0.0015, 0.0025, 0.0035, 0.0045, 0.1])
def test_a_tunnel_is_cancelled_in_any_phase(world: Web, seconds: float) -> None:
    site = world.site(lambda asked: b"HTTP/1.1 200 OK\r\n\r\n", 3128)
    f = world.start("https://two.example/", proxy="http://one.example:3128")
    world.net.run(lambda: False, limit=seconds)
    f.cancel()
    world.run(lambda: site.open == 0 and len(world.mgr) == 0)
    assert world.results == []


def test_a_manager_is_closed_within_the_handshake_of_a_tunnel() -> None:
    with web() as world:
        world.site(lambda asked: b"HTTP/1.1 200 OK\r\n\r\n", 3128)
        world.start("https://two.example/", proxy="http://one.example:3128")
        world.net.run(lambda: False, limit=0.5)
        world.mgr.close()
        assert [type(r.error) for r in world.results] == [errors.CancelledError]


def test_the_environment_names_the_proxy(mgr: Manager, monkeypatch: Any) -> None:
    proxy = Proxy(mgr)
    site = Site(mgr, hello)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert get(mgr, "http://one.example/").body == b"through the proxy"
    assert get(mgr, site.url()).body == b"hello"
    assert get(mgr, site.url(), proxy=proxy.url).body == b"through the proxy"


def test_a_redirect_changes_the_proxy_too(mgr: Manager, monkeypatch: Any) -> None:
    site = Site(mgr, lambda asked: redirect("http://one.example/"))
    proxy = Proxy(mgr)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert get(mgr, site.url()).body == b"through the proxy"


def test_no_tls_proxy_for_tunnels(mgr: Manager) -> None:
    with pytest.raises(ValueError, match="TLS proxy"):
        get(mgr, "https://one.example/", proxy="https://one.example:3128")
