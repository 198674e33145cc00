"""Batches of look-ups by aiodns, which is c-ares, on uvloop.  Arguments: PORT SECONDS"""

import asyncio
import sys
from itertools import count

import aiodns
import uvloop
from batches import ADDRESS, AT_A_TIME, LOOKUPS, Batches


async def worker(resolver: aiodns.DNSResolver, numbers: "count[int]") -> None:
    for _ in range(LOOKUPS // AT_A_TIME):
        result = await resolver.query_dns(f"n{next(numbers)}.many.test", "A")
        assert result.answer[0].data.addr == ADDRESS


async def main() -> None:
    port = int(sys.argv[1])
    resolver = aiodns.DNSResolver(nameservers=["127.0.0.1"], udp_port=port, tcp_port=port)
    batches, numbers = Batches(float(sys.argv[2]), LOOKUPS), count()
    while True:
        await asyncio.gather(*(worker(resolver, numbers) for _ in range(AT_A_TIME)))
        if not batches.next():
            return


uvloop.run(main())
