"""The load generators, and one measured run of a server under load."""

import json
import math
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .cpu import LOAD_CORE, cores_time, cpu_time, load_generators_time, pin_to
from .prepare import BUILD, HERE, zone_file
from .servers import Server

BROWSER_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://localhost/dashboard/devices?page=2",
    "Cookie": "session=9f86d081884c7d659a2feaa0c55ad015; theme=dark; lang=en",
    "DNT": "1",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
}  # wrk adds Host: twelve in all

Load = Callable[[int, float], "Run"]


class LoadError(Exception):
    """A load generator failed or saw errors."""


@dataclass(frozen=True)
class Run:
    """What a load generator counted."""

    requests: float
    seconds: float
    p50_us: float
    p99_us: float
    p999_us: float


@dataclass(frozen=True)
class Sample:
    """One measured run: rates per second of wall time, times in microseconds per request."""

    rate: float
    user_us: float
    system_us: float
    busy: float
    others: float  # share of one core that went to other programs
    p50_us: float
    p99_us: float
    p999_us: float


def echo(size: int, connections: int) -> Load:
    """Ping-pong of messages of `size` bytes."""

    def load(port: int, seconds: float) -> Run:
        command = [str(BUILD / "echo_load"), str(port), str(size), str(connections), str(seconds)]
        return Run(**run_json(command, seconds))

    return load


def http(connections: int, depth: int = 1, body: int = 0, rate: float = 0) -> Load:
    """Requests of `/`, `depth` at once on each connection: POST if they have a `body` (bytes).

    With a `rate` (requests per second) they are due at equal intervals whatever the server does,
    and latencies count from when they were due.
    """

    def load(port: int, seconds: float) -> Run:
        command = [str(BUILD / "http_load"), str(port), "/", str(body), str(connections)]
        return Run(**run_json([*command, str(seconds), str(depth), str(rate)], seconds))

    return load


def websocket(size: int, connections: int, speakers: int = 0) -> Load:
    """Messages of `size` bytes, echoed on each connection.

    With `speakers`, so many of the connections each have one message sent to all, one at a time;
    what is counted is deliveries, and latencies are those of the speakers.
    """

    def load(port: int, seconds: float) -> Run:
        command = [str(BUILD / "ws_load"), str(port), str(size), str(connections), str(seconds)]
        return Run(**run_json([*command, str(speakers)], seconds))

    return load


def handshakes(connections: int) -> Load:
    """Full TLS 1.3 handshakes, each on a new connection."""

    def load(port: int, seconds: float) -> Run:
        command = [str(BUILD / "tls_load"), str(port), str(connections), str(seconds)]
        return Run(**run_json(command, seconds))

    return load


def wrk(
    path: str, connections: int, headers: dict[str, str] | None = None, scheme: str = "http"
) -> Load:
    """HTTP GET of `path` over keep-alive connections. wrk counts in whole seconds."""

    def load(port: int, seconds: float) -> Run:
        whole = math.ceil(seconds)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{whole}s"]
        command += ["-s", str(HERE / "native" / "wrk_json.lua")]
        for name, value in (headers or {}).items():
            command += ["-H", f"{name}: {value}"]
        counted = run_json([*command, f"{scheme}://127.0.0.1:{port}{path}"], whole)
        errors = counted.pop("errors")
        if errors:
            raise LoadError(f"wrk counted {errors:g} errors")
        return Run(**counted)

    return load


def dns(outstanding: int) -> Load:
    """Queries over UDP for every name of the zone in turn, so many of them under way."""

    def load(port: int, seconds: float) -> Run:
        queries = str(zone_file("queries"))
        command = f"dnsperf -s 127.0.0.1 -p {port} -d {queries} -l {seconds} -c 10 -T 1"
        text = _run([*command.split(), "-q", str(outstanding)], seconds)
        found = dict(re.findall(r"^  ([A-Z][^:]+): +([0-9.]+)", text, re.MULTILINE))
        if "NOERROR" not in text or float(found["Queries lost"]):
            raise LoadError(f"dnsperf lost {found['Queries lost']} queries")
        run_time = float(found["Run time (s)"])
        return Run(float(found["Queries completed"]), run_time, math.nan, math.nan, math.nan)

    return load


def at_half_load(
    server: Server, peak: Load, paced: Callable[[float], Load], seconds: float
) -> Sample:
    """Load the server with half of the rate that it reaches under the load `peak`."""
    rate = measure(server, peak, seconds).rate
    return measure(server, paced(rate / 2), seconds)


def measure(server: Server, load: Load, seconds: float, warm_up: float = 0.5) -> Sample:
    """Load the server, once to warm up and once measured."""
    if warm_up:
        load(server.port, warm_up)
    pids = server.pids()
    before, all_before = cpu_time(pids), cores_time() - load_generators_time()
    run = load(server.port, seconds)
    used = cpu_time(pids) - before
    all_used = cores_time() - load_generators_time() - all_before
    if not run.requests:
        raise LoadError("not one request was answered")
    return Sample(
        rate=run.requests / run.seconds,
        user_us=used.user / run.requests * 1e6,
        system_us=used.system / run.requests * 1e6,
        busy=(used.user + used.system) / run.seconds,
        others=(all_used - used.user - used.system) / run.seconds,
        p50_us=run.p50_us,
        p99_us=run.p99_us,
        p999_us=run.p999_us,
    )


def run_json(
    command: list[str], seconds: float, environment: Mapping[str, str] | None = None
) -> dict[str, float]:
    """What a load generator, pinned to its core, prints as a line of JSON."""
    counted: dict[str, float] = json.loads(_run(command, seconds, environment).splitlines()[-1])
    return counted


def _run(command: list[str], seconds: float, environment: Mapping[str, str] | None = None) -> str:
    """What a load generator, pinned to its core, prints."""
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds + 20,
            env={**os.environ, **(environment or {})},
            preexec_fn=lambda: pin_to(LOAD_CORE),
        )
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{command[0]} did not end") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]  # of a program in Python: the exception
        raise LoadError(last[0] if last else f"{command[0]} failed")
    return done.stdout.strip()
