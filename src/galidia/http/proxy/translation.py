"""Heads as they go through a reverse proxy, made of the bytes that came.

The framing is never passed on: method, target and fields are taken from a head that was checked
whole, and how long the body is, is said anew. The path loses the mount and gets the upstream's own
in front; what is left of it stays encoded as the client wrote it, so that it means the same, and
what may not stand in a URI as it is gets encoded. A path with steps ("..") in it is not mapped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from ... import _cython as cython
if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING
    from cython.cimports.galidia.http.proxy.hops import cut

from ...core.acl import check_ip_acl
from .hops import host_of, passed_on

if TYPE_CHECKING:
    from ..reply import Reply
    from ..request import Request
    from .upstreams import Upstream

if not cython.compiled:
    from ...core.bits import SSL

#: In place of a length: the body follows in chunks; there is none.
CHUNKS = _CHUNKS = -1
NOTHING = _NOTHING = -2
#: Clients whose Forwarded lines are kept.
_REMEMBERED = 1000

_SLASH = rb"(?:/|\\|%2f|%5c)"
_STEPS = re.compile(
    _SLASH + rb"(?:\.|%2e){1,2}(?:(?:;|%3b)[^/]*)?(?:" + _SLASH + rb"|$)", re.IGNORECASE
)
_ODD = re.compile(rb'["<>\\^`{|}]')
_LOCATION = re.compile(rb"(?im)^location:[\t ]*([^\t\r\n ]+)")
_REDIRECTIONS = frozenset({201, 301, 302, 303, 307, 308})

if cython.compiled:
    # 1 for what may not stand in a URI as it is
    _MARKS = bytes([c in b'"<>\\^`{|}' for c in range(256)])


class Translation:
    """What a proxy does to heads.

    ``host`` is "upstream", "client" or the Host that upstreams are told; ``trust`` the access list
    of the peers whose Forwarded and X-Forwarded-* fields are believed; ``via`` the name in Via, or
    None; ``strip``: take the mount off the path.
    """

    __slots__ = ("_known", "host", "origin", "strip", "trust", "via")

    def __init__(self, host: str, origin: bool, trust: str | None, via: str, strip: bool) -> None:
        self.host = host
        self.origin = origin
        self.trust = trust
        self.via = via.encode("ascii")
        self.strip = strip
        self._known: dict[Any, bytes] = {}

    def mount(self, req: Request) -> int:
        """How many bytes of the path are those of the mount."""
        if not self.strip or req._parsed is None:
            return 0
        below = req.params.get("path")
        if below is None:
            return 0
        path = req.raw[req.path_start : req.path_end]
        at = len(path)
        for _ in range(below.count("/") + 1):
            at = path.rfind(b"/", 0, at)
        return max(at, 0)

    def target(self, req: Request) -> bytes:
        """Path and query below the mount; b"" when the path is not mapped."""
        start = req.path_start
        if start == req.path_end:  # http://host
            return b"/" + req.raw[req.path_end : req.target_end]
        start += self.mount(req)
        if cython.compiled:
            target: bytes = cut(req.raw, start, req.target_end)
        else:
            target = req.raw[start : req.target_end]
        if _is_odd(target):
            path = req.raw[start : req.path_end]
            if _STEPS.search(path):
                return b""
            target = _ODD.sub(_encoded, target)
        return target

    def head(
        self,
        req: Request,
        upstream: Upstream,
        target: bytes,
        length: int,
        upgrade: bytes,
        more: bytes,
    ) -> bytes:
        """The head of the request to an upstream; ``length`` of its body, CHUNKS or NOTHING;
        ``more`` field lines."""
        if upstream.path and target != b"*":
            target = upstream.path + target
        raw = req.raw
        # The target names the host, if it is a whole URI (RFC 9112 3.2.2).
        name = (
            host_of(raw, req.fields_start)
            if req.path_start == req.target_start
            else req.host.encode("latin-1")
        )
        host = upstream.authority
        if self.host == "client":
            host = name or host
        elif self.host != "upstream":
            host = self.host.encode("ascii")
        method = cut(raw, 0, req.method_end) if cython.compiled else raw[: req.method_end]
        kept = passed_on(raw, req.fields_start, True)
        line = b" HTTP/1.1\r\nHost: "
        parts = [method, b" ", target, line, host, b"\r\n", kept, self._origin(req, name)]
        if more:
            parts.append(more)
        if req.method_end == 7 and raw.startswith(b"OPTIONS"):
            parts.append(_hops_left(req))
        if self.via:
            parts.append(b"Via: 1.%d %b\r\n" % (req.minor, self.via))
        if upgrade:
            parts.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % upgrade)
        elif b"railers" in raw and wants_trailers(req):
            parts.append(b"Connection: TE\r\nTE: trailers\r\n")
        if length >= 0:
            parts.append(b"Content-Length: %d\r\n" % length)
        elif length == _CHUNKS:
            parts.append(b"Transfer-Encoding: chunked\r\n")
        parts.append(b"\r\n")
        return b"".join(parts)

    def reply_lines(self, reply: Reply, req: Request, upstream: Upstream | None) -> bytes:
        """The field lines that go on to the client."""
        lines = passed_on(reply.raw, reply.fields_start, False)
        if reply.status > 200 and upstream is not None and reply.status in _REDIRECTIONS:
            lines = self._relocate(lines, req, upstream)
        if self.via:
            lines += b"Via: 1.%d %b\r\n" % (reply.minor, self.via)
        return lines

    def _origin(self, req: Request, host: bytes) -> bytes:
        """Where the request came from: X-Forwarded-For and its kin, and Forwarded (RFC 7239)."""
        if not self.origin:
            return b""
        c = req.connection
        peer: str = c.peer.host
        key = (peer, host, c._flags & SSL)
        if self.trust is not None and check_ip_acl(self.trust, peer):
            return _origin_lines(peer, host, c._flags & SSL != 0, req)
        lines = self._known.get(key)
        if lines is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            lines = self._known[key] = _origin_lines(peer, host, c._flags & SSL != 0, None)
        return lines

    def _relocate(self, lines: bytes, req: Request, upstream: Upstream) -> bytes:
        """Location as the client has to follow it: what is below the upstream's path lies below
        the mount."""
        found = _LOCATION.search(lines)
        if found is None:
            return lines
        path = found[1]
        for scheme in (b"http://", b"https://"):
            if path[: len(scheme)].lower() == scheme:
                rest = path[len(scheme) :]
                if rest[: len(upstream.authority)].lower() != upstream.authority:
                    return lines
                path = rest[len(upstream.authority) :] or b"/"
        below = path[len(upstream.path) :]
        if path[:1] != b"/" or path[:2] == b"//" or not path.startswith(upstream.path):
            return lines
        if upstream.path and below[:1] not in (b"", b"/", b"?", b"#"):
            return lines
        size = self.mount(req)
        mount = req.raw[req.path_start : req.path_start + size]
        return lines[: found.start(1)] + mount + (below or b"/") + lines[found.end(1) :]


def _hops_left(req: Request) -> bytes:
    """One less than Max-Forwards says (RFC 9110 7.6.2)."""
    value = req.header("max-forwards") or ""
    return b"Max-Forwards: %d\r\n" % (int(value) - 1) if value.isdecimal() else b""


def wants_trailers(req: Request) -> bool:
    """Whether the client takes trailers (RFC 9110 10.1.4)."""
    members = ",".join(req.header_all("te")).lower().split(",")
    return any(member.strip() == "trailers" for member in members)


def _origin_lines(peer: str, host: bytes, secure: bool, trusted: Request | None) -> bytes:
    """With what a ``trusted`` peer says of those before it, if there is one."""
    proto = "https" if secure else "http"
    name = host.decode("latin-1")
    node = f'"[{peer}]"' if ":" in peer else peer or "unknown"
    forwarded = f"for={node};"
    if name:
        forwarded += f'host="{name}";'
    forwarded += f"proto={proto}"
    fields = {
        "X-Forwarded-For": peer or "unknown",
        "X-Forwarded-Host": name,
        "X-Forwarded-Proto": proto,
        "Forwarded": forwarded,
    }
    if trusted is not None:
        for key in ("X-Forwarded-For", "Forwarded"):
            fields[key] = ", ".join([*trusted.header_all(key), fields[key]])
        for key, value in trusted.headers:
            known = key.title()
            if known.startswith("X-Forwarded-") and known != "X-Forwarded-For":
                fields[known] = value
    lines = [f"{key}: {value}\r\n" for key, value in fields.items() if value]
    return "".join(lines).encode("latin-1")


def _encoded(odd: re.Match[bytes]) -> bytes:
    return b"%%%02X" % odd[0][0]


def _is_odd(target: bytes) -> bool:
    """Whether a closer look is needed: at characters that may not stand there, or at steps."""
    if cython.compiled:
        p = cython.cast(cython.p_uchar, PyBytes_AS_STRING(target))
        marks = cython.cast(cython.p_uchar, PyBytes_AS_STRING(_MARKS))
        last = p + len(target)
        while p < last:
            if marks[p[0]] or p[0] == 0x25 or (p[0] == 0x2E and p[-1] == 0x2F):
                return True
            p += 1
        return False
    return b"/." in target or b"%" in target or _ODD.search(target) is not None
