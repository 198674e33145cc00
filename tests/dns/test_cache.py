"""The cache: times, and bounds on entries and bytes, against a model that knows no bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galidia.core.resolver import NotFoundError
from galidia.dns import A, Name, Record
from galidia.dns.cache import Cache
from galidia.dns.outcome import Outcome

NAME = Name("a.example")


def outcome(ttl: int = 60, records: int = 1, kind: type[NotFoundError] | None = None) -> Outcome:
    found = tuple(Record(NAME, A(f"192.0.2.{i}"), ttl) for i in range(records))
    return Outcome(NAME, found, ttl, kind)


def test_an_entry_lives_as_long_as_it_says() -> None:
    cache, one = Cache(), outcome(ttl=60)
    cache.put(NAME.key, 1, one, 1000.0)
    assert cache.get(NAME.key, 1, 1059.9) is one
    assert cache.get(NAME.key, 28, 1000.0) is None
    assert len(cache) == 1
    assert cache.get(NAME.key, 1, 1060.0) is None
    assert (len(cache), cache.bytes) == (0, 0)


def test_a_time_of_nothing_is_not_kept() -> None:
    cache = Cache()
    cache.put(NAME.key, 1, outcome(ttl=0), 0.0)
    assert len(cache) == 0


def test_a_name_that_does_not_exist_has_nothing_of_any_type() -> None:
    cache, missing = Cache(), outcome(records=0, kind=NotFoundError)
    cache.put(NAME.key, 0, missing, 0.0)
    assert cache.get(NAME.key, 1, 1.0) is cache.get(NAME.key, 28, 1.0) is missing


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = Cache(max_entries=2)
    for type in (1, 2):
        cache.put(NAME.key, type, outcome(), 0.0)
    cache.get(NAME.key, 1, 1.0)
    cache.put(NAME.key, 3, outcome(), 1.0)
    assert [cache.get(NAME.key, type, 1.0) is not None for type in (1, 2, 3)] == [True, False, True]


def test_bytes_are_bounded() -> None:
    size = outcome(records=10).size
    cache = Cache(max_bytes=3 * size)
    for type in range(1, 10):
        cache.put(NAME.key, type, outcome(records=10), 0.0)
        assert cache.bytes <= 3 * size
    assert len(cache) == 3
    cache.put(NAME.key, 99, outcome(records=100), 0.0)  # larger than all the room
    assert len(cache) == 3


def test_nothing_is_kept_without_room() -> None:
    cache = Cache(max_entries=0)
    cache.put(NAME.key, 1, outcome(), 0.0)
    assert len(cache) == 0


def test_clearing() -> None:
    cache = Cache()
    cache.put(NAME.key, 1, outcome(), 0.0)
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "get"]),
        st.integers(0, 5),  # the name
        st.integers(1, 3),  # the type
        st.integers(0, 4),  # records, of a put
        st.integers(0, 20),  # time to live
        st.integers(0, 5),  # seconds until the next step
    ),
    max_size=60,
)


@given(steps=STEPS, entries=st.integers(0, 6), kilobytes=st.integers(0, 8))
def test_what_it_has_is_what_was_put_last(
    steps: list[tuple[str, int, int, int, int, int]], entries: int, kilobytes: int
) -> None:
    cache, now = Cache(entries, kilobytes << 10), 0.0
    model: dict[tuple[bytes, int], tuple[Outcome, float]] = {}
    for what, number, type, records, ttl, pause in steps:
        name = b"%d" % number
        if what == "put":
            one = outcome(ttl, records)
            cache.put(name, type, one, now)
            if ttl:
                model[name, type] = (one, now + ttl)
        else:
            found = cache.get(name, type, now)
            if found is not None:
                one, until = model[name, type]
                assert found is one or one.size > cache.max_bytes
                assert now < until or one.size > cache.max_bytes
        assert len(cache) <= entries
        assert cache.bytes <= kilobytes << 10
        now += pause
