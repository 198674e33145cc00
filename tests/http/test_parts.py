"""Forms whose parts are events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from galidia import EV_CLOSE, EV_HTTP_REQUEST, Connection, Event, Handler, handles
from galidia.http import HttpOptions
from tests.http.conftest import Net
from tests.http.wire import complete, response, responses

BOUNDARY = b"----x"
PARTS = [
    Event.HTTP_MULTIPART_REQUEST,
    Event.HTTP_PART_BEGIN,
    Event.HTTP_PART_DATA,
    Event.HTTP_PART_END,
    Event.HTTP_MULTIPART_REQUEST_END,
]
NAMES = dict(zip(PARTS, ["form", "begin", "data", "end", "form end"], strict=True))


def form(*parts: tuple[str, bytes], end: bytes = b"--\r\n") -> bytes:
    body = b""
    for name, content in parts:
        body += b"--" + BOUNDARY + b"\r\nContent-Disposition: form-data; name=" + name.encode()
        body += b'; filename="f"\r\n\r\n' + content + b"\r\n"
    return body + b"--" + BOUNDARY + end


def request(body: bytes, chunk: int = 0, path: bytes = b"/") -> bytes:
    head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary="
    head += BOUNDARY + b"\r\n"
    if not chunk:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    pieces = [body[i : i + chunk] for i in range(0, len(body), chunk)]
    lines = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + lines + b"0\r\n\r\n"


class Log:
    """Remembers the events of parts, and what they held."""

    def __init__(self, **then: Callable[[Any], object]) -> None:
        self.then = then
        self.log: list[str] = []
        self.got: dict[str, bytes] = {}
        self.__galidia_events__ = handles(*PARTS, EV_HTTP_REQUEST, EV_CLOSE)(
            lambda c, ev, data: None
        ).__galidia_events__  # type: ignore[attr-defined]

    def __call__(self, c: Connection, ev: Event, data: Any) -> None:
        if ev == EV_CLOSE:
            self.log.append("close")
            return
        if ev == EV_HTTP_REQUEST:
            self.log.append("request")
            data.reply(200, "request")
            return
        name = NAMES[ev]
        note = name
        if name in ("begin", "data", "end"):
            note = f"{name} {data.name}"
            if name == "end" and data.status:
                note += f" {data.status}"
        if self.log[-1:] != [note]:  # of several pieces, one
            self.log.append(note)
        then = self.then.get(name.replace(" ", "_"))
        if then is not None:
            then(data)
        if name == "data":
            self.got[data.name] = self.got.get(data.name, b"") + data.data[: data.consumed]
        elif name == "form end" and then is None:
            data.reply(200, "done")


def answered(client: Any, count: int = 1) -> Callable[[], bool]:
    return lambda: complete(client.received) and len(responses(client.received)) == count


TWO = [("a", b"1" * 100), ("b", b"\r\n--" + b"2" * 100 + b"\r\n------")]
STORY = "form/begin a/data a/end a/begin b/data b/end b/form end"


@pytest.mark.parametrize("chunk", [0, 1, 7, 100_000])
@pytest.mark.parametrize("step", [1, 50, 100_000])
def test_the_events(chunk: int, step: int, sim: Net) -> None:
    log = Log()
    sim.serve(log)
    data = request(form(*TWO), chunk)
    client = sim.client()
    for i in range(0, len(data), step):
        client.send(data[i : i + step])
        sim.net.run(limit=0.001)
    assert sim.net.run(answered(client))
    assert "/".join(log.log) == STORY
    assert list(log.got.items()) == TWO
    client.send(request(form(("c", b"")), chunk) + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sim.net.run(answered(client, 3))
    assert log.log[-5:] == ["form", "begin c", "end c", "form end", "request"]


def test_what_a_part_says(sim: Net) -> None:
    seen: list[Any] = []

    def begin(part: Any) -> None:
        seen.append((part.name, part.filename, part.header("content-disposition"), part.data))
        part.user_data = "mine"

    def end(part: Any) -> None:
        seen.append((part.user_data, part.data, part.status))

    sim.serve(Log(begin=begin, end=end))
    client = sim.client(request(form(("a", b"x"))))
    assert sim.net.run(answered(client))
    assert seen == [
        ("a", "f", 'form-data; name=a; filename="f"', b""),
        ("mine", b"", 0),
    ]


def test_as_a_handler_object(sim: Net) -> None:
    class Upload(Handler):
        def on_http_part_data(self, c: Connection, part: Any) -> None:
            got.append(part.data)

        def on_http_multipart_request_end(self, c: Connection, req: Any) -> None:
            req.reply(200, b"".join(got))

    got: list[bytes] = []
    sim.serve(Upload())
    client = sim.client(request(form(("a", b"x" * 100))))
    assert sim.net.run(answered(client))
    assert response(client.received).body == b"x" * 100


def test_others_get_the_form_whole(sim: Net) -> None:
    def plain(c: Connection, ev: Event, data: Any) -> None:
        seen.append(ev)
        if ev == EV_HTTP_REQUEST:
            data.reply(200, str(len(data.form())))

    seen: list[Event] = []
    sim.serve(plain)
    client = sim.client(request(form(*TWO)))
    assert sim.net.run(answered(client))
    assert response(client.received).body == b"2"
    assert not set(PARTS) & set(seen)


def test_other_content_is_no_form(sim: Net) -> None:
    log = Log()
    sim.serve(log)
    client = sim.client(request(b"abc").replace(b"multipart/form-data", b"multipart/mixed"))
    assert sim.net.run(answered(client))
    assert log.log == ["request"]


def test_a_form_of_any_size(sim: Net) -> None:
    log = Log()
    sim.serve(log, options=HttpOptions(body_limit=1000))
    client = sim.client(request(form(("a", b"x" * 1_000_000))))
    assert sim.net.run(answered(client))
    assert response(client.received).status == 200
    assert len(log.got["a"]) == 1_000_000


FAULTS = {
    "boundary": (400, request(form()).replace(b"; boundary=----x", b"")),
    "text": (400, request(b"text")),
    "truncated": (400, request(form(("a", b"x"), end=b""))),
    "no-name": (400, request(form(("a", b"x"))).replace(b"name=a", b"nome=a")),
    "parts": (413, request(form(*[("a", b"")] * 4))),
    "head": (413, request(form(("a" * 500, b"")))),
    "stream": (413, request(form(("a", b"x" * 5000)))),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_refused(name: str, sim: Net) -> None:
    status, data = FAULTS[name]
    log = Log()
    sim.serve(log, options=HttpOptions(max_parts=3, part_head_limit=200, stream_limit=4000))
    client = sim.client(data)
    assert sim.net.run(lambda: client.ended)
    assert response(client.received).status == status
    client.close()
    sim.net.run()
    assert "form end" not in log.log
    assert log.log[-1] == "close"


def test_a_form_that_is_cut_off(sim: Net) -> None:
    log = Log()
    sim.serve(log)
    client = sim.client(request(form(*TWO))[:-50])
    sim.net.run(limit=1)
    client.shutdown()
    assert sim.net.run(lambda: client.ended)
    client.close()
    sim.net.run()
    assert log.log[-3:] == ["data b", "end b -1", "close"]


@pytest.mark.parametrize("when", ["form", "begin", "data", "end"])
def test_an_answer_ends_the_events(when: str, sim: Net) -> None:
    requests: list[Any] = []

    def remember(req: Any) -> None:
        requests.append(req)
        if when == "form":
            req.reply(403)

    log = Log(form=remember)
    if when != "form":
        log.then[when] = lambda part: requests[0].reply(403)
    sim.serve(log)
    client = sim.client(request(form(*TWO)) + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sim.net.run(answered(client, 2))
    assert [r.status for r in responses(client.received)] == [403, 200]
    expected = ["form", "begin a", "data a", "end a"]
    assert log.log == [*expected[: [e.split()[0] for e in expected].index(when) + 1], "request"]


def test_what_is_not_consumed_comes_again(sim: Net) -> None:
    pieces: list[bytes] = []

    def data(part: Any) -> None:
        pieces.append(part.data)
        part.consumed = len(part.data) // 2 if part.user_data is None else len(part.data)

    def begin(part: Any) -> None:
        parts.append(part)

    parts: list[Any] = []
    log = Log(begin=begin, data=data)
    sim.serve(log)
    body = form(("a", b"x" * 1000))
    whole = request(body)
    client = sim.client(whole[:-600])
    sim.net.run(limit=1)
    client.send(whole[-600:])
    sim.net.run(limit=1)
    assert len(pieces) == 2
    assert not client.received
    parts[0].resume()
    assert len(pieces) == 3
    parts[0].user_data = "all"
    parts[0].resume()
    assert sim.net.run(answered(client))
    assert log.got["a"] == b"x" * 1000
    assert log.log == ["form", "begin a", "data a", "end a", "form end"]
    parts[0].resume()  # too late: nothing happens


def test_who_consumes_nothing_makes_the_client_wait(sim: Net) -> None:
    parts: list[Any] = []
    sizes = []

    def data(part: Any) -> None:
        sizes.append(len(part.data))
        part.consumed = part.user_data or 0

    log = Log(begin=parts.append, data=data)
    sim.serve(log, options=HttpOptions(body_limit=1000, body_timeout=5))
    client = sim.client(request(form(("a", b"x" * 1_000_000))))
    sim.net.run(limit=100)
    assert not client.ended
    assert max(sizes) <= 1000 + (1 << 17)
    parts[0].resume()  # it comes again, and is not consumed again
    sim.net.run(limit=1)
    assert len(sizes) > 1
    assert sizes[-1] == sizes[-2]
    parts[0].user_data = 1 << 30
    parts[0].resume()
    assert sim.net.run(answered(client))
    assert len(log.got["a"]) == 1_000_000


def test_expect(sim: Net) -> None:
    sim.serve(Log())
    head, _, body = request(form(("a", b"x"))).partition(b"\r\n\r\n")
    client = sim.client(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert sim.net.run(lambda: client.received)
    client.send(body)
    assert sim.net.run(lambda: complete(client.received) and b" 200 " in client.received)
    assert [r.status for r in responses(client.received)] == [100, 200]


def test_an_endpoint_gets_them(sim: Net) -> None:
    log, other = Log(), Log()
    sim.serve(other).endpoint("/up", log)
    client = sim.client(request(form(*TWO), path=b"/up"))
    assert sim.net.run(answered(client))
    client.close()
    sim.net.run()
    assert "/".join(log.log) == STORY + "/close"
    assert other.log == ["close"]


def test_many_parts_are_linear_work(sim: Net) -> None:
    """A size at which a second look at what was there would take minutes."""
    log = Log()
    sim.serve(log, options=HttpOptions(max_parts=50_000))
    client = sim.client(request(form(*[("a", b"x")] * 20_000)))
    assert sim.net.run(answered(client))
    assert log.got["a"] == b"x" * 20_000
