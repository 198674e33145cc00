"""A reply: what ``HTTP_CHUNK`` and ``HTTP_REPLY`` carry at a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .message import Message

if TYPE_CHECKING:
    from ..core.connection import Connection


class Reply(Message):
    """A reply to ``request_method``; ``status``, ``reason``, `headers` and ``body`` say what it is.

    See `Message` for the content and `Head` for the fields. ``interim`` are the replies with a
    status below 200 that came before it (RFC 9110 15.2), such as 103 (Early Hints).
    """

    __slots__ = ("interim", "request_method")

    request_method: str
    interim: list[Reply]

    def __repr__(self) -> str:
        return f"<Reply {self.status} {self.reason}>"


def new_reply(c: Connection, method: str) -> Reply:
    """A reply that is still empty."""
    reply: Reply = Reply.__new__(Reply)
    reply.connection = c
    reply._content = None
    reply._parsed = None
    reply.request_method = method
    reply.interim = _NONE
    return reply


_NONE: list[Any] = []
