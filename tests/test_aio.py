"""A manager hosted by asyncio and by uvloop."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from galidia import (
    EV_CLOSE,
    EV_CONNECT,
    EV_POLL,
    EV_RECV,
    EV_TIMER,
    Connection,
    Manager,
    handles,
)
from galidia.aio import serving

LOOPS: list[Any] = [asyncio.new_event_loop]
try:
    import uvloop
except ImportError:  # there is none for this platform
    pass
else:
    LOOPS.append(uvloop.new_event_loop)
    uvloop.new_event_loop().close()  # the first one opens a pipe for the whole process

Program = Callable[[], Coroutine[Any, Any, None]]
Run = Callable[[Program], None]
PATIENCE = 20.0  # ends a test that hangs


@pytest.fixture(params=LOOPS, ids=lambda factory: factory.__module__)
def run(request: pytest.FixtureRequest) -> Run:
    def run(program: Program) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(PATIENCE):
                await program()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded())

    return run


@handles(EV_RECV)
def echo(c: Connection, ev: int, data: Any) -> None:
    c.send(c.recv_mbuf)
    del c.recv_mbuf[:]


class CountingManager(Manager):
    polls = 0

    def poll(self, timeout_ms: float = 0) -> int:
        self.polls += 1
        return super().poll(timeout_ms)


async def turns(n: int) -> None:
    """Lets everything else in the loop go on."""
    for _ in range(n):
        await asyncio.sleep(0)


def test_a_stream_of_the_loop_talks_to_a_listener(run: Run) -> None:
    async def program() -> None:
        mgr = Manager()
        async with serving(mgr) as same:
            assert same is mgr
            listener = mgr.bind("tcp://127.0.0.1:0", echo)
            reader, writer = await asyncio.open_connection(*listener.local)
            for size in (1, 100, 300_000):
                writer.write(bytes(size))
                assert await reader.readexactly(size) == bytes(size)
            writer.close()
            await writer.wait_closed()
        assert mgr.closed

    run(program)


def test_an_outbound_connection_talks_to_a_server_of_the_loop(run: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(5)).upper())
        writer.close()
        await writer.wait_closed()

    async def program() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        events: list[tuple[int, Any]] = []
        closed = asyncio.Event()

        @handles(EV_CONNECT, EV_RECV, EV_CLOSE)
        def handler(c: Connection, ev: int, data: Any) -> None:
            events.append((ev, bytes(c.recv_mbuf) if ev == EV_RECV else data))
            if ev == EV_CONNECT:
                c.send(b"hello")
            if ev == EV_CLOSE:
                closed.set()

        async with server, serving(Manager()) as mgr:
            mgr.connect(f"tcp://127.0.0.1:{port}", handler)
            await closed.wait()
        assert events == [(EV_CONNECT, 0), (EV_RECV, b"HELLO"), (EV_CLOSE, None)]

    run(program)


def test_timers_fire_in_order(run: Run) -> None:
    async def program() -> None:
        fired: list[str] = []
        last = asyncio.Event()
        async with serving(Manager()) as mgr:

            @handles(EV_TIMER)
            def handler(c: Connection, ev: int, data: Any) -> None:
                fired.append("event")

            mgr.call_later(0.03, last.set)
            mgr.call_later(0.02, fired.append, "second")
            mgr.call_later(0.01, fired.append, "cancelled").cancel()
            mgr.call_later(0.0, fired.append, "first")
            mgr.adopt(None, handler).set_timer(mgr.time() - 1)
            await last.wait()
        assert fired == ["first", "event", "second"]

    run(program)


def test_a_repeating_timer_goes_on(run: Run) -> None:
    async def program() -> None:
        async with serving(CountingManager()) as mgr:
            assert isinstance(mgr, CountingManager)
            ticks = 0
            third = asyncio.Event()

            def tick() -> None:
                nonlocal ticks
                ticks += 1
                if ticks == 3:
                    third.set()

            timer = mgr.call_every(0.01, tick)
            await third.wait()
            timer.cancel()
            # One for each tick; a clock that is a little early may cost some more.
            assert ticks == 3
            assert mgr.polls < 10

    run(program)


def test_what_a_task_sends_is_written(run: Run) -> None:
    async def program() -> None:
        async with serving(Manager()) as mgr:
            one, other = mgr.socketpair()
            got = asyncio.Event()

            @handles(EV_RECV)
            def handler(c: Connection, ev: int, data: Any) -> None:
                got.set()

            other.handler = handler
            await turns(5)
            one.send(b"sent ")
            one.send_mbuf.extend(b"appended")
            await got.wait()
            assert other.recv_mbuf == b"sent appended"

    run(program)


def test_what_was_queued_before_is_written(run: Run) -> None:
    async def program() -> None:
        got = asyncio.Event()

        @handles(EV_RECV)
        def handler(c: Connection, ev: int, data: Any) -> None:
            got.set()

        mgr = Manager()
        one, _ = mgr.socketpair(None, handler)
        one.send(b"early")
        async with serving(mgr):
            await got.wait()

    run(program)


def test_a_call_from_a_thread_wakes_it(run: Run) -> None:
    async def program() -> None:
        called = asyncio.Event()
        where: list[int] = []

        def call() -> None:
            where.append(threading.get_ident())
            called.set()

        async with serving(Manager()) as mgr:
            await turns(5)
            thread = threading.Thread(target=mgr.call_soon_threadsafe, args=(call,))
            thread.start()
            await called.wait()
            thread.join()
        assert where == [threading.get_ident()]

    run(program)


def test_an_idle_manager_is_not_polled(run: Run) -> None:
    async def program() -> None:
        async with serving(CountingManager()) as mgr:
            assert isinstance(mgr, CountingManager)
            mgr.bind("tcp://127.0.0.1:0", echo)
            mgr.socketpair(echo, echo)
            mgr.call_later(3600, echo)
            await turns(10)
            before = mgr.polls
            await turns(1000)
            assert mgr.polls == before

    run(program)


def test_many_sends_cost_one_poll(run: Run) -> None:
    async def program() -> None:
        async with serving(CountingManager()) as mgr:
            assert isinstance(mgr, CountingManager)
            one, _ = mgr.socketpair()
            await turns(10)
            before = mgr.polls
            for _ in range(100):
                one.send(b"x")
                mgr.call_later(3600, echo)
            await turns(1)
            assert mgr.polls == before + 1

    run(program)


def test_poll_comes_with_each_poll(run: Run) -> None:
    async def program() -> None:
        polls: list[int] = []
        async with serving(CountingManager()) as mgr:
            assert isinstance(mgr, CountingManager)

            @handles(EV_POLL)
            def handler(c: Connection, ev: int, data: Any) -> None:
                polls.append(ev)

            mgr.adopt(None, handler)
            await turns(10)
            before = len(polls), mgr.polls
            for _ in range(3):
                mgr.call_later(0, polls.count, 0)
                await turns(3)
            assert len(polls) - before[0] == mgr.polls - before[1] >= 3

    run(program)


def test_leaving_sends_what_waits_while_the_loop_goes_on(run: Run) -> None:
    size = 10_000_000  # more than the sockets hold

    async def program() -> None:
        async with serving(Manager()) as mgr:

            @handles(EV_RECV)
            def handler(c: Connection, ev: int, data: Any) -> None:
                c.send(bytes(size))

            listener = mgr.bind("tcp://127.0.0.1:0", handler)
            reader, writer = await asyncio.open_connection(*listener.local)
            writer.write(b"go")
            first = await reader.readexactly(1)
            rest = asyncio.create_task(reader.read(-1))
        assert mgr.closed
        assert len(first + await rest) == size
        writer.close()
        await writer.wait_closed()

    run(program)


def test_what_does_not_leave_in_time_is_aborted(run: Run) -> None:
    async def program() -> None:
        closed: list[int] = []

        @handles(EV_CLOSE)
        def handler(c: Connection, ev: int, data: Any) -> None:
            closed.append(ev)

        mgr = Manager()
        async with serving(mgr, grace=0.01):
            one, other = mgr.socketpair(handler)
            other.recv_mbuf_limit = 1
            one.send(bytes(10_000_000))
        assert mgr.closed
        assert closed == [EV_CLOSE]

    run(program)


def test_an_exception_propagates_and_closes(run: Run) -> None:
    async def program() -> None:
        mgr = Manager()
        mgr.socketpair(echo, echo)
        with pytest.raises(ZeroDivisionError):
            async with serving(mgr):
                raise ZeroDivisionError
        assert mgr.closed

    run(program)


def test_a_cancelled_task_closes(run: Run) -> None:
    async def program() -> None:
        mgr = Manager()
        inside = asyncio.Event()

        async def serve() -> None:
            async with serving(mgr):
                mgr.socketpair()
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(serve())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert mgr.closed

    run(program)


def test_a_manager_has_one_host(run: Run) -> None:
    async def program() -> None:
        async with serving(Manager()) as mgr:
            with pytest.raises(RuntimeError, match="hosted"):
                async with serving(mgr):
                    pass
            assert not mgr.closed
        with pytest.raises(RuntimeError, match="closed"):
            async with serving(mgr):
                pass

    run(program)


def test_two_managers_share_a_loop(run: Run) -> None:
    async def program() -> None:
        got = asyncio.Event()

        @handles(EV_RECV)
        def handler(c: Connection, ev: int, data: Any) -> None:
            got.set()

        async with serving(Manager()) as server, serving(Manager()) as client:
            listener = server.bind("tcp://127.0.0.1:0", echo)
            c = client.connect(f"tcp://{listener.local}", handler)
            c.send(b"to and fro")
            await got.wait()
            assert c.recv_mbuf == b"to and fro"

    run(program)


@pytest.mark.parametrize("inside", [False, True], ids=["in a task", "in a handler"])
def test_closing_the_manager_leaves_the_loop(run: Run, inside: bool) -> None:
    async def program() -> None:
        async with serving(Manager()) as mgr:
            closed = asyncio.Event()

            def close() -> None:
                mgr.close()
                closed.set()

            mgr.socketpair()
            if inside:
                mgr.call_later(0, close)
            else:
                close()
            await closed.wait()
            await turns(2)
            assert mgr.closed
            # The number of its descriptor is free for others.
            one, other = socket.socketpair()
            with other:
                reader, writer = await asyncio.open_connection(sock=one)
                other.sendall(b"x")
                assert await reader.readexactly(1) == b"x"
                writer.close()
                await writer.wait_closed()

    run(program)


def test_a_failing_handler_costs_its_connection_only(run: Run, logged: list[Any]) -> None:
    async def program() -> None:
        closed = asyncio.Event()

        def failing(c: Connection, ev: int, data: Any) -> None:
            if ev == EV_CLOSE:
                closed.set()
            elif ev == EV_RECV:
                raise ZeroDivisionError

        async with serving(Manager()) as mgr:
            one, _ = mgr.socketpair(None, failing)
            one.send(b"x")
            await closed.wait()
            assert not mgr.closed

    run(program)
    assert [record.levelname for record in logged] == ["ERROR"]


def test_a_loop_that_cannot_watch_is_refused() -> None:
    class Blind(asyncio.SelectorEventLoop):
        add_reader = asyncio.AbstractEventLoop.add_reader  # raises NotImplementedError

    async def program() -> None:
        with Manager() as mgr:
            with pytest.raises(RuntimeError, match="add_reader"):
                async with serving(mgr):
                    pass
            assert mgr._host is None

    with asyncio.Runner(loop_factory=Blind) as runner:
        runner.run(program())


def test_a_manager_of_another_thread_is_refused(run: Run) -> None:
    go, mgr = threading.Event(), Manager()

    def own() -> None:
        mgr.poll()
        ready.set()
        go.wait()
        mgr.close()

    ready = threading.Event()
    thread = threading.Thread(target=own)
    thread.start()
    ready.wait()

    async def program() -> None:
        with pytest.raises(RuntimeError, match="another thread"):
            async with serving(mgr):
                pass

    run(program)
    go.set()
    thread.join()


def test_importing_the_library_does_not_import_asyncio() -> None:
    code = "import sys, galidia; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
