"""A chat in the browser: what one says goes to everybody. The page is in chat/.

python examples/websocket_chat.py [ADDRESS]     and open http://127.0.0.1:8000/ in two windows

Who reads too slowly loses the oldest messages and holds nobody up.
"""

import sys
from pathlib import Path

from galidia import EV_HTTP_REQUEST, Handler, Manager, handles
from galidia.http import Files, HttpOptions
from galidia.websocket import WebSocketOptions, send_many

LONGEST = 1000  # bytes of a message
LIMIT = 1 << 16  # bytes that wait for one who reads slowly


class Room(Handler):
    def __init__(self):
        self.people = {}

    def say(self, text):
        send_many(self.people, text)

    def on_websocket_handshake_done(self, c, req):
        self.people[c] = req.params["name"]
        self.say(f"* {self.people[c]} has come")

    def on_websocket_frame(self, c, message):
        self.say(f"{self.people[c]}: {message.text}")

    def on_close(self, c, data):
        if name := self.people.pop(c, None):
            self.say(f"* {name} has gone")


def main(address="http://127.0.0.1:8000"):
    limits = HttpOptions(websocket=WebSocketOptions(message_limit=LONGEST, ping_interval=20))
    files = Files(Path(__file__).parent / "chat")

    @handles(EV_HTTP_REQUEST)
    def page(c, ev, req):
        files.serve(req)

    with Manager() as mgr:
        listener = mgr.bind(
            address, page, options=limits, congestion="drop_oldest", send_mbuf_limit=LIMIT
        )
        listener.endpoint("/join/{name}", Room())
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()
    files.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
