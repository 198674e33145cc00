"""``galidia serve``: a folder over HTTP."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from ..core.address import parse_address
from ..core.connection import Connection
from ..core.events import Event
from ..core.handler import handles
from ..core.manager import Manager
from ..core.registry import default_ports
from ..http.static import StaticFiles
from .output import reason


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    files = StaticFiles(options.root)

    @handles(Event.HTTP_REQUEST)
    def on_request(c: Connection, ev: int, req: Any) -> None:
        files.serve(req)

    with Manager() as mgr:
        for address in options.address:
            scheme = parse_address(address, default_ports()).scheme
            if scheme not in ("http", "https"):
                raise ValueError(f"serve: {address!r}: the address is an http:// or https:// one")
            tls: dict[str, Any] = {}
            if scheme == "https":
                if options.cert is None:
                    raise ValueError("serve: https:// needs --cert FILE (and --key FILE)")
                tls = {"cert": options.cert, "key": options.key or options.cert}
            try:
                listener = mgr.bind(address, on_request, **tls)
            except OSError as e:
                raise ValueError(f"{address}: {reason(e)}") from e
            place = f"serving {files.tree.root} at {scheme}://{listener.local}/"
            # once it runs: from then on a signal ends it in good order
            mgr.call_later(0, partial(print, place, flush=True))
        mgr.run()
    files.close()
    return 0
