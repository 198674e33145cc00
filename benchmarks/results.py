"""What a run of the suite found, and the targets it is held against."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from .load import Sample
from .servers import C_ECHO, COMPILED, DNSMASQ, KNOT, NGINX, NGINX_READING, PURE, UNBOUND

ECHO_SMALL, ECHO_LARGE = "TCP echo, 64 B", "TCP echo, 64 KiB"
HTTP_SMALL, HTTP_BROWSER = "HTTP hello, small request", "HTTP hello, browser-like request"
PIPELINED = "HTTP hello, pipelined 16 deep"
JSON = "JSON reply of 1 KiB from a dict"
POST = "POST of 64 KiB"
PROXY = "Proxying hello"
HTTPS, HANDSHAKES = "HTTPS hello, keep-alive", "Full TLS handshakes"
LOOKUPS = "10,000 DNS look-ups of different names, 100 at a time"
DNS_ANSWERS = "DNS answers from a zone of 1,000 names"
CLIENT = "HTTP client, 1,000 GETs over 10 connections"
LATENCY = "HTTP hello at half of the peak load"
IDLE_LOSS = "Loss beside 10,000 idle connections, percent of echo 64 B"
TCP_MEMORY = "Memory of an idle TCP connection, KiB"
TLS_MEMORY = "Memory of an idle TLS connection, KiB"
HTTP_MEMORY = "Memory of an idle HTTP connection, KiB"
WS_SMALL, WS_LARGE = "WebSocket echo, 64 B", "WebSocket echo, 64 KiB"
BROADCAST = "WebSocket broadcast of 256 B to 1,000 connections"
BROADCASTS = "WebSocket broadcast of 256 B to 1,000 connections, 10 at once"
WS_MEMORY = "Memory of an idle WebSocket connection, KiB"
IMPORT = "Time of `import galidia`, ms beyond bare Python"
LISTING = "Listing of 10,000 files: the longest hold of the loop, ms"


#: How a file is asked for besides as a whole.
WHOLE, NOT_MODIFIED, RANGE = "", ", not modified", ", half of it"


def file_title(size: str, how: str = WHOLE) -> str:
    """The title of the static file scenario of this size."""
    return f"Static file, {size}{how}"


@dataclass
class Results:
    """Samples by scenario and peer; plain numbers likewise; what could not be measured.

    The samples of `loads` were taken under all the load that a server could serve, those of
    `paced` under a given one.
    """

    loads: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    paced: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    numbers: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def rate(self, scenario: str, peer: str) -> float:
        """Median requests per second."""
        return statistics.median(s.rate for s in self.loads[scenario][peer])

    def full_core_rate(self, scenario: str, peer: str) -> float:
        """Median requests per second of processor time."""
        samples = self.loads[scenario][peer]
        return statistics.median(1e6 / (s.user_us + s.system_us) for s in samples)

    def user_us(self, scenario: str, peer: str) -> float:
        """Median user CPU per request, microseconds."""
        return statistics.median(s.user_us for s in self.loads[scenario][peer])

    def number(self, scenario: str, peer: str) -> float:
        """Median of a plain number."""
        return statistics.median(self.numbers[scenario][peer])


@dataclass(frozen=True)
class Target:
    """A promise: a measured value and its bound. `value` raises `KeyError` if not measured."""

    text: str
    value: Callable[[Results], float]
    bound: float
    at_least: bool = True

    def reached(self, value: float) -> bool:
        """Whether the bound is kept."""
        return value >= self.bound if self.at_least else value <= self.bound


def _ratio(scenario: str, ours: str, peer: str, bound: float) -> Target:
    return Target(
        f"{scenario}: {ours}, times {peer}",
        lambda r: r.rate(scenario, ours) / r.rate(scenario, peer),
        bound,
    )


def _core_ratio(scenario: str, ours: str, peer: str, bound: float) -> Target:
    return Target(
        f"{scenario}: {ours}, times {peer}, per second of CPU",
        lambda r: r.full_core_rate(scenario, ours) / r.full_core_rate(scenario, peer),
        bound,
    )


def _below(scenario: str, bound: float) -> Target:
    return Target(scenario, lambda r: r.number(scenario, COMPILED), bound, at_least=False)


TARGETS = [
    _ratio(ECHO_SMALL, COMPILED, C_ECHO.name, 0.90),
    _ratio(ECHO_SMALL, COMPILED, "uvloop", 1.1),
    Target(
        f"{ECHO_SMALL}: {COMPILED}, user CPU above {C_ECHO.name}, us",
        lambda r: r.user_us(ECHO_SMALL, COMPILED) - r.user_us(ECHO_SMALL, C_ECHO.name),
        0.8,
        at_least=False,
    ),
    _ratio(ECHO_SMALL, PURE, "asyncio", 2.5),
    *(
        _ratio(scenario, ours, peer, bound)
        for scenario in (HTTP_SMALL, HTTP_BROWSER)
        for ours, peer, bound in (
            (COMPILED, NGINX.name, 1.05),
            (COMPILED, "cymongoose", 1.3),
            (COMPILED, "socketify", 1.5),
            (COMPILED, "granian", 2.5),
            (COMPILED, "uvicorn", 3.0),
            (PURE, "uvicorn", 1.0),
        )
    ),
    _ratio(PIPELINED, COMPILED, NGINX.name, 1.0),
    _ratio(PIPELINED, COMPILED, "cymongoose", 1.5),
    _ratio(JSON, COMPILED, "granian", 2.0),
    _ratio(JSON, "galidia compiled, standard json", "granian", 2.0),
    _ratio(POST, COMPILED, NGINX.name, 0.9),
    _ratio(POST, COMPILED, NGINX_READING.name, 0.9),
    _core_ratio(PROXY, COMPILED, NGINX.name, 0.8),
    _ratio(HTTPS, COMPILED, NGINX.name, 0.9),
    _core_ratio(HANDSHAKES, COMPILED, NGINX.name, 0.9),
    _ratio(CLIENT, COMPILED, "aiohttp", 3.0),
    _ratio(CLIENT, COMPILED, "httpx", 5.0),
    # dnsperf may set the pace, not the server.
    *(_core_ratio(DNS_ANSWERS, COMPILED, peer.name, 0.8) for peer in (KNOT, UNBOUND, DNSMASQ)),
    _core_ratio(DNS_ANSWERS, COMPILED, "dnslib", 10.0),
    _ratio(LOOKUPS, COMPILED, "dnspython", 5.0),
    *(
        _ratio(file_title(size, how), COMPILED, NGINX.name, 0.9)
        for size in ("1 KiB", "100 KiB", "10 MiB")
        for how in (WHOLE, NOT_MODIFIED, RANGE)
    ),
    *(
        _ratio(scenario, COMPILED, peer, bound)
        for scenario, peer, bound in (
            (WS_SMALL, "picows", 1.1),
            (WS_LARGE, "picows", 1.0),
            (WS_SMALL, "websockets", 4.0),
            (BROADCAST, "picows", 2.0),
            (BROADCAST, "socketify", 2.0),
        )
    ),
    _below(IDLE_LOSS, 5.0),
    _below(TCP_MEMORY, 1.0),
    _below(TLS_MEMORY, 40.0),
    _below(HTTP_MEMORY, 1.5),
    _below(WS_MEMORY, 2.0),
    _below(IMPORT, 40.0),
    _below(LISTING, 50.0),
]
