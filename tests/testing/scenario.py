"""A random run of an echo service on the simulated network, and what must hold in every run.

`python -m tests.testing.scenario SEED` shows one.
"""

import random
import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

from galidia import (
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONGESTED,
    EV_CONNECT,
    EV_POLL,
    EV_RECV,
    EV_SEND,
    F_BUFFER_BUT_DONT_SEND,
    F_LISTENING,
    F_RECV_AND_CLOSE,
    F_SEND_AND_CLOSE,
    F_UDP,
    Event,
    Manager,
)
from galidia.testing import Faults, SimNetwork

SERVER, CLIENTS = "10.0.0.1", ("10.0.0.2", "10.0.0.3")
#: Longest stretch of the virtual clock that clients keep doing things of their own.
BUSY = 20.0


class Scenario:
    """One run: a server that echoes, and clients of all sorts."""

    def __init__(self, seed: int, **tls: Any) -> None:
        self.seed = seed
        self.tls = tls
        self.random = random.Random(f"scenario {seed}")
        hostile = replace(Faults.hostile(), small_window=(64, 4096))
        harmless = replace(hostile, reset=0.0, aborted=0.0)  # late, but all arrives
        faults = self.random.choice((Faults(), harmless, hostile))
        window = self.random.choice((1000, 65536))
        self.net = SimNetwork(
            seed,
            faults=faults,
            hosts={"server.example": SERVER, "two.example": ["10.0.0.9", SERVER]},
            window=window,
            edge=self.random.random() < 0.8,
        )
        self.wrong: list[str] = []
        self.events: dict[Any, list[tuple[Event, Any]]] = {}
        #: Own address of a client -> what it sends, and what came of it.
        self.sessions: dict[Any, Session] = {}
        self.everybody: list[Any] = []
        self.datagrams: set[bytes] = set()
        #: The server keeps clients waiting.
        self.crowded = False
        #: Two hosts do not reach each other for a while.
        self.parted = False

    # -- the events of one connection ---------------------------------------------------------

    def watch(self, c: Any, ev: Any, data: Any) -> None:
        """Check that an event may come now."""
        if c.flags & F_LISTENING:
            if ev not in (EV_POLL, EV_CLOSE):
                self.fault(f"{c!r}: {ev!r}")
            return
        if ev == EV_POLL:
            if c not in self.events:
                self.fault(f"{c!r}: POLL before it is open")
            return
        seen = self.events.setdefault(c, [])
        first = ev in (EV_ACCEPT, EV_CONNECT)
        if first != (not seen):
            self.fault(f"{c!r}: {ev!r} after {seen}")
        if seen and seen[-1][0] == EV_CLOSE:
            self.fault(f"{c!r}: {ev!r} after CLOSE")
        if seen and seen[0][0] == EV_CONNECT and seen[0][1] != 0 and ev != EV_CLOSE:
            self.fault(f"{c!r}: {ev!r} though not connected")
        if ev in (EV_RECV, EV_SEND) and data <= 0:
            self.fault(f"{c!r}: {ev!r} of {data}")
        seen.append((ev, data))

    def fault(self, text: str) -> None:
        self.wrong.append(text)

    # -- the server ---------------------------------------------------------------------------

    def serve(self, c: Any, ev: Any, data: Any) -> None:
        self.watch(c, ev, data)
        dice = self.random
        if ev == EV_ACCEPT:
            c.user_data = Echo(self, c.peer)
            self.everybody.append(c)
            if dice.random() < 0.2:
                c.recv_mbuf_limit = dice.randint(1, 5000)
            if dice.random() < 0.2:
                c.congestion = "pause_source"
                c.send_mbuf_limit = dice.randint(5000, 20000)
            if dice.random() < 0.1:
                c.call_later(dice.uniform(0, BUSY), self.cut, c)
        elif ev == EV_RECV:
            if c.flags & F_UDP:
                if bytes(c.recv_mbuf) not in self.datagrams:
                    self.fault(f"{c!r}: a datagram that nobody sent: {bytes(c.recv_mbuf)!r}")
                c.send(c.recv_mbuf)
                return
            c.user_data.echo(self, c)
        elif ev == EV_CONGESTED and c.congestion == "close":
            c.user_data.session.cut = True
        elif ev == EV_CLOSE and dice.random() < 0.1:
            self.cut_another()

    def cut(self, c: Any) -> None:
        """Close a connection in one of the ways there are."""
        session = getattr(c.user_data, "session", None)
        if session is not None:
            session.cut = True
        how = self.random.randrange(4)
        if how == 0:
            c.close()
        elif how == 1:
            c.abort()
        elif how == 2:
            c.flags |= F_SEND_AND_CLOSE
        else:
            c.flags |= F_RECV_AND_CLOSE

    def cut_another(self) -> None:
        if self.everybody:
            self.cut(self.random.choice(self.everybody))

    # -- the clients --------------------------------------------------------------------------

    def add_client(self, mgrs: list[Any]) -> None:
        dice = self.random
        session = Session(dice.randbytes(dice.choice((0, 1, 100, 5000, 60000))))
        if dice.random() < 0.3:
            self.add_raw(session)
            return
        mgr = dice.choice(mgrs)
        host = dice.choice((SERVER, SERVER, "server.example", "two.example", "nobody.example"))
        port = dice.choice((80, 80, 80, 80, 81))
        options: dict[str, Any] = dict(self.tls.get("connect", {}))
        if dice.random() < 0.2:
            options["connect_timeout"] = dice.uniform(0.001, 3)
        if dice.random() < 0.2:
            options["recv_mbuf_limit"] = dice.randint(1, 3000)
        if dice.random() < 0.2:
            options["close_timeout"] = dice.uniform(0.5, 10)
            session.cut = True
        scheme = "tls" if self.tls else "tcp"
        if dice.random() < 0.15:
            session = Session(dice.randbytes(dice.randint(1, 1500)))
            self.datagrams.add(bytes(session.data))
            mgr.connect(f"udp://{SERVER}:53", Client(self, session).datagram)
            return
        client = Client(self, session)
        c = mgr.connect(f"{scheme}://{host}:{port}", client, **options)
        c.user_data = client
        self.everybody.append(c)
        if dice.random() < 0.05:
            c.send(b"")
            c.close()

    def add_raw(self, session: "Session") -> None:
        net, dice = self.net, self.random
        try:
            peer = net.host(dice.choice(CLIENTS)).client(f"tcp://{SERVER}:80")
        except OSError:
            return  # no descriptor
        session.raw = peer
        if self.tls:
            session.data = dice.choice((b"", b"\x16\x03\x01", b"GET / HTTP/1.0\r\n\r\n"))
        self.sessions[peer.local] = session
        for piece in session.pieces(dice):
            net.call_at(dice.uniform(0, BUSY / 2), peer.send, piece)
        session.shuffled = True
        if dice.random() < 0.3:
            net.call_at(dice.uniform(0, BUSY), peer.pause)
            if dice.random() < 0.5:
                net.call_at(dice.uniform(BUSY, 2 * BUSY), peer.resume)
        end = dice.choice((peer.shutdown, peer.shutdown, peer.close, peer.reset, None))
        if end is not None:
            net.call_at(dice.uniform(BUSY / 2, BUSY), end)

    # -- the run ------------------------------------------------------------------------------

    def play(self) -> None:
        """The whole run. Raises AssertionError with the seed."""
        net, dice = self.net, self.random
        server = Manager(network=net.host(SERVER))
        mgrs = [Manager(network=net.host(host)) for host in CLIENTS]
        options: dict[str, Any] = dict(self.tls.get("bind", {}))
        if dice.random() < 0.2:
            options["max_connections"] = dice.randint(1, 3)
        if dice.random() < 0.2:
            options["backlog"] = dice.randint(1, 3)
        if dice.random() < 0.1:
            options["accept_rate"] = dice.uniform(0.5, 5)
        self.crowded = not options.keys() <= self.tls.get("bind", {}).keys()
        scheme = "tls" if self.tls else "tcp"
        listeners = [
            server.bind(f"{scheme}://{SERVER}:80", self.serve, **options),
            server.bind(f"udp://{SERVER}:53", self.serve),
        ]
        try:
            for _ in range(dice.randint(1, 6)):
                net.call_at(dice.uniform(0, 3), self.add_client, mgrs)
            if dice.random() < 0.1:
                self.parted = True
                net.call_at(dice.uniform(0, 5), net.partition, SERVER, CLIENTS[0])
                net.call_at(dice.uniform(5, 20), net.heal)
            net.run(limit=300, max_passes=100_000)
            self.check_complete()
            for listener in listeners:
                listener.close()
            for mgr in mgrs:
                for c in mgr:
                    c.close()
            for session in self.sessions.values():
                if session.raw is not None:
                    session.raw.reset()
            if not net.run(limit=5000, max_passes=100_000):
                self.fault("it does not come to rest")
            self.wrong += [f"left over: {text}" for text in net.leftovers()]
            for mgr in (server, *mgrs):
                if mgr.buffered or len(mgr):
                    self.fault(f"{mgr.buffered} bytes, {len(mgr)} connections left")
            for c, seen in self.events.items():
                if seen[-1][0] != EV_CLOSE:
                    self.fault(f"{c!r}: ends with {seen[-1]}")
        finally:
            for mgr in (server, *mgrs):
                mgr.close(0)
        if self.wrong:
            raise AssertionError(f"seed {self.seed}: " + "\n".join(self.wrong[:10]))

    def check_complete(self) -> None:
        """What came is what was sent; all of it, where nothing interfered."""
        disturbed = self.net.faults.aborted or (self.parted and self.tls)  # handshakes time out
        for port, session in self.sessions.items():
            got = session.raw.received if session.raw is not None else session.received
            if self.tls and session.raw is not None:
                continue
            sent = b"".join(session.sent) if session.raw is None else None
            for what, bytes_ in (("the server", session.echoed), ("the client", got)):
                whole = session.data if sent is None else sent
                if session.shuffled:
                    ok = len(bytes_) <= len(whole)
                else:
                    ok = whole[: len(bytes_)] == bytes_
                if not ok:
                    self.fault(f"{port}: {what} got {len(bytes_)} bytes that were not sent")
            if session.shuffled and session.echoed[: len(got)] != got:
                self.fault(f"{port}: the echo of {len(got)} bytes is wrong")
            if session.asks_all and not session.cut and not disturbed:
                if got != session.data:
                    self.fault(f"{port}: {len(got)} of {len(session.data)} came back")


