"""A program that runs beside the loop.

Its input, output and errors are pipes that the manager watches. It leads a session of its own, has
no descriptor but these three and no variable but those that it is given. It is not forked off in
Python: what runs between is C (`subprocess`), and stands in nobody's way as long as starting takes.

Whoever is done with it lets it end by itself, or has it ended: SIGTERM to its process group, and
SIGKILL a little later. Its exit is waited for here, so no handler of SIGCHLD is needed and one of
the user's is not disturbed; and its number is not free for others before it was signalled for the
last time. When the manager closes, nothing is left of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .events import Event, mask_of
from .poller import Watcher
from .protocol import Protocol

if TYPE_CHECKING:
    from .connection import Connection
    from .manager import Manager
    from .timers import Timer

__all__ = ["Program"]

#: Bytes of output that are read ahead of who takes them.
OUTPUT_AHEAD = 1 << 16
#: Bytes that are kept of what it says on its standard error.
ERRORS_KEPT = 1000
#: Seconds from SIGTERM to SIGKILL.
KILL_GRACE = 2.0
#: Seconds that it may go on when its output has ended, before it gets SIGTERM.
EXIT_GRACE = 10.0
#: Where nothing tells of its exit, it is looked for so often.
_EXIT_POLL = 0.05

_RECV, _SEND, _CLOSE = int(Event.RECV), int(Event.SEND), int(Event.CLOSE)
_READABLE = 1


class Program:
    """A command that was started. Raises OSError when it cannot be.

    ``on_output`` is called when there is something new in its output, and when that has ended;
    ``on_input`` when some of what was written has been taken; ``on_exit`` at the very end.
    ``active`` is when it last did either, on the manager's clock.
    """

    def __init__(
        self,
        mgr: Manager,
        command: Sequence[str | bytes],
        *,
        env: Mapping[bytes, bytes],
        folder: str,
        has_input: bool,
        on_output: Callable[[], object],
        on_input: Callable[[], object],
        on_exit: Callable[[], object],
    ) -> None:
        self.mgr = mgr
        self._said = bytearray()
        self.output_ended = False
        self.active = mgr.monotonic()
        self._on_output: Callable[[], object] | None = on_output
        self._on_input: Callable[[], object] | None = on_input
        self._on_exit = on_exit
        self._timer: Timer | None = None
        self._exit: _Exit | None = None
        self._output: Connection | None = None
        self._errors: Connection | None = None
        self._input: Connection | None = None
        theirs: list[int] = []
        try:
            self._output = self._pipe(theirs, _Output(self), True)
            self._errors = self._pipe(theirs, _Errors(self), True)
            if has_input:
                self._input = self._pipe(theirs, _Input(self), False)
            self._output.recv_mbuf_limit = OUTPUT_AHEAD
            self._process = subprocess.Popen(
                command,
                stdin=theirs[-1] if has_input else subprocess.DEVNULL,
                stdout=theirs[0],
                stderr=theirs[1],
                env=env,
                cwd=folder,
                start_new_session=True,
            )
        except BaseException:
            for c in (self._output, self._errors, self._input):
                if c is not None:
                    c.protocol = None
                    c.close()
            raise
        finally:
            for fd in theirs:
                os.close(fd)

    def _pipe(self, theirs: list[int], protocol: Protocol, reads: bool) -> Connection:
        """Our end of a new pipe; the other one is put into ``theirs``."""
        ends = os.pipe()
        ours, other = ends if reads else ends[::-1]
        theirs.append(other)
        try:
            c = self.mgr.adopt(ours)
        except BaseException:
            os.close(ours)
            raise
        c.protocol = protocol
        return c

    # -- for who uses it ----------------------------------------------------------------------

    @property
    def takes_input(self) -> bool:
        """Whether it is any use to write; not when it has closed its input."""
        return self._input is not None and not self._input.closing

    @property
    def unsent(self) -> int:
        """Bytes of its input that it has not taken."""
        return 0 if self._input is None else len(self._input.send_mbuf)

    @property
    def unread(self) -> int:
        """Bytes of its output that nobody has taken."""
        return 0 if self._output is None else len(self._output.recv_mbuf)

    @property
    def errors(self) -> bytes:
        """What it has said on its standard error, the first of it."""
        if self._errors is not None:
            self._hear(self._errors)
        return bytes(self._said)

    def write(self, data: bytes) -> None:
        """Give it more input."""
        if self._input is not None:
            self._input.send(data)

    def end_input(self) -> None:
        """Its input ends here."""
        if self._input is not None:
            self._input.close_after_send()

    def take_output(self) -> bytes:
        """What there is of its output; reading goes on when it was taken."""
        c = self._output
        if c is None:
            return b""
        data = bytes(c.recv_mbuf)
        del c.recv_mbuf[:]
        if self._process.returncode is not None:
            self._close()
        return data

    def end(self) -> None:
        """Have it end. Nobody is told of its output any more."""
        if self._on_output is None:
            return
        self._on_output = self._on_input = None
        self.take_output()
        if self._process.returncode is not None:
            return
        if self.mgr.closing:
            self._kill()
            return
        self._signal(signal.SIGTERM)
        self._set_timer(KILL_GRACE, self._kill)

    # -- what happens to it -------------------------------------------------------------------

    def _came(self, c: Connection) -> None:
        self.active = self.mgr.monotonic()
        if self._on_output is not None:
            self._on_output()
        else:
            del c.recv_mbuf[:]

    def _was_taken(self) -> None:
        self.active = self.mgr.monotonic()
        if self._on_input is not None:
            self._on_input()

    def _hear(self, c: Connection) -> None:
        """Keep the first of what was said, what lies in the pipe included."""
        try:
            c.recv_mbuf.extend(os.read(c.fileno(), ERRORS_KEPT))
        except OSError:
            pass  # nothing there, or given back already
        self._said += c.recv_mbuf[: ERRORS_KEPT - len(self._said)]
        del c.recv_mbuf[:]

    def _ended(self) -> None:
        """Its output has ended: its exit cannot be far."""
        self.output_ended = True
        if self._on_output is not None:
            self._set_timer(EXIT_GRACE, self.end)
        self._await_exit()
        if self._on_output is not None:
            self._on_output()

    def _await_exit(self) -> None:
        self._look_for_exit()
        if self._process.returncode is not None or self._exit is not None:
            return
        try:
            fd = os.pidfd_open(self._process.pid)
        except (AttributeError, OSError):
            if self._output is not None:
                self._output.call_later(_EXIT_POLL, self._await_exit)
            return
        self._exit = _Exit(self, fd)
        self.mgr._attach(fd, self._exit)
        self.mgr._poller.set(fd, 0, _READABLE)

    def _look_for_exit(self) -> None:
        if self._process.poll() is None:
            return
        if self._exit is not None:
            self._exit.close()
            self._exit = None
        if self._timer is not None:
            self._timer.cancel()
        if self._on_output is None or not self.unread:
            self._close()

    def _close(self) -> None:
        if self._output is not None:
            self._output.close()

    def _kill(self) -> None:
        """There is no more waiting for it."""
        self._signal(signal.SIGKILL)
        if self.mgr.closing:
            self._close()
        else:
            self._await_exit()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # all of it has ended; or what it has started belongs to somebody else

    def _set_timer(self, seconds: float, then: Callable[[], object]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.mgr.call_later(seconds, then)

    def _goodbye(self) -> None:
        """The manager is closing: who uses it sees to it, or nobody does any more."""
        if self.output_ended or self._on_output is None:
            self._kill()

    def _closed(self) -> None:
        """Its output was given back: this is the end."""
        self._output = None
        self.output_ended = True
        if self._process.returncode is None:
            self._signal(signal.SIGKILL)
            self._process.wait()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._exit is not None:
            self._exit.close()
            self._exit = None
        if self._input is not None:
            self._input.close()
        if self._errors is not None:
            self._hear(self._errors)
            self._errors.close()
        on_output, self._on_output, self._on_input = self._on_output, None, None
        if on_output is not None:
            on_output()
        self._on_exit()


class _Pipe(Protocol):
    """One of the pipes of a program."""

    __slots__ = ("program",)

    def __init__(self, program: Program, *events: Event) -> None:
        Protocol.__init__(self, mask_of(*events))
        self.program = program

    def goodbye(self, c: Connection) -> None:
        """It goes with the others."""


class _Output(_Pipe):
    __slots__ = ()

    def __init__(self, program: Program) -> None:
        _Pipe.__init__(self, program, Event.RECV, Event.CLOSE)

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        if ev == _RECV:
            self.program._came(c)
        elif ev == _CLOSE:
            self.program._closed()

    def ended(self, c: Connection) -> bool:
        self.program._ended()
        return True

    def goodbye(self, c: Connection) -> None:
        self.program._goodbye()


class _Errors(_Pipe):
    __slots__ = ()

    def __init__(self, program: Program) -> None:
        _Pipe.__init__(self, program, Event.RECV, Event.CLOSE)

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        if ev == _RECV:
            self.program._hear(c)
        elif ev == _CLOSE:
            self.program._errors = None


class _Input(_Pipe):
    __slots__ = ()

    def __init__(self, program: Program) -> None:
        _Pipe.__init__(self, program, Event.SEND, Event.CLOSE)

    def on_event(self, c: Connection, ev: int, data: Any) -> None:
        if ev == _CLOSE:
            self.program._input = None
        self.program._was_taken()


class _Exit(Watcher):
    """Is told when a process has exited."""

    def __init__(self, program: Program, fd: int) -> None:
        self._program = program
        self._fd = fd

    def _ready(self, mask: int) -> None:
        self._program._look_for_exit()

    def close(self) -> None:
        self._program.mgr._detach(self._fd, _READABLE)
        os.close(self._fd)
