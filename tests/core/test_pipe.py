"""Ends of pipes as connections."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from galidia import Address, Manager
from tests.helpers import Recorder, settle, take, until


@pytest.fixture
def mgr() -> Iterator[Manager]:
    with Manager() as manager:
        yield manager


def test_a_pipe_between_two_connections(mgr: Manager) -> None:
    reads, writes = os.pipe()
    reader = Recorder(recv=lambda c, n: take(c))
    writer = Recorder()
    one, other = mgr.adopt(reads, reader), mgr.adopt(writes, writer)
    data = bytes(range(256)) * 4000
    other.send(data)  # more than a pipe holds
    other.close_after_send()
    until(mgr, lambda: one.closed)
    assert reader.received == data
    assert reader.story(one).split()[-1] == "CLOSE"
    assert sum(writer.data(writer.log[0][1])) <= len(data)
    assert one.peer == one.local == Address("")


def test_a_reader_that_goes(mgr: Manager) -> None:
    reads, writes = os.pipe()
    recorder = Recorder()
    c = mgr.adopt(writes, recorder)
    settle(mgr)
    assert recorder.story() == ""
    os.close(reads)
    until(mgr, lambda: c.closed)
    assert recorder.story() == "CLOSE"


def test_a_full_reader_holds_the_writer_up(mgr: Manager) -> None:
    reads, writes = os.pipe()
    one, other = mgr.adopt(reads, recv_mbuf_limit=1000), mgr.adopt(writes)
    other.send(bytes(300_000))
    settle(mgr)
    assert 1000 <= len(one.recv_mbuf) < 200_000
    got = 0
    while got < 300_000:
        until(mgr, lambda: one.recv_mbuf)
        got += len(take(one))
