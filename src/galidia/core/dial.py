"""Outbound connections: resolve, connect, and hand over what came of it.

All addresses of a name are tried. The next one starts when one fails or has not answered within a
moment, IPv6 and IPv4 in turn; the first that is established wins (RFC 8305). A resolver may answer
for one family before it has the other: the attempts begin with what is there.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .address import Address, AddressError, Url, family_of, is_ip, parse_address
from .datagram import DatagramConnection
from .events import CREATION_FLAGS, ERR_RESOLVE, ERR_TLS, Flag
from .network import check_group
from .options import ConnectOptions, check, positive
from .poller import Watcher
from .registry import find_scheme, make_client
from .settings import configure, wants_tls
from .stream import HANDSHAKE_TIMEOUT, Stream

if TYPE_CHECKING:
    from .manager import Manager
    from .resolver import ResolveError
    from .timers import Timer
    from .transport import Transport

logger = logging.getLogger("galidia")

#: Seconds until the connection is established, name look-up included.
CONNECT_TIMEOUT = 30.0
#: Seconds that one address is given before the next is tried as well (RFC 8305 5).
ATTEMPT_DELAY = 0.25
#: Addresses of one name that are tried.
MAX_ADDRESSES = 16

_WRITABLE = 2
_GOES_ON = (errno.EINPROGRESS, errno.EWOULDBLOCK)


def connect(mgr: Manager, url: Url, handler: Any, options: dict[str, Any]) -> Any:
    """`Manager.connect`, with its address parsed."""
    scheme = find_scheme(url.scheme)
    if (url.target or url.userinfo) and not scheme.client:
        raise AddressError(
            f"{url}: a {url.scheme} address is a host and a port, without path or user"
        )
    known = ConnectOptions.__annotations__
    extra = {name: options.pop(name) for name in list(options) if name not in known}
    check("connect", options, ConnectOptions)
    protocol = make_client(scheme, options.get("options"), url, extra)
    timeout = positive("connect_timeout", options.get("connect_timeout", CONNECT_TIMEOUT))
    positive("handshake_timeout", options.get("handshake_timeout", HANDSHAKE_TIMEOUT))
    options["source"] = _parse_source(options)
    for group in options.get("multicast", ()):
        check_group(group)
    flags = options.get("flags", 0) & int(CREATION_FLAGS)
    if not url.host and not url.is_unix:
        url = Url(url.scheme, "127.0.0.1", url.port)
    if scheme.transport == "udp":
        if wants_tls(scheme, options):
            raise ValueError("TLS over UDP (DTLS) is not supported")
        c: Any = DatagramConnection(mgr, handler, flags | int(Flag.UDP))
    else:
        c = Stream(mgr, handler, flags)
    try:
        configure(c, options)
        dial = Dial(c, url, options, timeout)
        if wants_tls(scheme, options):
            dial.secure()
            c._flags |= int(Flag.SSL)
    except BaseException:
        mgr._forget(c)
        raise
    if protocol is not None:
        c.protocol = protocol
    c._setup = dial
    dial.start()
    return c


def _parse_source(options: dict[str, Any]) -> tuple[str, int] | None:
    text = options.get("source")
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"source= is a str like '192.0.2.1' or '192.0.2.1:4000', not {text!r}")
    if is_ip(text):
        return (text, 0)
    try:
        url = parse_address(text if ":" in text or text.isdigit() else f"{text}:0")
    except AddressError as e:
        raise AddressError(f"source: {e}") from None
    return (url.host or "0.0.0.0", url.port)


class Dial:
    """Establishes one outbound connection; dropped when that is done."""

    __slots__ = (
        "_addresses",
        "_attempts",
        "_began",
        "_c",
        "_cancel",
        "_context",
        "_delay",
        "_error",
        "_handshake",
        "_last",
        "_more",
        "_options",
        "_timeout",
        "_timer",
        "_tls",
        "_tried",
        "_url",
    )

    def __init__(self, c: Any, url: Url, options: dict[str, Any], timeout: float) -> None:
        self._c = c
        self._url = url
        self._options = options
        self._timeout = timeout
        self._addresses: list[str] = []
        self._attempts: list[Attempt] = []
        self._tried = 0
        self._last = ""
        self._began = 0.0
        self._more = False
        self._cancel: Callable[[], object] | None = None
        self._delay: Timer | None = None
        self._handshake: Timer | None = None
        self._tls: Any = None
        self._context: Any = None
        self._error = (0, "")
        self._timer: Timer | None = None

    @property
    def target(self) -> Address:
        """What is being connected to."""
        return Address(self._url.path or self._url.host, self._url.port)

    def secure(self) -> None:
        """Do TLS; raises for certificates that cannot be used."""
        from .tls import Settings

        self._tls = Settings(self._options)
        self._context = self._tls.shared_client_context(self._c.mgr)

    def start(self) -> None:
        c = self._c
        text = f"not established within {self._timeout:g} s"
        self._timer = c.mgr._add_timer(
            self._timeout, 0.0, c._fail, (int(errno.ETIMEDOUT), text), None
        )
        if self._url.is_unix or is_ip(self._url.host):
            self._resolved([self._url.path or self._url.host], "")
            return
        c._flags |= int(Flag.RESOLVING)
        try:
            self._cancel = c.mgr.resolver.resolve(self._url.host, self._resolved)
        except Exception as e:
            logger.exception("%r: the resolver failed", c)
            c._fail(ERR_RESOLVE, f"the resolver failed: {e}")

    def done(self) -> None:
        """Give up everything but what was handed over."""
        for timer in (self._timer, self._delay, self._handshake):
            if timer is not None:
                timer.cancel()
        if self._cancel is not None:
            self._cancel()
        for attempt in self._attempts:
            attempt.close()
        self._attempts = []
        self._addresses = []

    # -- the name -----------------------------------------------------------------------------

    def _resolved(
        self, addresses: list[str], error: ResolveError | str, more: bool = False
    ) -> None:
        """The resolver's answer; or with ``more``, the part of it that came first."""
        c = self._c
        self._more = more
        if not more:
            self._cancel = None
        if c.closed:
            return
        if not addresses and c._flags & int(Flag.RESOLVING) and not more:
            c._fail(ERR_RESOLVE, str(error) or f"{self._url.host!r} has no address")
            return
        if addresses:
            c._flags = (c._flags & ~int(Flag.RESOLVING)) | int(Flag.CONNECTING)
        if c._flags & int(Flag.UDP):
            self._start_datagram(addresses)
            return
        self._add(addresses)
        if not self._attempts:
            self._next()
        elif self._addresses and not (self._delay and self._delay.active):
            left = self._began + ATTEMPT_DELAY - c.mgr.monotonic()
            self._delay = c.mgr._add_timer(left, 0.0, self._next, (), None)

    def _add(self, addresses: list[str]) -> None:
        """More to try: the families in turn, beginning with the one that was not tried last."""
        waiting = self._addresses + addresses
        if self._last:
            waiting.sort(key=lambda a: (":" in a) == (":" in self._last))
        self._addresses = interleave(waiting)[: MAX_ADDRESSES - self._tried]

    def _start_datagram(self, addresses: list[str]) -> None:
        c = self._c
        if self._tried:
            return  # with what came first
        broadcast = bool(c._flags & int(Flag.ENABLE_BROADCAST))
        for host in addresses:
            try:
                io = c.mgr.network.dial_datagram(
                    family_of(host), host, self._url.port, self._options, broadcast
                )
            except socket.gaierror:  # a source of the other family
                self._note(errno.EAFNOSUPPORT)
                continue
            except OSError as e:
                self._error = (e.errno or errno.EIO, str(e))
                continue
            self._tried += 1
            c._start(io, Address(host, self._url.port))
            return
        if not self._more:
            c._fail(*self._error)

    # -- the addresses ------------------------------------------------------------------------

    def _next(self) -> None:
        """Try one more address; when none is left and none is under way, it has failed."""
        c = self._c
        while self._addresses:
            host = self._last = self._addresses.pop(0)
            self._tried += 1
            self._began = c.mgr.monotonic()
            family = socket.AF_UNIX if self._url.is_unix else family_of(host)
            io, code = c.mgr.network.dial(family, host, self._url.port, self._options)
            if io is not None:
                self._attempts.append(Attempt(self, io))
                if self._addresses:
                    self._delay = c.mgr._add_timer(ATTEMPT_DELAY, 0.0, self._next, (), None)
                return
            self._note(code)
        if not self._attempts and not self._more:
            c._fail(*self._error)

    def _note(self, code: int) -> None:
        self._error = (code, os.strerror(code))

    def failed(self, attempt: Attempt, code: int) -> None:
        """One address could not be reached."""
        self._attempts.remove(attempt)
        attempt.close()
        self._note(code)
        if self._delay is not None:
            self._delay.cancel()
            self._delay = None
        self._next()

    def connected(self, attempt: Attempt) -> None:
        """One address was reached: it is the connection's from now on."""
        c = self._c
        io, interest = attempt.release()
        self._attempts.remove(attempt)
        for other in self._attempts:
            other.close()
        self._attempts = []
        if self._delay is not None:
            self._delay.cancel()
        if self._cancel is not None:  # no further addresses
            self._cancel()
            self._cancel = None
        if self._context is not None:
            try:
                io = self._tls.client_transport(
                    io, self._context, self._url.host, self._url.port, c.mgr._tls_sessions
                )
            except (ValueError, OSError) as e:
                c.mgr._detach(io.fd, interest)
                io.close()
                c._fail(ERR_TLS, f"TLS: {e}")
                return
            seconds = self._options.get("handshake_timeout", HANDSHAKE_TIMEOUT)
            text = f"no TLS handshake within {seconds:g} s"
            self._handshake = c.mgr._add_timer(seconds, 0.0, c._fail, (ERR_TLS, text), None)
        c._start(io, interest)


