"""`galidia get`: downloads."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from galidia.cli import job, main
from tests.cli.command import (
    GALIDIA,
    PLAIN,
    Site,
    Visit,
    environment,
    ranged,
    run,
    run_on_terminal,
    wait_until,
)
from tests.helpers import PATIENCE, Certificates

BODY = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "FIRST_WAIT", 0.001)


def get(folder: Path, *arguments: str) -> int:
    """The command in this process."""
    return main(["get", "-O", str(folder), *arguments])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_many_files_from_a_galidia_server(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for n in range(30):
        (source / f"{n}.bin").write_bytes(os.urandom(n * 1000))
    with subprocess.Popen(
        [*GALIDIA, "serve", "--root", str(source), "http://127.0.0.1:0"], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().decode().split()[-1]
        target = tmp_path / "target"
        done = run("get", "-O", str(target), "-j", "4", *(f"{url}{n}.bin" for n in range(30)))
        server.terminate()
        server.wait(PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(target) == files(source)
    assert len(done.stdout.splitlines()) == 30
    assert f"{target}/1.bin (1000 bytes)\n" in done.stdout


def test_no_more_at_once_than_was_said(site: Site, tmp_path: Path) -> None:
    here, most, lock = 0, 0, threading.Lock()

    def page(visit: Visit) -> None:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
            if most == 3:
                site.released.set()
        site.released.wait(PATIENCE)
        with lock:
            here -= 1
        visit.answer(200, b"x")

    urls = []
    for n in range(10):
        site.pages[f"/{n}"] = page
        urls.append(site.url(f"/{n}"))
    assert get(tmp_path, "--jobs", "3", *urls) == 0
    assert most == 3
    assert len(files(tmp_path)) == 10


def test_into_the_current_folder_or_a_given_file(site: Site, tmp_path: Path) -> None:
    url = site.page("/a/b%20c.txt", b"text")
    assert run("get", url, folder=tmp_path).stdout == "b c.txt (4 bytes)\n"
    assert main(["get", url, "-o", str(tmp_path / "mine"), "--quiet"]) == 0
    assert files(tmp_path) == {"b c.txt": b"text", "mine": b"text"}


def test_an_empty_file_and_one_without_a_length(site: Site, tmp_path: Path) -> None:
    def endless(visit: Visit) -> None:
        visit.send_response(200)
        visit.end_headers()
        visit.wfile.write(BODY)

    site.pages["/long"] = endless
    assert get(tmp_path, site.page("/empty"), site.url("/long")) == 0
    assert files(tmp_path) == {"empty": b"", "long": BODY}


def test_quiet(site: Site, tmp_path: Path) -> None:
    done = run("get", "-q", site.page("/a"), site.url("/none"), folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"galidia: {site.url('/none')}: the server answers 404 Not Found\n"


def test_what_is_asked_for(site: Site, tmp_path: Path) -> None:
    url = site.page("/a")
    assert get(tmp_path, url, "-H", "X-One: ä", "-H", "Accept:text/x", "--user", "me:secret") == 0
    (visit,) = site.visits
    assert visit.field("X-One") == "ä".encode().decode("latin-1")
    assert visit.field("Accept") == "text/x"
    assert visit.field("Authorization") == "Basic bWU6c2VjcmV0"
    # What is stored is what the server has.
    assert visit.field("Accept-Encoding") == "identity"


def test_through_a_proxy(site: Site, tmp_path: Path) -> None:
    site.page("http://example.test/file", b"by proxy")
    assert get(tmp_path, "http://example.test/file", "--proxy", site.url()) == 0
    assert files(tmp_path) == {"file": b"by proxy"}


def test_after_redirects_the_name_is_the_first_one(site: Site, tmp_path: Path) -> None:
    site.page("/download/.bashrc", b"data")
    url = site.page("/name.zip", status=302, location="/download/.bashrc")
    assert get(tmp_path, url) == 0
    assert files(tmp_path) == {"name.zip": b"data"}


# -- failures ---------------------------------------------------------------------------------


def test_one_failure_does_not_stop_the_others(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    closed = f"http://127.0.0.1:{port}/"
    urls = [site.url("/none"), closed, site.page("/gone", status=204), site.page("/good", b"1")]
    assert get(tmp_path, *urls) == 1
    assert files(tmp_path) == {"good": b"1"}
    said = capsys.readouterr()
    assert said.out == f"{tmp_path}/good (1 byte)\n"
    errors = sorted(said.err.splitlines())
    assert len(errors) == 3
    assert all(line.startswith("galidia: http://127.0.0.1:") for line in errors)
    assert "refused" in said.err
    assert "Errno" not in said.err


def test_a_server_that_says_nothing(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def page(visit: Visit) -> None:
        visit.head(200, len(BODY))
        visit.wfile.write(BODY[:10])
        site.released.wait(PATIENCE)

    site.pages["/file"] = page
    assert get(tmp_path, site.url("/file"), "--timeout", "0.1", "--retries", "1") == 1
    assert "nothing came or went for 0.1 s" in capsys.readouterr().err
    assert files(tmp_path)["file.part"] == BODY[:10]
    assert len(site.visits) == 2


def test_https(tmp_path: Path) -> None:
    certs = Certificates(tmp_path)
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "file").write_bytes(BODY)
    arguments = ["--root", str(source), "--cert", str(certs.server)]
    with subprocess.Popen(
        [*GALIDIA, "serve", "https://127.0.0.1:0", *arguments], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().decode().split()[-1] + "file"
        assert get(target, url) == 1
        assert get(target, url, "--ca", str(certs.ca)) == 0
        assert get(target, url, "--insecure", "--force") == 0
        server.terminate()
        server.wait(PATIENCE)
    assert files(target) == {"file": BODY}


def test_passing_faults_are_tried_again(site: Site, tmp_path: Path) -> None:
    faults = [503, 429]

    def page(visit: Visit) -> None:
        visit.answer(faults.pop(0) if faults else 200, b"at last")

    site.pages["/file"] = page
    assert get(tmp_path, site.url("/file"), "--retries", "2") == 0
    assert files(tmp_path) == {"file": b"at last"}
    assert len(site.visits) == 3


def test_they_are_tried_no_more_than_was_said(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert get(tmp_path, site.page("/file", status=503), "--retries", "2") == 1
    assert len(site.visits) == 3
    assert "503 Service Unavailable" in capsys.readouterr().err
    assert files(tmp_path) == {}


def test_the_body_of_an_error_may_have_no_end(site: Site, tmp_path: Path) -> None:
    def page(visit: Visit) -> None:
        visit.head(404, 1 << 40)
        while True:
            visit.wfile.write(bytes(1 << 16))

    site.pages["/file"] = page
    assert get(tmp_path, site.url("/file")) == 1
    assert files(tmp_path) == {}


def test_a_name_that_is_there_is_not_replaced_unasked(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    url = site.page("/file", b"new")
    assert get(tmp_path, url) == 1
    assert "is there already; --force replaces it" in capsys.readouterr().err
    assert files(tmp_path) == {"file": b"mine"}
    assert get(tmp_path, url, "--force") == 0
    assert files(tmp_path) == {"file": b"new"}


def test_what_is_no_file_is_never_replaced(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    url = site.page("/file", b"new")
    assert get(tmp_path, url, "--force") == 1
    assert main(["get", url, "-o", os.devnull]) == 1
    assert not Path(os.devnull).is_file()
    assert not Path(os.devnull + ".part").exists()
    assert (tmp_path / "file").is_dir()


def test_two_of_the_same_name(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = site.page("/a/file", b"one"), site.page("/b/file", b"two")
    assert get(tmp_path, one, two) == 1
    assert files(tmp_path) == {"file": b"one"}
    assert "is being downloaded already" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    done = run("get", site.page("/file"), "-O", str(tmp_path / "plain" / "below"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "Not a directory" in done.stderr


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename*=UTF-8''na%C3%AFve%20plan.txt; filename=naive", "naïve plan.txt"),
        ('attachment; filename="../../../etc/passwd"', "passwd"),
        ('attachment; filename="..\\\\..\\\\boot.ini"', "boot.ini"),
        ('attachment; filename="/etc/cron.d/job"', "job"),
        ("attachment; filename*=UTF-8''..%2F..%2Fx", "x"),
        ('attachment; filename=".bashrc"', "bashrc"),
        ('attachment; filename=".."', "page"),
        ('attachment; filename=""', "page"),
        ("attachment", "page"),
    ],
)
def test_the_server_names_the_file_but_not_its_folder(
    site: Site, tmp_path: Path, disposition: str, name: str
) -> None:
    target = tmp_path / "a" / "b"
    url = site.page("/page", b"data", content_disposition=disposition)
    assert get(target, url) == 0
    assert files(target) == {name: b"data"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_server_cannot_replace_what_is_there(site: Site, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes(b"mine")
    url = site.page("/harmless", b"evil", content_disposition='attachment; filename="Makefile"')
    assert get(tmp_path, url) == 1
    assert files(tmp_path) == {"Makefile": b"mine"}


def test_a_name_gives_no_orders_to_the_terminal(site: Site, tmp_path: Path) -> None:
    name = "a%1B%5D0%3Btitle%07b%C2%9B31m%E2%80%AEtxt.exe"
    url = site.page("/page", b"", content_disposition=f"attachment; filename*=UTF-8''{name}")
    shown = run_on_terminal("get", url, folder=tmp_path)
    assert list(files(tmp_path)) == ["a]0;titleb31mtxt.exe"]
    assert "]0;title\a" not in shown.text
    assert "\x9b" not in shown.text


# -- checksums --------------------------------------------------------------------------------


def test_checksums(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = site.page("/one", BODY), site.page("/two", b"2")
    sums = [
        "--sha256",
        sha256(BODY),
        "--checksum",
        f"SHA3-512:{hashlib.sha3_512(b'2').hexdigest()}",
    ]
    assert get(tmp_path, one, two, *sums) == 0
    assert files(tmp_path) == {"one": BODY, "two": b"2"}
    assert f"{tmp_path}/two (1 byte, sha3_512 right)\n" in capsys.readouterr().out


def test_a_wrong_checksum_leaves_no_file(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = site.page("/one", BODY, etag='"x"')
    assert get(tmp_path, url, "--sha256", sha256(b"other")) == 1
    assert files(tmp_path) == {}
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{url}: wrong checksum: sha256 is {sha256(BODY)}" in said.err


def test_a_wrong_checksum_leaves_what_was_there(site: Site, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"before")
    assert get(tmp_path, site.page("/one", BODY), "-f", "--sha256", sha256(b"other")) == 1
    assert files(tmp_path) == {"one": b"before"}


# -- going on ---------------------------------------------------------------------------------


def test_a_cut_connection_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = ranged(BODY, cut=[1000, 500_000])
    assert get(tmp_path, site.url("/file")) == 0
    assert files(tmp_path) == {"file": BODY}
    assert [visit.field("Range") for visit in site.visits] == [
        None,
        "bytes=1000-",
        "bytes=501000-",
    ]


def test_what_is_left_is_gone_on_with_later(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.pages["/file"] = ranged(BODY, cut=[5000])
    url = site.url("/file")
    assert get(tmp_path, url, "--retries", "0") == 1
    assert "file.part" in files(tmp_path)
    assert "file" not in files(tmp_path)
    assert "truncated" in capsys.readouterr().err
    assert get(tmp_path, url, "--continue", "--sha256", sha256(BODY)) == 0
    assert files(tmp_path) == {"file": BODY}
    assert site.visits[-1].field("Range") == "bytes=5000-"
    assert site.visits[-1].field("If-Range") == '"one"'
    assert get(tmp_path, url, "--continue") == 0  # it is there: nobody is asked
    assert len(site.visits) == 2
    assert get(tmp_path, url, "--continue", "--sha256", sha256(b"")) == 1
    assert files(tmp_path) == {"file": BODY}


def test_without_continue_it_begins_anew(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = ranged(BODY, cut=[5000])
    assert get(tmp_path, site.url("/file"), "--retries", "0") == 1
    assert get(tmp_path, site.url("/file")) == 0
    assert site.visits[-1].field("Range") is None
    assert files(tmp_path) == {"file": BODY}


def test_nothing_stays_of_what_was_longer(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"old" * 100)
    assert get(tmp_path, site.page("/file", b"new")) == 0
    assert files(tmp_path) == {"file": b"new"}


def test_what_has_changed_meanwhile_is_not_mixed(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = ranged(BODY, cut=[5000])
    assert get(tmp_path, site.url("/file"), "--retries", "0") == 1
    site.pages["/file"] = ranged(b"new" * 100_000, etag='"two"')
    assert get(tmp_path, site.url("/file"), "-c") == 0
    assert files(tmp_path) == {"file": b"new" * 100_000}


def test_what_nobody_can_tell_to_be_the_same_is_not_gone_on_with(
    site: Site, tmp_path: Path
) -> None:
    site.pages["/file"] = ranged(BODY, etag='W/"weak"', cut=[5000])
    assert get(tmp_path, site.url("/file")) == 0
    assert [visit.field("Range") for visit in site.visits] == [None, None]
    assert files(tmp_path) == {"file": BODY}


def test_a_checksum_can_tell(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = ranged(BODY, etag='W/"weak"', cut=[5000])
    assert get(tmp_path, site.url("/file"), "--sha256", sha256(BODY)) == 0
    assert site.visits[-1].field("Range") == "bytes=5000-"
    assert site.visits[-1].field("If-Range") is None


def test_the_part_of_another_url_is_not_gone_on_with(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"evil")
    note = {"url": "http://elsewhere.test/file", "validator": '"one"'}
    (tmp_path / "file.part.json").write_text(json.dumps(note))
    site.pages["/file"] = ranged(BODY)
    assert get(tmp_path, site.url("/file"), "-c") == 0
    assert files(tmp_path) == {"file": BODY}


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"url": 1, "validator": 2}', "\udcff"])
def test_a_note_that_makes_no_sense(site: Site, tmp_path: Path, note: str) -> None:
    (tmp_path / "file.part").write_bytes(b"evil")
    (tmp_path / "file.part.json").write_text(note, errors="surrogateescape")
    site.pages["/file"] = ranged(BODY)
    assert get(tmp_path, site.url("/file"), "-c") == 0
    assert files(tmp_path) == {"file": BODY}


def test_a_part_that_is_all(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = ranged(BODY)
    (tmp_path / "file.part").write_bytes(BODY)
    note = {"url": site.url("/file"), "validator": '"one"'}
    (tmp_path / "file.part.json").write_text(json.dumps(note))
    assert get(tmp_path, site.url("/file"), "-c") == 0
    assert site.visits[-1].field("Range") == f"bytes={len(BODY)}-"
    assert files(tmp_path) == {"file": BODY}


def test_a_part_that_is_too_long(site: Site, tmp_path: Path) -> None:
    site.pages["/file"] = ranged(BODY)
    (tmp_path / "file.part").write_bytes(BODY + b"more")
    note = {"url": site.url("/file"), "validator": '"one"'}
    (tmp_path / "file.part.json").write_text(json.dumps(note))
    assert get(tmp_path, site.url("/file"), "-c") == 0
    assert [visit.field("Range") for visit in site.visits] == [f"bytes={len(BODY) + 4}-", None]
    assert files(tmp_path) == {"file": BODY}


@pytest.mark.parametrize("said", ["bytes 0-9/10", "bytes 9-4/10", "items 5-9/10", ""])
def test_another_range_than_was_asked_for(site: Site, tmp_path: Path, said: str) -> None:
    site.page("/file", b"x" * 10, status=206, content_range=said)
    (tmp_path / "file.part").write_bytes(b"12345")
    note = {"url": site.url("/file"), "validator": '"one"'}
    (tmp_path / "file.part.json").write_text(json.dumps(note))
    assert get(tmp_path, site.url("/file"), "-c") == 1
    assert files(tmp_path)["file.part"] == b"12345"
    assert "file" not in files(tmp_path)


def test_urls_that_differ_in_their_query_have_parts_of_their_own(
    site: Site, tmp_path: Path
) -> None:
    urls = []
    for n in "12":
        name = f'attachment; filename="{n}.txt"'
        urls.append(site.page(f"/get?id={n}", n.encode(), content_disposition=name))
    assert get(tmp_path, *urls) == 0
    assert files(tmp_path) == {"1.txt": b"1", "2.txt": b"2"}


def test_a_part_leads_nowhere_else(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, victim = tmp_path / "folder", tmp_path / "victim"
    folder.mkdir()
    victim.write_bytes(b"mine")
    (folder / "file.part").symlink_to(victim)
    url = site.page("/file", BODY)
    assert get(folder, url) == 1
    assert "file.part: Too many levels of symbolic links" in capsys.readouterr().err
    (folder / "file.part").rename(folder / "file.part.json")
    assert get(folder, url) == 0
    assert victim.read_bytes() == b"mine"
    assert files(folder) == {"file": BODY}


# -- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number: int, site: Site, tmp_path: Path) -> None:
    def page(visit: Visit) -> None:
        visit.head(200, len(BODY), etag='"one"')
        visit.wfile.write(BODY[:5000])
        site.released.wait(PATIENCE)

    site.pages["/file"] = page
    url = site.url("/file")
    part = tmp_path / "file.part"
    with subprocess.Popen(
        [*GALIDIA, "get", url, url + "2"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_until(lambda: part.exists() and part.stat().st_size == 5000)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert out == b""
    assert part.read_bytes() == BODY[:5000]
    site.pages["/file"] = ranged(BODY)
    assert get(tmp_path, url, "-c") == 0
    assert files(tmp_path) == {"file": BODY}


# -- what is shown ----------------------------------------------------------------------------


def test_bars_on_a_terminal(site: Site, tmp_path: Path) -> None:
    urls = [site.page(f"/{n}.bin", BODY) for n in range(3)]
    shown = run_on_terminal("get", *urls, site.url("/none"), folder=tmp_path)
    assert shown.code == 1
    assert "\x1b[" in shown.text
    assert "2.bin" in shown.text
    for n in range(3):
        assert f"{n}.bin (1000.0 KiB)" in shown.text
    assert shown.errors == f"galidia: {site.url('/none')}: the server answers 404 Not Found\n"
    assert files(tmp_path) == {f"{n}.bin": BODY for n in range(3)}


def test_a_bar_moves(site: Site, tmp_path: Path) -> None:
    def page(visit: Visit) -> None:
        visit.head(200, len(BODY))
        visit.wfile.write(BODY[: len(BODY) // 2])
        site.released.wait(PATIENCE)
        visit.wfile.write(BODY[len(BODY) // 2 :])

    def look(text: str) -> None:
        if "500.0/1,000.0 KiB" in text:
            site.released.set()

    site.pages["/file"] = page
    shown = run_on_terminal("get", site.url("/file"), folder=tmp_path, watch=look)
    assert shown.code == 0
    assert files(tmp_path) == {"file": BODY}
    assert site.released.is_set()


def test_interrupted_bars_leave_the_terminal_as_it_was(site: Site, tmp_path: Path) -> None:
    def page(visit: Visit) -> None:
        visit.head(200, len(BODY))
        visit.wfile.write(BODY[:100])
        site.released.wait(PATIENCE)

    hidden, visible = "\x1b[?25l", "\x1b[?25h"
    asked = False

    def look(text: str) -> None:
        nonlocal asked
        if "file" in text and not asked:
            asked = True
            os.kill(running[0], signal.SIGINT)

    running: list[int] = []
    site.pages["/file"] = page
    shown = run_on_terminal(
        "get", site.url("/file"), folder=tmp_path, watch=look, started=running.append
    )
    assert (shown.code, shown.errors) == (130, "")
    assert hidden in shown.text
    assert shown.text.rfind(visible) > shown.text.rfind(hidden)
    assert (tmp_path / "file.part").exists()


def test_a_terminal_without_rich(site: Site, tmp_path: Path) -> None:
    shown = run_on_terminal("get", site.page("/file", BODY), folder=tmp_path, command=PLAIN)
    assert shown == (0, "file (1000.0 KiB)\n", "")


def test_quiet_on_a_terminal(site: Site, tmp_path: Path) -> None:
    shown = run_on_terminal("get", "-q", site.page("/file", BODY), folder=tmp_path)
    assert shown == (0, "", "")
