"""The nonces of a server (RFC 7616 section 5.4): made, and later judged.

A nonce carries the time at which it was made and a signature, so that those that nobody uses cost
nothing: only a nonce that was used by somebody who knows a password is remembered, with the counts
that it came with. The table is bounded. What falls out of it takes all nonces of its time and
before with it, so that no request is ever taken twice.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

__all__ = ["Nonces"]

#: Counts behind the highest one that may still come: browsers use several connections.
WINDOW = 128

_FORM = re.compile(r"[A-Za-z0-9_-]{40}", re.ASCII)
_COUNT = re.compile(r"[0-9a-fA-F]{8}", re.ASCII)


class Nonces:
    """The nonces that are signed with one key.

    ``lifetime`` is in seconds, ``limit`` is how many are remembered. All times are of one clock.
    """

    __slots__ = ("_forgotten", "_key", "_used", "lifetime", "limit")

    def __init__(self, key: bytes, lifetime: float, limit: int) -> None:
        self.lifetime = lifetime
        self.limit = limit
        self._key = key
        # Nonce -> the highest count, and a bit for each of those up to it that came; oldest first.
        self._used: dict[str, tuple[int, int]] = {}
        #: Nonces of this time and before are not to be taken, unless they are remembered.
        self._forgotten = -1

    def make(self, now: float, salt: bytes) -> str:
        """A new nonce; ``salt`` are 8 bytes that nobody can guess."""
        body = int(now * 1000).to_bytes(6, "big") + salt
        return urlsafe_b64encode(body + self._sign(body)).decode()

    def is_ours(self, nonce: str) -> bool:
        """Whether it was made here, however long ago."""
        return self._made(nonce) >= 0

    def use(self, nonce: str, count: str, now: float) -> bool:
        """Whether a request may come with this nonce and this count (``nc``): only once, and not
        when the nonce is too old. To be asked only about who has proven that he knows a password.
        """
        made = self._made(nonce)
        if made < 0 or not _COUNT.fullmatch(count):
            return False
        if not 0 <= now - made / 1000 <= self.lifetime:
            return False
        n = int(count, 16)
        if nonce not in self._used:
            if made <= self._forgotten:
                return False
            self._remember(nonce, now)
        highest, seen = self._used[nonce]
        if n > highest:
            gap = n - highest
            seen = 1 if gap >= WINDOW else (seen << gap | 1) & ((1 << WINDOW) - 1)
            self._used[nonce] = n, seen
            return True
        behind = highest - n
        if behind >= WINDOW or seen >> behind & 1:
            return False
        self._used[nonce] = highest, seen | 1 << behind
        return True

    def _remember(self, nonce: str, now: float) -> None:
        while len(self._used) >= self.limit:
            oldest = next(iter(self._used))
            del self._used[oldest]
            self._forgotten = max(self._forgotten, self._made(oldest))
        self._used[nonce] = -1, 0

    def _made(self, nonce: str) -> int:
        """The time of a nonce in milliseconds, or -1 if it was not made here."""
        if not _FORM.fullmatch(nonce):
            return -1
        try:
            raw = urlsafe_b64decode(nonce)
        except binascii.Error:
            return -1
        body, signature = raw[:14], raw[14:]
        if not hmac.compare_digest(signature, self._sign(body)):
            return -1
        return int.from_bytes(body[:6], "big")

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:16]
