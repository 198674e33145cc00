"""What a fetch asks for, and how that changes after a redirect or a challenge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import RedirectError
from ..fields import Headers, is_token, lines_of, names_of, pairs_of
from ..jsontext import encode
from ..urls import WebUrl, credentials_of
from . import redirects

if TYPE_CHECKING:
    from ..content import Content
    from ..cookies import CookieJar
    from ..reply import Reply

USER_AGENT = "galidia"

#: Methods that may be sent once more when their connection was lost (RFC 9110 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"})

#: Answers to challenges that one fetch gives: the second one after a stale nonce.
MAX_ANSWERS = 2

#: The field lines of a request for which nothing special was asked, with and without codings.
_PLAIN: dict[bool, bytes] = {}


class Plan:
    """The next request of a fetch: ``method``, ``url`` and ``content``; `lines` are its fields."""

    __slots__ = (
        "_answers",
        "_common",
        "auth",
        "content",
        "cookies",
        "decode",
        "expect_continue",
        "headers",
        "method",
        "names",
        "origin",
        "url",
    )

    def __init__(
        self,
        url: WebUrl,
        method: str | None,
        headers: Headers | None,
        content: Content | None,
        auth: Any,
        cookies: CookieJar | Mapping[str, str] | None,
    ) -> None:
        self.url = url
        #: The first origin: what is secret is for this one only.
        self.origin = url.origin
        self.content = content
        self.method = method or ("GET" if content is None else "POST")
        if not is_token(self.method) or self.method == "CONNECT":
            raise ValueError(f"not a method for a fetch: {method!r}")
        self.headers = pairs_of(headers)
        self.names = names_of(self.headers)
        if content is not None and "content-type" in self.names:
            content.kind = ""
        if auth is None and url.userinfo:
            auth = credentials_of(url.userinfo)
        elif auth is not None and not isinstance(auth, (str, tuple)) and not _is_digest(auth):
            raise TypeError(f"auth= is (user, password), a Digest or a str, not {auth!r}")
        self.auth = auth
        self.cookies = cookies
        self.decode = True
        self.expect_continue = False
        self._common = b""
        self._answers = 0

    @property
    def replayable(self) -> bool:
        """Whether the request can be made once more."""
        return self.content is None or self.content.replayable

    def lines(self, now: float, more: list[tuple[str, str]] | None) -> bytes:
        """The field lines of the request, and ``more`` that are for this one only."""
        lines = self._common
        if not lines:
            lines = self._common = self._common_lines()
        if self.auth is None and self.cookies is None and not more:
            return lines
        extra = list(more or ())
        if self.auth is not None and "authorization" not in self.names:
            extra.append(("Authorization", self._authorization()))
        if self.cookies is not None:
            extra.append(("Cookie", self._cookie(self.cookies, now)))
        return lines + lines_of(pairs_of([pair for pair in extra if pair[1]]))

    def _common_lines(self) -> bytes:
        """Those that all requests to one origin have."""
        if not self.headers and self.decode in _PLAIN:
            return _PLAIN[self.decode]
        pairs = list(self.headers)
        if "user-agent" not in self.names:
            pairs.append(("User-Agent", USER_AGENT))
        if "accept" not in self.names:
            pairs.append(("Accept", "*/*"))
        if "accept-encoding" not in self.names and self.decode:
            from .coding import accepted

            pairs.append(("Accept-Encoding", accepted()))
        lines = lines_of(pairs)
        if not self.headers:
            _PLAIN[self.decode] = lines
        return lines

    def _authorization(self) -> str:
        if isinstance(self.auth, tuple):
            from ..auth import basic

            return basic(*self.auth)
        if isinstance(self.auth, str):
            return self.auth
        return str(self.auth.answer(self.method, self.url.target))

    def _cookie(self, cookies: CookieJar | Mapping[str, str], now: float) -> str:
        if isinstance(cookies, Mapping):
            if self.url.origin != self.origin:
                return ""
            return "; ".join(f"{name}={value}" for name, value in cookies.items())
        return cookies.header(self.url.text, now)

    # -- after a reply ------------------------------------------------------------------------

    def learn(self, reply: Reply, now: float) -> None:
        """Keep what a reply brings for later requests."""
        if self.cookies is not None and not isinstance(self.cookies, Mapping):
            self.cookies.update(self.url.text, reply.header_all("set-cookie"), now)
        if _is_digest(self.auth):
            self.auth.proven(reply.header("authentication-info") or "")

    def is_challenged(self, reply: Reply) -> bool:
        """Whether a reply asks for credentials that were not given yet."""
        return (
            reply.status == 401
            and _is_digest(self.auth)
            and self._answers < MAX_ANSWERS
            and self.replayable
        )

    def answer(self, reply: Reply) -> bool:
        """Take the challenge; whether there is an answer to it."""
        self._answers += 1
        try:
            return bool(self.auth.challenged(reply.header_all("www-authenticate")))
        except ValueError:
            return False

    def redirect(self, reply: Reply, allow_downgrade: bool) -> None:
        """Go where a reply leads. Raises RedirectError."""
        url, method = self.url, redirects.method_after(reply.status, self.method)
        target = redirects.next_url(url, reply.header_all("location"), allow_downgrade)
        same_method = method == self.method
        same_origin = target.origin == url.origin
        if same_method and not self.replayable:
            raise RedirectError(
                f"{url} redirects, but the body of the request can be sent only once"
            )
        self.headers = redirects.headers_after(
            self.headers, same_origin=same_origin, same_method=same_method
        )
        self.names = names_of(self.headers)
        if not same_method:
            self.content = None
            self.expect_continue = False
        if not same_origin:
            self.auth = None
        self._common = b""
        self.method = method
        self.url = target


def _is_digest(auth: Any) -> bool:
    return hasattr(auth, "challenged")


def content_from(
    body: Any, value: Any, form: Mapping[str, Any] | None, files: Any
) -> Content | None:
    """What is sent, from the ways there are to say it. Raises ValueError, TypeError or OSError."""
    given = [body is not None, value is not None, form is not None or files is not None]
    if given.count(True) == 0:
        return None
    if given.count(True) > 1:
        raise ValueError("body=, json= and form= (with files=) exclude each other")
    from ..content import content_of

    if body is not None:
        return content_of(body)
    if value is not None:
        content = content_of(encode(value))
        content.kind = "application/json"
        return content
    if files is not None:
        from ..multipart import encode_parts

        return content_of(encode_parts(form, files))
    from urllib.parse import urlencode

    assert form is not None
    content = content_of(urlencode(dict(form), doseq=True).encode())
    content.kind = "application/x-www-form-urlencoded"
    return content
