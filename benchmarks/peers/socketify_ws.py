"""WebSocket on socketify: echo, or what one says is sent to all.  Arguments: PORT echo|broadcast"""

import sys
from typing import Any

from socketify import App, AppListenOptions, CompressOptions

ROOM = "everybody"
port, kind = sys.argv[1:]
app = App(lifespan=False)


def echo(ws: Any, message: bytes | str, opcode: int) -> None:
    ws.send(message, opcode)


def broadcast(ws: Any, message: bytes | str, opcode: int) -> None:
    app.publish(ROOM, message, opcode)


def opened(ws: Any) -> None:
    if kind == "broadcast":
        ws.subscribe(ROOM)


app.ws(
    "/*",
    {
        "compression": CompressOptions.DISABLED,
        "max_payload_length": 16 << 20,
        "max_backpressure": 16 << 20,
        "idle_timeout": 120,
        "open": opened,
        "message": echo if kind == "echo" else broadcast,
    },
)
app.listen(AppListenOptions(port=int(port), host="127.0.0.1"))
app.run()
