"""Password files in the format of Apache's ``htdigest``: a line ``USER:REALM:HASH`` for each user.

The hash is that of ``USER:REALM:PASSWORD``. 32 hexadecimal digits are MD5, as Apache has it; 64 are
SHA-256, on another line of the same user: that is the one extension, and Apache passes over such a
line if it comes behind the other. Of several lines with one algorithm the first counts. Lines that
begin with "#" and those that make no sense are passed over.

A file is read again when it was changed. One that is missing or cannot be read knows nobody.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import tempfile
import time
from typing import TYPE_CHECKING

from ..digest import ALGORITHMS, secret
from ..folder.tree import Tree

if TYPE_CHECKING:
    from ..request import Request

__all__ = ["FolderPasswords", "PasswordFile", "remove_user", "set_password"]

logger = logging.getLogger("galidia")

#: Bytes of a file; a larger one is not read.
FILE_LIMIT = 16 << 20
#: Files of folders that are remembered.
MAX_FOLDERS = 1000
#: Seconds after which a change is seen in a file's times.
SETTLED = 2.0

#: By the number of digits.
_BY_LENGTH = {32: "md5", 64: "sha-256"}
_HASH = re.compile(rb"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class PasswordFile:
    """The users of one file, each in a realm."""

    __slots__ = ("_algorithms", "_complained", "_identity", "_users", "path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._identity: tuple[int, ...] | None = None
        self._users: dict[tuple[bytes, bytes], dict[str, str]] = {}
        self._algorithms: dict[bytes, list[str]] = {}
        self._complained = False

    def secret(self, user: bytes, realm: bytes, algorithm: str) -> str | None:
        """The hash of a user's name, realm and password; None when there is none."""
        return self._users.get((user, realm), {}).get(algorithm)

    def algorithms(self, realm: bytes) -> list[str]:
        """Those that can be asked for, the strongest first: what every user of the realm has a
        hash for, or all when they have none in common."""
        return self._algorithms.get(realm) or ["sha-256", "md5"]

    def refresh(self) -> None:
        """Read the file if it was changed."""
        try:
            status = os.stat(self.path)
            identity = _identity(status)
            if identity == self._identity:
                return
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            if status.st_size > FILE_LIMIT:
                raise OSError(errno.EFBIG, f"over {FILE_LIMIT} bytes")
            with open(self.path, "rb") as file:
                content = file.read(FILE_LIMIT + 1)
        except OSError as e:
            self._identity = None
            self._users = {}
            self._algorithms = {}
            if not self._complained:
                logger.warning("password file %s: %s; nobody is let in", self.path, e.strerror)
            self._complained = True
            return
        self._complained = False
        self._users = _parse(content)
        self._algorithms = _in_common(self._users)
        # The next change might leave the same times and size.
        settled = time.time() - max(status.st_mtime, status.st_ctime) > SETTLED
        self._identity = identity if settled else None


class FolderPasswords:
    """Password files that lie in the folders which they protect, with all that is below.

    ``name`` is what such a file is called; the nearest one counts, at last ``file``, if there is
    one. A folder with none is free. Links are followed before: what a link leads to is protected by
    the files that lie there.
    """

    __slots__ = ("_default", "_files", "_tree", "name")

    def __init__(
        self,
        root: str | os.PathLike[str],
        name: str = ".htdigest",
        file: str | os.PathLike[str] | None = None,
    ) -> None:
        if not name.startswith(".") or "/" in name:
            raise ValueError(f'a name that begins with a dot is never served, unlike "{name}"')
        self._tree = Tree(root)
        self.name = name
        self._default = None if file is None else PasswordFile(file)
        self._files: dict[str, PasswordFile] = {}

    def of(self, req: Request) -> PasswordFile | None:
        """The file that is to be asked about a request; None when the folder is free."""
        path = self._tree.locate(req.subpath, hidden=True)
        if path is None:
            return self._default  # there is no such file
        try:
            real = self._tree.resolve(path)
        except (OSError, ValueError):
            return self._default
        return self._nearest(real) or self._nearest(path.rstrip("/")) or self._default

    def _nearest(self, path: str) -> PasswordFile | None:
        root = self._tree.root.rstrip("/")
        while len(path) >= len(root):
            file = f"{path}/{self.name}"
            if os.path.lexists(file):
                return self._file(file)
            path = path.rpartition("/")[0]
        return None

    def _file(self, path: str) -> PasswordFile:
        found = self._files.pop(path, None) or PasswordFile(path)
        self._files[path] = found  # the newest is last
        if len(self._files) > MAX_FOLDERS:
            del self._files[next(iter(self._files))]
        return found


