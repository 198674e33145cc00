"""WebSocket on picows, on uvloop: echo, or what one says is sent to all.

Arguments: PORT echo|broadcast
"""

import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

everybody: set[WSTransport] = set()


class Echo(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


class Broadcast(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        everybody.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        everybody.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        kind, payload = frame.msg_type, frame.get_payload_as_bytes()
        for other in everybody:
            other.send(kind, payload)


async def main() -> None:
    port, kind = sys.argv[1:]
    made = Echo if kind == "echo" else Broadcast
    server = await ws_create_server(lambda request: made(), "127.0.0.1", int(port), backlog=4096)
    await server.serve_forever()


uvloop.run(main())
