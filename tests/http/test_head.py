"""Heads as bytes, through both builds: found, taken, refused."""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http import head as codec
from galidia.http import outline
from galidia.http.head import Head
from galidia.http.outline import find_end, skip_blank
from galidia.http.violations import VIOLATIONS
from tests.twin import pure_module

MAX_FIELDS = 20
NEXT = b"GET /next HTTP/1.1\r\nHost: b\r\n\r\n"
NUMBERS = ["method_end", "target_start", "target_end", "path_start", "path_end", "fields_start"]
NUMBERS += ["minor", "count", "content_length", "chunked", "keep_alive", "expect_continue"]
NUMBERS += ["upgrade", "conditions", "accept_encoding", "status", "reason_start", "reason_end"]
TEXTS = ["method", "target", "path", "query", "host", "version", "headers", "reason"]

BROWSER = (
    b"GET /news/2024/a%20b.html?page=2&q=%zz HTTP/1.1\r\n"
    b"Host: www.example.org:8080\r\n"
    b"Connection: keep-alive\r\n"
    b"Cache-Control: max-age=0\r\n"
    b"Upgrade-Insecure-Requests: 1\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Accept-Language: de,en-US;q=0.7,en;q=0.3\r\n"
    b"Cookie: a=1; b=2\r\n"
    b"Cookie: c=\xe4\xff\r\n"
    b"Referer: \t \r\n"
    b'If-None-Match: "abc" \t\r\n'
    b"\r\n"
)


