"""The command: ``galidia serve``, ``get``, ``http``, ``dns`` and ``passwd``.

The module of a command is loaded when it runs.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
from collections.abc import Sequence
from importlib import import_module

from .. import COMPILED, __version__
from .output import UsageError, complain, reason

__all__ = ["main", "version"]

#: Where `galidia serve` listens when it is not told: on this machine only.
DEFAULT_ADDRESS = "http://127.0.0.1:8000"
#: The exit code of what Ctrl-C has ended, as shells have it.
INTERRUPTED = 130


def version() -> str:
    """The version, and which build runs."""
    build = "compiled" if COMPILED else "pure Python"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"galidia {__version__} ({build}, {python})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code: 0 all went well, 1 something failed, 130 interrupted.

    What cannot be understood ends with `SystemExit` and code 2.
    """
    options, more = _parser().parse_known_args(arguments)
    parser: argparse.ArgumentParser = options.parser
    if more:
        # argparse gives up on a list of arguments when an option stands in the middle of it.
        if not options.rest or any(word.startswith("-") for word in more):
            parser.error(f"unrecognized arguments: {' '.join(more)}")
        setattr(options, options.rest, [*getattr(options, options.rest), *more])
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        command = import_module(f".{options.command}", __name__)
        code: int = command.run(options)
        sys.stdout.flush()
        return code
    except UsageError as e:
        parser.error(str(e))
    except BrokenPipeError:
        # Whoever reads has had enough. Nothing may be written any more, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError) as e:
        complain(reason(e))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="galidia", description="Event-driven networking.")
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, summary, add in (
        ("serve", "serve a folder over HTTP", _add_serve),
        ("get", "download files", _add_get),
        ("http", "make a request, show the reply", _add_http),
        ("dns", "ask a name server, show the answer", _add_dns),
        ("passwd", "add a user to a password file, or change a password", _add_passwd),
    ):
        command = commands.add_parser(
            name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False
        )
        add(command)
        command.set_defaults(parser=command)
    return parser


def _add_serve(serve: argparse.ArgumentParser) -> None:
    default = [DEFAULT_ADDRESS]
    serve.set_defaults(rest="address", default_address=default)
    serve.add_argument(
        "address",
        nargs="*",
        metavar="ADDRESS",
        default=default,
        help=f"where to listen: http://HOST:PORT or https://HOST:PORT (default: {DEFAULT_ADDRESS})",
    )
    serve.add_argument("--config", metavar="FILE", help="a TOML file that says what is served")
    serve.add_argument("--root", metavar="DIR", help="the folder (default: this one)")
    serve.add_argument(
        "--listing",
        action=argparse.BooleanOptionalAction,
        help="list folders without an index file (default: they are listed)",
    )
    serve.add_argument(
        "--proxy",
        metavar="PREFIX=URL",
        action="append",
        default=[],
        help="what is below PREFIX is answered by the server there; URL,URL: by the less busy one",
    )
    serve.add_argument(
        "--upload",
        metavar="PREFIX=DIR",
        action="append",
        default=[],
        help="what is sent below PREFIX is stored in the folder",
    )
    serve.add_argument(
        "--dav",
        metavar="PREFIX=DIR",
        action="append",
        default=[],
        help="the folder by WebDAV, for reading and writing",
    )
    serve.add_argument("--cgi", action="store_true", help="run the scripts *.cgi of the folder")
    serve.add_argument("--ssi", action="store_true", help="include in *.shtml and *.shtm")
    serve.add_argument(
        "--auth",
        metavar="REALM=FILE",
        help="ask for a password of this file (digest); see galidia passwd",
    )
    serve.add_argument(
        "--log", metavar="FILE", help="a line for each request; -: the standard output"
    )
    serve.add_argument(
        "--log-format", choices=("combined", "json"), help="how it is written (default: combined)"
    )
    serve.add_argument("--cert", metavar="FILE", help="certificate for https, PEM")
    serve.add_argument("--key", metavar="FILE", help="its key (default: in the same file)")
    serve.add_argument("--open", action="store_true", help="open a browser")


