"""A site with scripts (*.cgi) and with pages that include others (*.shtml).

python examples/cgi_and_ssi_site.py [FOLDER [ADDRESS]]

Without a folder it makes a small one to look at. What a page says with <!--#call visitors --> is
answered here.
"""

import sys
import tempfile
from pathlib import Path

from galidia import EV_HTTP_REQUEST, EV_SSI_CALL, Manager, handles
from galidia.http import Cgi, Ssi, StaticFiles

SITE = {
    "index.shtml": '<!--#include file="head.html" -->You are visitor <!--#call visitors -->.\n'
    '<form action="hello.cgi"><input name="name"><button>Say hello</button></form>\n',
    "head.html": "<!doctype html><meta charset=utf-8><title>A small site</title>\n",
    "hello.cgi": """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
echo "This is $SCRIPT_NAME, asked for $QUERY_STRING by $REMOTE_ADDR."
""",
}


def make_site(folder):
    for name, text in SITE.items():
        path = Path(folder, name)
        path.write_text(text)
        path.chmod(0o755 if name.endswith(".cgi") else 0o644)


def main(folder=None, address="http://127.0.0.1:8000"):
    if folder is None:
        folder = tempfile.mkdtemp()
        make_site(folder)
    visitors = 0
    index = ("index.html", "index.shtml", "index.cgi")
    files = StaticFiles(folder, index=index, cgi=Cgi(folder, timeout=10), ssi=Ssi(folder))

    @handles(EV_HTTP_REQUEST, EV_SSI_CALL)
    def handler(c, ev, data):
        nonlocal visitors
        if ev == EV_HTTP_REQUEST:
            files.serve(data)
        elif data.text == "visitors":
            visitors += 1
            data.write(str(visitors))

    with Manager() as mgr:
        listener = mgr.bind(address, handler)
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()
    files.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
