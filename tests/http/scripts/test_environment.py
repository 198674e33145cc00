"""The variables of a script."""

from __future__ import annotations

import os
from typing import Any

from galidia import EV_HTTP_REQUEST, Connection, handles
from galidia.http.scripts.environment import environment
from tests.http.conftest import Net
from tests.http.wire import complete


def variables(sim: Net, head: bytes, *, user: str | None = None, **options: Any) -> dict[str, str]:
    found: list[dict[bytes, bytes]] = []
    given: dict[str, Any] = {"root": "/srv/site", "length": 0, "software": "it", "more": {}}

    @handles(EV_HTTP_REQUEST)
    def handler(c: Connection, ev: int, req: Any) -> None:
        req.user = user
        found.append(environment(req, "/srv/site/x.cgi", "/m/x.cgi", "/a b", **given | options))
        req.reply(200)

    sim.serve(handler)
    client = sim.client(head)
    assert sim.net.run(lambda: complete(client.received))
    return {os.fsdecode(name): os.fsdecode(value) for name, value in found[0].items()}


HEAD = b"GET /m/x.cgi/a%20b?c=d%20e HTTP/1.1\r\nHost: site.example:8080\r\n"


def test_the_variables_of_the_rfc(sim: Net) -> None:
    found = variables(sim, HEAD + b"\r\n")
    port = found.pop("REMOTE_PORT")
    assert port.isdigit()
    assert found == {
        "DOCUMENT_ROOT": "/srv/site",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "HTTP_HOST": "site.example:8080",
        "PATH": os.environ["PATH"],
        "PATH_INFO": "/a b",
        "PATH_TRANSLATED": "/srv/site/a b",
        "QUERY_STRING": "c=d%20e",
        "REDIRECT_STATUS": "200",
        "REMOTE_ADDR": "10.0.0.1",
        "REMOTE_HOST": "10.0.0.1",
        "REQUEST_METHOD": "GET",
        "REQUEST_SCHEME": "http",
        "REQUEST_URI": "/m/x.cgi/a%20b?c=d%20e",
        "SCRIPT_FILENAME": "/srv/site/x.cgi",
        "SCRIPT_NAME": "/m/x.cgi",
        "SERVER_NAME": "site.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "it",
    }


def test_fields(sim: Net) -> None:
    found = variables(
        sim,
        HEAD + b"Proxy: http://evil\r\nPROXY: evil\r\nAuthorization: Basic YTpi\r\n"
        b"Proxy-Authorization: Basic YTpi\r\nConnection: keep-alive\r\nTE: trailers\r\n"
        b"X_Name: under\r\nX-Name: hyphen\r\nX.Name: dot\r\nx-name: again\r\n"
        b"Cookie: a=1\r\nCookie: b=2\r\nX-Bytes: \xff\xc3\xbc\r\nX-Empty:\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n",
    )
    assert {name: value for name, value in found.items() if name.startswith("HTTP_")} == {
        "HTTP_HOST": "site.example:8080",
        "HTTP_X_NAME": "hyphen, again",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_BYTES": os.fsdecode(b"\xff\xc3\xbc"),
        "HTTP_X_EMPTY": "",
    }
    assert found["CONTENT_TYPE"] == "text/plain"
    assert "CONTENT_LENGTH" not in found


def test_who_and_what_else(sim: Net) -> None:
    found = variables(
        sim,
        HEAD.replace(b"site.example:8080", b"[::1]") + b"Authorization: Digest x\r\n\r\n",
        user="b\u00f6b",
        length=5,
        root=None,
        more={"TZ": "UTC", "SERVER_SOFTWARE": "ours", "HTTP_HOST": "not this"},
    )
    assert (found["REMOTE_USER"], found["AUTH_TYPE"]) == ("b\u00f6b", "Digest")
    assert (found["TZ"], found["SERVER_SOFTWARE"]) == ("UTC", "ours")
    assert (found["SERVER_NAME"], found["HTTP_HOST"]) == ("[::1]", "[::1]")
    assert found["CONTENT_LENGTH"] == "5"
    assert "DOCUMENT_ROOT" not in found
    assert "PATH_TRANSLATED" not in found


def test_a_client_that_names_no_host(sim: Net) -> None:
    assert variables(sim, b"GET / HTTP/1.0\r\n\r\n")["SERVER_NAME"] == "10.0.0.1"
