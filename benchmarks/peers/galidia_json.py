"""A dict as the reply.  Argument: PORT"""

import sys
from typing import Any

from payload import PAYLOAD

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles


@handles(EV_HTTP_REQUEST)
def answer(c: Connection, ev: int, req: Any) -> None:
    req.reply(200, PAYLOAD)


with Manager() as mgr:
    mgr.bind(f"http://127.0.0.1:{sys.argv[1]}", answer)
    mgr.run()
