"""A headless Chromium, driven through its debugging protocol by the library's own WebSocket client.

The protocol is JSON: calls with a number, answers with the same number, and events.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from galidia import Connection, Handler, Manager
from galidia.websocket import WebSocketOptions

PATIENCE = 100  # seconds; ends a browser that hangs
LARGEST = 16 << 20  # bytes of a message from the browser
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-extensions"),
    "--disable-breakpad",
    *("--no-default-browser-check", "--no-proxy-server", "--password-store=basic"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # nobody else is asked anything
]


class Browser(Handler):
    """Starts it in a folder of its own; a context manager that ends it.

    Everything happens in polls of ``mgr``, which servers and other clients may use as well.
    """

    def __init__(self, mgr: Manager, folder: Path) -> None:
        path = shutil.which("chromium")
        assert path, "chromium is needed: apt-get install chromium"
        self.mgr = mgr
        self.said = bytearray()
        self._number = 0
        self._answers: dict[int, Any] = {}
        self._loaded: set[str] = set()
        self._ready = False
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(path, *ARGUMENTS, f"--user-data-dir={folder}"),
                    *("--remote-debugging-port=0", "about:blank"),
                ],
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=theirs.fileno(),
                start_new_session=True,
            )
        self._errors = mgr.adopt(ours, self)
        self._c: Any = None

    def __enter__(self) -> Browser:
        try:
            self._connect()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    # -- events -----------------------------------------------------------------------------------

    def on_recv(self, c: Connection, count: int) -> None:
        if c is self._errors:
            self.said += c.recv_mbuf
            del c.recv_mbuf[:]

    def on_websocket_handshake_done(self, c: Connection, reply: Any) -> None:
        self._ready = True

    def on_websocket_frame(self, c: Connection, message: Any) -> None:
        told = json.loads(message.data)
        if "id" in told:
            self._answers[told["id"]] = told
        elif told["method"] == "Page.lifecycleEvent" and told["params"]["name"] == "load":
            self._loaded.add(told["params"]["loaderId"])

    # -- calls ------------------------------------------------------------------------------------

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Call a method of the protocol, and wait for its result."""
        self._number += 1
        number = self._number
        call = {"id": number, "method": method, "params": parameters}
        self._c.ws_send(json.dumps(call | ({"sessionId": session} if session else {})))
        self.wait(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, url: str) -> Window:
        """A new window with this page, which has been loaded."""
        made = self.call("Target.createTarget", url="about:blank", newWindow=True)
        attached = self.call("Target.attachToTarget", targetId=made["targetId"], flatten=True)
        window = Window(self, attached["sessionId"])
        window.call("Page.enable")
        window.call("Page.setLifecycleEventsEnabled", enabled=True)
        loader = window.call("Page.navigate", url=url)["loaderId"]
        self.wait(lambda: loader in self._loaded)
        return window

    def wait(self, condition: Callable[[], object]) -> None:
        """Poll until the condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.said.decode(errors="replace")
            assert self._c is None or not self._c.closed, f"the browser has gone: {self._c.error}"
            self.mgr.poll(50)

    def _connect(self) -> None:
        line = re.compile(rb"DevTools listening on (ws://\S+)")
        self.wait(lambda: line.search(self.said) or self._process.poll() is not None)
        found = line.search(self.said)
        assert found, self.said.decode(errors="replace")
        self._c = self.mgr.connect(
            found[1].decode(),
            self,
            options=WebSocketOptions(message_limit=LARGEST, frame_limit=LARGEST),
        )
        self.wait(lambda: self._ready)

    def _end(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        for c in (self._c, self._errors):
            if c is not None:
                c.close()


class Window:
    """One page in the browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser = browser
        self.session = session

    def call(self, method: str, **parameters: Any) -> Any:
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """What a JavaScript function returns, awaited; arguments and result are JSON."""
        told = self.call(
            "Runtime.evaluate",
            expression=f"({function})({', '.join(map(json.dumps, arguments))})",
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def type(self, selector: str, text: str) -> None:
        """Put the cursor into an element, type the text, and press Enter."""
        self.evaluate("(selector) => document.querySelector(selector).focus()", selector)
        self.call("Input.insertText", text=text)
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **key)

    def wait_for(self, selector: str, count: int) -> list[str]:
        """The texts of the elements, as soon as there are so many."""
        texts: list[str] = self.evaluate(WAIT_FOR, selector, count)
        return texts


WAIT_FOR = """(selector, count) => new Promise((done) => {
    const look = () => {
        const found = [...document.querySelectorAll(selector)];
        if (found.length < count) return false;
        observer.disconnect();
        done(found.map((element) => element.textContent));
        return true;
    };
    const observer = new MutationObserver(look);
    look() || observer.observe(document, {subtree: true, childList: true, characterData: true});
})"""
