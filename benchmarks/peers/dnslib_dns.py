"""DNS answers from a zone, by dnslib's own resolver for zones.  Arguments: PORT FILE"""

import sys
import threading

from dnslib import QTYPE, RCODE, RR
from dnslib.server import BaseResolver, DNSLogger, DNSServer


class Zone(BaseResolver):
    """The records of a master file, found by name."""

    def __init__(self, text: str) -> None:
        self.records: dict[str, list[RR]] = {}
        for rr in RR.fromZone(text):
            self.records.setdefault(str(rr.rname), []).append(rr)

    def resolve(self, request, handler):
        reply = request.reply()
        found = self.records.get(str(request.q.qname), [])
        for rr in found:
            if QTYPE[rr.rtype] == QTYPE[request.q.qtype]:
                reply.add_answer(rr)
        if not found:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


port, path = sys.argv[1:]
with open(path) as file:
    resolver = Zone(file.read())
silent = DNSLogger("-request,-reply,-truncated,-error", prefix=False)
server = DNSServer(resolver, port=int(port), address="127.0.0.1", logger=silent)
server.start_thread()
threading.Event().wait()
