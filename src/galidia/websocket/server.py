"""The upgrade of an HTTP request to WebSocket (RFC 6455 4.2).

The HTTP server calls `begin` for a request that asks for it and whose handler wants events of
WebSocket. The handler may refuse with any reply, or decide later; else it is accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.events import Event, Flag
from ..http.fields import items_of
from ..http.options import HttpOptions
from ..http.server import ServerProtocol
from .handshake import accept_of, extensions_in, names_in, refusal_of
from .options import WebSocketOptions
from .protocol import WebSocketProtocol

if TYPE_CHECKING:
    from ..core.connection import Connection
    from ..core.handler import HandlerFunction
    from ..http.fields import Headers
    from ..http.request import Request
    from .deflate import Agreed
    from .options import Deflate

_DEFAULT = WebSocketOptions()
_OURS = frozenset(
    {
        "upgrade",
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-protocol",
        "sec-websocket-version",
    }
)


class Handshake:
    """A handshake that is not decided; ``options`` and ``handler`` are those of its connection."""

    __slots__ = ("asking", "deferred", "done", "handler", "options")

    def __init__(self, options: WebSocketOptions, handler: HandlerFunction | None) -> None:
        self.options = options
        #: Of the endpoint, if the request has one.
        self.handler = handler
        #: Its handler is being asked.
        self.asking = True
        self.deferred = False
        self.done = False


def listening(options: object = None) -> ServerProtocol:
    """What a ``ws`` listener gets: it is an HTTP listener."""
    if options is None or isinstance(options, HttpOptions):
        return ServerProtocol(options)
    if not isinstance(options, WebSocketOptions):
        raise TypeError(
            f"options= of a WebSocket address is WebSocketOptions or HttpOptions, not {options!r}"
        )
    return ServerProtocol(HttpOptions(websocket=options))


def begin(
    c: Connection, server: ServerProtocol, req: Request, handler: HandlerFunction | None
) -> None:
    """A request asks for WebSocket; ``handler`` is its endpoint's, if it has one."""
    options = server.options.websocket
    if options is None:
        options = _DEFAULT
    elif not isinstance(options, WebSocketOptions):
        raise TypeError(f"HttpOptions.websocket is a WebSocketOptions, not {options!r}")
    refusal = refusal_of(req, options.origins)
    if refusal is not None:
        req.error(*refusal)
        return
    handshake: Handshake = req._keep("websocket", lambda: Handshake(options, handler))
    server.emit(c, int(Event.WEBSOCKET_HANDSHAKE_REQUEST), req)
    handshake.asking = False
    if handshake.done:
        _opened(c, req)
    elif not req.replied and not handshake.deferred:
        accept(req)


def accept(req: Request, subprotocol: str | None = None, headers: Headers | None = None) -> None:
    """Accept a handshake, in ``WEBSOCKET_HANDSHAKE_REQUEST`` or, after `defer`, at any time.

    ``subprotocol`` is one of those that the client offers, or "" for none; by default the first of
    `WebSocketOptions.subprotocols` that it offers. ``headers`` are added to the reply. When the
    client has gone, nothing happens. Raises ValueError for what the client did not offer, TypeError
    for a request that is no handshake, RuntimeError for one that was answered already.
    """
    handshake = _handshake_of(req)
    if req.replied:
        raise RuntimeError("this request was answered already")
    options = handshake.options
    offered = subprotocols(req)
    if subprotocol is None:
        subprotocol = next((name for name in options.subprotocols if name in offered), "")
    elif subprotocol and subprotocol not in offered:
        raise ValueError(f"the client does not offer the subprotocol {subprotocol!r}: {offered}")
    fields = [("Sec-WebSocket-Accept", accept_of(req.header_all("sec-websocket-key")[0]))]
    if subprotocol:
        fields.append(("Sec-WebSocket-Protocol", subprotocol))
    deflater = inflater = None
    if options.deflate is not None:
        answer = _extension(req, options.deflate)
        if answer is not None:
            from .deflate import Deflater, Inflater

            text, agreed = answer
            fields.append(("Sec-WebSocket-Extensions", text))
            deflater = Deflater(options.deflate, agreed)
            inflater = Inflater(agreed)
    for name, value in items_of(headers or ()):
        if name.lower() in _OURS:
            raise ValueError(f"the header {name!r} is set by the library")
        fields.append((name, value))
    c = req.connection
    protocol = WebSocketProtocol(False, options, subprotocol, deflater, inflater)
    req.switch_protocol("websocket", protocol, fields)
    if c.protocol is not protocol:
        return  # the client has gone
    c._flags |= int(Flag.IS_WEBSOCKET)
    if handshake.handler is not None:
        c.hand_over(handshake.handler)
    handshake.done = True
    if not handshake.asking:
        _opened(c, req)


def defer(req: Request) -> None:
    """Decide later: the handshake is pending until `accept`, or until the request is answered.

    The client waits, and its own patience is the limit.
    """
    _handshake_of(req).deferred = True


def subprotocols(req: Request) -> list[str]:
    """The subprotocols that a client offers, in its order."""
    return names_in(req.header_all("sec-websocket-protocol")) or []


def _opened(c: Connection, req: Request) -> None:
    protocol: Any = c.protocol
    protocol.opened(c)
    c.emit(int(Event.WEBSOCKET_HANDSHAKE_DONE), req)
    if c.mgr.closing:
        protocol.goodbye(c)


def _handshake_of(req: Request) -> Handshake:
    handshake: Any = req._keep("websocket", lambda: None)
    if handshake is None:
        raise TypeError("this request is no WebSocket handshake")
    found: Handshake = handshake
    return found


def _extension(req: Request, options: Deflate) -> tuple[str, Agreed] | None:
    """The first offer of a compression that can be taken: the answer to it, and what it means."""
    from .deflate import NAME, agree

    for name, parameters in extensions_in(req.header_all("sec-websocket-extensions")) or ():
        if name == NAME:
            answer = agree(options, parameters)
            if answer is not None:
                return answer
    return None
