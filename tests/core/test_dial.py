"""Outbound: names, several addresses, time-outs, and what CONNECT says."""

import errno
import socket

import pytest

from galidia import (
    ERR_RESOLVE,
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONNECT,
    F_RESOLVING,
    Address,
    Manager,
)
from galidia.core.dial import interleave
from tests.helpers import Recorder, is_established, settle, until, url


class Names:
    """A resolver that answers from a dictionary, when it is told to."""

    def __init__(self, **names):
        self.names = names
        self.waiting = []
        self.cancelled = []
        self.closed = False

    def resolve(self, name, answer):
        self.waiting.append((name, answer))
        return lambda: self.cancelled.append(name)

    def answer(self):
        for name, answer in self.waiting:
            found = self.names.get(name, [])
            answer(found, "" if found else f"no {name}")
        self.waiting.clear()

    def close(self):
        self.closed = True


@pytest.fixture
def named():
    """A manager with its resolver."""
    names = Names()
    with Manager(resolver=names) as mgr:
        yield mgr, names
        mgr.close(0)


@pytest.fixture
def refusing():
    """A port that nobody listens on: it is taken, but only bound."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def dead(port):
    return f"tcp://127.0.0.1:{port}"


# -- failing --------------------------------------------------------------------------------------


def test_refused(mgr, refusing):
    client = Recorder()
    c = mgr.connect(dead(refusing), client)
    assert client.story() == ""  # never from inside connect
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.story() == "CONNECT CLOSE"
    assert client.data(EV_CONNECT) == [errno.ECONNREFUSED]
    assert c.error == "Connection refused"


@pytest.mark.parametrize("path", ["missing", "file"])
def test_no_such_unix_socket(mgr, tmp_path, path):
    (tmp_path / "file").touch()
    client = Recorder()
    mgr.connect(f"unix:{tmp_path / path}", client)
    until(mgr, lambda: client.count(EV_CLOSE))
    (code,) = client.data(EV_CONNECT)
    assert code == (errno.ENOENT if path == "missing" else errno.ECONNREFUSED)


def test_a_unix_listener_that_is_full(mgr, tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(0)
        clients = [Recorder() for _ in range(5)]
        for client in clients:
            mgr.connect(f"unix:{path}", client)
        until(mgr, lambda: all(client.count(EV_CONNECT) for client in clients))
        codes = [client.data(EV_CONNECT)[0] for client in clients]
        assert set(codes) == {0, errno.EAGAIN}


def test_connect_timeout(mgr, plain):
    # A queue that is full lets a connect wait for ever.
    server = plain(socket.SOCK_STREAM, backlog=0)
    address = dead(server.getsockname()[1])
    clients = [Recorder() for _ in range(4)]
    for client in clients:
        mgr.connect(address, client, connect_timeout=0.05)
    until(mgr, lambda: all(client.count(EV_CONNECT) for client in clients))
    failed = [c for c in clients if c.data(EV_CONNECT) == [errno.ETIMEDOUT]]
    assert failed
    until(mgr, lambda: all(c.count(EV_CLOSE) for c in failed))
    assert failed[0].c.error == "not established within 0.05 s"


def test_an_established_connection_has_no_deadline(mgr, tcp):
    client = Recorder()
    c = tcp.connect(mgr, tcp.bind(mgr, None), client, connect_timeout=0.02)
    end = mgr.monotonic() + 0.03
    until(mgr, lambda: mgr.monotonic() > end)
    assert client.story() == "CONNECT"
    assert not c.closed


def test_what_is_sent_before_connect_waits_for_it(mgr, carrier):
    server = Recorder()
    c = carrier.connect(mgr, carrier.bind(mgr, server), None)
    c.send(b"early")
    assert c.send_mbuf == b"early"
    until(mgr, lambda: server.received == b"early")


# -- where from -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
@pytest.mark.parametrize("text", ["127.0.0.2", "127.0.0.2:0"])
def test_source(mgr, scheme, text):
    listener = mgr.bind(f"{scheme}://0.0.0.0:0")
    c = mgr.connect(f"{scheme}://127.0.0.1:{listener.local.port}", source=text)
    until(mgr, lambda: is_established(c))
    assert c.local.host == "127.0.0.2"


def test_a_source_with_a_port(mgr, tcp):
    with socket.socket() as free:  # on an address that nobody else uses
        free.bind(("127.0.0.3", 0))
        port = free.getsockname()[1]
    server = Recorder()
    mgr.connect(url(tcp.bind(mgr, server)), source=f"127.0.0.3:{port}")
    until(mgr, lambda: server.accepted)
    assert server.data(EV_ACCEPT) == [Address("127.0.0.3", port)]


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
@pytest.mark.parametrize("source", ["::1", "192.0.2.1"])
def test_a_source_that_cannot_be(mgr, scheme, source):
    client = Recorder()
    mgr.connect(f"{scheme}://127.0.0.1:9", client, source=source)
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.data(EV_CONNECT)[0] in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


# -- names ----------------------------------------------------------------------------------------


def test_a_name_is_resolved_first(named):
    mgr, names = named
    names.names["there"] = ["127.0.0.1"]
    server, client = Recorder(), Recorder()
    listener = mgr.bind("tcp://127.0.0.1:0", server)
    c = mgr.connect(f"tcp://there:{listener.local.port}", client)
    settle(mgr)
    assert c.flags & F_RESOLVING
    assert c.peer == Address("there", listener.local.port)
    assert client.log == []
    names.answer()
    until(mgr, lambda: server.accepted)
    assert not c.flags & F_RESOLVING
    assert client.data(EV_CONNECT) == [0]
    assert c.peer == listener.local


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_a_name_that_does_not_resolve(named, scheme):
    mgr, names = named
    client = Recorder()
    c = mgr.connect(f"{scheme}://nowhere:80", client)
    names.answer()
    settle(mgr)
    assert client.story() == "CONNECT CLOSE"
    assert client.data(EV_CONNECT) == [ERR_RESOLVE]
    assert c.error == "no nowhere"


@pytest.mark.parametrize("how", ["close", "abort", "timeout"])
def test_closing_while_resolving_cancels(named, how):
    mgr, names = named
    client = Recorder()
    c = mgr.connect("tcp://somewhere:80", client, connect_timeout=0.02)
    if how != "timeout":
        getattr(c, how)()
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.story() == "CONNECT CLOSE"
    code = errno.ETIMEDOUT if how == "timeout" else errno.ECANCELED
    assert client.data(EV_CONNECT) == [code]
    assert names.cancelled == ["somewhere"]
    names.names["somewhere"] = ["127.0.0.1"]
    names.answer()  # too late: nothing happens
    settle(mgr)
    assert len(mgr) == 0


def test_a_resolver_that_fails_is_a_failed_look_up(named, logged):
    mgr, names = named
    names.resolve = None
    client = Recorder()
    mgr.connect("tcp://somewhere:80", client)
    settle(mgr)
    assert client.data(EV_CONNECT) == [ERR_RESOLVE]
    assert len(logged) == 1


def test_the_next_address_is_tried_when_one_refuses(named):
    mgr, names = named
    server, client = Recorder(), Recorder()
    listener = mgr.bind("tcp://127.0.0.2:0", server)
    names.names["two"] = ["127.0.0.1", "127.0.0.2"]
    mgr.connect(f"tcp://two:{listener.local.port}", client)
    names.answer()
    until(mgr, lambda: client.count(EV_CONNECT))
    assert client.data(EV_CONNECT) == [0]
    assert client.c.peer == listener.local


def test_the_next_address_is_tried_when_one_does_not_answer(named, plain):
    """RFC 8305: it starts after a moment, and the first that is established wins."""
    mgr, names = named
    deaf = plain(socket.SOCK_STREAM, backlog=0)
    port = deaf.getsockname()[1]
    fillers = [mgr.connect(dead(port)) for _ in range(3)]
    settle(mgr)
    server, client = Recorder(), Recorder()
    mgr.bind(f"tcp://127.0.0.2:{port}", server)
    names.names["two"] = ["127.0.0.1", "127.0.0.2"]
    mgr.connect(f"tcp://two:{port}", client)
    names.answer()
    until(mgr, lambda: client.count(EV_CONNECT))
    assert client.data(EV_CONNECT) == [0]
    assert client.c.peer == Address("127.0.0.2", port)
    assert len(fillers) == 3


# -- answers in parts -----------------------------------------------------------------------------


class InParts(Names):
    """A resolver whose answers a test gives itself."""

    def say(self, *part):
        self.waiting[0][1](*part)


@pytest.fixture
def in_parts():
    names = InParts()
    with Manager(resolver=names) as mgr:
        yield mgr, names
        mgr.close(0)


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_it_starts_with_the_first_part(in_parts, scheme):
    mgr, names = in_parts
    client = Recorder()
    listener = mgr.bind(f"{scheme}://127.0.0.1:0")
    mgr.connect(f"{scheme}://there:{listener.local.port}", client)
    names.say(["127.0.0.1"], "", True)
    until(mgr, lambda: client.data(EV_CONNECT) == [0])
    assert names.cancelled == ["there"]  # the rest is not needed
    names.say(["127.0.0.2"], "")
    settle(mgr)
    assert client.story() == "CONNECT"


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
@pytest.mark.parametrize("first", [["::1"], []])
def test_the_second_part_is_waited_for(in_parts, refusing, scheme, first):
    """Nothing of the first part can be reached: IPv6 does not go with an IPv4 source."""
    mgr, names = in_parts
    server, client = Recorder(), Recorder()
    listener = mgr.bind(f"{scheme}://127.0.0.1:0", server)
    mgr.connect(f"{scheme}://there:{listener.local.port}", client, source="127.0.0.1")
    names.say(first, "", True)
    settle(mgr)
    assert client.story() == ""
    names.say(["127.0.0.1"], "")
    until(mgr, lambda: client.count(EV_CONNECT))
    assert client.data(EV_CONNECT) == [0]
    assert client.c.peer == listener.local


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
@pytest.mark.parametrize("first", [["::1"], []])
def test_the_second_part_may_be_empty(in_parts, scheme, first):
    mgr, names = in_parts
    client = Recorder()
    c = mgr.connect(f"{scheme}://there:9", client, source="127.0.0.1")
    names.say(first, "", True)
    settle(mgr)
    names.say([], "" if first else "no there")
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.data(EV_CONNECT) == [errno.EAFNOSUPPORT if first else ERR_RESOLVE]
    assert c.error


def test_the_second_part_comes_while_the_first_is_tried(in_parts, plain):
    """It is of the other family, so it is next, when the first has had its moment."""
    mgr, names = in_parts
    deaf = plain(socket.SOCK_STREAM, backlog=0)
    port = deaf.getsockname()[1]
    fillers = [mgr.connect(dead(port)) for _ in range(3)]
    settle(mgr)
    client = Recorder()
    mgr.bind(f"tcp://[::1]:{port}")
    mgr.connect(f"tcp://two:{port}", client)
    names.say(["127.0.0.1", "127.0.0.1"], "", True)
    settle(mgr)
    names.say(["::1"], "")
    until(mgr, lambda: client.count(EV_CONNECT))
    assert client.data(EV_CONNECT) == [0]
    assert client.c.peer == Address("::1", port)
    assert len(fillers) == 3


def test_when_all_addresses_fail_the_last_reason_is_told(named, refusing):
    mgr, names = named
    names.names["three"] = ["127.0.0.1", "::1", "127.0.0.2"]
    client = Recorder()
    mgr.connect(f"tcp://three:{refusing}", client)
    names.answer()
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.data(EV_CONNECT) == [errno.ECONNREFUSED]


@pytest.mark.parametrize(
    ("given", "mixed"),
    [
        (["1.1.1.1"], ["1.1.1.1"]),
        (["::1", "::2", "1.1.1.1", "2.2.2.2"], ["::1", "1.1.1.1", "::2", "2.2.2.2"]),
        (["1.1.1.1", "2.2.2.2", "::1"], ["1.1.1.1", "::1", "2.2.2.2"]),
        (["1.1.1.1", "::1", "::2", "::3"], ["1.1.1.1", "::1", "::2", "::3"]),
    ],
)
def test_the_families_take_turns(given, mixed):
    assert interleave(given) == mixed


def test_a_manager_closes_its_resolver():
    names = Names()
    Manager(resolver=names).close()
    assert names.closed


def test_no_host_is_the_loopback(mgr):
    server = Recorder()
    listener = mgr.bind("tcp://127.0.0.1:0", server)
    mgr.connect(f"tcp://:{listener.local.port}")
    until(mgr, lambda: server.accepted)
