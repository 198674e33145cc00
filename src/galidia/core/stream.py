"""Stream connections: TCP, TLS and Unix sockets, inbound and outbound.

A stream is established (a connect, a TLS handshake), then open, then closed. While it is open each
readiness costs one receive, and what was queued leaves in one write of the same poll.
"""

from __future__ import annotations

import errno
import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .address import NOWHERE, Address
from .connection import Connection
from .events import ERR_TLS, Event
from .file import FileSegment, OpenFile

if TYPE_CHECKING:
    from .manager import Manager
    from .transport import Transport

if not cython.compiled:
    from .bits import (
        ACCEPT,
        BUFFER_BUT_DONT_SEND,
        CLOSE_IMMEDIATELY,
        CONNECT,
        CONNECTING,
        EAGAIN,
        EDGE,
        EINTR,
        ENDED,
        EWOULDBLOCK,
        READABLE,
        RECV,
        RECV_AND_CLOSE,
        RESOLVING,
        SCRATCH,
        SEND,
        SEND_AND_CLOSE,
        SSL,
        SSL_HANDSHAKE_DONE,
        WRITABLE,
    )
    from .mbuf import append, discard
else:
    from cython.cimports.cpython.bytearray import PyByteArray_Resize

logger = logging.getLogger("galidia")

#: Bytes that one connection may write before it is the others' turn.
WRITE_BURST = 1 << 20
#: Seconds for a TLS handshake.
HANDSHAKE_TIMEOUT = 10.0

_ESTABLISHING = 0
_HANDSHAKE = 1
_OPEN = 2
_WRITE_BURST = WRITE_BURST
_RECV_EVENT: Any = Event.RECV
# A receive of so many bytes is likely to be followed by another such.
_BULK = 1 << 14
#: Room for more than this comes fresh from the system each time, a page fault for every page.
_IN_PLACE = 1 << 16
_DRAIN = 16


