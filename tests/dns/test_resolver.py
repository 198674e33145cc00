"""The resolver: which names are asked for, who waits for whom, what is remembered, and the end."""

from __future__ import annotations

from typing import Any

import pytest

from galidia import ERR_RESOLVE, EV_CLOSE, EV_CONNECT, Manager
from galidia.core.resolver import (
    BusyError,
    ClosedError,
    NoAnswerError,
    NoDataError,
    NotFoundError,
)
from galidia.dns import MX, PTR, TXT, Message, Type
from galidia.dns.resolver import Resolver
from galidia.testing import SimNetwork
from tests.dns.world import SERVERS, World, a
from tests.helpers import Recorder

TRUTH: Any = {
    "www.example": {**a("192.0.2.1", "2001:db8::1"), Type.MX: [MX(10, "mail.example")]},
    "four.example": a("192.0.2.4"),
    "text.example": {Type.TXT: [TXT("hello")]},
    "host.corp.example": a("192.0.2.5"),
    "a.b.lab.example": a("192.0.2.6"),
    "1.2.0.192.in-addr.arpa": {Type.PTR: [PTR("www.example")]},
    "xn--mnchen-3ya.example": a("192.0.2.7"),
}
for i in range(50):
    TRUTH[f"n{i}.example"] = a("192.0.2.1")


def silent(query: Message) -> None:
    """No reply."""


def nobody() -> list[Any]:
    """Where callbacks put what they are given."""
    return []


def names(w: World) -> list[str]:
    """The names that were asked for, in order, each once."""
    return list(dict.fromkeys(name for name, _ in w.server.asked))


# -- names ----------------------------------------------------------------------------------------


def test_addresses_of_both_families(world: Any) -> None:
    w = world(TRUTH)
    lookup = w.find("www.example")
    assert lookup.addresses == ["2001:db8::1", "192.0.2.1"]
    assert lookup.error is None
    assert sorted(w.server.asked) == [("www.example", Type.A), ("www.example", Type.AAAA)]


def test_records(world: Any) -> None:
    lookup = world(TRUTH).find("WWW.example", "mx")
    assert [str(record.data) for record in lookup.records] == ["10 mail.example."]
    assert lookup.addresses == []
    assert lookup.name == "WWW.example"


def test_records_of_an_address_are_those_of_its_name_in_reverse(world: Any) -> None:
    lookup = world(TRUTH).find("192.0.2.1", "PTR")
    assert [record.data.target.host for record in lookup.records] == ["www.example"]


def test_a_name_beyond_ascii(world: Any) -> None:
    assert world(TRUTH).find("München.example").addresses == ["192.0.2.7"]


@pytest.mark.parametrize(
    ("options", "name", "asked"),
    [
        ({}, "host", ["host"]),
        ({"search": ["corp.example"]}, "host", ["host.corp.example"]),
        ({"search": ["lab.example", "corp.example"]}, "host", None),
        ({"search": ["corp.example"]}, "host.", ["host"]),
        ({"search": ["lab.example"]}, "a.b", ["a.b", "a.b.lab.example"]),
        ({"search": ["lab.example"], "ndots": 2}, "a.b", ["a.b.lab.example"]),
        ({"search": ["lab.example"], "ndots": 0}, "host", ["host", "host.lab.example"]),
        ({"search": ["lab.example"]}, "host", ["host.lab.example", "host"]),
        ({"search": ["x" * 63 + "." + "y" * 63 + "." + "z" * 63]}, "q" * 63, ["q" * 63]),
    ],
)
def test_search(world: Any, options: Any, name: str, asked: list[str] | None) -> None:
    w = world(TRUTH, **options)
    lookup = w.find(name)
    assert names(w) == (asked or ["host.lab.example", "host.corp.example"])
    assert bool(lookup.addresses) == (names(w)[-1] in TRUTH)


def test_a_search_that_finds_nothing_is_about_the_name_that_was_asked_for(world: Any) -> None:
    w = world(TRUTH, search=["corp.example"])
    lookup = w.find("nothing")
    assert type(lookup.error) is NotFoundError
    assert str(lookup.error) == "'nothing' cannot be resolved: no such name"
    lookup = w.find("text.example.")
    assert type(lookup.error) is NoDataError
    assert str(lookup.error) == "'text.example.' has no address"


def test_a_search_ends_where_nobody_answers(world: Any) -> None:
    w = world(TRUTH, search=["lab.example", "corp.example"])
    w.server.answer = silent
    assert type(w.find("host").error) is NoAnswerError
    assert names(w) == ["host.lab.example"]


def test_records_are_not_searched_for(world: Any) -> None:
    w = world(TRUTH, search=["example"])
    assert type(w.find("www", "MX").error) is NotFoundError
    assert names(w) == ["www"]


