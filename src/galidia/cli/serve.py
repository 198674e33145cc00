"""``galidia serve``: folders, upstreams and uploads over HTTP."""

from __future__ import annotations

import argparse
import signal
import webbrowser
from functools import partial
from pathlib import Path
from typing import Any

from ..core.manager import Manager
from .output import UsageError
from .site import Site, load


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    if options.config is not None:
        _refuse_both(options)
        table, folder = load(options.config)
        if options.address is not options.default_address or not table.get("listen"):
            table["listen"] = [_listen(options, address) for address in options.address]
    else:
        table, folder = _from_options(options), Path()
    site = Site(table, folder, options.config or "")
    try:
        with Manager() as mgr:
            served = site.bind(mgr)
            for what, url in served:
                # once it runs: from then on a signal ends it in good order
                mgr.call_later(0, partial(print, f"serving {what} at {url}", flush=True))
            if options.open and served:
                mgr.call_later(
                    0, webbrowser.open, served[0][1].replace("//0.0.0.0:", "//127.0.0.1:")
                )
            if site.log is not None and hasattr(signal, "SIGHUP"):
                reopen = partial(mgr.call_soon_threadsafe, site.log.reopen)
                signal.signal(signal.SIGHUP, lambda number, frame: reopen())
            mgr.run()
    finally:
        site.close()
    return 0


def _refuse_both(options: argparse.Namespace) -> None:
    for name in ("root", "listing", "proxy", "upload", "dav", "auth", "cgi", "ssi", "log"):
        value = getattr(options, name)
        if value is not None and value != [] and (value or name == "listing"):
            raise UsageError(f"--config has it all: --{name} belongs in its file")


def _listen(options: argparse.Namespace, address: str) -> dict[str, Any]:
    found = {"address": address}
    for name in ("cert", "key"):
        value = getattr(options, name)
        if value is not None:
            found[name] = str(Path(value).absolute())
    return found


def _from_options(options: argparse.Namespace) -> dict[str, Any]:
    mounts: list[dict[str, Any]] = [_mount(text, "proxy") for text in options.proxy]
    for mount in mounts:
        mount["proxy"] = mount["proxy"].split(",")
    mounts += [_mount(text, "upload") for text in options.upload]
    mounts += [_mount(text, "dav") for text in options.dav]
    if options.root is not None or all(mount["path"] != "/" for mount in mounts):
        files = {"path": "/", "files": options.root or ".", "cgi": options.cgi, "ssi": options.ssi}
        mounts.append(files if options.listing is None else {**files, "listing": options.listing})
    elif options.cgi or options.ssi:
        raise UsageError("--cgi and --ssi are of a folder: --root DIR")
    if options.auth is not None:
        realm, equals, file = options.auth.partition("=")
        if not equals or not realm or not file:
            raise UsageError(f"--auth is REALM=FILE, not {options.auth!r}")
        for mount in mounts:
            mount["auth"] = {"realm": realm, "file": file}
    site: dict[str, Any] = {
        "listen": [_listen(options, address) for address in options.address],
        "mount": mounts,
    }
    if options.log is not None:
        site["log"] = {"file": options.log, "format": options.log_format or "combined"}
    return site


def _mount(text: str, service: str) -> dict[str, Any]:
    """An option PREFIX=VALUE."""
    path, equals, value = text.partition("=")
    if not equals or not path.startswith("/") or not value or "{" in path:
        raise UsageError(f"--{service} is PREFIX=VALUE, as in /api=..., not {text!r}")
    return {"path": path, service: value}
