"""The names of the C library, for programs that are ported from it.

Every function here is one call of the library under its C name, with its C arguments in their
order; a NULL is None, and a length that C needs may be left out. What behaves differently behind
the names is in docs/differences.md. An error that C returns as NULL is raised.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from .core.acl import check_ip_acl
from .core.address import Address, Url
from .core.connection import Connection
from .core.events import Event, Flag
from .core.handler import HandlerFunction, handles
from .core.hosts import HostsFile
from .core.manager import Manager
from .core.registry import find_scheme, make_client, make_protocol

if TYPE_CHECKING:
    from .core.resolver import Lookup
    from .dns import Message as DnsMessage
    from .dns import Name, Question, Record
    from .http.message import Message

Bytes = bytes | bytearray | memoryview

MG_EV_POLL = Event.POLL
MG_EV_ACCEPT = Event.ACCEPT
MG_EV_CONNECT = Event.CONNECT
MG_EV_RECV = Event.RECV
MG_EV_SEND = Event.SEND
MG_EV_CLOSE = Event.CLOSE
MG_EV_TIMER = Event.TIMER
MG_EV_CONGESTED = Event.CONGESTED
MG_EV_DRAINED = Event.DRAINED
MG_EV_HTTP_REQUEST = Event.HTTP_REQUEST
MG_EV_HTTP_REPLY = Event.HTTP_REPLY
MG_EV_HTTP_CHUNK = Event.HTTP_CHUNK
MG_EV_DNS_MESSAGE = MG_DNS_MESSAGE = Event.DNS_MESSAGE
MG_EV_SSI_CALL = Event.SSI_CALL
MG_EV_SSI_CALL_CTX = Event.SSI_CALL_CTX
MG_EV_HTTP_MULTIPART_REQUEST = Event.HTTP_MULTIPART_REQUEST
MG_EV_HTTP_PART_BEGIN = Event.HTTP_PART_BEGIN
MG_EV_HTTP_PART_DATA = Event.HTTP_PART_DATA
MG_EV_HTTP_PART_END = Event.HTTP_PART_END
MG_EV_HTTP_MULTIPART_REQUEST_END = Event.HTTP_MULTIPART_REQUEST_END
MG_EV_WEBSOCKET_HANDSHAKE_REQUEST = Event.WEBSOCKET_HANDSHAKE_REQUEST
MG_EV_WEBSOCKET_HANDSHAKE_DONE = Event.WEBSOCKET_HANDSHAKE_DONE
MG_EV_WEBSOCKET_FRAME = Event.WEBSOCKET_FRAME
MG_EV_WEBSOCKET_CONTROL_FRAME = Event.WEBSOCKET_CONTROL_FRAME

MG_F_LISTENING = Flag.LISTENING
MG_F_UDP = Flag.UDP
MG_F_RESOLVING = Flag.RESOLVING
MG_F_CONNECTING = Flag.CONNECTING
MG_F_SSL = Flag.SSL
MG_F_SSL_HANDSHAKE_DONE = Flag.SSL_HANDSHAKE_DONE
MG_F_WANT_READ = Flag.WANT_READ
MG_F_WANT_WRITE = Flag.WANT_WRITE
MG_F_IS_WEBSOCKET = Flag.IS_WEBSOCKET
MG_F_RECV_AND_CLOSE = Flag.RECV_AND_CLOSE
MG_F_SEND_AND_CLOSE = Flag.SEND_AND_CLOSE
MG_F_CLOSE_IMMEDIATELY = Flag.CLOSE_IMMEDIATELY
MG_F_PROTO_1 = MG_F_WEBSOCKET_NO_DEFRAG = Flag.PROTO_1
MG_F_PROTO_2 = MG_F_DELETE_CHUNK = Flag.PROTO_2
MG_F_ENABLE_BROADCAST = Flag.ENABLE_BROADCAST
MG_F_BUFFER_BUT_DONT_SEND = Flag.BUFFER_BUT_DONT_SEND
MG_F_USER_1 = Flag.USER_1
MG_F_USER_2 = Flag.USER_2
MG_F_USER_3 = Flag.USER_3
MG_F_USER_4 = Flag.USER_4
MG_F_USER_5 = Flag.USER_5
MG_F_USER_6 = Flag.USER_6

MG_DNS_A_RECORD = 1
MG_DNS_CNAME_RECORD = 5
MG_DNS_PTR_RECORD = 12
MG_DNS_MX_RECORD = 15
MG_DNS_TXT_RECORD = 16
MG_DNS_AAAA_RECORD = 28
MG_DNS_SRV_RECORD = 33
MG_DNS_NSEC_RECORD = 47
MG_DNS_ANY_RECORD = 255

MG_RESOLVE_OK = 0
MG_RESOLVE_NO_ANSWERS = 1
MG_RESOLVE_EXCEEDED_RETRY_COUNT = 2
MG_RESOLVE_TIMEOUT = 3

MG_SOCK_STRINGIFY_IP = 1
MG_SOCK_STRINGIFY_PORT = 2
MG_SOCK_STRINGIFY_REMOTE = 4

WEBSOCKET_OP_CONTINUE = 0
WEBSOCKET_OP_TEXT = 1
WEBSOCKET_OP_BINARY = 2
WEBSOCKET_OP_CLOSE = 8
WEBSOCKET_OP_PING = 9
WEBSOCKET_OP_PONG = 10
WEBSOCKET_DONT_FIN = 0x100

INVALID_SOCKET = None

mg_mgr = Manager
mg_connection = Connection

# The fields of the C option structures that have another name here.
_OPTIONS = {
    "ssl_cert": "cert",
    "ssl_key": "key",
    "ssl_ca_cert": "ca",
    "ssl_cipher_suites": "ciphers",
    "ssl_server_name": "server_name",
}


def _options(fields: dict[str, Any]) -> dict[str, Any]:
    return {_OPTIONS.get(name, name): v for name, v in fields.items() if v is not None}


def mg_mgr_init(mgr: Manager, user_data: Any = None) -> None:
    """``mgr = mg_mgr()`` has made it already: this sets its user data."""
    mgr.user_data = user_data


def mg_mgr_free(mgr: Manager) -> None:
    """`Manager.close`."""
    mgr.close()


def mg_mgr_poll(mgr: Manager, milliseconds: float) -> int:
    """`Manager.poll`."""
    return mgr.poll(milliseconds)


def mg_next(mgr: Manager, c: Connection | None) -> Connection | None:
    """The connection made before ``c``, the newest for None; None at the end.

    Each call looks at all of them; ``for c in mgr`` does so once.
    """
    older = [other for other in mgr if c is None or other.id < c.id]
    return older[-1] if older else None


def mg_bind(mgr: Manager, address: str, handler: HandlerFunction | None) -> Connection:
    """`Manager.bind`."""
    return mgr.bind(address, handler)


def mg_bind_opt(
    mgr: Manager, address: str, handler: HandlerFunction | None, **opts: Any
) -> Connection:
    """`Manager.bind` with options, by their C names or their own; None is not given."""
    return mgr.bind(address, handler, **_options(opts))


def mg_connect(mgr: Manager, address: str, handler: HandlerFunction | None) -> Connection:
    """`Manager.connect`."""
    return mgr.connect(address, handler)


def mg_connect_opt(
    mgr: Manager, address: str, handler: HandlerFunction | None, **opts: Any
) -> Connection:
    """`Manager.connect` with options, by their C names or their own; None is not given."""
    return mgr.connect(address, handler, **_options(opts))


def mg_add_sock(
    mgr: Manager, sock: socket.socket | None, handler: HandlerFunction | None
) -> Connection:
    """`Manager.adopt`; ``INVALID_SOCKET`` for a connection that has only a timer."""
    return mgr.adopt(sock, handler)


def mg_add_sock_opt(
    mgr: Manager, sock: socket.socket | None, handler: HandlerFunction | None, **opts: Any
) -> Connection:
    """`Manager.adopt` with options."""
    return mgr.adopt(sock, handler, **_options(opts))


def mg_send(c: Connection, data: Bytes, n: int | None = None) -> None:
    """`Connection.send` of ``data``, or of its first ``n`` bytes."""
    c.send(data if n is None else data[:n])


def mg_printf(c: Connection, fmt: str, *args: Any) -> int:
    """`Connection.send` of formatted text as UTF-8; how many bytes that were."""
    data = (fmt % args).encode()
    c.send(data)
    return len(data)


def mg_forward(source: Connection, target: Connection) -> None:
    """`Connection.forward`."""
    source.forward(target)


def mg_set_timer(c: Connection, timestamp: float) -> float:
    """`Connection.set_timer`."""
    return c.set_timer(timestamp)


def mg_time() -> float:
    """UNIX time."""
    return time.time()


def mg_broadcast(
    mgr: Manager, callback: HandlerFunction, data: Any = None, n: int | None = None
) -> None:
    """`Manager.broadcast` of ``data``, or of its first ``n`` bytes."""
    mgr.broadcast(callback, data if n is None else bytes(data[:n]))


def mg_socketpair(sp: list[Any], sock_type: int = socket.SOCK_STREAM) -> int:
    """Puts two joined sockets into ``sp``; 1."""
    sp[:] = socket.socketpair(type=sock_type)
    return 1


def mg_check_ip_acl(acl: str | None, remote_ip: str | int) -> int:
    """`check_ip_acl`: 1 let in, 0 not, -1 a malformed list. An int is an IPv4 address."""
    try:
        return int(check_ip_acl(acl, str(ip_address(remote_ip))))
    except ValueError:
        return -1


def mg_sock_addr_to_str(sa: Address, flags: int) -> str:
    """An address as text, ``MG_SOCK_STRINGIFY_IP`` and ``_PORT`` of it."""
    if flags & MG_SOCK_STRINGIFY_IP:
        return str(sa) if flags & MG_SOCK_STRINGIFY_PORT else sa.host
    return str(sa.port) if flags & MG_SOCK_STRINGIFY_PORT else ""


def mg_conn_addr_to_str(c: Connection, flags: int) -> str:
    """`Connection.local`, or with ``MG_SOCK_STRINGIFY_REMOTE`` `Connection.peer`, as text."""
    return mg_sock_addr_to_str(c.peer if flags & MG_SOCK_STRINGIFY_REMOTE else c.local, flags)


def mg_set_protocol_http_websocket(c: Connection) -> None:
    """Does what an address with ``http://`` does."""
    c.protocol = make_protocol(find_scheme("http"), None)


