"""TCP (or, given a certificate and a key, TLS) echo.  Arguments: PORT [CERT KEY]"""

import sys

from galidia import EV_RECV, Connection, Manager, handles


@handles(EV_RECV)
def echo(c: Connection, ev: int, data: int) -> None:
    c.send(c.recv_mbuf)
    del c.recv_mbuf[:]


port, *tls = sys.argv[1:]
with Manager() as mgr:
    if tls:
        mgr.bind(f"tls://127.0.0.1:{port}", echo, cert=tls[0], key=tls[1])
    else:
        mgr.bind(f"tcp://127.0.0.1:{port}", echo)
    mgr.run()
