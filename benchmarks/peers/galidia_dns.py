"""DNS answers from a zone.  Arguments: PORT FILE"""

import sys

from galidia import Manager
from galidia.dns import load_zone

port, path = sys.argv[1:]
with Manager() as mgr:
    mgr.bind(f"dns://127.0.0.1:{port}", load_zone(path))
    mgr.run()
