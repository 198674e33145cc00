"""Batches of GETs by httpx's asynchronous client, on uvloop.  Arguments: PORT SECONDS"""

import asyncio
import sys

import httpx
import uvloop
from batches import CONNECTIONS, HELLO, REQUESTS, Batches


async def worker(client: httpx.AsyncClient, url: str) -> None:
    for _ in range(REQUESTS // CONNECTIONS):
        response = await client.get(url)
        assert response.status_code == 200
        assert response.content == HELLO


async def main() -> None:
    url = f"http://127.0.0.1:{sys.argv[1]}/"
    batches = Batches(float(sys.argv[2]))
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:
        while True:
            await asyncio.gather(*(worker(client, url) for _ in range(CONNECTIONS)))
            if not batches.next():
                return


uvloop.run(main())