def _add_get(get: argparse.ArgumentParser) -> None:
    get.set_defaults(rest="urls")
    get.add_argument("urls", nargs="+", metavar="URL")
    where = get.add_mutually_exclusive_group()
    where.add_argument("-o", "--output", metavar="FILE", help="its name, for one URL")
    where.add_argument("-O", "--folder", metavar="DIR", help="where to (default: this folder)")
    get.add_argument(
        "-c",
        "--continue",
        dest="resume",
        action="store_true",
        help="go on with what was interrupted, leave what is there already",
    )
    get.add_argument("-f", "--force", action="store_true", help="replace files that are there")
    get.add_argument(
        "--sha256", dest="checksums", action="append", metavar="HEX", help="checksum that it has"
    )
    get.add_argument(
        "--checksum",
        dest="checksums",
        action="append",
        metavar="ALGO:HEX",
        help="the same by another algorithm; of several URLs, one for each in their order",
    )
    get.add_argument(
        "-j", "--jobs", type=int, default=5, metavar="N", help="downloads at once (default: 5)"
    )
    get.add_argument(
        "-H",
        "--header",
        dest="fields",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="a header field to send",
    )
    get.add_argument(
        "--timeout",
        type=float,
        metavar="S",
        help="seconds without progress (default: 30 to connect, then 60)",
    )
    get.add_argument(
        "--retries",
        type=int,
        default=3,
        metavar="N",
        help="how often to try again when it is the network's fault (default: 3)",
    )
    get.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    _add_connection(get)


def _add_http(http: argparse.ArgumentParser) -> None:
    http.set_defaults(rest="fields")
    http.add_argument("method", metavar="METHOD", help="GET, POST, ...")
    http.add_argument("url", metavar="URL")
    http.add_argument("fields", nargs="*", metavar="NAME:VALUE", help="a header field to send")
    content = http.add_mutually_exclusive_group()
    content.add_argument("--data", metavar="STR|@FILE|@-", help="the body; @- is standard input")
    content.add_argument("--json", metavar="STR|@FILE|@-", help="the body, which is JSON")
    content.add_argument(
        "--form",
        action="append",
        metavar="NAME=VALUE|NAME=@FILE",
        help="a field of a form, or a file",
    )
    http.add_argument("--follow", action="store_true", help="follow redirects")
    shown = http.add_mutually_exclusive_group()
    shown.add_argument("--head", action="store_true", help="show only the head of the reply")
    shown.add_argument("--body", action="store_true", help="show only its body")
    http.add_argument("-v", "--verbose", action="store_true", help="show the request, too")
    http.add_argument("-o", "--output", metavar="FILE", help="put the body into a file")
    http.add_argument(
        "--timeout", type=float, metavar="S", help="seconds for everything (default: no limit)"
    )
    http.add_argument("--digest", action="store_true", help="--user by digest, not basic")
    _add_connection(http)


def _add_dns(dns: argparse.ArgumentParser) -> None:
    dns.set_defaults(rest="words")
    dns.usage = "galidia dns NAME [TYPE] [@SERVER] [+tcp] [+short] [options]"
    dns.add_argument(
        "words",
        nargs="*",
        metavar="NAME [TYPE] [@SERVER]",
        help="what to ask for (default type: A), and whom (default: as resolv.conf says)",
    )
    dns.add_argument("-x", dest="reverse", metavar="ADDRESS", help="the name of an address")
    dns.add_argument("-p", "--port", type=int, default=53, metavar="N", help="default: 53")
    dns.add_argument("--tcp", action="store_true", help="over TCP at once (also: +tcp)")
    dns.add_argument("--short", action="store_true", help="only the data (also: +short)")


def _add_passwd(passwd: argparse.ArgumentParser) -> None:
    passwd.set_defaults(rest="")
    passwd.add_argument("file", metavar="FILE", help="made if it is not there (but not to delete)")
    passwd.add_argument("realm", metavar="REALM", help="what the password is for")
    passwd.add_argument("user", metavar="USER")
    passwd.add_argument("--delete", action="store_true", help="delete the user")
    passwd.epilog = (
        "The password is asked for twice on a terminal, or else read from standard input, a line."
    )


def _add_connection(command: argparse.ArgumentParser) -> None:
    """What is the same for all clients."""
    command.add_argument(
        "-u", "--user", metavar="USER[:PASSWORD]", help="credentials; asks for the password"
    )
    command.add_argument(
        "--proxy",
        metavar="URL",
        help='HTTP proxy; "" for none (default: as http_proxy, https_proxy and no_proxy say)',
    )
    trust = command.add_mutually_exclusive_group()
    trust.add_argument("--ca", metavar="FILE", help="trusted certificates, PEM")
    trust.add_argument("--insecure", action="store_true", help="take any certificate")
