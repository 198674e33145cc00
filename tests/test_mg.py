"""The C names: a C program line by line, and each alias against what it stands for."""

import socket
import threading
from functools import partial
from hashlib import md5
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import galidia
from galidia import mg
from galidia.core.events import Event, Flag
from galidia.core.hosts import HostsFile
from galidia.dns import A
from galidia.http import Digest
from galidia.mg import (
    MG_EV_ACCEPT,
    MG_EV_CLOSE,
    MG_EV_CONNECT,
    MG_EV_POLL,
    MG_EV_RECV,
    MG_EV_TIMER,
    MG_F_CLOSE_IMMEDIATELY,
    MG_F_SEND_AND_CLOSE,
    MG_F_USER_1,
    MG_SOCK_STRINGIFY_IP,
    MG_SOCK_STRINGIFY_PORT,
    MG_SOCK_STRINGIFY_REMOTE,
    mbuf_append,
    mbuf_clear,
    mbuf_free,
    mbuf_insert,
    mbuf_move,
    mbuf_remove,
    mg_add_sock,
    mg_add_sock_opt,
    mg_bind,
    mg_bind_opt,
    mg_broadcast,
    mg_check_ip_acl,
    mg_conn_addr_to_str,
    mg_connect,
    mg_connect_opt,
    mg_connection,
    mg_forward,
    mg_mgr,
    mg_mgr_free,
    mg_mgr_init,
    mg_mgr_poll,
    mg_next,
    mg_printf,
    mg_send,
    mg_set_protocol_http_websocket,
    mg_set_timer,
    mg_sock_addr_to_str,
    mg_socketpair,
    mg_time,
)
from tests.helpers import until


@pytest.fixture
def mgr() -> Any:
    mgr = mg_mgr()
    mg_mgr_init(mgr, "user data")
    yield mgr
    mg_mgr_free(mgr)


def test_a_c_program_line_by_line() -> None:
    # static void ev_handler(struct mg_connection *nc, int ev, void *ev_data) {
    def ev_handler(nc: mg_connection, ev: int, ev_data: Any) -> None:
        io = nc.recv_mbuf  # struct mbuf *io = &nc->recv_mbuf;
        match ev:  # switch (ev) {
            case mg.MG_EV_RECV:  # case MG_EV_RECV:
                mg_send(nc, io, len(io))  # mg_send(nc, io->buf, io->len);
                mbuf_remove(io, len(io))  # mbuf_remove(io, io->len);
                # break;
            case _:  # default:
                pass  # break;

    mgr = mg_mgr()  # struct mg_mgr mgr;
    mg_mgr_init(mgr, None)  # mg_mgr_init(&mgr, NULL);
    nc = mg_bind(mgr, "127.0.0.1:0", ev_handler)  # mg_bind(&mgr, port, ev_handler);

    answer = bytearray()

    def client(c: mg_connection, ev: int, ev_data: Any) -> None:
        if ev == MG_EV_CONNECT and ev_data == 0:
            mg_printf(c, "%s %d\n", "hello", 42)
        elif ev == MG_EV_RECV:
            mbuf_append(answer, c.recv_mbuf)
            mbuf_clear(c.recv_mbuf)
            if answer.endswith(b"\n"):
                c.flags |= MG_F_CLOSE_IMMEDIATELY

    c = mg_connect(mgr, mg_conn_addr_to_str(nc, 3), client)
    while not c.closed:  # for (;;) {
        mg_mgr_poll(mgr, 1000)  # mg_mgr_poll(&mgr, 1000);
    mg_mgr_free(mgr)  # mg_mgr_free(&mgr);
    assert answer == b"hello 42\n"


@pytest.mark.parametrize("ev", [e for e in Event if e < 100 or e.name[:4] in ("HTTP", "SSI_")])
def test_every_core_and_http_event_has_its_name(ev: Event) -> None:
    assert getattr(mg, f"MG_EV_{ev.name}") is ev


