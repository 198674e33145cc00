"""Open files that are sent: who closes them."""

import os

import pytest

from galidia import EV_CLOSE, OpenFile
from tests.helpers import Recorder, until


def test_one_open_file_on_several_connections_is_closed_with_the_last(mgr, tcp, tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"0123456789" * 20_000)
    fd = os.open(path, os.O_RDONLY)
    opened = OpenFile(fd)
    servers = [Recorder(), Recorder()]
    for server in servers:
        _, c = tcp.join(mgr, server, None)
        until(mgr, lambda server=server: server.accepted)
        c.send_file(opened, 5, 3)
        c.send_file(opened)
        c.close_after_send()
    assert opened.fd == fd
    del opened
    os.fstat(fd)
    until(mgr, lambda: all(server.count(EV_CLOSE) for server in servers))
    assert [server.received for server in servers] == [b"567" + path.read_bytes()] * 2
    with pytest.raises(OSError):
        os.fstat(fd)


def test_what_is_no_descriptor_closes_nothing():
    kept = os.dup(0)
    try:
        for arguments in ((), ("1",), (None,), (1.0,)):
            with pytest.raises(TypeError):
                OpenFile(*arguments)
        os.fstat(0)
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_a_descriptor_that_is_not_open(mgr, stream):
    _, c = stream.join(mgr, None, None)
    fd = os.dup(0)
    os.close(fd)
    with pytest.raises(OSError):
        c.send_file(fd)
