"""A client of the chat for the terminal: each line of standard input is said, until its end.

python examples/websocket_chat_client.py NAME [URL]           URL of the room: ws://HOST:PORT/join
"""

import sys
import threading
from urllib.parse import quote

from galidia import Handler, Manager


class Client(Handler):
    opened = False

    def on_websocket_handshake_done(self, c, reply):
        self.opened = reply.status == 101
        if self.opened:
            threading.Thread(target=self.read_input, args=(c,), daemon=True).start()

    def on_websocket_frame(self, c, message):
        print(message.text, flush=True)

    def on_close(self, c, data):
        c.mgr.stop()
        if not self.opened:
            sys.exit(f"not connected: {c.error}")
        if c.protocol.close_code not in (1000, 1001):
            sys.exit(f"closed: {c.protocol.close_code} {c.protocol.close_reason or c.error}")

    def read_input(self, c):  # in a thread: reading standard input blocks
        for line in sys.stdin:
            c.mgr.call_soon_threadsafe(c.ws_send, line.rstrip("\n"))
        c.mgr.call_soon_threadsafe(c.ws_close)


def main(name, url="ws://127.0.0.1:8000/join"):
    with Manager() as mgr:
        mgr.connect(f"{url}/{quote(name, safe='')}", Client())
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
