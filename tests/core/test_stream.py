"""Streams: reading, writing, files, limits, and the ways they end."""

import itertools
import os
import socket
from typing import Any

import pytest

from galidia import (
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONGESTED,
    EV_CONNECT,
    EV_DRAINED,
    EV_RECV,
    EV_SEND,
    F_BUFFER_BUT_DONT_SEND,
    F_SEND_AND_CLOSE,
    Address,
)
from tests.helpers import Recorder, echo, set_flag, settle, take, until

MEGA = 1 << 20
SCRATCH = 1 << 17  # what one read takes at most


@pytest.fixture
def numbers(tmp_path):
    """A file of 1 MB in which no two places look alike, and its content."""
    content = b"".join(b"%07d\n" % i for i in range(MEGA // 8))
    path = tmp_path / "numbers"
    path.write_bytes(content)
    return path, content


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, SCRATCH - 1, SCRATCH, SCRATCH + 1, 3 * SCRATCH])
def test_everything_arrives_whatever_its_size(mgr, stream, size):
    server = Recorder()
    _, c = stream.join(mgr, server, None)
    data = os.urandom(size)
    c.send(data)
    until(mgr, lambda: len(server.received) == size)
    (inbound,) = server.accepted
    assert inbound.recv_mbuf == server.received == data
    assert sum(server.data(EV_RECV)) == size


def test_recv_mbuf_limit_stops_reading_until_there_is_room(mgr, stream):
    server = Recorder()
    listener = stream.bind(mgr, server, recv_mbuf_limit=1000)
    c = stream.connect(mgr, listener, None)
    data = os.urandom(5500)
    c.send(data)
    until(mgr, lambda: len(server.received) == 1000)
    (inbound,) = server.accepted
    got = b""
    while len(got) < len(data):
        settle(mgr)
        assert len(inbound.recv_mbuf) == min(1000, len(data) - len(got))
        got += take(inbound)
    assert got == data


def test_at_the_limit_the_end_waits_for_room_as_well(mgr, tcp, plug):
    server = Recorder()
    peer = plug(tcp.bind(mgr, server, recv_mbuf_limit=4))
    peer.send(b"12345")
    peer.close()
    until(mgr, lambda: server.received == b"1234")
    settle(mgr)
    assert not server.count(EV_CLOSE)
    take(server.accepted[0])
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.received == b"12345"


def test_a_handler_that_discards_in_recv_never_reaches_the_limit(mgr, stream):
    server = Recorder(recv=lambda c, n: take(c))
    listener = stream.bind(mgr, server, recv_mbuf_limit=100)
    stream.connect(mgr, listener, None).send(b"x" * 10_000)
    until(mgr, lambda: len(server.received) == 10_000)
    assert max(server.data(EV_RECV)) <= 100


def test_input_and_end_in_one_go(mgr, tcp, plug):
    server = Recorder()
    peer = plug(tcp.bind(mgr, server))
    peer.send(b"x" * 200_000)
    peer.sock.shutdown(socket.SHUT_WR)
    until(mgr, lambda: server.count(EV_CLOSE))
    assert len(server.received) == 200_000
    assert server.story().startswith("ACCEPT RECV")


def test_readiness_that_was_not_true_does_no_harm(mgr, tcp, plug):
    """A descriptor's number may be used again before a report about the old one is read."""
    server = Recorder()
    peer = plug(tcp.bind(mgr, server))
    until(mgr, lambda: server.accepted)
    for mask in range(8):
        server.accepted[0]._ready(mask)
    peer.send(b"fine")
    until(mgr, lambda: server.received == b"fine")


# -- the end --------------------------------------------------------------------------------------


def test_the_end_of_the_peer_closes_after_what_waits_was_sent(mgr, tcp, plug):
    server = Recorder(recv=lambda c, n: c.send(b"y" * 3_000_000))
    peer = plug(tcp.bind(mgr, server))
    peer.send(b"request")
    peer.sock.shutdown(socket.SHUT_WR)
    until(mgr, lambda: server.count(EV_RECV))
    assert server.accepted[0].closing or server.accepted[0].send_mbuf
    until(mgr, peer.has_ended)
    assert len(peer.received) == 3_000_000
    assert not peer.was_reset
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.accepted[0].error == ""


def test_a_reset_closes_and_says_so(mgr, tcp, plug):
    server = Recorder()
    peer = plug(tcp.bind(mgr, server))
    until(mgr, lambda: server.accepted)
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.story() == "ACCEPT CLOSE"
    assert "reset" in server.accepted[0].error.lower()


