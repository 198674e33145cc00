"""IP access lists."""

import pytest

from galidia import EV_ACCEPT, EV_CLOSE, check_ip_acl
from tests.helpers import Recorder, settle, until, url


@pytest.mark.parametrize(
    ("acl", "address", "allowed"),
    [
        (None, "1.2.3.4", True),
        ("", "1.2.3.4", True),
        ("+1.2.3.4", "1.2.3.4", True),
        ("+1.2.3.4", "1.2.3.5", False),
        ("-1.2.3.4", "1.2.3.4", False),
        ("-1.2.3.4", "1.2.3.5", False),  # a list that is not empty lets nobody in by itself
        ("+0.0.0.0/0,-10.0.0.0/8", "10.1.1.1", False),
        ("+0.0.0.0/0,-10.0.0.0/8", "11.1.1.1", True),
        ("-10.0.0.0/8,+0.0.0.0/0", "10.1.1.1", True),  # the last one that matches decides
        ("+192.168.0.0/16, -192.168.1.0/24 ,+192.168.1.7", "192.168.1.7", True),
        ("+192.168.0.0/16,-192.168.1.0/24,+192.168.1.7", "192.168.1.8", False),
        ("+10.1.2.3/8", "10.9.9.9", True),
        ("+::1", "::1", True),
        ("+::1", "::2", False),
        ("+2001:db8::/32", "2001:db8:1::5", True),
        ("+fe80::/10", "fe80::1%lo", True),
        ("+0.0.0.0/0", "::1", False),
        ("+::/0", "127.0.0.1", False),
        ("+10.0.0.0/8", "/run/a-unix-socket", True),
    ],
)
def test_who_is_let_in(acl, address, allowed):
    assert check_ip_acl(acl, address) is allowed


@pytest.mark.parametrize(
    "acl",
    ["1.2.3.4", "*1.2.3.4", "+", "+1.2.3", "+192.168/16", "+1.2.3.4/33", "+::1/129", "+a,", ","],
)
def test_malformed_lists(acl, mgr):
    with pytest.raises(ValueError, match="acl"):
        check_ip_acl(acl, "1.2.3.4")
    with pytest.raises(ValueError, match="acl"):
        mgr.bind("tcp://127.0.0.1:0", acl=acl)
    assert len(mgr) == 0


def test_who_is_not_let_in_is_turned_away_without_an_event(mgr, tcp, plug):
    server = Recorder()
    listener = tcp.bind(mgr, server, acl="-127.0.0.1,+10.0.0.0/8")
    peer = plug(listener)
    until(mgr, peer.has_ended)
    assert peer.was_reset
    assert listener.refused == 1
    assert server.story() == ""


def test_who_is_let_in_is_served(mgr, tcp, plug):
    server = Recorder()
    plug(tcp.bind(mgr, server, acl="+127.0.0.0/8"))
    until(mgr, lambda: server.count(EV_ACCEPT))


def test_datagrams_of_others_are_dropped(mgr, plain):
    server = Recorder()
    listener = mgr.bind("udp://127.0.0.1:0", server, acl="+10.0.0.0/8")
    plain().sendto(b"x", tuple(listener.local))
    until(mgr, lambda: listener.refused)
    assert server.story() == ""


def test_a_dual_stack_listener_knows_ipv4_peers_by_their_ipv4_address(mgr):
    server, client = Recorder(), Recorder()
    listener = mgr.bind("tcp://:0", server, acl="+127.0.0.1")
    c = mgr.connect(f"tcp://127.0.0.1:{listener.local.port}", client)
    until(mgr, lambda: server.count(EV_ACCEPT))
    refused = mgr.connect(f"tcp://[::1]:{listener.local.port}", Recorder())
    until(mgr, lambda: refused.closed)
    settle(mgr)
    assert listener.refused == 1
    assert not c.closed
    assert not client.count(EV_CLOSE)
    assert url(listener).startswith("tcp://[::]:")
