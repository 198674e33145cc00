"""Endpoints: which handler a request goes to, by its path and its method.

A pattern is a path whose segments are literal, ``{name}`` (one segment, never empty) or, at its
end, ``{name...}`` (all the rest, which may be empty). Segments are compared percent-decoded, and
"%2F" does not split. The most specific pattern that has the method wins: from the left, a literal
segment goes before ``{name}``, and that before ``{name...}``. A trailing slash counts: "/a" and
"/a/" are two paths. The segments "." and ".." match a literal only, and ``{name...}`` takes no
encoded slash, so that what it gives is safe to look up in a folder.

How a server uses it: at the head of each request, with ``raw`` the head as received,

    match = endpoints.direct.get(raw[:path_end]) or endpoints.find(method, path)

where ``path`` is the path of the target still encoded, "*" for ``OPTIONS *`` and "" for CONNECT.
None: no pattern fits, the listener's own handler gets the request. Otherwise the request's HTTP
events go to ``match.handler`` if ``match.wants`` has their bit, and so does the CLOSE of its
connection, once for each handler; ``match.params`` is `Request.params`. What the library answers
itself (405, OPTIONS) is a `Match` too: ``at_head`` says that its handler is to be called with
HTTP_REQUEST at once, without waiting for a body.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from ..core.events import Event
from ..core.handler import HandlerFunction, handles, wanted

if TYPE_CHECKING:
    from ..core.connection import Connection

__all__ = ["Endpoints", "Match"]

_ANY = "*"
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Z-]+")
_NAME = re.compile(r"\{([^\W\d]\w*)(\.\.\.)?\}")
#: The segments that are not the value of a name.
_NO_VALUES = frozenset({"", ".", ".."})
_NO_PARAMS: Mapping[str, str] = MappingProxyType({})
#: Of a handler for any method: those that are looked up directly, and that Allow lists.
_COMMON = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Match:
    """Where a request goes.

    ``handler`` and its interest mask ``wants``; ``pattern`` as it was given to `Endpoints.add`, ""
    for an answer of the library; ``params``: the values of the pattern's names, decoded;
    ``at_head``: call the handler with HTTP_REQUEST as soon as the head is there.
    """

    __slots__ = ("at_head", "handler", "params", "pattern", "wants")

    handler: HandlerFunction
    wants: int
    pattern: str
    params: Mapping[str, str]
    at_head: bool


def _new_match(handler: HandlerFunction, wants: int, pattern: str, at_head: bool) -> Match:
    match: Match = Match.__new__(Match)
    match.handler = handler
    match.wants = wants
    match.pattern = pattern
    match.params = _NO_PARAMS
    match.at_head = at_head
    return match


def match_of(handler: HandlerFunction) -> Match:
    """A match for a request that somebody else has routed."""
    return _new_match(handler, wanted(handler), "", False)


class _Endpoint:
    """One handler at one pattern; ``names`` are its parameters from the left."""

    __slots__ = ("handler", "names", "pattern", "wants")

    def __init__(self, pattern: str, names: list[str], handler: HandlerFunction) -> None:
        self.pattern = pattern
        self.names = names
        self.handler = handler
        self.wants = wanted(handler)

    def match(self, values: list[str]) -> Match:
        """Here, with values for the names."""
        match = _new_match(self.handler, self.wants, self.pattern, False)
        if values:
            params = {}
            for i in range(len(values)):
                params[self.names[i]] = values[i]
            match.params = params
        return match


class _Node:
    """The end of a pattern's first segments; ``methods`` is filled where a pattern ends."""

    __slots__ = ("literals", "methods", "one", "rest")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.one: _Node | None = None
        self.rest: _Node | None = None
        self.methods: dict[str, _Endpoint] = {}

    def endpoint(self, method: str) -> _Endpoint | None:
        methods = self.methods
        found = methods.get(method)
        if found is None and method == "HEAD":
            found = methods.get("GET")
        return found or methods.get(_ANY)


