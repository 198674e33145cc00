"""DNS on connections: over UDP and TCP, who answers what, and with how many bytes."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia import EV_CLOSE, EV_DNS_MESSAGE, F_SEND_AND_CLOSE, AddressError, Manager
from galidia.dns import (
    QR,
    RD,
    TXT,
    A,
    DnsOptions,
    Message,
    Opt,
    Rcode,
    Record,
    Type,
    parse_zone,
)
from galidia.testing import Faults, SimNetwork
from tests.helpers import PATIENCE, Recorder, set_flag, settle, until

ZONE = """
origin = "example"
[records]
www = { A = "192.0.2.1" }
big = { TXT = [%s] }
""" % ", ".join([f"'\"{i:03} {'x' * 200}\"'" for i in range(20)])  # noqa: UP031 - braces


def answer(c: Any, query: Message) -> None:
    """For ``Recorder(dns_message=answer)``: an address, and for TXT more than fits in UDP."""
    reply = query.reply()
    (q,) = query.questions
    if q.type == Type.TXT:
        reply.answers = [Record(q.name, TXT(f"{i:03} {'x' * 200}")) for i in range(20)]
    else:
        reply.add(q.name, A("192.0.2.1"), ttl=60)
    reply.send()


@pytest.fixture(params=["handler", "zone"])
def served(request: pytest.FixtureRequest, mgr: Manager) -> Any:
    """A listener on both transports, by a handler or by a zone."""
    handler: Any = Recorder(dns_message=answer) if request.param == "handler" else parse_zone(ZONE)
    return mgr.bind("dns://127.0.0.1:0", handler)


class Plain:
    """A client of plain sockets, which counts bytes for itself."""

    def __init__(self, mgr: Manager, listener: Any) -> None:
        self.mgr = mgr
        self.to = tuple(listener.local)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setblocking(False)
        self.tcp = socket.create_connection(self.to, PATIENCE)
        self.tcp.setblocking(False)
        self.got = b""

    def datagram(self, data: bytes) -> bytes:
        """What comes back to a datagram."""
        self.udp.sendto(data, self.to)
        found: list[bytes] = []
        until(self.mgr, lambda: self._take(found))
        return found[0]

    def _take(self, found: list[bytes]) -> bool:
        try:
            found.append(self.udp.recv(65535))
        except BlockingIOError:
            pass
        return bool(found)

    def silent(self, data: bytes) -> bool:
        """Whether nothing comes back: the answer to the next query is the first that does."""
        self.udp.sendto(data, self.to)
        last = Message.query("www.example", id=0xBEEF).encode()
        return self.datagram(last)[:2] == b"\xbe\xef"

    def stream(self, n: int) -> list[bytes]:
        """The next ``n`` messages of the stream."""
        found: list[bytes] = []

        def enough() -> bool:
            try:
                self.got += self.tcp.recv(1 << 16)
            except BlockingIOError:
                pass
            while len(self.got) >= 2:
                size = int.from_bytes(self.got[:2], "big")
                if len(self.got) < 2 + size:
                    break
                found.append(self.got[2 : 2 + size])
                self.got = self.got[2 + size :]
            return len(found) >= n

        until(self.mgr, enough)
        return found

    def ended(self) -> bool:
        try:
            return not self.tcp.recv(1 << 16)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True


@pytest.fixture
def client(mgr: Manager, served: Any) -> Any:
    plain = Plain(mgr, served)
    yield plain
    plain.udp.close()
    plain.tcp.close()


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


# -- servers -----------------------------------------------------------------------------------


def test_one_address_two_transports(mgr, served, client):
    assert served.companion.local == served.local
    query = Message.query("www.example", id=7)
    over_udp = Message.decode(client.datagram(query.encode()))
    client.tcp.sendall(framed(query.encode()))
    over_tcp = Message.decode(client.stream(1)[0])
    assert over_udp.answers == over_tcp.answers
    assert over_udp.id == 7
    assert over_udp.flags & (QR | RD) == QR | RD
    assert over_udp.opt is not None
    companion = served.companion
    served.close()
    settle(mgr)
    assert companion.closed


@pytest.mark.parametrize(
    ("payload", "most"), [(None, 512), (0, 512), (511, 512), (600, 600), (1232, 1232), (4096, 1232)]
)
def test_what_is_too_long_for_udp_comes_over_tcp(client, payload, most):
    query = Message.query("big.example", Type.TXT, payload_size=payload)
    data = client.datagram(query.encode())
    assert len(data) <= most
    over_udp = Message.decode(data)
    assert over_udp.truncated
    assert len(over_udp.answers) < 20
    assert over_udp.questions == query.questions
    client.tcp.sendall(framed(query.encode()))
    over_tcp = Message.decode(client.stream(1)[0])
    assert not over_tcp.truncated
    assert len(over_tcp.answers) == 20


def test_messages_in_one_segment_and_in_pieces(client):
    queries = [Message.query("www.example", id=i).encode() for i in range(300)]
    stream = b"".join(map(framed, queries))
    client.tcp.sendall(stream[:-5])
    assert [m[:2] for m in client.stream(299)] == [i.to_bytes(2, "big") for i in range(299)]
    for i in range(len(stream) - 5, len(stream)):
        client.tcp.sendall(stream[i : i + 1])
        settle(client.mgr, 2)
    assert client.stream(1)[0][:2] == (299).to_bytes(2, "big")


HEAD = b"\x12\x34\1\0\0\1\0\0\0\0\0\0"
QUESTION = b"\3www\7example\0\0\1\0\1"
GOOD = HEAD + QUESTION
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"

# what comes: the code, the bits and the counts of the answer
WRONG: dict[str, tuple[bytes, Rcode]] = {
    "question-cut": (GOOD[:-1], Rcode.FORMERR),
    "no-question": (HEAD[:5] + b"\0" + HEAD[6:], Rcode.FORMERR),
    "two-questions": (HEAD[:5] + b"\2" + HEAD[6:] + QUESTION * 2, Rcode.FORMERR),
    "trailing": (GOOD + b"\0", Rcode.FORMERR),
    "pointer": (HEAD + b"\xc0\x0c\0\1\0\1", Rcode.FORMERR),
    "label-64": (HEAD + b"\x40" + b"a" * 64 + b"\0\0\1\0\1", Rcode.FORMERR),
    "name-256": (HEAD + b"\1a" * 128 + b"\0\0\1\0\1", Rcode.FORMERR),
    "opt-missing": (GOOD[:11] + b"\1" + QUESTION, Rcode.FORMERR),
    "opt-cut": (GOOD[:11] + b"\1" + QUESTION + OPT[:-1], Rcode.FORMERR),
    "opt-twice": (GOOD[:11] + b"\2" + QUESTION + OPT * 2, Rcode.FORMERR),
    "opt-option": (GOOD[:11] + b"\1" + QUESTION + OPT[:-1] + b"\3\0\1\0", Rcode.FORMERR),
    "opt-version": (
        GOOD[:11] + b"\1" + QUESTION + OPT[:6] + b"\1" + OPT[7:],
        Rcode.BADVERS,
    ),
    "notify": (HEAD[:2] + b"\x21" + HEAD[3:] + QUESTION, Rcode.NOTIMP),
    "update": (HEAD[:2] + b"\x28" + HEAD[3:] + b"nonsense", Rcode.NOTIMP),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_answered(client, served, case):
    data, code = WRONG[case]
    over_udp = client.datagram(data)
    client.tcp.sendall(framed(data) + framed(GOOD))
    over_tcp, good = client.stream(2)
    assert over_udp == over_tcp
    reply = Message.decode(over_udp)
    assert (reply.id, reply.rcode) == (0x1234, code)
    assert reply.is_reply
    assert reply.answers == []
    assert len(over_udp) <= max(len(data), 12)  # no more than was sent, whoever it goes to
    assert Message.decode(good).rcode == Rcode.NOERROR
    if isinstance(served.handler, Recorder):
        assert served.handler.count(EV_DNS_MESSAGE) == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"x", GOOD[:11], HEAD[:2] + b"\x81\x80" + HEAD[4:] + QUESTION, b"\xff" * 12],
    ids=["empty", "byte", "half-a-header", "reply", "ones"],
)
def test_what_is_no_query_is_not_answered(client, data):
    assert client.silent(data)


def test_an_answer_to_an_answer_is_none(client):
    reply = client.datagram(GOOD)
    assert client.silent(reply)
    client.tcp.sendall(framed(reply) + framed(GOOD))
    assert client.stream(1) == [reply]


@pytest.mark.parametrize("length", [0, 11])
def test_a_stream_of_nonsense_ends(client, length):
    client.tcp.sendall(framed(b"x" * length))
    until(client.mgr, client.ended)


def test_other_records_in_a_query_do_not_matter(client):
    query = Message.query("www.example", id=5)
    query.add("www.example", A("192.0.2.77"))
    query.add("x.example", TXT("y" * 100), section="authority")
    query.opt = Opt(payload_size=600, dnssec_ok=True, options=[(10, b"12345678")])
    reply = Message.decode(client.datagram(query.encode()))
    assert [r.data for r in reply.answers] == [A("192.0.2.1")]
    assert reply.opt == Opt(dnssec_ok=True)
    assert reply.authorities == []


def test_a_name_keeps_its_case_in_the_answer(client):
    query = Message.query("wWw.ExAmPlE")
    reply = client.datagram(query.encode())
    assert b"\3wWw\7ExAmPlE\0" in reply
    assert len(Message.decode(reply).answers) == 1


def test_an_answer_later(mgr):
    asked: list[Message] = []

    def keep(c: Any, query: Message) -> None:
        set_flag(c, F_SEND_AND_CLOSE, on=False)
        asked.append(query)

    listener = mgr.bind("dns://127.0.0.1:0", Recorder(dns_message=keep))
    client = Recorder()
    c = mgr.connect(f"dns://{listener.local}", client)
    Message.query("a.example", id=3).send(c)
    until(mgr, lambda: asked)
    settle(mgr)
    answer(None, asked[0])
    listener_side = asked[0].connection
    assert listener_side is not None
    listener_side.close_after_send()
    until(mgr, lambda: client.count(EV_DNS_MESSAGE))
    assert client.data(EV_DNS_MESSAGE)[0].id == 3
    until(mgr, lambda: not listener.children)
    answer(None, asked[0])  # its connection is closed: nothing


def test_a_handler_that_serves_a_zone(mgr):
    zone = parse_zone(ZONE)
    seen: list[str] = []

    def log(c: Any, query: Message) -> None:
        seen.append(str(query.questions[0].name))
        zone.serve(query)

    listener = mgr.bind("dns://127.0.0.1:0", Recorder(dns_message=log))
    for scheme in ("dns", "dns+tcp"):
        client = Recorder()
        c = mgr.connect(f"{scheme}://{listener.local}", client)
        Message.query("big.example", Type.TXT, payload_size=None).send(c)
        until(mgr, lambda client=client: client.count(EV_DNS_MESSAGE))
        (reply,) = client.data(EV_DNS_MESSAGE)
        assert reply.truncated == (scheme == "dns")
    assert seen == ["big.example."] * 2


def test_another_zone_takes_over(mgr, plain):
    listener = mgr.bind("dns://127.0.0.1:0", parse_zone(ZONE))
    other = parse_zone('origin = "example"\n[records]\nwww = { A = "192.0.2.2" }')
    found = []
    for handler in (listener.handler, other):
        listener.handler = handler
        for scheme in ("dns", "dns+tcp"):
            client = Recorder()
            Message.query("www.example").send(mgr.connect(f"{scheme}://{listener.local}", client))
            until(mgr, lambda client=client: client.count(EV_DNS_MESSAGE))
            found += [r.data.address for r in client.data(EV_DNS_MESSAGE)[0].answers]
    assert found == ["192.0.2.1"] * 2 + ["192.0.2.2"] * 2


def test_an_acl_goes_for_zones_too(mgr, plain):
    listener = mgr.bind("dns://127.0.0.1:0", parse_zone(ZONE), acl="-127.0.0.0/8")
    sock = plain()
    sock.sendto(GOOD, tuple(listener.local))
    until(mgr, lambda: listener.refused)
    settle(mgr)
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv(999)


def test_user_data_and_handler_are_those_of_the_listener(mgr):
    listener = mgr.bind("dns://127.0.0.1:0", None)
    seen = []

    def note(c: Any, query: Message) -> None:
        seen.append(c.user_data)
        answer(c, query)

    listener.user_data = "mine"
    listener.handler = Recorder(dns_message=note)
    for scheme in ("dns", "dns+tcp"):
        client = Recorder()
        Message.query("www.example").send(mgr.connect(f"{scheme}://{listener.local}", client))
        until(mgr, lambda client=client: client.count(EV_DNS_MESSAGE))
    assert seen == ["mine", "mine"]


def test_tcp_alone(mgr):
    listener = mgr.bind("dns+tcp://127.0.0.1:0", Recorder(dns_message=answer))
    client = Recorder()
    Message.query("www.example").send(mgr.connect(f"dns+tcp://{listener.local}", client))
    until(mgr, lambda: client.count(EV_DNS_MESSAGE))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(tuple(listener.local))  # nobody has this port
    sock.close()


def test_a_port_that_one_transport_has(mgr):
    taken = mgr.bind("tcp://127.0.0.1:0")
    with pytest.raises(OSError, match="cannot bind tcp"):
        mgr.bind(f"dns://{taken.local}")
    assert len(mgr) == 1
    with pytest.raises(ValueError, match="fd="):
        mgr.bind("dns://127.0.0.1:0", fd=0)
    with pytest.raises(ValueError, match="DTLS"):
        mgr.bind("dns://127.0.0.1:0", cert="nothing.pem")


# -- clients -----------------------------------------------------------------------------------


def test_many_queries_are_under_way(mgr, served):
    client = Recorder()
    c = mgr.connect(f"dns+tcp://{served.local}", client)
    for i in range(500):
        Message.query("www.example", id=i).send(c)
    until(mgr, lambda: client.count(EV_DNS_MESSAGE) == 500)
    assert {m.id for m in client.data(EV_DNS_MESSAGE)} == set(range(500))
    assert client.data(EV_DNS_MESSAGE)[0].connection is c


def test_a_client_drops_what_is_no_message(mgr, plain):
    sock = plain()
    client = Recorder()
    c = mgr.connect(f"dns://127.0.0.1:{sock.getsockname()[1]}", client)
    query = Message.query("www.example", id=9)
    query.send(c)
    mgr.poll(0)
    until(mgr, lambda: not c.send_mbuf)
    _, back = sock.recvfrom(999)
    for data in (b"", b"x", query.encode()[:-1], query.reply().encode()):
        sock.sendto(data, back)
    until(mgr, lambda: client.count(EV_DNS_MESSAGE))
    (message,) = client.data(EV_DNS_MESSAGE)
    assert message.id == 9
    assert c.protocol.malformed == 2


def test_a_stream_of_nonsense_ends_for_the_client(mgr):
    server = Recorder(accept=lambda c, _: c.send(framed(b"nonsense")))
    listener = mgr.bind("tcp://127.0.0.1:0", server)
    client = Recorder()
    c = mgr.connect(f"dns+tcp://{listener.local}", client)
    until(mgr, lambda: client.count(EV_CLOSE))
    assert "no DNS message" in c.error
    assert client.count(EV_DNS_MESSAGE) == 0


def test_what_is_no_option_or_address(mgr):
    for call in (mgr.bind, mgr.connect):
        with pytest.raises(TypeError, match="DnsOptions"):
            call("dns://127.0.0.1:1", options=object())
    with pytest.raises(TypeError, match="nonsense"):
        mgr.connect("dns://127.0.0.1", nonsense=1)
    for address in ("dns://127.0.0.1/path", "dns://me@127.0.0.1"):
        with pytest.raises(AddressError, match="a host and a port"):
            mgr.connect(address)
    for options in ({"udp_payload": 511}, {"udp_payload": 65536}, {"idle_timeout": 0}):
        with pytest.raises(ValueError):
            DnsOptions(**options)
    assert len(mgr) == 0


def test_a_smaller_limit_for_udp(mgr):
    listener = mgr.bind("dns://127.0.0.1:0", parse_zone(ZONE), options=DnsOptions(udp_payload=512))
    client = Recorder()
    c = mgr.connect(f"dns://{listener.local}", client)
    Message.query("big.example", Type.TXT, payload_size=4096).send(c)
    until(mgr, lambda: client.count(EV_DNS_MESSAGE))
    assert client.data(EV_DNS_MESSAGE)[0].truncated


# -- on a simulated network ---------------------------------------------------------------------


def simulated() -> tuple[SimNetwork, Manager, Manager]:
    net = SimNetwork(seed=5)
    return net, Manager(network=net.host("10.0.0.1")), Manager(network=net.host("10.0.0.2"))


def test_a_stream_that_is_idle_is_closed():
    net, server, client = simulated()
    start = net.now
    with server, client:
        server.bind("dns://10.0.0.1:53", parse_zone(ZONE), options=DnsOptions(idle_timeout=5.0))
        log = Recorder()
        c = client.connect("dns+tcp://10.0.0.1", log)

        def ask() -> None:
            Message.query("www.example").send(c)

        for i in (1, 4, 8):
            client.call_later(i, ask)
        assert net.run(lambda: log.count(EV_CLOSE), limit=60)
        assert log.count(EV_DNS_MESSAGE) == 3
        assert 13.0 <= net.now - start < 14.0


def test_a_stream_that_trickles_is_idle():
    net, server, client = simulated()
    start = net.now
    with server, client:
        server.bind("dns+tcp://10.0.0.1:53", None, options=DnsOptions(idle_timeout=5.0))
        log = Recorder()
        c = client.connect("tcp://10.0.0.1:53", log)
        data = bytearray(framed(GOOD))

        def trickle() -> None:
            c.send(bytes([data.pop(0)]))

        c.call_every(1.0, trickle)
        assert net.run(lambda: log.count(EV_CLOSE), limit=60)
        assert 5.0 <= net.now - start < 6.0


QUERIES = st.one_of(
    st.builds(
        lambda name, type, id, size: Message.query(name, type, id=id, payload_size=size).encode(),
        st.sampled_from(["www.example", "big.example", "no.example", "other"]),
        st.sampled_from([Type.A, Type.TXT, Type.ANY]),
        st.integers(0, 65535),
        st.sampled_from([None, 512, 4096]),
    ),
    st.sampled_from([data for data, _ in WRONG.values()]),
    st.binary(min_size=12, max_size=40),
)


@given(st.lists(QUERIES, max_size=8), st.integers(0, 2**32), st.sampled_from(["zone", "handler"]))
def test_any_queries_in_any_pieces(queries: list[bytes], seed: int, kind: str) -> None:
    """The stream answers as a datagram would, however it is cut."""
    zone = parse_zone(ZONE)
    handler: Any = zone
    if kind == "handler":
        handler = Recorder(dns_message=lambda c, query: zone.serve(query))
    net = SimNetwork(seed=seed, faults=Faults(split=0.5, short_write=0.3))
    with Manager(network=net.host("10.0.0.1")) as mgr:
        mgr.bind("dns://10.0.0.1:53", handler)
        peer = net.client("tcp://10.0.0.1:53")
        peer.send(b"".join(map(framed, queries)))
        peer.shutdown()
        assert net.run(lambda: peer.ended, limit=60)
        answers = [zone.respond(data, 65535, False) for data in queries]
        assert peer.received == b"".join([framed(data) for data in answers if data])
        peer.close()
