"""What idle connections cost in throughput and memory, and what importing galidia costs in time."""

import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .cpu import LOAD_CORE, SERVER_CORE, pin_to, private_bytes
from .load import Load, LoadError, measure
from .prepare import HERE
from .servers import GALIDIA_PYTHON, Server

_HOLD_SECONDS = 120.0
_IMPORT_RUNS = 20


@contextmanager
def held(port: int, count: int, kind: str) -> Iterator[None]:
    """Keep `count` idle connections open: tcp, tls, http or ws. `LoadError` if one is lost."""
    command = [sys.executable, str(HERE / "peers" / "hold.py"), str(port), str(count), kind]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: pin_to(LOAD_CORE),
    )
    assert process.stdin
    assert process.stdout
    try:
        readable, _, _ = select.select([process.stdout], [], [], _HOLD_SECONDS)
        if not readable or process.stdout.readline() != "ready\n":
            raise LoadError(f"{count} idle connections could not be opened")
        yield
        still_open, _ = process.communicate("", _HOLD_SECONDS)
        if still_open.strip() != str(count):
            raise LoadError(f"of {count} idle connections, {still_open.strip()} stayed open")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def tcp_cost(server: Server, count: int, load: Load, seconds: float) -> tuple[float, float]:
    """Loss of throughput beside `count` idle connections in percent, and KiB for each of them.

    The rate without them is taken before and after, so that a machine that drifts does not count.
    """
    before = measure(server, load, seconds).rate
    memory = private_bytes(server.pids())
    with held(server.port, count, "tcp"):
        memory = private_bytes(server.pids()) - memory
        beside = measure(server, load, seconds).rate
    after = measure(server, load, seconds).rate
    return 100 * (1 - beside / ((before + after) / 2)), memory / count / 1024


def memory_cost(server: Server, count: int, kind: str) -> float:
    """KiB for each idle connection of this kind, after its handshake or first request."""
    with held(server.port, 20, kind):  # what is allocated once must not count
        pass
    memory = private_bytes(server.pids())
    with held(server.port, count, kind):
        return (private_bytes(server.pids()) - memory) / count / 1024


def import_ms(pure: bool) -> float:
    """Milliseconds that `import galidia` adds to a bare start of Python."""
    environment = {**os.environ, "GALIDIA_PURE": "1" if pure else ""}
    taken: dict[str, list[float]] = {"": [], "import galidia": []}
    for _ in range(_IMPORT_RUNS):
        for code, times in taken.items():
            start = time.perf_counter()
            subprocess.run(
                [GALIDIA_PYTHON, "-I", "-c", code],
                env=environment,
                check=True,
                preexec_fn=lambda: pin_to(SERVER_CORE),
            )
            times.append(time.perf_counter() - start)
    return 1e3 * (statistics.median(taken["import galidia"]) - statistics.median(taken[""]))


def listing_ms(pure: bool) -> float:
    """Milliseconds for which listing a folder of 10,000 files holds up the loop at most."""
    done = subprocess.run(
        [GALIDIA_PYTHON, str(HERE / "peers" / "galidia_listing.py"), "10000"],
        env={**os.environ, "GALIDIA_PURE": "1" if pure else ""},
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: pin_to(SERVER_CORE),
    )
    return float(done.stdout)