@pytest.mark.parametrize("name", ["x.invalid", "INVALID.", "x.onion"])
def test_names_that_no_server_is_asked_about(world: Any, name: str) -> None:
    w = world(TRUTH)
    for type_ in (None, "A"):
        assert type(w.find(name, type_).error) is NotFoundError
    assert w.server.asked == []


def test_localhost_is_this_machine(world: Any) -> None:
    w = world(TRUTH)
    assert w.find("some.localhost").addresses == ["127.0.0.1", "::1"]
    assert w.find("localhost", "A").addresses == ["127.0.0.1"]
    assert w.find("localhost", "AAAA").addresses == ["::1"]
    assert type(w.find("localhost", "MX").error) is NoDataError
    assert w.server.asked == []


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, ".".join(["x" * 60] * 5), "\ud800"])
@pytest.mark.parametrize("kind", [None, "A"])
def test_what_cannot_be_a_name(world: Any, name: str, kind: str | None) -> None:
    w = world(TRUTH)
    lookup = w.find(name, kind)
    assert type(lookup.error) is NotFoundError
    assert repr(name) in str(lookup.error)
    assert w.server.asked == []


def test_a_type_that_there_is_not(world: Any) -> None:
    with pytest.raises(ValueError):
        world(TRUTH).mgr.resolve("www.example", print, type="NONSENSE")


# -- configuration --------------------------------------------------------------------------------


def test_the_hosts_file_comes_first(world: Any, tmp_path: Any) -> None:
    path = tmp_path / "hosts"
    path.write_text("192.0.2.99 www.example\n")
    w = world(TRUTH, hosts_file=str(path))
    assert w.find("www.example").addresses == ["192.0.2.99"]
    path.write_text("192.0.2.100 www.example\n")
    assert w.find("www.example").addresses == ["192.0.2.100"]
    path.unlink()
    assert w.find("www.example").addresses == ["2001:db8::1", "192.0.2.1"]


def test_resolv_conf_is_read_again_when_it_has_changed(tmp_path: Any, world: Any) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text(f"nameserver {SERVERS[0]}\n")
    w = world(TRUTH, servers=2)
    with Manager(
        network=w.net, resolver=lambda mgr: Resolver(mgr, resolv_conf=str(path), timeout=1.0)
    ) as mgr:
        resolver = mgr.resolver
        found: list[Any] = []
        mgr.resolve("four.example", found.append)
        assert w.net.run(lambda: found)
        path.write_text(f"nameserver {SERVERS[1]}\nsearch corp.example\noptions timeout:7\n")
        mgr.resolve("host", found.append)
        assert w.net.run(lambda: len(found) == 2)
        assert resolver.configuration.servers == ((SERVERS[1], 53),)
        assert resolver.configuration.timeout == 1.0  # what was given stays
    assert [lookup.addresses for lookup in found] == [["192.0.2.4"], ["192.0.2.5"]]
    assert [names(w), w.servers[1].asked[0][0]] == [["four.example"], "host.corp.example"]


def test_rotate(world: Any) -> None:
    w = world(TRUTH, servers=2, rotate=True)
    for i in range(10):
        w.find(f"n{i}.example", "A")
    assert [len(server.asked) for server in w.servers] == [5, 5]


@pytest.mark.parametrize(
    "servers", [[], ["dns.example"], [""], [("1.2.3", 53)], [("192.0.2.1", 53), ("x", 53)]]
)
def test_servers_are_addresses(servers: Any) -> None:
    with pytest.raises(ValueError, match="server"):
        Manager(network=SimNetwork(), resolver=lambda mgr: Resolver(mgr, servers))


