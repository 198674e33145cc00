"""Netcat: joins standard input and output to a connection, or with -l to the first that comes.

python examples/netcat.py [-l] [-u] [option=value ...] ADDRESS

ADDRESS is HOST:PORT (-u: of UDP), tls://HOST:PORT or unix:PATH; options are those of connect and
bind, as in ca=ca.pem cert=client.pem key=client.key
"""

import os
import sys
import threading

from galidia import F_SEND_AND_CLOSE, F_UDP, Handler, Manager


class Netcat(Handler):
    partner, sent = None, threading.Event()

    def on_connect(self, c, error):
        if error:
            sys.exit(f"netcat: {c.error}")
        self.partner = c
        threading.Thread(target=self.read_input, args=(c,), daemon=True).start()

    def on_accept(self, c, peer):
        if self.partner is not None:
            return c.close()
        c.flags &= ~F_SEND_AND_CLOSE  # a UDP peer lives for one exchange otherwise
        self.on_connect(c, 0)

    def on_recv(self, c, count):
        while c.recv_mbuf:
            del c.recv_mbuf[: os.write(1, c.recv_mbuf)]

    def on_send(self, c, count):
        if not c.send_mbuf:
            self.sent.set()

    def on_close(self, c, data):
        if c is self.partner:
            c.mgr.stop()

    def read_input(self, c):  # in a thread: reading standard input blocks
        while block := os.read(0, 65000):  # fits into a datagram
            self.sent.clear()
            c.mgr.call_soon_threadsafe(c.send, block)
            self.sent.wait()
        if not c.flags & F_UDP:  # end this side and wait for the other's end
            c.mgr.call_soon_threadsafe(c.close_after_recv)


*words, address = [w for w in sys.argv[1:] if w not in ("-l", "-u")] or sys.exit(__doc__)
options = dict(word.split("=", 1) for word in words)
with Manager() as mgr:
    start = mgr.bind if "-l" in sys.argv else mgr.connect
    c = start(f"udp://{address}" if "-u" in sys.argv else address, Netcat(), **options)
    if start == mgr.bind:
        print("listening on", c.local, file=sys.stderr, flush=True)
    mgr.run()
