"""Who is who in TLS: certificates, contexts and names, as the options of one side say."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .address import is_ip
from .tls_transport import SESSIONS, ClientTls, TlsTransport

if TYPE_CHECKING:
    from .manager import Manager
    from .transport import Transport

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
