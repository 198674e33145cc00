"""TLS as a filter over any stream transport.

`ssl.SSLObject` does the protocol between two memory BIOs and never touches a socket: what the inner
transport receives is put into one BIO and decrypted bytes are read out of it; what is written comes
out of the other BIO as records, which the inner transport sends. So TLS works over anything that
carries bytes, the simulated network included.

A write hands over one record's worth at a time and `_outgoing` holds the records that the socket
did not take, so that the BIOs stay small. They do not shrink, though: OpenSSL keeps what the
largest exchange needed.

Whoever ends the sending side says so with close_notify (RFC 8446 6.1); a peer that does not is
taken as ended all the same, since a stream of messages knows its own end.
"""

from __future__ import annotations

import errno
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .address import Address
from .events import ERR_TLS
from .transport import Transport

if TYPE_CHECKING:
    import socket

if cython.compiled:
    from cython.cimports.cpython.buffer import PyBUF_READ, PyBUF_WRITE
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.memoryview import PyMemoryView_FromMemory
    from cython.cimports.galidia.core.mbuf import start_of
else:
    from .mbuf import discard, extend

#: Plain bytes that become one TLS record (RFC 8446 5.1).
RECORD = _RECORD = 1 << 14
#: Bytes of records that are collected for one write to the socket.
WRITE_AT_ONCE = _WRITE_AT_ONCE = 1 << 16
#: Sessions of servers that a manager remembers to resume.
SESSIONS = 256

_AGAIN = errno.EAGAIN
#: Bytes of a handshake that are received at once.
_FLIGHT = 1 << 12


