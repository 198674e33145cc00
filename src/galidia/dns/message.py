"""Messages: the header, the question, and three sections of records (RFC 1035 4, RFC 6891).

``Message.decode`` and ``encode`` are the codec. Counts are believed no further than there are
bytes; what follows the last record is an error, and so is a second OPT record. An encoded message
is never longer than its limit: records that do not fit are left out, and TC says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.events import Flag
from .name import ROOT, Name, as_name
from .numbers import CD, CLASSES, OPCODES, QR, RCODES, RD, TC, TYPES, Class, Opcode, Rcode, Type
from .rdata import LONGEST_RDATA, Rdata, number
from .wire import Cursor, FormatError, Writer

if not cython.compiled:
    from .rdata import read_rdata

if TYPE_CHECKING:
    from ..core.connection import Connection

__all__ = ["Message", "Opt", "Question", "Record"]

#: Bytes of any message: what the length before it says over TCP (RFC 1035 4.2.2).
LONGEST_MESSAGE = 65535
#: Bytes of a message over UDP to who has not said that more is welcome (RFC 1035 4.2.1).
PLAIN_UDP = 512
#: What we say is welcome: it fits in one packet almost everywhere (RFC 9715).
UDP_PAYLOAD = 1232

_HEAD = Struct("!6H")
_UDP = int(Flag.UDP)
# Of the second word of the header: opcode and response code.
_NO_FLAGS = 0x780F
_DNSSEC_OK = 0x8000
_OPT = int(Type.OPT)
_SECTIONS = ("answer", "authority", "additional")


class Question:
    """What is asked: a name, a type and a class."""

    __slots__ = ("name", "rclass", "type")

    def __init__(
        self, name: Name | str, type: Type | int = Type.A, rclass: Class | int = Class.IN
    ) -> None:
        self.name = as_name(name)
        self.type = TYPES[type]
        self.rclass = CLASSES[rclass]

    def write(self, w: Writer) -> None:
        """To the wire."""
        w.name(self.name)
        w.u16(self.type)
        w.u16(self.rclass)

    def __str__(self) -> str:
        return f"{self.name}\t\t{self.rclass}\t{self.type}"

    def __repr__(self) -> str:
        return f"<Question {self.name} {self.rclass} {self.type}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Question):
            return NotImplemented
        same = self.type == other.type and self.rclass == other.rclass
        return same and self.name == other.name

    def __hash__(self) -> int:
        return hash((self.name, self.type, self.rclass))


class Record:
    """A resource record: ``data`` is of a name for ``ttl`` seconds."""

    __slots__ = ("data", "name", "rclass", "ttl")

    def __init__(
        self, name: Name | str, data: Rdata, ttl: int = 300, rclass: Class | int = Class.IN
    ) -> None:
        if not isinstance(data, Rdata):
            raise TypeError(f"the data of a record is an Rdata like A('127.0.0.1'), not {data!r}")
        self.name = as_name(name)
        self.data = data
        self.ttl = number("ttl", ttl, 32)
        self.rclass = CLASSES[rclass]

    @property
    def type(self) -> Type:
        """The type, which is that of the data."""
        return self.data.type

    def write(self, w: Writer) -> None:
        """To the wire. Raises ValueError when the data is too long for a record."""
        w.name(self.name)
        w.u16(self.data.type)
        w.u16(self.rclass)
        w.u32(self.ttl)
        _write_counted(w, self.data)

    def __str__(self) -> str:
        return f"{self.name}\t{self.ttl}\t{self.rclass}\t{self.type}\t{self.data}"

    def __repr__(self) -> str:
        return f"<Record {self.name} {self.ttl} {self.rclass} {self.type} {self.data}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        same = self.ttl == other.ttl and self.rclass == other.rclass
        return same and self.name == other.name and self.data == other.data

    def __hash__(self) -> int:
        return hash((self.name, self.data, self.ttl, self.rclass))


class Opt:
    """EDNS(0): what the sender of a message can do (RFC 6891), an OPT record on the wire.

    ``payload_size`` is the bytes that it takes over UDP, ``options`` are pairs of a code and bytes.
    """

    __slots__ = ("dnssec_ok", "options", "payload_size", "version")

    def __init__(
        self,
        payload_size: int = UDP_PAYLOAD,
        dnssec_ok: bool = False,
        version: int = 0,
        options: Iterable[tuple[int, bytes]] = (),
    ) -> None:
        self.payload_size = number("payload_size", payload_size, 16)
        self.dnssec_ok = bool(dnssec_ok)
        self.version = number("version", version, 8)
        self.options = tuple([(number("code", code, 16), bytes(data)) for code, data in options])
        if sum([4 + len(data) for _, data in self.options]) > LONGEST_RDATA:
            raise ValueError(f"the options are over {LONGEST_RDATA} bytes")

    def write(self, w: Writer, rcode: int = 0) -> None:
        """To the wire, with the upper bits of the response code."""
        w.u8(0)
        w.u16(Type.OPT)
        w.u16(self.payload_size)
        w.u8(rcode >> 4)
        w.u8(self.version)
        w.u16(_DNSSEC_OK if self.dnssec_ok else 0)
        w.u16(sum([4 + len(data) for _, data in self.options]))
        for code, data in self.options:
            w.u16(code)
            w.u16(len(data))
            w.raw(data)

    def __repr__(self) -> str:
        return f"<Opt version {self.version}, {self.payload_size} bytes, {self.options}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Opt):
            return NotImplemented
        same = self.payload_size == other.payload_size and self.dnssec_ok == other.dnssec_ok
        return same and self.version == other.version and self.options == other.options

    def __hash__(self) -> int:
        return hash((self.payload_size, self.dnssec_ok, self.version, self.options))


class Message:
    """A message. The sections are lists; ``opt`` is the OPT record, which is in none of them.

    ``flags`` are the bits QR, AA, TC, RD, RA, AD, CD. Of one that was received, ``connection`` is
    where it came from, and ``limit`` how many bytes a reply over UDP may have.
    """

    __slots__ = (
        "additionals",
        "answers",
        "authorities",
        "connection",
        "flags",
        "id",
        "limit",
        "opcode",
        "opt",
        "questions",
        "rcode",
    )

    def __init__(
        self,
        id: int = 0,
        flags: int = 0,
        opcode: Opcode | int = Opcode.QUERY,
        rcode: Rcode | int = Rcode.NOERROR,
        questions: Iterable[Question] = (),
        answers: Iterable[Record] = (),
        authorities: Iterable[Record] = (),
        additionals: Iterable[Record] = (),
        opt: Opt | None = None,
    ) -> None:
        self.id = number("id", id, 16)
        self.flags = number("flags", flags, 16) & ~_NO_FLAGS
        self.opcode = OPCODES[number("opcode", opcode, 4)]
        self.rcode = RCODES[number("rcode", rcode, 12)]
        self.questions = list(questions)
        self.answers = list(answers)
        self.authorities = list(authorities)
        self.additionals = list(additionals)
        self.opt = opt
        self.limit = LONGEST_MESSAGE
        self.connection: Connection | None = None

    @classmethod
    def query(
        cls,
        name: Name | str,
        type: Type | int = Type.A,
        *,
        id: int = 0,
        recursion: bool = True,
        payload_size: int | None = UDP_PAYLOAD,
        rclass: Class | int = Class.IN,
    ) -> Message:
        """A query of one question; ``payload_size=None`` leaves EDNS out.

        The id is the caller's, as randomness is: a resolver takes one that cannot be guessed.
        """
        return cls(
            id,
            RD if recursion else 0,
            questions=[Question(name, type, rclass)],
            opt=None if payload_size is None else Opt(payload_size),
        )

    @property
    def is_reply(self) -> bool:
        """Whether it is a reply (QR)."""
        return self.flags & QR != 0

    @property
    def truncated(self) -> bool:
        """Whether records were left out (TC): ask again over TCP."""
        return self.flags & TC != 0

    # -- answering ----------------------------------------------------------------------------

    def reply(self, rcode: Rcode | int = Rcode.NOERROR) -> Message:
        """A reply to this query: its id, opcode and question; with EDNS if it has that."""
        flags = QR | (self.flags & (RD | CD))
        reply = Message(self.id, flags, self.opcode, rcode, self.questions)
        if self.opt is not None:
            reply.opt = Opt(UDP_PAYLOAD, self.opt.dnssec_ok)
        reply.connection = self.connection
        reply.limit = self.limit
        return reply

    def add(
        self,
        name: Record | Name | str,
        data: Rdata | None = None,
        ttl: int = 300,
        *,
        section: str = "answer",
    ) -> None:
        """Add a record, or make and add one of class IN, to the section "answer", "authority" or
        "additional"."""
        if section not in _SECTIONS:
            raise ValueError(f"a section is one of {', '.join(_SECTIONS)}; not {section!r}")
        if not isinstance(name, Record):
            name = Record(name, data, ttl)  # type: ignore[arg-type]  # it says what is missing
        records = {"answer": self.answers, "authority": self.authorities}
        records.get(section, self.additionals).append(name)

    def send(self, c: Connection | None = None) -> None:
        """Send it through a connection, a reply through the one that the query came by.

        Over UDP it is cut to ``limit``, over TCP its length goes before it. On a connection that
        is closed it does nothing. Raises ValueError when there is no connection to send it by.
        """
        c = c if c is not None else self.connection
        if c is None:
            raise ValueError("send(c): this message is no reply to one that was received")
        if c.flags & _UDP:
            c.send(self.encode(self.limit))
        else:
            data = self.encode()
            c.send(len(data).to_bytes(2, "big") + data)

    # -- the codec ----------------------------------------------------------------------------

    @classmethod
    def decode(cls, data: bytes, *, trailing: bool = False) -> Message:
        """The message that these bytes are; with ``trailing`` there may be more behind it.

        Raises FormatError.
        """
        message = cls.__new__(cls)
        _read(message, data if type(data) is bytes else bytes(data), trailing)
        return message

    def encode(self, limit: int = LONGEST_MESSAGE) -> bytes:
        """The bytes of the message, at most ``limit``.

        Answers and authorities that do not fit are left out, with all that follows, and TC is set;
        additional records that do not fit are just left out (RFC 2181 9). Raises ValueError when
        header, question and OPT do not fit.
        """
        limit = min(limit, LONGEST_MESSAGE)
        opt = self.opt
        if opt is None and self.rcode > 0xF:
            opt = Opt()
        tail = Writer()
        if opt is not None:
            opt.write(tail, self.rcode)
        room = limit - len(tail.data)
        w = Writer()
        w.raw(bytes(12))
        for question in self.questions:
            question.write(w)
        if len(w.data) > room:
            raise ValueError(f"the question alone takes over {limit} bytes")
        counts = [len(self.questions), 0, 0, 0]
        truncated = self.flags & TC
        for i, section in enumerate((self.answers, self.authorities, self.additionals)):
            for record in section:
                size = len(w.data)
                record.write(w)
                if len(w.data) > room:
                    w.shrink(size)
                    truncated |= TC if i < 2 else 0
                    break
                counts[1 + i] += 1
            if counts[1 + i] < len(section):
                break
        counts[3] += opt is not None
        bits = self.flags & ~_NO_FLAGS | truncated | self.opcode << 11 | self.rcode & 0xF
        w.data[:12] = _HEAD.pack(self.id, bits, *counts)
        return bytes(w.data + tail.data)

    def __repr__(self) -> str:
        asked = ", ".join([f"{q.name} {q.type}" for q in self.questions])
        found = len(self.answers)
        what = f"reply {self.rcode}, {found} answers" if self.is_reply else str(self.opcode)
        return f"<Message {self.id} {what}: {asked}>"

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, n) for n in self.__slots__ if n not in ("connection", "limit")])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]


def _write_counted(w: Writer, data: Rdata) -> None:
    """RDATA, and the length before it."""
    w.u16(0)
    start = len(w.data)
    data.write(w)
    size = len(w.data) - start
    if size > LONGEST_RDATA:
        raise ValueError(f"the data of a record is over {LONGEST_RDATA} bytes")
    w.data[start - 2 : start] = size.to_bytes(2, "big")


def _read(message: Message, data: bytes, trailing: bool) -> None:
    """Fill a message that has no values yet: whatever is on the wire is right already."""
    cursor = Cursor(data)
    message.id = cursor.u16()
    bits = cursor.u16()
    message.flags = bits & ~_NO_FLAGS
    message.opcode = OPCODES[(bits & 0x7800) >> 11]
    message.rcode = RCODES[bits & 0xF]
    asked = cursor.u16()
    answers = cursor.u16()
    authorities = cursor.u16()
    additionals = cursor.u16()
    message.opt = message.connection = None
    message.limit = LONGEST_MESSAGE
    questions: list[Question] = []
    for _ in range(asked):
        question = Question.__new__(Question)
        question.name = cursor.name()
        question.type = TYPES[cursor.u16()]
        question.rclass = CLASSES[cursor.u16()]
        questions.append(question)
    message.questions = questions
    message.answers = _read_records(cursor, answers, None)
    message.authorities = _read_records(cursor, authorities, None)
    message.additionals = _read_records(cursor, additionals, message)
    if cursor.at < cursor.end and not trailing:
        raise FormatError(f"{cursor.end - cursor.at} bytes follow the message")


def _read_records(cursor: Cursor, count: int, message: Message | None) -> list[Record]:
    """Records of a section; ``message`` gets the OPT record, if this is where it may be."""
    records: list[Record] = []
    for _ in range(count):
        at = cursor.at
        name = cursor.name()
        number = cursor.u16()
        rclass = cursor.u16()
        ttl = cursor.u32()
        end = cursor.narrow(cursor.u16())
        if number == _OPT:
            if message is None or message.opt is not None or name != ROOT:
                raise FormatError(f"an OPT record at {at} where none may be")
            message.opt = _read_opt(cursor, rclass, ttl)
            message.rcode = RCODES[ttl >> 24 << 4 | message.rcode]
        else:
            record = Record.__new__(Record)
            record.name = name
            record.rclass = CLASSES[rclass]
            record.ttl = ttl
            record.data = read_rdata(cursor, TYPES[number], rclass)
            records.append(record)
        cursor.widen(end)
    return records


def _read_opt(cursor: Cursor, payload_size: int, ttl: int) -> Opt:
    options = []
    while cursor.at < cursor.end:
        code = cursor.u16()
        options.append((code, cursor.take(cursor.u16())))
    opt = Opt.__new__(Opt)
    opt.payload_size = payload_size
    opt.dnssec_ok = ttl & _DNSSEC_OK != 0
    opt.version = ttl >> 16 & 0xFF
    opt.options = tuple(options)
    return opt
