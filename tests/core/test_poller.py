"""Readiness, as each kind of poller tells it."""

import os
import select
import socket

import pytest

from galidia.core.poller import EpollPoller, Poller, SelectorPoller, Watcher, default_poller

KINDS = [SelectorPoller] + ([EpollPoller] if hasattr(select, "epoll") else [])
READABLE, WRITABLE, ENDED, EDGE = 1, 2, 4, 8


@pytest.fixture(params=KINDS)
def poller(request):
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def ready(poller, timeout=0.0):
    """What is ready now: descriptor -> mask."""
    found = [poller.take(i) for i in range(poller.wait(timeout))]
    return {what >> 3: what & 7 for what in found}


def test_nothing_is_ready_when_nothing_is_watched(poller):
    assert ready(poller) == {}


def test_input_is_reported_until_it_is_taken(poller, pair):
    one, other = pair
    poller.set(one.fileno(), 0, READABLE)
    assert ready(poller) == {}
    other.send(b"x")
    assert ready(poller) == ready(poller) == {one.fileno(): READABLE}
    one.recv(1)
    assert ready(poller) == {}


def test_only_what_is_asked_for_is_reported(poller, pair):
    one, other = pair
    other.send(b"x")
    poller.set(one.fileno(), 0, WRITABLE)
    assert ready(poller) == {one.fileno(): WRITABLE}
    poller.set(one.fileno(), WRITABLE, READABLE | WRITABLE)
    assert ready(poller)[one.fileno()] == READABLE | WRITABLE
    poller.set(one.fileno(), READABLE | WRITABLE, 0)
    assert ready(poller) == {}


def test_many_at_once(poller):
    pairs = [socket.socketpair() for _ in range(20)]
    for one, other in pairs:
        poller.set(one.fileno(), 0, READABLE)
        other.send(b"x")
    assert ready(poller) == {one.fileno(): READABLE for one, _ in pairs}
    for one, other in pairs:
        poller.set(one.fileno(), READABLE, 0)
        one.close()
        other.close()


def test_the_end_of_the_peer_is_readable(poller, pair):
    one, other = pair
    poller.set(one.fileno(), 0, READABLE)
    other.close()
    assert ready(poller)[one.fileno()] & READABLE


def test_a_wait_is_as_long_as_asked(poller):
    assert poller.wait(0.01) == 0


def test_one_that_waits_for_ever_is_woken_by_input(poller, pair):
    one, other = pair
    poller.set(one.fileno(), 0, READABLE)
    other.send(b"x")
    assert ready(poller, -1.0) == {one.fileno(): READABLE}


def test_the_edge_is_reported_once_and_again_when_asked_anew(pair):
    one, other = pair
    poller = EpollPoller()
    poller.set(one.fileno(), 0, READABLE | EDGE)
    other.send(b"x")
    assert ready(poller) == {one.fileno(): READABLE}
    assert ready(poller) == {}
    poller.set(one.fileno(), READABLE | EDGE, READABLE | EDGE)
    assert ready(poller) == {one.fileno(): READABLE}
    other.shutdown(socket.SHUT_WR)
    assert ready(poller) == {one.fileno(): READABLE | ENDED}
    poller.close()


def test_watching_what_is_not_open_is_an_error():
    poller = EpollPoller()
    fd = os.dup(0)
    os.close(fd)
    with pytest.raises(OSError):
        poller.set(fd, 0, READABLE)
    poller.close()


def test_a_poller_can_be_watched_by_another_loop(pair):
    one, other = pair
    poller = default_poller()
    poller.set(one.fileno(), 0, READABLE)
    assert select.select([poller.fileno()], [], [], 0)[0] == []
    other.send(b"x")
    assert select.select([poller.fileno()], [], [], 0)[0] == [poller.fileno()]
    poller.close()


def test_the_seam_says_what_is_missing():
    for call in (lambda p: p.set(0, 0, 1), lambda p: p.wait(0), lambda p: p.take(0)):
        with pytest.raises(NotImplementedError):
            call(Poller())
    with pytest.raises(NotImplementedError, match="descriptor"):
        Poller().fileno()
    with pytest.raises(NotImplementedError):
        Watcher()._ready(1)
