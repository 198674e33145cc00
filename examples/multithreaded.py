"""Work in threads: each line is a password, the answer is its slowly derived key.

python examples/multithreaded.py [ADDRESS]         then: python examples/netcat.py 127.0.0.1:1234

The manager serves all connections from one thread and never waits for the work. A connection has
one line in work at a time; what it sends meanwhile waits in recv_mbuf, which has a limit.
"""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor

from galidia import EV_RECV, Manager, handles

LINE_LIMIT = 1000


def derive(password):
    return hashlib.pbkdf2_hmac("sha256", password, b"salt", 100_000).hex().encode() + b"\n"


class Server:
    def __init__(self, mgr, pool):
        self.mgr, self.pool = mgr, pool

    @handles(EV_RECV)
    def on_recv(self, c, ev, data):
        self.next_line(c)

    def next_line(self, c):
        end = c.recv_mbuf.find(b"\n")
        if end > LINE_LIMIT or (end < 0 and len(c.recv_mbuf) > LINE_LIMIT):
            c.close()
        elif end >= 0 and not c.user_data:
            c.user_data = True  # busy
            line = bytes(c.recv_mbuf[:end])
            del c.recv_mbuf[: end + 1]
            self.pool.submit(self.work, c, line)

    def work(self, c, line):  # in a thread of the pool, which touches no connection
        self.mgr.call_soon_threadsafe(self.done, c, derive(line))

    def done(self, c, answer):  # in the manager's thread again
        c.user_data = False
        c.send(answer)  # does nothing if it has closed meanwhile
        self.next_line(c)


def main(address="tcp://127.0.0.1:1234"):
    with ThreadPoolExecutor() as pool, Manager() as mgr:
        print("listening on", mgr.bind(address, Server(mgr, pool).on_recv).local, flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
