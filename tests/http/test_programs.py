"""Programs that everybody uses, against a server: curl, wget and a browser."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from galidia import EV_ACCEPT, EV_HTTP_REQUEST, Connection, Handler, Manager, handles
from galidia.http import HttpOptions, StaticFiles
from galidia.http.cookies import set_cookie
from galidia.http.cors import cors
from galidia.http.folder.compression import compress
from tests import browser
from tests.helpers import Certificates
from tests.http.conftest import running

#: The Debian packages of the programs.
PACKAGES = {"curl": "curl", "wget": "wget", "chromium": "chromium"}
PATIENCE = 100  # seconds; ends a program that hangs
PIECE = bytes(range(256)) * 4
LARGE = PIECE * (10 << 10)  # 10 MiB


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@handles(EV_HTTP_REQUEST)
def describe(c: Connection, ev: int, req: Any) -> None:
    """Answers with what it was asked, and how."""
    told = {
        "method": req.method,
        "path": req.path,
        "query": req.query,
        "version": req.version,
        "size": len(req.body),
        "sha256": digest(req.body),
        "fields": {name.lower(): value for name, value in req.headers},
        "cookies": req.cookies,
        "user": req.credentials,
        "trailers": req.trailers,
    }
    req.reply(200, told)


class Consume(Handler):
    """Takes what comes as it comes."""

    def on_http_chunk(self, c: Connection, req: Any) -> None:
        data = req.take()
        if c.user_data is None:
            c.user_data = hashlib.sha256(), [0]
        c.user_data[0].update(data)
        c.user_data[1][0] += len(data)

    def on_http_request(self, c: Connection, req: Any) -> None:
        (sha, (size,)), c.user_data = c.user_data, None
        req.reply(200, {"size": size, "sha256": sha.hexdigest()})


class Parts(Handler):
    """Takes the parts of a form as they come."""

    def on_http_multipart_request(self, c: Connection, req: Any) -> None:
        c.user_data = []

    def on_http_part_begin(self, c: Connection, part: Any) -> None:
        part.user_data = hashlib.sha256()

    def on_http_part_data(self, c: Connection, part: Any) -> None:
        part.user_data.update(part.data)

    def on_http_part_end(self, c: Connection, part: Any) -> None:
        c.user_data.append([part.name, part.filename, part.user_data.hexdigest()])

    def on_http_multipart_request_end(self, c: Connection, req: Any) -> None:
        req.reply(200, c.user_data)


@handles(EV_HTTP_REQUEST)
def whole_form(c: Connection, ev: int, req: Any) -> None:
    form = req.form()
    texts = [[name, form[name]] for name in form if form.get(name) is not None]
    files = [[file.name, file.filename, digest(file.data)] for file in form.files()]
    req.reply(200, {"texts": texts, "files": files})


@handles(EV_HTTP_REQUEST)
def pieces(c: Connection, ev: int, req: Any) -> None:
    """The large body, in pieces whose number is not said before."""
    req.stream(iter([PIECE * 1024] * 10), headers={"Content-Type": "application/octet-stream"})


@handles(EV_HTTP_REQUEST)
def events(c: Connection, ev: int, req: Any) -> None:
    """Three events, each on its own; and then the end."""
    stream = req.events()
    count = iter(range(1, 4))

    def send() -> None:
        n = next(count, 0)
        if n:
            stream.send(f"event\n{n}", event="step", id=str(n))
        else:
            stream.send({"after": stream.last_event_id}, event="done")
            stream.close()
            timer.cancel()

    timer = c.call_every(0.01, send)


@handles(EV_HTTP_REQUEST)
def away(c: Connection, ev: int, req: Any) -> None:
    req.redirect("/describe?was=away", 308)


@handles(EV_HTTP_REQUEST)
def log_in(c: Connection, ev: int, req: Any) -> None:
    req.reply(204, b"", [("Set-Cookie", set_cookie("who", "me", path="/", http_only=True))])


@handles(EV_HTTP_REQUEST)
def page(c: Connection, ev: int, req: Any) -> None:
    other = c.listener.user_data if c.listener is not None else ""
    req.reply(200, PAGE.replace("OTHER", other), {"Content-Type": "text/html; charset=utf-8"})


class Held(Handler):
    """Keeps a request unanswered until there is another one."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def on_http_request(self, c: Connection, req: Any) -> None:
        self.requests.append(req)
        if len(self.requests) == 2:
            for request in self.requests:
                request.reply(204)


