"""Guards: digest and basic on the server's side, with raw requests, our client, curl and wget."""

from __future__ import annotations

import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia import EV_CLOSE, EV_HTTP_REQUEST, Connection, Handler, Manager, handles
from galidia.http import BasicAuth, Digest, DigestAuth, FolderPasswords, fetch
from galidia.http.access import guards
from galidia.http.access.passwords import set_password
from galidia.http.auth import parse_credentials
from galidia.http.parameters import parameter
from tests.helpers import until
from tests.http.conftest import Net, running
from tests.http.wire import Response, complete, response

REALM = "a realm"


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    set_password(path, REALM, "bob", "s3cret")
    set_password(path, REALM, "J\u00e4s\u00f8n", "p\u00e4ss")
    return path


@handles(EV_HTTP_REQUEST)
def tell(c: Connection, ev: int, req: Any) -> None:
    req.reply(200, f"{req.user} {len(req.body)}")


Ask = Callable[..., Response]


@pytest.fixture
def site(sim: Net) -> Callable[[Any], Ask]:
    """Puts a handler behind a guard; how to ask it."""

    def start(guard: Any) -> Ask:
        sim.serve(guard.protect(tell))

        def ask(*fields: str, method: str = "GET", target: str = "/x?y=1") -> Response:
            head = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: a", *fields, "", ""])
            client = sim.client(head.encode("latin-1"))
            assert sim.net.run(lambda: complete(client.received, [method]))
            client.close()
            return response(client.received, method)

        return ask

    return start


def challenges(found: Response) -> list[str]:
    return [value for name, value in found.fields if name == "WWW-Authenticate"]


def answer(digest: Digest, method: str = "GET", target: str = "/x?y=1") -> str:
    return "Authorization: " + digest.answer(method, target)


def test_a_challenge(site: Callable[[Any], Ask], users: Path) -> None:
    ask = site(DigestAuth(REALM, users))
    found = ask()
    assert (found.status, found.body) == (401, b"401 Unauthorized\n")
    assert found.header("Cache-Control") == "no-store"
    sha, md5 = challenges(found)
    for value, algorithm in ((sha, "SHA-256"), (md5, "MD5")):
        assert value.startswith('Digest realm="a realm", qop="auth", charset=UTF-8, nonce="')
        assert value.endswith(f", algorithm={algorithm}")
        assert "stale" not in value
    assert parameter(sha, "nonce") != parameter(challenges(ask())[0], "nonce")


@pytest.mark.parametrize("which", [slice(0, 1), slice(1, 2), slice(0, 2)])
@pytest.mark.parametrize(
    ("user", "password"), [("bob", "s3cret"), ("J\u00e4s\u00f8n", "p\u00e4ss")]
)
def test_digest(
    which: slice, user: str, password: str, site: Callable[[Any], Ask], users: Path
) -> None:
    ask = site(DigestAuth(REALM, users))
    digest = Digest(user, password)
    assert digest.challenged(challenges(ask())[which])
    for method in ("GET", "HEAD", "DELETE"):
        assert ask(answer(digest, method), method=method).status == 200
    assert ask(answer(digest)).body == f"{user} 0".encode()
    wrong = Digest(user, password + "x")
    wrong.challenged(challenges(ask())[which])
    refused = ask(answer(wrong))
    assert refused.status == 401
    assert "stale" not in challenges(refused)[0]


def test_a_name_in_latin_1(site: Callable[[Any], Ask], users: Path) -> None:
    ask = site(DigestAuth(REALM, users))
    digest = Digest("J\u00e4s\u00f8n", "p\u00e4ss")
    digest.challenged(challenges(ask()))
    said = answer(digest).replace("username*=UTF-8''J%C3%A4s%C3%B8n", 'username="J\u00e4s\u00f8n"')
    assert "username=" in said
    assert ask(said).status == 200


def test_each_answer_is_for_one_request(site: Callable[[Any], Ask], users: Path) -> None:
    ask = site(DigestAuth(REALM, users))
    digest = Digest("bob", "s3cret")
    digest.challenged(challenges(ask()))
    said = [answer(digest) for _ in range(3)]
    assert [ask(value).status for value in (said[2], said[0], said[1])] == [200, 200, 200]
    for value in said:
        replayed = ask(value)
        assert replayed.status == 401
        assert all(", stale=true, " in value for value in challenges(replayed))
    assert digest.challenged(challenges(ask(said[0])))  # what is stale is no refusal
    assert ask(answer(digest)).status == 200


