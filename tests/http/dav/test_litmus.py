"""litmus, the compliance suite of WebDAV: each of its suites passes whole."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from galidia import Manager
from galidia.http.dav import WebDav
from tests.http.conftest import running

#: Each suite, and how many tests it has at least.
SUITES = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}
PATIENCE = 100  # seconds; ends a program that hangs


@pytest.mark.parametrize("suite", SUITES)
def test_litmus(suite: str, mgr: Manager, tmp_path: Path) -> None:
    root, work = tmp_path / "root", tmp_path / "work"
    root.mkdir()
    work.mkdir()
    dav = WebDav(root)
    listener = mgr.bind("http://127.0.0.1:0")
    listener.endpoint("/dav/{path...}", dav)
    with running(mgr):
        done = subprocess.run(
            ["litmus", f"http://{listener.local}/dav/"],
            cwd=work,
            env={"PATH": os.environ["PATH"], "TESTS": suite},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
    dav.close()
    said = done.stdout
    summary = re.search(r"of (\d+) tests run: (\d+) passed, (\d+) failed", said)
    assert summary is not None, said
    count, passed, failed = map(int, summary.groups())
    assert (failed, passed) == (0, count), said + log(work)
    assert count >= SUITES[suite], said
    assert "WARNING" not in said, said
    assert done.returncode == 0, said


def log(work: Path) -> str:
    """What litmus has said and heard."""
    path = work / "debug.log"
    return path.read_text("latin-1")[-20_000:] if path.exists() else ""
