"""One resource from the web: connections, redirects, credentials and codings seen to.

Used like this::

    def done(result):
        print(result.status, result.text() if result.ok else result.error)


    fetch(mgr, "https://example.com/", done)

What is asked for is a `Plan`, which connection it goes over is the pool's business, and what came
of it is a `Result`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.events import Event
from ...core.handler import handles
from ...core.options import ConnectOptions, check, positive
from .. import errors
from ..fields import Headers, lines_of
from ..parameters import FormError
from ..urls import WebUrl, credentials_of, parse_url
from . import redirects
from .plan import IDEMPOTENT, Plan, content_from
from .pool import Link, User, pool_of
from .result import Result

if TYPE_CHECKING:
    from ...core.connection import Connection
    from ...core.manager import Manager
    from ...core.timers import Timer
    from ..cookies import CookieJar
    from ..reply import Reply
    from .coding import Decoder
    from .download import Download

__all__ = ["Fetch", "Result", "Timeouts", "fetch"]

logger = logging.getLogger("galidia")

#: Bytes of a body that is kept whole, as sent and as decoded.
MAX_SIZE = 64 << 20
MAX_REDIRECTS = 10
#: Bytes of a body that nobody wants, that are read to keep its connection.
MAX_DISCARD = 1 << 16
#: Options of a connection that say who we are, or who the server is: for one origin only.
IDENTITY = frozenset({"cert", "key", "server_name"})


class Timeouts(NamedTuple):
    """How long the phases of a fetch may take, in seconds; None: as long as it takes.

    ``connect``: name, connection and tunnel of each request; ``tls``: the handshake, within that;
    ``reply``: from the end of the request to the end of the reply's head; ``idle``: without a byte
    in either direction; ``total``: everything, redirects and waiting for a connection included.
    """

    connect: float = 30.0
    tls: float = 10.0
    reply: float = 60.0
    idle: float = 60.0
    total: float | None = 300.0


_TIMEOUTS = Timeouts()
_PATIENT = Timeouts(total=None)


def fetch(
    mgr: Manager,
    url: str,
    callback: Callable[[Result], object],
    *,
    method: str | None = None,
    headers: Headers | None = None,
    body: Any = None,
    json: Any = None,
    form: Mapping[str, Any] | None = None,
    files: Any = None,
    auth: Any = None,
    cookies: CookieJar | Mapping[str, str] | None = None,
    max_redirects: int = MAX_REDIRECTS,
    allow_downgrade: bool = False,
    timeout: float | Timeouts | None = None,
    max_size: int | None = None,
    decode: bool = True,
    proxy: str | None = "env",
    to: Any = None,
    resume: bool = False,
    on_data: Callable[[Fetch, bytes], object] | None = None,
    on_request: Callable[[Fetch, bytes], object] | None = None,
    expect_continue: bool = False,
    **connect: Any,
) -> Fetch:
    """Fetch a URL; ``callback(result)`` is called once, from a poll, unless it is cancelled.

    - ``method``: GET, or POST if there is something to send.
    - ``body``: as for `ClientProtocol.request`; ``json``: any value; ``form``: fields, sent
      urlencoded; ``files``: files of a multipart form, together with the fields of ``form``, read
      as they are sent. One of them, apart from that.
    - ``auth``: ``(user, password)`` for basic, a `Digest`, or a str, the field's value. It goes to
      the first origin only, and so do the fields Authorization and Cookie, and ``cert``.
    - ``cookies``: a `CookieJar`, which also learns, or fixed ones for the first origin.
    - ``max_redirects``: 0 follows none, the reply is then the redirect. ``allow_downgrade``: follow
      one from https to http.
    - ``timeout``: seconds for everything, or `Timeouts`. Without, what goes to ``to`` or
      ``on_data`` has no limit in all.
    - ``max_size``: bytes of the body, as sent and as decoded; by default 64 MiB where it is kept
      whole.
    - ``decode``: ask for content codings, and undo them.
    - ``proxy``: a URL, None, or "env": as http_proxy, https_proxy, all_proxy and no_proxy say.
    - ``to``: a path or a file opened for writing, that a reply of 200 goes into. ``resume``: go on
      with what an earlier fetch to this path has left.
    - ``on_data``: called with the fetch and each piece of the body as it comes; see `Fetch.pause`.
    - ``on_request``: called with the fetch and the head of each request that is made, as it is
      sent: the first, those after redirects, challenges and lost connections.
    - ``connect``: options of `Manager.connect`, such as ``ca``, ``cert``, ``verify``, ``source``.

    Raises ValueError or TypeError, and for certificates that cannot be read OSError, when what is
    asked for makes no sense. What goes wrong later is in `Result.error`.
    """
    if not callable(callback):
        raise TypeError(f"a callback is a callable (result), not {callback!r}")
    content = content_from(body, json, form, files)
    plan = Plan(parse_url(url), method, headers, content, auth, cookies)
    plan.decode = decode and not resume
    plan.expect_continue = expect_continue
    self = Fetch(mgr, plan, callback)
    self._max_redirects = max_redirects
    self._allow_downgrade = allow_downgrade
    self._on_data = on_data
    self._on_request = on_request
    if to is not None:
        from .download import Download

        if on_data is not None:
            raise ValueError("to= and on_data= exclude each other")
        self._download = Download(to, plan.url.text, resume)
    elif resume:
        raise ValueError("resume= needs to=, a path")
    self._streams = to is not None or on_data is not None
    if max_size is None:
        max_size = 1 << 62 if self._streams else MAX_SIZE
    if not isinstance(max_size, int) or max_size < 0:
        raise ValueError(f"max_size= is a number of bytes, not {max_size!r}")
    self._max_size = max_size
    if timeout is None:
        self._timeouts = _PATIENT if self._streams else _TIMEOUTS
    else:
        self._timeouts = _timeouts(timeout)
    self._proxy = proxy
    if connect:
        self._connect = _checked(connect)
    self._start()
    return self


def _timeouts(timeout: float | Timeouts) -> Timeouts:
    timeouts = timeout if isinstance(timeout, Timeouts) else Timeouts(total=timeout)
    for name, seconds in timeouts._asdict().items():
        if name != "total" or seconds is not None:
            positive(f"timeout= ({name})", seconds)
    return timeouts


def _checked(connect: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    check("fetch", connect, ConnectOptions)
    for name in ("user_data", "flags", "options", "connect_timeout", "handshake_timeout"):
        if name in connect:
            raise TypeError(f"fetch() has no option {name!r}; times are in timeout=")
    return tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in connect.items()))


class Fetch(User):
    """A fetch that is under way; made by `fetch`.

    ``received`` bytes of the body have come, of ``expected`` (-1: not known). ``reply`` is the head
    of what comes, once it is there.
    """

    __slots__ = (
        "_allow_downgrade",
        "_callback",
        "_connect",
        "_decoder",
        "_discarding",
        "_download",
        "_ended",
        "_history",
        "_keeper",
        "_kept",
        "_max_redirects",
        "_max_size",
        "_on_data",
        "_on_request",
        "_paused",
        "_plan",
        "_proxied",
        "_proxy",
        "_reused",
        "_stash",
        "_streams",
        "_timer",
        "done",
        "expected",
        "received",
        "reply",
    )

    def __init__(self, mgr: Manager, plan: Plan, callback: Callable[[Result], object]) -> None:
        super().__init__(mgr, _TIMEOUTS)
        self._plan = plan
        self.done = False
        self.reply: Reply | None = None
        self.received = 0
        self.expected = -1
        self._max_redirects = 0
        self._allow_downgrade = False
        self._on_data: Callable[[Fetch, bytes], object] | None = None
        self._on_request: Callable[[Fetch, bytes], object] | None = None
        self._max_size = MAX_SIZE
        self._proxy: str | None = None
        self._reused = False
        self._callback = callback
        self._history: list[tuple[int, str]] = []
        self._connect: tuple[tuple[str, Any], ...] = ()
        self._download: Download | None = None
        self._decoder: Decoder | None = None
        self._discarding = False
        #: The body of a reply that does not go where ``to`` says.
        self._kept: bytearray | None = None
        self._keeper: Connection | None = None
        self._timer: Timer | None = None
        self._paused = False
        #: The reply is complete, though not all of it may be handed on.
        self._ended = False
        self._stash = b""
        self._proxied: WebUrl | None = None
        self._streams = False

    # -- connections --------------------------------------------------------------------------

    def _start(self) -> None:
        """Ask for a connection, for the first time. Raises what is wrong with the options."""
        total = self._timeouts.total
        if total is not None:
            self._timer = self.mgr.call_later(total, self._on_timeout)
        try:
            self._acquire(False)
        except BaseException:
            self._release()
            raise

    def _acquire(self, fresh: bool) -> None:
        if self.mgr.closing:
            raise RuntimeError("this manager is closing")
        pool = pool_of(self.mgr)
        url = self._plan.url
        named = pool.proxy_for(url) if self._proxy == "env" else self._proxy
        proxy = self._proxied = parse_url(named) if named else None
        if proxy is None:
            key: Any = (url.address, None, self._connect)
        else:
            if url.scheme == "http":
                key = (proxy.address, None, self._connect)
            else:
                if proxy.scheme != "http":
                    raise ValueError(f"a tunnel through a TLS proxy is not supported: {proxy}")
                lines = b""
                if proxy.userinfo:
                    lines = lines_of([("Proxy-Authorization", _basic(proxy.userinfo))])
                key = (proxy.address, (url.host, url.port, lines), self._connect)
        pool.host(key).acquire(self, fresh)

    def _go(self, fresh: bool = False) -> None:
        """Make the next request, from a poll."""
        try:
            self._acquire(fresh)
        except RuntimeError as e:
            self._fail(errors.CancelledError(str(e)))
        except (ValueError, TypeError, OSError) as e:
            self._fail(errors.ConnectError(str(e)))

    # -- for the pool -------------------------------------------------------------------------

    def _begin(self, link: Link) -> None:
        """A connection is there: make the request."""
        protocol = link.protocol
        link.stream(self._streams)
        protocol.reply_timeout = self._timeouts.reply
        protocol.idle_timeout = self._timeouts.idle
        protocol.body_limit = MAX_DISCARD if self._streams else self._max_size
        protocol.on_head = self._told if self._on_request is not None else None
        self._reused = link.reused
        self.reply = None
        self._discarding = self._ended = False
        self._stash = b""
        plan = self._plan
        url = plan.url
        proxied = self._proxied if url.scheme == "http" else None
        more = None
        if self._download is not None:
            more = self._download.headers()
        if proxied is not None and proxied.userinfo:
            more = [*(more or ()), ("Proxy-Authorization", _basic(proxied.userinfo))]
        try:
            protocol.request(
                plan.method,
                url.target if proxied is None else url.text,
                body=plan.content,
                expect_continue=plan.expect_continue,
                host=url.authority if "host" not in plan.names else "",
                lines=plan.lines(self.mgr.time(), more),
            )
        except Exception as e:
            self._fail(errors.BodyError(f"the request could not be made: {e}"))

    def _told(self, head: bytes) -> None:
        if self._on_request is not None:
            self._on_request(self, head)

    def _on_chunk(self, reply: Reply) -> None:
        """Some of the body of a reply is there."""
        if self.reply is not reply and not self._head(reply):
            return
        if not self._paused:
            self._stash += reply.take()
            self._flush(reply)
        elif not self._stash:
            self._stash = reply.take()  # so that the reader knows: somebody takes, if slowly

    def _on_reply(self, link: Link, reply: Reply) -> None:
        """A reply is complete."""
        if self._streams:
            if self.reply is not reply and not self._head(reply):
                return
            self._stash += reply.take()
            self._ended = True
        self.reply = reply
        self._link = None
        link.user = None
        link.host.release(link, reply)
        if self._streams and self._paused:
            # Nothing is left that would tell when the manager is closed.
            self._keeper = self.mgr.adopt(None, self._orphaned)
        elif not self._streams or self._flush(reply):
            self._conclude(reply)

    @handles(Event.CLOSE)
    def _orphaned(self, c: Connection, ev: int, data: Any) -> None:
        if self._keeper is c:
            self._keeper = None
            self._fail(errors.CancelledError("the manager was closed"), self.reply)

    def _on_lost(self, link: Link, error: errors.FetchError) -> None:
        """The connection has ended without a reply."""
        self._link = None
        if (
            link.reused
            and not link.protocol.answered
            and type(error) is errors.TruncatedError
            and self._plan.method in IDEMPOTENT
            and self._plan.replayable
        ):
            self._go(True)
        else:
            self._fail(error, self.reply)

    # -- a body that is taken as it comes -----------------------------------------------------

    def _head(self, reply: Reply) -> bool:
        """The head of a reply is there: say where its body goes. False: it goes nowhere."""
        self.reply = reply
        self.received = 0
        self.expected = reply.content_length
        self._kept = None
        self._decoder = None
        self._discarding = (
            self._is_followed(reply)
            or self._plan.is_challenged(reply)
            or self._may_restart(reply)
            or self._is_stale(reply)
        )
        if self._discarding:
            return True
        try:
            if self.expected > self._max_size:
                raise errors.TooLargeError(f"the body has {self.expected} bytes")
            if self._download is not None and not self._download.begin(reply, self.mgr.time()):
                self._kept = bytearray()
            self._decoder = self._decoder_for(reply)
        except errors.FetchError as e:
            self._fail(e, reply)
            return False
        except FormError as e:
            self._fail(_decoding(e), reply)
            return False
        return True

    def _flush(self, reply: Reply) -> bool:
        """Hand on what has come; whether the fetch goes on."""
        data, self._stash = self._stash, b""
        self.received = reply.received
        if self._discarding:
            link = self._link
            if self.received <= MAX_DISCARD or link is None:
                return True
            self._link = None
            link.leave()
            self._conclude(reply)
            return False
        try:
            if self.received > self._max_size:
                raise errors.TooLargeError(f"the body is over {self._max_size} bytes")
            if self._decoder is None:
                if data:
                    self._deliver(data)
            else:
                for piece in self._decoder.pieces(data):
                    self._deliver(piece)
                    if self.done:
                        break
        except errors.FetchError as e:
            self._fail(e, reply)
        except FormError as e:
            self._fail(_decoding(e), reply)
        return not self.done

    def _deliver(self, data: bytes) -> None:
        if self._kept is not None:
            self._kept += data
            if len(self._kept) > MAX_SIZE:
                raise errors.TooLargeError(f"the body is over {MAX_SIZE} bytes")
        elif self._download is not None:
            self._download.write(data)
        elif self._on_data is not None and not self.done:
            try:
                self._on_data(self, data)
            except Exception as e:
                logger.exception("%r: on_data failed", self)
                raise errors.TargetError(f"on_data failed: {e}") from e

    def pause(self) -> None:
        """Give no more to ``on_data`` until `resume`: soon the server can send no more."""
        self._paused = True

    def resume(self) -> None:
        """Go on after `pause`."""
        if self._paused:
            self._paused = False
            if self.reply is not None and not self.done:
                self.mgr.call_later(0.0, self._go_on, self.reply)

    def _go_on(self, reply: Reply) -> None:
        if self.done or self._paused or self.reply is not reply:
            return
        if not self._ended:
            self._stash += reply.take()
        if self._flush(reply) and self._ended:
            self._conclude(reply)

    # -- what comes of it ---------------------------------------------------------------------

    def _conclude(self, reply: Reply) -> None:
        """A reply is there: it is the one, or it leads to the next request."""
        self._drop_keeper()
        plan = self._plan
        if plan.cookies is not None or plan.auth is not None:
            plan.learn(reply, self.mgr.time())
        if reply.status < 300:
            self._complete(reply)
        elif self._is_followed(reply):
            self._redirect(reply)
        elif plan.is_challenged(reply) and plan.answer(reply):
            self._go()
        elif self._is_stale(reply):
            self._go(True)
        elif self._may_restart(reply):
            assert self._download is not None
            self._download.restart()
            self._go()
        else:
            self._complete(reply)

    def _is_followed(self, reply: Reply) -> bool:
        return (
            reply.status in redirects.FOLLOWED
            and self._max_redirects > 0
            and reply.header("location") is not None
        )

    def _is_stale(self, reply: Reply) -> bool:
        """Whether the server has not answered this, but ended a connection that was idle."""
        return (
            reply.status == 408
            and not reply.keep_alive
            and self._reused
            and self._plan.method in IDEMPOTENT
            and self._plan.replayable
        )

    def _redirect(self, reply: Reply) -> None:
        hop = (reply.status, self._plan.url.text)
        origin = self._plan.url.origin
        try:
            if len(self._history) >= self._max_redirects:
                raise errors.RedirectError(f"over {self._max_redirects} redirects")
            self._plan.redirect(reply, self._allow_downgrade)
        except errors.RedirectError as e:
            self._fail(e, reply)
        else:
            self._history.append(hop)
            if self._connect and self._plan.url.origin != origin:
                self._connect = tuple(pair for pair in self._connect if pair[0] not in IDENTITY)
            self._go()

    def _may_restart(self, reply: Reply) -> bool:
        """Whether the rest of a download is not to be had, but perhaps all of it."""
        download = self._download
        return (
            reply.status == 416
            and download is not None
            and download.offset > 0
            and not download.satisfied(reply)
        )

    def _complete(self, reply: Reply) -> None:
        body = b""
        error: errors.FetchError | None = None
        try:
            body = self._close_stream(reply) if self._streams else self._whole(reply)
        except errors.FetchError as e:
            error = e
        except FormError as e:
            error = _decoding(e)
        self._finish(reply, body, error)

    def _close_stream(self, reply: Reply) -> bytes:
        if self._decoder is not None:
            self._decoder.finish()
        download = self._download
        if download is not None and (self._kept is None or download.satisfied(reply)):
            download.finish()
        return b"" if self._kept is None else bytes(self._kept)

    def _whole(self, reply: Reply) -> bytes:
        body = reply.body
        self.received = len(body)
        decoder = self._decoder_for(reply) if body else None
        if decoder is not None:
            body = decoder.feed(body)
            decoder.finish()
        return body

    def _decoder_for(self, reply: Reply) -> Decoder | None:
        if not self._plan.decode or reply.status == 206:
            return None
        codings = reply.header_all("content-encoding")
        if not codings:
            return None
        coding = ", ".join(codings)
        if coding.lower() == "identity":
            return None
        from .coding import Decoder

        return Decoder(coding, self._max_size)

    # -- the end ------------------------------------------------------------------------------

    def cancel(self) -> None:
        """End it now; the callback is not called."""
        if not self.done:
            self.done = True
            self._release()

    def _on_timeout(self) -> None:
        self._timer = None
        self._fail(errors.TimedOutError("total", self._timeouts.total or 0.0))

    def _fail(self, error: errors.FetchError, reply: Reply | None = None) -> None:
        self._finish(reply, b"", error)

    def _finish(self, reply: Reply | None, body: bytes, error: errors.FetchError | None) -> None:
        if self.done:
            return
        self.done = True
        self.reply = reply
        self._release()
        try:
            self._callback(Result(self._plan.url.text, self._history, reply, body, error))
        except Exception:
            logger.exception("the callback of %r failed", self)

    def _release(self) -> None:
        """Give up whatever is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._drop_keeper()
        link, self._link = self._link, None
        if link is not None and link.user is self:
            link.leave()
        if self._host is not None:
            self._host.forget(self)
        if self._download is not None:
            self._download.abort()
        self._plan.content = None

    def _drop_keeper(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()

    def __repr__(self) -> str:
        return f"<Fetch {self._plan.method} {self._plan.url}>"


def _decoding(error: FormError) -> errors.FetchError:
    failure: errors.FetchError = (
        errors.TooLargeError(f"the body, decoded: {error}")
        if error.name == "too-large"
        else errors.DecodingError(str(error))
    )
    failure.__cause__ = error
    return failure


def _basic(userinfo: str) -> str:
    from ..auth import basic

    return basic(*credentials_of(userinfo))
