"""Batches of GETs by fetch.  Arguments: PORT SECONDS"""

import sys
from typing import Any

from batches import CONNECTIONS, HELLO, REQUESTS, Batches

from galidia import Manager
from galidia.http import fetch


class Client:
    """Ten fetches at any time, each one the start of the next, until a batch is complete."""

    def __init__(self, mgr: Manager, url: str, batches: Batches) -> None:
        self.mgr = mgr
        self.url = url
        self.batches = batches
        self.begin()

    def begin(self) -> None:
        self.left = self.open = REQUESTS
        for _ in range(CONNECTIONS):
            self.fetch()

    def fetch(self) -> None:
        self.left -= 1
        fetch(self.mgr, self.url, self.fetched, proxy=None)  # the others look for none either

    def fetched(self, result: Any) -> None:
        assert result.status == 200, result.error
        assert result.body == HELLO
        self.open -= 1
        if self.left:
            self.fetch()
        elif not self.open:
            if self.batches.next():
                self.begin()
            else:
                self.mgr.stop()


with Manager() as mgr:
    Client(mgr, f"http://127.0.0.1:{sys.argv[1]}/", Batches(float(sys.argv[2])))
    mgr.run()
