"""MKCOL, DELETE, COPY and MOVE (RFC 4918 9.3, 9.6, 9.8, 9.9). Each is work in slices, see `jobs`.

A copy is made beside its destination, under a name that nobody sees, and gets its own by one
rename, as a move does: a client sees all of it or nothing. What was there before is renamed away in
the same moment and then removed. Only a folder that is deleted vanishes bit by bit: what cannot be
deleted has to stay where it is, with the folders it lies in.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from ..status import reason
from . import dead, trees, xml
from .jobs import overlap
from .names import temporary
from .space import Call, Place, RefusedError, quote_path, reply_xml, status_of

logger = logging.getLogger("galidia")

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


def mkcol(call: Call) -> Iterator[int]:
    """Make a folder."""
    call.look()
    if call.status is not None:
        raise RefusedError(405, "there is something of this name")
    call.check_locks(call.place, member=True)
    with call.space.tree.parent(call.place.path) as (folder, name):
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:
            raise RefusedError(405, "there is something of this name") from None
        dead.update(folder, name, {})
    call.req.reply(201)
    yield 1


def delete(call: Call) -> Iterator[int]:
    """Remove a file, or a folder with all that is in it."""
    call.found()
    if call.is_folder and call.depth() != "infinity":
        raise RefusedError(400, "a folder is deleted with all that is in it")
    call.check_locks(call.place, deep=True, member=True)
    outcome = trees.Outcome()
    with call.space.tree.parent(call.place.path) as (folder, name):
        is_link = os.path.islink(call.place.path)
        yield from trees.remove(folder, name, outcome)
        if not outcome.failures:
            _forget(folder, name)
            if not is_link:
                call.space.locks.drop(call.place.key)
    _answer(call, outcome, replaces=True)


def copy(call: Call, target: Place) -> Iterator[int]:
    """Copy a file; or a folder, with all that is in it or without."""
    replaces = _prepare(call, target)
    outcome = trees.Outcome()
    with call.space.tree.parent(target.path) as (folder, name):
        made = temporary()
        old = yield from _or_nothing(_copy(call, folder, name, made, outcome), folder, made)
        call.space.locks.drop(target.key, itself=False)
        yield from _discard(folder, old)
    _answer(call, outcome, replaces)


def move(call: Call, target: Place) -> Iterator[int]:
    """Move a file or a folder to another name or folder."""
    replaces = _prepare(call, target)
    if call.is_folder and call.depth() != "infinity":
        raise RefusedError(400, "a folder is moved with all that is in it")
    outcome = trees.Outcome()
    tree = call.space.tree
    with (
        tree.parent(call.place.path) as (source, name),
        tree.parent(target.path) as (folder, new),
    ):
        is_link = os.path.islink(call.place.path)
        _give_properties(call, folder, new)
        try:
            old = _replace(source, name, folder, new)
        except OSError as e:
            if e.errno != errno.EXDEV:  # to another file system
                raise
            made = temporary()
            old = yield from _or_nothing(
                _carry(source, name, folder, new, made, outcome), folder, made
            )
            yield from trees.remove(source, name, outcome)
        _forget(source, name)
        if not is_link:
            call.space.locks.drop(call.place.key)
        call.space.locks.drop(target.key, itself=False)
        yield from _discard(folder, old)
    _answer(call, outcome, replaces)


def _prepare(call: Call, target: Place) -> bool:
    """Check both sides of a COPY or MOVE; whether there is something at the destination."""
    overwrites = call.overwrites()
    call.found()
    place = call.place
    if overlap(target.key, place.key):
        raise RefusedError(403, "one of resource and Destination is the other, or lies in it")
    replaces = call.space.is_taken(target.path)
    if replaces and not overwrites:
        raise RefusedError(412, "there is something at the Destination")
    if call.req.method == "MOVE":
        call.check_locks(place, deep=True, member=True)
    call.check_locks(target, deep=True, member=not replaces)
    return replaces


def _copy(
    call: Call, folder: int, name: str, made: str, outcome: trees.Outcome
) -> Generator[int, None, str]:
    """Make a copy, under a temporary name, and give it its own; gives what `_replace` does."""
    tree, place = call.space.tree, call.place
    if not call.is_folder:
        fd = tree.open(place.path, _READ)
        try:
            yield from trees.copy_file(fd, folder, made)
        finally:
            os.close(fd)
    elif call.depth() == "0":
        os.mkdir(made, dir_fd=folder)
        with (
            _opened(tree.open(place.path, _FOLDER)) as source,
            _opened(os.open(made, _FOLDER, dir_fd=folder)) as empty,
        ):
            dead.update(empty, dead.ITSELF, dead.load(source).get(dead.ITSELF, {}))
    else:
        with tree.parent(tree.resolve(place.path)) as (source, last):  # not a link to it
            yield from trees.copy(source, last, folder, made, outcome)
    outcome.check_root()
    _give_properties(call, folder, name)
    return _replace(folder, made, folder, name)


def _carry(
    source: int, name: str, folder: int, new: str, made: str, outcome: trees.Outcome
) -> Generator[int, None, str]:
    """As `_copy`, of what is then removed: all of it, or it fails."""
    yield from trees.copy(source, name, folder, made, outcome)
    if outcome.failures:
        raise OSError(next(iter(outcome.failures.values())), "not all of it can be copied")
    return _replace(folder, made, folder, new)


def _or_nothing(
    work: Generator[int, None, str], folder: int, made: str
) -> Generator[int, None, str]:
    """Work that leaves nothing under its temporary name when it fails."""
    try:
        return (yield from work)
    except GeneratorExit:
        for _ in _discard(folder, made):
            pass
        raise
    except BaseException:
        yield from _discard(folder, made)
        raise


def _replace(source: int, name: str, folder: int, new: str) -> str:
    """Rename, and rename away what has the new name and cannot be replaced at once: its name then,
    or ""."""
    try:
        os.replace(name, new, src_dir_fd=source, dst_dir_fd=folder)
        return ""
    except OSError as e:
        if e.errno not in (errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST):
            raise
    old = temporary()
    os.rename(new, old, src_dir_fd=folder, dst_dir_fd=folder)
    try:
        os.rename(name, new, src_dir_fd=source, dst_dir_fd=folder)
    except BaseException:
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
        raise
    return old


def _give_properties(call: Call, folder: int, name: str) -> None:
    """A file's properties lie in its folder: they go with it. Those of a folder lie inside."""
    properties: dead.Properties = {}
    if not call.is_folder:
        path = call.place.path
        with _opened(call.space.tree.open(os.path.dirname(path), _FOLDER)) as above:
            properties = dead.load(above).get(os.path.basename(path), {})
    dead.update(folder, name, properties)


