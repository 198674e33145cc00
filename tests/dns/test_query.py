"""One question on its way: silence, refusals, truncation, EDNS, aliases, and what is no reply."""

from __future__ import annotations

from typing import Any

import pytest

from galidia.core.address import Address
from galidia.core.resolver import (
    NoAnswerError,
    NoDataError,
    NotFoundError,
    RefusedError,
    ResolveError,
)
from galidia.dns import NS, RA, Message, Rcode, Record, Type
from tests.dns.world import SERVERS, World, a, alias

TRUTH = {
    "www.example": a("192.0.2.1"),
    "many.example": a(*[f"192.0.2.{i}" for i in range(200)]),
    "more.example": a(*[f"192.0.2.{i}" for i in range(200)]),
    "one.example": alias("two.example"),
    "two.example": alias("www.example"),
    "lost.example": alias("missing.example"),
    "round.example": alias("circle.example"),
    "circle.example": alias("round.example"),
}


def silent(query: Message) -> None:
    """No reply."""


def answering(rcode: Rcode) -> Any:
    """The same reply to all."""
    return lambda query: query.reply(rcode)


def seconds(world: World, name: str, type: str | None = "A") -> tuple[Any, float]:
    """What comes of a look-up, and how long it takes."""
    start = world.net.now
    return world.find(name, type), round(world.net.now - start, 1)


# -- silence --------------------------------------------------------------------------------------


def test_a_silent_server_is_asked_again_and_then_given_up(world: Any) -> None:
    w = world(TRUTH)
    w.server.answer = silent
    lookup, took = seconds(w, "www.example")
    assert type(lookup.error) is NoAnswerError
    text = "'www.example' cannot be resolved: no answer from 10.0.0.53:53 within 2 x 5 s"
    assert str(lookup.error) == text
    assert took == 10.0
    assert w.server.asked == [("www.example", Type.A)] * 2
    assert len(set(w.server.sources)) == 1  # the first try may still be answered


def test_time_and_attempts_are_options(world: Any) -> None:
    w = world(TRUTH, timeout=2.0, attempts=3)
    w.server.answer = silent
    assert seconds(w, "www.example")[1] == 6.0


def test_the_next_server_is_asked_in_place_of_a_silent_one(world: Any) -> None:
    w = world(TRUTH, servers=2)
    w.server.answer = silent
    lookup, took = seconds(w, "www.example")
    assert lookup.addresses == ["192.0.2.1"]
    assert took == 5.0
    # And for a while it is the one to ask first.
    assert seconds(w, "two.example")[1] == 0.0
    assert len(w.server.asked) == 1
    w.net.run(limit=31.0)
    w.mgr.poll(60_000)
    assert seconds(w, "one.example")[1] == 5.0


def test_a_late_reply_counts(world: Any) -> None:
    w = world(TRUTH, servers=2)
    w.server.delay[Type.A] = 7.0
    w.servers[1].answer = silent
    lookup, took = seconds(w, "www.example")
    assert lookup.addresses == ["192.0.2.1"]
    assert took == 7.0


def test_a_server_that_answers_late_is_not_passed_over_any_longer(world: Any) -> None:
    w = world(TRUTH, servers=2)
    w.server.delay[Type.A] = 7.0
    w.servers[1].delay[Type.A] = 3.0
    assert seconds(w, "www.example")[1] == 7.0
    w.server.delay.clear()
    assert seconds(w, "two.example")[1] == 0.0
    assert [len(server.asked) for server in w.servers] == [2, 1]


def test_what_comes_after_the_end_is_ignored(world: Any) -> None:
    w = world(TRUTH, attempts=1)
    w.server.delay[Type.A] = 7.0
    assert type(w.find("www.example", "A").error) is NoAnswerError
    assert w.net.run()
    assert w.sockets() == []


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rcode", [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, Rcode.NOTAUTH])
def test_the_next_server_is_asked_in_place_of_one_that_refuses(world: Any, rcode: Rcode) -> None:
    w = world(TRUTH, servers=2)
    w.server.answer = answering(rcode)
    lookup, took = seconds(w, "www.example")
    assert lookup.addresses == ["192.0.2.1"]
    assert took == 0.0


def test_all_servers_refuse(world: Any) -> None:
    w = world(TRUTH, servers=2)
    w.server.answer = answering(Rcode.REFUSED)
    w.servers[1].answer = answering(Rcode.SERVFAIL)
    lookup, took = seconds(w, "www.example")
    assert type(lookup.error) is RefusedError
    assert str(lookup.error) == (
        "'www.example' cannot be resolved: 10.0.0.53:53 answers REFUSED; "
        "10.0.0.54:53 answers SERVFAIL"
    )
    assert took == 0.0
    assert [len(server.asked) for server in w.servers] == [1, 1]


