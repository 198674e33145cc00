"""resolv.conf, as the C library reads it."""

from typing import Any

import pytest

from galidia.dns.resolvconf import ResolvConf, parse_resolv_conf

CASES: dict[str, tuple[str, Any]] = {
    "nothing": ("", ResolvConf()),
    "a server": ("nameserver 192.0.2.1", {"servers": (("192.0.2.1", 53),)}),
    "IPv6, with a zone": (
        "nameserver 2001:db8::1\nnameserver fe80::1%eth0",
        {"servers": (("2001:db8::1", 53), ("fe80::1%eth0", 53))},
    ),
    "three servers are all": (
        "\n".join(f"nameserver 192.0.2.{i}" for i in range(9)),
        {"servers": tuple((f"192.0.2.{i}", 53) for i in range(3))},
    ),
    "no server": ("nameserver\nnameserver dns.example\nnameserver 1.2.3", {}),
    "what follows an address": ("nameserver 192.0.2.1 # first", {"servers": (("192.0.2.1", 53),)}),
    "comments": ("# nameserver 192.0.2.1\n; nameserver 192.0.2.2", {}),
    "unknown": ("sortlist 192.0.2.0\nnonsense\noptions inet6 edns0 trust-ad", {}),
    "case counts": ("NAMESERVER 192.0.2.1\noptions NDOTS:3", {}),
    "search": ("search a.example b.example", {"search": ("a.example", "b.example")}),
    "domain": ("domain a.example b.example", {"search": ("a.example",)}),
    "the last one counts": ("search a.example\ndomain b.example", {"search": ("b.example",)}),
    "search nowhere": ("search a.example\nsearch .", {"search": ()}),
    "too many domains": (
        "search " + " ".join(f"d{i}.example" for i in range(99)),
        {"search": tuple(f"d{i}.example" for i in range(32))},
    ),
    "options": (
        "options ndots:3 timeout:2 attempts:4 rotate",
        {"ndots": 3, "timeout": 2.0, "attempts": 4, "rotate": True},
    ),
    "options on two lines": (
        "options ndots:0\noptions rotate",
        {"ndots": 0, "rotate": True},
    ),
    "options over the limit": (
        "options ndots:99 timeout:99 attempts:99999999999999999999",
        {"ndots": 15, "timeout": 30.0, "attempts": 5},
    ),
    "options below it": ("options timeout:0 attempts:0", {"timeout": 1.0, "attempts": 1}),
    "options without a number": ("options ndots: timeout:x attempts:-1 attempts:\u0662", {}),
    "blanks": ("\t\n   \n  nameserver\t192.0.2.1  \n", {"servers": (("192.0.2.1", 53),)}),
}


@pytest.mark.parametrize("name", CASES)
def test_resolv_conf(name: str) -> None:
    text, wanted = CASES[name]
    if not isinstance(wanted, ResolvConf):
        wanted = ResolvConf()._replace(**wanted)
    assert parse_resolv_conf(text) == wanted
