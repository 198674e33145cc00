"""The names that the service keeps for itself in the folders that it serves.

They begin with a dot, so no request can name them. `STORE` holds the dead properties of a folder
and of the files in it; what is temporary is a file or a folder that is being written or removed.
"""

from __future__ import annotations

import secrets

_RESERVED = ".galidia-dav"
STORE = f"{_RESERVED}.json"
_TEMPORARY = f"{_RESERVED}-"


def is_temporary(name: str) -> bool:
    return name.startswith(_TEMPORARY)


def temporary() -> str:
    """A name that nothing has yet."""
    return _TEMPORARY + secrets.token_hex(8)
