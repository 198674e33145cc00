"""Cookies: reading and writing them as a server, keeping them as a client (RFC 6265).

Where browsers have become stricter than the RFC, so is this: a cookie that is set over plain HTTP
is never ``Secure`` nor replaces one that is, ``__Secure-`` and ``__Host-`` names keep their
promises, none lives longer than 400 days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from heapq import heapify, heappop, heappush
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

#: Cookies in a jar and of one domain, bytes of a name with its value: what RFC 6265 section 6.1
#: asks of a client. More are forgotten, the ones not used for longest first; larger ones ignored.
MAX_COOKIES = 3000
MAX_PER_DOMAIN = 50
MAX_COOKIE = 4096
#: Bytes of an attribute's value; an attribute with more is ignored.
MAX_ATTRIBUTE = 1024
#: Seconds that a cookie lives at most, whatever it says.
MAX_LIFETIME = 400 * 86400

_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_PATH = re.compile(r"/[ -:<-~]*")
_DOMAIN = re.compile(r"[0-9A-Za-z]([-.0-9A-Za-z]*[0-9A-Za-z])?")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MAX_AGE = re.compile(r"-?[0-9]+")
_DATE_TOKEN = re.compile(r"[^\t -/;-@\[-`{-~]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")
_SAME_SITE = ("Strict", "Lax", "None")


def parse_cookies(header: str) -> dict[str, str]:
    """Names and values of a ``Cookie`` field; quotes around a value are taken off.

    Of two with one name the first counts, the one with the more specific path. What is no pair is
    left out.
    """
    found: dict[str, str] = {}
    for piece in header.split(";"):
        name, equals, value = piece.partition("=")
        name = name.strip(" \t")
        if not equals or not name or name in found:
            continue
        value = value.strip(" \t")
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        found[name] = value
    return found


def set_cookie(
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    http_only: bool = True,
    same_site: str | None = "Lax",
) -> str:
    """The value of a ``Set-Cookie`` field.

    ``max_age`` is in seconds: 0 deletes the cookie, None keeps it until the browser is closed.
    Raises ValueError for what a cookie cannot have: encode other text, in base64 for example.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"a cookie's name is a token, not {name!r}")
    if not _VALUE.fullmatch(value):
        raise ValueError(
            f"the value of cookie {name} has characters that it cannot have: {value!r}"
        )
    if len(name) + len(value) > MAX_COOKIE:
        raise ValueError(f"cookie {name} is over {MAX_COOKIE} bytes")
    if path is not None and not _PATH.fullmatch(path):
        raise ValueError(f"the path of a cookie starts with a slash and has no ';': {path!r}")
    if domain is not None and not _DOMAIN.fullmatch(domain):
        raise ValueError(f"the domain of a cookie is a host name, not {domain!r}")
    if same_site is not None and same_site not in _SAME_SITE:
        raise ValueError(f"same_site is one of {_SAME_SITE} or None, not {same_site!r}")
    if same_site == "None" and not secure:
        raise ValueError("browsers ignore a cookie with SameSite=None that is not secure")
    fault = _broken_promise(name, secure, domain is None, path)
    if fault:
        raise ValueError(f"browsers ignore cookie {name}: {fault}")
    text = f"{name}={value}"
    if max_age is not None:
        text += f"; Max-Age={max(int(max_age), 0)}"
    if domain is not None:
        text += f"; Domain={domain}"
    if path is not None:
        text += f"; Path={path}"
    if secure:
        text += "; Secure"
    if http_only:
        text += "; HttpOnly"
    if same_site is not None:
        text += f"; SameSite={same_site}"
    return text


def _broken_promise(name: str, secure: bool, host_only: bool, path: str | None) -> str:
    name = name.lower()
    if name.startswith(("__secure-", "__host-")) and not secure:
        return "its name says that it is secure"
    if name.startswith("__host-") and not (host_only and path == "/"):
        return "its name says that it has no domain and the path /"
    return ""


