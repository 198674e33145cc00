"""Work in slices: in turn, and one piece at a time where they meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from galidia.http.dav import jobs as module
from galidia.http.dav.jobs import SLICE, Job, Jobs, overlap


class Manager:
    """Calls what it was asked to when it is told to."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def call_later(self, delay: float, call: Callable[[], object]) -> None:
        assert delay == 0
        self.calls.append(call)

    def poll(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class Asked:
    """Stands in for a request."""

    def __init__(self, mgr: Manager) -> None:
        self.connection = self
        self.mgr = mgr
        self.status = 0

    def error(self, status: int, text: str, headers: Any) -> None:
        self.status = status


class Work:
    """A number of steps, and what became of them."""

    def __init__(self, mgr: Manager, log: list[str], name: str, steps: int, *areas: str) -> None:
        self.name = name
        self.log = log
        self.done = 0
        self.closed = False
        self.asked = Asked(mgr)
        self.error: Exception | None = None
        self.job = Job(cast(Any, self.asked), areas, self._steps(steps), self._fail)

    def _steps(self, steps: int) -> Iterator[int]:
        try:
            for _ in range(steps):
                if not self.log or self.log[-1] != self.name:
                    self.log.append(self.name)
                self.done += 1
                yield 1
        except GeneratorExit:
            self.closed = True
            raise

    def _fail(self, request: Any, error: Exception) -> None:
        self.error = error


@pytest.fixture
def mgr() -> Manager:
    return Manager()


def test_what_is_small_is_done_at_once(mgr: Manager) -> None:
    jobs = Jobs()
    work = Work(mgr, [], "a", SLICE - 1, "/a")
    jobs.start(work.job)
    assert work.done == SLICE - 1
    assert mgr.calls == []


def test_slices_in_turn(mgr: Manager) -> None:
    jobs, log = Jobs(), list[str]()
    one, other = (Work(mgr, log, name, 3 * SLICE, f"/{name}") for name in "ab")
    jobs.start(one.job)
    jobs.start(other.job)
    polls = 0
    while mgr.calls:
        before = one.done + other.done
        assert len(mgr.calls) == 1
        mgr.poll()
        polls += 1
        assert one.done + other.done - before <= SLICE
    assert (one.done, other.done) == (3 * SLICE, 3 * SLICE)
    assert "".join(log) == "abababab"[: len(log)]
    assert polls >= 4


def test_where_they_meet_the_later_one_waits(mgr: Manager) -> None:
    jobs, log = Jobs(), list[str]()
    long = Work(mgr, log, "long", 3 * SLICE, "/a/b", "/x")
    jobs.start(long.job)
    waiting = [
        Work(mgr, log, "same", 1, "/a/b"),
        Work(mgr, log, "above", 1, "/a"),
        Work(mgr, log, "below", 1, "/new", "/x/y/z"),
    ]
    free = Work(mgr, log, "free", 1, "/a/bc", "/a/c")
    for work in (*waiting, free):
        jobs.start(work.job)
    assert log == ["long", "free"]
    while mgr.calls:
        mgr.poll()
    assert log == ["long", "free", "long", "same", "above", "below"]


def test_those_that_waited_may_be_long(mgr: Manager) -> None:
    jobs, log = Jobs(), list[str]()
    for name in ("a", "b", "c"):
        jobs.start(Work(mgr, log, name, 2 * SLICE, "/same").job)
    while mgr.calls:
        mgr.poll()
    assert log == ["a", "b", "c"]


def test_what_fails_ends(mgr: Manager) -> None:
    def failing() -> Iterator[int]:
        yield SLICE
        raise OSError(28, "full")

    jobs = Jobs()
    work = Work(mgr, [], "a", 0, "/a")
    work.job.work = failing()
    jobs.start(work.job)
    assert work.error is None
    mgr.poll()
    assert isinstance(work.error, OSError)
    assert mgr.calls == []


def test_limits(mgr: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNNING", 2)
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    jobs, log = Jobs(), list[str]()
    works = [Work(mgr, log, name, 2 * SLICE, f"/{name}") for name in "abcd"]
    for work in works:
        jobs.start(work.job)
    assert [work.asked.status for work in works] == [0, 0, 0, 503]
    while mgr.calls:
        mgr.poll()
    assert [work.done for work in works] == [2 * SLICE] * 3 + [0]


def test_closing_gives_up_what_is_under_way(mgr: Manager) -> None:
    jobs = Jobs()
    works = [Work(mgr, [], name, 2 * SLICE, "/a") for name in "ab"]
    for work in works:
        jobs.start(work.job)
    jobs.close()
    assert works[0].closed
    mgr.poll()
    assert [work.done for work in works] == [SLICE, 0]
    assert mgr.calls == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a", "/a", True),
        ("/a", "/a/b", True),
        ("/a", "/ab", False),
        ("", "/a", True),
        ("/a/b", "/a/c", False),
    ],
)
def test_overlap(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected
