"""Server-side includes: pages that are put together when they are asked for.

    <!--#include file="p" -->      a file beside the page; also <!--#include "p" -->
    <!--#include virtual="p" -->   a URL path, from the root when it begins with a slash
    <!--#include abspath="p" -->   a path of the file system
    <!--#exec "command" -->        what a shell command says; off unless asked for
    <!--#call text -->             what the handler of the connection says

Whatever is included lies in the folder that is served, by whichever way it is named. What was
included and has directives of its own is treated the same, as deep as ``MAX_DEPTH``. A directive
that fails leaves a sentence in the page; one that nobody knows leaves nothing.

The page is put together in memory, within a limit, and has no validators: it may be another one the
next time.
"""

from __future__ import annotations

import errno
import logging
import os
import posixpath
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from ...core.events import Event, mask_of
from ...core.program import Program
from ..folder.media_types import content_type
from ..folder.tree import Tree
from .complaints import Complaints
from .environment import environment
from .ssi_page import Directive, parse

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ...core.timers import Timer
    from ..request import Request
    from ..services import Guard

__all__ = ["Ssi", "SsiCall"]

logger = logging.getLogger("galidia")

#: How deep pages may be included in each other.
MAX_DEPTH = 10
#: Files that one page may include in all, those of its includes counted.
MAX_INCLUDES = 256
#: Bytes of a whole page, and of all that is read for it.
MAX_SIZE = 4 << 20
#: Seconds that a command may say nothing.
EXEC_TIMEOUT = 10.0
#: Commands that run at once.
MAX_RUNNING = 32

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
_FAILED = b"[an error occurred while processing this directive]"
_CLOSE = int(Event.CLOSE)
_HTML = "text/html; charset=utf-8"


class SsiCall:
    """What ``SSI_CALL`` and ``SSI_CALL_CTX`` carry: a ``call`` directive that is being answered.

    ``text`` is what stands behind ``call``, ``request`` the request for the page, ``path`` the file
    that the directive is in. What is given to `write` during the event lands in its place.
    """

    __slots__ = ("_out", "path", "request", "text")

    def __init__(self, text: str, request: Request, path: str) -> None:
        self.text = text
        self.request = request
        self.path = path
        self._out: list[bytes] | None = []

    def write(self, data: bytes | str) -> None:
        """Put something into the page, text as UTF-8. Raises RuntimeError after the event."""
        if self._out is None:
            raise RuntimeError("the page has gone on: write during the event")
        self._out.append(data.encode() if isinstance(data, str) else bytes(data))

    def _finish(self) -> bytes:
        out, self._out = self._out or [], None
        return b"".join(out)


class Ssi:
    """Puts pages together: a service of `StaticFiles`, or by itself a handler for those in
    ``root``.

    ``suffixes`` are the ends of names of files with directives. ``execute`` allows ``exec``.
    ``auth`` is asked before anything else. Raises NotADirectoryError when ``root`` is not a folder.
    """

    __galidia_events__ = mask_of(Event.HTTP_REQUEST)

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        suffixes: tuple[str, ...] = (".shtml", ".shtm"),
        execute: bool = False,
        max_size: int = MAX_SIZE,
        auth: Guard | None = None,
    ) -> None:
        self.tree = Tree(root)
        self.suffixes = tuple(suffixes)
        self.execute = execute
        self.max_size = max_size
        self.auth = auth
        #: Commands that have not ended.
        self.running = 0
        self.complaints = Complaints()

    def __call__(self, c: Connection, ev: int, req: Request) -> None:
        if self.auth is not None and not self.auth.allows(req):
            return
        target = req.subpath
        path = self.tree.locate(target)
        if path is None or not self.matches(path):
            req.error(404)
        else:
            self.run(req, path, req.path, "")

    def matches(self, path: str) -> bool:
        return path.endswith(self.suffixes)

    def run(self, req: Request, path: str, script_name: str, path_info: str) -> None:
        if req.method not in ("GET", "HEAD"):
            req.error(405, "this page answers GET and HEAD", [("Allow", "GET, HEAD")])
            return
        page = _Page(self, req, path, script_name)
        req.hand_over(page)
        page.begin()


class _TooLargeError(Exception):
    """The page is over its limit."""


