"""What `galidia serve` serves: listeners, mounts and a log, as a TOML file or the options say.

::

    log = "access.log"                  # or {file = "access.log", format = "json"}

    [[listen]]
    address = "https://0.0.0.0:8443"
    cert = "cert.pem"

    [[mount]]
    path = "/"
    files = "site"

    [[mount]]
    host = "example.org"                # or a list; for mounts at "/"
    files = "example"

    [[mount]]
    path = "/api"
    proxy = ["http://127.0.0.1:9000", "http://127.0.0.1:9001"]

Paths are relative to the file. What is wrong is a ValueError that names the key and says what is
allowed there.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..core.address import parse_address
from ..core.connection import Connection
from ..core.events import Event
from ..core.handler import handles
from ..core.manager import Manager
from ..core.registry import default_ports
from ..http.access.guards import BasicAuth, DigestAuth
from ..http.access_log import AccessLog
from ..http.dav import WebDav
from ..http.folder.static import StaticFiles
from ..http.hosts import VirtualHosts
from ..http.proxy.reverse_proxy import ReverseProxy
from ..http.scripts.cgi import Cgi
from ..http.scripts.ssi import Ssi
from ..http.uploads.receiving import Uploads
from .output import reason


class Kind(NamedTuple):
    """What may stand for a key: a test, and in words."""

    fits: Callable[[Any], bool]
    text: str


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


TEXT = Kind(lambda value: isinstance(value, str), "a string")
TEXTS = Kind(_is_list, "a list of strings")
TEXT_OR_TEXTS = Kind(lambda value: TEXT.fits(value) or TEXTS.fits(value), "a string, or a list")
FLAG = Kind(lambda value: isinstance(value, bool), "true or false")
NUMBER = Kind(_is_number, "a number")
WHOLE = Kind(lambda value: _is_number(value) and isinstance(value, int), "a whole number")
TABLES = Kind(
    lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    "one or more tables, each under [[...]]",
)
TABLE = Kind(
    lambda value: isinstance(value, dict) and all(isinstance(v, str) for v in value.values()),
    "a table of strings",
)
FLAG_OR_TABLE = Kind(lambda value: isinstance(value, (bool, dict)), "true, or a table of options")
LOG = Kind(lambda value: isinstance(value, (str, dict)), "a path, or a table with file and format")

SITE = {"listen": TABLES, "mount": TABLES, "log": LOG}
LISTEN = {
    "address": TEXT, "cert": TEXT, "key": TEXT, "ca": TEXT, "acl": TEXT, "max_connections": WHOLE,
    "max_per_address": WHOLE, "accept_rate": NUMBER, "reuse_port": FLAG,
}  # fmt: skip
LOGS = {"file": TEXT, "format": TEXT}
AUTH = {"realm": TEXT, "file": TEXT, "scheme": TEXT}
#: Options that are tables of their own.
INNER: dict[str, dict[str, Kind]] = {
    "cgi": {"suffixes": TEXTS, "interpreter": TEXT_OR_TEXTS, "timeout": NUMBER,
            "max_running": WHOLE, "env": TABLE},
    "ssi": {"suffixes": TEXTS, "execute": FLAG},
}  # fmt: skip
#: Options of `files` that a folder may have for itself.
FOLDER: dict[str, Kind] = {
    "listing": FLAG, "index": TEXTS, "hidden": TEXTS, "headers": TABLE, "cache_control": TEXT,
    "types": TABLE, "precompressed": FLAG, "compress": FLAG, "acl": TEXT,
}  # fmt: skip
FOLDERS_TABLE = Kind(
    lambda value: isinstance(value, dict) and all(isinstance(v, dict) for v in value.values()),
    "a table of tables, by the paths of folders",
)
AUTH_TABLE = Kind(lambda value: isinstance(value, dict), "a table with realm and file")
#: The services, each by the key that names what it serves, with its other options.
SERVICES: dict[str, tuple[Kind, dict[str, Kind]]] = {
    "files": (
        TEXT,
        {
            "listing": FLAG, "index": TEXTS, "hidden": TEXTS, "headers": TABLE,
            "cache_control": TEXT, "types": TABLE, "errors": TABLE, "precompressed": FLAG,
            "compress": FLAG, "acl": TEXT, "cgi": FLAG_OR_TABLE, "ssi": FLAG_OR_TABLE,
            "rewrites": TABLE, "folders": FOLDERS_TABLE,
        },
    ),
    "dav": (TEXT, {"write": FLAG, "hidden": TEXTS, "max_size": WHOLE, "sync": FLAG}),
    "proxy": (
        TEXT_OR_TEXTS,
        {
            "strip": FLAG, "host": TEXT, "forwarded": FLAG, "trust": TEXT, "via": TEXT,
            "upgrades": TEXTS, "connect_timeout": NUMBER, "reply_timeout": NUMBER,
            "idle_timeout": NUMBER, "tunnel_timeout": NUMBER, "max_connections": WHOLE,
            "rest": NUMBER, "ca": TEXT, "cert": TEXT, "key": TEXT, "server_name": TEXT,
            "verify": FLAG,
        },
    ),
    "upload": (
        TEXT,
        {
            "max_size": WHOLE, "max_files": WHOLE, "collision": TEXT, "reserve": WHOLE,
            "keep": NUMBER, "max_parts": WHOLE,
        },
    ),
}  # fmt: skip


def load(file: str) -> tuple[dict[str, Any], Path]:
    """A site from a TOML file, and the folder that its paths are relative to."""
    path = Path(file)
    try:
        with path.open("rb") as source:
            site = tomllib.load(source)
    except tomllib.TOMLDecodeError as e:
        raise ValueError(f"{file}: {e}") from None
    try:
        check(site)
    except ValueError as e:
        raise ValueError(f"{file}: {e}") from None
    return site, path.parent


def check(site: Mapping[str, Any]) -> None:
    """Raise ValueError for a key that does not exist, or what cannot stand for it."""
    _check("", site, SITE)
    for i, table in enumerate(site.get("listen", [])):
        where = f"listen[{i}]."
        _check(where, table, LISTEN)
        _needs(where, table, "address")
    if isinstance(site.get("log"), dict):
        _check("log.", site["log"], LOGS)
        _needs("log.", site["log"], "file")
    paths: set[tuple[str, str]] = set()
    for i, table in enumerate(site.get("mount", [])):
        where = f"mount[{i}]."
        named = [name for name in SERVICES if name in table]
        if len(named) != 1:
            raise ValueError(f"{where[:-1]}: has one of the keys {', '.join(SERVICES)}")
        kind, options = SERVICES[named[0]]
        allowed = {"path": TEXT, "host": TEXT_OR_TEXTS, "auth": AUTH_TABLE, **options}
        _check(where, table, {named[0]: kind, **allowed})
        for key in INNER.keys() & table.keys():
            if isinstance(table[key], dict):
                _check(f"{where}{key}.", table[key], INNER[key])
        for folder, changed in table.get("folders", {}).items():
            _check(f"{where}folders.{folder}.", changed, {**FOLDER, "auth": AUTH_TABLE})
            _check_auth(f"{where}folders.{folder}.", changed)
        _check_auth(where, table)
        path = table.get("path", "/")
        if not path.startswith("/") or "{" in path or "//" in path:
            raise ValueError(f'{where}path: begins with "/", as in "/api"; not {path!r}')
        if "host" in table and path != "/":
            raise ValueError(
                f'{where}host: is for mounts at "/"; the others are there for all hosts'
            )
        for host in _hosts_of(table) or [""]:
            if (host, path) in paths:
                raise ValueError(f"{where}path: {path!r} is mounted already")
            paths.add((host, path))


def _check_auth(where: str, table: Mapping[str, Any]) -> None:
    if "auth" in table:
        _check(f"{where}auth.", table["auth"], AUTH)
        for key in ("realm", "file"):
            _needs(f"{where}auth.", table["auth"], key)
        if table["auth"].get("scheme", "digest") not in ("digest", "basic"):
            raise ValueError(f'{where}auth.scheme: is "digest" or "basic"')


def _hosts_of(table: Mapping[str, Any]) -> list[str]:
    hosts = table.get("host", [])
    return [hosts] if isinstance(hosts, str) else hosts


def _check(where: str, table: Mapping[str, Any], allowed: Mapping[str, Kind]) -> None:
    for key, value in table.items():
        if key not in allowed:
            raise ValueError(f"{where}{key}: no such key; there are {', '.join(sorted(allowed))}")
        if not allowed[key].fits(value):
            raise ValueError(f"{where}{key}: is {allowed[key].text}, not {value!r}")


def _needs(where: str, table: Mapping[str, Any], key: str) -> None:
    if key not in table:
        raise ValueError(f"{where}{key}: is missing")


class Site:
    """The services of a site, and what is bound for it. `close` when the manager is closed.

    ``file`` is where the site was loaded from, if it was, for errors.
    """

    def __init__(self, site: Mapping[str, Any], folder: Path, file: str = "") -> None:
        self._site = site
        self._folder = folder
        self.log: AccessLog | None = None
        self._files: list[StaticFiles] = []
        #: Pattern, handler, and what is told of it.
        self._mounts: list[tuple[str, Any, str]] = []
        #: What is mounted at "/" for some hosts only.
        self._hosts: dict[str, Any] = {}
        for i, table in enumerate(site.get("mount", [])):
            try:
                self._mount(dict(table))
            except (ValueError, TypeError, OSError) as e:
                self.close()
                raise ValueError(f"{file}: mount[{i}]: {reason(e)}" if file else reason(e)) from e
        log = site.get("log")
        if log is not None:
            options = {"file": log} if isinstance(log, str) else dict(log)
            if options["file"] != "-":
                options["file"] = self._path(options["file"])
            self.log = AccessLog(**options)

    def _path(self, path: str) -> str:
        return os.path.join(self._folder, path)

    def _mount(self, table: dict[str, Any]) -> None:
        path = table.pop("path", "/").rstrip("/")
        hosts = _hosts_of(table)
        table.pop("host", None)
        handler: Any
        if "folders" in table:
            table["folders"] = {prefix: dict(t) for prefix, t in table["folders"].items()}
        for protected in (table, *table.get("folders", {}).values()):
            if "auth" in protected:
                protected["auth"] = self._guard(**protected["auth"])
        for key in ("ca", "cert", "key"):
            if key in table:
                table[key] = self._path(table[key])
        if "files" in table:
            root = self._path(table.pop("files"))
            if "rewrites" in table:
                table["rewrites"] = {k: self._path(v) for k, v in table["rewrites"].items()}
            if "errors" in table:
                table["errors"] = {int(code): page for code, page in table["errors"].items()}
            for key, service in (("cgi", Cgi), ("ssi", Ssi)):
                options = table.pop(key, False)
                if options is not False:
                    options = {} if options is True else dict(options)
                    if "suffixes" in options:
                        options["suffixes"] = tuple(options["suffixes"])
                    table[key] = service(root, **options)
            handler = StaticFiles(root, **table)
            self._files.append(handler)
            what = handler.tree.root
        elif "proxy" in table:
            urls = table.pop("proxy")
            urls = [urls] if isinstance(urls, str) else urls
            handler = ReverseProxy(*urls, **table)
            what = " ".join(urls)
        elif "dav" in table:
            root = self._path(table.pop("dav"))
            handler = WebDav(root, **table)
            what = f"WebDAV of {os.path.realpath(root)}"
        else:
            handler = Uploads(self._path(table.pop("upload")), **table)
            what = f"uploads to {handler.store.tree.root}"
        if hosts:
            self._hosts.update(dict.fromkeys(hosts, handler))
            VirtualHosts(self._hosts)  # a bad name is told before anything is bound
            what += f" for {', '.join(hosts)}"
        self._mounts.append((path, handler, what))

    def _guard(self, realm: str, file: str, scheme: str = "digest") -> Any:
        path = self._path(file)
        return DigestAuth(realm, path) if scheme == "digest" else BasicAuth(realm, path)

    def bind(self, mgr: Manager) -> list[tuple[str, str]]:
        """Listen: what is served where, for each mount and address."""
        served = []
        alone = self._hosts.values()
        roots = [h for path, h, _ in self._mounts if not path and not any(h is a for a in alone)]
        root = roots[0] if roots else None
        if self._hosts:
            root = VirtualHosts(self._hosts, root)
        for table in self._site["listen"]:
            options = dict(table)
            address = options.pop("address")
            scheme = parse_address(address, default_ports()).scheme
            if scheme not in ("http", "https"):
                raise ValueError(f"serve: {address!r}: the address is an http:// or https:// one")
            if scheme == "https" and "cert" not in options:
                raise ValueError("serve: https:// needs --cert FILE (and --key FILE)")
            for key in ("cert", "key", "ca"):
                if key in options and scheme == "https":
                    options[key] = self._path(options[key])
                else:
                    options.pop(key, None)
            if scheme == "https":
                options.setdefault("key", options["cert"])
            try:
                listener = mgr.bind(address, root, **options)
            except OSError as e:
                raise ValueError(f"{address}: {reason(e)}") from e
            if self.log is not None:
                self.log.attach(listener)
            for path, handler, what in self._mounts:
                if path:
                    listener.endpoint(f"{path}/{{path...}}", handler)
                    listener.endpoint(path, _add_slash)
                served.append((what, f"{scheme}://{listener.local}{path}/"))
        return served

    def close(self) -> None:
        for files in self._files:
            files.close()
        if self.log is not None:
            self.log.close()


@handles(Event.HTTP_REQUEST)
def _add_slash(c: Connection, ev: int, req: Any) -> None:
    """A mount without its slash at the end leads to the one with it."""
    path = req.raw[req.path_start : req.path_end].decode("ascii")
    req.redirect(f"{path}/?{req.query}" if req.query else f"{path}/", 308)
