"""HTTP hello on cymongoose.  Argument: PORT"""

import sys
from typing import Any

from cymongoose import MG_EV_HTTP_MSG, Connection, Manager


def hello(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, b"Hello, world!")


manager = Manager(hello)
manager.listen(f"http://127.0.0.1:{sys.argv[1]}")
manager.run(1000)
