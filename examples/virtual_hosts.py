"""Several sites behind one address: a folder for each host.

python examples/virtual_hosts.py [ADDRESS [FOLDER]]

A request for a host is answered from the folder of that name, as sites/example.org; what is for no
host is answered from the folder "default", if there is one.

    mkdir -p sites/example.org sites/default
    python examples/virtual_hosts.py http://127.0.0.1:8000 sites
    curl -H "Host: example.org" http://127.0.0.1:8000/
"""

import sys
from pathlib import Path

from galidia import Manager
from galidia.http import StaticFiles, VirtualHosts


def main(address="http://127.0.0.1:8000", folder="sites"):
    sites = {path.name: StaticFiles(path) for path in Path(folder).iterdir() if path.is_dir()}
    default = sites.pop("default", None)
    for name in list(sites):
        if not name.startswith("www."):
            sites.setdefault(f"www.{name}", sites[name])

    with Manager() as mgr:
        listener = mgr.bind(address, VirtualHosts(sites, default))
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()
    for files in [*sites.values(), default]:
        if files is not None:
            files.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
