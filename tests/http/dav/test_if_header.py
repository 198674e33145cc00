"""The If field: what it says, and what holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.dav import if_header
from galidia.http.dav.if_header import Condition, Conditions, State, holds, parse, tokens


def token(value: str, negated: bool = False) -> Condition:
    return Condition(value, False, negated)


def etag(value: str, negated: bool = False) -> Condition:
    return Condition(value, True, negated)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("(<urn:a>)", [("", [token("urn:a")])]),
        (' ( <urn:a>\t["x"] ) ', [("", [token("urn:a"), etag('"x"')])]),
        ("(<urn:a>)(Not<urn:b>)", [("", [token("urn:a")]), ("", [token("urn:b", True)])]),
        ('(not [W/"x y"])', None),
        ('(not [W/"xy"])', [("", [etag('W/"xy"', True)])]),
        ('(NOT ["]"])', [("", [etag('"]"', True)])]),
        (
            '</a> (<urn:a>) (["x"]) <http://h/b>(<urn:b>)',
            [
                ("/a", [token("urn:a")]),
                ("/a", [etag('"x"')]),
                ("http://h/b", [token("urn:b")]),
            ],
        ),
        ("", None),
        (" ", None),
        ("()", None),
        ("(", None),
        (")", None),
        ("(<urn:a>", None),
        ("(<urn:a>))", None),
        ("((<urn:a>))", None),
        ("(<>)", None),
        ("(<urn a>)", None),
        ("(<urn:a)", None),
        ("(urn:a)", None),
        ("[]", None),
        ("([x])", None),
        ('(["x)', None),
        ('(["x"', None),
        ("(Not)", None),
        ("(Not Not <urn:a>)", None),
        ("(<urn:a> Not)", None),
        ("Not (<urn:a>)", None),
        ("</a>", None),
        ("</a> </b> (<urn:a>)", None),
        ("(<urn:a>) </a> (<urn:b>)", None),
        ("</a> (<urn:a>) </b>", None),
        ("(<urn:a>), (<urn:b>)", None),
        ("(<urn:a>) x", None),
    ],
)  # fmt: skip
def test_lists(value: str, expected: list[tuple[str, list[Condition]]] | None) -> None:
    found = parse(value)
    assert found == (None if expected is None else [Conditions(*each) for each in expected])


LOCKED = State('"x"', frozenset({"urn:a"}))
STATES = {"": LOCKED, "/b": State("", frozenset({"urn:b"})), "/none": State("", frozenset())}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("(<urn:a>)", True),
        ("(<urn:b>)", False),
        ('(<urn:a> ["x"])', True),
        ('(<urn:a> ["y"])', False),
        ('(<urn:a> [W/"x"])', False),
        ("(<urn:b>) (<urn:a>)", True),
        ("(Not <urn:b>)", True),
        ("(Not <urn:a>)", False),
        ('(Not ["y"] <urn:a>)', True),
        ("(Not <DAV:no-lock>)", True),
        ("(<DAV:no-lock>)", False),
        ("</b> (<urn:a>)", False),
        ("</b> (<urn:b>)", True),
        ("</none> (Not <urn:b>)", True),
        ("</elsewhere> (Not <urn:b>)", False),
        ("</elsewhere> (<urn:a>) </b> (<urn:b>)", True),
    ],
)
def test_what_holds(value: str, expected: bool) -> None:
    lists = parse(value)
    assert lists is not None
    assert holds(lists, STATES.get) is expected


def test_a_token_is_submitted_wherever_it_stands() -> None:
    lists = parse('</a> (Not <urn:a> ["x"]) (<urn:b>) </c> (<urn:a>)')
    assert lists is not None
    assert tokens(lists) == {"urn:a", "urn:b"}


def test_a_resource_is_looked_at_once() -> None:
    seen: list[str] = []

    def look(tag: str) -> State | None:
        seen.append(tag)
        return None

    lists = parse("</a> (<urn:a>) (<urn:b>) </b> (<urn:a>) </a> (<urn:c>)")
    assert lists is not None
    assert not holds(lists, look)
    assert seen == ["/a", "/b"]


BITS = ["(", ")", "<urn:a>", "</b>", '["x"]', '[W/"x"]', "Not", " ", "\t", "<", ">", "[", '"', "]"]


@given(st.lists(st.sampled_from(BITS) | st.text(max_size=3), max_size=30).map("".join))
def test_any_field(value: str) -> None:
    lists = parse(value)
    if lists is None:
        return
    assert lists
    assert all(each.conditions for each in lists)
    assert isinstance(holds(lists, STATES.get), bool)
    again = " ".join(
        (f"<{tag}> " if tag else "")
        + "("
        + " ".join(
            ("Not " if it.negated else "") + (f"[{it.value}]" if it.is_etag else f"<{it.value}>")
            for it in conditions
        )
        + ")"
        for tag, conditions in lists
    )
    assert parse(again) == lists


def test_the_work_is_that_of_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting:
        """Counts what the pattern has looked at: where it has begun and ended."""

        def __init__(self) -> None:
            self.seen = 0

        def match(self, value: str, at: int) -> object:
            found = real.match(value, at)
            self.seen += (found.end() if found else len(value)) - at
            return found

    real = if_header._TOKEN
    for value in ("(" * 20_000, "<" + "a" * 20_000, "(<u:a>)" * 5_000, '(["' * 9_000, " " * 20_000):
        counting = Counting()
        monkeypatch.setattr(if_header, "_TOKEN", counting)
        parse(value)
        assert counting.seen <= 2 * len(value)
