"""A zone served: what a file says, to whoever asks.

python examples/dns_zone_server.py FILE [ADDRESS]       then: dig -p 5533 @127.0.0.1 www.example.com

The file is TOML (see docs/dns.md), or has the lines of a hosts file, whose names are then in the
zone `lan`. It is read again when it has changed; one with a mistake in it leaves the old zone.
"""

import os
import sys

from galidia import Manager
from galidia.dns import load_zone


def keep_up(listener, path, seen):
    """Take over the file if it is another one than was seen last."""
    try:
        now = os.stat(path).st_mtime_ns
        if now != seen[0]:
            seen[0] = now
            listener.handler = load_zone(path, "lan")
            print("loaded", path, flush=True)
    except (OSError, ValueError) as e:
        print("kept the old zone:", e, flush=True)


def main(path, address="dns://127.0.0.1:5533"):
    with Manager() as mgr:
        listener = mgr.bind(address, load_zone(path, "lan"))
        listener.call_every(1.0, keep_up, listener, path, [os.stat(path).st_mtime_ns])
        print("listening on", listener.local, flush=True)
        mgr.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
