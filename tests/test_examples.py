"""Every example runs, as a process of its own, against raw sockets or against another example."""

import hashlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = sorted(EXAMPLES.glob("*.py"))
PATIENCE = 60  # seconds; ends a test that hangs
LONGEST = 60


class Running:
    """An example that runs; `address` is where it says that it listens."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.address = ("", 0)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().rstrip("\n")

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def find_address(self, stream: Any) -> None:
        said = stream.readline().decode()
        found = re.search(r"listening on (?:http://)?(\S+):(\d+)", said)
        assert found, said + stream.read().decode()
        self.address = (found[1], int(found[2]))

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, PATIENCE)

    def end(self, number: int = signal.SIGTERM) -> str:
        """Ask it to end; what it has said since on its standard output."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, err.decode()
        assert b"Traceback" not in err, err.decode()
        return out.decode()


@contextmanager
def run(name: str, *arguments: object, listens: str = "stdout") -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", EXAMPLES / name, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    limit = threading.Timer(PATIENCE, process.kill)
    limit.start()
    with process:
        try:
            running = Running(process)
            if listens:
                running.find_address(getattr(process, listens))
            yield running
        finally:
            limit.cancel()
            limit.join()
            process.kill()


def receive(sock: socket.socket, n: int) -> bytes:
    """Exactly ``n`` bytes, or what came before the end."""
    got = b""
    while len(got) < n and (part := sock.recv(n - len(got))):
        got += part
    return got


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(["sh", EXAMPLES / "make_certificates.sh", folder], check=True)
    return folder


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def ending(request: pytest.FixtureRequest) -> signal.Signals:
    number: signal.Signals = request.param
    return number


def test_tcp_echo(ending: signal.Signals) -> None:
    with run("tcp_echo.py", "127.0.0.1:0") as server, server.connect() as one:
        with server.connect() as other:
            for sock, data in ((one, b"1" * 100_000), (other, b"2"), (one, b"3")):
                sock.sendall(data)
                assert receive(sock, len(data)) == data
        server.end(ending)
        assert one.recv(1) == b""


