"""The arithmetic of digest (RFC 7616 section 3.4), which client and server share.

What goes in are bytes: names, realms and passwords as UTF-8, the rest as it is in the fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

__all__ = ["ALGORITHMS", "Hash", "proof", "secret", "session_secret"]

Hash = Callable[[bytes], str]


def _hash_with(name: str) -> Hash:
    return lambda data: hashlib.new(name, data, usedforsecurity=False).hexdigest()


#: By their names in lower case, weakest first; the last one is not in every build of OpenSSL.
ALGORITHMS = {
    name: _hash_with(ours)
    for name, ours in (("md5", "md5"), ("sha-256", "sha256"), ("sha-512-256", "sha512_256"))
    if ours in hashlib.algorithms_available
}


def secret(h: Hash, user: bytes, realm: bytes, password: bytes) -> str:
    """What both sides know of a password: H(A1), which is also what a password file holds."""
    return h(b"%b:%b:%b" % (user, realm, password))


def session_secret(h: Hash, secret: str, nonce: bytes, cnonce: bytes) -> str:
    """H(A1) of the algorithms that end in ``-sess``."""
    return h(b"%b:%b:%b" % (secret.encode(), nonce, cnonce))


def proof(
    h: Hash, secret: str, nonce: bytes, nc: bytes, cnonce: bytes, method: str, uri: str
) -> str:
    """The response that proves that one knows the secret, with quality of protection ``auth``."""
    asked = h(f"{method}:{uri}".encode())
    return h(b"%b:%b:%b:%b:auth:%b" % (secret.encode(), nonce, nc, cnonce, asked.encode()))
