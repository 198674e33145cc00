"""Guards: a request goes on when its client has proven who it is, by Digest (RFC 7616) or by Basic
(RFC 7617), to a password file or to a function.

Whatever is not a proof is answered with 401 and a challenge. Nobody is let in when a password file
is missing. What is secret is compared in constant time, and a user who does not exist costs as much
as one who does.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from ...core.events import ALL_EVENTS, Event, mask_of
from ...core.handler import HandlerFunction, wanted
from ..auth import parse_credentials
from ..digest import ALGORITHMS, proof, secret
from ..parameters import quote
from .nonces import Nonces
from .passwords import FolderPasswords, PasswordFile

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ..request import Request

__all__ = ["BasicAuth", "DigestAuth", "Protected"]

#: Seconds that a nonce is good for.
NONCE_LIFETIME = 300.0
#: Nonces in use that are remembered.
MAX_NONCES = 10_000

_REQUIRED = frozenset({"realm", "nonce", "uri", "response", "qop", "nc", "cnonce"})
_EXTENDED = re.compile(r"utf-8'[A-Za-z0-9-]*'([!#$&+.^_`|~0-9A-Za-z%-]*)", re.IGNORECASE)
_REALM = re.compile(r"[ -9;-~]+")
#: The events that carry a request and come first.
_CARRIERS = frozenset({Event.HTTP_REQUEST, Event.HTTP_CHUNK})
_FIRST = mask_of(*_CARRIERS)
_CLOSE = mask_of(Event.CLOSE)
_PARTS = mask_of(*[ev for ev in Event if "PART" in ev.name])

#: Where passwords are: a file, or files in the folders that they are for.
Passwords = str | os.PathLike[str] | PasswordFile | FolderPasswords


class _Auth:
    """What all guards have in common."""

    def __init__(self, realm: str, passwords: Passwords | None) -> None:
        if not _REALM.fullmatch(realm):
            raise ValueError(f"a realm is printable ASCII without colons, not {realm!r}")
        self.realm = realm
        self._passwords: PasswordFile | FolderPasswords | None
        if passwords is None or isinstance(passwords, (PasswordFile, FolderPasswords)):
            self._passwords = passwords
        else:
            self._passwords = PasswordFile(passwords)
        #: Stands in for the hash of who does not exist.
        self._decoy = {"md5": secrets.token_hex(16), "sha-256": secrets.token_hex(32)}

    def allows(self, req: Request) -> bool:
        """Whether a request may go on; if not, it was answered. See `services.Guard`."""
        raise NotImplementedError

    def protect(self, handler: HandlerFunction) -> Protected:
        """A handler that gets only the requests that this guard lets through."""
        return Protected(self, handler)

    def _file(self, req: Request) -> PasswordFile | None:
        """The password file for a request, as it is now; None when none is asked for."""
        passwords = self._passwords
        file = passwords.of(req) if isinstance(passwords, FolderPasswords) else passwords
        if file is not None:
            file.refresh()
        return file

    def _ask(self, req: Request, challenges: list[str]) -> None:
        fields = [("WWW-Authenticate", challenge) for challenge in challenges]
        req.error(401, "", [*fields, ("Cache-Control", "no-store")])


class DigestAuth(_Auth):
    """Lets in who proves by digest to know a password, without sending it.

    ``passwords`` is a password file (see `passwords`), or `FolderPasswords`. The algorithms are
    those that its lines are for: SHA-256 and MD5, with quality of protection ``auth``.

    A nonce is good for ``nonce_lifetime`` seconds, and each count of it for one request. Who comes
    with an old one and is right otherwise is given a new one (``stale``), which clients answer
    without asking their user.
    """

    def __init__(
        self, realm: str, passwords: Passwords, *, nonce_lifetime: float = NONCE_LIFETIME
    ) -> None:
        super().__init__(realm, passwords)
        self._nonces = Nonces(secrets.token_bytes(32), nonce_lifetime, MAX_NONCES)

    def allows(self, req: Request) -> bool:
        file = self._file(req)
        if file is None:
            return True
        now = req.connection.mgr.monotonic()
        stale = False
        found = self._proven(req, file)
        if found is not None:
            user, parameters = found
            if parameters["uri"] not in (req.target, _origin_form(req)):
                req.error(400, "the digest is for another target")
                return False
            if self._nonces.use(parameters["nonce"], parameters["nc"], now):
                req.user = user
                return True
            stale = self._nonces.is_ours(parameters["nonce"])
        self._ask(req, self._challenges(file, now, stale))
        return False

    def _proven(self, req: Request, file: PasswordFile) -> tuple[str, dict[str, str]] | None:
        """The user whose password the client knows, and the parameters by which it has shown
        that; None when it has not."""
        values = req.header_all("authorization")
        found = parse_credentials(values[0]) if len(values) == 1 else None
        if found is None or found.scheme != "digest" or not found.parameters.keys() >= _REQUIRED:
            return None
        parameters = found.parameters
        algorithm = parameters.get("algorithm", "MD5").lower()
        user = _user(parameters)
        if (
            algorithm not in self._decoy
            or user is None
            or parameters["qop"].lower() != "auth"
            or parameters["realm"] != self.realm
        ):
            return None
        known = file.secret(user, self.realm.encode(), algorithm)
        expected = proof(
            ALGORITHMS[algorithm],
            known or self._decoy[algorithm],
            _raw(parameters["nonce"]),
            _raw(parameters["nc"]),
            _raw(parameters["cnonce"]),
            req.method,
            parameters["uri"],
        )
        same = hmac.compare_digest(expected.encode(), _raw(parameters["response"].lower()))
        return (user.decode("utf-8", "replace"), parameters) if same and known else None

    def _challenges(self, file: PasswordFile, now: float, stale: bool) -> list[str]:
        nonce = self._nonces.make(now, secrets.token_bytes(8))
        rest = f'realm={quote(self.realm)}, qop="auth", charset=UTF-8, nonce="{nonce}"'
        if stale:
            rest += ", stale=true"
        return [
            f"Digest {rest}, algorithm={algorithm.upper()}"
            for algorithm in file.algorithms(self.realm.encode())
        ]


class BasicAuth(_Auth):
    """Lets in who sends a right password: over TLS, as anybody on the way can read it.

    ``check`` is a function that is given user and password, or a password file, or
    `FolderPasswords`.
    """

    def __init__(self, realm: str, check: Passwords | Callable[[str, str], object]) -> None:
        if callable(check):
            super().__init__(realm, None)
            self._check: Callable[[str, str], object] | None = check
        else:
            super().__init__(realm, check)
            self._check = None

    def allows(self, req: Request) -> bool:
        credentials = req.credentials
        if self._check is not None:
            right = credentials is not None and bool(self._check(*credentials))
        else:
            file = self._file(req)
            if file is None:
                return True
            right = credentials is not None and self._is_in(file, *credentials)
        if right and credentials is not None:
            req.user = credentials[0]
            return True
        self._ask(req, [f'Basic realm={quote(self.realm)}, charset="UTF-8"'])
        return False

    def _is_in(self, file: PasswordFile, user: str, password: str) -> bool:
        """Whether the password is right by every hash that there is for the user."""
        name, realm = user.encode(), self.realm.encode()
        right = wrong = 0
        for algorithm, decoy in self._decoy.items():
            known = file.secret(name, realm, algorithm)
            said = secret(ALGORITHMS[algorithm], name, realm, password.encode())
            same = hmac.compare_digest(said, known or decoy)
            right += same and known is not None
            wrong += not same and known is not None
        return right > 0 and wrong == 0


class Protected:
    """A handler behind a guard: `protect` makes it."""

    def __init__(self, guard: _Auth, handler: HandlerFunction) -> None:
        if not callable(handler):
            raise TypeError(f"a handler is a callable (c, ev, data), not {handler!r}")
        self.guard = guard
        self.handler = handler
        wants = wanted(handler)
        # HTTP_CHUNK: nobody sends a large body first and is refused then. Parts of a form come
        # only to whom the request was handed over to.
        self.__galidia_events__ = wants & ~_PARTS | _FIRST
        self._inner = _Inner(handler, wants)

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        if ev not in _CARRIERS:
            self.handler(c, ev, data)
        elif self.guard.allows(data):
            data.hand_over(self._inner, ev)


class _Inner:
    """The handler of a request that was let through. CLOSE comes to `Protected` already."""

    def __init__(self, handler: HandlerFunction, wants: int) -> None:
        self._handler = handler
        if wants == ALL_EVENTS:
            wants &= ~_PARTS  # a plain function is no handler of parts
        self.__galidia_events__ = wants & ~_CLOSE

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        self._handler(c, ev, data)


def _user(parameters: dict[str, str]) -> bytes | None:
    """The name of the user as it is in a password file; None when it is not said, or twice."""
    plain, extended = parameters.get("username"), parameters.get("username*")
    if (plain is None) == (extended is None):
        return None
    if plain is not None:
        raw = _raw(plain)
    else:
        m = _EXTENDED.fullmatch(extended or "")
        if m is None:
            return None
        raw = unquote_to_bytes(m[1])
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode()  # of who does not know of charset=UTF-8
    return raw


def _raw(text: str) -> bytes:
    """The bytes of a field's text."""
    return text.encode("latin-1", "replace")


def _origin_form(req: Request) -> str:
    """Path and query of a target that names scheme and host as well."""
    if req.target.startswith("/"):
        return req.target
    return "/" + req.target.partition("://")[2].partition("/")[2]