def get(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a") -> bytes:
    """A head with a good request line and Host, and these field lines."""
    return b"\r\n".join([line, *([host] if host else []), *fields, b"", b""])


def to(target: bytes, method: bytes = b"GET") -> bytes:
    return get(line=method + b" " + target + b" HTTP/1.1")


# name: bytes, and what differs from a plain GET
GOOD: dict[str, tuple[bytes, dict[str, Any]]] = {
    "plain": (get(), {}),
    "host-empty": (get(host=b"Host:"), {"host": ""}),
    "host-blank": (get(host=b"Host: \t "), {"host": ""}),
    "host-port": (get(host=b"Host: a.b-c_d~:8080"), {"host": "a.b-c_d~:8080"}),
    "host-port-empty": (get(host=b"hOST:a:"), {"host": "a:"}),
    "host-v6": (get(host=b"Host: [::ffff:1.2.3.4]:1"), {"host": "[::ffff:1.2.3.4]:1"}),
    "host-escape": (get(host=b"Host: %c3%A4"), {"host": "%c3%A4"}),
    "host-space-around": (get(host=b"Host: \t a \t "), {"host": "a"}),
    "value-empty": (get(b"X:", b"Y: "), {"count": 3}),
    "value-obs-text": (get(b"X: \x80\xff\ta"), {"count": 2}),
    "name-all-token-chars": (get(b"!#$%&'*+-.^_`|~09azAZ: v"), {"count": 2}),
    "method-unknown": (to(b"/", b"M-SEARCH"), {"method": "M-SEARCH"}),
    "method-case": (to(b"/", b"get"), {"method": "get"}),
    "1.0": (
        get(line=b"GET / HTTP/1.0", host=b""),
        {"minor": 0, "version": "HTTP/1.0", "keep_alive": False, "count": 0, "host": ""},
    ),
    "1.0-close-and-keep-alive": (
        get(b"Connection: keep-alive, close", line=b"GET / HTTP/1.0"),
        {"minor": 0, "version": "HTTP/1.0", "keep_alive": False, "count": 2},
    ),
    "1.0-keep-alive": (
        get(b"Connection: x , Keep-ALIVE", line=b"GET / HTTP/1.0"),
        {"minor": 0, "version": "HTTP/1.0", "keep_alive": True, "count": 2},
    ),
    "1.0-expect-and-upgrade": (
        get(
            b"Connection: upgrade", b"Upgrade: h2c", b"Expect: 100-continue", line=b"GET / HTTP/1.0"
        ),
        {"minor": 0, "version": "HTTP/1.0", "keep_alive": False, "count": 4},
    ),
    "1.9": (get(line=b"GET / HTTP/1.9"), {}),
    "close": (get(b"Connection: close"), {"keep_alive": False, "count": 2}),
    "close-in-second": (
        get(b"Connection: keep-alive", b"CONNECTION: foo,\tClose ,"),
        {"keep_alive": False, "count": 3},
    ),
    "close-as-part": (get(b"Connection: closed, clos, xclose, close x"), {"count": 2}),
    "length": (get(b"Content-Length: 42"), {"content_length": 42, "count": 2}),
    "length-zero": (get(b"content-length:0"), {"content_length": 0, "count": 2}),
    "length-18-digits": (
        get(b"Content-Length: 999999999999999999\t"),
        {"content_length": 10**18 - 1, "count": 2},
    ),
    "length-leading-zeros": (get(b"Content-Length: 007"), {"content_length": 7, "count": 2}),
    "chunked": (get(b"Transfer-Encoding: chunked"), {"chunked": True, "count": 2}),
    "chunked-case": (get(b"transfer-encoding:\tCHUNKED "), {"chunked": True, "count": 2}),
    "expect": (get(b"Expect: 100-Continue"), {"expect_continue": True, "count": 2}),
    "expect-list": (get(b"Expect: a=b, 100-continue"), {"expect_continue": True, "count": 2}),
    "expect-other": (get(b"Expect: 200-ok, close"), {"count": 2}),
    "expect-in-connection": (get(b"Connection: 100-continue"), {"count": 2}),
    "upgrade": (
        get(b"Connection: keep-alive, Upgrade", b"Upgrade: websocket"),
        {"upgrade": True, "count": 3},
    ),
    "upgrade-not-listed": (get(b"Upgrade: websocket"), {"count": 2}),
    "upgrade-only-listed": (get(b"Connection: upgrade"), {"count": 2}),
    "lookalikes": (
        get(
            b"Hosts: b",
            b"Rangf: x",
            b"Content-Lengtg: x",
            b"Transfer_Encoding: gzip",
            b"If-Catch: x",
        ),
        {"count": 6},
    ),
    "query": (to(b"/a/b?c=d?e"), {"target": "/a/b?c=d?e", "path": "/a/b", "query": "c=d?e"}),
    "query-empty": (to(b"/a?"), {"target": "/a?", "path": "/a"}),
    "query-raw": (to(b"/?%zz%00%"), {"target": "/?%zz%00%", "query": "%zz%00%"}),
    "path-double-slash": (to(b"//x/../y"), {"target": "//x/../y", "path": "//x/../y"}),
    "path-escape": (
        to(b"/a%20b%2fc%c3%A4%25?%20"),
        {"target": "/a%20b%2fc%c3%A4%25?%20", "path": "/a b/c\u00e4%", "query": "%20"},
    ),
    "path-not-utf-8": (to(b"/%ff%41%C3"), {"target": "/%ff%41%C3", "path": "/\udcffA\udcc3"}),
    "target-any-visible": (
        to(b"/!\"$&'()*+,-.:;<=>@[\\]^_`{|}~"),
        {"target": "/!\"$&'()*+,-.:;<=>@[\\]^_`{|}~", "path": "/!\"$&'()*+,-.:;<=>@[\\]^_`{|}~"},
    ),
    "absolute": (
        to(b"http://h:81/p?q"),
        {"target": "http://h:81/p?q", "path": "/p", "query": "q", "host": "h:81"},
    ),
    "absolute-no-path": (to(b"HTTPS://h"), {"target": "HTTPS://h", "host": "h"}),
    "absolute-query": (
        to(b"http://[::1]?q/r"),
        {"target": "http://[::1]?q/r", "query": "q/r", "host": "[::1]"},
    ),
    "asterisk": (to(b"*", b"OPTIONS"), {"method": "OPTIONS", "target": "*", "path": "*"}),
    "options-path": (to(b"/x", b"OPTIONS"), {"method": "OPTIONS", "target": "/x", "path": "/x"}),
    "connect": (
        to(b"h.example:443", b"CONNECT"),
        {"method": "CONNECT", "target": "h.example:443", "path": "", "host": "h.example:443"},
    ),
    "connect-v6": (
        to(b"[::1]:443", b"CONNECT"),
        {"method": "CONNECT", "target": "[::1]:443", "path": "", "host": "[::1]:443"},
    ),
    "max-fields": (get(*[b"X: y"] * (MAX_FIELDS - 1)), {"count": MAX_FIELDS}),
}
for bit, field in enumerate(
    ("RANGE", "if-range", "If-Match", "IF-NONE-MATCH", "If-Modified-Since", "If-Unmodified-Since")
):
    GOOD[field.lower()] = get(field.encode() + b": x"), {"conditions": 1 << bit, "count": 2}
GOOD["conditions"] = get(b"Range: x", b"If-Match: x", b"Range: x"), {"conditions": 5, "count": 4}
GOOD["accept-encoding"] = get(b"ACCEPT-encoding:"), {"accept_encoding": True, "count": 2}

PLAIN: dict[str, Any] = {
    "method": "GET",
    "target": "/",
    "path": "/",
    "query": "",
    "host": "a",
    "version": "HTTP/1.1",
    "minor": 1,
    "count": 1,
    "content_length": -1,
    "chunked": False,
    "keep_alive": True,
    "expect_continue": False,
    "upgrade": False,
    "conditions": 0,
    "accept_encoding": False,
}

# name: violation and bytes
BAD: dict[str, tuple[str, bytes]] = {
    "lf-everywhere": ("bare-lf", b"GET / HTTP/1.1\nHost: a\n\n"),
    "lf-request-line": ("bare-lf", b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "lf-field": ("bare-lf", b"GET / HTTP/1.1\r\nHost: a\n\r\n"),
    "lf-last": ("bare-lf", b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    "cr-request-line": ("bare-cr", get(line=b"GET /\r HTTP/1.1")),
    "cr-in-value": ("bare-cr", get(b"X: a\rY: b")),
    "cr-in-name": ("bare-cr", get(b"X\r: a")),
    "cr-cr-lf": ("bare-cr", get(b"X: a\r")),
    "no-request-line": ("request-line", b"\r\n\r\n"),
    "http-0.9": ("request-line", get(line=b"GET /")),
    "two-spaces": ("request-line", get(line=b"GET  / HTTP/1.1")),
    "space-before-method": ("request-line", get(line=b" GET / HTTP/1.1")),
    "space-in-target": ("request-line", get(line=b"GET /a b HTTP/1.1")),
    "space-after-version": ("request-line", get(line=b"GET / HTTP/1.1 ")),
    "tab": ("request-line", get(line=b"GET\t/\tHTTP/1.1")),
    "binary": ("request-line", b"\x16\x03\x01\x02\x00\r\n\r\n"),
    "method-colon": ("method", get(line=b"GET: / HTTP/1.1")),
    "method-nul": ("method", get(line=b"G\0T / HTTP/1.1")),
    "method-high": ("method", get(line=b"G\xc3T / HTTP/1.1")),
    "method-empty": ("method", get(line=b" / HTTP/1.1")),
    "target-empty": ("target-char", get(line=b"GET  HTTP/1.1")),
    "target-fragment": ("target-char", to(b"/a#b")),
    "target-high": ("target-char", to(b"/\xc3\xa4")),
    "target-del": ("target-char", to(b"/\x7f")),
    "target-tab": ("target-char", to(b"/\t")),
    "version-lower": ("version-syntax", get(line=b"GET / http/1.1")),
    "version-two-digits": ("version-syntax", get(line=b"GET / HTTP/1.10")),
    "version-comma": ("version-syntax", get(line=b"GET / HTTP/1,1")),
    "version-no-minor": ("version-syntax", get(line=b"GET / HTTP/2")),
    "version-letter": ("version-syntax", get(line=b"GET / HTTP/x.1")),
    "version-minor-letter": ("version-syntax", get(line=b"GET / HTTP/1.x")),
    "version-short": ("version-syntax", b"GET / H\r\n\r\n"),
    "version-empty": ("version-syntax", b"GET / \r\n\r\n"),
    "http-2-preface": ("version", b"PRI * HTTP/2.0\r\n\r\n"),
    "version-0.9": ("version", get(line=b"GET / HTTP/0.9")),
    "version-3.0": ("version", get(line=b"GET / HTTP/3.0")),
    "target-relative": ("target-form", to(b"a/b")),
    "target-scheme": ("target-form", to(b"ftp://h/")),
    "target-scheme-alone": ("target-form", to(b"http:///p")),
    "target-scheme-cut": ("target-form", to(b"http:/")),
    "target-scheme-https-cut": ("target-form", to(b"https://")),
    "target-scheme-httpz": ("target-form", to(b"httpz://h/")),
    "target-only-port": ("target-form", to(b"http://:80/")),
    "target-userinfo": ("target-form", to(b"http://u@h/")),
    "target-authority": ("target-form", to(b"h:80")),
    "asterisk-get": ("target-form", to(b"*")),
    "asterisk-more": ("target-form", to(b"*a", b"OPTIONS")),
    "connect-path": ("target-form", to(b"/", b"CONNECT")),
    "connect-no-port": ("target-form", to(b"h", b"CONNECT")),
    "connect-port-empty": ("target-form", to(b"h:", b"CONNECT")),
    "connect-no-host": ("target-form", to(b":443", b"CONNECT")),
    "connect-absolute": ("target-form", to(b"http://h:443", b"CONNECT")),
    "escape-cut": ("escape", to(b"/%4")),
    "escape-cut-by-query": ("escape", to(b"/%4?1")),
    "escape-not-hex": ("escape", to(b"/a%20%g0")),
    "escape-second-not-hex": ("escape", to(b"/%0g")),
    "escape-nul": ("escape", to(b"/a%00b")),
    "escape-absolute": ("escape", to(b"http://h/%")),
    "folded": ("folded", get(b"X: a", b" b")),
    "folded-tab": ("folded", get(b"X: a", b"\tb: c")),
    "folded-first": ("folded", get(b" X: a", host=b"")),
    "no-colon": ("no-colon", get(b"X")),
    "empty-name": ("empty-name", get(b": x")),
    "space-before-colon": ("space-before-colon", get(b"Content-Length : 5")),
    "tab-before-colon": ("space-before-colon", get(b"X\t: 5")),
    "name-space": ("name-char", get(b"X Y: 5")),
    "name-high": ("name-char", get(b"X\xe4: 5")),
    "name-nul": ("name-char", get(b"X\0: 5")),
    "name-slash": ("name-char", get(b"X/Y: 5")),
    "value-nul": ("value-char", get(b"X: a\0b")),
    "value-del": ("value-char", get(b"X: a\x7fb")),
    "value-vertical-tab": ("value-char", get(b"Transfer-Encoding:\x0bchunked")),
    "value-late": ("value-char", get(b"X: " + b"a" * 50 + b"\t" + b"b" * 30 + b"\x1f")),
    "too-many": ("too-many-fields", get(*[b"X: y"] * MAX_FIELDS)),
    "no-host": ("host-missing", get(host=b"")),
    "no-host-absolute": ("host-missing", get(line=b"GET http://h/ HTTP/1.1", host=b"X: y")),
    "two-hosts": ("host-repeated", get(b"hOsT: a")),
    "two-hosts-1.0": ("host-repeated", get(b"Host: a", line=b"GET / HTTP/1.0")),
    "host-space": ("host-syntax", get(host=b"Host: a b")),
    "host-slash": ("host-syntax", get(host=b"Host: a/b")),
    "host-userinfo": ("host-syntax", get(host=b"Host: u@a")),
    "host-high": ("host-syntax", get(host=b"Host: \xe4")),
    "host-port-letters": ("host-syntax", get(host=b"Host: a:http")),
    "host-port-long": ("host-syntax", get(host=b"Host: a:123456")),
    "host-two-ports": ("host-syntax", get(host=b"Host: a:1:2")),
    "host-v6-open": ("host-syntax", get(host=b"Host: [::1")),
    "host-v6-empty": ("host-syntax", get(host=b"Host: []")),
    "host-v6-letters": ("host-syntax", get(host=b"Host: [::g]")),
    "host-v6-tail": ("host-syntax", get(host=b"Host: [::1]a")),
    "host-escape": ("host-syntax", get(host=b"Host: a%2")),
    "length-empty": ("length-syntax", get(b"Content-Length:")),
    "length-blank": ("length-syntax", get(b"Content-Length:  \t")),
    "length-sign": ("length-syntax", get(b"Content-Length: +5")),
    "length-minus": ("length-syntax", get(b"Content-Length: -5")),
    "length-hex": ("length-syntax", get(b"Content-Length: 0x5")),
    "length-space": ("length-syntax", get(b"Content-Length: 5 5")),
    "length-list": ("length-syntax", get(b"Content-Length: 5, 5")),
    "length-underscore": ("length-syntax", get(b"Content-Length: 1_0")),
    "length-high": ("length-syntax", get(b"Content-Length: \xb2")),
    "length-19-digits": ("length-syntax", get(b"Content-Length: 1000000000000000000")),
    "two-lengths": ("length-repeated", get(b"Content-Length: 5", b"Content-Length: 5")),
    "two-lengths-apart": ("length-repeated", get(b"Content-Length: 5", b"content-length: 6")),
    "coding-gzip": ("coding-unknown", get(b"Transfer-Encoding: gzip")),
    "coding-gzip-chunked": ("coding-unknown", get(b"Transfer-Encoding: gzip, chunked")),
    "coding-two-fields": (
        "coding-unknown",
        get(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
    ),
    "coding-identity": ("coding-unknown", get(b"Transfer-Encoding: identity")),
    "coding-empty": ("coding-unknown", get(b"Transfer-Encoding:")),
    "coding-blank": ("coding-unknown", get(b"Transfer-Encoding:  ")),
    "coding-parameter": ("coding-unknown", get(b"Transfer-Encoding: chunked;a=b")),
    "coding-quoted": ("coding-unknown", get(b'Transfer-Encoding: "chunked"')),
    "coding-prefix": ("coding-unknown", get(b"Transfer-Encoding: xchunked")),
    "coding-comma": ("chunked-not-final", get(b"Transfer-Encoding: chunked,")),
    "chunked-gzip": ("chunked-not-final", get(b"Transfer-Encoding: Chunked, gzip")),
    "chunked-twice": ("chunked-not-final", get(b"Transfer-Encoding: chunked, chunked")),
    "chunked-two-fields": (
        "chunked-not-final",
        get(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    ),
    "both-lengths": ("length-and-coding", get(b"Content-Length: 5", b"Transfer-Encoding: chunked")),
    "both-lengths-zero": (
        "length-and-coding",
        get(b"Transfer-Encoding: chunked", b"Content-Length: 0"),
    ),
    "coding-1.0": ("coding-in-1.0", get(b"Transfer-Encoding: chunked", line=b"GET / HTTP/1.0")),
    # several: syntax first, then the number of fields, then from first to last
    "order-syntax": ("value-char", get(b"Host: b", b"X: \0", line=b"GET x HTTP/2.0")),
    "order-count": ("too-many-fields", get(*[b"Host: b"] * MAX_FIELDS, line=b"GET x HTTP/2.0")),
    "order-version": ("version", get(b"Host: b", line=b"GET x HTTP/2.0")),
    "order-form": ("target-form", get(b"Host: b", line=b"GET x HTTP/1.1")),
    "order-fields": ("length-syntax", get(b"Content-Length: x", b"Host: b")),
    "order-form-before-escape": ("target-form", to(b"a%")),
}


def ok(*fields: bytes, line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """The head of a reply with these field lines."""
    return b"\r\n".join([line, *fields, b"", b""])


# name: bytes, and what differs from a plain 200
GOOD_REPLIES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "plain": (ok(), {}),
    "no-reason": (ok(line=b"HTTP/1.1 404 "), {"status": 404, "reason": ""}),
    "no-space": (ok(line=b"HTTP/1.1 404"), {"status": 404, "reason": ""}),
    "reason-blank": (ok(line=b"HTTP/1.1 404  "), {"status": 404, "reason": " "}),
    "reason-any": (
        ok(line=b"HTTP/1.1 999 Not:\tFound \xe4 "),
        {"status": 999, "reason": "Not:\tFound \xe4 "},
    ),
    "reason-long": (
        ok(line=b"HTTP/1.1 100 " + b"x" * 50),
        {"status": 100, "reason": "x" * 50},
    ),
    "1.0": (
        ok(line=b"HTTP/1.0 200 OK"),
        {"minor": 0, "version": "HTTP/1.0", "keep_alive": False},
    ),
    "1.0-keep-alive": (
        ok(b"Connection: keep-alive", line=b"HTTP/1.0 200 OK"),
        {"minor": 0, "version": "HTTP/1.0", "count": 1},
    ),
    "close": (ok(b"Connection: close"), {"keep_alive": False, "count": 1}),
    "length": (ok(b"Content-Length: 42"), {"content_length": 42, "count": 1}),
    "chunked": (ok(b"Transfer-Encoding: chunked"), {"chunked": True, "count": 1}),
    "upgrade": (
        ok(b"Connection: upgrade", b"Upgrade: x", line=b"HTTP/1.1 101 "),
        {"status": 101, "reason": "", "upgrade": True, "count": 2},
    ),
    "204-length-0": (
        ok(b"Content-Length: 0", line=b"HTTP/1.1 204 OK"),
        {"status": 204, "content_length": 0, "count": 1},
    ),
    "304-length": (
        ok(b"Content-Length: 5", line=b"HTTP/1.1 304 OK"),
        {"status": 304, "content_length": 5, "count": 1},
    ),
    "host": (ok(b"Host: a/b", b"Host: c"), {"count": 2}),
    "fields-of-requests": (ok(b"Range: x", b"If-Match: x", b"Expect: 100-continue"), {"count": 3}),
    "max-fields": (ok(*[b"X: y"] * MAX_FIELDS), {"count": MAX_FIELDS}),
}
PLAIN_REPLY: dict[str, Any] = {
    "status": 200,
    "reason": "OK",
    "method": "",
    "target": "",
    "path": "",
    "query": "",
    "host": "",
    "version": "HTTP/1.1",
    "minor": 1,
    "count": 0,
    "content_length": -1,
    "chunked": False,
    "keep_alive": True,
    "upgrade": False,
    "conditions": 0,
    "accept_encoding": False,
    "expect_continue": False,
    "method_end": 0,
    "target_end": 0,
    "path_end": 0,
}

BAD_REPLIES: dict[str, tuple[str, bytes]] = {
    "lf": ("bare-lf", b"HTTP/1.1 200 OK\n\n"),
    "cr": ("bare-cr", ok(line=b"HTTP/1.1 200 O\rK")),
    "empty": ("status-line", b"\r\n\r\n"),
    "version-alone": ("status-line", ok(line=b"HTTP/1.1")),
    "request": ("status-line", get()),
    "version-two-digits": ("version-syntax", ok(line=b"HTTP/1.10 200 OK")),
    "version-2": ("version", ok(line=b"HTTP/2.0 200 OK")),
    "status-0": ("status-code", ok(line=b"HTTP/1.1 099 OK")),
    "status-long": ("status-code", ok(line=b"HTTP/1.1 2000")),
    "status-short": ("status-code", ok(line=b"HTTP/1.1 20 OK")),
    "status-tab": ("status-code", ok(line=b"HTTP/1.1 200\tOK")),
    "status-digits": ("status-code", ok(line=b"HTTP/1.1 2\xb20 OK")),
    "reason": ("reason-char", ok(line=b"HTTP/1.1 200 \x7f")),
    "reason-late": ("reason-char", ok(line=b"HTTP/1.1 200 " + b"x" * 50 + b"\0")),
    "folded": ("folded", ok(b" X: y")),
    "too-many": ("too-many-fields", ok(*[b"X: y"] * (MAX_FIELDS + 1))),
    "two-lengths": ("length-repeated", ok(b"Content-Length: 5", b"Content-Length: 5")),
    "both-lengths": ("length-and-coding", ok(b"Content-Length: 5", b"Transfer-Encoding: chunked")),
    "coding": ("coding-unknown", ok(b"Transfer-Encoding: gzip")),
    "coding-1.0": (
        "coding-in-1.0",
        ok(b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK"),
    ),
    "204-length": ("body-forbidden", ok(b"Content-Length: 1", line=b"HTTP/1.1 204 ")),
    "204-length-1.0": ("body-forbidden", ok(b"Content-Length: 1", line=b"HTTP/1.0 204 ")),
    "199-chunked": ("body-forbidden", ok(b"Transfer-Encoding: chunked", line=b"HTTP/1.1 199 ")),
    "order-count": ("too-many-fields", ok(*[b"X: y"] * 30, line=b"HTTP/2.0 200 OK")),
    "order-version": ("version", ok(b"Transfer-Encoding: gzip", line=b"HTTP/2.0 200 OK")),
}


@pytest.fixture(params=["this", "pure"])
def build(request: pytest.FixtureRequest) -> Any:
    """The codec under test, and its pure copy."""
    return codec if request.param == "this" else pure_module("http.head")


def framing(build: Any) -> Any:
    """Where the codec's heads are found."""
    return outline if build is codec else pure_module("http.outline")


def parse(build: Any, data: bytes, max_fields: int = MAX_FIELDS) -> tuple[Any, str]:
    head = build.Head()
    fault = head.parse(bytearray(data), 0, len(data), max_fields)
    return head, VIOLATIONS[fault].name


def parse_reply(build: Any, data: bytes, max_fields: int = MAX_FIELDS) -> tuple[Any, str]:
    head = build.Head()
    fault = head.parse_reply(bytearray(data), 0, len(data), max_fields)
    return head, VIOLATIONS[fault].name


def state(head: Any) -> dict[str, Any]:
    names = ["raw", *NUMBERS, *TEXTS]
    return {name: getattr(head, name) for name in names}


@pytest.mark.parametrize("name", GOOD)
def test_good_head(name: str, build: Any) -> None:
    data, different = GOOD[name]
    head, fault = parse(build, data)
    assert fault == "none"
    expected = PLAIN | different
    assert {key: getattr(head, key) for key in expected} == expected
    for key in (
        "chunked",
        "keep_alive",
        "expect_continue",
        "upgrade",
        "accept_encoding",
    ):
        assert type(getattr(head, key)) is bool
    assert head.raw == data[:-2]
    assert head.raw[: head.method_end].decode() == head.method
    assert head.raw[head.target_start : head.target_end].decode() == head.target
    assert head.raw[: head.fields_start].endswith(b"\r\n")
    assert len(head.headers) == head.count


@pytest.mark.parametrize("name", BAD)
def test_violation(name: str, build: Any) -> None:
    expected, data = BAD[name]
    head, fault = parse(build, data)
    assert fault == expected
    assert state(head) == state(build.Head())


@pytest.mark.parametrize("name", GOOD_REPLIES)
def test_good_reply(name: str, build: Any) -> None:
    data, different = GOOD_REPLIES[name]
    head, fault = parse_reply(build, data)
    assert fault == "none"
    expected = PLAIN_REPLY | different
    assert {key: getattr(head, key) for key in expected} == expected
    assert head.raw == data[:-2]
    assert head.raw[head.reason_start : head.reason_end].decode("latin-1") == head.reason
    assert head.raw[: head.fields_start].endswith(b"\r\n")
    assert len(head.headers) == head.count


@pytest.mark.parametrize("name", BAD_REPLIES)
def test_violation_of_a_reply(name: str, build: Any) -> None:
    expected, data = BAD_REPLIES[name]
    head, fault = parse_reply(build, data)
    assert fault == expected
    assert state(head) == state(build.Head())


def test_reply_and_request_one_after_the_other(build: Any) -> None:
    head = build.Head()
    for data, _ in GOOD.values():
        for reply, _ in GOOD_REPLIES.values():
            assert head.parse_reply(bytearray(reply), 0, len(reply), MAX_FIELDS) == 0
            assert state(head) == state(parse_reply(build, reply)[0])
        assert head.parse(bytearray(data), 0, len(data), MAX_FIELDS) == 0
        assert state(head) == state(parse(build, data)[0])


def test_target_is_measured_against_the_limit(build: Any) -> None:
    for data, limit, expected in (
        (to(b"/" + b"a" * 99), 100, "none"),
        (to(b"/" + b"a" * 100), 100, "target-too-long"),
        (to(b"/?" + b"a" * 100), 100, "target-too-long"),
        (to(b"a" * 101), 100, "target-too-long"),
        (get(line=b"GET /" + b"a" * 100 + b" HTTP/2.0"), 100, "version"),
        (to(b"*", b"OPTIONS"), 0, "target-too-long"),
        (to(b"/" + b"a" * 100_000), 1 << 40, "none"),
    ):
        fault = build.Head().parse(bytearray(data), 0, len(data), MAX_FIELDS, limit)
        assert VIOLATIONS[fault].name == expected


def test_violations_have_names_of_their_own() -> None:
    names = [violation.name for violation in VIOLATIONS]
    assert len(set(names)) == len(names)
    assert {name for name, _ in [*BAD.values(), *BAD_REPLIES.values()]} < {*names}


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("version", 505),
        ("coding-unknown", 501),
        ("too-many-fields", 431),
        ("bare-lf", 400),
        ("chunked-not-final", 400),
        ("host-missing", 400),
    ],
)
def test_status_of_a_violation(name: str, status: int) -> None:
    assert [v.status for v in VIOLATIONS if v.name == name] == [status]


@pytest.mark.parametrize(
    ("data", "start", "end"),
    [
        (b"", 0, 0),
        (b"\r\n\r", 0, 3),
        (get(), 0, len(get()) + 1),
        (get(), -1, len(get())),
        (get(), 5, 4),
        (get(), 0, len(get()) - 1),
        (get(), 0, len(get()) - 2),
        (get() + b"x", 0, len(get()) + 1),
        (get() + get(), 0, 2 * len(get())),
        (b"GET / HTTP/1.1\r\n\r\nA: b\r\n\r\n", 0, 28),
    ],
)
def test_what_is_not_one_head_is_incomplete(data: bytes, start: int, end: int, build: Any) -> None:
    head = build.Head()
    fault = head.parse(bytearray(data), start, end, MAX_FIELDS)
    assert VIOLATIONS[fault].name == "incomplete"
    reply = data.replace(b"GET / HTTP/1.1", b"HTTP/1.1 200 O")
    fault = head.parse_reply(bytearray(reply), start, end, MAX_FIELDS)
    assert VIOLATIONS[fault].name == "incomplete"


def test_headers(build: Any) -> None:
    head, fault = parse(build, BROWSER)
    assert fault == "none"
    assert (head.method, head.path, head.query) == ("GET", "/news/2024/a b.html", "page=2&q=%zz")
    assert head.headers == [
        ("Host", "www.example.org:8080"),
        ("Connection", "keep-alive"),
        ("Cache-Control", "max-age=0"),
        ("Upgrade-Insecure-Requests", "1"),
        (
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
        ),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("Accept-Language", "de,en-US;q=0.7,en;q=0.3"),
        ("Cookie", "a=1; b=2"),
        ("Cookie", "c=\xe4\xff"),
        ("Referer", ""),
        ("If-None-Match", '"abc"'),
    ]
    assert head.headers is head.headers
    for name, _ in head.headers:
        values = [value for other, value in head.headers if other == name]
        for spelled in (name, name.lower(), name.upper()):
            assert head.header_all(spelled) == values
            assert head.header(spelled) == values[0]


@pytest.mark.parametrize(
    "name",
    ["", "X", "Coo", "ookie", "Cookies", "Cookie: a=1", "Cookie:", ":", "Host: x\r\nConnection",
     "b\r\nCookie", "Cook\u0131e", "\u212aeep", "\udc80", "Cookie\0", "x" * 5000],
)  # fmt: skip
def test_header_that_is_not_there(name: str, build: Any) -> None:
    head, _ = parse(build, BROWSER)
    assert head.header(name) is None
    assert head.header(name, "none") == "none"
    assert head.header_all(name) == []


def test_name_is_folded_as_ascii_only(build: Any) -> None:
    # these pairs differ by the bit that separates the cases of a letter
    head, _ = parse(build, get(b"A^_`|~: 1"))
    assert head.header("a^_`|~") == "1"
    assert head.header("a~_`|~") is None
    assert head.header("a^_`|^") is None


def test_new_head_is_empty(build: Any) -> None:
    head = build.Head()
    assert (head.raw, head.count, head.content_length) == (b"", 0, -1)
    assert (head.method, head.target, head.path, head.query, head.host) == ("", "", "", "", "")
    assert (head.headers, head.header("Host"), head.header_all("")) == ([], None, [])


def test_head_is_used_again(build: Any) -> None:
    head = build.Head()
    fields = (b"Connection: upgrade", b"Upgrade: x", b"Expect: 100-continue", b"Range: x")
    for data in (get(b"Transfer-Encoding: chunked", *fields), get(b"Content-Length: 5", *fields)):
        assert head.parse(bytearray(data), 0, len(data), MAX_FIELDS) == 0
        assert len(head.headers) == 6
        assert head.parse(bytearray(get()), 0, len(get()), MAX_FIELDS) == 0
        assert state(head) == state(parse(build, get())[0])
        assert head.parse(bytearray(data), 0, len(data), MAX_FIELDS) == 0
        assert head.parse(bytearray(get()), 0, 10, MAX_FIELDS) != 0
        assert state(head) == state(build.Head())


def test_head_does_not_hold_the_buffer(build: Any) -> None:
    buf = bytearray(BROWSER)
    head = build.Head()
    assert head.parse(buf, 0, len(buf), MAX_FIELDS) == 0
    buf[:] = b"x" * 5000
    assert head.header("host") == "www.example.org:8080"


def test_fields_are_counted_against_the_limit(build: Any) -> None:
    assert parse(build, BROWSER, 12)[1] == "none"
    assert parse(build, BROWSER, 11)[1] == "too-many-fields"
    assert parse(build, get(line=b"GET / HTTP/1.0", host=b""), 0)[1] == "none"


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_in_every_place(byte: int) -> None:
    c = bytes([byte])
    for data in (
        get(line=b"G" + c + b"T / HTTP/1.1"),
        to(b"/a" + c + b"b"),
        to(b"http://a" + c + b"b/"),
        to(b"/%" + c + b"1"),
        get(line=b"GET /" + c + b"HTTP/1.1"),
        get(line=b"GET / HTTP/1." + c),
        get(line=b"GET / HTTP/1.1" + c),
        get(b"N" + c + b"N: v"),
        get(b"N: v" + c * 9),
        get(host=b"Host: a" + c + b"1"),
        get(host=b"Host: [a" + c + b"]"),
        get(b"Content-Length: 1" + c),
        get(b"Transfer-Encoding: chunked" + c),
        get(b"Connection: x" + c + b"close"),
        get(b"Hos" + c + b": b"),
        get(b"transfer" + c + b"encoding: chunked"),
    ):
        same(data)
    for data in (
        ok(line=b"HTT" + c + b"/1.1 200 OK"),
        ok(line=b"HTTP/" + c + b".1 200 OK"),
        ok(line=b"HTTP/1" + c + b"1 200 OK"),
        ok(line=b"HTTP/1." + c + b" 200 OK"),
        ok(line=b"HTTP/1.1" + c + b"200 OK"),
        ok(line=b"HTTP/1.1 " + c + b"00 OK"),
        ok(line=b"HTTP/1.1 2" + c + b"0 OK"),
        ok(line=b"HTTP/1.1 20" + c + b" OK"),
        ok(line=b"HTTP/1.1 200" + c + b"OK"),
        ok(line=b"HTTP/1.1 200" + c),
        ok(line=b"HTTP/1.1 200 " + c * 9),
        ok(b"Content-Length: 1" + c),
        ok(b"Transfer-Encoding: chunked" + c),
    ):
        same_reply(data)


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_found_whole_bytewise_and_with_more_behind(name: str, build: Any) -> None:
    data = GOOD[name][0] if name in GOOD else BAD[name][1]
    before = b"x\n\n"  # what was answered before, still in the buffer
    for start, sent in ((0, data), (0, data + NEXT), (3, before + data + NEXT)):
        buf = bytearray(sent)
        assert framing(build).find_end(buf, start, start) == start + len(data)
    buf = bytearray(before)
    searched = start = len(before)
    for i in range(len(data)):
        assert framing(build).find_end(buf, start, searched) == -1
        searched = len(buf)
        buf.append(data[i])
    end = framing(build).find_end(buf, start, searched)
    assert end == len(buf)
    here, fault = build.Head(), 0
    buf += NEXT
    fault = here.parse(buf, start, end, MAX_FIELDS)
    alone, name_of_fault = parse(build, data)
    assert VIOLATIONS[fault].name == name_of_fault
    assert state(here) == state(alone)


def test_pipelined_heads_follow_each_other(build: Any) -> None:
    heads = [data for data, _ in GOOD.values()]
    buf, start, taken = bytearray(b"".join(heads)), 0, []
    while start < len(buf):
        end = framing(build).find_end(buf, start, start)
        head = build.Head()
        assert head.parse(buf, start, end, MAX_FIELDS) == 0
        taken.append(head.raw + b"\r\n")
        start = end
    assert taken == heads


@pytest.mark.parametrize(
    ("data", "start", "searched", "end"),
    [
        (b"", 0, 0, -1),
        (b"a", 5, 5, -1),
        (b"\n\n", 0, 0, 2),
        (b"\n\n", 1, 1, -1),
        (b"a\r\n\r\n", 0, 4, 5),
        (b"a\r\n\rb\n\n", 0, 0, 7),
        (b"a\n\r\nb\n\n", 0, 0, 4),
        (b"a\n\nb\r\n\r\n", 0, 0, 3),
        (b"a\r\n\r", 0, 0, -1),
    ],
)
def test_find_end(data: bytes, start: int, searched: int, end: int, build: Any) -> None:
    assert framing(build).find_end(bytearray(data), start, searched) == end


@pytest.mark.parametrize(
    ("data", "start", "after"),
    [
        (b"", 0, 0),
        (b"\r", 0, 0),
        (b"\r\n", 0, 2),
        (b"\r\n\r\nG", 0, 2),
        (b"G\r\n", 0, 0),
        (b"G\r\n", 1, 3),
        (b"\n", 0, 0),
        (b"\r\n", 5, 5),
        (b"\r\n", -2, -2),
    ],
)
def test_skip_blank(data: bytes, start: int, after: int, build: Any) -> None:
    assert framing(build).skip_blank(bytearray(data), start) == after


def test_none_is_no_buffer() -> None:
    nothing: Any = None
    for call in (
        lambda: Head().parse(nothing, 0, 4, 1),
        lambda: Head().parse_reply(nothing, 0, 4, 1),
        lambda: find_end(nothing, 0, 0),
        lambda: skip_blank(nothing, 0),
        lambda: Head().header(nothing),
        lambda: Head().header_all(nothing),
    ):
        with pytest.raises((TypeError, AttributeError)):
            call()


def same(data: bytes, max_fields: int = MAX_FIELDS) -> str:
    """Both builds give the same answer; returns the name of the violation."""
    pure: ModuleType = pure_module("http.head")
    head, fault = parse(codec, data, max_fields)
    other, other_fault = parse(pure, data, max_fields)
    assert fault == other_fault
    assert state(head) == state(other)
    for name in ("host", "Cookie", "x"):
        assert head.header_all(name) == other.header_all(name)
    buf = bytearray(data)
    for start, searched in ((0, 0), (1, len(buf) // 2)):
        assert find_end(buf, start, searched) == framing(pure).find_end(buf, start, searched)
    return fault


def same_reply(data: bytes, max_fields: int = MAX_FIELDS) -> str:
    """As `same`, for replies."""
    head, fault = parse_reply(codec, data, max_fields)
    other, other_fault = parse_reply(pure_module("http.head"), data, max_fields)
    assert fault == other_fault
    assert state(head) == state(other)
    return fault


VALID = [data for data, _ in GOOD.values()] + [BROWSER]
EVERY = VALID + [data for _, data in BAD.values()]
PIECES = [b"\r\n", b"\n", b"\r", b" ", b":", b"\t", b"\0", b"%", b"?", b"*", b"http://", b"chunked",
          b"Host: b\r\n", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b",", b"[",
          b"]", b"\xff", b"\x7f", b"close", b"1", b"CONNECT ", b"If-Match: a\r\n",
          b"Expect: 100-continue\r\n", b"204"]  # fmt: skip


@given(st.binary())
def test_random_bytes(data: bytes) -> None:
    for message in (data, data + b"\r\n\r\n"):
        same(message)
        same_reply(message)


@given(st.sampled_from(EVERY), st.data())
def test_mutated_heads(data: bytes, draw: st.DataObject) -> None:
    mutated = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(mutated)))
        cut = draw.draw(st.integers(0, 3))
        piece = draw.draw(st.one_of(st.just(b""), st.sampled_from(PIECES), st.binary(max_size=3)))
        mutated[at : at + cut] = piece
    same(bytes(mutated))


EVERY_REPLY = [data for data, _ in GOOD_REPLIES.values()]
EVERY_REPLY += [data for _, data in BAD_REPLIES.values()]


@given(st.sampled_from(EVERY_REPLY), st.data())
def test_mutated_replies(data: bytes, draw: st.DataObject) -> None:
    mutated = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(mutated)))
        cut = draw.draw(st.integers(0, 3))
        mutated[at : at + cut] = draw.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    same_reply(bytes(mutated))


@given(st.lists(st.sampled_from(PIECES + [b"GET ", b"/", b" HTTP/1.1", b"a"]), max_size=20))
def test_heads_of_pieces(pieces: list[bytes]) -> None:
    same(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(pieces) + b"\r\n\r\n")
    same_reply(b"HTTP/1.1 " + b"".join(pieces) + b"\r\n\r\n")


TOKEN = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1)
VALUE = st.text(
    st.characters(max_codepoint=255, exclude_categories=["Cc"]) | st.just("\t") | st.just(" ")
)


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=MAX_FIELDS - 1))
def test_fields_come_back(fields: list[tuple[str, str]]) -> None:
    fields = [(name, value.replace("\x7f", "")) for name, value in fields]
    lines = [f"{name}: {value}".encode("latin-1") for name, value in fields]
    assert same(get(*lines)) == "none"
    head, _ = parse(codec, get(*lines))
    assert head.headers[1:] == [(name, value.strip(" \t")) for name, value in fields]