class Service:
    """A server that runs in a thread; ``accepted`` has the connections to it."""

    def __init__(self, mgr: Manager, **options: Any) -> None:
        self.accepted: list[Connection] = []

        @handles(EV_ACCEPT)
        def count(c: Connection, ev: int, data: Any) -> None:
            self.accepted.append(c)

        scheme = "https" if options else "http"
        self.listener = mgr.bind(
            f"{scheme}://127.0.0.1:0", count, options=HttpOptions(body_limit=1 << 20), **options
        )
        self.url = f"{scheme}://127.0.0.1:{self.listener.local.port}"
        add = self.listener.endpoint
        add("/describe/{name...}", describe)
        add("/describe", describe, methods=["GET", "POST", "PUT", "OPTIONS"])
        add("/consume", Consume(), methods=["POST", "PUT"])
        add("/parts", Parts(), methods="POST")
        add("/form", whole_form, methods="POST")
        add("/pieces", pieces, methods="GET")
        add("/events", events, methods="GET")
        add("/away", away)
        add("/login", log_in, methods="POST")
        add("/page", page, methods="GET")
        held = Held()
        add("/held", held, methods="GET")
        add("/release", held, methods="POST")


@pytest.fixture
def service(mgr: Manager) -> Iterator[Service]:
    service = Service(mgr)
    with running(mgr):
        yield service