def _request(c: Connection) -> Any:
    """The request of a connection that waits to be answered."""
    request = getattr(c.protocol, "message", None)
    if request is None:
        raise RuntimeError("there is no HTTP request on this connection that waits for an answer")
    return request


def _fields(text: str | None) -> list[tuple[str, str]]:
    """Header lines as C programs write them, "NAME: VALUE" with CRLF between, as pairs."""
    lines = [line.partition(":") for line in (text or "").split("\r\n") if line]
    return [(name, value.strip()) for name, _, value in lines]


def mg_connect_http(
    mgr: Manager,
    handler: HandlerFunction | None,
    url: str,
    extra_headers: str | None = None,
    post_data: str | bytes | None = None,
) -> Connection:
    """`Manager.connect` to an ``http://`` URL: GET, or POST where there is something to post."""
    if "://" not in url:
        url = "http://" + url
    return mgr.connect(
        url,
        handler,
        method="POST" if post_data else "GET",
        headers=_fields(extra_headers),
        body=post_data or b"",
    )


def mg_register_http_endpoint(
    listener: Connection, uri_path: str, handler: HandlerFunction
) -> None:
    """`Connection.endpoint`; its patterns are not the C library's globs."""
    listener.endpoint(uri_path, handler)


def mg_register_http_endpoint_opt(
    listener: Connection,
    uri_path: str,
    handler: HandlerFunction,
    *,
    auth_domain: str | None = None,
    auth_file: str | None = None,
) -> None:
    """`Connection.endpoint`, with a file: behind a `DigestAuth`."""
    if auth_file is not None:
        from .http.access.guards import DigestAuth

        handler = DigestAuth(auth_domain or "", auth_file).protect(handler)
    listener.endpoint(uri_path, handler)


