"""The page that lists a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin

import pytest

from galidia import Connection, Manager
from galidia.http import StaticFiles
from galidia.http.folder import listing as module
from galidia.http.folder.listing import Listing
from tests.helpers import Peer, until
from tests.http.conftest import folder_handler
from tests.http.wire import response
from tests.leaks import descriptors

NAMES = [
    "plain.txt",
    "two words",
    "<script>alert(1)<",
    "\"quotes'",
    "&amp;",
    "a:b",
    "javascript:alert(1)",
    "http:",
    "%41%2e%2E",
    "percent%",
    "question?mark#hash;semi",
    "\u00e4\u20ac\U0001f400",
    "back\\slash",
    "line\nbreak",
    "~tilde",
    "-dash",
    "x" * 255,
    os.fsdecode(b"not utf-8 \xff\xfe"),
]


def render(folder: int | str, target: str, order: str = "name", hides: Any = None) -> str:
    return b"".join(Listing(folder, target, order, hides)).decode()


def entries(page: Page) -> list[str]:
    """The links of a page but those that sort it."""
    return [link for link in page.links if not link.startswith("?")]


class Page(HTMLParser):
    """The links of a page, the tags, and whether anything is a script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            ((name, value),) = attrs
            assert name == "href"
            self.links.append(value or "")
        else:
            assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def get(mgr: Manager, tmp_path: Path, ask: Callable[..., bytes]) -> Any:
    files = StaticFiles(tmp_path)
    listener: Connection = mgr.bind("http://127.0.0.1:0", folder_handler(files))

    def request(target: str) -> Any:
        line = f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        return response(ask(listener, line))

    yield request
    files.close()


def test_every_name_leads_to_its_file(tmp_path: Path, get: Any) -> None:
    for i, name in enumerate(NAMES):
        (tmp_path / name).write_text(str(i))
    found = get("/")
    assert (found.status, found.header("content-type")) == (200, "text/html; charset=utf-8")
    page = Page(found.body.decode())
    assert "script" not in page.tags
    assert set(page.tags) <= {
        "html",
        "meta",
        "title",
        "style",
        "h1",
        "table",
        "tr",
        "th",
        "td",
        "a",
    }
    names = {os.fsdecode(unquote_to_bytes(link.removeprefix("./"))) for link in entries(page)}
    assert names == set(NAMES)
    for link in entries(page):
        target = urljoin("http://h/", link)
        assert target.startswith("http://h/")
        name = os.fsdecode(unquote_to_bytes(target.removeprefix("http://h/")))
        answer = get(target)
        if "\\" in name:  # never served: some systems take it for a separator
            assert answer.status == 404
        else:
            assert answer.body.decode() == str(NAMES.index(name))


def test_names_of_folders_are_escaped_in_the_title(tmp_path: Path, get: Any) -> None:
    (tmp_path / "<b>&\udcff").mkdir()
    found = get("/%3Cb%3E&%FF/").body.decode()
    assert "<b>" not in found
    assert "<h1>Folder /&lt;b&gt;&amp;\ufffd/</h1>" in found
    assert entries(Page(found)) == ["../"]


def test_folders_first_then_names_in_any_case(tmp_path: Path) -> None:
    for name in ("b", "A", "c", ".hidden"):
        (tmp_path / name).touch()
    for name in ("z", "Y", ".d"):
        (tmp_path / name).mkdir()
    page = Page(render(str(tmp_path), "/"))
    assert entries(page) == ["./Y/", "./z/", "./A", "./b", "./c"]
    assert entries(Page(render(str(tmp_path), "/sub/")))[0] == "../"


def test_a_descriptor_is_as_good_as_a_path(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 2048)
    (tmp_path / "d").mkdir()
    fd = os.open(tmp_path, os.O_RDONLY)
    assert render(fd, "/") == render(str(tmp_path), "/")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)  # it was closed
    assert "2.0k" in render(str(tmp_path), "/")


def test_of_a_link_only_the_name_is_shown(tmp_path: Path) -> None:
    (tmp_path / "folder").symlink_to("/")
    (tmp_path / "file").symlink_to("/etc/passwd")
    (tmp_path / "nowhere").symlink_to("none")
    text = render(str(tmp_path), "/")
    assert entries(Page(text)) == ["./file", "./folder", "./nowhere"]
    assert len(re.findall(r"</a><td><td>\n", text)) == 3
    for order in ("time", "size"):  # nor is it sorted by what they lead to
        assert entries(Page(render(str(tmp_path), "/", order))) == entries(Page(text))


