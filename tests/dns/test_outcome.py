"""What replies mean: chains of aliases, what does not belong, and what may be remembered."""

from __future__ import annotations

from typing import Any

import pytest

from galidia.core.resolver import NoDataError, NotFoundError, ResolveError
from galidia.dns import AA, CNAME, MX, NS, QR, RA, SOA, Message, Name, Rcode, Record, Type
from galidia.dns import A as IPv4
from galidia.dns.outcome import MAX_NEGATIVE_TTL, MAX_TTL, Chase, Outcome, read_reply

ASKED = Name("www.example")


def rr(name: str, data: Any, ttl: int = 300, rclass: int = 1) -> Record:
    return Record(name, data, ttl, rclass)


def a(name: str, last: int = 1, ttl: int = 300, rclass: int = 1) -> Record:
    return rr(name, IPv4(f"192.0.2.{last}"), ttl, rclass)


def alias(name: str, target: str, ttl: int = 300) -> Record:
    return rr(name, CNAME(target), ttl)


def soa(name: str = "example", ttl: int = 600, minimum: int = 300) -> Record:
    return rr(name, SOA("ns.example", "root.example", 1, 2, 3, 4, minimum), ttl)


def read(
    *answers: Record,
    type: Type = Type.A,
    rcode: Rcode = Rcode.NOERROR,
    flags: int = RA,
    authorities: tuple[Record, ...] = (),
    aliases: int = 0,
) -> Outcome | Chase | None:
    message = Message(1, QR | flags, 0, rcode, answers=answers, authorities=authorities)
    return read_reply(message, ASKED, ASKED, type, aliases)


# Answers, and the addresses and the time to live of what is found.
FOUND = {
    "one": ([a("www.example")], [1], 300),
    "in any case": ([a("WWW.Example")], [1], 300),
    "several, the least time": (
        [a("www.example", 1, 50), a("www.example", 2, 20)],
        [1, 2],
        20,
    ),
    "an alias": ([alias("www.example", "x.example", 10), a("x.example")], [1], 10),
    "aliases in any order": (
        [a("y.example", 7, 5), alias("x.example", "y.example"), alias("www.example", "x.example")],
        [7],
        5,
    ),
    "of others too": ([a("evil.example", 66), a("www.example"), a("example", 66)], [1], 300),
    "another class": ([a("www.example", 66, rclass=3), a("www.example")], [1], 300),
    "mDNS: the bit in the class": ([a("www.example", rclass=0x8001)], [1], 300),
    "beside another type": ([rr("www.example", MX(1, "x.example")), a("www.example")], [1], 300),
    "an alias and a record: the record": (
        [alias("www.example", "x.example"), a("www.example"), a("x.example", 66)],
        [1],
        300,
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_records(name: str) -> None:
    answers, numbers, ttl = FOUND[name]
    outcome = read(*answers)
    assert isinstance(outcome, Outcome)
    assert outcome.addresses == [f"192.0.2.{n}" for n in numbers]
    assert (outcome.error, outcome.ttl) == (None, ttl)


def test_the_name_of_an_alias_is_told() -> None:
    outcome = read(alias("www.example", "X.example"), a("x.example"))
    assert isinstance(outcome, Outcome)
    assert outcome.name.host == "X.example"


def test_an_alias_itself_may_be_asked_for() -> None:
    outcome = read(alias("www.example", "x.example"), type=Type.CNAME)
    assert isinstance(outcome, Outcome)
    assert [str(r.data) for r in outcome.records] == ["x.example."]


def test_any_is_everything_of_the_name() -> None:
    outcome = read(a("www.example"), rr("www.example", MX(1, "x.example")), type=Type.ANY)
    assert isinstance(outcome, Outcome)
    assert len(outcome.records) == 2


ANSWERS_TOO_LONG = 10 * MAX_TTL


def test_a_time_to_live_has_a_limit() -> None:
    outcome = read(a("www.example", ttl=ANSWERS_TOO_LONG))
    assert isinstance(outcome, Outcome)
    assert outcome.ttl == MAX_TTL


# Answers, response code, authorities; the error and for how long it may be remembered.
MISSING: dict[str, tuple[list[Record], Rcode, list[Record], type[ResolveError], int]] = {
    "no such name": ([], Rcode.NXDOMAIN, [soa()], NotFoundError, 300),
    "the SOA's own time": ([], Rcode.NXDOMAIN, [soa(ttl=20)], NotFoundError, 20),
    "for too long": (
        [],
        Rcode.NXDOMAIN,
        [soa(ttl=10**6, minimum=10**6)],
        NotFoundError,
        MAX_NEGATIVE_TTL,
    ),
    "no SOA": ([], Rcode.NXDOMAIN, [], NotFoundError, 0),
    "the SOA of others": ([], Rcode.NXDOMAIN, [soa("other")], NotFoundError, 0),
    "nothing of the type": ([], Rcode.NOERROR, [soa()], NoDataError, 300),
    "only other types": ([rr("www.example", MX(1, "x"))], Rcode.NOERROR, [], NoDataError, 0),
    "only of other names": ([a("evil.example", 66)], Rcode.NOERROR, [], NoDataError, 0),
    "an alias of nothing": (
        [alias("www.example", "x.example", 9)],
        Rcode.NXDOMAIN,
        [soa()],
        NotFoundError,
        9,
    ),
    "an alias of a name without it": (
        [alias("www.example", "x.example")],
        Rcode.NOERROR,
        [soa()],
        NoDataError,
        300,
    ),
    "an alias of itself": (
        [alias("www.example", "www.example")],
        Rcode.NOERROR,
        [],
        ResolveError,
        0,
    ),
    "aliases in a circle": (
        [alias("www.example", "x.example"), alias("x.example", "www.example")],
        Rcode.NOERROR,
        [],
        ResolveError,
        0,
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_nothing(name: str) -> None:
    answers, rcode, authorities, kind, ttl = MISSING[name]
    outcome = read(*answers, rcode=rcode, authorities=tuple(authorities))
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.ttl, outcome.records) == (kind, ttl, ())
    assert type(outcome.error) is kind
    assert "'www.example'" in str(outcome.error)
    assert outcome.error is not outcome.error  # what is raised belongs to who raises it


def test_an_alias_that_the_reply_says_no_more_about() -> None:
    assert read(alias("www.example", "x.example", 9), aliases=3) == Chase(Name("x.example"), 4, 9)


def test_too_many_aliases() -> None:
    outcome = read(alias("www.example", "x.example"), aliases=16)
    assert isinstance(outcome, Outcome)
    assert "too many aliases" in outcome.text


REFERRAL = (rr("example", NS("ns.example")),)


@pytest.mark.parametrize(("flags", "is_one"), [(0, True), (RA, False), (AA, False)])
def test_a_referral_is_no_answer(flags: int, is_one: bool) -> None:
    assert (read(flags=flags, authorities=REFERRAL) is None) is is_one


def test_a_large_outcome_takes_more_memory() -> None:
    few, many = read(a("www.example")), read(*[a("www.example", i) for i in range(100)])
    assert isinstance(few, Outcome)
    assert isinstance(many, Outcome)
    assert many.size > 20 * few.size
