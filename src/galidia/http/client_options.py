"""The limits of an HTTP client connection, each with its default."""

from __future__ import annotations

from dataclasses import dataclass

from .options import check_limits


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Given to `connect` as ``options=``. Sizes are in bytes, times in seconds."""

    #: A status line with all fields.
    head_limit: int = 64 << 10
    #: Field lines of one reply.
    max_fields: int = 200
    #: What may lie there of a body that nobody takes as it comes.
    body_limit: int = 64 << 20
    #: Interim replies (1xx) to one request.
    max_interim: int = 20
    #: From the end of the request to the end of the head of the reply.
    reply_timeout: float = 60.0
    #: Without a byte in either direction, while a request is sent or a body comes.
    idle_timeout: float = 60.0
    #: How long a request that expects 100 (Continue) waits for it before its body is sent all the
    #: same (RFC 9110 10.1.1).
    continue_timeout: float = 1.0

    def __post_init__(self) -> None:
        check_limits(self)
