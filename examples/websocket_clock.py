"""A live clock: a page that shows the server's time, which is sent to everybody at once.

python examples/websocket_clock.py [ADDRESS [SECONDS]]        SECONDS is how long a tick takes
"""

import sys
import time

from galidia import EV_HTTP_REQUEST, Handler, Manager, handles
from galidia.websocket import send_many

PAGE = b"""<!DOCTYPE html>
<title>Clock</title>
<h1 id="time">...</h1>
<script>
  const url = new URL("clock", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  new WebSocket(url).onmessage = (message) => {
    document.getElementById("time").textContent = message.data;
  };
</script>
"""


@handles(EV_HTTP_REQUEST)
def page(c, ev, req):
    req.reply(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})


class Clock(Handler):
    def __init__(self):
        self.watchers = set()

    def on_websocket_handshake_done(self, c, req):
        self.watchers.add(c)

    def on_close(self, c, data):
        self.watchers.discard(c)

    def tick(self):
        send_many(self.watchers, time.strftime("%H:%M:%S"))


def main(address="http://127.0.0.1:8000", seconds="1"):
    clock = Clock()
    with Manager() as mgr:
        listener = mgr.bind(address)
        listener.endpoint("/", page, methods="GET")
        listener.endpoint("/clock", clock, methods="GET")
        mgr.call_every(float(seconds), clock.tick)
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
