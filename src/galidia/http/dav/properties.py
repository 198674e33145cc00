"""PROPFIND and PROPPATCH: what is said of resources (RFC 4918 9.1, 9.2, 15, RFC 4331)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from ..dates import format_date
from ..folder.files import etag_of
from ..folder.media_types import content_type
from . import dead, xml
from .locks import Lock
from .space import XML_TYPE, Call, RefusedError, Space, key_of, quote_path, reply_xml, status_of
from .xml import DAV, Element, tagged

#: Properties that one request may ask for.
MAX_NAMES = 100
#: Characters of a reply that are made at a time.
_PIECE = 1 << 14

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
#: 9999-12-31, the last day that a date of HTTP can name.
_LAST_DATE = 253402300799

_OK = "<D:status>HTTP/1.1 200 OK</D:status>"
_MISSING = "<D:status>HTTP/1.1 404 Not Found</D:status>"
_FORBIDDEN = "<D:status>HTTP/1.1 403 Forbidden</D:status>"
_FAILED = "<D:status>HTTP/1.1 424 Failed Dependency</D:status>"
_SUPPORTED_LOCKS = "".join(
    f"<D:lockentry><D:lockscope><D:{scope}/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype></D:lockentry>"
    for scope in ("exclusive", "shared")
)


class Resource(NamedTuple):
    """What properties are made of."""

    space: Space
    href: str
    path: str
    key: str
    status: os.stat_result
    dead: dead.Properties
    now: float

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


# -- live properties: XML, or None where there is no such property --------------------------------


def _creation(it: Resource) -> str:
    born = getattr(it.status, "st_birthtime", min(it.status.st_mtime, it.status.st_ctime))
    when = datetime.fromtimestamp(min(max(int(born), 0), _LAST_DATE), UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(it: Resource) -> str:
    return xml.text(os.path.basename(it.path)) if it.path != it.space.tree.root else ""


def _length(it: Resource) -> str | None:
    return None if it.is_folder else str(it.status.st_size)


def _type(it: Resource) -> str | None:
    return None if it.is_folder else xml.text(content_type(it.path))


def _etag(it: Resource) -> str | None:
    return None if it.is_folder else xml.text(etag_of(it.status))


def _modified(it: Resource) -> str:
    return format_date(min(max(int(it.status.st_mtime), 0), _LAST_DATE))


def _kind(it: Resource) -> str:
    return "<D:collection/>" if it.is_folder else ""


def _discovery(it: Resource) -> str:
    return "".join([active_lock(lock, it.now) for lock in it.space.locks.covering(it.key)])


def _supported(it: Resource) -> str:
    return _SUPPORTED_LOCKS


def _available(it: Resource) -> str | None:
    disk = _disk(it)
    return None if disk is None else str(disk.f_bavail * disk.f_frsize)


def _used(it: Resource) -> str | None:
    disk = _disk(it)
    return None if disk is None else str((disk.f_blocks - disk.f_bfree) * disk.f_frsize)


def _disk(it: Resource) -> os.statvfs_result | None:
    try:
        return os.statvfs(it.path) if it.is_folder else None
    except OSError:  # gone meanwhile
        return None


_ALL: dict[str, Callable[[Resource], str | None]] = {
    f"{DAV}creationdate": _creation,
    f"{DAV}displayname": _name,
    f"{DAV}getcontentlength": _length,
    f"{DAV}getcontenttype": _type,
    f"{DAV}getetag": _etag,
    f"{DAV}getlastmodified": _modified,
    f"{DAV}resourcetype": _kind,
    f"{DAV}lockdiscovery": _discovery,
    f"{DAV}supportedlock": _supported,
}
_LIVE = _ALL | {f"{DAV}quota-available-bytes": _available, f"{DAV}quota-used-bytes": _used}
_TAGS = {name: (f"<D:{xml.split(name)[1]}>", f"</D:{xml.split(name)[1]}>") for name in _LIVE}
#: A client may call a resource what it likes.
_PROTECTED = frozenset(_LIVE) - {f"{DAV}displayname"}


def active_lock(lock: Lock, now: float) -> str:
    """DAV:activelock (RFC 4918 14.1)."""
    owner = f"<D:owner>{lock.owner}</D:owner>" if lock.owner else ""
    return (
        "<D:activelock><D:locktype><D:write/></D:locktype>"
        f"<D:lockscope><D:{'exclusive' if lock.exclusive else 'shared'}/></D:lockscope>"
        f"<D:depth>{'infinity' if lock.infinite else '0'}</D:depth>{owner}"
        f"<D:timeout>Second-{max(round(lock.expires - now), 0)}</D:timeout>"
        f"<D:locktoken><D:href>{lock.token}</D:href></D:locktoken>"
        f"<D:lockroot><D:href>{xml.text(lock.root)}</D:href></D:lockroot></D:activelock>"
    )


# -- PROPFIND -------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """What is asked for: the values of some ``names``; of all; or the names of all."""

    names: list[str]
    everything: bool = False
    only_names: bool = False


def wanted(body: bytes) -> Wanted:
    """What the body of a PROPFIND asks for; none asks for everything. Raises RefusedError."""
    if not body:
        return Wanted([], everything=True)
    root = read(body, "propfind")
    kinds = [child for child in root.elements() if child.name in _KINDS]
    include = root.find(f"{DAV}include")
    if len(kinds) != 1 or (include is not None and kinds[0].name != f"{DAV}allprop"):
        raise RefusedError(400, "one of allprop, propname and prop is needed")
    kind = kinds[0].name
    if kind == f"{DAV}propname":
        return Wanted([], only_names=True)
    source = include if kind == f"{DAV}allprop" else kinds[0]
    names = list(dict.fromkeys(child.name for child in source.elements())) if source else []
    if len(names) > MAX_NAMES:
        raise RefusedError(400, f"more than {MAX_NAMES} properties")
    return Wanted(names, everything=kind == f"{DAV}allprop")


_KINDS = frozenset({f"{DAV}allprop", f"{DAV}propname", f"{DAV}prop"})


def propfind(call: Call, body: bytes) -> None:
    """Answer with the properties of a resource and, with Depth 1, of a folder's members.

    The members are read and sent as the client takes them, so that neither the largest folder nor
    the slowest client costs memory or blocks the loop.
    """
    depth = call.depth("infinity", "0", "1", "infinity")
    if depth == "infinity":
        raise RefusedError(403, condition="<D:propfind-finite-depth/>")
    want = wanted(body)
    status = call.found()
    pieces = _pieces(call, want, status, depth == "1" and call.is_folder)
    next(pieces)  # opens what is to be read, and fails if it cannot
    call.req.stream(pieces, 207, [("Content-Type", XML_TYPE)])


def _pieces(call: Call, want: Wanted, status: os.stat_result, members: bool) -> Iterator[bytes]:
    """A multistatus, bit by bit; the first bit is empty."""
    space, place, now = call.space, call.place, call.now
    is_folder = stat.S_ISDIR(status.st_mode)
    reads_dead = want.everything or want.only_names or not _LIVE.keys() >= set(want.names)
    reads_dead = reads_dead or f"{DAV}displayname" in want.names
    folder = space.tree.open(place.path if is_folder else os.path.dirname(place.path), _FOLDER)
    try:
        store = dead.load(folder) if reads_dead else {}
        yield b""
        name = dead.ITSELF if is_folder else os.path.basename(place.path)
        href = _as_folder(place.href) if is_folder else place.href
        own = store.get(name, {})
        yield f'{xml.DECLARATION}<D:multistatus xmlns:D="DAV:">'.encode()
        bits = [_response(Resource(space, href, place.path, place.key, status, own, now), want)]
        size = len(bits[0])
        if members:
            with os.scandir(folder) as entries:
                for entry in entries:
                    it = _member(call, entry, folder, store, reads_dead)
                    if it is None:
                        continue
                    bits.append(_response(it, want))
                    size += len(bits[-1])
                    if size > _PIECE:
                        yield "".join(bits).encode()
                        bits.clear()
                        size = 0
        yield "".join([*bits, "</D:multistatus>\n"]).encode()
    finally:
        os.close(folder)


def _member(
    call: Call,
    entry: os.DirEntry[str],
    folder: int,
    store: dict[str, dead.Properties],
    reads_dead: bool,
) -> Resource | None:
    """A member of a folder; None for one that is not to be seen, or is gone."""
    name = entry.name
    if call.space.is_hidden(name):
        return None
    path = f"{call.place.path.rstrip('/')}/{name}"
    key = f"{call.place.key}/{name}"
    try:
        if entry.is_symlink():
            status = call.space.status(path)
            key = key_of(path)
        else:
            status = entry.stat(follow_symlinks=False)
        if status is None or not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
            return None
        own = store.get(name, {})
        if reads_dead and stat.S_ISDIR(status.st_mode):
            own = _of_folder(call.space, path)
    except OSError:
        return None
    href = f"{call.place.href.rstrip('/')}/{quote_path(name)}"
    if stat.S_ISDIR(status.st_mode):
        href += "/"
    return Resource(call.space, href, path, key, status, own, call.now)


def _of_folder(space: Space, path: str) -> dead.Properties:
    fd = space.tree.open(path, _FOLDER)
    try:
        return dead.load(fd).get(dead.ITSELF, {})
    finally:
        os.close(fd)


def _response(it: Resource, want: Wanted) -> str:
    """DAV:response of one resource (RFC 4918 14.24)."""
    names: Iterable[str] = want.names
    if want.everything or want.only_names:
        names = dict.fromkeys([*_ALL, *it.dead, *want.names]) if it.dead or want.names else _ALL
    found, missing = [], []
    for name in names:
        text = it.dead.get(name)
        if text is None and name in _LIVE:
            value = _LIVE[name](it)
            if value is not None:
                start, end = _TAGS[name]
                text = f"{start}{value}{end}"
        if text is not None:
            found.append(tagged(name) if want.only_names else text)
        elif name in want.names:
            missing.append(tagged(name))
    stats = _propstat(found, _OK) if found or not missing else ""
    if missing:
        stats += _propstat(missing, _MISSING)
    return f"<D:response><D:href>{xml.text(it.href)}</D:href>{stats}</D:response>\n"


def _propstat(properties: list[str], status: str, why: str = "") -> str:
    return f"<D:propstat><D:prop>{''.join(properties)}</D:prop>{status}{why}</D:propstat>"


# -- PROPPATCH ------------------------------------------------------------------------------------


def proppatch(call: Call, body: bytes) -> None:
    """Set and remove properties, all of them or none."""
    changes = _changes(read(body, "propertyupdate"))
    call.found()
    call.check_locks(call.place)
    names = list(dict.fromkeys(name for name, _ in changes))
    protected = [name for name in names if name in _PROTECTED]
    if protected:
        others = [tagged(name) for name in names if name not in _PROTECTED]
        why = "<D:error><D:cannot-modify-protected-property/></D:error>"
        stats = _propstat([tagged(name) for name in protected], _FORBIDDEN, why)
        _answer(call, stats + (_propstat(others, _FAILED) if others else ""))
        return
    path = call.place.path if call.is_folder else os.path.dirname(call.place.path)
    folder = call.space.tree.open(path, _FOLDER)
    try:
        name = dead.ITSELF if call.is_folder else os.path.basename(call.place.path)
        properties = dict(dead.load(folder).get(name, {}))
        for changed, text in changes:
            if text is None:
                properties.pop(changed, None)
            else:
                properties[changed] = text
        dead.update(folder, name, properties)
    except OSError as e:
        code = status_of(e)
        if code == 500:
            raise
        line = f"<D:status>HTTP/1.1 {code} {_REASONS.get(code, '')}</D:status>"
        _answer(call, _propstat([tagged(name) for name in names], line))
        return
    finally:
        os.close(folder)
    _answer(call, _propstat([tagged(name) for name in names], _OK))


_REASONS = {403: "Forbidden", 507: "Insufficient Storage"}


def _answer(call: Call, stats: str) -> None:
    href = _as_folder(call.place.href) if call.is_folder else call.place.href
    response = f"<D:response><D:href>{xml.text(href)}</D:href>{stats}</D:response>"
    reply_xml(call.req, 207, xml.document("multistatus", response))


def _changes(root: Element) -> list[tuple[str, str | None]]:
    """Names and XML to set, None to remove, in the order of the document (RFC 4918 9.2)."""
    changes: list[tuple[str, str | None]] = []
    for step in root.elements():
        if step.name not in (f"{DAV}set", f"{DAV}remove"):
            continue
        prop = step.find(f"{DAV}prop")
        if prop is None:
            raise RefusedError(400, "set and remove need a prop")
        for element in prop.elements():
            text = xml.write_property(element) if step.name == f"{DAV}set" else None
            changes.append((element.name, text))
    if not changes:
        raise RefusedError(400, "nothing is to be set or removed")
    return changes


def read(body: bytes, name: str) -> Element:
    """The XML of a request, whose root has to be this one of DAV:. Raises RefusedError."""
    try:
        root = xml.parse(body)
    except xml.XmlError as e:
        raise RefusedError(400, f"the XML is not taken: {e}") from None
    if root.name != DAV + name:
        raise RefusedError(400, f"DAV:{name} is needed")
    return root


def _as_folder(href: str) -> str:
    return href.rstrip("/") + "/"
