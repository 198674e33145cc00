"""TLS: certificates and names, resumption, reloading, and peers that do not play along."""

import socket
import ssl
import struct

import pytest

from galidia import (
    ERR_TLS,
    EV_ACCEPT,
    EV_CLOSE,
    EV_CONNECT,
    EV_SEND,
    F_SSL,
    F_SSL_HANDSHAKE_DONE,
)
from tests.helpers import Carrier, Recorder, echo, send_and_close, settle, take, until, url


def common_name(certificate):
    return dict(item[0] for item in certificate["subject"])["commonName"]


def alternative_names(c):
    return [name for _, name in c.tls.getpeercert()["subjectAltName"]]


def fails(mgr, address, **options):
    """Connect and fail; the code that CONNECT came with, and the reason in words."""
    client = Recorder()
    c = mgr.connect(address, client, **options)
    until(mgr, lambda: client.count(EV_CLOSE))
    assert client.story() == "CONNECT CLOSE"
    return client.data(EV_CONNECT)[0], c.error


# -- names and authorities ------------------------------------------------------------------------


def test_an_established_connection_tells_of_its_tls(mgr, tls):
    server = Recorder()
    listener, c = tls.join(mgr, server, None)
    until(mgr, lambda: server.accepted)
    for one in (c, *server.accepted):
        assert one.flags & F_SSL
        assert one.flags & F_SSL_HANDSHAKE_DONE
        assert one.tls.version() == "TLSv1.3"
    assert "localhost" in alternative_names(c)
    assert listener.flags & F_SSL


def test_connections_without_tls_have_none(mgr, tcp):
    assert tcp.join(mgr, None, None)[1].tls is None


def test_the_certificate_of_a_stranger_is_refused(mgr, certs):
    listener = mgr.bind("tls://127.0.0.1:0", cert=certs.stranger)
    code, error = fails(mgr, url(listener, "tls"), ca=certs.ca)
    assert code == ERR_TLS
    assert "certificate" in error


def test_the_systems_authorities_do_not_know_ours(mgr, tls):
    assert fails(mgr, url(tls.bind(mgr, None), "tls"))[0] == ERR_TLS


def test_the_name_is_checked(mgr, certs):
    listener = mgr.bind("tls://127.0.0.1:0", cert=certs.other)
    for options in ({}, {"server_name": "localhost"}):
        code, error = fails(mgr, url(listener, "tls"), ca=certs.ca, **options)
        assert code == ERR_TLS
        assert "mismatch" in error or "not valid" in error
    client = Recorder()
    mgr.connect(url(listener, "tls"), client, ca=certs.ca, server_name="other.example")
    until(mgr, lambda: client.data(EV_CONNECT) == [0])


def test_an_address_is_checked_as_an_address(mgr, tls, certs):
    client = Recorder()
    mgr.connect(url(tls.bind(mgr, None), "tls"), client, ca=certs.ca)
    until(mgr, lambda: client.data(EV_CONNECT) == [0])


def test_not_verifying_takes_anything(mgr, certs):
    listener = mgr.bind("tls://127.0.0.1:0", cert=certs.stranger)
    client = Recorder()
    mgr.connect(url(listener, "tls"), client, verify=False)
    until(mgr, lambda: client.data(EV_CONNECT) == [0])


def test_a_ready_context(mgr, certs):
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(certs.server)
    inside.maximum_version = ssl.TLSVersion.TLSv1_2
    outside = ssl.create_default_context(cafile=str(certs.ca))
    server, client = Recorder(recv=echo), Recorder()
    listener = mgr.bind("tcp://127.0.0.1:0", server, tls=inside)
    c = mgr.connect(url(listener), client, tls=outside)
    c.send(b"hello")
    until(mgr, lambda: client.received == b"hello")
    assert c.tls.version() == "TLSv1.2"


def test_tls_over_unix_sockets(mgr, certs, tmp_path):
    server, client = Recorder(recv=echo), Recorder()
    mgr.bind(f"unix:{tmp_path / 's'}", server, cert=certs.server)
    c = mgr.connect(f"unix:{tmp_path / 's'}", client, ca=certs.ca, server_name="localhost")
    c.send(b"hello")
    until(mgr, lambda: client.received == b"hello")


def test_key_in_a_file_of_its_own(mgr, certs):
    key = certs.folder / "server.key"
    listener = mgr.bind("tls://127.0.0.1:0", cert=str(certs.server), key=key)
    client = Recorder()
    mgr.connect(url(listener, "tls"), client, ca=str(certs.ca))
    until(mgr, lambda: client.data(EV_CONNECT) == [0])


# -- client certificates --------------------------------------------------------------------------


