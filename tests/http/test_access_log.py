"""The access log: what a line says, and what no client can make it say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, handles
from galidia.http.access_log import AccessLog
from tests.http.conftest import Net


@handles(EV_HTTP_REQUEST)
def serve(c: Any, ev: Any, req: Any) -> None:
    if req.path == "/bits":
        req.send_head(200)
        req.send_chunk(b"12345")
        req.send_chunk(b"678")
        req.end()
    elif req.path != "/never":
        req.reply(200, b"hello")


def ask(sim: Net, data: bytes) -> None:
    client = sim.client(data)
    sim.net.run(limit=2)
    client.close()
    sim.net.run(limit=2)


GET = b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n"


def test_combined(sim: Net, tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = AccessLog(path)
    log.attach(sim.serve(serve))
    ask(sim, GET % (b"/a?b", b"Referer: http://x/\r\nUser-Agent: curl/8\r\n"))
    ask(sim, GET % (b"/bits", b""))
    ask(sim, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    ask(sim, b"nonsense\r\n\r\n")
    ask(sim, GET % (b"/never", b"") + b"")
    log.close()
    lines = path.read_text().splitlines()
    stamp = r"\[14/Nov/2023:22:1\d:\d\d \+0000\]"
    for line, text in zip(lines, [
        r'10\.0\.0\.1 - - STAMP "GET /a\?b HTTP/1\.1" 200 5 "http://x/" "curl/8"',
        r'10\.0\.0\.1 - - STAMP "GET /bits HTTP/1\.1" 200 8 "-" "-"',
        r'10\.0\.0\.1 - - STAMP "HEAD / HTTP/1\.1" 200 0 "-" "-"',
        r'10\.0\.0\.1 - - STAMP "-" 400 \d+ "-" "-"',
    ], strict=False):  # fmt: skip
        assert re.fullmatch(text.replace("STAMP", stamp), line), line
    assert len(lines) == 4  # the last one is still pending


def test_a_client_that_went(sim: Net, tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "log", "json")
    log.attach(sim.serve(serve))
    client = sim.client(GET % (b"/never", b""))
    sim.net.run(limit=1)
    client.reset()
    sim.net.run(limit=1)
    log.flush()
    line = json.loads((tmp_path / "log").read_text())
    assert (line["status"], line["target"], line["bytes"]) == (499, "/never", 0)
    assert line["duration"] >= 0
    log.close()


def test_nothing_leaves_its_quotes(sim: Net, tmp_path: Path) -> None:
    evil = b'/"%0a\\x'
    fields = b'User-Agent: "\\\xe4\t;\r\nReferer: \x80"\r\n'
    for format in ("combined", "json"):
        path = tmp_path / format
        log = AccessLog(path, format)
        sim_log = sim.serve(serve) if format == "combined" else None
        if sim_log is None:
            sim_log = next(c for c in sim.mgr if c.listener is None)
        log.attach(sim_log)
        ask(sim, GET % (evil, fields))
        log.close()
    assert r'"GET /\x22%0a\x5cx HTTP/1.1"' in (tmp_path / "combined").read_text()
    assert r'"\x80\x22" "\x22\x5c\xe4\x09;"' in (tmp_path / "combined").read_text()
    assert (tmp_path / "combined").read_text().count("\n") == 1
    line = json.loads((tmp_path / "json").read_text())
    assert (line["target"], line["agent"]) == ('/"%0a\\x', '"\\\xe4\t;')
    assert (tmp_path / "json").read_bytes().isascii()


def test_it_is_written_once_a_second_and_reopened(sim: Net, tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = AccessLog(path)
    log.attach(sim.serve(serve))
    client = sim.client(GET % (b"/1", b""))
    assert sim.net.run(lambda: b"hello" in client.received, limit=0.5)
    assert path.read_bytes() == b""
    assert sim.net.run(lambda: path.read_bytes(), limit=1.5)
    path.rename(tmp_path / "log.1")
    client.send(GET % (b"/2", b""))
    sim.net.run(limit=0.5)
    log.reopen()
    client.send(GET % (b"/3", b""))
    sim.net.run(limit=2)
    assert [b" /1 " in line for line in (tmp_path / "log.1").read_bytes().splitlines()] == [
        True,
        False,
    ]
    assert path.read_bytes().count(b"\n") == 1
    client.close()
    sim.net.run(limit=1)
    log.close()


def test_what_makes_no_sense(sim: Net, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="combined, json"):
        AccessLog(tmp_path / "log", "xml")
    with pytest.raises(FileNotFoundError):
        AccessLog(tmp_path / "none" / "log")
    log = AccessLog(tmp_path / "log")
    with pytest.raises(TypeError, match="HTTP"):
        log.attach(sim.mgr.bind("tcp://10.0.0.1:7"))
    log.close()


def test_a_full_disk_is_told_once(sim: Net, logged: list[Any]) -> None:
    log = AccessLog("/dev/full")
    log.attach(sim.serve(serve))
    for _ in range(3):
        ask(sim, GET % (b"/", b""))
    assert [record.levelname for record in logged] == ["ERROR"]
    log.close()
