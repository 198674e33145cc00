"""CGI scripts (RFC 3875), which run beside the loop.

The body of a request is passed on to the script as it comes, and the script's output to the client
as it comes; who is slow slows the other one down. A script is told the length of the body before it
gets it: of a chunked body that is not known, so it is collected first, up to ``body_limit``.

A script that has neither said nor taken anything for ``timeout`` seconds is ended, and so is one
whose client has gone. No more than ``max_running`` run at once.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...core.events import Event, mask_of
from ...core.program import Program
from ..folder.tree import Tree
from .cgi_head import HeadReader, ScriptError
from .complaints import Complaints
from .environment import environment

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ...core.timers import Timer
    from ..request import Request
    from ..services import Guard

__all__ = ["Cgi"]

#: Seconds that a script may say nothing.
TIMEOUT = 30.0
#: Scripts that run at once.
MAX_RUNNING = 32
#: Bytes that wait for a script to be taken before more of a body is asked for.
_BACKLOG = 1 << 16
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)
_CLOSE = int(Event.CLOSE)


class Cgi:
    """Runs scripts: a service of `StaticFiles`, or by itself a handler for the scripts in ``root``.

    Scripts are the files whose names end with one of ``suffixes``; by itself also all files of a
    folder, with ``suffixes=("",)``. They have to be executable, unless there is an ``interpreter``:
    a command, or its words, that is given the path of the script. ``env`` are more variables.
    ``auth`` is asked before anything else. Raises NotADirectoryError when ``root`` is not a folder.
    """

    __galidia_events__ = mask_of(Event.HTTP_REQUEST, Event.HTTP_CHUNK)

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        *,
        suffixes: tuple[str, ...] = (".cgi",),
        interpreter: str | Sequence[str] | None = None,
        timeout: float = TIMEOUT,
        max_running: int = MAX_RUNNING,
        env: Mapping[str, str] | None = None,
        auth: Guard | None = None,
    ) -> None:
        if timeout <= 0:
            raise ValueError(f"a timeout is over 0 seconds, not {timeout!r}")
        self.tree = None if root is None else Tree(root)
        self.suffixes = tuple(suffixes)
        self.interpreter = [interpreter] if isinstance(interpreter, str) else interpreter or []
        self.timeout = timeout
        self.max_running = max_running
        self.env = dict(env or {})
        self.auth = auth
        #: Scripts that have not ended.
        self.running = 0
        self.complaints = Complaints()

    def __call__(self, c: Connection, ev: int, req: Request) -> None:
        if self.auth is not None and not self.auth.allows(req):
            return
        found = self._find(req)
        if found is None:
            req.error(404)
        else:
            self.run(req, *found)

    def matches(self, path: str) -> bool:
        return path.endswith(self.suffixes)

    def run(self, req: Request, path: str, script_name: str, path_info: str) -> None:
        if not self.interpreter and not os.access(path, os.X_OK):
            req.error(403, "this script cannot be run")
        elif self.running >= self.max_running:
            req.error(503, "too many scripts are running", [("Retry-After", "1")])
        else:
            job = _Job(self, req, (path, script_name, path_info))
            req.hand_over(job)
            job.begin()

    def _find(self, req: Request) -> tuple[str, str, str] | None:
        """The script that a request is for, its name in the URL, and what comes behind it."""
        if self.tree is None:
            raise ValueError("Cgi(root) has to know where its scripts are when it is a handler")
        target = req.subpath
        if self.tree.locate(target) is None or _ENCODED_SLASH.search(req.target.partition("?")[0]):
            return None
        mount = req.path[: len(req.path) - len(target)]
        end = target.find("/", 1)
        try:
            while True:
                name = target if end < 0 else target[:end]
                path = self.tree.root + name
                mode = os.stat(path).st_mode
                if stat.S_ISREG(mode):
                    if not self.matches(path):
                        return None
                    return self.tree.resolve(path), mount + name, target[len(name) :]
                if end < 0 or not stat.S_ISDIR(mode):
                    return None
                end = target.find("/", end + 1)
        except (OSError, ValueError):
            return None


class _Job:
    """A request that a script answers: its handler, and the source of its response."""

    __galidia_events__ = mask_of(Event.HTTP_CHUNK, Event.HTTP_REQUEST, Event.CLOSE)

    def __init__(self, cgi: Cgi, req: Request, script: tuple[str, str, str]) -> None:
        self._cgi = cgi
        self._req = req
        self._mgr = req.connection.mgr
        self._script = script
        self._program: Program | None = None
        self._timer: Timer | None = None
        self._head: HeadReader | None = HeadReader()
        self._rest = b""
        self._left: int | None = None
        self._over = False

    def begin(self) -> None:
        """The first event of the request is there."""
        req = self._req
        if req.complete or not req.chunked:
            self._start(len(req.body) if req.chunked else req.content_length)

    def __call__(self, c: Connection, ev: int, data: Any) -> None:
        if ev == _CLOSE:
            self._give_up()
        elif self._program is not None:
            self._feed()
        elif self._req.complete:
            self.begin()

    def _start(self, length: int) -> None:
        cgi, req = self._cgi, self._req
        path, script_name, path_info = self._script
        root = None if cgi.tree is None else cgi.tree.root
        env = environment(
            req, path, script_name, path_info,
            root=root, length=length, software="galidia", more=cgi.env,
        )  # fmt: skip
        try:
            self._program = Program(
                self._mgr,
                [*cgi.interpreter, path],
                env=env,
                folder=os.path.dirname(path),
                has_input=length > 0,
                on_output=self._on_output,
                on_input=self._feed,
                on_exit=self._on_exit,
            )
        except OSError as e:
            cgi.complaints.say(self._mgr, f"script {path}: it cannot be run: {e.strerror}")
            is_busy = e.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)
            req.error(503 if is_busy else 500)
            return
        cgi.running += 1
        self._timer = self._mgr.call_later(cgi.timeout, self._look)
        self._feed()

    # -- from the client to the script --------------------------------------------------------

    def _feed(self) -> None:
        req, program = self._req, self._program
        if program is None or self._over:
            return
        if not program.takes_input:
            req.take()
        elif program.unsent <= _BACKLOG:
            program.write(req.take())
            if req.complete:
                program.end_input()

    # -- from the script to the client --------------------------------------------------------

    def _on_output(self) -> None:
        program, req = self._program, self._req
        if program is None:
            return
        if self._over:
            program.take_output()
        elif self._head is None:
            req.resume()
        else:
            self._read_head(program, self._head)

    def _read_head(self, program: Program, head: HeadReader) -> None:
        req = self._req
        try:
            if not head.feed(program.take_output()):
                if program.output_ended:
                    raise ScriptError("its output ended within its head")
                return
            self._head = None
            self._rest, self._left = head.rest, head.length
            if not req.replied:
                req.stream(self, head.status, head.fields, head.length)
        except ScriptError as e:
            self._fail(502, str(e))

    def __iter__(self) -> _Job:
        return self

    def __next__(self) -> bytes | None:
        """The next piece of the response."""
        program = self._program
        data = self._rest or (b"" if program is None else program.take_output())
        self._rest = b""
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
            if not self._left and not data:
                raise StopIteration
        if data:
            return data
        if program is None or program.output_ended:
            if not self._left:
                raise StopIteration
            self._fail(502, f"its output is {self._left} bytes shorter than it said")
        return None

    def close(self) -> None:
        """The response is complete, or its client has gone."""
        self._over = True
        if self._program is not None:
            self._program.take_output()

    # -- the end ------------------------------------------------------------------------------

    def _look(self) -> None:
        """See whether the script does something."""
        program, req = self._program, self._req
        if program is None:
            return
        now = self._mgr.monotonic()
        is_waiting = not req.complete and program.takes_input and not program.unsent
        if (program.unread and not self._over) or is_waiting:
            program.active = now  # it is not the script that is slow
        left = program.active + self._cgi.timeout - now
        if left > 0:
            self._timer = self._mgr.call_later(left, self._look)
        else:
            self._timer = None
            self._fail(504, f"nothing came of it for {self._cgi.timeout:g} s")

    def _fail(self, status: int, why: str) -> None:
        """It is the script's fault: say so, or cut off what had begun."""
        req, program = self._req, self._program
        said = program.errors.decode(errors="backslashreplace") if program else ""
        why_and_said = f"{why} {said!r}" if said else why
        self._cgi.complaints.say(self._mgr, f"script {self._script[0]}: {why_and_said}")
        over, self._over = self._over, True
        self._give_up()
        if over:
            return
        if req.replied:
            req.connection.error = f"a script failed: {why}"
            req.connection.abort()
        else:
            req.error(status)

    def _give_up(self) -> None:
        self._over = True
        if self._program is not None:
            self._program.end()

    def _on_exit(self) -> None:
        self._program = None
        self._cgi.running -= 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
