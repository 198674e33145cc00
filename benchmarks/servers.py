"""Every server program that is measured, and how it is started, checked and ended."""

import http.client
import json
import os
import signal
import socket
import ssl
import string
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from .cpu import SERVER_CORE, family, pin_to
from .peers.payload import PAYLOAD
from .peers.upgrade import UPGRADE
from .prepare import BUILD, CERT, FILES, HERE, KEY, PEER_PYTHON, ROOT, zone_file

HELLO = b"Hello, world!"
JSON_TEXT = json.dumps(PAYLOAD, separators=(",", ":")).encode()
_VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
GALIDIA_PYTHON = str(_VENV_PYTHON if _VENV_PYTHON.exists() else sys.executable)
COMPILED, PURE = "galidia compiled", "galidia pure"
_START_SECONDS = 15.0


class ServerError(Exception):
    """A server did not start, or did not answer as it should."""


@dataclass(frozen=True)
class Peer:
    """One program: its name in the tables, and its command line for a port."""

    name: str
    command: Callable[[int], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)


def script(name: str, file: str, *arguments: str, python: str = str(PEER_PYTHON)) -> Peer:
    """A Python program below peers/ that takes the port first."""
    path = str(HERE / "peers" / file)
    return Peer(name, lambda port: [python, path, str(port), *arguments])


def galidia(file: str, *arguments: str) -> list[Peer]:
    """The same program on both builds of galidia."""
    command = script("", file, *arguments, python=GALIDIA_PYTHON).command
    return [
        Peer(COMPILED, command, {"GALIDIA_PURE": ""}),
        Peer(PURE, command, {"GALIDIA_PURE": "1"}),
    ]


def _nginx(port: int, hello: str = "", tls: str = "") -> list[str]:
    folder = BUILD / "nginx"
    folder.mkdir(exist_ok=True)
    template = string.Template((HERE / "peers" / "nginx.conf").read_text())
    config = folder / "nginx.conf"
    config.write_text(
        template.safe_substitute(
            # Run by root, workers would become a user who may not read the files.
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder,
            port=port,
            root=FILES,
            hello=hello or 'return 200 "Hello, world!";',
            tls=tls,
            cert=CERT,
            key=KEY,
        )
    )
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)]


def _nginx_proxy(port: int, upstream: int) -> list[str]:
    folder = BUILD / "nginx-proxy"
    folder.mkdir(exist_ok=True)
    template = string.Template((HERE / "peers" / "nginx_proxy.conf").read_text())
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(template.substitute(user=user, folder=folder, port=port, upstream=upstream))
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)]


def _granian(port: int, interface: str = "rsgi", app: str = "granian_app:app") -> list[str]:
    command = (
        f"-m granian --interface {interface} --host 127.0.0.1 --port {port} --workers 1 --http 1"
        " --no-ws --runtime-mode st --runtime-threads 1 --loop uvloop --task-impl asyncio --no-log"
        f" --backpressure 16384 {app}"
    )
    return [str(PEER_PYTHON), *command.split()]


def _uvicorn(port: int, app: str = "uvicorn_app:app") -> list[str]:
    command = (
        f"-m uvicorn --host 127.0.0.1 --port {port} --loop uvloop --http httptools --no-access-log"
        " --log-level error --timeout-keep-alive 75 --lifespan off --ws none --no-server-header"
        f" --no-date-header {app}"
    )
    return [str(PEER_PYTHON), *command.split()]


def _configured(program: str, port: int, zone: str) -> str:
    """The file of the configuration of a name server."""
    folder = BUILD / program
    folder.mkdir(exist_ok=True)
    template = string.Template((HERE / "peers" / f"{program}.conf").read_text())
    config = folder / f"{program}.conf"
    config.write_text(template.substitute(folder=folder, port=port, zone=zone_file(zone)))
    return str(config)


