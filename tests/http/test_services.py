"""Endpoints, other origins, redirections and streams of events, each on connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from galidia import EV_CLOSE, EV_HTTP_REQUEST, Connection, Event, Handler, Manager, handles
from galidia.http import StaticFiles
from galidia.http.cors import cors
from galidia.http.redirect import redirect_to_https
from galidia.http.sse import EventStream
from galidia.testing import RawClient
from tests.http.conftest import Net
from tests.http.wire import Response, responses


def request(line: str, *fields: str, body: bytes = b"") -> bytes:
    """A request as bytes; its length is added where there is a body."""
    lines = [f"{line} HTTP/1.1", "Host: a", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(sim: Net, *requests: bytes) -> list[Response]:
    """The answers to requests that come one behind the other, on a connection that then ends."""
    client = sim.client(b"".join(requests))
    methods = [data.split()[0].decode() for data in requests]
    client.shutdown()
    assert sim.net.run(lambda: client.ended, limit=600)
    client.close()
    sim.net.run(limit=1)
    return responses(bytes(client.received), methods)


class Log:
    """A handler of all events that says what it was asked; ``events`` are those it had."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.events: list[str] = []

    def __call__(self, c: Connection, ev: Event, data: Any) -> None:
        if ev == Event.POLL:
            return
        self.events.append(ev.name)
        if ev == EV_HTTP_REQUEST:
            data.reply(200, [self.name, dict(data.params)])


# -- endpoints -----------------------------------------------------------------------------------


def test_whose_request_it_is(sim: Net) -> None:
    rest, one, other = Log("rest"), Log("one"), Log("other")
    listener = sim.serve(rest)
    listener.endpoint("/one/{id}", one)
    listener.endpoint("/other", other, methods=["GET", "POST"])
    paths = ["/one/1", "/", "/other?q", "/one/a%20b", "/other/", "/one/"]
    answers = ask(sim, *(request(f"GET {path}") for path in paths))
    assert [answer.body for answer in answers] == [
        b'["one",{"id":"1"}]',
        b'["rest",{}]',
        b'["other",{}]',
        b'["one",{"id":"a b"}]',
        b'["rest",{}]',
        b'["rest",{}]',
    ]
    assert one.events == ["HTTP_REQUEST", "HTTP_REQUEST", "CLOSE"]
    assert other.events == ["HTTP_REQUEST", "CLOSE"]
    assert rest.events.count("HTTP_REQUEST") == 3
    assert (rest.events[0], rest.events[-1], rest.events.count("CLOSE")) == ("ACCEPT", "CLOSE", 1)


def test_the_end_comes_to_the_endpoints_of_a_connection_first(sim: Net) -> None:
    order: list[str] = []

    def closing(name: str) -> Any:
        @handles(EV_HTTP_REQUEST, EV_CLOSE)
        def handler(c: Connection, ev: int, data: Any) -> None:
            if ev == EV_CLOSE:
                order.append(name)
            else:
                data.reply(200)

        return handler

    listener = sim.serve(closing("listener's"))
    for name in ("a", "b", "c"):
        listener.endpoint(f"/{name}", closing(name))
    ask(sim, *(request(f"GET /{name}") for name in "abab"))
    assert order == ["a", "b", "listener's"]
    ask(sim, request("GET /c"))
    assert order[3:] == ["c", "listener's"]


def test_events_of_a_body(sim: Net) -> None:
    log = Log()
    listener = sim.serve(None)
    listener.endpoint("/a", log)
    ask(sim, request("POST /a", body=b"12345"))
    assert log.events == ["HTTP_CHUNK", "HTTP_REQUEST", "CLOSE"]


def test_what_an_endpoint_does_not_want_goes_nowhere(sim: Net) -> None:
    @handles(EV_CLOSE)
    def nothing(c: Connection, ev: int, data: Any) -> None:
        assert ev == EV_CLOSE

    rest = Log()
    listener = sim.serve(rest)
    listener.endpoint("/a", nothing)
    (answer,) = ask(sim, request("GET /a"))
    assert answer.status == 404
    assert "HTTP_REQUEST" not in rest.events


def test_head_is_answered_by_get(sim: Net) -> None:
    listener = sim.serve(None)
    listener.endpoint("/{x}", Log(), methods="GET")
    get, head = ask(sim, request("GET /a"), request("HEAD /a"))
    assert (get.status, head.status, head.body) == (200, 200, b"")
    assert get.header("content-length") == head.header("content-length") == str(len(get.body))


