"""A folder that nothing leads out of: names, links, and what is changed in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Connection, Manager
from galidia.http import StaticFiles
from galidia.http.folder.tree import Tree
from tests.http.wire import response

HTTP = "http://127.0.0.1:0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "d").mkdir(parents=True)
    (folder / "d" / "a").write_text("a")
    (folder / ".hidden").write_text("h")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (folder / "out").symlink_to("../outside")
    (folder / "in").symlink_to("d")
    (folder / "d" / "dangling").symlink_to("../../outside/new")
    return folder


@pytest.fixture
def tree(root: Path) -> Tree:
    return Tree(root)


@pytest.mark.parametrize(
    "target",
    ["", "a", "//", "/a//b", "/..", "/a/..", "/a/../b", "/.", "/./a", "/a\\..\\b", "/a\0b"],
)
@pytest.mark.parametrize("hidden", [False, True])
def test_what_names_nothing(tree: Tree, target: str, hidden: bool) -> None:
    assert tree.locate(target, hidden) is None


@pytest.mark.parametrize("target", ["/.hidden", "/d/.a", "/..a", "/..."])
def test_names_that_begin_with_a_dot(tree: Tree, target: str) -> None:
    assert tree.locate(target) is None
    assert tree.locate(target, True) == tree.root + target


def test_opening(tree: Tree) -> None:
    for target in ("/d/a", "/in/a"):
        fd = tree.open(tree.root + target, os.O_RDONLY)
        assert os.read(fd, 10) == b"a"
        os.close(fd)


@pytest.mark.parametrize("target", ["/out/secret", "/out", "/d/dangling"])
def test_what_lies_outside_is_not_opened(tree: Tree, target: str, root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tree.open(tree.root + target, os.O_RDWR | os.O_CREAT)
    assert os.listdir(root.parent / "outside") == ["secret"]


@pytest.mark.parametrize("target", ["/d/new", "/d/new/", "/in/new", "/new"])
def test_the_folder_of_a_path(tree: Tree, target: str, root: Path) -> None:
    with tree.parent(tree.root + target) as (folder, name):
        os.mkdir(name, dir_fd=folder)
    assert (root / target.strip("/")).is_dir()


def test_a_link_is_taken_for_itself(tree: Tree, root: Path) -> None:
    with tree.parent(f"{tree.root}/out") as (folder, name):
        os.unlink(name, dir_fd=folder)
    assert not (root / "out").is_symlink()
    assert (root.parent / "outside" / "secret").exists()


@pytest.mark.parametrize("target", ["/out/secret", "/out/new", "/none/new"])
def test_the_folder_lies_outside_or_is_not_there(tree: Tree, target: str) -> None:
    with pytest.raises(FileNotFoundError), tree.parent(tree.root + target):
        pass


@pytest.mark.parametrize("target", ["", "/"])
def test_the_root_has_no_folder(tree: Tree, target: str) -> None:
    with pytest.raises(PermissionError), tree.parent(tree.root + target):
        pass


def test_the_whole_file_system() -> None:
    tree = Tree("/")
    assert tree.locate("/etc/hostname") is not None
    with tree.parent("//etc") as (_, name):
        assert name == "etc"
    with pytest.raises(PermissionError), tree.parent("//"):
        pass


def test_no_folder(root: Path) -> None:
    for wrong in (root / "d" / "a", root / "none"):
        with pytest.raises(NotADirectoryError):
            Tree(wrong)


# -- where a service is mounted -------------------------------------------------------------------


@pytest.fixture
def files(root: Path) -> Iterator[StaticFiles]:
    found = StaticFiles(root)
    yield found
    found.close()


def test_a_service_is_a_handler(
    mgr: Manager, files: StaticFiles, ask: Callable[..., bytes]
) -> None:
    listener = mgr.bind(HTTP, files)
    assert response(ask(listener, b"GET /d/a HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"a"


@pytest.mark.parametrize(
    ("target", "status"), [("/files/d/a", 200), ("/d/a", 404), ("/files/in", 301), ("/files/", 200)]
)
def test_a_service_at_an_endpoint(
    mgr: Manager, files: StaticFiles, ask: Callable[..., bytes], target: str, status: int
) -> None:
    listener = mgr.bind(HTTP)
    listener.endpoint("/files/{path...}", files)
    got = response(ask(listener, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()))
    assert got.status == status
    if status == 301:
        assert got.header("location") == "/files/in/"


def test_the_path_without_an_endpoint(mgr: Manager, ask: Callable[..., bytes]) -> None:
    seen = []

    def note(c: Connection, ev: int, req: Any) -> None:
        if ev == EV_HTTP_REQUEST:
            seen.append(req.subpath)
            req.reply()

    listener = mgr.bind(HTTP, note)
    listener.endpoint("/one/{path}", note)
    listener.endpoint("/other/{id}", note)
    for target in ("/a%20b?c", "/one/x", "/other/x"):
        ask(listener, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert seen == ["/a b", "/x", "/other/x"]