class TlsTransport(Transport):
    """One TLS connection over another transport. ``tls`` is its `ssl.SSLObject`."""

    __slots__ = (
        "_early",
        "_eof",
        "_error",
        "_in",
        "_inner",
        "_more",
        "_object",
        "_out",
        "_outgoing",
        "_shut",
        "_waiting",
        "tls",
    )

    def __init__(
        self,
        inner: Transport,
        context: ssl.SSLContext,
        is_server: bool,
        name: str | None,
        session: ssl.SSLSession | None,
    ) -> None:
        self._inner = inner
        self.fd = inner.fd
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._outgoing = bytearray()
        #: Decrypted before the sending side was ended, and not received yet.
        self._early = bytearray()
        self._eof = False
        #: There is something to decrypt without receiving more.
        self._more = False
        #: The handshake goes on when something has come: a server has nothing to say before.
        self._waiting = is_server
        #: The sending side is to end when the records have left.
        self._shut = False
        self._error = ""
        self.tls: ssl.SSLObject = context.wrap_bio(
            self._in, self._out, is_server, name, session=session
        )
        # What does the work of `tls`, without its layer of Python where there is one.
        self._object: Any = getattr(self.tls, "_sslobj", self.tls)

    def handshake(self, room: bytearray) -> int:
        n = 0
        code = self._flush()
        while code == 0 or code == -_AGAIN:
            if self._waiting:
                n = self._fill(room, _FLIGHT)
                if n == 0:
                    self._error = "the peer ended the connection during the TLS handshake"
                    return ERR_TLS
                if n < 0:
                    return n
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                self._waiting = True
                code = self._answer()
                if n < _FLIGHT:  # readiness says when there is more
                    return -_AGAIN if code == 0 else code
                continue
            except (ssl.SSLError, ssl.CertificateError) as e:
                self._error = f"TLS handshake failed: {_reason(e)}"
                self._answer()  # the alert that says why
                return ERR_TLS
            self._more = self._in.pending > 0
            code = self._answer()
            return 1 if code == 0 or code == -_AGAIN else code
        return code

    def recv(self, into: bytearray, limit: int) -> int:
        if self._early:
            got = min(limit, len(self._early))
            into[:got] = self._early[:got]
            del self._early[:got]
            return got
        got = 0
        try:
            if not self._more:
                n = self._fill(into, len(into))
                if n <= 0:
                    return n
                self._more = True
            while got < limit and self._more:
                n = self._decrypt(into, got, limit)
                got += n
                # A read that could have taken more has taken all of its record.
                self._more = n > 0 and (
                    self._in.pending > 0 or (got == limit and self._object.pending() > 0)
                )
                if n == 0:
                    return got
        except ssl.SSLWantReadError:
            self._more = False
            if self._eof and got == 0:
                return 0
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._more = False
            return got
        except ssl.SSLError as e:
            self._more = False
            self._error = f"TLS: {_reason(e)}"
            self._answer()
            return got if got else -errno.EPROTO
        if self._out.pending > 0:
            self._answer()  # to a key update, say
        return got if got else -_AGAIN

    def send(self, data: bytes | bytearray, limit: int, more: bool) -> int:
        taken = 0
        code = self._flush()
        if code < 0:
            return code
        try:
            if limit <= _RECORD:
                if limit > 0:
                    taken = self._encrypt(data, 0, limit)
                    code = self._deliver(self._out.read())
            else:
                while taken < limit and code == 0:
                    while taken < limit and len(self._outgoing) < _WRITE_AT_ONCE:
                        taken += self._encrypt(data, taken, min(limit, taken + _RECORD))
                        self._outgoing = extend(self._outgoing, self._out.read())
                    code = self._flush()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as e:
            self._error = f"TLS: {_reason(e)}"
            return -errno.EPROTO
        if code < 0 and code != -_AGAIN:
            return code
        return taken if taken or not limit else -_AGAIN

    def watch(self, mask: int) -> int:
        return mask | 2 if self._outgoing else mask

    def pending(self) -> bool:
        return self._more or len(self._early) > 0

    def unsent(self) -> int:
        return len(self._outgoing)

    def shutdown(self) -> None:
        self._shut = True
        # OpenSSL looks for the peer's close_notify at once, and takes data it finds for a fault.
        while self.tls.pending() > 0:
            self._early += self.tls.read(self.tls.pending())
        waiting = self._in.read()
        self._say_close()
        self._in.write(waiting)
        self._more = len(waiting) > 0

    def close(self) -> None:
        self._say_close()
        self._inner.close()

    def abort(self) -> None:
        self._inner.abort()

    def peer(self) -> Address:
        return self._inner.peer()

    def local(self) -> Address:
        return self._inner.local()

    def error_text(self) -> str:
        return self._error

    def socket(self) -> socket.socket:
        return self._inner.socket()

    def _decrypt(self, into: bytearray, start: int, end: int) -> int:
        """Read the plain bytes of one record into ``into``."""
        n: int
        if cython.compiled:
            room = PyMemoryView_FromMemory(
                PyByteArray_AS_STRING(into) + start, end - start, PyBUF_WRITE
            )
            n = self._object.read(end - start, room)
            return n
        with memoryview(into) as view, view[start:end] as rest:
            n = self._object.read(end - start, rest)
        return n

    def _encrypt(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Make a record of these bytes; how many of them it took."""
        n: int
        if cython.compiled:
            plain = start_of(data) + start
            n = self._object.write(PyMemoryView_FromMemory(plain, end - start, PyBUF_READ))
            return n
        with memoryview(data) as view, view[start:end] as part:
            n = self._object.write(part)
        return n

    def _fill(self, scratch: bytearray, limit: int) -> int:
        """Receive records into the BIO; what the inner transport answered."""
        n = self._inner.recv(scratch, limit)
        if n > 0:
            if cython.compiled:
                records = PyByteArray_AS_STRING(scratch)
                self._in.write(PyMemoryView_FromMemory(records, n, PyBUF_READ))
            else:
                with memoryview(scratch) as view, view[:n] as part:
                    self._in.write(part)
        elif n == 0:
            self._eof = True
        return n

    def _answer(self) -> int:
        """Send what OpenSSL itself has to say; as `_flush`."""
        return self._deliver(self._out.read()) if self._out.pending > 0 else self._flush()

    def _deliver(self, records: bytes) -> int:
        """Send these records, after those that wait; as `_flush`."""
        n = 0
        size = len(records)
        if not self._outgoing:
            n = self._inner.send(records, size, False)
        if n != size:
            self._outgoing = extend(self._outgoing, records[n:] if n > 0 else records)
        return self._flush()

    def _flush(self) -> int:
        """Send the records that wait: 0 when all have left, else a negative errno."""
        while self._outgoing:
            n = self._inner.send(self._outgoing, len(self._outgoing), False)
            if n < 0:
                return n
            self._outgoing = discard(self._outgoing, n)
        if self._shut:
            self._shut = False
            self._inner.shutdown()
        return 0

    def _say_close(self) -> None:
        try:
            self.tls.unwrap()
        except (ssl.SSLError, ValueError, OSError):
            pass  # it waits for the peer's answer, which nobody needs
        self._answer()


class ClientTls(TlsTransport):
    """The client's side: remembers the session, to resume it the next time."""

    __slots__ = ("_key", "_sessions")

    def __init__(
        self, io: Transport, context: Any, name: str | None, sessions: dict[Any, Any], key: Any
    ) -> None:
        self._sessions = sessions
        self._key = key
        TlsTransport.__init__(self, io, context, False, name, sessions.get(key))

    def close(self) -> None:
        # Only now: in TLS 1.3 the ticket comes after the handshake (RFC 8446 4.6.1).
        try:
            session = self.tls.session
        except ValueError:  # the handshake was not done: there is no session yet
            session = None
        if session is not None and session.has_ticket:
            self._sessions.pop(self._key, None)
            self._sessions[self._key] = session
            if len(self._sessions) > SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        TlsTransport.close(self)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)
