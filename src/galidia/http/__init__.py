"""HTTP/1.1: the codec, the server, the client, and a folder served over it.

``outline``, ``head`` and ``chunked`` are the codec, ``reader`` reads messages off a connection with
it, and ``server`` and ``client`` say what for; ``message``, ``request`` and what lies beside them
are what the handlers of their events get.
"""

from typing import TYPE_CHECKING, Any

from .options import HttpOptions
from .request import Request
from .static import StaticFiles

if TYPE_CHECKING:
    from .access_log import AccessLog
    from .auth import Digest
    from .cgi import Cgi
    from .client_options import ClientOptions
    from .cookies import CookieJar
    from .dav import WebDav
    from .errors import FetchError
    from .fetching import Fetch, Result, Timeouts, fetch
    from .guards import BasicAuth, DigestAuth
    from .hosts import VirtualHosts
    from .parameters import FormError
    from .passwords import FolderPasswords
    from .pool import Pool, pool_of
    from .receiving import Uploads
    from .redirect import redirect_to_https
    from .reply import Reply
    from .reverse_proxy import ReverseProxy
    from .ssi import Ssi, SsiCall

__all__ = [
    "AccessLog",
    "BasicAuth",
    "Cgi",
    "ClientOptions",
    "CookieJar",
    "Digest",
    "DigestAuth",
    "Fetch",
    "FetchError",
    "FolderPasswords",
    "FormError",
    "HttpOptions",
    "Pool",
    "Reply",
    "Request",
    "Result",
    "ReverseProxy",
    "Ssi",
    "SsiCall",
    "StaticFiles",
    "Timeouts",
    "Uploads",
    "VirtualHosts",
    "WebDav",
    "fetch",
    "pool_of",
    "redirect_to_https",
]

# What a server can do without is imported when it is first used.
_LAZY = {
    "AccessLog": "access_log",
    "BasicAuth": "guards",
    "Cgi": "cgi",
    "ClientOptions": "client_options",
    "CookieJar": "cookies",
    "Digest": "auth",
    "DigestAuth": "guards",
    "Fetch": "fetching",
    "FetchError": "errors",
    "FolderPasswords": "passwords",
    "FormError": "parameters",
    "Pool": "pool",
    "Reply": "reply",
    "Result": "fetching",
    "ReverseProxy": "reverse_proxy",
    "Ssi": "ssi",
    "SsiCall": "ssi",
    "Timeouts": "fetching",
    "Uploads": "receiving",
    "VirtualHosts": "hosts",
    "WebDav": "dav",
    "fetch": "fetching",
    "pool_of": "pool",
    "redirect_to_https": "redirect",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    return value