@dataclass(slots=True)
class Cookie:
    """A cookie in a jar. ``expires`` is in epoch seconds, None for the end of the session."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool
    expires: float | None
    created: int  # in the order of creation


_Key = tuple[str, str, str]


class CookieJar:
    """The cookies of a client. It has no clock: `now` is in epoch seconds.

    There is no list of public suffixes: a server can set cookies for all of ``co.uk``, but not for
    all of ``uk``. Do not share a jar between sites that must not know of each other.
    """

    __slots__ = (
        "_cookies", "_created", "_domains", "_expiring", "max_cookies", "max_per_domain"
    )  # fmt: skip

    def __init__(
        self, max_cookies: int = MAX_COOKIES, max_per_domain: int = MAX_PER_DOMAIN
    ) -> None:
        self.max_cookies = max_cookies
        self.max_per_domain = max_per_domain
        # Both in the order of use.
        self._cookies: dict[_Key, Cookie] = {}
        self._domains: dict[str, dict[_Key, None]] = {}
        self._created = 0
        # A heap; also has what was replaced or dropped since.
        self._expiring: list[tuple[float, _Key]] = []

    def __len__(self) -> int:
        return len(self._cookies)

    def __iter__(self) -> Iterator[Cookie]:
        return iter(list(self._cookies.values()))

    def clear(self) -> None:
        """Forget all cookies."""
        self._cookies.clear()
        self._domains.clear()
        self._expiring.clear()

    def update(self, url: str, set_cookie_headers: Iterable[str], now: float) -> None:
        """Take the cookies that a reply from `url` sets; what is malformed or not the server's to
        set is ignored (RFC 6265 section 5.3)."""
        parts = urlsplit(url)
        host = _host(parts)
        if not host:
            return
        secure = parts.scheme in ("https", "wss")
        for text in set_cookie_headers:
            cookie = _parse(text, host, parts.path, secure, now)
            if cookie is not None and (secure or not self._overlays(cookie, host)):
                self._store(cookie, now)

    def header(self, url: str, now: float) -> str:
        """The value of the ``Cookie`` field for a request to `url`; empty when there is none."""
        parts = urlsplit(url)
        host, path = _host(parts), parts.path or "/"
        secure = parts.scheme in ("https", "wss")
        found = []
        for domain in _suffixes(host):
            for key in list(self._domains.get(domain, ())):
                cookie = self._cookies[key]
                if cookie.expires is not None and cookie.expires <= now:
                    self._drop(key)
                elif (
                    (secure or not cookie.secure)
                    and (domain == host or not cookie.host_only)
                    and _path_matches(path, cookie.path)
                ):
                    found.append(cookie)
                    self._touch(key)
        found.sort(key=lambda cookie: (-len(cookie.path), cookie.created))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in found)

    def _overlays(self, new: Cookie, host: str) -> bool:
        """Whether a cookie from plain HTTP would stand in for one that is secure."""
        for domain in _suffixes(host):
            for key in self._domains.get(domain, ()):
                cookie = self._cookies[key]
                if cookie.secure and cookie.name == new.name:
                    if _path_matches(new.path, cookie.path):
                        return True
        return False

    def _store(self, cookie: Cookie, now: float) -> None:
        key = (cookie.domain, cookie.path, cookie.name)
        old = self._cookies.get(key)
        if old is not None:
            self._drop(key)
        if cookie.expires is not None and cookie.expires <= now:
            return
        if old is not None:
            cookie.created = old.created
        else:
            self._created += 1
            cookie.created = self._created
        self._cookies[key] = cookie
        self._domains.setdefault(cookie.domain, {})[key] = None
        if cookie.expires is not None:
            heappush(self._expiring, (cookie.expires, key))
            if len(self._expiring) > 2 * len(self._cookies) + 50:
                self._expiring = [(c.expires, k) for k, c in self._cookies.items() if c.expires]
                heapify(self._expiring)
        self._evict(self._domains[cookie.domain], self.max_per_domain, now)
        self._evict(self._cookies, self.max_cookies, now)

    def _evict(self, among: dict[_Key, None] | dict[_Key, Cookie], limit: int, now: float) -> None:
        """Drop what has expired, then what was not used for longest."""
        expiring = self._expiring
        while len(among) > limit and expiring and expiring[0][0] <= now:
            expires, key = heappop(expiring)
            if key in self._cookies and self._cookies[key].expires == expires:
                self._drop(key)
        while len(among) > limit:
            self._drop(next(iter(among)))

    def _drop(self, key: _Key) -> None:
        del self._cookies[key]
        keys = self._domains[key[0]]
        del keys[key]
        if not keys:
            del self._domains[key[0]]

    def _touch(self, key: _Key) -> None:
        self._cookies[key] = self._cookies.pop(key)
        keys = self._domains[key[0]]
        del keys[key]
        keys[key] = None


def _host(parts: SplitResult) -> str:
    """The host of a URL in the letters of the DNS; empty when there is none."""
    host = parts.hostname or ""
    if host.isascii() or len(host) > 255:
        return host if len(host) <= 255 else ""
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _suffixes(host: str) -> Iterator[str]:
    """A host and the domains that it is in."""
    yield host
    if not _is_address(host):
        while host := host.partition(".")[2]:
            yield host


def _path_matches(path: str, prefix: str) -> bool:
    """RFC 6265 section 5.1.4."""
    if not path.startswith(prefix):
        return False
    return len(path) == len(prefix) or prefix[-1] == "/" or path[len(prefix)] == "/"


def _default_path(path: str) -> str:
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


def _parse(text: str, host: str, url_path: str, secure_url: bool, now: float) -> Cookie | None:
    """A ``Set-Cookie`` value (RFC 6265 section 5.2) as the cookie that it makes, if it may."""
    if _CONTROL.search(text):
        return None
    pair, _, rest = text.partition(";")
    name, equals, value = pair.partition("=")
    name, value = name.strip(" \t"), value.strip(" \t")
    if not equals or not name or len(name) + len(value) > MAX_COOKIE:
        return None
    secure, expires, age = False, None, None
    domain = given_path = ""
    for piece in rest.split(";"):
        key, _, attribute = piece.partition("=")
        key, attribute = key.strip(" \t").lower(), attribute.strip(" \t")
        if len(attribute) > MAX_ATTRIBUTE:
            continue
        if key == "expires":
            seconds = parse_cookie_date(attribute)
            expires = expires if seconds is None else seconds
        elif key == "max-age" and _MAX_AGE.fullmatch(attribute):
            age = int(attribute[:12])
        elif key == "domain":
            domain = attribute.removeprefix(".").lower()
        elif key == "path":
            given_path = attribute
        elif key == "secure":
            secure = True
    if secure and not secure_url:
        return None
    if _broken_promise(name, secure, not domain, given_path):
        return None
    host_only = not domain
    if domain and domain != host:
        if "." not in domain or _is_address(host) or not host.endswith("." + domain):
            return None
    if age is not None:
        expires = int(now) + age if age > 0 else 0
    if expires is not None:
        expires = min(expires, int(now) + MAX_LIFETIME)
    path = given_path if given_path.startswith("/") else _default_path(url_path)
    return Cookie(name, value, domain or host, path, host_only, secure, expires, 0)


def parse_cookie_date(text: str) -> int | None:
    """Epoch seconds of what servers write as ``Expires``, or None (RFC 6265 section 5.1.1)."""
    time = day = year = None
    month = 0
    for token in _DATE_TOKEN.findall(text):
        if time is None and (m := _TIME.match(token)):
            time = int(m[1]), int(m[2]), int(m[3])
        elif day is None and (m := _DAY.match(token)):
            day = int(m[1])
        elif not month and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (m := _YEAR.match(token)):
            year = int(m[1])
    if time is None or day is None or not month or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    hour, minute, second = time
    if year < 1601 or hour > 23 or minute > 59 or second > 59:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    return days * 86400 + hour * 3600 + minute * 60 + second
