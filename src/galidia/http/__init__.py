"""HTTP/1.1: the codec, the server and the client; what stands on them is in packages of its own.

``outline``, ``head`` and ``chunked`` are the codec, ``reader`` reads messages off a connection with
it, and ``server`` and ``client`` say what for; ``message``, ``request`` and what lies beside them
are what the handlers of their events get. None of these knows the packages: ``folder``, ``uploads``
and ``dav`` serve files, take them and let clients change them; ``scripts`` runs programs, ``proxy``
asks other servers, ``access`` says who may, and ``fetching`` is the client's side.
"""

from typing import TYPE_CHECKING, Any

from .options import HttpOptions
from .request import Request

if TYPE_CHECKING:
    from .access.guards import BasicAuth, DigestAuth
    from .access.passwords import FolderPasswords, set_password
    from .access_log import AccessLog
    from .auth import Digest
    from .client_options import ClientOptions
    from .cookies import CookieJar
    from .dav import WebDav
    from .errors import FetchError
    from .fetching.fetch import Fetch, Result, Timeouts, fetch
    from .fetching.pool import Pool, pool_of
    from .folder.static import StaticFiles
    from .hosts import VirtualHosts
    from .parameters import FormError
    from .proxy.reverse_proxy import ReverseProxy
    from .redirect import redirect_to_https
    from .reply import Reply
    from .scripts.cgi import Cgi
    from .scripts.ssi import Ssi, SsiCall
    from .uploads.receiving import Uploads

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
    "set_password",
]

# What a server can do without is imported when it is first used.
_LAZY = {
    "AccessLog": "access_log",
    "BasicAuth": "access.guards",
    "Cgi": "scripts.cgi",
    "ClientOptions": "client_options",
    "CookieJar": "cookies",
    "Digest": "auth",
    "DigestAuth": "access.guards",
    "Fetch": "fetching.fetch",
    "FetchError": "errors",
    "FolderPasswords": "access.passwords",
    "FormError": "parameters",
    "Pool": "fetching.pool",
    "Reply": "reply",
    "Result": "fetching.fetch",
    "ReverseProxy": "proxy.reverse_proxy",
    "Ssi": "scripts.ssi",
    "SsiCall": "scripts.ssi",
    "StaticFiles": "folder.static",
    "Timeouts": "fetching.fetch",
    "Uploads": "uploads.receiving",
    "VirtualHosts": "hosts",
    "WebDav": "dav",
    "fetch": "fetching.fetch",
    "pool_of": "fetching.pool",
    "redirect_to_https": "redirect",
    "set_password": "access.passwords",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    return value
