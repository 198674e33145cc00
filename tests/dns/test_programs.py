"""dig and kdig against our server: what they say is right, and how they go on after TC."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest

from galidia import Manager
from galidia.dns import TXT, A, Message, Record, Type, parse_zone
from tests.dns.test_zone import TEXT
from tests.helpers import PATIENCE, Recorder

Ask = Callable[..., str]


def answer(c: object, query: Message) -> None:
    reply = query.reply()
    name = query.questions[0].name
    if query.questions[0].type == Type.TXT:
        reply.answers = [Record(name, TXT(f"{i:02}{'x' * 98}")) for i in range(30)]
    else:
        reply.add(name, A("192.0.2.1"), ttl=60)
        reply.add(name, A("192.0.2.2"), ttl=60)
    reply.send()


@pytest.fixture(params=["zone", "handler"])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Runs a program with its arguments against a listener, which is in a thread of its own."""
    handler = parse_zone(TEXT) if request.param == "zone" else Recorder(dns_message=answer)
    mgr = Manager()
    listener = mgr.bind("dns://127.0.0.1:0", handler)
    port = str(listener.local.port)

    def run() -> None:
        mgr.run()

    def ask(program: str, *arguments: str) -> str:
        command = [program, "@127.0.0.1", "-p", port, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        return done.stdout

    thread = threading.Thread(target=run)
    thread.start()
    yield ask
    mgr.stop()
    thread.join()
    mgr.close(0)


@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_an_answer(program: str, ask: Ask) -> None:
    text = ask(program, "wWw.example", "A")
    assert "NOERROR" in text
    assert "Warning" not in text
    assert "malformed" not in text
    records = [line.lower().split() for line in text.splitlines() if line[:1] in ("w", "W")]
    assert records == [
        ["www.example.", "60", "in", "a", "192.0.2.1"],
        ["www.example.", "60", "in", "a", "192.0.2.2"],
    ]


@pytest.mark.parametrize("program", ["dig", "kdig"])
@pytest.mark.parametrize("how", ["+noedns", "+edns", "+bufsize=4096", "+tcp"])
def test_a_long_answer_comes_over_tcp(program: str, how: str, ask: Ask) -> None:
    text = ask(program, "big.example", "TXT", how)
    assert text.count('"') == 60
    assert "(TCP)" in text


@pytest.mark.parametrize("program", ["dig", "kdig"])
def test_truncated(program: str, ask: Ask) -> None:
    text = ask(program, "big.example", "TXT", "+ignore", "+noedns").lower()
    assert " tc" in text
    assert "malformed" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("+opcode=NOTIFY", "www.example"), "NOTIMP"),
        (("+edns=1", "+noednsneg", "www.example"), "BADVERS"),
        (("+header-only", "www.example"), "FORMERR"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], said: str, ask: Ask) -> None:
    assert f"status: {said}" in ask("dig", *arguments)


def test_many_on_one_stream(ask: Ask) -> None:
    text = ask("dig", "+tcp", "+keepopen", "+short", *["www.example", "A"] * 20)
    assert text.split() == ["192.0.2.1", "192.0.2.2"] * 20