class Program:
    """Runs programs in a folder of their own, with nothing of the user's around them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, *arguments: object, code: int = 0) -> tuple[bytes, str]:
        """Its standard output and error; ``code`` is how it has to end."""
        path = shutil.which(name)
        assert path, f"{name} is needed: apt-get install {PACKAGES[name]}"
        process = subprocess.Popen(
            [path, *map(str, arguments)],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            try:
                out, err = process.communicate(timeout=PATIENCE)
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)  # whatever it has left behind
                except ProcessLookupError:
                    pass
        assert process.returncode == code, err.decode()
        return out, err.decode()

    def curl(self, *arguments: object, code: int = 0) -> tuple[bytes, str]:
        """curl, which says on standard error what it sends and gets."""
        return self("curl", "-q", "-sSv", *arguments, code=code)

    def json(self, *arguments: object) -> Any:
        return json.loads(self.curl(*arguments)[0])

    def wget(self, *arguments: object, code: int = 0) -> tuple[bytes, str]:
        return self("wget", "--no-config", "-nv", "--tries=1", "-O", "-", *arguments, code=code)


@pytest.fixture
def run(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    return path


def statuses(said: str) -> list[str]:
    """The status lines that curl has seen."""
    return re.findall(r"^< HTTP/1\.1 (.+?)\r?$", said, re.MULTILINE)


def received(said: str) -> dict[str, str]:
    """The fields of all answers that curl has seen."""
    return {k.lower(): v for k, v in re.findall(r"^< ([^: ]+): (.*?)\r?$", said, re.MULTILINE)}


# -- curl ----------------------------------------------------------------------------------------


def test_curl_gets(service: Service, run: Program) -> None:
    told = run.json(f"{service.url}/describe/a%20b?c=d", "-A", "tester")
    assert (told["method"], told["path"], told["query"]) == ("GET", "/describe/a b", "c=d")
    assert (told["version"], told["fields"]["user-agent"]) == ("HTTP/1.1", "tester")


def test_curl_head(service: Service, run: Program) -> None:
    _, get = run.curl(f"{service.url}/pieces", "-o", "body")
    out, head = run.curl("-I", f"{service.url}/pieces")
    assert statuses(head) == ["200 OK"]
    drop = {"date", "transfer-encoding"}  # there is nothing to transfer
    assert {k: v for k, v in received(get).items() if k not in drop} == {
        k: v for k, v in received(head).items() if k not in drop
    }
    assert b"application/octet-stream" in out


def test_curl_posts_a_large_file(service: Service, run: Program, large: Path) -> None:
    out, said = run.curl(
        "-H", "Expect: 100-continue", "--data-binary", f"@{large}", f"{service.url}/consume"
    )
    assert statuses(said) == ["100 Continue", "200 OK"]
    assert json.loads(out) == {"size": len(LARGE), "sha256": digest(LARGE)}


def test_curl_keeps_what_is_too_large(service: Service, run: Program, large: Path) -> None:
    out, said = run.curl(
        *("-H", "Expect: 100-continue", "--data-binary", f"@{large}"),
        *("-w", "%{size_upload}", "-o", "body"),
        f"{service.url}/describe",
    )
    assert statuses(said) == ["413 Content Too Large"]
    assert out == b"0"


def test_curl_uploads_in_chunks(service: Service, run: Program, large: Path) -> None:
    expected = {"size": len(LARGE), "sha256": digest(LARGE)}
    assert run.json("-T", "-", "-X", "POST", f"{service.url}/consume")["size"] == 0
    chunked = ("-H", "Transfer-Encoding: chunked")
    assert run.json(*chunked, "-T", large, f"{service.url}/consume") == expected
    told = run.json(*chunked, "-d", "a=b", f"{service.url}/describe")
    assert (told["size"], told["fields"]["transfer-encoding"]) == (3, "chunked")
    assert "content-length" not in told["fields"]


def test_curl_puts(service: Service, run: Program, large: Path) -> None:
    expected = {"size": len(LARGE), "sha256": digest(LARGE)}
    assert run.json("-T", large, f"{service.url}/consume") == expected


def test_curl_sends_a_form(service: Service, run: Program, large: Path) -> None:
    small = run.folder / "small \u00e4.txt"
    small.write_bytes(b"\r\n--x")
    fields = ("-F", "text=a\u00e4;type=text/plain", "-F", f"one=@{small}", "-F", "empty=")
    assert run.json(*fields, f"{service.url}/form") == {
        "texts": [["text", "a\u00e4"], ["empty", ""]],
        "files": [["one", "small \u00e4.txt", digest(b"\r\n--x")]],
    }
    assert run.json(*fields, "-F", f"two=@{large}", f"{service.url}/parts") == [
        ["text", None, digest("a\u00e4".encode())],
        ["one", "small \u00e4.txt", digest(b"\r\n--x")],
        ["empty", None, digest(b"")],
        ["two", "large", digest(LARGE)],
    ]
    told = run.json("--data-urlencode", "a=b c&d", "-d", "e=f", f"{service.url}/form")
    assert told == {"texts": [["a", "b c&d"], ["e", "f"]], "files": []}


def test_curl_speaks_1_0(service: Service, run: Program) -> None:
    told = run.json("--http1.0", f"{service.url}/describe")
    assert told["version"] == "HTTP/1.0"
    out, said = run.curl("--http1.0", f"{service.url}/pieces")
    assert out == LARGE
    assert "transfer-encoding" not in received(said)
    assert received(said)["connection"] == "close"


def test_curl_asks_for_parts_and_codings(mgr: Manager, run: Program, large: Path) -> None:
    text = b"some text that is worth to be packed\n" * 1000
    (run.folder / "a.txt").write_bytes(text)
    os.utime(run.folder / "a.txt", (1_000_000_000, 1_000_000_000))
    brotli = compress("br", text) or b""
    (run.folder / "a.txt.br").write_bytes(brotli)
    files = StaticFiles(run.folder)
    listener = mgr.bind("http://127.0.0.1:0", files)
    url = f"http://{listener.local}"
    with running(mgr):
        out, said = run.curl("-r", "1000-1999", f"{url}/large")
        assert statuses(said) == ["206 Partial Content"]
        assert received(said)["content-range"] == f"bytes 1000-1999/{len(LARGE)}"
        assert out == LARGE[1000:2000]
        (run.folder / "part").write_bytes(LARGE[:5_000_000])
        run.curl("-C", "-", "-o", "part", f"{url}/large")
        assert (run.folder / "part").read_bytes() == LARGE
        out, said = run.curl("--compressed", f"{url}/a.txt")
        assert out == text
        # Not every curl can undo "br"; the neighbour is for those that can.
        assert received(said)["content-encoding"] in ("br", "gzip", "zstd", "deflate")
        for coding, packed in (("br", True), ("gzip;q=0", False)):
            out, said = run.curl("-H", f"Accept-Encoding: {coding}", f"{url}/a.txt")
            assert ("content-encoding" in received(said)) == packed
            assert out == (brotli if packed else text)
        run.curl("--etag-save", "etag", "-o", "got", f"{url}/a.txt")
        _, said = run.curl("--etag-compare", "etag", f"{url}/a.txt")
        assert statuses(said) == ["304 Not Modified"]
        _, said = run.curl("-z", "got", f"{url}/a.txt")
        assert statuses(said) == ["304 Not Modified"]
    files.close()


def test_curl_keeps_its_connection(service: Service, run: Program) -> None:
    paths = ("describe", "pieces", "events", "nowhere", "describe")
    urls = [part for path in paths for part in (f"{service.url}/{path}", "-o", path)]
    _, said = run.curl(*urls)
    assert len(re.findall(r"Re-using existing", said)) == len(paths) - 1
    assert len(service.accepted) == 1
    _, said = run.curl("-X", "POST", "-d", "x" * 1000, *urls)
    assert statuses(said)[1:4] == ["405 Method Not Allowed"] * 2 + ["404 Not Found"]
    assert len(service.accepted) == 2


def test_curl_follows(service: Service, run: Program) -> None:
    told = run.json("-L", "-d", "a=b", f"{service.url}/away")
    assert (told["method"], told["query"], told["size"]) == ("POST", "was=away", 3)


def test_curl_remembers_a_cookie(service: Service, run: Program) -> None:
    run.curl("-c", "jar", "-X", "POST", f"{service.url}/login")
    assert run.json("-b", "jar", f"{service.url}/describe")["cookies"] == {"who": "me"}


def test_curl_has_a_password(service: Service, run: Program) -> None:
    told = run.json("-u", "m\u00e4x:pass:word", f"{service.url}/describe")
    assert told["user"] == ["m\u00e4x", "pass:word"]
    assert run.json(f"{service.url}/describe")["user"] is None


def test_curl_is_told_what_there_is(service: Service, run: Program) -> None:
    _, said = run.curl("-X", "DELETE", f"{service.url}/pieces")
    assert statuses(said) == ["405 Method Not Allowed"]
    assert received(said)["allow"] == "GET, HEAD, OPTIONS"
    _, said = run.curl("-X", "OPTIONS", f"{service.url}/form")
    assert statuses(said) == ["204 No Content"]
    assert received(said)["allow"] == "OPTIONS, POST"
    _, said = run.curl("-X", "OPTIONS", "--request-target", "*", service.url)
    assert statuses(said) == ["204 No Content"]


def test_curl_reads_events(service: Service, run: Program) -> None:
    out, said = run.curl("-N", "-H", "Last-Event-ID: 7", f"{service.url}/events")
    steps = b"".join(b"id: %d\nevent: step\ndata: event\ndata: %d\n\n" % (n, n) for n in (1, 2, 3))
    assert out == steps + b'event: done\ndata: {"after":"7"}\n\n'
    assert received(said)["content-type"] == "text/event-stream"


def test_curl_over_tls(mgr: Manager, run: Program, certs: Certificates, large: Path) -> None:
    service = Service(mgr, cert=certs.server, key=certs.server)
    with running(mgr):
        secure = ("--cacert", certs.ca)
        assert run.json(*secure, f"{service.url}/describe")["method"] == "GET"
        assert run.curl(*secure, f"{service.url}/pieces")[0] == LARGE
        expected = {"size": len(LARGE), "sha256": digest(LARGE)}
        assert run.json(*secure, "-T", large, f"{service.url}/consume") == expected
        run.curl(f"{service.url}/describe", code=60)  # it does not know who signed


# -- wget ----------------------------------------------------------------------------------------


def test_wget_gets(service: Service, run: Program) -> None:
    out, _ = run.wget(f"{service.url}/describe/a%20b")
    assert json.loads(out)["path"] == "/describe/a b"
    out, _ = run.wget(f"{service.url}/pieces")
    assert out == LARGE


def test_wget_keeps_its_connection(service: Service, run: Program) -> None:
    out, said = run.wget(
        "-v", f"{service.url}/pieces", f"{service.url}/away", f"{service.url}/pieces"
    )
    assert out.startswith(LARGE)
    assert out.endswith(LARGE)
    assert said.count("Reusing existing connection") == 3
    assert len(service.accepted) == 1


def test_wget_looks_whether_something_is_there(service: Service, run: Program) -> None:
    _, said = run.wget("--spider", "-S", f"{service.url}/pieces")
    assert "HTTP/1.1 200 OK" in said
    run.wget("--spider", f"{service.url}/nowhere", code=8)


def test_wget_sends(service: Service, run: Program, large: Path) -> None:
    out, _ = run.wget(f"--post-file={large}", f"{service.url}/consume")
    assert json.loads(out) == {"size": len(LARGE), "sha256": digest(LARGE)}
    out, _ = run.wget("--method=PUT", f"--body-file={large}", f"{service.url}/consume")
    assert json.loads(out) == {"size": len(LARGE), "sha256": digest(LARGE)}
    out, _ = run.wget("--post-data=a=b+c", f"{service.url}/form")
    assert json.loads(out)["texts"] == [["a", "b c"]]


def test_wget_mirrors_a_folder(mgr: Manager, run: Program) -> None:
    site = Path(__file__).parent.parent.parent / "examples" / "site"
    files = StaticFiles(site)

    @handles(EV_HTTP_REQUEST)
    def serve(c: Connection, ev: int, req: Any) -> None:
        files.serve(req)

    listener = mgr.bind("http://127.0.0.1:0", serve)
    with running(mgr):
        run("wget", "--no-config", "-nv", "-nH", "-P", "copy", "-r", f"http://{listener.local}/")
    files.close()
    copy = run.folder / "copy"
    got = {path.name: path.read_bytes() for path in copy.iterdir()}
    assert got.pop("index.html") == (site / "index.html").read_bytes()
    assert got == {name: (site / name).read_bytes() for name in got}
    assert "style.css" in got


# -- a browser -----------------------------------------------------------------------------------

# What it says at the end is in `test_a_browser`. It is not loaded before its image is: the answer
# to that waits until all is said, and so does the browser, before it prints the page as it is then.
PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<title>Test</title>
<body>
<img src="/held">
<iframe name="frame"></iframe>
<form id="form" method="post" action="/form" enctype="multipart/form-data" target="frame">
  <input name="text" value="a\u00e4\u20ac&amp;">
  <input type="hidden" name="quoted &quot;name&quot;" value="line one&#10;line two">
  <input type="file" name="none">
</form>
<script>
const say = (name, text) => {
  const line = document.createElement("p");
  line.id = name;
  line.textContent = text;
  document.body.append(line);
};
const tests = {
  async fetched() {
    const reply = await fetch("/describe/\u00e4 b?q=1");
    return [reply.status, (await reply.json()).path].join(" ");
  },
  async posted() {
    const reply = await fetch("/describe", { method: "POST", body: "x".repeat(100000) });
    return (await reply.json()).size;
  },
  async streamed() {
    const reader = (await fetch("/pieces")).body.getReader();
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return size;
      size += value.length;
    }
  },
  async uploaded() {
    const form = new FormData();
    form.append("text", "t");
    form.append("file", new Blob(["0123456789"]), "f\u00fc.bin");
    const reply = await fetch("/parts", { method: "POST", body: form });
    return (await reply.json()).map((part) => part.slice(0, 2).join(":")).join(" ");
  },
  async submitted() {
    const frame = document.querySelector("iframe");
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
    document.getElementById("form").submit();
    await loaded;
    return frame.contentDocument.body.textContent;
  },
  async cookie() {
    const seen = (await fetch("/login", { method: "POST" })).status + " " + document.cookie;
    return seen + JSON.stringify((await (await fetch("/describe")).json()).cookies);
  },
  async redirected() {
    const reply = await fetch("/away", { method: "PUT", body: "1234" });
    return new URL(reply.url).search + " " + (await reply.json()).size;
  },
  async events() {
    const seen = [];
    const source = new EventSource("/events");
    source.addEventListener("step", (event) => seen.push(event.lastEventId, event.data));
    await new Promise((resolve) => source.addEventListener("done", resolve));
    source.close();
    return JSON.stringify(seen);
  },
  async allowed() {
    const reply = await fetch("OTHER/open", {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: "{}",
      credentials: "include",
    });
    return [reply.status, reply.headers.get("X-Seen"), reply.headers.get("X-Hidden")].join(" ");
  },
  async forbidden() {
    const attempts = [
      ["/open", { method: "DELETE" }],
      ["/open", { method: "PUT", headers: { "X-Other": "1" } }],
      ["/closed", {}],
      ["/strangers", { method: "PUT" }],
    ];
    const failed = attempts.map(([path, init]) =>
      fetch("OTHER" + path, init).then(() => "seen", (error) => error.name));
    return (await Promise.all(failed)).join(" ");
  },
};
(async () => {
  for (const [name, test] of Object.entries(tests)) {
    try {
      say(name, await test());
    } catch (error) {
      say(name, error);
    }
  }
  fetch("/release", { method: "POST" });
})();
</script>
"""


