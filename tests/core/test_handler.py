"""Who is called, and for which events."""

import pytest

from galidia import EV_CLOSE, EV_POLL, EV_RECV, EV_SEND, Event, Handler, handles
from galidia.core.events import ALL_EVENTS, mask_of
from galidia.core.handler import nobody, wanted
from tests.helpers import Recorder, settle, until


def test_a_plain_function_wants_everything():
    assert wanted(lambda c, ev, data: None) == ALL_EVENTS


def test_handles_declares_what_a_function_wants(mgr, tcp):
    seen = []

    @handles(EV_RECV, EV_CLOSE)
    def serve(c, ev, data):
        seen.append(ev)
        c.close()

    _, c = tcp.join(mgr, serve, None)
    c.send(b"x")
    until(mgr, lambda: EV_CLOSE in seen)
    assert seen == [EV_RECV, EV_CLOSE]


@pytest.mark.parametrize("events", [(), ("recv",)])
def test_handles_needs_events(events):
    with pytest.raises(TypeError, match="handles"):
        handles(*events)


class Counter(Handler):
    def __init__(self):
        self.calls = []

    def on_accept(self, c, data):
        self.calls.append(("accept", data))

    def on_recv(self, c, data):
        self.calls.append(("recv", data))


def test_a_handler_object_gets_the_events_it_has_methods_for(mgr, tcp):
    server = Counter()
    _, c = tcp.join(mgr, server, None)
    c.send(b"abc")
    until(mgr, lambda: len(server.calls) == 2)
    settle(mgr)
    assert server.calls == [("accept", c.local), ("recv", 3)]
    assert wanted(server) == mask_of(Event.ACCEPT, Event.RECV)


def test_methods_are_inherited():
    class Both(Counter):
        def on_close(self, c, data):
            pass

    assert wanted(Both()) == mask_of(Event.ACCEPT, Event.RECV, Event.CLOSE)


def test_a_method_for_no_event_is_a_mistake():
    with pytest.raises(TypeError, match="on_recieve"):
        type("Wrong", (Handler,), {"on_recieve": lambda self, c, data: None})


def test_the_interest_follows_the_handler(mgr):
    polled = Recorder()
    c = mgr.adopt(None, polled)
    mgr.poll(0)
    c.handler = nobody
    mgr.poll(0)
    assert polled.count(EV_POLL) == 1
    c.handler = polled
    mgr.poll(0)
    assert polled.count(EV_POLL) == 2
    assert c.handler is polled


@pytest.mark.parametrize("make", ["bind", "connect", "adopt", "assign"])
def test_a_handler_is_callable(mgr, make):
    calls = {
        "bind": lambda: mgr.bind("tcp://127.0.0.1:0", 5),
        "connect": lambda: mgr.connect("tcp://127.0.0.1:9", 5),
        "adopt": lambda: mgr.adopt(None, 5),
        "assign": lambda: setattr(mgr.adopt(None), "handler", 5),
    }
    with pytest.raises(TypeError, match="handler"):
        calls[make]()
    assert len(mgr) == (make == "assign")


def test_events_are_members_with_names(mgr, tcp):
    server = Recorder()
    _, c = tcp.join(mgr, server, None)
    c.send(b"x")
    until(mgr, lambda: server.count(EV_RECV))
    assert all(isinstance(ev, Event) for _, ev, _ in server.log)
    assert not server.count(EV_SEND)
