"""Batches of look-ups by the manager's resolver.  Arguments: PORT SECONDS"""

import sys
from typing import Any

from batches import ADDRESS, AT_A_TIME, LOOKUPS, Batches

from galidia import Manager
from galidia.dns import Resolver


class Client:
    """A hundred look-ups at any time, each one the start of the next, until a batch is complete."""

    def __init__(self, mgr: Manager, batches: Batches) -> None:
        self.mgr = mgr
        self.batches = batches
        self.number = 0
        self.begin()

    def begin(self) -> None:
        self.left = self.open = LOOKUPS
        for _ in range(AT_A_TIME):
            self.ask()

    def ask(self) -> None:
        self.left -= 1
        self.number += 1
        self.mgr.resolve(f"n{self.number}.many.test", self.found, "A")

    def found(self, lookup: Any) -> None:
        assert lookup.addresses == [ADDRESS], lookup
        self.open -= 1
        if self.left:
            self.ask()
        elif not self.open:
            if self.batches.next():
                self.begin()
            else:
                self.mgr.stop()


def resolver(mgr: Manager) -> Resolver:
    return Resolver(mgr, servers=[("127.0.0.1", int(sys.argv[1]))])


with Manager(resolver=resolver) as mgr:
    Client(mgr, Batches(float(sys.argv[2]), LOOKUPS))
    mgr.run()
