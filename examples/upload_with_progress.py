"""A page that uploads files and shows how far it is; what was interrupted goes on where it was.

python examples/upload_with_progress.py [ADDRESS [FOLDER]]
"""

import sys
from pathlib import Path

from galidia import EV_HTTP_REQUEST, Manager, handles
from galidia.http import Uploads

PAGE = (Path(__file__).parent / "upload_page.html").read_bytes()


@handles(EV_HTTP_REQUEST)
def page(c, ev, req):
    req.reply(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})


def main(address="http://127.0.0.1:8000", folder="."):
    with Manager() as mgr:
        listener = mgr.bind(address)
        listener.endpoint("/", page, methods="GET")
        listener.endpoint("/files/{path...}", Uploads(folder), methods=["PUT", "POST"])
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
