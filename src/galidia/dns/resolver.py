"""The resolver of a manager: a stub that asks the servers of resolv.conf, and remembers.

One question is on its way only once, however many wait for it; what was answered is kept as long as
its time to live says, and so is what does not exist (RFC 2308). So many questions are on their way
at a time, the next ones wait for their turn, and there is a bound on all of them together. Nothing
is asked about names that servers know nothing about (RFC 6761, RFC 7686), and names below
``.local`` are asked of everybody on the link (RFC 6762).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ..core.address import is_ip
from ..core.hosts import Reread
from ..core.options import count, positive
from ..core.resolver import (
    Answer,
    BusyError,
    ClosedError,
    Lookup,
    NoDataError,
    NotFoundError,
    is_localhost,
    nothing,
)
from ..core.resolver import Resolver as CoreResolver
from .addresses import AddressLookup
from .cache import MAX_BYTES, MAX_ENTRIES, Cache
from .channels import Dice, Server
from .mdns import ATTEMPTS, GROUP, TIMEOUT, is_local
from .message import Record
from .name import Name
from .numbers import Type
from .outcome import Outcome
from .query import Query, Way
from .record_types import AAAA, A
from .resolvconf import PORT, ResolvConf, parse_resolv_conf

if TYPE_CHECKING:
    from ..core.manager import Manager

logger = logging.getLogger("galidia")

#: Questions that wait for an answer; the addresses of a name are two.
MAX_PENDING = 10_000
#: Of those, how many are on their way at a time: a server's socket holds some 250 datagrams.
MAX_ACTIVE = 200

#: What no server is asked about (RFC 6761 6.3 and 6.4, RFC 7686 2).
_SPECIAL_LABELS = (b"localhost", b"invalid", b"onion")
_SPECIAL = tuple(Name.of([label]).key for label in _SPECIAL_LABELS)
_PTR = int(Type.PTR)


class Resolver(CoreResolver):
    """Asks DNS servers for a manager: ``Manager(resolver=lambda mgr: Resolver(mgr, ...))``.

    ``servers`` are (IP address, port) or addresses alone, best first; without them they are those
    of the file ``resolv_conf``, which is read again when it has changed. ``search``, ``ndots``,
    ``timeout`` (seconds for each server and attempt), ``attempts`` and ``rotate`` are those of
    resolv.conf(5) and go before what the file says. ``mdns`` is where names below ``.local`` are
    asked for.

    Limits: ``max_pending`` questions wait, ``max_active`` of them on their way; the cache has
    ``cache_entries`` and ``cache_bytes``. Raises ValueError for a server that is no IP address and
    for numbers that make no sense.
    """

    __slots__ = (
        "_active",
        "_closed",
        "_dice",
        "_file",
        "_given",
        "_ignored",
        "_known",
        "_link",
        "_queries",
        "_queue",
        "_servers",
        "_starting",
        "_turn",
        "_waiting",
        "cache",
        "max_active",
        "max_pending",
        "mgr",
    )

    def __init__(
        self,
        mgr: Manager,
        servers: Iterable[str | tuple[str, int]] | None = None,
        *,
        search: Iterable[str] | None = None,
        ndots: int | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        rotate: bool | None = None,
        hosts_file: str | None = None,
        resolv_conf: str | None = None,
        mdns: tuple[str, int] = GROUP,
        max_pending: int = MAX_PENDING,
        max_active: int = MAX_ACTIVE,
        cache_entries: int = MAX_ENTRIES,
        cache_bytes: int = MAX_BYTES,
    ) -> None:
        super().__init__(mgr, hosts_file)
        self.mgr = mgr
        self.cache = Cache(cache_entries, cache_bytes)
        self.max_pending = count("max_pending", max_pending)
        self.max_active = count("max_active", max_active)
        given: dict[str, Any] = {
            "servers": None if servers is None else tuple(map(_server, servers)),
            "search": None if search is None else tuple(search),
            "ndots": ndots,
            "timeout": None if timeout is None else positive("timeout", timeout),
            "attempts": None if attempts is None else count("attempts", attempts),
            "rotate": rotate,
        }
        self._given = {name: value for name, value in given.items() if value is not None}
        if resolv_conf is None:
            resolv_conf = mgr.network.resolv_conf if servers is None else ""
        self._file = Reread(resolv_conf, self._configure)
        self._dice = Dice(mgr.network)
        self._link = Way([Server(mgr, self._dice, *mdns, multicast=True)], TIMEOUT, ATTEMPTS, True)
        self._servers: list[Server] = []
        self._known: tuple[tuple[str, int], ...] = ()
        self._turn = 0
        self._ignored = 0
        self._active = 0
        self._waiting = 0
        self._starting = False
        self._closed = False
        self._queries: dict[tuple[bytes, int], Query] = {}
        self._queue: OrderedDict[Query, None] = OrderedDict()
        if not self._find_servers(self.configuration):  # which raises for a wrong address
            raise ValueError("servers: there has to be one")

    # -- configuration ------------------------------------------------------------------------

    @property
    def configuration(self) -> ResolvConf:
        """What is in force: what was given, and for the rest what the file says now."""
        return self._file()

    def _configure(self, text: str) -> ResolvConf:
        return parse_resolv_conf(text)._replace(**self._given)

    def _find_servers(self, conf: ResolvConf) -> list[Server]:
        if conf.servers != self._known:
            self._ignored = self.ignored
            self._servers = [Server(self.mgr, self._dice, *address) for address in conf.servers]
            self._known = conf.servers
        return self._servers

    def _way(self) -> Way:
        """Whom to ask now: those who did not answer lately come last."""
        conf = self._file()
        servers = self._find_servers(conf)
        if conf.rotate and len(servers) > 1:
            self._turn = (self._turn + 1) % len(servers)
            servers = servers[self._turn :] + servers[: self._turn]
        if len(servers) > 1:
            now = self.mgr.monotonic()
            servers = sorted(servers, key=lambda server: server.down_until > now)
        return Way(servers, conf.timeout, conf.attempts)

    @property
    def ignored(self) -> int:
        """Datagrams that were no reply to anything asked: late, doubled, damaged or forged."""
        servers = [*self._servers, *self._link.servers]
        return self._ignored + sum(server.ignored for server in servers)

    @property
    def pending(self) -> int:
        """How many wait for the outcome of a question."""
        return self._waiting

    # -- names --------------------------------------------------------------------------------

    def ask(self, name: str, answer: Answer) -> Callable[[], object]:
        try:
            candidates = self._candidates(name)
        except ValueError as e:
            answer([], NotFoundError(f"{name!r} cannot be resolved: {e}"))
            return nothing
        return AddressLookup(self, name, candidates, answer).start()

    def _candidates(self, text: str) -> list[Name]:
        """The names that are meant, in the order of resolv.conf(5). Raises ValueError."""
        name = Name(text)
        conf = self._file()
        if text.endswith(".") or not conf.search or is_local(name):
            return [name]
        searched = []
        for domain in conf.search:
            try:
                searched.append(name.join(Name(domain)))
            except ValueError:  # too long together
                continue
        if len(name.labels) > conf.ndots:
            return [name, *searched]
        return [*searched, name]

    def lookup(
        self, name: str, type: str | int, answer: Callable[[Lookup], object]
    ) -> Callable[[], object]:
        """Records of one type: the name is taken as it is, without search, and of an IP address
        the PTR records are those of its name in reverse."""
        kind = Type.parse(type) if isinstance(type, str) else Type(type)
        try:
            text = ip_address(name).reverse_pointer if kind == _PTR and is_ip(name) else name
            asked = Name(text)
        except ValueError as e:
            answer(Lookup(name, [], NotFoundError(f"{name!r} cannot be resolved: {e}")))
            return nothing
        return self.question(asked, kind, partial(_tell, name, answer))

    # -- questions ----------------------------------------------------------------------------

    def question(
        self, name: Name, type: Type, callback: Callable[[Outcome], object]
    ) -> Callable[[], object]:
        """Ask one question; the callback comes at once with what is known already.

        Returns a function that cancels.
        """
        folded = name.key
        key = (folded, type)
        known = self.cache.get(folded, type, self.mgr.monotonic()) or _special(name, type)
        if self._closed:
            known = Outcome(name, kind=ClosedError, text="the manager was closed")
        if known is None and self._waiting >= self.max_pending:
            known = Outcome(
                name, kind=BusyError, text=f"{self._waiting} look-ups are waiting already"
            )
        if known is not None:
            callback(known)
            return nothing
        query = self._queries.get(key)
        if query is None:
            way = self._link if is_local(name) else self._way()
            query = Query(self.mgr, name, type, way, self._finished)
            self._queries[key] = query
            self._queue[query] = None
        number = query.join(callback)
        self._waiting += 1
        self._start()
        return partial(self._leave, query, number)

    def _start(self) -> None:
        """Send out those whose turn it is."""
        if self._starting:
            return  # this is about one that ended as soon as it began
        self._starting = True
        try:
            while self._queue and self._active < self.max_active and not self._closed:
                query, _ = self._queue.popitem(last=False)
                self._active += 1
                query.begin()
        finally:
            self._starting = False

    def _leave(self, query: Query, number: int) -> None:
        """Somebody waits no longer."""
        if query.waiters.pop(number, None) is None:
            return
        self._waiting -= 1
        if not query.waiters and self._queries.get((query.asked.key, query.type)) is query:
            self._remove(query)
            query.end()
            self._start()

    def _remove(self, query: Query) -> None:
        del self._queries[query.asked.key, query.type]
        if query in self._queue:
            del self._queue[query]
        else:
            self._active -= 1

    def _finished(self, query: Query, outcome: Outcome) -> None:
        self._remove(query)
        missing = outcome.kind is NotFoundError and outcome.name == query.asked
        kept = 0 if missing else query.type
        self.cache.put(query.asked.key, kept, outcome, self.mgr.monotonic())
        self._deliver(query, outcome)
        self._start()

    def _deliver(self, query: Query, outcome: Outcome) -> None:
        """Tell everybody who waits; one of them may have another one leave."""
        try:
            for number in list(query.waiters):
                callback = query.waiters.pop(number, None)
                if callback is None:
                    continue
                self._waiting -= 1
                try:
                    callback(outcome)
                except Exception:
                    logger.exception("the callback of a look-up of %s failed", query.asked)
        except BaseException:  # a KeyboardInterrupt: the others are told in the next poll
            self.mgr.call_later(0, self._deliver, query, outcome)
            raise

    def close(self) -> None:
        """Everybody who still waits is told that the manager was closed."""
        self._closed = True
        for query in list(self._queries.values()):
            query.end()
            if (query.asked.key, query.type) in self._queries:
                text = f"'{query.asked.host}' was not resolved: the manager was closed"
                self._finished(query, Outcome(query.asked, kind=ClosedError, text=text))
        self.cache.clear()


def _server(given: str | tuple[str, int]) -> tuple[str, int]:
    return (given, PORT) if isinstance(given, str) else (given[0], given[1])


def _special(name: Name, type: Type) -> Outcome | None:
    """What is known about names that no server is asked about."""
    key = name.key
    if not key.endswith(_SPECIAL) or name.labels[-1].lower() not in _SPECIAL_LABELS:
        return None
    if is_localhost(name.host):
        data: Any = {Type.A: A("127.0.0.1"), Type.AAAA: AAAA("::1")}.get(type)
        if data is not None:
            return Outcome(name, (Record(name, data, 0),))
        return Outcome(name, kind=NoDataError, text=f"'{name.host}' has only addresses")
    text = f"'{name.host}' cannot be resolved: no such name"
    return Outcome(name, kind=NotFoundError, text=text)


def _tell(name: str, answer: Callable[[Lookup], object], outcome: Outcome) -> None:
    answer(Lookup(name, outcome.addresses, outcome.error, outcome.records, outcome.name))
