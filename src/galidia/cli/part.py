"""A file that is not complete: ``NAME.part``, and beside it ``NAME.part.json``, which says what it
is part of, so that a later run can go on with it (RFC 9110 14.2, 13.1.5)."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from ..http.fetching.download import strong_validator

if TYPE_CHECKING:
    from ..http.reply import Reply

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})")
_VALIDATOR = re.compile(r"[\x20-\x7e\x80-\xff]{1,1000}")


class RangeError(Exception):
    """The server has sent another part than the one that was asked for."""


class Part:
    """The part of ``path`` that there is; every method may raise OSError."""

    def __init__(self, path: str, url: str) -> None:
        self.url = url
        self.path = path + ".part"
        self._note = self.path + ".json"
        self._fd = -1
        self._validator = ""
        #: Bytes that are there, when the request is made and later on.
        self.offset = 0
        self.size = 0
        #: Bytes of the whole; -1: not known.
        self.total = -1

    def remember(self, checked: bool) -> None:
        """Use what an earlier run has left, if the server can tell whether the rest still fits, or
        if a checksum will tell (``checked``)."""
        self._validator = ""
        self.offset = self.size = 0
        try:
            with open(self._note, encoding="utf-8") as file:
                note = json.load(file)
            if note["url"] != self.url:
                return
            if _VALIDATOR.fullmatch(note["validator"]):
                self._validator = note["validator"]
        except (OSError, ValueError, KeyError, TypeError):
            if not checked:
                return
        if self._validator or checked:
            try:
                self.offset = self.size = os.stat(self.path).st_size
            except OSError:
                pass

    def headers(self) -> list[tuple[str, str]]:
        """What the request says about it."""
        if not self.offset:
            return []
        fields = [("Range", f"bytes={self.offset}-")]
        return fields + [("If-Range", self._validator)] if self._validator else fields

    def begin(self, reply: Reply, now: float) -> None:
        """The head of a reply is there, 200 or 206. Raises RangeError."""
        if reply.status == 206:
            self._check(reply.header("content-range") or "")
        else:
            self.offset = 0
            self.total = reply.content_length
            self._drop_note()
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(self.path, flags, 0o666)
        os.ftruncate(self._fd, self.offset)
        os.lseek(self._fd, self.offset, os.SEEK_SET)
        self.size = self.offset
        if reply.status == 200:
            self._validator = strong_validator(reply, now)
            with open(self._note, "x", encoding="utf-8") as file:
                json.dump({"url": self.url, "validator": self._validator}, file)

    def _check(self, value: str) -> None:
        found = _RANGE.fullmatch(value)
        if found is None or not self.offset or int(found[1]) != self.offset:
            raise RangeError(f"asked for the bytes from {self.offset}, got {value!r}")
        self.total = int(found[2]) + 1 if found[3] == "*" else int(found[3])

    def is_all(self, reply: Reply) -> bool:
        """Whether 416 (Range Not Satisfiable) says that everything is there already."""
        found = _UNSATISFIED.fullmatch(reply.header("content-range") or "")
        return found is not None and int(found[1]) == self.offset > 0

    def write(self, data: bytes) -> None:
        """More of it."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self.size += len(data)

    def close(self) -> None:
        """Stop writing, for now or because it is complete."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def rename(self, path: str) -> None:
        """It is complete: give it its name."""
        self.close()
        os.replace(self.path, path)
        self._drop_note()

    def discard(self) -> None:
        """It is good for nothing."""
        self.close()
        self._validator = ""
        self.offset = self.size = 0
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        self._drop_note()

    def _drop_note(self) -> None:
        try:
            os.unlink(self._note)
        except FileNotFoundError:
            pass
