"""Servers that do what a test says, byte by byte, and a web of them where waiting takes no time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from galidia import EV_ACCEPT, EV_CLOSE, EV_RECV, Connection, Manager, handles
from galidia.http.fetching.fetch import Fetch, Result, fetch
from galidia.http.fetching.pool import Pool, pool_of
from galidia.testing import SimNetwork

_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([ -~\x80-\xff\t]*)")


@dataclass
class Asked:
    """A request as it came."""

    c: Connection
    method: str
    target: str
    pairs: list[tuple[str, str]]
    body: bytes = b""
    #: How many there were before it on its connection.
    number: int = 0
    names: set[str] = field(default_factory=set)

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.pairs if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None


def reply(body: bytes = b"", status: int = 200, *fields: str) -> bytes:
    """A reply with a length."""
    lines = [f"HTTP/1.1 {status} Whatever", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def redirect(location: str, status: int = 302, body: bytes = b"") -> bytes:
    return reply(body, status, f"Location: {location}")


Answer = Callable[[Asked], "bytes | None"]


class Site:
    """A listener that reads requests strictly and sends what ``answer`` returns for each.

    With ``heads`` it is called when the head has come, for requests that expect 100 (Continue).
    """

    def __init__(
        self, mgr: Manager, answer: Answer, address: str = "tcp://127.0.0.1:0", **options: Any
    ) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections: list[Connection] = []
        self.open = 0
        self.on_head: Callable[[Asked], bytes | None] | None = None
        self.listener = mgr.bind(address, self.handle, **options)

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://{self.listener.local}{path}"

    @property
    def targets(self) -> list[str]:
        return [asked.target for asked in self.asked]

    @handles(EV_ACCEPT, EV_RECV, EV_CLOSE)
    def handle(self, c: Connection, ev: int, data: Any) -> None:
        if ev == EV_ACCEPT:
            self.connections.append(c)
            self.open += 1
            c.user_data = [None, 0]
        elif ev == EV_CLOSE:
            self.open -= 1
        else:
            while self.read(c):
                pass

    def read(self, c: Connection) -> bool:
        """Answer the next request, if all of it has come."""
        buf = c.recv_mbuf
        end = buf.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = bytes(buf[:end]).split(b"\r\n")
        method, target, version = first.split(b" ")
        assert version == b"HTTP/1.1"
        pairs = []
        for line in lines:
            found = _FIELD.fullmatch(line)
            assert found, line
            pairs.append((found[1].decode(), found[2].decode("latin-1")))
        asked = Asked(c, method.decode(), target.decode(), pairs, number=c.user_data[1])
        asked.names = {name.lower() for name, _ in pairs}
        assert len(asked.names & {"content-length", "transfer-encoding"}) < 2
        assert asked.header("host")
        if self.on_head is not None and c.user_data[0] is None:
            c.user_data[0] = "head"
            c.send(self.on_head(asked) or b"")
        used = self.body(asked, buf, end + 4)
        if used < 0:
            return False
        del buf[:used]
        c.user_data = [None, c.user_data[1] + 1]
        self.asked.append(asked)
        c.send(self.answer(asked) or b"")
        return True

    def body(self, asked: Asked, buf: bytearray, at: int) -> int:
        """Read the body; where it ends, or -1."""
        if asked.header("transfer-encoding") is None:
            end = at + int(asked.header("content-length") or 0)
            asked.body = bytes(buf[at:end])
            return end if len(buf) >= end else -1
        while True:
            end = buf.find(b"\r\n", at)
            if end < 0:
                return -1
            size = int(buf[at:end], 16)
            at = end + 2 + size + 2
            if len(buf) < at:
                return -1
            asked.body += buf[end + 2 : at - 2]
            if not size:
                return at


class Web:
    """A client's manager, a server's, and a simulated network between them.

    The server is 10.0.0.2; one.example, two.example and sub.one.example are its names.
    """

    def __init__(self, **options: Any) -> None:
        names = ("one.example", "two.example", "sub.one.example", "localhost")
        self.net = SimNetwork(hosts=dict.fromkeys(names, "10.0.0.2"), **options)
        self.mgr = Manager(network=self.net)
        self.far = Manager(network=self.net.host("10.0.0.2"))
        self.results: list[Result] = []

    @property
    def pool(self) -> Pool:
        return pool_of(self.mgr)

    def site(self, answer: Answer, port: int = 80, scheme: str = "tcp", **options: Any) -> Site:
        return Site(self.far, answer, f"{scheme}://10.0.0.2:{port}", **options)

    def start(self, url: str, **options: Any) -> Fetch:
        """Begin a fetch; its result goes to ``results``."""
        options.setdefault("proxy", None)
        return fetch(self.mgr, url, self.results.append, **options)

    def get(self, url: str, **options: Any) -> Result:
        """Fetch to the end."""
        count = len(self.results)
        self.start(url, **options)
        assert self.net.run(lambda: len(self.results) > count), "no result"
        return self.results[-1]

    def run(self, until: Callable[[], object] | None = None, limit: float = 3600.0) -> None:
        assert self.net.run(until, limit=limit)


@contextmanager
def web(**options: Any) -> Iterator[Web]:
    """A web; at the end nothing may be left of it."""
    world = Web(**options)
    try:
        yield world
        assert world.pool.waiting == 0
        world.pool.close_idle()
        world.net.run(limit=1.0)
        assert len(world.pool) == 0, "connections left in the pool"
        assert len(world.mgr) == 0, list(world.mgr)
        assert world.mgr.next_deadline() is None, "timers left"
    finally:
        world.mgr.close(0)
        world.far.close(0)
        world.net.run(limit=1.0)
    assert world.net.leftovers() == []
