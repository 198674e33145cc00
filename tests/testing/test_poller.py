"""Readiness: what is reported, when, and to whom."""

import errno
from typing import Any

import pytest

from galidia.testing import Faults, SimNetwork
from galidia.testing.tcp import MAX_VAIN

READABLE, WRITABLE, ENDED, EDGE = 1, 2, 4, 8


def reports(poller: Any) -> dict[int, int]:
    """Descriptors and masks of one look."""
    return {what >> 3: what & 7 for what in (poller.take(i) for i in range(poller.wait(0)))}


@pytest.fixture
def pair(net: SimNetwork) -> tuple[Any, Any, Any]:
    return (*net.socketpair(), net.poller())


def test_levels_are_reported_until_they_are_gone(pair: tuple[Any, Any, Any]) -> None:
    one, other, poller = pair
    poller.set(one.fd, 0, READABLE)
    assert reports(poller) == {}
    other.send(bytearray(b"x"), 1, False)
    assert reports(poller) == reports(poller) == {one.fd: READABLE}
    one.recv(bytearray(10), 10)
    assert reports(poller) == {}
    poller.set(one.fd, READABLE, READABLE | WRITABLE)
    assert reports(poller) == reports(poller) == {one.fd: WRITABLE}


def test_edges_are_reported_once_and_again_when_asked(pair: tuple[Any, Any, Any]) -> None:
    one, other, poller = pair
    poller.set(one.fd, 0, READABLE | EDGE)
    other.send(bytearray(b"xy"), 1, False)
    assert reports(poller) == {one.fd: READABLE}
    assert reports(poller) == {}
    poller.set(one.fd, READABLE | EDGE, READABLE | EDGE)
    assert reports(poller) == {one.fd: READABLE}
    other.send(bytearray(b"z"), 1, False)
    assert reports(poller) == {one.fd: READABLE}


def test_the_end_and_the_failure_of_a_stream(pair: tuple[Any, Any, Any]) -> None:
    one, other, poller = pair
    poller.set(one.fd, 0, READABLE)
    poller.set(other.fd, 0, WRITABLE)
    other.shutdown()
    assert reports(poller)[one.fd] == READABLE | ENDED
    one.abort()
    assert reports(poller) == {other.fd: 7}
    assert other.recv(bytearray(1), 1) == -errno.ECONNRESET
    assert other.recv(bytearray(1), 1) == 0
    assert other.send(bytearray(b"x"), 1, False) == -errno.EPIPE


def test_descriptors_are_the_lowest_free_ones(net: SimNetwork) -> None:
    one, other = net.socketpair()
    assert (one.fd, other.fd) == (3, 4)
    one.close()
    assert net.socketpair()[0].fd == 3


@pytest.mark.parametrize(
    ("was", "mask", "code"), [(1, 2, errno.ENOENT), (1, 0, errno.ENOENT), (0, 1, 0)]
)
def test_a_wrong_account_of_what_is_watched(
    pair: tuple[Any, Any, Any], was: int, mask: int, code: int
) -> None:
    one, _, poller = pair
    if code:
        with pytest.raises(OSError) as e:
            poller.set(one.fd, was, mask)
        assert e.value.errno == code
    else:
        poller.set(one.fd, was, mask)
        with pytest.raises(OSError):
            poller.set(one.fd, was, mask)
    with pytest.raises(OSError):
        poller.set(99, 0, READABLE)


def test_readiness_that_is_none() -> None:
    net = SimNetwork(1, faults=Faults(spurious=1.0))
    one, _ = net.socketpair()
    poller = net.poller()
    poller.set(one.fd, 0, READABLE)
    assert reports(poller) == {one.fd: READABLE}
    assert one.recv(bytearray(1), 1) == -errno.EAGAIN


def test_vain_receives_end(pair: tuple[Any, Any, Any]) -> None:
    one, _, _ = pair
    for _ in range(MAX_VAIN):
        assert one.recv(bytearray(1), 1) == -errno.EAGAIN
    with pytest.raises(RuntimeError, match="busy loop"):
        one.recv(bytearray(1), 1)