def test_one_refuses_and_one_is_silent(world: Any) -> None:
    w = world(TRUTH, servers=2)
    w.server.answer = answering(Rcode.REFUSED)
    w.servers[1].answer = silent
    lookup, took = seconds(w, "www.example")
    assert type(lookup.error) is NoAnswerError
    assert took == 10.0
    assert [len(server.asked) for server in w.servers] == [1, 2]


def test_a_port_that_nobody_listens_on(world: Any) -> None:
    w = world(TRUTH)
    w.server.mgr.close()
    lookup, took = seconds(w, "www.example")
    assert type(lookup.error) is RefusedError
    assert "10.0.0.53:53: Connection refused" in str(lookup.error)
    assert took == 0.0


def test_a_server_that_does_not_ask_others(world: Any) -> None:
    def refer(query: Message) -> Message:
        reply = query.reply()
        reply.authorities.append(Record("example", NS("ns.example")))
        return reply

    w = world(TRUTH, servers=2)
    w.server.answer = refer
    assert seconds(w, "www.example")[0].addresses == ["192.0.2.1"]
    w.servers[1].answer = refer
    w.resolver.cache.clear()
    error = w.find("www.example", "A").error
    assert type(error) is RefusedError
    assert "10.0.0.54:53 does not ask other servers" in str(error)


# -- truncation -----------------------------------------------------------------------------------


def test_a_truncated_reply_is_fetched_over_tcp(world: Any) -> None:
    w = world(TRUTH)
    assert len(w.find("many.example", "A").addresses) == 200
    assert w.server.over_tcp == 1
    assert w.net.run()
    assert w.sockets() == []


def test_truncated_replies_share_a_connection(world: Any) -> None:
    w, found, tcp = world(TRUTH), list[Any](), list[int]()
    for name in ("many.example", "more.example"):
        w.mgr.resolve(name, found.append, type="A")

    def done() -> bool:
        tcp.append(len(w.mgr))
        return len(found) == 2

    assert w.net.run(done)
    assert [len(lookup.addresses) for lookup in found] == [200, 200]
    assert w.server.over_tcp == 2
    assert max(tcp) == 1


def test_tcp_is_refused(world: Any) -> None:
    w = world(TRUTH)
    for c in w.server.mgr:
        if "stream" in repr(c):
            c.close()
    w.server.mgr.poll(0)
    lookup, took = seconds(w, "many.example")
    assert type(lookup.error) is RefusedError
    assert "Connection refused" in str(lookup.error)
    assert took == 0.0


def test_tcp_is_silent(world: Any) -> None:
    w = world(TRUTH)
    for c in w.server.mgr:
        if "stream" in repr(c):
            c.handler = lambda c, ev, data: None
    lookup, took = seconds(w, "many.example")
    assert type(lookup.error) is NoAnswerError
    assert took == 10.0


# -- EDNS -----------------------------------------------------------------------------------------


def test_a_reply_may_be_larger_than_512_bytes(world: Any) -> None:
    truth = {"fifty.example": a(*[f"192.0.2.{i}" for i in range(50)])}
    w = world(truth)
    assert len(w.find("fifty.example", "A").addresses) == 50
    assert w.server.over_tcp == 0


def only_a_header(query: Message) -> Message | None:
    """What a server sends that understands nothing."""
    return Message(query.id, 0x8000, rcode=Rcode.FORMERR) if query.opt is not None else None


@pytest.mark.parametrize("header", [False, True])
def test_a_server_without_edns_is_asked_without(world: Any, header: bool) -> None:
    w = world(TRUTH)
    w.server.edns = False
    if header:
        truth = w.server.answer
        w.server.edns = True
        w.server.answer = lambda query: only_a_header(query) or truth(query)
    for name in ("www.example", "two.example"):
        lookup, took = seconds(w, name)
        assert lookup.addresses == ["192.0.2.1"]
        assert took == 0.0
    assert [name for name, _ in w.server.asked] == ["www.example"] * 2 + ["two.example"]


def test_a_server_that_never_understands(world: Any) -> None:
    w = world(TRUTH)
    w.server.answer = answering(Rcode.FORMERR)
    lookup = w.find("www.example", "A")
    assert type(lookup.error) is RefusedError
    assert len(w.server.asked) == 2