@pytest.mark.parametrize("flag", Flag)
def test_every_flag_has_its_name(flag: Flag) -> None:
    assert getattr(mg, f"MG_F_{flag.name}") is flag


def test_a_star_import_brings_the_c_names_only() -> None:
    assert all(
        name.lower().startswith(("mg_", "mbuf_", "invalid_", "websocket_")) for name in mg.__all__
    )
    assert {"mg_bind", "MG_EV_RECV", "MG_F_UDP", "mbuf_remove", "INVALID_SOCKET"} <= {*mg.__all__}


def test_user_data_of_the_manager(mgr: Any) -> None:
    assert mgr.user_data == "user data"


def test_next_goes_from_the_newest_to_the_oldest(mgr: Any) -> None:
    made = [mg_add_sock(mgr, mg.INVALID_SOCKET, None) for _ in range(3)]
    seen = []
    c = mg_next(mgr, None)
    while c is not None:
        seen.append(c)
        c = mg_next(mgr, c)
    assert seen == made[::-1]


def test_options_by_their_c_names(mgr: Any) -> None:
    listener = mg_bind_opt(mgr, "127.0.0.1:0", None, user_data="mine", flags=MG_F_USER_1)
    assert (listener.user_data, listener.flags & MG_F_USER_1) == ("mine", MG_F_USER_1)
    with pytest.raises(OSError, match=r"no\.pem"):
        mg_bind_opt(mgr, "127.0.0.1:0", None, ssl_cert="no.pem", ssl_key=None)
    with pytest.raises(OSError, match=r"none\.pem"):
        mg_connect_opt(
            mgr, "127.0.0.1:1", None, ssl_ca_cert="none.pem", ssl_server_name="example.org"
        )
    with pytest.raises(TypeError, match="error_string"):
        mg_connect_opt(mgr, "127.0.0.1:1", None, error_string="")
    c = mg_connect_opt(mgr, str(listener.local), None, user_data=[1])
    assert c.user_data == [1]
    timer = mg_add_sock_opt(mgr, None, None, user_data="timer")
    assert timer.user_data == "timer"


def test_timer(mgr: Any) -> None:
    fired = []

    def handler(c: mg_connection, ev: int, data: Any) -> None:
        if ev == MG_EV_TIMER:
            fired.append(data)

    c = mg_add_sock(mgr, None, handler)
    when = mg_time() - 1
    assert mg_set_timer(c, mg_time() + 3600) == 0
    assert mg_set_timer(c, when) > when
    mg_mgr_poll(mgr, 0)
    assert fired == [when]


def test_sends_of_a_part(mgr: Any) -> None:
    sp: list[Any] = []
    assert mg_socketpair(sp, socket.SOCK_STREAM) == 1
    with sp[1] as raw:
        c = mg_add_sock(mgr, sp[0], None)
        mg_send(c, b"abcdef", 3)
        mg_send(c, b"ghi")
        assert mg_printf(c, "%s=%.*s;%05.1f", "ä", 2, "xyz", 1.25) == 11
        mg_mgr_poll(mgr, 0)
        assert raw.recv(100).decode() == "abcghiä=xy;001.2"


def test_forward(mgr: Any) -> None:
    pairs: list[list[Any]] = [[], []]
    for pair in pairs:
        mg_socketpair(pair)
    (one, raw_one), (other, raw_other) = pairs
    target = mg_add_sock(mgr, other, None)

    def handler(c: mg_connection, ev: int, data: Any) -> None:
        if ev == MG_EV_RECV:
            mg_forward(c, target)

    source = mg_add_sock(mgr, one, handler)
    with raw_one, raw_other:
        raw_one.send(b"through")
        mg_mgr_poll(mgr, 1000)
        assert raw_other.recv(100) == b"through"
    assert source.recv_mbuf == b""