def test_an_old_nonce(site: Callable[[Any], Ask], users: Path, sim: Net) -> None:
    ask = site(DigestAuth(REALM, users, nonce_lifetime=60))
    digest = Digest("bob", "s3cret")
    digest.challenged(challenges(ask()))
    assert ask(answer(digest)).status == 200
    later: list[int] = []
    sim.mgr.call_later(61, later.append, 1)
    assert sim.net.run(lambda: later)
    old = ask(answer(digest))
    assert old.status == 401
    assert digest.challenged(challenges(old))
    assert ask(answer(digest)).status == 200


def test_an_answer_to_somebody_else(site: Callable[[Any], Ask], users: Path) -> None:
    ask = site(DigestAuth(REALM, users))
    digest = Digest("bob", "s3cret")
    there = challenges(ask())[1]
    nonce = parameter(there, "nonce") or ""
    forged = there.replace(nonce, nonce[:-1] + ("A" if nonce[-1] != "A" else "B"))
    assert digest.challenged(forged)
    refused = ask(answer(digest))
    assert refused.status == 401
    assert "stale" not in challenges(refused)[0]


def test_the_target_is_the_requests(site: Callable[[Any], Ask], users: Path) -> None:
    ask = site(DigestAuth(REALM, users))
    digest = Digest("bob", "s3cret")
    digest.challenged(challenges(ask()))
    assert ask(answer(digest, target="/other")).status == 400
    assert ask(answer(digest, target="/x")).status == 400
    assert ask(answer(digest), method="POST").status == 401  # the method is part of the proof
    assert ask(answer(digest), target="http://a/x?y=1").status == 200
    assert ask(answer(digest, target="http://a/x?y=1"), target="http://a/x?y=1").status == 200


#: What a good answer is turned into: a pattern and what takes its place.
SPOILED = {
    "no scheme": ("Digest ", ""),
    "another scheme": ("Digest ", "Basic "),
    "another user": ('username="bob"', 'username="eve"'),
    "no user": ('username="bob", ', ""),
    "two users": ('username="bob", ', "username=\"bob\", username*=UTF-8''bob, "),
    "a user in another charset": ('username="bob"', "username*=ISO-8859-1''bob"),
    "another realm": ('realm="a realm"', 'realm="b"'),
    "no realm": ('realm="a realm", ', ""),
    "no target": ('uri="/x?y=1", ', ""),
    "no nonce": ("nonce=", "once="),
    "no count": ("nc=00000001, ", ""),
    "another count": ("nc=00000001", "nc=00000002"),
    "no client's nonce": ("cnonce=", "dnonce="),
    "no quality": ("qop=auth, ", ""),
    "another quality": ("qop=auth", "qop=auth-int"),
    "another algorithm": ("algorithm=MD5", "algorithm=SHA-256"),
    "an unknown algorithm": ("algorithm=MD5", "algorithm=MD4"),
    "a session": ("algorithm=MD5", "algorithm=MD5-sess"),
    "no response": ("response=", "answer="),
    "twice": ('realm="a realm"', 'realm="a realm", realm="a realm"'),
    "malformed": ('realm="a realm"', 'realm="a realm'),
    "with another": ("algorithm=MD5", "algorithm=MD5, Basic Ym9iOnMzY3JldA=="),
    "more fields": ("algorithm=MD5", "algorithm=MD5\r\nAuthorization: Basic Ym9iOnMzY3JldA=="),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_no_proof(name: str, site: Callable[[Any], Ask], users: Path) -> None:
    ask = site(DigestAuth(REALM, users))
    digest = Digest("bob", "s3cret")
    digest.challenged(challenges(ask())[1])
    said = answer(digest)
    what, instead = SPOILED[name]
    assert what in said
    refused = ask(said.replace(what, instead))
    assert refused.status == 401
    assert "stale" not in challenges(refused)[0]
    assert ask(said).status == 200  # which has not used up its count


@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(
            ["Digest ", "Basic ", "username=", '"', "\\", ",", " ", "=", "a", "nc=1", "%", "*"]
        )
    ).map("".join)
)
def test_any_text_is_credentials_or_not(text: str) -> None:
    found = parse_credentials(text)
    if found is not None:
        guards._user(found.parameters)


def test_reading_credentials_is_linear() -> None:
    for text in (
        "Digest " + "a=b," * 100_000,
        "Digest " + "," * 1_000_000,
        'Digest a="' + "\\" * 1_000_000,
        "Digest a=" + "b" * 1_000_000,
        "Digest username*=utf-8''" + "%" * 1_000_000,
    ):
        began = time.process_time()
        found = parse_credentials(text)
        if found is not None:
            guards._user(found.parameters)
        assert time.process_time() - began < 10  # quadratic work would take hours