class Endpoints:
    """The endpoints of a listener. ``direct`` finds those of literal paths by method and path."""

    __slots__ = ("_root", "direct")

    def __init__(self) -> None:
        self._root = _Node()
        #: ``b"GET /path"`` as it stands in a request line.
        self.direct: dict[bytes, Match] = {}

    def add(
        self,
        pattern: str,
        handler: HandlerFunction,
        methods: str | Iterable[str] | None = None,
    ) -> None:
        """Register a handler for a pattern.

        ``methods`` are names such as "GET", one or several; GET includes HEAD unless that is
        registered too, and OPTIONS is answered by the library unless it is. None: every method,
        OPTIONS as well. Raises ValueError when the pattern or a method is wrong, and when the
        pattern has a handler for the method already, whatever its names are.
        """
        if not callable(handler):
            raise TypeError(f"a handler is a callable (c, ev, data), not {handler!r}")
        wanted_methods = _methods_of(methods)
        shape, names = _parse(pattern)
        node = self._root
        for kind, text in shape:
            if kind == "literal":
                node = node.literals.setdefault(text, _Node())
            elif kind == "one":
                node.one = node = node.one or _Node()
            else:
                node.rest = node = node.rest or _Node()
        for method in wanted_methods:
            if method in node.methods:
                what = "every other method" if method == _ANY else method
                raise ValueError(
                    f"{pattern!r}: {what} has a handler already, "
                    f"with the pattern {node.methods[method].pattern!r}"
                )
        endpoint = _Endpoint(pattern, names, handler)
        node.methods.update(dict.fromkeys(wanted_methods, endpoint))
        if not names:
            self._look_up_directly(pattern, node)

    def find(self, method: str, path: str) -> Match | None:
        """Where a request for an encoded path goes; None when no pattern fits the path."""
        if not path.startswith("/"):
            if path == "*" and method == "OPTIONS":
                return _answer_options(_allowed(self._nodes(self._root)), None, path)
            if path or method == "CONNECT":
                return None
            path = "/"  # http://host
        segments = path[1:].split("/")
        if "%" in path:
            segments = [unquote(segment, errors="surrogateescape") for segment in segments]
        values: list[str] = []
        if method != "OPTIONS":
            endpoint = _search(self._root, segments, 0, method, values)
            if endpoint is not None:
                return endpoint.match(values)
        fitting = list(_walk(self._root, segments, 0, values))
        if not fitting:
            return None
        allowed = _allowed([node for node, _ in fitting])
        if method != "OPTIONS":
            return _refuse(allowed)
        # Every pattern has it, so only the most specific one is asked.
        node, values = fitting[0]
        endpoint = node.endpoint(method)
        return _answer_options(allowed, self, path) if endpoint is None else endpoint.match(values)

    def _look_up_directly(self, path: str, node: _Node) -> None:
        line = quote(path, safe="/!$&'()*+,;=:@~", errors="surrogateescape").encode()
        for method in {*_COMMON, *node.methods} - {_ANY}:
            endpoint = node.endpoint(method)
            if endpoint is not None:
                self.direct[method.encode() + b" " + line] = endpoint.match([])

    def _nodes(self, node: _Node) -> Iterator[_Node]:
        """A node and all below it."""
        yield node
        for child in (*node.literals.values(), node.one, node.rest):
            if child is not None:
                yield from self._nodes(child)


def _search(
    node: _Node, segments: list[str], at: int, method: str, values: list[str]
) -> _Endpoint | None:
    """The most specific endpoint that fits the segments from ``at`` on and has the method.

    What stands for its names is appended to ``values``. No node is visited twice, so the patterns
    bound the work, and the path does not.
    """
    segment = segments[at]
    last = at + 1 == len(segments)
    child = node.literals.get(segment)
    if child is not None:
        if last:
            found = child.endpoint(method)
        else:
            found = _search(child, segments, at + 1, method, values)
        if found is not None:
            return found
    child = node.one
    if child is not None and segment not in _NO_VALUES:
        values.append(segment)
        if last:
            found = child.endpoint(method)
        else:
            found = _search(child, segments, at + 1, method, values)
        if found is not None:
            return found
        values.pop()
    child = node.rest
    if child is not None:
        found = child.endpoint(method)
        if found is not None and _can_be_rest(segments, at):
            values.append("/".join(segments[at:]))
            return found
    return None


