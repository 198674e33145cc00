"""Replies as bytes, and what a strict client makes of each (RFC 9110, 9112).

They answer a GET, except those in `TO`. The limits they are meant for are in `LIMITS`.
"""

from __future__ import annotations

from typing import NamedTuple

#: Bytes of a head, of a body; number of fields.
LIMITS = {"head": 2000, "body": 1000, "fields": 20}


class Taken(NamedTuple):
    """A reply that is read, and what it says."""

    status: int
    reason: str
    fields: tuple[str, ...]
    body: bytes = b""
    trailers: tuple[str, ...] = ()
    version: str = "HTTP/1.1"
    last: bool = False  # the connection ends behind it
    until_close: bool = False  # what follows belongs to the body
    interim: tuple[int, ...] = ()  # status of each reply before it that is not final
    behind: str = ""  # the violation that the bytes behind it are


OK = b"HTTP/1.1 200 OK\r\n"
L = OK + b"Content-Length: 5\r\n"
C = OK + b"Transfer-Encoding: chunked\r\n\r\n"  # its body follows
HELLO = b"\r\nhello"
END = b"0\r\n\r\n"
NEXT = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnext"

#: The method of the request, where it is not GET.
TO = {"to-head": "HEAD", "to-head-chunked": "HEAD", "to-head-no-length": "HEAD",
      "to-head-bad-length": "HEAD"}  # fmt: skip


def ok(*fields: str, body: bytes = b"hello") -> Taken:
    return Taken(200, "OK", fields, body)


def line(reason: str, status: int = 200) -> Taken:
    return Taken(status, reason, ("Content-Length: 5",), b"hello")


def chunks(body: bytes, *trailers: str) -> Taken:
    return Taken(200, "OK", ("Transfer-Encoding: chunked",), body, trailers)


def status(code: str, reason: str = " OK") -> bytes:
    return b"HTTP/1.1 " + code.encode() + reason.encode() + b"\r\nContent-Length: 5\r\n\r\nhello"


