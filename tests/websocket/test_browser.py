"""Chromium as a client, driven by the library's own: each test is a page that opens WebSockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from galidia import EV_HTTP_REQUEST, Connection, Handler, Manager, handles
from galidia.http import HttpOptions
from galidia.websocket import Deflate, WebSocketOptions
from tests.browser import Browser

#: Opens a socket and tells the story of it: what is sent is awaited before the next.
PLAY = """async (path, protocols, messages, code, reason) => {
    const story = [];
    const socket = new WebSocket(`ws://${location.host}${path}`, protocols);
    socket.binaryType = "arraybuffer";
    const next = () => new Promise((done) => { told = done; });
    let told;
    socket.onopen = () => told(["open", socket.protocol, socket.extensions]);
    socket.onmessage = ({data}) => told(data);
    socket.onerror = () => story.push("error");
    socket.onclose = (event) => told(["close", event.code, event.reason, event.wasClean]);
    story.push(await next());
    for (const {text, size} of messages) {
        if (socket.readyState !== WebSocket.OPEN) break;
        const sent = text ?? crypto.getRandomValues(new Uint8Array(size));
        const coming = next();
        socket.send(sent);
        const data = await coming;
        if (Array.isArray(data)) story.push(data);
        else if (text !== undefined) story.push(data === text);
        else story.push(data.byteLength === size
            && new Uint8Array(data).every((octet, i) => octet === sent[i]));
    }
    if (socket.readyState === WebSocket.OPEN) {
        const coming = next();
        socket.close(code, reason);
        story.push(await coming);
    }
    return story;
}"""
MESSAGES = [
    {"text": ""},
    {"text": "a\u00e4\u20ac\U0001d11e"},
    {"text": "again and " * 10_000},
    *({"size": size} for size in (0, 1, 125, 126, 65535, 65536)),
]


class Site(Handler):
    """A page, and echoes; remembers how the connections were closed."""

    def __init__(self) -> None:
        self.closed: list[tuple[int, str]] = []

    def on_http_request(self, c: Connection, req: Any) -> None:
        req.reply(200, "<!doctype html>", {"Content-Type": "text/html"})

    def on_websocket_frame(self, c: Any, message: Any) -> None:
        if message.data == b"close":
            c.ws_close(3999, "as asked")
        else:
            c.ws_send(message.data, message.opcode)

    def on_websocket_control_frame(self, c: Connection, message: Any) -> None:
        if message.opcode == 8:
            self.closed.append((message.code, message.reason))


@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "deflate"])
def test_chromium(mgr: Manager, tmp_path: Path, deflate: Deflate | None) -> None:
    site = Site()
    options = HttpOptions(websocket=WebSocketOptions(deflate=deflate, subprotocols=("two",)))
    listener = mgr.bind("http://127.0.0.1:0", site, options=options)

    @handles(EV_HTTP_REQUEST)
    def nothing_here(c: Connection, ev: int, req: Any) -> None:
        req.error(404)

    listener.endpoint("/nothing", nothing_here)
    with Browser(mgr, tmp_path) as browser:
        window = browser.open(f"http://{listener.local}/")

        opened, *rest = window.evaluate(PLAY, "/", ["one", "two"], MESSAGES, 4321, "enough, \u00e4")
        assert opened[:2] == ["open", "two"]
        assert opened[2].startswith("permessage-deflate") == bool(deflate)
        assert rest == [True] * len(MESSAGES) + [["close", 4321, "enough, \u00e4", True]]
        assert site.closed == [(4321, "enough, \u00e4")]

        story = window.evaluate(PLAY, "/", [], [{"text": "close"}], 1000, "")
        assert story[1:] == [["close", 3999, "as asked", True]]

        refused = ["error", ["close", 1006, "", False]]
        assert window.evaluate(PLAY, "/nothing", [], [], 1000, "") == refused
        assert window.evaluate(PLAY, "/", ["unknown"], [], 1000, "") == refused