class Session:
    """What one client sends and gets."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sent: list[bytes] = []
        self.received = bytearray()
        self.echoed = bytearray()
        self.raw: Any = None
        #: The client ends its side and waits for all to come back.
        self.asks_all = False
        #: Somebody closed it early.
        self.cut = False
        self.shuffled = False

    def pieces(self, dice: random.Random) -> list[bytes]:
        cuts = sorted(dice.randint(0, len(self.data)) for _ in range(dice.choice((0, 1, 5))))
        edges = [0, *cuts, len(self.data)]
        return [self.data[a:b] for a, b in pairwise(edges)]


class Echo:
    """The server's side of one connection."""

    def __init__(self, scenario: Scenario, peer: Any) -> None:
        self.sessions = scenario.sessions
        self.peer = peer
        self.views: list[memoryview] = []

    @property
    def session(self) -> Session:
        """The client's; it is not known yet when the connection is accepted."""
        return self.sessions.setdefault(self.peer, Session(b""))

    def echo(self, scenario: Scenario, c: Any) -> None:
        dice = scenario.random
        n = len(c.recv_mbuf)
        if dice.random() < 0.05:
            n = dice.randint(0, n)
            c.call_later(dice.uniform(0, 1), self.rest, c)
            self.session.cut = True  # what it keeps is lost at the end
        if dice.random() < 0.05:
            c.flags |= F_BUFFER_BUT_DONT_SEND
            c.call_later(dice.uniform(0, 3), self.unplug, c)
        if dice.random() < 0.02:
            self.views.append(memoryview(c.send_mbuf))
            c.call_later(dice.uniform(0, 3), self.views.clear)
        self.take(c, n)
        if dice.random() < 0.01:
            scenario.cut(c)
        if dice.random() < 0.01:
            scenario.cut_another()

    def take(self, c: Any, n: int) -> None:
        data = bytes(c.recv_mbuf[:n])
        del c.recv_mbuf[:n]
        self.session.echoed += data
        c.send(data)

    def rest(self, c: Any) -> None:
        self.take(c, len(c.recv_mbuf))

    def unplug(self, c: Any) -> None:
        c.flags &= ~F_BUFFER_BUT_DONT_SEND


