"""Requests as bytes, and what a strict server makes of each (RFC 9110, 9112).

The limits they are meant for are in `LIMITS`. A request that is `Cut` is not whole when the
connection ends; nothing may follow it.
"""

from __future__ import annotations

from typing import NamedTuple

#: Bytes of a head, of a target, of a body; number of fields.
LIMITS = {"head": 2000, "target": 300, "body": 1000, "fields": 20}


class Taken(NamedTuple):
    """A request that is read, and what it says."""

    line: str  # method and target
    fields: tuple[str, ...]
    body: bytes = b""
    trailers: tuple[str, ...] = ()
    host: str = "a"
    version: str = "HTTP/1.1"
    last: bool = False  # the connection ends behind it
    expects: bool = False  # it waits for 100 (Continue)


class Refused(NamedTuple):
    """A violation by its name, and the status that answers it."""

    name: str
    status: int


class Cut(NamedTuple):
    """The connection ends too early."""


BAD = {
    name: Refused(name, 400)
    for name in (
        "bare-lf", "bare-cr", "request-line", "method", "target-char", "version-syntax",
        "target-form", "escape", "folded", "no-colon", "empty-name", "space-before-colon",
        "name-char", "value-char", "host-missing", "host-repeated", "host-syntax",
        "length-syntax", "length-repeated", "chunked-not-final", "length-and-coding",
        "coding-in-1.0", "chunk-size", "chunk-extension", "extensions-too-long", "chunk-end",
        "trailer-forbidden",
    )
}  # fmt: skip
VERSION = Refused("version", 505)
CODING = Refused("coding-unknown", 501)
TARGET_LENGTH = Refused("target-too-long", 414)
HEAD_SIZE = Refused("head-too-large", 431)
FIELD_COUNT = Refused("too-many-fields", 431)
BODY_SIZE = Refused("body-too-large", 413)
TRAILER_SIZE = Refused("trailers-too-large", 431)
CUT = Cut()

E = b"\r\n"
H = b"Host: a\r\n"
G = b"GET / HTTP/1.1\r\n"
P = b"POST / HTTP/1.1\r\nHost: a\r\n"
C = P + b"Transfer-Encoding: chunked\r\n\r\n"  # its body follows
L = P + b"Content-Length: 5\r\n"
END = b"0\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: b\r\n\r\n"

PLAIN = Taken("GET /", ("Host: a",))
CHUNKED = ("Host: a", "Transfer-Encoding: chunked")


def got(target: str) -> Taken:
    return Taken("GET " + target, ("Host: a",))


def posted(*fields: str, body: bytes = b"hello") -> Taken:
    return Taken("POST /", ("Host: a", *fields), body)


def chunks(body: bytes, *trailers: str) -> Taken:
    return Taken("POST /", CHUNKED, body, trailers)


