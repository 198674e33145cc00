"""UDP: a connection for each peer, on one socket; one datagram for each send."""

import os
import socket

import pytest

from galidia import (
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONNECT,
    EV_RECV,
    EV_SEND,
    F_ENABLE_BROADCAST,
    F_SEND_AND_CLOSE,
    Address,
)
from tests.helpers import Recorder, echo, set_flag, settle, until, url


def keep(c, data):
    """For ``accept=keep``: the connection of this peer lives on."""
    set_flag(c, F_SEND_AND_CLOSE, on=False)


def receive_all(sock):
    """The datagrams that have come to a plain socket."""
    found = []
    sock.setblocking(False)
    while True:
        try:
            found.append(sock.recv(65535))
        except BlockingIOError:
            return found


def test_a_peer_is_a_connection_for_one_exchange(mgr, plain):
    server = Recorder(recv=echo)
    listener = mgr.bind("udp://127.0.0.1:0", server)
    sock = plain()
    for done, text in enumerate((b"one", b"two"), 1):
        sock.sendto(text, tuple(listener.local))
        until(mgr, lambda done=done: server.count(EV_CLOSE) == done)
        assert sock.recv(99) == text
        assert listener.children == 0
    assert server.story() == "ACCEPT RECV SEND CLOSE ACCEPT RECV SEND CLOSE"
    first, second = server.accepted
    assert first is not second
    assert first.peer == Address(*sock.getsockname())


def test_one_that_is_kept_gets_further_datagrams(mgr, plain):
    server = Recorder(accept=keep)
    listener = mgr.bind("udp://127.0.0.1:0", server)
    sock = plain()
    for i in range(3):
        sock.sendto(b"%d" % i, tuple(listener.local))
        until(mgr, lambda i=i: server.count(EV_RECV) == i + 1)
    assert server.story() == "ACCEPT RECV RECV RECV"
    assert listener.children == 1
    server.accepted[0].close()
    settle(mgr)
    assert listener.children == 0
    sock.sendto(b"again", tuple(listener.local))
    until(mgr, lambda: server.count(EV_ACCEPT) == 2)


def test_peers_are_told_apart(mgr, plain):
    server = Recorder(recv=echo)
    listener = mgr.bind("udp://127.0.0.1:0", server)
    socks = [plain() for _ in range(5)]
    for i, sock in enumerate(socks):
        sock.sendto(b"%d" % i, tuple(listener.local))
    until(mgr, lambda: server.count(EV_CLOSE) == 5)
    assert [sock.recv(9) for sock in socks] == [b"0", b"1", b"2", b"3", b"4"]


def test_each_receive_has_one_datagram(mgr, plain):
    seen = []
    server = Recorder(recv=lambda c, n: seen.append((n, bytes(c.recv_mbuf))), accept=keep)
    listener = mgr.bind("udp://127.0.0.1:0", server)
    sock = plain()
    for text in (b"a", b"bb", b"", b"ccc"):
        sock.sendto(text, tuple(listener.local))
    until(mgr, lambda: len(seen) == 3)
    assert seen == [(1, b"a"), (2, b"bb"), (3, b"ccc")]
    assert server.accepted[0].recv_mbuf == b""


def test_an_empty_datagram_is_an_accept_without_a_receive(mgr, plain):
    server = Recorder()
    listener = mgr.bind("udp://127.0.0.1:0", server)
    plain().sendto(b"", tuple(listener.local))
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.story() == "ACCEPT CLOSE"


def test_all_that_waits_is_taken_in_one_poll(mgr, plain):
    server = Recorder(accept=keep)
    listener = mgr.bind("udp://127.0.0.1:0", server)
    sock = plain()
    for i in range(100):
        sock.sendto(b"%d" % i, tuple(listener.local))
    mgr.poll(100)
    assert server.count(EV_RECV) == 100


def test_one_send_is_one_datagram(mgr, plain):
    sock = plain()
    client = Recorder()
    c = mgr.connect(f"udp://127.0.0.1:{sock.getsockname()[1]}", client)
    for text in (b"a", b"bb", b"", b"ccc"):
        c.send(text)
    until(mgr, lambda: client.count(EV_SEND) == 3)
    assert receive_all(sock) == [b"a", b"bb", b"", b"ccc"]
    assert client.data(EV_SEND) == [1, 2, 3]
    assert c.send_mbuf == b""


