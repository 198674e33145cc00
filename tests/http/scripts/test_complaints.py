"""Complaints: a line a second."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from galidia.http.scripts.complaints import Complaints


def test_a_line_a_second(logged: list[Any]) -> None:
    now = 100.0
    mgr: Any = SimpleNamespace(monotonic=lambda: now)
    one, other = Complaints(), Complaints()
    for n in range(25):
        now = 100 + n / 10
        one.say(mgr, f"{n} 100%s")
    other.say(mgr, "of another service")
    said = [(record.levelname, record.getMessage()) for record in logged]
    texts = ["0 100%s", "10 100%s", "20 100%s", "of another service"]
    assert said == [("WARNING", text) for text in texts]
