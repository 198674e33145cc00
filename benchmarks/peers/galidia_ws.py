"""WebSocket: echo, or what one says is sent to all.  Arguments: PORT echo|broadcast"""

import sys
from typing import Any

from galidia import EV_WEBSOCKET_FRAME, Connection, Handler, Manager, handles
from galidia.websocket import send_many


@handles(EV_WEBSOCKET_FRAME)
def echo(c: Connection, ev: int, message: Any) -> None:
    c.ws_send(message.data, message.opcode)


class Broadcast(Handler):
    def __init__(self) -> None:
        self.everybody: set[Connection] = set()

    def on_websocket_handshake_done(self, c: Connection, req: Any) -> None:
        self.everybody.add(c)

    def on_websocket_frame(self, c: Connection, message: Any) -> None:
        send_many(self.everybody, message.data, message.opcode)

    def on_close(self, c: Connection, data: None) -> None:
        self.everybody.discard(c)


port, kind = sys.argv[1:]
with Manager() as mgr:
    mgr.bind(f"ws://127.0.0.1:{port}", echo if kind == "echo" else Broadcast())
    mgr.run()
