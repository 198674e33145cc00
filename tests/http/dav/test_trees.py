"""Trees of files removed and copied."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia.http.dav import trees
from galidia.http.dav.jobs import SLICE
from galidia.http.dav.names import STORE, temporary
from tests.leaks import descriptors


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """With folders, files, links that lead in, out and nowhere, and what is no file."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("kept")
    top = tmp_path / "tree"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "deep").write_bytes(os.urandom(3000))
    (top / "a" / STORE).write_text("{}")
    (top / "empty").mkdir()
    (top / "file").write_bytes(b"x" * 5000)
    (top / "file").chmod(0o640)
    (top / os.fsdecode(b"odd\xff\n")).write_text("odd")
    (top / "in").symlink_to("a")
    (top / "out").symlink_to(tmp_path / "outside")
    (top / "nowhere").symlink_to("nowhere-else")
    return top


def entries(top: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in top.rglob("*"):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = path.readlink()
        else:
            found[name] = None if path.is_dir() else (path.read_bytes(), path.stat().st_mode)
    return found


def test_remove(tree: Path, folder: int, tmp_path: Path) -> None:
    before = descriptors()
    outcome = trees.Outcome()
    assert all(cost <= SLICE for cost in trees.remove(folder, "tree", outcome))
    assert outcome.failures == {}
    assert os.listdir(tmp_path) == ["outside"]
    assert (tmp_path / "outside" / "kept").read_text() == "kept"
    assert descriptors() == before


def test_links_and_files_are_removed_as_themselves(tree: Path, folder: int, tmp_path: Path) -> None:
    fd = os.open(tree, os.O_RDONLY)
    for name in ("in", "out", "nowhere", "file"):
        list(trees.remove(fd, name, trees.Outcome()))
        assert not os.path.lexists(tree / name)
    os.close(fd)
    assert (tree / "a" / "b" / "deep").exists()
    assert (tmp_path / "outside" / "kept").exists()


def test_what_cannot_be_removed_stays_with_its_folders(
    tree: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(name: Any, **options: Any) -> None:
        if name == "deep":
            raise PermissionError(errno.EACCES, "not that one")
        really(name, **options)

    really = os.unlink
    monkeypatch.setattr(os, "unlink", unlink)
    outcome = trees.Outcome()
    list(trees.remove(folder, "tree", outcome))
    assert outcome.failures == {"/a/b/deep": errno.EACCES}
    outcome.check_root()
    assert sorted(entries(tree)) == ["a", "a/b", "a/b/deep"]


def test_copy(tree: Path, folder: int, tmp_path: Path) -> None:
    (tree / temporary()).write_text("not to be copied")
    before = descriptors()
    outcome = trees.Outcome()
    assert all(cost <= SLICE for cost in trees.copy(folder, "tree", folder, "new", outcome))
    assert outcome.failures == {}
    copied = entries(tmp_path / "new")
    assert not any(".galidia-dav-" in name for name in copied)
    assert copied == {k: v for k, v in entries(tree).items() if ".galidia-dav-" not in k}
    assert f"a/{STORE}" in copied
    assert descriptors() == before


def test_what_cannot_be_copied_is_noted(tree: Path, folder: int, tmp_path: Path) -> None:
    os.mkfifo(tree / "a" / "fifo")
    outcome = trees.Outcome()
    list(trees.copy(folder, "tree", folder, "new", outcome))
    assert outcome.failures == {"/a/fifo": errno.EACCES}
    assert (tmp_path / "new" / "a" / "b" / "deep").exists()


@pytest.mark.parametrize("fails", ["copy_file_range", "pread"])
@pytest.mark.parametrize("in_kernel", [True, False])
def test_contents_of_all_sizes(
    fails: str, in_kernel: bool, folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> int:
        raise OSError(errno.EXDEV, "not here")

    if fails == "copy_file_range" and in_kernel:
        monkeypatch.setattr(os, "copy_file_range", fail)
    elif fails == "copy_file_range":
        monkeypatch.delattr(os, "copy_file_range")
    elif in_kernel:
        monkeypatch.setattr(os, "pread", fail)
    for size in (0, 1, 1 << 20, (1 << 20) + 1, 3 << 20):
        data = os.urandom(size)
        (tmp_path / "file").write_bytes(data)
        source = os.open(tmp_path / "file", os.O_RDONLY)
        steps = list(trees.copy_file(source, folder, "new"))
        os.close(source)
        assert len(steps) == -(-size // (1 << 20))
        assert (tmp_path / "new").read_bytes() == data
        (tmp_path / "new").unlink()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_ends_it(
    number: int, tree: Path, folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> int:
        raise OSError(number, "full")

    monkeypatch.setattr(os, "copy_file_range", full)
    before = descriptors()
    with pytest.raises(OSError, match="full"):
        list(trees.copy(folder, "tree", folder, "new", trees.Outcome()))
    assert descriptors() == before
    assert not (tmp_path / "new" / "file").exists()


def test_limits(folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d" / "d" / "d").mkdir(parents=True)
    monkeypatch.setattr(trees, "MAX_LEVELS", 2)
    for work in (
        lambda it: trees.copy(folder, "d", folder, "new", it),
        lambda it: trees.remove(folder, "d", it),
    ):
        outcome = trees.Outcome()
        list(work(outcome))
        assert outcome.failures == {"/d/d": errno.ENAMETOOLONG}
    monkeypatch.setattr(trees, "MAX_ENTRIES", 2)
    with pytest.raises(OSError, match="more than 2"):
        list(trees.copy(folder, "d", folder, "other", trees.Outcome()))
    monkeypatch.setattr(trees, "MAX_FAILURES", 3)
    outcome = trees.Outcome()
    for n in range(10):
        outcome.failed(f"/{n}", OSError(errno.EACCES, ""))
    assert len(outcome.failures) == 3


def test_what_is_given_up_leaves_no_descriptor(tree: Path, folder: int) -> None:
    before = descriptors()
    for work in (
        trees.copy(folder, "tree", folder, "new", trees.Outcome()),
        trees.remove(folder, "tree", trees.Outcome()),
    ):
        next(work)
        work.close()  # type: ignore[attr-defined]
    assert descriptors() == before


def test_a_link_put_in_the_way_is_not_followed(
    tree: Path, folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder becomes a link to another between the look and the step into it."""
    really = os.stat
    turned: list[str] = []

    def stat(name: Any, **options: Any) -> os.stat_result:
        found = really(name, **options)
        if name == "a" and not turned:
            turned.append(name)
            (tree / "a").rename(tmp_path / "was-a")
            (tree / "a").symlink_to(tmp_path / "outside")
        return found

    monkeypatch.setattr(os, "stat", stat)
    outcome = trees.Outcome()
    list(trees.remove(folder, "tree", outcome))
    monkeypatch.undo()
    assert turned
    assert (tmp_path / "outside" / "kept").read_text() == "kept"
    assert list(outcome.failures) == ["/a"]
