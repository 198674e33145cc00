"""What the client programs fetch, and how their batches are counted and timed."""

import json
import resource
import time

REQUESTS = 1_000  # of one batch
CONNECTIONS = 10
HELLO = b"Hello, world!"
LOOKUPS, AT_A_TIME = 10_000, 100  # of one batch of names; every name is asked for once only
ADDRESS = "192.0.2.1"


class Batches:
    """Counts batches for some seconds. The first one warms up and does not count."""

    def __init__(self, seconds: float, size: int = REQUESTS) -> None:
        self._seconds = seconds
        self._size = size
        self._count = -1
        self._start = self._user = self._system = 0.0

    def next(self) -> bool:
        """One batch is over: whether there is to be another. Prints the totals after the last."""
        self._count += 1
        now = time.perf_counter()
        used = resource.getrusage(resource.RUSAGE_SELF)
        if not self._count:
            self._start, self._user, self._system = now, used.ru_utime, used.ru_stime
            return True
        if now - self._start < self._seconds:
            return True
        totals = {
            "requests": self._count * self._size,
            "seconds": now - self._start,
            "user": used.ru_utime - self._user,
            "system": used.ru_stime - self._system,
        }
        print(json.dumps(totals), flush=True)
        return False
