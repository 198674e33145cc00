"""What all methods share: the tree, its locks, and where a request and its Destination lie."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from ..folder.conditions import check
from ..folder.files import etag_of
from ..folder.tree import Tree, hider
from . import if_header, xml
from .jobs import Jobs
from .locks import Lock, LockTable

if TYPE_CHECKING:
    from ..request import Request

XML_TYPE = 'application/xml; charset="utf-8"'
#: Segments of a path, so that nobody makes a tree that is too deep to be removed.
MAX_SEGMENTS = 64

# Opened to be looked at: nothing is read, and nothing that is no file is woken up.
_LOOK = getattr(os, "O_PATH", os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))


class RefusedError(Exception):
    """A request that is answered with an error: a status, and why or which precondition."""

    def __init__(self, status: int, text: str = "", condition: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        #: XML of the content of DAV:error (RFC 4918 16).
        self.condition = condition

    def answer(self, req: Request) -> None:
        if self.condition:
            reply_xml(req, self.status, xml.document("error", self.condition))
        else:
            req.error(self.status, self.text)


class Place:
    """A resource, there or not.

    ``path`` is where it lies, below the root and without a slash at its end; ``key`` the same
    without links, what locks go by; ``href`` its encoded path for clients, and ``slash`` whether
    it was written with one at the end.
    """

    __slots__ = ("href", "key", "path", "slash")

    def __init__(self, tree: Tree, mount: str, target: str) -> None:
        self.slash = target.endswith("/")
        self.path = (tree.root.rstrip("/") + target).rstrip("/") or "/"
        self.key = key_of(self.path)
        self.href = quote_path(mount + target).rstrip("/") or "/"


def key_of(path: str) -> str:
    """What locks on a path go by."""
    return os.path.realpath(path).rstrip("/")


class Space:
    """A tree that is served, and what is going on in it."""

    __slots__ = ("_hides", "jobs", "locks", "max_size", "sync", "tree")

    def __init__(
        self,
        root: str | os.PathLike[str],
        hidden: Iterable[str],
        max_size: int | None,
        sync: bool,
    ) -> None:
        self.tree = Tree(root)
        self.locks = LockTable()
        self.jobs = Jobs()
        self._hides = hider(hidden)
        self.max_size = max_size
        self.sync = sync

    def locate(self, mount: str, target: str) -> Place | None:
        """The resource of a decoded path below the mount; None when there cannot be one."""
        if self.tree.locate(target) is None:
            return None
        names = target.split("/")
        if len(names) > MAX_SEGMENTS or any(self.is_hidden(name) for name in names):
            return None
        return Place(self.tree, mount, target)

    def is_hidden(self, name: str) -> bool:
        """Whether nothing of this name is ever there."""
        return name.startswith(".") or (self._hides is not None and self._hides(name))

    def status(self, path: str) -> os.stat_result | None:
        """What is at a path, links followed as far as they stay inside; None if nothing is.

        Raises OSError for other reasons."""
        try:
            fd = self.tree.open(path, _LOOK)
        except OSError as e:
            if e.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
                return None
            raise
        try:
            found = os.fstat(fd)
        finally:
            os.close(fd)
        return None if stat.S_ISLNK(found.st_mode) else found  # a link that leads to itself

    def is_taken(self, path: str) -> bool:
        """Whether there is something of this name, be it a link that leads out."""
        try:
            with self.tree.parent(path) as (folder, name):
                os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return False
        return True


class Call:
    """One request for a method of WebDAV: what it is for, and on which conditions.

    Raises `RefusedError` when it is for nothing that could be there, or does not say it well.
    """

    __slots__ = ("_lists", "_tokens", "mount", "place", "req", "space", "status")

    def __init__(self, space: Space, req: Request) -> None:
        self.space = space
        self.req = req
        path, below = req.path, req.subpath
        self.mount = path[: len(path) - len(below)] if path.endswith(below) else ""
        place = None if _has_encoded_slash(req.target) else space.locate(self.mount, below)
        if place is None:
            status = 403 if req.method in ("PUT", "MKCOL", "LOCK") else 404
            raise RefusedError(status, "there cannot be a resource of this name")
        self.place = place
        fields = req.header_all("if")
        self._lists: list[if_header.Conditions] = []
        if fields:
            lists = if_header.parse(fields[0]) if len(fields) == 1 else None
            if lists is None:
                raise RefusedError(400, "the If field is malformed")
            self._lists = lists
        self._tokens = if_header.tokens(self._lists)
        space.locks.expire(self.now)
        #: What is there, or None.
        self.status: os.stat_result | None = None

    @property
    def now(self) -> float:
        return self.req.connection.mgr.monotonic()

    @property
    def is_folder(self) -> bool:
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    def look(self) -> None:
        """See what is there, and whether the conditions hold. Raises RefusedError and OSError."""
        self.space.locks.expire(self.now)
        status = self.space.status(self.place.path)
        if status is not None and self.place.slash and not stat.S_ISDIR(status.st_mode):
            status = None
        self.status = status
        if self._lists and not if_header.holds(self._lists, self._state_of):
            raise RefusedError(412, "the If field does not hold")
        etag = etag_of(status) if status is not None and not self.is_folder else None
        modified = None if status is None else status.st_mtime
        if check(self.req, etag, modified):
            raise RefusedError(412)

    def found(self) -> os.stat_result:
        """`look`, at what has to be there."""
        self.look()
        if self.status is None:
            raise RefusedError(404)
        return self.status

    def _state_of(self, tag: str) -> if_header.State | None:
        try:
            place = self.destination(tag) if tag else self.place
            status = self.space.status(place.path)
        except (RefusedError, OSError):
            return None
        etag = "" if status is None or stat.S_ISDIR(status.st_mode) else etag_of(status)
        return if_header.State(
            etag, frozenset(lock.token for lock in self.space.locks.covering(place.key))
        )

    # -- locks --------------------------------------------------------------------------------

    def submitted(self) -> frozenset[str]:
        """The tokens that came with the request."""
        return self._tokens

    def owns(self, lock: Lock) -> bool:
        """Whether it is a lock of who asks (RFC 4918 6.4)."""
        return not lock.principal or lock.principal == (self.req.user or "")

    def check_locks(self, place: Place, *, deep: bool = False, member: bool = False) -> None:
        """Raise `RefusedError` when a lock forbids to change a resource.

        ``deep``: and all below it; ``member``: and the folder that it lies in, of which it becomes
        or ceases to be a member (RFC 4918 7.4).
        """
        keys = [place.key]
        above = os.path.dirname(place.path)
        if member:
            keys.append(key_of(above))
            if os.path.islink(place.path):  # it is the link that changes
                keys.append(f"{keys[-1]}/{os.path.basename(place.path)}")
        for key in keys:
            self._check(self.space.locks.covering(key))
        if deep:
            for lock in self.space.locks.below(place.key):
                self._check(self.space.locks.covering(lock.key))

    def _check(self, locks: list[Lock]) -> None:
        if locks and not any(it.token in self._tokens and self.owns(it) for it in locks):
            raise RefusedError(423, condition=_hrefs("lock-token-submitted", locks[0].root))

    # -- where things go ----------------------------------------------------------------------

    def destination(self, reference: str | None = None) -> Place:
        """The resource that Destination names, or another reference (RFC 4918 8.3, 10.3).

        It is on the same host and below the same mount. Raises `RefusedError`.
        """
        if reference is None:
            fields = self.req.header_all("destination")
            if len(fields) != 1:
                raise RefusedError(400, "one Destination is needed")
            reference = fields[0]
        path = self._path_of(reference)
        parts = [unquote_to_bytes(part) for part in path.split("/")]
        if any(b"/" in part or b"\0" in part for part in parts):
            raise RefusedError(400, "the Destination has an encoded slash or NUL")
        decoded = b"/".join(parts).decode("utf-8", "surrogateescape")
        if not decoded.startswith(self.mount + "/"):
            raise RefusedError(502, "the Destination is not part of this service")
        place = self.space.locate(self.mount, decoded[len(self.mount) :])
        if place is None:
            raise RefusedError(403, "the Destination cannot be the name of a resource")
        return place

    def _path_of(self, reference: str) -> str:
        """The encoded path of a URI of this host, or of an absolute path."""
        if not reference.isascii() or "#" in reference or "?" in reference:
            raise RefusedError(400, "the Destination is no URI of a resource")
        path = reference
        scheme, colon, rest = reference.partition("://")
        if colon and "/" not in scheme:
            if scheme.lower() not in ("http", "https"):
                raise RefusedError(502, "the Destination is elsewhere")
            host, slash, path = rest.partition("/")
            if _authority(host, scheme) != _authority(self.req.host, scheme):
                raise RefusedError(502, "the Destination is on another host")
            path = slash + path
        if not path.startswith("/") or path.startswith("//") or not _is_encoded_well(path):
            raise RefusedError(400, "the Destination is no absolute URI or path")
        return path

    def overwrites(self) -> bool:
        """What Overwrite says (RFC 4918 10.6)."""
        value = (self.req.header("overwrite") or "T").strip().upper()
        if value not in ("T", "F"):
            raise RefusedError(400, "Overwrite is T or F")
        return value == "T"

    def depth(self, default: str = "infinity", *allowed: str) -> str:
        """What Depth says (RFC 4918 10.2)."""
        value = (self.req.header("depth") or default).strip().lower()
        if value not in (allowed or ("0", "infinity")):
            raise RefusedError(400, "this method does not take this Depth")
        return value


def reply_xml(
    req: Request, status: int, body: bytes, headers: list[tuple[str, str]] | None = None
) -> None:
    req.reply(status, body, [("Content-Type", XML_TYPE), *(headers or [])])


def quote_path(path: str) -> str:
    """A decoded path as it stands in a URI."""
    return quote(os.fsencode(path), safe="/!$&'()*+,;=:@~")


def status_of(error: OSError) -> int:
    """The status for what a file system says; 500 for what is nobody's fault."""
    number = error.errno
    if number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG):
        return 403
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return 507
    if number in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EEXIST, errno.EISDIR):
        return 409
    if number in (errno.EMFILE, errno.ENFILE, errno.EBUSY, errno.ETXTBSY):
        return 503
    return 500


def _hrefs(condition: str, href: str) -> str:
    return f"<D:{condition}><D:href>{xml.text(href)}</D:href></D:{condition}>"


def _has_encoded_slash(target: str) -> bool:
    """Whether a segment of the path has a slash in it, which no file has."""
    return "%2f" in target.partition("?")[0].lower()


def _authority(host: str, scheme: str) -> str:
    port = ":443" if scheme.lower() == "https" else ":80"
    return host.lower().removesuffix(port)


def _is_encoded_well(path: str) -> bool:
    """Whether every "%" has two digits behind it."""
    return all(
        len(part) >= 2 and all(c in "0123456789abcdefABCDEF" for c in part[:2])
        for part in path.split("%")[1:]
    )
