"""Uploads of any size, written to disk as they come: no more than a piece is ever in memory.

python examples/big_upload.py [ADDRESS [FOLDER]]
curl -T film.mkv http://127.0.0.1:8000/films/
"""

import hashlib
import os
import sys
from pathlib import Path

from galidia import Handler, Manager


class Uploads(Handler):
    """``c.user_data`` is the upload that a connection is at: a file, and the digest so far."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def on_http_chunk(self, c, req):
        if c.user_data is None:
            c.user_data = (self.folder / f".{c.id}.part").open("wb"), hashlib.sha256()
        file, digest = c.user_data
        data = req.take()  # whoever takes what has come may be sent any amount
        file.write(data)
        digest.update(data)

    def on_http_request(self, c, req):
        if c.user_data is None:  # nothing comes of an empty body
            self.on_http_chunk(c, req)
        file, digest = c.user_data
        if "/" in req.params["name"]:  # it was encoded, so it did not end the segment
            req.error(400, "this cannot be the name of a file")
        else:
            os.replace(file.name, self.folder / req.params["name"])
            req.reply(201, {"size": file.tell(), "sha256": digest.hexdigest()})
        self.on_close(c, None)

    def on_close(self, c, data):
        """What is here at the end of the connection was cut off: there is no request for it."""
        if c.user_data is not None:
            c.user_data[0].close()
            Path(c.user_data[0].name).unlink(missing_ok=True)
            c.user_data = None


def main(address="http://127.0.0.1:8000", folder="."):
    with Manager() as mgr:
        listener = mgr.bind(address)
        listener.endpoint("/films/{name}", Uploads(folder), methods="PUT")
        print(f"listening on http://{listener.local}/films/", flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