#: What each reply is, or the name of its violation; "truncated" if its end is missing.
REPLIES: dict[str, tuple[bytes, Taken | str]] = {
    # -- the status line
    "plain": (L + HELLO, ok("Content-Length: 5")),
    "no-reason": (status("200", " "), line("")),
    "no-reason-no-space": (status("200", ""), line("")),
    "reason-words": (status("404", " Not \t Found "), line("Not \t Found ", 404)),
    "reason-latin": (b"HTTP/1.1 200 \xe4\xff\r\nContent-Length: 5\r\n\r\nhello",
                     line("\xe4\xff")),
    "reason-looks-like-a-field": (status("200", " X: y"), line("X: y")),
    "reason-nul": (status("200", " O\0K"), "reason-char"),
    "reason-escape": (status("200", " \x1b[2J"), "reason-char"),
    "reason-cr": (status("200", " O\rK"), "bare-cr"),
    "reason-lf": (status("200", " O\nX: y"), "bare-lf"),
    "status-599": (status("599"), line("OK", 599)),
    "status-999": (status("999"), line("OK", 999)),
    "status-600": (status("600"), line("OK", 600)),
    "status-000": (status("000"), "status-code"),
    "status-099": (status("099"), "status-code"),
    "status-two-digits": (status("20"), "status-code"),
    "status-four-digits": (status("2000"), "status-code"),
    "status-four-digits-alone": (status("2000", ""), "status-code"),
    "status-plus": (status("+20"), "status-code"),
    "status-minus": (status("-20"), "status-code"),
    "status-letters": (status("2xx"), "status-code"),
    "status-hex": (status("0xC8"), "status-code"),
    "status-point": (status("200.1"), "status-code"),
    "status-underscore": (status("2_0"), "status-code"),
    "status-other-digits": (b"HTTP/1.1 2\xb20 OK\r\n\r\n", "status-code"),
    "status-none": (status("", ""), "status-code"),
    "status-reason-alone": (status("OK"), "status-code"),
    "status-two-spaces": (status(" 200"), "status-code"),
    "status-tab": (b"HTTP/1.1\t200\tOK\r\n\r\n", "status-line"),
    "status-tab-behind": (b"HTTP/1.1 200\tOK\r\n\r\n", "status-code"),
    "version-1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                    ok("Content-Length: 5")._replace(version="HTTP/1.0", last=True)),
    "version-1.0-keep-alive": (
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello",
        ok("Connection: Keep-Alive", "Content-Length: 5")._replace(version="HTTP/1.0")),
    "version-1.9": (b"HTTP/1.9 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                    ok("Content-Length: 5")),
    "version-1.32": (b"HTTP/1.32 200 OK\r\n\r\n", "version-syntax"),
    "version-1": (b"HTTP/1 200 OK\r\n\r\n", "version-syntax"),
    "version-2": (b"HTTP/2 200 OK\r\n\r\n", "version-syntax"),
    "version-2.0": (b"HTTP/2.0 200 OK\r\n\r\n", "version"),
    "version-0.9": (b"HTTP/0.9 200 OK\r\n\r\n", "version"),
    "version-lower": (b"http/1.1 200 OK\r\n\r\n", "status-line"),
    "version-letters": (b"HTTP/a.b 200 OK\r\n\r\n", "version-syntax"),
    "version-icy": (b"ICY 200 OK\r\n\r\n", "status-line"),
    "version-none": (b"200 OK\r\n\r\n", "status-line"),
    "blank-before": (b"\r\n" + L + HELLO, "status-line"),
    "space-before": (b" " + L + HELLO, "status-line"),
    "lf-before": (b"\n" + L + HELLO, "bare-lf"),
    "byte-order-mark": (b"\xef\xbb\xbf" + L + HELLO, "status-line"),
    "http-0.9": (b"<html>\r\n\r\n", "status-line"),
    "another-protocol": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "status-line"),
    "a-request": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "status-line"),
    "line-lf": (b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello", "bare-lf"),
    "line-lf-everywhere": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "bare-lf"),
    "line-cr": (b"HTTP/1.1 200 OK\rContent-Length: 5\r\n\r\nhello", "bare-cr"),
    "line-cr-cr-lf": (b"HTTP/1.1 200 OK\r\r\nContent-Length: 5\r\n\r\nhello", "bare-cr"),
    "line-without-end": (b"HTTP/1.1 200 " + b"x" * 3000, "head-too-large"),
    # -- field lines
    "fields": (L + b"X:\r\nx: \t1 \r\nSet-Cookie: a\r\nSet-Cookie: b\r\nY: \xe4\r\n" + HELLO,
               ok("Content-Length: 5", "X: ", "x: 1", "Set-Cookie: a", "Set-Cookie: b",
                  "Y: \xe4")),
    "field-folded": (L + b"X: a\r\n b\r\n" + HELLO, "folded"),
    "field-folded-first": (OK + b" X: a\r\n\r\n", "folded"),
    "field-no-colon": (L + b"X\r\n" + HELLO, "no-colon"),
    "field-no-name": (L + b": x\r\n" + HELLO, "empty-name"),
    "field-space-before-colon": (OK + b"Content-Length : 5\r\n\r\nhello", "space-before-colon"),
    "field-name-nul": (L + b"X\0: y\r\n" + HELLO, "name-char"),
    "field-name-space": (L + b"X Y: z\r\n" + HELLO, "name-char"),
    "field-value-nul": (L + b"X: a\0\r\n" + HELLO, "value-char"),
    "field-cr": (L + b"X: a\rSet-Cookie: b\r\n" + HELLO, "bare-cr"),
    "field-lf": (L + b"X: a\nSet-Cookie: b\r\n" + HELLO, "bare-lf"),
    "field-splits-the-reply": (L + b"X: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                               ok("Content-Length: 5", "X: a", body=b"HTTP/")._replace(
                                   behind="status-line")),
    "fields-at-limit": (L + b"X: y\r\n" * 19 + HELLO, ok("Content-Length: 5", *["X: y"] * 19)),
    "fields-over-limit": (L + b"X: y\r\n" * 20 + HELLO, "too-many-fields"),
    "head-over-limit": (L + b"X: " + b"y" * 2000 + b"\r\n" + HELLO, "head-too-large"),
    "head-cut": (L, "truncated"),
    "host-is-nothing": (L + b"Host: a/b\r\nHost: c d\r\n" + HELLO,
                        ok("Content-Length: 5", "Host: a/b", "Host: c d")),
    # -- the body by its length
    "length-0": (OK + b"Content-Length: 0\r\n\r\n", ok("Content-Length: 0", body=b"")),
    "length-at-limit": (OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000,
                        ok("Content-Length: 1000", body=b"x" * 1000)),
    "length-over-limit": (OK + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001, "body-too-large"),
    "length-cut": (L + b"\r\nhell", "truncated"),
    "length-cut-at-head": (L + b"\r\n", "truncated"),
    "length-plus": (OK + b"Content-Length: +5\r\n\r\nhello", "length-syntax"),
    "length-minus": (OK + b"Content-Length: -5\r\n\r\nhello", "length-syntax"),
    "length-hex": (OK + b"Content-Length: 0x5\r\n\r\nhello", "length-syntax"),
    "length-underscore": (OK + b"Content-Length: 0_5\r\n\r\nhello", "length-syntax"),
    "length-space": (OK + b"Content-Length: 5 5\r\n\r\nhello", "length-syntax"),
    "length-empty": (OK + b"Content-Length:\r\n\r\nhello", "length-syntax"),
    "length-list": (OK + b"Content-Length: 5, 5\r\n\r\nhello", "length-syntax"),
    "length-wraps": (OK + b"Content-Length: 18446744073709551621\r\n\r\nhello", "length-syntax"),
    "length-twice": (L + b"Content-Length: 5\r\n" + HELLO, "length-repeated"),
    "length-twice-differs": (L + b"content-length: 6\r\n" + HELLO, "length-repeated"),
    # -- the body in chunks
    "chunks": (C + b"1\r\nh\r\n4;a=b\r\nello\r\n0\r\n\r\n", chunks(b"hello")),
    "chunks-trailers": (C + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", chunks(b"hello", "X-Sum: 1")),
    "chunks-none": (C + END, chunks(b"")),
    "chunks-over-limit": (C + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", "body-too-large"),
    "chunks-and-length": (L + b"Transfer-Encoding: chunked\r\n\r\n" + END, "length-and-coding"),
    "chunks-1.0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
                   "coding-in-1.0"),
    "coding-gzip": (OK + b"Transfer-Encoding: gzip\r\n\r\nhello", "coding-unknown"),
    "coding-identity": (OK + b"Transfer-Encoding: identity\r\n\r\nhello", "coding-unknown"),
    "coding-gzip-chunked": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + END,
                            "coding-unknown"),
    "coding-chunked-gzip": (OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + END,
                            "chunked-not-final"),
    "coding-chunked-twice": (
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
        "chunked-not-final"),
    "coding-prefix": (OK + b"Transfer-Encoding: xchunked\r\n\r\n" + END, "coding-unknown"),
    "coding-vertical-tab": (OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + END, "value-char"),
    "chunk-0x": (C + b"0x5\r\nhello\r\n0\r\n\r\n", "chunk-size"),
    "chunk-plus": (C + b"+5\r\nhello\r\n0\r\n\r\n", "chunk-size"),
    "chunk-minus": (C + b"-5\r\nhello\r\n0\r\n\r\n", "chunk-size"),
    "chunk-space": (C + b"5 \r\nhello\r\n0\r\n\r\n", "chunk-size"),
    "chunk-underscore": (C + b"0_5\r\nhello\r\n0\r\n\r\n", "chunk-size"),
    "chunk-empty": (C + b"\r\n0\r\n\r\n", "chunk-size"),
    "chunk-wraps": (C + b"10000000000000005\r\nhello\r\n0\r\n\r\n", "chunk-size"),
    "chunk-lf": (C + b"5\nhello\r\n0\r\n\r\n", "bare-lf"),
    "chunk-data-longer": (C + b"4\r\nhello\r\n0\r\n\r\n", "chunk-end"),
    "chunk-data-shorter": (C + b"7\r\nhello\r\n0\r\n\r\n", "chunk-end"),
    "chunk-extension": (C + b"5;\r\nhello\r\n0\r\n\r\n", "chunk-extension"),
    "chunk-extension-long": (C + b"5;" + b"a" * 20_000 + b"\r\n", "extensions-too-long"),
    "chunk-cut": (C + b"5\r\nhell", "truncated"),
    "chunk-cut-behind-data": (C + b"5\r\nhello\r\n", "truncated"),
    "chunk-cut-at-end": (C + b"5\r\nhello\r\n0\r\n", "truncated"),
    "trailer-length": (C + b"0\r\nContent-Length: 5\r\n\r\n", "trailer-forbidden"),
    "trailer-coding": (C + b"0\r\nTransfer-Encoding: gzip\r\n\r\n", "trailer-forbidden"),
    "trailer-cookie": (C + b"0\r\nSet-Cookie: a=b\r\n\r\n", "trailer-forbidden"),
    "trailer-space-before-colon": (C + b"0\r\nX : y\r\n\r\n", "space-before-colon"),
    "trailer-lf": (C + b"0\r\nX: y\n\r\n", "bare-lf"),
    "trailers-too-large": (C + b"0\r\nX: " + b"y" * 3000 + b"\r\n\r\n", "trailers-too-large"),
    # -- the body until the connection ends, and none
    "until-close": (OK + b"\r\nhello",
                    ok()._replace(last=True, until_close=True)),
    "until-close-1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello",
                        ok()._replace(version="HTTP/1.0", last=True, until_close=True)),
    "until-close-keep-alive": (OK + b"Connection: keep-alive\r\n\r\nhello",
                               ok("Connection: keep-alive")._replace(last=True,
                                                                     until_close=True)),
    "until-close-empty": (OK + b"\r\n", ok(body=b"")._replace(last=True, until_close=True)),
    "close": (L + b"Connection: close\r\n" + HELLO,
              ok("Content-Length: 5", "Connection: close")._replace(last=True)),
    "to-head": (L + b"\r\n", ok("Content-Length: 5", body=b"")),
    "to-head-chunked": (C, ok("Transfer-Encoding: chunked", body=b"")),
    "to-head-no-length": (OK + b"\r\n", ok(body=b"")),
    "to-head-bad-length": (L + b"Content-Length: 6\r\n\r\n", "length-repeated"),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            Taken(304, "Not Modified", ("Content-Length: 5",))),
    "304-chunked": (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
                    Taken(304, "Not Modified", ("Transfer-Encoding: chunked",))),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", Taken(204, "No Content", ())),
    "204-length-0": (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
                     Taken(204, "No Content", ("Content-Length: 0",))),
    "204-length": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
                   "body-forbidden"),
    "204-chunked": (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
                    "body-forbidden"),
    # -- before the final reply
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\n" + L + HELLO,
                ok("Content-Length: 5")._replace(interim=(100,))),
    "interim-several": (
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        + L + HELLO, ok("Content-Length: 5")._replace(interim=(102, 103))),
    "interim-close": (b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + L + HELLO,
                      ok("Content-Length: 5")._replace(interim=(100,))),
    "interim-length": (b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + L + HELLO,
                       "body-forbidden"),
    "interim-chunked": (b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
                        "body-forbidden"),
    "interim-alone": (b"HTTP/1.1 100 Continue\r\n\r\n", "truncated"),
    "interim-lf": (b"HTTP/1.1 100 Continue\n\n" + L + HELLO, "bare-lf"),
}  # fmt: skip
