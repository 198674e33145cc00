"""The seam between a connection and what carries its bytes: plain sockets."""

import errno
import os
import socket

import pytest

from galidia import Address
from galidia.core.transport import ListenTransport, SocketTransport, Transport


@pytest.fixture
def pair():
    """A transport and the socket at its other end, over TCP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    transport = SocketTransport(one)
    with other:
        yield transport, other
        transport.close()


def test_bytes_go_both_ways(pair):
    transport, other = pair
    assert transport.send(bytearray(b"hello"), 5, False) == 5
    assert other.recv(9) == b"hello"
    other.send(b"back")
    into = bytearray(10)
    assert transport.recv(into, 10) == 4
    assert into[:4] == b"back"


def test_limits_are_kept(pair):
    transport, other = pair
    assert transport.send(bytearray(b"hello"), 2, False) == 2
    assert other.recv(9) == b"he"
    other.send(b"12345")
    into = bytearray(5)
    assert transport.recv(into, 3) == 3
    assert into == b"123\0\0"


def test_errors_are_negative_numbers(pair):
    transport, other = pair
    into = bytearray(8)
    assert transport.recv(into, 8) == -errno.EAGAIN
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.close()
    assert transport.recv(into, 8) == -errno.ECONNRESET
    assert transport.send(bytearray(b"x"), 1, False) == -errno.EPIPE


def test_the_end_of_input_is_0(pair):
    transport, other = pair
    other.shutdown(socket.SHUT_WR)
    assert transport.recv(bytearray(8), 8) == 0


def test_more_holds_back_until_the_rest_comes(pair):
    transport, other = pair
    transport.send(bytearray(b"a"), 1, True)
    transport.send(bytearray(b"b"), 1, False)
    assert other.recv(9) == b"ab"


def test_parts_of_files(pair, tmp_path):
    transport, other = pair
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        assert transport.sendfile(file.fileno(), 2, 3) == 3
        assert Transport.sendfile(transport, file.fileno(), 5, 2) == 2
        assert transport.sendfile(file.fileno(), 10, 3) == 0
    assert other.recv(99) == b"23456"


def test_the_sending_side_ends_and_receiving_goes_on(pair):
    transport, other = pair
    transport.shutdown()
    assert other.recv(1) == b""
    other.send(b"x")
    assert transport.recv(bytearray(1), 1) == 1


def test_closing(pair):
    transport, other = pair
    transport.close()
    transport.close()
    assert transport.fd == -1
    assert other.recv(1) == b""
    with pytest.raises(OSError):
        transport.socket()


def test_aborting_resets(pair):
    transport, other = pair
    transport.abort()
    with pytest.raises(ConnectionResetError):
        other.recv(1)


def test_addresses(pair):
    transport, other = pair
    assert transport.peer() == Address(*other.getsockname())
    assert transport.local() == Address(*other.getpeername())
    transport.close()
    assert transport.local() == Address("")


def test_a_socket_object_for_options(pair):
    transport, _ = pair
    with transport.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with transport.socket() as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert transport.fd >= 0


@pytest.mark.parametrize("address", [("127.0.0.1", 0), ("::1", 0)])
def test_accepting(address):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    server = ListenTransport(socket.create_server(address, family=family))
    assert server.accept() is None
    assert server.error == errno.EAGAIN
    with socket.create_connection((server.local().host, server.local().port)) as client:
        got = server.accept()
        assert got is not None
        assert got.peer() == Address(*client.getsockname()[:2])
        with got.socket() as sock:
            assert not sock.get_inheritable()
        assert not os.get_blocking(got.fd)
        got.close()
    server.close()


def test_what_a_transport_of_nothing_says():
    nothing = Transport()
    assert (nothing.handshake(bytearray()), nothing.watch(3), nothing.pending()) == (1, 3, False)
    assert (nothing.unsent(), nothing.error_text(), nothing.connected()) == (0, "", 0)
    assert nothing.peer() == nothing.local() == Address("")
    nothing.shutdown()
    nothing.abort()
    with pytest.raises(OSError):
        nothing.socket()
