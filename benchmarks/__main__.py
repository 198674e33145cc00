"""Runs the suite: `python -m benchmarks [options]`."""

import argparse
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate

from . import clients, idle, report, results
from .cpu import LOAD_CORE
from .load import (
    BROWSER_HEADERS,
    Load,
    LoadError,
    at_half_load,
    dns,
    echo,
    handshakes,
    http,
    measure,
    websocket,
    wrk,
)
from .prepare import FILE_SIZES, FILES, HERE, file_name, prepare
from .results import Results
from .servers import (
    BROADCAST,
    CLIENTS,
    COMPILED,
    DNS,
    ECHO,
    GALIDIA_PYTHON,
    HELLO,
    HTTP,
    HTTPS,
    JSON,
    JSON_TEXT,
    LATENCY,
    LOOKUPS,
    NGINX,
    PIPELINED,
    POST,
    PROXIES,
    PURE,
    STATIC,
    TLS_ECHO,
    UNBOUND,
    WEBSOCKET,
    Peer,
    Server,
    ServerError,
    answers,
    echoes,
    listens,
    resolves,
    speaks_websocket,
)

CONNECTIONS = 50
IDLE_TCP, IDLE_TLS, IDLE_HTTP, IDLE_WS = 10_000, 1_000, 10_000, 10_000
AUDIENCE, SPEAKERS = 1_000, 10
PIPELINE, BODY = 16, 64 << 10
QUERIES = 100  # under way
OPEN_FILES = 65_536
CYMONGOOSE_ECHO = (
    "TCP echo of cymongoose: it has no call that discards received bytes (`recv_data` only copies "
    "them), so each answer would hold everything received so far"
)


@dataclass(frozen=True)
class Scenario:
    """Servers that take turns, how they prove to be ready, and what is measured on each."""

    title: str
    peers: Sequence[Peer]
    ready: Callable[[int], None]
    load: Load


def load_scenarios() -> list[Scenario]:
    """Everything that is measured in requests per second."""
    hello, secure = answers("/", HELLO), answers("/", HELLO, scheme="https")
    plain, browser = wrk("/", CONNECTIONS), wrk("/", CONNECTIONS, BROWSER_HEADERS)
    scenarios = [
        Scenario(results.ECHO_SMALL, ECHO, echoes, echo(64, CONNECTIONS)),
        Scenario(results.ECHO_LARGE, ECHO, echoes, echo(1 << 16, CONNECTIONS)),
        Scenario(results.HTTP_SMALL, HTTP, hello, http(CONNECTIONS)),
        Scenario(results.HTTP_BROWSER, HTTP, hello, browser),
        Scenario(results.PIPELINED, PIPELINED, hello, http(CONNECTIONS, PIPELINE)),
        Scenario(results.JSON, JSON, answers("/", JSON_TEXT), plain),
        Scenario(
            results.POST,
            POST,
            answers("/", HELLO, data=bytes(BODY)),
            http(CONNECTIONS, body=BODY),
        ),
        Scenario(results.HTTPS, HTTPS, secure, wrk("/", CONNECTIONS, scheme="https")),
        Scenario(results.DNS_ANSWERS, DNS, resolves, dns(QUERIES)),
        Scenario(results.HANDSHAKES, HTTPS, secure, handshakes(CONNECTIONS)),
    ]
    for title, size in ((results.WS_SMALL, 64), (results.WS_LARGE, 1 << 16)):
        load = websocket(size, CONNECTIONS)
        scenarios.append(Scenario(title, WEBSOCKET, speaks_websocket, load))
    for title, speakers in ((results.BROADCAST, 1), (results.BROADCASTS, SPEAKERS)):
        load = websocket(256, AUDIENCE, speakers)
        scenarios.append(Scenario(title, BROADCAST, speaks_websocket, load))
    for size, length in FILE_SIZES.items():
        name = file_name(size)
        modified = formatdate((FILES / name).stat().st_mtime, usegmt=True)
        half = f"bytes={length // 4}-{length // 4 + length // 2 - 1}"
        ready = answers(f"/{name}", (FILES / name).read_bytes())
        for how, fields in (
            (results.WHOLE, {}),
            (results.NOT_MODIFIED, {"If-Modified-Since": modified}),
            (results.RANGE, {"Range": half}),
        ):
            load = wrk(f"/{name}", 10 if length > 1 << 20 else CONNECTIONS, fields)
            scenarios.append(Scenario(results.file_title(size, how), STATIC, ready, load))
    return scenarios


