"""Replies that go into a file, and downloads that go on where they stopped (RFC 9110 14).

A download to a path is written to ``PATH.part`` and gets its name when it is complete, so that
nobody ever sees half a file. One that may be resumed leaves, when it fails, the part and beside it
``PATH.part.json``: of which URL it is, and the validator that tells whether the rest still fits.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import ProtocolError, TargetError
from ..fields import pairs_of

if TYPE_CHECKING:
    from ..reply import Reply

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})")


class Download:
    """Where a reply goes: a path, or an open file, which is written to and left open."""

    def __init__(self, target: Any, url: str, resume: bool) -> None:
        self.url = url
        self._file: BinaryIO | None = None
        self._path = ""
        self._resume = resume
        self._validator = ""
        #: Bytes that were there before.
        self.offset = 0
        self._expected = -1
        self._written = 0
        if hasattr(target, "write"):
            if resume:
                raise ValueError("resume= is for a download to a path")
            self._file = target
        else:
            self._path = os.path.abspath(os.fspath(target))
            if resume:
                self._remember()

    @property
    def _part(self) -> str:
        return self._path + ".part"

    @property
    def _note(self) -> str:
        return self._path + ".part.json"

    def _remember(self) -> None:
        """What an earlier download left, if the server can be asked for the rest of it."""
        try:
            with open(self._note, encoding="utf-8") as file:
                note = json.load(file)
            if note["url"] == self.url and isinstance(note["validator"], str):
                pairs_of([("If-Range", note["validator"])])
                self._validator = note["validator"]
                self.offset = os.path.getsize(self._part)
        except (OSError, ValueError, KeyError, TypeError):
            pass
        if not self._validator:
            self.offset = 0

    def headers(self) -> list[tuple[str, str]]:
        """What the request says about it."""
        if self.offset == 0:
            return []
        return [("Range", f"bytes={self.offset}-"), ("If-Range", self._validator)]

    def restart(self) -> None:
        """Forget what is there."""
        self.offset = 0
        self._validator = ""

    def begin(self, reply: Reply, now: float) -> bool:
        """A reply has come: whether its body belongs into the file.

        Raises TargetError, and ProtocolError for a range that was not asked for.
        """
        if reply.status == 206 and self.offset:
            self._check_range(reply)
        elif reply.status == 200:
            self.offset = 0
            self._expected = -1
        else:
            return False
        if not self._path:
            return True
        validator = strong_validator(reply, now)
        try:
            if self.offset == 0:
                self._drop_note()
            self._file = open(self._part, "r+b" if self.offset else "wb")  # noqa: SIM115
            self._file.seek(self.offset)
            if self._resume and validator:
                with open(self._note, "w", encoding="utf-8") as file:
                    json.dump({"url": self.url, "validator": validator}, file)
        except OSError as e:
            raise _failed(e) from e
        self._resume = self._resume and bool(validator)
        return True

    def satisfied(self, reply: Reply) -> bool:
        """Whether 416 (Range Not Satisfiable) says that all of it is there already."""
        found = _UNSATISFIED.fullmatch(reply.header("content-range") or "")
        return found is not None and int(found[1]) == self.offset > 0

    def _check_range(self, reply: Reply) -> None:
        found = _RANGE.fullmatch(reply.header("content-range") or "")
        if (
            found is None
            or int(found[1]) != self.offset
            or int(found[2]) < self.offset
            or (found[3] != "*" and int(found[3]) <= int(found[2]))
        ):
            raise ProtocolError(
                f"asked for bytes from {self.offset}, got {reply.header('content-range')!r}",
                "content-range",
            )
        self._expected = int(found[2]) - self.offset + 1

    def write(self, data: bytes) -> None:
        """More of the body. Raises TargetError."""
        assert self._file is not None
        try:
            self._file.write(data)
        except (OSError, ValueError) as e:
            raise _failed(e) from e
        self._written += len(data)

    def finish(self) -> None:
        """All of it is there: it gets its name. Raises TargetError or ProtocolError."""
        if 0 <= self._expected != self._written:
            raise ProtocolError(
                f"the range has {self._written} bytes instead of {self._expected}", "content-range"
            )
        if not self._path:
            return
        try:
            if self._file is not None:
                self._file.truncate()
                self._file.close()
                self._file = None
            os.replace(self._part, self._path)
            self._drop_note()
        except OSError as e:
            raise _failed(e) from e

    def abort(self) -> None:
        """It ends here: keep what can be resumed."""
        if not self._path or self._file is None:
            return
        file, self._file = self._file, None
        try:
            file.close()
            if not self._resume:
                os.unlink(self._part)
        except OSError:
            pass

    def _drop_note(self) -> None:
        try:
            os.unlink(self._note)
        except FileNotFoundError:
            pass


def strong_validator(reply: Reply, now: float) -> str:
    """What If-Range takes (RFC 9110 13.1.5): a strong ETag, or a date that is old enough; or ""."""
    etag = reply.header("etag") or ""
    if etag:
        return "" if etag.startswith("W/") or not etag.startswith('"') else etag
    from ..dates import parse_date

    modified, date = reply.header("last-modified") or "", reply.header("date") or ""
    one, other = parse_date(modified, now), parse_date(date, now)
    # 8.8.2.2: a date is strong when the same second cannot have seen another change.
    return modified if one is not None and other is not None and other - one >= 60 else ""


def _failed(error: Exception) -> TargetError:
    return TargetError(f"the reply could not be stored: {error}")
