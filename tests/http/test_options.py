"""The limits of a server connection."""

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from galidia import Manager
from galidia.http import HttpOptions
from galidia.http.server import ServerProtocol

#: What is None by default is no limit, but the options of another protocol.
NAMES = [field.name for field in fields(HttpOptions) if field.default is not None]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1, float("nan"), "5", None, True])
def test_what_is_no_limit(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        HttpOptions(**{name: value})


@pytest.mark.parametrize("name", [name for name in NAMES if "timeout" not in name])
def test_sizes_and_counts_are_whole(name: str) -> None:
    HttpOptions(**{name: 1})
    with pytest.raises(ValueError, match="whole"):
        HttpOptions(**{name: 1.5})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in NAMES if "timeout" in name])
def test_times_may_have_fractions(name: str) -> None:
    for value in (1, 0.5, float("inf")):
        assert getattr(HttpOptions(**{name: value}), name) == value  # type: ignore[arg-type]


def test_options_do_not_change() -> None:
    options = HttpOptions()
    with pytest.raises(FrozenInstanceError):
        options.head_limit = 5  # type: ignore[misc]


def test_bind_takes_them(mgr: Manager) -> None:
    options = HttpOptions(head_limit=300)
    listener = mgr.bind("http://127.0.0.1:0", options=options)
    protocol = listener.protocol
    assert isinstance(protocol, ServerProtocol)
    assert protocol.options is options
    child = protocol.child()
    assert isinstance(child, ServerProtocol)
    assert child.options is options
    assert child is not protocol


def test_bind_takes_no_others(mgr: Manager) -> None:
    wrong: Any = {"head_limit": 300}
    with pytest.raises(TypeError, match="HttpOptions"):
        mgr.bind("http://127.0.0.1:0", options=wrong)
    with pytest.raises(TypeError):
        mgr.bind("tcp://127.0.0.1:0", options=HttpOptions())
    assert len(mgr) == 0
