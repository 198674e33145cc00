"""The resolver over real sockets, against servers of this library."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from galidia import EV_CONNECT, EV_DNS_MESSAGE, Manager, handles
from galidia.core.resolver import RefusedError
from galidia.dns import TXT, A, Resolver, Type, parse_zone
from tests.helpers import Recorder, settle, until

LARGE = ", ".join(f'"{i:03}{"x" * 200}"' for i in range(50))
ZONE = f"""
origin = "example"
[records]
www = {{ A = "127.0.0.1", AAAA = "::1" }}
alias = {{ CNAME = "www.example" }}
large = {{ TXT = [{LARGE}] }}
"""


@pytest.fixture
def server(mgr: Manager) -> Any:
    return mgr.bind("dns://127.0.0.1:0", parse_zone(ZONE))


@pytest.fixture
def find(mgr: Manager, server: Any) -> Any:
    """Looks up a name with a resolver that asks the server."""
    mgr.resolver.close()
    mgr.resolver = Resolver(mgr, servers=[server.local])

    def find(name: str, type: str | None = None) -> Any:
        found: list[Any] = []
        mgr.resolve(name, found.append, type)
        until(mgr, lambda: found)
        return found[0]

    return find


def test_names(mgr: Manager, find: Any) -> None:
    assert find("www.example").addresses == ["::1", "127.0.0.1"]
    assert find("alias.example", "A").canonical == "www.example"
    assert str(find("no.example").error) == "'no.example' cannot be resolved: no such name"
    settle(mgr)
    assert mgr.resolver.pending == mgr.resolver.ignored == 0


def test_over_tcp(mgr: Manager, find: Any) -> None:
    before = len(mgr)
    assert len(find("large.example", "TXT").records) == 50
    settle(mgr)
    assert len(mgr) <= before + 1  # the server's side of it may still be there


def test_no_address_is_this_machine(mgr: Manager, server: Any) -> None:
    mgr.resolver = Resolver(mgr, servers=[("0.0.0.0", server.local.port)])
    found: list[Any] = []
    mgr.resolve("www.example", found.append, "A")
    until(mgr, lambda: found)
    assert found[0].addresses == ["127.0.0.1"]


def test_over_ipv6(mgr: Manager) -> None:
    server: Any = mgr.bind("dns://[::1]:0", parse_zone(ZONE))
    found: list[Any] = []
    with Manager(resolver=lambda m: Resolver(m, servers=[server.local])) as other:
        other.resolve("www.example", found.append, "A")

        def both() -> bool:
            mgr.poll(0)
            return bool(found)

        until(other, both)
    assert found[0].addresses == ["127.0.0.1"]


def test_connecting_by_name(mgr: Manager, find: Any) -> None:
    find("www.example")
    client = Recorder()
    listener = mgr.bind("tcp://127.0.0.1:0")
    mgr.connect(f"tcp://alias.example:{listener.local.port}", client)
    until(mgr, lambda: client.data(EV_CONNECT) == [0])


def test_a_thousand_at_once(mgr: Manager) -> None:
    ports = set()

    @handles(EV_DNS_MESSAGE)
    def serve(c: Any, ev: Any, query: Any) -> None:
        ports.add(c.peer.port)
        reply = query.reply()
        number = int(str(query.questions[0].name).partition(".")[0])
        if query.questions[0].type == Type.A:
            reply.add(query.questions[0].name, A(f"10.0.{number >> 8}.{number & 255}"))
        else:
            reply.add(query.questions[0].name, TXT("nothing"))
        reply.send()

    server: Any = mgr.bind("dns://127.0.0.1:0", serve)
    mgr.resolver = Resolver(mgr, servers=[server.local])
    found: list[Any] = []
    for i in range(1000):
        mgr.resolve(f"{i}.example", found.append)
    until(mgr, lambda: len(found) == 1000)
    assert {(lookup.name, *lookup.addresses) for lookup in found} == {
        (f"{i}.example", f"10.0.{i >> 8}.{i & 255}") for i in range(1000)
    }
    assert len(ports) >= 2000 / 64


def test_a_port_that_nobody_listens_on(mgr: Manager) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    mgr.resolver = Resolver(mgr, servers=[("127.0.0.1", port)])
    found: list[Any] = []
    mgr.resolve("www.example", found.append)
    until(mgr, lambda: found)
    assert type(found[0].error) is RefusedError
    assert "Connection refused" in str(found[0].error)
