"""The URLs of a client: parsed, joined, compared (RFC 3986, RFC 9110 4.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote, urljoin

from ..core.address import Address, AddressError, parse_address

__all__ = ["WebUrl", "join", "parse_url"]

PORTS = {"http": 80, "https": 443}
#: Characters of a URL; more is no address but data.
MAX_URL = 1 << 16

_WEB = re.compile(r"https?://", re.IGNORECASE)
# What may not stand in a request target as it is (RFC 3986 3.3 and 3.4); "%" begins an escape.
_ESCAPED = re.compile(r"[^!$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]|^`{}\\]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class WebUrl:
    """An ``http`` or ``https`` URL, all that is asked of it made at once.

    ``target`` is path and query, ready to be sent; ``origin`` what same-origin compares (RFC 6454
    4); ``address`` what is connected to, "SCHEME://HOST:PORT"; ``authority`` the Host field.
    """

    __slots__ = (
        "address",
        "authority",
        "host",
        "origin",
        "port",
        "scheme",
        "target",
        "text",
        "userinfo",
    )

    def __init__(self, scheme: str, host: str, port: int, target: str, userinfo: str = "") -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.target = target
        self.userinfo = userinfo
        self.origin = (scheme, host, port)
        self.address = f"{scheme}://{Address(host, port)}"
        self.authority = authority_of(scheme, host, port)
        self.text = f"{scheme}://{self.authority}{target}"

    def __str__(self) -> str:
        """The URL without user, password and fragment."""
        return self.text


@lru_cache(256)
def parse_url(text: str) -> WebUrl:
    """Parse a URL. Spaces and what is not ASCII are percent-encoded as UTF-8.

    Raises ValueError (`AddressError`) when it is not an absolute http or https URL.
    """
    if not isinstance(text, str):
        raise TypeError(f"a URL is a str like 'http://example.com/', not {text!r}")
    text = text.strip(" \t\r\n")
    if len(text) > MAX_URL:
        raise AddressError(f"bad URL {text[:200]!r}: it is over {MAX_URL} characters")
    if _CONTROL.search(text):
        raise AddressError(f"bad URL {text[:200]!r}: it contains a control character")
    if not _WEB.match(text):
        raise AddressError(f"bad URL {text[:200]!r}: write http://HOST/... or https://HOST/...")
    url = parse_address(text, PORTS, resource=True)
    if not url.host:
        raise AddressError(f"bad URL {text[:200]!r}: it names no host")
    return WebUrl(url.scheme, url.host.lower(), url.port, target_of(url.target), url.userinfo)


def target_of(target: str) -> str:
    """Path and query as they are sent, of what follows the authority in a URL."""
    return _quoted(target if target.startswith("/") else "/" + target)


def authority_of(scheme: str, host: str, port: int) -> str:
    """Host, and the port if it is not the scheme's own: the Host field (RFC 9110 7.2)."""
    host = f"[{host}]" if ":" in host else host
    return host if PORTS.get(scheme) == port else f"{host}:{port}"


def credentials_of(userinfo: str) -> tuple[str, str]:
    """User and password of a URL."""
    user, _, password = userinfo.partition(":")
    return unquote(user), unquote(password)


def join(base: WebUrl, reference: str) -> WebUrl:
    """The URL that a Location field means (RFC 3986 5). Raises ValueError."""
    try:
        # A field is read as Latin-1; who puts more than ASCII there means UTF-8.
        reference = reference.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass
    return parse_url(urljoin(str(base), reference.strip()))


def _quoted(target: str) -> str:
    if target.isascii() and not _ESCAPED.search(target):
        return target
    return _ESCAPED.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), target)
