"""Which server is asked, and which of them rest, in both builds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.proxy import upstreams
from tests.http.proxy.conftest import World, get
from tests.http.wire import complete, responses
from tests.twin import pure_module

REST = 10.0


@pytest.fixture(params=["this", "pure"])
def build(request: pytest.FixtureRequest) -> Any:
    return pure_module("http.proxy.upstreams") if request.param == "pure" else upstreams


def made(build: Any, count: int) -> Any:
    return build.Upstreams([f"http://10.0.0.2:{9000 + i}" for i in range(count)], (), 4, REST)


def chosen(group: Any, now: float = 0.0, tried: int = 0) -> int | None:
    found = group.choose(now, tried)
    return None if found is None else int(found.number)


def test_equals_are_asked_in_turn(build: Any) -> None:
    group = made(build, 3)
    assert [chosen(group) for _ in range(5)] == [0, 1, 2, 0, 1]


def test_none_is_asked_twice_for_one_request(build: Any) -> None:
    assert chosen(made(build, 1), tried=1) is None
    group = made(build, 64)
    assert chosen(group, tried=(1 << 64) - 1) is None
    assert chosen(group, tried=(1 << 63) - 1) == 63


def test_who_rests_is_asked_when_all_others_do(
    build: Any, caplog: pytest.LogCaptureFixture
) -> None:
    group = made(build, 2)
    group.all[1].active = 100
    group.failed(group.all[0], 5.0, "gone")
    assert chosen(group, 5.0 + REST - 0.5) == 1
    group.failed(group.all[1], 6.0, "gone")
    assert chosen(group, 7.0) == 0  # the one that has rested for longer
    assert chosen(group, 7.0, tried=1) == 1
    assert chosen(group, 5.0 + REST) == 0


def test_failures_of_one_are_logged_once_a_second(
    build: Any, caplog: pytest.LogCaptureFixture
) -> None:
    group = made(build, 2)
    for now in (0.0, 0.4, 0.9, 1.0, 1.9):
        group.failed(group.all[0], now, "gone")
    group.failed(group.all[1], 1.9, "mute")
    assert [record.getMessage() for record in caplog.records] == [
        "upstream http://10.0.0.2:9000/: gone",
        "upstream http://10.0.0.2:9000/: gone",
        "upstream http://10.0.0.2:9001/: mute",
    ]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=5),
    st.lists(st.integers(0, 31), min_size=1, max_size=5),
)
def test_the_choice_is_the_one_that_is_described(
    state: list[tuple[int, int]], requests: list[int]
) -> None:
    """For each server, how many requests it has and until when it rests; it is 1 o'clock."""
    groups = [made(build, len(state)) for build in (upstreams, pure_module("http.proxy.upstreams"))]
    for group in groups:
        for one, (active, rests) in zip(group.all, state, strict=True):
            one.active = active
            group.failed(one, rests - REST, "")
    turn = 0
    for tried in requests:
        left = [(turn + i) % len(state) for i in range(len(state))]
        left = [i for i in left if not tried >> i & 1]
        best = min(
            left, key=lambda i: (1, state[i][1]) if state[i][1] > 1 else (0, state[i][0]),
            default=None,
        )  # fmt: skip
        assert [chosen(group, 1.0, tried) for group in groups] == [best, best]
        if best is not None:
            turn = (best + 1) % len(state)


def test_there_are_at_most_64(build: Any) -> None:
    with pytest.raises(ValueError, match="at most 64 upstreams, not 65"):
        made(build, 65)


def test_several_upstreams(world: World) -> None:
    """The least busy one is asked; what cannot have been acted on is tried with the next one; who
    failed rests."""
    seen: list[int] = []
    pending: list[Any] = []

    def upstream(number: int) -> str:
        def handler(c: Any, ev: Any, req: Any) -> None:
            seen.append(number)
            pending.append(req)
            if "now" in req.path:
                req.reply(200, str(number))

        return world.upstream(handler, 9000 + number)

    world.serve("http://10.0.0.2:9009", upstream(0), upstream(1), rest=1000)
    clients = [world.client(get("/api/later")) for _ in range(4)]
    world.run(lambda: len(seen) == 4)
    assert sorted(seen) == [0, 0, 1, 1]
    for req in pending:
        req.reply(200, b"x")
    world.run(lambda: all(complete(client.received) for client in clients))
    before = [u.rests for u in world.proxy.upstreams.all]
    assert before[0] > 0 == before[1] == before[2]
    seen.clear()
    for _ in range(4):
        assert world.ask(get("/api/now", method="POST", body=b"x")).status == 200
    assert sorted(seen) == [0, 0, 1, 1]
    assert [u.rests for u in world.proxy.upstreams.all] == before  # it was left alone


def test_no_more_connections_than_allowed(world: World) -> None:
    server = world.raw()
    world.serve("http://10.0.0.2:9000", max_connections=2, connect_timeout=5)
    clients = [world.client(get("/api/")) for _ in range(3)]
    peers = [world.accept(server) for _ in range(2)]
    world.run(lambda: any(complete(client.received) for client in clients))
    (late,) = [client for client in clients if client.received]
    assert responses(late.received)[0].status == 503
    for peer in peers:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    world.run(lambda: all(complete(client.received) for client in clients))
