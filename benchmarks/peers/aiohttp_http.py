"""HTTP hello on aiohttp's low-level server (no router), on uvloop.  Argument: PORT"""

import asyncio
import sys

import uvloop
from aiohttp import web


async def hello(request: web.BaseRequest) -> web.Response:
    return web.Response(body=b"Hello, world!")


async def main() -> None:
    server = web.Server(hello, access_log=None)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(server, "127.0.0.1", int(sys.argv[1]))
    await listener.serve_forever()


uvloop.run(main())
