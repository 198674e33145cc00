"""Turns results into tables for the terminal and for RESULTS.md."""

import datetime
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence

from .cpu import cpu_model
from .load import Sample
from .prepare import PEER_PYTHON
from .results import TARGETS, Results
from .servers import COMPILED, GALIDIA_PYTHON, PURE

_QUIET = 0.05  # share of a core that other programs may take before the report says so
_NOISE = 1.01  # a ratio below this is no difference

_METHOD = """\
The server is pinned to one core, the load generator to another; all traffic is on 127.0.0.1. The
servers of a scenario take turns within each of {rounds} rounds, each started anew, warmed up and
then loaded for {seconds:g} s; the tables show medians. CPU times are those of all processes of
the server, from /proc, divided by the requests that were completed. Busy is the share of its
core that the server used: below some 95 %, the load generator or the network stack set the pace,
and CPU per request says more than the rate. Echo and HTTP run over 50 connections (10 for
10 MiB), one request at a time on each; +- is half the range of the rounds. Memory is what is
private to the process; an idle connection has had one message echoed, or one GET answered.

HTTP is loaded by wrk; by a generator of this suite (native/http_load.c) where wrk would set the
pace, which is the small hello, and where wrk has no way: pipelined, POST, and at a given rate.

Pipelined: 16 requests are sent at once and the next 16 when all replies are there. JSON: every
server encodes the dict anew for each reply; galidia with orjson, as its extra `fast` has it, and in
a row of its own without; the ASGI application as Starlette does, and in a row of its own with
orjson. POST:
"nginx" is `return 200`, which replies when the head is there and discards the body behind the
reply, "nginx, reading whole" has the body in memory before it replies (`mirror_request_body`, with
a mirror that does nothing); galidia's handler gets the whole body as bytes.

TLS is 1.3 with one ECDSA P-256 certificate for all, TLS_AES_256_GCM_SHA384 for the keep-alive
connections and TLS_AES_128_GCM_SHA256 over X25519 for the handshakes, without tickets and without
resumption. A handshake counts when the server has closed the connection after it. It costs the
client more than the server, so the load generator sets the pace and servers are held against each
other by handshakes per second of processor time.

At half of the peak load: the peak of each server is measured under 50 connections, then requests
are due at equal intervals at half of that rate, each server's own; latency counts from when a
request was due, also if it had to wait for a free connection.

DNS: dnsperf asks over UDP for the names of the zone in turn, 100 queries under way. The servers
are held against each other by answers per second of processor time, as dnsperf may set the pace.
knot and unbound have one thread; dnslib's server is its own with a table of names. Look-ups are
measured as the HTTP client is, with unbound as the server: A records of names that were never asked
for before, so that no cache helps; aiodns and dnspython's asynchronous resolver run on uvloop.

Proxying: each proxy passes the requests of 50 connections on to the same nginx, which shares its
core with the load generator and sets the pace, so that the proxies are held against each other by
requests per second of processor time. Both keep connections to it.

WebSocket messages are binary, masked by the client, and compared when they come back; without
compression. Of a broadcast the requests are deliveries: one connection sends a message, the server
sends it to all 1,000, and the next one is sent when it has come back to its sender; latencies are
the sender's. "10 at once" is ten of them that do so, as in a lively chat. picows runs on uvloop
with the transports of aiofastnet, websockets and aiohttp on uvloop; an idle connection has had one
message echoed.

The HTTP client is the measured program and nginx its server, each on one core; it fetches "Hello,
world!" in batches of 1,000 for {seconds:g} s after a first batch to warm up, 10 at any time, and
CPU times are the client's. aiohttp and httpx run on uvloop."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, aligned so that it also reads well on a terminal."""
    grid = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in grid) for i in range(len(head))]
    lines = []
    for row in grid:
        cells = [
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("| " + " | ".join(cells) + " |")
    rule = [("-" * width if i == 0 else "-" * (width - 1) + ":") for i, width in enumerate(widths)]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(lines)


def paced_table(results: Results, scenario: str) -> str:
    """One scenario of a given load: a row for each server, the one that keeps it best first."""
    peers = results.paced[scenario]
    tails = {peer: _middle(peers[peer], "p99_us") for peer in peers}
    rows = [
        [
            peer,
            f"{_middle(peers[peer], 'rate'):,.0f}",
            f"{100 * _middle(peers[peer], 'busy'):.0f} %",
            *_latencies(peers[peer], "p50_us", "p99_us", "p999_us"),
        ]
        for peer in sorted(peers, key=tails.__getitem__)
    ]
    text = table(["", "requests/s", "busy", "p50 us", "p99 us", "p99.9 us"], rows)
    return text + _disturbance(peers.values())


def load_table(results: Results, scenario: str) -> str:
    """One scenario: a row for each server, fastest first."""
    peers = results.loads[scenario]
    rates = {peer: results.rate(scenario, peer) for peer in peers}

    def row(peer: str) -> list[str]:
        return [
            peer,
            f"{rates[peer]:,.0f}",
            _spread(peers[peer]),
            *(
                f"{rates[ours] / rates[peer]:.2f}" if ours in rates else "-"
                for ours in (COMPILED, PURE)
            ),
            f"{_middle(peers[peer], 'user_us'):.2f}",
            f"{_middle(peers[peer], 'system_us'):.2f}",
            f"{100 * _middle(peers[peer], 'busy'):.0f} %",
            *_latencies(peers[peer], "p50_us", "p99_us"),
        ]

    head = ["", "requests/s", "+-", "compiled/this", "pure/this", "user us", "sys us", "busy"]
    order = sorted(rates, key=lambda peer: -rates[peer])
    text = table([*head, "p50 us", "p99 us"], map(row, order))
    return text + _disturbance(peers.values())


def number_table(results: Results, scenario: str) -> str:
    """One plain number for each server."""
    rows = [
        [peer, f"{results.number(scenario, peer):.2f}", f"{min(all_):.2f} to {max(all_):.2f}"]
        for peer, all_ in results.numbers[scenario].items()
    ]
    return table(["", "median", "range"], rows)


def target_table(results: Results) -> str:
    """Each target with what was measured."""
    rows = []
    for target in TARGETS:
        bound = f"{'>=' if target.at_least else '<='} {target.bound:g}"
        try:
            value = target.value(results)
        except KeyError:
            rows.append([target.text, bound, "-", "not measured"])
            continue
        verdict = "reached" if target.reached(value) else "**not reached**"
        rows.append([target.text, bound, f"{value:.2f}", verdict])
    return table(["target", "asked", "measured", ""], rows)


def defeats(results: Results) -> str:
    """Every scenario in which another server is faster, uses less memory or loses less."""
    lines = []
    for scenario, peers in results.loads.items():
        if COMPILED not in peers:
            continue
        ours = results.rate(scenario, COMPILED)
        for peer in peers:
            rate = results.rate(scenario, peer)
            if rate > ours * _NOISE:
                lines.append(f"- {scenario}: {peer} is faster, {rate / ours:.2f} times {COMPILED}.")
    for scenario, peers in results.paced.items():
        if COMPILED not in peers:
            continue
        ours = _middle(peers[COMPILED], "p99_us")
        for peer in peers:
            tail = _middle(peers[peer], "p99_us")
            if tail * _NOISE < ours:
                lines.append(f"- {scenario}: p99 of {peer} {tail:.0f} us, {COMPILED} {ours:.0f}.")
    for scenario, values in results.numbers.items():
        if COMPILED not in values:
            continue
        ours = results.number(scenario, COMPILED)
        for peer in values:
            number = results.number(scenario, peer)
            if number + abs(number) * (_NOISE - 1) < ours:  # a loss may be negative
                lines.append(f"- {scenario}: {peer} {number:.2f}, {COMPILED} {ours:.2f}.")
    return "\n".join(lines) or "None in what was measured."


def document(results: Results, rounds: int, seconds: float) -> str:
    """RESULTS.md as a whole."""
    parts = [
        "# Benchmark results",
        f"{datetime.date.today():%Y-%m-%d}, by `make bench`.",
        _machine(),
    ]
    parts += ["## Method", _METHOD.format(rounds=rounds, seconds=seconds)]
    parts += ["## Targets", target_table(results)]
    parts += ["## Where others win", defeats(results)]
    for scenario in results.loads:
        parts += [f"## {scenario}", load_table(results, scenario)]
    for scenario in results.paced:
        parts += [f"## {scenario}", paced_table(results, scenario)]
    for scenario in results.numbers:
        parts += [f"## {scenario}", number_table(results, scenario)]
    if results.problems:
        parts += ["## Not measured", "\n".join(f"- {problem}" for problem in results.problems)]
    parts += ["## Versions", "\n".join(f"- {line}" for line in _versions())]
    return "\n\n".join(parts) + "\n"


def _middle(samples: list[Sample], name: str) -> float:
    return statistics.median(float(getattr(s, name)) for s in samples)


def _latencies(samples: list[Sample], *names: str) -> list[str]:
    middles = [_middle(samples, name) for name in names]
    return ["-" if math.isnan(middle) else f"{middle:,.0f}" for middle in middles]


def _disturbance(runs: Iterable[list[Sample]]) -> str:
    others = max((s.others for samples in runs for s in samples), default=0.0)
    if others <= _QUIET:
        return ""
    return f"\n\nOther programs took up to {100 * others:.0f} % of a core from these runs."


def _spread(samples: list[Sample]) -> str:
    rates = [s.rate for s in samples]
    return f"{50 * (max(rates) - min(rates)) / statistics.median(rates):.0f} %"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"Machine: {cpu_model()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()} {platform.machine()}."
    )


def _versions() -> list[str]:
    def first_line(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[0] if lines else f"{command[0]}: unknown"

    code = "import galidia; print('galidia', galidia.__version__)"
    lines = [
        first_line(GALIDIA_PYTHON, "-c", code),
        first_line(GALIDIA_PYTHON, "-VV"),
        first_line(GALIDIA_PYTHON, "-c", "import ssl; print(ssl.OPENSSL_VERSION)"),
        first_line("nginx", "-v"),
        first_line("wrk", "-v").partition(" Copyright")[0],
        first_line("gcc", "--version"),
    ]
    freeze = [str(PEER_PYTHON), "-m", "pip", "freeze", "--disable-pip-version-check"]
    packages = subprocess.run(freeze, capture_output=True, text=True, check=False).stdout.split()
    return [*lines, ", ".join(packages)]
