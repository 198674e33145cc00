"""Masking keys: unpredictable, so that no page can choose what a proxy on the way reads (RFC 6455
5.3 and 10.3)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

#: Bytes that are asked of the system at once; asking for four takes as long.
_POOL = 1024


class Keys:
    """Keys, four random bytes each."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def next(self) -> int:
        """A key that was not used before."""
        if self._at >= len(self._pool):
            self._pool = os.urandom(_POOL)
            self._at = 0
        at = self._at
        self._at = at + 4
        if cython.compiled:
            key = 0
            i = 3
            while i >= 0:
                key = key << 8 | self._pool[at + i]
                i -= 1
            return key
        return int.from_bytes(self._pool[at : at + 4], "little")

    def forget(self) -> None:
        """Never use what is left."""
        self._pool = b""
        self._at = 0


#: Those of this process.
KEYS = Keys()
if hasattr(os, "register_at_fork"):  # two processes must not use the same ones
    os.register_at_fork(after_in_child=KEYS.forget)
