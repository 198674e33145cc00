"""Why a fetch came to nothing. These are values: `Result.error` holds one, or None.

FetchError
  ConnectError        no connection: refused, unreachable, no time left (``code``: an errno)
    ResolveError      the name has no address
    TlsError          the TLS handshake failed
    ProxyError        the proxy did not make the tunnel (``status``: what it answered)
  TimedOutError        a phase took too long (``phase``); a `TimeoutError` too
  ProtocolError       the reply violates HTTP (``name``: which rule)
    TruncatedError         the connection ended in the middle of the reply
  TooLargeError            the body is over ``max_size``
  DecodingError       the content coding is broken or not known
  RedirectError       too many redirects, or one that is not followed
  BodyError           the body of the request could not be read, or had another length
  TargetError         the reply could not be stored where ``to=`` says
  CancelledError           the manager was closed
"""

from __future__ import annotations


class FetchError(Exception):
    """The base of all of them; its text says what happened."""


class ConnectError(FetchError):
    """There is no connection. ``code`` is what ``CONNECT`` carried."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class ResolveError(ConnectError):
    """The name could not be resolved."""


class TlsError(ConnectError):
    """The TLS handshake failed: no trusted certificate, another name, no common version."""


class ProxyError(ConnectError):
    """The proxy refused to connect. ``status`` is what it answered."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class TimedOutError(FetchError, TimeoutError):
    """It took too long. ``phase`` is "connect", "reply", "idle" or "total"."""

    def __init__(self, phase: str, seconds: float) -> None:
        super().__init__(_PHASES[phase].format(seconds))
        self.phase = phase
        self.seconds = seconds


_PHASES = {
    "connect": "no connection within {:g} s",
    "reply": "no reply within {:g} s",
    "idle": "nothing came or went for {:g} s",
    "total": "not complete within {:g} s",
}


class ProtocolError(FetchError):
    """The reply violates HTTP/1.1. ``name`` is the rule's."""

    def __init__(self, text: str, name: str = "") -> None:
        super().__init__(text)
        self.name = name


class TruncatedError(ProtocolError):
    """The connection ended before the reply was complete."""


class TooLargeError(FetchError):
    """The body is over ``max_size`` bytes, as sent or decoded."""


class DecodingError(FetchError):
    """The body is not what its Content-Encoding says."""


class RedirectError(FetchError):
    """A redirect that is not followed."""


class BodyError(FetchError):
    """The body of the request failed: its source raised, or gave another length."""


class TargetError(FetchError):
    """The reply could not be stored. ``__cause__`` is the OSError."""


class CancelledError(FetchError):
    """The manager was closed while the fetch was under way."""
