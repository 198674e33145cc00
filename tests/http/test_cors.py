"""Requests of other origins: the fields that a browser looks for, and what it asks before."""

from __future__ import annotations

from typing import Any

import pytest

from galidia import EV_CLOSE, EV_HTTP_REQUEST, Event, handles
from galidia.core.handler import wanted
from galidia.http.cors import cors
from galidia.http.endpoints import Endpoints
from tests.http.stand_in import StandIn

APP = "https://app.example"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"


@handles(EV_HTTP_REQUEST)
def hello(c: Any, ev: int, req: Any) -> None:
    req.reply(200, "hello", [("Vary", "Accept")])


def asked(method: str = "GET", origin: str | None = APP, **headers: str) -> StandIn:
    if origin is not None:
        headers["origin"] = origin
    return StandIn(method, "/", headers)


def preflight(method: str = "PUT", origin: str | None = APP, **headers: str) -> StandIn:
    return asked("OPTIONS", origin, access_control_request_method=method, **headers)


def answered(req: StandIn, *arguments: Any, **options: Any) -> dict[str, str]:
    """What the reply says about origins, without the common beginning of the names."""
    cors(hello, *arguments, **options)(req.connection, EV_HTTP_REQUEST, req)
    assert req.ended
    prefix = "Access-Control-"
    fields = [(k.removeprefix(prefix), v) for k, v in req.added + req.sent]
    fields = [field for field in fields if field != ("Vary", "Accept")]
    assert len(dict(fields)) == len(fields)
    return dict(fields)


VARY = {"Vary": "Origin"}
MINE = {**VARY, "Allow-Origin": APP}

