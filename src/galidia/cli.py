"""The command: ``galidia serve``."""

from __future__ import annotations

import argparse
import logging
import platform
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from . import COMPILED, EV_HTTP_REQUEST, Connection, Manager, __version__, handles
from .core.address import parse_address
from .core.registry import default_ports
from .http import Files

#: Where `galidia serve` listens when it is not told: on this machine only.
DEFAULT_ADDRESS = "http://127.0.0.1:8000"


def version() -> str:
    """The version, and which build runs."""
    build = "compiled" if COMPILED else "pure Python"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"galidia {__version__} ({build}, {python})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    try:
        return _serve(options)
    except (OSError, ValueError) as e:
        print(f"galidia: {_reason(e)}", file=sys.stderr)
        return 1


def _reason(error: OSError | ValueError) -> str:
    """An error in words, without its number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = f"{error.filename}: " if error.filename is not None else ""
    return where + error.strerror


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="galidia", description="Event-driven networking.")
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve a folder over HTTP")
    serve.add_argument(
        "address",
        nargs="*",
        metavar="ADDRESS",
        default=[DEFAULT_ADDRESS],
        help=f"where to listen: http://HOST:PORT or https://HOST:PORT (default: {DEFAULT_ADDRESS})",
    )
    serve.add_argument("--root", default=".", metavar="DIR", help="the folder (default: this one)")
    serve.add_argument("--cert", metavar="FILE", help="certificate for https, PEM")
    serve.add_argument("--key", metavar="FILE", help="its key (default: in the same file)")
    return parser


def _serve(options: argparse.Namespace) -> int:
    files = Files(options.root)

    @handles(EV_HTTP_REQUEST)
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
                raise ValueError(f"{address}: {_reason(e)}") from e
            place = f"serving {files.root} at {scheme}://{listener.local}/"
            # once it runs: from then on a signal ends it in good order
            mgr.call_later(0, partial(print, place, flush=True))
        mgr.run()
    files.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
