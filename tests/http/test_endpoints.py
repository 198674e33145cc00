"""Which handler a request goes to; what is answered when there is none for its method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia import EV_CLOSE, EV_HTTP_REQUEST, Handler, handles
from galidia.core.events import mask_of
from galidia.http.endpoints import Endpoints
from tests.http.stand_in import StandIn
from tests.twin import pure_module


def handler_called(name: str) -> Callable[..., None]:
    def handler(c: Any, ev: int, data: Any) -> None:
        raise AssertionError

    handler.__name__ = name
    return handler


def made_of(*patterns: str | tuple[str, Any]) -> Endpoints:
    """Endpoints whose handlers are called like their patterns."""
    endpoints = Endpoints()
    for entry in patterns:
        pattern, methods = (entry, None) if isinstance(entry, str) else entry
        endpoints.add(pattern, handler_called(pattern), methods)
    return endpoints


def found(
    endpoints: Endpoints, path: str, method: str = "GET"
) -> tuple[str, dict[str, str]] | None:
    match = endpoints.find(method, path)
    if match is None:
        return None
    assert getattr(match.handler, "__name__", match.pattern) == match.pattern
    return match.pattern, dict(match.params)


def answer(endpoints: Endpoints, method: str, path: str, **headers: str) -> StandIn:
    """What the library answers by itself."""
    match = endpoints.find(method, path)
    assert match is not None
    assert (match.at_head, match.pattern, dict(match.params)) == (True, "", {})
    req = StandIn(method, path, headers)
    match.handler(req.connection, EV_HTTP_REQUEST, req)
    return req


MATCHES: dict[str, tuple[list[str], str, tuple[str, dict[str, str]] | None]] = {
    "root": (["/"], "/", ("/", {})),
    "literal": (["/a/b"], "/a/b", ("/a/b", {})),
    "longer path": (["/a"], "/a/b", None),
    "shorter path": (["/a/b"], "/a", None),
    "prefix of a segment": (["/a"], "/ab", None),
    "case": (["/a"], "/A", None),
    "trailing slash of the path": (["/a"], "/a/", None),
    "trailing slash of the pattern": (["/a/"], "/a", None),
    "trailing slash of both": (["/a/"], "/a/", ("/a/", {})),
    "no path": (["/"], "", ("/", {})),
    "doubled slash": (["/a"], "//a", None),
    "one": (["/a/{x}"], "/a/b", ("/a/{x}", {"x": "b"})),
    "one is not empty": (["/a/{x}"], "/a/", None),
    "one is one": (["/a/{x}"], "/a/b/c", None),
    "one in the middle": (["/a/{x}/b/{y}"], "/a/1/b/2", ("/a/{x}/b/{y}", {"x": "1", "y": "2"})),
    "one is not the end": (["/a/{x}/b"], "/a/1", None),
    "rest": (["/a/{x...}"], "/a/b/c", ("/a/{x...}", {"x": "b/c"})),
    "rest is empty": (["/a/{x...}"], "/a/", ("/a/{x...}", {"x": ""})),
    "rest needs its slash": (["/a/{x...}"], "/a", None),
    "rest of all": (["/{x...}"], "/", ("/{x...}", {"x": ""})),
    "rest with empty segments": (["/{x...}"], "/a//b/", ("/{x...}", {"x": "a//b/"})),
    "one and rest": (["/{x}/{y...}"], "/a/b/c", ("/{x}/{y...}", {"x": "a", "y": "b/c"})),
    "names of any script": (["/{größe}"], "/1", ("/{größe}", {"größe": "1"})),
    "escaped literal": (["/café x"], "/caf%c3%A9%20x", ("/café x", {})),
    "escape of a plain letter": (["/abc"], "/%61bc", ("/abc", {})),
    "percent in a pattern": (["/a%20b"], "/a%2520b", ("/a%20b", {})),
    "plus is a plus": (["/a+b"], "/a+b", ("/a+b", {})),
    "escaped value": (["/{x}"], "/%C3%A9%20", ("/{x}", {"x": "é "})),
    "not UTF-8": (["/{x}"], "/%FF", ("/{x}", {"x": "\udcff"})),
    "escaped slash does not split": (["/{x}", "/a/b"], "/a%2Fb", ("/{x}", {"x": "a/b"})),
    "escaped slash in the rest": (["/{x...}"], "/a/b%2F..%2Fc", None),
    "dots": (["/{x}"], "/..", None),
    "one dot": (["/{x}/b"], "/./b", None),
    "escaped dots": (["/{x}"], "/%2e%2E", None),
    "dots in the rest": (["/{x...}"], "/a/../b", None),
    "escaped dots in the rest": (["/{x...}"], "/a/%2e./b", None),
    "three dots": (["/{x}"], "/...", ("/{x}", {"x": "..."})),
    "not a path": (["/{x...}"], "*", None),
    "literal before one": (["/{x}", "/a"], "/a", ("/a", {})),
    "one where no literal fits": (["/{x}", "/a"], "/b", ("/{x}", {"x": "b"})),
    "one before rest": (["/{x...}", "/{y}"], "/a", ("/{y}", {"y": "a"})),
    "rest where no one fits": (["/{x...}", "/{y}"], "/a/b", ("/{x...}", {"x": "a/b"})),
    "empty literal before rest": (["/a/{x...}", "/a/"], "/a/", ("/a/", {})),
    "from the left": (["/{x}/b", "/a/{y}"], "/a/b", ("/a/{y}", {"y": "b"})),
    "back to one": (["/{x}/c", "/a/b"], "/a/c", ("/{x}/c", {"x": "a"})),
    "back to rest": (["/{x...}", "/a/{y}/b"], "/a/1/c", ("/{x...}", {"x": "a/1/c"})),
    "longest rest": (["/{x...}", "/a/{y...}"], "/a/b", ("/a/{y...}", {"y": "b"})),
}


@pytest.mark.parametrize("name", MATCHES)
def test_paths(name: str) -> None:
    patterns, path, expected = MATCHES[name]
    assert found(made_of(*patterns), path) == expected
    assert found(made_of(*reversed(patterns)), path) == expected


BAD = {
    "no slash": "a",
    "empty": "",
    "empty segment": "/a//b",
    "only slashes": "//",
    "text beside a name": "/a{x}",
    "text behind a name": "/{x}.html",
    "no name": "/{}",
    "no name for the rest": "/{...}",
    "number": "/{1}",
    "space": "/{a b}",
    "open": "/{a",
    "closed": "/a}",
    "two names": "/{a}{b}",
    "rest in the middle": "/{a...}/b",
    "rest before the slash": "/{a...}/",
    "name twice": "/{a}/{a}",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_patterns(name: str) -> None:
    endpoints = Endpoints()
    with pytest.raises(ValueError, match=r"pattern|segment|neither|only good|twice"):
        endpoints.add(BAD[name], handler_called("x"))
    assert endpoints.find("OPTIONS", "*") is not None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("/a", "GET"), ("/a", "GET")),
        (("/a", ["POST", "GET"]), ("/a", ["GET", "PUT"])),
        (("/a", None), ("/a", None)),
        (("/a/{x}", "GET"), ("/a/{y}", "GET")),
        (("/{x...}", "GET"), ("/{y...}", "GET")),
    ],
)
def test_two_handlers_for_the_same(first: tuple[str, Any], second: tuple[str, Any]) -> None:
    endpoints = made_of(first)
    with pytest.raises(ValueError, match="has a handler already, with the pattern '/"):
        endpoints.add(second[0], handler_called("x"), second[1])
    told = endpoints.find("OPTIONS", "*")
    assert told is not None
    req = StandIn("OPTIONS", "*")
    told.handler(req.connection, EV_HTTP_REQUEST, req)
    assert ("PUT" in str(req.header_of_reply("allow"))) == (first[1] is None)


@pytest.mark.parametrize("methods", ["get", "", "G T", "*", [], ["GET", "post"], "CONNECT", "É"])
def test_bad_methods(methods: Any) -> None:
    with pytest.raises(ValueError, match="method"):
        Endpoints().add("/", handler_called("x"), methods)


def test_a_handler_is_callable() -> None:
    with pytest.raises(TypeError, match="handler"):
        Endpoints().add("/", "handler")  # type: ignore[arg-type]


def test_methods() -> None:
    endpoints = Endpoints()
    get, post, rest = (handler_called("/a") for _ in range(3))
    endpoints.add("/a", rest)
    endpoints.add("/a", get, "GET")
    endpoints.add("/a", post, iter(["POST", "PURGE"]))
    for method, handler in {
        "GET": get,
        "HEAD": get,
        "POST": post,
        "PURGE": post,
        "DELETE": rest,
        "OPTIONS": rest,
        "LINK": rest,
    }.items():
        match = endpoints.find(method, "/a")
        assert match is not None
        assert match.handler is handler
    head = handler_called("/a")
    endpoints.add("/a", head, "HEAD")
    match = endpoints.find("HEAD", "/a")
    assert match is not None
    assert match.handler is head
    assert endpoints.direct[b"HEAD /a"].handler is head
    assert endpoints.find("CONNECT", "") is None


def test_a_method_that_only_a_less_specific_pattern_has() -> None:
    endpoints = made_of(("/a/new", "POST"), ("/a/{id}", ["GET", "PUT"]), ("/{x...}", "DELETE"))
    assert found(endpoints, "/a/new", "POST") == ("/a/new", {})
    assert found(endpoints, "/a/new", "GET") == ("/a/{id}", {"id": "new"})
    assert found(endpoints, "/a/new", "DELETE") == ("/{x...}", {"x": "a/new"})
    refused = answer(endpoints, "PATCH", "/a/new")
    assert refused.header_of_reply("allow") == "DELETE, GET, HEAD, OPTIONS, POST, PUT"


def test_no_pattern_for_the_path() -> None:
    endpoints = made_of(("/a", "GET"))
    for method in ("GET", "OPTIONS", "DELETE"):
        assert endpoints.find(method, "/b") is None
    assert Endpoints().find("GET", "/") is None


@pytest.mark.parametrize("method", ["POST", "DELETE", "TRACE", "BREW", "*"])
def test_no_handler_for_the_method(method: str) -> None:
    refused = answer(made_of(("/a", ["PUT", "GET"])), method, "/a")
    assert refused.status == 405
    assert refused.header_of_reply("allow") == "GET, HEAD, OPTIONS, PUT"


@pytest.mark.parametrize(
    ("entries", "allow"),
    [
        ([("/a", "GET")], "GET, HEAD, OPTIONS"),
        ([("/a", "POST")], "OPTIONS, POST"),
        ([("/a", "GET"), ("/{x}", "PURGE"), ("/b", "PUT")], "GET, HEAD, OPTIONS, PURGE"),
        ([("/a", "GET"), ("/{x}", None)], "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    ],
)
def test_options(entries: list[tuple[str, Any]], allow: str) -> None:
    told = answer(made_of(*entries), "OPTIONS", "/a")
    assert (told.status, told.header_of_reply("allow")) == (204, allow)


def test_options_of_a_handler() -> None:
    endpoints = made_of(("/a", "OPTIONS"), ("/b", None), ("/{x}", "GET"))
    assert found(endpoints, "/a", "OPTIONS") == ("/a", {})
    assert found(endpoints, "/b", "OPTIONS") == ("/b", {})
    assert answer(endpoints, "OPTIONS", "/c").status == 204


def test_options_of_the_server() -> None:
    endpoints = made_of(("/a", "GET"), ("/b/{x}", "POST"), ("/c/{x...}", "PURGE"))
    told = answer(endpoints, "OPTIONS", "*")
    assert (told.status, told.header_of_reply("allow")) == (
        204,
        "GET, HEAD, OPTIONS, POST, PURGE",
    )
    told = answer(endpoints, "OPTIONS", "*", origin="http://a", access_control_request_method="GET")
    assert told.status == 204


def test_a_preflight_goes_to_the_handler_of_its_method() -> None:
    class Asked:
        def __call__(self, c: Any, ev: int, req: Any) -> None:
            raise AssertionError

        def preflight(self, req: Any) -> None:
            req.reply(299, b"", [])

    endpoints = made_of(("/{x}", "GET"))
    endpoints.add("/a", Asked(), "PUT")
    question = {"origin": "http://a", "access_control_request_method": "PUT"}
    assert answer(endpoints, "OPTIONS", "/a", **question).status == 299
    assert answer(endpoints, "OPTIONS", "/a", origin="http://a").status == 204
    assert answer(endpoints, "OPTIONS", "/a", access_control_request_method="PUT").status == 204
    for other in ("GET", "DELETE"):
        question["access_control_request_method"] = other
        assert answer(endpoints, "OPTIONS", "/a", **question).status == 204


def test_direct() -> None:
    endpoints = made_of(("/", "GET"), ("/é x", "POST"), ("/{x}", "PUT"), ("/a:b", "GET"))
    lines = {b"GET /", b"HEAD /", b"POST /%C3%A9%20x", b"GET /a:b", b"HEAD /a:b"}
    assert set(endpoints.direct) == lines
    for line, direct in endpoints.direct.items():
        method, path = line.decode().split()
        match = endpoints.find(method, path)
        assert match is not None
        assert (match.handler, match.wants, match.pattern, dict(match.params)) == (
            direct.handler,
            direct.wants,
            direct.pattern,
            dict(direct.params),
        )
    with pytest.raises(TypeError):
        endpoints.direct[b"GET /"].params["x"] = "y"  # type: ignore[index]


def test_what_handlers_want() -> None:
    @handles(EV_HTTP_REQUEST)
    def one(c: Any, ev: int, data: Any) -> None: ...

    class Other(Handler):
        def on_close(self, c: Any, data: Any) -> None: ...

    endpoints = Endpoints()
    endpoints.add("/one", one)
    endpoints.add("/other/{x}", Other())
    endpoints.add("/third", handler_called("/third"))
    for path, wants in {"/one": EV_HTTP_REQUEST, "/other/x": EV_CLOSE}.items():
        match = endpoints.find("GET", path)
        assert match is not None
        assert match.wants == mask_of(wants)
    match = endpoints.find("GET", "/third")
    assert match is not None
    assert match.wants & mask_of(EV_HTTP_REQUEST, EV_CLOSE) == mask_of(EV_HTTP_REQUEST, EV_CLOSE)


class Steps(dict[str, Any]):
    """A node's segments, which counts how often it was asked."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        Steps.asked += 1
        return dict.get(self, key, default)


