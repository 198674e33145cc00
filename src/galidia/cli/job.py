"""One download: requested, gone on with, verified, named."""

from __future__ import annotations

import os
import threading
from hashlib import new as new_hash
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..http.errors import (
    ConnectError,
    FetchError,
    ProxyError,
    TimedOutError,
    TlsError,
    TruncatedError,
)
from ..http.fetching.fetch import fetch
from ..http.urls import parse_url
from .names import name_of_disposition, name_of_url
from .output import complain, reason, size
from .part import Part, RangeError

if TYPE_CHECKING:
    from ..core.timers import Timer
    from ..http.fetching.fetch import Fetch, Result
    from ..http.reply import Reply
    from .get import Batch

#: Statuses that may be another one the next time.
PASSING = frozenset({408, 429, 500, 502, 503, 504})
#: Seconds before the first repetition; each further one waits twice as long.
FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0
#: Bytes of the body of an error that are read to keep the connection.
MAX_EXPLANATION = 1 << 20
#: Bytes that are hashed at once.
BLOCK = 1 << 20


class DownloadError(Exception):
    """Why a download came to nothing, in words."""


class Job:
    """One URL."""

    def __init__(self, batch: Batch, url: str, checksum: tuple[str, str] | None) -> None:
        options = batch.options
        self.batch = batch
        self.url = url
        #: As it is shown: without user and password.
        self.shown = str(parse_url(url))
        self.checksum = checksum
        #: The file that it becomes, as far as is known.
        self.path = options.output or os.path.join(options.folder or "", name_of_url(url))
        self.part = Part(options.output or self._stem(), self.shown)
        self.done = False
        self._fetch: Fetch | None = None
        self._reply: Reply | None = None
        self._tries = 0
        self._timer: Timer | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False
        #: Something has come, in this run.
        self._moved = False

    def _stem(self) -> str:
        """What the part is called, before the server has said how it calls the whole."""
        if not urlsplit(self.url).query:
            return self.path
        return f"{self.path}-{sha256(self.shown.encode()).hexdigest()[:8]}"

    def start(self) -> None:
        """Begin. What cannot begin is reported like what fails later."""
        options = self.batch.options
        try:
            if not self.batch.claim(self.part.path, self):
                raise DownloadError("it is being downloaded already")
            if options.resume:
                if self._is_there():
                    return
                self.part.remember(self.checksum is not None)
            self._request()
        except (DownloadError, OSError) as e:
            self._fail(reason(e))

    def _request(self) -> None:
        self._timer = None
        self._reply = None
        try:
            self._fetch = fetch(
                self.batch.mgr,
                self.url,
                self._on_result,
                headers=self.batch.headers + self.part.headers(),
                on_data=self._on_data,
                **self.batch.fetch_options,
            )
        except (OSError, ValueError, RuntimeError) as e:
            self._fail(reason(e))

    # -- what comes ---------------------------------------------------------------------------

    def _on_data(self, fetch: Fetch, data: bytes) -> None:
        reply = fetch.reply
        if self.done or reply is None:
            return
        try:
            if reply.status not in (200, 206):
                if fetch.received > MAX_EXPLANATION:
                    fetch.cancel()
                    self._judge(reply)
                return
            if reply is not self._reply and not self._begin(reply):
                fetch.cancel()
                return
            self.part.write(data)
        except (DownloadError, OSError, RangeError) as e:
            fetch.cancel()
            self._fail(reason(e))
            return
        self._moved = True
        self.batch.progress.moved(self)

    def _begin(self, reply: Reply) -> bool:
        """A reply is there; False: it is not needed. Raises DownloadError, OSError, RangeError."""
        options = self.batch.options
        if options.output is None:
            name = name_of_disposition(reply.header("content-disposition"))
            if name:
                self.path = os.path.join(options.folder or "", name)
        if not self.batch.claim(self.path, self):
            raise DownloadError(f"{self.path} is being downloaded already")
        if os.path.lexists(self.path):
            if options.resume and self._is_there():
                return False
            self._check_free()
        self._reply = reply
        self.part.begin(reply, self.batch.mgr.time())
        self.batch.progress.begun(self)
        return True

    def _check_free(self) -> None:
        """Raise DownloadError if the file may not be made."""
        options = self.batch.options
        if os.path.lexists(self.path) and not os.path.isfile(self.path):
            raise DownloadError(f"{self.path} is there, and no plain file")
        if os.path.exists(self.path) and options.output is None and not options.force:
            raise DownloadError(f"{self.path} is there already; --force replaces it")

    def _is_there(self) -> bool:
        """Whether the file was complete before; the download is then over, or being verified."""
        if not os.path.isfile(self.path):
            return False
        if self.checksum is None:
            self._succeed("is there already")
        else:
            self._verify(self.path)
        return True

    def _on_result(self, result: Result) -> None:
        self._fetch = None
        if self.done:
            return
        self.part.close()
        if self.batch.mgr.closing:
            return
        try:
            if result.error is None:
                assert result.reply is not None
                self._judge(result.reply)
            elif self._is_passing(result.error):
                self._again(str(result.error))
            else:
                raise DownloadError(str(result.error))
        except (DownloadError, OSError, RangeError) as e:
            self._fail(reason(e))

    def _judge(self, reply: Reply) -> None:
        """The reply has come to its end, or is not worth to be read to it."""
        if reply.status in (200, 206):
            if reply is not self._reply and not self._begin(reply):
                return  # it has no content, but is there
            self.part.close()
            if 0 <= self.part.total != self.part.size:
                self._again(f"{self.part.size} of {self.part.total} bytes came")
            else:
                self._check_free()
                self._verify(self.part.path)
        elif reply.status == 416 and self.part.offset:
            if self.part.is_all(reply):
                self._verify(self.part.path)
            else:
                self.part.discard()
                self._request()
        elif reply.status in PASSING:
            self._again(_said(reply), reply.header("retry-after"))
        else:
            raise DownloadError(_said(reply))

    def _is_passing(self, error: FetchError) -> bool:
        """Whether it may be otherwise the next time."""
        if isinstance(error, ConnectError):
            return self._moved and not isinstance(error, (TlsError, ProxyError))
        return isinstance(error, (TruncatedError, TimedOutError))

    def _again(self, why: str, wanted: str | None = None) -> None:
        """Try once more, later. Raises DownloadError when it was tried often enough."""
        if self._tries >= self.batch.options.retries:
            raise DownloadError(why)
        wait: float = FIRST_WAIT * (1 << min(self._tries, 10))
        if wanted is not None and wanted.isascii() and wanted.isdigit():
            wait = max(wait, int(wanted[:6]))
        self._tries += 1
        self.part.remember(self.checksum is not None)
        self._timer = self.batch.mgr.call_later(min(wait, LONGEST_WAIT), self._request)
        self.batch.progress.retried(self, why)

    # -- the end ------------------------------------------------------------------------------

    def _verify(self, path: str) -> None:
        """Compare the checksum, beside the other downloads; then the file gets its name."""
        if self.checksum is None:
            self._complete(path, "")
            return
        self.batch.progress.verifying(self)
        self._thread = threading.Thread(target=self._hash, args=(path, self.checksum[0]))
        self._thread.start()

    def _hash(self, path: str, algorithm: str) -> None:
        digest: str | OSError
        try:
            found = new_hash(algorithm, usedforsecurity=False)
            with open(path, "rb", buffering=0) as file:
                while not self._stopped and (block := file.read(BLOCK)):
                    found.update(block)
            digest = found.hexdigest()
        except OSError as e:
            digest = e
        if not self._stopped:
            try:
                self.batch.mgr.call_soon_threadsafe(self._hashed, path, digest)
            except RuntimeError:  # the manager was closed meanwhile
                pass

    def _hashed(self, path: str, digest: str | OSError) -> None:
        assert self._thread is not None
        assert self.checksum is not None
        self._thread.join()
        self._thread = None
        algorithm, wanted = self.checksum
        if isinstance(digest, OSError):
            self._fail(reason(digest))
        elif digest == wanted:
            self._complete(path, f", {algorithm} right")
        elif path == self.part.path:
            self.part.discard()
            self._fail(f"wrong checksum: {algorithm} is {digest}; nothing was kept")
        else:
            self._fail(f"{path} is there, but has another checksum: {algorithm} is {digest}")

    def _complete(self, path: str, checked: str) -> None:
        if path != self.part.path:
            self._succeed(f"is there already{checked}")
            return
        try:
            self.part.rename(self.path)
        except OSError as e:
            self._fail(reason(e))
        else:
            self._succeed(f"({size(self.part.size)}{checked})")

    def _succeed(self, how: str) -> None:
        self.done = True
        self.batch.progress.ended(self, f"{self.path} {how}")
        self.batch.finished(self, False)

    def _fail(self, why: str) -> None:
        self.done = True
        self.part.close()
        self.batch.progress.ended(self, None)
        complain(f"{self.shown}: {why}")
        self.batch.finished(self, True)

    def abandon(self) -> None:
        """The manager polls no more. The part stays, for --continue."""
        self._stopped = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.part.close()


def _said(reply: Reply) -> str:
    return f"the server answers {reply.status} {reply.reason}".rstrip()
