"""WebSocket echo on websockets, on uvloop, without compression and pings.  Arguments: PORT echo"""

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, serve


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def main() -> None:
    options = {"compression": None, "ping_interval": None, "backlog": 4096}
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), **options):
        await asyncio.get_running_loop().create_future()


uvloop.run(main())