@pytest.mark.parametrize("body", [b"", b"12345", b"x" * 100_000])
def test_what_the_library_answers_leaves_the_connection_open(body: bytes, sim: Net) -> None:
    log = Log()
    listener = sim.serve(None)
    listener.endpoint("/a", log, methods="GET")
    answers = ask(
        sim,
        request("POST /a", body=body),
        request("OPTIONS /a", body=body),
        request("OPTIONS *", body=body),
        request("GET /a"),
    )
    assert [answer.status for answer in answers] == [405, 204, 204, 200]
    assert {answer.header("allow") for answer in answers[:3]} == {"GET, HEAD, OPTIONS"}
    assert log.events == ["HTTP_REQUEST", "CLOSE"]


def test_a_body_that_is_refused_is_not_asked_for(sim: Net) -> None:
    listener = sim.serve(None)
    listener.endpoint("/a", Log(), methods="GET")
    client = sim.client(request("PUT /a", "Expect: 100-continue", "Content-Length: 5"))
    assert sim.net.run(lambda: client.ended, limit=60)
    (answer,) = responses(bytes(client.received))
    assert answer.status == 405
    client.close()


def test_an_endpoint_that_fails(sim: Net, logged: list[Any]) -> None:
    closed = []

    class Fails(Handler):
        def on_http_request(self, c: Connection, req: Any) -> None:
            raise KeyError("it")

        def on_close(self, c: Connection, data: Any) -> None:
            closed.append(c)

    listener = sim.serve(None)
    listener.endpoint("/a", Fails())
    (answer,) = ask(sim, request("GET /a"))
    assert (answer.status, len(closed), len(logged)) == (500, 1, 1)


def test_what_is_wrong_with_an_endpoint(sim: Net, mgr: Manager) -> None:
    listener = sim.serve(None)
    with pytest.raises(ValueError, match="begins with"):
        listener.endpoint("a", Log())
    with pytest.raises(ValueError, match="method"):
        listener.endpoint("/a", Log(), methods="get")
    with pytest.raises(TypeError):
        listener.endpoint("/a", Log(), nonsense=1)
    with pytest.raises(TypeError, match="endpoints"):
        mgr.bind("tcp://127.0.0.1:0", None).endpoint("/a", Log())


# -- other origins -------------------------------------------------------------------------------

