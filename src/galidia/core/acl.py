"""IP access lists: ``+`` and ``-`` entries, the last that matches decides."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

__all__ = ["check_ip_acl"]


@lru_cache(maxsize=64)
def _parse(acl: str) -> tuple[tuple[bool, IPv4Network | IPv6Network], ...]:
    rules = []
    for entry in acl.split(","):
        text = entry.strip()
        if text[:1] not in ("+", "-"):
            raise ValueError(
                f"bad acl entry {entry!r}: write +NETWORK or -NETWORK, "
                f"as in '-0.0.0.0/0,+192.168.0.0/16,+::1'"
            )
        try:
            rules.append((text[0] == "+", ip_network(text[1:], strict=False)))
        except ValueError as e:
            raise ValueError(f"bad acl entry {entry!r}: {e}") from None
    return tuple(rules)


def check_ip_acl(acl: str | None, address: str) -> bool:
    """Whether an access list lets an address in.

    ``acl`` is a comma-separated list of ``+`` or ``-`` followed by an IPv4 or IPv6 address or
    network. None or empty lets everybody in; otherwise nobody is let in but by the last entry that
    matches. An address that is not an IP address (a Unix socket's) passes. Raises ValueError for a
    malformed list.
    """
    if not acl:
        return True
    if not isinstance(acl, str):
        raise TypeError(f"an access list is a str like '+192.168.0.0/16', not {acl!r}")
    rules = _parse(acl)
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    allowed = False
    for allow, network in rules:
        if ip.version == network.version and ip in network:
            allowed = allow
    return allowed
