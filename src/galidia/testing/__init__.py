"""A seeded simulated network with a virtual clock, for tests of handlers and protocols.

A `SimNetwork` takes the place of the operating system's network: ``Manager(network=net)`` runs any
handler unchanged, over TCP, Unix sockets, UDP and TLS. Nothing sleeps and nothing leaves the
process; the same seed gives the same run, faults included.
"""

from .faults import Faults
from .host import SimHost
from .network import SimNetwork, SimulationError
from .peers import RawClient, RawDatagrams, RawServer

__all__ = [
    "Faults",
    "RawClient",
    "RawDatagrams",
    "RawServer",
    "SimHost",
    "SimNetwork",
    "SimulationError",
]
