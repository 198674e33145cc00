"""The manager: polling, the end, other threads, signals, other loops."""

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest

from galidia import EV_CLOSE, EV_POLL, EV_RECV, EV_SEND, F_LISTENING, Manager
from tests.helpers import PATIENCE, Recorder, echo, send_and_close, settle, until, url

# -- polling --------------------------------------------------------------------------------------


def test_poll_counts_events_other_than_poll(mgr, tcp, plug):
    server = Recorder(recv=echo)
    peer = plug(tcp.bind(mgr, server))
    assert mgr.poll(1000) == 1
    peer.send(b"x")
    assert mgr.poll(1000) == 2
    assert server.story() == "ACCEPT RECV SEND"
    assert mgr.poll(0) == 0


def test_poll_returns_when_something_happens(mgr, tcp, plug):
    server = Recorder()
    plug(tcp.bind(mgr, server))
    mgr.poll(600_000)
    assert server.accepted


def test_a_negative_time_is_0(mgr):
    assert mgr.poll(-5) == 0


def test_poll_inside_a_handler_raises(mgr):
    errors = []

    def poll(c, now):
        with pytest.raises(RuntimeError, match="inside a handler") as e:
            mgr.poll(0)
        errors.append(e)

    mgr.adopt(None, Recorder(poll=poll))
    mgr.poll(0)
    assert len(errors) == 1


def test_iteration_and_length(mgr, tcp):
    listener = tcp.bind(mgr, None)
    timer = mgr.adopt(None)
    assert list(mgr) == [listener, timer]
    assert len(mgr) == 2
    for c in mgr:
        c.close()
    mgr.poll(0)
    assert list(mgr) == []


def test_poll_events_go_to_those_who_listen(mgr):
    every, none = Recorder(), Recorder()
    mgr.adopt(None, every)
    mgr.adopt(None)
    quiet = mgr.adopt(None, none)
    quiet.handler = lambda c, ev, data: None
    for _ in range(3):
        mgr.poll(0)
    assert every.count(EV_POLL) == 3
    assert none.count(EV_POLL) == 0


def test_a_manager_has_user_data():
    with Manager(user_data="mine") as mgr:
        assert mgr.user_data == "mine"


# -- the end --------------------------------------------------------------------------------------


def test_closing_tells_everybody(tcp, plug):
    mgr = Manager()
    handler = Recorder()
    listener, _ = tcp.join(mgr, handler, handler)
    mgr.adopt(None, handler)
    until(mgr, lambda: handler.accepted)
    mgr.close()
    assert handler.count(EV_CLOSE) == 4
    assert len(mgr) == 0
    assert mgr.closed
    mgr.close()
    with pytest.raises(ConnectionRefusedError):
        plug(listener) if listener.local.port else socket.create_connection(("127.0.0.1", 1))