def test_broadcast_from_a_thread(mgr: Any) -> None:
    c = mg_add_sock(mgr, None, None)
    got: list[Any] = []

    def callback(c: mg_connection, ev: int, data: Any) -> None:
        got.append((c, ev, data))

    thread = threading.Thread(target=mg_broadcast, args=(mgr, callback, b"message", 4))
    thread.start()
    while not got:
        mg_mgr_poll(mgr, 1000)
    thread.join()
    assert got == [(c, MG_EV_POLL, b"mess")]


@pytest.mark.parametrize(
    ("acl", "address", "answer"),
    [
        (None, "1.2.3.4", 1),
        ("", 0x01020304, 1),
        ("-0.0.0.0/0,+1.2.3.0/24", 0x01020304, 1),
        ("-0.0.0.0/0,+1.2.3.0/24", "1.2.4.4", 0),
        ("+::1", "::1", 1),
        ("1.2.3.4", "1.2.3.4", -1),
        ("+nonsense", "1.2.3.4", -1),
    ],
)
def test_ip_acl(acl: str | None, address: str | int, answer: int) -> None:
    assert mg_check_ip_acl(acl, address) == answer


@pytest.mark.parametrize(
    ("flags", "text"),
    [(0, ""), (1, "::1"), (2, "80"), (3, "[::1]:80"), (7, "[::1]:80")],
)
def test_addresses_as_text(flags: int, text: str) -> None:
    assert mg_sock_addr_to_str(galidia.Address("::1", 80), flags) == text


