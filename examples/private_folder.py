"""A folder for those who have a password, which is proven by digest and never sent.

galidia passwd FILE "private folder" NAME       adds somebody, or changes a password
python examples/private_folder.py FILE [FOLDER [ADDRESS]]

Below PRIVATE, a folder in FOLDER that has a file .htdigest of its own, only those in that file get
in; it is written with the same command.
"""

import sys

from galidia import Manager
from galidia.http import DigestAuth, FolderPasswords, StaticFiles

REALM = "private folder"  # the passwords are for this realm, and good for no other


def main(passwords, folder=".", address="http://127.0.0.1:8000"):
    guard = DigestAuth(REALM, FolderPasswords(folder, file=passwords))
    files = StaticFiles(folder, auth=guard)  # files that begin with a dot are never served
    with Manager() as mgr:
        listener = mgr.bind(address, files)
        print(f"listening on http://{listener.local}/", flush=True)
        mgr.run()
    files.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
