"""Programs beside the loop: their pipes, their end, and that nothing is left of them."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import Manager
from galidia.core import program as module
from galidia.core.program import Program
from galidia.testing import SimNetwork
from tests.helpers import until


@pytest.fixture
def mgr() -> Iterator[Manager]:
    manager = Manager()
    yield manager
    manager.close(0)


class Running:
    """A program, what came of it, and its end."""

    def __init__(self, mgr: Manager, *command: str, has_input: bool = False, **env: str) -> None:
        self.output = b""
        self.takes = True
        self.exits = 0
        self.inputs = 0
        self.program = Program(
            mgr,
            command,
            env={os.fsencode(name): os.fsencode(value) for name, value in env.items()},
            folder="/",
            has_input=has_input,
            on_output=self.on_output,
            on_input=self.on_input,
            on_exit=self.on_exit,
        )

    def on_output(self) -> None:
        if self.takes and hasattr(self, "program"):
            self.output += self.program.take_output()

    def on_input(self) -> None:
        self.inputs += 1

    def on_exit(self) -> None:
        self.exits += 1


Run = Callable[..., Running]


@pytest.fixture
def run(mgr: Manager) -> Run:
    def start(script: str, **options: Any) -> Running:
        return Running(mgr, "/bin/sh", "-c", script, PATH=os.environ["PATH"], **options)

    return start


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and not only what is left to be waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def group(leader: int) -> list[int]:
    """The processes of a group that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def test_output_errors_and_the_end(mgr: Manager, run: Run) -> None:
    it = run("echo one; echo wrong >&2; echo two; pwd")
    until(mgr, lambda: it.exits)
    assert it.output == b"one\ntwo\n/\n"
    assert it.program.errors == b"wrong\n"
    assert it.program.output_ended
    assert it.program.take_output() == b""
    it.program.end()  # nothing more to do
    assert it.exits == 1


def test_it_has_what_it_is_given_and_nothing_else(mgr: Manager) -> None:
    os.set_inheritable(1, True)
    kept = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(kept, True)  # as careless programs do
    code = (
        "import os\n"
        "print(sorted(os.environ.items()), os.getsid(0) == os.getpid() == os.getpgrp())\n"
        "print([fd for fd in range(3, 256) if os.path.exists(f'/proc/self/fd/{fd}')])\n"
        "import sys; print(repr(sys.stdin.read()), flush=True)\n"
        "for fd in 1, 2: open(f'/dev/fd/{fd}', 'w').write('by name\\n')\n"
    )
    it = Running(mgr, sys.executable, "-I", "-S", "-c", code, NAME="v\u00e4lue", LC_ALL="C.UTF-8")
    until(mgr, lambda: it.exits)
    os.close(kept)
    assert it.output.decode().splitlines() == [
        "[('LC_ALL', 'C.UTF-8'), ('NAME', 'v\u00e4lue')] True",
        "[]",
        "''",
        "by name",
    ]
    assert it.program.errors == b"by name\n"


def test_input(mgr: Manager, run: Run) -> None:
    it = run("cat < /dev/stdin; echo end", has_input=True)
    data = bytes(range(256)) * 4000
    it.program.write(data)
    assert it.program.takes_input
    until(mgr, lambda: it.program.unsent == 0)
    it.program.end_input()
    until(mgr, lambda: it.exits)
    assert it.output == data + b"end\n"
    assert it.inputs > 1
    assert not it.program.takes_input


def test_input_that_is_not_taken(mgr: Manager, run: Run) -> None:
    it = run("exec <&-; echo closed; read x < /dev/null", has_input=True)
    it.program.write(bytes(1_000_000))
    until(mgr, lambda: it.exits)
    assert it.output == b"closed\n"
    it.program.write(b"late")
    it.program.end_input()


def test_output_waits_until_it_is_taken(mgr: Manager, run: Run) -> None:
    it = run("head -c 1000000 /dev/zero; echo done >&2")
    it.takes = False
    until(mgr, lambda: it.program.unread >= module.OUTPUT_AHEAD)
    for _ in range(20):
        mgr.poll(1)
    assert it.program.unread < 3 * module.OUTPUT_AHEAD
    assert it.program.errors == b""
    it.takes = True
    it.on_output()
    until(mgr, lambda: it.exits)
    assert it.output == bytes(1_000_000)
    assert it.program.errors == b"done\n"


