"""One measured run of a client: here the server is the load, and the client is measured."""

import math

from .load import LoadError, Sample, run_json
from .servers import Peer


def measure(client: Peer, port: int, seconds: float) -> Sample:
    """Have the client ask the server on this port; its own CPU times and rate."""
    command = [*client.command(port), str(seconds)]
    counted = run_json(command, seconds, client.environment)
    requests, wall = counted["requests"], counted["seconds"]
    if not requests:
        raise LoadError("not one request was answered")
    return Sample(
        rate=requests / wall,
        user_us=counted["user"] / requests * 1e6,
        system_us=counted["system"] / requests * 1e6,
        busy=(counted["user"] + counted["system"]) / wall,
        others=0.0,
        p50_us=math.nan,
        p99_us=math.nan,
        p999_us=math.nan,
    )
