"""Static files.  Arguments: PORT FOLDER"""

import sys
from typing import Any

from galidia import EV_HTTP_REQUEST, Connection, Manager, handles
from galidia.http import StaticFiles

files = StaticFiles(sys.argv[2])


@handles(EV_HTTP_REQUEST)
def serve(c: Connection, ev: int, req: Any) -> None:
    files.serve(req)


with Manager() as mgr:
    mgr.bind(f"http://127.0.0.1:{sys.argv[1]}", serve)
    mgr.run()
