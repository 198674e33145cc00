"""``galidia passwd``: the users of a password file."""

from __future__ import annotations

import argparse
import getpass
import sys

from ..http.access.passwords import remove_user, set_password
from .output import complain

_LONGEST = 4096


def run(options: argparse.Namespace) -> int:
    """Add a user, change a password or delete a user; 1 when there is none to delete."""
    if options.delete:
        if remove_user(options.file, options.realm, options.user):
            return 0
        complain(f"{options.file}: there is no {options.user!r} in the realm {options.realm!r}")
        return 1
    password = _password(options.user)
    set_password(options.file, options.realm, options.user, password)
    return 0


def _password(user: str) -> str:
    """Asked for twice on a terminal; else the first line of standard input."""
    if not sys.stdin.isatty():
        line = sys.stdin.buffer.readline(_LONGEST + 2)
        if len(line.rstrip(b"\r\n")) > _LONGEST:
            raise ValueError(f"a password is at most {_LONGEST} bytes long")
        return line.rstrip(b"\r\n").decode()
    password = getpass.getpass(f"Password of {user}: ")
    if getpass.getpass("Once more: ") != password:
        raise ValueError("these were two different passwords; nothing was changed")
    return password
