"""Responses whose body is pulled from an iterator, as fast as it leaves."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

if TYPE_CHECKING:
    from .request import Request

if not cython.compiled:
    from .request import _BACKLOG, _NOTHING

logger = logging.getLogger("galidia")

_END = object()


class Source:
    """What the rest of a response comes from: pieces of its body, or None where there is nothing at
    hand."""

    __slots__ = ("_busy", "_pieces", "_request")

    def __init__(self, request: Request, pieces: Iterable[bytes | None]) -> None:
        self._request = request
        self._pieces: Any = iter(pieces)
        self._busy = False

    def pull(self) -> None:
        """Ask for so much that the client has something to do, and end the response with it."""
        request = self._request
        if self._busy or self._pieces is None:
            return
        self._busy = True
        failed = False
        try:
            over = self._send(request)
        except Exception as e:
            c = request.connection
            logger.exception("%r: the source of a response failed", c)
            c.error = f"the source of a response failed: {e}"
            c.abort()
            over = failed = True
        finally:
            self._busy = False
        if over:
            self.close()
            if request._protocol is not None and not failed:
                request.end()

    def close(self) -> None:
        """Ask no more, now or when it has given what it is asked for."""
        if self._busy:
            return
        pieces, self._pieces = self._pieces, None
        close = getattr(pieces, "close", None)
        if close is not None:
            try:
                close()
            except Exception:
                logger.exception(
                    "%r: the source of a response failed at its end", self._request.connection
                )

    def _send(self, request: Request) -> bool:
        """Send what there is; whether nothing more is to be sent."""
        c = request.connection
        while request._left != _NOTHING and request._protocol is not None:
            if c.closing:
                return False
            if c._unsent() > _BACKLOG:
                request._protocol.when_drained(c, self.pull)
                return False
            piece: Any = next(self._pieces, _END)
            if piece is None:
                return request._protocol is None
            if piece is _END:
                break
            request.send_chunk(piece)
        return True
