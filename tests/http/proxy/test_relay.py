"""One request on its way, and its reply: whose pace bodies have, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.proxy.conftest import LONG, World, get, held
from tests.http.wire import complete, responses


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
