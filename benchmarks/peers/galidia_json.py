"""A dict as the reply.  Arguments: PORT [standard]

"standard": without orjson, as if the extra `fast` were not installed.
"""

import sys
from typing import Any

from payload import PAYLOAD

if sys.argv[2:] == ["standard"]:
    sys.modules["orjson"] = None  # type: ignore[assignment]

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles


@handles(EV_HTTP_REQUEST)
def answer(c: Connection, ev: int, req: Any) -> None:
    req.reply(200, PAYLOAD)


with Manager() as mgr:
    mgr.bind(f"http://127.0.0.1:{sys.argv[1]}", answer)
    mgr.run()
