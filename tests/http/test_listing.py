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
from galidia.http import listing as module
from galidia.http.listing import render
from tests.http.conftest import folder_handler
from tests.http.wire import response

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
    names = {os.fsdecode(unquote_to_bytes(link.removeprefix("./"))) for link in page.links}
    assert names == set(NAMES)
    for link in page.links:
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
    assert Page(found).links == ["../"]


def test_folders_first_then_names_in_any_case(tmp_path: Path) -> None:
    for name in ("b", "A", "c", ".hidden"):
        (tmp_path / name).touch()
    for name in ("z", "Y", ".d"):
        (tmp_path / name).mkdir()
    page = Page(render(str(tmp_path), "/"))
    assert page.links == ["./Y/", "./z/", "./A", "./b", "./c"]
    assert Page(render(str(tmp_path), "/sub/")).links[0] == "../"


def test_a_descriptor_is_as_good_as_a_path(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 2048)
    (tmp_path / "d").mkdir()
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert render(fd, "/") == render(str(tmp_path), "/")
    finally:
        os.close(fd)
    assert "2.0k" in render(str(tmp_path), "/")


def test_of_a_link_only_the_name_is_shown(tmp_path: Path) -> None:
    (tmp_path / "folder").symlink_to("/")
    (tmp_path / "file").symlink_to("/etc/passwd")
    (tmp_path / "nowhere").symlink_to("none")
    text = render(str(tmp_path), "/")
    assert Page(text).links == ["./file", "./folder", "./nowhere"]
    assert len(re.findall(r"</a><td><td>\n", text)) == 3


def test_a_folder_that_is_gone() -> None:
    with pytest.raises(FileNotFoundError):
        render("/nonexistent", "/")


@pytest.mark.parametrize("more", [0, 1, 50])
def test_a_huge_folder(more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 100)
    for i in range(100 + more):
        (tmp_path / str(i)).touch()
    text = render(str(tmp_path), "/")
    assert len(Page(text).links) == 100
    assert ("Only the first 100 entries are shown." in text) == (more > 0)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (1023, "1023"), (1024, "1.0k"), (1536, "1.5k"), (1 << 20, "1.0M"), (5 << 30, "5.0G"),
     (3 << 40, "3.0T"), (1 << 60, "1048576.0T")],
)  # fmt: skip
def test_sizes(count: int, text: str) -> None:
    assert module._size(count) == text
