"""A reverse proxy before the server at the port UPSTREAM.  Arguments: PORT"""

import os
import sys

from galidia import Manager
from galidia.http import ReverseProxy

with Manager() as mgr:
    proxy = ReverseProxy(f"http://127.0.0.1:{os.environ['UPSTREAM']}")
    mgr.bind(f"http://127.0.0.1:{sys.argv[1]}", proxy)
    mgr.run()
