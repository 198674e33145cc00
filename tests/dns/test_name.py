"""Names: text, wire form, comparison."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.dns import ROOT, Name
from galidia.dns.name import as_name
from tests.twin import pure_module

LABELS = st.lists(st.binary(min_size=1, max_size=63), max_size=130).filter(
    lambda labels: sum(map(len, labels)) + len(labels) <= 254
)

# text: the labels, and the text that it has again
GOOD = {
    "root": (".", (), "."),
    "one": ("a", (b"a",), "a."),
    "dot-at-the-end": ("a.", (b"a",), "a."),
    "several": ("www.Example.com", (b"www", b"Example", b"com"), "www.Example.com."),
    "service": ("_sip._tcp.x", (b"_sip", b"_tcp", b"x"), "_sip._tcp.x."),
    "wildcard": ("*.x", (b"*", b"x"), "*.x."),
    "escaped-dot": ("a\\.b.c", (b"a.b", b"c"), "a\\.b.c."),
    "escaped-dot-at-the-end": ("a\\.", (b"a.",), "a\\.."),
    "escaped-backslash": ("a\\\\.b", (b"a\\", b"b"), "a\\\\.b."),
    "decimal": ("\\000\\255\\046.b", (b"\0\xff.", b"b"), "\\000\\255\\..b."),
    "space": ("my printer.local", (b"my printer", b"local"), "my\\032printer.local."),
    "special": ('a"();@$b', (b'a"();@$b',), 'a\\"\\(\\)\\;\\@\\$b.'),
    "beyond-ascii": ("B\u00fccher.example", (b"xn--bcher-kva", b"example"), None),
    "63": ("x" * 63, (b"x" * 63,), None),
    "255": (".".join(["x" * 63] * 3 + ["y" * 61]), (b"x" * 63,) * 3 + (b"y" * 61,), None),
    "127-labels": (".".join("a" * 127), (b"a",) * 127, None),
}
BAD = {
    "nothing": ("", "empty"),
    "dots": ("..", "a label is empty"),
    "dot-first": (".a", "a label is empty"),
    "two-dots": ("a..b", "a label is empty"),
    "two-dots-at-the-end": ("a..", "a label is empty"),
    "64": ("x" * 64, "over 63"),
    "256": (".".join(["x" * 63] * 3 + ["y" * 62]), "over 255"),
    "128-labels": (".".join("a" * 128), "over 255"),
    "backslash-last": ("a.b\\", "backslash"),
    "two-digits": ("\\12.b", "backslash"),
    "over-255": ("\\256", "over 255"),
    "ideographic-dot": ("a\u3002b", "ASCII"),
    "no-idna": ("\u00fc" * 80, "IDNA"),
}


@pytest.fixture(params=["this", "pure"])
def name(request: pytest.FixtureRequest):
    return Name if request.param == "this" else pure_module("dns.name").Name


@pytest.mark.parametrize("case", GOOD)
def test_text(case, name) -> None:
    text, labels, again = GOOD[case]
    made = name(text)
    assert made.labels == labels
    assert made == name.of(labels)
    assert made == name(str(made))
    if again is not None:
        assert str(made) == again
        assert made.host == again[:-1]


@pytest.mark.parametrize("case", BAD)
def test_no_name(case, name) -> None:
    text, why = BAD[case]
    with pytest.raises(ValueError, match=why):
        name(text)


@pytest.mark.parametrize("value", [b"a", None, 5])
def test_no_text(value) -> None:
    with pytest.raises(TypeError):
        Name(value)


@pytest.mark.parametrize("wire", [b"", b"\1a", b"\2a\0", b"\1a\0\0", b"\1a\0\1b\0", b"\x40" * 66])
def test_no_wire_form(wire, name) -> None:
    with pytest.raises(ValueError):
        name.of_wire(wire)


def test_case_is_kept_and_ignored() -> None:
    one, two = Name("WWW.Example"), Name("www.eXAMPLE.")
    assert one == two
    assert hash(one) == hash(two)
    assert one.wire != two.wire
    assert one.key == two.key
    assert str(one) == "WWW.Example."
    # Only ASCII has a case (RFC 4343 3), and a length is no letter.
    assert Name("\\196") != Name("\\228")
    assert Name.of([b"[" * 0x1A]).key == b"\x1a" + b"[" * 0x1A + b"\0"


def test_family() -> None:
    name = Name("a.b.Example")
    assert name.parent() == Name("b.example")
    assert Name("example").parent() == ROOT
    assert name.is_under(name)
    assert name.is_under(Name("B.example"))
    assert name.is_under(ROOT)
    assert not name.is_under(Name("xa.b.example"))
    assert not Name("xb.example").is_under(Name("b.example"))
    assert not ROOT.is_under(name)
    # the bytes of the other name, but not its labels
    assert not Name.of([b"x\1b"]).is_under(Name("b"))
    assert Name("b.example").prepend(b"a") == name
    assert Name("a.b").join(Name("example")) == name
    with pytest.raises(ValueError):
        ROOT.parent()
    with pytest.raises(ValueError):
        Name("x." * 127).prepend(b"y")
    assert as_name(name) is name
    assert as_name("a.b.example") == name


def test_a_name_is_no_text() -> None:
    assert Name("a") != "a"
    assert {Name("A"): 1}[Name("a")] == 1
    assert pickle.loads(pickle.dumps(Name("Ab.c"))).wire == b"\2Ab\1c\0"


@given(LABELS)
def test_any_labels(labels: list[bytes]) -> None:
    pure = pure_module("dns.name").Name
    name, twin = Name.of(labels), pure.of(labels)
    assert name.labels == tuple(labels)
    assert Name.of_wire(name.wire) == name
    assert Name(str(name)).wire == name.wire == twin.wire
    assert str(name) == str(twin)
    assert name.key == twin.key


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    pure = pure_module("dns.name").Name
    try:
        name = Name(text)
    except ValueError:
        with pytest.raises(ValueError):
            pure(text)
        return
    assert name.wire == pure(text).wire
    assert Name(str(name)) == name