def mg_get_http_basic_auth(hm: Any) -> tuple[str, str] | None:
    """`Request.credentials`."""
    credentials: tuple[str, str] | None = hm.credentials
    return credentials


def mg_send_head(
    c: Connection, status_code: int, content_length: int, extra_headers: str | None = None
) -> None:
    """`Request.send_head`; a negative length is a chunked body."""
    length = None if content_length < 0 else content_length
    _request(c).send_head(status_code, _fields(extra_headers), length)


def mg_send_http_chunk(c: Connection, data: bytes, n: int | None = None) -> None:
    """`Request.send_chunk` of ``data``, or of its first ``n`` bytes; `Request.end` for none."""
    chunk = data if n is None else data[:n]
    if chunk:
        _request(c).send_chunk(chunk)
    else:
        _request(c).end()


def mg_printf_http_chunk(c: Connection, fmt: str, *args: Any) -> None:
    """`Request.send_chunk` of formatted text as UTF-8."""
    mg_send_http_chunk(c, (fmt % args).encode())


def mg_http_send_error(c: Connection, code: int, reason: str | None = None) -> None:
    """`Request.error`."""
    _request(c).error(code, reason or "")


def mg_http_send_redirect(
    c: Connection, status_code: int, location: str, extra_headers: str | None = None
) -> None:
    """`Request.redirect`, with header lines."""
    _request(c).reply(status_code, b"", [("Location", location), *_fields(extra_headers)])


