"""Look-ups on networks that lose, delay, double and reorder, with forgers in between: each one ends
with the truth, or with the news that nobody answered."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from galidia import EV_CONNECT
from galidia.core.resolver import NoAnswerError, NoDataError, NotFoundError, RefusedError
from galidia.dns import TXT, Message, Rcode, Type
from galidia.testing import Faults
from tests.dns.world import Forger, Truth, World, a, alias
from tests.helpers import Recorder

#: A few hundred runs in the suite; under `make fuzz`, as many as its profile has.
RUNS = max(300, settings().max_examples)

TRUTH: Truth = {
    "both.example": a("192.0.2.1", "192.0.2.2", "2001:db8::1"),
    "four.example": a("192.0.2.4"),
    "six.example": a("2001:db8::6"),
    "large.example": {
        **a(*[f"192.0.2.{i}" for i in range(100, 200)]),
        Type.TXT: [TXT("x" * 200) for _ in range(10)],
    },
    "alias.example": alias("both.example"),
    "long.example": alias("alias.example"),
    "dead.example": alias("missing.example"),
    "loop.example": alias("pool.example"),
    "pool.example": alias("loop.example"),
}
NAMES = [*TRUTH, "missing.example"]
TYPES = [None, None, None, "A", "AAAA", "TXT"]


def truth(name: str, type: str | None) -> Any:
    """Addresses or texts, or the error that there is to be."""
    for _ in range(5):
        if name not in TRUTH:
            return NotFoundError
        data = TRUTH[name]
        if Type.CNAME not in data:
            break
        name = data[Type.CNAME][0].target.host
    else:
        return "loop"
    wanted = [Type.AAAA, Type.A] if type is None else [Type.parse(type)]
    found = [str(one) for kind in wanted for one in data.get(kind, ())]
    return found or NoDataError


def is_right(lookup: Any, name: str, type: str | None, whole: bool = True) -> bool:
    """The truth and nothing but the truth; without ``whole``, that of one family of addresses."""
    if not whole and type is None and lookup.addresses:
        return any(is_family(lookup.addresses, truth(name, kind)) for kind in ("A", "AAAA"))
    right = truth(name, type)
    if right == "loop":
        return lookup.error is not None and not lookup.addresses
    if isinstance(right, list):
        told = lookup.addresses if type is None else [str(r.data) for r in lookup.records]
        return lookup.error is None and sorted(told) == sorted(right)
    return isinstance(lookup.error, right) and not lookup.addresses and not lookup.records


def is_family(told: list[str], right: Any) -> bool:
    return isinstance(right, list) and sorted(told) == sorted(right)


def faults_of(dice: random.Random) -> Faults:
    """From a quiet network to one where little arrives."""
    bad = dice.choice([0.0, 0.1, 0.4])
    return Faults(
        loss=bad * dice.random(),
        delay=(0.0, dice.choice([0.0, 0.1, 3.0])),
        duplicate=bad,
        reorder=bad,
        reorder_time=(0.0, dice.choice([0.1, 2.0])),
        short_write=bad,
        split=bad,
        reset=bad * 0.5,
        stall=bad * 0.2,
        no_descriptor=bad * 0.2,
        lose_connect=bad * 0.5,
        spurious=bad,
    )


def silent(query: Message) -> None:
    """No reply at all."""


@settings(max_examples=RUNS)
@given(seed=st.integers(0, 1 << 32))
def test_every_look_up_ends_with_the_truth_or_without_an_answer(seed: int) -> None:
    dice = random.Random(seed)
    world = World(
        TRUTH,
        seed=seed,
        faults=faults_of(dice),
        servers=dice.choice([1, 2]),
        attempts=dice.choice([1, 2, 4]),
        rotate=dice.random() < 0.3,
        max_active=dice.choice([1, 3, 200]),
        cache_entries=dice.choice([0, 2, 100]),
    )
    useless = 0
    for server in world.servers:
        server.before = Forger(server, dice.randrange(1 << 32))
        server.edns = dice.random() < 0.7
        server.follows = dice.random() < 0.7
        server.ttl = dice.choice([0, 1, 60])
        server.negative_ttl = dice.choice([None, 30]) if server.follows else 30
        kind = dice.random()
        if kind < 0.1:
            server.answer = silent
        elif kind < 0.2:
            useless += 1
            server.answer = lambda query: query.reply(Rcode.SERVFAIL)
    allowed: tuple[Any, ...] = (NoAnswerError, RefusedError)
    results: list[tuple[Any, str, str | None]] = []
    asked, cancelled = 0, []

    def ask() -> None:
        nonlocal asked
        name, type = dice.choice(NAMES), dice.choice(TYPES)
        asked += 1
        cancel = world.mgr.resolve(name, partial(note, results, name, type), type)
        if dice.random() < 0.1:
            cancelled.append(cancel)

    for i in range(dice.randrange(1, 25)):
        world.mgr.call_later(i * dice.random(), ask)
        if dice.random() < 0.1:
            world.mgr.call_later(dice.random() * 10, lambda: cancelled and cancelled.pop()())
    client = Recorder()
    world.mgr.connect("tcp://missing.example:80", client, connect_timeout=1e6)
    assert world.net.run(limit=1e6), f"seed {seed}: no end"
    assert world.resolver.pending == 0
    assert len(results) <= asked
    for lookup, name, type in results:
        right = is_right(lookup, name, type) or is_right(lookup, name, type, whole=False)
        assert right or isinstance(lookup.error, allowed), (seed, name, type, lookup)
        if len(world.servers) == useless:
            assert lookup.error is not None
    assert client.data(EV_CONNECT)
    assert world.sockets() == [], f"seed {seed}"
    world.close()


def note(results: list[Any], name: str, type: str | None, lookup: Any) -> None:
    results.append((lookup, name, type))


@settings(max_examples=RUNS)
@given(seed=st.integers(0, 1 << 32))
def test_a_quiet_network_with_forgers_always_has_the_truth(seed: int) -> None:
    """Nothing is lost, so nothing but the truth is an outcome, in any order of things."""
    dice = random.Random(seed)
    faults = Faults(delay=(0, 0.5), duplicate=0.5, reorder=0.5, short_write=0.3, spurious=0.2)
    world = World(TRUTH, seed=seed, faults=faults)
    forger = world.server.before = Forger(world.server, seed)
    world.server.edns = dice.random() < 0.5
    results: list[tuple[Any, str, str | None]] = []
    for _ in range(12):
        name, type = dice.choice(NAMES), dice.choice(TYPES)
        world.mgr.resolve(name, partial(note, results, name, type), type)
    assert world.net.run(lambda: len(results) == 12)
    for lookup, name, type in results:
        assert is_right(lookup, name, type), (seed, name, type, lookup)
    world.net.run()
    assert world.resolver.ignored <= forger.sent + len(world.server.asked) * 2
    world.close()
