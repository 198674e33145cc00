"""XML that is read without trust."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.dav import xml
from galidia.http.dav.xml import Element, XmlError, parse, write, write_property


def canonical(text: str | bytes) -> str:
    return ET.canonicalize(text, strip_text=False)


def same(one: Element, other: Element) -> bool:
    return (one.name, one.prefix, sorted(one.attributes), one.language, merged(one)) == (
        (other.name, other.prefix, sorted(other.attributes), other.language, merged(other))
    )


def merged(element: Element) -> list[object]:
    """The children in a form that can be compared."""
    return [
        child if isinstance(child, str) else (child.name, child.attributes, merged(child))
        for child in element.children
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<a/>",
        "<a>text &amp; &lt;more&gt; &#13; ]]&gt;</a>",
        '<D:a xmlns:D="DAV:"><D:b/><c/><D:d D:e="f"/></D:a>',
        '<a xmlns="one"><b xmlns=""><c xmlns="two"/></b></a>',
        '<a xmlns="u"><x:b xmlns:x="v" x:y="1" z="2 &quot; &#10;&#9; &amp; &lt;"/></a>',
        '<a xml:lang="de" xml:space="preserve"> <b xml:lang="en"/> </a>',
        '<D:a xmlns:D="DAV:"><D:b xmlns:D="other"/></D:a>',
        "<a>mixed <b>content</b> with &#128512; \u00e4 tails</a>",
        '<a xmlns="has space &amp; &quot;quotes&quot;"/>',
    ],
)
def test_what_is_read_is_written_again(text: str) -> None:
    root = parse(text.encode())
    assert canonical(write(root)) == canonical(text)
    assert same(parse(write(root).encode()), root)
    for child in root.elements():  # each stands on its own
        assert same(parse(write_property(child).encode()), child)


BILLION = b"""<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>"""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&nbsp;</a>",
        b"<a>\xff</a>",
        b"<a>\x00</a>",
        b"<a>&#0;</a>",
        b"<b:a/>",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a PUBLIC "x" "http://127.0.0.1:1/dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><a/>',
        BILLION,
        BILLION.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="cp037"?><a/>',
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b"<a>" * (xml.MAX_DEPTH + 1) + b"</a>" * (xml.MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * xml.MAX_ELEMENTS + b"</a>",
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(XmlError):
        parse(data)


def test_what_is_at_the_limits() -> None:
    deep = b"<a>" * xml.MAX_DEPTH + b"</a>" * xml.MAX_DEPTH
    assert parse(deep).name == "a"
    assert len(parse(b"<a>" + b"<b/>" * (xml.MAX_ELEMENTS - 1) + b"</a>").children) > 1000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a>\u00e4</a>'
    assert parse(text.encode(encoding)).text() == "\u00e4"


def test_the_language_in_scope_is_kept() -> None:
    root = parse(b'<a xml:lang="de"><b><c/></b><d xml:lang="en"><e/></d></a>')
    b, d = root.elements()
    assert write_property(b.elements()[0]) == '<c xmlns="" xml:lang="de"/>'
    assert write_property(d) == '<d xmlns="" xml:lang="en"><e xmlns=""/></d>'


def test_text_that_no_document_can_have() -> None:
    odd = "a\x00\x1b\udcff\ufffe<&>\r\t\u20ac"
    text = xml.text(odd)
    assert ET.fromstring(f"<a>{text}</a>").text == "a\ufffd\ufffd\ufffd\ufffd<&>\r\t\u20ac"


NAMES = st.sampled_from(["a", "b-1", "\u00e4"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=5)
TREES: st.SearchStrategy[Any] = st.recursive(
    st.tuples(NAMES, st.sampled_from(["", "p", "q"]), TEXTS, TEXTS, st.just([])),
    lambda below: st.tuples(
        NAMES, st.sampled_from(["", "p", "q"]), TEXTS, TEXTS, st.lists(below, max_size=3)
    ),
    max_leaves=8,
)


def built(tree: tuple[str, str, str, str, list[object]]) -> Element:
    name, prefix, space, value, children = tree
    element = Element(f"{{u:{prefix}:{space}}}{name}", prefix, [("x", "", value)])
    element.children = [*([value] if value else []), *[built(child) for child in children]]  # type: ignore[arg-type]
    return element


@given(TREES)
def test_any_tree_is_read_as_it_was_written(tree: tuple[str, str, str, str, list[object]]) -> None:
    text = write(built(tree))
    once = parse(text.encode())
    again = write(once)
    assert again == text
    assert same(parse(again.encode()), once)


@given(
    st.lists(
        st.sampled_from(
            [b"<a", b">", b"/>", b"</a>", b'x="', b'"', b"<!", b"<?", b"?>", b"&", b";", b"#x0",
             b"<!DOCTYPE a [", b"]>", b"<!ENTITY", b"<![CDATA[", b"]]>", b" xmlns:p='u'", b"p:a"]
        )
        | st.binary(max_size=4)
    ).map(b"".join)
)  # fmt: skip
def test_nothing_else_is_raised(data: bytes) -> None:
    try:
        root = parse(data)
    except XmlError:
        return
    assert same(parse(write(root).encode()), root)