@pytest.mark.parametrize(
    "options",
    [{"max_active": 0}, {"max_pending": 0}, {"attempts": 0}, {"timeout": 0}, {"timeout": -1.0}],
)
def test_numbers_that_make_no_sense(options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Manager(network=SimNetwork(), resolver=lambda mgr: Resolver(mgr, ["192.0.2.1"], **options))


def test_the_default_is_the_system_s_configuration() -> None:
    with Manager() as mgr:
        resolver = Resolver(mgr)
        assert resolver.configuration.servers
        assert resolver._file.path == "/etc/resolv.conf"
        resolver.close()


# -- waiting --------------------------------------------------------------------------------------


def test_many_who_wait_for_one_name_share_a_question(world: Any) -> None:
    w, found = world(TRUTH), nobody()
    for _ in range(1000):
        w.mgr.resolve("www.example", found.append, type="A")
    w.mgr.resolve("WWW.EXAMPLE.", found.append, type="A")
    assert w.net.run(lambda: len(found) == 1001)
    assert len(w.server.asked) == 1
    assert all(lookup.addresses == ["192.0.2.1"] for lookup in found)


def test_questions_wait_for_their_turn(world: Any) -> None:
    w, found, open_at_once = world(TRUTH, max_active=3), nobody(), nobody()
    w.server.delay[Type.A] = 1.0
    w.server.before = lambda data, source: open_at_once.append(len(w.server.asked) - len(found))
    for i in range(10):
        w.mgr.resolve(f"n{i}.example", found.append, type="A")
    start = w.net.now
    assert w.net.run(lambda: len(found) == 10)
    assert round(w.net.now - start) == 4
    assert max(open_at_once) <= 3
    assert names(w) == [f"n{i}.example" for i in range(10)]


def test_no_more_wait_than_may(world: Any) -> None:
    w, found = world(TRUTH, max_pending=4, max_active=2), nobody()
    for i in range(5):
        w.mgr.resolve(f"n{i}.example", found.append, type="A")
    assert w.resolver.pending == 4
    assert w.net.run(lambda: len(found) == 5)
    (busy,) = [lookup for lookup in found if lookup.error]
    assert (busy.name, type(busy.error)) == ("n4.example", BusyError)
    assert str(busy.error) == "4 look-ups are waiting already"
    assert w.find("n4.example", "A").addresses == ["192.0.2.1"]


@pytest.mark.parametrize("others", [0, 1])
def test_a_look_up_that_is_cancelled(world: Any, others: int) -> None:
    w, found = world(TRUTH), nobody()
    cancel = w.mgr.resolve("www.example", lambda lookup: pytest.fail("called"))
    for _ in range(others):
        w.mgr.resolve("www.example", found.append)
    cancel()
    cancel()
    assert w.net.run()
    assert len(found) == others
    assert w.resolver.pending == 0
    assert w.sockets() == []


def test_a_look_up_that_is_cancelled_before_its_turn(world: Any) -> None:
    w, found = world(TRUTH, max_active=1), nobody()
    w.mgr.resolve("n1.example", found.append, type="A")
    w.mgr.resolve("n2.example", lambda lookup: pytest.fail("called"), type="A")()
    w.mgr.resolve("n3.example", found.append, type="A")
    assert w.net.run(lambda: len(found) == 2)
    assert names(w) == ["n1.example", "n3.example"]


def test_a_callback_may_cancel_another_one(world: Any) -> None:
    w, found, cancels = world(TRUTH), nobody(), nobody()

    def first(lookup: Any) -> None:
        found.append(lookup)
        for cancel in cancels:
            cancel()

    for _ in range(3):
        cancels.append(w.mgr.resolve("www.example", first, type="A"))
    assert w.net.run()
    assert len(found) == 1
    assert w.resolver.pending == 0


def test_a_callback_may_ask_again(world: Any) -> None:
    w, found = world(TRUTH), nobody()

    def ask(lookup: Any) -> None:
        found.append(lookup)
        if len(found) < 20:
            w.mgr.resolve(f"n{len(found)}.example", ask)

    w.mgr.resolve("n0.example", ask)
    assert w.net.run(lambda: len(found) == 20)
    assert all(lookup.addresses == ["192.0.2.1"] for lookup in found)


def test_a_callback_may_cancel_what_waits_on_the_same_socket(world: Any) -> None:
    """The socket is broken, which is told to one after the other."""
    w, found, cancels = world(TRUTH, attempts=1), nobody(), nobody()
    w.server.mgr.close()

    def first(lookup: Any) -> None:
        found.append(lookup)
        for cancel in cancels:
            cancel()

    for i in range(5):
        cancels.append(w.mgr.resolve(f"n{i}.example", first, type="A"))
    assert w.net.run()
    assert len(found) == 1
    assert w.resolver.pending == 0
    assert w.sockets() == []


def test_an_interrupted_callback_is_not_the_end_of_the_others(world: Any) -> None:
    w, found = world(TRUTH), nobody()

    def interrupt(lookup: Any) -> None:
        raise KeyboardInterrupt

    for callback in (found.append, interrupt, found.append):
        w.mgr.resolve("www.example", callback, type="A")
    with pytest.raises(KeyboardInterrupt):
        w.net.run()
    assert w.net.run(lambda: len(found) == 2)
    assert w.resolver.pending == 0


def test_a_callback_that_fails_costs_nobody_else_anything(world: Any, logged: Any) -> None:
    w, found = world(TRUTH), nobody()

    def fail(lookup: Any) -> None:
        raise RuntimeError("no")

    for callback in (found.append, fail, found.append):
        w.mgr.resolve("www.example", callback, type="A")
    assert w.net.run(lambda: len(found) == 2)
    (record,) = logged
    assert "the callback of a look-up of www.example. failed" in record.getMessage()


# -- remembering ----------------------------------------------------------------------------------


def test_an_answer_is_kept_as_long_as_it_says(world: Any) -> None:
    w = world(TRUTH)
    for after, asked in ((0.0, 2), (50.0, 2), (20.0, 4)):
        w.net.call_at(after, lambda: None)
        w.net.run()
        w.find("www.example")
        assert len(w.server.asked) == asked


def test_a_cached_answer_is_given_in_one_part_and_from_a_poll(world: Any) -> None:
    w = world(TRUTH)
    w.find("www.example")
    parts: list[Any] = []
    w.resolver.resolve("www.example", lambda *part: parts.append(part))
    assert parts == [(["2001:db8::1", "192.0.2.1"], "")]
    found: list[Any] = []
    w.mgr.resolve("www.example", found.append)
    assert found == []
    w.mgr.poll(0)
    assert len(found) == 1


def test_what_does_not_exist_is_kept_too(world: Any) -> None:
    w = world(TRUTH)
    w.server.negative_ttl = 30
    for kind in ("A", "A", "MX"):
        assert type(w.find("nothing.example", kind).error) is NotFoundError
    assert len(w.server.asked) == 1
    for kind in ("A", "A", "MX"):
        assert type(w.find("text.example", kind).error) is NoDataError
    assert len(w.server.asked) == 3
    w.net.call_at(31.0, lambda: None)
    w.net.run()
    w.find("nothing.example", "A")
    assert len(w.server.asked) == 4


def test_without_a_soa_nothing_is_kept(world: Any) -> None:
    w = world(TRUTH)
    w.server.negative_ttl = None
    for _ in range(2):
        w.find("nothing.example", "A")
    assert len(w.server.asked) == 2


def test_failures_are_not_kept(world: Any) -> None:
    w = world(TRUTH, attempts=1)
    truth, w.server.answer = w.server.answer, silent
    assert type(w.find("www.example", "A").error) is NoAnswerError
    w.server.answer = truth
    assert w.find("www.example", "A").addresses == ["192.0.2.1"]


# -- connections ----------------------------------------------------------------------------------


def test_connecting_by_name(world: Any) -> None:
    w = world({"there.example": a("10.0.0.53")})
    w.server.mgr.bind("tcp://10.0.0.53:7")
    client = Recorder()
    c = w.mgr.connect("tcp://there.example:7", client)
    assert w.net.run(lambda: client.data(EV_CONNECT) == [0])
    assert str(c.peer) == "10.0.0.53:7"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nothing.example", "'nothing.example' cannot be resolved: no such name"),
        ("text.example", "'text.example' has no address"),
    ],
)
def test_connecting_to_what_has_no_address(world: Any, name: str, error: str) -> None:
    w, client = world(TRUTH), Recorder()
    c = w.mgr.connect(f"tcp://{name}:80", client)
    assert w.net.run(lambda: client.count(EV_CLOSE))
    assert client.data(EV_CONNECT) == [ERR_RESOLVE]
    assert c.error == error


