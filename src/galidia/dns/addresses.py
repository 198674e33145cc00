"""The addresses of a name: IPv6 and IPv4 asked at once, in one domain after the other.

RFC 8305 3: what has an IPv6 address is told at once, and an IPv4 address a moment later unless the
IPv6 ones have come by then, so that a slow or broken server of one family does not hold up the
other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.resolver import NoDataError, NotFoundError, ResolveError
from .numbers import Type

if TYPE_CHECKING:
    from ..core.resolver import Answer
    from ..core.timers import Timer
    from .name import Name
    from .outcome import Outcome
    from .resolver import Resolver

#: Seconds that IPv4 addresses wait for the IPv6 ones (RFC 8305 3).
RESOLUTION_DELAY = 0.05

_NEXT_DOMAIN = (NotFoundError, NoDataError)


class AddressLookup:
    """One look-up of a name, which may be meant in several domains: the candidates."""

    __slots__ = (
        "_answer",
        "_cancels",
        "_candidates",
        "_delay",
        "_four",
        "_name",
        "_resolver",
        "_six",
        "_told",
    )

    def __init__(
        self, resolver: Resolver, name: str, candidates: list[Name], answer: Answer
    ) -> None:
        self._resolver = resolver
        self._name = name
        self._candidates = candidates
        self._answer: Answer | None = answer
        self._cancels: list[Callable[[], object]] = []
        self._delay: Timer | None = None
        self._six: Outcome | None = None
        self._four: Outcome | None = None
        self._told: Outcome | None = None

    def start(self) -> Callable[[], object]:
        """Ask about the first candidate; returns what cancels."""
        self._try_next()
        return self.cancel

    def cancel(self) -> None:
        """There will be no answer."""
        self._answer = None
        self._stop()

    def _stop(self) -> None:
        cancels, self._cancels = self._cancels, []
        for cancel in cancels:
            cancel()
        if self._delay is not None:
            self._delay.cancel()
            self._delay = None

    def _try_next(self) -> None:
        while self._candidates and self._answer is not None:
            name = self._candidates.pop(0)
            self._six = self._four = None
            ask = self._resolver.question
            # What the cache knows comes at once: no conclusion before both have been asked.
            cancels = [ask(name, Type.AAAA, self._six_came), ask(name, Type.A, self._four_came)]
            self._cancels = cancels
            if not self._progress():
                return

    def _six_came(self, outcome: Outcome) -> None:
        self._six = outcome
        self._came()

    def _four_came(self, outcome: Outcome) -> None:
        self._four = outcome
        self._came()

    def _came(self) -> None:
        if self._cancels and self._progress():
            self._try_next()

    def _progress(self) -> bool:
        """Tell what can be told; whether the next candidate is to be tried."""
        six, four = self._six, self._four
        if six is not None and four is not None:
            return self._conclude(six, four)
        if self._told is not None or self._answer is None:
            return False
        if six is not None and six.records:
            self._tell_first(six)
        elif four is not None and four.records and self._delay is None:
            mgr = self._resolver.mgr
            self._delay = mgr.call_later(RESOLUTION_DELAY, self._tell_first, four)
        return False

    def _tell_first(self, outcome: Outcome) -> None:
        self._told = outcome
        if self._answer is not None:
            self._answer(outcome.addresses, "", True)

    def _conclude(self, six: Outcome, four: Outcome) -> bool:
        """Both are there. Whether nothing was found that ends the search."""
        self._stop()
        found = [one.addresses for one in (six, four) if one.records and one is not self._told]
        if self._told is not None or found:
            self._finish([address for some in found for address in some], "")
            return False
        error = self._worse(six, four)
        if self._candidates and isinstance(error, _NEXT_DOMAIN):
            return True
        self._finish([], error)
        return False

    def _worse(self, six: Outcome, four: Outcome) -> ResolveError:
        """Of two reasons the one to tell: what may be otherwise a moment later comes first."""
        for outcome in (four, six):
            if outcome.kind not in _NEXT_DOMAIN and outcome.error is not None:
                return outcome.error
        if NoDataError in (four.kind, six.kind):
            return NoDataError(f"{self._name!r} has no address")
        return NotFoundError(f"{self._name!r} cannot be resolved: no such name")

    def _finish(self, addresses: list[str], error: ResolveError | str) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(addresses, error)