def _dnsmasq(port: int) -> list[str]:
    command = f"dnsmasq --keep-in-foreground --port={port} --listen-address=127.0.0.1"
    command += " --bind-interfaces --conf-file=/dev/null --no-resolv --no-hosts --pid-file="
    # Not its cache of 150 names by default, but all of them.
    command += f" --addn-hosts={zone_file('hosts')} --local=/test/ --user=root --cache-size=2000"
    return [*command.split(), "--dns-forward-max=0", "--log-facility=-"]


NGINX = Peer("nginx", _nginx)
# `return` lets a body be discarded behind the reply; `mirror` has it read whole before the reply.
NGINX_READING = Peer(
    "nginx, reading whole",
    lambda port: _nginx(port, "mirror /ignore; mirror_request_body on; try_files /none @hello;"),
)
_NGINX_TLS = Peer("nginx", lambda port: _nginx(port, tls="ssl"))
_GRANIAN = Peer("granian", _granian)
C_ECHO = Peer("bare C epoll", lambda port: [str(BUILD / "echo_epoll"), str(port)])
ECHO = [
    C_ECHO,
    *galidia("galidia_echo.py"),
    script("uvloop", "uvloop_echo.py"),
    script("asyncio", "asyncio_echo.py"),
]
TLS_ECHO = [
    *galidia("galidia_echo.py", str(CERT), str(KEY)),
    script("uvloop", "uvloop_echo.py", str(CERT), str(KEY)),
    script("asyncio", "asyncio_echo.py", str(CERT), str(KEY)),
]
HTTP = [
    NGINX,
    *galidia("galidia_http.py"),
    script("cymongoose", "cymongoose_http.py"),
    script("socketify", "socketify_http.py"),
    _GRANIAN,
    Peer("uvicorn", _uvicorn),
    script("aiohttp", "aiohttp_http.py"),
]
PIPELINED = [NGINX, *galidia("galidia_http.py"), script("cymongoose", "cymongoose_http.py")]
LATENCY = [NGINX, *galidia("galidia_http.py"), _GRANIAN]
_STANDARD_JSON = script("", "galidia_json.py", "standard", python=GALIDIA_PYTHON).command
JSON = [
    *galidia("galidia_json.py"),
    Peer("galidia compiled, standard json", _STANDARD_JSON, {"GALIDIA_PURE": ""}),
    Peer("granian", lambda port: _granian(port, "asginl", "json_app:app")),
    Peer(
        "granian, orjson",
        lambda port: _granian(port, "asginl", "json_app:app"),
        {"JSON": "orjson"},
    ),
    Peer("uvicorn", lambda port: _uvicorn(port, "json_app:app")),
]
POST = [NGINX, NGINX_READING, *galidia("galidia_post.py")]
HTTPS = [_NGINX_TLS, *galidia("galidia_http.py", str(CERT), str(KEY))]
PROXIES = [
    Peer("nginx", lambda port: _nginx_proxy(port, int(os.environ["UPSTREAM"]))),
    *galidia("galidia_proxy.py"),
]
CLIENTS = [
    *galidia("galidia_client.py"),
    script("aiohttp", "aiohttp_client.py"),
    script("httpx", "httpx_client.py"),
]
KNOT = Peer("knot", lambda port: ["knotd", "-c", _configured("knot", port, "zone")])
UNBOUND = Peer(
    "unbound", lambda port: ["unbound", "-d", "-c", _configured("unbound", port, "unbound")]
)
DNSMASQ = Peer("dnsmasq", _dnsmasq)
LOOKUPS = [
    *galidia("galidia_lookups.py"),
    script("aiodns", "aiodns_lookups.py"),
    script("dnspython", "dnspython_lookups.py"),
]
DNS = [
    KNOT,
    UNBOUND,
    DNSMASQ,
    *galidia("galidia_dns.py", str(zone_file("toml"))),
    script("dnslib", "dnslib_dns.py", str(zone_file("zone"))),
]
STATIC = [NGINX, *galidia("galidia_files.py", str(FILES))]
WEBSOCKET = [
    *galidia("galidia_ws.py", "echo"),
    script("picows", "picows_ws.py", "echo"),
    script("websockets", "websockets_ws.py", "echo"),
    script("aiohttp", "aiohttp_ws.py", "echo"),
    script("socketify", "socketify_ws.py", "echo"),
]
BROADCAST = [
    *galidia("galidia_ws.py", "broadcast"),
    script("picows", "picows_ws.py", "broadcast"),
    script("socketify", "socketify_ws.py", "broadcast"),
]


