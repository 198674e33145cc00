"""Answers: bodies of every kind, fields, and what cannot be sent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Connection, handles
from galidia.http.dates import parse_date
from galidia.http.request import header_lines
from tests.http.conftest import Net
from tests.http.wire import Response, complete, response, responses

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@pytest.fixture
def answer(sim: Net) -> Callable[..., Response]:
    """What is on the wire when a request was answered by a function."""

    def run(reply: Callable[[Any], object], data: bytes = GET) -> Response:
        @handles(EV_HTTP_REQUEST)
        def handler(c: Connection, ev: int, req: Any) -> None:
            reply(req)

        listener = sim.serve(handler)
        client = sim.client(data)
        method = data.split()[0].decode()
        assert sim.net.run(lambda: complete(client.received, [method]), limit=60)
        listener.close()
        client.close()
        sim.net.run(limit=1)
        return response(bytes(client.received), method)

    return run


BODIES: dict[str, tuple[Any, bytes, str | None]] = {
    "none": (b"", b"", None),
    "bytes": (b"\0\xff", b"\0\xff", None),
    "bytearray": (bytearray(b"ab"), b"ab", None),
    "memoryview": (memoryview(b"abc")[1:], b"bc", None),
    "str": ("\u00e4\u20ac", "\u00e4\u20ac".encode(), TEXT),
    "dict": ({"a": [1, None, "\u00e4"]}, '{"a":[1,null,"\u00e4"]}'.encode(), JSON),
    "list": ([], b"[]", JSON),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(name: str, answer: Callable[..., Response]) -> None:
    body, sent, kind = BODIES[name]
    found = answer(lambda req: req.reply(200, body))
    assert (found.status, found.reason, found.body) == (200, "OK", sent)
    assert found.header("content-type") == kind
    assert found.header("content-length") == str(len(sent))


def test_defaults_and_keywords(answer: Callable[..., Response]) -> None:
    assert answer(lambda req: req.reply()).status == 200
    found = answer(lambda req: req.reply(body={"x": 1}, status=201))
    assert (found.status, json.loads(found.body)) == (201, {"x": 1})


@pytest.mark.parametrize("status", [200, 299, 404, 599, 999])
def test_statuses(status: int, answer: Callable[..., Response]) -> None:
    found = answer(lambda req: req.reply(status))
    assert found.status == status


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(status: int, sim: Net) -> None:
    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.reply(status if req.path == "/" else 200, b"body")

    sim.serve(handler)
    client = sim.client(GET + GET.replace(b"/ ", b"/x "))
    assert sim.net.run(lambda: len(responses(client.received)) == 2)
    first, second = responses(client.received)
    assert (first.status, first.body, second.body) == (status, b"", b"body")


def test_head_has_the_fields_of_get_and_no_body(answer: Callable[..., Response]) -> None:
    def reply(req: Any) -> None:
        req.reply(200, "text", {"X": "y"})

    get, head = answer(reply), answer(reply, GET.replace(b"GET", b"HEAD"))
    drop = [field for field in get.fields if field[0] != "Date"]
    assert drop == [field for field in head.fields if field[0] != "Date"]
    assert (get.body, head.body) == (b"text", b"")
    assert head.header("content-length") == "4"


def test_headers(answer: Callable[..., Response]) -> None:
    pairs = [("X", "1"), ("X-\u0041", "\u00e4\u00ff\t!"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]
    for headers in (pairs, iter(pairs), tuple(pairs)):
        found = answer(lambda req, h=headers: req.reply(200, b"", h))
        assert [field for field in found.fields if field in pairs] == pairs
    found = answer(lambda req: req.reply(200, "x", {"content-type": "text/css", "X": ""}))
    assert found.header("content-type") == "text/css"
    assert found.header("x") == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nSet-Cookie: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0b"),
        ("X", "a\x7f"),
        ("X", "\u20ac"),
        ("X", "\u2028"),
        ("X", "\udc80"),
        ("", "a"),
        ("X:", "a"),
        ("X ", "a"),
        ("X\r\nY", "a"),
        ("\u00e4", "a"),
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
        ("Connection", "close"),
        ("Date", "now"),
    ],
)
def test_headers_that_cannot_be_sent(
    name: str, value: str, answer: Callable[..., Response]
) -> None:
    def reply(req: Any) -> None:
        with pytest.raises(ValueError):
            req.reply(200, "x", {name: value})
        assert not req.replied
        req.reply(500, "refused")

    assert answer(reply).body == b"refused"
    with pytest.raises(ValueError):
        header_lines([(name, value)])


@pytest.mark.parametrize("status", [0, 99, 1000, -1])
def test_a_status_that_is_none(status: int, answer: Callable[..., Response]) -> None:
    def reply(req: Any) -> None:
        with pytest.raises(ValueError):
            req.reply(status)
        req.reply(200)

    assert answer(reply).status == 200


@pytest.mark.parametrize("body", [None, 5, object(), {1, 2}])
def test_a_body_that_is_none(body: Any, answer: Callable[..., Response]) -> None:
    def reply(req: Any) -> None:
        with pytest.raises(TypeError):
            req.reply(200, body)
        req.reply(201)

    assert answer(reply).status == 201


def test_twice(answer: Callable[..., Response], tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"file")

    def reply(req: Any) -> None:
        assert not req.replied
        req.reply(200, "once")
        assert req.replied
        with pytest.raises(RuntimeError):
            req.reply(200, "twice")
        with pytest.raises(RuntimeError):
            req.error(404)
        with pytest.raises(RuntimeError):
            req.reply_bytes(b"", b"")
        with pytest.raises(RuntimeError):  # and the descriptor is given back
            req.reply_file(os.open(tmp_path / "f", os.O_RDONLY), 4, b"")

    assert answer(reply).body == b"once"


def test_error_and_redirect(answer: Callable[..., Response]) -> None:
    found = answer(lambda req: req.error(404))
    assert (found.status, found.body) == (404, b"404 Not Found\n")
    found = answer(lambda req: req.error(405, "no", [("Allow", "GET")]))
    assert (found.body, found.header("allow")) == (b"405 Method Not Allowed\nno\n", "GET")
    found = answer(lambda req: req.redirect("/x?y"))
    assert (found.status, found.header("location"), found.body) == (302, "/x?y", b"")
    assert answer(lambda req: req.redirect("/x", 308)).status == 308


def test_a_redirect_cannot_be_split(answer: Callable[..., Response]) -> None:
    def reply(req: Any) -> None:
        with pytest.raises(ValueError):
            req.redirect("/x\r\nSet-Cookie: a")
        req.reply(200)

    assert answer(reply).header("set-cookie") is None


def test_what_a_request_says(answer: Callable[..., Response]) -> None:
    seen: list[Any] = []
    data = b"POST /a%20b?c=d HTTP/1.1\r\nHost: h:80\r\nX: 1\r\nX: 2\r\nContent-Length: 3\r\n\r\nabc"

    def reply(req: Any) -> None:
        seen.append(req)
        req.reply(200)

    answer(reply, data)
    req = seen[0]
    assert (req.method, req.path, req.query, req.host) == ("POST", "/a b", "c=d", "h:80")
    assert (req.target, req.version, req.body) == ("/a%20b?c=d", "HTTP/1.1", b"abc")
    assert req.header_all("x") == ["1", "2"]
    assert req.connection.closed or req.connection.peer.host == "10.0.0.1"
    with pytest.raises(AttributeError):
        req.unknown = 1


def test_the_date_follows_the_clock(sim: Net) -> None:
    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.reply(200)

    sim.serve(handler)
    client = sim.client()
    for _ in range(30):
        client.received.clear()
        client.send(GET)
        assert sim.net.run(lambda: complete(client.received))
        date = response(client.received).header("date")
        assert date is not None
        seconds = parse_date(date, 0)
        assert seconds is not None
        assert 0 <= sim.mgr.time() - seconds < 1.01
        sim.net.run(limit=0.37)
