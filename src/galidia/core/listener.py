"""Listeners of stream sockets: accept, and hand on what children inherit."""

from __future__ import annotations

import errno
import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .acl import check_ip_acl
from .address import NOWHERE, Address
from .connection import Connection
from .options import count, positive
from .stream import HANDSHAKE_TIMEOUT, HandshakeDeadline, Stream

if TYPE_CHECKING:
    from .manager import Manager
    from .tls import Settings
    from .transport import Transport

if not cython.compiled:
    from .bits import LISTENING, READABLE, SSL

logger = logging.getLogger("galidia")

#: Connections accepted in one go before it is the others' turn.
ACCEPT_BATCH = 64
#: Connections accepted per second by one listener; the kernel keeps the rest waiting.
ACCEPT_RATE = 50_000.0
#: Connections of one address at once: none of them may take all that a manager can have.
MAX_PER_ADDRESS = 10_000
#: Seconds; a pause that rounding makes nothing of would end before there is a token.
SHORTEST_PAUSE = 0.001

_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_ABORTED = errno.ECONNABORTED
_NONE_NOW = (errno.EAGAIN, errno.EWOULDBLOCK, _ABORTED, errno.EINTR)


class Listener(Connection):
    """A listening stream socket. ``children`` are open; ``refused`` were turned away by ``acl`` or
    ``max_per_address``."""

    __slots__ = (
        "_acl",
        "_by_host",
        "_children",
        "_context",
        "_handshake_timeout",
        "_interest",
        "_io",
        "_max_children",
        "_max_per_address",
        "_quiet_until",
        "_rate",
        "_refused",
        "_tls",
        "_tokens",
        "_tokens_at",
        "_unlink",
        "_waiting",
    )

    def __init__(self, mgr: Manager, handler: Any, io: Any) -> None:
        self._set_up(mgr, handler, LISTENING)
        self._io = io
        self._interest = 0
        self._tls: Settings | None = None
        self._context: Any = None
        self._waiting = False
        self._children = 0
        self._refused = 0
        self._by_host: dict[str, int] = {}
        self._max_per_address = 0
        self._quiet_until = 0.0
        self._max_children = 0
        self._rate = ACCEPT_RATE
        self._tokens = ACCEPT_RATE
        self._tokens_at = self.mgr._now
        self._acl: str | None = None
        self._handshake_timeout = HANDSHAKE_TIMEOUT
        self._unlink: Any = None
        mgr._attach(io.fd, self)

    def begin(self, options: dict[str, Any]) -> None:
        """Set what the options say and start to accept. Raises ValueError."""
        self._max_children = count(
            "max_connections", options.get("max_connections", self.mgr.max_connections)
        )
        self._max_per_address = count(
            "max_per_address", options.get("max_per_address", MAX_PER_ADDRESS)
        )
        self._rate = positive("accept_rate", options.get("accept_rate", ACCEPT_RATE))
        self._tokens = max(self._rate, 1.0)
        check_ip_acl(options.get("acl"), "127.0.0.1")
        self._acl = options.get("acl")
        self._handshake_timeout = positive(
            "handshake_timeout", options.get("handshake_timeout", HANDSHAKE_TIMEOUT)
        )
        self._watch()
        self._open(-1, None)

    @property
    def local(self) -> Address:
        """The address it listens on, with the real port."""
        address: Address = self._io.local() if self._io is not None else NOWHERE
        return address

    @property
    def children(self) -> int:
        return self._children

    @property
    def refused(self) -> int:
        return self._refused

    def fileno(self) -> int:
        return int(self._io.fd) if self._io is not None else -1

    def secure(self, settings: Settings) -> None:
        """Accept TLS from now on."""
        self._context = settings.server_context()
        self._tls = settings
        self._flags |= SSL

    def reload_tls(self) -> None:
        if self._tls is None:
            raise ValueError("this listener does not do TLS")
        self._context = self._tls.server_context()

    # -- accepting ----------------------------------------------------------------------------

    def _ready(self, mask: int) -> None:
        self._accept()
        if self._dirty:
            self._dirty = False
            self.mgr._current = None
            self._service()

    def _accept(self) -> None:
        for _ in range(ACCEPT_BATCH):
            if self._io is None or not self._may_accept():
                return
            io = self._io.accept()
            if io is not None:
                self._take(io)
                continue
            code = self._io.error
            if code in _NONE_NOW:
                pass
            elif code in _NO_DESCRIPTOR:
                if not self._waiting:
                    logger.warning("%r: %s; accepting pauses", self, os.strerror(code))
                self._waiting = True
                self._watch()
                self.mgr._wait_for_descriptor(self)
            else:
                logger.error("%r: accept failed: %s", self, os.strerror(code))
                self._pause(1.0)
            if code != _ABORTED:
                return

    def _may_accept(self) -> bool:
        mgr = self.mgr
        if self._children >= self._max_children:
            self._waiting = True  # until a child is gone
            self._watch()
            return False
        if len(mgr._connections) >= mgr.max_connections:
            self._waiting = True
            self._watch()
            mgr._wait_for_descriptor(self)
            return False
        if self._tokens < 1.0:
            since = mgr._now - self._tokens_at
            self._tokens = min(self._tokens + since * self._rate, max(self._rate, 1.0))
            self._tokens_at = mgr._now
            if self._tokens < 1.0:
                self._pause(max((1.0 - self._tokens) / self._rate, SHORTEST_PAUSE))
                return False
        self._tokens -= 1.0
        return True

    def _pause(self, seconds: float) -> None:
        self._waiting = True
        self._watch()
        self.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._mark()

    def _take(self, io: Transport) -> None:
        host = io.peer().host
        if (self._acl and not check_ip_acl(self._acl, host)) or not self._admits(host):
            self._refused += 1
            io.abort()
            return
        self._children += 1
        # A companion goes by what the user has of the two, see `DatagramListener.join`.
        owner = self if self.listener is None else self.listener
        c = Stream(self.mgr, owner._handler, self._flags & SSL)
        c.listener = self
        c.user_data = owner.user_data
        c.recv_mbuf_limit = owner.recv_mbuf_limit
        c.send_mbuf_limit = owner.send_mbuf_limit
        c.close_timeout = owner.close_timeout
        if owner._policy != "close":
            c.congestion = owner._policy
        if owner._protocol is not None:
            c._protocol = owner._protocol.child()
            c._remask()
        if self._tls is not None:
            io = self._tls.server_transport(io, self._context)
            c._setup = HandshakeDeadline(self.mgr, c, self._handshake_timeout)
        c._start(io, 0)

    def _admits(self, host: str) -> bool:
        """Count one more connection of this address, if it may have one."""
        if not host:
            return True  # a Unix socket's peers have no address
        there = self._by_host.get(host, 0)
        if there < self._max_per_address:
            self._by_host[host] = there + 1
            return True
        now = self.mgr._now
        if now >= self._quiet_until:
            self._quiet_until = now + 60.0
            logger.warning(
                "%r: %s has %d connections, more are refused (max_per_address=)", self, host, there
            )
        return False

    def _child_gone(self, host: str) -> None:
        if host:
            left = self._by_host[host] - 1
            if left:
                self._by_host[host] = left
            else:
                del self._by_host[host]
        self._children -= 1
        if self._waiting and not self._closed:
            self._mark()

    # -- for the manager ----------------------------------------------------------------------

    def _service(self) -> None:
        Connection._service(self)
        if self._waiting and not self._closed:
            self._waiting = False
            self._watch()

    def _watch(self) -> None:
        mask = 0 if self._waiting else READABLE
        if self._io is not None and mask != self._interest:
            self.mgr._poller.set(self._io.fd, self._interest, mask)
            self._interest = mask

    def _release(self) -> None:
        self._context = self._tls = None
        io, self._io = self._io, None
        if io is not None:
            self.mgr._detach(io.fd, self._interest)
            io.close()
        if self._unlink is not None:
            try:
                os.unlink(self._unlink)
            except OSError:
                pass  # somebody else did

    def _goodbye(self) -> None:
        self.close()
