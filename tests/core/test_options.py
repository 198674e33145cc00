"""Options: every one of them is checked, and an error names it."""

from typing import Any

import pytest

from galidia.core.options import BindOptions, ConnectOptions, count, positive

WRONG: dict[str, list[Any]] = {
    "flags": ["x", None],
    "recv_mbuf_limit": [0, -1, "x", None, float("nan")],
    "send_mbuf_limit": [0, -1, "x", True],
    "congestion": ["", "none", 5],
    "close_timeout": [0, -1, "x"],
    "keepalive": ["yes", 2],
    "tls": ["x", None],
    "cert": [5, "/no/such.pem"],
    "key": ["x", 5],
    "ca": [5, "/no/such.pem"],
    "ciphers": ["NO-SUCH", 5],
    "alpn": ["h2", 5],
    "handshake_timeout": [0, -1, "x"],
    "multicast": ["239.1.1.1", ["127.0.0.1"]],
    "backlog": ["x", None],
    "reuse_port": ["yes"],
    "ipv6_only": ["yes"],
    "fd": ["x", -1],
    "acl": ["1.2.3.4", 5],
    "max_connections": [0, -1, "x"],
    "max_per_address": [0, -1, "x"],
    "accept_rate": [0, -1, "x"],
    "sni": ["x", {"a": 1}],
    "source": [5, "nonsense:x", "a:b:c"],
    "connect_timeout": [0, -1, "x"],
    "server_name": [5],
    "verify": ["no", 0],
}
NEED_TLS = {"key", "ciphers", "alpn", "sni", "server_name"}
FREE = {"user_data", "options"}  # any object; a protocol checks its own


def cases(options: type) -> list[tuple[str, Any]]:
    known = set(options.__annotations__)
    return [(name, value) for name in sorted(known & set(WRONG)) for value in WRONG[name]]


def test_every_option_has_a_wrong_value_here():
    assert {*BindOptions.__annotations__, *ConnectOptions.__annotations__} == {*WRONG, *FREE}


@pytest.mark.parametrize(("name", "value"), cases(BindOptions))
def test_wrong_values_for_bind(mgr, certs, name, value):
    options = {"cert": certs.server} if name in NEED_TLS | {"ca"} else {}
    scheme = "udp" if name == "multicast" else "tcp"
    with pytest.raises((ValueError, TypeError, OSError), match=name):
        mgr.bind(f"{scheme}://127.0.0.1:0", **{**options, name: value})
    assert len(mgr) == 0


@pytest.mark.parametrize(("name", "value"), cases(ConnectOptions))
def test_wrong_values_for_connect(mgr, certs, name, value):
    options = {"ca": certs.ca} if name in NEED_TLS else {}
    scheme, host = ("udp", "239.1.1.1") if name == "multicast" else ("tcp", "127.0.0.1")
    with pytest.raises((ValueError, TypeError, OSError), match=name):
        mgr.connect(f"{scheme}://{host}:9", **{**options, name: value})
    assert len(mgr) == 0


@pytest.mark.parametrize("make", ["bind", "connect", "adopt"])
def test_an_option_that_does_not_exist(mgr, make):
    first = None if make == "adopt" else "tcp://127.0.0.1:0"
    with pytest.raises(TypeError, match=rf"{make}\(\) has no option 'recv_limit'.*recv_mbuf_limit"):
        getattr(mgr, make)(first, None, recv_limit=5)
    assert len(mgr) == 0


def test_options_of_the_other_side(mgr):
    with pytest.raises(TypeError, match="source"):
        mgr.bind("tcp://127.0.0.1:0", source="127.0.0.1")
    with pytest.raises(TypeError, match="backlog"):
        mgr.connect("tcp://127.0.0.1:9", backlog=5)


@pytest.mark.parametrize("option", [{"congestion": "x"}, {"recv_mbuf_limit": 0}])
def test_wrong_values_for_adopt(mgr, option):
    with pytest.raises(ValueError, match=next(iter(option))):
        mgr.adopt(None, None, **option)
    assert len(mgr) == 0


def test_numbers():
    assert positive("x", 1.5) == 1.5
    assert positive("x", 0, zero=True) == 0
    assert count("x", 7.9) == 7
    assert count("x", float("inf")) > 1 << 30


def test_no_limit_can_be_asked_for(mgr):
    c = mgr.adopt(None, None, recv_mbuf_limit=float("inf"))
    assert c.recv_mbuf_limit > 1 << 60


def test_user_data_and_flags_are_set(mgr):
    c = mgr.adopt(None, None, user_data="mine", flags=1 << 20 | 1)
    assert c.user_data == "mine"
    assert c.flags == 1 << 20