def test_what_is_appended_by_hand_is_a_datagram(mgr, plain):
    sock = plain()
    c = mgr.connect(f"udp://127.0.0.1:{sock.getsockname()[1]}")
    c.send(b"sent")
    c.send_mbuf.extend(b"by hand")
    c.send(b"after")
    until(mgr, lambda: not c.send_mbuf)
    assert receive_all(sock) == [b"sent", b"by hand", b"after"]


def test_what_is_taken_back_by_hand_is_not_sent(mgr, plain):
    sock = plain()
    c = mgr.connect(f"udp://127.0.0.1:{sock.getsockname()[1]}")
    c.send(b"one")
    c.send(b"two")
    c.send_mbuf.clear()
    settle(mgr)
    c.send(b"three")
    settle(mgr)
    assert receive_all(sock) == [b"three"]


def test_outbound_answers_in_receive(mgr, plain):
    sock = plain()
    client = Recorder(recv=lambda c, n: c.send(b"answer"))
    c = mgr.connect(f"udp://127.0.0.1:{sock.getsockname()[1]}", client)
    until(mgr, lambda: client.count(EV_CONNECT))
    for _ in range(3):
        sock.sendto(b"question", tuple(c.local))
        until(mgr, lambda: receive_all(sock) == [b"answer"])
    assert client.story() == "CONNECT" + " RECV SEND" * 3
    assert not c.closed


def test_many_peers_cost_one_descriptor(mgr, plain):
    """2,000 peers, each kept: no descriptor but the listener's."""
    server = Recorder(accept=keep)
    listener = mgr.bind("udp://0.0.0.0:0", server)
    before = len(os.listdir("/proc/self/fd"))
    for i in range(2000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            # Another source address each time, so that no port is seen twice.
            sock.bind((f"127.0.{i // 250 + 1}.{i % 250 + 1}", 0))
            sock.sendto(b"x", ("127.0.0.1", listener.local.port))
        mgr.poll(0)
    until(mgr, lambda: listener.children == 2000)
    assert len(mgr) == 2001
    assert len(os.listdir("/proc/self/fd")) == before
    assert not any(c.closed for c in server.accepted)


def test_peers_past_max_connections_are_dropped_and_counted(mgr, plain):
    server = Recorder(accept=keep)
    listener = mgr.bind("udp://127.0.0.1:0", server, max_connections=2)
    socks = [plain() for _ in range(3)]
    for sock in socks:
        sock.sendto(b"x", tuple(listener.local))
    until(mgr, lambda: listener.drops)
    assert (listener.children, listener.drops) == (2, 1)
    server.accepted[0].close()
    settle(mgr)
    socks[2].sendto(b"x", tuple(listener.local))
    until(mgr, lambda: listener.children == 2)


def test_what_the_kernel_drops_is_counted(mgr, plain):
    listener = mgr.bind("udp://127.0.0.1:0", None)
    with listener.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sender = plain()
    for _ in range(200):
        sender.sendto(b"x" * 1000, tuple(listener.local))
    assert listener.drops > 0


def test_a_datagram_that_is_too_long(mgr, plain):
    sock = plain()
    client = Recorder()
    c = mgr.connect(f"udp://127.0.0.1:{sock.getsockname()[1]}", client)
    c.send(b"x" * 65_508)
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.story() == "CONNECT CLOSE"
    assert c.error == "a datagram of 65508 bytes is too long"
    assert c.drops == 1


def test_the_longest_datagram_there_is(mgr, plain):
    server = Recorder()
    listener = mgr.bind("udp://127.0.0.1:0", server)
    mgr.connect(url(listener, "udp")).send(b"x" * 65_507)
    until(mgr, lambda: server.received)
    assert len(server.received) == 65_507


def test_nobody_at_the_other_end_is_not_the_end(mgr, plain):
    sock = plain()
    address = sock.getsockname()
    sock.close()
    client = Recorder()
    c = mgr.connect(f"udp://127.0.0.1:{address[1]}", client)
    for _ in range(3):
        c.send(b"anybody there?")
        settle(mgr, 3)
    assert not c.closed
    assert c.drops > 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.bind(address)
        late.setblocking(False)
        c.send(b"now")
        until(mgr, lambda: b"now" in receive_all(late))


def test_a_listener_may_be_closed_while_it_receives(mgr, plain):
    server = Recorder(recv=lambda c, n: listener.close())
    listener = mgr.bind("udp://127.0.0.1:0", server)
    for _ in range(3):
        plain().sendto(b"x", tuple(listener.local))
    until(mgr, lambda: listener.closed)
    settle(mgr)
    assert len(mgr) == 0
    assert server.story(listener) == "CLOSE"
    for c in server.accepted:
        assert server.story(c).endswith("CLOSE")


def test_children_inherit(mgr, plain):
    server, what = Recorder(accept=keep), object()
    listener = mgr.bind(
        "udp://127.0.0.1:0",
        server,
        user_data=what,
        recv_mbuf_limit=11,
        send_mbuf_limit=22,
        close_timeout=3.5,
        congestion="drop_oldest",
    )
    plain().sendto(b"x", tuple(listener.local))
    until(mgr, lambda: server.accepted)
    (c,) = server.accepted
    assert (c.user_data, c.handler, c.listener) == (what, server, listener)
    assert (c.recv_mbuf_limit, c.send_mbuf_limit, c.close_timeout) == (11, 22, 3.5)
    assert c.congestion == "drop_oldest"


def test_drop_oldest_drops_whole_datagrams(mgr, plain):
    sock = plain()
    c = mgr.connect(f"udp://127.0.0.1:{sock.getsockname()[1]}", None, send_mbuf_limit=100)
    c.congestion = "drop_oldest"
    for i in range(30):
        c.send(b"<%08d>" % i)
    until(mgr, lambda: not c.send_mbuf)
    found = receive_all(sock)
    assert found[-1] == b"<00000029>"
    assert all(len(text) == 10 for text in found)
    assert len(found) <= 10


def test_broadcasting_has_to_be_asked_for(mgr, plain):
    port = plain().getsockname()[1]
    for flags in (0, F_ENABLE_BROADCAST):
        c = mgr.connect(f"udp://127.0.0.1:{port}", flags=flags)
        settle(mgr, 2)
        with c.socket() as sock:
            assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)) == bool(flags)
    forbidden = Recorder()
    mgr.connect("udp://255.255.255.255:9", forbidden).send(b"x")
    until(mgr, lambda: forbidden.count(EV_CLOSE))
    (code,) = forbidden.data(EV_CONNECT)
    assert code > 0


