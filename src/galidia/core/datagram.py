"""Datagrams: UDP listeners with a connection for each peer, and outbound UDP.

A listener has one socket; what comes from one address is one connection, found in a dictionary,
which costs no descriptor. It starts with ``SEND_AND_CLOSE``: it lives for one exchange unless its
handler clears that flag. What one `send` is given is one datagram, ``recv_mbuf`` holds one datagram
at each ``RECV`` and is emptied when the handler returns.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .acl import check_ip_acl
from .address import NOWHERE, Address, from_sockaddr
from .connection import Connection
from .datagram_socket import Batch
from .options import count

if TYPE_CHECKING:
    from .manager import Manager
    from .protocol import Protocol

if not cython.compiled:
    from .bits import (
        ACCEPT,
        BUFFER_BUT_DONT_SEND,
        CLOSE_IMMEDIATELY,
        CONNECT,
        CONNECTING,
        LISTENING,
        READABLE,
        RECV,
        RECV_AND_CLOSE,
        RESOLVING,
        SEND,
        SEND_AND_CLOSE,
        UDP,
        WRITABLE,
    )
    from .mbuf import append, discard

#: Datagrams taken in one go before it is the others' turn.
BATCH = 256
#: Peers of one listener that may have a connection at once; datagrams of others are dropped.
MAX_PEERS = 10_000

_SOFT = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class Datagrams(Connection):
    """What all datagram connections have in common: writing, and the count of what was lost."""

    __slots__ = ("_address", "_blocked", "_io", "_queued", "_target", "lost")

    def __init__(self, mgr: Manager, handler: Any, flags: int) -> None:
        self._io: Any = None
        self._target: Any = None
        self._address = NOWHERE
        self._queued = 0
        self._blocked = False
        self.lost = 0
        self._set_up(mgr, handler, flags | UDP)
        self._messages = deque()

    @property
    def peer(self) -> Address:
        """The other end's address."""
        return self._address

    @property
    def local(self) -> Address:
        """This end's address."""
        if self._io is None:
            return NOWHERE
        address: Address = self._io.local()
        return address

    @property
    def drops(self) -> int:
        return self.lost + (self._io.dropped() if self._io is not None else 0)

    def fileno(self) -> int:
        return int(self._io.fd) if self._io is not None else -1

    def socket(self) -> Any:
        if self._io is None:
            raise OSError(errno.ENOTCONN, "this connection has no socket")
        return self._io.socket()

    def _accepts(self, n: int) -> bool:
        messages = self._messages
        extra = len(self._send) - self._queued
        if extra > 0 and messages is not None:
            messages.append(extra)  # appended to send_mbuf by hand
        if not Connection._accepts(self, n):
            return False
        self._queued = len(self._send) + n
        return True

    def _received(self, n: int) -> None:
        self._recv = append(self._recv, self.mgr._scratch, n)
        self._last_io = self.mgr._now
        if self._mask & (1 << RECV):
            self._dispatch(RECV, n)
        if self._recv:
            self._recv = discard(self._recv, len(self._recv))

    def _serve(self) -> None:
        """Write, and close if asked to."""
        if self._over_limit:
            self._congestion()
        if not self._flags & (BUFFER_BUT_DONT_SEND | CLOSE_IMMEDIATELY):
            self._write()
        if self._over_limit:
            self._congestion()
        if self._flags & CLOSE_IMMEDIATELY:
            self._finish()
        elif self._flags & (SEND_AND_CLOSE | RECV_AND_CLOSE):
            if not self._send and not self._messages:
                self._finish()
            else:
                self._linger()
        if not self._closed:
            self._watch()
            self._charge()

    def _write(self) -> None:
        self._blocked = False
        messages = self._messages
        if messages is None or self._io is None:
            return
        extra = len(self._send) - self._queued
        if extra > 0:
            messages.append(extra)
        elif extra < 0:  # bytes were taken back by hand: where from, nobody can tell
            messages.clear()
            if self._send:
                messages.append(len(self._send))
        while messages and not self._flags & CLOSE_IMMEDIATELY:
            n = messages[0]
            sent = self._io.transmit(bytes(self._send[:n]), self._target)
            if sent < 0:
                if -sent in _SOFT:
                    self._blocked = True
                    self._want_write()
                    break
                self.lost += 1
                if sent == -errno.EMSGSIZE:
                    self.error = f"a datagram of {n} bytes is too long"
                    self._flags |= CLOSE_IMMEDIATELY
            messages.popleft()
            self._send = discard(self._send, n)
            self._queued = len(self._send)
            self._last_io = self.mgr._now
            if sent > 0 and self._mask & (1 << SEND):
                self._dispatch(SEND, sent)
        self._queued = len(self._send)

    def _want_write(self) -> None:
        """The socket is full."""

    def _goodbye(self) -> None:
        if self._protocol is not None and self._opened:
            self._protocol.goodbye(self)
        else:
            self.close_after_send()


