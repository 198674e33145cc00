"""One question on its way: servers in turn, until one of them has answered or all have had enough.

Each server is given its time, in as many rounds as there are attempts. One that refuses or fails is
not asked again; a truncated reply is fetched over TCP (RFC 7766); a server that does not know EDNS
is asked without (RFC 6891 6.2.2). What is late is still welcome: a reply counts until there is an
outcome. What is not a reply to this question changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from ..core.resolver import NoAnswerError, NotFoundError, RefusedError
from .channels import DOWN_FOR, HEADER, Asker, TcpLane
from .message import Message
from .name import ROOT, Name
from .numbers import Rcode, Type
from .outcome import MAX_TTL, Chase, Outcome
from .wire import FormatError

if not cython.compiled:
    from .outcome import read_reply

if TYPE_CHECKING:
    from ..core.manager import Manager
    from ..core.timers import Timer
    from .channels import Channel, Server

#: Bytes of a UDP reply that no network on the way has to cut (dnsflagday.net, 2020).
PAYLOAD = 1232

# A query is made for each name: these are the parts of one that the codec has made.
_PATTERN = Message.query(ROOT, Type.A, payload_size=PAYLOAD).encode()
_CLASS, _OPT = _PATTERN[HEADER + 3 : HEADER + 5], _PATTERN[HEADER + 5 :]
_EDNS = _PATTERN[:HEADER]
_PLAIN = Message.query(ROOT, Type.A, payload_size=None).encode()[:HEADER]
_ON_LINK = Message.query(ROOT, Type.A, recursion=False, payload_size=None).encode()[:HEADER]

_HEADER = HEADER
_NOERROR, _NXDOMAIN = int(Rcode.NOERROR), int(Rcode.NXDOMAIN)
# Who does not know EDNS answers one of these.
_FORMERR, _NOTIMP = int(Rcode.FORMERR), int(Rcode.NOTIMP)


class Way:
    """Who is asked, best first, how many seconds each has, and in how many rounds."""

    __slots__ = ("attempts", "multicast", "servers", "timeout")

    def __init__(
        self, servers: list[Server], timeout: float, attempts: int, multicast: bool = False
    ) -> None:
        self.servers = servers
        self.timeout = timeout
        self.attempts = attempts
        self.multicast = multicast


class Query(Asker):
    """A question, and everybody who waits for its outcome."""

    __slots__ = (
        "_aliases",
        "_channel",
        "_count",
        "_failed",
        "_finished",
        "_mgr",
        "_name",
        "_position",
        "_question",
        "_timer",
        "_tries",
        "_ttl",
        "asked",
        "type",
        "waiters",
        "way",
    )

    def __init__(
        self,
        mgr: Manager,
        name: Name,
        type: Type,
        way: Way,
        finished: Callable[[Query, Outcome], object],
    ) -> None:
        self.asked = name
        self.type = type
        self.way = way
        self.waiters: dict[int, Callable[[Outcome], object]] = {}
        self._mgr = mgr
        self._finished = finished
        self._count = 0
        self._aliases = 0
        self._ttl = MAX_TTL
        #: Where a reply may come from, and whether what it is about was asked without EDNS.
        self._tries: dict[tuple[Channel, int], bool] = {}
        self._channel: Channel | None = None
        self._timer: Timer | None = None
        self._aim(name)

    def join(self, callback: Callable[[Outcome], object]) -> int:
        """Wait for the outcome; the number is for leaving again."""
        self._count += 1
        self.waiters[self._count] = callback
        return self._count

    def begin(self) -> None:
        """Ask the first server."""
        self._next()

    def end(self) -> None:
        """Ask nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        tries, self._tries = self._tries, {}
        for channel, ident in tries:
            channel.drop(ident)

    # -- asking -------------------------------------------------------------------------------

    def _aim(self, name: Name) -> None:
        """The name to ask for, which is another one behind an alias. It is asked in lower case, so
        that a server that changes the case of questions is understood too."""
        if name.wire != name.key:
            name = Name.of_wire(name.key)
        self._name = name
        self._position = 0
        self._failed: dict[Server, str] = {}
        self._question = name.wire + self.type.to_bytes(2, "big") + _CLASS

    def _wire(self, plain: bool) -> bytes:
        if self.way.multicast:
            return _ON_LINK + self._question
        return _PLAIN + self._question if plain else _EDNS + self._question + _OPT

    def _next(self) -> None:
        """Ask the next server that may still answer; when there is none, that is the outcome."""
        servers = self.way.servers
        while self._position < len(servers) * self.way.attempts:
            server = servers[self._position % len(servers)]
            self._position += 1
            if server not in self._failed and self._send(server):
                return
        self._give_up()

    def _send(self, server: Server, tcp: bool = False) -> bool:
        plain = server.plain
        wire = self._wire(plain)
        try:
            sent = server.ask_tcp(self, wire) if tcp else server.ask(self, wire)
        except OSError as e:  # no route, no descriptor
            self._failed[server] = f"{server} cannot be reached: {e.strerror or e}"
            return False
        self._channel = sent[0]
        self._tries[sent] = plain
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._mgr._add_timer(self.way.timeout, 0.0, self._timed_out, (), None)
        return True

    def _timed_out(self) -> None:
        channel = self._channel
        assert channel is not None
        channel.server.down_until = self._mgr.monotonic() + DOWN_FOR
        self._next()

    def _give_up(self) -> None:
        name, why = self.asked.host, self._failed
        servers = self.way.servers
        if self.way.multicast:
            text = f"'{name}' cannot be resolved: nobody on this network answers to it"
            outcome = Outcome(self._name, kind=NotFoundError, text=text)
        elif all(server in why for server in servers):
            text = f"'{name}' cannot be resolved: {'; '.join(why.values())}"
            outcome = Outcome(self._name, kind=RefusedError, text=text)
        else:
            silent = ", ".join(str(server) for server in servers if server not in why)
            times = f"{self.way.attempts} x {self.way.timeout:g} s"
            text = f"'{name}' cannot be resolved: no answer from {silent} within {times}"
            outcome = Outcome(self._name, kind=NoAnswerError, text=text)
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        self.end()
        self._finished(self, outcome)

    # -- replies ------------------------------------------------------------------------------

    def replied(self, channel: Channel, data: bytes) -> bool:
        """A message that has the id of one of the queries: whether it is a reply to it."""
        if data[2] & 0xF8 != 0x80:  # QR, and the opcode of a query
            return False
        server, rcode = channel.server, data[3] & 15
        sent = (channel, data[0] << 8 | data[1])
        question = self._question
        questions = data[4] << 8 | data[5]
        asked = questions == 1 and data.startswith(question, _HEADER)
        no_edns = rcode in (_FORMERR, _NOTIMP)
        if no_edns and not self._tries[sent] and not self.way.multicast:
            if not asked and questions:  # who understands nothing may say no more
                return False
            server.plain = True
            self._forget(sent)
            if not self._send(server):
                self._next()
            return True
        if not asked:
            return False
        server.down_until = 0.0
        if self.way.multicast:
            return self._found_on_link(data)
        if data[2] & 2 and not isinstance(channel, TcpLane):
            self.end()
            if not self._send(server, tcp=True):
                self._next()
            return True
        if rcode not in (_NOERROR, _NXDOMAIN):
            return self._refused(sent, f"{server} answers {Rcode(rcode).name}")
        try:
            message = Message.decode(data)
        except FormatError:
            return False
        result = self._read(message)
        if result is None:
            return self._refused(sent, f"{server} does not ask other servers")
        if isinstance(result, Chase):
            self.end()
            self._aliases, self._ttl = result.aliases, result.ttl
            self._aim(result.name)
            self._next()
        else:
            self._finish(result)
        return True

    def _read(self, message: Message) -> Outcome | Chase | None:
        return read_reply(message, self.asked, self._name, self.type, self._aliases, self._ttl)

    def _found_on_link(self, data: bytes) -> bool:
        """A reply of mDNS: only one that has something counts (RFC 6762 6)."""
        try:
            result = self._read(Message.decode(data))
        except FormatError:
            return False
        if not isinstance(result, Outcome) or result.kind is not None:
            return False
        self._finish(result)
        return True

    def _refused(self, sent: tuple[Channel, int], why: str) -> bool:
        """A server is of no use for this question."""
        channel, _ = sent
        self._failed[channel.server] = why
        current = channel is self._channel
        self._forget(sent)
        if current:
            self._next()
        return True

    def _forget(self, sent: tuple[Channel, int]) -> None:
        """Of what was sent, this waits no longer for a reply."""
        del self._tries[sent]
        channel, ident = sent
        channel.drop(ident)

    def failed(self, channel: Channel, why: str) -> None:
        """A channel is broken: the kernel or the peer says that there will be no reply."""
        tries = {sent: p for sent, p in self._tries.items() if sent[0] is not channel}
        if len(tries) == len(self._tries):
            return  # it has ended since, perhaps by the callback of another one
        self._tries = tries
        server = channel.server
        server.down_until = self._mgr.monotonic() + DOWN_FOR
        if channel is not self._channel:
            return
        if self._position > len(self.way.servers) * (self.way.attempts - 1):
            self._failed[server] = f"{server}: {why}"
        self._next()
