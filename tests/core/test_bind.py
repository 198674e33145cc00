"""Listening, and taking over sockets that exist."""

import errno
import os
import socket
import struct
import subprocess
import sys
import textwrap

import pytest

from galidia import EV_CONNECT, EV_RECV, Address, Manager, inherited_listeners
from galidia.core.bind import PORT_ATTEMPTS
from galidia.core.network import Network
from tests.helpers import Recorder, echo, settle, until, url


def option(c, level, name):
    with c.socket() as sock:
        return sock.getsockopt(level, name)


# -- ports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_a_port_that_is_taken(mgr, scheme):
    first = mgr.bind(f"{scheme}://127.0.0.1:0")
    with pytest.raises(OSError, match=f"cannot bind {scheme}.*{first.local.port}") as e:
        mgr.bind(url(first, scheme))
    assert e.value.errno == errno.EADDRINUSE
    assert len(mgr) == 1


class Taken(Network):
    """The system chooses ports for UDP that somebody has for TCP."""

    def __init__(self, times):
        self.left = times
        self.tried = set()

    def listen(self, url, options):
        self.tried.add(url.port)
        self.left -= 1
        if self.left >= 0:
            raise OSError(errno.EADDRINUSE, "taken")
        return Network.listen(self, url, options)


def test_a_port_that_both_transports_can_have():
    network = Taken(3)
    with Manager(network=network) as mgr:
        listener = mgr.bind("dns://127.0.0.1:0")
        assert listener.companion is not None
        assert listener.companion.local == listener.local
        assert listener.companion.listener is listener
        assert len(network.tried) == 4
        assert len(mgr) == 2
        other = mgr.bind("udp://127.0.0.1:0")
        assert other.companion is None


def test_no_port_that_both_transports_can_have():
    network = Taken(10**6)
    with Manager(network=network) as mgr:
        with pytest.raises(OSError, match="taken"):
            mgr.bind("dns://127.0.0.1:0")
        assert 1 < len(network.tried) <= PORT_ATTEMPTS
        assert len(mgr) == 0


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:0", "tcp://no-such-host.invalid.:0"])
def test_addresses_of_others(mgr, address):
    with pytest.raises(OSError):
        mgr.bind(address)
    assert len(mgr) == 0


def test_a_port_can_be_taken_again_at_once(mgr, tcp):
    listener, _ = tcp.join(mgr, Recorder(accept=lambda c, _: c.close()), None)
    address = url(listener)
    settle(mgr)
    listener.close()
    mgr.poll(0)
    assert url(mgr.bind(address)) == address


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_without_a_host_both_families_are_served(mgr, scheme):
    server = Recorder(recv=echo)
    listener = mgr.bind(f"{scheme}://:0", server)
    for host in ("127.0.0.1", "[::1]"):
        client = Recorder()
        mgr.connect(f"{scheme}://{host}:{listener.local.port}", client).send(b"hi")
        until(mgr, lambda client=client: client.received == b"hi")
    hosts = {c.peer.host for c in server.accepted}
    assert hosts == {"127.0.0.1", "::1"}


def test_ipv6_only(mgr):
    listener = mgr.bind("tcp://[::]:0", ipv6_only=True)
    client, refused = Recorder(), Recorder()
    mgr.connect(f"tcp://[::1]:{listener.local.port}", client)
    mgr.connect(f"tcp://127.0.0.1:{listener.local.port}", refused)
    until(mgr, lambda: client.count(EV_CONNECT) and refused.count(EV_CONNECT))
    assert client.data(EV_CONNECT) == [0]
    assert refused.data(EV_CONNECT) == [errno.ECONNREFUSED]


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_reuse_port(mgr, scheme):
    first = mgr.bind(f"{scheme}://127.0.0.1:0", reuse_port=True)
    second = mgr.bind(url(first, scheme), reuse_port=True)
    assert first.local == second.local


