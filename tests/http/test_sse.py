"""Streams of events: what is written, and that nothing in it can end a line early."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.sse import EventStream, encode_event
from tests.http.stand_in import StandIn


def events_of(stream: bytes) -> list[dict[str, str]]:
    """What a browser makes of a stream (the HTML standard, 9.2.6), by its own rules."""
    found: list[dict[str, str]] = []
    current: dict[str, str] = {}
    for line in re.split(r"\r\n|\r|\n", stream.decode()):
        if not line:
            if current:
                found.append(current)
            current = {}
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data" and "data" in current:
            current["data"] += "\n" + value
        elif field in ("data", "event", "id", "retry"):
            assert field not in current
            current[field] = value
        else:
            assert field == ""
    assert current == {}
    return found


@pytest.mark.parametrize(
    ("arguments", "wire"),
    [
        ({"data": "a"}, b"data: a\n\n"),
        ({"data": ""}, b"data: \n\n"),
        ({"data": "a\nb\r\nc\rd"}, b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        ({"data": "a\n"}, b"data: a\ndata: \n\n"),
        ({"data": " a"}, b"data:  a\n\n"),
        ({"data": "\u20ac\u2028\x0b"}, "data: \u20ac\u2028\x0b\n\n".encode()),
        ({"data": {"a": ["\u00e4\n", None]}}, 'data: {"a":["ä\\n",null]}\n\n'.encode()),
        ({"data": []}, b"data: []\n\n"),
        ({"data": "a", "event": "tick"}, b"event: tick\ndata: a\n\n"),
        ({"data": "a", "id": "7"}, b"id: 7\ndata: a\n\n"),
        ({"data": "a", "id": ""}, b"id: \ndata: a\n\n"),
        ({"retry": 2.5}, b"retry: 2500\n\n"),
        (
            {"data": "a", "event": "e:f", "id": "i", "retry": 0},
            b"retry: 0\nid: i\nevent: e:f\ndata: a\n\n",
        ),
    ],
)
def test_events(arguments: dict[str, Any], wire: bytes) -> None:
    assert encode_event(**arguments) == wire


@pytest.mark.parametrize(
    "arguments",
    [
        {"event": "a\nb"},
        {"event": "a\r"},
        {"id": "\n"},
        {"id": "a\r\nb"},
        {"id": "a\0"},
        {"retry": -1},
        {"retry": float("nan")},
        {"retry": float("inf")},
        {"data": "\ud800"},
    ],
)
def test_what_cannot_be_sent(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        encode_event(**arguments)


@pytest.mark.parametrize("data", [b"bytes", 1, object()])
def test_data_is_text_or_json(data: Any) -> None:
    with pytest.raises(TypeError):
        encode_event(data)


LINE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(TEXT, st.none() | LINE, st.none() | LINE, TEXT)))
def test_events_arrive_as_they_were_sent(
    sent: list[tuple[str, str | None, str | None, str]],
) -> None:
    req = StandIn("GET", "/")
    stream = EventStream(req)
    expected = []
    for data, event, id, comment in sent:
        stream.comment(comment)
        stream.send(data, event, id)
        fields = {"data": re.sub("\r\n|\r", "\n", data), "event": event, "id": id}
        expected.append({k: v for k, v in fields.items() if v is not None})
    assert events_of(req.body) == expected


def test_the_reply() -> None:
    req = StandIn("GET", "/", {"last_event_id": "42"})
    stream = EventStream(req, headers={"X": "y", "cache-control": "no-cache"})
    assert req.status == 200
    assert req.sent == [
        ("X", "y"),
        ("cache-control", "no-cache"),
        ("Content-Type", "text/event-stream"),
        ("X-Accel-Buffering", "no"),
    ]
    assert (stream.last_event_id, stream.closed) == ("42", False)
    stream.send({"a": 1})
    stream.close()
    stream.close()
    stream.send("too late")
    stream.comment("too late")
    assert (req.body, req.ended, stream.closed) == (b'data: {"a":1}\n\n', True, True)
    assert not req.connection.timers[0].active


def test_head() -> None:
    req = StandIn("HEAD", "/")
    stream = EventStream(req, headers=[("X", "y")])
    assert (stream.closed, req.ended, stream.last_event_id) == (True, True, "")
    stream.send("nothing")
    assert (req.body, req.connection.timers) == (b"", [])


def test_a_quiet_stream_is_kept_alive() -> None:
    req = StandIn("GET", "/")
    stream = EventStream(req, keep_alive=7)
    (timer,) = req.connection.timers
    assert timer.interval == 7
    timer.callback()
    assert req.body == b":\n\n"
    timer.callback()
    stream.send("x")
    timer.callback()
    assert req.body == b":\n\n:\n\ndata: x\n\n"
    timer.callback()
    assert req.body.endswith(b"x\n\n:\n\n")
    assert EventStream(StandIn("GET", "/"), keep_alive=0)._timer is None


def test_comments() -> None:
    req = StandIn("GET", "/")
    EventStream(req).comment("a\n\rdata: x\r\n")
    assert req.body == b": a\n:\n: data: x\n:\n\n"


def test_a_client_that_has_gone() -> None:
    req = StandIn("GET", "/")
    stream = EventStream(req)
    req.connection.closing = True
    stream.send("x")
    assert (stream.closed, req.body) == (True, b"")
    req.connection.closed = True
    stream.close()
    assert not req.ended


def test_a_client_that_does_not_read_is_cut_off() -> None:
    req = StandIn("GET", "/")
    stream = EventStream(req, limit=100)
    stream.send("x" * 80)
    assert not stream.closed
    stream.send("x" * 80)
    assert (stream.closed, req.connection.aborted) == (True, True)
    assert "does not read" in req.connection.error