def mg_get_http_header(hm: Message, name: str) -> str | None:
    """`Message.header`."""
    return hm.header(name)


def mg_get_http_var(buf: str | bytes, name: str) -> str | None:
    """A variable of a query or of an urlencoded form; None when there is none."""
    from .http.forms import parse_urlencoded

    value = parse_urlencoded(buf).get(name)
    return value if isinstance(value, str) else None


def mg_send_websocket_frame(
    c: Connection, op_and_flags: int, data: Bytes | str, n: int | None = None
) -> None:
    """`Connection.ws_send` of ``data``, or of its first ``n`` bytes."""
    c.ws_send(data if n is None else data[:n], op_and_flags)


def mg_send_websocket_framev(c: Connection, op_and_flags: int, strings: Iterable[Bytes]) -> None:
    """`Connection.ws_send` of several pieces as one frame."""
    c.ws_send(b"".join(strings), op_and_flags)


def mg_printf_websocket_frame(c: Connection, op_and_flags: int, fmt: str, *args: Any) -> None:
    """`Connection.ws_send` of formatted text."""
    c.ws_send(fmt % args, op_and_flags)


def mg_connect_ws(
    mgr: Manager,
    handler: HandlerFunction | None,
    url: str,
    protocol: str | None = None,
    extra_headers: str | None = None,
) -> Connection:
    """`Manager.connect` to a ``ws://`` URL; ``protocol`` is one subprotocol, or a list with
    commas."""
    return mg_connect_ws_opt(mgr, handler, url, protocol, extra_headers)


def mg_connect_ws_opt(
    mgr: Manager,
    handler: HandlerFunction | None,
    url: str,
    protocol: str | None = None,
    extra_headers: str | None = None,
    **opts: Any,
) -> Connection:
    """The same with options of `Manager.connect`, by their C names or their own."""
    if "://" not in url:
        url = "ws://" + url
    scheme, _, rest = url.partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    names = [name.strip() for name in (protocol or "").split(",")]
    return mgr.connect(
        f"{scheme}://{rest}",
        handler,
        subprotocols=[name for name in names if name],
        headers=_fields(extra_headers),
        **_options(opts),
    )


def mg_set_protocol_dns(c: Connection) -> None:
    """Does what an address with ``dns://`` does."""
    scheme = find_scheme("dns")
    if c.flags & Flag.LISTENING or c.listener is not None:
        c.protocol = make_protocol(scheme, None)
    else:
        c.protocol = make_client(scheme, None, Url("dns", *c.peer), {})


def mg_send_dns_query(c: Connection, name: str, query_type: int) -> None:
    """``Message.query(name, query_type, id=...).send(c)``, with an id that nobody can guess."""
    from .dns import Message as DnsMessage

    DnsMessage.query(name, query_type, id=secrets.randbits(16)).send(c)


def mg_parse_dns(buf: Bytes) -> DnsMessage | None:
    """`galidia.dns.Message.decode`; None for what is no message."""
    from .dns import FormatError
    from .dns import Message as DnsMessage

    try:
        return DnsMessage.decode(bytes(buf))
    except FormatError:
        return None


def mg_dns_next_record(
    msg: DnsMessage, query_type: int, prev: Record | None = None
) -> Record | None:
    """The first answer of a type, or the one behind ``prev``; None at the end."""
    found = [r for r in msg.answers if r.type == query_type]
    at = next((i for i, r in enumerate(found) if r is prev), -1)
    return found[at + 1] if at + 1 < len(found) else None


def mg_dns_parse_record_data(msg: DnsMessage, record: Record) -> str:
    """``str(record.data)``: for A and AAAA the address, for CNAME the name."""
    return str(record.data)


