"""`galidia passwd`, in a pipe and on a terminal."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
from pathlib import Path

import pytest

from galidia.http.access.passwords import PasswordFile
from tests.cli.command import GALIDIA, environment, run
from tests.helpers import PATIENCE

MD5 = "e18d8a74f4d0b8477f3b88954e6570c0"
SHA_256 = "312d144ef2ebbcc996fb66ed9519b6f55793297548e9d2d6822135b3d3641cc8"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "users"


@pytest.mark.parametrize("said", [b"s3cret", b"s3cret\n", b"s3cret\r\n", b"s3cret\nmore\n"])
def test_a_pipe(file: Path, said: bytes) -> None:
    done = run("passwd", str(file), "a realm", "bob", stdin=said)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_text() == f"bob:a realm:{MD5}\nbob:a realm:{SHA_256}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_to_delete(file: Path) -> None:
    for user in ("ann", "bob"):
        run("passwd", str(file), "r", user, stdin=b"secret")
    assert run("passwd", str(file), "r", "ann", "--delete").returncode == 0
    left = file.read_text()
    assert left.startswith("bob:r:")
    assert "ann" not in left
    done = run("passwd", "--delete", str(file), "r", "ann")
    assert done.returncode == 1
    assert done.stderr == f"galidia: {file}: there is no 'ann' in the realm 'r'\n"
    assert file.read_text() == left


@pytest.mark.parametrize(
    ("user", "stdin", "says"),
    [
        ("bob", b"", "a password is text without control characters, and not empty"),
        ("bob", b"a\0b", "a password is text without control characters, and not empty"),
        ("bob", b"x" * 5000, "a password is at most 4096 bytes long"),
        ("b:b", b"secret", "a user name is text without colons and control characters"),
        ("bob", b"\xff", "can't decode byte"),
    ],
)
def test_what_cannot_be(file: Path, user: str, stdin: bytes, says: str) -> None:
    done = run("passwd", str(file), "r", user, stdin=stdin)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not file.exists()


def test_no_folder(file: Path) -> None:
    for options in ([], ["--delete"]):
        done = run("passwd", str(file / "none"), "r", "bob", *options, stdin=b"secret")
        assert done.returncode == 1
        assert "No such file or directory" in done.stderr


def on_terminal(file: Path, *answers: str) -> tuple[int, str]:
    """The command on a terminal, with something typed at each prompt: its exit code, and all that
    the terminal shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*GALIDIA, "passwd", str(file), "a realm", "bob"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(),
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    left = list(answers)
    try:
        while piece := os.read(ours, 1000):
            shown += piece
            if left and shown.endswith(b": "):
                os.write(ours, left.pop(0).encode() + b"\n")
    except OSError:  # how Linux says that nobody writes to it any more
        pass
    finally:
        os.close(ours)
    return process.wait(PATIENCE), shown.decode()


def test_a_terminal(file: Path) -> None:
    assert on_terminal(file, "s3cret", "other") == (
        1,
        "Password of bob: \r\nOnce more: \r\n"
        "galidia: these were two different passwords; nothing was changed\r\n",
    )
    assert not file.exists()
    assert on_terminal(file, "s3cret", "s3cret") == (0, "Password of bob: \r\nOnce more: \r\n")
    users = PasswordFile(file)
    users.refresh()
    assert users.secret(b"bob", b"a realm", "md5") == MD5
