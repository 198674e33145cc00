"""One resource from the web: connections, redirects, credentials and codings seen to.

def done(result):
    print(result.status, result.text() if result.ok else result.error)

fetch(mgr, "https://example.com/", done)
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.options import ConnectOptions, check, positive
from . import errors, redirects
from .client_options import ClientOptions
from .fields import Headers, is_token, lines_of, names_of, pairs_of
from .parameters import FormError
from .pool import Link, pool_of
from .urls import WebUrl, credentials_of, parse_url

if TYPE_CHECKING:
    from ..core.manager import Manager
    from ..core.timers import Timer
    from .coding import Decoder
    from .cookies import CookieJar
    from .download import Download
    from .pool import Host
    from .reply import Reply
    from .uploads import Content

__all__ = ["Fetch", "Result", "Timeouts", "fetch"]

logger = logging.getLogger("galidia")

#: Bytes of a body that is kept whole, as sent and as decoded.
MAX_SIZE = 64 << 20
MAX_REDIRECTS = 10
#: Bytes of a body that nobody wants, that are read to keep its connection.
MAX_DISCARD = 1 << 16
#: Methods that may be sent once more when their connection was lost (RFC 9110 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"})
USER_AGENT = "galidia"

_DEFAULT = ClientOptions()


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


#: The field lines of a request for which nothing special was asked.
_PLAIN: dict[bool, bytes] = {}
_TIMEOUTS = Timeouts()
_PATIENT = Timeouts(total=None)


class Result:
    """What came of a fetch: a reply, or an ``error``, or what there is of both.

    ``error`` is None or a `FetchError`; an error status such as 404 is none. ``url`` is where the
    reply came from and ``history`` the (status, URL) of the redirects on the way. ``body`` is
    decoded, and empty where the body went elsewhere.
    """

    __slots__ = ("body", "error", "history", "reply", "url")

    def __init__(
        self,
        url: str,
        history: list[tuple[int, str]],
        reply: Reply | None,
        body: bytes,
        error: errors.FetchError | None,
    ) -> None:
        self.url = url
        self.history = history
        self.reply = reply
        self.body = body
        self.error = error

    @property
    def status(self) -> int:
        """The status of the reply; 0 when there was none."""
        return self.reply.status if self.reply is not None else 0

    @property
    def reason(self) -> str:
        """What the status line says behind the status."""
        return self.reply.reason if self.reply is not None else ""

    @property
    def ok(self) -> bool:
        """Whether all went well and the status is 200 to 299."""
        return self.error is None and 200 <= self.status < 300

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The fields of the reply in order."""
        return self.reply.headers if self.reply is not None else []

    def header(self, name: str, default: str | None = None) -> str | None:
        """The first field of that name, in any case."""
        return self.reply.header(name, default) if self.reply is not None else default

    def text(self) -> str:
        """The body as text, in the charset of Content-Type, or UTF-8; what is not is replaced."""
        charset = self.reply.parameter("content-type", "charset") if self.reply else None
        try:
            return self.body.decode(charset or "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is not."""
        return json.loads(self.body)

    def raise_for_error(self) -> None:
        """Raise ``error``, if there is one."""
        if self.error is not None:
            raise self.error

    def __repr__(self) -> str:
        return f"<Result {self.status or self.error!r} {self.url}>"


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
      the first origin only, and so do the fields Authorization and Cookie.
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
    self = Fetch(mgr, url, callback)
    self._prepare(method, headers, body, json, form, files, expect_continue)
    self._auth = auth if auth is not None else _from_url(self._url)
    if auth is not None and not isinstance(auth, (str, tuple)) and not hasattr(auth, "answer"):
        raise TypeError(f"auth= is (user, password), a Digest or a str, not {auth!r}")
    self._cookies = cookies
    self._max_redirects = max_redirects
    self._allow_downgrade = allow_downgrade
    self._decode = decode
    self._expect = expect_continue
    self._on_data = on_data
    self._on_request = on_request
    if to is not None:
        from .download import Download

        if on_data is not None:
            raise ValueError("to= and on_data= exclude each other")
        self._download = Download(to, self._url.text, resume)
        self._decode = decode and not resume
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


def _from_url(url: WebUrl) -> Any:
    return credentials_of(url.userinfo) if url.userinfo else None


class Fetch:
    """A fetch that is under way; made by `fetch`.

    ``received`` bytes of the body have come, of ``expected`` (-1: not known). ``reply`` is the head
    of what comes, once it is there.
    """

    __slots__ = (
        "_allow_downgrade",
        "_auth",
        "_callback",
        "_connect",
        "_content",
        "_cookies",
        "_decode",
        "_decoder",
        "_discarding",
        "_download",
        "_ended",
        "_expect",
        "_headers",
        "_history",
        "_host",
        "_kept",
        "_lines",
        "_link",
        "_max_redirects",
        "_max_size",
        "_method",
        "_names",
        "_on_data",
        "_on_request",
        "_origin",
        "_paused",
        "_proxied",
        "_proxy",
        "_stash",
        "_streams",
        "_timeouts",
        "_timer",
        "_tried_auth",
        "_url",
        "done",
        "expected",
        "mgr",
        "received",
        "reply",
    )

    def __init__(self, mgr: Manager, url: str, callback: Callable[[Result], object]) -> None:
        if not callable(callback):
            raise TypeError(f"a callback is a callable (result), not {callback!r}")
        self.mgr = mgr
        self.done = False
        self.reply: Reply | None = None
        self.received = 0
        self.expected = -1
        self._max_redirects = 0
        self._allow_downgrade = False
        self._cookies: CookieJar | Mapping[str, str] | None = None
        self._auth: Any = None
        self._decode = True
        self._on_data: Callable[[Fetch, bytes], object] | None = None
        self._on_request: Callable[[Fetch, bytes], object] | None = None
        self._max_size = MAX_SIZE
        self._timeouts = _TIMEOUTS
        self._proxy: str | None = None
        self._callback = callback
        self._url = parse_url(url)
        self._origin = self._url.origin
        self._history: list[tuple[int, str]] = []
        self._connect: tuple[tuple[str, Any], ...] = ()
        self._download: Download | None = None
        self._decoder: Decoder | None = None
        self._discarding = False
        #: The body of a reply that does not go where ``to`` says.
        self._kept: bytearray | None = None
        self._host: Host | None = None
        self._link: Link | None = None
        self._timer: Timer | None = None
        self._paused = False
        #: The reply is complete, though not all of it may be handed on.
        self._ended = False
        self._stash = b""
        self._tried_auth = 0
        self._proxied: WebUrl | None = None
        self._streams = False

    # -- what is asked for --------------------------------------------------------------------

    def _prepare(
        self,
        method: str | None,
        headers: Headers | None,
        body: Any,
        value: Any,
        form: Mapping[str, Any] | None,
        files: Any,
        expect: bool,
    ) -> None:
        self._headers = pairs_of(headers)
        self._names = names_of(self._headers)
        self._lines = b""
        self._content: Content | None = None
        if body is not None or value is not None or form is not None or files is not None:
            self._content = _content(body, value, form, files)
            if "content-type" in self._names:
                self._content.kind = ""
        self._method = method or ("GET" if self._content is None else "POST")
        if not is_token(self._method):
            raise ValueError(f"bad method {method!r}")

    def _request_lines(self) -> bytes:
        """The field lines of the next request."""
        lines = self._lines
        if not lines:
            lines = self._lines = self._common_lines()
        if (
            self._auth is None
            and self._cookies is None
            and self._download is None
            and self._proxied is None
        ):
            return lines
        extra: list[tuple[str, str]] = []
        if self._auth is not None and "authorization" not in self._names:
            value = self._authorization()
            if value:
                extra.append(("Authorization", value))
        if self._cookies is not None:
            value = self._cookie()
            if value:
                extra.append(("Cookie", value))
        if self._download is not None:
            extra += self._download.headers()
        if self._proxied is not None and self._proxied.userinfo and self._url.scheme == "http":
            extra.append(("Proxy-Authorization", _basic(self._proxied.userinfo)))
        return lines + lines_of(pairs_of(extra)) if extra else lines

    def _common_lines(self) -> bytes:
        """Those that all requests to one origin have."""
        decode = self._decode
        if not self._headers and decode in _PLAIN:
            return _PLAIN[decode]
        pairs = list(self._headers)
        if "user-agent" not in self._names:
            pairs.append(("User-Agent", USER_AGENT))
        if "accept" not in self._names:
            pairs.append(("Accept", "*/*"))
        if "accept-encoding" not in self._names and decode:
            from .coding import accepted

            pairs.append(("Accept-Encoding", accepted()))
        lines = lines_of(pairs)
        if not self._headers:
            _PLAIN[decode] = lines
        return lines

    def _authorization(self) -> str:
        auth = self._auth
        if isinstance(auth, tuple):
            from .auth import basic

            return basic(*auth)
        if isinstance(auth, str):
            return auth
        return str(auth.answer(self._method, self._url.target))

    def _cookie(self) -> str:
        cookies = self._cookies
        if isinstance(cookies, Mapping):
            if self._url.origin != self._origin:
                return ""
            return "; ".join(f"{name}={value}" for name, value in cookies.items())
        assert cookies is not None
        return cookies.header(self._url.text, self.mgr.time())

    def _connect_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options of a connection for this fetch."""
        times = self._timeouts
        return {**options, "connect_timeout": times.connect, "handshake_timeout": times.tls}

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
        url = self._url
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
        self.reply = None
        self._discarding = self._ended = False
        self._stash = b""
        url = self._url
        try:
            protocol.request(
                self._method,
                url.target if self._proxied is None or url.scheme != "http" else url.text,
                body=self._content,
                expect_continue=self._expect,
                host=url.authority if "host" not in self._names else "",
                lines=self._request_lines(),
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
        link.fetch = None
        link.host.release(link)
        if self._streams and (self._paused or not self._flush(reply)):
            return
        self._conclude(reply)

    def _on_lost(self, link: Link, error: errors.FetchError) -> None:
        """The connection has ended without a reply."""
        self._link = None
        if (
            link.reused
            and not link.protocol.answered
            and type(error) is errors.TruncatedError
            and self._method in IDEMPOTENT
            and (self._content is None or self._content.replayable)
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
            self._is_followed(reply) or self._may_answer(reply) or self._may_restart(reply)
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
        if self._cookies is not None and not isinstance(self._cookies, Mapping):
            self._cookies.update(self._url.text, reply.header_all("set-cookie"), self.mgr.time())
        if self._auth is not None and hasattr(self._auth, "proven"):
            self._auth.proven(reply.header("authentication-info") or "")
        if reply.status < 300:
            self._complete(reply)
        elif self._is_followed(reply):
            self._redirect(reply)
        elif self._may_answer(reply):
            self._answer(reply)
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

    def _redirect(self, reply: Reply) -> None:
        url, method = self._url, redirects.method_after(reply.status, self._method)
        try:
            if len(self._history) >= self._max_redirects:
                raise errors.RedirectError(f"over {self._max_redirects} redirects")
            target = redirects.next_url(url, reply.header_all("location"), self._allow_downgrade)
            same_method = method == self._method
            if same_method and self._content is not None and not self._content.replayable:
                raise errors.RedirectError(
                    f"{url} redirects, but the body of the request can be sent only once"
                )
        except errors.RedirectError as e:
            self._fail(e, reply)
            return
        self._history.append((reply.status, url.text))
        same_origin = target.origin == url.origin
        self._headers = redirects.headers_after(
            self._headers, same_origin=same_origin, same_method=same_method
        )
        self._names = names_of(self._headers)
        if not same_method:
            self._content = None
            self._expect = False
        if not same_origin:
            self._auth = None
        self._lines = b""
        self._method = method
        self._url = target
        self._go()

    def _may_answer(self, reply: Reply) -> bool:
        """Whether there is an answer to the server's challenge that was not given yet."""
        return (
            reply.status == 401
            and hasattr(self._auth, "challenged")
            and self._tried_auth < 2
            and (self._content is None or self._content.replayable)
        )

    def _answer(self, reply: Reply) -> None:
        self._tried_auth += 1
        try:
            answered = self._auth.challenged(reply.header_all("www-authenticate"))
        except ValueError:
            answered = False
        if answered:
            self._go()
        else:
            self._complete(reply)

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
        if not self._decode or reply.status == 206:
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
            self._callback(Result(self._url.text, self._history, reply, body, error))
        except Exception:
            logger.exception("the callback of %r failed", self)

    def _release(self) -> None:
        """Give up whatever is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        link, self._link = self._link, None
        if link is not None and link.fetch is self:
            link.leave()
        if self._host is not None:
            self._host.forget(self)
        if self._download is not None:
            self._download.abort()
        self._content = None

    def __repr__(self) -> str:
        return f"<Fetch {self._method} {self._url}>"


def _content(body: Any, value: Any, form: Mapping[str, Any] | None, files: Any) -> Content:
    """What is sent, from the ways there are to say it."""
    from .uploads import content_of

    given = [body is not None, value is not None, form is not None or files is not None]
    if given.count(True) > 1:
        raise ValueError("body=, json= and form= (with files=) exclude each other")
    if body is not None:
        return content_of(body)
    if value is not None:
        content = content_of(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        content.kind = "application/json"
        return content
    if files is not None:
        from .multipart import encode_parts

        return content_of(encode_parts(form, files))
    from urllib.parse import urlencode

    assert form is not None
    content = content_of(urlencode(dict(form), doseq=True).encode())
    content.kind = "application/x-www-form-urlencoded"
    return content


def _decoding(error: FormError) -> errors.FetchError:
    failure: errors.FetchError = (
        errors.TooLargeError(f"the body, decoded: {error}")
        if error.name == "too-large"
        else errors.DecodingError(str(error))
    )
    failure.__cause__ = error
    return failure


def _basic(userinfo: str) -> str:
    from .auth import basic

    return basic(*credentials_of(userinfo))