def test_addresses_of_a_connection(mgr: Any) -> None:
    accepted: list[Any] = []

    def handler(c: mg_connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ACCEPT:
            accepted.append(mg_conn_addr_to_str(c, both | MG_SOCK_STRINGIFY_REMOTE))
            c.flags |= MG_F_SEND_AND_CLOSE
        elif ev == MG_EV_CLOSE:
            accepted.append(None)

    both = MG_SOCK_STRINGIFY_IP | MG_SOCK_STRINGIFY_PORT
    listener = mg_bind(mgr, "127.0.0.1:0", handler)
    with socket.create_connection(listener.local) as raw:
        while len(accepted) < 2:
            mg_mgr_poll(mgr, 1000)
        assert accepted == ["{}:{}".format(*raw.getsockname()), None]


def test_buffers() -> None:
    mb = bytearray()
    assert mbuf_append(mb, b"abc") == 3
    assert mbuf_append(mb, b"defg", 1) == 1
    assert mbuf_insert(mb, 1, b"XYZ", 2) == 2
    assert mb == b"aXYbcd"
    mbuf_remove(mb, 2)
    assert mb == b"Ybcd"
    mbuf_remove(mb, 5)  # as in C: more than there is does nothing
    mbuf_remove(mb, 0)
    mbuf_remove(mb, -1)
    assert mb == b"Ybcd"
    other = bytearray(b"old")
    mbuf_move(mb, other)
    assert mb == b""
    assert other == b"Ybcd"
    mbuf_free(other)
    assert other == b""


def test_appending_to_the_send_buffer_sends(mgr: Any) -> None:
    sp: list[Any] = []
    mg_socketpair(sp)
    c = mg_add_sock(mgr, sp[0], None)
    with sp[1] as raw:
        mbuf_append(c.send_mbuf, b"by hand")
        mg_mgr_poll(mgr, 0)
        assert raw.recv(100) == b"by hand"


def test_http_on_a_plain_address(mgr: Any) -> None:
    def handler(c: mg_connection, ev: int, data: Any) -> None:
        if ev == mg.MG_EV_HTTP_REQUEST:
            data.reply(200, "hello")

    nc = mg_bind(mgr, "127.0.0.1:0", handler)
    mg_set_protocol_http_websocket(nc)
    with socket.create_connection(nc.local) as raw:
        raw.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        while len(mgr) == 1:
            mg_mgr_poll(mgr, 1000)
        while len(mgr) == 2:
            mg_mgr_poll(mgr, 1000)
        assert raw.recv(4096).endswith(b"\r\n\r\nhello")


def test_an_endpoint_with_passwords(mgr: Any, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("u:r:" + md5(b"u:r:p").hexdigest() + "\n")
    seen: list[Any] = []

    def endpoint(nc: Any, ev: Any, hm: Any) -> None:
        if ev == mg.MG_EV_HTTP_REQUEST:
            mg.mg_send_head(nc, 200, 0)
            mg.mg_send_http_chunk(nc, b"")

    def client(nc: Any, ev: Any, hm: Any) -> None:
        if ev == mg.MG_EV_HTTP_REPLY:
            seen.append(hm)

    nc = mg_bind(mgr, "127.0.0.1:0", None)
    mg_set_protocol_http_websocket(nc)
    options = {"auth_domain": "r", "auth_file": str(tmp_path / "users")}
    mg.mg_register_http_endpoint_opt(nc, "/in", endpoint, **options)
    mg.mg_register_http_endpoint_opt(nc, "/free", endpoint)
    for path, fields in (("free", ""), ("in", ""), ("in", "?")):
        if fields:
            digest = Digest("u", "p")
            digest.challenged(seen[-1].header("www-authenticate"))
            fields = f"Authorization: {digest.answer('GET', '/in')}\r\n"
        mg.mg_connect_http(mgr, client, f"{nc.local}/{path}", fields)
        before = len(seen)
        while len(seen) == before:
            mg_mgr_poll(mgr, 10)
    assert [reply.status for reply in seen] == [200, 401, 200]
    hm = SimpleNamespace(credentials=("u", "p"))
    assert mg.mg_get_http_basic_auth(hm) == ("u", "p")
    with pytest.raises(ValueError, match="realm"):
        mg.mg_register_http_endpoint_opt(nc, "/x", endpoint, auth_file="x")


def test_http_of_a_c_program(mgr: Any) -> None:
    seen: list[Any] = []

    def answer(nc: Any, ev: int, hm: Any) -> None:
        if ev != mg.MG_EV_HTTP_REQUEST:
            return
        if hm.path == "/error":
            mg.mg_http_send_error(nc, 403, "not you")
        elif hm.path == "/away":
            mg.mg_http_send_redirect(nc, 302, "/there", "X-A: 1\r\nX-B: 2\r\n")
        elif hm.path == "/counted":
            mg.mg_send_head(nc, 200, 5, "X-A: 1")
            mg.mg_send_http_chunk(nc, b"hello, all", 5)
            mg.mg_send_http_chunk(nc, b"")
        else:
            mg.mg_send_head(nc, 200, -1)
            mg.mg_printf_http_chunk(nc, "%s=%s", hm.method, mg.mg_get_http_var(hm.body, "a b"))
            mg.mg_printf_http_chunk(nc, " %s", mg.mg_get_http_header(hm, "x-c"))
            mg.mg_send_http_chunk(nc, b"")

    def endpoint(nc: Any, ev: int, hm: Any) -> None:
        if ev == mg.MG_EV_HTTP_REQUEST:
            hm.reply(200, "endpoint")

    def client(nc: Any, ev: int, hm: Any) -> None:
        if ev == mg.MG_EV_HTTP_REPLY:
            seen.append((hm.status, hm.header("location") or hm.header("x-a"), hm.text()))
            nc.close()

    nc = mg_bind(mgr, "127.0.0.1:0", answer)
    mg_set_protocol_http_websocket(nc)
    mg.mg_register_http_endpoint(nc, "/api", endpoint)
    for path, data in [("error", ""), ("away", ""), ("counted", ""), ("api", ""), ("", "a+b=1")]:
        mg.mg_connect_http(mgr, client, f"{nc.local}/{path}", "X-C: 3\r\n", data)
        before = len(seen)
        while len(seen) == before:
            mg_mgr_poll(mgr, 1000)
    assert seen == [
        (403, None, "403 Forbidden\nnot you\n"),
        (302, "/there", ""),
        (200, "1", "hello"),
        (200, None, "endpoint"),
        (200, None, "POST=1 3"),
    ]
    with pytest.raises(RuntimeError, match="no HTTP request"):
        mg.mg_send_head(nc, 200, 0)


def test_dns_names(mgr: Any) -> None:
    asked: list[str] = []
    found: list[str] = []

    def server(c: Any, ev: Any, data: Any) -> None:
        if ev == mg.MG_DNS_MESSAGE:
            reply = mg.mg_dns_create_reply(c.send_mbuf, data)
            for question in data.questions:
                asked.append(mg.mg_dns_uncompress_name(data, question.name))
                kind = mg.MG_DNS_CNAME_RECORD
                assert mg.mg_dns_reply_record(reply, question, None, kind, 60, "b.example") == 0
                for last in (1, 2):
                    address = bytes((192, 0, 2, last))
                    mg.mg_dns_reply_record(
                        reply, question, "b.example", mg.MG_DNS_A_RECORD, 60, address
                    )
            mg.mg_dns_send_reply(c, reply)

    def client(c: Any, ev: Any, data: Any) -> None:
        if ev == MG_EV_CONNECT:
            mg.mg_set_protocol_dns(c)
            mg.mg_send_dns_query(c, "a.example", mg.MG_DNS_A_RECORD)
        elif ev == mg.MG_DNS_MESSAGE:
            record = mg.mg_dns_next_record(data, mg.MG_DNS_A_RECORD)
            while record is not None:
                found.append(mg.mg_dns_parse_record_data(data, record))
                record = mg.mg_dns_next_record(data, mg.MG_DNS_A_RECORD, record)
            alias = mg.mg_dns_next_record(data, mg.MG_DNS_CNAME_RECORD)
            assert alias is not None
            found.append(mg.mg_dns_parse_record_data(data, alias))

    listener = mg_bind(mgr, "udp://127.0.0.1:0", server)
    mg.mg_set_protocol_dns(listener)
    mg_connect(mgr, f"udp://{listener.local}", client)
    until(mgr, lambda: found)
    assert asked == ["a.example"]
    assert found == ["192.0.2.1", "192.0.2.2", "b.example."]
    assert mg.mg_parse_dns(b"nonsense") is None
    message = mg.mg_parse_dns(b"\0\7\1\0" + bytes(8))
    assert message is not None
    assert message.id == 7


def test_websocket_of_a_c_program(mgr: Any) -> None:
    said: list[Any] = []

    def server(nc: Any, ev: int, data: Any) -> None:
        if ev == mg.MG_EV_WEBSOCKET_HANDSHAKE_REQUEST and data.path == "/not":
            mg.mg_http_send_error(nc, 403)
        elif ev == mg.MG_EV_WEBSOCKET_FRAME:
            said.append((data.flags, data.size, data.data))
            mg.mg_printf_websocket_frame(nc, mg.WEBSOCKET_OP_TEXT, "%s/%d", data.text, data.size)

    def client(nc: Any, ev: int, data: Any) -> None:
        if ev == mg.MG_EV_WEBSOCKET_HANDSHAKE_DONE:
            said.append((data.status, data.header("sec-websocket-protocol")))
            if data.status == 101:
                text = mg.WEBSOCKET_OP_TEXT
                mg.mg_send_websocket_frame(nc, text | mg.WEBSOCKET_DONT_FIN, b"one, all", 3)
                mg.mg_send_websocket_framev(nc, mg.WEBSOCKET_OP_CONTINUE, [b" t", b"wo"])
        elif ev == mg.MG_EV_WEBSOCKET_FRAME:
            said.append(data.text)
            mg.mg_send_websocket_frame(nc, mg.WEBSOCKET_OP_CLOSE, b"")
        elif ev == mg.MG_EV_CLOSE:
            said.append(nc.error)

    nc = mg_bind(mgr, "127.0.0.1:0", server)
    mg_set_protocol_http_websocket(nc)
    for n, path in enumerate(("yes", "not")):
        mg.mg_connect_ws(mgr, client, f"{nc.local}/{path}", "chat", "X-A: 1\r\n")
        while len(said) < (4, 6)[n]:
            mg_mgr_poll(mgr, 1000)
    assert said == [
        (101, None),
        (0x81, 7, b"one two"),
        "one two/7",
        "",
        (403, None),
        "the server refuses: 403 Forbidden",
    ]


@pytest.mark.parametrize("url", ["{}/", "ws://{}/", "http://{}/"])
def test_connect_ws_takes_the_urls_of_c(mgr: Any, url: str) -> None:
    done: list[int] = []

    def handler(nc: Any, ev: int, data: Any) -> None:
        if ev == mg.MG_EV_WEBSOCKET_HANDSHAKE_DONE:
            done.append(nc.flags & mg.MG_F_IS_WEBSOCKET)

    nc = mg_bind(mgr, "ws://127.0.0.1:0", handler)
    mg.mg_connect_ws_opt(mgr, handler, url.format(nc.local), user_data=1, ssl_cert=None)
    while len(done) < 2:
        mg_mgr_poll(mgr, 1000)
    assert all(done)


def test_resolving(mgr: Any) -> None:
    def server(c: Any, ev: Any, data: Any) -> None:
        if ev == mg.MG_DNS_MESSAGE:
            reply = data.reply()
            if str(data.questions[0].name) == "a.example.":
                reply.add("a.example", A("192.0.2.1"))
            reply.send()

    listener = mgr.bind("dns://127.0.0.1:0", server)
    found: list[Any] = []

    def done(message: Any, data: Any, error: int) -> None:
        record = mg.mg_dns_next_record(message, mg.MG_DNS_A_RECORD) if message else None
        found.append((str(record and record.data), data, error))

    servers: Any = tuple(listener.local)
    mg.mg_set_nameserver(mgr, servers)
    mg.mg_resolve_async(mgr, "a.example", mg.MG_DNS_A_RECORD, done, 1)
    until(mgr, lambda: len(found) == 1)
    options: Any = {"nameserver": servers, "max_retries": 1, "timeout": 5.0}
    mg.mg_resolve_async_opt(mgr, "b.example", mg.MG_DNS_A_RECORD, done, 2, **options)
    until(mgr, lambda: len(found) == 2)
    listener.handler = lambda c, ev, data: None
    options["timeout"] = 0.01
    mg.mg_resolve_async_opt(mgr, "c.example", mg.MG_DNS_A_RECORD, done, 3, **options)
    until(mgr, lambda: len(found) == 3)
    assert found == [
        ("192.0.2.1", 1, mg.MG_RESOLVE_OK),
        ("None", 2, mg.MG_RESOLVE_NO_ANSWERS),
        ("None", 3, mg.MG_RESOLVE_EXCEEDED_RETRY_COUNT),
    ]
    mg.mg_set_nameserver(mgr, None)
    options["timeout"] = 60.0
    mg.mg_resolve_async_opt(mgr, "d.example", mg.MG_DNS_A_RECORD, done, 4, **options)
    mgr.close(0)  # while it waits
    assert found[3:] == [("None", 4, mg.MG_RESOLVE_NO_ANSWERS)]


def test_the_hosts_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hosts"
    path.write_text("192.0.2.1 there\n192.0.2.2 there\n")
    monkeypatch.setattr(mg, "HostsFile", partial(HostsFile, str(path)))
    assert mg.mg_resolve_from_hosts_file("there") == "192.0.2.1"
    assert mg.mg_resolve_from_hosts_file("elsewhere") is None