@pytest.fixture
def mutual(certs):
    server = {"cert": certs.server, "ca": certs.ca}
    client = {"ca": certs.ca, "cert": certs.client}
    return Carrier("tls", "tls://127.0.0.1:0", server, client)


def test_a_client_with_a_certificate_is_let_in(mgr, mutual):
    server = Recorder()
    mutual.join(mgr, server, None)
    until(mgr, lambda: server.accepted)
    assert common_name(server.accepted[0].tls.getpeercert()) == "client"


@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_a_client_without_a_certificate_is_refused(mgr, mutual, certs, who):
    server, client = Recorder(), Recorder()
    listener = mutual.bind(mgr, server)
    options = {} if who == "nobody" else {"cert": certs.stranger}
    c = mgr.connect(url(listener, "tls"), client, ca=certs.ca, **options)
    until(mgr, lambda: client.count(EV_CLOSE) and not listener.children)
    assert server.story() == ""
    assert c.error
    # In TLS 1.3 the client is done before the server has looked (RFC 8446 4.4.2.4).
    assert client.story() == "CONNECT CLOSE"


# -- choosing by name, by protocol ----------------------------------------------------------------


def test_sni_chooses_the_certificate(mgr, certs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.other)
    names = {"Other.example": context, "localhost": (certs.renewed, None)}
    listener = mgr.bind("tls://127.0.0.1:0", cert=certs.server, sni=names)
    for name, expected in [("other.example", "other"), ("localhost", "renewed"), (None, "server")]:
        client = Recorder()
        options = {"server_name": name} if name else {}
        c = mgr.connect(url(listener, "tls"), client, ca=certs.ca, **options)
        until(mgr, lambda client=client: client.data(EV_CONNECT) == [0])
        assert common_name(c.tls.getpeercert()) == expected


def test_sni_asks_for_client_certificates_too(mgr, certs):
    server = Recorder()
    names = {"other.example": (certs.other, certs.other)}
    listener = mgr.bind("tls://127.0.0.1:0", server, cert=certs.server, ca=certs.ca, sni=names)
    refused, client = Recorder(), Recorder()
    options = {"ca": certs.ca, "server_name": "other.example"}
    mgr.connect(url(listener, "tls"), refused, **options)
    until(mgr, lambda: refused.count(EV_CLOSE))
    assert not server.accepted
    mgr.connect(url(listener, "tls"), client, cert=certs.client, **options)
    until(mgr, lambda: server.accepted)


@pytest.mark.parametrize("wrong", [{"a": 5}, {"a": ("x",)}, {5: ("x", "y")}])
def test_bad_sni(mgr, certs, wrong):
    with pytest.raises(ValueError, match="sni"):
        mgr.bind("tls://127.0.0.1:0", cert=certs.server, sni=wrong)
    assert len(mgr) == 0


@pytest.mark.parametrize("names", [None, {}])
def test_alpn(mgr, certs, names):
    options = {} if names is None else {"sni": {"localhost": (certs.renewed, None)}}
    server = Recorder()
    listener = mgr.bind("tls://127.0.0.1:0", server, cert=certs.server, alpn=["b", "a"], **options)
    client = Recorder()
    more = {"ca": certs.ca, "server_name": "localhost"}
    c = mgr.connect(url(listener, "tls"), client, alpn=["a", "c"], **more)
    until(mgr, lambda: server.accepted)
    assert c.tls.selected_alpn_protocol() == "a"
    assert server.accepted[0].tls.selected_alpn_protocol() == "a"


def test_ciphers(mgr, certs):
    context = ssl.create_default_context(cafile=str(certs.ca))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    name = "ECDHE-ECDSA-AES256-GCM-SHA384"
    listener = mgr.bind("tls://127.0.0.1:0", cert=certs.server, ciphers=name)
    client = Recorder()
    c = mgr.connect(url(listener), client, tls=context)
    until(mgr, lambda: client.data(EV_CONNECT) == [0])
    assert c.tls.cipher()[0] == name


# -- new certificates -----------------------------------------------------------------------------


def test_reloading_gives_new_connections_the_new_certificate(mgr, certs, tmp_path):
    path = tmp_path / "current.pem"
    path.write_bytes(certs.server.read_bytes())
    server = Recorder(recv=echo)
    listener = mgr.bind("tls://127.0.0.1:0", server, cert=path)

    def connect():
        client = Recorder()
        c = mgr.connect(url(listener, "tls"), client, ca=certs.ca)
        until(mgr, lambda: client.data(EV_CONNECT) == [0])
        return c, client

    old, old_client = connect()
    path.write_bytes(certs.renewed.read_bytes())
    listener.reload_tls()
    assert common_name(connect()[0].tls.getpeercert()) == "renewed"
    old.send(b"still")
    until(mgr, lambda: old_client.received == b"still")
    assert common_name(old.tls.getpeercert()) == "server"

    path.write_text("not a certificate")
    with pytest.raises(ssl.SSLError, match=r"current\.pem"):
        listener.reload_tls()
    assert common_name(connect()[0].tls.getpeercert()) == "renewed"


