"""Names: labels on the wire, and their text (RFC 1035 2.3, 3.1, 5.1; RFC 4343 for case).

A name is absolute, at most 255 bytes on the wire, and of labels of 1 to 63 bytes, which may be any.
It is immutable, remembers how it was written, and is compared without regard to ASCII case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["LONGEST_LABEL", "LONGEST_NAME", "ROOT", "Name", "as_name"]

#: Bytes of a name on the wire, lengths and the root's included.
LONGEST_NAME = 255
#: Bytes of a label.
LONGEST_LABEL = 63

_PIECE = re.compile(r"((?:[^\\.]|\\[0-9]{3}|\\[^0-9])*)(?:\.|\Z)", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:([0-9]{3})|([^0-9]))", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9_*/@-]+")
# Nearly all names are like this.
_HOST = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*+[A-Za-z0-9_-]{1,63}\.?")
# What text cannot show as it is, or gives a meaning to (RFC 1035 5.1).
_SPECIAL = b'.\\"();@$'


class Name:
    """A domain name, from its text: ``www.example.com``, with or without the final dot.

    ``\\.`` is a dot within a label, ``\\DDD`` the byte of that decimal number. Text beyond ASCII is
    encoded by IDNA. ``wire`` is the name uncompressed, as bytes. Raises ValueError for what is no
    name, and TypeError for what is no text.
    """

    __slots__ = ("_key", "wire")

    def __init__(self, text: str) -> None:
        self._key: bytes | None = None
        if type(text) is str and len(text) < LONGEST_NAME - 1 and _HOST.fullmatch(text):
            self.wire = _wire_of_host(text.rstrip("."))
        else:
            self.wire = _wire_of(_labels_of(text), text)

    @staticmethod
    def of(labels: Iterable[bytes]) -> Name:
        """The name of these labels, the root's left out. Raises ValueError."""
        labels = list(labels)
        return made(_wire_of(labels, labels))

    @staticmethod
    def of_wire(wire: bytes) -> Name:
        """The name that these bytes are, uncompressed. Raises ValueError."""
        labels = []
        at = 0
        while at < len(wire) and wire[at]:
            labels.append(wire[at + 1 : at + 1 + wire[at]])
            at += 1 + wire[at]
        if at != len(wire) - 1:
            raise ValueError(f"{wire!r} is not the wire form of a name")
        return Name.of(labels)

    @property
    def key(self) -> bytes:
        """The wire form in lower case, which is the same for equal names."""
        # The lengths of labels are below "A": they have no lower case.
        key = self._key
        if key is None:
            key = self._key = self.wire.lower()
        return key

    @property
    def labels(self) -> tuple[bytes, ...]:
        """The labels, the root's left out."""
        wire = self.wire
        found = []
        at = 0
        while wire[at]:
            found.append(wire[at + 1 : at + 1 + wire[at]])
            at += 1 + wire[at]
        return tuple(found)

    @property
    def host(self) -> str:
        """The text without the final dot."""
        return ".".join([_text_of(label) for label in self.labels])

    def is_under(self, other: Name) -> bool:
        """Whether it is this other name, or ends in its labels."""
        key, end = self.key, other.key
        at = 0
        while len(key) - at > len(end):
            at += 1 + key[at]
        return key[at:] == end

    def parent(self) -> Name:
        """The name without its first label. Raises ValueError for the root."""
        wire = self.wire
        if len(wire) == 1:
            raise ValueError("the root has no parent")
        return made(wire[1 + wire[0] :])

    def prepend(self, label: bytes) -> Name:
        """The name with one more label in front. Raises ValueError."""
        return Name.of((label, *self.labels))

    def join(self, other: Name) -> Name:
        """This name's labels in front of another's. Raises ValueError when that is too long."""
        return Name.of(self.labels + other.labels)

    def __str__(self) -> str:
        return f"{self.host}."

    def __repr__(self) -> str:
        return f"Name({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Name):
            return NotImplemented
        return self.wire == other.wire or self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __reduce__(self) -> tuple[object, ...]:
        return Name.of_wire, (self.wire,)


def made(wire: bytes) -> Name:
    """The name of a wire form that was checked."""
    name = Name.__new__(Name)
    name._key = None
    name.wire = wire
    return name


def as_name(value: Name | str) -> Name:
    """A name, or the name of this text. Raises ValueError and TypeError."""
    return value if isinstance(value, Name) else Name(value)


def _labels_of(text: str) -> list[bytes]:
    if not isinstance(text, str):
        raise TypeError(f"a name is a str like 'www.example.com', not {text!r}")
    if not text:
        raise ValueError("the name is empty; the root is '.'")
    labels: list[bytes] = []
    at = 0
    while at < len(text) and text != ".":
        match = _PIECE.match(text, at)
        if match is None:
            raise ValueError(
                f"the name {text!r}: a backslash is followed by a byte or three digits"
            )
        labels.append(_label_of(match[1], text))
        at = match.end()
    return labels


def _label_of(piece: str, text: str) -> bytes:
    if _PLAIN.fullmatch(piece):
        return piece.encode("ascii")
    if not piece.isascii():
        try:
            label = piece.encode("idna")
        except UnicodeError as e:
            raise ValueError(f"the name {text!r}: {piece!r} has no IDNA form: {e}") from None
        if b"." in label:
            raise ValueError(f"the name {text!r}: the dot between labels is the ASCII one")
        return label
    raw = piece.encode("ascii")
    return _ESCAPE.sub(_byte_of, raw)


def _byte_of(match: re.Match[bytes]) -> bytes:
    if match[2] is not None:
        return match[2]
    number = int(match[1])
    if number > 255:
        raise ValueError(f"the escape \\{number} is over 255")
    return bytes([number])


def _wire_of_host(text: str) -> bytes:
    """The wire form of text that is labels and dots: the length of a label is where its dot was."""
    wire = bytearray(b"." + text.encode() + b"\0")
    at = 0
    for label in text.split("."):
        wire[at] = len(label)
        at += 1 + len(label)
    return bytes(wire)


def _wire_of(labels: list[bytes], source: object) -> bytes:
    wire = bytearray()
    for label in labels:
        if not 0 < len(label) <= LONGEST_LABEL:
            fault = f"a label is over {LONGEST_LABEL} bytes" if label else "a label is empty"
            raise ValueError(f"the name {source!r}: {fault}")
        wire.append(len(label))
        wire += label
    wire.append(0)
    if len(wire) > LONGEST_NAME:
        raise ValueError(f"the name {source!r} is over {LONGEST_NAME} bytes")
    return bytes(wire)


def _text_of(label: bytes) -> str:
    text = label.decode("latin-1")
    if _PLAIN.fullmatch(text) and "@" not in text:
        return text
    return "".join(
        [
            f"\\{chr(byte)}"
            if byte in _SPECIAL
            else chr(byte)
            if 0x21 <= byte <= 0x7E
            else f"\\{byte:03d}"
            for byte in label
        ]
    )


ROOT = Name(".")