class DatagramConnection(Datagrams):
    """An outbound datagram connection, or an adopted socket."""

    __slots__ = ("_failure", "_interest", "_setup")

    def __init__(self, mgr: Manager, handler: Any, flags: int) -> None:
        self._interest = 0
        self._failure = 0
        self._setup: Any = None
        Datagrams.__init__(self, mgr, handler, flags)

    @property
    def peer(self) -> Address:
        """The address that was connected to."""
        if self._setup is not None:
            target: Address = self._setup.target
            return target
        return self._address

    def _start(self, io: Any, address: Address) -> None:
        """Go on with this socket; ``CONNECT`` comes in the next poll."""
        self._adopt_socket(io, address)
        self._mark()

    def _adopt(self, io: Any, address: Address) -> None:
        self._adopt_socket(io, address)
        self._watch()
        self._open(-1, None)

    def _adopt_socket(self, io: Any, address: Address) -> None:
        self._io = io
        self._address = address
        self.mgr._attach(io.fd, self)

    def _fail(self, code: int, text: str) -> None:
        if not self._opened and self._failure == 0:
            self._failure = code
            self.error = text
            self._mark()

    def _ready(self, mask: int) -> None:
        if mask & WRITABLE and self._blocked:
            self._mark()
        if mask & READABLE and self._opened:
            self._receive()
        if self._dirty:
            self._dirty = False
            self.mgr._current = None
            self._service()

    def _receive(self) -> None:
        for _ in range(BATCH):
            if self._io is None or self._flags & CLOSE_IMMEDIATELY:
                return
            n, _sender = self._io.receive(self.mgr._scratch)
            if n > 0:
                self._received(n)
            elif n < 0:
                if -n not in _SOFT:
                    self.lost += 1  # an ICMP error: a datagram did not arrive (RFC 1122 4.1.3.3)
                    continue
                return

    def _service(self) -> None:
        if self._closed:
            return
        if self._opened:
            self._serve()
        elif self._failure or self._flags & CLOSE_IMMEDIATELY:
            self._flags = (self._flags & ~(RESOLVING | CONNECTING)) | CLOSE_IMMEDIATELY
            self._open(CONNECT, self._failure or errno.ECANCELED)
            self._finish()
        elif self._io is not None:
            self._flags &= ~CONNECTING
            self._setup.done()
            self._setup = None
            self._watch()
            self._open(CONNECT, 0)
            self._mark()

    def _watch(self) -> None:
        if self._io is None:
            return
        mask = READABLE | (WRITABLE if self._blocked else 0)
        if mask != self._interest:
            self.mgr._poller.set(self._io.fd, self._interest, mask)
            self._interest = mask

    def _release(self) -> None:
        if self._setup is not None:
            self._setup.done()
            self._setup = None
        io, self._io = self._io, None
        if io is not None:
            self.mgr._detach(io.fd, self._interest)
            io.close()


