"""A site on HTTPS, and its plain port that sends everybody there.

sh examples/make_certificates.sh certificates
python examples/redirect_to_https.py [HTTP [HTTPS [CERTIFICATES]]]
curl --location --cacert certificates/ca.pem http://localhost:8000/
"""

import sys
from pathlib import Path

from galidia import EV_HTTP_REQUEST, Manager, handles
from galidia.http.redirect import redirect_to_https


@handles(EV_HTTP_REQUEST)
def site(c, ev, req):
    # from now on, for an hour, a browser takes HTTPS by itself
    req.reply(200, "hello, safely\n", {"Strict-Transport-Security": "max-age=3600"})


def main(http="http://127.0.0.1:8000", https="https://127.0.0.1:8443", certificates="certificates"):
    cert, key = Path(certificates, "server.pem"), Path(certificates, "server.key")
    with Manager() as mgr:
        safe = mgr.bind(https, site, cert=cert, key=key)
        plain = mgr.bind(http, redirect_to_https(port=safe.local.port))
        print(f"listening on http://{plain.local}/ and https://{safe.local}/", flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
