"""XML of WebDAV: read without trust, and written (RFC 4918 8.2, 14, 20.6).

What is read has no document type, so it has no entities and nothing from elsewhere; its size, depth
and number of elements are bounded. Names are written as "{namespace}local".
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

#: Bytes of a request's XML; more is answered with 413.
XML_LIMIT = 128 << 10
#: Elements within each other, and in all.
MAX_DEPTH = 32
MAX_ELEMENTS = 2000

DAV = "{DAV:}"

# No character of XML, so it cannot be in a name.
_SEPARATOR = "\x01"
_XML = "http://www.w3.org/XML/1998/namespace"
_LANG = f"{{{_XML}}}lang"
#: Others are either not known to everybody or read in more than one way.
_ENCODINGS = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1"})
_TEXT = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}
_VALUE = _TEXT | {ord('"'): "&quot;", ord("\t"): "&#9;", ord("\n"): "&#10;"}
# What no document can have (XML 1.0 2.2): names of files may.
_NO_TEXT = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd"
)
#: Text that stays as it is, which most is.
_PLAIN = re.compile(r"[ -%'-;=?-~]*")


class XmlError(ValueError):
    """Not XML that is taken; the text says why."""


class Element:
    """An element: its name and the prefix it had, attributes by name, and what it contains.

    ``language`` is the xml:lang in scope, or "".
    """

    __slots__ = ("attributes", "children", "language", "name", "prefix")

    def __init__(self, name: str, prefix: str, attributes: list[tuple[str, str, str]]) -> None:
        self.name = name
        self.prefix = prefix
        #: Name, prefix and value of each.
        self.attributes = attributes
        self.children: list[Element | str] = []
        self.language = ""

    def elements(self) -> list[Element]:
        return [child for child in self.children if isinstance(child, Element)]

    def find(self, name: str) -> Element | None:
        """The first child of this name."""
        return next((child for child in self.elements() if child.name == name), None)

    def text(self) -> str:
        """Its character data, without that of its children."""
        return "".join([child for child in self.children if isinstance(child, str)])


class _Builder:
    """Makes elements of what the parser says."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self.open: list[Element] = []
        self.count = 0

    def start(self, name: str, attributes: list[str]) -> None:
        self.count += 1
        if len(self.open) >= MAX_DEPTH:
            raise XmlError(f"more than {MAX_DEPTH} elements within each other")
        if self.count > MAX_ELEMENTS:
            raise XmlError(f"more than {MAX_ELEMENTS} elements")
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        element = Element(*_name_of(name), [(*_name_of(key), value) for key, value in pairs])
        if self.open:
            element.language = self.open[-1].language
            self.open[-1].children.append(element)
        else:
            self.root = element
        for key, _, value in element.attributes:
            if key == _LANG:
                element.language = value
        self.open.append(element)

    def end(self, name: str) -> None:
        self.open.pop()

    def text(self, data: str) -> None:
        self.open[-1].children.append(data)

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise XmlError(f"the encoding {encoding!r} is not one of {sorted(_ENCODINGS)}")

    def refuse(self, *_: Any) -> None:
        raise XmlError("a document type is not taken")


def parse(data: bytes) -> Element:
    """The root of a document. Raises XmlError for what is malformed, too much or not taken."""
    builder = _Builder()
    parser = expat.ParserCreate(None, _SEPARATOR)
    parser.namespace_prefixes = True
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.XmlDeclHandler = builder.declaration
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, UnicodeError) as e:
        raise XmlError(f"not well-formed: {e}") from None
    if builder.root is None:
        raise XmlError("no element")
    return builder.root


def write(element: Element) -> str:
    """An element as text that declares its own namespaces, so that it fits in anywhere."""
    tag, declared = _tag(element.name, element.prefix)
    fields = []
    for name, prefix, value in element.attributes:
        key, space = _tag(name, prefix)
        if prefix and prefix != "xml":
            declared |= space
        fields.append(f' {key}="{value.translate(_VALUE)}"')
    spaces = [
        f' xmlns{":" if prefix else ""}{prefix}="{uri.translate(_VALUE)}"'
        for prefix, uri in declared.items()
    ]
    inside = [
        child.translate(_TEXT) if isinstance(child, str) else write(child)
        for child in element.children
    ]
    head = "".join([tag, *spaces, *fields])
    return f"<{head}>{''.join(inside)}</{tag}>" if inside else f"<{head}/>"


def write_property(element: Element) -> str:
    """A property to be kept: with the language that it was given in (RFC 4918 4.3)."""
    has_language = any(name == _LANG for name, _, _ in element.attributes)
    if element.language and not has_language:
        element.attributes.append((_LANG, "xml", element.language))
    return write(element)


def tagged(name: str, content: str = "") -> str:
    """An element of a reply, whose root declares D as DAV:, around content that is XML."""
    if name.startswith(DAV):
        tag = end = "D:" + name[len(DAV) :]
    else:
        space, end = split(name)
        tag = f'{end} xmlns="{space.translate(_VALUE)}"'
    return f"<{tag}>{content}</{end}>" if content else f"<{tag}/>"


def document(name: str, content: str) -> bytes:
    """A reply: an element of DAV: as root, around content that is XML."""
    return f'{DECLARATION}<D:{name} xmlns:D="DAV:">{content}</D:{name}>\n'.encode()


DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


def text(value: str) -> str:
    """Character data; what no document can have is replaced."""
    if _PLAIN.fullmatch(value):
        return value
    return value.translate(_NO_TEXT).translate(_TEXT)


def split(name: str) -> tuple[str, str]:
    """Namespace and local name."""
    space, _, local = name.rpartition("}")
    return space[1:], local


def _name_of(given: str) -> tuple[str, str]:
    """Name and prefix of what the parser calls namespace, local name and prefix, or less."""
    parts = given.split(_SEPARATOR)
    if len(parts) == 1:
        return given, ""
    return f"{{{parts[0]}}}{parts[1]}", parts[2] if len(parts) > 2 else ""


def _tag(name: str, prefix: str) -> tuple[str, dict[str, str]]:
    """What stands for a name, and what has to be declared for it."""
    space, local = split(name)
    return f"{prefix}:{local}" if prefix else local, {prefix: space}
