"""Handlers: who is called for an event, and for which events.

A handler is any callable ``(c, ev, data)``. A plain function is called for every event, ``POLL`` on
every poll included; `handles` and `Handler` tell the engine what a handler wants, and it is never
called for anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from .events import ALL_EVENTS, Event, mask_of

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Handler", "HandlerFunction", "handles"]

HandlerFunction = Callable[["Connection", Any, Any], object]
_F = TypeVar("_F", bound=Callable[..., object])

_ATTRIBUTE = "__galidia_events__"


def handles(*events: Event) -> Callable[[_F], _F]:
    """Declare the events that the decorated handler wants; it is called for no others."""
    if not events or not all(isinstance(ev, int) for ev in events):
        raise TypeError("handles() takes one or more events, as in @handles(EV_RECV, EV_CLOSE)")
    mask = mask_of(*events)

    def decorate(handler: _F) -> _F:
        setattr(handler, _ATTRIBUTE, mask)
        return handler

    return decorate


class Handler:
    """A handler as an object: ``on_recv(c, data)``, ``on_close(c, data)`` and so on.

    The name of each method is ``on_`` and the event's name in lower case. Only events that have a
    method are delivered.
    """

    _methods: ClassVar[dict[int, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        known = {f"on_{ev.name.lower()}": int(ev) for ev in Event}
        wrong = [n for n in vars(cls) if n.startswith("on_") and n not in known]
        if wrong:
            raise TypeError(f"{cls.__name__}.{wrong[0]}: there is no event of that name")
        cls._methods = {ev: name for name, ev in known.items() if hasattr(cls, name)}
        setattr(cls, _ATTRIBUTE, mask_of(*cls._methods))

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        getattr(self, self._methods[ev])(c, data)


def wanted(handler: HandlerFunction) -> int:
    """The interest mask of a handler: what it declared, or everything."""
    mask: int = getattr(handler, _ATTRIBUTE, ALL_EVENTS)
    return mask


@handles(Event.CLOSE)
def nobody(c: Connection, ev: int, data: Any) -> None:
    """Stands in where there is no handler."""
