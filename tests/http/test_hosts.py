"""Several sites behind one address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Connection, Handler, Manager, handles
from galidia.http import VirtualHosts
from tests.http.conftest import Net
from tests.http.wire import complete, response


def site(name: str) -> Any:
    @handles(EV_HTTP_REQUEST)
    def answer(c: Connection, ev: int, req: Any) -> None:
        req.reply(200, name.encode() + req.body)

    return answer


SITES = {
    "example.org": site("plain"),
    "*.example.org": site("below"),
    "*.deep.example.org": site("deep"),
    "WWW.Example.org": site("www"),
    "[::1]": site("six"),
    "127.0.0.1": site("four"),
}


@pytest.mark.parametrize(
    ("host", "body"),
    [
        ("example.org", "plain"),
        ("EXAMPLE.org:8080", "plain"),
        ("example.org.", "plain"),
        ("example.org.:80", "plain"),
        ("a.example.org", "below"),
        ("a.b.example.org", "below"),
        ("a.deep.example.org", "deep"),
        ("deep.example.org", "below"),
        ("www.example.org", "www"),
        ("[::1]:80", "six"),
        ("127.0.0.1", "four"),
        ("badexample.org", ""),
        ("org", ""),
        (".example.org", "below"),
        ("example.org.evil.org", ""),
        ("a." * 4000 + "example.org", ""),
    ],
)
def test_whose_request_it_is(mgr: Manager, ask: Callable[..., bytes], host: str, body: str) -> None:
    data = f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n\r\n!".encode()
    found = response(ask(mgr.bind("http://127.0.0.1:0", VirtualHosts(SITES)), data))
    assert (found.status, found.body) == (200, f"{body}!".encode()) if body else (421, found.body)
    with_default = mgr.bind("http://127.0.0.1:0", VirtualHosts(SITES, site("default")))
    assert response(ask(with_default, data)).body == f"{body or 'default'}!".encode()


def test_the_target_goes_before_the_field(mgr: Manager, ask: Callable[..., bytes]) -> None:
    listener = mgr.bind("http://127.0.0.1:0", VirtualHosts(SITES))
    data = b"GET http://www.example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n"
    assert response(ask(listener, data)).body == b"www"
    assert response(ask(listener, b"GET / HTTP/1.0\r\n\r\n")).status == 421


def test_bodies_of_any_size_go_to_who_takes_them(sim: Net) -> None:
    class Counter(Handler):
        def on_http_chunk(self, c: Connection, req: Any) -> None:
            c.user_data = (c.user_data or 0) + len(req.take())

        def on_http_request(self, c: Connection, req: Any) -> None:
            req.reply(200, str(c.user_data))

    sim.serve(VirtualHosts({"a": Counter(), "b": site("whole")}))
    head = b"POST / HTTP/1.1\r\nHost: %b\r\nContent-Length: 3000000\r\n\r\n"
    client = sim.client(head % b"a" + b"x" * 3_000_000)
    assert sim.net.run(lambda: complete(client.received))
    assert response(client.received).body == b"3000000"
    client = sim.client(head % b"b" + b"x" * 3_000_000)
    assert sim.net.run(lambda: complete(client.received))
    assert response(client.received).status == 413


@pytest.mark.parametrize(
    "name", ["", "*", "*.", "a:80", "*.*.a", "a/b", "::1", "a b", "user@host", "[::1]:80"]
)
def test_what_cannot_be_a_host(name: str) -> None:
    with pytest.raises(ValueError, match="a host is a name"):
        VirtualHosts({name: site("x")})
