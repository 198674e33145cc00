"""The resolver of the system: the hosts file, localhost, and a thread for the rest."""

import socket
import threading

import pytest

from galidia import ERR_RESOLVE, EV_CLOSE, EV_CONNECT, Manager
from galidia.core.resolver import MAX_PENDING, SystemResolver, from_hosts_file
from tests.helpers import Recorder, until

HOSTS = """
# a comment
192.0.2.1   first.example first   # the rest is a comment
192.0.2.2   FIRST.example
2001:db8::1 first.example
192.0.2.1   first.example
not.an.ip   first.example
192.0.2.9
"""


@pytest.fixture
def hosts(tmp_path):
    path = tmp_path / "hosts"
    path.write_text(HOSTS)
    return str(path)


@pytest.mark.parametrize("name", ["first.example", "FIRST.EXAMPLE", "first.example."])
def test_the_hosts_file(hosts, name):
    assert from_hosts_file(name, hosts) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]


def test_names_that_are_not_in_the_hosts_file(hosts, tmp_path):
    assert from_hosts_file("first", hosts) == ["192.0.2.1"]
    assert from_hosts_file("rest", hosts) == []
    assert from_hosts_file("192.0.2.9", hosts) == []
    assert from_hosts_file("first", str(tmp_path / "missing")) == []


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


@pytest.mark.parametrize("name", ["localhost", "LocalHost."])
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
    assert answers == [([], "'elsewhere.example' cannot be resolved: Name or service not known")]


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
    assert "two" in answers[0][1]


def test_there_may_not_be_any_number_of_look_ups(mgr, asks, answers, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: go.wait() and [])
    for i in range(MAX_PENDING + 1):
        asks(f"name{i}")
    assert answers == [([], f"{MAX_PENDING} look-ups are waiting already")]
    go.set()
    until(mgr, lambda: len(answers) == MAX_PENDING + 1)


def test_a_connection_to_a_name_that_does_not_exist(monkeypatch):
    def getaddrinfo(name, port, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    client = Recorder()
    with Manager() as mgr:
        c = mgr.connect("tcp://nowhere.invalid:80", client)
        until(mgr, lambda: client.count(EV_CLOSE))
    assert client.data(EV_CONNECT) == [ERR_RESOLVE]
    assert "nowhere.invalid" in c.error


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
    with Manager() as mgr:
        mgr.connect("tcp://slow.example:80")
        until(mgr, lambda: workers)
    go.set()
    workers[0].join()