class Upgrade:
    """TLS that begins on a connection that is established, as in the tunnel of a proxy.

    ``then()`` is called when the handshake succeeded; if it fails the connection closes, with
    `Connection.error` saying why. ``options`` are the TLS options of `ConnectOptions`; raises as
    `connect` does for those.
    """

    __slots__ = ("_c", "_context", "_then", "_timer", "_tls", "target")

    def __init__(
        self, c: Any, host: str, port: int, options: dict[str, Any], then: Callable[[], object]
    ) -> None:
        from .tls import Settings

        self.target = Address(host, port)
        self._c = c
        self._then = then
        self._tls = Settings(options)
        self._context = self._tls.shared_client_context(c.mgr)
        seconds = positive("handshake_timeout", options.get("handshake_timeout", HANDSHAKE_TIMEOUT))
        text = f"no TLS handshake within {seconds:g} s"
        self._timer: Timer = c.mgr._add_timer(seconds, 0.0, c._fail, (ERR_TLS, text), None)
        try:
            c._secure(self)
        except BaseException:
            self._timer.cancel()
            raise

    def wrap(self, io: Transport) -> Transport:
        """The transport that does TLS over this one."""
        transport: Transport = self._tls.client_transport(
            io, self._context, self.target.host, self.target.port, self._c.mgr._tls_sessions
        )
        return transport

    def secured(self) -> None:
        """The handshake is done."""
        self._then()

    def done(self) -> None:
        self._timer.cancel()