def test_writing_to_one_who_has_gone(mgr, tcp, plug):
    server = Recorder(recv=lambda c, n: c.send(b"z" * 10_000_000))
    peer = plug(tcp.bind(mgr, server))
    peer.send(b"x")
    until(mgr, lambda: server.count(EV_SEND))
    peer.close()  # with input it has not read: a reset
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.accepted[0].error
    assert server.story().split().count("CLOSE") == 1


def test_output_after_the_own_end_is_dropped(mgr, tcp, plug):
    server = Recorder(accept=lambda c, _: c.close_after_recv(), recv=echo)
    peer = plug(tcp.bind(mgr, server))
    until(mgr, peer.has_ended)
    peer.send(b"x")
    until(mgr, lambda: server.received)
    peer.close()
    until(mgr, lambda: server.count(EV_CLOSE))


def test_closing_while_it_is_being_established(mgr, stream):
    client = Recorder()
    c = stream.connect(mgr, stream.bind(mgr, None), client)
    c.close()
    settle(mgr)
    assert client.story() == "CONNECT CLOSE"
    assert client.data(EV_CONNECT) != [0]
    assert c.error == "closed before it was established"


def test_send_and_close_before_it_is_established_still_sends(mgr, stream):
    server, client = Recorder(), Recorder()
    c = stream.connect(mgr, stream.bind(mgr, server), client)
    c.send(b"last words")
    c.close_after_send()
    until(mgr, lambda: client.count(EV_CLOSE) and server.count(EV_CLOSE))
    assert client.story() == "CONNECT SEND CLOSE"
    assert server.received == b"last words"


# -- writing --------------------------------------------------------------------------------------


def test_more_than_the_socket_takes(mgr, stream):
    data = os.urandom(12 * MEGA)
    server = Recorder(recv=lambda c, n: take(c))
    client = Recorder()
    _, c = stream.join(mgr, server, client)
    c.send(data)
    until(mgr, lambda: len(server.received) == len(data))
    assert server.received == data
    assert sum(client.data(EV_SEND)) == len(data)
    assert client.count(EV_SEND) > 1
    assert c.send_mbuf == b""


def _swap(c):
    c.send_mbuf = bytearray(b"0") + c.send_mbuf


def _drop_oldest(c):
    c.congestion = "drop_oldest"


