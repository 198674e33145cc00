"""Masking keys."""

from __future__ import annotations

import os
from types import ModuleType

import pytest

from galidia.websocket import keys
from tests.twin import pure_module


@pytest.mark.parametrize("build", [keys, pure_module("websocket.keys")], ids=["build", "pure"])
def test_they_are_random_and_used_once(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bytes] = []

    def urandom(n: int) -> bytes:
        given.append(real(n))
        return given[-1]

    real = os.urandom
    monkeypatch.setattr(os, "urandom", urandom)
    made = build.Keys()
    found = [made.next() for _ in range(600)]
    pool = b"".join(given)
    assert found == [int.from_bytes(pool[i : i + 4], "little") for i in range(0, 2400, 4)]
    assert len(given) == 3
    made.forget()
    made.next()
    assert len(given) == 4
