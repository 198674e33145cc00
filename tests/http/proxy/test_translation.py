"""What becomes of heads on their way through: targets, where they come from, redirections."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.proxy.conftest import World, fields_of, get, noting

TARGETS = {
    "/api/a/b?x=1&y": "/a/b?x=1&y", "/api/": "/", "/api/?q": "/?q", "/%61pi/a": "/a",
    "/api/a%20b/%e4%F6": "/a%20b/%e4%F6", "/api//a//": "//a//", "/api/%7euser;a=1": "/%7euser;a=1",
    "/api/x\\y|z^?a=`{}\"<>": "/x%5Cy%7Cz%5E?a=%60%7B%7D%22%3C%3E",
    "/api/.a/..b/...": "/.a/..b/...",
    "http://other.example/api/c": "/c", "/api/a?/../b": "/a?/../b",
}  # fmt: skip


@pytest.mark.parametrize("path", TARGETS)
def test_the_path_keeps_its_meaning(world: World, path: str) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    assert world.ask(get(path)).status == 200
    assert [req.target for req in seen] == [TARGETS[path]]


STEPS = [
    "/api/../x", "/api/..", "/api/a/./b", "/api/%2e%2e/x", "/api/a%2fb", "/api/..\\x",
    "/api/a\\..\\b", "/api/..;/x", "/api/.%2E;a=1/x", "/api/%5c..%5cx", "/api/..%3bx/y",
]  # fmt: skip


@pytest.mark.parametrize("path", STEPS)
def test_a_path_that_leads_elsewhere_does_not_go_on(world: World, path: str) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    assert world.ask(get(path)).status in (400, 404)
    assert seen == []


def test_without_mount_all_paths_go_on_but_those_with_steps(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler) + "/base/", at="")
    for path in ("/api/x", "/", "/a%2Fb", "/.."):
        world.ask(get(path))
    assert world.ask(get("/x", method="TRACE")).status == 405
    assert world.ask(get("b:80", method="CONNECT"), "CONNECT").status == 501
    assert [req.target for req in seen] == ["/base/api/x", "/base/", "/base/a%2Fb"]


def test_the_mount_may_stay(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler), strip=False)
    world.ask(get("/api/x"))
    assert [req.target for req in seen] == ["/api/x"]


def test_where_a_request_comes_from(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    world.ask(get("/api/", "X-Forwarded-For: 9.9.9.9", "Forwarded: for=9.9.9.9", "Proxy: x"))
    assert fields_of(seen[0]) == {
        "Host": "10.0.0.2:9000",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "site.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": 'for=10.0.0.1;host="site.example";proto=http',
    }


HOSTS = {"upstream": "10.0.0.2:9000", "client": "site.example", "inner.example": "inner.example"}


@pytest.mark.parametrize("host", HOSTS)
def test_which_host_an_upstream_is_told(world: World, host: str) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler), host=host, forwarded=False)
    world.ask(get("/api/", "X-Forwarded-For: 9.9.9.9", "Forwarded: for=9.9.9.9"))
    assert fields_of(seen[0]) == {"Host": HOSTS[host]}


def test_the_target_names_the_host_if_it_is_a_whole_uri(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler), host="client")
    world.ask(get("http://other.example/api/"))
    fields = fields_of(seen[0])
    assert (fields["Host"], fields["X-Forwarded-Host"]) == ("other.example", "other.example")


def test_an_ipv6_address_is_in_brackets_where_the_grammar_wants_them(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler), address="[fd00::1]")
    client = world.client(get("/api/"), address="[fd00::1]")
    world.whole(client)
    fields = fields_of(seen[0])
    peer = fields["X-Forwarded-For"]
    assert ":" in peer
    assert fields["Forwarded"].startswith(f'for="[{peer}]";')


def test_options_goes_as_many_hops_as_it_may(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler))
    for value in ("3", "x", "0"):
        answer = world.ask(get("/api/", f"Max-Forwards: {value}", method="OPTIONS"))
        assert answer.status == (204 if value == "0" else 200)
    assert [req.header("Max-Forwards") for req in seen] == ["2", None]


def test_what_a_trusted_client_says_of_those_before_it_is_kept(world: World) -> None:
    seen, handler = noting(world)
    world.serve(world.upstream(handler), trust="+10.0.0.0/8", host="client", via="edge")
    world.ask(
        get("/api/", "X-Forwarded-For: 9.9.9.9", "Forwarded: for=9.9.9.9",
            "X-Forwarded-Proto: https", "X-Forwarded-Port: 8443")
    )  # fmt: skip
    assert fields_of(seen[0]) == {
        "Host": "site.example",
        "X-Forwarded-For": "9.9.9.9, 10.0.0.1",
        "X-Forwarded-Host": "site.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "8443",
        "Forwarded": 'for=9.9.9.9, for=10.0.0.1;host="site.example";proto=http',
        "Via": "1.1 edge",
    }


REDIRECTS = {
    "/login?a": "/api/login?a", "http://10.0.0.2:9000/x": "/api/x", "HTTP://10.0.0.2:9000": "/api/",
    "https://else.example/x": "https://else.example/x", "//10.0.0.2/x": "//10.0.0.2/x",
    "relative": "relative",
}  # fmt: skip


@pytest.mark.parametrize("location", REDIRECTS)
def test_a_redirection_leads_through_the_proxy(world: World, location: str) -> None:
    def handler(c: Any, ev: Any, req: Any) -> None:
        req.redirect(location)

    world.serve(world.upstream(handler))
    assert world.ask(get("/api/x")).header("Location") == REDIRECTS[location]


BELOW = {
    "/base/x": "/api/x", "/base": "/api/", "/base?a": "/api?a", "/base#a": "/api#a",
    "http://10.0.0.2:9000/base/x": "/api/x",
    "/basement": "/basement", "/other": "/other", "http://10.0.0.2:9000/other":
    "http://10.0.0.2:9000/other",
}  # fmt: skip


@pytest.mark.parametrize("location", BELOW)
def test_only_what_is_below_the_path_of_the_upstream_is_below_the_mount(
    world: World, location: str
) -> None:
    def handler(c: Any, ev: Any, req: Any) -> None:
        req.redirect(location)

    world.serve(world.upstream(handler) + "/base")
    assert world.ask(get("/api/x")).header("Location") == BELOW[location]
