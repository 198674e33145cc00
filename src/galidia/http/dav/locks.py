"""Write locks: who has which, and until when (RFC 4918 6, 7). They are kept in memory.

A lock is on the path of a resource, links resolved, so that there is no way around it under
another name; "/" is "". Looking up what covers a path costs its depth, and what lies below it is
found by bisection: nothing walks over all locks.
"""

from __future__ import annotations

import uuid
from bisect import bisect_left, insort
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

#: Locks at once; more are answered with 507.
MAX_LOCKS = 10_000
#: Shared locks on one resource.
MAX_SHARED = 32
#: Seconds that a lock lasts when the client does not say, and at most.
TIMEOUT = 600
MAX_TIMEOUT = 3600
#: Characters of the owner, which is kept as it was given.
OWNER_LIMIT = 2048


class TooManyLocksError(Exception):
    """The table is full."""


class Lock:
    """One lock. ``root`` is what it was taken on, as an href; ``principal`` who has taken it."""

    __slots__ = ("exclusive", "expires", "infinite", "key", "owner", "principal", "root", "token")

    def __init__(
        self,
        key: str,
        root: str,
        *,
        exclusive: bool,
        infinite: bool,
        owner: str,
        principal: str,
        token: str,
    ) -> None:
        self.key = key
        self.root = root
        self.exclusive = exclusive
        self.infinite = infinite
        self.owner = owner
        self.principal = principal
        self.token = token
        self.expires = 0.0


def new_token() -> str:
    """A state token that nobody can guess (RFC 4918 6.5): a random UUID."""
    return f"urn:uuid:{uuid.uuid4()}"


class LockTable:
    """The locks of one tree. ``now`` is always a monotonic time in seconds."""

    __slots__ = ("_by_key", "_by_token", "_due", "_keys", "limit")

    def __init__(self, limit: int = MAX_LOCKS) -> None:
        self.limit = limit
        self._by_key: dict[str, list[Lock]] = {}
        self._by_token: dict[str, Lock] = {}
        self._keys: list[str] = []  # sorted
        self._due: list[tuple[float, str]] = []  # a heap; each lock is in it, no later than it ends

    def __len__(self) -> int:
        return len(self._by_token)

    def expire(self, now: float) -> None:
        """Forget the locks whose time is over."""
        while self._due and self._due[0][0] <= now:
            lock = self._by_token.get(heappop(self._due)[1])
            if lock is None:
                continue
            if lock.expires > now:  # refreshed meanwhile
                heappush(self._due, (lock.expires, lock.token))
            else:
                self.remove(lock)

    def find(self, token: str) -> Lock | None:
        return self._by_token.get(token)

    def covering(self, key: str) -> list[Lock]:
        """The locks that a resource is under: its own, and infinite ones of folders above it."""
        if not self._by_key:
            return []
        found = list(self._by_key.get(key, ()))
        at = len(key)
        while (at := key.rfind("/", 0, at)) >= 0:
            found += [lock for lock in self._by_key.get(key[:at], ()) if lock.infinite]
        return found

    def below(self, key: str) -> Iterator[Lock]:
        """The locks on what lies below a folder."""
        at = bisect_left(self._keys, key + "/")
        while at < len(self._keys) and self._keys[at].startswith(key + "/"):
            yield from self._by_key[self._keys[at]]
            at += 1

    def conflict(self, key: str, exclusive: bool, infinite: bool) -> Lock | None:
        """A lock that stands against taking another one (RFC 4918 6.2)."""
        for lock in self.covering(key):
            if exclusive or lock.exclusive:
                return lock
        if infinite:
            for lock in self.below(key):
                if exclusive or lock.exclusive:
                    return lock
        return None

    def add(self, lock: Lock, now: float, timeout: float) -> None:
        """Take a lock that nothing stands against. Raises TooManyLocksError."""
        there = self._by_key.get(lock.key)
        if len(self._by_token) >= self.limit or (there and len(there) >= MAX_SHARED):
            raise TooManyLocksError
        lock.expires = now + timeout
        if there is None:
            insort(self._keys, lock.key)
            self._by_key[lock.key] = [lock]
        else:
            there.append(lock)
        self._by_token[lock.token] = lock
        self._schedule(lock)

    def refresh(self, lock: Lock, now: float, timeout: float) -> None:
        """Let a lock last from now on."""
        ended, lock.expires = lock.expires, now + timeout
        if lock.expires < ended:
            self._schedule(lock)

    def _schedule(self, lock: Lock) -> None:
        heappush(self._due, (lock.expires, lock.token))
        if len(self._due) > 2 * len(self._by_token) + 64:  # most of them are of no use any more
            self._due = [(other.expires, other.token) for other in self._by_token.values()]
            heapify(self._due)

    def remove(self, lock: Lock) -> None:
        del self._by_token[lock.token]
        there = self._by_key[lock.key]
        there.remove(lock)
        if not there:
            del self._by_key[lock.key]
            del self._keys[bisect_left(self._keys, lock.key)]

    def drop(self, key: str, *, itself: bool = True) -> None:
        """A resource is gone, and with it the locks below it and, if ``itself``, those on it."""
        for lock in list(self.below(key)):
            self.remove(lock)
        if itself:
            for lock in list(self._by_key.get(key, ())):
                self.remove(lock)


def timeout_of(value: str | None) -> float:
    """Seconds that a lock is to last, of what Timeout asks for (RFC 4918 10.7)."""
    for wish in (value or "").split(","):
        kind, _, number = wish.strip().partition("-")
        if wish.strip().lower() == "infinite":
            return MAX_TIMEOUT
        if kind.lower() == "second" and number.isascii() and number.isdigit():
            return min(max(int(number[:10]), 1), MAX_TIMEOUT)
    return TIMEOUT