def test_backlog(mgr):
    listener = mgr.bind("tcp://127.0.0.1:0", backlog=7)
    with socket.socket(fileno=os.dup(listener.fileno())) as sock:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    assert struct.unpack_from("I", info, 28) == (7,)  # tcpi_sacked: of a listener, its queue


def test_socket_options_of_streams(mgr, tcp):
    server = Recorder()
    listener = tcp.bind(mgr, server)
    c = tcp.connect(mgr, listener, None)
    until(mgr, lambda: server.accepted)
    for one in (c, *server.accepted):
        assert option(one, socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert option(one, socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert not os.get_inheritable(one.fileno())
        assert not os.get_blocking(one.fileno())


def test_keepalive_can_be_turned_off(mgr, tcp):
    server = Recorder()
    listener = tcp.bind(mgr, server, keepalive=False)
    c = tcp.connect(mgr, listener, None, keepalive=False)
    until(mgr, lambda: server.accepted)
    for one in (c, *server.accepted):
        assert not option(one, socket.SOL_SOCKET, socket.SO_KEEPALIVE)


# -- Unix sockets ---------------------------------------------------------------------------------


def test_the_file_of_a_unix_listener_is_removed_at_the_end(mgr, tmp_path):
    path = tmp_path / "s"
    listener = mgr.bind(f"unix:{path}")
    assert path.is_socket()
    assert listener.local == Address(str(path))
    listener.close()
    mgr.poll(0)
    assert not path.exists()


def test_a_file_that_nobody_listens_on_is_replaced(mgr, tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    client = Recorder()
    mgr.bind(f"unix:{path}")
    mgr.connect(f"unix:{path}", client)
    until(mgr, lambda: client.data(EV_CONNECT) == [0])


def test_a_file_that_somebody_listens_on_is_left_alone(mgr, tmp_path):
    path = tmp_path / "s"
    mgr.bind(f"unix:{path}")
    with pytest.raises(OSError, match="cannot bind unix:") as e:
        mgr.bind(f"unix:{path}")
    assert e.value.errno == errno.EADDRINUSE


def test_a_file_that_is_no_socket_is_left_alone(mgr, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(OSError, match="precious"):
        mgr.bind(f"unix:{path}")
    assert path.read_text() == "data"


def test_abstract_names_need_no_file(mgr, tmp_path):
    name = f"unix:@galidia{os.getpid()}{tmp_path.name}"
    server, client = Recorder(recv=echo), Recorder()
    listener = mgr.bind(name, server)
    mgr.connect(name, client).send(b"hi")
    until(mgr, lambda: client.received == b"hi")
    assert str(listener.local) == name


# -- descriptors from elsewhere -------------------------------------------------------------------


def test_a_descriptor_that_listens_already(mgr, plain):
    sock = plain(socket.SOCK_STREAM)
    server, client = Recorder(recv=echo), Recorder()
    listener = mgr.bind("tcp://127.0.0.1:0", server, fd=sock.fileno())
    assert listener.local == Address(*sock.getsockname())
    mgr.connect(url(listener), client).send(b"hi")
    until(mgr, lambda: client.received == b"hi")
    listener.close()
    mgr.poll(0)
    assert sock.fileno() >= 0
    sock.listen()  # still the caller's


def test_a_datagram_descriptor(mgr, plain):
    sock = plain()
    server = Recorder()
    listener = mgr.bind("udp://127.0.0.1:0", server, fd=sock.fileno())
    plain().sendto(b"x", tuple(listener.local))
    until(mgr, lambda: server.received == b"x")


def test_descriptors_that_do_not_fit(mgr, plain, tmp_path):
    with pytest.raises(OSError, match="another type"):
        mgr.bind("tcp://127.0.0.1:0", fd=plain().fileno())
    with (tmp_path / "file").open("w") as file, pytest.raises(OSError, match="not a socket"):
        mgr.bind("tcp://127.0.0.1:0", fd=file.fileno())
    assert len(mgr) == 0


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, []),
        ({"LISTEN_FDS": "2"}, [3, 4]),
        ({"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}, [3]),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "1"}, []),
        ({"LISTEN_FDS": "x"}, []),
    ],
)
def test_inherited_listeners(monkeypatch, variables, found):
    monkeypatch.setenv("LISTEN_FDNAMES", "a:b")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert inherited_listeners() == found
    assert not [name for name in os.environ if name.startswith("LISTEN_")]


def test_a_service_manager_hands_over_its_socket(plain, tmp_path):
    """A child that finds the listener as descriptor 3 serves one connection and ends."""
    program = """
        from galidia import EV_CLOSE, EV_RECV, Manager, inherited_listeners

        def serve(c, ev, data):
            if ev == EV_RECV:
                c.send(b"from the child: " + c.recv_mbuf)
                c.close_after_send()
            elif ev == EV_CLOSE and c.listener is not None:
                c.mgr.close()

        with Manager() as mgr:
            (fd,) = inherited_listeners()
            mgr.bind("tcp://127.0.0.1:0", serve, fd=fd)
            mgr.run()
    """
    # The shell puts the socket where a service manager would, and passes it on.
    sock = plain(socket.SOCK_STREAM)
    command = f'exec 3<&{sock.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" -c "$1"'
    child = subprocess.Popen(
        ["bash", "-c", command, sys.executable, textwrap.dedent(program)], pass_fds=[sock.fileno()]
    )
    with child, socket.create_connection(sock.getsockname(), 20) as client:
        client.sendall(b"hello")
        assert client.recv(99) == b"from the child: hello"
    assert child.returncode == 0


# -- adopting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_adopting_a_stream(mgr, plain, family):
    if family == socket.AF_UNIX:
        one, other = socket.socketpair()
    else:
        server = plain(socket.SOCK_STREAM)
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    handler = Recorder(recv=echo)
    c = mgr.adopt(one, handler, user_data="mine")
    with other:
        other.sendall(b"hi")
        until(mgr, lambda: handler.count(EV_RECV))
        other.settimeout(20)
        assert other.recv(9) == b"hi"
        other.close()
        until(mgr, lambda: c.closed)
    assert handler.story() == "RECV SEND CLOSE"
    assert c.user_data == "mine"


@pytest.mark.parametrize("connected", [True, False])
def test_adopting_datagrams(mgr, plain, connected):
    one, other = plain(), plain()
    if connected:
        one.connect(other.getsockname())
    handler = Recorder(recv=echo)
    c = mgr.adopt(one.dup(), handler)
    other.sendto(b"hi", one.getsockname())
    until(mgr, lambda: handler.count(EV_RECV))
    assert handler.received == b"hi"
    if connected:
        assert other.recv(9) == b"hi"
        assert c.peer == Address(*other.getsockname())
    else:
        assert c.peer == Address("")
    assert handler.story().startswith("RECV")


def test_adopting_nothing_is_a_connection_with_timers(mgr):
    handler = Recorder()
    c = mgr.adopt(None, handler)
    c.set_timer(1.0)
    c.send(b"goes nowhere")
    settle(mgr)
    assert handler.story() == "TIMER"
    assert (c.fileno() if hasattr(c, "fileno") else -1) == -1
    c.close()
    mgr.poll(0)
    assert handler.story() == "TIMER CLOSE"


def test_adopting_what_is_no_socket(mgr):
    with pytest.raises((TypeError, AttributeError)):
        mgr.adopt("socket")
    assert len(mgr) == 0


def test_a_socketpair(mgr):
    first, second = Recorder(), Recorder(recv=echo)
    one, other = mgr.socketpair(first, second)
    one.send(b"hi")
    until(mgr, lambda: first.received == b"hi")
    one.close()
    until(mgr, lambda: other.closed)
    assert first.story() == "SEND RECV CLOSE"
    assert second.story() == "RECV SEND CLOSE"
