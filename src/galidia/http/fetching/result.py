"""What came of a fetch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..errors import FetchError
    from ..reply import Reply


class Result:
    """What came of a fetch: a reply, or an ``error``, or what there is of both.

    ``error`` is None or a `FetchError`; an error status such as 404 is none. ``url`` is where the
    reply came from and ``history`` the (status, URL) of the redirects on the way. ``body`` is
    decoded, and empty where the body went elsewhere.
    """

    __slots__ = ("body", "error", "history", "reply", "url")

    def __init__(
        self,
        url: str,
        history: list[tuple[int, str]],
        reply: Reply | None,
        body: bytes,
        error: FetchError | None,
    ) -> None:
        self.url = url
        self.history = history
        self.reply = reply
        self.body = body
        self.error = error

    @property
    def status(self) -> int:
        """The status of the reply; 0 when there was none."""
        return self.reply.status if self.reply is not None else 0

    @property
    def reason(self) -> str:
        """What the status line says behind the status."""
        return self.reply.reason if self.reply is not None else ""

    @property
    def ok(self) -> bool:
        """Whether all went well and the status is 200 to 299."""
        return self.error is None and 200 <= self.status < 300

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The fields of the reply in order."""
        return self.reply.headers if self.reply is not None else []

    def header(self, name: str, default: str | None = None) -> str | None:
        """The first field of that name, in any case."""
        return self.reply.header(name, default) if self.reply is not None else default

    def text(self) -> str:
        """The body as text, in the charset of Content-Type, or UTF-8; what is not is replaced."""
        charset = self.reply.parameter("content-type", "charset") if self.reply else None
        try:
            return self.body.decode(charset or "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is not."""
        return json.loads(self.body)

    def raise_for_error(self) -> None:
        """Raise ``error``, if there is one."""
        if self.error is not None:
            raise self.error

    def __repr__(self) -> str:
        return f"<Result {self.status or self.error!r} {self.url}>"