class DatagramListener(Datagrams):
    """A bound datagram socket; its peers have a connection each."""

    __slots__ = (
        "_acl",
        "_batch",
        "_companion",
        "_interest",
        "_max_children",
        "_peers",
        "_refused",
        "_unlink",
        "_waiting",
    )

    def __init__(self, mgr: Manager, handler: Any, io: Any) -> None:
        self._interest = 0
        self._peers: dict[Any, DatagramPeer] = {}
        self._waiting: list[DatagramPeer] = []
        self._max_children = MAX_PEERS
        self._acl: str | None = None
        self._refused = 0
        self._unlink: Any = None
        self._batch: Batch | None = None
        self._companion: Connection | None = None
        Datagrams.__init__(self, mgr, handler, LISTENING)
        self._io = io
        mgr._attach(io.fd, self)

    def begin(self, options: dict[str, Any]) -> None:
        """Set what the options say and start to receive. Raises ValueError."""
        self._max_children = count("max_connections", options.get("max_connections", MAX_PEERS))
        check_ip_acl(options.get("acl"), "127.0.0.1")
        self._acl = options.get("acl")
        self._watch()
        self._open(-1, None)

    @property
    def companion(self) -> Connection | None:
        return self._companion

    @property
    def children(self) -> int:
        return len(self._peers)

    @property
    def refused(self) -> int:
        return self._refused

    def _ready(self, mask: int) -> None:
        if mask & WRITABLE and self._waiting:
            self._writable()
        if mask & READABLE:
            protocol = self._protocol
            if protocol is not None and not self._acl and protocol.responds(self):
                self._respond(protocol)
            else:
                self._receive()
        if self._dirty:
            self._dirty = False
            self.mgr._current = None
            self._service()

    def _respond(self, protocol: Protocol) -> None:
        """Have datagrams answered that need no connection."""
        if self._batch is None:
            self._batch = Batch(self._io)
        batch = self._batch
        left = BATCH
        while left > 0 and self._io is not None:
            n = batch.exchange(self.mgr._scratch, protocol)
            if n <= 0:
                break
            left -= n
        self.lost += batch.lost
        batch.lost = 0
        self._last_io = self.mgr._now

    def join(self, other: Connection) -> None:
        """Have a companion, the listener of another transport on the same address."""
        self._companion = other
        other.listener = self

    def _receive(self) -> None:
        for _ in range(BATCH):
            if self._io is None or self._flags & CLOSE_IMMEDIATELY:
                return
            n, sockaddr = self._io.receive(self.mgr._scratch)
            if n < 0:
                if -n not in _SOFT:
                    self.lost += 1
                    continue
                return
            c = self._peer(sockaddr)
            if c is not None and n > 0 and not c._flags & CLOSE_IMMEDIATELY:
                c._received(n)

    def _peer(self, sockaddr: Any) -> DatagramPeer | None:
        """The connection of a sender; a new one gets its ``ACCEPT``. None when it is refused."""
        c = self._peers.get(sockaddr)
        if c is not None:
            return c
        mgr = self.mgr
        if len(self._peers) >= self._max_children or len(mgr._connections) >= mgr.max_connections:
            self.lost += 1
            return None
        address = from_sockaddr(sockaddr)
        if self._acl and not check_ip_acl(self._acl, address.host):
            self._refused += 1
            return None
        c = DatagramPeer(mgr, self._handler, SEND_AND_CLOSE)
        c.listener = self
        c._io = self._io
        c._target = sockaddr
        c._address = address
        c.user_data = self.user_data
        c.recv_mbuf_limit = self.recv_mbuf_limit
        c.send_mbuf_limit = self.send_mbuf_limit
        c.close_timeout = self.close_timeout
        c._policy = self._policy
        if self._protocol is not None:
            c.protocol = self._protocol.child()
        self._peers[sockaddr] = c
        c._open(ACCEPT, address)
        c._mark()
        return c

    def _writable(self) -> None:
        waiting, self._waiting = self._waiting, []
        for c in waiting:
            c._mark()
        self._watch()

    def _service(self) -> None:
        if self._flags & (CLOSE_IMMEDIATELY | SEND_AND_CLOSE | RECV_AND_CLOSE):
            self._finish()

    def _watch(self) -> None:
        mask = READABLE | (WRITABLE if self._waiting else 0)
        if self._io is not None and mask != self._interest:
            self.mgr._poller.set(self._io.fd, self._interest, mask)
            self._interest = mask

    def _release(self) -> None:
        io, self._io = self._io, None
        if io is not None:
            self.mgr._detach(io.fd, self._interest)
            io.close()
        self._batch = None
        companion, self._companion = self._companion, None
        if companion is not None:
            companion.close()
        # The peers have lost what they would answer through.
        for c in list(self._peers.values()):
            c._io = None
            c.close()
        self._waiting = []
        if self._unlink is not None:
            try:
                os.unlink(self._unlink)
            except OSError:
                pass  # somebody else did

    def _goodbye(self) -> None:
        self.close_after_send()


class DatagramPeer(Datagrams):
    """One peer of a datagram listener, which receives for it and whose socket it sends through."""

    __slots__ = ()

    def __init__(self, mgr: Manager, handler: Any, flags: int) -> None:
        Datagrams.__init__(self, mgr, handler, flags)

    def _ready(self, mask: int) -> None:
        """Never called: the listener is the one that is watched."""

    def _service(self) -> None:
        if not self._closed:
            self._serve()

    def _want_write(self) -> None:
        listener: Any = self.listener
        listener._waiting.append(self)
        listener._watch()

    def _release(self) -> None:
        listener: Any = self.listener
        listener._peers.pop(self._target, None)
        self._io = None