def test_connecting_when_nobody_answers(world: Any) -> None:
    w, client = world(TRUTH), Recorder()
    w.server.answer = silent
    c = w.mgr.connect("tcp://www.example:80", client)
    assert w.net.run(lambda: client.count(EV_CLOSE))
    assert client.data(EV_CONNECT) == [ERR_RESOLVE]
    assert c.error == (
        "'www.example' cannot be resolved: no answer from 10.0.0.53:53 within 2 x 5 s"
    )


def test_a_connection_that_is_closed_asks_no_longer(world: Any) -> None:
    w = world(TRUTH)
    c = w.mgr.connect("tcp://www.example:80")
    w.mgr.poll(0)
    assert w.resolver.pending == 2
    c.close()
    w.mgr.poll(0)
    assert w.resolver.pending == 0
    assert w.sockets() == []


# -- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_active", [1, 200])
def test_a_manager_that_closes_tells_those_who_wait(world: Any, max_active: int) -> None:
    w = world(TRUTH, max_active=max_active)
    w.server.answer = silent
    found: list[Any] = []

    def again(lookup: Any) -> None:
        found.append(lookup)
        w.resolver.resolve("n9.example", lambda addresses, error: found.append(error))

    for i in range(3):
        w.mgr.resolve(f"n{i}.example", again, type="A")
    w.net.run(limit=1.0)
    w.mgr.close()
    assert len(found) == 6
    assert {type(getattr(one, "error", one)) for one in found} == {ClosedError}
    assert str(found[0].error) == "'n0.example' was not resolved: the manager was closed"
    assert [str(sock) for sock in w.net.descriptors.values() if " 10.0.0.1:" in str(sock)] == []


def test_closing_while_a_reply_comes_over_tcp(world: Any) -> None:
    w = world({"many.example": a(*[f"192.0.2.{i}" for i in range(200)])})
    found: list[Any] = []
    w.mgr.resolve("many.example", found.append, type="A")
    assert w.net.run(lambda: len(w.mgr))
    w.mgr.close()
    assert type(found[0].error) is ClosedError
