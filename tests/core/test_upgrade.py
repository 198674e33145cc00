"""TLS that begins on a connection that is established."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from galidia import EV_CLOSE, EV_CONNECT, EV_RECV, Connection, Manager
from galidia.core.dial import Upgrade
from tests.helpers import Certificates, Recorder, echo, take, until

PLAIN = b"STARTTLS\n"


class Relay:
    """Takes a line in plain text, answers it, and joins the connection to a TLS server."""

    def __init__(self, mgr: Manager, cert: Any, silent: bool = False) -> None:
        self.mgr = mgr
        self.server = Recorder(recv=echo)
        self.far = mgr.bind("tls://127.0.0.1:0", self.server, cert=str(cert))
        self.listener = mgr.bind("tcp://127.0.0.1:0", self.handle)
        self.silent = silent

    def handle(self, c: Connection, ev: int, data: Any) -> None:
        if ev == EV_CLOSE and c.user_data is not None:
            c.user_data.close()
        elif ev == EV_RECV and c.user_data is not None:
            c.forward(c.user_data)
        elif ev == EV_RECV and c.recv_mbuf.endswith(PLAIN):
            take(c)
            c.send(b"go")
            if not self.silent:
                c.user_data = self.mgr.connect(f"tcp://{self.far.local}", self.back, user_data=c)

    def back(self, c: Connection, ev: int, data: Any) -> None:
        if ev == EV_RECV:
            c.forward(c.user_data)
        elif ev == EV_CLOSE:
            c.user_data.close()


@pytest.fixture
def mgr() -> Iterator[Manager]:
    manager = Manager()
    yield manager
    manager.close(0)


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def upgraded(mgr: Manager, relay: Relay, **options: Any) -> tuple[Recorder, list[str]]:
    """A connection to a relay that goes on with TLS, and what it was told."""
    told: list[str] = []

    def on_recv(c: Connection, n: int) -> None:
        if c.tls is None and bytes(c.recv_mbuf).startswith(b"go"):
            del c.recv_mbuf[:2]
            Upgrade(c, "127.0.0.1", 443, options, lambda: told.append(c.tls.version()))

    seen = Recorder(connect=lambda c, code: c.send(PLAIN), recv=on_recv)
    mgr.connect(f"tcp://{relay.listener.local}", seen)
    until(mgr, lambda: told or seen.count(EV_CLOSE))
    return seen, told


def test_it_goes_on_with_tls(mgr: Manager, certs: Certificates) -> None:
    relay = Relay(mgr, certs.server)
    seen, told = upgraded(mgr, relay, ca=str(certs.ca))
    assert told == ["TLSv1.3"]
    data = bytes(range(256)) * 1000
    seen.c.send(data)
    until(mgr, lambda: seen.received == b"go" + data)
    assert relay.server.received == data
    assert seen.data(EV_CONNECT) == [0]  # the first event comes once
    seen.c.close()
    until(mgr, lambda: seen.count(EV_CLOSE) and relay.server.count(EV_CLOSE))


@pytest.mark.parametrize("options", [{}, {"server_name": "other.example"}])
def test_a_certificate_that_does_not_fit(
    mgr: Manager, certs: Certificates, options: dict[str, Any]
) -> None:
    if options:
        options["ca"] = str(certs.ca)
    seen, told = upgraded(mgr, Relay(mgr, certs.server), **options)
    assert told == []
    assert seen.c.error.startswith("TLS handshake failed: ")
    assert seen.count(EV_CONNECT) == 1


def test_no_answer(mgr: Manager, certs: Certificates) -> None:
    relay = Relay(mgr, certs.server, silent=True)
    seen, told = upgraded(mgr, relay, ca=str(certs.ca), handshake_timeout=0.05)
    assert told == []
    assert seen.c.error == "no TLS handshake within 0.05 s"


def test_not_while_something_waits(mgr: Manager, certs: Certificates) -> None:
    failures: list[Exception] = []

    def on_recv(c: Connection, n: int) -> None:
        try:
            Upgrade(c, "127.0.0.1", 443, {"ca": str(certs.ca)}, lambda: None)
        except RuntimeError as e:
            failures.append(e)
            c.close()

    relay = Relay(mgr, certs.server)
    seen = Recorder(connect=lambda c, code: c.send(PLAIN), recv=on_recv)
    mgr.connect(f"tcp://{relay.listener.local}", seen)
    until(mgr, lambda: seen.count(EV_CLOSE))
    assert "nothing is waiting" in str(failures[0])
