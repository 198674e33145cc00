"""HTTP (or, given a certificate and a key, HTTPS) hello.  Arguments: PORT [CERT KEY]"""

import ssl
import sys
from typing import Any

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles


@handles(EV_HTTP_REQUEST)
def hello(c: Connection, ev: int, req: Any) -> None:
    req.reply(200, b"Hello, world!")


port, *tls = sys.argv[1:]
with Manager() as mgr:
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.load_cert_chain(*tls)
        mgr.bind(f"https://127.0.0.1:{port}", hello, tls=context)
    else:
        mgr.bind(f"http://127.0.0.1:{port}", hello)
    mgr.run()
