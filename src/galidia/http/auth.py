"""Credentials: the fields that carry them, and what a client says in them: Basic (RFC 7617) and
Digest (RFC 7616). What a server makes of them is in `access.guards`.

`Digest` answers the strongest challenge that it understands: SHA-512-256, SHA-256, then MD5, each
also as a session, with quality of protection ``auth``. Challenges without one are from before 1999
and are not answered.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote as percent

from .digest import ALGORITHMS, Hash, proof, secret, session_secret
from .parameters import TOKEN, FormError, quote, unquote

#: Challenges in one reply; more are a fault.
MAX_CHALLENGES = 100

_TOKEN = TOKEN.pattern
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COMMAS = re.compile(r"[ \t,]*+")
_STRING = r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+)"'
_STOP = r"(?=[ \t]*+(?:,|$))"
_PARAM = re.compile(rf"({_TOKEN})[ \t]*+=[ \t]*+(?:({_TOKEN})|{_STRING}){_STOP}")
# A scheme stands alone, or before a token68, or before blanks and parameters.
_TOKEN68 = r"[-._~+/0-9A-Za-z]++=*+"
_SCHEME = re.compile(rf"({_TOKEN})(?: ++({_TOKEN68}){_STOP}| ++(?={_TOKEN}[ \t]*+=)|{_STOP})")
_NEXT_NONCE = re.compile(rf"(?:^|,)[ \t]*+nextnonce[ \t]*+=[ \t]*+{_STRING}", re.IGNORECASE)


def basic(user: str, password: str) -> str:
    """The value of an ``Authorization`` field. Raises ValueError for what it cannot carry."""
    if ":" in user:
        raise ValueError(f"a user name cannot have a colon: {user!r}")
    if _CONTROL.search(user) or _CONTROL.search(password):
        raise ValueError("user name and password cannot have control characters")
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def parse_basic(value: str | None) -> tuple[str, str] | None:
    """User name and password of an ``Authorization`` field; None for anything malformed.

    They are taken as UTF-8, or as Latin-1 where they are not that.
    """
    scheme, _, token = (value or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        raw = b64decode(token.strip(" ").encode("ascii"), validate=True)
    except ValueError:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    user, colon, password = text.partition(":")
    if not colon or _CONTROL.search(text):
        return None
    return user, password


class Challenge(NamedTuple):
    """What a server asks for: the scheme and the names of parameters are in lower case."""

    scheme: str
    parameters: dict[str, str]
    token: str  # what some schemes have instead of parameters


def parse_challenges(values: str | Iterable[str]) -> list[Challenge]:
    """The challenges of all ``WWW-Authenticate`` fields (RFC 9110 section 11.6.1), in their order.

    Raises FormError ``challenge`` for what is malformed.
    """
    found: list[Challenge] = []
    for value in [values] if isinstance(values, str) else values:
        found += _challenges(value)
        if len(found) > MAX_CHALLENGES:
            raise FormError("challenge", f"over {MAX_CHALLENGES} challenges")
    return found


def parse_credentials(value: str) -> Challenge | None:
    """What an ``Authorization`` field says (RFC 9110 section 11.6.2), which is written as one
    challenge is; None for anything malformed."""
    try:
        found = _challenges(value)
    except FormError:
        return None
    return found[0] if len(found) == 1 else None


def _challenges(value: str) -> list[Challenge]:
    found: list[Challenge] = []
    at = end = 0  # of what was read; a comma is in between
    while True:
        m = _COMMAS.match(value, end)
        at = m.end() if m else end
        if at == len(value):
            return found
        if end and "," not in value[end:at]:
            break
        m = _PARAM.match(value, at)
        if m is None:
            m = _SCHEME.match(value, at)
            if m is None:
                break
            end = m.end()
            found.append(Challenge(m[1].lower(), {}, m[2] or ""))
            if value[end - 1] != " " or (m := _PARAM.match(value, end)) is None:
                continue
        name = m[1].lower()
        if not found or found[-1].token or name in found[-1].parameters:
            break
        found[-1].parameters[name] = m[2] if m[2] is not None else unquote(m[3])
        end = m.end()
    raise FormError("challenge", f"malformed challenge at {value[at : at + 80]!r}")


class Digest:
    """The answers of one user to one server. Keep it for all requests to that server.

    ``make_nonce`` makes the client's nonces, which nobody can guess.
    """

    __slots__ = (
        "_challenge", "_cnonce", "_count", "_hash", "_make_nonce", "_secret", "_userhash",
        "password", "user",
    )  # fmt: skip

    def __init__(
        self, user: str, password: str, make_nonce: Callable[[], str] = secrets.token_urlsafe
    ) -> None:
        if _CONTROL.search(user) or _CONTROL.search(password):
            raise ValueError("user name and password cannot have control characters")
        self.user = user
        self.password = password
        self._make_nonce = make_nonce
        self._challenge: dict[str, str] = {}
        self._hash: Hash = ALGORITHMS["md5"]
        self._secret = ""
        self._userhash = ""
        self._cnonce = ""
        self._count = 0

    def challenged(self, values: str | Iterable[str]) -> bool:
        """A request was answered with 401 and these ``WWW-Authenticate`` fields; whether there is
        an answer to them.

        There is none to an unknown scheme, nor when the first answer to a challenge is met with
        another one that is not marked stale: the password is wrong. Raises FormError ``challenge``
        for what is malformed.
        """
        best, best_rank = None, -1
        for challenge in parse_challenges(values):
            rank = _rank(challenge)
            if rank > best_rank:
                best, best_rank = challenge.parameters, rank
        if best is None:
            return False
        stale = best.get("stale", "").lower() == "true"
        same = best["realm"] == self._challenge.get("realm")
        if same and self._count == 1 and not stale:
            return False
        self._begin(best)
        return True

    def proven(self, info: str) -> None:
        """Take the next nonce from an ``Authentication-Info`` field (RFC 7616 section 3.5)."""
        m = _NEXT_NONCE.search(info)
        if m is not None and self._challenge:
            self._begin({**self._challenge, "nonce": unquote(m[1])})

    def _begin(self, challenge: dict[str, str]) -> None:
        algorithm = challenge.get("algorithm", "MD5").lower()
        h = self._hash = ALGORITHMS[algorithm.removesuffix("-sess")]
        self._challenge = challenge
        self._cnonce = self._make_nonce()
        self._count = 0
        # What the server sent is hashed as it came, the rest as UTF-8 (section 3.4.4).
        realm, nonce = _raw(challenge["realm"]), _raw(challenge["nonce"])
        name = self.user.encode()
        self._userhash = h(name + b":" + realm)
        self._secret = secret(h, name, realm, self.password.encode())
        if algorithm.endswith("-sess"):
            self._secret = session_secret(h, self._secret, nonce, self._cnonce.encode())

    def answer(self, method: str, target: str) -> str:
        """The value of the ``Authorization`` field for a request; empty before a challenge.

        ``target`` is as in the request line. Each answer is for one request.
        """
        challenge = self._challenge
        if not challenge:
            return ""
        self._count += 1
        nc = f"{self._count:08x}"
        nonce, cnonce = _raw(challenge["nonce"]), self._cnonce.encode()
        answer = proof(self._hash, self._secret, nonce, nc.encode(), cnonce, method, target)
        if challenge.get("userhash", "").lower() == "true":
            user = f'username="{self._userhash}", userhash=true'
        elif self.user.isascii():
            user = f"username={quote(self.user)}"
        else:
            user = "username*=UTF-8''" + percent(self.user, safe="!#$&+.^_`|~-")
        fields = [
            user,
            f"realm={quote(challenge['realm'])}",
            f"uri={quote(target)}",
            f"nonce={quote(challenge['nonce'])}",
            f"nc={nc}",
            f"cnonce={quote(self._cnonce)}",
            "qop=auth",
            f'response="{answer}"',
        ]
        if "algorithm" in challenge:
            fields.append(f"algorithm={challenge['algorithm']}")
        if "opaque" in challenge:
            fields.append(f"opaque={quote(challenge['opaque'])}")
        return "Digest " + ", ".join(fields)


def _rank(challenge: Challenge) -> int:
    """How strong a challenge is; -1 for one that `Digest` does not answer."""
    found = challenge.parameters
    qop = [option.strip(" \t").lower() for option in found.get("qop", "").split(",")]
    if challenge.scheme != "digest" or "auth" not in qop or not {"realm", "nonce"} <= found.keys():
        return -1
    algorithm = found.get("algorithm", "MD5").lower()
    names = list(ALGORITHMS)
    bare = algorithm.removesuffix("-sess")
    return 2 * names.index(bare) + (bare != algorithm) if bare in names else -1


def _raw(text: str) -> bytes:
    """The bytes of a field's text."""
    return text.encode("latin-1", "replace")
