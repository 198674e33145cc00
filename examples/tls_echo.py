"""Echo over TLS in which both sides show a certificate; a server and a client in one program.

sh examples/make_certificates.sh certificates
python examples/tls_echo.py [ADDRESS [CERTIFICATES]]

The server goes on afterwards; another client is (on one line)
python examples/netcat.py ca=certificates/ca.pem cert=certificates/client.pem
    key=certificates/client.key tls://localhost:8443
"""

import sys
from pathlib import Path

from galidia import EV_ACCEPT, EV_CONNECT, EV_RECV, Manager, handles


def name_of(c):
    """The common name in the certificate that the other side has shown, which was checked."""
    subject = c.tls.getpeercert()["subject"]
    return next(value for ((key, value),) in subject if key == "commonName")


@handles(EV_ACCEPT, EV_RECV)
def server(c, ev, data):
    if ev == EV_ACCEPT:  # only after the handshake: who shows no certificate never gets here
        print("server: accepted", name_of(c), flush=True)
    elif ev == EV_RECV:
        c.forward(c)


@handles(EV_CONNECT, EV_RECV)
def client(c, ev, data):
    if ev == EV_CONNECT and data:
        print("client: failed:", c.error, flush=True)
    elif ev == EV_CONNECT:
        print("client: connected to", name_of(c), "with", c.tls.version(), flush=True)
        c.send(b"hello")
    elif ev == EV_RECV:
        print("client: got", bytes(c.recv_mbuf), flush=True)
        c.close_after_send()


def main(address="tls://127.0.0.1:8443", certificates="certificates"):
    def options(who):
        files = {"ca": "ca.pem", "cert": f"{who}.pem", "key": f"{who}.key"}
        return {option: Path(certificates, file) for option, file in files.items()}

    with Manager() as mgr:
        listener = mgr.bind(address, server, **options("server"))
        print("listening on", listener.local, flush=True)
        mgr.connect(f"tls://localhost:{listener.local.port}", client, **options("client"))
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
