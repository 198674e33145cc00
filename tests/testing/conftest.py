"""A simulated network, managers on it, and certificates."""

from collections.abc import Callable, Iterator

import pytest

from galidia import Manager
from galidia.testing import SimNetwork
from tests.helpers import Certificates


@pytest.fixture
def net() -> SimNetwork:
    return SimNetwork(1)


@pytest.fixture
def manager(net: SimNetwork) -> Iterator[Callable[..., Manager]]:
    """Makes managers, on the network of the test or on one of its hosts."""
    opened = []

    def make(host: str | None = None) -> Manager:
        opened.append(Manager(network=net if host is None else net.host(host)))
        return opened[-1]

    yield make
    for mgr in opened:
        mgr.close(0)


@pytest.fixture
def mgr(manager: Callable[..., Manager]) -> Manager:
    return manager()


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))