def test_no_file_lets_nobody_in(site: Callable[[Any], Ask], users: Path) -> None:
    digest, right = Digest("bob", "s3cret"), b64encode(b"bob:s3cret").decode()
    guard = DigestAuth(REALM, users)
    ask = site(guard)
    digest.challenged(challenges(ask()))
    assert ask(answer(digest)).status == 200
    users.unlink()
    assert ask(answer(digest)).status == 401
    assert ask(f"Authorization: Basic {right}").status == 401


# -- basic -------------------------------------------------------------------------------------


def basic(text: str) -> str:
    return "Authorization: Basic " + b64encode(text.encode()).decode()


def by_function(user: str, password: str) -> bool:
    return (user, password) in (("bob", "s3cret"), ("J\u00e4s\u00f8n", "p\u00e4ss"))


@pytest.mark.parametrize("of", ["file", "function"])
def test_basic(of: str, site: Callable[[Any], Ask], users: Path) -> None:
    ask = site(BasicAuth(REALM, users if of == "file" else by_function))
    found = ask()
    assert found.status == 401
    assert challenges(found) == ['Basic realm="a realm", charset="UTF-8"']
    assert ask(basic("bob:s3cret")).body == b"bob 0"
    assert ask(basic("J\u00e4s\u00f8n:p\u00e4ss")).status == 200
    for text in ("bob:", "bob:s3cretx", "Bob:s3cret", ":s3cret", "eve:s3cret", "bob"):
        assert ask(basic(text)).status == 401
    assert ask(basic("bob:s3cret"), basic("bob:s3cret")).status == 401
    assert ask("Authorization: Basic !").status == 401


def test_basic_by_every_hash(site: Callable[[Any], Ask], users: Path) -> None:
    """A password that Apache's program has changed: it leaves the other line as it was."""
    lines = users.read_text().splitlines()
    set_password(users, REALM, "bob", "new", ("md5",))
    ask = site(BasicAuth(REALM, users))
    assert ask(basic("bob:new")).status == 200
    users.write_text(users.read_text() + lines[1] + "\n")
    assert ask(basic("bob:new")).status == 401
    assert ask(basic("bob:s3cret")).status == 401


@pytest.mark.parametrize("realm", ["", "a:b", "a\nb", "\u00fc"])
def test_a_realm_that_cannot_be(realm: str, users: Path) -> None:
    for kind in (BasicAuth, DigestAuth):
        with pytest.raises(ValueError, match="a realm is"):
            kind(realm, users)


# -- where ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [BasicAuth, DigestAuth])
def test_folders(kind: Any, site: Callable[[Any], Ask], tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "team").mkdir(parents=True)
    set_password(root / "team" / ".htdigest", REALM, "bob", "s3cret")
    ask = site(kind(REALM, FolderPasswords(root)))
    assert ask(target="/free").body == b"None 0"
    assert ask(target="/team/x").status == 401
    assert ask(target="/%74eam").status == 401
    (root / "team" / ".htdigest").write_text("")
    assert ask(basic("bob:s3cret"), target="/team/x").status == 401


def test_a_handler_of_bodies_behind_a_guard(sim: Net, users: Path) -> None:
    class Upload(Handler):
        sizes: list[int] = []  # noqa: RUF012
        ends = 0

        def on_http_chunk(self, c: Connection, req: Any) -> None:
            self.sizes.append(len(req.take()))

        def on_http_request(self, c: Connection, req: Any) -> None:
            req.reply(200, req.user)

        def on_close(self, c: Connection, data: None) -> None:
            self.ends += 1

    upload = Upload()
    sim.serve(BasicAuth(REALM, users).protect(upload))
    head = f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n{basic('bob:s3cret')}"
    client = sim.client(head.encode() + b"\r\n\r\n" + bytes(5_000_000))
    assert sim.net.run(lambda: complete(client.received))
    assert response(client.received).body == b"bob"
    assert sum(upload.sizes) == 5_000_000
    client.close()
    assert sim.net.run(lambda: upload.ends)
    # Who is refused is not asked for the body, and does not wait until it is there.
    client = sim.client(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\nx")
    assert sim.net.run(lambda: client.ended)
    assert response(client.received).status == 401
    client = sim.client(
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    )
    assert sim.net.run(lambda: client.ended)
    assert response(client.received).status == 401
    client.close()
    sim.net.run(limit=5)
    assert upload.ends == 3  # once for each connection
    assert sum(upload.sizes) == 5_000_000


def test_forms_behind_a_guard(sim: Net, users: Path) -> None:
    class Parts(Handler):
        names: list[str] = []  # noqa: RUF012

        def on_http_part_begin(self, c: Connection, part: Any) -> None:
            self.names.append(part.name)

        def on_http_part_data(self, c: Connection, part: Any) -> None:
            pass

        def on_http_multipart_request_end(self, c: Connection, req: Any) -> None:
            req.reply(200, ",".join(self.names))

    def plain(c: Connection, ev: int, data: Any) -> None:
        if ev == EV_HTTP_REQUEST:
            data.reply(200, str(data.form().get("b")))
        elif ev == EV_CLOSE:
            ends.append(c)

    ends: list[Connection] = []
    guard = BasicAuth(REALM, users)
    listener = sim.serve(None)
    listener.endpoint("/parts", guard.protect(Parts()))
    listener.endpoint("/plain", guard.protect(plain))
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n1\r\n' % name
        for name in (b"a", b"b")
    )
    body += b"--x--\r\n"

    def post(client: Any, fields: bytes) -> bytes:
        del client.received[:]
        client.send(fields + b"\r\n" + body)
        assert sim.net.run(lambda: complete(client.received))
        found = response(client.received)
        return found.body if found.status == 200 else b"%d" % found.status

    for target, want in ((b"parts", b"a,b"), (b"plain", b"1")):
        head = b"POST /%b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % (target, len(body))
        head += b"Content-Type: multipart/form-data; boundary=x\r\n"
        client = sim.client()
        assert post(client, head) == b"401"
        assert post(client, head + basic("bob:s3cret").encode() + b"\r\n") == want
        client.close()
    assert sim.net.run(lambda: ends)
    assert len(ends) == 1


