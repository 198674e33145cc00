"""A form with a file, read in two ways: as a whole, and as it comes, which may be any amount.

python examples/form_upload.py [ADDRESS]
curl -F file=@film.mkv http://127.0.0.1:8000/stream
"""

import hashlib
import sys

from galidia import EV_HTTP_REQUEST, Handler, Manager, handles

PAGE = b"""<!DOCTYPE html><title>Upload</title>
<form method="post" action="/whole" enctype="multipart/form-data">
<input name="comment"><input type="file" name="file"><button>Send</button></form>"""


@handles(EV_HTTP_REQUEST)
def page(c, ev, req):
    req.reply(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})


@handles(EV_HTTP_REQUEST)
def whole(c, ev, req):
    form = req.form()  # all of it is in memory, so it has a limit: HttpOptions.body_limit
    files = {f.filename: hashlib.sha256(f.data).hexdigest() for f in form.files()}
    req.reply(200, {"comment": form.get("comment"), "sha256": files})


class Stream(Handler):
    """Who listens to the parts of a form gets them as they come."""

    def on_http_multipart_request(self, c, req):
        c.user_data = {}

    def on_http_part_begin(self, c, part):
        part.user_data = hashlib.sha256()

    def on_http_part_data(self, c, part):
        part.user_data.update(part.data)

    def on_http_part_end(self, c, part):
        c.user_data[part.filename or part.name] = part.user_data.hexdigest()

    def on_http_multipart_request_end(self, c, req):
        req.reply(200, {"sha256": c.user_data})


def main(address="http://127.0.0.1:8000"):
    with Manager() as mgr:
        listener = mgr.bind(address)
        listener.endpoint("/", page, methods="GET")
        listener.endpoint("/whole", whole, methods="POST")
        listener.endpoint("/stream", Stream(), methods="POST")
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
