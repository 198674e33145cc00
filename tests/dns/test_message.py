"""Messages as bytes, through both builds: what is good, what is refused, and at what cost."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import galidia.dns as dns
from galidia.dns import (
    AA,
    AAAA,
    CNAME,
    MX,
    QR,
    RD,
    TC,
    TXT,
    A,
    Class,
    Message,
    Name,
    Opaque,
    Opcode,
    Opt,
    Question,
    Rcode,
    Record,
    Type,
)
from tests.twin import pure_module

QUESTION = b"\3www\7example\3com\0\0\1\0\1"
ADDRESS = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\x7f\0\0\1"
LONG_LABELS = (b"\x3f" + b"a" * 63) * 3
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


def head(questions=0, answers=0, authorities=0, additionals=0, bits=0x0100) -> bytes:
    counts = (0x1234, bits, questions, answers, authorities, additionals)
    return b"".join(n.to_bytes(2, "big") for n in counts)


def record(
    name: bytes, type: int, data: bytes, length: int | None = None, rclass: int = 1
) -> bytes:
    length = len(data) if length is None else length
    numbers = type.to_bytes(2, "big") + rclass.to_bytes(2, "big") + bytes(4)
    return name + numbers + length.to_bytes(2, "big") + data


def answer(type: int, data: bytes, length: int | None = None, rclass: int = 1) -> bytes:
    return head(1, 1) + QUESTION + record(b"\xc0\x0c", type, data, length, rclass)


BAD: dict[str, tuple[str, bytes]] = {
    "nothing": ("over the end", b""),
    "half-a-header": ("over the end", head()[:11]),
    "question-missing": ("no end", head(1)),
    "question-cut": ("over the end", head(1) + QUESTION[:-1]),
    "questions-lie": ("no end", head(2) + QUESTION),
    "questions-lie-a-lot": ("no end", head(65535) + QUESTION),
    "answers-lie": ("no end", head(1, 65535) + QUESTION + ADDRESS),
    "authorities-lie": ("no end", head(1, 1, 1) + QUESTION + ADDRESS),
    "additionals-lie": ("no end", head(1, 1, 0, 1) + QUESTION + ADDRESS),
    "trailing": ("1 bytes follow", head(1) + QUESTION + b"\0"),
    "trailing-answer": ("16 bytes follow", head(1) + QUESTION + ADDRESS),
    "pointer-to-itself": ("lead back", head(1) + b"\xc0\x0c\0\1\0\1"),
    "pointer-forward": ("lead back", head(1) + b"\xc0\x10\0\1\1a\0"),
    "pointer-to-its-own-name": ("lead back", head(1) + b"\1a\xc0\x0c\0\1\0\1"),
    "pointers-in-a-circle": ("lead back", head(2) + b"\xc0\x12\0\1\0\1\xc0\x0c\0\1\0\1"),
    "pointer-to-its-own-middle": ("lead back", head(1) + b"\1a\1b\xc0\x0e\0\1\0\1"),
    "pointer-into-the-header": ("lead back", head(1) + b"\xc0\x00\0\1\0\1"),
    "pointer-over-the-end": ("lead back", head(1) + b"\xff\xff\0\1\0\1"),
    "pointer-cut": ("no end", head(1) + b"\xc0"),
    # the labels at 23 run into the name at 25, whose pointer leads to 23 again
    "loop-through-labels": ("lead back", head(0, 2) + record(b"\0", 99, b"\1x") + b"\xc0\x17"),
    "label-64": ("unknown kind", head(1) + b"\x40" + b"a" * 64 + b"\0\0\1\0\1"),
    "label-128": ("unknown kind", head(1) + b"\x80" + b"a" * 128 + b"\0\0\1\0\1"),
    "label-over-the-end": ("no end", head(1) + b"\x3fabc"),
    "name-without-end": ("no end", head(1) + b"\3abc"),
    "name-256": ("over 255", head(1) + LONG_LABELS + b"\x3e" + b"a" * 62 + b"\0\0\1\0\1"),
    "name-long": ("over 255", head(1) + b"\1a" * 200 + b"\0\0\1\0\1"),
    "name-256-by-pointer": (
        "over 255",
        head(2) + LONG_LABELS + b"\0\0\1\0\1" + b"\x3e" + b"b" * 62 + b"\xc0\x0c\0\1\0\1",
    ),
    "name-runs-out-of-its-data": ("no end", answer(5, b"\3ww", 3) + b"w\0"),
    "name-left-over": ("left over", answer(5, b"\1a\0\0")),
    "pointer-in-data-to-itself": ("lead back", answer(5, b"\xc0\x2d")),
    "a-3": ("over the end", answer(1, b"\1\2\3")),
    "a-5": ("left over", answer(1, b"\1\2\3\4\5")),
    "a-0": ("over the end", answer(1, b"")),
    "aaaa-15": ("over the end", answer(28, bytes(15))),
    "aaaa-17": ("left over", answer(28, bytes(17))),
    "mx-1": ("over the end", answer(15, b"\0")),
    "mx-no-name": ("no end", answer(15, b"\0\1")),
    "soa-short": ("over the end", answer(6, b"\0\0" + bytes(19))),
    "soa-long": ("left over", answer(6, b"\0\0" + bytes(21))),
    "txt-nothing": ("over the end", answer(16, b"")),
    "txt-over": ("over the end", answer(16, b"\2a")),
    "txt-second-over": ("over the end", answer(16, b"\1a\1")),
    "srv-short": ("over the end", answer(33, bytes(5))),
    "srv-left-over": ("left over", answer(33, bytes(8))),
    "caa-no-tag": ("a tag is", answer(257, b"\0\0ab")),
    "caa-tag": ("a tag is", answer(257, b"\0\1-ab")),
    "caa-tag-over": ("over the end", answer(257, b"\0\5ab")),
    "data-over-the-end": ("over the end", answer(99, b"ab", 3)),
    "data-over-the-end-a-lot": ("over the end", answer(99, b"ab", 65535)),
    "opt-twice": ("OPT", head(0, 0, 0, 2) + OPT + OPT),
    "opt-in-answers": ("OPT", head(0, 1) + OPT),
    "opt-in-authorities": ("OPT", head(0, 0, 1) + OPT),
    "opt-with-a-name": ("OPT", head(0, 0, 0, 1) + b"\1a" + OPT),
    "opt-cut": ("over the end", head(0, 0, 0, 1) + OPT[:-1]),
    "opt-option-cut": ("over the end", head(0, 0, 0, 1) + record(b"\0", 41, b"\0\1\0")),
    "opt-option-over": ("over the end", head(0, 0, 0, 1) + record(b"\0", 41, b"\0\1\0\2a")),
}  # fmt: skip


@pytest.fixture(params=["this", "pure"])
def build(request: pytest.FixtureRequest) -> Any:
    return dns if request.param == "this" else pure_module("dns")


@pytest.mark.parametrize("case", BAD)
def test_malformed(case: str, build: Any) -> None:
    why, data = BAD[case]
    with pytest.raises(build.FormatError, match=why):
        build.Message.decode(data)


@pytest.mark.parametrize("trailing", [False, True])
def test_cut_anywhere(trailing: bool, build: Any) -> None:
    message = build.Message.decode(answer(6, QUESTION[:-4] + b"\1a\xc0\x10" + bytes(20)))
    message.opt = build.Opt(options=[(3, b"nsid")])
    data = message.encode()
    assert build.Message.decode(data) == message
    for n in range(len(data)):
        with pytest.raises(build.FormatError):
            build.Message.decode(data[:n], trailing=trailing)


def test_fields(build: Any) -> None:
    m = build.Message.decode(head(1, 1, 0, 1, bits=0x8583) + QUESTION + ADDRESS + OPT)
    assert (m.id, m.flags, m.opcode, m.rcode) == (0x1234, QR | AA | RD | 0x80, 0, Rcode.NXDOMAIN)
    assert str(m.questions[0].name) == "www.example.com."
    assert m.questions[0].type == Type.A
    (found,) = m.answers
    assert (str(found.name), found.ttl, found.rclass) == ("www.example.com.", 300, Class.IN)
    assert found.data.address == "127.0.0.1"
    assert found.name is m.questions[0].name  # read once
    assert m.additionals == []
    assert m.opt.payload_size == 1232
    assert str(found) == "www.example.com.\t300\tIN\tA\t127.0.0.1"


def test_trailing_bytes_where_they_may_be(build: Any) -> None:
    data = head(1) + QUESTION
    assert build.Message.decode(data + b"more", trailing=True) == build.Message.decode(data)


def test_data_of_other_classes_is_bytes(build: Any) -> None:
    found = build.Message.decode(answer(1, b"\0\0\1", rclass=3)).answers[0]
    assert found.data == build.Opaque(1, b"\0\0\1")
    cached = build.Message.decode(answer(1, b"\1\2\3\4", rclass=0x8001)).answers[0]
    assert cached.data == build.A("1.2.3.4")
    assert cached.rclass == 0x8001


def test_names_in_data_may_be_compressed(build: Any) -> None:
    found = build.Message.decode(answer(33, b"\0\1\0\2\0\3\1x\xc0\x10")).answers[0]
    assert str(found.data) == "1 2 3 x.example.com."


def test_the_response_code_has_12_bits(build: Any) -> None:
    m = build.Message(rcode=Rcode.BADVERS)
    data = m.encode()
    assert data[3] == 0
    again = build.Message.decode(data)
    assert again.rcode == Rcode.BADVERS
    assert again.opt is not None  # there is no other way to say it
    assert build.Message.decode(build.Message(rcode=Rcode.REFUSED).encode()).opt is None


def test_compression(build: Any) -> None:
    query = build.Message.query("www.example.com", payload_size=None)
    reply = query.reply()
    reply.add("WWW.example.com", build.CNAME("web.EXAMPLE.com"))
    reply.add("web.example.com", build.MX(1, "mail.web.example.com"), section="authority")
    reply.add("example.com", build.SRV(1, 2, 3, "www.example.com"), section="additional")
    data = reply.encode()
    assert data.count(b"example") == 2  # the question, and the target that may not be compressed
    assert b"EXAMPLE" not in data
    assert build.Message.decode(data) == reply


def test_no_pointer_leads_further_than_it_can(build: Any) -> None:
    m = build.Message(questions=[build.Question("first.example")])
    m.add("x.first.example", build.Opaque(99, bytes(0x4000)))
    for i in range(3):
        m.add(f"n{i}.far.example", build.NS(f"n{i}.far.example"))
    m.add("y.first.example", build.A("127.0.0.1"))
    data = m.encode()
    assert build.Message.decode(data) == m
    assert data.count(b"\3far\xc0") == 6  # every time anew, but with the known end
    assert data.count(b"\5first") == 1


LONG = [Record("a.example", TXT("x" * 200), 5) for _ in range(10)]


@pytest.mark.parametrize("limit", [*range(54, 80), 512, 513, 1232, 65535, 10**6])
def test_truncated(limit: int) -> None:
    query = Message.query("a.example", Type.TXT)
    reply = query.reply()
    reply.answers = list(LONG)
    reply.add("ns.example", A("127.0.0.1"), section="additional")
    data = reply.encode(limit)
    assert len(data) <= limit
    again = Message.decode(data)
    assert again.questions == query.questions
    assert again.opt == Opt()
    assert again.truncated == (again.answers != LONG)
    assert again.answers == LONG[: len(again.answers)]
    full = len(reply.encode())
    assert (data == reply.encode()) == (limit >= full)


def test_additional_records_are_left_out_in_silence() -> None:
    m = Message(questions=[Question("example", Type.NS)])
    m.add("example", dns.NS("ns.example"))
    m.add("ns.example", A("127.0.0.1"), section="additional")
    size = len(m.encode())
    data = m.encode(size - 1)
    assert len(data) < size
    again = Message.decode(data)
    assert not again.truncated
    assert again.answers == m.answers
    assert again.additionals == []


def test_what_was_taken_back_is_not_pointed_to() -> None:
    m = Message(questions=[Question("example")])
    m.add("a.example", TXT("x" * 100))
    m.add("b.example", A("127.0.0.1"), section="additional")
    m.opt = Opt()
    m.answers[0].name = Name("other.test")
    m.additionals[0].name = Name("other.test")
    again = Message.decode(m.encode(100))
    assert again.truncated
    assert again.answers == again.additionals == []


def test_a_limit_that_the_question_does_not_fit_in() -> None:
    query = Message.query("a.example")
    with pytest.raises(ValueError, match="question"):
        query.encode(len(query.encode()) - 1)


def test_reply() -> None:
    query = Message.query("example", Type.MX, id=77)
    reply = query.reply(Rcode.NXDOMAIN)
    assert (reply.id, reply.flags, reply.rcode) == (77, QR | RD, Rcode.NXDOMAIN)
    assert reply.questions == query.questions
    assert reply.opt == Opt()
    assert reply.is_reply
    plain = Message.query("example", payload_size=None, recursion=False).reply()
    assert plain.opt is None
    assert plain.flags == QR
    assert Message(opcode=Opcode.NOTIFY).reply().opcode == Opcode.NOTIFY


def test_a_message_without_a_connection_is_not_sent() -> None:
    with pytest.raises(ValueError, match=r"send\(c\)"):
        Message.query("example").send()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Message(id=65536),
        lambda: Message(id=-1),
        lambda: Message(opcode=16),
        lambda: Message(rcode=4096),
        lambda: Message(flags=65536),
        lambda: Question("example", 65536),
        lambda: Record("example", A("1.2.3.4"), ttl=-1),
        lambda: Record("example", A("1.2.3.4"), ttl=1 << 32),
        lambda: Record("a..b", A("1.2.3.4")),
        lambda: Opt(65536),
        lambda: Opt(version=256),
        lambda: Opt(options=[(65536, b"")]),
        lambda: Opt(options=[(1, bytes(65535))]),
        lambda: Message().add("example", A("1.2.3.4"), section="other"),
    ],
)
def test_what_cannot_be_encoded_cannot_be_made(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


def test_a_record_has_data() -> None:
    with pytest.raises(TypeError, match="Rdata"):
        Message().add("example")
    with pytest.raises(TypeError, match="Rdata"):
        Record("example", "127.0.0.1")  # type: ignore[arg-type]


def test_unknown_numbers() -> None:
    assert str(Type(65280)) == "TYPE65280"
    assert f"{Type.A} {Class(7)} {Rcode(3000)} {Opcode(9)}" == "A CLASS7 RCODE3000 OPCODE9"
    assert Type.parse("aaaa") is Type.AAAA
    assert Type.parse("TYPE28") == Type.AAAA
    assert Type.parse("type65280") == 65280
    assert {28: "found", 65280: "too"}[Type.AAAA] == "found"
    assert hash(Type(65280)) == hash(65280)
    for text in ("", "TYPE", "TYPE-1", "TYPE65536", "NONSENSE", "28", "TYPE\u0663"):
        with pytest.raises(ValueError):
            Type.parse(text)
    with pytest.raises(ValueError):
        Type(65536)


# -- what a hostile message costs -------------------------------------------------------------


def lines_run(function: Any, *args: Any) -> int:
    """Lines of pure Python that a call executes, whatever it ends with."""
    count = 0

    def tracer(frame: Any, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return tracer

    old = sys.gettrace()
    sys.settrace(tracer)
    try:
        function(*args)
    except ValueError:
        pass
    finally:
        sys.settrace(old)
    return count


def pointer(target: int) -> bytes:
    return (0xC000 | target).to_bytes(2, "big")


def chain(n: int) -> bytes:
    """A record of ``n`` pointers, each to the one before, and answers that point to the last."""
    data = bytearray(b"\0\0" + pointer(12 + 11))
    at = 12 + 11
    while len(data) < 2 * n:
        data += pointer(at + len(data) - 2)
    first = record(b"\0", 99, bytes(data))
    count = 2000
    rest = b"".join(
        record(pointer(at + 2 * min(n, 126) - 2 * (i % 99)), 99, b"") for i in range(count)
    )
    return head(0, count + 1) + first + rest


def labels(n: int) -> bytes:
    """Answers whose names begin with each label of a long name."""
    first = record(b"\1a" * 126 + b"\0", 99, b"")
    rest = b"".join(record(b"\1b" + pointer(14 + 2 * (i % 120)), 99, b"") for i in range(n))
    return head(0, n + 1) + first + rest


@pytest.mark.parametrize("message", [chain(126), chain(8000), labels(4000)])
def test_hostile_names_have_a_price(message: bytes) -> None:
    build = pure_module("dns")
    names = 4001
    assert lines_run(build.Message.decode, message) < names * 127 * 12


def test_a_name_of_many_pointers(build: Any) -> None:
    first = record(b"\0", 99, b"\0\0" + b"".join(map(pointer, range(23, 400, 2))))
    good = head(0, 2) + first + record(pointer(23 + 2 * 126), 99, b"")
    assert build.Message.decode(good).answers[1].name == build.ROOT
    with pytest.raises(build.FormatError, match="over 127 pointers"):
        build.Message.decode(head(0, 2) + first + record(pointer(23 + 2 * 127), 99, b""))


# -- anything ---------------------------------------------------------------------------------

NAMES = st.lists(st.sampled_from([b"a", b"B", b"example", b"\xff.", b"x" * 61]), max_size=4).map(
    Name.of
)
DATA = st.one_of(
    st.ip_addresses(v=4).map(lambda a: A(str(a))),
    st.ip_addresses(v=6).map(lambda a: AAAA(str(a))),
    NAMES.map(CNAME),
    st.builds(MX, st.integers(0, 65535), NAMES),
    st.builds(dns.SRV, *[st.integers(0, 65535)] * 3, NAMES),
    st.builds(dns.SOA, NAMES, NAMES, *[st.integers(0, 2**32 - 1)] * 5),
    st.lists(st.binary(max_size=255), min_size=1, max_size=4).map(lambda s: TXT(*s)),
    st.builds(
        dns.CAA, st.integers(0, 255), st.sampled_from(["issue", "x1"]), st.binary(max_size=9)
    ),
    st.builds(Opaque, st.sampled_from([10, 65, 65280]), st.binary(max_size=20)),
)
RECORDS = st.lists(st.builds(Record, NAMES, DATA, st.integers(0, 2**32 - 1)), max_size=4)
OPTS = st.builds(
    Opt,
    st.integers(0, 65535),
    st.booleans(),
    st.integers(0, 255),
    st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=9)), max_size=3),
)
MESSAGES = st.builds(
    Message,
    st.integers(0, 65535),
    st.sampled_from([0, QR, QR | AA | RD, TC, 0x07F0]),
    st.integers(0, 15),
    st.integers(0, 15),
    st.lists(st.builds(Question, NAMES, st.integers(0, 65535), st.integers(0, 65535)), max_size=2),
    RECORDS,
    RECORDS,
    RECORDS,
    st.none() | OPTS,
)


def outcome(build: Any, data: bytes) -> Any:
    """What both builds have to agree on: the message encoded again, or the error."""
    try:
        message = build.Message.decode(data)
    except build.FormatError as e:
        return str(e)
    sections = (message.questions, message.answers, message.authorities, message.additionals)
    return message.encode(), [str(r) for section in sections for r in section], repr(message.opt)


@given(MESSAGES)
def test_messages_come_back(message: Message) -> None:
    data = message.encode()
    assert Message.decode(data) == message
    assert outcome(dns, data) == outcome(pure_module("dns"), data)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert outcome(dns, data) == outcome(pure_module("dns"), data)


@given(MESSAGES, st.data())
def test_mutated_messages(message: Message, draw: st.DataObject) -> None:
    data = bytearray(message.encode())
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at] = draw.draw(st.integers(0, 255) | st.sampled_from([0xC0, 0, 12, 63]))
    assert outcome(dns, bytes(data)) == outcome(pure_module("dns"), bytes(data))


@given(MESSAGES, st.integers(0, 1500))
def test_any_limit(message: Message, limit: int) -> None:
    try:
        data = message.encode(limit)
    except ValueError:
        assert limit < 12 + 2 * 259 + 11 + 3 * 13  # header, two questions, OPT with options
        return
    assert len(data) <= limit
    Message.decode(data)
