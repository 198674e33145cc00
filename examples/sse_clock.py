"""Server-sent events: a page with a clock that the server drives.

python examples/sse_clock.py [ADDRESS [SECONDS]]         SECONDS is how long a tick takes
"""

import sys
import time

from galidia import EV_HTTP_REQUEST, Manager, handles

PAGE = b"""<!DOCTYPE html>
<title>Clock</title>
<h1 id="time">...</h1>
<script>
  const clock = document.getElementById("time");
  new EventSource("/clock").addEventListener("tick", (event) => {
    clock.textContent = JSON.parse(event.data).time;
  });
</script>
"""


@handles(EV_HTTP_REQUEST)
def page(c, ev, req):
    req.reply(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})


def main(address="http://127.0.0.1:8000", seconds="1"):
    streams = set()

    @handles(EV_HTTP_REQUEST)
    def clock(c, ev, req):
        streams.add(req.events())

    def tick():
        for stream in [stream for stream in streams if stream.closed]:
            streams.remove(stream)  # the client has gone
        now = time.strftime("%H:%M:%S")
        for stream in streams:
            stream.send({"time": now}, event="tick")

    with Manager() as mgr:
        listener = mgr.bind(address)
        listener.endpoint("/", page, methods="GET")
        listener.endpoint("/clock", clock, methods="GET")
        mgr.call_every(float(seconds), tick)
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
