"""Redirects: whether they are followed, and what the next request keeps (RFC 9110 15.4)."""

from __future__ import annotations

from ..errors import RedirectError
from ..urls import WebUrl, join

#: Statuses that name another place for the same request, or for its answer.
FOLLOWED = frozenset({301, 302, 303, 307, 308})

#: What is for one origin only.
SECRETS = frozenset({"authorization", "cookie", "cookie2", "proxy-authorization", "host"})
#: What belongs to a body that is not sent again.
CONTENT = frozenset(
    {
        "content-encoding",
        "content-language",
        "content-location",
        "content-type",
        "digest",
        "content-digest",
        "repr-digest",
        "last-modified",
        "expect",
    }
)


def method_after(status: int, method: str) -> str:
    """The method of the request that follows a redirect.

    303 always asks for the answer with GET; 301 and 302 turn POST into GET, as all browsers do;
    307 and 308 repeat the request as it was.
    """
    if status == 303 and method != "HEAD":
        return "GET"
    if status in (301, 302) and method == "POST":
        return "GET"
    return method


def next_url(url: WebUrl, locations: list[str], allow_downgrade: bool) -> WebUrl:
    """Where a redirect leads. Raises RedirectError when it is not followed."""
    if len(set(locations)) > 1:
        raise RedirectError(f"{url} redirects to several places")
    try:
        target = join(url, locations[0])
    except ValueError as e:
        raise RedirectError(f"{url} redirects to what is not understood: {e}") from None
    if url.scheme == "https" and target.scheme != "https" and not allow_downgrade:
        raise RedirectError(f"{url} redirects to {target}, which is not encrypted")
    return target


def headers_after(
    headers: list[tuple[str, str]], *, same_origin: bool, same_method: bool
) -> list[tuple[str, str]]:
    """The header fields of the user that the next request still has."""
    dropped: set[str] = set()
    if not same_origin:
        dropped |= SECRETS
    if not same_method:
        dropped |= CONTENT
    return [pair for pair in headers if pair[0].lower() not in dropped] if dropped else headers