# -- programs ---------------------------------------------------------------------------------


@pytest.fixture
def url(mgr: Manager, users: Path) -> Iterator[str]:
    listener = mgr.bind("http://127.0.0.1:0")
    listener.endpoint("/digest/{path...}", DigestAuth(REALM, users).protect(tell))
    listener.endpoint("/basic/{path...}", BasicAuth(REALM, users).protect(tell))
    with running(mgr):
        yield f"http://127.0.0.1:{listener.local.port}"


def htdigest(path: Path, password: str) -> None:
    subprocess.run(
        ["htdigest", "-c", path, REALM, "bob"],
        input=f"{password}\n{password}\n".encode(),
        check=True,
        capture_output=True,
    )


def output(*command: str | Path) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL
    )
    return done.stdout


CURL = ("curl", "-q", "-sS", "--noproxy", "*", "--max-time", "50")
WGET = ("wget", "--no-config", "-q", "--tries=1", "-O-", "--no-proxy")


@pytest.mark.parametrize("scheme", ["digest", "basic"])
@pytest.mark.parametrize("apache", [False, True], ids=["galidia", "htdigest"])
def test_curl_and_wget(scheme: str, apache: bool, url: str, users: Path, tmp_path: Path) -> None:
    if apache:
        htdigest(users, "s3cret")
    (tmp_path / "large").write_bytes(bytes(3_00_000))
    there = f"{url}/{scheme}/x?y=1"
    curl = (*CURL, f"--{scheme}")
    assert output(*curl, "-u", "bob:s3cret", there, there) == "bob 0bob 0"
    assert output(*curl, "-u", "bob:s3cret", "-T", tmp_path / "large", there) == "bob 300000"
    assert output(*WGET, "--user=bob", "--password=s3cret", there) == "bob 0"
    for wrong in ("bob:s3cretx", "eve:s3cret"):
        name, _, password = wrong.partition(":")
        assert output(*curl, "-u", wrong, "-w", "%{http_code}", "-o", "/dev/null", there) == "401"
        assert output(*WGET, f"--user={name}", f"--password={password}", there) == ""


def test_curl_by_each_algorithm(url: str, users: Path) -> None:
    users.unlink()
    for algorithm in ("md5", "sha-256"):
        set_password(users, REALM, "bob", "s3cret", (algorithm,))
        done = output(*CURL, "-i", "--digest", "-u", "bob:s3cret", f"{url}/digest/x")
        assert done.endswith("bob 0")
        assert f"algorithm={algorithm.upper()}" in done


def test_our_own_client(mgr: Manager, users: Path) -> None:
    listener = mgr.bind("http://127.0.0.1:0", DigestAuth(REALM, users).protect(tell))
    results: list[Any] = []
    for password in ("s3cret", "wrong"):
        auth = Digest("bob", password)
        for _ in range(3):
            done: list[Any] = []
            fetch(mgr, f"http://{listener.local}/x", done.append, auth=auth)
            until(mgr, lambda done=done: done)
            results += done
    assert [r.status for r in results] == [200] * 3 + [401] * 3
    assert results[0].text() == "bob 0"
