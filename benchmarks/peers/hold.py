"""Holds idle connections.  Arguments: PORT COUNT tcp|tls|http|ws

Opens COUNT connections, has one message of 64 bytes echoed on each (or one GET answered), prints
"ready", and waits for end of file on standard input; then prints how many connections are still
open.  Source addresses are spread, because one has some 28,000 ports, and a port that was used may
not be used again for a minute.
"""

import os
import select
import socket
import ssl
import sys

from upgrade import UPGRADE

PER_ADDRESS = 5_000
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HELLO = b"Hello, world!"
MESSAGE = b"i" * 64
FRAME = b"\x82\xc0\0\0\0\0" + MESSAGE  # masked with zeros

port, count, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
send, last = {"http": (GET, HELLO), "ws": (FRAME, MESSAGE)}.get(kind, (MESSAGE, MESSAGE))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
connections: list[socket.socket] = []


def exchange(connection: socket.socket, data: bytes, last: bytes) -> None:
    """Send, and receive until the end of the answer."""
    connection.sendall(data)
    received = b""
    while not received.endswith(last):
        chunk = connection.recv(4096)
        if not chunk:
            sys.exit("the server closed an idle connection")
        received += chunk


for i in range(count):
    source = f"127.{1 + os.getpid() % 254}.0.{1 + i // PER_ADDRESS}"
    connection = socket.create_connection(("127.0.0.1", port), 10, (source, 0))
    if kind == "tls":
        connection = context.wrap_socket(connection)
    if kind == "ws":
        exchange(connection, UPGRADE, b"\r\n\r\n")
    exchange(connection, send, last)
    connections.append(connection)
print("ready", flush=True)
sys.stdin.read()
poll = select.poll()
for connection in connections:
    poll.register(connection, select.POLLIN | select.POLLRDHUP)
print(count - len(poll.poll(0)), flush=True)
