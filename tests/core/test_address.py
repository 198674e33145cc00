"""Addresses: what is understood, and what is refused with which words."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia import Address, AddressError
from galidia.core.address import Url, from_sockaddr, is_ip, parse_address, to_sockaddr


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("80", Url("tcp", "", 80)),
        (":80", Url("tcp", "", 80)),
        ("udp://1234", Url("udp", "", 1234)),
        ("udp://:53", Url("udp", "", 53)),
        ("1.2.3.4:80", Url("tcp", "1.2.3.4", 80)),
        ("tcp://1.2.3.4:65535", Url("tcp", "1.2.3.4", 65535)),
        ("TCP://1.2.3.4:0", Url("tcp", "1.2.3.4", 0)),
        ("[::1]:80", Url("tcp", "::1", 80)),
        ("tls://[fe80::1%lo]:443", Url("tls", "fe80::1%lo", 443)),
        ("localhost:1", Url("tcp", "localhost", 1)),
        ("my-host.example.:1", Url("tcp", "my-host.example.", 1)),
        ("b\u00fccher.example:1", Url("tcp", "xn--bcher-kva.example", 1)),
        ("http://host.example", Url("http", "host.example", 8080)),
        ("http://[::1]", Url("http", "::1", 8080)),
        ("unix:/run/s", Url("unix", "", 0, "/run/s")),
        ("unix:///run/s", Url("unix", "", 0, "/run/s")),
        ("unix:relative", Url("unix", "", 0, "relative")),
        ("unix:@name", Url("unix", "", 0, "@name")),
    ],
)
def test_addresses_that_are_understood(text, parsed):
    assert parse_address(text, {"http": 8080}) == parsed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "port is missing"),
        ("127.0.0.1", "port is missing"),
        ("tcp://host", "port is missing"),
        ("host:", "port is missing"),
        ("host:65536", "65536"),
        ("host:-1", "-1"),
        ("host:8o", "8o"),
        ("host:80/path", "80/path"),
        ("host:80 ", "80 "),
        ("host:\u0661", "port"),
        ("123456", "123456"),
        ("999.1.1.1:80", "999.1.1.1"),
        ("1.2.3:80", "1.2.3"),
        ("1.2.3.4.5:80", "1.2.3.4.5"),
        ("::1:80", "brackets"),
        ("[::1:80", "IPv6"),
        ("[::1]80", "IPv6"),
        ("[1.2.3.4]:80", "IPv6"),
        ("[::g]:80", "::g"),
        ("ho st:80", "ho st"),
        ("-host:80", "-host"),
        ("host..name:80", "host..name"),
        ("a" * 64 + ":80", "aaaa"),
        ("unix:", "unix:/path"),
        ("unix:/a\0b", "unix:/path"),
        ("unix:/" + "x" * 108, "107"),
    ],
)
def test_addresses_that_are_refused(text, reason):
    with pytest.raises(AddressError) as e:
        parse_address(text)
    assert reason in str(e.value)
    assert isinstance(e.value, ValueError)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("http://h", Url("http", "h", 8080)),
        ("http://h/", Url("http", "h", 8080, target="/")),
        ("http://h:1/a?b=/@#c?d", Url("http", "h", 1, target="/a?b=/@")),
        ("http://h?b", Url("http", "h", 8080, target="?b")),
        ("http://h#b/@", Url("http", "h", 8080)),
        ("http://u:p@h:1/", Url("http", "h", 1, target="/", userinfo="u:p")),
        ("http://a@b@[::1]:2", Url("http", "::1", 2, userinfo="a@b")),
        ("127.0.0.1:80", Url("tcp", "127.0.0.1", 80)),
    ],
)
def test_resources(text, parsed):
    assert parse_address(text, {"http": 8080}, resource=True) == parsed
    if parsed.target or parsed.userinfo:
        with pytest.raises(AddressError):
            parse_address(text, {"http": 8080})


@pytest.mark.parametrize("wrong", [None, 80, b"127.0.0.1:80", ("127.0.0.1", 80)])
def test_an_address_is_text(mgr, wrong):
    with pytest.raises(TypeError, match="an address is a str"):
        mgr.bind(wrong)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_an_address_error(text):
    try:
        url = parse_address(text)
    except AddressError:
        return
    assert 0 <= url.port <= 65535


@given(
    st.sampled_from(["tcp", "udp", "tls"]),
    st.ip_addresses(),
    st.integers(min_value=0, max_value=65535),
)
def test_what_is_printed_is_understood(scheme, ip, port):
    text = f"{scheme}://{Address(str(ip), port)}"
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("1.2.3.4", 80), "1.2.3.4:80"),
        (Address("::1", 80), "[::1]:80"),
        (Address("/run/s"), "unix:/run/s"),
        (Address("@name"), "unix:@name"),
        (Address(""), "unix:"),
    ],
)
def test_addresses_as_text(address, text):
    assert str(address) == text


@pytest.mark.parametrize(
    ("sockaddr", "address"),
    [
        (("1.2.3.4", 80), Address("1.2.3.4", 80)),
        (("::1", 80, 0, 0), Address("::1", 80)),
        (("::ffff:1.2.3.4", 80, 0, 0), Address("1.2.3.4", 80)),
        ("/run/s", Address("/run/s")),
        (b"\0name", Address("@name")),
        ("", Address("")),
        (None, Address("")),
    ],
)
def test_socket_addresses(sockaddr, address):
    assert from_sockaddr(sockaddr) == address


def test_socket_addresses_to_use():
    assert to_sockaddr(socket.AF_INET, "1.2.3.4", 80) == ("1.2.3.4", 80)
    assert to_sockaddr(socket.AF_INET6, "::1", 80) == ("::1", 80, 0, 0)
    assert to_sockaddr(socket.AF_INET6, "fe80::1%7", 80) == ("fe80::1", 80, 0, 7)
    assert to_sockaddr(socket.AF_UNIX, "@x", 0) == "\0x"


def test_what_is_an_ip_address():
    assert is_ip("1.2.3.4")
    assert is_ip("fe80::1%lo")
    assert not is_ip("localhost")
    assert not is_ip("1.2.3")
