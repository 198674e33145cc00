"""Schemes: which transport and protocol an address stands for."""

import importlib.metadata

import pytest

from galidia import Scheme
from galidia.core import registry
from galidia.core.protocol import Protocol
from galidia.core.registry import default_ports, find_scheme, make_protocol


@pytest.mark.parametrize(
    ("name", "transport", "tls"),
    [("tcp", "tcp", False), ("udp", "udp", False), ("unix", "unix", False), ("tls", "tcp", True)],
)
def test_the_schemes_of_the_engine(name, transport, tls):
    scheme = find_scheme(name)
    assert (scheme.transport, scheme.tls, scheme.protocol) == (transport, tls, "")
    assert make_protocol(scheme, None) is None


def test_web_schemes_have_ports_and_protocols():
    assert default_ports()["http"] == 80
    assert default_ports()["https"] == 443
    assert isinstance(make_protocol(find_scheme("http"), None), Protocol)


def test_a_scheme_that_does_not_exist(mgr):
    for call in (mgr.bind, mgr.connect):
        with pytest.raises(ValueError, match=r"nosuch.*tcp.*udp") as e:
            call("nosuch://127.0.0.1:80")
        assert "nosuch" in str(e.value)
    assert len(mgr) == 0


def test_options_are_for_protocols(mgr):
    with pytest.raises(TypeError, match="options"):
        mgr.bind("tcp://127.0.0.1:0", options=object())
    assert len(mgr) == 0


class Line(Protocol):
    __slots__ = ("options",)

    def __init__(self, options=None):
        Protocol.__init__(self)
        self.options = options


class Point:
    """Stands for an entry point of another distribution."""

    name = "line"

    def load(self):
        return Scheme("tcp", port=7777, protocol=f"{__name__}:Line")


@pytest.fixture
def third_party(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Point()])
    monkeypatch.setattr(registry, "_SCHEMES", dict(registry._SCHEMES))
    monkeypatch.setattr(registry, "_PORTS", dict(registry._PORTS))
    registry._third_party.cache_clear()
    yield
    registry._third_party.cache_clear()


def test_another_distribution_may_add_a_scheme(mgr, third_party, monkeypatch):
    assert find_scheme("line").port == 7777
    assert default_ports()["line"] == 7777
    monkeypatch.setattr(
        registry, "import_module", lambda name: __import__("types").SimpleNamespace(Line=Line)
    )
    what = object()
    listener = mgr.bind("line://127.0.0.1:0", None, options=what)
    assert listener.protocol.options is what


class Caller(Protocol):
    __slots__ = ("options", "rest", "url")

    def __init__(self, options, url, extra):
        Protocol.__init__(self)
        self.options, self.url = options, url
        self.rest = extra.pop("word", None)
        if extra:
            raise TypeError(f"connect() has no option {min(extra)!r}")


def test_a_client_gets_the_resource_and_its_own_options(mgr, third_party, monkeypatch):
    scheme = Scheme("tcp", port=7777, protocol=f"{__name__}:Line", client=f"{__name__}:Caller")
    monkeypatch.setattr(Point, "load", lambda self: scheme)
    monkeypatch.setattr(
        registry, "import_module", lambda name: __import__("types").SimpleNamespace(Caller=Caller)
    )
    c = mgr.connect("line://me@127.0.0.1:9/a?b#c", None, word="x", connect_timeout=5)
    assert (c.protocol.rest, c.protocol.url.target, c.protocol.url.userinfo) == ("x", "/a?b", "me")
    with pytest.raises(TypeError, match="nosuch"):
        mgr.connect("line://127.0.0.1:9/", None, nosuch=1)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9/x", "tcp://u@127.0.0.1:9"])
def test_only_clients_of_a_protocol_take_resources(mgr, address):
    with pytest.raises(ValueError, match="a host and a port"):
        mgr.connect(address)
    assert len(mgr) == 0


def test_endpoints_are_of_protocols_that_have_them(mgr):
    with pytest.raises(TypeError, match="has none"):
        mgr.bind("tcp://127.0.0.1:0").endpoint("/", print)
    listener = mgr.bind("tcp://127.0.0.1:0")
    listener.protocol = Protocol()
    with pytest.raises(TypeError, match="Protocol has no endpoints"):
        listener.endpoint("/", print)
