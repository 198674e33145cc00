"""The characters of a message, and the shapes of its lines (RFC 9110 section 5.6, RFC 9112)."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

DIGITS = b"0123456789"
LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN_CHARS = b"!#$%&'*+-.^_`|~" + DIGITS + LETTERS
TARGET_CHARS = bytes([c for c in range(0x21, 0x7F) if c != 0x23])
VALUE_CHARS = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
# host characters without the "%" of an escape and the brackets of an address
HOST_CHARS = b"-._~!$&'()*+,;=" + DIGITS + LETTERS

if cython.compiled:
    # Class bits of each byte. LF has none, so every scan of a head stops at its last byte.
    TOKEN = 1
    TARGET = 2
    VALUE = 4
    DIGIT = 8
    HEX = 16
    HOST = 32
    _TABLE = bytes(
        [
            TOKEN * (c in TOKEN_CHARS)
            | TARGET * (c in TARGET_CHARS)
            | VALUE * (c in VALUE_CHARS)
            | DIGIT * (c in DIGITS)
            | HEX * (c in b"0123456789ABCDEFabcdef")
            | HOST * (c in HOST_CHARS)
            for c in range(256)
        ]
    )
    KIND = _TABLE

_token = b"[" + re.escape(TOKEN_CHARS) + b"]++"
_field_lines = rb"(?:" + _token + rb":[\t -~\x80-\xff]*+\r\n)*+\r\n"
HEAD = re.compile(
    b"(" + _token + rb") ([!\"$-~]++) HTTP/([0-9])\.([0-9])\r\n" + _field_lines,
)
REPLY_HEAD = re.compile(
    rb"HTTP/([0-9])\.([0-9]) ([1-9][0-9]{2})((?: [\t -~\x80-\xff]*+)?)\r\n" + _field_lines,
)
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_quoted = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
EXTENDED_SIZE_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})((?:[\t ]*+;[\t ]*+"
    + _token
    + rb"(?:[\t ]*+=[\t ]*+(?:"
    + _token
    + b"|"
    + _quoted
    + rb"))?+)*+)\r\n"
)
EMPTY_LINE = re.compile(rb"\n\r?\n")
VERSION_NAME = re.compile(rb"HTTP/[0-9]\.[0-9]")
# in the lower-cased head
TELLING = re.compile(
    rb"\n(host|connection|content-length|transfer-encoding|expect|upgrade|range"
    rb"|accept-encoding|if-(?:none-)?match|if-(?:un)?modified-since|if-range):[\t ]*([^\r]*)"
)
TELLING_REPLY = re.compile(
    rb"\n(connection|content-length|transfer-encoding|upgrade):[\t ]*([^\r]*)"
)
