"""HTTP hello.  Argument: PORT"""

import sys
from typing import Any

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles


@handles(EV_HTTP_REQUEST)
def hello(c: Connection, ev: int, req: Any) -> None:
    req.reply(200, b"Hello, world!")


with Manager() as mgr:
    mgr.bind(f"http://127.0.0.1:{sys.argv[1]}", hello)
    mgr.run()