def test_a_head_in_segments_of_one_byte_is_searched_once(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = framing(build)
    looked_at = 0

    class Counting:
        @staticmethod
        def search(buf: bytearray, at: int) -> None:
            nonlocal looked_at
            looked_at += len(buf) - at

    n = 20_000
    monkeypatch.setattr(where, "EMPTY_LINE", Counting, raising=False)
    for newline in (n, 1, 60):  # bytes from one line end to the next
        looked_at, buf, searched = 0, bytearray(b"Z" * 1000), 1000
        for i in range(n):
            assert where.find_end(buf, 1000, searched) == -1
            searched = len(buf)
            buf += b"\n" if i % newline == 0 and newline > 1 else b"x"
        assert looked_at <= 4 * n


def test_100_000_fields(build: Any) -> None:
    n = 100_000
    data = get(*[b"X-%d: %d" % (i, i) for i in range(n)])
    for limit, expected in ((n + 1, "none"), (n, "too-many-fields")):
        head, fault = parse(build, data, limit)
        assert fault == expected
    head, fault = parse(build, data, n + 1)
    assert len(head.headers) == head.count == n + 1
    assert head.header(f"x-{n - 1}") == str(n - 1)
    assert head.header_all("x-0") == ["0"]
    reply = ok(*[b"X-%d: %d" % (i, i) for i in range(n)])
    assert parse_reply(build, reply, n)[0].headers == head.headers[1:]


def test_a_large_head_is_taken(build: Any) -> None:
    # long enough for anything that recurses or backtracks
    data = get(*[b"X-%d: %s" % (i, b"v" * 100) for i in range(2000)], b"Y: " + b"w" * 100_000)
    head, fault = parse(build, data, 5000)
    assert fault == "none"
    assert head.header("x-1999") == "v" * 100
    assert len(head.headers) == 2002
    assert parse(build, data[:-4] + b"\0\r\n\r\n", 5000)[1] == "value-char"
