"""Batches of GETs by aiohttp's client, on uvloop.  Arguments: PORT SECONDS"""

import asyncio
import sys

import aiohttp
import uvloop
from batches import CONNECTIONS, HELLO, REQUESTS, Batches


async def worker(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(REQUESTS // CONNECTIONS):
        async with session.get(url) as response:
            assert response.status == 200
            assert await response.read() == HELLO


async def main() -> None:
    url = f"http://127.0.0.1:{sys.argv[1]}/"
    batches = Batches(float(sys.argv[2]))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        while True:
            await asyncio.gather(*(worker(session, url) for _ in range(CONNECTIONS)))
            if not batches.next():
                return


uvloop.run(main())
