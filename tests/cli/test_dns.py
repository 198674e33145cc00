"""`galidia dns`: a question and its answer, as dig has it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from galidia import Manager
from galidia.cli import main
from galidia.cli.dns import system_server
from galidia.dns import TC, A, Message, Rcode, parse_zone
from tests.cli.command import run
from tests.dns.test_zone import TEXT
from tests.helpers import Recorder


class Served:
    """A listener in a thread of its own; `ask` runs the command against it."""

    def __init__(self, handler: Any) -> None:
        self.mgr = Manager()
        self.port = str(self.mgr.bind("dns://127.0.0.1:0", handler).local.port)
        self.thread = threading.Thread(target=self.mgr.run)
        self.thread.start()

    def ask(self, *words: str) -> Any:
        return run("dns", *words, "@127.0.0.1", "-p", self.port)

    def end(self) -> None:
        self.mgr.stop()
        self.thread.join()
        self.mgr.close(0)


@pytest.fixture
def zone() -> Iterator[Served]:
    served = Served(parse_zone(TEXT))
    yield served
    served.end()


def test_an_answer(zone: Served) -> None:
    done = zone.ask("example", "mx")
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"id: \d+", "id: N", re.sub(r"time: \d+", "time: N", done.stdout))
    assert text.splitlines()[1:] == [
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: N",
        ";; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 3",
        ";; WARNING: recursion requested but not available",
        "",
        ";; OPT PSEUDOSECTION:",
        "; EDNS: version: 0, flags:; udp: 1232",
        "",
        ";; QUESTION SECTION:",
        ";example.\t\tIN\tMX",
        "",
        ";; ANSWER SECTION:",
        "example.\t300\tIN\tMX\t10 mail.example.",
        "example.\t300\tIN\tMX\t20 mail.other.",
        "",
        ";; ADDITIONAL SECTION:",
        "mail.example.\t300\tIN\tA\t192.0.2.25",
        "mail.example.\t300\tIN\tAAAA\t2001:db8::25",
        "",
        ";; Query time: N msec",
        f";; SERVER: 127.0.0.1#{zone.port} (UDP)",
    ]


def test_only_the_data(zone: Served) -> None:
    for words in (("www.example", "+short"), ("--short", "www.example", "A")):
        assert zone.ask(*words).stdout == "192.0.2.1\n192.0.2.2\n"


def test_over_tcp(zone: Served) -> None:
    for words in (("+tcp", "www.example"), ("www.example", "--tcp")):
        assert f"#{zone.port} (TCP)" in zone.ask(*words).stdout


def test_what_was_cut_comes_over_tcp(zone: Served) -> None:
    done = zone.ask("big.example", "TXT")
    assert done.stderr == ";; Truncated, retrying in TCP mode.\n"
    assert done.stdout.count("big.example.\t300\tIN\tTXT") == 30
    assert "(TCP)" in done.stdout


def test_no_such_name_is_an_answer(zone: Served) -> None:
    done = zone.ask("nothing.example")
    assert done.returncode == 0
    assert "status: NXDOMAIN" in done.stdout
    assert ";; AUTHORITY SECTION:\nexample.\t5\tIN\tSOA" in done.stdout


def test_the_name_of_an_address(zone: Served) -> None:
    for address, name in (("192.0.2.1", "1.2.0.192.in-addr.arpa."), ("::1", "1." + "0." * 31)):
        assert f";{name}" in zone.ask("-x", address).stdout


def test_answers_of_others_do_not_count() -> None:
    def forge(c: Any, query: Message) -> None:
        for forged in (query.reply(), query.reply(), query.reply()):
            forged.id = (query.id + 1) & 0xFFFF
            forged.send()
        other = query.reply(Rcode.NXDOMAIN)
        other.questions = Message.query("other.example").questions
        other.send()
        query.send(c)  # a query, not a reply
        reply = query.reply()
        reply.add("www.example", A("192.0.2.1"))
        reply.send()

    served = Served(Recorder(dns_message=forge))
    try:
        assert served.ask("www.example", "+short").stdout == "192.0.2.1\n"
    finally:
        served.end()


def test_always_cut() -> None:
    def cut(c: Any, query: Message) -> None:
        reply = query.reply()
        reply.flags |= TC
        reply.send()

    served = Served(Recorder(dns_message=cut))
    try:
        done = served.ask("www.example")
        assert " tc" in done.stdout
        assert "(TCP)" in done.stdout
    finally:
        served.end()


def test_nobody_there() -> None:
    done = run("dns", "www.example", "+tcp", "@127.0.0.1", "-p", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "galidia: Connection refused\n"
    done = run("dns", "www.example", "@127.0.0.1", "-p", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "galidia: nobody answers on UDP port 1 of 127.0.0.1\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "give a name"),
        (["a", "MX", "b"], "give a name"),
        (["a..b"], "a label is empty"),
        (["a", "NOSUCH"], "NOSUCH"),
        (["a", "+nonsense"], "+nonsense"),
        (["-x", "example"], "an IP address"),
    ],
)
def test_what_makes_no_sense(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as e:
        main(["dns", *words])
    assert e.value.code == 2
    assert why in capsys.readouterr().err


def test_the_server_of_the_system(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    assert system_server(str(path)) == "127.0.0.1"
    path.write_text("# x\nsearch a\nnameserver nonsense\nnameserver\nnameserver 192.0.2.7\n")
    assert system_server(str(path)) == "192.0.2.7"
