"""Batches of look-ups by dnspython's asynchronous resolver, on uvloop.  Arguments: PORT SECONDS"""

import asyncio
import sys
from itertools import count

import dns.asyncresolver
import uvloop
from batches import ADDRESS, AT_A_TIME, LOOKUPS, Batches


async def worker(resolver: dns.asyncresolver.Resolver, numbers: "count[int]") -> None:
    for _ in range(LOOKUPS // AT_A_TIME):
        answer = await resolver.resolve(f"n{next(numbers)}.many.test", "A")
        assert answer[0].address == ADDRESS


async def main() -> None:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], int(sys.argv[1])
    batches, numbers = Batches(float(sys.argv[2]), LOOKUPS), count()
    while True:
        await asyncio.gather(*(worker(resolver, numbers) for _ in range(AT_A_TIME)))
        if not batches.next():
            return


uvloop.run(main())