def test_reloading_needs_tls(mgr, tcp):
    with pytest.raises(ValueError, match="TLS"):
        tcp.bind(mgr, None).reload_tls()


# -- files that cannot be used --------------------------------------------------------------------


@pytest.mark.parametrize("option", ["cert", "key", "ca"])
@pytest.mark.parametrize("problem", ["missing", "malformed"])
@pytest.mark.parametrize("side", ["bind", "connect"])
def test_the_exception_names_the_file(mgr, certs, tmp_path, option, problem, side):
    path = tmp_path / "problem.pem"
    if problem == "malformed":
        path.write_text("nonsense")
    options = {"cert": certs.server, "ca": certs.ca, option: path}
    with pytest.raises(OSError) as e:  # an ssl.SSLError is one
        getattr(mgr, side)("tls://127.0.0.1:0", None, **options)
    assert "problem.pem" in str(e.value)
    assert f"{option}=" in str(e.value)
    assert len(mgr) == 0


def test_a_key_of_another_certificate(mgr, certs):
    with pytest.raises(ssl.SSLError, match=r"client\.key"):
        mgr.bind("tls://127.0.0.1:0", cert=certs.server, key=certs.folder / "client.key")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, "cert="),
        ({"key": "k.pem"}, "cert="),
        ({"cert": 5}, "cert"),
        ({"tls": "context"}, "tls="),
        ({"tls": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "ca": "x"}, "ca="),
    ],
)
def test_options_that_do_not_fit(mgr, options, word):
    with pytest.raises((ValueError, TypeError), match=word):
        mgr.bind("tls://127.0.0.1:0", **options)
    assert len(mgr) == 0


def test_bad_ciphers(mgr, certs):
    with pytest.raises(ValueError, match="ciphers"):
        mgr.bind("tls://127.0.0.1:0", cert=certs.server, ciphers="NO-SUCH-CIPHER")


# -- sessions and keys ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_the_second_connection_resumes_the_session(mgr, tls, certs, version):
    context = ssl.create_default_context(cafile=str(certs.ca))
    context.maximum_version = ssl.TLSVersion[version]
    listener = tls.bind(mgr, Recorder(recv=echo))
    reused = []
    for _ in range(3):
        client = Recorder(recv=lambda c, n: c.close())
        c = mgr.connect(url(listener, "tls"), client, tls=context)
        c.send(b"x")
        until(mgr, lambda client=client: client.count(EV_CONNECT))
        reused.append(c.tls.session_reused)
        until(mgr, lambda client=client: client.count(EV_CLOSE))
    assert reused == [False, True, True]


def test_keys_are_logged_when_asked_for(mgr, tls, tmp_path, monkeypatch):
    path = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    tls.join(mgr, None, None)
    assert "CLIENT_TRAFFIC_SECRET_0" in path.read_text()


# -- peers that do not play along -----------------------------------------------------------------


def test_a_peer_that_does_not_speak_tls_gets_no_event(mgr, tls, plug):
    server = Recorder()
    listener = tls.bind(mgr, server)
    peer = plug(listener)
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    until(mgr, peer.has_ended)
    assert server.story() == ""
    assert listener.children == 0
    client = Recorder()
    tls.connect(mgr, listener, client)
    until(mgr, lambda: client.data(EV_CONNECT) == [0])


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_peer_that_leaves_in_the_handshake_gets_no_event(mgr, tls, plug, how):
    server = Recorder()
    listener = tls.bind(mgr, server)
    peer = plug(listener)
    until(mgr, lambda: listener.children)
    peer.send(b"\x16\x03\x01")
    if how == "reset":
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    until(mgr, lambda: not listener.children)
    assert server.story() == ""


def test_a_silent_client_is_dropped(mgr, tls, plug):
    server = Recorder()
    listener = tls.bind(mgr, server, handshake_timeout=0.02)
    peer = plug(listener)
    until(mgr, peer.has_ended)
    assert server.story() == ""
    assert listener.children == 0


def test_a_silent_server_is_given_up(mgr, plain):
    server = plain(socket.SOCK_STREAM)
    code, error = fails(mgr, f"tls://127.0.0.1:{server.getsockname()[1]}", handshake_timeout=0.02)
    assert code == ERR_TLS
    assert "0.02 s" in error


def test_an_established_connection_has_no_deadline(mgr, tls):
    server, client = Recorder(recv=echo), Recorder()
    listener = tls.bind(mgr, server, handshake_timeout=0.05)
    c = tls.connect(mgr, listener, client, handshake_timeout=0.05)
    until(mgr, lambda: client.count(EV_CONNECT))
    end = mgr.monotonic() + 0.07
    until(mgr, lambda: mgr.monotonic() > end)
    c.send(b"x")
    until(mgr, lambda: client.received)


