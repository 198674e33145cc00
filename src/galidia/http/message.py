"""What a request and a reply have in common: a head, and content that comes behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cython
else:
    from .. import _cython as cython

from .head import Head

if TYPE_CHECKING:
    from ..core.connection import Connection
    from .chunked import Chunked
    from .forms import Form
    from .reader import Reader

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
else:
    from ..core.mbuf import append


class Body:
    """The content of one message, as far as it has come and nobody took it.

    ``received`` counts all bytes that have come, ``left`` those of a counted body that have not;
    ``taken`` says whether somebody takes it as it comes.
    """

    __slots__ = (
        "_first",
        "_rest",
        "complete",
        "decoder",
        "left",
        "paused",
        "received",
        "taken",
        "trailers",
    )

    def __init__(self, left: int = 0) -> None:
        # One piece is kept as it is, several are joined.
        self._first = b""
        self._rest: bytearray | None = None
        self.decoder: Chunked | None = None
        self.trailers: list[tuple[str, str]] | None = None
        self.left = left
        self.received = 0
        self.complete = False
        self.taken = False
        #: The reader that waits until something is taken.
        self.paused: Reader | None = None

    def add(self, buf: bytearray, n: int) -> None:
        """The first ``n`` bytes of ``buf`` have come."""
        self.received += n
        if self._rest is None and not self._first:
            if cython.compiled:
                self._first = PyBytes_FromStringAndSize(PyByteArray_AS_STRING(buf), n)
            else:
                self._first = bytes(buf) if n == len(buf) else bytes(buf[:n])
        else:
            self._rest = append(self.buffer(), buf, n)

    def buffer(self) -> bytearray:
        """Where more of it can be appended."""
        if self._rest is None:
            self._rest = bytearray(self._first)
            self._first = b""
        return self._rest

    def size(self) -> int:
        """Bytes that nobody took yet."""
        return len(self._first) if self._rest is None else len(self._rest)

    def content(self) -> bytes:
        """What nobody took yet."""
        if self._rest is not None:
            self._first = bytes(self._rest)
            self._rest = None
        return self._first

    def take(self) -> bytes:
        """Hand it over and forget it."""
        content = self.content()
        self._first = b""
        self.taken = True
        return content


class Message(Head):
    """A request or a reply; see `Head` for the fields of its head.

    ``connection`` is where it came from. Its content is in ``body``, as far as it has come and was
    not taken; ``complete`` says whether all of it has. What is parsed is parsed when it is asked
    for.
    """

    __slots__ = ("__weakref__", "_content", "_parsed", "connection")

    connection: Connection
    _content: Body | None
    _parsed: dict[str, Any] | None

    def __init__(self, connection: Any = None) -> None:
        self._clear()
        self.connection = connection
        self._content = None
        self._parsed = None

    @property
    def body(self) -> bytes:
        """What has come of the content and was not taken. Transfer codings are undone, content
        codings are not."""
        return b"" if self._content is None else self._content.content()

    @property
    def received(self) -> int:
        """Bytes of the content that have come, taken or not."""
        return 0 if self._content is None else self._content.received

    @property
    def complete(self) -> bool:
        """Whether all of the content has come."""
        return self._content is None or self._content.complete

    @property
    def trailers(self) -> list[tuple[str, str]]:
        """The fields behind a chunked body (RFC 9110 6.5), once it is complete."""
        if self._content is None or self._content.trailers is None:
            return []
        return self._content.trailers

    def take(self) -> bytes:
        """Hand over what is in ``body`` and forget it.

        Who takes in ``HTTP_CHUNK`` may receive any amount: while something was not taken, no more
        than the limit of the body is read on, so a slow consumer slows the sender down. The
        original's way to take is to set `F_DELETE_CHUNK` in ``c.flags`` during the event.
        """
        body = self._content
        if body is None:
            return b""
        content = body.take()
        if not body.complete:
            self.connection.account(0)
        if body.paused is not None:
            reader, body.paused = body.paused, None
            reader.resume(self.connection)
        return content

    # -- parsed when asked for ----------------------------------------------------------------

    @property
    def content_type(self) -> str:
        """The media type of the content in lower case, without parameters; "" when not said."""
        return (self.header("content-type") or "").partition(";")[0].strip("\t ").lower()

    def parameter(self, header: str, name: str) -> str | None:
        """A parameter of a field's value (RFC 9110 5.6.6), as `boundary` of Content-Type."""
        from .parameters import parameter

        value = self.header(header)
        return None if value is None else parameter(value, name)

    def text(self) -> str:
        """The body as text, in the charset that Content-Type names, or UTF-8.

        Raises UnicodeDecodeError when it is not, and LookupError for a charset that is not known.
        """
        return self.body.decode(self.parameter("content-type", "charset") or "utf-8")

    def json(self) -> Any:
        """The body as JSON, whatever its media type. Raises `FormError` when it is not.

        A server's handler may leave any `FormError` of its request alone: it is answered 400.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as e:
            from .parameters import FormError

            error = FormError("json", f"the body is not JSON: {e}")
            error.message = self
            raise error from None

    def form(self) -> Form:
        """The fields of a submitted form, urlencoded or multipart; empty for other content.

        Raises `FormError` when the body is malformed or has too many fields.
        """
        form: Form = self._keep("form", self._form)
        return form

    def var(self, name: str) -> str | None:
        """A variable of the query, or else of the form in the body; None when there is none."""
        value = self._keep("query", self._query).get(name)
        if value is None:
            value = self.form().get(name)
        return value if isinstance(value, str) else None

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of the Cookie field, by name (RFC 6265 5.4)."""
        cookies: dict[str, str] = self._keep("cookies", self._cookies)
        return cookies

    def _keep(self, name: str, make: Any) -> Any:
        """Something that is parsed once."""
        if self._parsed is None:
            self._parsed = {}
        if name not in self._parsed:
            self._parsed[name] = make()
        return self._parsed[name]

    def _form(self) -> Any:
        from .forms import parse_form
        from .parameters import FormError

        try:
            return parse_form(self.header("content-type") or "", self.body)
        except FormError as e:
            e.message = self
            raise

    def _query(self) -> Any:
        from .forms import parse_urlencoded
        from .parameters import FormError

        try:
            return parse_urlencoded(self.query)
        except FormError as e:
            e.message = self
            raise

    def _cookies(self) -> Any:
        from .cookies import parse_cookies

        return parse_cookies("; ".join(self.header_all("cookie")))