def test_broadcast_takes_answers_from_any_address(mgr, plain):
    client = Recorder()
    other = plain()
    c = mgr.connect("udp://127.255.255.255:9", client, flags=F_ENABLE_BROADCAST)
    c.send(b"x")
    until(mgr, lambda: client.count(EV_SEND))
    other.sendto(b"me", ("127.0.0.1", c.local.port))
    until(mgr, lambda: client.received == b"me")


def test_multicast_on_the_loopback(mgr):
    server, client = Recorder(recv=echo), Recorder()
    listener = mgr.bind("udp://0.0.0.0:0", server, multicast=["239.255.77.7@127.0.0.1"])
    c = mgr.connect(f"udp://239.255.77.7:{listener.local.port}", client, source="127.0.0.1")
    until(mgr, lambda: client.count(EV_CONNECT))
    c.send(b"to the group")
    until(mgr, lambda: client.received == b"to the group")
    assert server.received == b"to the group"


@pytest.mark.parametrize(
    "groups", [["127.0.0.1"], ["nonsense"], ["239.1.1.1@nonsense"], "239.1.1.1", [5]]
)
def test_bad_multicast_groups(mgr, groups):
    with pytest.raises((ValueError, TypeError, OSError), match="multicast"):
        mgr.bind("udp://0.0.0.0:0", multicast=groups)
    assert len(mgr) == 0


def test_there_is_no_tls_over_udp(mgr, certs):
    with pytest.raises(ValueError, match="DTLS"):
        mgr.bind("udp://127.0.0.1:0", cert=certs.server)
    with pytest.raises(ValueError, match="DTLS"):
        mgr.connect("udp://127.0.0.1:9", ca=certs.ca)
    assert len(mgr) == 0
