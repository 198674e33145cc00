"""Resolves names from standard input, one on a line, all at once; 1,000 of them are nothing.

resolve_many.py [SERVER[#PORT]] < NAMES
"""

import sys
import time

from galidia import Manager
from galidia.dns import Resolver


def resolver(mgr):
    if len(sys.argv) == 1:
        return Resolver(mgr)
    host, _, port = sys.argv[1].partition("#")
    return Resolver(mgr, servers=[(host, int(port or 53))])


def found(lookup):
    results.append(lookup)
    print(lookup.name, *lookup.addresses or [lookup.error])
    if len(results) == len(names):
        mgr.stop()


names = sys.stdin.read().split()
results = []
with Manager(resolver=resolver) as mgr:
    started = time.perf_counter()
    for name in names:
        mgr.resolve(name, found)
    if names:
        mgr.run()
    seconds = time.perf_counter() - started
failed = sum(lookup.error is not None for lookup in results)
print(f"{len(names)} names in {seconds:.2f} s, {failed} without address", file=sys.stderr)