def mg_dns_uncompress_name(msg: DnsMessage, name: Name) -> str:
    """``name.host``: the names of a message are uncompressed already."""
    return name.host


def mg_dns_create_reply(io: Any, msg: DnsMessage) -> DnsMessage:
    """``msg.reply()``; a reply needs no buffer."""
    return msg.reply()


def mg_dns_reply_record(
    reply: DnsMessage,
    question: Question,
    name: str | None,
    rtype: int,
    ttl: int,
    data: Bytes | str,
) -> int:
    """``reply.add(...)`` of data in the form of the wire, or of a record's text; 0."""
    from .dns import Type, parse_rdata

    if not isinstance(data, str):
        data = f"\\# {len(data)} {bytes(data).hex()}"
    rdata = parse_rdata(Type(rtype), data)
    reply.add(question.name if name is None else name, rdata, ttl)
    return 0


def mg_dns_send_reply(c: Connection, reply: DnsMessage) -> None:
    """``reply.send(c)``."""
    reply.send(c)


def mg_set_nameserver(mgr: Manager, nameserver: str | None) -> None:
    """``Resolver(mgr, servers=[nameserver])`` from now on; None for those of the system."""
    from .dns import Resolver

    before = mgr.resolver
    mgr.resolver = Resolver(mgr, None if nameserver is None else [nameserver])
    before.close()


def mg_resolve_async(
    mgr: Manager, name: str, query: int, callback: Callable[..., object], data: Any = None
) -> int:
    """`Manager.resolve` of records: ``callback(message or None, data, error)``; 0."""
    mgr.resolve(name, partial(_resolved, callback, data), query)
    return 0


def mg_resolve_async_opt(
    mgr: Manager,
    name: str,
    query: int,
    callback: Callable[..., object],
    data: Any = None,
    *,
    nameserver: str | tuple[str, int] | None = None,
    max_retries: int | None = None,
    timeout: float | None = None,
) -> int:
    """The same, with a resolver of its own for this one look-up."""
    from .dns import Resolver

    servers = None if nameserver is None else [nameserver]
    resolver = Resolver(mgr, servers, attempts=max_retries, timeout=timeout)

    @handles(Event.CLOSE)
    def close(c: Connection, ev: int, nothing: None) -> None:
        resolver.close()

    def answer(lookup: Lookup) -> None:
        keeper.close()
        _resolved(callback, data, lookup)

    keeper = mgr.adopt(None, close)  # it ends with the manager, and the resolver with it
    resolver.lookup(name, query, answer)
    return 0


def _resolved(callback: Callable[..., object], data: Any, lookup: Lookup) -> None:
    from .dns import Message as DnsMessage

    if lookup.error is None:
        callback(DnsMessage(answers=lookup.records), data, MG_RESOLVE_OK)
    elif isinstance(lookup.error, TimeoutError):
        callback(None, data, MG_RESOLVE_EXCEEDED_RETRY_COUNT)
    else:
        callback(None, data, MG_RESOLVE_NO_ANSWERS)


def mg_resolve_from_hosts_file(name: str) -> str | None:
    """The first address that the hosts file has for a name; None when there is none."""
    return next(iter(HostsFile().addresses(name)), None)


def mbuf_append(mb: bytearray, data: Bytes, n: int | None = None) -> int:
    """``mb += data``, or its first ``n`` bytes; how many."""
    return mbuf_insert(mb, len(mb), data, n)


def mbuf_insert(mb: bytearray, offset: int, data: Bytes, n: int | None = None) -> int:
    """``mb[offset:offset] = data``, or its first ``n`` bytes; how many."""
    part = data if n is None else data[:n]
    mb[offset:offset] = part
    return len(part)


def mbuf_remove(mb: bytearray, n: int) -> None:
    """``del mb[:n]``; nothing if there are fewer bytes."""
    if 0 < n <= len(mb):
        del mb[:n]


def mbuf_clear(mb: bytearray) -> None:
    """``mb.clear()``."""
    mb.clear()


def mbuf_free(mb: bytearray) -> None:
    """``mb.clear()``: Python frees it when nobody has it any more."""
    mb.clear()


def mbuf_move(source: bytearray, target: bytearray) -> None:
    """Hands the contents of one over to the other."""
    target[:] = source
    source.clear()


__all__ = [
    name for name in dir() if name.startswith(("mg_", "MG_", "mbuf_", "INVALID_", "WEBSOCKET_"))
]
