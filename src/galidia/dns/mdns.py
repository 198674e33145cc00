"""Names below ``.local``: asked of everybody on the link (RFC 6762 5.1, one-shot queries).

A question goes out from a port of its own to the group of multicast DNS, and whoever has the name
answers to that port, as to any resolver: with the id and the question (RFC 6762 6.7). Silence means
that there is no such name.
"""

from __future__ import annotations

from .name import Name

#: Where everybody listens (RFC 6762 3).
GROUP = ("224.0.0.251", 5353)
#: Seconds between two questions, and how many there are: what is lost was lost by the link.
TIMEOUT = 1.0
ATTEMPTS = 2

LOCAL = Name("local")
_LOCAL = LOCAL.key


def is_local(name: Name) -> bool:
    """Whether a name is one of the link (RFC 6762 3)."""
    return name.key.endswith(_LOCAL) and len(name.labels) > 1 and name.is_under(LOCAL)
