"""A reverse proxy: other servers answer, and this one says who is asked, and notes what came of it.

python examples/reverse_proxy.py ADDRESS URL [URL ...]
python examples/reverse_proxy.py http://127.0.0.1:8000 http://127.0.0.1:9000 http://127.0.0.1:9001

What is below /api/ goes to the upstreams, to the one with the fewest requests; WebSockets and
streams of events pass. GET /status says how busy they are.
"""

import sys

from galidia import EV_HTTP_REQUEST, Manager, handles
from galidia.http import AccessLog, ReverseProxy


def main(address="http://127.0.0.1:8000", *urls):
    proxy = ReverseProxy(*(urls or ["http://127.0.0.1:9000"]), via="galidia", reply_timeout=30)
    log = AccessLog("-")  # the standard output

    @handles(EV_HTTP_REQUEST)
    def status(c, ev, req):
        req.reply(200, {upstream.name: upstream.active for upstream in proxy.upstreams.all})

    with Manager() as mgr:
        listener = mgr.bind(address)
        listener.endpoint("/api/{path...}", proxy)
        listener.endpoint("/status", status, methods="GET")
        log.attach(listener)
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()
    log.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
