"""Zones: what a name has, what it has not, and files they come from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import galidia.dns as dns
from galidia.dns import (
    AA,
    CNAME,
    NS,
    QR,
    RD,
    SOA,
    TXT,
    A,
    Class,
    Message,
    Opaque,
    Rcode,
    Record,
    Type,
    Zone,
    load_zone,
    parse_hosts,
    parse_zone,
)
from galidia.dns.responder import Responder
from tests.dns.test_message import MESSAGES
from tests.twin import pure_module

TEXT = """
origin = "example"
[records]
ns = { A = "192.0.2.53" }
mail = { A = "192.0.2.25", AAAA = "2001:db8::25" }
www = { A = ["192.0.2.1", "192.0.2.2", "192.0.2.1"], ttl = 60 }
alias = { CNAME = "www.example" }
twice = { CNAME = "alias.example" }
out = { CNAME = "www.other" }
gone = { CNAME = "nothing.example" }
loop = { CNAME = "pool.example" }
pool = { CNAME = "loop.example" }
"deep.er.down" = { TXT = '"a b" c' }
"*.wild" = { A = "192.0.2.9", MX = "5 mail.example" }
"is.wild" = { TXT = "x" }
"*.apps" = { CNAME = "www.example" }
apps-alias = { CNAME = "any.apps.example" }
service = { HTTPS = '\\# 3 000100', SRV = "1 2 80 mail.example" }
big = { TXT = [%s] }
[records."@"]
NS = "ns.example"
MX = ["10 mail.example", "20 mail.other"]
SOA = "a.example b.example 9 8 7 6 5"
""" % ", ".join([f"'{i:02}{'x' * 98}'" for i in range(30)])  # noqa: UP031 - braces


@pytest.fixture(params=["this", "pure"], scope="module")
def zone(request: pytest.FixtureRequest) -> Any:
    parse = parse_zone if request.param == "this" else pure_module("dns.zonefile").parse_zone
    return parse(TEXT)


def ask(zone: Any, name: str, type: Type = Type.A, **options: Any) -> Message:
    query = Message.query(name, type, id=77, **options)
    reply = Message.decode(zone.respond(query.encode(), 65535, False))
    assert (reply.id, reply.questions, reply.flags & ~AA) == (77, query.questions, QR | RD)
    return reply


def shown(records: list[Record]) -> list[str]:
    """Without regard to case: names are as in the question."""
    return [f"{r.name} {r.ttl} {r.type} {r.data}".lower() for r in records]


def lower(texts: list[str]) -> list[str]:
    return [text.lower() for text in texts]


SOA_TEXT = "example. 5 SOA a.example. b.example. 9 8 7 6 5"
WWW = ["www.example. 60 A 192.0.2.1", "www.example. 60 A 192.0.2.2"]
ALIAS = "alias.example. 300 CNAME www.example."

# name, type: code, answers, whether there is the SOA record, additional records
ANSWERS: dict[str, tuple[str, str, Rcode, list[str], bool, list[str]]] = {
    "several": ("www.example", "A", Rcode.NOERROR, WWW, False, []),
    "no-data": ("www.example", "AAAA", Rcode.NOERROR, [], True, []),
    "no-name": ("nothing.example", "A", Rcode.NXDOMAIN, [], True, []),
    "no-name-below": ("a.b.www.example", "A", Rcode.NXDOMAIN, [], True, []),
    "between": ("er.down.example", "A", Rcode.NOERROR, [], True, []),
    "soa": (
        "example",
        "SOA",
        Rcode.NOERROR,
        ["example. 300 SOA a.example. b.example. 9 8 7 6 5"],
        False,
        [],
    ),
    "mx": (
        "example",
        "MX",
        Rcode.NOERROR,
        ["example. 300 MX 10 mail.example.", "example. 300 MX 20 mail.other."],
        False,
        ["mail.example. 300 A 192.0.2.25", "mail.example. 300 AAAA 2001:db8::25"],
    ),
    "ns": (
        "example",
        "NS",
        Rcode.NOERROR,
        ["example. 300 NS ns.example."],
        False,
        ["ns.example. 300 A 192.0.2.53"],
    ),
    "srv": (
        "service.example",
        "SRV",
        Rcode.NOERROR,
        ["service.example. 300 SRV 1 2 80 mail.example."],
        False,
        ["mail.example. 300 A 192.0.2.25", "mail.example. 300 AAAA 2001:db8::25"],
    ),
    "opaque": (
        "service.example",
        "HTTPS",
        Rcode.NOERROR,
        ["service.example. 300 HTTPS \\# 3 000100"],
        False,
        [],
    ),
    "any": ("www.example", "ANY", Rcode.NOERROR, WWW, False, []),
    "any-of-nothing": ("down.example", "ANY", Rcode.NOERROR, [], True, []),
    "alias": ("alias.example", "A", Rcode.NOERROR, [ALIAS, *WWW], False, []),
    "alias-itself": ("alias.example", "CNAME", Rcode.NOERROR, [ALIAS], False, []),
    "alias-no-data": ("alias.example", "MX", Rcode.NOERROR, [ALIAS], True, []),
    "alias-of-alias": (
        "twice.example",
        "A",
        Rcode.NOERROR,
        ["twice.example. 300 CNAME alias.example.", ALIAS, *WWW],
        False,
        [],
    ),
    "alias-outwards": (
        "out.example",
        "A",
        Rcode.NOERROR,
        ["out.example. 300 CNAME www.other."],
        False,
        [],
    ),
    "alias-to-nothing": (
        "gone.example",
        "A",
        Rcode.NXDOMAIN,
        ["gone.example. 300 CNAME nothing.example."],
        True,
        [],
    ),
    "alias-loop": (
        "loop.example",
        "A",
        Rcode.NOERROR,
        ["loop.example. 300 CNAME pool.example.", "pool.example. 300 CNAME loop.example."],
        False,
        [],
    ),
    "wildcard": (
        "x.wild.example",
        "A",
        Rcode.NOERROR,
        ["x.wild.example. 300 A 192.0.2.9"],
        False,
        [],
    ),
    "wildcard-deep": (
        "x.y.wild.example",
        "A",
        Rcode.NOERROR,
        ["x.y.wild.example. 300 A 192.0.2.9"],
        False,
        [],
    ),
    "wildcard-no-data": ("x.wild.example", "AAAA", Rcode.NOERROR, [], True, []),
    "wildcard-any": (
        "x.wild.example",
        "ANY",
        Rcode.NOERROR,
        ["x.wild.example. 300 A 192.0.2.9"],
        False,
        [],
    ),
    "wildcard-mx": (
        "x.wild.example",
        "MX",
        Rcode.NOERROR,
        ["x.wild.example. 300 MX 5 mail.example."],
        False,
        ["mail.example. 300 A 192.0.2.25", "mail.example. 300 AAAA 2001:db8::25"],
    ),
    "wildcard-not-for-a-name": ("is.wild.example", "A", Rcode.NOERROR, [], True, []),
    "wildcard-not-below-a-name": ("x.is.wild.example", "A", Rcode.NXDOMAIN, [], True, []),
    "wildcard-not-for-its-parent": ("wild.example", "A", Rcode.NOERROR, [], True, []),
    "wildcard-by-name": (
        "*.wild.example",
        "A",
        Rcode.NOERROR,
        ["*.wild.example. 300 A 192.0.2.9"],
        False,
        [],
    ),
    "wildcard-alias": (
        "x.apps.example",
        "A",
        Rcode.NOERROR,
        ["x.apps.example. 300 CNAME www.example.", *WWW],
        False,
        [],
    ),
    "alias-to-wildcard": (
        "apps-alias.example",
        "A",
        Rcode.NOERROR,
        [
            "apps-alias.example. 300 CNAME any.apps.example.",
            "any.apps.example. 300 CNAME www.example.",
            *WWW,
        ],
        False,
        [],
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers(case: str, zone: Any) -> None:
    name, type, code, answers, negative, additionals = ANSWERS[case]
    for spelled in (name, name.upper()):
        reply = ask(zone, spelled, Type.parse(type))
        assert reply.flags & AA
        assert reply.rcode == code
        assert shown(reply.answers) == lower(answers)
        assert shown(reply.authorities) == (lower([SOA_TEXT]) if negative else [])
        assert shown(reply.additionals) == lower(additionals)


@pytest.mark.parametrize("name", ["other", "example.other", ".", "xexample"])
def test_another_zone(name: str, zone: Any) -> None:
    reply = ask(zone, name)
    assert (reply.rcode, reply.flags & AA, reply.authorities) == (Rcode.REFUSED, 0, [])


@pytest.mark.parametrize("type", [Type.AXFR, Type.IXFR])
def test_the_zone_is_not_handed_over(type: Type, zone: Any) -> None:
    assert ask(zone, "example", type).rcode == Rcode.REFUSED


def test_another_class(zone: Any) -> None:
    assert ask(zone, "www.example", rclass=Class.CH).rcode == Rcode.REFUSED
    assert ask(zone, "www.example", rclass=Class.ANY).rcode == Rcode.REFUSED


@pytest.mark.parametrize(
    ("udp", "limit", "payload", "most"),
    [
        (True, 1232, None, 512),
        (True, 1232, 400, 512),
        (True, 1232, 800, 800),
        (True, 1232, 65535, 1232),
        (True, 4096, 65535, 4096),
        (False, 65535, None, 65535),
        (False, 65535, 512, 65535),
    ],
)
def test_no_answer_is_too_long(udp, limit, payload, most, zone: Any) -> None:
    query = Message.query("big.example", Type.TXT, payload_size=payload)
    data = zone.respond(query.encode(), limit, udp)
    assert len(data) <= most
    reply = Message.decode(data)
    assert reply.truncated == (most < 4000)
    assert len(reply.answers) == (0 if most < 4000 else 30)


def test_additional_records_go_first(zone: Any) -> None:
    query = Message.query("example", Type.MX, payload_size=None).encode()
    full = zone.respond(query, 65535, False)
    for limit in range(len(full) - 1, 12 + 13, -1):
        reply = Message.decode(zone.respond(query, limit, False))
        assert reply.additionals == []
        assert reply.truncated == (not reply.answers)
    assert Message.decode(zone.respond(query, len(full) - 1, False)).answers


def test_the_root_is_a_zone() -> None:
    zone = parse_zone('origin = "."\n[records]\na = { A = "192.0.2.1" }\n"*" = { A = "192.0.2.2" }')
    assert shown(ask(zone, "a").answers) == ["a. 300 a 192.0.2.1"]
    assert shown(ask(zone, "x.y").answers) == ["x.y. 300 a 192.0.2.2"]
    assert ask(zone, ".").rcode == Rcode.NOERROR


def test_an_soa_record_is_made() -> None:
    zone = Zone("example", [Record("a.example", A("192.0.2.1"))])
    assert isinstance(zone.soa.data, SOA)
    assert [r.type for r in ask(zone, "b.example").authorities] == [Type.SOA]


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([Record("a.other", A("192.0.2.1"))], "not in the zone"),
        ([Record("a.example", NS("b.example"))], "NS records below"),
        ([Record("a.example", SOA("a", "b", 1, 2, 3, 4, 5))], "at the origin"),
        ([Record("example", SOA("a", "b", i, 2, 3, 4, 5)) for i in (1, 2)], "one SOA"),
        ([Record("a.example", CNAME("b")), Record("a.example", A("192.0.2.1"))], "no other"),
        ([Record("a.example", CNAME("b")), Record("a.example", CNAME("c"))], "no other"),
        ([Record("a.example", A("192.0.2.1"), rclass=Class.CH)], "no record of"),
        ([Record("a.example", Opaque(Type.ANY, b""))], "no record of"),
        ([Record("a.example", TXT(*["x" * 255] * 250), i) for i in (1, 2)], "NONE"),
        ([Record("a.example", TXT(str(i), *["x" * 255] * 250)) for i in (1, 2)], "do not fit"),
        (
            [Record("*.example", TXT(str(i), "x" * 200, *["x" * 255] * 127)) for i in (1, 2)],
            "do not fit",
        ),
    ],
)
def test_records_that_are_in_no_zone(records: list[Record], why: str) -> None:
    if why == "NONE":  # the same record twice is one
        Zone("example", records)
        return
    with pytest.raises(ValueError, match=why):
        Zone("example", records)


# -- files ------------------------------------------------------------------------------------


def test_hosts_lines() -> None:
    zone = parse_hosts(
        "# all\n192.0.2.1 one one.lan alias # here\n\n2001:db8::1\tone\n127.0.0.1 a.b.lan.\n", "lan"
    )
    assert shown(ask(zone, "one.lan").answers) == ["one.lan. 300 a 192.0.2.1"]
    assert shown(ask(zone, "ONE.lan", Type.AAAA).answers) == ["one.lan. 300 aaaa 2001:db8::1"]
    assert len(ask(zone, "alias.lan").answers) == 1
    assert len(ask(zone, "a.b.lan").answers) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "an origin"),
        ("origin = 5", "an origin"),
        ('origin = "a..b"', "empty"),
        ('origin = "example"\nrecords = 5', "a table of names"),
        ('origin = "example"\nrecord = 5', "'record'"),
        ('origin = "example"\n[records]\na = "192.0.2.1"', "a table of types"),
        ('origin = "example"\n[records]\na = { A = 5 }', "a text"),
        ('origin = "example"\n[records]\na = { A = "x" }', "type A"),
        ('origin = "example"\n[records]\na = { NOSUCH = "x" }', "NOSUCH"),
        ('origin = "example"\n[records]\na = { A = "192.0.2.1", ttl = -1 }', "ttl"),
        ('origin = "example"\nttl = "x"\n[records]\na = { A = "192.0.2.1" }', "ttl"),
        ("origin = ", "Invalid"),
    ],
)
def test_toml_that_is_no_zone(text: str, why: str, tmp_path: Any) -> None:
    (tmp_path / "zone.toml").write_text(text)
    with pytest.raises(ValueError, match=rf"zone\.toml: .*{why}"):
        load_zone(tmp_path / "zone.toml")


def test_files(tmp_path: Any) -> None:
    (tmp_path / "zone.toml").write_text(TEXT)
    (tmp_path / "hosts").write_text("192.0.2.1 a\n192.0.2 b\n")
    assert ask(load_zone(tmp_path / "zone.toml"), "www.example").answers
    with pytest.raises(ValueError, match=r"line 2: .*192\.0\.2"):
        load_zone(tmp_path / "hosts", "lan")
    with pytest.raises(ValueError, match="origin="):
        load_zone(tmp_path / "hosts")
    (tmp_path / "hosts").write_text("192.0.2.1 a.other\n")
    with pytest.raises(ValueError, match=r"line 1: .*not in the zone"):
        load_zone(tmp_path / "hosts", "lan")
    with pytest.raises(OSError):
        load_zone(tmp_path / "nothing")


# -- anything ---------------------------------------------------------------------------------

NAMES = st.sampled_from(
    ["www.example", "x.wild.example", "big.example", "other", "eXample", "no.example"]
)
TYPES = st.sampled_from([Type.A, Type.TXT, Type.MX, Type.ANY, Type.CNAME, Type(65280)])
OPTS = st.none() | st.builds(
    dns.Opt,
    st.integers(0, 65535),
    st.booleans(),
    st.sampled_from([0, 0, 0, 1]),
    st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=9)), max_size=2),
)
QUERIES = st.builds(
    Message,
    st.integers(0, 65535),
    st.sampled_from([0, RD, RD | 0x0010, 0x0630, QR]),
    st.sampled_from([0, 0, 0, 0, 5]),
    questions=st.lists(st.builds(dns.Question, NAMES, TYPES), min_size=1, max_size=1),
    opt=OPTS,
)
BOTH = {"this": parse_zone(TEXT), "pure": pure_module("dns.zonefile").parse_zone(TEXT)}


def check(query: bytes, limit: int, udp: bool) -> None:
    """Both builds agree, nothing is too long, and what is answered is a reply."""
    data = BOTH["this"].respond(query, limit, udp)
    assert data == BOTH["pure"].respond(query, limit, udp)
    if not data:
        assert len(query) < 12 or query[2] & 0x80
        return
    assert len(data) <= limit
    reply = Message.decode(data)
    assert reply.is_reply
    assert data[:2] == query[:2]


@given(QUERIES, st.integers(512, 1500), st.booleans())
def test_any_query(query: Message, limit: int, udp: bool) -> None:
    check(query.encode(), limit, udp)


@given(QUERIES, st.booleans())
def test_a_query_out_of_the_ordinary_gets_the_same(query: Message, udp: bool) -> None:
    ordinary = BOTH["this"].respond(query.encode(), 1232, udp)
    query.add("other", A("192.0.2.1"), section="authority")
    assert BOTH["this"].respond(query.encode(), 1232, udp) == ordinary


@given(MESSAGES, st.booleans())
def test_any_message(message: Message, udp: bool) -> None:
    message.flags &= ~QR
    check(message.encode(), 1232, udp)


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes(data: bytes, udp: bool) -> None:
    check(data, 1232, udp)


@given(QUERIES, st.data())
def test_mutated_queries(query: Message, draw: st.DataObject) -> None:
    data = bytearray(query.encode())
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at] = draw.draw(st.integers(0, 255))
    check(bytes(data[: draw.draw(st.integers(0, len(data)))]), 1232, True)


def test_without_a_zone_everything_is_refused() -> None:
    query = Message.query("www.example").encode()
    assert Message.decode(Responder().respond(query, 512, True)).rcode == Rcode.REFUSED
