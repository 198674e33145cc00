"""Timers: the heap, and what managers and connections make of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia import EV_TIMER
from galidia.core.timers import SWEEP_MINIMUM, Timers
from tests.helpers import Recorder, settle, until


def fire_all(timers, now):
    """Take what is due and return the arguments."""
    fired, last = [], timers.last()
    while (timer := timers.pop_due(now, last)) is not None:
        fired.append(timer.when)
    return fired


def test_timers_come_in_order_of_their_times():
    timers = Timers()
    for when in (3.0, 1.0, 2.0):
        timers.add(when, 0.0, print, (), None)
    assert timers.next_deadline() == 1.0
    assert fire_all(timers, 2.5) == [1.0, 2.0]
    assert timers.next_deadline() == 3.0
    assert len(timers) == 1


def test_nothing_is_due_when_there_is_nothing():
    assert Timers().next_deadline() < 0
    assert Timers().pop_due(1.0, 0) is None


def test_a_cancelled_timer_never_comes():
    timers = Timers()
    one, other = (timers.add(1.0, 0.0, print, (), None) for _ in range(2))
    one.cancel()
    one.cancel()
    assert (one.active, other.active) == (False, True)
    assert len(timers) == 1
    assert timers.pop_due(1.0, timers.last()) is other


def test_a_timer_set_by_a_timer_waits_for_the_next_turn():
    timers = Timers()
    last = timers.last()
    timers.add(0.0, 0.0, print, (), None)
    assert timers.pop_due(1.0, last) is None


def test_postponing():
    timers = Timers()
    timer = timers.add(1.0, 0.0, print, (), None)
    timers.add(2.0, 0.0, print, (), None)
    timer.postpone(3.0)
    assert fire_all(timers, 1.5) == []
    assert timers.next_deadline() == 2.0
    assert fire_all(timers, 5.0) == [2.0, 3.0]
    with pytest.raises(ValueError):
        timer.postpone(1.0)


def test_missed_turns_of_a_repeating_timer_are_left_out():
    timers = Timers()
    timers.add(1.0, 1.0, print, (), None)
    assert timers.pop_due(10.5, timers.last()) is not None
    assert timers.next_deadline() == 11.5


def test_dead_timers_are_swept():
    timers = Timers()
    kept = timers.add(1e9, 0.0, print, (), None)
    for _ in range(20 * SWEEP_MINIMUM):
        timers.add(1.0, 0.0, print, (), None).cancel()
    assert len(timers) == 1
    assert timers.next_deadline() == kept.when


@given(st.lists(st.tuples(st.sampled_from(["add", "cancel", "pop"]), st.integers(0, 50))))
def test_the_heap_agrees_with_a_sorted_list(steps):
    timers, model = Timers(), []
    for what, n in steps:
        if what == "add":
            model.append(timers.add(float(n), 0.0, print, (), None))
        elif what == "cancel" and model:
            model.pop(n % len(model)).cancel()
        elif what == "pop":
            due = sorted((t for t in model if t.when <= n), key=lambda t: t.when)
            assert fire_all(timers, float(n)) == [t.when for t in due]
            model = [t for t in model if t.when > n]
        assert len(timers) == len(model)
        assert timers.next_deadline() == min((t.when for t in model), default=-1.0)


# -- TIMER ----------------------------------------------------------------------------------------


def test_set_timer_returns_the_time_that_was_set(mgr):
    c = mgr.adopt(None)
    assert c.set_timer(5e9) == 0
    assert c.set_timer(6e9) == 5e9
    assert c.set_timer(0) == 6e9
    assert c.set_timer(0) == 0
    assert mgr.next_deadline() is None


def test_a_time_in_the_past_is_due_in_the_next_poll(mgr):
    handler = Recorder()
    c = mgr.adopt(None, handler)
    c.set_timer(1.0)
    mgr.poll(0)
    mgr.poll(0)
    assert handler.data(EV_TIMER) == [1.0]
    assert c.set_timer(0) == 0


def test_timer_comes_once_unless_set_again(mgr):
    times = iter([2.0, 3.0])
    handler = Recorder(timer=lambda c, when: c.set_timer(next(times, 0)))
    mgr.adopt(None, handler).set_timer(1.0)
    settle(mgr, 6)
    assert handler.data(EV_TIMER) == [1.0, 2.0, 3.0]


def test_a_timer_that_sets_itself_for_now_does_not_hold_the_loop(mgr):
    handler = Recorder(timer=lambda c, when: c.set_timer(1.0))
    mgr.adopt(None, handler).set_timer(1.0)
    for polls in (1, 2, 3):
        mgr.poll(0)
        assert handler.count(EV_TIMER) == polls


def test_0_cancels(mgr):
    handler = Recorder()
    c = mgr.adopt(None, handler)
    c.set_timer(1.0)
    c.set_timer(0)
    settle(mgr)
    assert not handler.count(EV_TIMER)


def test_a_timer_set_while_connecting_comes_after_connect(mgr, tcp):
    client = Recorder()
    c = tcp.connect(mgr, tcp.bind(mgr, None), client)
    c.set_timer(1.0)
    until(mgr, lambda: client.count(EV_TIMER))
    assert client.story() == "CONNECT TIMER"


def test_a_closed_connection_has_no_timer(mgr):
    handler = Recorder(close=lambda c, _: c.set_timer(1.0))
    c = mgr.adopt(None, handler)
    c.set_timer(mgr.time() + 1000)
    c.close()
    settle(mgr)
    assert handler.story() == "CLOSE"
    assert mgr.next_deadline() is None


# -- calls ----------------------------------------------------------------------------------------


def test_call_later_calls_once_with_its_arguments(mgr):
    calls: list[Any] = []
    for delay in (0.002, 0.001, 0):
        mgr.call_later(delay, calls.append, delay)
    until(mgr, lambda: len(calls) == 3)
    settle(mgr)
    assert calls == [0, 0.001, 0.002]


def test_call_every_goes_on_until_cancelled(mgr):
    calls: list[Any] = []
    timer = mgr.call_every(0.001, calls.append, 1)
    until(mgr, lambda: len(calls) == 3)
    timer.cancel()
    settle(mgr)
    assert len(calls) == 3


@pytest.mark.parametrize("interval", [0, -1])
def test_call_every_needs_an_interval(mgr, interval):
    with pytest.raises(ValueError, match="interval"):
        mgr.call_every(interval, print)
    with pytest.raises(ValueError, match="interval"):
        mgr.adopt(None).call_every(interval, print)


def test_a_wait_ends_when_a_timer_is_due(mgr):
    calls: list[Any] = []
    mgr.call_later(0.01, calls.append, 1)
    mgr.poll(60_000)
    mgr.poll(0)
    assert calls == [1]


def test_timers_of_a_connection_die_with_it(mgr):
    calls: list[Any] = []
    c = mgr.adopt(None)
    timers = [c.call_later(0, calls.append, 1), c.call_every(0.001, calls.append, 2)]
    c.close()
    mgr.poll(0)
    calls.clear()
    timers.append(c.call_later(0, calls.append, 3))
    settle(mgr)
    assert calls == []
    assert not any(timer.active for timer in timers)


def test_a_timer_that_fails_closes_its_connection_only(mgr, logged):
    c, other = Recorder(), Recorder()
    mgr.adopt(None, c).call_later(0, lambda: 1 / 0)
    mgr.adopt(None, other)
    mgr.call_later(0, lambda: 1 / 0)
    settle(mgr)
    assert (c.story(), other.story()) == ("CLOSE", "")
    assert c.c.error == "a timer failed"
    assert len(logged) == 2


def test_timers_of_a_closed_manager_never_come(mgr):
    calls: list[Any] = []
    timer = mgr.call_later(0, calls.append, 1)
    mgr.close(0)
    assert not timer.active
    assert calls == []
