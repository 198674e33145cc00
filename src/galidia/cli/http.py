"""``galidia http``: one request, and its reply shown."""

from __future__ import annotations

import argparse
import json
import mimetypes
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode

from ..core.manager import Manager
from ..http.fetching.fetch import MAX_REDIRECTS, Fetch, Result, Timeouts, fetch
from ..http.fields import names_of
from ..http.multipart import encode_parts
from ..http.parameters import TOKEN
from ..http.reply import Reply
from .body import Exact, View, view_of
from .options import connection_options, headers_of, seconds, url_of
from .output import UsageError, clean_line, complain, console_for


def run(options: argparse.Namespace) -> int:
    """Make the request; 1 when there was no whole reply, whatever its status, 130 interrupted."""
    from . import INTERRUPTED

    exchange = Exchange(options)
    with Manager() as mgr:
        exchange.start(mgr)
        mgr.run()
        exchange.end()
    if exchange.broken is not None:
        raise exchange.broken
    return INTERRUPTED if exchange.code is None else exchange.code


class Exchange:
    """The request and the reply of one command. Raises UsageError."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        #: The exit code, once it is over.
        self.code: int | None = None
        #: What kept the reply from being shown.
        self.broken: OSError | None = None
        if not TOKEN.fullmatch(options.method):
            raise UsageError(f"bad method {options.method!r}")
        self._url = url_of(options.url)
        headers = headers_of(options.fields)
        content, kind = _content(options)
        names = names_of(headers)
        if kind and "content-type" not in names:
            headers.append(("Content-Type", kind))
        self._what: dict[str, Any] = {
            **connection_options(options),
            "method": options.method.upper(),
            "headers": headers,
            "body": content,
            "max_redirects": MAX_REDIRECTS if options.follow else 0,
            "timeout": Timeouts(total=seconds(options.timeout)),
            # Who asks for a coding wants to see it.
            "decode": "accept-encoding" not in names,
            "on_data": self._on_data,
        }
        if options.verbose:
            self._what["on_request"] = self._on_request
        self._terminal = sys.stdout.isatty()
        self._console = console_for(sys.stdout)
        self._out: BinaryIO = sys.stdout.buffer
        self._mgr: Manager
        self._reply: Reply | None = None
        self._view: View | None = None
        self._file: BinaryIO | None = None
        self._anything = False

    def start(self, mgr: Manager) -> None:
        """Make the request. Raises OSError or ValueError."""
        self._mgr = mgr
        fetch(mgr, self._url, self._on_result, **self._what)

    # -- what happens -------------------------------------------------------------------------

    def _on_request(self, fetch: Fetch, head: bytes) -> None:
        try:
            self._show_head(head, "bold")
        except OSError as e:
            self._stop(fetch, e)

    def _on_data(self, fetch: Fetch, data: bytes) -> None:
        assert fetch.reply is not None
        try:
            self._begin(fetch.reply, data)
            if self._view is not None:
                self._view.write(data)
            elif self.options.head:
                fetch.cancel()
                self._over()
        except OSError as e:
            self._stop(fetch, e)

    def _on_result(self, result: Result) -> None:
        if self._mgr.closing:
            return
        try:
            if result.reply is not None:
                self._begin(result.reply, b"")
            if self._view is not None:
                self._view.close(result.error is None)
            if result.error is None and self._file is not None:
                self._file.close()
                self._file = None
                os.replace(self._part, self.options.output)
        except OSError as e:
            self.broken = e
        self._over(None if result.error is None else str(result.error))

    def _begin(self, reply: Reply, first: bytes) -> None:
        """Some of a reply is there: show its head, if that was not done."""
        if reply is self._reply:
            return
        self._reply = reply
        options = self.options
        if not options.body:
            if options.verbose:
                for interim in reply.interim:
                    self._show_head(interim.raw, "yellow")
            self._show_head(reply.raw, _colour(reply.status))
        if options.head:
            return
        if options.output is not None:
            self._file = open(self._part, "wb")  # noqa: SIM115
            self._view = Exact(self._file)
        elif not self._terminal:
            self._view = Exact(self._out)
        elif first:
            self._view = view_of(reply, first, self._console)

    @property
    def _part(self) -> str:
        return f"{self.options.output}.part"

    # -- what is shown ------------------------------------------------------------------------

    def _show_head(self, head: bytes, style: str) -> None:
        """A head: readable on a terminal, else as it is."""
        head = head.rstrip(b"\r\n")
        if not self._terminal:
            self._out.write(head + b"\r\n\r\n")
            self._out.flush()
            return
        first, *fields = _text(head).split("\r\n")
        lines = [clean_line(line) for line in fields if line]
        if self._console is None:
            print(clean_line(first), *lines, "", sep="\n", flush=True)
            return
        from rich.text import Text

        shown = Text().append(clean_line(first) + "\n", style)
        for line in lines:
            name, colon, value = line.partition(":")
            shown.append(name, "cyan")
            shown.append(f"{colon}{value}\n")
        self._console.print(shown, soft_wrap=True)

    # -- the end ------------------------------------------------------------------------------

    def _stop(self, fetch: Fetch, error: OSError) -> None:
        fetch.cancel()
        self.broken = error
        self._over()

    def _over(self, error: str | None = None) -> None:
        self.code = 0 if error is None else 1
        if error is not None:
            complain(error)
        self._mgr.stop()

    def end(self) -> None:
        """No more polls: let go of what is held."""
        if self._file is not None:
            self._file.close()
            os.unlink(self._part)
        body = self._what["body"]
        if hasattr(body, "close"):
            body.close()


def _text(head: bytes) -> str:
    """A head as text: UTF-8, which is what is meant today, or Latin-1."""
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("latin-1")


def _colour(status: int) -> str:
    return "bold " + {1: "yellow", 2: "green", 3: "yellow"}.get(status // 100, "red")


def _content(options: argparse.Namespace) -> tuple[Any, str]:
    """The body of the request and its media type. Raises UsageError or OSError."""
    if options.data is not None:
        text: str = options.data
        if text == "@-" or not text.startswith("@"):
            return _bytes(text), "" if text == "@-" else "text/plain; charset=utf-8"
        kind = mimetypes.guess_type(text)[0] or "application/octet-stream"
        return open(text[1:], "rb"), kind
    if options.json is not None:
        data = _bytes(options.json)
        try:
            json.loads(data)
        except (ValueError, RecursionError) as e:
            raise UsageError(f"--json: this is no JSON: {e}") from None
        return data, "application/json"
    if options.form is not None:
        return _form(options.form)
    return None, ""


def _bytes(text: str) -> bytes:
    """What STR, @FILE or @- stands for."""
    if text == "@-":
        # All at once: then Ctrl-C ends the wait, and the body can be sent again.
        return sys.stdin.buffer.read()
    if text.startswith("@"):
        return Path(text[1:]).read_bytes()
    return os.fsencode(text)


def _form(words: list[str]) -> tuple[Any, str]:
    """A form: multipart when there is a file in it."""
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, Path]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--form is NAME=VALUE or NAME=@FILE, not {word!r}")
        if value.startswith("@"):
            files.append((name, Path(value[1:])))
        else:
            fields.append((name, value))
    if not files:
        return urlencode(fields, errors="surrogateescape").encode(), (
            "application/x-www-form-urlencoded"
        )
    try:
        return encode_parts(fields, files), ""
    except ValueError as e:
        raise UsageError(f"--form: {e}") from None