class Said(HTMLParser):
    """What the page says in the end: the text of each paragraph, by its id."""

    def __init__(self, dom: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.inside = ""
        self.feed(dom)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "p":
            self.inside = dict(attrs)["id"] or ""
            self.texts[self.inside] = ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.inside] += data


def other_origin(mgr: Manager, seen: list[str]) -> Callable[[str], Connection]:
    """A server that pages of one other origin may use, as far as it says."""

    @handles(EV_HTTP_REQUEST)
    def answer(c: Connection, ev: int, req: Any) -> None:
        seen.append(f"{req.method} {req.path}")
        req.reply(200, "here", {"X-Seen": "yes", "X-Hidden": "no"})

    def bind(origin: str) -> Connection:
        listener = mgr.bind("http://127.0.0.1:0", None)
        mine: dict[str, Any] = {"methods": ["PUT"], "expose": ["X-Seen"], "credentials": True}
        listener.endpoint("/open", cors(answer, origin, **mine), methods=["PUT", "DELETE"])
        listener.endpoint("/closed", answer)
        listener.endpoint("/strangers", cors(answer, "http://stranger.example"))
        return listener

    return bind


def test_a_browser(mgr: Manager, run: Program) -> None:
    service = Service(mgr)
    seen: list[str] = []
    other = other_origin(mgr, seen)(service.url)
    service.listener.user_data = f"http://{other.local}"
    with running(mgr):
        out, err = run(
            "chromium",
            *browser.ARGUMENTS,
            f"--user-data-dir={run.folder}",
            "--dump-dom",
            f"{service.url}/page",
        )
    said = Said(out.decode()).texts
    form = {
        "texts": [["text", "a\u00e4\u20ac&"], ['quoted "name"', "line one\r\nline two"]],
        "files": [["none", "", digest(b"")]],
    }
    assert json.loads(said.pop("submitted")) == form
    steps = ["1", "event\n1", "2", "event\n2", "3", "event\n3"]
    assert json.loads(said.pop("events")) == steps
    assert said == {
        "fetched": "200 /describe/\u00e4 b",
        "posted": "100000",
        "streamed": str(len(LARGE)),
        "uploaded": "text: file:f\u00fc.bin",
        "cookie": '204 {"who":"me"}',
        "redirected": "?was=away 4",
        "allowed": "200 yes ",
        "forbidden": "TypeError TypeError TypeError TypeError",
    }, err
    assert seen == ["PUT /open", "GET /closed"]  # a preflight kept the others away
