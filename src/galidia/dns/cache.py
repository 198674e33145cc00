"""Outcomes of questions, as long as they hold: bounded in number and in bytes. What was not used
for longest goes first.

No clock: the caller says what time it is. A name that does not exist does so for every type
(RFC 2308 5), so its entry has type 0.
"""

from __future__ import annotations

from collections import OrderedDict

from .outcome import Outcome

#: Entries, and bytes of memory that they may take, roughly.
MAX_ENTRIES = 10_000
MAX_BYTES = 16 << 20

Key = tuple[bytes, int]


class Cache:
    """Maps a name (`Name.key`) and a type to an `Outcome` until its time is over."""

    __slots__ = ("_entries", "bytes", "hits", "max_bytes", "max_entries")

    def __init__(self, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.bytes = 0
        self.hits = 0
        self._entries: OrderedDict[Key, tuple[Outcome, float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: bytes, type: int, now: float) -> Outcome | None:
        """What is known about a question at this time."""
        for key in ((name, type), (name, 0)):
            entry = self._entries.get(key)
            if entry is None:
                continue
            outcome, until, _ = entry
            if now < until:
                self._entries.move_to_end(key)
                self.hits += 1
                return outcome
            self._remove(key)
        return None

    def put(self, name: bytes, type: int, outcome: Outcome, now: float) -> None:
        """Keep an outcome for its ``ttl``; one that has none, or is too large, is not kept."""
        size = outcome.size
        if outcome.ttl <= 0 or size > self.max_bytes or self.max_entries <= 0:
            return
        self._remove((name, type))
        self._entries[name, type] = (outcome, now + outcome.ttl, size)
        self.bytes += size
        while self.bytes > self.max_bytes or len(self._entries) > self.max_entries:
            self._remove(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.bytes = 0

    def _remove(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry[2]
