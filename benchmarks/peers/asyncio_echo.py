"""TCP (or, given a certificate and a key, TLS) echo on asyncio.  Arguments: PORT [CERT KEY]"""

import asyncio
import ssl
import sys
from typing import cast


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.write = cast(asyncio.Transport, transport).write

    def data_received(self, data: bytes) -> None:
        self.write(data)


async def main() -> None:
    port, *tls = sys.argv[1:]
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", int(port), ssl=context, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
