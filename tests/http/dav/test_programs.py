"""Programs that people use, against a folder over WebDAV: cadaver, and curl as davfs2 would."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from galidia import Manager
from galidia.http.dav import WebDav
from tests.http.conftest import running
from tests.http.dav.conftest import LOCK

PATIENCE = 100  # seconds; ends a program that hangs
D = "{DAV:}"


@pytest.fixture
def url(mgr: Manager, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "root").mkdir()
    dav = WebDav(tmp_path / "root")
    listener = mgr.bind("http://127.0.0.1:0")
    listener.endpoint("/dav/{path...}", dav)
    with running(mgr):
        yield f"http://{listener.local}/dav"
    dav.close()


def run(folder: Path, *command: str, text: str = "") -> str:
    """What a program says; it has to succeed."""
    done = subprocess.run(
        command,
        cwd=folder,
        input=text,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_cadaver(url: str, tmp_path: Path) -> None:
    root, here = tmp_path / "root", tmp_path / "here"
    here.mkdir()
    large = os.urandom(3 << 20)
    (here / "large").write_bytes(large)
    (here / "a.txt").write_text("hello\n")
    script = """
mkcol folder
cd folder
put a.txt
put large
copy a.txt copy.txt
move copy.txt "moved with a space.txt"
lock a.txt
put a.txt
unlock a.txt
propset a.txt colour green
propget a.txt colour
ls
get large back
cd ..
copy folder other
delete folder/large
rmcol folder
propnames other/a.txt
ls other
quit
"""
    said = run(here, "cadaver", f"{url}/", text=script)
    assert "failed" not in said, said
    assert "green" in said, said
    listing = said[said.rindex("Listing collection `") :]
    assert re.search(r"a\.txt\s+6 ", listing), said
    assert "moved with a space.txt" in listing, said
    assert (here / "back").read_bytes() == large
    assert [p.name for p in root.iterdir()] == ["other"]
    assert (root / "other" / "large").read_bytes() == large


class Curl:
    """curl, as a mounted file system asks."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def __call__(self, status: int, method: str, path: str, *options: str) -> str:
        command = ["curl", "-q", "-sS", "--noproxy", "*", "--max-time", "60", "-X", method]
        out = ("-D", "head", "-o", "body", "-w", "%{http_code}")
        said = run(self.folder, *command, *out, *options, self.url + path)
        assert said == str(status), (method, path, (self.folder / "body").read_bytes())
        return (self.folder / "head").read_text("latin-1")

    @property
    def body(self) -> bytes:
        return (self.folder / "body").read_bytes()


def field(head: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}: (.*?)\r?$", head)
    assert found is not None, head
    return found[1]


FIND = """<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/>
<getcontentlength/><getlastmodified/><creationdate/><getetag/>
<executable xmlns="http://apache.org/dav/props/"/></prop></propfind>"""
QUOTA = """<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop>
</propfind>"""


def test_as_a_mounted_file_system(url: str, tmp_path: Path) -> None:
    here, root = tmp_path / "here", tmp_path / "root"
    here.mkdir()
    curl = Curl(url, here)
    data = os.urandom(5 << 20)
    (here / "data").write_bytes(data)
    assert "2" in field(curl(200, "OPTIONS", "/"), "dav")
    curl(207, "PROPFIND", "/", "-H", "Depth: 1", "-d", FIND)
    curl(207, "PROPFIND", "/", "-H", "Depth: 0", "-d", QUOTA)
    available = ET.fromstring(curl.body).findtext(f".//{D}quota-available-bytes")
    assert available is not None
    assert int(available) > 0
    # open("new", O_CREAT): a lock makes it, then it is written and read
    taken = curl(
        201, "LOCK", "/new", "-H", "Depth: 0", "-H", "Timeout: Second-300",
        "-d", LOCK.format(scope="exclusive"),
    )  # fmt: skip
    token = field(taken, "lock-token")
    curl(200, "HEAD", "/new", "-I")
    mine = ("-H", f"If: ({token})")
    written = curl(204, "PUT", "/new", *mine, "-H", "Content-Type:", "-T", "data")
    etag = field(written, "etag")
    curl(423, "PUT", "/new", "-T", "data")
    curl(200, "LOCK", "/new", *mine, "-H", "Timeout: Second-300")  # it stays open for long
    curl(204, "UNLOCK", "/new", "-H", f"Lock-Token: {token}")
    curl(304, "GET", "/new", "-H", f"If-None-Match: {etag}")
    curl(200, "GET", "/new")
    assert hashlib.sha256(curl.body).digest() == hashlib.sha256(data).digest()
    # chmod +x, mkdir, rename over another, rmdir
    attributes = """<propertyupdate xmlns="DAV:"><set><prop>
    <executable xmlns="http://apache.org/dav/props/">T</executable></prop></set></propertyupdate>"""
    curl(207, "PROPPATCH", "/new", "-d", attributes)
    curl(201, "MKCOL", "/d")
    curl(201, "PUT", "/d/old", "-T", "data")
    over = ("-H", "Overwrite: T", "-H", f"Destination: {url}/d/old")
    curl(204, "MOVE", "/new", *over)
    curl(207, "PROPFIND", "/d/old", "-H", "Depth: 0", "-d", FIND)
    executable = ET.fromstring(curl.body).findtext(".//{http://apache.org/dav/props/}executable")
    assert executable == "T"
    curl(201, "COPY", "/d", "-H", f"Destination: {url}/e", "-H", "Depth: infinity")
    curl(204, "DELETE", "/d")
    curl(404, "PROPFIND", "/d", "-H", "Depth: 0", "-d", FIND)
    assert (root / "e" / "old").read_bytes() == data
    curl(204, "DELETE", "/e")
    assert list(root.iterdir()) == []


def test_rclone_like_uploads_one_behind_the_other(url: str, tmp_path: Path) -> None:
    """One connection, many files, some held back until they are asked for."""
    here = tmp_path / "here"
    here.mkdir()
    names = [f"f{n}" for n in range(20)]
    for n, name in enumerate(names):
        (here / name).write_bytes(os.urandom(n * 100_000))
    said = run(
        here, "curl", "-q", "-sS", "--noproxy", "*", "--max-time", "60", "-H",
        "Expect: 100-continue", "-w", "%{http_code} %{num_connects}\n", "-o", os.devnull,
        *[part for name in names for part in ("-T", name, f"{url}/{name}", "-o", os.devnull)],
    )  # fmt: skip
    assert said.split() == ["201", "1", *["201", "0"] * 19]
    for name in names:
        assert (tmp_path / "root" / name).read_bytes() == (here / name).read_bytes()
