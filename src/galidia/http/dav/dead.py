"""Dead properties: what clients say of a resource, kept for them (RFC 4918 4).

Each folder has a file with those of itself and of the files in it. So a folder that is moved,
copied or removed, by whomever, takes along what belongs to it and to all below it, and a rename
stays one rename; a database beside the tree would have to be told of each. The file is replaced
as a whole, so that it is never half written.
"""

from __future__ import annotations

import errno
import json
import os
from typing import Any

from .names import STORE, temporary

#: Properties of one resource, and characters of them.
MAX_PROPERTIES = 200
RESOURCE_LIMIT = 64 << 10
#: Bytes of the properties of a folder and of the files in it.
STORE_LIMIT = 1 << 20

#: The name that a folder has in its own store.
ITSELF = "."

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

#: XML by name of the property.
Properties = dict[str, str]


def load(folder: int) -> dict[str, Properties]:
    """The properties of a folder's resources, by name. What is not ours is taken for none."""
    try:
        fd = os.open(STORE, os.O_RDONLY | _NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        return {}
    with open(fd, "rb") as file:
        data = file.read(STORE_LIMIT + 1)
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if _is_store(found) else {}


def save(folder: int, store: dict[str, Properties]) -> None:
    """Replace the properties of a folder's resources. Raises OSError."""
    if not store:
        try:
            os.unlink(STORE, dir_fd=folder)
        except FileNotFoundError:
            pass
        return
    data = json.dumps(store, separators=(",", ":")).encode()
    if len(data) > STORE_LIMIT:
        raise OSError(errno.EDQUOT, "too many properties in this folder")
    name = temporary()
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
    try:
        with open(fd, "wb") as file:
            file.write(data)
        os.replace(name, STORE, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(name, dir_fd=folder)
        raise


def update(folder: int, name: str, properties: Properties) -> None:
    """Set the properties of one resource. Raises OSError, also when they are too many."""
    if len(properties) > MAX_PROPERTIES or sum(map(len, properties.values())) > RESOURCE_LIMIT:
        raise OSError(errno.EDQUOT, "too many properties of this resource")
    store = load(folder)
    if store.get(name, {}) == properties:
        return
    if properties:
        store[name] = properties
    else:
        store.pop(name, None)
    save(folder, store)


def _is_store(found: Any) -> bool:
    return isinstance(found, dict) and all(
        isinstance(properties, dict) and all(isinstance(text, str) for text in properties.values())
        for properties in found.values()
    )