def test_output_is_there_when_it_has_exited(mgr: Manager, run: Run) -> None:
    it = run("echo late")
    it.takes = False
    until(mgr, lambda: it.program.output_ended and it.program._process.returncode is not None)
    assert (it.program.unread, it.exits) == (5, 0)
    assert it.program.take_output() == b"late\n"
    until(mgr, lambda: it.exits)


@pytest.mark.parametrize("pidfd", [True, False], ids=["pidfd", "polling"])
@pytest.mark.parametrize("script", ["sleep 300", "trap '' TERM; echo deaf; sleep 300 & wait"])
def test_to_end_it(
    script: str, pidfd: bool, mgr: Manager, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    monkeypatch.setattr(module, "KILL_GRACE", 0.1)
    it = run(f"echo $$; {script}")
    until(mgr, lambda: it.output.count(b"\n") > script.count("echo"))
    pid = int(it.output.split()[0])
    assert is_alive(pid)
    it.program.end()
    it.program.end()
    until(mgr, lambda: it.exits)
    until(mgr, lambda: not group(pid))


def test_what_it_has_started_ends_with_it(mgr: Manager, run: Run) -> None:
    it = run("sleep 300 & echo $!; exit")
    until(mgr, lambda: it.output.endswith(b"\n"))
    child = int(it.output)
    assert is_alive(child)
    it.program.end()
    until(mgr, lambda: it.exits and not is_alive(child))


@pytest.mark.parametrize("pidfd", [True, False], ids=["pidfd", "polling"])
def test_it_may_go_on_when_its_output_has_ended_but_not_for_ever(
    pidfd: bool, mgr: Manager, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    it = run("echo $$; exec >&-; read x", has_input=True)
    until(mgr, lambda: it.program.output_ended)
    assert it.exits == 0
    it.program.end_input()
    until(mgr, lambda: it.exits)
    monkeypatch.setattr(module, "EXIT_GRACE", 0.05)
    it = run("echo $$; exec >&-; sleep 300")
    until(mgr, lambda: it.exits)
    assert not is_alive(int(it.output))


@pytest.mark.parametrize("state", ["running", "ended", "ending"])
def test_nothing_is_left_when_the_manager_closes(state: str, mgr: Manager, run: Run) -> None:
    it = run("trap '' TERM; echo $$; [ $0 = x ] || exec >&-; sleep 300".replace(
        "[ $0 = x ] || ", "" if state == "ended" else "false && "))  # fmt: skip
    until(mgr, lambda: it.output.endswith(b"\n"))
    if state == "ended":
        until(mgr, lambda: it.program.output_ended)
    elif state == "ending":
        it.program.end()
    mgr.close(0.05)
    assert it.exits == 1
    assert not is_alive(int(it.output))


def test_the_users_handler_of_sigchld_is_not_disturbed(mgr: Manager, run: Run) -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGCHLD, lambda number, frame: calls.append(number))
    try:
        it = run("exit 3")
        until(mgr, lambda: it.exits)
        assert signal.getsignal(signal.SIGCHLD) is not before
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert calls == [signal.SIGCHLD]
    assert it.program._process.returncode == 3


def test_who_ignores_sigchld(mgr: Manager, run: Run) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets its children
    try:
        it = run("echo out")
        until(mgr, lambda: it.exits)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert it.output == b"out\n"


def test_what_cannot_be_run(mgr: Manager, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no program")
    for path, error in (("/none", errno.ENOENT), (str(tmp_path / "plain"), errno.EACCES)):
        with pytest.raises(OSError) as raised:
            Running(mgr, path)
        assert raised.value.errno == error
    mgr.poll()
    assert len(mgr) == 0


def test_a_simulated_network_runs_no_programs() -> None:
    with Manager(network=SimNetwork()) as mgr, pytest.raises(TypeError, match="simulated"):
        Running(mgr, "/bin/true")


def test_errors_are_kept_to_a_limit(mgr: Manager, run: Run) -> None:
    it = run("head -c 1000000 /dev/zero >&2; echo over")
    until(mgr, lambda: it.exits)
    assert it.output == b"over\n"
    assert it.program.errors == bytes(module.ERRORS_KEPT)
