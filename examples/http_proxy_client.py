"""Fetches a URL through an HTTP proxy: a tunnel is made where the URL is https.

python examples/http_proxy_client.py [USER:PASSWORD@]PROXY:PORT URL [option=value ...]

Options are those of connect, as in ca=ca.pem. Without a proxy in the arguments, as in
`fetch(mgr, url, done)`, the environment says which one: http_proxy, https_proxy, no_proxy.
"""

import sys

from galidia import Manager
from galidia.http import fetch


def main(proxy, url, *words):
    def done(result):
        if result.error:
            failures.append(result.error)
        else:
            print(result.status, result.reason, file=sys.stderr)
            sys.stdout.buffer.write(result.body)
        mgr.stop()

    failures = []
    options = dict(word.split("=", 1) for word in words)
    with Manager() as mgr:
        fetch(mgr, url, done, proxy=f"http://{proxy}", **options)
        mgr.run()
    if failures:
        sys.exit(f"http_proxy_client: {type(failures[0]).__name__}: {failures[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:] if len(sys.argv) > 2 else sys.exit(__doc__))
