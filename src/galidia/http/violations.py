"""What can be wrong with a message, and what is answered to it.

A violation is a number, an index into `VIOLATIONS`; 0 means good.
"""

from typing import NamedTuple

from .grammar import TARGET_CHARS, TOKEN_CHARS, VALUE_CHARS, VERSION_NAME


class Violation(NamedTuple):
    """What is wrong with a message: a name for logs, a status, a sentence.

    status: what a server answers to such a request. What is wrong with a reply is 502 (Bad
    Gateway) to whomever it was meant for, whatever stands here.
    """

    name: str
    status: int
    text: str


SYNTAX = -1  # for `diagnose` to name
INCOMPLETE = 1
BARE_LF = 2
BARE_CR = 3
REQUEST_LINE = 4
METHOD = 5
TARGET_CHAR = 6
VERSION_SYNTAX = 7
VERSION = 8
TARGET_FORM = 9
ESCAPE = 10
FOLDED = 11
NO_COLON = 12
EMPTY_NAME = 13
SPACE_BEFORE_COLON = 14
NAME_CHAR = 15
VALUE_CHAR = 16
TOO_MANY_FIELDS = 17
HOST_MISSING = 18
HOST_REPEATED = 19
HOST_SYNTAX = 20
LENGTH_SYNTAX = 21
LENGTH_REPEATED = 22
CODING_UNKNOWN = 23
CHUNKED_NOT_FINAL = 24
LENGTH_AND_CODING = 25
CODING_IN_1_0 = 26
TARGET_TOO_LONG = 27
STATUS_LINE = 28
STATUS_CODE = 29
REASON_CHAR = 30
BODY_FORBIDDEN = 31
CHUNK_SIZE = 32
CHUNK_EXTENSION = 33
EXTENSIONS_TOO_LONG = 34
CHUNK_END = 35
TRAILER_FORBIDDEN = 36
TRAILERS_TOO_LARGE = 37
HEAD_TOO_LARGE = 38
BODY_TOO_LARGE = 39
TRUNCATED = 40

VIOLATIONS: tuple[Violation, ...] = (
    Violation("none", 200, "no violation"),
    Violation("incomplete", 400, "no empty line at the end of the head, or one before it"),
    Violation("bare-lf", 400, "line ends with LF alone"),
    Violation("bare-cr", 400, "CR without LF"),
    Violation("request-line", 400, "request line is not method, target, version"),
    Violation("method", 400, "method is not a token"),
    Violation("target-char", 400, "character not allowed in a request target"),
    Violation("version-syntax", 400, "malformed protocol version"),
    Violation("version", 505, "not HTTP/1"),
    Violation("target-form", 400, "request target does not have the form for this method"),
    Violation("escape", 400, "malformed percent-encoding or %00 in the path"),
    Violation("folded", 400, "field line starts with white space"),
    Violation("no-colon", 400, "field line without colon"),
    Violation("empty-name", 400, "field line without name"),
    Violation("space-before-colon", 400, "white space between field name and colon"),
    Violation("name-char", 400, "character not allowed in a field name"),
    Violation("value-char", 400, "control character in a field value"),
    Violation("too-many-fields", 431, "too many fields"),
    Violation("host-missing", 400, "no Host field"),
    Violation("host-repeated", 400, "more than one Host field"),
    Violation("host-syntax", 400, "Host is not a host with optional port"),
    Violation("length-syntax", 400, "Content-Length is not a number of up to 18 digits"),
    Violation("length-repeated", 400, "more than one Content-Length field"),
    Violation("coding-unknown", 501, "transfer coding other than chunked"),
    Violation("chunked-not-final", 400, "transfer coding chunked is not the last one"),
    Violation("length-and-coding", 400, "both Content-Length and Transfer-Encoding"),
    Violation("coding-in-1.0", 400, "Transfer-Encoding in HTTP/1.0"),
    Violation("target-too-long", 414, "request target over the limit"),
    Violation("status-line", 502, "status line is not version, status code, reason"),
    Violation("status-code", 502, "status code is not three digits from 100 on"),
    Violation("reason-char", 502, "control character in a reason phrase"),
    Violation("body-forbidden", 502, "1xx or 204 that announces a body"),
    Violation("chunk-size", 400, "chunk size is not 1 to 15 hexadecimal digits"),
    Violation("chunk-extension", 400, "malformed chunk extension"),
    Violation("extensions-too-long", 400, "chunk extensions over the limit"),
    Violation("chunk-end", 400, "chunk data not followed by CRLF"),
    Violation("trailer-forbidden", 400, "trailer field that must be in the head"),
    Violation("trailers-too-large", 431, "trailer section over the limit"),
    Violation("head-too-large", 431, "head over the limit"),
    Violation("body-too-large", 413, "body over the limit"),
    Violation("truncated", 400, "the connection ended within the message"),
)


def diagnose(head: bytes, reply: bool) -> int:
    """The first violation of the grammar in a head that is known to have one."""
    lines = head.split(b"\n")
    lines.pop()
    for number, line in enumerate(lines, 1):
        if line[-1:] != b"\r":
            return BARE_LF
        line = line[:-1]
        if b"\r" in line:
            return BARE_CR
        if number == 1:
            fault = _status_line_fault(line) if reply else _request_line_fault(line)
        elif line:
            fault = field_line_fault(line)
        else:
            break
        if fault:
            return fault
    return INCOMPLETE


def _request_line_fault(line: bytes) -> int:
    parts = line.split(b" ")
    if len(parts) != 3:
        return REQUEST_LINE
    method, target, version = parts
    if not method or method.translate(None, TOKEN_CHARS):
        return METHOD
    if not target or target.translate(None, TARGET_CHARS):
        return TARGET_CHAR
    if not VERSION_NAME.fullmatch(version):
        return VERSION_SYNTAX
    return 0


def _status_line_fault(line: bytes) -> int:
    version, space, rest = line.partition(b" ")
    if not space or not version.startswith(b"HTTP/"):
        return STATUS_LINE
    if not VERSION_NAME.fullmatch(version):
        return VERSION_SYNTAX
    code, _, reason = rest.partition(b" ")
    if len(code) != 3 or not code.isdigit() or code[0] == 0x30:
        return STATUS_CODE
    if reason.translate(None, VALUE_CHARS):
        return REASON_CHAR
    return 0


def field_line_fault(line: bytes) -> int:
    """What is wrong with a field line that is not empty, given without its CRLF; 0 is good."""
    if line[0] in b"\t ":
        return FOLDED
    name, colon, value = line.partition(b":")
    if not colon:
        return NO_COLON
    if not name:
        return EMPTY_NAME
    if name[-1] in b"\t ":
        return SPACE_BEFORE_COLON
    if name.translate(None, TOKEN_CHARS):
        return NAME_CHAR
    if value.translate(None, VALUE_CHARS):
        return VALUE_CHAR
    return 0
