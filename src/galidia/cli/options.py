"""What the client commands were told, as `fetch` wants it."""

from __future__ import annotations

import argparse
import math
import os
from typing import Any

from ..http.auth import Digest, basic
from ..http.fields import pairs_of
from ..http.urls import parse_url
from .output import UsageError


def url_of(text: str) -> str:
    """A URL; without a scheme it is an http one. Raises UsageError."""
    text = text if "://" in text else f"http://{text}"
    try:
        parse_url(text)
    except ValueError as e:
        raise UsageError(str(e)) from None
    return text


def headers_of(fields: list[str]) -> list[tuple[str, str]]:
    """Header fields, each written "NAME: VALUE". Raises UsageError."""
    pairs = []
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon:
            raise UsageError(f"a header field is NAME:VALUE, not {field!r}")
        # More than ASCII goes out as UTF-8, in the form in which fields are kept.
        pairs.append((name.strip(), os.fsencode(value.strip()).decode("latin-1")))
    try:
        return pairs_of(pairs)
    except ValueError as e:
        raise UsageError(str(e)) from None


def connection_options(options: argparse.Namespace) -> dict[str, Any]:
    """Credentials, proxy and trust, as keywords of `fetch`. Raises UsageError."""
    found: dict[str, Any] = {}
    if options.user is not None:
        found["auth"] = _credentials(options.user, getattr(options, "digest", False))
    elif getattr(options, "digest", False):
        raise UsageError("--digest needs --user USER:PASSWORD")
    if options.proxy is not None:
        found["proxy"] = url_of(options.proxy) if options.proxy else None
    if options.ca is not None:
        found["ca"] = options.ca
    if options.insecure:
        found["verify"] = False
    return found


def seconds(value: float | None) -> float | None:
    """The value of --timeout. Raises UsageError."""
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise UsageError("--timeout is a number of seconds over 0")
    return value


def _credentials(text: str, digest: bool) -> str | Digest:
    user, colon, password = text.partition(":")
    if not colon:
        from getpass import getpass

        password = getpass(f"Password of {user}: ")
    try:
        return Digest(user, password) if digest else basic(user, password)
    except ValueError as e:
        raise UsageError(str(e)) from None
