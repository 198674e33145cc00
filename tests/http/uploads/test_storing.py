"""The folder of uploads: a name appears when its file is whole, and nothing is touched besides."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.uploads.storing import POLICIES, RefusedError, Store


def made(folder: Path, collision: str = "rename", **options: Any) -> Store:
    return Store(folder, collision, **({"reserve": 0, "keep": 60.0, "max_parts": 2} | options))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_file_appears_when_it_is_whole(tmp_path: Path, policy: str) -> None:
    store = made(tmp_path, policy)
    gone, kept = store.new("a.txt"), store.new("b.txt")
    for file in (gone, kept):
        file.write(b"one")
        file.write(b"two")
    assert all(name.startswith(".") for name in os.listdir(tmp_path))
    gone.discard()
    gone.discard()
    kept.commit()
    assert (kept.name, kept.size) == ("b.txt", 6)
    assert files(tmp_path) == {"b.txt": b"onetwo"}


#: What is left of two files of one name, the second of which is whole first.
RACES = {
    "rename": {"a.b.txt": b"2", "a.b (1).txt": b"1"},
    "refuse": {"a.b.txt": b"2"},
    "replace": {"a.b.txt": b"1"},
}


@pytest.mark.parametrize("policy", RACES)
def test_a_name_that_was_taken_meanwhile(tmp_path: Path, policy: str) -> None:
    store = made(tmp_path, policy)
    first, second = store.new("a.b.txt"), store.new("a.b.txt")
    first.write(b"1")
    second.write(b"2")
    second.commit()
    if policy == "refuse":
        with pytest.raises(RefusedError) as refused:
            first.commit()
        assert refused.value.status == 409
        first.discard()
    else:
        first.commit()
    assert files(tmp_path) == RACES[policy]


def test_names_are_not_tried_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galidia.http.uploads.storing.TRIES", 3)
    store = made(tmp_path)
    for _ in range(3):
        store.new("a").commit()
    late = store.new("a")
    with pytest.raises(RefusedError):
        late.commit()
    late.discard()
    assert sorted(files(tmp_path)) == ["a", "a (1)", "a (2)"]


def test_parts_are_told_apart_by_name_and_size(tmp_path: Path) -> None:
    store = made(tmp_path)
    for name, total, data in (("a", 6, b"one"), ("a", 7, b"x")):
        part = store.part(name, total)
        part.write(data)
        part.leave()
    assert (store.received("a", 6), store.received("a", 7), store.received("b", 6)) == (3, 1, 0)
    with pytest.raises(RefusedError) as refused:
        store.part("b", 6)
    assert refused.value.status == 503
    part = store.part("a", 6)
    assert part.size == 3
    part.write(b"two")
    part.commit()
    assert (tmp_path / "a").read_bytes() == b"onetwo"
    assert store.received("a", 6) == 0


def test_the_hidden_name_may_be_no_link(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "outside").write_bytes(b"outside")
    (inbox / ".a.6.upload").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError):
        made(inbox).part("a", 6)
    assert (tmp_path / "outside").read_bytes() == b"outside"


@given(st.one_of(st.text(max_size=6), st.text("./\\ a\n\0\udc80", max_size=6)))
def test_a_file_has_the_name_it_was_given_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    top = tmp_path_factory.mktemp("top")
    inbox = top / "inbox"
    inbox.mkdir()
    status = 0
    try:
        made(inbox).new(name).commit()
    except RefusedError as e:
        status = e.status
    assert (status, os.listdir(inbox)) in ((0, [name]), (400, []))
    assert os.listdir(top) == ["inbox"]
