"""Every example runs, as a process of its own, against raw sockets or against another example."""

import hashlib
import http.client
import json
import re
import runpy
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

from galidia import Manager
from tests.browser import Browser
from tests.websocket import raw

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


def dig(server: Running, *arguments: str) -> list[str]:
    """What the short form of dig's answer has."""
    host, port = server.address
    command = ["dig", f"@{host}", "-p", str(port), "+short", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    return done.stdout.splitlines()


def test_captive_dns_server(ending: signal.Signals) -> None:
    with run("captive_dns_server.py", "dns://127.0.0.1:0", "192.0.2.7") as server:
        assert dig(server, "any.example") == ["192.0.2.7"]
        assert dig(server, "other.test", "+tcp") == ["192.0.2.7"]
        assert dig(server, "any.example", "AAAA") == []
        server.end(ending)


def test_dns_zone_server(tmp_path: Path) -> None:
    path = tmp_path / "zone.toml"
    text = 'origin = "example"\n[records]\nwww = {{ A = "192.0.2.{}" }}\n'
    path.write_text(text.format(1))
    with run("dns_zone_server.py", path, "dns://127.0.0.1:0") as server:
        assert dig(server, "www.example") == ["192.0.2.1"]
        path.write_text(text.format("x"))
        assert server.line().startswith("kept the old zone: ")
        path.write_text(text.format(2))
        assert server.line() == f"loaded {path}"
        assert dig(server, "www.example") == ["192.0.2.2"]
        server.end()


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Running]:
    """A server of 1,000 names with addresses, and one with another record."""
    path = tmp_path / "zone.toml"
    lines = [f'n{i} = {{ A = "192.0.2.{i % 250}" }}' for i in range(1000)]
    lines += ['mail = { MX = "10 n1.example" }']
    path.write_text('origin = "example"\n[records]\n' + "\n".join(lines))
    with run("dns_zone_server.py", path, "dns://127.0.0.1:0") as server:
        yield server
        server.end()


def test_dns_lookup(names: Running) -> None:
    server = "{}#{}".format(*names.address)
    out, _ = output("dns_lookup.py", "-s", server, "n7.example", "127.0.0.1", "none.example")
    assert sorted(out.decode().splitlines()) == [
        "127.0.0.1: 127.0.0.1",
        "n7.example: 192.0.2.7",
        "none.example: 'none.example' cannot be resolved: no such name",
    ]
    out, _ = output("dns_lookup.py", "-s", server, "-t", "MX", "mail.example")
    assert out.decode().split() == ["mail.example.", "300", "IN", "MX", "10", "n1.example."]


