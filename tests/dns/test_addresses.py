"""IPv6 and IPv4 asked at once: what is told when (RFC 8305 3), and what connecting makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from galidia import EV_CONNECT
from galidia.core.resolver import NoAnswerError, NoDataError, NotFoundError, RefusedError
from galidia.dns import Message, Rcode, Type
from tests.dns.world import World, a
from tests.helpers import Recorder

FOUR, SIX = ["192.0.2.1"], ["2001:db8::1"]
TRUTH = {
    "both.example": a(*FOUR, *SIX),
    "four.example": a(*FOUR),
    "six.example": a(*SIX),
    "none.example": {},
}

# The name, when A and AAAA are answered (None: never), and what is told after how many seconds.
TOLD: dict[str, tuple[str, float | None, float | None, list[tuple[Any, ...]]]] = {
    "IPv6 just before": ("both", 1.0, 1.0, [(1.0, SIX, True), (1.0, FOUR)]),
    "IPv6 first: it is told": ("both", 1.0, 0.5, [(0.5, SIX, True), (1.0, FOUR)]),
    "IPv6 a moment later: together": ("both", 1.0, 1.03, [(1.03, SIX + FOUR)]),
    "IPv6 later: IPv4 is told": ("both", 1.0, 2.0, [(1.05, FOUR, True), (2.0, SIX)]),
    "IPv6 never": ("both", 1.0, None, [(1.05, FOUR, True), (10.0, [])]),
    "IPv4 never": ("both", None, 1.0, [(1.0, SIX, True), (10.0, [])]),
    "no IPv6, late": ("four", 1.0, 2.0, [(1.05, FOUR, True), (2.0, [])]),
    "no IPv6, early: nothing to wait for": ("four", 1.0, 0.5, [(1.0, FOUR)]),
    "no IPv6, a moment later": ("four", 1.0, 1.03, [(1.03, FOUR)]),
    "no IPv4, early": ("six", 0.5, 1.0, [(1.0, SIX)]),
    "no IPv4, late": ("six", 2.0, 1.0, [(1.0, SIX, True), (2.0, [])]),
}


def delayed(w: World, four: float | None, six: float | None) -> None:
    """Has the server answer after so many seconds, or not at all."""
    truth = w.server.answer
    times = {Type.A: four, Type.AAAA: six}
    w.server.delay = {type: time for type, time in times.items() if time is not None}

    def answer(query: Message) -> Message | None:
        return truth(query) if times[query.questions[0].type] is not None else None

    w.server.answer = answer


@pytest.mark.parametrize("case", TOLD)
def test_what_is_told_when(world: Any, case: str) -> None:
    name, four, six, wanted = TOLD[case]
    w: World = world(TRUTH)
    w.net.latency = 0.0
    delayed(w, four, six)
    start, told = w.net.now, []

    def answer(addresses: list[str], error: Any, *more: bool) -> None:
        assert not error
        told.append((round(w.net.now - start, 2), addresses, *more))

    w.resolver.resolve(f"{name}.example", answer)
    assert w.net.run()
    assert told == wanted


@pytest.mark.parametrize("after", [0.5, 1.04, 1.5])
def test_a_look_up_that_is_cancelled_tells_nothing_more(world: Any, after: float) -> None:
    w: World = world(TRUTH)
    delayed(w, 1.0, 2.0)
    told: list[Any] = []
    cancel = w.resolver.resolve("both.example", lambda *part: told.append(part))
    w.mgr.call_later(after, cancel)
    assert w.net.run()
    assert len(told) == (after > 1.04)
    assert w.resolver.pending == 0


@pytest.mark.parametrize(
    ("answers", "kind", "text"),
    [
        ({}, NoDataError, "'none.example' has no address"),
        ({Type.A: Rcode.SERVFAIL}, RefusedError, "SERVFAIL"),
        ({Type.AAAA: Rcode.SERVFAIL}, RefusedError, "SERVFAIL"),
        ({Type.A: Rcode.SERVFAIL, Type.AAAA: None}, RefusedError, "SERVFAIL"),
        ({Type.A: None, Type.AAAA: Rcode.SERVFAIL}, NoAnswerError, "no answer from"),
        ({Type.A: Rcode.NXDOMAIN, Type.AAAA: Rcode.NXDOMAIN}, NotFoundError, "no such name"),
        ({Type.A: Rcode.NXDOMAIN}, NoDataError, "has no address"),
    ],
)
def test_of_two_reasons_the_one_that_may_pass(
    world: Any, answers: Any, kind: type[Exception], text: str
) -> None:
    w: World = world(TRUTH)
    truth = w.server.answer

    def answer(query: Message) -> Message | None:
        rcode = answers.get(query.questions[0].type, Rcode.NOERROR)
        if rcode is None:
            return None
        return query.reply(rcode) if rcode else truth(query)

    w.server.answer = answer
    lookup = w.find("none.example")
    assert type(lookup.error) is kind
    assert text in str(lookup.error)


@pytest.mark.parametrize("slow", [Type.A, Type.AAAA])
def test_connecting_does_not_wait_for_the_slower_family(world: Any, slow: Type) -> None:
    w: World = world({"there.example": a("10.0.0.53", "fd00::a00:35")})
    w.server.mgr.bind("tcp://[::]:7")
    w.server.delay[slow] = 4.0
    client = Recorder()
    start = w.net.now
    w.mgr.connect("tcp://there.example:7", client)
    assert w.net.run(lambda: client.data(EV_CONNECT) == [0])
    assert w.net.now - start < 0.1
    assert (":" in client.c.peer.host) == (slow == Type.A)
    w.net.run(limit=10.0)
    assert client.story() == "CONNECT"
    assert w.resolver.pending == 0


def test_connecting_goes_on_to_the_slower_family(world: Any) -> None:
    """Nobody is at the IPv6 address; the IPv4 address comes a second later."""
    w: World = world({"there.example": a("10.0.0.53", "fd00::a00:77")})
    w.net.host("10.0.0.119")
    w.server.mgr.bind("tcp://10.0.0.53:7")
    w.server.delay[Type.A] = 1.0
    client = Recorder()
    w.mgr.connect("tcp://there.example:7", client)
    assert w.net.run(lambda: client.data(EV_CONNECT) == [0])
    assert client.c.peer.host == "10.0.0.53"
