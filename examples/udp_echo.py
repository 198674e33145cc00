"""UDP echo: every datagram goes back to where it came from.

python examples/udp_echo.py [ADDRESS]         then: python examples/netcat.py -u 127.0.0.1:1234

Each sender has a connection of its own for as long as one exchange takes, and all of them share the
listener's socket. A handler that clears F_SEND_AND_CLOSE keeps it, with what it stored in
c.user_data, until it closes it.
"""

import sys

from galidia import EV_ACCEPT, EV_RECV, Manager, handles


@handles(EV_ACCEPT, EV_RECV)
def echo(c, ev, data):
    if ev == EV_ACCEPT:
        print("from", data, flush=True)
    elif ev == EV_RECV:
        c.send(c.recv_mbuf)  # one send is one datagram


def main(address="udp://127.0.0.1:1234"):
    with Manager() as mgr:
        listener = mgr.bind(address, echo)
        print("listening on", listener.local, flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
