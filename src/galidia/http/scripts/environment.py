"""The variables of a CGI script (RFC 3875 section 4.1).

They are the RFC's, ``HTTP_*`` for the fields of the request, PATH, and the few that scripts and
interpreters take for granted. Of the fields, these never become variables: credentials, what is
about the connection, ``Proxy`` (libraries would take HTTP_PROXY for an instruction), and names with
anything but letters, digits and hyphens, as ``A_B`` and ``A-B`` would be the same variable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..request import Request

__all__ = ["environment"]

_PORT = re.compile(r":[0-9]*$")
_NAME = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_NEVER = frozenset(
    {"authorization", "proxy-authorization", "proxy", "proxy-connection", "connection",
     "content-length", "content-type", "expect", "keep-alive", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip


def environment(
    req: Request,
    path: str,
    script_name: str,
    path_info: str,
    *,
    root: str | None,
    length: int,
    software: str,
    more: Mapping[str, str],
) -> dict[bytes, bytes]:
    """The environment of the script at ``path``, for a request with a body of ``length`` bytes.

    ``root`` is the folder that is served, ``more`` are variables of the site.
    """
    peer, local = req.peer, req.connection.local
    found = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "QUERY_STRING": req.query,
        "REMOTE_ADDR": peer.host,
        "REMOTE_HOST": peer.host,
        "REQUEST_METHOD": req.method,
        "SCRIPT_NAME": script_name,
        "SERVER_NAME": _PORT.sub("", req.host) or local.host,
        "SERVER_PORT": str(local.port),
        "SERVER_PROTOCOL": req.version,
        "SERVER_SOFTWARE": software,
        "PATH": os.environ.get("PATH", os.defpath),
        "REDIRECT_STATUS": "200",
        "REMOTE_PORT": str(peer.port),
        "REQUEST_SCHEME": "http" if req.tls is None else "https",
        "REQUEST_URI": req.target,
        "SCRIPT_FILENAME": path,
    }
    if req.tls is not None:
        found["HTTPS"] = "on"
    if root is not None:
        found["DOCUMENT_ROOT"] = root
    if path_info:
        found["PATH_INFO"] = path_info
        if root is not None:
            found["PATH_TRANSLATED"] = root.rstrip("/") + path_info
    if length > 0:
        found["CONTENT_LENGTH"] = str(length)
    kind = req.header("content-type")
    if kind is not None:
        found["CONTENT_TYPE"] = kind
    if req.user is not None:
        found["REMOTE_USER"] = req.user
        found["AUTH_TYPE"] = (req.header("authorization") or "").partition(" ")[0].capitalize()
    env = {os.fsencode(name): os.fsencode(value) for name, value in {**found, **more}.items()}
    return env | _fields(req)


def _fields(req: Request) -> dict[bytes, bytes]:
    """The fields of a request as variables; several of one name are joined."""
    found: dict[bytes, bytes] = {}
    for name, value in req.headers:
        lower = name.lower()
        if lower in _NEVER or not _NAME.fullmatch(name):
            continue
        key = b"HTTP_" + lower.upper().replace("-", "_").encode()
        raw = value.encode("latin-1")
        if key in found:
            raw = found[key] + (b"; " if lower == "cookie" else b", ") + raw
        found[key] = raw
    return found