def test_a_server_that_does_not_speak_tls(mgr, tcp):
    listener = tcp.bind(mgr, Recorder(accept=lambda c, _: c.send(b"220 hello\r\n")))
    assert fails(mgr, url(listener, "tls"))[0] == ERR_TLS


# -- bytes ----------------------------------------------------------------------------------------


def test_the_end_is_said(mgr, tls, plug, certs):
    """close_notify goes out before the end of the stream (RFC 8446 6.1)."""
    server = Recorder(recv=lambda c, n: send_and_close(take(c))(c, n))
    peer = plug(tls.bind(mgr, server))
    context = ssl.create_default_context(cafile=str(certs.ca))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

    def handshake():
        client.do_handshake()
        return True

    def step(call):
        """Do something as a TLS client, with the peer's socket in between."""
        taken = 0
        while True:
            try:
                result = call()
            except ssl.SSLWantReadError:
                result = None
            if outgoing.pending:
                peer.send(outgoing.read())
            if result is not None or peer.ended:
                return result
            mgr.poll(5)
            data = peer.look()
            incoming.write(data[taken:])
            del peer.received[: len(data)]

    step(handshake)
    client.write(b"hello")
    peer.send(outgoing.read())
    assert step(lambda: client.read(99)) == b"hello"
    until(mgr, peer.has_ended)
    incoming.write(bytes(peer.received))
    incoming.write_eof()
    assert client.read(99) == b""  # and not SSLEOFError: the end was announced


def test_an_end_that_is_not_said_is_an_end_all_the_same(mgr, tls):
    server = Recorder()
    _, c = tls.join(mgr, server, None)
    until(mgr, lambda: server.accepted)
    with c.socket() as sock:
        sock.shutdown(socket.SHUT_RDWR)
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.story() == "ACCEPT CLOSE"


def test_bytes_that_are_no_record_end_the_connection(mgr, tls):
    server = Recorder()
    _, c = tls.join(mgr, server, None)
    until(mgr, lambda: server.accepted)
    with c.socket() as sock:
        sock.send(b"this is not a TLS record")
    until(mgr, lambda: server.count(EV_CLOSE))
    assert server.story() == "ACCEPT CLOSE"
    assert "TLS" in server.accepted[0].error


def test_large_transfers_both_ways(mgr, tls):
    size = 5_000_000
    server = Recorder(recv=echo)
    client = Recorder(recv=lambda c, n: take(c))
    _, c = tls.join(mgr, server, client)
    block = bytes(range(250)) * (size // 250)
    c.send(block)
    until(mgr, lambda: len(client.received) == size)
    assert client.received == block
    assert sum(client.data(EV_SEND)) == size


def test_records_in_pieces(mgr, tls, plug, certs):
    """A record may be split at any byte."""
    server = Recorder()
    listener = tls.bind(mgr, server)
    peer = plug(listener)
    context = ssl.create_default_context(cafile=str(certs.ca))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

    def trickle():
        for byte in outgoing.read():
            peer.send(bytes([byte]))
            mgr.poll(0)
        incoming.write(peer.look())
        peer.received.clear()

    while not server.accepted:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        trickle()
        mgr.poll(1)
    client.write(b"hello")
    trickle()
    until(mgr, lambda: server.received == b"hello")
    assert server.count(EV_ACCEPT) == 1


@pytest.mark.parametrize("size", [4095, 4096, 4097, 8192, 20_000])
def test_a_long_hello(mgr, tls, plug, certs, size):
    """Longer than what the server takes at once, or just as long."""

    def client_of(bytes_of_names):
        context = ssl.create_default_context(cafile=str(certs.ca))
        whole, rest = divmod(bytes_of_names, 200)
        context.set_alpn_protocols(["x" * 199] * whole + ["y" * (rest - 1)] * (rest > 1))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        return client, incoming, outgoing

    server = Recorder()
    peer = plug(tls.bind(mgr, server))
    client, incoming, outgoing = client_of(1000 + size - client_of(1000)[2].pending)
    assert abs(outgoing.pending - size) <= 5 * (size > 1 << 14)  # the head of a second record
    peer.send(outgoing.read())
    until(mgr, lambda: peer.look())
    incoming.write(peer.received)
    client.do_handshake()
    peer.send(outgoing.read())
    until(mgr, lambda: server.accepted)


def test_settled_connections_wait_for_nothing(mgr, tls):
    tls.join(mgr, None, None)
    settle(mgr)
    before = mgr.monotonic()
    assert mgr.poll(20) == 0
    assert mgr.monotonic() - before >= 0.015
