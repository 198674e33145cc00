"""The reverse proxy on a simulated network: what arrives upstream, and what comes back."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import galidia
from tests.http import requests
from tests.http.requests import REQUESTS, Refused, Taken
from tests.http.test_strictness_wire import ways
from tests.http.wire import Response, complete, responses
from tests.twin import load_pure

LONG = 1e6
LIMITS = {
    "head_limit": 2000, "target_limit": 300, "body_limit": 1000, "stream_limit": 1000,
    "max_fields": 20,
}  # fmt: skip


class World:
    """A proxy at 10.0.0.1:80, and upstreams at 10.0.0.2 on ports of their own."""

    def __init__(self, package: ModuleType) -> None:
        self.package: Any = package
        self.net = self.module("testing").SimNetwork(3)
        self.mgr = package.Manager(network=self.net)
        self.behind = package.Manager(network=self.net.host("10.0.0.2"))
        self.http = self.module("http")
        self.peers: list[Any] = []
        self.proxy: Any = None

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.package.__name__}.{name}")

    def upstream(self, handler: Any, port: int = 9000, **options: Any) -> str:
        handler = self.package.handles(self.package.Event.HTTP_REQUEST)(handler)
        self.behind.bind(f"http://10.0.0.2:{port}", handler, **options)
        return f"http://10.0.0.2:{port}"

    def raw(self, port: int = 9000) -> Any:
        """An upstream that does what the test says."""
        server = self.net.host("10.0.0.2").server(f"tcp://10.0.0.2:{port}")
        self.peers.append(server)
        return server

    def serve(
        self, *urls: str, at: str = "/api/{path...}", options: Any = None, **more: Any
    ) -> Any:
        self.proxy = self.http.ReverseProxy(*urls, **more)
        listener = self.mgr.bind("http://10.0.0.1:80", None, options=options)
        if at:
            listener.endpoint(at, self.proxy)
        else:
            listener.handler = self.proxy
        return listener

    def client(self, data: bytes = b"") -> Any:
        client = self.net.client("tcp://10.0.0.1:80")
        self.peers.append(client)
        client.send(data)
        return client

    def run(self, until: Callable[[], object], limit: float = 300) -> None:
        assert self.net.run(until, limit=limit)

    def whole(self, client: Any) -> None:
        """Until what the client has got ends with a response."""
        self.run(lambda: complete(client.received))

    def has(self, peer: Any, data: bytes) -> None:
        self.run(lambda: data in peer.received, limit=5)

    def accept(self, server: Any, until: bytes = b"\r\n\r\n") -> Any:
        """The next connection to an upstream, once this has come on it."""
        self.run(lambda: server.accepted)
        peer = server.accepted.pop(0)
        self.peers.append(peer)
        self.run(lambda: until in peer.received)
        return peer

    def ask(self, data: bytes, *methods: str) -> Response:
        client = self.client(data)
        self.run(lambda: complete(client.received, methods))
        client.close()
        return responses(client.received, methods)[-1]

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        self.net.run(limit=1)
        self.mgr.close(0)
        self.behind.close(0)
        assert self.net.leftovers() == []
        assert self.proxy is None or not self.proxy.relays
        assert self.proxy is None or [u.active for u in self.proxy.upstreams.all] == [0] * len(
            self.proxy.upstreams.all
        )


@pytest.fixture(params=["this", "pure"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(galidia if request.param == "this" else load_pure())
    yield made
    made.close()


def get(path: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: site.example", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def noting(world: World) -> tuple[list[Any], Any]:
    seen: list[Any] = []

    def handler(c: Any, ev: Any, req: Any) -> None:
        seen.append(req)
        req.reply(200, b"hello", [("X-Up", "1"), ("Server", "up"), ("Keep-Alive", "timeout=9")])

    return seen, handler


# -- what goes on --------------------------------------------------------------------------------

TARGETS = {
    "/api/a/b?x=1&y": "/a/b?x=1&y", "/api/": "/", "/api/?q": "/?q", "/%61pi/a": "/a",
    "/api/a%20b/%e4%F6": "/a%20b/%e4%F6", "/api//a//": "//a//", "/api/%7euser;a=1": "/%7euser;a=1",
    "/api/x\\y|z^?a=`{}\"<>": "/x%5Cy%7Cz%5E?a=%60%7B%7D%22%3C%3E",
    "/api/.a/..b/...": "/.a/..b/...",
    "http://other.example/api/c": "/c", "/api/a?/../b": "/a?/../b",
}  # fmt: skip


@pytest.mark.parametrize("path", TARGETS)
def test_the_path_keeps_its_meaning(world: World, path: str) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    assert world.ask(get(path)).status == 200
    assert [req.target for req in seen] == [TARGETS[path]]


STEPS = [
    "/api/../x", "/api/..", "/api/a/./b", "/api/%2e%2e/x", "/api/a%2fb", "/api/..\\x",
    "/api/a\\..\\b", "/api/..;/x", "/api/.%2E;a=1/x", "/api/%5c..%5cx", "/api/..%3bx/y",
]  # fmt: skip


@pytest.mark.parametrize("path", STEPS)
def test_a_path_that_leads_elsewhere_does_not_go_on(world: World, path: str) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    assert world.ask(get(path)).status in (400, 404)
    assert seen == []


def test_without_mount_all_paths_go_on_but_those_with_steps(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler) + "/base/", at="")
    for path in ("/api/x", "/", "/a%2Fb", "/.."):
        world.ask(get(path))
    assert world.ask(get("/x", method="TRACE")).status == 405
    assert world.ask(get("b:80", method="CONNECT"), "CONNECT").status == 501
    assert [req.target for req in seen] == ["/base/api/x", "/base/", "/base/a%2Fb"]


def test_the_mount_may_stay(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler), strip=False)
    world.ask(get("/api/x"))
    assert [req.target for req in seen] == ["/api/x"]


def fields_of(req: Any) -> dict[str, str]:
    names = [name for name, _ in req.headers]
    assert len(set(names)) == len(names)
    return dict(req.headers)


def test_where_a_request_comes_from(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    world.ask(get("/api/", "X-Forwarded-For: 9.9.9.9", "Forwarded: for=9.9.9.9", "Proxy: x"))
    assert fields_of(seen[0]) == {
        "Host": "10.0.0.2:9000",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "site.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": 'for=10.0.0.1;host="site.example";proto=http',
    }


def test_what_a_trusted_client_says_of_those_before_it_is_kept(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler), trust="+10.0.0.0/8", host="client", via="edge")
    world.ask(
        get("/api/", "X-Forwarded-For: 9.9.9.9", "Forwarded: for=9.9.9.9",
            "X-Forwarded-Proto: https", "X-Forwarded-Port: 8443")
    )  # fmt: skip
    assert fields_of(seen[0]) == {
        "Host": "site.example",
        "X-Forwarded-For": "9.9.9.9, 10.0.0.1",
        "X-Forwarded-Host": "site.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "8443",
        "Forwarded": 'for=9.9.9.9, for=10.0.0.1;host="site.example";proto=http',
        "Via": "1.1 edge",
    }


def test_a_reply_is_passed_on(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000", via="edge")
    client = world.client(get("/api/"))
    peer = world.accept(server)
    peer.send(
        b"HTTP/1.1 203 Whatever\r\nServer: up\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        b"Connection: X-Hop\r\nX-Hop: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    world.run(lambda: complete(client.received))
    (answer,) = responses(client.received)
    assert (answer.status, answer.body) == (203, b"hello")
    assert answer.fields == [
        ("Content-Length", "5"), ("Server", "up"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Via", "1.1 edge"),
    ]  # fmt: skip


REDIRECTS = {
    "/login?a": "/api/login?a", "http://10.0.0.2:9000/x": "/api/x", "HTTP://10.0.0.2:9000": "/api/",
    "https://else.example/x": "https://else.example/x", "//10.0.0.2/x": "//10.0.0.2/x",
    "relative": "relative",
}  # fmt: skip


@pytest.mark.parametrize("location", REDIRECTS)
def test_a_redirection_leads_through_the_proxy(world: World, location: str) -> None:
    def handler(c: Any, ev: Any, req: Any) -> None:
        req.redirect(location)

    world.serve(world.upstream(handler))
    assert world.ask(get("/api/x")).header("Location") == REDIRECTS[location]


def test_head_204_and_304(world: World) -> None:
    def handler(c: Any, ev: Any, req: Any) -> None:
        req.reply({"/a": 200, "/b": 204, "/c": 304}[req.path], b"hello")

    world.serve(world.upstream(handler))
    data = b"".join([get("/api/a", method="HEAD"), get("/api/b"), get("/api/c"), get("/api/a")])
    client = world.client(data)
    methods = ["HEAD", "GET", "GET", "GET"]
    world.run(lambda: client.received.endswith(b"hello"))
    answers = responses(client.received, methods)
    assert [(a.status, a.header("Content-Length"), a.body) for a in answers] == [
        (200, "5", b""), (204, None, b""), (304, None, b""), (200, "5", b"hello"),
    ]  # fmt: skip
    assert len(world.proxy.upstreams.pool) == 1


def test_trailers_go_to_who_takes_them(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000")
    reply = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
    )
    for fields, trailers in (((), []), (("TE: trailers",), [("X-Sum", "1")])):
        client = world.client(get("/api/", *fields))
        peer = world.accept(server)
        assert (b"TE: trailers\r\n" in peer.received) == bool(fields)
        peer.send(reply)
        world.whole(client)
        (answer,) = responses(client.received)
        assert (answer.body, answer.trailers) == (b"hello", trailers)
        peer.close()
        client.close()
        world.net.run(limit=1)


# -- framing -------------------------------------------------------------------------------------


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


def test_a_reply_that_violates_the_protocol_is_a_502(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000", rest=0)
    bad = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"",
    ]
    for data in bad:
        client = world.client(get("/api/"))
        peer = world.accept(server)
        peer.send(data)
        peer.shutdown()
        world.whole(client)
        assert responses(client.received)[0].status == 502
        client.close()
        peer.close()


# -- bodies --------------------------------------------------------------------------------------


def held(world: World) -> int:
    return int(world.mgr.buffered)


def test_a_slow_client_slows_the_upstream_down(world: World) -> None:
    sent = 0

    def source() -> Iterator[bytes]:
        nonlocal sent
        for i in range(400):
            sent += 50_000
            yield bytes([i % 256]) * 50_000

    def handler(c: Any, ev: Any, req: Any) -> None:
        req.stream(source())

    world.serve(world.upstream(handler))
    client = world.client(get("/api/"))
    client.pause()
    world.net.run(limit=30)
    assert 0 < sent < 4_000_000
    assert held(world) < 600_000
    client.resume()
    world.run(lambda: client.received.endswith(b"\r\n0\r\n\r\n"))
    (answer,) = responses(client.received)
    assert answer.body == b"".join(bytes([i % 256]) * 50_000 for i in range(400))
    assert sent == 20_000_000


@pytest.mark.parametrize("chunked", [False, True])
def test_a_slow_upstream_slows_the_upload_down(world: World, chunked: bool) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000", options=world.http.HttpOptions(body_timeout=LONG))
    body = bytes(range(256)) * 40_000
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    client = world.client(get("/api/", framing, method="POST"))
    client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
    world.run(lambda: server.accepted)
    peer = server.accepted.pop()
    world.peers.append(peer)
    peer.pause()
    world.net.run(limit=20)
    assert held(world) < 3_000_000
    peer.resume()
    world.run(lambda: peer.received.endswith(b"0\r\n\r\n" if chunked else body[-300:]))
    head, _, rest = bytes(peer.received).partition(b"\r\n\r\n")
    assert (framing in head.decode()) == (not chunked or b"chunked" in head)
    if not chunked:
        world.run(lambda: len(peer.received) == len(head) + 4 + len(body))
        assert bytes(peer.received[len(head) + 4 :]) == body
    else:
        found = bytearray()
        world.module("http.chunked").Chunked().feed(bytearray(rest), 0, found)
        assert found == body
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    world.run(lambda: complete(client.received))
    assert responses(client.received)[0].status == 200


def test_events_pass_at_once(world: World) -> None:
    streams: list[Any] = []

    def handler(c: Any, ev: Any, req: Any) -> None:
        streams.append(req.events())

    world.serve(world.upstream(handler))
    client = world.client(get("/api/"))
    world.run(lambda: streams)
    for text in ("one", "two"):
        streams[0].send(text)
        world.has(client, f"data: {text}\n\n".encode())
    client.close()
    world.run(lambda: streams[0].closed, limit=60)  # noticed at the next comment or the one after


def test_100_continue_is_the_upstreams_word(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000")
    head = get("/api/", "Expect: 100-continue", "Content-Length: 4", method="PUT")
    for agrees in (True, False):
        client = world.client(head)
        peer = world.accept(server)
        assert b"Expect: 100-continue\r\n" in peer.received
        assert client.received == b""
        if agrees:
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            world.has(client, b"\r\n\r\n")
            assert client.received == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.send(b"body")
            world.has(peer, b"\r\n\r\nbody")
            peer.send(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        else:
            peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        world.has(client, b"Content-Length: 0")
        assert responses(client.received)[-1].status == (201 if agrees else 403)
        if not agrees:
            assert b"Connection: close\r\n" in client.received  # the body does not come
        peer.close()
        client.close()
        world.net.run(limit=1)


def test_early_hints_pass(world: World) -> None:
    def handler(c: Any, ev: Any, req: Any) -> None:
        req.send_interim(103, {"Link": "</a.css>"})
        req.reply(200, b"hello")

    world.serve(world.upstream(handler))
    client = world.client(get("/api/"))
    world.run(lambda: client.received.endswith(b"hello"))
    first, last = responses(client.received)
    assert (first.status, first.fields, last.body) == (103, [("Link", "</a.css>")], b"hello")


# -- upgrades ------------------------------------------------------------------------------------


def test_a_connection_may_change_its_protocol(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000")
    client = world.client(
        get("/api/chat", "Connection: keep-alive, Upgrade", "Upgrade: websocket, h2c",
            "Sec-WebSocket-Key: a")
        + b"early"
    )  # fmt: skip
    peer = world.accept(server)
    head = bytes(peer.received)
    assert b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" in head
    assert b"\r\nSec-WebSocket-Key: a\r\n" in head
    peer.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: b\r\n\r\nhi"
    )
    world.run(lambda: client.received.endswith(b"\r\n\r\nhi"))
    assert client.received.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: b\r\n\r\n" in client.received
    world.run(lambda: peer.received.endswith(b"early"))
    assert world.proxy.upstreams.all[0].active == 1
    # both ways, as slow as the slowest, without an end in between
    peer.pause()
    client.send(bytes(5_000_000))
    world.net.run(limit=10)
    assert held(world) < 4_000_000
    peer.resume()
    world.run(lambda: len(peer.received) == len(head) + 5 + 5_000_000)
    client.shutdown()
    world.run(lambda: peer.ended)
    peer.send(b"the last")
    peer.shutdown()
    world.run(lambda: client.ended)
    assert client.received.endswith(b"hithe last")
    world.run(lambda: len(world.mgr) == 1)


def test_only_known_protocols_are_changed_to(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    world.ask(get("/api/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"))
    assert not {"Upgrade", "Connection"} & set(fields_of(seen[0]))


def test_a_tunnel_without_a_byte_ends(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000", upgrades=["x"], tunnel_timeout=50)
    client = world.client(get("/api/chat", "Connection: Upgrade", "Upgrade: x"))
    peer = world.accept(server)
    peer.send(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
    world.run(lambda: client.received)
    before = world.mgr.monotonic()
    world.run(lambda: client.ended and peer.ended)
    assert 49 <= world.mgr.monotonic() - before < 52


# -- what goes wrong -----------------------------------------------------------------------------


def test_an_upstream_that_is_not_there(world: World) -> None:
    world.serve("http://10.0.0.2:9001")
    assert world.ask(get("/api/")).status == 502
    assert world.ask(get("/api/", method="POST", body=b"x")).status == 502


PHASES: dict[str, tuple[str, bytes, int]] = {
    "before a byte": ("GET", b"", 502),
    "in the head": ("GET", b"HTTP/1.1 200 OK\r\nContent-", 502),
    "in a counted body": ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 200),
    "in a chunk": ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf", 200),
    "behind an interim reply": ("POST", b"HTTP/1.1 103 Early Hints\r\n\r\n", 502),
}


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("phase", PHASES)
def test_an_upstream_dies(world: World, phase: str, reset: bool) -> None:
    method, data, status = PHASES[phase]
    server = world.raw()
    world.serve("http://10.0.0.2:9000")
    client = world.client(get("/api/", method=method, body=b"x" if method == "POST" else b""))
    peer = world.accept(server)
    peer.send(data)
    world.net.run(limit=1)
    if reset:
        peer.reset()
    else:
        peer.close()
    if status == 200:
        world.run(lambda: client.error)
        assert client.received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert not complete(client.received)  # cut off: nobody takes it for the whole
    else:
        world.run(lambda: b"502 Bad Gateway" in client.received and complete(client.received))
        assert responses(client.received)[-1].status == status


def test_an_upstream_that_takes_too_long(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000", reply_timeout=7)
    before = world.mgr.monotonic()
    client = world.client(get("/api/"))
    world.accept(server)
    world.run(lambda: complete(client.received))
    assert responses(client.received)[0].status == 504
    assert 7 <= world.mgr.monotonic() - before < 9


def test_a_client_that_goes_frees_the_upstream(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000")
    client = world.client(get("/api/"))
    peer = world.accept(server)
    client.reset()
    world.run(lambda: peer.error)


def test_a_stale_connection_is_replaced(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000")
    client = world.client(get("/api/"))
    peer = world.accept(server)
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
    world.run(lambda: complete(client.received))
    client.send(get("/api/again"))
    world.run(lambda: b"/again" in peer.received)
    peer.close()  # as if it had closed before it was asked
    fresh = world.accept(server)
    fresh.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb")
    world.run(lambda: len(responses(client.received)) == 2)
    assert responses(client.received)[1].body == b"b"


def test_several_upstreams(world: World) -> None:
    """The least busy one is asked; what cannot have been acted on is tried with the next one; who
    failed rests."""
    seen: list[int] = []
    pending: list[Any] = []

    def upstream(number: int) -> str:
        def handler(c: Any, ev: Any, req: Any) -> None:
            seen.append(number)
            pending.append(req)
            if "now" in req.path:
                req.reply(200, str(number))

        return world.upstream(handler, 9000 + number)

    world.serve("http://10.0.0.2:9009", upstream(0), upstream(1), rest=1000)
    clients = [world.client(get("/api/later")) for _ in range(4)]
    world.run(lambda: len(seen) == 4)
    assert sorted(seen) == [0, 0, 1, 1]
    for req in pending:
        req.reply(200, b"x")
    world.run(lambda: all(complete(client.received) for client in clients))
    before = [u.rests for u in world.proxy.upstreams.all]
    assert before[0] > 0 == before[1] == before[2]
    seen.clear()
    for _ in range(4):
        assert world.ask(get("/api/now", method="POST", body=b"x")).status == 200
    assert sorted(seen) == [0, 0, 1, 1]
    assert [u.rests for u in world.proxy.upstreams.all] == before  # it was left alone


def test_post_is_not_repeated_once_it_was_sent(world: World) -> None:
    one, two = world.raw(9000), world.raw(9001)
    world.serve("http://10.0.0.2:9000", "http://10.0.0.2:9001")
    client = world.client(get("/api/", method="POST", body=b"x"))
    world.run(lambda: one.accepted or two.accepted)
    world.accept(one if one.accepted else two, b"\r\n\r\nx").close()
    world.run(lambda: complete(client.received))
    assert responses(client.received)[0].status == 502
    assert not one.accepted
    assert not two.accepted


def test_no_more_connections_than_allowed(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000", max_connections=2, connect_timeout=5)
    clients = [world.client(get("/api/")) for _ in range(3)]
    peers = [world.accept(server) for _ in range(2)]
    world.run(lambda: any(complete(client.received) for client in clients))
    (late,) = [client for client in clients if client.received]
    assert responses(late.received)[0].status == 503
    for peer in peers:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    world.run(lambda: all(complete(client.received) for client in clients))


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
        galidia.http.ReverseProxy(*urls, **options)  # type: ignore[attr-defined]
