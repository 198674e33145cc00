"""A folder over WebDAV: to be mounted, or opened by cadaver, rclone, a file manager.

python examples/webdav_server.py [ADDRESS [FOLDER [read-only]]]

Whoever reaches the address may read and, unless it is read-only, write: `auth=` and `write=` of
`WebDav` take guards that ask for a password.

    python examples/webdav_server.py http://127.0.0.1:8000 shared
    cadaver http://127.0.0.1:8000/
    mount -t davfs http://127.0.0.1:8000/ /mnt
"""

import sys

from galidia import Manager
from galidia.http import WebDav


def main(address="http://127.0.0.1:8000", folder=".", mode=""):
    dav = WebDav(folder, write=mode != "read-only", max_size=10 << 30)
    with Manager() as mgr:
        listener = mgr.bind(address, dav)
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()
    dav.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
