"""The command itself: versions, usage, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import galidia
from galidia.cli import main, version
from tests.cli.command import GALIDIA, Site, environment, run
from tests.helpers import PATIENCE


def test_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout == version() + "\n"
    assert galidia.__version__ in done.stdout
    assert ("compiled" if galidia.COMPILED else "pure Python") in done.stdout


def test_the_version_needs_no_protocol() -> None:
    program = (
        "import sys\n"
        "from galidia.cli import main\n"
        "try:\n"
        "    main(['--version'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "late = ('galidia.http', 'galidia.cli.', 'rich')\n"
        "loaded = [name for name in sys.modules if name.startswith(late)]\n"
        "assert loaded == ['galidia.cli.output'], loaded\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=environment())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["serve", "--nonsense"],
        ["serve", "--root"],
        ["get"],
        ["get", "http://127.0.0.1/", "--nonsense"],
        ["get", "ftp://127.0.0.1/file"],
        ["get", "http://"],
        ["get", "http://a/", "http://b/", "-o", "one"],
        ["get", "http://a/", "-o", "one", "-O", "folder"],
        ["get", "http://a/", "-o", "-"],
        ["get", "http://a/", "--jobs", "0"],
        ["get", "http://a/", "--jobs", "many"],
        ["get", "http://a/", "--retries", "-1"],
        ["get", "http://a/", "--timeout", "0"],
        ["get", "http://a/", "--timeout", "nan"],
        ["get", "http://a/", "--sha256", "abc"],
        ["get", "http://a/", "--checksum", "crc32:00000000"],
        ["get", "http://a/", "--checksum", "sha256:" + "g" * 64],
        ["get", "http://a/", "--sha256", "0" * 64, "--sha256", "1" * 64],
        ["get", "http://a/", "--header", "no colon"],
        ["get", "http://a/", "--header", "Content-Length: 5"],
        ["get", "http://a/", "--header", "A: b\r\nC: d"],
        ["get", "http://a/", "--ca", "file", "--insecure"],
        ["get", "http://a/", "--proxy", "socks5://127.0.0.1:1"],
        ["http"],
        ["http", "GET"],
        ["http", "GET", "http://a/", "no-colon"],
        ["http", "GET", "http://a/", "bad name: x"],
        ["http", "GET", "http://a/", "--json", "{"],
        ["http", "GET", "http://a/", "--form", "nothing"],
        ["http", "GET", "http://a/", "--data", "a", "--json", "1"],
        ["http", "GET", "http://a/", "--head", "--body"],
        ["http", "GET", "http://a/", "--digest"],
        ["http", "G T", "http://a/"],
        ["passwd", "file", "realm"],
        ["passwd", "file", "realm", "user", "password"],
    ],
    ids=" ".join,
)
def test_what_is_no_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert "usage: galidia" in said.err
    assert "Traceback" not in said.err


def test_what_is_no_command_ends_the_process_with_2() -> None:
    done = run("get", "http://a/", "--nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unrecognized arguments: --nonsense" in done.stderr


def test_options_may_stand_between_arguments(site: Site) -> None:
    url = site.page("/")
    done = run("http", "GET", url, "A: 1", "--body", "B: 2")
    assert done.returncode == 0
    (visit,) = site.visits
    assert (visit.field("A"), visit.field("B")) == ("1", "2")


def test_main_returns_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--root", "/nonexistent"]) == 1
    assert capsys.readouterr().err == "galidia: /nonexistent: not a folder to serve\n"


def test_a_reader_that_goes_is_no_fault_of_ours(site: Site) -> None:
    url = site.page("/", b"x" * (8 << 20))
    with subprocess.Popen(
        [*GALIDIA, "http", "GET", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 1


@pytest.mark.parametrize("gone", ["stdout", "stderr"])
def test_downloads_go_on_though_nobody_reads_what_is_said(
    site: Site, tmp_path: Path, gone: str
) -> None:
    urls = [site.page(f"/{n}", b"x") for n in range(5)]
    with subprocess.Popen(
        [*GALIDIA, "get", site.url("/none"), *urls],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        stream = getattr(process, gone)
        stream.close()
        assert process.wait(PATIENCE) == 1
    assert len(list(tmp_path.iterdir())) == 5
