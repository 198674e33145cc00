"""What a service is made of that others compose: guards, and services of single files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .request import Request

__all__ = ["FileService", "Guard"]


class Guard(Protocol):
    """Says who may."""

    def allows(self, req: Request) -> bool:
        """Whether a request may go on; if not, it was answered here.

        Called once for each request, at its first event, when its body may not have come yet. Who
        the client is found to be goes into ``req.user``.
        """


class FileService(Protocol):
    """Answers for some files in a folder, such as scripts."""

    def matches(self, path: str) -> bool:
        """Whether a file is of this kind, by its path. Does no I/O."""

    def run(self, req: Request, path: str, script_name: str, path_info: str) -> None:
        """Answer a request, at once or later.

        ``path`` is a regular file that lies in the folder; ``script_name`` is the decoded path of
        the request up to its name and ``path_info`` what comes behind. It is the first event of
        the request, whose body may be incomplete: see `Request.hand_over`.
        """
