"""The table of locks, against one that looks at all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.dav import locks as module
from galidia.http.dav.locks import Lock, LockTable, TooManyLocksError, new_token, timeout_of

KEYS = ["/r", "/r/a", "/r/a/b", "/r/a/b/c", "/r/a-", "/r/a0", "/r/ab", "/r/b", "/r/b/a"]


def lock(key: str, exclusive: bool = True, infinite: bool = True) -> Lock:
    return Lock(
        key,
        key,
        exclusive=exclusive,
        infinite=infinite,
        owner="",
        principal="",
        token=new_token(),
    )


def within(key: str, above: str) -> bool:
    return key.startswith(above + "/")


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"),
            st.sampled_from(KEYS),
            st.booleans(),
            st.booleans(),
            st.integers(1, 50),
        ),
        st.tuples(st.just("refresh"), st.integers(0, 9), st.integers(1, 50)),
        st.tuples(st.just("remove"), st.integers(0, 9)),
        st.tuples(st.just("drop"), st.sampled_from(KEYS), st.booleans()),
        st.tuples(st.just("pass"), st.integers(1, 20)),
    ),
    max_size=40,
)


@given(STEPS)
def test_as_a_table_that_looks_at_all(steps: list[tuple[object, ...]]) -> None:
    table, model, now = LockTable(), list[Lock](), 0.0
    for step in steps:
        match step:
            case ("add", str(key), bool(exclusive), bool(infinite), int(seconds)):
                against = {
                    it
                    for it in model
                    if (it.key == key or (it.infinite and within(key, it.key))
                        or (infinite and within(it.key, key)))
                    and (exclusive or it.exclusive)
                }  # fmt: skip
                found = table.conflict(key, exclusive, infinite)
                assert (found in against) if against else found is None
                if found is None:
                    new = lock(key, exclusive, infinite)
                    table.add(new, now, seconds)
                    model.append(new)
            case ("refresh", int(n), int(seconds)) if n < len(model):
                table.refresh(model[n], now, seconds)
            case ("remove", int(n)) if n < len(model):
                table.remove(model.pop(n))
            case ("drop", str(key), bool(itself)):
                table.drop(key, itself=itself)
                model = [
                    it for it in model if not within(it.key, key) and not (itself and it.key == key)
                ]
            case ("pass", int(seconds)):
                now += seconds
                table.expire(now)
                model = [it for it in model if it.expires > now]
        assert len(table) == len(model)
        for key in KEYS:
            covering = {
                it for it in model if it.key == key or (it.infinite and within(key, it.key))
            }
            assert set(table.covering(key)) == covering
            assert set(table.below(key)) == {it for it in model if within(it.key, key)}
        assert {table.find(it.token) for it in model} == set(model)


def test_the_root_of_all() -> None:
    table = LockTable()
    all_of_it = lock("")
    table.add(all_of_it, 0, 10)
    assert table.covering("/a/b") == [all_of_it]
    table.remove(all_of_it)
    one = lock("/a")
    table.add(one, 0, 10)
    assert list(table.below("")) == [one]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    table = LockTable(limit=3)
    for key in ("/a", "/b", "/c"):
        table.add(lock(key), 0, 10)
    with pytest.raises(TooManyLocksError):
        table.add(lock("/d"), 0, 10)
    table.expire(10)
    assert len(table) == 0
    monkeypatch.setattr(module, "MAX_SHARED", 2)
    for _ in range(2):
        table.add(lock("/a", exclusive=False), 10, 10)
    with pytest.raises(TooManyLocksError):
        table.add(lock("/a", exclusive=False), 10, 10)


def test_nothing_is_kept_of_locks_that_are_gone() -> None:
    table = LockTable()
    kept = lock("/kept")
    table.add(kept, 0, 1000)
    for n in range(2000):
        one = lock(f"/{n}")
        table.add(one, 0, 1000)
        table.refresh(kept, 0, 999 - n % 2)
        table.remove(one)
    assert len(table) == len(table._keys) == len(table._by_key) == 1
    assert len(table._due) < 100


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, module.TIMEOUT),
        ("", module.TIMEOUT),
        ("Second-60", 60),
        ("second-60", 60),
        ("Infinite", module.MAX_TIMEOUT),
        ("Infinite, Second-4100000000", module.MAX_TIMEOUT),
        ("Second-4100000000", module.MAX_TIMEOUT),
        ("Second-" + "9" * 5000, module.MAX_TIMEOUT),
        ("Second-0", 1),
        ("Second--5", module.TIMEOUT),
        ("Second-\u0665", module.TIMEOUT),
        ("Extend-5, Second-7", 7),
        ("nonsense", module.TIMEOUT),
    ],
)
def test_timeouts(value: str | None, seconds: float) -> None:
    assert timeout_of(value) == seconds


def test_tokens_cannot_be_guessed() -> None:
    found = {new_token() for _ in range(100)}
    assert len(found) == 100
    assert all(len(token) == len("urn:uuid:") + 36 and token[23] == "4" for token in found)