class Server:
    """A running server, pinned to its core: a context manager that ends what it started."""

    def __init__(self, peer: Peer, ready: Callable[[int], None], core: int = SERVER_CORE) -> None:
        self.peer = peer
        self._core = core
        self.port = 0
        self._ready = ready
        self._log = BUILD / (peer.name.replace(" ", "-") + ".log")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Server":
        attempts = 3  # someone may take the free port before the server does
        while True:
            attempts -= 1
            try:
                self._start()
                return self
            except BaseException as error:
                exited = self._process is not None and self._process.poll() is not None
                self._end()
                if not (isinstance(error, ServerError) and exited and attempts):
                    raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def pids(self) -> list[int]:
        """All processes of the server."""
        assert self._process is not None
        return family(self._process.pid)

    def _start(self) -> None:
        self.port = free_port()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self.peer.command(self.port),
                cwd=HERE / "peers",
                env={**os.environ, **self.peer.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: pin_to(self._core),
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._ready(self.port)
                return
            except (OSError, http.client.HTTPException) as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
                    reason = last[0] if last else str(error)
                    raise ServerError(f"{self.peer.name} did not start: {reason}") from error
                time.sleep(0.02)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        pids = family(process.pid) if process.poll() is None else []
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in pids[1:]:  # workers that outlived their parent
            if _is_ours(pid):
                os.kill(pid, signal.SIGKILL)


def _is_ours(pid: int) -> bool:
    """Whether the number still belongs to a process started in the peers' folder."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == HERE / "peers"
    except OSError:
        return False


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def echoes(port: int) -> None:
    """Ready check of an echo server: a message comes back as it was sent."""
    message = os.urandom(100_000)
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(message)
        received = bytearray()
        while len(received) < len(message):
            chunk = connection.recv(65536)
            if not chunk:
                break
            received += chunk
    if received != message:
        raise ServerError("the echo differs from what was sent")


def resolves(port: int) -> None:
    """Ready check of a name server: a name of the zone has its address."""
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\7host259\7example\4test\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)
        sock.connect(("127.0.0.1", port))
        sock.send(query)
        answer = sock.recv(512)
    if answer[:2] != query[:2] or b"\0\4\x0a\0\1\3" not in answer:
        raise ServerError("the answer is not what it should be")


def speaks_websocket(port: int) -> None:
    """Ready check of a WebSocket server: a message comes back as it was sent."""
    with (
        socket.create_connection(("127.0.0.1", port), 5) as connection,
        connection.makefile("rb") as stream,
    ):
        connection.sendall(UPGRADE)
        status = stream.readline()
        while stream.readline().strip():
            pass
        # "hello", masked with zeros; a server does not mask its answer.
        connection.sendall(b"\x82\x85\0\0\0\0hello")
        if b" 101 " not in status or stream.read(7) != b"\x82\x05hello":
            raise ServerError("a WebSocket message did not come back")


def listens(port: int) -> None:
    """Ready check of any TCP server."""
    socket.create_connection(("127.0.0.1", port), 5).close()


def answers(
    path: str, body: bytes, *, data: bytes | None = None, scheme: str = "http"
) -> Callable[[int], None]:
    """Ready check of an HTTP server: this path has this body, or answers a POST of `data` so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def check(port: int) -> None:
        url = f"{scheme}://127.0.0.1:{port}{path}"
        with urllib.request.urlopen(url, data, timeout=5, context=context) as response:
            if response.read() != body:
                raise ServerError(f"{path}: the body is not what it should be")

    return check