ANSWERS: dict[str, Callable[[Any], object]] = {
    "reply": lambda req: req.reply(200, "x", {"X": "y"}),
    "error": lambda req: req.error(404),
    "redirect": lambda req: req.redirect("/elsewhere"),
    "bytes": lambda req: req.reply_bytes(b"x", b"X: y\r\n"),
    "nothing": lambda req: req.reply(204),
    "counted": lambda req: req.stream([b"x"], length=1),
    "mistake": lambda req: req.reply(99),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_says_who_may_read_it(name: str, sim: Net, logged: list[Any]) -> None:
    @handles(EV_HTTP_REQUEST)
    def answer(c: Connection, ev: int, req: Any) -> None:
        ANSWERS[name](req)

    sim.serve(cors(answer, "http://b", expose=["X"]))
    (found,) = ask(sim, request("GET /", "Origin: http://b"))
    assert found.header("vary") == "Origin"
    assert found.header("access-control-allow-origin") == "http://b"
    assert found.header("access-control-expose-headers") == "X"
    assert (found.status == 500) == (name == "mistake") == bool(logged)


def test_files_of_another_origin(sim: Net, tmp_path: Any) -> None:
    (tmp_path / "small").write_bytes(b"x")
    (tmp_path / "large").write_bytes(b"x" * 1_000_000)
    files = StaticFiles(tmp_path)

    @handles(EV_HTTP_REQUEST)
    def serve(c: Connection, ev: int, req: Any) -> None:
        files.serve(req)

    sim.serve(cors(serve))
    answers = ask(sim, *(request(f"GET /{name}") for name in ("small", "large", "missing")))
    assert [answer.status for answer in answers] == [200, 200, 404]
    assert {answer.header("access-control-allow-origin") for answer in answers} == {"*"}
    files.close()


def test_a_preflight(sim: Net) -> None:
    log = Log()
    listener = sim.serve(None)
    listener.endpoint("/{id}", cors(log, "http://b", methods=["PUT"]), methods=["PUT"])
    question = ("Origin: http://b", "Access-Control-Request-Method: PUT")
    asked, sent = ask(
        sim,
        request("OPTIONS /1", *question),
        request("PUT /1", "Origin: http://b", body=b"{}"),
    )
    assert (asked.status, asked.header("access-control-allow-methods")) == (204, "PUT")
    assert sent.header("access-control-allow-origin") == "http://b"
    assert log.events == ["HTTP_CHUNK", "HTTP_REQUEST", "CLOSE"]


# -- redirections --------------------------------------------------------------------------------


def test_redirections(sim: Net) -> None:
    sim.serve(redirect_to_https(port=8443))
    first, second = ask(sim, request("GET /x?y"), request("POST /x", body=b"x" * 100_000))
    assert (first.status, first.header("location")) == (308, "https://a:8443/x?y")
    assert second.status == 308


# -- streams of events ---------------------------------------------------------------------------


class Streams(Handler):
    """Answers with a stream and keeps it."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.made: list[EventStream] = []

    def on_http_request(self, c: Connection, req: Any) -> None:
        self.made.append(req.events(**self.options))


def opened(sim: Net, streams: Streams, version: str = "1.0") -> RawClient:
    """A client that has a stream; one of 1.0 gets it as it is."""
    count = len(streams.made)
    client = sim.client(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode())
    assert sim.net.run(lambda: len(streams.made) > count and client.received, limit=60)
    return client


def test_events_arrive_when_they_are_sent(sim: Net) -> None:
    streams = Streams(keep_alive=0)
    sim.serve(streams)
    client = opened(sim, streams)
    (stream,) = streams.made
    for n in range(3):
        stream.send(f"n {n}", id=str(n))
        sim.net.run(limit=1)
        assert client.received.endswith(b"id: %d\ndata: n %d\n\n" % (n, n))
    stream.close()
    assert sim.net.run(lambda: client.ended, limit=1)
    head, _, body = bytes(client.received).partition(b"\r\n\r\n")
    assert b"Content-Type: text/event-stream" in head
    assert body.count(b"data:") == 3
    client.close()


def test_the_connection_outlives_the_stream(sim: Net) -> None:
    streams = Streams(keep_alive=0)
    sim.serve(streams)
    client = opened(sim, streams, "1.1")
    streams.made[0].send("x")
    streams.made[0].close()
    client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sim.net.run(lambda: len(streams.made) == 2, limit=60)
    assert b"\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n" in client.received
    assert sim.net.run(lambda: client.received.count(b"HTTP/1.1 200 OK") == 2, limit=60)
    assert streams.made[1].closed
    client.close()


def test_a_quiet_stream_stays_open(sim: Net) -> None:
    streams = Streams(keep_alive=15)
    sim.serve(streams)
    client = opened(sim, streams)
    assert sim.net.run(lambda: client.received.count(b":\n\n") == 40, limit=15 * 41)
    assert (streams.made[0].closed, client.ended) == (False, False)
    client.close()


def test_a_client_that_goes(sim: Net) -> None:
    streams = Streams(keep_alive=15)
    sim.serve(streams)
    client = opened(sim, streams)
    client.close()
    assert sim.net.run(lambda: streams.made[0].closed, limit=60)
    streams.made[0].send("nobody hears it")
    streams.made[0].close()


def test_a_stream_for_a_client_that_has_gone(sim: Net) -> None:
    kept: list[Any] = []

    @handles(EV_HTTP_REQUEST)
    def keep(c: Connection, ev: int, req: Any) -> None:
        kept.append(req)

    sim.serve(keep)
    client = sim.client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sim.net.run(lambda: kept)
    kept[0].connection.close()
    assert sim.net.run(lambda: client.ended)
    stream = kept[0].events()
    stream.send("nobody hears it")
    assert stream.closed
    stream.close()
    client.close()


def test_a_client_that_does_not_read(sim: Net) -> None:
    streams = Streams(limit=10_000, keep_alive=15)
    sim.serve(streams)
    client, other = opened(sim, streams), opened(sim, streams)
    client.pause()
    for _ in range(1000):
        for stream in streams.made:
            stream.send("x" * 1000)
        sim.net.run(limit=1)
        if streams.made[0].closed:
            break
    assert [stream.closed for stream in streams.made] == [True, False]
    other.close()
    client.close()


def test_the_manager_ends_the_streams(sim: Net) -> None:
    streams = Streams()
    sim.serve(streams)
    client = opened(sim, streams, "1.1")
    start = sim.mgr.monotonic()
    sim.mgr.close(5)
    assert sim.mgr.monotonic() - start < 1  # nobody waits for an end that would not come
    assert streams.made[0].closed
    assert sim.net.run(lambda: client.ended, limit=1)
    assert client.received.endswith(b"\r\n0\r\n\r\n")
    client.close()


# -- requests that are handed over ----------------------------------------------------------------


@handles(Event.HTTP_CHUNK, EV_HTTP_REQUEST)
def hand_over(c: Connection, ev: Event, req: Any) -> None:
    req.hand_over(req.connection.listener.user_data, ev)


class Job:
    """Takes one body as it comes."""

    def __init__(self, *events: Event) -> None:
        self.__galidia_events__ = handles(*events)(lambda c, ev, data: None).__galidia_events__  # type: ignore[attr-defined]
        self.events: list[Event] = []
        self.body = b""

    def __call__(self, c: Connection, ev: Event, data: Any) -> None:
        if ev not in self.events[-1:]:
            self.events.append(ev)
        if ev == EV_CLOSE:
            return
        self.body += data.take()
        if ev == EV_HTTP_REQUEST:
            data.reply(200, self.body)


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_a_request_is_handed_over(sim: Net, size: int) -> None:
    job = Job(Event.HTTP_CHUNK, EV_HTTP_REQUEST, EV_CLOSE)
    sim.serve(hand_over).user_data = job
    found = ask(sim, request("POST /", body=b"x" * size))
    assert [r.body for r in found] == [b"x" * size]
    assert job.events == ([Event.HTTP_CHUNK] if size else []) + [EV_HTTP_REQUEST]
    job.events.clear()
    found = ask(sim, request("POST /", body=b"y"), request("GET /"))
    assert [r.status for r in found] == [200, 200]
    assert EV_CLOSE not in job.events  # they were answered


def test_a_request_that_was_handed_over_is_cut_off(sim: Net) -> None:
    job = Job(Event.HTTP_CHUNK, EV_HTTP_REQUEST, EV_CLOSE)
    sim.serve(hand_over).user_data = job
    client = sim.client(request("POST /", body=b"x" * 10)[:-5])
    assert sim.net.run(lambda: job.body == b"xxxxx")
    client.close()
    sim.net.run(limit=5)
    assert job.events == [Event.HTTP_CHUNK, EV_CLOSE]


def test_handed_over_to_who_wants_it_whole_or_not_at_all(sim: Net) -> None:
    listener = sim.serve(hand_over)
    listener.user_data = whole = Job(EV_HTTP_REQUEST)
    assert ask(sim, request("POST /", body=b"abc"))[0].body == b"abc"
    assert whole.events == [EV_HTTP_REQUEST]
    assert ask(sim, request("POST /", body=b"x" * (2 << 20)))[0].status == 413
    listener.user_data = Job(EV_CLOSE)
    assert ask(sim, request("POST /", body=b"abc"))[0].status == 404


@pytest.mark.parametrize("at", [Event.HTTP_CHUNK, EV_HTTP_REQUEST])
@pytest.mark.parametrize("size", [5, 100_000])
def test_a_form_is_handed_over_to_a_handler_of_parts(sim: Net, at: Event, size: int) -> None:
    class Parts(Handler):
        def on_http_part_data(self, c: Connection, part: Any) -> None:
            c.user_data = (c.user_data or b"") + part.data

        def on_http_multipart_request_end(self, c: Connection, req: Any) -> None:
            req.reply(200, c.user_data)

    parts = Parts()

    @handles(at)
    def choose(c: Connection, ev: Event, req: Any) -> None:
        req.hand_over(parts, ev)

    sim.serve(choose)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + b"z" * size + b"\r\n--b--\r\n"
    )
    kind = "Content-Type: multipart/form-data; boundary=b"
    found = ask(sim, request("POST /", kind, body=body), request("POST /", kind, body=body))
    assert [r.body for r in found] == [b"z" * size, b"z" * size * 2]


def test_who_asks(sim: Net) -> None:
    @handles(EV_HTTP_REQUEST)
    def who(c: Connection, ev: Event, req: Any) -> None:
        before, req.user = req.user, "me"
        req.reply(200, [before, req.user])

    sim.serve(who)
    assert ask(sim, request("GET /"))[0].body == b'[null,"me"]'
