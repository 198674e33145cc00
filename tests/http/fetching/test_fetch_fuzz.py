"""Fetches against servers that send anything, on networks that do anything."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from galidia.http import errors
from galidia.http.fetching.fetch import Fetch, Timeouts
from galidia.testing import Faults
from tests.http.replies import REPLIES
from tests.http.site import Asked, Web, reply, web

PIECES = [data for data, _ in REPLIES.values()] + [
    reply(b"good"),
    reply(b"", 302, "Location: /next"),
    reply(b"", 307, "Location: http://two.example/"),
    reply(b"no", 401, 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'),
    reply(b"packed", 200, "Content-Encoding: gzip"),
    reply(b"late", 408, "Connection: close"),
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"",
]
ENDS = ["stay", "close", "abort", "shut"]
MODES = ["whole", "stream", "pause", "upload", "expect"]


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[bytes], str]:
    """What a server sends, in pieces, and what it does then."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    edges = [0, *cuts, len(data)]
    pieces = [bytes(data[a:b]) for a, b in pairwise(edges)]
    return pieces, draw(st.sampled_from(ENDS))


class Anything:
    """A server that answers each request with the next message, and then with none."""

    def __init__(self, world: Web, script: list[tuple[list[bytes], str]]) -> None:
        self.script = list(script)
        for port in (80, 81):
            world.site(self.answer, port)

    def answer(self, asked: Asked) -> None:
        pieces, end = self.script.pop(0) if self.script else ([], "close")
        c = asked.c

        for i, piece in enumerate(pieces):
            c.call_later(i * 0.01, c.send, piece)
        act: dict[str, Any] = {"close": c.close_after_send, "abort": c.abort}
        if end == "shut":
            c.call_later(len(pieces) * 0.01, c.close_after_recv)
        elif end != "stay":
            c.call_later(len(pieces) * 0.01, act[end])


def options_of(mode: str, world: Web) -> dict[str, Any]:
    options: dict[str, Any] = {"timeout": Timeouts(3.0, 2.0, 3.0, 3.0, 60.0)}
    if mode in ("stream", "pause"):

        def on_data(f: Fetch, data: bytes) -> None:
            assert not f.done
            assert data
            if mode == "pause":
                f.pause()
                world.mgr.call_later(0.05, f.resume)

        options["on_data"] = on_data
    elif mode == "upload":
        options |= {"body": lambda: iter([b"x" * 1000] * 200), "method": "PUT"}
    elif mode == "expect":
        options |= {"body": b"x" * 100, "method": "PUT", "expect_continue": True}
    return options


@given(
    st.lists(messages(), max_size=6),
    st.lists(st.sampled_from(MODES), min_size=1, max_size=4),
    st.integers(0, 1000),
    st.sampled_from([None, "cancel", "close"]),
    st.floats(0.0, 0.1),
)
def test_every_fetch_ends_once(
    script: list[tuple[list[bytes], str]],
    modes: list[str],
    seed: int,
    act: str | None,
    when: float,
) -> None:
    faults = Faults(short_write=0.3, narrow=0.2)
    with web(seed=seed, faults=faults) as world:
        Anything(world, script)
        world.pool.max_per_host = 2
        fetches = [
            world.start(f"http://one.example:{80 + i % 2}/{i}", **options_of(mode, world))
            for i, mode in enumerate(modes)
        ]
        if act == "cancel":
            world.net.call_at(when, fetches[-1].cancel)
        elif act == "close":
            world.net.call_at(when, world.mgr.close, 1.0)
        assert world.net.run(lambda: all(f.done for f in fetches))
        cancelled = act == "cancel" and len(world.results) == len(fetches) - 1
        assert cancelled or len(world.results) == len(fetches)
        for result in world.results:
            assert result.error is None or isinstance(result.error, errors.FetchError)
            assert (result.error is not None) or result.status >= 200
            assert result.error is None or str(result.error)
