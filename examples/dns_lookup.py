"""Looks up names: their addresses, or their records of a type.

dns_lookup.py [-t TYPE] [-s SERVER] NAME...
"""

import argparse

from galidia import Manager
from galidia.dns import Resolver

parser = argparse.ArgumentParser()
parser.add_argument("-t", "--type", help="A, AAAA, MX, TXT, PTR, ...; without it, addresses")
parser.add_argument("-s", "--server", help="IP[#PORT]; without it, those of the system")
parser.add_argument("names", nargs="+")
options = parser.parse_args()


def resolver(mgr):
    if options.server is None:
        return Resolver(mgr)
    host, _, port = options.server.partition("#")
    return Resolver(mgr, servers=[(host, int(port or 53))])


def show(lookup):
    global left
    if lookup.error:
        print(f"{lookup.name}: {lookup.error}")
    for address in [] if options.type else lookup.addresses:
        print(f"{lookup.name}: {address}")
    for record in lookup.records:
        print(record)
    left -= 1
    if not left:
        mgr.stop()


left = len(options.names)
with Manager(resolver=resolver) as mgr:
    for name in options.names:
        mgr.resolve(name, show, options.type)
    mgr.run()