def set_password(
    path: str | os.PathLike[str],
    realm: str,
    user: str,
    password: str,
    algorithms: tuple[str, ...] = ("md5", "sha-256"),
) -> bool:
    """Write a user's hashes into a file, which is made if it is not there; whether the user was
    known before. The file is replaced as a whole or not at all. Raises OSError, and ValueError for
    what cannot be in such a file.
    """
    for what, text in (("user name", user), ("realm", realm)):
        if not text or ":" in text or _CONTROL.search(text):
            raise ValueError(
                f"a {what} is text without colons and control characters, not {text!r}"
            )
    if user.startswith("#"):
        raise ValueError(f"a user name does not begin with '#', unlike {user!r}")
    if not password or _CONTROL.search(password):
        raise ValueError("a password is text without control characters, and not empty")
    name, where = user.encode(), realm.encode()
    lines = [
        b"%b:%b:%b\n"
        % (name, where, secret(ALGORITHMS[one], name, where, password.encode()).encode())
        for one in algorithms
    ]
    return _replace_user(path, where, name, lines, create=True)


def remove_user(path: str | os.PathLike[str], realm: str, user: str) -> bool:
    """Take a user out of a file; whether there was one. Raises OSError."""
    return _replace_user(path, realm.encode(), user.encode(), [], create=False)


def _replace_user(
    path: str | os.PathLike[str], realm: bytes, user: bytes, lines: list[bytes], create: bool
) -> bool:
    target = os.path.realpath(path)
    status = None
    content = b""
    try:
        with open(target, "rb") as file:
            content = file.read()
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        if not create:
            raise
    before = content.splitlines(keepends=True)
    start = user + b":" + realm + b":"
    places = [i for i, line in enumerate(before) if line.startswith(start)]
    if not places and not lines:
        return False
    kept = [line for line in before if not line.startswith(start)]
    if kept and not kept[-1].endswith(b"\n"):
        kept[-1] += b"\n"
    at = places[0] if places else len(kept)
    _write(target, b"".join(kept[:at] + lines + kept[at:]), status)
    return bool(places)


def _write(path: str, content: bytes, before: os.stat_result | None) -> None:
    """Put a file in another's place; nobody else may read it, but a group that could before."""
    fd, name = tempfile.mkstemp(prefix=".galidia-", dir=os.path.dirname(path))  # mode 0600
    try:
        with open(fd, "wb") as file:
            file.write(content)
            if before is not None and hasattr(os, "fchown"):
                if (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
                    os.fchown(fd, before.st_uid, before.st_gid)
                os.fchmod(fd, 0o600 | before.st_mode & 0o040)
            file.flush()
            os.fsync(fd)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _parse(content: bytes) -> dict[tuple[bytes, bytes], dict[str, str]]:
    users: dict[tuple[bytes, bytes], dict[str, str]] = {}
    for line in content.splitlines():
        parts = line.rstrip().split(b":")
        if len(parts) != 3 or line.startswith(b"#") or not _HASH.fullmatch(parts[2]):
            continue
        user, realm, hashed = parts
        users.setdefault((user, realm), {}).setdefault(
            _BY_LENGTH[len(hashed)], hashed.decode().lower()
        )
    return users


def _in_common(users: dict[tuple[bytes, bytes], dict[str, str]]) -> dict[bytes, list[str]]:
    """The algorithms that all users of a realm have, the strongest first."""
    found: dict[bytes, set[str]] = {}
    for (_, realm), hashes in users.items():
        found[realm] = found.get(realm, set(hashes)) & hashes.keys()
    return {realm: sorted(names, reverse=True) for realm, names in found.items()}


def _identity(status: os.stat_result) -> tuple[int, ...]:
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_ino, status.st_dev, status.st_size, *times)