# What the handler of RECV does, in order, and what arrives.
ANSWERS: dict[str, tuple[list[Any], bytes]] = {
    "one": ([b"1"], b"1"),
    "two": ([b"1", b"2"], b"12"),
    "much": ([b"1", bytes(SCRATCH), b"2"], b"1" + bytes(SCRATCH) + b"2"),
    "more than the socket takes": ([bytes(SCRATCH), bytes(2 * MEGA)], bytes(2 * MEGA + SCRATCH)),
    "appended": ([b"1", lambda c: c.send_mbuf.extend(b"2"), b"3"], b"123"),
    "appended first": ([lambda c: c.send_mbuf.extend(b"1"), b"2"], b"12"),
    "swapped": ([b"1", _swap, b"2"], b"012"),
    "taken back": ([b"1", lambda c: c.send_mbuf.clear(), b"2"], b"2"),
    "the input": ([lambda c: c.send(c.recv_mbuf), lambda c: c.recv_mbuf.clear()], b"?"),
    "from a view": ([lambda c: c.send(memoryview(b"123")[1:])], b"23"),
    "held back": ([b"1", lambda c: set_flag(c, F_BUFFER_BUT_DONT_SEND), b"2"], b""),
    "closed": ([b"1", lambda c: c.close()], b""),
    "closed after": ([b"1", lambda c: c.close_after_send(), b"2"], b"12"),
    "half closed": ([b"1", lambda c: c.close_after_recv(), b"2"], b"12"),
    "messages": ([b"1", _drop_oldest, b"2"], b"12"),
    "looked at": ([b"1", lambda c: c._unsent() == 1 or c.close()], b"1"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_handler_of_recv_queues_leaves_in_order(mgr, stream, name):
    steps, expected = ANSWERS[name]
    client = Recorder()

    def answer(c, n):
        for step in steps:
            step(c) if callable(step) else c.send(step)

    server = Recorder(recv=answer)
    _, c = stream.join(mgr, server, client)
    c.send(b"?")
    until(mgr, lambda: server.received and len(client.received) >= len(expected))
    settle(mgr)
    assert client.received == expected
    assert sum(server.data(EV_SEND)) == len(expected)
    if "close" not in name:
        (inbound,) = server.accepted
        assert bytes(inbound.send_mbuf) == (b"12" if name == "held back" else b"")
        assert mgr.buffered == len(inbound.recv_mbuf) + len(c.recv_mbuf) + len(inbound.send_mbuf)


def test_an_answer_past_send_mbuf_limit_is_congestion(mgr, tcp):
    client = Recorder()

    def answer(c, n):
        c.send(b"12345")
        c.send(b"678")

    server = Recorder(recv=answer)
    listener = tcp.bind(mgr, server, send_mbuf_limit=4, congestion="pause_source")
    c = tcp.connect(mgr, listener, client)
    c.send(b"?")
    until(mgr, lambda: client.received == b"12345678")
    assert server.count(EV_CONGESTED) == server.count(EV_DRAINED) == 1


def test_a_poll_that_is_interrupted_by_a_handler_keeps_its_answer(mgr, tcp):
    client = Recorder()

    def answer(c, n):
        c.send(b"answer")
        raise KeyboardInterrupt

    _, c = tcp.join(mgr, Recorder(recv=answer), client)
    c.send(b"?")
    with pytest.raises(KeyboardInterrupt):
        until(mgr, lambda: client.received)
    until(mgr, lambda: client.received == b"answer")


def test_a_handler_that_fails_after_its_answer(mgr, tcp, logged):
    client = Recorder()

    def answer(c, n):
        c.send(b"answer")
        raise ValueError("no")

    _, c = tcp.join(mgr, Recorder(recv=answer), client)
    c.send(b"?")
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.received == b""
    assert len(logged) == 1


def test_a_slow_reader_gets_everything(mgr, tcp, plug):
    data = os.urandom(6 * MEGA)
    peer = plug(tcp.bind(mgr, Recorder(accept=lambda c, _: c.send(data))))
    until(mgr, lambda: mgr.buffered)
    while len(peer.received) < len(data):
        mgr.poll(0)
        try:
            peer.received += peer.sock.recv(60_000)
        except BlockingIOError:
            mgr.poll(5)
    assert peer.received == data


def test_what_one_round_sends_is_one_write(mgr, tcp, plug):
    def serve(c, n):
        for part in (b"a", b"b", b"c"):
            c.send(part)

    server = Recorder(recv=serve)
    peer = plug(tcp.bind(mgr, server))
    peer.send(b"x")
    until(mgr, lambda: peer.look() == b"abc")
    assert server.data(EV_SEND) == [3]


def test_an_answer_leaves_in_the_poll_that_brought_the_question(mgr, tcp, plug):
    server = Recorder(recv=echo)
    peer = plug(tcp.bind(mgr, server))
    until(mgr, lambda: server.accepted)
    peer.send(b"ping")
    mgr.poll(1000)
    assert peer.look() == b"ping"


def test_sending_in_send_goes_on(mgr, stream):
    left = iter(range(50))
    server = Recorder()
    client = Recorder(
        send=lambda c, n: c.send(b"".join(b"%d " % i for i in itertools.islice(left, 1)))
    )
    _, c = stream.join(mgr, server, client)
    c.send(b"go ")
    until(mgr, lambda: server.received.endswith(b" 48 49 "))
    assert client.count(EV_SEND) == 51


def test_one_who_sends_in_every_send_does_not_hold_the_loop(mgr, stream):
    server, client = Recorder(), Recorder(send=lambda c, n: c.send(b"x"))
    _, c = stream.join(mgr, server, client)
    c.send(b"x")
    mgr.poll(0)
    assert client.count(EV_SEND) < 100


def test_whatever_a_handler_touches_a_later_send_is_written(mgr, stream):
    def touch(c, data):
        c.send_mbuf, c.recv_mbuf, c.flags = c.send_mbuf, c.recv_mbuf, c.flags

    server, client = Recorder(recv=echo, send=touch), Recorder()
    _, c = stream.join(mgr, server, client)
    for i in range(1, 4):
        c.send(b"x")
        until(mgr, lambda i=i: len(client.received) == 2 * i - 1)
        server.accepted[0].send(b"y")
        until(mgr, lambda i=i: len(client.received) == 2 * i)


def test_closing_with_unread_input_does_not_lose_output(mgr, tcp, plug):
    def serve(c, n):
        c.send(b"y" * 2_000_000)
        c.recv_mbuf_limit = 1
        c.close_after_send()

    peer = plug(tcp.bind(mgr, Recorder(recv=serve)))
    peer.send(b"x" * 300_000)
    until(mgr, peer.has_ended)
    assert len(peer.received) == 2_000_000
    assert not peer.was_reset


# -- files ----------------------------------------------------------------------------------------


def test_a_file_goes_behind_what_was_sent_and_ahead_of_what_follows(mgr, stream, numbers):
    path, content = numbers
    server, client = Recorder(), Recorder()
    _, c = stream.join(mgr, server, client)
    c.send(b"before ")
    c.send_file(path)
    c.send(b" between ")
    c.send_file(str(path), 8, 16)
    c.send(b" after")
    expected = b"before " + content + b" between " + content[8:24] + b" after"
    until(mgr, lambda: len(server.received) == len(expected))
    assert server.received == expected
    assert sum(client.data(EV_SEND)) == len(expected)


def test_a_large_file_to_a_slow_reader(mgr, tcp, plug, tmp_path):
    path = tmp_path / "large"
    content = os.urandom(1 << 16) * 200
    path.write_bytes(content)

    def serve(c, _):
        c.send_file(path)
        c.close_after_send()

    server = Recorder(accept=serve)
    peer = plug(tcp.bind(mgr, server))
    until(mgr, peer.has_ended)
    assert peer.received == content


@pytest.mark.parametrize(
    ("offset", "count", "slice_"),
    [
        (0, 0, slice(0)),
        (0, None, slice(None)),
        (MEGA - 1, None, slice(-1, None)),
        (99, 2, slice(99, 101)),
    ],
)
def test_parts_of_files(mgr, stream, numbers, offset, count, slice_):
    path, content = numbers
    server = Recorder()
    _, c = stream.join(mgr, server, None)
    until(mgr, lambda: server.accepted)
    c.send_file(path, offset, count)
    c.close_after_send()
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.received == content[slice_]


def test_a_descriptor_is_closed_when_done(mgr, stream, numbers):
    path, content = numbers
    fd = os.open(path, os.O_RDONLY)
    server = Recorder()
    _, c = stream.join(mgr, server, None)
    c.send_file(fd)
    until(mgr, lambda: server.received == content)
    settle(mgr)
    with pytest.raises(OSError):
        os.fstat(fd)


def test_files_that_wait_are_closed_with_the_connection(mgr, stream, numbers):
    _, c = stream.join(mgr, None, None)
    set_flag(c, F_BUFFER_BUT_DONT_SEND)
    fd = os.open(numbers[0], os.O_RDONLY)
    c.send_file(fd)
    settle(mgr)
    c.close()
    mgr.poll(0)
    late = os.open(numbers[0], os.O_RDONLY)
    c.send_file(late)
    for closed in (fd, late):
        with pytest.raises(OSError):
            os.fstat(closed)


def test_a_file_that_is_shorter_than_promised_ends_the_connection(mgr, stream, numbers):
    server = Recorder()
    _, c = stream.join(mgr, server, None)
    until(mgr, lambda: server.accepted)
    c.send_file(numbers[0], 0, MEGA + 1)
    until(mgr, lambda: server.count(EV_CLOSE))
    assert "shorter" in c.error
    assert server.received == numbers[1]


def test_a_file_that_is_not_there(mgr, stream, tmp_path):
    _, c = stream.join(mgr, None, None)
    with pytest.raises(FileNotFoundError):
        c.send_file(tmp_path / "missing")


def test_output_taken_back_while_a_file_waits_behind_it(mgr, stream, numbers):
    server = Recorder()
    _, c = stream.join(mgr, server, None)
    until(mgr, lambda: server.accepted)
    c.send(b"x" * 100)
    c.send_file(numbers[0])
    del c.send_mbuf[10:]
    c.close_after_send()
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.received == b"x" * 10 + numbers[1]


# -- what the connection knows --------------------------------------------------------------------


def test_addresses(mgr, tcp):
    server = Recorder()
    listener, c = tcp.join(mgr, server, None)
    until(mgr, lambda: server.accepted)
    (inbound,) = server.accepted
    assert inbound.peer == c.local == server.data(EV_ACCEPT)[0]
    assert inbound.local == c.peer == listener.local
    assert inbound.listener is listener
    assert c.listener is None
    assert c.fileno() >= 0


def test_an_outbound_connection_knows_its_target_before_it_is_there(mgr, tcp):
    listener = tcp.bind(mgr, None)
    c = tcp.connect(mgr, listener, None)
    assert c.peer == listener.local
    assert c.local == Address("")
    assert c.fileno() == -1
    with pytest.raises(OSError):
        c.socket()


def test_a_socket_object_sets_options(mgr, stream):
    _, c = stream.join(mgr, None, None)
    with c.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    settle(mgr)
    assert not c.closed
    with c.socket() as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_last_io_time_follows_the_traffic(mgr, stream):
    _, c = stream.join(mgr, None, None)
    before = c.last_io_time
    until(mgr, lambda: mgr.time() > before + 0.01)
    c.send(b"x")
    mgr.poll(0)
    assert before + 0.005 < c.last_io_time <= mgr.time()


def test_the_flag_after_the_end_is_told(mgr, tcp, plug):
    server = Recorder(close=lambda c, _: flags.append(c.flags & F_SEND_AND_CLOSE))
    flags: list[Any] = []
    plug(tcp.bind(mgr, server)).close()
    until(mgr, lambda: server.count(EV_CLOSE))
    assert flags == [F_SEND_AND_CLOSE]