def test_resolve_many(names: Running) -> None:
    asked = [f"n{i}.example" for i in range(1000)] + ["none.example"]
    server = "{}#{}".format(*names.address)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / "resolve_many.py"), server],
        input="\n".join(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert found.pop("none.example") == "'none.example' cannot be resolved: no such name"
    assert found == {f"n{i}.example": f"192.0.2.{i % 250}" for i in range(1000)}
    assert "1001 names in " in done.stderr
    assert "1 without address" in done.stderr


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


def test_virtual_hosts(tmp_path: Path, ending: signal.Signals) -> None:
    for host in ("example.org", "other.example", "default"):
        (tmp_path / host).mkdir()
        (tmp_path / host / "index.html").write_text(host)
    with run("virtual_hosts.py", "http://127.0.0.1:0", tmp_path) as server:
        with Caller(server.address) as call:
            for host, answer in [
                ("example.org", b"example.org"),
                ("WWW.example.org:80", b"example.org"),
                ("other.example", b"other.example"),
                ("elsewhere.example", b"default"),
            ]:
                assert call("GET", "/", Host=host).body == answer
        server.end(ending)


def test_private_folder(tmp_path: Path, ending: signal.Signals) -> None:
    site = tmp_path / "site"
    (site / "inner").mkdir(parents=True)
    for name in ("page.txt", "inner/page.txt"):
        (site / name).write_text(name)
    for file, user in ((tmp_path / "users", "ann"), (site / "inner" / ".htdigest", "bob")):
        command = [sys.executable, "-m", "galidia", "passwd", str(file), "private folder", user]
        subprocess.run(command, input=b"secret", check=True)

    def get(user: str, target: str) -> bytes:
        command = ["curl", "-q", "-sS", "-f", "--noproxy", "*", "--digest", "-u", f"{user}:secret"]
        url = "http://{}:{}{}".format(*server.address, target)
        done = subprocess.run([*command, url], capture_output=True, timeout=PATIENCE)
        return done.stdout if done.returncode == 0 else done.stderr[-4:-1]

    with run("private_folder.py", tmp_path / "users", site, "http://127.0.0.1:0") as server:
        assert get("ann", "/page.txt") == b"page.txt"
        assert get("ann", "/inner/page.txt") == b"401"
        assert get("bob", "/inner/page.txt") == b"inner/page.txt"
        assert get("bob", "/page.txt") == b"401"
        assert get("bob", "/inner/.htdigest") == b"404"
        server.end(ending)


def test_cgi_and_ssi_site(tmp_path: Path, ending: signal.Signals) -> None:
    example = runpy.run_path(str(EXAMPLES / "cgi_and_ssi_site.py"))
    example["make_site"](tmp_path)
    with run("cgi_and_ssi_site.py", tmp_path, "http://127.0.0.1:0") as server:
        with Caller(server.address) as call:
            for n in (b"1", b"2"):
                page = call("GET", "/").body
                assert page.startswith(b"<!doctype html>")
                assert b"You are visitor %b." % n in page
            said = call("GET", "/hello.cgi?name=a").body
            assert said == b"This is /hello.cgi, asked for name=a by 127.0.0.1.\n"
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


# -- servers of HTTP -----------------------------------------------------------------------------


class Answer:
    """What a server has answered; ``body`` is taken as JSON where it says so."""

    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self.body = reply.read()

    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)