class Suite:
    """Runs what was asked for; a peer that fails is noted and left out from then on."""

    def __init__(self, options: argparse.Namespace, problems: list[str]) -> None:
        self.results = Results(problems=problems)
        self._options = options
        self._failed: set[tuple[str, str]] = set()
        self._missing = self._missing_builds()

    def run(self) -> None:
        """All chosen scenarios, one after the other."""
        for scenario in load_scenarios():
            if self._chosen(scenario.title):
                self._run_load(scenario)
                self._show(scenario.title, report.load_table(self.results, scenario.title))
        if self._chosen(results.ECHO_SMALL):
            self.results.problems.append(CYMONGOOSE_ECHO)
        if self._chosen(results.CLIENT):
            self._run_clients(results.CLIENT, CLIENTS, NGINX, answers("/", HELLO))
            self._show(results.CLIENT, report.load_table(self.results, results.CLIENT))
        if self._chosen(results.PROXY):
            self._run_proxies()
            self._show(results.PROXY, report.load_table(self.results, results.PROXY))
        if self._chosen(results.LOOKUPS):
            self._run_clients(results.LOOKUPS, LOOKUPS, UNBOUND, resolves)
            self._show(results.LOOKUPS, report.load_table(self.results, results.LOOKUPS))
        if self._chosen(results.LATENCY):
            self._run_latency()
            self._show(results.LATENCY, report.paced_table(self.results, results.LATENCY))
        if self._chosen(results.IDLE_LOSS) or self._chosen(results.TCP_MEMORY):
            self._run_idle_tcp()
        if self._chosen(results.TLS_MEMORY):
            self._run_memory(results.TLS_MEMORY, TLS_ECHO, listens, IDLE_TLS, "tls")
        if self._chosen(results.HTTP_MEMORY):
            hello = answers("/", HELLO)
            self._run_memory(results.HTTP_MEMORY, HTTP, hello, IDLE_HTTP, "http")
        if self._chosen(results.WS_MEMORY):
            self._run_memory(results.WS_MEMORY, WEBSOCKET, speaks_websocket, IDLE_WS, "ws")
        if self._chosen(results.IMPORT):
            for name in (COMPILED, PURE):
                if name not in self._missing:
                    self._note(results.IMPORT, name, idle.import_ms(pure=name == PURE))
        if self._chosen(results.LISTING):
            for name in (COMPILED, PURE):
                if name not in self._missing:
                    self._note(results.LISTING, name, idle.listing_ms(pure=name == PURE))
        for title in self.results.numbers:
            self._show(title, report.number_table(self.results, title))

    def _run_load(self, scenario: Scenario) -> None:
        table = self.results.loads.setdefault(scenario.title, {})

        def body(server: Server) -> None:
            sample = measure(server, scenario.load, self._options.seconds)
            table.setdefault(server.peer.name, []).append(sample)

        self._rounds(scenario.title, scenario.peers, scenario.ready, body)

    def _run_idle_tcp(self) -> None:
        def body(server: Server) -> None:
            load = echo(64, CONNECTIONS)
            loss, kib = idle.tcp_cost(server, IDLE_TCP, load, self._options.seconds)
            self._note(results.IDLE_LOSS, server.peer.name, loss)
            self._note(results.TCP_MEMORY, server.peer.name, kib)

        self._rounds(results.IDLE_LOSS, ECHO, echoes, body)

    def _run_memory(
        self,
        title: str,
        peers: Sequence[Peer],
        ready: Callable[[int], None],
        count: int,
        kind: str,
    ) -> None:
        def body(server: Server) -> None:
            self._note(title, server.peer.name, idle.memory_cost(server, count, kind))

        self._rounds(title, peers, ready, body)

    def _run_latency(self) -> None:
        table = self.results.paced.setdefault(results.LATENCY, {})

        def paced(rate: float) -> Load:
            return http(CONNECTIONS, rate=rate)

        def body(server: Server) -> None:
            sample = at_half_load(server, http(CONNECTIONS), paced, self._options.seconds)
            table.setdefault(server.peer.name, []).append(sample)

        self._rounds(results.LATENCY, LATENCY, answers("/", HELLO), body)

    def _run_clients(
        self, title: str, peers: Sequence[Peer], of: Peer, ready: Callable[[int], None]
    ) -> None:
        """The clients are what is measured, of a server that is the same for all."""
        table = self.results.loads.setdefault(title, {})

        def turn(client: Peer) -> None:
            with Server(of, ready) as server:
                sample = clients.measure(client, server.port, self._options.seconds)
            table.setdefault(client.name, []).append(sample)

        self._turns(title, peers, turn)

    def _run_proxies(self) -> None:
        """nginx, with the load generator on its core, answers what the proxies ask for."""
        table = self.results.loads.setdefault(results.PROXY, {})

        def body(server: Server) -> None:
            sample = measure(server, wrk("/", CONNECTIONS), self._options.seconds)
            table.setdefault(server.peer.name, []).append(sample)

        with Server(NGINX, answers("/", HELLO), LOAD_CORE) as upstream:
            os.environ["UPSTREAM"] = str(upstream.port)
            self._rounds(results.PROXY, PROXIES, answers("/", HELLO), body)

    def _rounds(
        self,
        title: str,
        peers: Sequence[Peer],
        ready: Callable[[int], None],
        body: Callable[[Server], None],
    ) -> None:
        def turn(peer: Peer) -> None:
            with Server(peer, ready) as server:
                body(server)

        self._turns(title, peers, turn)

    def _turns(self, title: str, peers: Sequence[Peer], turn: Callable[[Peer], None]) -> None:
        chosen = [p for p in peers if self._options.peers.lower() in p.name.lower()]
        for number in range(self._options.rounds):
            for peer in chosen:
                if peer.name in self._missing or (title, peer.name) in self._failed:
                    continue
                print(f"{title}: round {number + 1}, {peer.name}", file=sys.stderr)
                try:
                    turn(peer)
                except (ServerError, LoadError) as error:
                    self._failed.add((title, peer.name))
                    self.results.problems.append(f"{title}, {peer.name}: {error}")
                    print(f"  failed: {error}", file=sys.stderr)

    def _note(self, title: str, peer: str, value: float) -> None:
        self.results.numbers.setdefault(title, {}).setdefault(peer, []).append(value)

    def _chosen(self, title: str) -> bool:
        return any(part.lower() in title.lower() for part in self._options.only or [""])

    def _show(self, title: str, table: str) -> None:
        print(f"\n{title}\n\n{table}\n", flush=True)

    def _missing_builds(self) -> set[str]:
        """The builds of galidia that the interpreter does not have."""
        missing = set()
        for name, pure in ((COMPILED, ""), (PURE, "1")):
            wrong = f"galidia.COMPILED is {bool(pure)} and 'this build is not installed'"
            done = subprocess.run(
                [GALIDIA_PYTHON, "-I", "-c", f"import sys, galidia; sys.exit({wrong})"],
                env={**os.environ, "GALIDIA_PURE": pure},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                missing.add(name)
                self.results.problems.append(f"{name}: {done.stderr.strip().splitlines()[-1]}")
        return missing


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a measured run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="part of a scenario's title; repeatable")
    parser.add_argument("--peers", default="", help="part of a server's name")
    parser.add_argument("--quick", action="store_true", help="one round of one second")
    parser.add_argument("--write", action="store_true", help="write benchmarks/RESULTS.md")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1.0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that servers are ended too
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, max(hard, OPEN_FILES)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    suite = Suite(options, prepare())
    suite.run()
    print(f"Targets\n\n{report.target_table(suite.results)}")
    for problem in suite.results.problems:
        print(f"not measured: {problem}")
    if options.write:
        text = report.document(suite.results, options.rounds, options.seconds)
        (HERE / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted")