class _Page:
    """A page that is being put together; the handler of the request for it."""

    __galidia_events__ = mask_of(Event.HTTP_REQUEST, Event.CLOSE)

    def __init__(self, ssi: Ssi, req: Request, path: str, name: str) -> None:
        self._ssi = ssi
        self._req = req
        self._path = path
        self._name = name
        self._out = bytearray()
        self._read = 0
        self._included = 0
        #: The files that are being read, the innermost last: where each is, and what is left.
        self._open: list[tuple[str, Iterator[bytes | Directive]]] = []
        self._program: Program | None = None
        self._timer: Timer | None = None

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        if ev == _CLOSE:  # the client has gone
            self._open.clear()
            self._end_program()

    def begin(self) -> None:
        """Read the page itself."""
        try:
            self._enter(self._ssi.tree.resolve(self._path))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            self._req.error(404)
        except OSError:
            self._req.error(403)
        except _TooLargeError:
            self._refuse()
        else:
            self._go_on()

    # -- files --------------------------------------------------------------------------------

    def _enter(self, path: str) -> None:
        """Go on with a file. Raises OSError, and ValueError for a name that cannot be."""
        self._open.append((path, iter(parse(self._load(path)))))

    def _load(self, path: str) -> bytes:
        """What is in a file, given by its resolved path."""
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a device may do something already
            raise PermissionError(errno.EACCES, "not a regular file", path)
        room = self._ssi.max_size - self._read
        with os.fdopen(self._ssi.tree.open(path, _READ), "rb") as file:
            content = file.read(room + 1)
        if len(content) > room:
            raise _TooLargeError
        self._read += len(content)
        return content

    # -- pieces -------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Do what can be done now, and answer when all of it is."""
        try:
            while self._open and self._program is None and not self._req.replied:
                path, pieces = self._open[-1]
                piece = next(pieces, None)
                if piece is None:
                    self._open.pop()
                elif isinstance(piece, Directive):
                    self._do(piece, path)
                else:
                    self._add(piece)
        except _TooLargeError:
            self._refuse()
            return
        if self._program is not None:
            self._req.connection.account(len(self._out))
        elif not self._req.replied:
            self._req.connection.account(0)
            kind = _HTML if self._ssi.matches(self._path) else content_type(self._path)
            fields = [("Content-Type", kind), ("Cache-Control", "no-cache")]
            self._req.reply(200, bytes(self._out), fields)

    def _complain(self, what: str) -> None:
        self._ssi.complaints.say(self._req.connection.mgr, f"page {self._path}: {what}")

    def _refuse(self) -> None:
        self._complain(f"over {self._ssi.max_size} bytes")
        self._open.clear()
        if not self._req.replied:
            self._req.connection.account(0)
            self._req.error(500, "this page is too large")

    def _add(self, data: bytes) -> None:
        if len(self._out) + len(data) > self._ssi.max_size:
            raise _TooLargeError
        self._out += data

    def _do(self, directive: Directive, path: str) -> None:
        if directive.name == "include":
            self._include(directive, path)
        elif directive.name == "call":
            self._call(directive, path)
        elif directive.name == "exec":
            self._exec(directive, path)

    def _include(self, directive: Directive, path: str) -> None:
        target = self._target(directive, path)
        self._included += 1
        try:
            if target is None or self._included > MAX_INCLUDES:
                raise FileNotFoundError(directive.text)
            real = self._ssi.tree.resolve(target)
            if not self._ssi.matches(real):
                self._add(self._load(real))
            elif len(self._open) > MAX_DEPTH or any(real == opened for opened, _ in self._open):
                raise RecursionError
            else:
                self._enter(real)
        except (OSError, ValueError, RecursionError):
            logger.debug("page %s: cannot include %r", path, directive.text)
            self._add(_FAILED)

    def _target(self, directive: Directive, path: str) -> str | None:
        """The path of the file that is to be included, which lies below the root."""
        tree = self._ssi.tree
        how, where = directive.argument() or ("", "")
        root = tree.root.rstrip("/")
        if not where:
            return None
        if how == "virtual":
            where = os.fsdecode(unquote_to_bytes(os.fsencode(where)))
        if how == "abspath":
            if not where.startswith(root + "/"):
                return None
            where = where[len(root) :]
        elif how not in ("file", "virtual", ""):
            return None
        elif where.startswith("/"):
            if how != "virtual":
                return None
        else:
            where = f"{posixpath.dirname(path[len(root) :]).rstrip('/')}/{where}"
        return tree.locate(posixpath.normpath(where))

    def _call(self, directive: Directive, path: str) -> None:
        req = self._req
        for ev in (Event.SSI_CALL, Event.SSI_CALL_CTX):
            if req.replied:
                return  # the handler has failed
            call = SsiCall(directive.text, req, path)
            req.connection.emit(ev, call)
            self._add(call._finish())

    # -- commands -----------------------------------------------------------------------------

    def _exec(self, directive: Directive, path: str) -> None:
        how, command = directive.argument() or ("", "")
        ssi = self._ssi
        if not ssi.execute or how not in ("", "cmd") or not command or ssi.running >= MAX_RUNNING:
            self._add(_FAILED)
            return
        mgr = self._req.connection.mgr
        env = environment(
            self._req, path, self._name, "",
            root=ssi.tree.root, length=0, software="galidia", more={},
        )  # fmt: skip
        try:
            self._program = Program(
                mgr,
                ["/bin/sh", "-c", os.fsencode(command)],
                env=env,
                folder=os.path.dirname(path),
                has_input=False,
                on_output=self._on_output,
                on_input=self._on_output,
                on_exit=self._on_exit,
            )
        except (OSError, ValueError) as e:
            self._complain(f"a command cannot be run: {e}")
            self._add(_FAILED)
            return
        ssi.running += 1
        self._timer = mgr.call_later(EXEC_TIMEOUT, self._look)

    def _on_exit(self) -> None:
        self._ssi.running -= 1

    def _on_output(self) -> None:
        program = self._program
        if program is None:
            return
        try:
            self._add(program.take_output())
        except _TooLargeError:
            self._end_program()
            self._refuse()
            return
        if program.output_ended:
            self._program = None
            self._end_program()
        self._go_on()

    def _look(self) -> None:
        """See whether the command does something."""
        self._timer = None
        program = self._program
        if program is None:
            return
        mgr = self._req.connection.mgr
        left = program.active + EXEC_TIMEOUT - mgr.monotonic()
        if left > 0:
            self._timer = mgr.call_later(left, self._look)
            return
        self._complain(f"a command says nothing for {EXEC_TIMEOUT:g} s")
        self._end_program()
        self._out += _FAILED
        self._go_on()

    def _end_program(self) -> None:
        program, self._program = self._program, None
        if program is not None:
            program.end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
