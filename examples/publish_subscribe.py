"""Publish and subscribe: a chat over plain TCP, each line goes to everybody else.

python examples/publish_subscribe.py [ADDRESS]    then: python examples/netcat.py 127.0.0.1:1234

Who reads too slowly loses the oldest lines and holds nobody up.
"""

import sys

from galidia import EV_ACCEPT, EV_CLOSE, EV_RECV, Manager, handles

LINE_LIMIT = 1000


def publish(mgr, line, sender):
    for other in mgr:
        if other.listener is not None and other is not sender:
            other.send(line)


@handles(EV_ACCEPT, EV_RECV, EV_CLOSE)
def chat(c, ev, data):
    if c.listener is None:
        return  # the listener closes too
    name = str(c.peer).encode()
    if ev == EV_ACCEPT:
        publish(c.mgr, b"* %b has come\n" % name, c)
    elif ev == EV_RECV:
        while (end := c.recv_mbuf.find(b"\n") + 1) > 0:
            publish(c.mgr, b"%b: %b" % (name, c.recv_mbuf[:end]), c)
            del c.recv_mbuf[:end]
        if len(c.recv_mbuf) > LINE_LIMIT:
            c.close()
    elif ev == EV_CLOSE:
        publish(c.mgr, b"* %b has gone\n" % name, c)


def main(address="tcp://127.0.0.1:1234"):
    with Manager() as mgr:
        listener = mgr.bind(address, chat, congestion="drop_oldest", send_mbuf_limit=1 << 16)
        print("listening on", listener.local, flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
