"""The check that runs around every test finds what it is there to find."""

import socket
import subprocess
import sys
import threading

from tests.leaks import Snapshot


def test_nothing_new_is_nothing_left() -> None:
    before = Snapshot()
    with socket.socket():
        pass
    assert before.left() == []


def test_an_open_socket_is_left() -> None:
    before = Snapshot()
    with socket.socket() as one:
        (found,) = before.left()
        assert found.startswith(f"file descriptor: ('{one.fileno()}'")


def test_a_thread_is_left() -> None:
    before, end = Snapshot(), threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    found = before.left()
    end.set()
    thread.join()
    assert len(found) == 1
    assert found[0].startswith("thread: ")


def test_a_child_process_is_left() -> None:
    before = Snapshot()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = [thing for thing in before.left() if thing.startswith("child process: ")]
        child.communicate(b"\n")
    assert len(found) == 1
    assert f"'{child.pid}'" in found[0]
    assert before.left() == []