class Attempt(Watcher):
    """A connect that is under way."""

    __slots__ = ("_dial", "_interest", "_io")

    def __init__(self, dial: Dial, io: Transport) -> None:
        self._dial = dial
        self._io: Transport | None = io
        mgr = dial._c.mgr
        mgr._attach(io.fd, self)
        mgr._poller.set(io.fd, 0, _WRITABLE)
        self._interest = _WRITABLE

    def _ready(self, mask: int) -> None:
        if self._io is None:
            return
        code = self._io.connected()
        if code == 0:
            self._dial.connected(self)
        elif code not in _GOES_ON:
            self._dial.failed(self, code)

    def release(self) -> tuple[Transport, int]:
        """The transport, still watched, and what for."""
        io = self._io
        assert io is not None
        self._io = None
        return io, self._interest

    def _finish_broken(self) -> None:
        self.close()
        self._dial._c._fail(int(errno.EIO), "internal error")

    def close(self) -> None:
        io, self._io = self._io, None
        if io is not None:
            self._dial._c.mgr._detach(io.fd, self._interest)
            io.close()


def interleave(addresses: list[str]) -> list[str]:
    """The addresses with the families in turn, the family of the first one first (RFC 8305 4)."""
    first = ":" in addresses[0] if addresses else False
    mine = [a for a in addresses if (":" in a) == first]
    others = [a for a in addresses if (":" in a) != first]
    mixed = []
    for i in range(max(len(mine), len(others))):
        mixed += mine[i : i + 1] + others[i : i + 1]
    return mixed