def _walk(
    node: _Node, segments: list[str], at: int, values: list[str]
) -> Iterator[tuple[_Node, list[str]]]:
    """All that fits, in the order of `_search`, whatever methods it has."""
    segment = segments[at]
    last = at + 1 == len(segments)
    literal = node.literals.get(segment)
    if literal is not None:
        if not last:
            yield from _walk(literal, segments, at + 1, values)
        elif literal.methods:
            yield literal, values
    if node.one is not None and segment not in _NO_VALUES:
        if not last:
            yield from _walk(node.one, segments, at + 1, [*values, segment])
        elif node.one.methods:
            yield node.one, [*values, segment]
    if node.rest is not None and _can_be_rest(segments, at):
        yield node.rest, [*values, "/".join(segments[at:])]


def _can_be_rest(segments: list[str], at: int) -> bool:
    """Whether joined segments are again what was asked for."""
    for i in range(at, len(segments)):
        segment = segments[i]
        if segment == "." or segment == ".." or "/" in segment:
            return False
    return True


def _parse(pattern: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The segments of a pattern, each with its kind, and the names in it."""
    if not pattern.startswith("/"):
        raise ValueError(f'a pattern begins with "/", unlike {pattern!r}')
    shape: list[tuple[str, str]] = []
    names: list[str] = []
    segments = pattern[1:].split("/")
    for i, segment in enumerate(segments):
        last = i + 1 == len(segments)
        if "{" not in segment and "}" not in segment:
            if not (segment or last):
                raise ValueError(f"{pattern!r} has an empty segment")
            shape.append(("literal", segment))
            continue
        m = _NAME.fullmatch(segment)
        if m is None:
            raise ValueError(f"{pattern!r}: {segment!r} is neither text nor {{name}}")
        if m[2] and not last:
            raise ValueError(f"{pattern!r}: {segment!r} is only good at the end")
        if m[1] in names:
            raise ValueError(f"{pattern!r} has the name {m[1]!r} twice")
        names.append(m[1])
        shape.append(("rest" if m[2] else "one", ""))
    return shape, names


def _methods_of(methods: str | Iterable[str] | None) -> list[str]:
    if methods is None:
        return [_ANY]
    found = [methods] if isinstance(methods, str) else list(dict.fromkeys(methods))
    for method in found:
        if not _METHOD.fullmatch(method) or method in (_ANY, "CONNECT"):
            raise ValueError(f'a method is a name such as "GET", not {method!r}')
    if not found:
        raise ValueError("methods is empty: None stands for every method")
    return found


def _allowed(nodes: Iterable[_Node]) -> str:
    """The value of Allow: every method that one of the nodes has (RFC 9110 10.2.1)."""
    found = {method for node in nodes for method in node.methods}
    if _ANY in found:
        found.update(_COMMON)
    if "GET" in found:
        found.add("HEAD")
    return ", ".join(sorted(found - {_ANY} | {"OPTIONS"}))


def _refuse(allowed: str) -> Match:
    """405 (RFC 9110 15.5.6)."""

    @handles(Event.HTTP_REQUEST)
    def refuse(c: Connection, ev: int, req: Any) -> None:
        req.error(405, "", [("Allow", allowed)])

    return _new_match(refuse, wanted(refuse), "", True)


def _answer_options(allowed: str, endpoints: Endpoints | None, path: str) -> Match:
    """What OPTIONS gets; a preflight goes on to the handler of the method that it asks for."""

    @handles(Event.HTTP_REQUEST)
    def options(c: Connection, ev: int, req: Any) -> None:
        method = req.header("access-control-request-method")
        if endpoints is not None and method and req.header("origin") is not None:
            match = endpoints.find(method, path)
            preflight = getattr(match.handler, "preflight", None) if match else None
            if preflight is not None:
                preflight(req)
                return
        req.reply(204, b"", [("Allow", allowed)])

    return _new_match(options, wanted(options), "", True)