# -- aliases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("follows", [True, False])
def test_aliases(world: Any, follows: bool) -> None:
    w = world(TRUTH)
    w.server.follows = follows
    lookup = w.find("one.example", "A")
    assert (lookup.addresses, lookup.canonical) == (["192.0.2.1"], "www.example")
    assert len(w.server.asked) == (1 if follows else 3)
    lookup = w.find("lost.example", "A")
    assert type(lookup.error) is NotFoundError
    assert str(lookup.error) == (
        "'lost.example' is an alias of 'missing.example', which does not exist"
    )


@pytest.mark.parametrize("follows", [True, False])
def test_aliases_in_a_circle_have_an_end(world: Any, follows: bool) -> None:
    w = world(TRUTH)
    w.server.follows = follows
    lookup = w.find("round.example", "A")
    assert type(lookup.error) is ResolveError
    assert "too many aliases" in str(lookup.error)
    assert len(w.server.asked) < 20


# -- what is no reply -----------------------------------------------------------------------------


def lie(query: Message) -> bytearray:
    """A whole reply, with an address that is none."""
    reply = query.reply()
    reply.flags |= RA
    reply.answers.append(Record("www.example", a("192.0.2.66")[Type.A][0]))
    return bytearray(reply.encode())


def with_id(query: Message, there: Address) -> tuple[bytes, Address]:
    query.id ^= 0x0100
    return bytes(lie(query)), there


def other_question(query: Message, there: Address) -> tuple[bytes, Address]:
    return bytes(lie(query)).replace(b"\3www", b"\3wwx", 1), there


def other_type(query: Message, there: Address) -> tuple[bytes, Address]:
    wire = lie(query)
    wire[12 + 13 + 1] = 28
    return bytes(wire), there


def no_question(query: Message, there: Address) -> tuple[bytes, Address]:
    query.questions.clear()
    return bytes(lie(query)), there


def two_questions(query: Message, there: Address) -> tuple[bytes, Address]:
    query.questions *= 2
    return bytes(lie(query)), there


def a_query(query: Message, there: Address) -> tuple[bytes, Address]:
    wire = lie(query)
    wire[2] &= 0x7F
    return bytes(wire), there


def other_opcode(query: Message, there: Address) -> tuple[bytes, Address]:
    wire = lie(query)
    wire[2] |= 0x28
    return bytes(wire), there


def cut(query: Message, there: Address) -> tuple[bytes, Address]:
    return bytes(lie(query)[:-12]), there


def too_short(query: Message, there: Address) -> tuple[bytes, Address]:
    return bytes(lie(query)[:11]), there


def nothing_at_all(query: Message, there: Address) -> tuple[bytes, Address]:
    return b"", there


def no_edns_for_another_question(query: Message, there: Address) -> tuple[bytes, Address]:
    reply = Message.query("elsewhere.example", id=query.id).reply(Rcode.FORMERR)
    return reply.encode(), there


def from_elsewhere(query: Message, there: Address) -> tuple[bytes, Address]:
    return bytes(lie(query)), Address("10.0.0.99", 53)


def from_another_port(query: Message, there: Address) -> tuple[bytes, Address]:
    return bytes(lie(query)), Address(there.host, 54)


NO_REPLIES = [
    with_id,
    other_question,
    other_type,
    no_question,
    two_questions,
    a_query,
    other_opcode,
    cut,
    too_short,
    nothing_at_all,
    no_edns_for_another_question,
    from_elsewhere,
    from_another_port,
]


@pytest.mark.parametrize("forge", NO_REPLIES)
@pytest.mark.parametrize("answers", [True, False], ids=["the truth follows", "nothing follows"])
def test_what_is_no_reply_is_ignored(world: Any, forge: Any, answers: bool) -> None:
    w = world(TRUTH)

    def before(data: bytes, source: Address) -> None:
        wire, sender = forge(Message.decode(data), Address(SERVERS[0], 53))
        w.net.forge(wire, sender, source)

    w.server.before = before
    w.server.delay[Type.A] = 1.0
    if not answers:
        w.server.answer = silent
    lookup, took = seconds(w, "www.example")
    assert lookup.addresses == (["192.0.2.1"] if answers else [])
    assert took == (1.0 if answers else 10.0)
    # What the kernel drops is not seen at all.
    seen = forge not in (from_elsewhere, from_another_port)
    assert w.resolver.ignored == seen * len(w.server.asked)


def test_a_negative_reply(world: Any) -> None:
    w = world(TRUTH)
    assert type(w.find("missing.example", "A").error) is NotFoundError
    lookup = w.find("www.example", "MX")
    assert type(lookup.error) is NoDataError
    assert str(lookup.error) == "'www.example' has no records of type MX"
