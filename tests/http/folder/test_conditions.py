"""Conditions and their order (RFC 9110 13), each alone and together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles
from galidia.http.dates import format_date
from galidia.http.folder.conditions import check, range_holds
from tests.http.wire import response

TIME = 1_000_000_000
AT, LATER, BEFORE = (format_date(TIME + n) for n in (0, 60, -60))
TAG, WEAK = '"a,b"', 'W/"a,b"'

#: Fields, then what becomes of GET and of PUT, for a representation with TAG, changed at TIME.
CASES: list[tuple[list[str], int, int]] = [
    ([], 0, 0),
    # If-Match compares strongly
    ([f"If-Match: {TAG}"], 0, 0),
    (["If-Match: *"], 0, 0),
    ([f'If-Match: "x", {TAG}'], 0, 0),
    (['If-Match: "x"', f"If-Match: {TAG}"], 0, 0),
    ([f"If-Match: {WEAK}"], 412, 412),
    (['If-Match: "x"'], 412, 412),
    (['If-Match: "a", "b"'], 412, 412),
    (["If-Match: a,b"], 412, 412),
    (["If-Match:"], 412, 412),
    (['If-Match: "x", *'], 412, 412),
    # If-None-Match compares weakly
    ([f"If-None-Match: {TAG}"], 304, 412),
    ([f"If-None-Match: {WEAK}"], 304, 412),
    (["If-None-Match: *"], 304, 412),
    ([f'If-None-Match: "x",{WEAK} , "y"'], 304, 412),
    ([f'If-None-Match: "x",,,{TAG}'], 304, 412),
    (['If-None-Match: "x"', f"If-None-Match: {TAG}"], 304, 412),
    (['If-None-Match: "x"'], 0, 0),
    (['If-None-Match: w/"a,b'], 0, 0),
    (['If-None-Match: "a, b"'], 0, 0),
    (["If-None-Match: " + '"' * 5001], 0, 0),
    # dates
    ([f"If-Modified-Since: {AT}"], 304, 0),
    ([f"If-Modified-Since: {LATER}"], 304, 0),
    ([f"If-Modified-Since: {BEFORE}"], 0, 0),
    (["If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT"], 304, 0),
    (["If-Modified-Since: Sun Sep  9 01:46:40 2001"], 304, 0),
    (["If-Modified-Since: yesterday"], 0, 0),
    ([f"If-Modified-Since: {AT}", f"If-Modified-Since: {AT}"], 0, 0),
    ([f"If-Unmodified-Since: {AT}"], 0, 0),
    ([f"If-Unmodified-Since: {LATER}"], 0, 0),
    ([f"If-Unmodified-Since: {BEFORE}"], 412, 412),
    (["If-Unmodified-Since: never"], 0, 0),
    # together: the tags go before the dates, what forbids before what saves
    ([f"If-Match: {TAG}", f"If-Unmodified-Since: {BEFORE}"], 0, 0),
    (['If-Match: "x"', f"If-None-Match: {TAG}"], 412, 412),
    (['If-Match: "x"', f"If-Unmodified-Since: {LATER}"], 412, 412),
    ([f"If-Match: {TAG}", f"If-None-Match: {TAG}"], 304, 412),
    ([f"If-Match: {TAG}", f"If-Modified-Since: {LATER}"], 304, 0),
    ([f"If-Unmodified-Since: {LATER}", f"If-None-Match: {TAG}"], 304, 412),
    ([f"If-Unmodified-Since: {BEFORE}", f"If-None-Match: {TAG}"], 412, 412),
    ([f"If-Unmodified-Since: {AT}", f"If-Modified-Since: {AT}"], 304, 0),
    (['If-None-Match: "x"', f"If-Modified-Since: {LATER}"], 0, 0),
    ([f"If-None-Match: {TAG}", f"If-Modified-Since: {BEFORE}"], 304, 412),
]


@pytest.fixture
def result(mgr: Manager, ask: Callable[..., bytes]) -> Callable[..., int]:
    """What a check says to a request."""

    def run(method: str, fields: list[str], function: Any = check, **what: Any) -> int:
        what = {"etag": TAG, "modified": TIME + 0.5, **what}

        @handles(EV_HTTP_REQUEST)
        def answer(c: Connection, ev: int, req: Any) -> None:
            req.reply(200, str(int(function(req, **what))))

        listener = mgr.bind("http://127.0.0.1:0", answer)
        lines = [f"{method} / HTTP/1.1", "Host: a", "Connection: close", *fields, "", ""]
        return int(response(ask(listener, "\r\n".join(lines).encode())).body)

    return run


@pytest.mark.parametrize(("fields", "get", "put"), CASES)
def test_conditions(fields: list[str], get: int, put: int, result: Callable[..., int]) -> None:
    assert result("GET", fields) == get
    assert result("PUT", fields) == put


@pytest.mark.parametrize(
    ("field", "put"),
    [
        ("If-Match: *", 412),
        (f"If-Match: {TAG}", 412),
        ("If-None-Match: *", 0),
        (f"If-None-Match: {TAG}", 0),
        (f"If-Unmodified-Since: {BEFORE}", 0),
        (f"If-Modified-Since: {LATER}", 0),
    ],
)
def test_nothing_is_there(field: str, put: int, result: Callable[..., int]) -> None:
    assert result("PUT", [field], etag=None, modified=None) == put


def test_a_weak_tag(result: Callable[..., int]) -> None:
    assert result("PUT", [f"If-Match: {TAG}"], etag=WEAK) == 412
    assert result("GET", [f"If-None-Match: {TAG}"], etag=WEAK) == 304
    assert result("GET", [f"If-None-Match: {WEAK}"], etag=WEAK) == 304
    assert result("GET", ["If-None-Match: *"], etag=None) == 304


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ([], True),
        ([f"If-Range: {TAG}"], True),
        ([f"If-Range: {WEAK}"], False),
        (['If-Range: "x"'], False),
        ([f"If-Range: {TAG}, {TAG}"], False),
        ([f"If-Range: {TAG}", f"If-Range: {TAG}"], False),
        ([f"If-Range: {AT}"], True),
        ([f"If-Range: {LATER}"], False),
        ([f"If-Range: {BEFORE}"], False),
        (["If-Range: *"], False),
        (["If-Range:"], False),
    ],
)
def test_if_range(fields: list[str], holds: bool, result: Callable[..., int]) -> None:
    assert result("GET", fields, range_holds) == holds
    if "W/" not in str(fields):
        assert result("GET", fields, range_holds, etag=WEAK) == (holds and TAG not in str(fields))


def test_a_date_of_the_same_second_is_weak(mgr: Manager, result: Callable[..., int]) -> None:
    now = mgr.time()
    field = [f"If-Range: {format_date(now)}"]
    assert not result("GET", field, range_holds, modified=now)
    assert not result("GET", field, range_holds, modified=None)
