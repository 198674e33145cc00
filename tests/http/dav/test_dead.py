"""Dead properties in the folder that they belong to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from galidia.http.dav import dead
from galidia.http.dav.names import STORE


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_kept_by_name(folder: int, tmp_path: Path) -> None:
    assert dead.load(folder) == {}
    odd = os.fsdecode(b"odd\xff\n")
    for name in ("a", odd, dead.ITSELF):
        dead.update(folder, name, {"{u}p": f"<p>{name!r}</p>"})
    assert dead.load(folder)[odd] == {"{u}p": f"<p>{odd!r}</p>"}
    dead.update(folder, "a", {})
    assert sorted(dead.load(folder)) == sorted([odd, dead.ITSELF])
    for name in (odd, dead.ITSELF, "none"):
        dead.update(folder, name, {})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"a": 1}', b'{"a": {"b": 1}}', b"\xff", b"[" * 100_000]
)
def test_what_is_not_ours_is_taken_for_none(content: bytes, folder: int, tmp_path: Path) -> None:
    (tmp_path / STORE).write_bytes(content)
    assert dead.load(folder) == {}
    dead.update(folder, "a", {"b": "<b/>"})
    assert dead.load(folder) == {"a": {"b": "<b/>"}}


def test_a_link_is_not_followed(folder: int, tmp_path: Path) -> None:
    (tmp_path / "other").write_text(json.dumps({"a": {"secret": "<secret/>"}}))
    (tmp_path / STORE).symlink_to("other")
    with pytest.raises(OSError):
        dead.load(folder)


def test_limits(folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead.update(folder, "a", {"p": "<p/>"})
    many = {f"p{n}": "<p/>" for n in range(dead.MAX_PROPERTIES + 1)}
    for properties in (many, {"p": "x" * (dead.RESOURCE_LIMIT + 1)}):
        with pytest.raises(OSError, match="too many properties of this"):
            dead.update(folder, "a", properties)
    large = {"p": "x" * dead.RESOURCE_LIMIT}
    kept = []
    for n in range(dead.STORE_LIMIT // dead.RESOURCE_LIMIT - 1):
        dead.update(folder, f"f{n}", large)
        kept.append(f"f{n}")
    with pytest.raises(OSError, match="in this folder"):
        dead.update(folder, "last", large)
    assert sorted(dead.load(folder)) == sorted(["a", *kept])
    assert os.listdir(tmp_path) == [STORE]


def test_a_write_that_fails_leaves_what_was(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead.update(folder, "a", {"p": "<p/>"})

    def fail(*args: object, **options: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="full"):
        dead.update(folder, "a", {"p": "<q/>"})
    assert dead.load(folder) == {"a": {"p": "<p/>"}}
    assert os.listdir(tmp_path) == [STORE]