def test_a_folder_that_is_gone() -> None:
    with pytest.raises(FileNotFoundError):
        render("/nonexistent", "/")


@pytest.mark.parametrize("more", [0, 1, 50])
def test_a_huge_folder(more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 100)
    for i in range(100 + more):
        (tmp_path / str(i)).touch()
    text = render(str(tmp_path), "/")
    assert len(entries(Page(text))) == 100
    assert ("Only 100 of the entries are shown." in text) == (more > 0)


ORDERS = {
    "name": ["./D/", "./e/", "./a", "./B", "./c"],
    "-name": ["./e/", "./D/", "./c", "./B", "./a"],
    "time": ["./e/", "./D/", "./c", "./a", "./B"],
    "-time": ["./D/", "./e/", "./B", "./a", "./c"],
    "size": ["./D/", "./e/", "./B", "./a", "./c"],
    "-size": ["./D/", "./e/", "./c", "./a", "./B"],
    "other": ["./D/", "./e/", "./a", "./B", "./c"],
    "--name": ["./D/", "./e/", "./a", "./B", "./c"],
    "": ["./D/", "./e/", "./a", "./B", "./c"],
    "%22%3E%3Cscript%3E": ["./D/", "./e/", "./a", "./B", "./c"],
}


@pytest.mark.parametrize("order", ORDERS)
def test_orders(order: str, tmp_path: Path, get: Any) -> None:
    for name, size, when in [("a", 20, 300), ("B", 10, 400), ("c", 30, 100)]:
        (tmp_path / name).write_bytes(b"x" * size)
        os.utime(tmp_path / name, (when, when))
    for name, when in [("D", 300), ("e", 200)]:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (when, when))
    page = Page(get(f"/?sort={order}").body.decode())
    assert entries(page) == ORDERS[order]
    links = [link for link in page.links if link.startswith("?")]
    assert links == [
        "?sort=" + ("-" if order == column or (column == "name" and ORDERS[order] == ORDERS["name"])
                    else "") + column
        for column in ("name", "time", "size")
    ]  # fmt: skip


def test_hidden_names(tmp_path: Path) -> None:
    for name in ("a", "b~", ".c"):
        (tmp_path / name).touch()
    page = Page(render(str(tmp_path), "/", "name", lambda name: name.endswith("~")))
    assert entries(page) == ["./a"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_large_folder_goes_out_in_slices(
    method: str, tmp_path: Path, mgr: Manager, ask: Callable[..., bytes]
) -> None:
    count = 5 * module.SLICE + 1
    for i in range(count):
        (tmp_path / f"{i:04}").touch()
    files = StaticFiles(tmp_path)
    listener = mgr.bind("http://127.0.0.1:0", folder_handler(files))
    found = response(
        ask(listener, f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode(), method), method
    )
    assert found.header("transfer-encoding") == ("chunked" if method == "GET" else None)
    page = Page(found.body.decode())
    assert entries(page) == ([f"./{i:04}" for i in range(count)] if method == "GET" else [])
    files.close()


def test_a_reader_that_leaves_costs_no_descriptor(
    tmp_path: Path, mgr: Manager, dial: Callable[[Connection], Peer]
) -> None:
    for i in range(module.MAX_ENTRIES):
        (tmp_path / f"{i}{'x' * 200}").touch()
    files = StaticFiles(tmp_path)
    listener = mgr.bind("http://127.0.0.1:0", files)
    before = descriptors()
    for _ in range(3):
        peer = dial(listener)
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        until(mgr, peer.look)
        assert mgr.buffered > module.MAX_ENTRIES * 200  # what it holds counts towards the limit
        peer.close()
        until(mgr, lambda: len(mgr) == 1)
    assert descriptors() == before
    assert mgr.buffered == 0
    files.close()


def test_what_goes_meanwhile_is_listed_without_size(tmp_path: Path) -> None:
    for i in range(module.SLICE + 1):
        (tmp_path / f"{i:04}").touch()
    page = Listing(str(tmp_path), "/")
    text = next(page) + next(page)
    for path in tmp_path.iterdir():
        path.unlink()
    text += b"".join(page)
    assert len(entries(Page(text.decode()))) == module.SLICE + 1
    assert b"0250</a><td><td>\n" in text
    assert list(page) == []


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (1023, "1023"), (1024, "1.0k"), (1536, "1.5k"), (1 << 20, "1.0M"), (5 << 30, "5.0G"),
     (3 << 40, "3.0T"), (1 << 60, "1048576.0T")],
)  # fmt: skip
def test_sizes(count: int, text: str) -> None:
    assert module._size(count) == text
