"""What is wrong with a site, in the log: a line a second at most, however often it is asked for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...core.manager import Manager

__all__ = ["Complaints"]

logger = logging.getLogger("galidia")

#: Seconds between two lines.
INTERVAL = 1.0


class Complaints:
    """Those of one service."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: float | None = None

    def say(self, mgr: Manager, text: str) -> None:
        """Log a warning, unless there was one a moment ago."""
        now = mgr.monotonic()
        if self._next is None or now >= self._next:
            self._next = now + INTERVAL
            logger.warning("%s", text)
