"""An HTTP client: makes one request and prints the reply as it comes.

python examples/http_client.py URL [METHOD [BODY]] [option=value ...]

BODY may be @FILE, which is sent without being read into memory; options are those of connect, as
in ca=ca.pem
"""

import os
import sys
from pathlib import Path

from galidia import Handler, Manager


class Client(Handler):
    reply = None

    def on_http_chunk(self, c, reply):
        if self.reply is None:
            self.print_head(reply)
        os.write(1, reply.take())  # it will not be held whole

    def on_http_reply(self, c, reply):
        if self.reply is None:  # it has no body
            self.print_head(reply)
        c.close()

    def print_head(self, reply):
        self.reply = reply
        print(f"{reply.version} {reply.status} {reply.reason}", file=sys.stderr)
        for name, value in reply.headers:
            print(f"{name}: {value}", file=sys.stderr)

    def on_close(self, c, data):
        self.error = c.error
        c.mgr.stop()


def main(url, method="GET", body=None, **options):
    if body is not None:
        options["body"] = Path(body[1:]) if body.startswith("@") else body
    client = Client()
    with Manager() as mgr:
        mgr.connect(url, client, method=method, **options)
        mgr.run()
    if client.error:
        sys.exit(f"http_client: {client.error}")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if "=" not in word or "://" in word]
    options = dict(word.split("=", 1) for word in sys.argv[1:] if word not in words)
    main(*words or sys.exit(__doc__), **options)
