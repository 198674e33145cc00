"""Options, checked when they are made."""

from __future__ import annotations

from typing import Any

import pytest

from galidia.websocket import Deflate, WebSocketOptions


def test_defaults_are_good() -> None:
    assert WebSocketOptions().deflate is None
    assert WebSocketOptions(subprotocols=["a", "b"]).subprotocols == ("a", "b")  # type: ignore[arg-type]
    assert WebSocketOptions(ping_interval=0).ping_interval == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("message_limit", 0),
        ("message_limit", 1.5),
        ("frame_limit", -1),
        ("max_fragments", True),
        ("ping_interval", -1.0),
        ("ping_interval", "5"),
        ("ping_timeout", 0),
        ("close_timeout", float("nan")),
        ("subprotocols", "chat"),
        ("origins", [1]),
        ("deflate", True),
    ],
)
def test_what_makes_no_sense(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        WebSocketOptions(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("level", 0),
        ("level", 10),
        ("mem_level", 0),
        ("window_bits", 7),
        ("window_bits", 16),
        ("peer_window_bits", 8.0),
        ("threshold", 0),
        ("idle_timeout", -1),
        ("context_takeover", 1),
    ],
)
def test_what_makes_no_sense_of_compression(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Deflate(**{name: value})
