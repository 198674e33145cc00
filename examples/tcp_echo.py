"""TCP echo: every client gets back what it sends.

python examples/tcp_echo.py [ADDRESS]         then: python examples/netcat.py 127.0.0.1:1234
"""

import sys

from galidia import EV_RECV, Manager, handles


@handles(EV_RECV)
def echo(c, ev, data):
    c.send(c.recv_mbuf)
    del c.recv_mbuf[:]


def main(address="tcp://127.0.0.1:1234"):
    with Manager() as mgr:
        listener = mgr.bind(address, echo)
        print("listening on", listener.local, flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