def test_the_work_is_bounded_by_the_patterns() -> None:
    # Two ways at each segment, and at the end of none of them what the path has there.
    endpoints = pure_module("http.endpoints").Endpoints()
    for bits in range(1 << 6):
        segments = [f"{{x{i}}}" if bits >> i & 1 else "a" for i in range(6)]
        endpoints.add("/" + "/".join(segments) + "/end", handler_called("x"), "GET")
    nodes = list(endpoints._nodes(endpoints._root))
    for node in nodes:
        node.literals = Steps(node.literals)
    for path in ("/a/a/a/a/a/a/other", "/a" * 5000):
        Steps.asked = 0
        assert endpoints.find("GET", path) is None
        assert 0 < Steps.asked <= 2 * len(nodes)  # once for the method, once for any


SEGMENT = st.text(st.characters(exclude_characters="{}/", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(SEGMENT, min_size=1), st.data())
def test_any_text_can_be_a_literal_and_a_value(segments: list[str], data: st.DataObject) -> None:
    def encoded(text: str) -> str:
        every = data.draw(st.booleans())
        raw = text.encode()
        return "".join(
            chr(b) if chr(b).isalnum() and b < 128 and not every else f"%{b:02X}" for b in raw
        )

    path = "/" + "/".join(map(encoded, segments))
    literal = "/" + "/".join(segments)
    assert found(made_of(literal), path) == (literal, {})
    names = "/" + "/".join(f"{{x{i}}}" for i in range(len(segments)))
    if {".", ".."}.isdisjoint(segments):
        values = {f"x{i}": segment for i, segment in enumerate(segments)}
        assert found(made_of(names), path) == (names, values)
        assert found(made_of("/{x...}"), path) == ("/{x...}", {"x": "/".join(segments)})
    else:
        assert found(made_of(names, "/{x...}"), path) is None


@given(st.lists(st.sampled_from(["a", "b", "{x}", "{y...}"]), max_size=4), st.randoms())
def test_the_order_of_registration_does_not_matter(kinds: list[str], random: Any) -> None:
    patterns = ["/a", "/{x}", "/{x...}", "/a/b", "/a/{x}", "/{x}/b", "/{x}/{y}", "/a/{x...}"]
    shuffled = list(patterns)
    random.shuffle(shuffled)
    path = "/" + "/".join(kinds).replace("{x}", "c").replace("{y...}", "d")
    assert found(made_of(*patterns), path) == found(made_of(*shuffled), path)


PATTERNS = ["/", "/a", "/{x}", "/{x...}", "/a/", "/a/b", "/a/{x}", "/{x}/b", "/{x}/{y}/c"]
PIECES = ["", "a", "b", "c", "%61", "%2F", ".", "..", "%2e", "%FF", "é", "+"]


@given(
    st.lists(st.sampled_from(PATTERNS), unique=True),
    st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]),
    st.lists(st.sampled_from(PIECES), max_size=4),
)
def test_both_builds_find_the_same(patterns: list[str], method: str, pieces: list[str]) -> None:
    results = []
    for made in (Endpoints(), pure_module("http.endpoints").Endpoints()):
        for i, pattern in enumerate(patterns):
            made.add(pattern, handler_called(pattern), ["GET", "POST", "OPTIONS"][: 1 + i % 3])
        match = made.find(method, "/" + "/".join(pieces))
        results.append(match and (match.pattern, dict(match.params), match.wants, match.at_head))
    assert results[0] == results[1]
