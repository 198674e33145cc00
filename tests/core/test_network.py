"""The operating system's network: clocks and wake-ups."""

import os
import select
import time

from galidia import Manager
from galidia.core.network import Network, Waker
from tests.helpers import Recorder, settle, until


def test_clocks():
    network = Network()
    assert network.monotonic() <= network.monotonic()
    assert abs(network.time() - time.time()) < 60


def test_a_waker_wakes_and_is_quiet_again():
    waker = Waker()
    assert select.select([waker.fd], [], [], 0)[0] == []
    for _ in range(10):
        waker.wake()
    assert select.select([waker.fd], [], [], 0)[0] == [waker.fd]
    waker._ready(1)
    assert select.select([waker.fd], [], [], 0)[0] == []
    waker.close()
    waker.wake()  # nobody is left to be woken


def test_a_waker_that_is_full_does_not_block():
    waker = Waker()
    while True:
        try:
            os.write(waker.signal_fd, b"\0" * 4096)
        except BlockingIOError:
            break
    waker.wake()
    waker._ready(1)
    assert select.select([waker.fd], [], [], 0)[0] == []
    waker.close()


class Future(Network):
    """A network whose clock the test sets."""

    now = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return 1e9 + self.now


def test_a_manager_goes_by_the_clock_of_its_network():
    network = Future()
    with Manager(network=network) as mgr:
        handler = Recorder()
        mgr.adopt(None, handler).set_timer(mgr.time() + 3600)
        settle(mgr)
        assert handler.story() == ""
        network.now += 3600
        until(mgr, lambda: handler.story() == "TIMER")
        assert mgr.monotonic() == 4600
        mgr.close(0)
