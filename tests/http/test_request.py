"""Answers: bodies of every kind, fields, and what cannot be sent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galidia import EV_CLOSE, EV_HTTP_REQUEST, EV_RECV, Connection, OpenFile, handles
from galidia.core.events import mask_of
from galidia.core.protocol import Protocol
from galidia.http.dates import parse_date
from galidia.http.fields import header_lines
from tests.http.conftest import Exchange, Net
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
            req.reply_file(OpenFile(os.open(tmp_path / "f", os.O_RDONLY)), 4, b"")

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


# -- what is asked ---------------------------------------------------------------------------------


def test_content(answer: Callable[..., Response]) -> None:
    def reply(req: Any) -> None:
        seen.append((req.text(), req.content_type, req.complete, req.received))
        with pytest.raises(ValueError):
            req.json()
        req.reply(200)

    seen: list[Any] = []
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain; charset=latin-1\r\n"
    answer(reply, head + b"Content-Length: 2\r\n\r\n\xe4!")
    assert seen == [("\u00e4!", "text/plain", True, 2)]


def test_json_and_forms(answer: Callable[..., Response]) -> None:
    def run(data: bytes, read: Callable[[Any], Any], kind: bytes = b"") -> Any:
        def reply(req: Any) -> None:
            seen.append(read(req))
            req.reply(200)

        seen: list[Any] = []
        head = b"POST /?q=query HTTP/1.1\r\nHost: a\r\nContent-Type: " + kind + b"\r\n"
        answer(reply, head + b"Content-Length: %d\r\n\r\n" % len(data) + data)
        return seen[0]

    form = b"application/x-www-form-urlencoded"
    assert run(b'{"a": [1]}', lambda req: req.json()) == {"a": [1]}
    assert run(b"a=1&b=2&a=3", lambda req: req.form().all("a"), form) == ["1", "3"]
    assert run(b"a=1&q=body", lambda req: (req.var("a"), req.var("q")), form) == ("1", "query")
    assert run(b"a=1", lambda req: req.var("a")) is None
    parts = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
    assert run(parts, lambda req: req.var("a"), b"multipart/form-data; boundary=x") == "1"


def test_credentials_and_peer(answer: Callable[..., Response]) -> None:
    def reply(req: Any) -> None:
        seen.append((req.credentials, req.peer.host, req.tls, dict(req.params)))
        req.reply(200)

    seen: list[Any] = []
    for lines, expected in (
        (b"Authorization: Basic dXNlcjpwYTpzcw==\r\n", ("user", "pa:ss")),
        (b"Authorization: Bearer x\r\n", None),
        (b"Authorization: Basic dTpw\r\nAuthorization: Basic dTpw\r\n", None),
        (b"", None),
    ):
        answer(reply, b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
        assert seen.pop() == (expected, "10.0.0.1", None, {})


# -- answers bit by bit ----------------------------------------------------------------------------

GET_1_0 = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"


def send(*pieces: bytes, **options: Any) -> Callable[[Any], None]:
    def reply(req: Any) -> None:
        req.send_head(**options)
        for piece in pieces:
            req.send_chunk(piece)
        req.end()

    return reply


def test_in_chunks(exchange: Exchange) -> None:
    large = b"x" * 100_000
    pieces = (b"a", b"", bytearray(b"bc"), memoryview(b"xdex")[1:3], large)
    first, second = responses(exchange(send(*pieces), GET, GET))  # type: ignore[arg-type]
    assert first.body == second.body == b"abcde" + large
    assert first.header("transfer-encoding") == "chunked"
    assert first.header("connection") is None
    (found,) = responses(exchange(send(status=404, headers={"X": "y"}), GET))
    assert (found.status, found.body, found.header("x")) == (404, b"", "y")


def test_by_length(exchange: Exchange) -> None:
    found = responses(exchange(send(b"ab", b"c", length=3), GET, GET))
    assert [r.body for r in found] == [b"abc", b"abc"]
    assert found[0].header("content-length") == "3"
    assert responses(exchange(send(length=0), GET, GET))[1].body == b""


def test_until_the_connection_ends(exchange: Exchange) -> None:
    (found,) = responses(exchange(send(b"ab", b"c"), GET_1_0, GET_1_0))
    assert (found.body, found.header("connection")) == (b"abc", "close")
    found, second = responses(exchange(send(b"abc", length=3), GET_1_0, GET_1_0))
    assert (found.body, found.header("connection")) == (b"abc", "keep-alive")
    assert second.body == b"abc"


@pytest.mark.parametrize("length", [None, 3])
def test_no_body_where_there_can_be_none(length: int | None, exchange: Exchange) -> None:
    head = GET.replace(b"GET", b"HEAD")
    found = responses(exchange(send(b"abc", length=length), head, head), ["HEAD", "HEAD"])
    assert [r.status for r in found] == [200, 200]
    assert found[0].header("content-length") == (None if length is None else "3")
    for status in (204, 304):
        found = responses(exchange(send(b"abc", status=status, length=length), GET, GET))
        assert [r.status for r in found] == [status, status]


def test_trailers(exchange: Exchange) -> None:
    def reply(req: Any) -> None:
        req.send_head()
        req.send_chunk(b"x")
        with pytest.raises(ValueError):
            req.end({"X": "a\r\nb"})
        req.end({"X": "y"})

    found = responses(exchange(reply, GET, GET))
    assert [(r.body, r.trailers) for r in found] == [(b"x", [("X", "y")])] * 2
    found = responses(exchange(reply, GET.replace(b"GET", b"HEAD"), GET), ["HEAD", "GET"])
    assert len(found) == 2


def test_misuse(exchange: Exchange) -> None:
    def reply(req: Any) -> None:
        with pytest.raises(RuntimeError):
            req.send_chunk(b"x")
        with pytest.raises(RuntimeError):
            req.end()
        with pytest.raises(ValueError):
            req.send_head(length=-1)
        with pytest.raises(ValueError):
            req.send_head(100)
        req.send_head(length=3)
        with pytest.raises(RuntimeError):
            req.send_head()
        with pytest.raises(RuntimeError):
            req.reply(200)
        with pytest.raises(TypeError):
            req.send_chunk("text")
        with pytest.raises(ValueError):
            req.send_chunk(b"xxxx")
        req.send_chunk(b"xxx")
        req.end()
        with pytest.raises(RuntimeError):
            req.end()
        with pytest.raises(RuntimeError):
            req.send_chunk(b"x")

    assert [r.body for r in responses(exchange(reply, GET, GET))] == [b"xxx", b"xxx"]


def test_less_than_was_said(sim: Net, logged: list[Any]) -> None:
    def handler(c: Connection, ev: Any, req: Any) -> None:
        if ev == EV_HTTP_REQUEST:
            req.send_head(length=3)
            req.send_chunk(b"xx")
            with pytest.raises(RuntimeError):
                req.end()
        elif ev == EV_CLOSE:
            errors.append(c.error)

    errors: list[str] = []
    sim.serve(handler)
    client = sim.client(GET)
    assert sim.net.run(lambda: client.error, limit=5)
    assert errors == ["1 bytes of a response were not sent"]


def test_when_the_client_has_gone(sim: Net) -> None:
    requests: list[Any] = []

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        requests.append(req)
        req.send_head()

    sim.serve(handler)
    client = sim.client(GET)
    assert sim.net.run(lambda: requests)
    client.reset()
    assert sim.net.run(lambda: requests[0].connection.closed)
    requests[0].send_chunk(b"x")
    requests[0].end()
    assert requests[0].replied


@pytest.mark.parametrize("status", [100, 101, 103, 199])
def test_no_answer_is_interim(status: int, answer: Callable[..., Response]) -> None:
    def reply(req: Any) -> None:
        with pytest.raises(ValueError):
            req.reply(status)
        req.reply(200)

    assert answer(reply).status == 200


# -- interim responses, other protocols, fields that others add ------------------------------------


def test_interim_responses(exchange: Exchange) -> None:
    def reply(req: Any) -> None:
        req.send_interim(103, {"Link": "</x>"})
        req.send_interim(102)
        req.send_interim(100)  # nobody waits for it
        for status in (99, 101, 200):
            with pytest.raises(ValueError):
                req.send_interim(status)
        req.reply(200)
        with pytest.raises(RuntimeError):
            req.send_interim(103)

    found = responses(exchange(reply, GET))
    assert [r.status for r in found] == [103, 102, 200]
    assert found[0].header("link") == "</x>"
    assert [r.status for r in responses(exchange(reply, GET_1_0))] == [200]


class Upper(Protocol):
    """Answers in capitals, line by line."""

    def __init__(self) -> None:
        super().__init__(mask_of(EV_RECV))

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        c.emit(ev, data)
        if ev == EV_RECV:
            line, end, rest = bytes(c.recv_mbuf).rpartition(b"\n")
            c.send((line + end).upper())
            c.recv_mbuf = bytearray(rest)


UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: upper\r\n\r\n"


@pytest.mark.parametrize("rest", [b"", b"one\ntw"])
def test_another_protocol(rest: bytes, sim: Net) -> None:
    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        assert req.upgrade
        req.switch_protocol("upper", Upper(), {"X": "y"})
        with pytest.raises(RuntimeError):
            req.reply(200)

    sim.serve(handler)
    client = sim.client(UPGRADE + rest)
    sim.net.run(limit=1)
    assert client.received.endswith(b"\r\n\r\nONE\n" if rest else b"\r\n\r\n")
    client.send(b"o\nthree\n")
    sim.net.run(limit=1)
    head, _, text = bytes(client.received).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 101 Switching Protocols",
        b"Connection: Upgrade",
        b"Upgrade: upper",
        b"X: y",
    ]
    assert text == (rest + b"o\nthree\n").upper()
    sim.net.run(limit=1000)  # the deadlines of HTTP are gone
    assert not client.ended


def test_no_protocol_at_all(sim: Net) -> None:
    def handler(c: Connection, ev: int, data: Any) -> None:
        if ev == EV_HTTP_REQUEST:
            data.switch_protocol("raw", None)
        elif ev == EV_RECV and c.protocol is None:
            got.extend(c.recv_mbuf)
            del c.recv_mbuf[:]

    got = bytearray()
    sim.serve(handler)
    client = sim.client(UPGRADE + b"abc")
    sim.net.run(limit=1)
    client.send(b"def")
    sim.net.run(limit=1)
    assert got == b"abcdef"


def test_a_protocol_that_was_not_asked_for(exchange: Exchange) -> None:
    def reply(req: Any) -> None:
        with pytest.raises(RuntimeError):
            req.switch_protocol("x", None)
        req.reply(200)

    assert response(exchange(reply, GET)).status == 200
    old = b"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    assert response(exchange(reply, old)).status == 200

    def split(req: Any) -> None:
        with pytest.raises(ValueError):
            req.switch_protocol("x\r\nSet-Cookie: a", None)
        req.reply(200)

    assert response(exchange(split, UPGRADE)).status == 200


def test_fields_that_are_added(exchange: Exchange) -> None:
    def reply(req: Any) -> None:
        req.add_header("X", "1")
        req.add_header("X", "2")
        with pytest.raises(ValueError):
            req.add_header("X", "a\nb")
        if req.method == "GET":
            req.reply(200, "x", {"Y": "3"})
        else:
            req.send_head(200, {"Y": "3"})
            req.end()

    for method in (b"GET", b"PUT"):
        found = response(exchange(reply, GET.replace(b"GET", method)))
        added = [field for field in found.fields if field[0] in ("X", "Y")]
        assert added == [("Y", "3"), ("X", "1"), ("X", "2")]
