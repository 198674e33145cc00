"""WebSocket echo on aiohttp's low-level server (no router), on uvloop.  Arguments: PORT echo"""

import asyncio
import sys

import uvloop
from aiohttp import WSMsgType, web


async def echo(request: web.BaseRequest) -> web.WebSocketResponse:
    response = web.WebSocketResponse(compress=False)
    await response.prepare(request)
    async for message in response:
        if message.type is WSMsgType.BINARY:
            await response.send_bytes(message.data)
        elif message.type is WSMsgType.TEXT:
            await response.send_str(message.data)
    return response


async def main() -> None:
    server = web.Server(echo, access_log=None)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(server, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await listener.serve_forever()


uvloop.run(main())
