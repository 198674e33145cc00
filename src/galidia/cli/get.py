"""``galidia get``: many downloads at once."""

from __future__ import annotations

import argparse
import os
from collections import deque
from hashlib import algorithms_guaranteed
from hashlib import new as new_hash
from typing import Any

from ..core.manager import Manager
from ..http.fetching.fetch import Timeouts
from ..http.fetching.pool import pool_of
from ..http.fields import names_of
from .job import Job
from .options import connection_options, headers_of, seconds, url_of
from .output import UsageError
from .progress import Progress, progress_on

#: A bound on --jobs: descriptors are not for nothing.
MAX_JOBS = 1000


def run(options: argparse.Namespace) -> int:
    """Download everything; 1 when something could not be had, 130 when interrupted."""
    from . import INTERRUPTED

    batch = Batch(options)
    if options.folder:
        os.makedirs(options.folder, exist_ok=True)
    with Manager() as mgr, progress_on(options.quiet, mgr) as progress:
        batch.start(mgr, progress)
        mgr.run()
        batch.end()
    if batch.unfinished:
        return INTERRUPTED
    return 1 if batch.failed else 0


class Batch:
    """All downloads of one command. Raises UsageError."""

    def __init__(self, options: argparse.Namespace) -> None:
        if options.output is not None and len(options.urls) > 1:
            raise UsageError("-o is for one URL; -O DIR says where many go to")
        if options.output == "-":
            raise UsageError("to standard output: galidia http GET URL --body")
        if not 1 <= options.jobs <= MAX_JOBS:
            raise UsageError(f"--jobs is a number from 1 to {MAX_JOBS}")
        if options.retries < 0:
            raise UsageError("--retries is a number from 0")
        urls = [url_of(url) for url in options.urls]
        sums: list[Any] = [checksum_of(text) for text in options.checksums or []]
        if sums and len(sums) != len(urls):
            raise UsageError(f"{len(sums)} checksums for {len(urls)} URLs")
        timeout = seconds(options.timeout)
        self.options = options
        self.headers = headers_of(options.fields)
        if "accept-encoding" not in names_of(self.headers):
            self.headers.append(("Accept-Encoding", "identity"))
        self.fetch_options: dict[str, Any] = {
            **connection_options(options),
            # What is stored is what the server has, so that lengths and checksums fit.
            "decode": False,
            "timeout": (
                Timeouts(total=None)
                if timeout is None
                else Timeouts(timeout, timeout, timeout, timeout, None)
            ),
        }
        self.jobs = [
            Job(self, url, digest)
            for url, digest in zip(urls, sums or [None] * len(urls), strict=True)
        ]
        self.waiting = deque(self.jobs)
        self.running = 0
        self.failed = 0
        self._claimed: dict[str, Job] = {}
        self.mgr: Manager
        self.progress: Progress

    def start(self, mgr: Manager, progress: Progress) -> None:
        """Begin with as many as may run at once."""
        self.mgr = mgr
        self.progress = progress
        pool_of(mgr).max_per_host = self.options.jobs
        self._more()

    def _more(self) -> None:
        while self.waiting and self.running < self.options.jobs and not self.mgr.closing:
            self.running += 1
            self.waiting.popleft().start()
        if not self.running and not self.waiting:
            self.mgr.stop()

    def finished(self, job: Job, failed: bool) -> None:
        """A download is over."""
        self.failed += failed
        self.running -= 1
        self.mgr.call_later(0, self._more)

    def claim(self, path: str, job: Job) -> bool:
        """Whether a path is for this download alone."""
        return self._claimed.setdefault(os.path.abspath(path), job) is job

    @property
    def unfinished(self) -> bool:
        """Whether there are downloads that came to no end."""
        return self.running > 0 or bool(self.waiting)

    def end(self) -> None:
        """No more polls: let go of what is held."""
        for job in self.jobs:
            job.abandon()


def checksum_of(text: str) -> tuple[str, str]:
    """Algorithm and digest of "ALGO:HEX", or of "HEX" for SHA-256. Raises UsageError."""
    algorithm, _, digest = text.rpartition(":")
    name = algorithm.lower().replace("-", "") or "sha256"
    digest = digest.strip().lower()
    known = {n.replace("_", "") for n in algorithms_guaranteed if not n.startswith("shake")}
    name = name.replace("_", "")
    if name not in known:
        raise UsageError(f"no checksum {algorithm!r}; there are {', '.join(sorted(known))}")
    if name.startswith("sha3") and len(name) > 5:
        name = f"sha3_{name[4:]}"
    length = new_hash(name, usedforsecurity=False).digest_size * 2
    if len(digest) != length or set(digest) - set("0123456789abcdef"):
        raise UsageError(f"a {name} checksum is {length} hexadecimal digits, not {digest[:200]!r}")
    return name, digest