def _forget(folder: int, name: str) -> None:
    """What a name had in this folder is gone with it. If that cannot be written, because the disk
    is full, it is when the name is taken again."""
    try:
        dead.update(folder, name, {})
    except OSError as e:
        logger.warning("cannot forget the properties of %r: %s", name, e)


def _discard(folder: int, name: str) -> Iterator[int]:
    """Remove what is only there under a temporary name."""
    if not name:
        return
    outcome = trees.Outcome()
    yield from trees.remove(folder, name, outcome)
    if set(outcome.failures.values()) - {errno.ENOENT}:
        logger.warning("cannot remove all of %r", name)


def _answer(call: Call, outcome: trees.Outcome, replaces: bool) -> None:
    """Say that it is done, or what failed: of the tree itself with a status, else of each part
    (RFC 4918 13)."""
    outcome.check_root()
    if not outcome.failures:
        call.req.reply(204 if replaces else 201)
        return
    responses = []
    for path, number in outcome.failures.items():
        code = status_of(OSError(number, ""))
        responses.append(
            f"<D:response><D:href>{xml.text(call.place.href + quote_path(path))}</D:href>"
            f"<D:status>HTTP/1.1 {code} {reason(code)}</D:status></D:response>"
        )
    reply_xml(call.req, 207, xml.document("multistatus", "".join(responses)))


@contextmanager
def _opened(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)
