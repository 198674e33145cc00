"""Takes the bodies of POST whole, 64 KiB each.  Argument: PORT"""

import sys
from typing import Any

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles


@handles(EV_HTTP_REQUEST)
def take(c: Connection, ev: int, req: Any) -> None:
    if len(req.body) == 65536:
        req.reply(200, b"Hello, world!")
    else:
        req.error(400)


with Manager() as mgr:
    mgr.bind(f"http://127.0.0.1:{sys.argv[1]}", take)
    mgr.run()