REQUESTS: dict[str, tuple[bytes, Taken | Refused | Cut]] = {
    # -- the request line
    "plain": (G + H + E, PLAIN),
    "blank-before": (E + G + H + E, PLAIN),
    "two-blanks-before": (E + E + G + H + E, BAD["request-line"]),
    "lf-before": (b"\n" + G + H + E, BAD["bare-lf"]),
    "cr-before": (b"\r" + G + H + E, BAD["bare-cr"]),
    "space-before": (b" " + G + H + E, BAD["request-line"]),
    "tab-before": (b"\t" + G + H + E, BAD["method"]),
    "nul-before": (b"\0" + G + H + E, BAD["method"]),
    "byte-order-mark": (b"\xef\xbb\xbf" + G + H + E, BAD["method"]),
    "method-own": (b"M-SEARCH / HTTP/1.1\r\n" + H + E, Taken("M-SEARCH /", ("Host: a",))),
    "method-lower": (b"get / HTTP/1.1\r\n" + H + E, Taken("get /", ("Host: a",))),
    "method-all-token": (b"!#$%&'*+-.^_`|~ / HTTP/1.1\r\n" + H + E,
                         Taken("!#$%&'*+-.^_`|~ /", ("Host: a",))),
    "method-brackets": (b"G[E]T / HTTP/1.1\r\n" + H + E, BAD["method"]),
    "method-colon": (b"GET: / HTTP/1.1\r\n" + H + E, BAD["method"]),
    "method-comma": (b"GET,POST / HTTP/1.1\r\n" + H + E, BAD["method"]),
    "method-nul": (b"GE\0T / HTTP/1.1\r\n" + H + E, BAD["method"]),
    "method-latin": (b"G\xc9T / HTTP/1.1\r\n" + H + E, BAD["method"]),
    "method-none": (b" / HTTP/1.1\r\n" + H + E, BAD["method"]),
    "line-empty": (E + E + E, BAD["request-line"]),
    "line-http-0.9": (b"GET /\r\n\r\n", BAD["request-line"]),
    "line-method-alone": (b"GET\r\n\r\n", BAD["request-line"]),
    "line-two-spaces": (b"GET  / HTTP/1.1\r\n" + H + E, BAD["request-line"]),
    "line-two-spaces-behind": (b"GET /  HTTP/1.1\r\n" + H + E, BAD["request-line"]),
    "line-tabs": (b"GET\t/\tHTTP/1.1\r\n" + H + E, BAD["request-line"]),
    "line-form-feed": (b"GET /\x0cHTTP/1.1\r\n" + H + E, BAD["request-line"]),
    "line-space-at-end": (b"GET / HTTP/1.1 \r\n" + H + E, BAD["request-line"]),
    "line-two-targets": (b"GET /a /b HTTP/1.1\r\n" + H + E, BAD["request-line"]),
    "line-twice": (b"GET / HTTP/1.1 HTTP/1.1\r\n" + H + E, BAD["request-line"]),
    "line-is-a-field": (H + E, BAD["request-line"]),
    "line-is-a-status": (b"HTTP/1.1 200 OK\r\n\r\n", BAD["method"]),
    "line-tls": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", BAD["request-line"]),
    "line-cr": (b"GET / HTTP/1.1\r" + H + E, BAD["bare-cr"]),
    "line-lf": (b"GET / HTTP/1.1\n" + H + E, BAD["bare-lf"]),
    "line-cr-cr-lf": (b"GET / HTTP/1.1\r\r\n" + H + E, BAD["bare-cr"]),
    "line-cr-inside": (b"GET /\rx HTTP/1.1\r\n" + H + E, BAD["bare-cr"]),
    "line-lf-cr": (b"GET / HTTP/1.1\n\rHost: a\n\r\n\r", BAD["bare-lf"]),
    "version-1.0": (b"GET / HTTP/1.0\r\n\r\n",
                    Taken("GET /", (), host="", version="HTTP/1.0", last=True)),
    "version-1.0-keep-alive": (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                               Taken("GET /", ("Connection: keep-alive",), host="",
                                     version="HTTP/1.0")),
    "version-1.0-both-options": (b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
                                 Taken("GET /", ("Connection: keep-alive, close",), host="",
                                       version="HTTP/1.0", last=True)),
    "version-1.2": (b"GET / HTTP/1.2\r\n" + H + E, PLAIN),
    "version-1.32": (b"GET / HTTP/1.32\r\n" + H + E, BAD["version-syntax"]),
    "version-1.10": (b"GET / HTTP/1.10\r\n" + H + E, BAD["version-syntax"]),
    "version-01.1": (b"GET / HTTP/01.1\r\n" + H + E, BAD["version-syntax"]),
    "version-1": (b"GET / HTTP/1\r\n" + H + E, BAD["version-syntax"]),
    "version-1.": (b"GET / HTTP/1.\r\n" + H + E, BAD["version-syntax"]),
    "version-1.1.1": (b"GET / HTTP/1.1.1\r\n" + H + E, BAD["version-syntax"]),
    "version-1.1-letter": (b"GET / HTTP/1.1x\r\n" + H + E, BAD["version-syntax"]),
    "version-minus": (b"GET / HTTP/-1.1\r\n" + H + E, BAD["version-syntax"]),
    "version-lower": (b"GET / http/1.1\r\n" + H + E, BAD["version-syntax"]),
    "version-mixed": (b"GET / Http/1.1\r\n" + H + E, BAD["version-syntax"]),
    "version-https": (b"GET / HTTPS/1.1\r\n" + H + E, BAD["version-syntax"]),
    "version-name": (b"GET / ICY/1.1\r\n" + H + E, BAD["version-syntax"]),
    "version-comma": (b"GET / HTTP/1,1\r\n" + H + E, BAD["version-syntax"]),
    "version-nul": (b"GET / HTTP/1.1\0\r\n" + H + E, BAD["version-syntax"]),
    "version-none": (b"GET / \r\n" + H + E, BAD["version-syntax"]),
    "version-other-digit": (b"GET / HTTP/1.\xb2\r\n" + H + E, BAD["version-syntax"]),
    "version-2": (b"PRI * HTTP/2.0\r\n\r\n", VERSION),
    "version-0.9": (b"GET / HTTP/0.9\r\n" + H + E, VERSION),
    "version-3.0": (b"GET / HTTP/3.0\r\n" + H + E, VERSION),
    # -- the target
    "target-query": (b"GET /a?b=c?d HTTP/1.1\r\n" + H + E, got("/a?b=c?d")),
    "target-fragment": (b"GET /a#b HTTP/1.1\r\n" + H + E, BAD["target-char"]),
    "target-none": (b"GET  HTTP/1.1\r\n" + H + E, BAD["target-char"]),
    "target-utf-8": (b"GET /\xc3\xa4 HTTP/1.1\r\n" + H + E, BAD["target-char"]),
    "target-nul": (b"GET /\0 HTTP/1.1\r\n" + H + E, BAD["target-char"]),
    "target-del": (b"GET /\x7f HTTP/1.1\r\n" + H + E, BAD["target-char"]),
    "target-tab": (b"GET /\t HTTP/1.1\r\n" + H + E, BAD["target-char"]),
    "target-relative": (b"GET a/b HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-backslash": (b"GET \\a HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-asterisk": (b"OPTIONS * HTTP/1.1\r\n" + H + E, Taken("OPTIONS *", ("Host: a",))),
    "target-asterisk-get": (b"GET * HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-connect": (b"CONNECT b:443 HTTP/1.1\r\n" + H + E,
                       Taken("CONNECT b:443", ("Host: a",), host="b:443")),
    "target-connect-no-port": (b"CONNECT b HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-connect-path": (b"CONNECT / HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-authority-get": (b"GET b:80 HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-absolute": (b"GET http://a/b HTTP/1.1\r\n" + H + E, got("http://a/b")),
    "target-absolute-overrides-host": (b"GET http://b:81/c HTTP/1.1\r\n" + H + E,
                                       Taken("GET http://b:81/c", ("Host: a",), host="b:81")),
    "target-absolute-no-host-field": (b"GET http://a/ HTTP/1.1\r\n\r\n", BAD["host-missing"]),
    "target-absolute-user": (b"GET http://u:p@a/ HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-absolute-no-host": (b"GET http:///b HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-absolute-scheme": (b"GET file://a/b HTTP/1.1\r\n" + H + E, BAD["target-form"]),
    "target-escape": (b"GET /%41%c3%a4%2F HTTP/1.1\r\n" + H + E, got("/%41%c3%a4%2F")),
    "target-escape-nul": (b"GET /a%00.html HTTP/1.1\r\n" + H + E, BAD["escape"]),
    "target-escape-cut": (b"GET /% HTTP/1.1\r\n" + H + E, BAD["escape"]),
    "target-escape-not-hex": (b"GET /%u0041 HTTP/1.1\r\n" + H + E, BAD["escape"]),
    "target-at-limit": (b"GET /" + b"a" * 299 + b" HTTP/1.1\r\n" + H + E, got("/" + "a" * 299)),
    "target-too-long": (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n" + H + E, TARGET_LENGTH),
    "target-query-too-long": (b"GET /?" + b"a=b&" * 80 + b" HTTP/1.1\r\n" + H + E, TARGET_LENGTH),
    # -- field lines
    "field-no-space": (G + H + b"X:y\r\n\r\n", Taken("GET /", ("Host: a", "X: y"))),
    "field-blanks-around": (G + H + b"X: \t y \t\r\n\r\n", Taken("GET /", ("Host: a", "X: y"))),
    "field-empty": (G + H + b"X:\r\n\r\n", Taken("GET /", ("Host: a", "X: "))),
    "field-latin": (G + H + b"X: \xe4\xff\r\n\r\n", Taken("GET /", ("Host: a", "X: \xe4\xff"))),
    "field-colons": (G + H + b"X::y:\r\n\r\n", Taken("GET /", ("Host: a", "X: :y:"))),
    "field-repeated": (G + H + b"X: 1\r\nx: 2\r\n\r\n",
                       Taken("GET /", ("Host: a", "X: 1", "x: 2"))),
    "field-folded": (G + H + b"X: a\r\n b\r\n\r\n", BAD["folded"]),
    "field-folded-tab": (G + H + b"X: a\r\n\tb\r\n\r\n", BAD["folded"]),
    "field-folded-empty": (G + H + b"X: a\r\n \r\n\r\n", BAD["folded"]),
    "field-folded-coding": (P + b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n" + END,
                            BAD["folded"]),
    "field-coding-folded": (P + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + END, BAD["folded"]),
    "field-length-folded": (P + b"Content-Length:\r\n 5\r\n\r\nhello", BAD["folded"]),
    "field-first-folded": (G + b" Host: a\r\n\r\n", BAD["folded"]),
    "field-no-colon": (G + H + b"X\r\n\r\n", BAD["no-colon"]),
    "field-no-name": (G + H + b": y\r\n\r\n", BAD["empty-name"]),
    "field-space-before-colon": (G + H + b"X : y\r\n\r\n", BAD["space-before-colon"]),
    "field-tab-before-colon": (G + H + b"X\t: y\r\n\r\n", BAD["space-before-colon"]),
    "field-coding-space-before-colon": (P + b"Transfer-Encoding : chunked\r\n\r\n" + END,
                                        BAD["space-before-colon"]),
    "field-length-space-before-colon": (P + b"Content-Length : 5\r\n\r\nhello",
                                        BAD["space-before-colon"]),
    "field-host-space-before-colon": (G + b"Host : a\r\n\r\n", BAD["space-before-colon"]),
    "field-name-space": (G + H + b"X Y: z\r\n\r\n", BAD["name-char"]),
    "field-name-nul": (G + H + b"X\0: y\r\n\r\n", BAD["name-char"]),
    "field-name-latin": (G + H + b"\xdc: y\r\n\r\n", BAD["name-char"]),
    "field-name-quotes": (G + H + b'"X": y\r\n\r\n', BAD["name-char"]),
    "field-name-slash": (G + H + b"X/Y: z\r\n\r\n", BAD["name-char"]),
    "field-name-brackets": (G + H + b"(X): y\r\n\r\n", BAD["name-char"]),
    "field-name-coding-nul": (P + b"Transfer-Encoding\0: chunked\r\n\r\n" + END,
                              BAD["name-char"]),
    "field-value-nul": (G + H + b"X: a\0b\r\n\r\n", BAD["value-char"]),
    "field-value-escape": (G + H + b"X: \x1b[2J\r\n\r\n", BAD["value-char"]),
    "field-value-del": (G + H + b"X: \x7f\r\n\r\n", BAD["value-char"]),
    "field-cr": (G + H + b"X: a\rb\r\n\r\n", BAD["bare-cr"]),
    "field-cr-hides-coding": (P + b"X: a\rTransfer-Encoding: chunked\r\n\r\n" + END,
                              BAD["bare-cr"]),
    "field-cr-cr-lf": (G + H + b"X: a\r\r\n\r\n", BAD["bare-cr"]),
    "field-cr-at-name": (G + H + b"\rX: a\r\n\r\n", BAD["bare-cr"]),
    "field-lf": (G + H + b"X: a\nY: b\r\n\r\n", BAD["bare-lf"]),
    "field-lf-hides-coding": (P + b"X: a\nTransfer-Encoding: chunked\r\n\r\n" + END,
                              BAD["bare-lf"]),
    "field-lf-everywhere": (b"GET / HTTP/1.1\nHost: a\n\n", BAD["bare-lf"]),
    "field-lf-at-end": (G + H + b"\n", BAD["bare-lf"]),
    "field-lf-before-body": (P + b"Content-Length: 5\n\nhello", BAD["bare-lf"]),
    "fields-at-limit": (G + H + b"X: y\r\n" * 19 + E,
                        Taken("GET /", ("Host: a", *["X: y"] * 19))),
    "fields-over-limit": (G + H + b"X: y\r\n" * 20 + E, FIELD_COUNT),
    "fields-without-end-of-them": (G + H + b"a:\r\n" * 1000 + E, HEAD_SIZE),
    "head-at-limit": (G + H + b"X: " + b"y" * 1968 + E + E,
                      Taken("GET /", ("Host: a", "X: " + "y" * 1968))),
    "head-over-limit": (G + H + b"X: " + b"y" * 1969 + E + E, HEAD_SIZE),
    "head-without-end": (G + H + b"X: " + b"y" * 3000, HEAD_SIZE),
    "line-without-end": (b"GET /" + b"y" * 3000, HEAD_SIZE),
    "name-without-end": (G + H + b"y" * 3000, HEAD_SIZE),
    # -- Host
    "host-none": (G + E, BAD["host-missing"]),
    "host-none-1.0": (b"GET /a HTTP/1.0\r\nX: y\r\n\r\n",
                      Taken("GET /a", ("X: y",), host="", version="HTTP/1.0", last=True)),
    "host-empty": (G + b"Host:\r\n\r\n", Taken("GET /", ("Host: ",), host="")),
    "host-port": (G + b"Host: a.b:80\r\n\r\n", Taken("GET /", ("Host: a.b:80",), host="a.b:80")),
    "host-v6": (G + b"Host: [::1]:80\r\n\r\n", Taken("GET /", ("Host: [::1]:80",),
                                                     host="[::1]:80")),
    "host-twice": (G + H + b"Host: b\r\n\r\n", BAD["host-repeated"]),
    "host-twice-same": (G + H + H + E, BAD["host-repeated"]),
    "host-twice-case": (G + H + b"hOST: a\r\n\r\n", BAD["host-repeated"]),
    "host-list": (G + b"Host: a, b\r\n\r\n", BAD["host-syntax"]),
    "host-space": (G + b"Host: a b\r\n\r\n", BAD["host-syntax"]),
    "host-user": (G + b"Host: u@a\r\n\r\n", BAD["host-syntax"]),
    "host-url": (G + b"Host: http://a\r\n\r\n", BAD["host-syntax"]),
    "host-path": (G + b"Host: a/b\r\n\r\n", BAD["host-syntax"]),
    "host-query": (G + b"Host: a?b\r\n\r\n", BAD["host-syntax"]),
    "host-fragment": (G + b"Host: a#b\r\n\r\n", BAD["host-syntax"]),
    "host-backslash": (G + b"Host: a\\b\r\n\r\n", BAD["host-syntax"]),
    "host-port-letters": (G + b"Host: a:b\r\n\r\n", BAD["host-syntax"]),
    "host-port-sign": (G + b"Host: a:+80\r\n\r\n", BAD["host-syntax"]),
    "host-port-long": (G + b"Host: a:000080\r\n\r\n", BAD["host-syntax"]),
    "host-two-ports": (G + b"Host: a:80:81\r\n\r\n", BAD["host-syntax"]),
    "host-latin": (G + b"Host: \xe4\r\n\r\n", BAD["host-syntax"]),
    "host-v6-open": (G + b"Host: [::1\r\n\r\n", BAD["host-syntax"]),
    "host-v6-tail": (G + b"Host: [::1]b\r\n\r\n", BAD["host-syntax"]),
    "host-nul": (G + b"Host: a\0\r\n\r\n", BAD["value-char"]),
    # -- Content-Length
    "length": (L + b"\r\nhello", posted("Content-Length: 5")),
    "length-of-get": (G + H + b"Content-Length: 5\r\n\r\nhello",
                      Taken("GET /", ("Host: a", "Content-Length: 5"), b"hello")),
    "length-0": (P + b"Content-Length: 0\r\n\r\n", posted("Content-Length: 0", body=b"")),
    "length-zeros": (P + b"Content-Length: 005\r\n\r\nhello", posted("Content-Length: 005")),
    "length-blanks": (P + b"Content-Length: \t5 \t\r\n\r\nhello", posted("Content-Length: 5")),
    "length-body-is-a-request": (P + b"Content-Length: 31\r\n\r\n" + NEXT,
                                 posted("Content-Length: 31", body=NEXT)),
    "length-at-limit": (P + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000,
                        posted("Content-Length: 1000", body=b"x" * 1000)),
    "length-over-limit": (P + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001, BODY_SIZE),
    "length-18-digits": (P + b"Content-Length: 999999999999999999\r\n\r\n", BODY_SIZE),
    "length-19-digits": (P + b"Content-Length: 9999999999999999999\r\n\r\n",
                         BAD["length-syntax"]),
    "length-wraps": (P + b"Content-Length: 18446744073709551621\r\n\r\nhello",
                     BAD["length-syntax"]),
    "length-many-zeros": (P + b"Content-Length: " + b"0" * 30 + b"5\r\n\r\nhello",
                          BAD["length-syntax"]),
    "length-empty": (P + b"Content-Length:\r\n\r\nhello", BAD["length-syntax"]),
    "length-plus": (P + b"Content-Length: +5\r\n\r\nhello", BAD["length-syntax"]),
    "length-minus": (P + b"Content-Length: -5\r\n\r\nhello", BAD["length-syntax"]),
    "length-minus-0": (P + b"Content-Length: -0\r\n\r\n", BAD["length-syntax"]),
    "length-hex": (P + b"Content-Length: 0x5\r\n\r\nhello", BAD["length-syntax"]),
    "length-hex-digits": (P + b"Content-Length: a\r\n\r\nhellohello", BAD["length-syntax"]),
    "length-underscore": (P + b"Content-Length: 0_5\r\n\r\nhello", BAD["length-syntax"]),
    "length-space": (P + b"Content-Length: 5 0\r\n\r\nhello", BAD["length-syntax"]),
    "length-point": (P + b"Content-Length: 5.0\r\n\r\nhello", BAD["length-syntax"]),
    "length-exponent": (P + b"Content-Length: 5e0\r\n\r\nhello", BAD["length-syntax"]),
    "length-quotes": (P + b'Content-Length: "5"\r\n\r\nhello', BAD["length-syntax"]),
    "length-semicolon": (P + b"Content-Length: 5;a\r\n\r\nhello", BAD["length-syntax"]),
    "length-other-digit": (P + b"Content-Length: \xb2\r\n\r\nhe", BAD["length-syntax"]),
    "length-utf-8-digit": (P + b"Content-Length: \xd9\xa5\r\n\r\nhello", BAD["length-syntax"]),
    "length-list": (P + b"Content-Length: 5, 5\r\n\r\nhello", BAD["length-syntax"]),
    "length-list-differs": (P + b"Content-Length: 5,6\r\n\r\nhello", BAD["length-syntax"]),
    "length-list-open": (P + b"Content-Length: 5,\r\n\r\nhello", BAD["length-syntax"]),
    "length-vertical-tab": (P + b"Content-Length: \x0b5\r\n\r\nhello", BAD["value-char"]),
    "length-nul": (P + b"Content-Length: 5\0\r\n\r\nhello", BAD["value-char"]),
    "length-twice": (L + b"Content-Length: 5\r\n\r\nhello", BAD["length-repeated"]),
    "length-twice-differs": (L + b"Content-Length: 6\r\n\r\nhello", BAD["length-repeated"]),
    "length-twice-case": (L + b"CONTENT-LENGTH: 0\r\n\r\nhello", BAD["length-repeated"]),
    "length-lookalike": (P + b"Content_Length: 5\r\n\r\n", posted("Content_Length: 5", body=b"")),
    "length-cut": (L + b"\r\nhell", CUT),
    # -- Transfer-Encoding
    "coding-chunked": (C + b"5\r\nhello\r\n0\r\n\r\n", chunks(b"hello")),
    "coding-case": (P + b"TRANSFER-encoding: ChunKed \r\n\r\n" + END,
                    posted("TRANSFER-encoding: ChunKed", body=b"")),
    "coding-of-get": (G + H + b"Transfer-Encoding: chunked\r\n\r\n" + END,
                      Taken("GET /", CHUNKED)),
    "coding-and-length": (L + b"Transfer-Encoding: chunked\r\n\r\n" + END,
                          BAD["length-and-coding"]),
    "length-and-coding": (P + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + END,
                          BAD["length-and-coding"]),
    "coding-and-length-0": (P + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
                            BAD["length-and-coding"]),
    "coding-and-bad-length": (
        P + b"Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n" + END,
        BAD["length-syntax"]),
    "bad-coding-and-length": (L + b"Transfer-Encoding: xchunked\r\n\r\nhello", CODING),
    "coding-1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
                   BAD["coding-in-1.0"]),
    "coding-1.0-and-length": (
        b"POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
        BAD["coding-in-1.0"]),
    "coding-identity": (P + b"Transfer-Encoding: identity\r\n\r\n", CODING),
    "coding-gzip": (P + b"Transfer-Encoding: gzip\r\n\r\n", CODING),
    "coding-gzip-chunked": (P + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + END, CODING),
    "coding-identity-chunked": (P + b"Transfer-Encoding: identity, chunked\r\n\r\n" + END,
                                CODING),
    "coding-chunked-gzip": (P + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + END,
                            BAD["chunked-not-final"]),
    "coding-chunked-identity": (P + b"Transfer-Encoding: chunked, identity\r\n\r\n" + END,
                                BAD["chunked-not-final"]),
    "coding-chunked-twice": (P + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + END,
                             BAD["chunked-not-final"]),
    "coding-chunked-comma": (P + b"Transfer-Encoding: chunked,\r\n\r\n" + END,
                             BAD["chunked-not-final"]),
    "coding-comma-chunked": (P + b"Transfer-Encoding: ,chunked\r\n\r\n" + END, CODING),
    "coding-two-fields": (
        P + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
        BAD["chunked-not-final"]),
    "coding-two-fields-unknown": (
        P + b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n" + END, CODING),
    "coding-two-fields-unknown-last": (
        P + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + END,
        BAD["chunked-not-final"]),
    "coding-empty": (P + b"Transfer-Encoding:\r\n\r\n", CODING),
    "coding-prefix": (P + b"Transfer-Encoding: xchunked\r\n\r\n" + END, CODING),
    "coding-suffix": (P + b"Transfer-Encoding: chunkedx\r\n\r\n" + END, CODING),
    "coding-cut": (P + b"Transfer-Encoding: chunke\r\n\r\n" + END, CODING),
    "coding-parameter": (P + b"Transfer-Encoding: chunked;a=b\r\n\r\n" + END, CODING),
    "coding-semicolon": (P + b"Transfer-Encoding: chunked;\r\n\r\n" + END, CODING),
    "coding-quotes": (P + b'Transfer-Encoding: "chunked"\r\n\r\n' + END, CODING),
    "coding-single-quotes": (P + b"Transfer-Encoding: 'chunked'\r\n\r\n" + END, CODING),
    "coding-words": (P + b"Transfer-Encoding: chunked foo\r\n\r\n" + END, CODING),
    "coding-colon": (P + b"Transfer-Encoding: : chunked\r\n\r\n" + END, CODING),
    "coding-vertical-tab": (P + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + END,
                            BAD["value-char"]),
    "coding-form-feed": (P + b"Transfer-Encoding: chunked\x0c\r\n\r\n" + END, BAD["value-char"]),
    "coding-nul": (P + b"Transfer-Encoding: chunked\0\r\n\r\n" + END, BAD["value-char"]),
    "coding-nbsp": (P + b"Transfer-Encoding: \xa0chunked\r\n\r\n" + END, CODING),
    "coding-high": (P + b"Transfer-Encoding: chunked\xff\r\n\r\n" + END, CODING),
    "coding-lookalike": (P + b"Transfer_Encoding: chunked\r\n\r\n",
                         posted("Transfer_Encoding: chunked", body=b"")),
    "coding-singular": (P + b"Transfer-Encodin: chunked\r\n\r\n",
                        posted("Transfer-Encodin: chunked", body=b"")),
    "coding-named-in-connection": (
        P + b"Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
        Taken("POST /", ("Host: a", "Connection: transfer-encoding",
                         "Transfer-Encoding: chunked"))),
    # -- chunks
    "chunks": (C + b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", chunks(b"hello")),
    "chunk-is-a-request": (C + b"1F\r\n" + NEXT + b"\r\n0\r\n\r\n", chunks(NEXT)),
    "chunk-zeros": (C + b"00005\r\nhello\r\n000\r\n\r\n", chunks(b"hello")),
    "chunk-extension": (C + b'5;a;b=c ; d="e;\\""\r\nhello\r\n0;f\r\n\r\n', chunks(b"hello")),
    "chunks-over-limit": (C + b"200\r\n" + b"x" * 512 + b"\r\n200\r\n" + b"x" * 512
                          + b"\r\n0\r\n\r\n", BODY_SIZE),
    "chunks-at-limit": (C + b"1f4\r\n" + b"x" * 500 + b"\r\n1F4\r\n" + b"x" * 500
                        + b"\r\n0\r\n\r\n", chunks(b"x" * 1000)),
    "chunk-none": (C + E, BAD["chunk-size"]),
    "chunk-0x": (C + b"0x5\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-plus": (C + b"+5\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-minus": (C + b"-5\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-minus-0": (C + b"-0\r\n\r\n", BAD["chunk-size"]),
    "chunk-underscore": (C + b"0_5\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-space-before": (C + b" 5\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-space-behind": (C + b"5 \r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-space-inside": (C + b"0 5\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-letter": (C + b"5g\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-nul": (C + b"5\0\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-comma": (C + b"5,5\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-huge": (C + b"fffffffffffffff\r\nhello", CUT),
    "chunk-16-digits": (C + b"0000000000000005\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-wraps": (C + b"10000000000000005\r\nhello\r\n0\r\n\r\n", BAD["chunk-size"]),
    "chunk-size-without-end": (C + b"0" * 20_000, BAD["extensions-too-long"]),
    "chunk-lf": (C + b"5\nhello\r\n0\r\n\r\n", BAD["bare-lf"]),
    "chunk-cr": (C + b"5\rhello\r\n0\r\n\r\n", BAD["bare-cr"]),
    "chunk-data-longer": (C + b"4\r\nhello\r\n0\r\n\r\n", BAD["chunk-end"]),
    "chunk-data-shorter": (C + b"7\r\nhello\r\n0\r\n\r\n", BAD["chunk-end"]),
    "chunk-data-lf": (C + b"5\r\nhello\n0\r\n\r\n", BAD["chunk-end"]),
    "chunk-data-cr": (C + b"5\r\nhello\r0\r\n\r\n", BAD["chunk-end"]),
    "chunk-extension-lf": (C + b"5;a\nhello\r\n0\r\n\r\n", BAD["bare-lf"]),
    "chunk-extension-lf-quoted": (C + b'5;a="\n"\r\nhello\r\n0\r\n\r\n', BAD["bare-lf"]),
    "chunk-extension-cr": (C + b"5;a\rb\r\nhello\r\n0\r\n\r\n", BAD["bare-cr"]),
    "chunk-extension-empty": (C + b"5;\r\nhello\r\n0\r\n\r\n", BAD["chunk-extension"]),
    "chunk-extension-nul": (C + b"5;a=\0\r\nhello\r\n0\r\n\r\n", BAD["chunk-extension"]),
    "chunk-extension-open": (C + b'5;a="\r\nhello\r\n0\r\n\r\n', BAD["chunk-extension"]),
    "chunk-extension-long": (C + b"5;" + b"a" * 20_000 + b"\r\nhello\r\n0\r\n\r\n",
                             BAD["extensions-too-long"]),
    "chunk-extensions-many": (C + (b"1;" + b"a" * 999 + b"\r\nx\r\n") * 17 + END,
                              BAD["extensions-too-long"]),
    "chunk-last-lf": (C + b"5\r\nhello\r\n0\n\r\n", BAD["bare-lf"]),
    "chunk-end-lf": (C + b"5\r\nhello\r\n0\r\n\n", BAD["bare-lf"]),
    "chunks-cut": (C + b"5\r\nhello\r\n", CUT),
    "chunks-cut-in-data": (C + b"5\r\nhell", CUT),
    "chunks-cut-at-end": (C + b"5\r\nhello\r\n0\r\n", CUT),
    # -- trailers
    "trailer": (C + b"0\r\nX-Sum: 1\r\nY:\t2 \r\n\r\n", chunks(b"", "X-Sum: 1", "Y: 2")),
    "trailer-length": (C + b"0\r\nContent-Length: 5\r\n\r\n", BAD["trailer-forbidden"]),
    "trailer-coding": (C + b"0\r\nTransfer-Encoding: chunked\r\n\r\n", BAD["trailer-forbidden"]),
    "trailer-host": (C + b"0\r\nhost: b\r\n\r\n", BAD["trailer-forbidden"]),
    "trailer-authorization": (C + b"0\r\nAuthorization: Basic eDp5\r\n\r\n",
                              BAD["trailer-forbidden"]),
    "trailer-cookie": (C + b"0\r\nCookie: a=b\r\n\r\n", BAD["trailer-forbidden"]),
    "trailer-connection": (C + b"0\r\nConnection: close\r\n\r\n", BAD["trailer-forbidden"]),
    "trailer-type": (C + b"0\r\nContent-Type: text/html\r\n\r\n", BAD["trailer-forbidden"]),
    "trailer-space-before-colon": (C + b"0\r\nX : y\r\n\r\n", BAD["space-before-colon"]),
    "trailer-folded": (C + b"0\r\nX: y\r\n z\r\n\r\n", BAD["folded"]),
    "trailer-no-colon": (C + b"0\r\nGET / HTTP/1.1\r\n\r\n", BAD["no-colon"]),
    "trailer-nul": (C + b"0\r\nX: \0\r\n\r\n", BAD["value-char"]),
    "trailer-cr": (C + b"0\r\nX: a\rb\r\n\r\n", BAD["bare-cr"]),
    "trailer-lf": (C + b"0\r\nX: a\n\r\n", BAD["bare-lf"]),
    "trailers-too-many": (C + b"0\r\n" + b"X: y\r\n" * 21 + E, FIELD_COUNT),
    "trailers-too-large": (C + b"0\r\n" + b"X: " + b"y" * 3000 + E + E, TRAILER_SIZE),
    # -- the connection
    "close": (G + H + b"Connection: close\r\n\r\n",
              Taken("GET /", ("Host: a", "Connection: close"), last=True)),
    "close-in-a-list": (G + H + b"Connection: x, Close\r\n\r\n",
                        Taken("GET /", ("Host: a", "Connection: x, Close"), last=True)),
    "close-with-body": (L + b"Connection: close\r\n\r\nhello",
                        Taken("POST /", ("Host: a", "Content-Length: 5", "Connection: close"),
                              b"hello", last=True)),
    "expect": (L + b"Expect: 100-continue\r\n\r\nhello",
               Taken("POST /", ("Host: a", "Content-Length: 5", "Expect: 100-continue"), b"hello",
                     expects=True)),
    "head-cut": (G + H, CUT),
    "head-cut-at-end": (G + H + b"\r", CUT),
    "line-cut": (b"GET / HT", CUT),
}  # fmt: skip
