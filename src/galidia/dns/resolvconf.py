"""resolv.conf: which servers are asked, how long, and in which domains (resolv.conf(5)).

What cannot be understood is passed over, as the C library does, and its limits are kept too.
"""

from __future__ import annotations

from typing import NamedTuple

from ..core.address import is_ip

PORT = 53
#: What the C library takes (resolv.h: MAXNS, RES_MAXNDOTS, RES_MAXRETRANS, RES_MAXRETRY).
MAX_SERVERS = 3
MAX_NDOTS = 15
MAX_TIMEOUT = 30
MAX_ATTEMPTS = 5
#: Domains in which a name is searched; older C libraries stop at 6.
MAX_SEARCH = 32


class ResolvConf(NamedTuple):
    """``servers`` are (address, port), ``search`` are domains, ``timeout`` is in seconds."""

    servers: tuple[tuple[str, int], ...] = (("127.0.0.1", PORT),)
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2
    rotate: bool = False


def parse_resolv_conf(text: str) -> ResolvConf:
    """The configuration in a resolv.conf; of no text, the server of this machine."""
    servers: list[tuple[str, int]] = []
    search: list[str] = []
    numbers = {"ndots": 1, "timeout": 5, "attempts": 2}
    most = {"ndots": MAX_NDOTS, "timeout": MAX_TIMEOUT, "attempts": MAX_ATTEMPTS}
    rotate = False
    for line in text.splitlines():
        if line[:1] in ("#", ";"):
            continue
        keyword, *values = line.split() or [""]
        if keyword == "nameserver" and values and is_ip(values[0]):
            if len(servers) < MAX_SERVERS:
                servers.append((values[0], PORT))
        elif keyword in ("search", "domain"):  # the last of them counts
            search = values[: MAX_SEARCH if keyword == "search" else 1]
        elif keyword == "options":
            for option in values:
                name, _, number = option.partition(":")
                if name in numbers and number.isascii() and number.isdigit():
                    numbers[name] = min(int(number[:9]), most[name])
                elif option == "rotate":
                    rotate = True
    return ResolvConf(
        tuple(servers) or ResolvConf().servers,
        tuple(domain for domain in search if domain.strip(".")),
        numbers["ndots"],
        float(max(numbers["timeout"], 1)),
        max(numbers["attempts"], 1),
        rotate,
    )
