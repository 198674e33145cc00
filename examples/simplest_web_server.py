"""A web server: serves a folder.

python examples/simplest_web_server.py [ADDRESS [FOLDER]]
"""

import sys
from pathlib import Path

from galidia import EV_HTTP_REQUEST, Manager, handles
from galidia.http import StaticFiles


def main(address="http://127.0.0.1:8000", folder=Path(__file__).parent / "site"):
    files = StaticFiles(folder)

    @handles(EV_HTTP_REQUEST)
    def serve(c, ev, req):
        if req.path == "/hello":
            req.reply(200, "hello\n")
        else:
            files.serve(req)

    with Manager() as mgr:
        listener = mgr.bind(address, serve)
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()
    files.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
