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
        if self._busy or self._pieces is None or request._protocol is None:
            return
        self._busy = True
        try:
            if not self._send(request):
                return
            self.close()
        except Exception as e:
            c = request.connection
            logger.exception("%r: the source of a response failed", c)
            c.error = f"the source of a response failed: {e}"
            c.abort()
            return
        finally:
            self._busy = False
        protocol = request._protocol
        if protocol is not None:
            protocol.when_drained(request.connection, None)
            request.end()

    def close(self) -> None:
        """Ask no more."""
        pieces, self._pieces = self._pieces, None
        close = getattr(pieces, "close", None)
        if close is not None:
            close()

    def _send(self, request: Request) -> bool:
        """Send what there is; whether that was the last."""
        c = request.connection
        while request._left != _NOTHING:
            if c.closing or request._protocol is None:
                return False
            if c._unsent() > _BACKLOG:
                request._protocol.when_drained(c, self.pull)
                return False
            piece: Any = next(self._pieces, _END)
            if piece is None:
                return False
            if piece is _END:
                break
            request.send_chunk(piece)
        return True