def test_udp_echo(ending: signal.Signals) -> None:
    with (
        run("udp_echo.py", "udp://127.0.0.1:0") as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(PATIENCE)
        sock.connect(server.address)
        for data in (b"one", b"two", b"3" * 9000):
            sock.send(data)
            assert sock.recv(65536) == data
            assert server.line() == "from {}:{}".format(*sock.getsockname())
        server.end(ending)


def test_timers(ending: signal.Signals) -> None:
    with run("timers.py", "0.02", listens="") as program:
        said = [program.line() for _ in range(8)]
        assert {"TIMER", "tick"} == set(said)
        assert said.count("tick") >= 3
        assert "watchdog" not in program.end(ending)


def test_multithreaded(ending: signal.Signals) -> None:
    def derived(password: bytes) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", password, b"salt", 100_000).hex().encode() + b"\n"

    with (
        run("multithreaded.py", "127.0.0.1:0") as server,
        server.connect() as one,
        server.connect() as other,
    ):
        one.sendall(b"a\nb\nc\n")
        other.sendall(b"d\n")
        assert receive(other, 65) == derived(b"d")
        assert receive(one, 195) == derived(b"a") + derived(b"b") + derived(b"c")
        other.sendall(b"x" * 1001)
        assert other.recv(1) == b""
        server.end(ending)


def test_publish_subscribe(ending: signal.Signals) -> None:
    with run("publish_subscribe.py", "127.0.0.1:0") as server, server.connect() as one:
        with server.connect() as other:
            name = "{}:{}".format(*other.getsockname()).encode()
            come = b"* %b has come\n" % name
            assert receive(one, len(come)) == come
            other.sendall(b"hello\nhow are ")
            other.sendall(b"you\n")
            lines = b"%b: hello\n%b: how are you\n" % (name, name)
            assert receive(one, len(lines)) == lines
            one.sendall(b"well\n")
            answer = b"%b: well\n" % "{}:{}".format(*one.getsockname()).encode()
            assert receive(other, len(answer)) == answer
        gone = b"* %b has gone\n" % name
        assert receive(one, len(gone)) == gone
        server.end(ending)


def test_simplest_web_server(ending: signal.Signals) -> None:
    site = EXAMPLES / "site"
    with run("simplest_web_server.py", "http://127.0.0.1:0", site) as server:
        base = "http://{}:{}".format(*server.address)

        def get(path: str) -> bytes:
            with urllib.request.urlopen(base + path, timeout=PATIENCE) as answer:
                body: bytes = answer.read()
                return body

        assert get("/") == (site / "index.html").read_bytes()
        assert get("/style.css") == (site / "style.css").read_bytes()
        assert get("/hello") == b"hello\n"
        with pytest.raises(urllib.error.HTTPError, match="404") as missing:
            get("/missing")
        missing.value.close()
        server.end(ending)


def test_the_site_uses_nothing_from_elsewhere() -> None:
    site = EXAMPLES / "site"
    page = (site / "index.html").read_text()
    used = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert used
    assert [name for name in used if not (site / name).is_file()] == []
    style = (site / "style.css").read_text()
    assert re.findall(r"@import|url\(", style) == []
    assert "href" not in (site / "mongoose.svg").read_text()


def test_tls_echo(certificates: Path, ending: signal.Signals) -> None:
    with run("tls_echo.py", "tls://127.0.0.1:0", certificates) as program:
        said = [program.line() for _ in range(3)]
        assert sorted(said) == [
            "client: connected to localhost with TLSv1.3",
            "client: got b'hello'",
            "server: accepted Example client",
        ]
        files = [f"{name}={certificates / file}" for name, file in _CLIENT.items()]
        with run("netcat.py", *files, f"tls://localhost:{program.address[1]}", listens="") as other:
            other.write(b"from netcat\n")
            assert other.line() == "from netcat"
            other.process.communicate(timeout=PATIENCE)
            assert other.process.returncode == 0
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        with (
            program.connect() as sock,
            context.wrap_socket(sock, server_hostname="localhost") as tls,
            pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"),
        ):
            tls.recv(1)  # TLS 1.3: the client learns only now that its certificate is missed
        program.end(ending)


_CLIENT = {"ca": "ca.pem", "cert": "client.pem", "key": "client.key"}


def test_netcat_as_a_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        port = listener.getsockname()[1]
        with run("netcat.py", f"127.0.0.1:{port}", listens="") as netcat:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(PATIENCE)
                netcat.write(b"there")
                assert receive(sock, 5) == b"there"
                sock.sendall(b"and back\n")
                assert netcat.line() == "and back"
                assert netcat.process.stdin is not None
                netcat.process.stdin.close()  # it ends its side, and still listens to the other
                assert sock.recv(1) == b""
                sock.sendall(b"the last\n")
                assert netcat.line() == "the last"
            assert netcat.process.wait(PATIENCE) == 0


def test_netcat_sends_a_large_input_to_a_slow_reader() -> None:
    data = bytes(range(256)) * 40_000
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        port = listener.getsockname()[1]
        with run("netcat.py", f"127.0.0.1:{port}", listens="") as netcat:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(PATIENCE)
                feeder = threading.Thread(target=netcat.write, args=(data,))
                feeder.start()
                assert receive(sock, len(data)) == data
                feeder.join()
            assert netcat.process.wait(PATIENCE) == 0


def test_netcat_that_cannot_connect() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        with run("netcat.py", f"127.0.0.1:{unused.getsockname()[1]}", listens="") as netcat:
            _, err = netcat.process.communicate(timeout=PATIENCE)
    assert netcat.process.returncode == 1
    assert re.fullmatch(rb"netcat: .+\n", err)


def test_netcat_that_listens() -> None:
    with (
        run("netcat.py", "-l", "127.0.0.1:0", listens="stderr") as server,
        run("netcat.py", "{}:{}".format(*server.address), listens="") as client,
    ):
        client.write(b"ping\n")
        assert server.line() == "ping"
        server.write(b"pong\n")
        assert client.line() == "pong"
        with server.connect() as late:
            assert late.recv(1) == b""  # it has its partner
        client.process.communicate(timeout=PATIENCE)
        server.process.communicate(timeout=PATIENCE)
        assert (client.process.returncode, server.process.returncode) == (0, 0)


def test_netcat_over_udp(ending: signal.Signals) -> None:
    with (
        run("netcat.py", "-l", "-u", "127.0.0.1:0", listens="stderr") as server,
        run("netcat.py", "-u", "{}:{}".format(*server.address), listens="") as client,
    ):
        for n in range(3):
            client.write(b"ping %d\n" % n)
            assert server.line() == f"ping {n}"
            server.write(b"pong %d\n" % n)
            assert client.line() == f"pong {n}"
        client.end(ending)
        server.end(ending)


TESTED: dict[str, Callable[..., None]] = {
    "multithreaded": test_multithreaded,
    "netcat": test_netcat_as_a_client,
    "publish_subscribe": test_publish_subscribe,
    "simplest_web_server": test_simplest_web_server,
    "tcp_echo": test_tcp_echo,
    "timers": test_timers,
    "tls_echo": test_tls_echo,
    "udp_echo": test_udp_echo,
}


def test_every_example_has_a_test() -> None:
    assert [path.stem for path in PROGRAMS] == list(TESTED)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < LONGEST
    assert lines[0].startswith('"""')
