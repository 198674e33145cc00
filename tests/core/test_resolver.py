"""The names of this machine, who finds the others, and the resolver of the system, in a thread."""

import socket
import subprocess
import sys
import threading

import pytest

from galidia import ERR_RESOLVE, EV_CLOSE, EV_CONNECT, Manager
from galidia.core.resolver import (
    MAX_PENDING,
    BusyError,
    Lookup,
    NotFoundError,
    ResolveError,
    SystemResolver,
)
from tests.helpers import Recorder, settle, until


@pytest.fixture
def hosts(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("192.0.2.1 first\n")
    return str(path)


@pytest.fixture
def answers():
    return []


@pytest.fixture
def asks(mgr, hosts, answers):
    """Resolves a name; the answers go to ``answers``."""
    resolver = SystemResolver(mgr, hosts)
    yield lambda name: resolver.resolve(name, lambda *answer: answers.append(answer))
    resolver.close()


def test_the_hosts_file_answers_at_once(asks, answers):
    asks("first")
    assert answers == [(["192.0.2.1"], "")]


@pytest.mark.parametrize("name", ["localhost", "LocalHost.", "some.localhost"])
def test_localhost_is_never_asked_of_a_server(asks, answers, name):
    asks(name)
    assert answers == [(["127.0.0.1", "::1"], "")]


def test_a_thread_asks_the_system(mgr, asks, answers, monkeypatch):
    def getaddrinfo(name, port, **options):
        assert threading.current_thread().name == "galidia-resolver"
        stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "")
        scoped = (*six, ("fe80::1", 0, 0, 3))
        return [scoped, (*stream, ("192.0.2.5", 0)), (*stream, ("192.0.2.5", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    asks("elsewhere.example")
    assert answers == []
    until(mgr, lambda: answers)
    assert answers == [(["fe80::1%3", "192.0.2.5"], "")]


def test_a_failure_says_why(mgr, asks, answers, monkeypatch):
    def getaddrinfo(name, port, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    asks("elsewhere.example")
    until(mgr, lambda: answers)
    ((found, error),) = answers
    assert found == []
    assert isinstance(error, NotFoundError)
    assert str(error) == "'elsewhere.example' cannot be resolved: Name or service not known"


def test_a_cancelled_look_up_does_not_answer(mgr, asks, answers, monkeypatch):
    started, go = threading.Event(), threading.Event()

    def getaddrinfo(name, port, **options):
        started.set()
        go.wait()
        raise socket.gaierror(-2, name)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    cancel = asks("one")
    asks("two")
    started.wait()
    cancel()
    go.set()
    until(mgr, lambda: answers)
    assert len(answers) == 1
    assert "two" in str(answers[0][1])


def test_there_may_not_be_any_number_of_look_ups(mgr, asks, answers, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: go.wait() and [])
    for i in range(MAX_PENDING + 1):
        asks(f"name{i}")
    ((_, error),) = answers
    assert isinstance(error, BusyError)
    assert str(error) == f"{MAX_PENDING} look-ups are waiting already"
    go.set()
    until(mgr, lambda: len(answers) == MAX_PENDING + 1)


def test_a_connection_to_a_name_that_does_not_exist(monkeypatch):
    def getaddrinfo(name, port, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    client = Recorder()
    with Manager(resolver=SystemResolver) as mgr:
        c = mgr.connect("tcp://nowhere.invalid:80", client)
        until(mgr, lambda: client.count(EV_CLOSE))
    assert client.data(EV_CONNECT) == [ERR_RESOLVE]
    assert "nowhere.invalid" in c.error


# -- Manager.resolve ------------------------------------------------------------------------------


class Names:
    """A resolver that says what it is told to, in as many parts."""

    def __init__(self, *parts):
        self.parts = parts
        self.answers = []
        self.cancelled = 0

    def resolve(self, name, answer):
        self.answers.append(answer)
        for part in self.parts:
            answer(*part)
        return self.cancel

    def cancel(self):
        self.cancelled += 1

    def close(self):
        pass


@pytest.fixture
def find():
    """Resolves a name with a resolver that answers at once; what came of it."""

    def find(name, *parts):
        found: list[Lookup] = []
        with Manager(resolver=Names(*parts)) as mgr:
            mgr.resolve(name, found.append)
            assert found == []  # never from inside
            until(mgr, lambda: found)
        (lookup,) = found
        assert lookup.name == lookup.canonical == name
        return lookup

    return find


@pytest.mark.parametrize(
    ("parts", "addresses"),
    [
        ([(["192.0.2.1", "2001:db8::1"], "")], ["192.0.2.1", "2001:db8::1"]),
        ([(["192.0.2.1"], "", True), (["2001:db8::1"], "")], ["2001:db8::1", "192.0.2.1"]),
        ([(["192.0.2.1"], "", True), ([], "")], ["192.0.2.1"]),
        ([([], "", True), (["192.0.2.1"], "")], ["192.0.2.1"]),
    ],
)
def test_the_parts_of_an_answer_are_told_together(find, parts, addresses):
    lookup = find("name.example", *parts)
    assert lookup.addresses == addresses
    assert lookup.error is None
    lookup.raise_for_error()


@pytest.mark.parametrize("error", ["nobody knows", NotFoundError("nobody knows")])
def test_a_look_up_that_finds_nothing_says_why(find, error):
    lookup = find("name.example", ([], error))
    assert lookup.addresses == []
    with pytest.raises(type(error) if isinstance(error, NotFoundError) else ResolveError) as e:
        lookup.raise_for_error()
    assert str(e.value) == "nobody knows"
    assert "nobody knows" in repr(lookup)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "fe80::1%1"])
def test_an_address_is_its_own_address(find, address):
    assert find(address).addresses == [address]


@pytest.mark.parametrize("parts", [[], [(["192.0.2.1"], "")]])
def test_a_look_up_that_is_cancelled_does_not_call_back(parts):
    names = Names(*parts)
    with Manager(resolver=names) as mgr:
        cancel = mgr.resolve("name.example", lambda lookup: pytest.fail("called"))
        cancel()
        cancel()
        names.answers[0](["192.0.2.1"], "")
        settle(mgr)
        assert mgr.next_deadline() is None
    assert names.cancelled


@pytest.mark.parametrize("make", [SystemResolver, lambda mgr: SystemResolver(mgr)])
def test_a_resolver_that_finds_no_records(make):
    with Manager(resolver=make) as mgr:
        assert isinstance(mgr.resolver, SystemResolver)
        with pytest.raises(TypeError, match="finds addresses only"):
            mgr.resolve("name.example", print, type="MX")


def test_a_closed_manager_resolves_nothing():
    mgr = Manager()
    mgr.close()
    with pytest.raises(RuntimeError, match="closed"):
        mgr.resolve("localhost", print)


def test_the_dns_client_is_loaded_when_it_is_needed():
    program = (
        "import sys\n"
        "from galidia import Manager\n"
        "def has(): return 'galidia.dns' in sys.modules\n"
        "with Manager() as mgr:\n"
        "    for name in ('localhost', 'a.localhost', '127.0.0.1'):\n"
        "        mgr.resolve(name, lambda lookup: None)\n"
        "        mgr.poll(0)\n"
        "    assert not has()\n"
        "    first = mgr.resolver\n"
        "    mgr.resolve('nowhere.invalid', lambda lookup: None)\n"
        "    assert has() and mgr.resolver is not first\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_localhost_works_out_of_the_box(mgr):
    client = Recorder()
    listener = mgr.bind("tcp://localhost:0")
    mgr.connect(f"tcp://localhost:{listener.local.port}", client)
    until(mgr, lambda: client.data(EV_CONNECT) == [0])


def test_closing_a_manager_does_not_wait_for_an_answer(monkeypatch):
    go, workers = threading.Event(), []

    def getaddrinfo(name, port, **options):
        workers.append(threading.current_thread())
        go.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with Manager(resolver=SystemResolver) as mgr:
        mgr.connect("tcp://slow.example:80")
        until(mgr, lambda: workers)
    go.set()
    workers[0].join()
