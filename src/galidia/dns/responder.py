"""Answers that are there before they are asked for: bytes in, bytes out.

A `Responder` holds, for each name and type, all that follows the question of a reply. An answer is
the id of the query, its question as it was asked, and that; what is rare in a query goes through
`Message`. Nothing is ever answered with more bytes than the client takes and the caller allows, and
a reply is answered with nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython
if cython.compiled:
    from cython.cimports.cpython.bytes import (
        PyBytes_AS_STRING,
        PyBytes_FromStringAndSize,
    )
    from cython.cimports.libc.string import memcpy

from .message import PLAIN_UDP, UDP_PAYLOAD, Message
from .numbers import QR, TC, Rcode, Type
from .wire import FormatError

_HEADER = 12
_PLAIN = PLAIN_UDP
_TC = TC
_AXFR, _IXFR = int(Type.AXFR), int(Type.IXFR)
#: Opcode, and what a reply repeats of the query: RD and CD.
_OPCODE = 0x7800
_KEPT = 0x0110
_LOWER = bytes(range(256)).lower()
#: An OPT record, less the flags and their like: what is ours to say does not change.
_OPT = b"\0" + Type.OPT.to_bytes(2, "big") + UDP_PAYLOAD.to_bytes(2, "big")


class Answer:
    """What follows the question, and what the header says about it.

    ``bits`` are of the header; ``counts`` of answers, authorities and additional records. The tail
    can be cut at ``cut``, where the additional records begin.
    """

    __slots__ = ("additionals", "answers", "authorities", "bits", "cut", "tail")

    def __init__(
        self,
        bits: int,
        tail: bytes = b"",
        counts: tuple[int, int, int] = (0, 0, 0),
        cut: int = -1,
    ) -> None:
        self.bits = bits
        self.tail = tail
        self.answers, self.authorities, self.additionals = counts
        self.cut = len(tail) if cut < 0 else cut


_REFUSED = Answer(QR | Rcode.REFUSED)


class Responder:
    """Answers queries from tables; see `respond`.

    ``answers`` has an `Answer` for each question, a name in lower case with type and class on the
    wire; ``names`` one for each name, for the types it has not. `missing` is asked for others.
    """

    __slots__ = ("answers", "names")

    def __init__(self) -> None:
        self.answers: dict[bytes, Answer] = {}
        self.names: dict[bytes, Answer] = {}

    def missing(self, name: bytes, type: int) -> Answer:
        """The answer for a name, in lower case on the wire, that is in no table."""
        return _REFUSED

    def respond(self, query: bytes, limit: int, udp: bool) -> bytes:
        """The reply to a query, of at most ``limit`` bytes; over UDP, of no more than the client
        takes. Empty when there is nothing to reply to."""
        size = len(query)
        if size < _HEADER:
            return b""
        # A query, of one question and nothing else but, perhaps, an OPT record.
        others = query[6] | query[7] | query[8] | query[9] | query[10]
        if query[2] & 0xF8 or query[4] or query[5] != 1 or others or query[11] > 1:
            return self._rare(query, limit, udp)
        end = question_end(query)
        opt = int(query[11])
        flags = payload = 0
        if end >= 0 and opt:
            payload = opt_size(query, end)
            if payload >= 0:
                flags = query[end + 7] & 0x80
        if end < 0 or payload < 0 or (not opt and end != size):
            return self._rare(query, limit, udp)
        if udp:
            limit = min(limit, max(payload, _PLAIN))
        key = lower(query, end)
        answer = self.answers.get(key)
        if answer is None:
            answer = self._find(key)
        return assemble(query, end, answer, limit, opt, flags)

    def _find(self, key: bytes) -> Answer:
        """The answer to a question that is in no table."""
        end = len(key) - 4
        zone_is_asked_for = key[end] == 0 and (key[end + 1] == _AXFR or key[end + 1] == _IXFR)
        if zone_is_asked_for or key[end + 2] != 0 or key[end + 3] != 1:
            return _REFUSED  # and no other class but IN is served
        name = key[:end]
        answer = self.names.get(name)
        if answer is None:
            answer = self.missing(name, key[end] << 8 | key[end + 1])
        return answer

    def _rare(self, query: bytes, limit: int, udp: bool) -> bytes:
        """The reply to a query that is out of the ordinary; as a rule one that is wrong."""
        refused = refusal(query)
        if refused is not None:
            return refused
        try:
            message = Message.decode(query)
        except FormatError:
            return refusal(query, Rcode.FORMERR) or b""
        opt = message.opt
        if udp:
            limit = min(limit, max(_PLAIN, opt.payload_size if opt is not None else 0))
        if len(message.questions) != 1:
            return refusal(query, Rcode.FORMERR) or b""
        if opt is not None and opt.version:
            return message.reply(Rcode.BADVERS).encode(limit)
        end = question_end(query)
        key = lower(query, end)
        answer = self.answers.get(key)
        if answer is None:
            answer = self._find(key)
        flags = 0x80 if opt is not None and opt.dnssec_ok else 0
        return assemble(query, end, answer, limit, opt is not None, flags)


def refusal(query: bytes, rcode: int = Rcode.NOERROR) -> bytes | None:
    """What is answered to what is no query at all, or with this code to one that is wrong: a header
    alone. Empty for nothing, and None when there is no reason yet."""
    bits = query[2] << 8 | query[3]
    if bits & QR:
        return b""
    if bits & _OPCODE:
        rcode = Rcode.NOTIMP
    if not rcode:
        return None
    bits = QR | (bits & (_OPCODE | _KEPT)) | rcode
    return query[:2] + bits.to_bytes(2, "big") + bytes(8)


def question_end(query: bytes) -> int:
    """Where the first question ends, whose name is not compressed; -1 when it has no end."""
    size = len(query)
    at = _HEADER
    while at < size:
        n = query[at]
        if n == 0:
            at += 5
            return at if at <= size and at - _HEADER <= 255 + 4 else -1
        if n > 63:
            return -1
        at += 1 + n
    return -1


def opt_size(query: bytes, at: int) -> int:
    """The size that an OPT record says is welcome, which is all that is left; -1 for others."""
    size = len(query)
    if size - at < 11 or query[at] or query[at + 1] or query[at + 2] != 0x29 or query[at + 6]:
        return -1
    left = query[at + 9] << 8 | query[at + 10]
    payload = query[at + 3] << 8 | query[at + 4]
    at += 11
    if size - at != left:
        return -1
    while at < size:
        if size - at < 4:
            return -1
        at += 4 + (query[at + 2] << 8 | query[at + 3])
    return payload if at == size else -1


def lower(query: bytes, end: int) -> bytes:
    """The question that ends there, with its name in lower case: the key of the table."""
    if cython.compiled:
        key = PyBytes_FromStringAndSize(cython.NULL, end - _HEADER)
        into = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
        data = cython.cast(cython.p_uchar, PyBytes_AS_STRING(query)) + _HEADER
        fold = cython.cast(cython.p_uchar, PyBytes_AS_STRING(_LOWER))
        n = end - _HEADER
        for i in range(n - 4):
            into[i] = fold[data[i]]
        memcpy(into + n - 4, data + n - 4, 4)
        return key
    return query[_HEADER : end - 4].lower() + query[end - 4 : end]


def assemble(query: bytes, end: int, answer: Answer, limit: int, opt: int, flags: int) -> bytes:
    """The reply: id and question of the query, what the answer says, an OPT record if ``opt``.

    What is too long loses its additional records, and if that is not enough all records, with TC.
    """
    bits = answer.bits | (query[2] << 8 | query[3]) & _KEPT
    answers, authorities, additionals = answer.answers, answer.authorities, answer.additionals
    size = len(answer.tail)
    room = limit - end - 11 * opt
    if size > room:
        size = answer.cut
        additionals = 0
        if size > room:
            size = answers = authorities = 0
            bits |= _TC
    additionals += opt
    if cython.compiled:
        reply = PyBytes_FromStringAndSize(cython.NULL, end + size + 11 * opt)
        p = cython.cast(cython.p_uchar, PyBytes_AS_STRING(reply))
        memcpy(p, PyBytes_AS_STRING(query), end)
        p[2] = bits >> 8
        p[3] = bits & 0xFF
        p[6] = answers >> 8
        p[7] = answers & 0xFF
        p[8] = authorities >> 8
        p[9] = authorities & 0xFF
        p[10] = additionals >> 8
        p[11] = additionals & 0xFF
        memcpy(p + end, PyBytes_AS_STRING(answer.tail), size)
        if opt:
            p += end + size
            memcpy(p, PyBytes_AS_STRING(_OPT), 5)
            p[5] = p[6] = p[8] = p[9] = p[10] = 0
            p[7] = flags
        return reply
    counts = (bits, 1, answers, authorities, additionals)
    head = b"".join([n.to_bytes(2, "big") for n in counts])
    tail = answer.tail if size == len(answer.tail) else answer.tail[:size]
    reply = query[:2] + head + query[_HEADER:end] + tail
    return reply + _OPT + bytes((0, 0, flags, 0, 0, 0)) if opt else reply
