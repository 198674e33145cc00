"""A folder over WebDAV, on the simulated network, and a client that says what it wants to."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import Connection
from galidia.http.dav import WebDav
from galidia.testing import RawClient
from tests.http.conftest import Net
from tests.http.wire import Response, responses

D = "{DAV:}"
HOST = "dav.example"

LOCK = """<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:{scope}/></D:lockscope>
<D:locktype><D:write/></D:locktype><D:owner>me</D:owner></D:lockinfo>"""


def request(method: str, path: str, *fields: str, body: bytes | str = b"") -> bytes:
    """A request as bytes; its length is added where there is a body."""
    if isinstance(body, str):
        body = body.encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", *fields]
    if body and not any(f.startswith("Content-Length") for f in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Client:
    """Asks for resources below /dav/, each time on a connection of its own."""

    def __init__(self, sim: Net, root: Path, **options: Any) -> None:
        self.sim = sim
        self.root = root
        self.dav = WebDav(root, **options)
        self.listener: Connection = sim.serve(None)
        self.listener.endpoint("/dav/{path...}", self.dav)

    def begin(self, method: str, path: str, *fields: str, body: bytes | str = b"") -> RawClient:
        """Send a request; the answer is read with `end`."""
        return self.sim.client(request(method, f"/dav{path}", *fields, body=body))

    def end(self, client: RawClient, method: str = "PUT") -> Response:
        client.shutdown()
        assert self.sim.net.run(lambda: client.ended, limit=600)
        client.close()
        self.sim.net.run(limit=1)
        found = responses(bytes(client.received), [method])
        return found[-1]

    def __call__(self, method: str, path: str, *fields: str, body: bytes | str = b"") -> Response:
        return self.end(self.begin(method, path, *fields, body=body), method)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        passed: list[bool] = []
        self.sim.mgr.call_later(seconds, passed.append, True)
        assert self.sim.net.run(lambda: passed)

    def lock(self, path: str, *fields: str, scope: str = "exclusive") -> str:
        """Take a lock; its token."""
        found = self("LOCK", path, *fields, body=LOCK.format(scope=scope))
        assert found.status in (200, 201), found
        token = found.header("lock-token")
        assert token is not None
        return token

    def find(self, path: str, body: str = "", depth: str = "0") -> dict[str, dict[str, ET.Element]]:
        """PROPFIND: by the href of each resource, the properties that it has."""
        found = self("PROPFIND", path, f"Depth: {depth}", body=body)
        assert found.status == 207, found
        return {href: stats.get("200", {}) for href, stats in multistatus(found).items()}

    def leftovers(self) -> list[str]:
        """What is hidden in the tree."""
        return sorted(str(p.relative_to(self.root)) for p in self.root.rglob(".*"))


def multistatus(found: Response) -> dict[str, dict[str, dict[str, ET.Element]]]:
    """By href and status: the properties of this status."""
    assert found.header("content-type") == 'application/xml; charset="utf-8"'
    answer: dict[str, dict[str, dict[str, ET.Element]]] = {}
    for response in ET.fromstring(found.body):
        stats: dict[str, dict[str, ET.Element]] = {}
        for stat in response.findall(f"{D}propstat"):
            status = (stat.findtext(f"{D}status") or "").split()[1]
            stats[status] = {it.tag: it for it in stat.findall(f"{D}prop/*")}
        whole = response.findtext(f"{D}status")
        if whole is not None:
            stats[whole.split()[1]] = {}
        answer[response.findtext(f"{D}href") or ""] = stats
    return answer


def condition(found: Response) -> tuple[str, str]:
    """The precondition that an answer names, and the href in it."""
    root = ET.fromstring(found.body)
    assert root.tag == f"{D}error"
    return root[0].tag.removeprefix(D), root[0].findtext(f"{D}href") or ""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is served; beside it lies what is not."""
    folder = tmp_path / "root"
    folder.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    return folder


@pytest.fixture
def serve(sim: Net, root: Path) -> Iterator[Callable[..., Client]]:
    """Makes a client of a service with options."""
    made: list[Client] = []

    def make(**options: Any) -> Client:
        made.append(Client(sim, root, **options))
        return made[-1]

    yield make
    for client in made:
        client.dav.close()


@pytest.fixture
def ask(serve: Callable[..., Client]) -> Client:
    return serve()