def test_a_closed_manager_is_of_no_use():
    mgr = Manager()
    mgr.close()
    calls = [
        lambda: mgr.poll(0),
        lambda: mgr.run(),
        lambda: mgr.bind("tcp://127.0.0.1:0"),
        lambda: mgr.connect("tcp://127.0.0.1:9"),
        lambda: mgr.adopt(None),
        lambda: mgr.broadcast(print),
        lambda: mgr.call_soon_threadsafe(print),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_closing_sends_what_waits(tcp, plug):
    mgr = Manager()
    server = Recorder()
    peer = plug(tcp.bind(mgr, server))
    until(mgr, lambda: server.accepted)
    server.accepted[0].send(b"x" * 3_000_000)
    reader = threading.Thread(target=read_to_the_end, args=(peer,))
    reader.start()
    mgr.close()
    reader.join()
    assert len(peer.received) == 3_000_000
    assert not peer.was_reset


def read_to_the_end(peer):
    while not peer.ended:
        select.select([peer.sock], [], [], 20)
        peer.look()


def test_closing_aborts_what_is_left_after_the_grace(tcp, plug):
    mgr = Manager()
    server = Recorder()
    peer = plug(tcp.bind(mgr, server))
    until(mgr, lambda: server.accepted)
    server.accepted[0].send(b"x" * 20_000_000)
    mgr.close(0.05)
    assert server.count(EV_CLOSE) == 2
    read_to_the_end(peer)
    assert peer.was_reset


@pytest.mark.parametrize("event", ["accept", "connect", "poll", "recv", "send", "close", "timer"])
def test_a_handler_may_close_the_manager_in_any_event(tcp, event):
    mgr = Manager()
    closed = []

    def close(c, data):
        if not c.flags & F_LISTENING:
            closed.append(c)
            mgr.close(1)
            assert not mgr.closed

    handler, other = Recorder(recv=echo), Recorder()
    (handler if event == "accept" else other).then[event] = close
    _, c = tcp.join(mgr, handler, other)
    if not mgr.closed:
        c.set_timer(1.0)
        c.send(b"x")
        while not mgr.closed and other.count(EV_RECV) < 1:
            mgr.poll(5)
        if event == "close":
            c.close()
        while not mgr.closed:
            mgr.poll(5)
    assert closed
    assert len(mgr) == 0
    for one in other.connections + handler.connections:
        log = other if one is c else handler
        assert log.count(EV_CLOSE, one) == 1


def test_one_that_always_comes_back_cannot_hold_the_end():
    mgr = Manager()
    handler = Recorder(close=lambda c, _: mgr.adopt(None, handler))
    mgr.adopt(None, handler)
    mgr.close(0)
    assert mgr.closed
    assert len(mgr) == 0


def test_leaving_the_block_closes(tcp):
    handler = Recorder()
    with Manager() as mgr:
        tcp.bind(mgr, handler)
    assert mgr.closed
    assert handler.story() == "CLOSE"


# -- other threads --------------------------------------------------------------------------------


def in_thread(call):
    """Run something in another thread; what it returned, or raises what it raised."""
    result: list[Any] = []

    def run():
        try:
            result.append((call(), None))
        except BaseException as e:
            result.append((None, e))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = result[0]
    if error is not None:
        raise error
    return value


@pytest.mark.parametrize(
    "name",
    [
        "poll",
        "send",
        "close",
        "abort",
        "close_after_send",
        "flags",
        "set_timer",
        "call_later",
        "bind",
    ]
    + ["connect", "adopt", "iterate", "mgr.call_later", "mgr.close"],
)
def test_use_from_a_wrong_thread_raises(mgr, name):
    c, _ = mgr.socketpair()
    mgr.poll(0)
    calls = {
        "poll": lambda: mgr.poll(0),
        "send": lambda: c.send(b"x"),
        "flags": lambda: setattr(c, "flags", 0),
        "set_timer": lambda: c.set_timer(1.0),
        "call_later": lambda: c.call_later(0, print),
        "bind": lambda: mgr.bind("tcp://127.0.0.1:0"),
        "connect": lambda: mgr.connect("tcp://127.0.0.1:9"),
        "adopt": lambda: mgr.adopt(None),
        "iterate": lambda: list(mgr),
        "mgr.call_later": lambda: mgr.call_later(0, print),
        "mgr.close": lambda: mgr.close(0),
    }
    with pytest.raises(RuntimeError, match="another thread"):
        in_thread(calls.get(name) or getattr(c, name))
    settle(mgr)
    assert not mgr.closed
    assert not c.closed
    assert len(mgr) == 2


def test_a_manager_whose_thread_has_ended_can_be_taken_over():
    mgr = Manager()
    in_thread(lambda: mgr.poll(0))
    mgr.poll(0)
    mgr.close()


def test_calls_from_other_threads_are_all_made(mgr):
    """Thousands, from several threads at once: none is lost, the order of each is kept."""
    calls: list[Any] = []

    def call(who):
        for i in range(2000):
            mgr.call_soon_threadsafe(calls.append, (who, i))

    threads = [threading.Thread(target=call, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    until(mgr, lambda: len(calls) == 8000)
    for thread in threads:
        thread.join()
    for who in range(4):
        assert [i for w, i in calls if w == who] == list(range(2000))


def test_a_call_wakes_a_poll_that_waits(mgr):
    calls: list[Any] = []
    thread = threading.Thread(target=mgr.call_soon_threadsafe, args=(calls.append, 1))
    thread.start()
    mgr.poll(600_000)
    mgr.poll(0)
    thread.join()
    assert calls == [1]


def test_a_call_that_fails_is_logged(mgr, logged):
    calls: list[Any] = []
    mgr.call_soon_threadsafe(lambda: 1 / 0)
    mgr.call_soon_threadsafe(calls.append, 1)
    mgr.poll(0)
    assert calls == [1]
    assert len(logged) == 1


def test_calls_made_by_calls_wait_for_the_next_poll(mgr):
    calls: list[Any] = []

    def again():
        calls.append(1)
        mgr.call_soon_threadsafe(again)

    again()
    mgr.poll(0)
    assert len(calls) == 2


def test_broadcast_reaches_every_connection(mgr, tcp):
    listener, c = tcp.join(mgr, None, None)
    settle(mgr)
    seen = []
    big = b"x" * 1_000_000
    in_thread(lambda: mgr.broadcast(lambda c, ev, data: seen.append((c, ev, data)), big))
    assert seen == []
    mgr.poll(0)
    assert [c for c, _, _ in seen] == list(mgr)
    assert len(seen) == 3
    assert all(ev == EV_POLL and data is big for _, ev, data in seen)
    assert {listener, c} < {c for c, _, _ in seen}


def test_broadcast_may_send_and_close(mgr):
    end = Recorder()
    one, _ = mgr.socketpair(None, end)
    mgr.broadcast(lambda c, ev, data: c is not one or send_and_close(data)(c, ev), b"bye")
    until(mgr, lambda: end.count(EV_CLOSE))
    assert end.received == b"bye"


def test_a_broadcast_that_fails_closes_the_connection(mgr, logged):
    one, other = Recorder(), Recorder()
    first = mgr.adopt(None, one)
    mgr.adopt(None, other)
    mgr.broadcast(lambda c, ev, data: 1 / 0 if c is first else None)
    settle(mgr)
    assert (one.story(), other.story()) == ("CLOSE", "")
    assert len(logged) == 1


def test_stop_ends_run(mgr):
    in_thread(mgr.stop)  # before it runs: the stop is meant for a run that is to come
    done = []

    def finish():
        done.append(1)
        mgr.stop()

    mgr.call_later(0.01, finish)
    mgr.run()
    if not done:
        mgr.run()
    assert done == [1]
    assert not mgr.closed


def test_stop_from_another_thread():
    mgr = Manager()
    running = threading.Event()
    mgr.call_soon_threadsafe(running.set)
    thread = threading.Thread(target=mgr.run)
    thread.start()
    running.wait()
    mgr.stop()
    thread.join()
    mgr.close()  # it belongs to no thread now


# -- signals --------------------------------------------------------------------------------------

SERVER = """
    import sys
    from galidia import EV_ACCEPT, EV_CLOSE, Manager

    def serve(c, ev, data):
        if ev == EV_ACCEPT:
            print("accepted", flush=True)
            c.send(b"x" * int(sys.argv[1]))
        elif ev == EV_CLOSE:
            print("closed", "listener" if c.listener is None else "child", flush=True)

    with Manager() as mgr:
        print(mgr.bind("tcp://127.0.0.1:0", serve).local.port, flush=True)
        mgr.run()
    print("done", mgr.closed, flush=True)
"""


def spawn(size: int) -> Any:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER), str(size)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def serving():
    """Starts a server in a process; gives the process and a connection that it has accepted."""
    children, clients = [], []

    def start(size):
        child = spawn(size)
        children.append(child)
        client = socket.create_connection(("127.0.0.1", int(child.stdout.readline())), PATIENCE)
        clients.append(client)
        assert child.stdout.readline() == "accepted\n"
        return child, client

    yield start
    for client in clients:
        client.close()
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_run_cleanly(serving, number):
    child, client = serving(5)
    child.send_signal(number)
    output, _ = child.communicate(timeout=PATIENCE)
    assert sorted(output.split("\n")) == ["", "closed child", "closed listener", "done True"]
    assert child.returncode == 0
    assert client.recv(99) == b"xxxxx"
    assert client.recv(99) == b""


def test_a_second_signal_aborts(serving):
    child, _client = serving(
        50_000_000
    )  # which the client does not read: the grace would be used up
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() == "closed listener\n"
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=4)
    assert output == "closed child\ndone True\n"
    assert child.returncode == 0


def test_run_puts_the_signal_handlers_back(mgr):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    inside = []

    def look():
        inside.append(signal.getsignal(signal.SIGINT))
        mgr.stop()

    mgr.call_later(0, look)
    mgr.run()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert inside != [before[0]]


def test_a_signal_in_this_process_closes_the_manager():
    mgr = Manager()
    handler = Recorder()
    mgr.adopt(None, handler)
    mgr.call_later(0, os.kill, os.getpid(), signal.SIGINT)
    mgr.run()
    assert mgr.closed
    assert handler.story() == "CLOSE"


# -- other loops ----------------------------------------------------------------------------------


def test_another_loop_can_host_a_manager(mgr, tcp, plug):
    server = Recorder(recv=echo)
    peer = plug(tcp.bind(mgr, server))
    while peer.look() != b"hello":
        deadline = mgr.next_deadline()
        timeout = 20 if deadline is None else max(deadline - mgr.monotonic(), 0)
        assert select.select([mgr.fileno()], [], [], timeout)[0] or deadline is not None
        mgr.poll(0)
        if server.accepted and not server.received:
            peer.send(b"hello")


def test_the_next_deadline(mgr):
    assert mgr.next_deadline() is None
    c = mgr.adopt(None)
    c.set_timer(mgr.time() + 100)
    assert 90 < mgr.next_deadline() - mgr.monotonic() < 101
    c.send(b"x")
    assert mgr.next_deadline() <= mgr.monotonic()


def test_two_managers_in_one_thread(mgr):
    with Manager() as other:
        server, client = Recorder(recv=echo), Recorder()
        other.bind("tcp://127.0.0.1:0", server)
        mgr.connect(url(next(iter(other))), client).send(b"hi")
        until(mgr, lambda: other.poll(1) is None or client.received == b"hi")
        other.close(0)


def test_everything_sent_in_a_poll_has_left_it(mgr):
    """The flush belongs to the poll: a chain of answers among connections needs few polls."""
    end = Recorder()
    first, a = mgr.socketpair()
    b, c = mgr.socketpair(None, end)
    a.handler = Recorder(recv=lambda c, n: c.forward(b))
    first.send(b"x")
    until(mgr, lambda: end.received == b"x")
    assert c.recv_mbuf == b"x"
    assert not end.count(EV_SEND)
