"""LOCK and UNLOCK (RFC 4918 9.10, 9.11)."""

from __future__ import annotations

import os

from . import xml
from .locks import OWNER_LIMIT, Lock, TooManyLocksError, new_token, timeout_of
from .properties import active_lock, read
from .space import Call, RefusedError, reply_xml
from .xml import DAV, Element

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def lock(call: Call, body: bytes) -> None:
    """Take a lock, or without a body let one last longer. What is not there becomes an empty file
    (RFC 4918 7.3)."""
    timeout = timeout_of(call.req.header("timeout"))
    if not body:
        _refresh(call, timeout)
        return
    exclusive, owner = _asked_for(read(body, "lockinfo"))
    infinite = call.depth() == "infinity"
    call.look()
    locks, place = call.space.locks, call.place
    there = call.status is not None
    if not there:
        if place.slash:
            raise RefusedError(409, "there is no such folder")
        call.check_locks(place, member=True)
    stands = locks.conflict(place.key, exclusive, infinite)
    if stands is not None:
        raise RefusedError(423, condition=_conflict(stands))
    taken = Lock(
        place.key,
        place.href + ("/" if call.is_folder else ""),
        exclusive=exclusive,
        infinite=infinite,
        owner=owner,
        principal=call.req.user or "",
        token=new_token(),
    )
    try:
        locks.add(taken, call.now, timeout)
    except TooManyLocksError:
        raise RefusedError(507, "there are too many locks") from None
    if not there:
        try:
            with call.space.tree.parent(place.path) as (folder, name):
                os.close(os.open(name, _CREATE, 0o666, dir_fd=folder))
        except OSError:
            locks.remove(taken)
            raise
    _answer(call, 200 if there else 201, [taken], [("Lock-Token", f"<{taken.token}>")])


def unlock(call: Call) -> None:
    """Give a lock back."""
    value = (call.req.header("lock-token") or "").strip()
    if not (value.startswith("<") and value.endswith(">")):
        raise RefusedError(400, "Lock-Token is needed, as <URI>")
    call.found()
    found = call.space.locks.find(value[1:-1])
    if found is None or found not in call.space.locks.covering(call.place.key):
        raise RefusedError(409, condition="<D:lock-token-matches-request-uri/>")
    if not call.owns(found):
        raise RefusedError(403, "this lock is somebody else's")
    call.space.locks.remove(found)
    call.req.reply(204)


def _refresh(call: Call, timeout: float) -> None:
    call.look()
    named = call.submitted()
    if not named:
        raise RefusedError(400, "a lock is refreshed with its token in If, and taken with a body")
    found = [it for it in call.space.locks.covering(call.place.key) if it.token in named]
    if not found or not all(call.owns(it) for it in found):
        raise RefusedError(412, condition="<D:lock-token-matches-request-uri/>")
    for it in found:
        call.space.locks.refresh(it, call.now, timeout)
    _answer(call, 200, found, [])


def _asked_for(info: Element) -> tuple[bool, str]:
    """Whether it is to be exclusive, and the XML of its owner."""
    scope, kind = info.find(f"{DAV}lockscope"), info.find(f"{DAV}locktype")
    if scope is None or kind is None or kind.find(f"{DAV}write") is None:
        raise RefusedError(400, "a scope and the type write are needed")
    exclusive = scope.find(f"{DAV}exclusive") is not None
    if exclusive is (scope.find(f"{DAV}shared") is not None):
        raise RefusedError(400, "the scope is either exclusive or shared")
    owner = info.find(f"{DAV}owner")
    if owner is None:
        return exclusive, ""
    text = "".join(
        [xml.text(it) if isinstance(it, str) else xml.write(it) for it in owner.children]
    )
    if len(text) > OWNER_LIMIT:
        raise RefusedError(400, f"the owner is over {OWNER_LIMIT} characters")
    return exclusive, text


def _conflict(stands: Lock) -> str:
    return (
        f"<D:no-conflicting-lock><D:href>{xml.text(stands.root)}</D:href></D:no-conflicting-lock>"
    )


def _answer(call: Call, status: int, locks: list[Lock], headers: list[tuple[str, str]]) -> None:
    active = "".join([active_lock(it, call.now) for it in locks])
    body = xml.document("prop", f"<D:lockdiscovery>{active}</D:lockdiscovery>")
    reply_xml(call.req, status, body, headers)