class Client:
    """A client that is a connection of the engine."""

    def __init__(self, scenario: Scenario, session: Session) -> None:
        self.scenario = scenario
        self.session = session
        self.left: list[bytes] = []

    def __call__(self, c: Any, ev: Any, data: Any) -> None:
        scenario, session, dice = self.scenario, self.session, self.scenario.random
        scenario.watch(c, ev, data)
        if ev == EV_CONNECT and data == 0:
            if scenario.net.descriptors[c.fileno()].connecting:
                scenario.fault(f"{c!r}: CONNECT before it is connected")
            before = scenario.sessions.pop(c.local, None)
            session.cut = session.cut or (before is not None and before.cut)
            scenario.sessions[c.local] = session
            self.left = session.pieces(dice)
            self.in_time = dice.random() < 0.5
            self.end = dice.choice(("recv", "recv", "recv", "send", "close", "abort", "stay"))
            if self.in_time:
                c.call_later(dice.uniform(0, 3), self.next_piece, c)
            else:
                self.next_piece(c)
        elif ev == EV_SEND and not self.in_time:
            self.next_piece(c)
        elif ev == EV_RECV:
            n = len(c.recv_mbuf) if dice.random() < 0.8 else dice.randint(0, len(c.recv_mbuf))
            if n < len(c.recv_mbuf):
                c.call_later(dice.uniform(0, 1), self.take, c, None)
            self.take(c, n)
        elif ev == EV_CLOSE:
            session.received += c.recv_mbuf
            patient = not (scenario.crowded or scenario.tls)
            if c.error == "closing took too long" and not patient:
                session.cut = True  # never accepted, or one record took all that time
            if dice.random() < 0.1:
                scenario.cut_another()
            if dice.random() < 0.2 and len(scenario.events) < 30:
                scenario.add_client([c.mgr])

    def take(self, c: Any, n: int | None) -> None:
        if c.closed:
            return
        self.session.received += c.recv_mbuf[:n]
        del c.recv_mbuf[:n]

    def next_piece(self, c: Any) -> None:
        if c.closed:
            return
        dice = self.scenario.random
        if self.left:
            piece = self.left.pop(0)
            self.session.sent.append(piece)
            c.send(piece)
            if self.in_time:
                c.call_later(dice.uniform(0, 3), self.next_piece, c)
            elif not piece:
                self.next_piece(c)
            return
        end, self.end = self.end, "stay"
        if end == "recv":
            self.session.asks_all = True
            c.close_after_recv()
        elif end == "send":
            c.close_after_send()
        elif end == "close":
            c.call_later(dice.uniform(0, 3), c.close)
        elif end == "abort":
            c.call_later(dice.uniform(0, 3), c.abort)

    def datagram(self, c: Any, ev: Any, data: Any) -> None:
        self.scenario.watch(c, ev, data)
        if ev == EV_CONNECT and data == 0:
            c.send(self.session.data)
            c.call_later(self.scenario.random.uniform(0, 3), c.close)
        elif ev == EV_RECV and bytes(c.recv_mbuf) != self.session.data:
            self.scenario.fault(f"{c!r}: a datagram that is no echo")


if __name__ == "__main__":
    shown = Scenario(int(sys.argv[1]))
    try:
        shown.play()
    finally:
        for entry in shown.net.trace:
            print(*entry)
        for connection, events in shown.events.items():
            print(connection, [(Event(ev).name, data) for ev, data in events])
