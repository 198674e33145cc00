"""Data of records: text, wire form, and what constructors refuse."""

from __future__ import annotations

from typing import Any

import pytest

from galidia.dns import (
    AAAA,
    CAA,
    CNAME,
    MX,
    NS,
    PTR,
    SOA,
    SRV,
    TXT,
    A,
    Message,
    Name,
    Opaque,
    Rdata,
    Type,
    parse_rdata,
)

# the data, its text, its bytes in a message that has no other names
SAMPLES: dict[str, tuple[Rdata, str, bytes]] = {
    "A": (A("192.0.2.1"), "192.0.2.1", b"\xc0\0\2\1"),
    "AAAA": (AAAA("2001:db8::1"), "2001:db8::1", b"\x20\1\x0d\xb8" + bytes(11) + b"\1"),
    "CNAME": (CNAME("a.Example"), "a.Example.", b"\1a\7Example\0"),
    "NS": (NS("."), ".", b"\0"),
    "PTR": (PTR("h"), "h.", b"\1h\0"),
    "MX": (MX(10, "m.x"), "10 m.x.", b"\0\x0a\1m\1x\0"),
    "SRV": (SRV(1, 2, 65535, "s"), "1 2 65535 s.", b"\0\1\0\2\xff\xff\1s\0"),
    "SOA": (
        SOA("n", "h.n", 2**32 - 1, 2, 3, 4, 5),
        "n. h.n. 4294967295 2 3 4 5",
        b"\1n\0\1h\xc0\x0c" + b"\xff" * 4 + b"\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5",
    ),
    "TXT": (TXT("a b", b'"\\\xff\0', ""), '"a b" "\\"\\\\\\255\\000" ""', b'\3a b\4"\\\xff\0\0'),
    "CAA": (CAA(128, "issue", "ca.example"), '128 issue "ca.example"', b"\x80\5issueca.example"),
    "TYPE65280": (Opaque(65280, b"\1\xab"), "\\# 2 01ab", b"\1\xab"),
    "HTTPS": (Opaque(65, b""), "\\# 0", b""),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_bytes(name: str) -> None:
    data, text, wire = SAMPLES[name]
    assert data.type == Type.parse(name)
    assert str(data) == text
    assert parse_rdata(data.type, text) == data
    assert hash(parse_rdata(data.type, text)) == hash(data)
    assert repr(data) == f"<{name} {text}>"
    m = Message()
    m.add(".", data)
    encoded = m.encode()
    if name != "SOA":  # whose names are compressed against each other
        assert encoded[23:] == wire
    assert Message.decode(encoded).answers[0].data == data


@pytest.mark.parametrize("name", SAMPLES)
def test_text_as_bytes(name: str) -> None:
    data, _, wire = SAMPLES[name]
    if name == "SOA":
        wire = wire.replace(b"\xc0\x0c", b"\1n\0")
    assert parse_rdata(data.type, f"\\# {len(wire)} {wire.hex()}") == data


def test_equal() -> None:
    assert CNAME("A") == CNAME("a")
    assert CNAME("a") != PTR("a")
    assert A("1.2.3.4") != A("1.2.3.5")
    assert A("1.2.3.4") != "1.2.3.4"
    assert Opaque(1000, b"") != Opaque(1001, b"")


@pytest.mark.parametrize(
    "make",
    [
        lambda: A("1.2.3"),
        lambda: A("::1"),
        lambda: AAAA("1.2.3.4"),
        lambda: AAAA("fe80::1%eth0"),
        lambda: MX(65536, "a"),
        lambda: MX(-1, "a"),
        lambda: MX(1, "a..b"),
        lambda: SRV(1, 2, 65536, "a"),
        lambda: SOA("a", "b", 2**32, 1, 1, 1, 1),
        lambda: TXT(),
        lambda: TXT("x" * 256),
        lambda: TXT(*["x" * 255] * 256),
        lambda: CAA(256, "issue", ""),
        lambda: CAA(0, "", ""),
        lambda: CAA(0, "a-b", ""),
        lambda: CAA(0, "issue", bytes(65530)),
        lambda: Opaque(1000, bytes(65536)),
        lambda: Opaque(65536, b""),
    ],
)
def test_what_cannot_be_encoded_cannot_be_made(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("A", ""),
        ("A", "1.2.3.4 5"),
        ("A", "example"),
        ("MX", "mail.example"),
        ("MX", "ten mail.example"),
        ("SOA", "a b 1 2 3 4"),
        ("TXT", ""),
        ("TXT", '"open'),
        ("TXT", "\\300"),
        ("CAA", "0 issue"),
        ("HTTPS", "1 . alpn=h2"),
        ("HTTPS", "\\# 2 ab"),
        ("HTTPS", "\\# 1 xy"),
        ("HTTPS", "\\#"),
        ("A", "\\# 5 0102030405"),
        ("A", "\\# 3 010203"),
    ],
)
def test_text_that_is_none(type: str, text: str) -> None:
    with pytest.raises(ValueError, match="is not the data of a record of type"):
        parse_rdata(Type.parse(type), text)


def test_words() -> None:
    found = parse_rdata(Type.TXT, '  one  "two words" th\\"ree \\195\\164 \u00e4 ')
    assert found == TXT("one", "two words", 'th"ree', "\u00e4", "\u00e4")
    assert TXT(b"a\xff", "b").text == "a\ufffdb"


def test_values() -> None:
    mx = MX(5, Name("mail.example"))
    assert (mx.preference, mx.exchange) == (5, Name("mail.example"))
    assert A("127.0.0.1").address == "127.0.0.1"
    assert AAAA("::1").address == "::1"
