"""``galidia dns``: one question, and the answer the way dig shows it."""

from __future__ import annotations

import argparse
import secrets
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.address import Address, is_ip
from ..core.events import Event
from ..core.handler import handles
from ..core.manager import Manager
from ..dns import AA, AD, CD, QR, RA, RD, TC, Message, Name, Record, Type
from ..dns.resolvconf import parse_resolv_conf
from .output import UsageError, complain

#: Seconds that an answer is waited for, and how often it is asked for over UDP, as dig does.
TIMEOUT = 5.0
TRIES = 3
LOOK = 0.1
RESOLV_CONF = "/etc/resolv.conf"

_FLAGS = ((QR, "qr"), (AA, "aa"), (TC, "tc"), (RD, "rd"), (RA, "ra"), (AD, "ad"), (CD, "cd"))
_SWITCHES = ("tcp", "short")


def run(options: argparse.Namespace) -> int:
    """Ask, and print what is answered; 1 when nothing is."""
    server, name, type = _understand(options)
    with Manager() as mgr:
        lookup = Lookup(mgr, Address(server, options.port), name, type, options.tcp)
        mgr.run()
    reply = lookup.reply
    if reply is None:
        complain(lookup.error or f"no answer from {server} within {TRIES * TIMEOUT:g} s")
        return 1
    if options.short:
        for record in reply.answers:
            print(record.data)
    else:
        print("\n".join(shown(reply, lookup)))
    return 0


def _understand(options: argparse.Namespace) -> tuple[str, Name, Type]:
    """Server, name and type of the words."""
    server = ""
    words = []
    for word in options.words:
        if word.startswith("@"):
            server = word[1:]
        elif word.startswith("+"):
            if word[1:] not in _SWITCHES:
                known = " and ".join(f"+{switch}" for switch in _SWITCHES)
                raise UsageError(f"there is no {word}; there are {known}")
            setattr(options, word[1:], True)
        else:
            words.append(word)
    if options.reverse is not None:
        if not is_ip(options.reverse):
            raise UsageError(f"-x takes an IP address, not {options.reverse!r}")
        words = [ip_address(options.reverse).reverse_pointer, *(words or ["PTR"])]
    if not 1 <= len(words) <= 2:
        raise UsageError("give a name and, if it is not A, a type: NAME [TYPE] [@SERVER]")
    try:
        name = Name(words[0])
        type = Type.parse(words[1]) if len(words) > 1 else Type.A
    except ValueError as e:
        raise UsageError(str(e)) from None
    return server or system_server(), name, type


def system_server(path: str = RESOLV_CONF) -> str:
    """The first server that the system asks; without a resolv.conf, this machine."""
    try:
        text = Path(path).read_text("utf-8", "replace")
    except OSError:
        text = ""
    return parse_resolv_conf(text).servers[0][0]


class Lookup:
    """A question to one server: over UDP until it answers, over TCP if that is cut."""

    def __init__(self, mgr: Manager, server: Address, name: Name, type: Type, tcp: bool) -> None:
        self.server = server
        self.reply: Message | None = None
        self.error = ""
        #: Whether it was asked over TCP, and when, on the clock of the manager.
        self.tcp = tcp
        self.milliseconds = 0.0
        self._mgr = mgr
        self._query = Message.query(name, type, id=secrets.randbits(16))
        self._since = 0.0
        self._left = TRIES
        self._connect()

    def _connect(self) -> None:
        scheme = "dns+tcp" if self.tcp else "dns"
        host, port = self.server
        url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        self._mgr.connect(url, self._on_event)

    @handles(Event.CONNECT, Event.DNS_MESSAGE, Event.CLOSE)
    def _on_event(self, c: Any, ev: int, data: Any) -> None:
        if ev == Event.CONNECT and data == 0:
            self._ask(c)
            if not self.tcp:
                c.call_every(LOOK, self._look, c)
        elif ev == Event.DNS_MESSAGE:
            self._answered(c, data)
        elif ev == Event.CLOSE and not c.user_data:
            self.error = c.error or "the server closed the connection"
            self._mgr.stop()

    def _ask(self, c: Any) -> None:
        if self._left == 0 or (self.tcp and self._left < TRIES):
            c.user_data = "done"
            self._mgr.stop()
            return
        self._left -= 1
        self._since = self._mgr.monotonic()
        self._query.send(c)
        c.call_later(TIMEOUT * (TRIES if self.tcp else 1), self._ask, c)

    def _look(self, c: Any) -> None:
        """Whether the server's host has said that nobody is there."""
        if c.drops and not c.user_data:
            c.user_data = "done"
            self.error = f"nobody answers on UDP port {self.server.port} of {self.server.host}"
            self._mgr.stop()

    def _answered(self, c: Any, reply: Message) -> None:
        query = self._query
        if reply.id != query.id or not reply.is_reply or c.user_data:
            return
        if reply.questions and reply.questions != query.questions:
            return
        c.user_data = "done"
        c.close()
        if reply.truncated and not self.tcp:
            print(";; Truncated, retrying in TCP mode.", file=sys.stderr)
            self.tcp = True
            self._left = TRIES
            self._connect()
            return
        self.reply = reply
        self.milliseconds = (self._mgr.monotonic() - self._since) * 1000
        self._mgr.stop()


def shown(reply: Message, lookup: Lookup) -> list[str]:
    """The lines for a reply."""
    asked = " ".join(f"{q.name} {q.type}" for q in reply.questions)
    opt = reply.opt
    counts = (
        f"QUERY: {len(reply.questions)}, ANSWER: {len(reply.answers)}, "
        f"AUTHORITY: {len(reply.authorities)}, "
        f"ADDITIONAL: {len(reply.additionals) + (opt is not None)}"
    )
    flags = "".join(f" {text}" for bit, text in _FLAGS if reply.flags & bit)
    lines = [
        f"; <<>> galidia {__version__} <<>> {asked}",
        f";; ->>HEADER<<- opcode: {reply.opcode}, status: {reply.rcode}, id: {reply.id}",
        f";; flags:{flags}; {counts}",
    ]
    if reply.flags & (RD | RA) == RD:
        lines.append(";; WARNING: recursion requested but not available")
    if opt is not None:
        do = " do" if opt.dnssec_ok else ""
        lines += ["", ";; OPT PSEUDOSECTION:"]
        lines += [f"; EDNS: version: {opt.version}, flags:{do}; udp: {opt.payload_size}"]
        lines += [f"; OPT={code}: {data.hex(' ')}" for code, data in opt.options]
    if reply.questions:
        lines += ["", ";; QUESTION SECTION:", *[f";{q}" for q in reply.questions]]
    lines += _section("ANSWER", reply.answers)
    lines += _section("AUTHORITY", reply.authorities)
    lines += _section("ADDITIONAL", reply.additionals)
    host, port = lookup.server
    lines += ["", f";; Query time: {lookup.milliseconds:.0f} msec"]
    lines += [f";; SERVER: {host}#{port} ({'TCP' if lookup.tcp else 'UDP'})"]
    return lines


def _section(title: str, records: list[Record]) -> list[str]:
    return ["", f";; {title} SECTION:", *map(str, records)] if records else []