ANSWERS: dict[str, tuple[StandIn, dict[str, Any], dict[str, str]]] = {
    "all": (asked(), {}, {"Allow-Origin": "*"}),
    "all, without an origin": (asked(origin=None), {}, {"Allow-Origin": "*"}),
    "all, exposed": (
        asked(),
        {"expose": ["X-Total", "ETag"]},
        {"Allow-Origin": "*", "Expose-Headers": "X-Total, ETag"},
    ),
    "one": (asked(), {"origins": APP}, MINE),
    "several": (asked(), {"origins": ["https://b", APP]}, MINE),
    "function": (asked(), {"origins": lambda origin: origin == APP}, MINE),
    "null": (asked(origin="null"), {"origins": "null"}, {**VARY, "Allow-Origin": "null"}),
    "port": (
        asked(origin="http://[::1]:8000"),
        {"origins": "http://[::1]:8000"},
        {**VARY, "Allow-Origin": "http://[::1]:8000"},
    ),
    "credentials": (
        asked(),
        {"origins": APP, "credentials": True},
        {**MINE, "Allow-Credentials": "true"},
    ),
    "another": (asked(origin="https://b"), {"origins": APP, "credentials": True}, VARY),
    "another port": (asked(origin=APP + ":8443"), {"origins": APP}, VARY),
    "another, longer": (asked(origin=APP + ".evil"), {"origins": APP}, VARY),
    "another scheme": (asked(origin="http://app.example"), {"origins": APP}, VARY),
    "another, for a function": (asked(), {"origins": lambda _: False}, VARY),
    "none": (asked(origin=None), {"origins": APP}, VARY),
    "null is not all": (asked(origin="null"), {"origins": APP}, VARY),
    "OPTIONS without a question": (asked("OPTIONS"), {"origins": APP}, MINE),
    "a question without an origin": (preflight(origin=None), {"origins": APP}, VARY),
    "a question in another method": (
        asked("POST", access_control_request_method="PUT"),
        {"origins": APP},
        MINE,
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_requests(name: str) -> None:
    req, options, expected = ANSWERS[name]
    assert answered(req, **options) == expected
    assert (req.status, req.body, ("Vary", "Accept") in req.sent) == (200, "hello", True)


PREFLIGHTS: dict[str, tuple[StandIn, dict[str, Any], dict[str, str]]] = {
    "all": (
        preflight(),
        {},
        {
            "Allow-Origin": "*",
            "Allow-Methods": METHODS,
            "Allow-Headers": "Content-Type",
            "Max-Age": "600",
        },
    ),
    "mine": (
        preflight(),
        {"origins": APP, "methods": ["PUT"], "headers": ["X-A", "X-B"], "max_age": 0},
        {**MINE, "Allow-Methods": "PUT", "Allow-Headers": "X-A, X-B", "Max-Age": "0"},
    ),
    "credentials": (
        preflight(),
        {"origins": APP, "methods": "PUT", "headers": (), "credentials": True, "expose": ["X"]},
        {**MINE, "Allow-Credentials": "true", "Allow-Methods": "PUT", "Max-Age": "600"},
    ),
}


@pytest.mark.parametrize("name", PREFLIGHTS)
def test_preflights(name: str) -> None:
    req, options, expected = PREFLIGHTS[name]
    assert answered(req, **options) == expected
    assert (req.status, req.body) == (204, b"")


def test_a_preflight_of_another_origin() -> None:
    req = preflight(origin="https://b")
    assert answered(req, APP, credentials=True) == VARY
    assert req.status == 403


def test_two_origins_are_none() -> None:
    req = asked()
    req._headers.append(("Origin", APP))
    assert answered(req, APP) == VARY


@pytest.mark.parametrize(
    "options",
    [
        {"credentials": True},
        {"origins": "app.example"},
        {"origins": APP + "/"},
        {"origins": APP + "/path"},
        {"origins": "https://App.example"},
        {"origins": "https://*.example"},
        {"origins": [APP, "*"]},
        {"origins": "https://a\r\nX: y"},
        {"methods": ["*"]},
        {"methods": ["GET, PUT"]},
        {"methods": [""]},
        {"headers": ["X-A\r\nSet-Cookie: x"]},
        {"headers": "*"},
        {"expose": ["a b"]},
        {"max_age": -1},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not|all"):
        cors(hello, **options)


def test_a_request_of_several_events_gets_its_fields_once() -> None:
    log = []

    @handles(Event.HTTP_CHUNK, Event.HTTP_REQUEST, EV_CLOSE)
    def upload(c: Any, ev: int, data: Any) -> None:
        log.append(ev)
        if ev == EV_HTTP_REQUEST:
            data.reply(200)

    handler = cors(upload, APP)
    assert wanted(handler) == wanted(upload)
    first, second = asked("POST"), asked("POST")
    c = first.connection
    for ev, data in (
        (Event.HTTP_CHUNK, first),
        (Event.HTTP_CHUNK, second),
        (Event.HTTP_CHUNK, first),
        (Event.HTTP_REQUEST, first),
        (Event.HTTP_REQUEST, second),
        (EV_CLOSE, None),
    ):
        handler(c, ev, data)
    for req in (first, second):
        assert dict(req.added) == {"Vary": "Origin", "Access-Control-Allow-Origin": APP}
        assert len(req.added) == 2
    assert len(log) == 6
    question = preflight()
    handler(c, Event.HTTP_CHUNK, question)  # with a body, for whatever reason
    handler(c, Event.HTTP_REQUEST, question)
    assert (question.status, len(log)) == (204, 6)


def test_as_an_endpoint_it_answers_the_preflights_of_its_methods() -> None:
    endpoints = Endpoints()
    endpoints.add("/", hello, "GET")
    endpoints.add("/", cors(hello, APP, methods=["PUT"]), "PUT")
    for method, fields in (("PUT", {"Allow-Methods": "PUT"}), ("GET", {}), ("DELETE", {})):
        req = preflight(method)
        match = endpoints.find("OPTIONS", "/")
        assert match is not None
        match.handler(req.connection, EV_HTTP_REQUEST, req)
        assert req.status == 204
        sent = {k.removeprefix("Access-Control-"): v for k, v in req.sent}
        assert sent.get("Allow-Methods") == fields.get("Allow-Methods")
