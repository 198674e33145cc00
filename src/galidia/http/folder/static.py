"""A folder served over HTTP: files and their parts, listings, what is hidden, who may.

Nothing outside of the folder is served (see `tree`), and no name that begins with a dot. A request
is asked of the file system each time; what is remembered of files is in `files`. Small files are
sent from memory with their head in one piece, larger ones with sendfile.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    import cython
else:
    from ... import _cython as cython

from ...core.acl import check_ip_acl
from ...core.events import Event, mask_of
from ..fields import header_lines, pairs_of
from ..request import Request
from .files import SMALL_FILE, File, FileCache
from .listing import SLICE, Listing
from .ranges import parts_of
from .tree import Tree, hider

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ...core.handler import HandlerFunction
    from ..fields import Headers
    from ..services import FileService, Guard

if not cython.compiled:
    from ..outline import IF_RANGE, RANGE
    from .conditions import check, range_holds
    from .ranges import content_range, parse_ranges

logger = logging.getLogger("galidia")

#: Up to so many bytes of a file that is not in memory are read to be sent with the head: for more,
#: sendfile is cheaper.
COPIED = 1 << 13

INDEX = ("index.html", "index.htm")
#: Folders of a path, at most, in which a script is looked for that the path goes on behind.
SCRIPT_DEPTH = 50

_HTTP_REQUEST = int(Event.HTTP_REQUEST)
#: Whether "/Private" is "/private" to the file system.
_FOLDS = sys.platform in ("darwin", "win32")
#: Nothing in a listing does anything, whatever a name may say.
_LISTING = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
]


class StaticFiles:
    """Serves the files below ``root``: a handler of requests, or call `serve` with each.

    ``index``: names that are looked for in a folder; ``listing``: whether a folder without one is
    listed.
    ``hidden``: patterns (``*``, ``?``, ``[...]``) of names of files and folders that are not there;
    names that begin with a dot never are.
    ``headers``: fields added to files and listings; ``cache_control``: that field, for files.
    ``types``: media types by the ending of a name, as ``{".log": "text/plain"}``.
    ``errors``: pages below the root, by the status that they are sent with: ``{404: "404.html"}``;
    they are sent for all that is served here.
    ``precompressed``: whether a packed file that lies beside a text (``name.br``, ``.zst``,
    ``.gz``) is sent in its place; ``compress``: whether texts are packed here, up to
    `files.COMPRESS_MOST` bytes.
    ``acl``: who may, by address, as for `bind`; others get 403. ``auth``: a `Guard`.
    ``cgi``, ``ssi``: a `FileService` for the files that are its. ``dav``: a handler for requests
    with other methods than GET and HEAD.
    ``rewrites``: prefixes of paths, and the folder or file anywhere that they stand for.
    ``folders``: prefixes of paths, and the options that differ there. Those are all but ``errors``,
    ``dav``, ``rewrites`` and ``folders``; where there is ``dav``, not ``acl`` and ``auth`` either,
    because a copy from one folder to another would lead around them.

    Raises NotADirectoryError when ``root`` is not a folder, ValueError and TypeError for options
    that cannot be.
    """

    __slots__ = (
        "__galidia_events__", "_errors", "_extra", "_files", "_hides", "_pages", "_sites", "acl",
        "auth", "cgi", "dav", "index", "listing", "ssi", "tree",
    )  # fmt: skip

    def __init__(
        self,
        root: str | os.PathLike[str] = ".",
        *,
        index: Iterable[str] = INDEX,
        listing: bool = True,
        hidden: Iterable[str] = (),
        headers: Headers | None = None,
        cache_control: str = "",
        types: Mapping[str, str] | None = None,
        errors: Mapping[int, str] | None = None,
        precompressed: bool = True,
        compress: bool = True,
        acl: str | None = None,
        auth: Guard | None = None,
        cgi: FileService | None = None,
        ssi: FileService | None = None,
        dav: HandlerFunction | None = None,
        rewrites: Mapping[str, str | os.PathLike[str]] | None = None,
        folders: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.tree = Tree(root)
        self.index = _names("index", index)
        self.listing = listing
        self._hides = hider(_names("hidden", hidden))
        self._extra = pairs_of(headers)
        fields = [*self._extra, ("Cache-Control", cache_control)] if cache_control else self._extra
        endings = {ending.lower(): kind for ending, kind in (types or {}).items()}
        self._files = FileCache(self.tree, header_lines(fields), endings, precompressed, compress)
        self._errors = {code: self._page(name) for code, name in (errors or {}).items()}
        self._pages = self._files
        check_ip_acl(acl, "127.0.0.1")
        self.acl = acl
        self.auth = auth
        self.cgi = cgi
        self.ssi = ssi
        self.dav = dav
        self.__galidia_events__ = mask_of(Event.HTTP_REQUEST)
        if cgi is not None or dav is not None:
            self.__galidia_events__ |= mask_of(Event.HTTP_CHUNK)
        self._sites: list[_Site] = []
        if rewrites or folders:
            options = {
                "index": index, "listing": listing, "hidden": hidden, "headers": headers,
                "cache_control": cache_control, "types": types, "precompressed": precompressed,
                "compress": compress, "acl": acl, "auth": auth, "cgi": cgi, "ssi": ssi, "dav": dav,
            }  # fmt: skip
            self._sites = _sites(self.tree.root, options, rewrites or {}, folders or {})
            for site in self._sites:
                site.files._share_pages(self)
                self.__galidia_events__ |= site.files.__galidia_events__

    def __call__(self, c: Connection, ev: int, req: Request) -> None:
        self.serve(req, ev)

    def serve(self, req: Request, ev: int = _HTTP_REQUEST) -> None:
        """Answer a request with the file or folder that its path names.

        At an endpoint such as "/files/{path...}" it is the path behind the slash that counts.
        ``ev`` is the event at hand.
        """
        target = req.subpath
        if self._sites:
            for site in self._sites:
                if site.has(target):
                    site.files._serve(req, site.target(target), ev)
                    return
        self._serve(req, target, ev)

    def close(self) -> None:
        """Give back the descriptors of the files that are remembered."""
        self._files.close()
        for site in self._sites:
            site.files.close()

    def _serve(self, req: Request, target: str, ev: int) -> None:
        if self.acl is not None and not check_ip_acl(self.acl, req.peer.host):
            self._error(req, 403, "", None)
            return
        if self.auth is not None and not self.auth.allows(req):
            return
        method = req.method
        reads = method == "GET" or method == "HEAD"
        if self.cgi is not None and (reads or method == "POST" or self.dav is None):
            if self._run_script(req, target, reads):
                return
        if not reads:
            if self.dav is not None:
                req.hand_over(self.dav, ev)
            else:
                text = "this resource answers GET and HEAD"
                self._error(req, 405, text, [("Allow", "GET, HEAD")])
            return
        path = self._locate(req, target)
        if path is None:
            self._error(req, 404, "", None)
            return
        try:
            file = self._files.current(path)
            if file is not None and (self.ssi is None or not self.ssi.matches(path)):
                self._send(req, path, file)
                return
            if not self._files.knows(path):
                self.tree.resolve(path)  # before anything can be learned of what lies outside
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                self._serve_folder(req, path)
            else:
                self._serve_file(req, path, status)
        except OSError as e:
            if req.replied:
                raise
            self._files.drop(path)
            self._fail(req, e)
        except UnicodeEncodeError:  # a name that the file system cannot have
            if req.replied:
                raise
            self._error(req, 404, "", None)

    def _locate(self, req: Request, target: str) -> str | None:
        """The path that a target names; None when there cannot be one, or it is hidden."""
        path = self.tree.locate(target)
        if path is None:
            return None
        if self._hides is not None:
            for name in target.split("/"):
                if self._hides(name):
                    return None
        # An encoded slash is part of a name (RFC 3986 2.2), and no name has one.
        length = req.path_end - req.path_start
        if length != len(target) and "%2f" in req.target.lower():
            return None
        return path

    # -- folders ------------------------------------------------------------------------------

    def _serve_folder(self, req: Request, path: str) -> None:
        target = req.path
        if not path.endswith("/") or not target.endswith("/"):
            query = f"?{req.query}" if req.query else ""
            req.redirect(quote(os.fsencode(target) + b"/", safe="/:@!$&'()*+,;=~-._") + query, 301)
            return
        for name in self.index:
            try:
                status = os.stat(path + name)
            except FileNotFoundError:
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            if self.cgi is not None and self.cgi.matches(path + name):
                self.tree.resolve(path + name)
                self.cgi.run(req, path + name, target + name, "")
            else:
                self._serve_file(req, path + name, status)
            return
        if not self.listing:
            self._error(req, 403, "this folder is not listed", None)
            return
        query = req.query
        order = query[5:] if query.startswith("sort=") else "name"
        page = self._list(path, target, order)
        headers = _LISTING + self._extra
        if len(page) <= SLICE:
            req.reply(200, b"".join(page), headers)
        else:
            page.charge(req.connection)
            req.stream(page, 200, headers)

    def _list(self, path: str, target: str, order: str) -> Listing:
        if os.scandir not in os.supports_fd:
            return Listing(self.tree.resolve(path), target, order, self._hides)
        fd = self.tree.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        return Listing(fd, target, order, self._hides)

    # -- files --------------------------------------------------------------------------------

    def _serve_file(self, req: Request, path: str, status: os.stat_result) -> None:
        if self.ssi is not None and self.ssi.matches(path) and stat.S_ISREG(status.st_mode):
            self.tree.resolve(path)
            name = path.rpartition("/")[2]
            self.ssi.run(req, path, req.path.rpartition("/")[0] + "/" + name, "")
            return
        self._send(req, path, self._files.get(path, status))

    def _send(self, req: Request, path: str, file: File) -> None:
        if req.accept_encoding and file.varies:
            file = self._files.choose(path, file, ",".join(req.header_all("accept-encoding")))
        if req.conditions and self._is_answered(req, file):
            return
        if file.content is not None:
            req.reply_bytes(file.content, file.lines)
        else:
            req.reply_file(file.opened, file.size, file.lines)

    def _is_answered(self, req: Request, file: File) -> bool:
        """Whether it is not the whole file that a request with conditions or ranges gets."""
        status = 0
        if req.conditions & ~(RANGE | IF_RANGE):
            status = check(req, file.etag, file.modified)
        if status == 304:
            req.reply_bytes(b"", file.validators, 304)
        elif status:
            self._error(req, status, "the file is not as this request wants it to be", None)
        elif req.conditions & RANGE and req.method_end == 3:  # of GET only, not of HEAD
            return self._serve_ranges(req, file)
        return status != 0

    def _serve_ranges(self, req: Request, file: File) -> bool:
        values = req.header_all("range")
        if len(values) != 1:
            return False
        if req.conditions & IF_RANGE and not range_holds(req, file.etag, file.changed):
            return False
        ranges = parse_ranges(values[0], file.size)
        if ranges is None:
            return False
        if not ranges:
            headers = [("Content-Range", f"bytes */{file.size}"), *self._extra]
            self._error(req, 416, f"the file has {file.size} bytes", headers)
        elif len(ranges) == 1:
            start, end = ranges[0]
            where = content_range(start, end, file.size)
            extra = file.lines + f"Content-Range: {where}\r\n".encode("ascii")
            if file.content is not None or end - start <= COPIED:
                req.reply_bytes(file.part(start, end), extra, 206)
            else:
                req.reply_file(file.opened, end - start, extra, 206, start)
        else:
            self._serve_parts(req, file, ranges)
        return True

    def _serve_parts(self, req: Request, file: File, ranges: list[tuple[int, int]]) -> None:
        boundary = os.urandom(12).hex()  # nobody can have written it into the file
        heads, tail, length = parts_of(ranges, file.size, file.content_type, boundary)
        kind = f"Content-Type: multipart/byteranges; boundary={boundary}\r\n".encode("ascii")
        if file.content is not None or length <= SMALL_FILE:
            pieces = []
            for head, (start, end) in zip(heads, ranges, strict=True):
                pieces += [head, file.part(start, end)]
            req.reply_bytes(b"".join(pieces) + tail, kind + file.rest, 206)
        else:
            req.reply_parts(file.opened, heads, ranges, tail, kind + file.rest)

    # -- scripts ------------------------------------------------------------------------------

    def _run_script(self, req: Request, target: str, reads: bool) -> bool:
        """Run the script that a path names or leads through, if there is one."""
        cgi: Any = self.cgi
        end = 0
        for _ in range(SCRIPT_DEPTH):
            end = target.find("/", end + 1)
            name = target if end < 0 else target[:end]
            path = self._locate(req, name)
            if path is None:
                return False
            if self._is_script(path):
                rest = "" if end < 0 else target[end:]
                cgi.run(req, path, req.path[: len(req.path) - len(rest)], rest)
                return True
            if end == len(target) - 1 and not reads:  # those that read may get another index
                for index in self.index:
                    if self._is_script(f"{path}/{index}"):
                        cgi.run(req, f"{path}/{index}", req.path + index, "")
                        return True
            if end < 0:
                break
        return False

    def _is_script(self, path: str) -> bool:
        if self.cgi is None or not self.cgi.matches(path):
            return False
        try:
            return stat.S_ISREG(os.stat(self.tree.resolve(path)).st_mode)
        except (OSError, UnicodeEncodeError):
            return False

    # -- errors -------------------------------------------------------------------------------

    def _page(self, name: str) -> str:
        path = os.path.join(self.tree.root, name.lstrip("/"))
        if not os.path.isfile(self.tree.resolve(path)):
            raise ValueError(f"the page of an error is a file in the folder, not {name!r}")
        return path

    def _share_pages(self, other: StaticFiles) -> None:
        """Send the pages of another one."""
        self._errors = other._errors
        self._pages = other._files

    def _error(self, req: Request, status: int, text: str, headers: Any) -> None:
        page = self._errors.get(status)
        if page is not None:
            try:
                file = self._pages.get(page, os.stat(page))
                kind = [("Content-Type", file.content_type), *(headers or ())]
                req.reply(status, file.part(0, file.size), kind)
                return
            except OSError as e:
                logger.error("cannot send the page of error %d: %s", status, e)
        req.error(status, text, headers)

    def _fail(self, req: Request, error: OSError) -> None:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
            self._error(req, 404, "", None)
        elif error.errno in (errno.EACCES, errno.EPERM):
            self._error(req, 403, "", None)
        elif error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN):
            self._error(req, 503, "", None)
        else:
            # The traceback of an error in a record that is kept would keep the file open.
            logger.error("cannot serve %r: %s", req.path, str(error))
            self._error(req, 500, "", None)


class _Site:
    """Paths with a prefix, and who serves them.

    Of a rewrite the first ``cut`` characters are not part of the path; ``file`` is the one that all
    paths mean, or "".
    """

    __slots__ = ("cut", "file", "files", "prefix", "root")

    def __init__(self, prefix: str, root: str, cut: int, options: Mapping[str, Any]) -> None:
        self.prefix = prefix
        self.root = root
        self.cut = cut
        self.file = ""
        if not os.path.isdir(root):
            if not os.path.isfile(root):
                raise FileNotFoundError(errno.ENOENT, "no folder or file to rewrite to", root)
            root, name = os.path.split(os.path.abspath(root))
            self.file = f"/{name}"
        self.files = StaticFiles(root, **options)

    def has(self, target: str) -> bool:
        n = len(self.prefix)
        if target[n : n + 1] not in ("", "/"):
            return False
        start = target[:n]
        return start == self.prefix or (_FOLDS and start.lower() == self.prefix.lower())

    def target(self, target: str) -> str:
        return self.file or target[self.cut :] or "/"


def _sites(
    root: str,
    options: Mapping[str, Any],
    rewrites: Mapping[str, str | os.PathLike[str]],
    folders: Mapping[str, Mapping[str, Any]],
) -> list[_Site]:
    """What has a prefix, the longest first. What lies below another has its options and its root,
    where it has none of its own."""
    found: list[_Site] = []
    known: dict[str, Mapping[str, Any]] = {}
    roots = {_prefix(prefix): os.fspath(path) for prefix, path in rewrites.items()}
    changes = {_prefix(prefix): changed for prefix, changed in folders.items()}
    for prefix in sorted({*roots, *changes}):
        above = next((site for site in reversed(found) if site.has(prefix)), None)
        mine = {**(known[above.prefix] if above else options), **changes.get(prefix, {})}
        _check_options(prefix, changes.get(prefix, {}).keys(), options)
        known[prefix] = mine
        if prefix in roots:
            mine["dav"] = None  # it has a folder of its own
            found.append(_Site(prefix, roots[prefix], len(prefix), mine))
        elif above is not None:
            found.append(_Site(prefix, above.root, above.cut, mine))
        else:
            found.append(_Site(prefix, root, 0, mine))
    found.sort(key=lambda site: -len(site.prefix))
    return found


def _check_options(prefix: str, given: Iterable[str], options: Mapping[str, Any]) -> None:
    for option in given:
        if option not in options or option == "dav":
            raise TypeError(f"folders[{prefix!r}] has no option {option!r}")
        if option in ("acl", "auth") and options["dav"] is not None:
            raise ValueError(
                f"{option}= of a folder does not go with dav=: a copy from one folder to another "
                f"would lead around it; serve {prefix!r} from a StaticFiles of its own"
            )


def _prefix(prefix: str) -> str:
    if not prefix.startswith("/") or not prefix.strip("/"):
        raise ValueError(f"a prefix is a path such as '/private', not {prefix!r}")
    return prefix.rstrip("/")


def _names(option: str, names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"{option}= takes several names, as in {option}=[{names!r}]")
    return tuple(names)
