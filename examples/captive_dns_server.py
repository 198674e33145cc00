"""A captive portal's DNS: every name has the one address of the portal.

python examples/captive_dns_server.py [ADDRESS [PORTAL]]   then: dig -p 5533 @127.0.0.1 any.example

What is asked for anything but addresses gets an answer without records: the name exists, but has
nothing of that type. Over TCP the same answers come: it is one bind for both.
"""

import sys

from galidia import EV_DNS_MESSAGE, Manager, handles
from galidia.dns import A, Type


def captive(portal):
    @handles(EV_DNS_MESSAGE)
    def handler(c, ev, query):
        reply = query.reply()
        for question in query.questions:
            if question.type == Type.A:
                reply.add(question.name, A(portal), ttl=60)
        reply.send()

    return handler


def main(address="dns://127.0.0.1:5533", portal="127.0.0.1"):
    with Manager() as mgr:
        listener = mgr.bind(address, captive(portal))
        print("listening on", listener.local, flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
