"""The opening handshake, as texts."""

from __future__ import annotations

import pytest

from galidia.websocket.handshake import accept_of, extensions_in, names_in, request_fields
from tests.websocket.wire import ACCEPT, NONCE


def test_the_example_of_the_rfc() -> None:
    assert accept_of(NONCE) == ACCEPT


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([], []),
        (["chat"], ["chat"]),
        (["chat, superchat"], ["chat", "superchat"]),
        (["a,b", "c"], ["a", "b", "c"]),
        (["v1.example.com!#$%&'*+-^_`|~"], ["v1.example.com!#$%&'*+-^_`|~"]),
        ([" \ta\t,, b ,"], ["a", "b"]),
        (["a, a"], None),
        (["a", "a"], None),
        (["a b"], None),
        (["a/b"], None),
        (['"a"'], None),
        (["ä"], None),
    ],
)
def test_names(values: list[str], names: list[str] | None) -> None:
    assert names_in(values) == names


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], []),
        (["a"], [("a", [])]),
        (["a, b", "c"], [("a", []), ("b", []), ("c", [])]),
        (["a; x; y=1"], [("a", [("x", None), ("y", "1")])]),
        (["a;x , b ; y = 2 ;z"], [("a", [("x", None)]), ("b", [("y", "2"), ("z", None)])]),
        (['a; x="10"'], [("a", [("x", "10")])]),
        (['a; x="1\\0"'], [("a", [("x", "10")])]),
        ([""], None),
        (["a,"], None),
        ([",a"], None),
        (["a;"], None),
        (["a; ;x"], None),
        (["a; x="], None),
        (["a; =1"], None),
        (['a; x="1'], None),
        (['a; x="1 0"'], None),
        (['a; x=""'], None),
        (["a b"], None),
        (["a; x y"], None),
        (["a; x=1 2"], None),
        (["a/1"], None),
        (["a, " * 40 + "a"], None),
    ],
)
def test_extensions(
    values: list[str], found: list[tuple[str, list[tuple[str, str | None]]]] | None
) -> None:
    assert extensions_in(values) == found


def test_it_takes_no_longer_than_it_is_long() -> None:
    """A quadratic search would not come to an end."""
    for text in (
        " " * 200_000,
        'a; x="' + "\\" * 200_000,
        "a;" + " x" * 100_000,
        "a" * 200_000 + "/",
    ):
        assert extensions_in([text]) is None


@pytest.mark.parametrize("names", ["chat", ["a", "a"], ["a b"], [""], ["a,b"]])
def test_subprotocols_that_cannot_be_offered(names: list[str]) -> None:
    with pytest.raises(ValueError, match="subprotocols"):
        request_fields(NONCE, names, "")
