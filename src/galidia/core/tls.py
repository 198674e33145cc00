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
import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .address import Address, is_ip
from .events import ERR_TLS
from .transport import Transport

if TYPE_CHECKING:
    import socket

    from .manager import Manager

#: Plain bytes that become one TLS record (RFC 8446 5.1).
RECORD = 1 << 14
#: Bytes of records that are collected for one write to the socket.
WRITE_AT_ONCE = 1 << 16
#: Sessions of servers that a manager remembers to resume.
SESSIONS = 256

_TLS_OPTIONS = ("tls", "cert", "key", "ca", "ciphers", "alpn", "sni", "verify", "server_name")


class Settings:
    """The TLS options of one `bind` or `connect`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options
        if "key" in options and "cert" not in options:
            raise ValueError("key= needs cert=, the certificate that it belongs to")
        if "tls" in options:
            if not isinstance(options["tls"], ssl.SSLContext):
                raise TypeError(f"tls= is an ssl.SSLContext, not {options['tls']!r}")
            extra = [o for o in ("cert", "key", "ca", "ciphers") if o in options]
            if extra:
                raise ValueError(f"tls= and {extra[0]}= exclude each other: set it on the context")

    def server_context(self) -> ssl.SSLContext:
        """A context that presents the certificate, and asks for the client's if ``ca`` is given."""
        options = self.options
        context = options.get("tls")
        if context is None:
            if "cert" not in options:
                raise ValueError("a TLS listener needs cert= (and key=) or tls=")
            context = self._server(options["cert"], options.get("key"))
        if "sni" in options:
            context.sni_callback = self._sni(options["sni"])
        return context

    def _server(self, cert: Any, key: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _load_cert(context, cert, key)
        if "ca" in self.options:
            context.verify_mode = ssl.CERT_REQUIRED
            _load_ca(context, self.options["ca"])
        self._finish(context)
        return context

    def _sni(self, names: Any) -> Any:
        """A callback that chooses the context by the name the client asks for (RFC 6066 3)."""
        contexts = {}
        try:
            for key_name, value in names.items():
                name = key_name.lower()
                if isinstance(value, ssl.SSLContext):
                    contexts[name] = value
                else:
                    cert, key = value
                    # Like the main one in all but the certificate: client certificates, ALPN.
                    contexts[name] = self._server(cert, key)
        except (AttributeError, TypeError, ValueError) as e:
            text = "sni= maps names to (certificate file, key file) or ssl.SSLContext"
            raise ValueError(f"{text}: {e}") from None

        def choose(tls: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            chosen = contexts.get((name or "").lower())
            if chosen is not None:
                tls.context = chosen

        return choose

    def client_context(self) -> ssl.SSLContext:
        """A context that checks the server's certificate and name."""
        options = self.options
        context = options.get("tls")
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if not options.get("verify", True):
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            elif "ca" in options:
                _load_ca(context, options["ca"])
            else:
                context.load_default_certs()
            if "cert" in options:
                _load_cert(context, options["cert"], options.get("key"))
            self._finish(context)
        return context

    def shared_client_context(self, mgr: Manager) -> ssl.SSLContext:
        """The manager's client context for options equal to these."""
        contexts = mgr._contexts
        key = self._key()
        if key not in contexts:
            if len(contexts) >= SESSIONS:
                contexts.clear()
                mgr._tls_sessions.clear()  # a session belongs to its context
            contexts[key] = self.client_context()
        context: ssl.SSLContext = contexts[key]
        return context

    def server_transport(self, io: Transport, context: ssl.SSLContext) -> TlsTransport:
        """TLS over an accepted transport."""
        return TlsTransport(io, context, True, None, None)

    def client_transport(
        self,
        io: Transport,
        context: ssl.SSLContext,
        host: str,
        port: int,
        sessions: dict[Any, Any],
    ) -> TlsTransport:
        """TLS over an outbound transport, resuming a session with this server if there is one."""
        name = server_name(self.options, host)
        return ClientTls(io, context, name, sessions, (name, port, id(context)))

    def _key(self) -> Any:
        """What tells the contexts of two calls apart, to share one between equal ones."""
        return tuple((o, _key(self.options[o])) for o in _TLS_OPTIONS if o in self.options)

    def _finish(self, context: ssl.SSLContext) -> None:
        options = self.options
        if "ciphers" in options:
            try:
                context.set_ciphers(options["ciphers"])
            except ssl.SSLError as e:
                raise ValueError(f"ciphers={options['ciphers']!r}: {e}") from None
        if "alpn" in options:
            context.set_alpn_protocols(list(options["alpn"]))
        keylog = os.environ.get("SSLKEYLOGFILE")
        if keylog:
            context.keylog_filename = keylog


def _key(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _load_cert(context: ssl.SSLContext, cert: Any, key: Any) -> None:
    where = f"cert={os.fspath(cert)!r}" + (f", key={os.fspath(key)!r}" if key else "")
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as e:
        raise ssl.SSLError(e.errno, f"{where}: not a PEM certificate with its key: {e}") from None
    except OSError as e:
        raise OSError(e.errno, f"cannot read {where}: {e.strerror}") from e


def _no_password() -> str:
    raise ValueError("the key is encrypted: give tls=, a context that has loaded it")


def _load_ca(context: ssl.SSLContext, ca: Any) -> None:
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as e:
        raise ssl.SSLError(
            e.errno, f"ca={os.fspath(ca)!r}: no PEM certificates in it: {e}"
        ) from None
    except OSError as e:
        raise OSError(e.errno, f"cannot read ca={os.fspath(ca)!r}: {e.strerror}") from e


def server_name(options: Mapping[str, Any], host: str) -> str | None:
    """The name to check the certificate for, and to send as SNI (RFC 6066 3)."""
    name: str | None = options.get("server_name", host or None)
    return name.rstrip(".") if name and not is_ip(name) else name


class TlsTransport(Transport):
    """One TLS connection over another transport. ``tls`` is its `ssl.SSLObject`."""

    __slots__ = (
        "_early",
        "_eof",
        "_error",
        "_in",
        "_inner",
        "_out",
        "_outgoing",
        "_shut",
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
        #: The sending side is to end when the records have left.
        self._shut = False
        self._error = ""
        self.tls: ssl.SSLObject = context.wrap_bio(
            self._in, self._out, is_server, name, session=session
        )

    def handshake(self) -> int:
        scratch = bytearray(RECORD)
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                code = self._flush()
                if code < 0 and code != -errno.EAGAIN:
                    return code
                n = self._fill(scratch, RECORD)
                if n > 0:
                    continue
                if n == 0:
                    self._error = "the peer ended the connection during the TLS handshake"
                    return ERR_TLS
                return n
            except (ssl.SSLError, ssl.CertificateError) as e:
                self._error = f"TLS handshake failed: {_reason(e)}"
                self._flush()  # the alert that says why
                return ERR_TLS
            code = self._flush()
            return 1 if code >= 0 or code == -errno.EAGAIN else code

    def recv(self, into: bytearray, limit: int) -> int:
        if self._early:
            got = min(limit, len(self._early))
            into[:got] = self._early[:got]
            del self._early[:got]
            return got
        got = 0
        read = self.tls.read
        try:
            if not self._readable():
                n = self._fill(into, len(into))
                if n < 0:
                    return n
                if n == 0:
                    return self._ended()
            with memoryview(into) as view:
                while got < limit:
                    with view[got:limit] as rest:
                        n = read(limit - got, rest)  # type: ignore[assignment]
                    if n == 0:
                        return got
                    got += n
                    if not self._readable():
                        break
        except ssl.SSLWantReadError:
            if self._eof and got == 0:
                return self._ended()
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return got
        except ssl.SSLError as e:
            self._error = f"TLS: {_reason(e)}"
            self._flush()
            return got if got else -errno.EPROTO
        if self._out.pending:
            self._flush()  # an answer of the protocol itself: a key update, say
        return got if got else -errno.EAGAIN

    def send(self, data: bytearray, limit: int, more: bool) -> int:
        taken = 0
        code = self._flush()
        if code < 0:
            return code
        try:
            with memoryview(data) as view:
                while taken < limit and code == 0:
                    while taken < limit and len(self._outgoing) < WRITE_AT_ONCE:
                        with view[taken : min(limit, taken + RECORD)] as part:
                            taken += self.tls.write(part)
                        self._outgoing += self._out.read()
                    code = self._flush()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as e:
            self._error = f"TLS: {_reason(e)}"
            return -errno.EPROTO
        if code < 0 and code != -errno.EAGAIN:
            return code
        return taken if taken or not limit else -errno.EAGAIN

    def watch(self, mask: int) -> int:
        return mask | 2 if self._outgoing else mask

    def pending(self) -> bool:
        return bool(self._early) or self._readable()

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

    def _readable(self) -> bool:
        return self._in.pending > 0 or self.tls.pending() > 0

    def _fill(self, scratch: bytearray, limit: int) -> int:
        """Receive records into the BIO; what the inner transport answered."""
        n = self._inner.recv(scratch, limit)
        if n > 0:
            with memoryview(scratch) as view, view[:n] as part:
                self._in.write(part)
        elif n == 0:
            self._eof = True
        return n

    def _flush(self) -> int:
        """Send the records that are ready: 0 when all have left, else a negative errno."""
        if self._out.pending:
            self._outgoing += self._out.read()
        while self._outgoing:
            n = self._inner.send(self._outgoing, len(self._outgoing), False)
            if n < 0:
                return n
            del self._outgoing[:n]
        if self._shut:
            self._shut = False
            self._inner.shutdown()
        return 0

    def _ended(self) -> int:
        self._eof = True
        return 0

    def _say_close(self) -> None:
        try:
            self.tls.unwrap()
        except (ssl.SSLError, ValueError, OSError):
            pass  # it waits for the peer's answer, which nobody needs
        self._flush()


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)


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
