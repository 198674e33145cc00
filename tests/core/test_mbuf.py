"""Buffers whose memory a handler still holds: the engine goes on with fresh ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia import EV_SEND
from tests.helpers import Recorder, until
from tests.twin import pure_module


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=40), st.data())
def test_growing_and_shrinking(old, new, data):
    mbuf = pure_module("core.mbuf")
    n = data.draw(st.integers(0, len(new)))
    for hold in (False, True):
        buf = bytearray(old)
        view = memoryview(buf) if hold else None
        grown = mbuf.append(buf, bytearray(new), n)
        assert grown == old + new[:n]
        buf = bytearray(old)
        view = memoryview(buf) if hold else view
        assert mbuf.extend(buf, new) == old + new
        buf = bytearray(old + new)
        view = memoryview(buf) if hold else view
        assert mbuf.discard(buf, n) == (old + new)[n:]
        assert not hold or view == old + new  # what is held is left as it is


def test_a_buffer_may_be_extended_with_itself(mgr):
    one, _ = mgr.socketpair()
    one.send(b"ab")
    one.send(one.send_mbuf)
    assert one.send_mbuf == b"abab"


def test_a_view_of_recv_mbuf_may_be_kept(mgr, stream):
    views = []
    server = Recorder(recv=lambda c, n: views.append(memoryview(c.recv_mbuf)))
    _, c = stream.join(mgr, server, None)
    for i in (1, 2, 3):
        c.send(b"abc")
        until(mgr, lambda i=i: len(views) == i)
    assert [bytes(view) for view in views] == [b"abc", b"abcabc", b"abcabcabc"]


@pytest.mark.parametrize("size", [10, 5_000_000])
def test_a_view_of_send_mbuf_may_be_kept(mgr, stream, size):
    server, client = Recorder(recv=lambda c, n: c.recv_mbuf.clear()), Recorder()
    _, c = stream.join(mgr, server, client)
    c.send(b"x" * size)
    views = [memoryview(c.send_mbuf)]
    c.send(b"y")
    views.append(memoryview(c.send_mbuf))
    until(mgr, lambda: len(server.received) == size + 1)
    assert server.received == b"x" * size + b"y"
    assert sum(client.data(EV_SEND)) == size + 1
    assert [len(view) for view in views] == [size, size + 1]


def test_a_view_of_a_datagram_may_be_kept(mgr, plain):
    views = []
    server = Recorder(recv=lambda c, n: views.append(memoryview(c.recv_mbuf)))
    listener = mgr.bind("udp://127.0.0.1:0", server)
    sock = plain()
    for text in (b"one", b"two"):
        sock.sendto(text, tuple(listener.local))
    until(mgr, lambda: len(views) == 2)
    assert [bytes(view) for view in views] == [b"one", b"two"]


@pytest.mark.parametrize("name", ["recv_mbuf", "send_mbuf"])
def test_a_buffer_can_be_replaced_by_a_bytearray(mgr, name):
    one, _ = mgr.socketpair()
    fresh = bytearray(b"new")
    setattr(one, name, fresh)
    assert getattr(one, name) is fresh
    with pytest.raises(TypeError, match=name):
        setattr(one, name, b"bytes")
