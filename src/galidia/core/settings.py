"""Options that `bind`, `connect` and `adopt` share, put onto a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .events import CREATION_FLAGS
from .options import count, positive
from .registry import Scheme

if TYPE_CHECKING:
    from .connection import Connection


def configure(c: Connection, options: dict[str, Any]) -> None:
    """Set what the options say. Raises ValueError for a value that cannot be."""
    c.user_data = options.get("user_data")
    c._flags |= options.get("flags", 0) & int(CREATION_FLAGS)
    for name in ("recv_mbuf_limit", "send_mbuf_limit"):
        if name in options:
            setattr(c, name, count(name, options[name]))
    if "close_timeout" in options:
        c.close_timeout = positive("close_timeout", options["close_timeout"])
    if "congestion" in options:
        c.congestion = options["congestion"]


def wants_tls(scheme: Scheme, options: dict[str, Any]) -> bool:
    """Whether an address and its options ask for TLS."""
    return scheme.tls or any(name in options for name in ("tls", "cert", "ca"))
