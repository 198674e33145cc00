"""The content of a message, and what is parsed of it when asked for."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from galidia.http.message import Message
from tests.twin import pure_module


@pytest.fixture(params=["this", "pure"])
def cls(request: pytest.FixtureRequest, pure: ModuleType) -> Any:
    return Message if request.param == "this" else pure_module("http.message").Message


def parsed(cls: Any, *fields: bytes, target: bytes = b"/") -> Any:
    message = cls(None)
    data = bytearray(
        b"\r\n".join([b"POST " + target + b" HTTP/1.1", b"Host: a", *fields, b"", b""])
    )
    assert message.parse(data, 0, len(data), 100) == 0
    return message


def test_without_content(cls: Any) -> None:
    message = cls(None)
    assert (message.body, message.received, message.complete) == (b"", 0, True)
    assert message.trailers == []
    assert message.take() == b""
    assert message.connection is None
    with pytest.raises(AttributeError):
        message.unknown = 1


def test_content_type(cls: Any) -> None:
    for value, expected in (
        (b"text/plain", "text/plain"),
        (b"Text/HTML ; charset=utf-8", "text/html"),
        (b"", ""),
    ):
        assert parsed(cls, b"Content-Type: " + value).content_type == expected
    assert parsed(cls).content_type == ""


def test_parameters(cls: Any) -> None:
    message = parsed(cls, b'Content-Type: text/plain; charset="utf-8"; x=y')
    assert message.parameter("content-type", "charset") == "utf-8"
    assert message.parameter("Content-Type", "x") == "y"
    assert message.parameter("content-type", "z") is None
    assert message.parameter("accept", "q") is None


def test_cookies(cls: Any) -> None:
    message = parsed(cls, b"Cookie: a=1; b=2", b"Cookie: c=3")
    assert message.cookies == {"a": "1", "b": "2", "c": "3"}
    assert message.cookies is message.cookies
    assert parsed(cls).cookies == {}


def test_variables_of_the_query(cls: Any) -> None:
    message = parsed(cls, target=b"/x?a=1&b=%20+&a=2&c")
    assert message.var("a") == "1"
    assert message.var("b") == "  "
    assert message.var("c") == ""
    assert message.var("d") is None
    assert parsed(cls).var("a") is None
