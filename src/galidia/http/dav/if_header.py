"""The If field: which state a request is meant for (RFC 4918 10.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

# A parenthesis, <URI>, ["etag"] or Not.
_TOKEN = re.compile(
    r'[ \t]*(?:([()])|<([!-;=?-~]+)>|\[((?:W/)?"[!#-~\x80-\xff]*")\]|([Nn][Oo][Tt]))'
)
_END = re.compile(r"[ \t]*")


class Condition(NamedTuple):
    """A state token or an entity tag that the resource is to have, or not to have."""

    value: str
    is_etag: bool
    negated: bool


class Conditions(NamedTuple):
    """A list: all of it is to hold for ``tag``, a URI, or for the request's own if that is ""."""

    tag: str
    conditions: list[Condition]


class State(NamedTuple):
    """What a resource has: its entity tag, "" for none, and the tokens of its locks."""

    etag: str
    tokens: frozenset[str]


def parse(value: str) -> list[Conditions] | None:
    """The lists of a field, of which one has to hold; None when it is malformed."""
    lists: list[Conditions] = []
    tag = ""
    tagged: bool | None = None
    used = True  # whether a list has followed the last tag
    current: list[Condition] | None = None
    negated = False
    at = 0
    while m := _TOKEN.match(value, at):
        at = m.end()
        parenthesis, uri, etag, no = m.groups()
        if current is not None:
            if no:
                if negated:
                    return None
                negated = True
            elif parenthesis == ")" and current and not negated:
                lists.append(Conditions(tag, current))
                current = None
            elif parenthesis:
                return None
            else:
                current.append(Condition(uri or etag, not uri, negated))
                negated = False
        elif parenthesis == "(":
            if tagged is None:
                tagged = False
            current = []
            used = True
        elif uri and tagged is not False and used:
            tagged = True
            tag = uri
            used = False
        else:
            return None
    complete = current is None and used and lists and _END.fullmatch(value, at)
    return lists if complete else None


def tokens(lists: list[Conditions]) -> frozenset[str]:
    """All state tokens: to name one is to submit it, wherever it stands."""
    return frozenset(c.value for found in lists for c in found.conditions if not c.is_etag)


def holds(lists: list[Conditions], state_of: Callable[[str], State | None]) -> bool:
    """Whether one of the lists does. ``state_of`` tells what a tag's resource has; None: it is not
    one of ours."""
    known: dict[str, State | None] = {}
    for tag, conditions in lists:
        if tag not in known:
            known[tag] = state_of(tag)
        state = known[tag]
        if state is not None and all(_matches(c, state) for c in conditions):
            return True
    return False


def _matches(condition: Condition, state: State) -> bool:
    if condition.is_etag:  # a strong comparison (RFC 9110 8.8.3.2)
        found = condition.value == state.etag and not condition.value.startswith("W/")
    else:
        found = condition.value in state.tokens
    return found is not condition.negated
