"""What tests of connections share: a handler that remembers, plain peers, certificates."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from galidia import EV_ACCEPT, EV_POLL, EV_RECV, Connection, Event, Flag, Manager

#: Seconds after which something that should have happened has not; never a measure of speed.
PATIENCE = 20.0


class Recorder:
    """A handler that remembers its events, and does what it was given for some of them.

    ``Recorder(recv=lambda c, n: c.send(b"x"))`` answers each ``RECV``.
    """

    def __init__(self, **then: Callable[[Connection, Any], object]) -> None:
        for name in then:
            Event[name.upper()]
        self.then = then
        self.log: list[tuple[Connection, Event, Any]] = []
        #: What came in, of all connections, whatever the handler discards.
        self.received = bytearray()

    def __call__(self, c: Connection, ev: Event, data: Any) -> None:
        self.log.append((c, ev, data))
        if ev == EV_RECV:
            self.received += c.recv_mbuf[-data:]
        then = self.then.get(ev.name.lower())
        if then is not None:
            then(c, data)

    def story(self, c: Connection | None = None) -> str:
        """The names of the events in order, ``POLL`` left out; of one connection or of all."""
        log = [e for e in self.log if e[1] != EV_POLL and (c is None or e[0] is c)]
        return " ".join(ev.name for _, ev, _ in log)

    def data(self, ev: Event, c: Connection | None = None) -> list[Any]:
        """The data of each event of this kind."""
        return [data for who, what, data in self.log if what == ev and c in (None, who)]

    def count(self, ev: Event, c: Connection | None = None) -> int:
        return len(self.data(ev, c))

    @property
    def accepted(self) -> list[Connection]:
        """The connections that had ``ACCEPT``."""
        return [c for c, ev, _ in self.log if ev == EV_ACCEPT]

    @property
    def connections(self) -> list[Connection]:
        """Everybody who had an event, in the order of the first one."""
        return list(dict.fromkeys(c for c, _, _ in self.log))

    @property
    def c(self) -> Connection:
        """The only connection that had events."""
        (only,) = self.connections
        return only


def take(c: Connection) -> bytes:
    """Everything in ``recv_mbuf``, which is then discarded."""
    data = bytes(c.recv_mbuf)
    del c.recv_mbuf[:]
    return data


def echo(c: Connection, n: int) -> None:
    """For ``Recorder(recv=echo)``."""
    c.send(take(c))


def send_and_close(data: bytes) -> Callable[[Connection, Any], None]:
    """For ``Recorder(accept=send_and_close(b"bye"))``."""

    def act(c: Connection, _: Any) -> None:
        c.send(data)
        c.close_after_send()

    return act


def set_flag(c: Connection, flag: Flag, on: bool = True) -> None:
    c.flags = c.flags | flag if on else c.flags & ~flag


def until(mgr: Manager, condition: Callable[..., object]) -> None:
    """Poll until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        mgr.poll(5)


def settle(mgr: Manager, polls: int = 5) -> None:
    """Poll a few times: on the loopback, what has not happened then is not under way."""
    for _ in range(polls):
        mgr.poll(1)


def url(listener: Connection, scheme: str = "tcp") -> str:
    """The address to connect to, of a listener on an IP address."""
    return f"{scheme}://{listener.local}"


def is_established(c: Connection) -> bool:
    wanted = c.flags & Flag.SSL and Flag.SSL_HANDSHAKE_DONE
    return not c.flags & (Flag.CONNECTING | Flag.RESOLVING) and c.flags & wanted == wanted


class Peer:
    """A plain stream socket at the other end. It never blocks."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.received = bytearray()
        self.ended = False
        self.was_reset = False

    def send(self, data: bytes) -> int:
        return self.sock.send(data)

    def look(self) -> bytes:
        """All that has come so far; sets ``ended`` and ``was_reset``."""
        while not self.ended:
            try:
                data = self.sock.recv(1 << 16)
            except BlockingIOError:
                break
            except ConnectionResetError:
                self.ended = self.was_reset = True
                break
            self.received += data
            self.ended = not data
        return bytes(self.received)

    def has_ended(self) -> bool:
        self.look()
        return self.ended

    def close(self) -> None:
        self.sock.close()


@dataclass
class Carrier:
    """One way to carry bytes: how to listen, and how to connect to that."""

    name: str
    address: str
    server: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)

    def bind(self, mgr: Manager, handler: Any, **options: Any) -> Connection:
        return mgr.bind(self.address, handler, **self.server, **options)

    def connect(self, mgr: Manager, listener: Connection, handler: Any, **options: Any) -> Any:
        address = self.address if self.name == "unix" else url(listener, self.name)
        return mgr.connect(address, handler, **self.client, **options)

    def join(self, mgr: Manager, server: Any, client: Any) -> tuple[Connection, Any]:
        """A listener and an outbound connection to it, established."""
        listener = self.bind(mgr, server)
        c = self.connect(mgr, listener, client)
        until(mgr, lambda: is_established(c))
        return listener, c


class Certificates:
    """A private CA and what it signed, as PEM files in a folder, certificate and key in one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = self._make("ca", "Test CA", None, "keyUsage=critical,keyCertSign")
        self.server = self.issue("server", "DNS:localhost,IP:127.0.0.1,IP:::1")
        self.renewed = self.issue("renewed", "DNS:localhost,IP:127.0.0.1,IP:::1")
        self.other = self.issue("other", "DNS:other.example")
        self.client = self.issue("client", "DNS:client.example")
        self.stranger = self._make("stranger", "stranger", None, "")

    def issue(self, name: str, names: str) -> Path:
        """A certificate of the CA for these alternative names."""
        return self._make(
            name, name, issuer=self.folder / "ca.pem", extra=f"subjectAltName={names}"
        )

    def _make(self, name: str, subject: str, issuer: Path | None, extra: str) -> Path:
        path = self.folder / f"{name}.pem"
        key = self.folder / f"{name}.key"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        command += [
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "36500",
            "-subj",
            f"/CN={subject}",
        ]
        command += ["-keyout", key.name, "-out", path.name]
        command += ["-addext", extra] if extra else []
        if issuer is not None:
            command += ["-addext", "basicConstraints=critical,CA:false"]
            command += ["-CA", issuer.name, "-CAkey", issuer.name]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        path.write_text(path.read_text() + key.read_text())
        return path