class Stream(Connection):
    """A stream connection."""

    __slots__ = (
        "_address",
        "_blocked",
        "_bulk",
        "_eof",
        "_failure",
        "_files",
        "_filtered",
        "_interest",
        "_io",
        "_phase",
        "_setup",
        "_shut",
        "_starved",
    )

    def __init__(self, mgr: Manager, handler: Any, flags: int = 0) -> None:
        self._io: Transport | None = None
        self._address = NOWHERE
        self._interest = 0
        self._phase = _ESTABLISHING
        self._failure = 0
        self._eof = False
        self._shut = False
        self._blocked = False
        self._bulk = False
        self._starved = False
        self._filtered = False
        #: While it is being established: who does it, or the deadline of the handshake.
        self._setup: Any = None
        self._files: FileSegment | None = None
        self._set_up(mgr, handler, flags)

    # -- what the handler sees ----------------------------------------------------------------

    @property
    def peer(self) -> Address:
        """The other end's address; of an outbound connection, known when it is established."""
        if self._io is None:
            address: Address = self._setup.target if self._setup is not None else self._address
            return address
        return self._io.peer()

    @property
    def local(self) -> Address:
        """This end's address."""
        return self._io.local() if self._io is not None else NOWHERE

    @property
    def tls(self) -> Any:
        return getattr(self._io, "tls", None)

    def fileno(self) -> int:
        return self._io.fd if self._io is not None else -1

    def socket(self) -> Any:
        if self._io is None:
            raise OSError(errno.ENOTCONN, "this connection has no socket yet, or no longer")
        return self._io.socket()

    def send_file(
        self,
        file: int | str | os.PathLike[str] | OpenFile,
        offset: int = 0,
        count: int | None = None,
    ) -> None:
        self.mgr._check_thread()
        if isinstance(file, OpenFile):
            opened = file
        elif isinstance(file, int):
            opened = OpenFile(file)
        else:
            opened = OpenFile(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
        if count is None:
            count = max(os.fstat(opened.fd).st_size - offset, 0)
        if self._direct:
            self._spill()
        if self._closed or self._flags & CLOSE_IMMEDIATELY:
            return
        segment = FileSegment(opened, offset, count, len(self._send))
        last = self._files
        if last is None:
            self._files = segment
        else:
            segment.at -= last.at
            while last.next is not None:
                last = last.next
                segment.at -= last.at
            last.next = segment
        self._mark()

    # -- establishing -------------------------------------------------------------------------

    def _start(self, io: Transport, interest: int) -> None:
        """Go on with a transport whose socket is connected."""
        self._io = io
        self._filtered = self._flags & SSL != 0
        self._interest = interest
        self.mgr._attach(io.fd, self)
        self._flags &= ~CONNECTING
        if self._flags & SSL:
            self._phase = _HANDSHAKE
            if self.listener is None:
                self._handshake()
            else:
                self._watch()  # it is the client's turn
        else:
            self._established()

    def _adopt(self, io: Transport) -> None:
        """Take over an open transport: no first event."""
        self._io = io
        self._phase = _OPEN
        self.mgr._attach(io.fd, self)
        self._watch()
        self._open(-1, None)

    def _handshake(self) -> None:
        io = self._io
        if io is None:
            return
        result = io.handshake(self.mgr._scratch)
        if result == 1:
            self._flags |= SSL_HANDSHAKE_DONE
            self._established()
        elif result == -EAGAIN:
            self._watch()
        else:
            self.error = io.error_text() or os.strerror(-result)
            self._failure = ERR_TLS
            self._mark()

    def _secure(self, setup: Any) -> None:
        """Do TLS from here on, over what is established: no more events until it is.

        ``setup.wrap(transport)`` gives the transport that does it, ``setup.done()`` is called at
        the end, and ``setup.secured()`` before when it succeeded; else the connection closes.
        """
        if self._direct:
            self._spill()
        io = self._io
        if io is None or self._phase != _OPEN or self._recv or self._unsent() > 0:
            raise RuntimeError("TLS can begin when nothing is waiting to be sent or processed")
        self._io = setup.wrap(io)
        self._setup = setup
        self._flags |= SSL
        self._filtered = True
        self._phase = _HANDSHAKE
        self._handshake()

    def _established(self) -> None:
        self._phase = _OPEN
        setup = self._setup
        if setup is not None:
            setup.done()
            self._setup = None
        self._last_io = self.mgr._now
        self._watch()
        if self._opened:
            setup.secured()
        elif self.listener is not None:
            self._open(ACCEPT, self.peer if self._mask & (1 << ACCEPT) else None)
        else:
            self._open(CONNECT, 0)
        if self._filtered:
            self._read_pending()
        if self._send or self._files is not None:
            self._mark()

    def _fail(self, code: int, text: str) -> None:
        """It could not be established: ``CONNECT`` with this code, then ``CLOSE``."""
        if self._phase != _OPEN and self._failure == 0:
            self._failure = code
            self.error = text
            self._mark()

    def _give_up(self) -> None:
        """Not established, and never going to be."""
        self._flags = (self._flags & ~(RESOLVING | CONNECTING)) | CLOSE_IMMEDIATELY
        if self.listener is not None:
            if self.error:
                logger.info("%r: %s", self, self.error)
        elif not self._opened:  # else its handler interrupted the poll when it was told
            if self._failure == 0:
                self._failure = errno.ECANCELED
                self.error = self.error or "closed before it was established"
            self._open(CONNECT, self._failure)
        self._finish()

    # -- reading ------------------------------------------------------------------------------

    def _ready(self, mask: int) -> None:
        if self._phase != _OPEN:
            if self._failure == 0 and not self._closed:
                self._handshake()
        else:
            if mask & READABLE and self._interest & READABLE:
                self._read()
                if self._filtered:
                    self._read_pending()
            if mask != READABLE:
                self._ready_more(mask)
        if self._dirty:
            self._dirty = False
            self.mgr._current = None  # from here on it queues up like the others
            self._service()

    def _ready_more(self, mask: int) -> None:
        """What is rarer than input."""
        if self._phase != _OPEN:  # the input has made it begin with TLS
            return
        while mask & ENDED and self._interest & READABLE and not self._eof and not self._paused:
            if self._closed or self._flags & CLOSE_IMMEDIATELY:
                return
            full = self._over_limit or len(self._send) >= self.send_mbuf_limit
            if (full or self.mgr._dirty) and self._io is not None:
                # Whom the input was too much for has to say so first; this reports it anew.
                self.mgr._poller.set(self._io.fd, self._interest, self._interest)
                break
            if not self._read():  # nothing announces the end again
                break
        if mask & WRITABLE and self._filtered and self._io is not None and self._io.unsent():
            self._blocked = True  # records that no write of ours has made
        if mask & WRITABLE and (self._blocked or not self._interest & READABLE):
            self._mark()  # an error is learned from the write

    def _read(self) -> bool:
        """Receive once; whether something came."""
        mgr = self.mgr
        io = self._io
        if io is None or self._flags & CLOSE_IMMEDIATELY:
            return False
        limit = self.recv_mbuf_limit - len(self._recv)
        if limit <= 0 or self._holds > 0:
            self._paused = True
            self._watch()
            return False
        if self._charged and mgr._hog(self._charged):
            self._paused = self._starved = True
            mgr._starved[self] = None
            self._watch()
            return False
        if limit > SCRATCH:
            limit = SCRATCH
        if (
            cython.compiled
            and self._bulk
            and self._protocol is None
            and not self._filtered
            and not self._recv
        ):
            if limit > _IN_PLACE:
                limit = _IN_PLACE
            n = self._read_in_place(io, limit)
        else:
            n = io.recv(mgr._scratch, limit)
            if n > 0:
                self._recv = append(self._recv, mgr._scratch, n)
        if n > 0:
            self._bulk = n >= _BULK
            self._last_io = mgr._now
            if self._mask & (1 << RECV):
                self._direct = not (
                    self._send
                    or self._shut
                    or self._flags & BUFFER_BUT_DONT_SEND
                    or self._files is not None
                    or self._messages is not None
                )
                if self._protocol is None:  # `emit`, without the call
                    mgr._count += 1
                    try:
                        self._handler(self, _RECV_EVENT, n)
                    except Exception:
                        self._failed(RECV)
                else:
                    self._dispatch(RECV, n)
                if self._direct:
                    self._direct = False
                    if mgr._out_used > 0:
                        self._write_direct(io)
            if len(self._recv) >= self.recv_mbuf_limit:
                self._paused = True
                self._mark()
            elif n == limit and not self._filtered and self._io is not None:
                mgr._poller.set(io.fd, self._interest, self._interest)  # there may be more
            if not self._dirty and (self._recv or self._charged):
                self._charge()
            return True
        if n == 0:
            self._eof = True
            protocol = self._protocol
            if self._flags & RECV_AND_CLOSE or protocol is None or not protocol.ended(self):
                self._flags |= SEND_AND_CLOSE
            self._mark()
        else:
            self._lost(n)
        return False

    if cython.compiled:

        def _read_in_place(self, io: Transport, limit: int) -> int:
            """Receive where the bytes stay: for much, the room costs less than a copy."""
            try:
                PyByteArray_Resize(self._recv, limit)
            except BufferError:
                self._recv = bytearray(limit)
            n = io.recv(self._recv, limit)
            PyByteArray_Resize(self._recv, n if n > 0 else 0)
            return n

    def _read_pending(self) -> None:
        """Take what the transport has decoded already; readiness will not announce it."""
        while self._io is not None and not self._paused and self._io.pending():
            if self._phase != _OPEN or self._eof or self._closed or self._flags & CLOSE_IMMEDIATELY:
                return
            if self._over_limit:
                self._congestion()  # which may pause it
            self._read()

    def _lost(self, code: int) -> None:
        """A receive or a send failed."""
        if -code == EAGAIN or -code == EWOULDBLOCK or -code == EINTR:
            return
        io = self._io
        self.error = (io.error_text() if io is not None else "") or os.strerror(-code)
        self._flags |= CLOSE_IMMEDIATELY
        self._mark()

    def _resume(self) -> None:
        """Read again, if the reasons not to are gone."""
        if self._holds > 0 or len(self._recv) >= self.recv_mbuf_limit:
            return
        self._charge()
        if self._starved and self.mgr._hog(self._charged):
            self.mgr._starved[self] = None
            return
        self._paused = self._starved = False
        if self._filtered:
            self._read_pending()

    # -- writing ------------------------------------------------------------------------------

    def _service(self) -> None:
        if self._closed:
            return
        if self._phase != _OPEN:
            if self._failure != 0 or self._flags & CLOSE_IMMEDIATELY:
                self._give_up()
            return
        if self._flags & CLOSE_IMMEDIATELY:
            self._finish()
            return
        if self._over_limit:
            self._congestion()
        if not self._flags & BUFFER_BUT_DONT_SEND and not self._shut:
            if self._files is not None:
                self._write_files()
            elif self._send or self._blocked:
                self._write()
        else:
            self._write_nothing()
        if self._over_limit:
            self._congestion()
        if self._paused:
            self._resume()
        if self._flags & (SEND_AND_CLOSE | RECV_AND_CLOSE | CLOSE_IMMEDIATELY):
            self._close_when_done()
            if self._closed:
                return
        if self._blocked or self._interest != READABLE | EDGE or self._eof or self._paused:
            self._watch()
        if self._recv or self._send or self._charged:
            self._charge()

    def _close_when_done(self) -> None:
        if self._flags & CLOSE_IMMEDIATELY:
            self._finish()
            return
        if self._unsent() > 0 and not self._shut:
            self._linger()
        elif self._flags & SEND_AND_CLOSE:
            self._finish()
        elif not self._shut:
            self._shut = True
            if self._io is not None:
                self._io.shutdown()
            self._linger()

    def _write(self) -> None:
        budget = _WRITE_BURST
        self._blocked = False
        while self._io is not None and not self._shut:
            size = len(self._send)
            n = self._io.send(self._send, size, False)
            if n > 0:
                self._send = discard(self._send, n)  # `_wrote`, without the call
                self._last_io = self.mgr._now
                if self._messages is not None:
                    self._sent(n)
                if self._mask & (1 << SEND):
                    self._dispatch(SEND, n)
                if n == size and not (self._filtered and self._io.unsent()):
                    if self._send:
                        self._mark()  # the handler of SEND goes on: others have their turn first
                    return
                budget -= n
                if budget <= 0:
                    self._mark()
                    return
                if self._flags & (CLOSE_IMMEDIATELY | BUFFER_BUT_DONT_SEND):
                    return
            elif n == 0:
                return
            else:
                self._blocked = True
                if len(self._send) >= self.send_mbuf_limit and self._policy == "pause_source":
                    self._over_limit = True  # the next `send` could be one too many
                self._lost(n)
                return

    def _write_direct(self, io: Transport) -> None:
        """Write what the handler of ``RECV`` has queued, from the manager's buffer: what the socket
        takes at once is never in ``send_mbuf``."""
        mgr = self.mgr
        size = mgr._out_used
        n = 0
        if not self._flags & (CLOSE_IMMEDIATELY | BUFFER_BUT_DONT_SEND):
            n = io.send(mgr._out, size, False)
        if n != size and not self._flags & CLOSE_IMMEDIATELY:
            self._spill()  # the next write says why
            if n > 0:
                self._wrote(n)
            return
        mgr._out_used = 0
        if not cython.compiled:
            mgr._out.clear()
        if n > 0:
            self._last_io = mgr._now
            if self._filtered and io.unsent() > 0:
                self._blocked = True
                self._mark()
            if self._mask & (1 << SEND):
                self._dispatch(SEND, n)

    def _write_nothing(self) -> None:
        """Sending is held back, or has ended: only what the transport took before still leaves."""
        self._blocked = False
        if len(self._send) >= self.send_mbuf_limit and self._policy == "pause_source":
            self._over_limit = True
        if self._filtered and self._io is not None and self._io.unsent():
            code = self._io.send(self._send, 0, False)
            if code < 0:
                self._lost(code)

    def _wrote(self, n: int) -> None:
        self._send = discard(self._send, n)
        self._last_io = self.mgr._now
        if self._messages is not None:
            self._sent(n)
        if self._mask & (1 << SEND):
            self._dispatch(SEND, n)

    def _write_files(self) -> None:
        """Send the files that are queued, each after the bytes that were queued before it."""
        budget = _WRITE_BURST
        io = self._io
        self._blocked = False
        segment = self._files
        while (
            segment is not None
            and io is not None
            and not self._shut
            and not self._flags & CLOSE_IMMEDIATELY
        ):
            if segment.at > len(self._send):
                segment.at = len(self._send)  # the handler has taken bytes back
            if segment.at > 0:
                n = io.send(self._send, segment.at, True)
                if n > 0:
                    segment.at -= n
                    self._wrote(n)
            elif segment.count > 0:
                count = min(segment.count, budget)
                n = io.sendfile(segment.file.fd, segment.offset, count)
                if n == 0:
                    self.error = "a file became shorter while it was sent"
                    self._flags |= CLOSE_IMMEDIATELY
                    self._mark()
                    return
                if n > 0:
                    segment.offset += n
                    segment.count -= n
                    self._last_io = self.mgr._now
                    if self._mask & (1 << SEND):
                        self._dispatch(SEND, n)
            else:
                n = 0
                segment = self._files = segment.next
            if n < 0:
                self._blocked = True
                self._lost(n)
                return
            budget -= n
            if budget <= 0:
                self._mark()
                return
        if segment is None and (self._send or (io is not None and io.unsent())):
            self._write()

    def _unsent(self) -> int:
        if self._shut:
            return 0  # what was queued after the end of sending never leaves
        total = len(self._send)
        if self._direct:
            total += self.mgr._out_used
        if self._filtered and self._io is not None:
            total += self._io.unsent()
        segment = self._files
        while segment is not None:
            total += segment.count
            segment = segment.next
        return total

    # -- for the manager ----------------------------------------------------------------------

    def _recover(self) -> None:
        if self._io is not None and self._interest:  # what was reported may have been lost
            self.mgr._poller.set(self._io.fd, self._interest, self._interest)
        Connection._recover(self)

    def _watch(self) -> None:
        if self._io is None:
            return
        mask = READABLE
        if self._phase == _OPEN:
            if self._eof or self._paused:
                mask = 0
            if self._blocked:
                mask |= WRITABLE
        if self._filtered:
            mask = self._io.watch(mask)
        elif mask:
            mask |= EDGE
        if mask != self._interest:
            self.mgr._poller.set(self._io.fd, self._interest, mask)
            self._interest = mask

    def _release(self) -> None:
        if self._setup is not None:
            self._setup.done()
            self._setup = None
        while self._files is not None:
            self._files = self._files.next  # one by one: a chain would be freed by recursion
        io, self._io = self._io, None
        if io is not None:
            self._address = io.peer()
            if self._phase == _OPEN and not (self._eof or self._aborted):
                self._drain(io)
            self.mgr._detach(io.fd, self._interest)
            if self._aborted:
                io.abort()
            else:
                io.close()
        if self.listener is not None:
            self.listener._child_gone(self._address.host)

    def _drain(self, io: Transport) -> None:
        """Take what came and was not read: closing with it there would be a reset, which makes the
        peer lose what is still on its way to it."""
        for _ in range(_DRAIN):
            if io.recv(self.mgr._scratch, SCRATCH) <= 0:
                return

    def _goodbye(self) -> None:
        if self._phase != _OPEN:
            self.close()
        elif self._protocol is not None:
            self._protocol.goodbye(self)
        else:
            self.close_after_send()


class HandshakeDeadline:
    """Ends an inbound connection whose TLS handshake takes too long."""

    __slots__ = ("_timer", "target")

    def __init__(self, mgr: Manager, c: Stream, seconds: float) -> None:
        self.target = NOWHERE
        self._timer = mgr._add_timer(seconds, 0.0, _handshake_is_late, (c, seconds), None)

    def done(self) -> None:
        self._timer.cancel()


def _handshake_is_late(c: Stream, seconds: float) -> None:
    c._fail(ERR_TLS, f"no TLS handshake within {seconds:g} s")
