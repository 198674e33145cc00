"""Plays a case against a server or a client of galidia, and judges it: there is no "almost"."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from galidia import Connection, Handler, Manager
from galidia.websocket import Deflate as DeflateOptions
from galidia.websocket import WebSocketOptions
from tests.helpers import PATIENCE, settle, until
from tests.websocket import raw
from tests.websocket.conformance.table import (
    BY_FRAME,
    Case,
    Deflated,
    Hear,
    Part,
    Quiet,
    Send,
    SendDeflated,
)
from tests.websocket.raw import CLOSE, CONT, Deflate, Head, RawPeer, close_code

ROOM = 64 << 20  # bytes; for the echo of the largest message


class Echo(Handler):
    """Sends each message back."""

    def __init__(self) -> None:
        self.c: Any = None
        self.protocol: Any = None
        self.closed = False

    def on_websocket_handshake_done(self, c: Connection, reply: Any) -> None:
        self.c = c
        self.protocol = c.protocol

    def on_websocket_frame(self, c: Any, message: Any) -> None:
        c.ws_send(message.data, message.opcode)

    def on_close(self, c: Connection, data: None) -> None:
        self.closed = c is self.c


def options(case: Case) -> WebSocketOptions:
    deflate = DeflateOptions(window_bits=15, peer_window_bits=15, threshold=1)
    chosen: dict[str, Any] = {"message_limit": ROOM, "frame_limit": ROOM, **case.limits}
    return WebSocketOptions(deflate=deflate if case.deflated else None, **chosen)


class Game:
    """A peer and the other end, connected."""

    def __init__(self, mgr: Manager, case: Case, peer: RawPeer, echo: Echo) -> None:
        self.mgr = mgr
        self.case = case
        self.peer = peer
        self.echo = echo
        self.closing: bytes | None = None  # what the peer has said in a Close frame
        self._pending: list[bytes] = []

    def play(self) -> None:
        peer, case = self.peer, self.case
        for step in case.script():
            if isinstance(step, Hear):
                self._flush()
                self._hear(step.opcode, step.payload)
            elif isinstance(step, Quiet):
                self._flush()
                settle(self.mgr)
                assert not peer.look()
                assert not peer.ended
            else:
                self._pending += self._encode(step)
        self._flush()
        for opcode, payload in case.heard:
            self._hear(opcode, payload)
        self._end()

    def _encode(self, step: Any) -> Iterator[bytes]:
        peer = self.peer
        if isinstance(step, Send):
            if step.opcode == CLOSE and self.closing is None:
                self.closing = step.payload
            how = dict(step.how)
            if how.pop("wrong_mask", False):
                how["key"] = None if peer.client else raw.MASK
            yield peer.encode(step.opcode, step.payload, **how)
        elif isinstance(step, Part):
            whole = peer.encode(step.opcode, step.payload)
            head = len(whole) - len(step.payload)
            yield whole[head + step.first if step.first else 0 : head + step.last]
        elif isinstance(step, SendDeflated):
            assert peer.deflate is not None
            data = peer.deflate.compress(step.payload)
            size = step.fragment or len(data)
            for at in range(0, len(data), size):
                opcode, rsv = (CONT, 0) if at else (step.opcode, 4)
                yield peer.encode(opcode, data[at : at + size], rsv=rsv, fin=at + size >= len(data))

    def _flush(self) -> None:
        """Send what has been gathered, as the case has it cut."""
        frames, self._pending = self._pending, []
        cut = self.case.cut
        if cut == BY_FRAME:
            for data in frames:
                self._send(data)
                settle(self.mgr)
        else:
            data = b"".join(frames)
            size = cut or len(data) or 1
            for at in range(0, len(data), size):
                self._send(data[at : at + size])
                if cut:
                    self.mgr.poll(0)

    def _send(self, data: bytes) -> None:
        """Send, unless the other end has closed: nobody would read it."""
        link = self.peer.link
        self.peer.look()
        if not self.peer.closed and not link.ended:
            link.send(data)
            self._until(lambda: not link.unsent or self.peer.closed or link.ended)

    def _until(self, condition: Callable[[], object]) -> None:
        until(self.mgr, lambda: (self.peer.look(), condition())[1])

    def _hear(self, opcode: int, payload: bytes) -> None:
        peer = self.peer
        self._until(lambda: peer.heard or peer.link.ended)
        assert peer.heard, "it ended"
        heard = peer.heard.pop(0)
        same = heard == (opcode, payload)  # pytest would compare 16 MiB to show a difference
        assert same, f"opcode {heard[0]}, {len(heard[1])} bytes: {heard[1][:100]!r}"

    def _end(self) -> None:
        """Nothing else comes but the Close frame that the case names, and the end."""
        peer, case = self.peer, self.case
        if self.closing is None and case.code == 1000:
            peer.close()
            self.closing = b"\x03\xe8"
        failed = self.closing is None or close_code(self.closing) != case.code
        self._until(lambda: peer.heard)
        opcode, payload = peer.heard.pop(0)
        assert opcode == CLOSE
        assert close_code(payload) == case.code
        if failed or peer.client:  # a server ends first, and whoever finds a violation
            self._until(lambda: peer.ended)
        peer.link.close()
        self._until(lambda: self.echo.closed)
        assert peer.heard == []
        assert self.echo.protocol.sent_code == (1005 if case.code is None else case.code)
        assert bool(self.echo.c.error) == failed, self.echo.c.error


# -- the opening handshake ------------------------------------------------------------------------


@contextmanager
def against_a_server(mgr: Manager, case: Case) -> Iterator[Game]:
    """The peer is a client."""
    echo = Echo()
    listener = mgr.bind("ws://127.0.0.1:0", echo, options=options(case), send_mbuf_limit=ROOM)
    with socket.create_connection((listener.local.host, listener.local.port), PATIENCE) as sock:
        peer = RawPeer(sock, client=True)
        wanted = {"Sec_WebSocket_Extensions": _offers(case.deflated)} if case.deflated else {}
        peer.link.send(raw.request(**wanted))
        head = _head(mgr, peer)
        assert head.status == 101
        extensions = head.header("Sec-WebSocket-Extensions")
        if case.deflated:
            peer.deflate = _agreed(extensions, case.deflated)
        else:
            assert extensions is None
        yield Game(mgr, case, peer, echo)


@contextmanager
def against_a_client(mgr: Manager, case: Case) -> Iterator[Game]:
    """The peer is a server."""
    echo = Echo()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        mgr.connect(f"ws://127.0.0.1:{port}/", echo, options=options(case), send_mbuf_limit=ROOM)
        listener.setblocking(False)
        accepted: list[socket.socket] = []
        until(mgr, lambda: _accept(listener, accepted))
    with accepted[0] as sock:
        peer = RawPeer(sock, client=False)
        head = _head(mgr, peer)
        wanted = {}
        if case.deflated:
            offered = head.header("Sec-WebSocket-Extensions")
            wanted["Sec_WebSocket_Extensions"], peer.deflate = _choose(offered, case.deflated)
        peer.link.send(raw.reply(head.header("Sec-WebSocket-Key") or "", **wanted))
        until(mgr, lambda: echo.c is not None)
        yield Game(mgr, case, peer, echo)


def _accept(listener: socket.socket, accepted: list[socket.socket]) -> bool:
    try:
        accepted.append(listener.accept()[0])
    except BlockingIOError:
        return False
    return True


def _head(mgr: Manager, peer: RawPeer) -> Head:
    found = None

    def look() -> Head | None:
        nonlocal found
        found = peer.head()
        return found

    until(mgr, look)
    assert found is not None
    return found


# -- permessage-deflate: parameters (RFC 7692, section 7.1) ---------------------------------------


def _offers(deflated: Deflated) -> str:
    return ", ".join(
        "permessage-deflate; client_max_window_bits"
        + "; server_no_context_takeover" * without_takeover
        + (f"; server_max_window_bits={bits}" if bits else "")
        for without_takeover, bits in deflated.offers
    )


def _parameters(extension: str) -> dict[str, str]:
    name, *rest = (part.strip() for part in extension.split(";"))
    assert name == "permessage-deflate"
    found: dict[str, str] = {}
    for part in rest:
        key, _, value = part.partition("=")
        assert key not in found
        found[key] = value
    return found


def _agreed(extensions: str | None, deflated: Deflated) -> Deflate:
    """What a server has answered; it has to fit one of the offers."""
    assert extensions, "not negotiated"
    answer = _parameters(extensions)
    names = {"client_no_context_takeover", "server_no_context_takeover"}
    names |= {"client_max_window_bits", "server_max_window_bits"}
    assert set(answer) <= names
    takeover = "server_no_context_takeover" not in answer
    bits = int(answer.get("server_max_window_bits", 15))
    assert any(
        (not takeover or not without) and (not wanted or bits <= wanted)
        for without, wanted in deflated.offers
    )
    return Deflate(
        out_bits=int(answer.get("client_max_window_bits", 15)),
        out_takeover="client_no_context_takeover" not in answer,
        in_bits=bits,
        in_takeover=takeover,
    )


def _choose(offered: str | None, deflated: Deflated) -> tuple[str, Deflate]:
    """What the peer answers to a client's first offer, as a server."""
    assert offered, "not offered"
    offer = _parameters(offered.split(",")[0])
    without_takeover, bits = deflated.offers[0]
    answer = ["permessage-deflate"]
    used = Deflate()
    if "server_no_context_takeover" in offer:
        answer.append("server_no_context_takeover")
        used.out_takeover = False
    if offer.get("server_max_window_bits"):
        used.out_bits = int(offer["server_max_window_bits"])
        answer.append(f"server_max_window_bits={used.out_bits}")
    if without_takeover:
        answer.append("client_no_context_takeover")
        used.in_takeover = False
    if bits:
        assert "client_max_window_bits" in offer
        used.in_bits = min(bits, int(offer["client_max_window_bits"] or 15))
        answer.append(f"client_max_window_bits={used.in_bits}")
    return "; ".join(answer), used