class Caller:
    """A client that keeps its connection, and follows no redirection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.connection = http.client.HTTPConnection(*address, timeout=PATIENCE)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, fields)
        return Answer(self.connection.getresponse())


def multipart(**fields: bytes | tuple[str, bytes]) -> tuple[bytes, str]:
    """A form with files, each given as its name and content; and its type."""
    body = b""
    for name, value in fields.items():
        file = f'; filename="{value[0]}"' if isinstance(value, tuple) else ""
        content = value[1] if isinstance(value, tuple) else value
        head = f'--limit\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + b"--limit--\r\n", "multipart/form-data; boundary=limit"


def test_restful_server(ending: signal.Signals) -> None:
    with run("restful_server.py", "http://127.0.0.1:0") as server, Caller(server.address) as call:
        assert call("GET", "/api/things").json() == []
        made = call("POST", "/api/things", '{"name": "lamp"}')
        assert (made.status, made.headers["Location"]) == (201, "/api/things/1")
        lamp, chair = {"id": "1", "name": "lamp"}, {"id": "1", "name": "chair"}
        assert made.json() == lamp
        assert call("GET", "/api/things").json() == [lamp]
        assert call("PUT", "/api/things/1", '{"name": "chair"}').json() == chair
        assert call("GET", "/api/things/1").json() == chair
        for bad in ("", "[]", "1", '"x"', "{}", "{"):
            assert call("POST", "/api/things", bad).status == 422
            assert call("PUT", "/api/things/1", bad).status == 422
        head = call("HEAD", "/api/things/1")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(b'{"id":"1","name":"chair"}'))
        for path in ("/api/things/2", "/api/things/lamp", "/api/things/%2F"):
            assert call("GET", path).status == 404
        assert call("DELETE", "/api/things/1").status == 204
        assert call("DELETE", "/api/things/1").status == 404
        refused = call("DELETE", "/api/things")
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
        assert (
            call("OPTIONS", "/api/things/1").headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
        )
        assert call("GET", "/elsewhere").status == 404
        server.end(ending)


def test_form_upload(ending: signal.Signals) -> None:
    small, large = b"\r\n--limi", bytes(range(256)) * 6_000
    digests = {data: hashlib.sha256(data).hexdigest() for data in (b"hi", small, large)}
    with run("form_upload.py", "http://127.0.0.1:0") as server, Caller(server.address) as call:
        assert b'action="/whole"' in call("GET", "/").body
        body, kind = multipart(comment=b"hi", file=("a.bin", small), other=("b.bin", b"hi"))
        said = call("POST", "/whole", body, content_type=kind).json()
        assert said == {
            "comment": "hi",
            "sha256": {"a.bin": digests[small], "b.bin": digests[b"hi"]},
        }
        for _ in range(2):
            body, kind = multipart(comment=b"hi", file=("large", large), other=("small", small))
            said = call("POST", "/stream", body, content_type=kind).json()
            assert said["sha256"] == {
                "comment": digests[b"hi"],
                "large": digests[large],
                "small": digests[small],
            }
        assert call("GET", "/stream").status == 405
    with run("form_upload.py", "http://127.0.0.1:0") as server, Caller(server.address) as call:
        body, kind = multipart(file=("large", large))
        assert call("POST", "/whole", body, content_type=kind).status == 413
        server.end(ending)


def test_sse_clock(ending: signal.Signals) -> None:
    with run("sse_clock.py", "http://127.0.0.1:0", "0.02") as server:
        with Caller(server.address) as call:
            assert b'new EventSource("/clock")' in call("GET", "/").body
            call.connection.request("GET", "/clock")
            reply = call.connection.getresponse()
            assert reply.headers["Content-Type"] == "text/event-stream"
            for _ in range(3):
                lines = [reply.readline() for _ in range(3)]
                assert lines[0] == b"event: tick\n"
                assert re.fullmatch(rb'data: \{"time":"\d\d:\d\d:\d\d"\}\n', lines[1])
                assert lines[2] == b"\n"
            reply.close()
        with Caller(server.address) as call:  # the other one has gone: it ticks on
            assert call("HEAD", "/clock").status == 200
        server.end(ending)


def test_cookie_auth(ending: signal.Signals) -> None:
    form = "application/x-www-form-urlencoded"
    with run("cookie_auth.py", "http://127.0.0.1:0", "p\u00e4ss&") as server:
        with Caller(server.address) as call:
            assert call("GET", "/").status == 403
            assert call("POST", "/login", "password=pass", content_type=form).status == 403
            assert call("POST", "/login", "", content_type=form).status == 403
            told = call("POST", "/login", "password=p%C3%A4ss%26", content_type=form)
            assert (told.status, told.headers["Location"]) == (303, "/")
            said = told.headers["Set-Cookie"]
            assert {"HttpOnly", "SameSite=Strict", "Max-Age=3600"} <= set(said.split("; "))
            cookie = said.partition(";")[0]
            assert call("GET", "/", cookie=cookie).body == b"this is for you only\n"
            assert call("GET", "/", cookie=cookie + "x").status == 403
            left = call("POST", "/logout", cookie=cookie)
            assert "Max-Age=0" in left.headers["Set-Cookie"]
            assert call("GET", "/", cookie=cookie).status == 403
        server.end(ending)


def test_redirect_to_https(certificates: Path, ending: signal.Signals) -> None:
    addresses = ("http://127.0.0.1:0", "https://127.0.0.1:0")
    with run("redirect_to_https.py", *addresses, certificates) as server:
        with Caller(server.address) as call:
            told = call("POST", "/a%20b?c", b"x" * 100_000)
            assert told.status == 308
            safe = re.fullmatch(r"https://127\.0\.0\.1:(\d+)/a%20b\?c", told.headers["Location"])
            assert safe
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        with urllib.request.urlopen(
            f"http://localhost:{server.address[1]}/", timeout=PATIENCE, context=context
        ) as reply:
            assert reply.read() == b"hello, safely\n"
            assert reply.url == f"https://localhost:{safe[1]}/"
            assert reply.headers["Strict-Transport-Security"]
        server.end(ending)


def test_big_upload(tmp_path: Path, ending: signal.Signals) -> None:
    data = bytes(range(256)) * 20_000  # far more than may wait in memory
    digest = hashlib.sha256(data).hexdigest()
    with run("big_upload.py", "http://127.0.0.1:0", tmp_path) as server:
        with Caller(server.address) as call:
            made = call("PUT", "/films/a", data)
            assert made.json() == {"size": len(data), "sha256": digest}
            assert call("PUT", "/films/b%20c", iter([data, data])).status == 201
            assert call("PUT", "/films/empty", b"").json()["size"] == 0
            assert call("PUT", "/films/..%2Fd", data).status == 400
            assert call("PUT", "/films/..", b"x").status == 404
        with server.connect() as sock:
            sock.sendall(b"PUT /films/cut HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234")
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(1000):
                pass
        server.end(ending)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {"a": data, "b c": data + data, "empty": b""}


def test_reverse_proxy(tmp_path: Path, ending: signal.Signals) -> None:
    data = bytes(range(256)) * 10_000
    with (
        run("big_upload.py", "http://127.0.0.1:0", tmp_path) as one,
        run("restful_server.py", "http://127.0.0.1:0") as two,
    ):
        urls = ["http://{}:{}".format(*server.address) for server in (one, two)]
        with run("reverse_proxy.py", "http://127.0.0.1:0", urls[0]) as server:
            with Caller(server.address) as call:
                assert call("PUT", "/api/films/a", data).json()["size"] == len(data)
                assert call("PUT", "/api/films/b", iter([data, data])).status == 201
                assert call("GET", "/status").json() == {f"{urls[0]}/": 0}
            assert '"PUT /api/films/a HTTP/1.1" 201' in server.line()
            server.end(ending)
        with run("reverse_proxy.py", "http://127.0.0.1:0", urls[1]) as server:
            with Caller(server.address) as call:
                made = call("POST", "/api/api/things", '{"name": "lamp"}')
                assert (made.status, made.headers["Location"]) == (201, "/api/api/things/1")
                assert made.headers["Via"] == "1.1 galidia"
            server.end(ending)
    assert (tmp_path / "b").read_bytes() == data + data


def test_upload_with_progress(tmp_path: Path, ending: signal.Signals) -> None:
    """What the script of the page does."""
    data = bytes(range(256)) * 20_000
    with run("upload_with_progress.py", "http://127.0.0.1:0", tmp_path) as server:
        with Caller(server.address) as call:
            assert b'createElement("progress")' in call("GET", "/").body
            asked = call("PUT", "/files/a", b"", Content_Range=f"bytes */{len(data)}")
            assert (asked.status, asked.json()["received"]) == (202, 0)
            at = 0
            while at < len(data):
                piece = data[at : at + 2_000_000]
                where = f"bytes {at}-{at + len(piece) - 1}/{len(data)}"
                answer = call("PUT", "/files/a", piece, Content_Range=where)
                at = len(data) if answer.status == 201 else answer.json()["received"]
        server.end(ending)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": data}


# -- and that nothing was left out ---------------------------------------------------------------


def output(name: str, *arguments: object, status: int = 0) -> tuple[bytes, str]:
    """What a program that ends by itself has said on its outputs."""
    with run(name, *arguments, listens="") as program:
        out, err = program.process.communicate(timeout=PATIENCE)
        assert program.process.returncode == status, err.decode()
        return out, err.decode()


def test_http_client(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    (tmp_path / "data").write_bytes(data)
    with run("simplest_web_server.py", "http://127.0.0.1:0", tmp_path) as server:
        base = "http://{}:{}".format(*server.address)
        out, err = output("http_client.py", f"{base}/hello")
        assert (out, err.splitlines()[0]) == (b"hello\n", "HTTP/1.1 200 OK")
        assert "Content-Length: 6" in err.splitlines()
        assert output("http_client.py", f"{base}/data")[0] == data
        assert output("http_client.py", f"{base}/nosuch")[1].startswith("HTTP/1.1 404")
        assert output("http_client.py", f"{base}/hello", "HEAD")[0] == b""
        server.end()
    _, err = output("http_client.py", f"{base}/hello", status=1)
    assert re.fullmatch("http_client: .+\n", err)


def test_http_client_sends_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with run("http_client.py", url, "PUT", f"@{tmp_path / 'file'}", listens="") as client:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(PATIENCE)
                got = b""
                while b"\r\n\r\n" not in got:
                    got += sock.recv(1)
                assert got.startswith(b"PUT / HTTP/1.1\r\n")
                assert b"\r\nContent-Length: 300000\r\n" in got
                assert receive(sock, 300_000) == b"x" * 300_000
                sock.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
                _, err = client.process.communicate(timeout=PATIENCE)
        assert err.startswith(b"HTTP/1.1 201 Created")
        assert client.process.returncode == 0


def test_simple_crawler(tmp_path: Path) -> None:
    pages = {
        "index.html": '<a href="a.html">a</a> <a href="/sub/b.html#x">b</a> <img src="nosuch.png">',
        "a.html": '<a href=".">back</a> <a href="http://elsewhere.example/">other</a>',
        "sub/b.html": '<a href="../a.html">a</a> <a href="c.txt">c</a>',
        "sub/c.txt": '<a href="never.html">no page</a>',
    }
    (tmp_path / "sub").mkdir()
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
    with run("simplest_web_server.py", "http://127.0.0.1:0", tmp_path) as server:
        base = "http://{}:{}".format(*server.address)
        out, _ = output("simple_crawler.py", f"{base}/")
        lines = [line.split(" ", 1) for line in out.decode().splitlines()]
        found = {url: status for status, url in lines}
        assert {url.removeprefix(base): status for url, status in found.items()} == {
            "/": "200",
            "/a.html": "200",
            "/nosuch.png": "404",
            "/sub/b.html": "200",
            "/sub/c.txt": "200",
        }
        out, _ = output("simple_crawler.py", f"{base}/", 2)
        assert len(out.splitlines()) == 2
        server.end()


def test_http_proxy_client() -> None:
    asked: list[bytes] = []

    def serve(listener: socket.socket, answers: list[bytes]) -> None:
        for answer in answers:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(PATIENCE)
                head = b""
                while b"\r\n\r\n" not in head:
                    head += sock.recv(1)
                asked.append(head)
                sock.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        answers = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy",
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        ]
        proxy = threading.Thread(target=serve, args=(listener, answers))
        proxy.start()
        name = f"me:secret@127.0.0.1:{listener.getsockname()[1]}"
        out, err = output("http_proxy_client.py", name, "http://one.example/a")
        assert (out, err) == (b"proxy", "200 OK\n")
        out, err = output("http_proxy_client.py", name, "https://one.example/a", status=1)
        assert "ProxyError" in err
        assert "403" in err
        proxy.join()
    assert asked[0].startswith(b"GET http://one.example/a HTTP/1.1\r\n")
    assert asked[1].startswith(b"CONNECT one.example:443 HTTP/1.1\r\n")
    assert all(b"\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head for head in asked)


def test_websocket_chat(tmp_path: Path) -> None:
    with (
        run("websocket_chat.py", "http://127.0.0.1:0") as server,
        Manager() as mgr,
        Browser(mgr, tmp_path) as browser,
    ):
        url = "http://{}:{}/".format(*server.address)
        ann, bob = browser.open(url), browser.open(url)
        ann.type("#name", "Ann")
        said = ["* Ann has come"]
        assert ann.wait_for("li", 1) == said
        bob.type("#name", "B\u00f6b/2 <b>")
        said.append("* B\u00f6b/2 <b> has come")
        assert bob.wait_for("li", 1) == said[1:]
        ann.type("#text", "hello \u20ac")
        bob.type("#text", "<i>well</i>")
        assert sorted(ann.wait_for("li", 4)[2:]) == [
            "Ann: hello \u20ac",
            "B\u00f6b/2 <b>: <i>well</i>",
        ]
        said = ann.wait_for("li", 4)
        assert bob.wait_for("li", 3) == said[1:]
        bob.call("Page.close")
        assert ann.wait_for("li", 5)[4:] == ["* B\u00f6b/2 <b> has gone"]
        server.end()
        assert ann.wait_for("li", 6)[5] == "(the connection has ended: 1001 )"


def test_websocket_chat_client(ending: signal.Signals) -> None:
    with run("websocket_chat.py", "http://127.0.0.1:0") as server:
        url = "ws://{}:{}/join".format(*server.address)
        with run("websocket_chat_client.py", "Ann", url, listens="") as ann:
            assert ann.line() == "* Ann has come"
            with run("websocket_chat_client.py", "Bob B\u00f6", url, listens="") as bob:
                assert bob.line() == "* Bob B\u00f6 has come"
                ann.write("hello \u20ac\n".encode())
                assert bob.line() == "Ann: hello \u20ac"
                bob.write(b"x" * 1001 + b"\n")
                _, err = bob.process.communicate(timeout=PATIENCE)
                assert bob.process.returncode == 1
                assert err.startswith(b"closed: 1009 ")
            heard = ["* Bob B\u00f6 has come", "Ann: hello \u20ac", "* Bob B\u00f6 has gone"]
            assert [ann.line() for _ in heard] == heard
            ann.process.communicate(timeout=PATIENCE)  # the end of its input is its own
            assert ann.process.returncode == 0
        server.end(ending)
        _, said = output("websocket_chat_client.py", "Ann", url, status=1)
        assert said.startswith("not connected: ")


def test_websocket_clock(ending: signal.Signals) -> None:
    with run("websocket_clock.py", "http://127.0.0.1:0", "0.02") as server:
        with Caller(server.address) as call:
            assert b"new WebSocket(url)" in call("GET", "/").body
            assert call("GET", "/clock").status == 426
        with server.connect() as one, server.connect() as other:
            for sock in (one, other):
                sock.sendall(raw.request("/clock"))
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += sock.recv(1)
                assert head.startswith(b"HTTP/1.1 101 ")
            for sock in (one, other):
                for _ in range(3):
                    assert re.fullmatch(rb"\x81\x08\d\d:\d\d:\d\d", receive(sock, 10))
            other.close()  # without a word: it ticks on
            assert receive(one, 10).startswith(b"\x81\x08")
        server.end(ending)


def test_webdav_server(ending: signal.Signals, tmp_path: Path) -> None:
    address = "http://127.0.0.1:0"
    large = bytes(range(256)) * 20_000
    with (
        run("webdav_server.py", address, tmp_path) as server,
        Caller(server.address) as call,
    ):
        assert call("OPTIONS", "/").headers["DAV"] == "1, 2, 3"
        assert call("MKCOL", "/folder").status == 201
        assert call("PUT", "/folder/a", large).status == 201
        assert call("COPY", "/folder", Destination="/other").status == 201
        assert call("DELETE", "/folder").status == 204
        assert call("GET", "/other/a").body == large
        listing = call("PROPFIND", "/", Depth="1")
        assert (listing.status, listing.body.count(b"<D:response>")) == (207, 2)
        server.end(ending)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    with (
        run("webdav_server.py", address, tmp_path, "read-only") as server,
        Caller(server.address) as call,
    ):
        assert call("DELETE", "/other").status == 403
        assert call("GET", "/other/a").body == large
        server.end(ending)


TESTED: dict[str, Callable[..., None]] = {
    "big_upload": test_big_upload,
    "captive_dns_server": test_captive_dns_server,
    "cgi_and_ssi_site": test_cgi_and_ssi_site,
    "cookie_auth": test_cookie_auth,
    "dns_lookup": test_dns_lookup,
    "dns_zone_server": test_dns_zone_server,
    "form_upload": test_form_upload,
    "http_client": test_http_client,
    "http_proxy_client": test_http_proxy_client,
    "multithreaded": test_multithreaded,
    "netcat": test_netcat_as_a_client,
    "private_folder": test_private_folder,
    "publish_subscribe": test_publish_subscribe,
    "redirect_to_https": test_redirect_to_https,
    "resolve_many": test_resolve_many,
    "restful_server": test_restful_server,
    "reverse_proxy": test_reverse_proxy,
    "simple_crawler": test_simple_crawler,
    "simplest_web_server": test_simplest_web_server,
    "sse_clock": test_sse_clock,
    "tcp_echo": test_tcp_echo,
    "timers": test_timers,
    "tls_echo": test_tls_echo,
    "udp_echo": test_udp_echo,
    "upload_with_progress": test_upload_with_progress,
    "virtual_hosts": test_virtual_hosts,
    "webdav_server": test_webdav_server,
    "websocket_chat": test_websocket_chat,
    "websocket_chat_client": test_websocket_chat_client,
    "websocket_clock": test_websocket_clock,
}


def test_every_example_has_a_test() -> None:
    assert [path.stem for path in PROGRAMS] == list(TESTED)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < LONGEST
    assert lines[0].startswith('"""')
