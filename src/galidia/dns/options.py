"""The limits of DNS connections, each with its default."""

from __future__ import annotations

from dataclasses import dataclass

from .message import LONGEST_MESSAGE, PLAIN_UDP, UDP_PAYLOAD


@dataclass(frozen=True, slots=True)
class DnsOptions:
    """Given to `bind` or `connect` as ``options=``. Sizes are in bytes, times in seconds."""

    #: A reply over UDP, whatever the client says that it takes; more is truncated, and comes over
    #: TCP. What fits in one packet almost everywhere, and a bound on what a forged query can have
    #: sent to its victim.
    udp_payload: int = UDP_PAYLOAD
    #: Without a whole query on a TCP connection of a server; then it is closed (RFC 7766 6.2.3).
    idle_timeout: float = 10.0

    def __post_init__(self) -> None:
        size = self.udp_payload
        if not isinstance(size, int) or not PLAIN_UDP <= size <= LONGEST_MESSAGE:
            raise ValueError(
                f"udp_payload is a number from {PLAIN_UDP} to {LONGEST_MESSAGE}, not {size!r}"
            )
        if not isinstance(self.idle_timeout, (int, float)) or not self.idle_timeout > 0:
            raise ValueError(f"idle_timeout must be over 0, not {self.idle_timeout!r}")
